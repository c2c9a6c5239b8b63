//! A rule: its name, the keywords that call it, and the form that then decides.

use std::ops::{Range, RangeInclusive};
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

use crate::bytes::{Set, begins};
use crate::entropy::bits;
use crate::{assignment, structures};

/// Bytes that a pattern sees before its keyword.
const BEFORE: usize = 128;
/// Longest match of any pattern, in bytes.
const LONGEST: usize = 512;
/// Matches in the middle of a word that a pattern gets over before it gives up.
const EDGES: usize = 8;
/// Bytes that a pattern sees from its keyword on.
const AFTER: usize = LONGEST + 256;

/// One rule of the tables in `rules/`.
#[derive(Debug)]
pub struct Rule {
    /// Its name, as placeholders show it.
    pub id: &'static str,
    /// Any of these must stand in the text, letter case ignored, before the form is looked at.
    pub keywords: &'static [&'static str],
    /// What a secret of this kind looks like.
    pub form: Form,
}

/// What a secret looks like.
#[derive(Debug)]
pub enum Form {
    /// The keyword as it is written, then a run of these bytes of this length; no more of them may follow.
    Token(Set, RangeInclusive<usize>),
    /// A value of these bytes and this length, assigned to a name that holds the keyword.
    Keyed(Set, RangeInclusive<usize>),
    /// A pattern around the keyword: its first group, else all of it. Compiled when its keyword is first met.
    Pattern(&'static str, OnceLock<Regex>),
    /// As [`Form::Pattern`], for a token with a form of its own, so that it counts in paths too.
    TokenPattern(&'static str, OnceLock<Regex>),
    /// A structure of its own, found from the keyword's place.
    Structure(fn(&[u8], Range<usize>) -> Option<Range<usize>>),
    /// As [`Form::Structure`], for a token with a form of its own, so that it counts in paths too.
    TokenStructure(fn(&[u8], Range<usize>) -> Option<Range<usize>>),
}

/// A token known by how it begins.
pub const fn token(
    id: &'static str,
    keywords: &'static [&'static str],
    set: Set,
    length: RangeInclusive<usize>,
) -> Rule {
    Rule { id, keywords, form: Form::Token(set, length) }
}

/// A value without a form of its own, known by the name it is assigned to.
pub const fn keyed(
    id: &'static str,
    keywords: &'static [&'static str],
    set: Set,
    length: RangeInclusive<usize>,
) -> Rule {
    Rule { id, keywords, form: Form::Keyed(set, length) }
}

/// A token with its keyword inside, or with a shape that a run of bytes does not tell.
pub const fn shaped(id: &'static str, keywords: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule { id, keywords, form: Form::TokenPattern(pattern, OnceLock::new()) }
}

/// A secret known by the words around it.
pub const fn pattern(id: &'static str, keywords: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule { id, keywords, form: Form::Pattern(pattern, OnceLock::new()) }
}

/// A structure that a function finds.
pub const fn structure(
    id: &'static str,
    keywords: &'static [&'static str],
    find: fn(&[u8], Range<usize>) -> Option<Range<usize>>,
) -> Rule {
    Rule { id, keywords, form: Form::Structure(find) }
}

/// A token that a function finds.
pub const fn token_structure(
    id: &'static str,
    keywords: &'static [&'static str],
    find: fn(&[u8], Range<usize>) -> Option<Range<usize>>,
) -> Rule {
    Rule { id, keywords, form: Form::TokenStructure(find) }
}

impl Rule {
    /// Whether its tokens are known by their own form.
    pub fn is_token(&self) -> bool {
        matches!(self.form, Form::Token(..) | Form::TokenPattern(..) | Form::TokenStructure(..))
    }

    /// The secret around the keyword at `hit`, which was written as `keyword`. `seen` is how far a pattern has looked
    /// for nothing already, and is moved on.
    pub fn find(&self, text: &[u8], hit: Range<usize>, keyword: &str, seen: &mut usize) -> Option<Range<usize>> {
        match &self.form {
            Form::Token(set, length) => {
                if &text[hit.clone()] != keyword.as_bytes()
                    || (keyword.as_bytes()[0].is_ascii_alphanumeric() && !begins(text, hit.start))
                {
                    return None;
                }
                let end = run_of(*set, length, text, hit.end)?;
                Some(hit.start..end)
            }
            Form::Keyed(set, length) => {
                let value = assignment::value(text, hit.end)?;
                let end = run_of(*set, length, text, value.start)?;
                // A longer value of other bytes is something else.
                let whole = end == text.len() || !Set::Word.holds(text[end]);
                (whole && looks_made(&text[value.start..end])).then_some(value.start..end)
            }
            Form::Pattern(pattern, regex) | Form::TokenPattern(pattern, regex) => {
                let from = hit.start.saturating_sub(BEFORE).max(*seen);
                if from > hit.start {
                    return None;
                }
                let regex = regex.get_or_init(|| compile(pattern));
                let to = (hit.start + AFTER).min(text.len());
                let mut at = from;
                for _ in 0..EDGES {
                    let Some(found) = regex.captures_at(&text[..to], at) else { break };
                    let whole = found.get(0)?;
                    if text[whole.start()].is_ascii_alphanumeric() && !begins(text, whole.start()) {
                        at = whole.start() + 1;
                        continue;
                    }
                    *seen = whole.end();
                    return Some(found.get(1).unwrap_or(whole).range());
                }
                // A match that begins far enough from the end of what was looked at would have been found.
                *seen = if to == text.len() { to } else { to - LONGEST };
                None
            }
            Form::Structure(find) | Form::TokenStructure(find) => find(text, hit),
        }
    }
}

/// The end of a run of the right length. A run that may be of any length above the least is taken whole.
fn run_of(set: Set, length: &RangeInclusive<usize>, text: &[u8], from: usize) -> Option<usize> {
    let end = set.run(text, from, length.end().saturating_add(1));
    length.contains(&(end - from)).then_some(end)
}

/// Whether a value was made by a program rather than named by a person.
pub fn looks_made(value: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| value.iter().any(is);
    let mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && value.iter().all(u8::is_ascii_alphabetic);
    (has(u8::is_ascii_digit) && bits(value) >= 2.5) || (mixed && bits(value) >= 3.6)
}

fn compile(pattern: &str) -> Regex {
    // ASCII only: patterns see bytes. Each is compiled by a test, so this never panics where it matters.
    #[allow(clippy::expect_used)]
    RegexBuilder::new(pattern).unicode(false).size_limit(8 << 20).build().expect("a pattern of our own")
}

/// Compiles a rule's pattern, if it has one: for tests.
#[cfg(test)]
pub fn compiles(rule: &Rule) -> bool {
    match &rule.form {
        Form::Pattern(pattern, _) | Form::TokenPattern(pattern, _) => {
            RegexBuilder::new(pattern).unicode(false).size_limit(8 << 20).build().is_ok()
        }
        _ => true,
    }
}

/// Names of structures, so that tables read as data.
pub use structures::{cookie, credentials, flag, jwt, pem, url};
