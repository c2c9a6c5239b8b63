//! Bounded diffs: lines first, then the words inside small hunks.
//!
//! The one promise: the edits, applied in order, turn the old text into the new one, exactly, always. How small they
//! are is best effort inside [`Limits`]; above them a diff is one edit with the common start and end cut off.
//!
//! Absent on purpose: moves (`tombstones` finds those) and time limits, which would make results differ from run to run.

use std::collections::HashSet;
use std::hash::Hash;
use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput};

use crate::text::{is_blank, split_lines};
use crate::tokens::tokens;
use crate::{Hunk, Text, align};

/// One edit: at byte `at`, `deleted` bytes give way to `inserted`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replace {
    /// Byte offset in the text before this edit.
    pub at: usize,
    /// Bytes removed from there.
    pub deleted: usize,
    /// Text put in their place.
    pub inserted: String,
}

impl Replace {
    /// The bytes this edit removes.
    pub fn range(&self) -> Range<usize> {
        self.at..self.at + self.deleted
    }

    /// Whether this edit changes nothing for sure.
    pub fn is_nothing(&self) -> bool {
        self.deleted == 0 && self.inserted.is_empty()
    }
}

/// How much work a diff may do. Sizes are those of what is left when the common start and end are cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of both sides together, up to which lines are compared.
    pub line_bytes: usize,
    /// Bytes of both sides of one hunk of lines, up to which its words are compared.
    pub hunk_bytes: usize,
    /// Bytes of all hunks together whose words are compared; the first hunks win.
    pub word_bytes: usize,
}

impl Default for Limits {
    /// 16 MiB of lines, 32 KiB in a hunk, 1 MiB of words.
    fn default() -> Self {
        Self { line_bytes: 16 << 20, hunk_bytes: 32 << 10, word_bytes: 1 << 20 }
    }
}

/// The edits that turn `old` into `new`, front to back, each to be applied to the result of the one before.
pub fn diff(old: &Text, new: &str, limits: &Limits) -> Vec<Replace> {
    let (start, end) = common_ends(old, new);
    let (old_end, new_end) = (old.len_bytes() - end, new.len() - end);
    let (old_line, new_line) = (line_before(old, start), new[..start].rfind(['\n', '\r']).map_or(0, |at| at + 1));
    // Whole lines on both sides, where they exist, so that the lines compared are those of the texts.
    let start = start.min(old_line).min(new_line);
    let tail = line_after(new, new_end) - new_end;
    let mut edits = diff_str(&old.slice(start..old_end + tail), &new[start..new_end + tail], limits);
    for edit in &mut edits {
        edit.at += start;
    }
    edits
}

/// [`diff`] for two strings.
pub fn diff_str(old: &str, new: &str, limits: &Limits) -> Vec<Replace> {
    let mut edits = Edits { old, new, hunks: Vec::new() };
    if old.len() + new.len() > limits.line_bytes {
        edits.push(0..old.len(), 0..new.len());
        return edits.finish();
    }
    let mut words_left = limits.word_bytes;
    let old_lines: Vec<&str> = split_lines(old).collect();
    let new_lines: Vec<&str> = split_lines(new).collect();
    for (before, after) in in_bytes(&old_lines, &new_lines, line_hunks(&old_lines, &new_lines)) {
        let size = before.len() + after.len();
        if edits.push_blanks(&before, &after) {
            // Whatever its size: this costs next to nothing, and has few places.
        } else if before.is_empty() || after.is_empty() || size > limits.hunk_bytes || size > words_left {
            edits.push(before, after);
        } else {
            words_left -= size;
            edits.push_words(before, after);
        }
    }
    edits.finish()
}

/// [`diff_str`] for what one change made of whole lines: where as many lines came as went, and most of those that changed
/// still have half of their words, each line is compared with the one in its place. The words of a line that was changed
/// then never count against those of another, and a line that was written anew among them is whole.
pub fn diff_in_place(old: &str, new: &str, limits: &Limits) -> Vec<Replace> {
    in_place(old, new, limits).unwrap_or_else(|| diff_str(old, new, limits))
}

