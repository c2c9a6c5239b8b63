//! Sets of bytes that tokens are made of, and what counts as the edge of a token.

/// A set of ASCII bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// `0-9a-fA-F`
    Hex,
    /// Hex and `-`: UUIDs and their kin.
    HexDash,
    /// `a-z0-9`
    Low,
    /// `A-Z0-9`
    Up,
    /// `A-Z0-9-`
    UpDash,
    /// `A-Z0-9.`
    UpDot,
    /// `a-zA-Z0-9`
    Alnum,
    /// Alnum and `_`
    Word,
    /// Word and `-`: base64 for URLs.
    Url,
    /// Url and `.`
    Dot,
    /// Alnum, `+/=`: base64, and `-_`, which some encoders mix in.
    Base64,
    /// Base64, `.~%`: what stands in a query, encoded or not.
    Query,
    /// Url and `/`: the rest of an address.
    Path,
    /// Base64, `.$,`: hashes of passwords with their settings.
    Crypt,
}

impl Set {
    /// Whether the byte is in it.
    pub const fn holds(self, byte: u8) -> bool {
        match self {
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::HexDash => byte.is_ascii_hexdigit() || byte == b'-',
            Self::Low => byte.is_ascii_lowercase() || byte.is_ascii_digit(),
            Self::Up => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::UpDash => Self::Up.holds(byte) || byte == b'-',
            Self::UpDot => Self::Up.holds(byte) || byte == b'.',
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Word => byte.is_ascii_alphanumeric() || byte == b'_',
            Self::Url => Self::Word.holds(byte) || byte == b'-',
            Self::Dot => Self::Url.holds(byte) || byte == b'.',
            Self::Base64 => Self::Url.holds(byte) || matches!(byte, b'+' | b'/' | b'='),
            Self::Path => Self::Url.holds(byte) || byte == b'/',
            Self::Crypt => Self::Base64.holds(byte) || matches!(byte, b'.' | b'$' | b','),
            Self::Query => Self::Base64.holds(byte) || matches!(byte, b'.' | b'~' | b'%'),
        }
    }

    /// The end of the run of this set that begins at `from`, looking no further than `most` bytes.
    pub fn run(self, text: &[u8], from: usize, most: usize) -> usize {
        Self::run_by(text, from, most, |byte| self.holds(byte))
    }

    /// As [`Set::run`], for the bytes that `holds` names.
    pub fn run_by(text: &[u8], from: usize, most: usize, holds: impl Fn(u8) -> bool) -> usize {
        let rest = text.get(from..).unwrap_or_default();
        from + rest.iter().take(most).take_while(|byte| holds(**byte)).count()
    }
}

/// Whether a token may begin at `at`: not in the middle of a word. The end of an escape (`\n`, `\u0022`, `%3D`) is no
/// part of a word.
pub fn begins(text: &[u8], at: usize) -> bool {
    let back = |n: usize| at.checked_sub(n).map(|at| text[at]);
    match back(1) {
        Some(byte) if byte.is_ascii_alphanumeric() => {
            let hex =
                |from: usize, to: usize| (from..=to).all(|n| back(n).is_some_and(|byte| byte.is_ascii_hexdigit()));
            (back(2) == Some(b'\\') && matches!(byte, b'n' | b'r' | b't' | b'b' | b'f' | b'v'))
                || (back(3) == Some(b'%') && hex(1, 2))
                || (back(6) == Some(b'\\') && back(5) == Some(b'u') && hex(1, 4))
        }
        _ => true,
    }
}
