//! Assignments: a name, an operator, a value, in the notations of programs, settings, headers, queries and prose.
//!
//! What the name says is secret is judged by its value: words of a program (`password = ask()`) and stand-ins
//! (`<token>`, `${TOKEN}`) are none.

use std::ops::Range;

use crate::bytes::Set;
use crate::entropy::bits;
use crate::rule::looks_made;

/// What may follow the word inside a name (`token` in `token_for_ci`), in bytes.
const REST_OF_NAME: usize = 40;
/// Longest value, in bytes.
const VALUE: usize = 4096;
/// Longest type between a name and its value (`: &'static str =`), in bytes.
const TYPE: usize = 40;

/// A value as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Where its text begins, inside quotes.
    pub start: usize,
    /// Whether it stands in quotes.
    pub quote: Option<u8>,
    /// Whether the operator is `=` without blanks around it, as shells and queries have it.
    pub tight: bool,
}

/// The value assigned to the name whose word ends at `at`; none where nothing is assigned.
pub fn value(text: &[u8], at: usize) -> Option<Value> {
    let peek = |at: usize| text.get(at).copied();
    let blanks = |at: usize| Set::run_by(text, at, 16, |byte| matches!(byte, b' ' | b'\t'));
    let name = Set::run_by(text, at, REST_OF_NAME, |byte| Set::Dot.holds(byte) || byte == b' ');
    let closed = Set::run_by(text, name, 4, |byte| matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b')' | b']'));
    let operator = blanks(closed);
    let (mut at, is_equals) = match (peek(operator), peek(operator + 1)) {
        (Some(b'='), Some(b'>' | b'=')) | (Some(b':'), Some(b'=')) => (operator + 2, false),
        (Some(b'='), _) => (operator + 1, true),
        (Some(b':'), _) => (after_type(text, operator + 1), false),
        // `set("name", "value")`
        (Some(b','), _) if closed > name => (operator + 1, false),
        _ => (after_is(text, name)?, false),
    };
    let tight = is_equals && operator == name && peek(at) != Some(b' ');
    at = blanks(at);
    // Folded YAML, a string's prefix, escaped quotes.
    if matches!((peek(at), peek(at + 1)), (Some(b'b' | b'r' | b'f' | b'u'), Some(b'"' | b'\''))) {
        at += 1;
    }
    let escaped = Set::run_by(text, at, 3, |byte| byte == b'\\');
    let quote = peek(escaped).filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    let start = if quote.is_some() { escaped + 1 } else { at };
    (start < text.len()).then_some(Value { start, quote, tight })
}

/// Past a type (`: &str = `), if one stands here and a value after it.
fn after_type(text: &[u8], at: usize) -> usize {
    let is_type = |byte: u8| Set::Word.holds(byte) || matches!(byte, b' ' | b'&' | b'<' | b'>' | b'\'' | b':' | b'?');
    let end = Set::run_by(text, at, TYPE, is_type);
    let spaced = end > at && text[end - 1] == b' ' && text.get(end) == Some(&b'=') && text.get(end + 1) == Some(&b' ');
    if spaced { end + 1 } else { at }
}

/// Past ` is ` or ` was `, which the run of the name has swallowed; the name ends at most where `name` is.
fn after_is(text: &[u8], name: usize) -> Option<usize> {
    let from = name.saturating_sub(REST_OF_NAME);
    let run = &text[from..name];
    let ends = |word: &[u8]| run.windows(word.len()).position(|window| window == word).map(|at| from + at + word.len());
    ends(b" is ").or_else(|| ends(b" was "))
}

/// What a name promises of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// Something a person made up and types.
    Password,
    /// Something a program made, which looks like nothing.
    Token,
}

/// The secret that is assigned to the name around `word`.
pub fn secret(text: &[u8], word: Range<usize>, promise: Promise) -> Option<Range<usize>> {
    let value = value(text, word.end)?;
    let end = end(text, &value);
    let found = &text[value.start..end];
    let loud = value.tight && !text[word].iter().any(u8::is_ascii_lowercase);
    is_secret(found, promise, value.quote.is_some(), loud).then_some(value.start..end)
}