/// The edits line by line; none where lines do not stand in their places, or most of those that changed were written anew.
fn in_place(old: &str, new: &str, limits: &Limits) -> Option<Vec<Replace>> {
    let (old_lines, new_lines): (Vec<&str>, Vec<&str>) = (split_lines(old).collect(), split_lines(new).collect());
    if old_lines.len() != new_lines.len() || old.len() + new.len() > limits.word_bytes {
        return None;
    }
    let changed = changed_lines(&old_lines, &new_lines);
    if is_reordered(old, new, &changed) {
        return None;
    }
    let mut edits = Edits { old, new, hunks: Vec::new() };
    let mut anew = 0;
    for (before, after) in changed.iter().cloned() {
        anew += usize::from(edits.push_words(before, after));
    }
    (anew * 2 <= changed.len()).then(|| edits.finish())
}

/// The lines that differ from those in their places, as bytes.
fn changed_lines(old: &[&str], new: &[&str]) -> Vec<Hunk> {
    let pairs = old.iter().zip(new).enumerate();
    let changed = pairs.filter(|(_, (was, is))| was != is).map(|(at, _)| (at..at + 1, at..at + 1));
    in_bytes(old, new, changed.collect()).collect()
}

/// Whether one of these lines, that tells itself from others, is another one of them as it was: lines in another order are
/// not changed in their places.
fn is_reordered(old: &str, new: &str, changed: &[Hunk]) -> bool {
    let was = changed.iter().map(|(was, _)| &old[was.clone()]);
    let stood: HashSet<&str> = was.filter(|was| letters(was) >= LETTERS).collect();
    changed.iter().any(|(_, is)| stood.contains(&new[is.clone()]))
}

/// Letters and digits of a line that tells itself from others, at least.
const LETTERS: usize = 8;

/// Places at which a hunk may differ in blanks alone, at most: each is an edit, and has an owner, of its own.
const BLANKS: usize = 10_000;

/// The hunks in which two texts known only by the hashes of their lines differ, as ranges of lines: every line outside
/// of them is kept, in order.
pub fn line_diff_hashes(old: &[u64], new: &[u64]) -> Vec<Hunk> {
    compared(old, new, Diff::postprocess_no_heuristic)
}

/// Places in one hunk of several lines up to which a rename is as likely as a rewrite.
const CRUMBS: usize = 3;

/// Lines of both sides together up to which imara-diff compares them: its histogram costs the square of them where
/// every other line is new, and its way out for repetitive text (see `align`) too.
const HISTOGRAM_LINES: usize = 10_000;

fn line_hunks(old: &[&str], new: &[&str]) -> Vec<Hunk> {
    compared(old, new, Diff::postprocess_lines)
}

/// The hunks in which two lists of lines differ; `settle` puts those that may lie at several places where they read best.
fn compared<T: Eq + Hash + Copy + Default>(
    old: &[T],
    new: &[T],
    settle: impl FnOnce(&mut Diff, &InternedInput<T>),
) -> Vec<Hunk> {
    if old.len() + new.len() > HISTOGRAM_LINES {
        return align::hunks(old, new, align::WIDE);
    }
    let mut input = InternedInput::default();
    input.update_before(old.iter().copied());
    input.update_after(new.iter().copied());
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    settle(&mut diff, &input);
    let wide = |range: Range<u32>| range.start as usize..range.end as usize;
    diff.hunks().map(|hunk| (wide(hunk.before), wide(hunk.after))).collect()
}

/// Hunks of adjoining pieces, as byte ranges of the strings they were cut from.
fn in_bytes(old: &[&str], new: &[&str], hunks: Vec<Hunk>) -> impl Iterator<Item = Hunk> {
    let (mut old_at, mut new_at) = (Cursor::new(old), Cursor::new(new));
    hunks.into_iter().map(move |(before, after)| (old_at.bytes(before), new_at.bytes(after)))
}

/// Turns ascending ranges of pieces into ranges of bytes.
struct Cursor<'a> {
    pieces: &'a [&'a str],
    piece: usize,
    byte: usize,
}

