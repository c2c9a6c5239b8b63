//! Paths below a worktree's root as the protocol writes them: `/` between names, bytes that are not UTF-8 as `%XX`,
//! `%` itself as `%25`. Pure; absent on purpose: any look at the disk.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

/// Writes a path below the root as [`codi2_protocol::FileId`] wants it. `None` for absolute paths, `..`, the empty
/// path, and anything with a component named `.git`.
pub fn to_relative(path: &Path) -> Option<String> {
    let mut out = String::new();
    for component in path.components() {
        let Component::Normal(name) = component else {
            if component == Component::CurDir {
                continue;
            }
            return None;
        };
        if name == ".git" {
            return None;
        }
        if !out.is_empty() {
            out.push('/');
        }
        escape(name.as_encoded_bytes(), &mut out);
    }
    (!out.is_empty()).then_some(out)
}

/// A protocol path as people and their globs write it: `%` as it is. Bytes that are not UTF-8 have no other form, and
/// stay `%XX`.
pub fn shown(text: &str) -> Cow<'_, str> {
    if text.contains("%25") { Cow::Owned(text.replace("%25", "%")) } else { Cow::Borrowed(text) }
}

/// The path below the root that a protocol path means. `None` if it is not one: absolute, empty, `..`, `.git`, or a
/// broken escape.
pub fn from_relative(text: &str) -> Option<PathBuf> {
    if text.is_empty() {
        return None;
    }
    let mut out = PathBuf::new();
    for name in text.split('/') {
        let bytes = unescape(name)?;
        if matches!(bytes.as_slice(), b"" | b"." | b".." | b".git") || bytes.contains(&b'/') || bytes.contains(&0) {
            return None;
        }
        out.push(os_name(bytes)?);
    }
    Some(out)
}

fn escape(bytes: &[u8], out: &mut String) {
    for chunk in bytes.utf8_chunks() {
        for (at, part) in chunk.valid().split('%').enumerate() {
            if at > 0 {
                out.push_str("%25");
            }
            out.push_str(part);
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    Some(out)
}

#[cfg(unix)]
fn os_name(bytes: Vec<u8>) -> Option<std::ffi::OsString> {
    use std::os::unix::ffi::OsStringExt;
    Some(std::ffi::OsString::from_vec(bytes))
}

/// Untested.
#[cfg(not(unix))]
fn os_name(bytes: Vec<u8>) -> Option<std::ffi::OsString> {
    String::from_utf8(bytes).ok().map(Into::into)
}

/// The path as git writes it: bytes with `/` between names.
pub(crate) fn git_bytes(text: &str) -> Option<Vec<u8>> {
    unescape(text)
}

/// A path of git's (bytes with `/` between names) as the protocol writes it.
pub(crate) fn from_git_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    escape(bytes, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        for (path, text) in [("a/b.rs", "a/b.rs"), ("100%/x y", "100%25/x y"), ("é/ü", "é/ü"), ("./a/./b", "a/b")] {
            assert_eq!(to_relative(Path::new(path)).as_deref(), Some(text));
            assert_eq!(
                from_relative(text),
                Some(Path::new(path).components().filter(|c| *c != Component::CurDir).collect())
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_not_utf8() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"caf\xe9/\xff%.txt"));
        assert_eq!(to_relative(path).as_deref(), Some("caf%E9/%FF%25.txt"));
        assert_eq!(from_relative("caf%E9/%FF%25.txt").as_deref(), Some(path));
    }

    #[test]
    fn people_see_a_percent_sign_as_it_is() {
        for name in ["100%.txt", "a%20b", "a%2520b", "%%25", "plain"] {
            assert_eq!(shown(&to_relative(Path::new(name)).unwrap()), name);
        }
        assert_eq!(shown("lat%E9"), "lat%E9");
    }

    #[test]
    fn refused() {
        for path in ["", "/a", "../a", "a/../b", ".git/config", "sub/.git/x", "."] {
            assert_eq!(to_relative(Path::new(path)), None, "{path}");
        }
        for text in ["", "/a", "../a", "a/../b", "a//b", "a/", ".git", "%2e%2e/a", "a%2fb", "a%00", "%4", "%zz", "./a"]
        {
            assert_eq!(from_relative(text), None, "{text}");
        }
    }
}
