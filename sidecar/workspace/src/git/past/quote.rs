//! File names as git prints them in patches and in blame: plain, or in quotes with C's escapes.

use crate::path::from_git_bytes;

/// The protocol path of a printed name.
pub(super) fn path(printed: &[u8]) -> String {
    from_git_bytes(&bytes(printed))
}

/// The bytes of a printed name.
pub(super) fn bytes(printed: &[u8]) -> Vec<u8> {
    let Some(quoted) = printed.strip_prefix(b"\"").map(|rest| rest.strip_suffix(b"\"").unwrap_or(rest)) else {
        return printed.to_owned();
    };
    let mut out = Vec::with_capacity(quoted.len());
    let mut rest = quoted.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match rest.next() {
            Some(first @ b'0'..=b'3') => {
                let digit = |byte: Option<u8>| byte.map_or(0, |byte| byte.wrapping_sub(b'0') & 7);
                let (second, third) = (digit(rest.next()), digit(rest.next()));
                out.push((first - b'0') << 6 | second << 3 | third);
            }
            Some(b'a') => out.push(7),
            Some(b'b') => out.push(8),
            Some(b't') => out.push(b'\t'),
            Some(b'n') => out.push(b'\n'),
            Some(b'v') => out.push(11),
            Some(b'f') => out.push(12),
            Some(b'r') => out.push(b'\r'),
            Some(other) => out.push(other),
            None => out.push(b'\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_git_prints_them() {
        for (printed, name) in [
            (&b"a b.rs"[..], &b"a b.rs"[..]),
            (br#""a\tb""#, b"a\tb"),
            (br#""caf\351/\"q\"\\""#, b"caf\xe9/\"q\"\\"),
            (br#""\303\244\n\a\b\v\f\r""#, b"\xc3\xa4\n\x07\x08\x0b\x0c\r"),
            (br#""\001\377""#, b"\x01\xff"),
            (br#""open\"#, b"open\\"),
            (b"", b""),
        ] {
            assert_eq!(bytes(printed), name, "{}", String::from_utf8_lossy(printed));
        }
        assert_eq!(path(br#""caf\351%""#), "caf%E9%25");
    }
}