/// Where a value ends: at its quote; without one at a blank, a bracket's end, or what parts it from the next.
fn end(text: &[u8], value: &Value) -> usize {
    let most = text.len().min(value.start + VALUE);
    if let Some(quote) = value.quote {
        let closes = |at: &usize| text[*at] == quote || text[*at] == b'\n';
        let end = (value.start..most).find(closes).unwrap_or(most);
        let escape = text[value.start..end].iter().rev().take_while(|byte| **byte == b'\\').count();
        return end - escape;
    }
    let stops = |at: &usize| match text[*at] {
        b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' => true,
        // Passwords hold such bytes; they part a value from the next only before a name or at its end.
        b',' | b';' | b'&' | b'|' => {
            let blank = text.get(at + 1).is_none_or(u8::is_ascii_whitespace);
            let name = Set::run_by(text, at + 1, REST_OF_NAME, |byte| Set::Dot.holds(byte) || byte == b' ');
            blank || (name > at + 1 && matches!(text.get(name), Some(b'=' | b':')))
        }
        b')' | b']' | b'}' => text
            .get(at + 1)
            .is_none_or(|next| next.is_ascii_whitespace() || matches!(next, b',' | b';' | b')' | b'}' | b'.' | b'"')),
        _ => false,
    };
    let mut end = (value.start..most).find(stops).unwrap_or(most);
    // The end of a sentence.
    while end > value.start && matches!(text[end - 1], b'.' | b':' | b'?' | b',') {
        end -= 1;
    }
    end
}

/// Whether a value is what its name promises. `loud`: in the manner of environment variables, `NAME=value`.
fn is_secret(value: &[u8], promise: Promise, quoted: bool, loud: bool) -> bool {
    if is_stand_in(value) || (!quoted && is_code(value)) {
        return false;
    }
    let has = |is: fn(&u8) -> bool| value.iter().any(is);
    let (digit, letter) = (has(u8::is_ascii_digit), has(u8::is_ascii_alphabetic));
    let symbol =
        value.iter().any(|byte| byte.is_ascii_graphic() && !Set::Dot.holds(*byte) && !matches!(byte, b'/' | b':'));
    let blank = has(u8::is_ascii_whitespace);
    match promise {
        Promise::Password if blank => quoted && digit && symbol && value.len() >= 8,
        Promise::Password if digit || symbol => value.len() >= 6 && letter,
        // Letters alone may be a label or a variable.
        Promise::Password if loud => value.len() >= 6,
        Promise::Password => {
            quoted && value.len() >= 8 && value.iter().all(u8::is_ascii_lowercase) && bits(value) >= 2.75
        }
        Promise::Token => {
            let least = if loud { 12 } else { 16 };
            let made = (digit && letter && bits(value) >= 3.0) || ((quoted || loud) && looks_made(value));
            !blank && value.len() >= least && made && !is_path(value)
        }
    }
}

/// Whether it only stands where a secret would: a variable, a blank to fill in, a word for it.
fn is_stand_in(value: &[u8]) -> bool {
    const WORDS: &[&str] = &[
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "string",
        "boolean",
        "number",
        "required",
        "optional",
        "undefined",
        "null",
        "none",
        "true",
        "false",
        "changeme",
        "change-me",
        "change_me",
        "example",
        "placeholder",
        "redacted",
        "hidden",
        "invalid",
        "incorrect",
        "mismatch",
        "username",
        "disabled",
        "enabled",
        "default",
        "removed",
        "private",
        "internal",
        "external",
    ];
    const PARTS: &[&str] =
        &["your", "example", "changeme", "placeholder", "dummy", "xxxx", "****", "....", "-here", "_here"];
    let lower = value.to_ascii_lowercase();
    let text = String::from_utf8_lossy(&lower);
    let opens = ["${", "$(", "{{", "<", "%(", "%{", "#{", "@@", "[redacted"].iter().any(|open| text.starts_with(open));
    let variable = value.first() == Some(&b'$') && value[1..].iter().all(|byte| Set::Word.holds(*byte));
    let same = value.iter().all(|byte| Some(byte) == value.first());
    opens || variable || same || WORDS.contains(&text.as_ref()) || PARTS.iter().any(|part| text.contains(part))
}

