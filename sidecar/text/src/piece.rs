//! A text that somebody puts in, and what of it is new: lines that it repeats of the text in whose place it comes stood there.
//!
//! Absent on purpose: where it stands in another text (`standing`).

use std::collections::HashMap;
use std::ops::Range;

use crate::diff::line_diff_hashes;

/// Runs of new lines that are told apart, at most; of a text with more all counts as new.
const RUNS: usize = 16;
/// Letters and digits of a line that tells itself from others, at least.
const LETTERS: usize = 8;

/// A text that is put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    text: String,
    /// What of it is new, ascending.
    new: Vec<Range<usize>>,
}

impl Piece {
    /// A text of which all is new.
    pub fn new(text: String) -> Self {
        let new = std::iter::once(0..text.len()).collect();
        Self { text, new }
    }

    /// A text in place of another one. A line that stands there, too, is not new, unless it comes more often than it went, or is
    /// so short that anybody may write it and in another place.
    pub fn instead_of(old: &str, text: String) -> Self {
        if old.is_empty() {
            return Self::new(text);
        }
        let mut numbers = HashMap::new();
        let (was, is) = (numbered(old, &mut numbers), numbered(&text, &mut numbers));
        let mut more: HashMap<u64, isize> = HashMap::new();
        is.iter().for_each(|line| *more.entry(*line).or_default() += 1);
        was.iter().for_each(|line| *more.entry(*line).or_default() -= 1);
        let hunks = line_diff_hashes(&was, &is);
        let came = |at: usize| hunks.iter().any(|(_, new)| new.contains(&at));
        let (mut at, mut new): (usize, Vec<Range<usize>>) = (0, Vec::new());
        for (number, line) in text.split_inclusive('\n').enumerate() {
            let bytes = at..at + line.len();
            at = bytes.end;
            if more[&is[number]] > 0 || is_short(line) && came(number) {
                match new.last_mut().filter(|last| last.end == bytes.start) {
                    Some(last) => last.end = bytes.end,
                    None => new.push(bytes),
                }
            }
        }
        if new.len() > RUNS { Self::new(text) } else { Self { text, new } }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What of it is new.
    pub fn new_bytes(&self) -> &[Range<usize>] {
        &self.new
    }
}

impl From<&str> for Piece {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

/// The lines of a text as numbers, the same for the same words: whatever they end in.
fn numbered(text: &str, numbers: &mut HashMap<String, u64>) -> Vec<u64> {
    let number = |line: &str| {
        let next = numbers.len() as u64;
        *numbers.entry(line.trim_end_matches(['\r', '\n']).to_owned()).or_insert(next)
    };
    text.split_inclusive('\n').map(number).collect()
}

fn is_short(line: &str) -> bool {
    line.chars().filter(|one| one.is_alphanumeric()).take(LETTERS).count() < LETTERS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(old: &str, text: &str) -> Vec<String> {
        let piece = Piece::instead_of(old, text.to_owned());
        piece.new.into_iter().map(|range| piece.text[range].to_owned()).collect()
    }

    #[test]
    fn what_an_edit_repeats_is_not_new() {
        let long = "a line that tells itself\n";
        for (name, old, text, expected) in [
            ("one line more", "one\n", "one\ntwo\n", &["two\n"][..]),
            ("with and without an end", "one", "one\r\ntwo", &["two"]),
            ("a line that is changed", "f(a)\nx", "f(a, b)\nx", &["f(a, b)\n"]),
            ("nothing more", "one\ntwo\n", "two\n", &[]),
            ("once more", "one\n", "one\ntwo\none\n", &["one\ntwo\none\n"]),
            ("in two places", "a\nb\nc\n", "x\na\nb\ny\nc\n", &["x\n", "y\n"]),
            ("instead of nothing", "", "one\n", &["one\n"]),
            ("short, in another place", "}\nx\n", "x\n}\n", &["}\n"]),
        ] {
            assert_eq!(new(old, text), expected, "{name}");
        }
        assert!(!new(&format!("{long}x\n"), &format!("x\n{long}")).concat().contains(long), "only moved");
        let many = |between: &str| (0..=RUNS).map(|number| format!("{number}\n{between}")).collect::<String>();
        assert_eq!(new(&many(""), &many("x\n")), [many("x\n")], "at too many places");
    }
}
