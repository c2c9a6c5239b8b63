//! What an id of a session looks like. Absent on purpose: finding one without being told that it is one.

/// The form of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// 8-4-4-4-12 hexadecimal digits.
    Uuid,
    /// 32 hexadecimal digits.
    Hex,
    /// Digits.
    Digits,
    /// Letters and digits, with dashes and underscores inside.
    Word,
}

/// Longest id, in bytes.
const LONGEST: usize = 128;
/// Shortest id that is no UUID, in bytes.
const SHORTEST: usize = 6;

impl Form {
    /// The id at the beginning of a text; none where what stands there has another form, or goes on.
    pub fn at(self, text: &str) -> Option<&str> {
        let belongs = |c: char| match self {
            Self::Uuid => c.is_ascii_hexdigit() || c == '-',
            Self::Hex => c.is_ascii_hexdigit(),
            Self::Digits => c.is_ascii_digit(),
            Self::Word => c.is_ascii_alphanumeric() || c == '-' || c == '_',
        };
        let end = text.find(|c: char| !belongs(c)).unwrap_or(text.len());
        let goes_on = text[end..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let id = text.get(..end)?;
        // A dash at the end belongs to the sentence.
        let id = if self == Self::Word { id.trim_end_matches(['-', '_']) } else { id };
        (!goes_on && self.is(id)).then_some(id)
    }

    /// Whether a text is such an id.
    pub fn is(self, text: &str) -> bool {
        match self {
            Self::Uuid => is_uuid(text),
            Self::Hex => text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            Self::Digits => {
                (SHORTEST..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
            }
            Self::Word => {
                (SHORTEST..=LONGEST).contains(&text.len())
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            }
        }
    }
}

/// Whether it is a UUID.
pub fn is_uuid(text: &str) -> bool {
    let mut parts = text.split('-');
    let hex = |part: &str, length: usize| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    [8, 4, 4, 4, 12].into_iter().all(|length| parts.next().is_some_and(|part| hex(part, length)))
        && parts.next().is_none()
}