impl<'a> Cursor<'a> {
    fn new(pieces: &'a [&'a str]) -> Self {
        Self { pieces, piece: 0, byte: 0 }
    }

    fn go(&mut self, piece: usize) -> usize {
        self.byte += self.pieces[self.piece..piece].iter().map(|piece| piece.len()).sum::<usize>();
        self.piece = piece;
        self.byte
    }

    fn bytes(&mut self, pieces: Range<usize>) -> Range<usize> {
        let start = self.go(pieces.start);
        start..self.go(pieces.end)
    }
}

/// The differing places found so far, ascending in both texts.
struct Edits<'a> {
    old: &'a str,
    new: &'a str,
    hunks: Vec<Hunk>,
}

impl Edits<'_> {
    /// One place, without the characters both sides share at its start and end.
    fn push(&mut self, before: Range<usize>, after: Range<usize>) {
        let (old, new) = (&self.old[before.clone()], &self.new[after.clone()]);
        let (start, end) = shared_ends(old, new);
        if old.len() + new.len() > start + start + end + end {
            self.hunks.push((before.start + start..before.end - end, after.start + start..after.end - end));
        }
    }

    /// One line that was written anew: whole, but for blanks that both sides share at its start and end.
    fn push_line(&mut self, before: Range<usize>, after: Range<usize>) {
        let (old, new) = (&self.old[before.clone()], &self.new[after.clone()]);
        let (start, end) = shared_ends(old, new);
        let start = start - old[..start].trim_start_matches(is_blank).len();
        let end = end - old[old.len() - end..].trim_end_matches(is_blank).len();
        self.hunks.push((before.start + start..before.end - end, after.start + start..after.end - end));
    }

    /// The places in which two pieces differ that are the same but for blanks; `false` where they are not, or where there
    /// are more than [`BLANKS`]. By words, two that were joined would be a new one.
    fn push_blanks(&mut self, before: &Range<usize>, after: &Range<usize>) -> bool {
        let first = self.hunks.len();
        let (mut old_at, mut new_at) = (before.start, after.start);
        loop {
            let (old, new) = (&self.old[old_at..before.end], &self.new[new_at..after.end]);
            let (old_solid, new_solid) = (old.trim_start_matches(is_blank), new.trim_start_matches(is_blank));
            let (old_end, new_end) = (before.end - old_solid.len(), after.end - new_solid.len());
            self.push(old_at..old_end, new_at..new_end);
            if self.hunks.len() - first > BLANKS {
                self.hunks.truncate(first);
                return false;
            }
            match (old_solid.chars().next(), new_solid.chars().next()) {
                (None, None) => return true,
                (Some(one), Some(other)) if one == other => {
                    (old_at, new_at) = (old_end + one.len_utf8(), new_end + one.len_utf8());
                }
                _ => {
                    self.hunks.truncate(first);
                    return false;
                }
            }
        }
    }

    /// The places inside one hunk of lines, word by word; whether it was written anew, and is one place.
    fn push_words(&mut self, before: Range<usize>, after: Range<usize>) -> bool {
        if self.push_blanks(&before, &after) {
            return false;
        }
        let first = self.hunks.len();
        let old: Vec<&str> = tokens(&self.old[before.clone()]).collect();
        let new: Vec<&str> = tokens(&self.new[after.clone()]).collect();
        for (old, new) in in_bytes(&old, &new, align::hunks(&old, &new, align::NARROW)) {
            self.push(shifted(old, before.start), shifted(new, after.start));
        }
        // Two real replacements with next to nothing between them are one: the blank or comma that both versions
        // happen to share says nothing about who wrote the line.
        let mut joined: Vec<Hunk> = Vec::new();
        for hunk in self.hunks.split_off(first) {
            match joined.last_mut() {
                Some(last) if self.joins(last, &hunk) => *last = (last.0.start..hunk.0.end, last.1.start..hunk.1.end),
                _ => joined.push(hunk),
            }
        }
        let is_line = is_line(&self.old[before.clone()]) && is_line(&self.new[after.clone()]);
        let is_anew = (is_line || joined.len() > CRUMBS) && self.is_rewritten(&before, &after, &joined);
        match (is_anew, is_line) {
            (true, true) => self.push_line(before, after),
            (true, false) => self.push(before, after),
            (false, _) => self.hunks.extend(joined),
        }
        is_anew
    }

    /// Whether less than half of the words of either side of a hunk survive: then it was written anew, and the words
    /// that both versions share are the language's, not the author's.
    fn is_rewritten(&self, before: &Range<usize>, after: &Range<usize>, places: &[Hunk]) -> bool {
        let deleted: usize = places.iter().map(|(old, _)| letters(&self.old[old.clone()])).sum();
        let (old, new) = (letters(&self.old[before.clone()]), letters(&self.new[after.clone()]));
        (old - deleted) * 2 < old.min(new)
    }

    fn joins(&self, one: &Hunk, two: &Hunk) -> bool {
        let kept = solid(&self.old[one.0.end..two.0.start]);
        let small = |(old, new): &Hunk| solid(&self.old[old.clone()]) <= kept || solid(&self.new[new.clone()]) <= kept;
        kept <= 1 && !small(one) && !small(two)
    }

    /// The edits, each counted in the result of those before it: what lies before an edit is already new.
    fn finish(self) -> Vec<Replace> {
        let edit = |(before, after): Hunk| Replace {
            at: after.start,
            deleted: before.len(),
            inserted: self.new[after].to_owned(),
        };
        self.hunks.into_iter().map(edit).collect()
    }
}