/// Whether an unquoted value is a program's: a call, an index, a path of names.
fn is_code(value: &[u8]) -> bool {
    let name = Set::Word.run(value, 0, usize::MAX);
    let starts =
        value.first().is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'&' | b'*' | b'!'));
    let names = value
        .iter()
        .all(|byte| Set::Dot.holds(*byte) || matches!(byte, b':' | b'&' | b'*' | b'?' | b'!' | b'(' | b')'));
    let called = value.iter().position(|byte| matches!(byte, b'(' | b'[' | b'{'));
    let dotted = names && value.windows(2).any(|two| two == b"::" || (two[0] == b'.' && two[1].is_ascii_alphabetic()));
    let sigil =
        name == 0 && value.len() > 1 && matches!(value[0], b'&' | b'*' | b'!' | b'@' | b'(' | b'[' | b'{' | b'|');
    starts
        && (dotted
            || called.is_some_and(|at| at > 0 && value[..at].iter().all(|byte| Set::Dot.holds(*byte) || *byte == b':')))
        || (sigil && names)
        // `${NAME:?words}` too.
        || matches!(value.first(), Some(b'[' | b'{' | b'(' | b'/' | b'?'))
}

/// Whether it is a path or an address rather than bytes that look like nothing.
fn is_path(value: &[u8]) -> bool {
    let text = String::from_utf8_lossy(value);
    let slashes = text.matches('/').count();
    let words =
        text.split('/').filter(|part| part.len() > 2 && !part.bytes().any(|byte| byte.is_ascii_digit())).count();
    text.contains("://") || text.starts_with(['/', '.', '~', '@']) || (slashes > 1 && words > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, word: &str, promise: Promise) -> Option<String> {
        let at = text.find(word).unwrap();
        secret(text.as_bytes(), at..at + word.len(), promise).map(|range| text[range].to_owned())
    }

    #[test]
    fn passwords_in_many_notations() {
        let secret = "hunter2!x";
        for text in [
            "password=hunter2!x",
            "password: hunter2!x",
            "password = 'hunter2!x'",
            r#"{"password": "hunter2!x"}"#,
            r#"{\"password\":\"hunter2!x\"}"#,
            "password => \"hunter2!x\",",
            "const PASSWORD: &'static str = \"hunter2!x\";".to_lowercase().as_str(),
            "Server=db;password=hunter2!x;Encrypt=true",
            "/login?user=a&password=hunter2!x&next=b",
            "the password is hunter2!x.",
            "set('password', 'hunter2!x')",
            "password := `hunter2!x`",
        ] {
            assert_eq!(found(text, "password", Promise::Password).as_deref(), Some(secret), "{text}");
        }
    }

    #[test]
    fn programs_and_stand_ins_are_no_secrets() {
        for text in [
            "password = ask_password()",
            "password: String,",
            "let password = config.password.clone();",
            "password = $PASSWORD",
            "password = ${DB_PASSWORD}",
            "password=<your password>",
            "password: \"Enter your password\"",
            "password = std::env::var(\"P\")",
            "password = null",
            "password: ********",
            "password = {{ password }}",
            "if password == other { ",
            "password: &str",
            "\"password\": \"required\"",
        ] {
            assert_eq!(found(text, "password", Promise::Password), None, "{text}");
        }
    }

    #[test]
    fn tokens_need_to_look_like_nothing() {
        for (text, is) in [
            ("token = \"q8Zr2LmX0aPd7VtK\"", true),
            ("token: 9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", true),
            ("TOKEN=q8Zr2LmX0aPd".to_lowercase().as_str(), false),
            ("token = tokens.next().unwrap()", false),
            ("token_path = \"/var/run/secrets/token1234\"", false),
            ("token_url = \"https://auth.test/oauth2/token\"", false),
            ("tokens: 4096", false),
        ] {
            assert_eq!(found(text, "token", Promise::Token).is_some(), is, "{text}");
        }
        assert!(found("API_TOKEN=q8Zr2LmX0aPd", "TOKEN", Promise::Token).is_some());
    }
}
