//! Deleted text, remembered for a while in memory, to recognise what comes back: by undo, or by a move.
//!
//! Absent on purpose: any way to disk or into a log (the text may be a secret), and time: the oldest text goes when
//! the newest does not fit.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::ops::Range;

use crate::text::split_lines;

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

    /// The runs of `inserted` that equal deleted text: ascending, never overlapping, long ones before short ones, the
    /// newest among equals.
    ///
    /// Reads through everything remembered: for pastes and undos, not for each keystroke.
    pub fn find(&self, inserted: &str, least: Least) -> Vec<Match<T>> {
        let mut found = Found { inserted, matches: Vec::new() };
        if inserted.is_empty() {
            return Vec::new();
        }
        match least {
            Least::LineOrChars(chars) => self.find_runs(&mut found, chars),
            Least::Any if self.find_whole(&mut found) => {}
            Least::Any => {
                self.find_runs(&mut found, SHORT_RUN);
                self.find_pieces(&mut found);
            }
        }
        found.matches.sort_by_key(|found| found.at);
        let id = |entry: usize| self.entries[entry].0.clone();
        let public = |found: Match<usize>| Match { at: found.at, len: found.len, id: id(found.id), from: found.from };
        found.matches.into_iter().map(public).collect()
    }

    /// All of the inserted text inside one deleted text, best as all of it.
    fn find_whole(&self, found: &mut Found<'_>) -> bool {
        let newest = || self.entries.iter().enumerate().rev();
        let equal = newest().find(|(_, (_, text))| **text == *found.inserted).map(|(id, _)| (id, 0));
        let holds = || newest().find_map(|(id, (_, text))| Some((id, text.find(found.inserted)?)));
        let Some((id, from)) = equal.or_else(holds) else { return false };
        found.matches.push(Match { at: 0, len: found.inserted.len(), id, from });
        true
    }

    /// Whole deleted texts, however short, in what no match covers yet: backspaces that one undo takes back.
    fn find_pieces(&self, found: &mut Found<'_>) {
        let mut gaps = found.free(0..found.inserted.len());
        let most = PIECES_WORK / found.inserted.len().max(1);
        for (id, (_, text)) in self.entries.iter().enumerate().rev().take(most) {
            let inserted = found.inserted;
            let at = |gap: &Range<usize>| inserted[gap.clone()].find(&**text).map(|at| gap.start + at);
            let Some((index, at)) = gaps.iter().enumerate().find_map(|(index, gap)| Some((index, at(gap)?))) else {
                continue;
            };
            found.matches.push(Match { at, len: text.len(), id, from: 0 });
            let gap = gaps.swap_remove(index);
            gaps.extend([gap.start..at, at + text.len()..gap.end].into_iter().filter(|gap| !gap.is_empty()));
            gaps.sort_by_key(|gap| gap.start);
        }
    }

    /// Runs of at least a full line or `chars` characters: seeds (8 bytes, or a whole line) that both sides have,
    /// grown as far as the bytes agree.
    fn find_runs(&self, found: &mut Found<'_>, chars: usize) {
        let seeds = Seeds::of(found.inserted, chars);
        let mut runs: Vec<Match<usize>> = Vec::new();
        let mut work = RUNS_WORK;
        for (id, (_, text)) in self.entries.iter().enumerate().rev() {
            // The last run of each diagonal (difference of the two offsets), so that its other seeds do not grow it again.
            let mut grown_to: HashMap<usize, Range<usize>> = HashMap::new();
            seeds.each(text, |at, from| {
                let diagonal = from + found.inserted.len() - at;
                if work == 0 || grown_to.get(&diagonal).is_some_and(|run| run.contains(&from)) {
                    return;
                }
                let run = grown(found.inserted, text, at, from, id);
                work = work.saturating_sub(run.len + SEED);
                grown_to.insert(diagonal, run.from..run.from + run.len);
                if runs.len() < RUNS && found.is_enough(run.at..run.at + run.len, chars) {
                    runs.push(run);
                }
            });
        }
        // The sort is stable and the newest came first.
        runs.sort_by_key(|run| std::cmp::Reverse(run.len));
        for run in runs {
            for free in found.free(run.at..run.at + run.len) {
                if found.is_enough(free.clone(), chars) {
                    let from = run.from + free.start - run.at;
                    found.matches.push(Match { at: free.start, len: free.len(), id: run.id, from });
                }
            }
        }
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

/// Characters of a run that an undo search takes before it looks for whole short texts.
const SHORT_RUN: usize = 16;
/// Bytes compared, about, in the search for short texts.
const PIECES_WORK: usize = 16 << 20;
/// Bytes compared, about, in the search for runs: text that repeats itself agrees with itself nearly everywhere.
const RUNS_WORK: usize = 16 << 20;
/// Runs weighed against each other, at most.
const RUNS: usize = 4096;
/// Bytes of a seed.
const SEED: usize = 8;
/// Places of the inserted text with the same seed, at most.
const PLACES: usize = 8;

/// The matches so far, none overlapping; the `id` is the place among the entries.
struct Found<'a> {
    inserted: &'a str,
    matches: Vec<Match<usize>>,
}

