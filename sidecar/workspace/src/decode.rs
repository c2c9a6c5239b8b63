//! Bytes on disk to text and back: BOM, UTF-8, latin-1, binary. Absent on purpose: every other encoding, and line
//! ends, which stay as they are.

/// Text of a file and what its bytes looked like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The text without its byte order mark; empty for binary content.
    pub text: String,
    /// Whether a UTF-8 byte order mark stood in front.
    pub bom: bool,
    /// How the bytes were read.
    pub encoding: Encoding,
}

/// How bytes were read as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// Not UTF-8 and without NUL: each byte one character.
    Latin1,
    /// Holds NUL: no text.
    Binary,
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Reads bytes as text. Never fails; [`encode`] of the result gives the bytes back unless they are binary.
pub fn decode(bytes: &[u8]) -> Decoded {
    if bytes.contains(&0) {
        return Decoded { text: String::new(), bom: false, encoding: Encoding::Binary };
    }
    let (bom, rest) = match bytes.strip_prefix(BOM) {
        Some(rest) => (true, rest),
        None => (false, bytes),
    };
    match std::str::from_utf8(rest) {
        Ok(text) => Decoded { text: text.to_owned(), bom, encoding: Encoding::Utf8 },
        // A mark in front of bytes that are not UTF-8 is just three latin-1 characters.
        Err(_) => Decoded {
            text: bytes.iter().map(|&byte| char::from(byte)).collect(),
            bom: false,
            encoding: Encoding::Latin1,
        },
    }
}

/// Writes text as it was read; `None` for binary, and for latin-1 text with characters that latin-1 lacks.
pub fn encode(text: &str, bom: bool, encoding: Encoding) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Utf8 => Some([if bom { BOM } else { b"" }, text.as_bytes()].concat()),
        Encoding::Latin1 => text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect(),
        Encoding::Binary => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        for (bytes, text, bom, encoding) in [
            (&b"plain\n"[..], "plain\n", false, Encoding::Utf8),
            (b"", "", false, Encoding::Utf8),
            (b"\xef\xbb\xbfmark\r\n", "mark\r\n", true, Encoding::Utf8),
            ("é ü 😀".as_bytes(), "é ü 😀", false, Encoding::Utf8),
            (b"caf\xe9", "café", false, Encoding::Latin1),
            (b"\xef\xbb\xbfcaf\xe9", "ï»¿café", false, Encoding::Latin1),
            (b"a\0b", "", false, Encoding::Binary),
        ] {
            let decoded = decode(bytes);
            assert_eq!(decoded, Decoded { text: text.to_owned(), bom, encoding });
            let back = encode(&decoded.text, decoded.bom, decoded.encoding);
            assert_eq!(back.as_deref(), (encoding != Encoding::Binary).then_some(bytes));
        }
        assert_eq!(encode("€", false, Encoding::Latin1), None);
    }
}
