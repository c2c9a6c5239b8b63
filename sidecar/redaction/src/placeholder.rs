//! Placeholders: what stands where a secret stood. Recognised again, so that redacting twice changes nothing.

use std::collections::HashSet;
use std::fmt::Write;
use std::ops::Range;
use std::sync::LazyLock;

const OPEN: &str = "[redacted:";
/// Hexadecimal digits of the hash: enough to tell secrets apart, too few to stand in for one.
const HASH: usize = 8;
/// Digits of a length, at most.
const LENGTH: usize = 7;

/// Writes the placeholder of a secret that a rule found.
pub fn write(out: &mut String, rule: &str, secret: &str, key: Option<&[u8; 32]>) {
    let length = secret.len().min(9_999_999);
    // Writing to a string never fails.
    let _ = write!(out, "{OPEN}{rule}:{length}");
    if let Some(key) = key {
        let hash = blake3::keyed_hash(key, secret.as_bytes()).to_hex();
        let _ = write!(out, ":{}", &hash[..HASH]);
    }
    out.push(']');
}

/// The next placeholder of ours at or after `from`. Only a known rule's name makes one: nothing hides in a forged one
/// but a length and eight digits.
pub fn next(text: &str, from: usize) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        let start = at + text.get(at..)?.find(OPEN)?;
        at = start + OPEN.len();
        if let Some(end) = end(text, at) {
            return Some(start..end);
        }
    }
}

/// Where the placeholder ends whose rule's name begins at `at`, if it is one.
fn end(text: &str, at: usize) -> Option<usize> {
    static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| crate::rules::all().map(|rule| rule.id).collect());
    let bytes = text.as_bytes();
    let run = |from: usize, is: fn(&u8) -> bool| from + bytes[from..].iter().take(64).take_while(|b| is(b)).count();
    let colon = run(at, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-');
    let digits = colon + 1;
    if bytes.get(colon) != Some(&b':') || !KNOWN.contains(&text[at..colon]) {
        return None;
    }
    let after = run(digits, u8::is_ascii_digit);
    if after == digits || after > digits + LENGTH {
        return None;
    }
    match bytes.get(after)? {
        b']' => Some(after + 1),
        b':' => {
            let close = run(after + 1, |byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'));
            (close == after + 1 + HASH && bytes.get(close) == Some(&b']')).then_some(close + 1)
        }
        _ => None,
    }
}
