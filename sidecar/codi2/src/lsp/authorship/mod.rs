//! Who wrote an open document, as an editor shows it: lens, hints, blame. Pure: a snapshot of text and owners in, words
//! and places out.
//!
//! A snapshot shares text and tree with the session machine, so taking one costs next to nothing and reading it stops
//! nobody. Invariants: no view reads more than [`PAGE_BYTES`] of text, and what is not known yet is never shown as
//! somebody's. Absent on purpose: the protocol's types (the handlers have them), and the clock (`when` writes times).

mod blame;
mod hints;
mod lens;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use codi2_text::{Encoding, LineOwner, OwnerTree, Text, lines_by};

use super::session::Known;
pub use hints::Hint;
pub use lens::Lens;

/// Text looked at for one view, at most: bytes, and lines.
const PAGE_BYTES: usize = if cfg!(test) { 4 << 10 } else { 1 << 20 };
const PAGE_LINES: usize = if cfg!(test) { 200 } else { 20_000 };
/// Text looked at beside it to tell whose blank lines are, at most: bytes on each side, and lines.
const BESIDE_BYTES: usize = 64 << 10;
const BESIDE_LINES: usize = 64;
/// Bytes of a line by which it counts as blank.
const BLANK_BYTES: usize = 4 << 10;

/// A document and its owners at one moment.
#[derive(Debug, Clone)]
pub struct Authorship {
    /// The document's version.
    pub version: i32,
    /// Its text.
    pub text: Text,
    /// The owner of each byte, as a number of `owners`.
    pub tree: OwnerTree<u32>,
    /// What is known of them.
    pub owners: Vec<Arc<Known>>,
    /// How positions count.
    pub encoding: Encoding,
    /// Whether the text here may differ from the editor's.
    pub out_of_step: bool,
    /// Whether the hub answers.
    pub connected: bool,
}

/// Some lines and their owners.
struct Page {
    /// The first line, from 0.
    start: usize,
    /// The owner of the next line above it that is not blank, where that one is near.
    above: Option<u32>,
    /// One for each line.
    lines: Vec<LineOwner<u32>>,
}

/// Owners told apart as a reader tells them apart: by the words they are shown with.
#[derive(Default)]
struct Names {
    words: Vec<String>,
    numbers: BTreeMap<String, usize>,
    of: BTreeMap<u32, usize>,
}

impl Names {
    /// The number of an owner's words.
    fn take(&mut self, owner: u32, known: &Known) -> usize {
        if let Some(number) = self.of.get(&owner) {
            return *number;
        }
        let words = words::who(known);
        let next = self.words.len();
        let number = *self.numbers.entry(words.clone()).or_insert(next);
        if number == next {
            self.words.push(words);
        }
        self.of.insert(owner, number);
        number
    }

    /// The same for an owner that was taken.
    fn of(&self, owner: u32) -> usize {
        self.of.get(&owner).copied().unwrap_or_default()
    }
}

impl Authorship {
    fn known(&self, owner: u32) -> &Known {
        self.owners.get(owner as usize).map_or(&Known::NoAnswer, |known| known)
    }

    /// How many lines there are; the nothing after a final line end is none.
    fn count(&self) -> usize {
        let lines = self.text.len_lines();
        if self.text.line_start(lines - 1) == self.text.len_bytes() { lines - 1 } else { lines }
    }

    /// The owners of the lines from `start` to before `end`; fewer where that is more than a page. A line longer than
    /// a page is judged by as much of it.
    fn page(&self, start: usize, end: usize, names: &mut Names) -> Page {
        let (text, count) = (&self.text, self.count());
        let start = start.min(count);
        let mut end = end.clamp(start, count).min(start + PAGE_LINES);
        let from = text.line_start(start);
        if text.line_start(end) > from + PAGE_BYTES {
            end = text.line_of(from + PAGE_BYTES).max(start + 1);
        }
        if start == end {
            return Page { start, above: None, lines: Vec::new() };
        }
        let to = text.line_start(end).min(from + PAGE_BYTES);
        let begin = text.line_start(self.solid_above(start)).max(from.saturating_sub(BESIDE_BYTES));
        let piece = text.clamp(begin..text.line_start(self.solid_below(end)).min(to + BESIDE_BYTES));
        let spans = self.tree.spans(piece.clone());
        for (_, owner) in &spans {
            names.take(*owner, self.known(*owner));
        }
        let first = text.line_of(piece.start);
        let judged = lines_by(&Text::new(&text.slice(piece)), spans, |owner| names.of(*owner));
        let above = judged[..judged.len().min(start - first)].iter().rev().find(|line| !line.blank);
        let above = above.map(|line| line.owner);
        let lines = judged.into_iter().skip(start - first).take(end - start).collect();
        Page { start, above, lines }
    }

    /// The next line above `start` that is not blank: whose it is depends on no other line.
    fn solid_above(&self, start: usize) -> usize {
        let lines = (0..start).rev().take(BESIDE_LINES);
        let mut first = start;
        for line in lines {
            first = line;
            if !self.is_blank(line) {
                break;
            }
        }
        first
    }

    /// Behind the next line, from `end` on, that is not blank.
    fn solid_below(&self, end: usize) -> usize {
        let lines = (end..self.count()).take(BESIDE_LINES);
        let mut last = end;
        for line in lines {
            last = line + 1;
            if !self.is_blank(line) {
                break;
            }
        }
        last
    }

    fn is_blank(&self, line: usize) -> bool {
        let content = self.text.line_content(line);
        let looked = content.start..content.end.min(content.start + BLANK_BYTES);
        self.text.slice(looked).chars().all(|character| character.is_whitespace() || character == '\u{feff}')
    }
}

/// A line's number as the protocol has it.
fn line_number(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}