impl Found<'_> {
    /// The parts of `range` that no match covers, ascending.
    fn free(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut covered: Vec<Range<usize>> = self.matches.iter().map(|found| found.at..found.at + found.len).collect();
        covered.retain(|covered| covered.start < range.end && covered.end > range.start);
        covered.sort_by_key(|covered| covered.start);
        let mut free = Vec::new();
        let mut at = range.start;
        for covered in covered {
            free.push(at..covered.start.max(at));
            at = covered.end;
        }
        free.push(at..range.end.max(at));
        free.retain(|free| !free.is_empty());
        free
    }

    /// Whether these bytes of the inserted text are enough to say they came back: `chars` characters, or a full line,
    /// and in either a letter or digit (braces and blanks stand everywhere).
    fn is_enough(&self, range: Range<usize>, chars: usize) -> bool {
        let run = &self.inserted[range.clone()];
        let says = |piece: &str| piece.chars().any(char::is_alphanumeric);
        if run.chars().take(chars).count() == chars && says(run) {
            return true;
        }
        let before = &self.inserted[..range.start];
        let mut starts = before.is_empty() || before.ends_with(['\n', '\r']);
        for line in split_lines(run) {
            // The last line may end with the inserted text if the line end before it came back too.
            let ends = line.ends_with(['\n', '\r']) || (range.end == self.inserted.len() && line.len() < run.len());
            if starts && ends && says(line) {
                return true;
            }
            starts = true;
        }
        false
    }
}

/// Places of the inserted text from which a run may grow.
struct Seeds<'a> {
    windows: HashMap<[u8; SEED], Vec<usize>>,
    lines: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Seeds<'a> {
    /// Windows so close together that every run of `chars` bytes holds one, and all lines.
    fn of(inserted: &'a str, chars: usize) -> Self {
        let step = chars.saturating_sub(SEED - 1).clamp(1, SEED);
        let mut seeds = Self { windows: HashMap::new(), lines: HashMap::new() };
        for at in (0..inserted.len().saturating_sub(SEED - 1)).step_by(step) {
            let Some(window) = window(inserted.as_bytes(), at) else { continue };
            let places = seeds.windows.entry(window).or_default();
            if places.len() < PLACES {
                places.push(at);
            }
        }
        let mut at = 0;
        for line in split_lines(inserted) {
            let content = line.trim_end_matches(['\n', '\r']);
            if content.chars().any(char::is_alphanumeric) {
                let places = seeds.lines.entry(content).or_default();
                if places.len() < PLACES {
                    places.push(at);
                }
            }
            at += line.len();
        }
        seeds
    }

    /// Calls `seed(offset in the inserted text, offset in the deleted text)` for each place both have.
    fn each(&self, deleted: &str, mut seed: impl FnMut(usize, usize)) {
        let mut start = 0;
        for line in split_lines(deleted) {
            for at in self.lines.get(line.trim_end_matches(['\n', '\r'])).into_iter().flatten() {
                seed(*at, start);
            }
            start += line.len();
        }
        for from in 0..deleted.len().saturating_sub(SEED - 1) {
            let Some(window) = window(deleted.as_bytes(), from) else { continue };
            for at in self.windows.get(&window).into_iter().flatten() {
                seed(*at, from);
            }
        }
    }
}

/// The seed at `at`; none if it is all blanks, which stand everywhere.
fn window(bytes: &[u8], at: usize) -> Option<[u8; SEED]> {
    let window = *bytes.get(at..)?.first_chunk::<SEED>()?;
    window.iter().any(|byte| !byte.is_ascii_whitespace()).then_some(window)
}

/// The longest run of whole characters around a place where both texts agree.
fn grown(inserted: &str, deleted: &str, at: usize, from: usize, id: usize) -> Match<usize> {
    let ((before, after), (old_before, old_after)) =
        (inserted.as_bytes().split_at(at), deleted.as_bytes().split_at(from));
    let forward = after.iter().zip(old_after).take_while(|(one, two)| one == two).count();
    let back = before.iter().rev().zip(old_before.iter().rev()).take_while(|(one, two)| one == two).count();
    let (mut start, mut end) = (at - back, at + forward);
    while !inserted.is_char_boundary(start) {
        start += 1;
    }
    while !inserted.is_char_boundary(end) {
        end -= 1;
    }
    Match { at: start, len: end.saturating_sub(start), id, from: from + start - at }
}

#[cfg(test)]
mod tests;