fn shifted(range: Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}

fn is_line(piece: &str) -> bool {
    split_lines(piece).nth(1).is_none()
}

/// Bytes that are not blank.
fn solid(piece: &str) -> usize {
    piece.chars().filter(|character| !is_blank(*character)).map(char::len_utf8).sum()
}

/// Bytes of letters and digits.
fn letters(piece: &str) -> usize {
    piece.chars().filter(|character| character.is_alphanumeric()).map(char::len_utf8).sum()
}

/// Bytes of whole characters that two strings share at their start, and at the end of what is left.
pub(crate) fn shared_ends(old: &str, new: &str) -> (usize, usize) {
    let same = |(old, new): (u8, u8)| old == new;
    let mut start = old.bytes().zip(new.bytes()).take_while(|pair| same(*pair)).count();
    while !old.is_char_boundary(start) || !new.is_char_boundary(start) {
        start -= 1;
    }
    let (old, new) = (&old[start..], &new[start..]);
    let mut end = old.bytes().rev().zip(new.bytes().rev()).take_while(|pair| same(*pair)).count();
    while !old.is_char_boundary(old.len() - end) || !new.is_char_boundary(new.len() - end) {
        end -= 1;
    }
    (start, end)
}

/// [`shared_ends`] of a rope and a string, without copying the rope.
fn common_ends(old: &Text, new: &str) -> (usize, usize) {
    let mut start = 0;
    for chunk in old.chunks() {
        let rest = &new.as_bytes()[start..];
        let same = chunk.bytes().zip(rest).take_while(|(old, new)| old == *new).count();
        start += same;
        if same < chunk.len() {
            break;
        }
    }
    while !new.is_char_boundary(start) || old.floor(start) != start {
        start -= 1;
    }
    let most = old.len_bytes().min(new.len()) - start;
    let backwards = old.rope.bytes_at(old.len_bytes()).reversed();
    let mut end = backwards.zip(new.bytes().rev()).take(most).take_while(|(old, new)| old == new).count();
    while !new.is_char_boundary(new.len() - end) || old.floor(old.len_bytes() - end) != old.len_bytes() - end {
        end -= 1;
    }
    (start, end)
}

/// Start of the line of a rope that byte `at` lies in.
fn line_before(old: &Text, at: usize) -> usize {
    old.line_start(old.line_of(at))
}

/// End of the line of a string that byte `at` lies in or ends.
fn line_after(new: &str, at: usize) -> usize {
    split_lines(&new[at..]).next().map_or(at, |line| at + line.len())
}

#[cfg(test)]
mod tests;
