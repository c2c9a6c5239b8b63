//! Secrets that are a structure rather than a run of bytes: key blocks, addresses with a user, headers, flags.
//!
//! Each takes the text and where its keyword stands, and says where the secret is. None looks further than a bound,
//! but for key blocks, which are then covered to their end, so that nobody looks there again.

use std::ops::Range;

use crate::assignment;
use crate::bytes::{Set, begins};
use crate::entropy::bits;

/// Longest authority of an address, in bytes.
const AUTHORITY: usize = 1024;
/// Longest header, in bytes.
const HEADER: usize = 8192;

fn find(text: &[u8], from: usize, most: usize, what: &[u8]) -> Option<usize> {
    let to = text.len().min(from.saturating_add(most));
    text.get(from..to)?.windows(what.len()).position(|window| window == what).map(|at| from + at)
}

/// A private key between its armour; without an end, because it was cut, everything after the beginning.
pub fn pem(text: &[u8], hit: Range<usize>) -> Option<Range<usize>> {
    let label = Set::run_by(text, hit.end, 64, |byte| Set::Alnum.holds(byte) || matches!(byte, b' ' | b'-' | b'_'));
    let label = &text[hit.end..label];
    let is_key =
        [&b"PRIVATE KEY"[..], b"Static key", b"SSH2 ENCRYPTED"].iter().any(|word| find(label, 0, 64, word).is_some());
    if !is_key {
        return None;
    }
    let end = find(text, hit.end, usize::MAX, b"-----END").map_or(text.len(), |end| {
        let label = Set::run_by(text, end + 8, 64, |byte| Set::Alnum.holds(byte) || matches!(byte, b' ' | b'_'));
        Set::run_by(text, label, 5, |byte| byte == b'-')
    });
    Some(hit.start..end)
}

/// A signed or encrypted JSON token: three parts or five, the first two beginning with `{"` in base64.
pub fn jwt(text: &[u8], hit: Range<usize>) -> Option<Range<usize>> {
    if &text[hit.clone()] != b"eyJ" || !begins(text, hit.start) {
        return None;
    }
    let end = Set::Dot.run(text, hit.start, usize::MAX);
    let token = &text[hit.start..end];
    let dots = token.iter().filter(|byte| **byte == b'.').count();
    let least = token.split(|byte| *byte == b'.').take(2).all(|part| part.len() >= 10);
    (dots >= 2 && token.len() >= 40 && least).then_some(hit.start..end)
}

/// The password in an address (`scheme://user:password@host`), or the user where it is a token.
pub fn url(text: &[u8], hit: Range<usize>) -> Option<Range<usize>> {
    let start = hit.end;
    let stop = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\');
    let whole = Set::run_by(text, start, AUTHORITY, |byte| !stop(byte));
    let slash = Set::run_by(text, start, AUTHORITY, |byte| !stop(byte) && !matches!(byte, b'/' | b'?' | b'#'));
    let at_in = |to: usize| text[start..to].iter().rposition(|byte| *byte == b'@').map(|at| start + at);
    let colon_in = |to: usize| text[start..to].iter().position(|byte| *byte == b':').map(|at| start + at);
    let at = at_in(slash).or_else(|| {
        // A password that holds a slash: what follows the colon is no port.
        let port = colon_in(slash).map(|colon| &text[colon + 1..slash])?;
        (port.iter().any(|byte| !byte.is_ascii_digit())).then(|| at_in(whole)).flatten()
    })?;
    let stand_in = |value: &[u8]| {
        let first = value.first().copied().unwrap_or(b'$');
        let words: [&[u8]; 8] = [b"password", b"pass", b"passwd", b"pw", b"pwd", b"secret", b"token", b"x-oauth-basic"];
        matches!(first, b'$' | b'{' | b'<' | b'*' | b'[' | b'%')
            || words.contains(&value.to_ascii_lowercase().as_slice())
    };
    match colon_in(at) {
        Some(colon) if colon + 1 < at => {
            let (user, password) = (start..colon, colon + 1..at);
            // GitHub and others take the token as the user.
            if stand_in(&text[password.clone()]) {
                looks_random(&text[user.clone()]).then_some(user)
            } else {
                Some(password)
            }
        }
        colon => {
            let user = start..colon.unwrap_or(at);
            looks_random(&text[user.clone()]).then_some(user)
        }
    }
}

fn looks_random(user: &[u8]) -> bool {
    user.len() >= 16
        && user.iter().any(u8::is_ascii_digit)
        && user.iter().all(|byte| Set::Query.holds(*byte))
        && bits(user) >= 3.0
}

/// What an `Authorization` header holds, whatever its scheme.
pub fn credentials(text: &[u8], hit: Range<usize>) -> Option<Range<usize>> {
    let value = assignment::value(text, hit.end)?;
    let scheme = Set::Url.run(text, value.start, 32);
    let start = match text.get(scheme) {
        Some(b' ') if scheme > value.start => Set::run_by(text, scheme, 8, |byte| byte == b' '),
        _ => value.start,
    };
    // Signatures and digests are lists of fields.
    let end =
        Set::run_by(text, start, HEADER, |byte| Set::Query.holds(byte) || matches!(byte, b':' | b'!' | b'$' | b'*'));
    let found = &text[start..end];
    let random = found.iter().any(u8::is_ascii_digit) || (found.len() >= 16 && bits(found) >= 3.5);
    (found.len() >= 8 && random).then_some(start..end)
}

/// The cookies of a header, all of them.
pub fn cookie(text: &[u8], hit: Range<usize>) -> Option<Range<usize>> {
    if !begins(text, hit.start) {
        return None;
    }
    let start = Set::run_by(text, hit.end, 8, |byte| byte == b' ');
    let end = Set::run_by(text, start, HEADER, |byte| !matches!(byte, b'\n' | b'\r' | b'"' | b'\'' | b'\\'));
    let is_pair = |part: &[u8]| {
        let mut halves = part.splitn(2, |byte| *byte == b'=');
        let name = halves
            .next()
            .is_some_and(|name| !name.is_empty() && name.trim_ascii().iter().all(|byte| Set::Dot.holds(*byte)));
        name && halves.next().is_some_and(|value| value.len() >= 8)
    };
    text[start..end].split(|byte| *byte == b';').any(is_pair).then_some(start..end)
}

/// The value of a flag of a command (`--password x`); `--password=x` is an assignment.
pub fn flag(text: &[u8], hit: Range<usize>) -> Option<Range<usize>> {
    let start = Set::run_by(text, hit.end, 4, |byte| byte == b' ');
    let quote = text.get(start).copied().filter(|byte| matches!(byte, b'"' | b'\''));
    let start = start + usize::from(quote.is_some());
    let closes = |byte: u8| {
        quote.map_or(byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`'), |quote| byte == quote)
    };
    let end = Set::run_by(text, start, 512, |byte| !closes(byte) && byte != b'\n');
    let value = &text[start..end];
    let first = value.first().copied()?;
    let said = value.iter().any(|byte| !byte.is_ascii_lowercase());
    (value.len() >= 4 && said && !matches!(first, b'-' | b'$' | b'<' | b'{' | b'[' | b'|' | b'(' | b'='))
        .then_some(start..end)
}
