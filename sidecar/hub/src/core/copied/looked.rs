//! What searches for the sources of copies leave behind, and how many there may be.
//!
//! Absent on purpose: the search.

use std::collections::HashSet;

use codi2_protocol::Digest;

use super::lines::Line;
use crate::recent::Recent;

/// Texts whose lines are remembered.
const TEXTS: usize = 512;
/// Lines of a text that is remembered, at most.
const REMEMBERED: usize = 8_192;
/// For so many files is looked within so long (ms), in so many bytes of texts, those of the nearest files first: the core
/// stands meanwhile.
const SEARCHES: usize = 64;
const BYTES: usize = 16 << 20;
const WITHIN_MS: u64 = 10_000;
/// What passing a file over costs of that: as much as so many bytes of a text.
pub(super) const PASSED: usize = 64;

/// What searches leave behind, so that the next one costs less.
pub(in crate::core) struct Looked {
    /// Hashes of the lines that tell, by their text's bytes.
    lines: Recent<Digest, Box<[u64]>>,
    /// How many searches and bytes are left, since when (ms).
    searches: usize,
    bytes: usize,
    since_ms: u64,
}

impl Default for Looked {
    fn default() -> Self {
        Self { lines: Recent::new(TEXTS), searches: SEARCHES, bytes: BYTES, since_ms: 0 }
    }
}

impl Looked {
    /// Whether one more search is not too many.
    pub(super) fn may_search(&mut self, now: u64) -> bool {
        if now < self.since_ms || now - self.since_ms >= WITHIN_MS {
            (self.searches, self.bytes, self.since_ms) = (SEARCHES, BYTES, now);
        }
        let left = self.searches.checked_sub(1);
        self.searches = left.unwrap_or(0);
        left.is_some()
    }

    /// Whether so many more bytes may be looked at.
    pub(super) fn may_read(&mut self, bytes: usize) -> bool {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.unwrap_or(0);
        left.is_some()
    }

    /// Whether a text is known to have none of these lines.
    pub(super) fn has_none(&self, text: Digest, of: &HashSet<u64>) -> bool {
        self.lines.get(&text).is_some_and(|lines| !lines.iter().any(|line| of.contains(line)))
    }

    pub(super) fn remember(&mut self, text: Digest, lines: &[Line]) {
        let telling: Box<[u64]> = lines.iter().filter(|line| line.tells()).map(|line| line.hash).collect();
        if telling.len() <= REMEMBERED {
            self.lines.put(text, telling);
        }
    }
}
