//! Lines by their words, whatever blanks are around them.

use std::ops::Range as Bytes;

use codi2_text::line_hash;

use crate::ledger::TELLING;

/// A line of a text.
pub(super) struct Line {
    /// All of its bytes.
    pub bytes: Bytes<usize>,
    /// The same without the blanks around it.
    pub words: Bytes<usize>,
    /// Keyed hash of those.
    pub hash: u64,
    /// Letters and digits.
    pub letters: usize,
    /// Whose it is is not known yet, so that nothing follows from it.
    pub is_open: bool,
}

impl Line {
    /// The lines of a text.
    pub fn all(text: &str, key: &[u8; 32]) -> Vec<Self> {
        let mut at = 0;
        let line = |line: &str| {
            let bytes = at..at + line.len();
            at = bytes.end;
            let start = bytes.end - line.trim_start().len();
            let words = start..start + line.trim().len();
            let letters = line.chars().filter(|one| one.is_alphanumeric()).count();
            Self { bytes, words, hash: line_hash(line.trim(), key), letters, is_open: false }
        };
        text.split_inclusive('\n').map(line).collect()
    }

    /// Whether it tells itself from others.
    pub fn tells(&self) -> bool {
        self.letters >= TELLING && !self.is_open
    }

    /// Whether as many blanks are around it as around another one of the same words.
    pub fn is_set_like(&self, other: &Self) -> bool {
        let blanks = |line: &Self| (line.words.start - line.bytes.start, line.bytes.end - line.words.end);
        blanks(self) == blanks(other)
    }
}
