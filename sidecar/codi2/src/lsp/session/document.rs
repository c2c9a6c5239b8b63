//! One open document: its text, what of it is sealed, and the group that is open.

use codi2_protocol::{Digest, FileId, Shape};
use codi2_text::{Change, Encoding, Limits, Position, Replace, Text, diff_in_place, diff_str};

use super::group::{EarlyHints, Made, MadeEdit, OpenGroup, Run};
use super::owners::Owners;
use super::shape::{Around, Pace, shape};
use super::since::Since;

/// Longest insert of one edit, in bytes; a longer one is told as several, so that each fits a message.
const INSERT_BYTES: usize = 256 << 10;
/// Bytes on both sides from which a replacement is what a program made, however little of it changed.
const LARGE_BYTES: usize = 256;

/// An open document that is recorded.
#[derive(Debug)]
pub(super) struct Document {
    /// Its file.
    pub file: FileId,
    /// Its version, as the client counts.
    pub version: i32,
    /// Its text now.
    pub text: Text,
    /// The text at the last sealed state, and its digest.
    pub sealed: (Text, Digest),
    /// Digest of the text last opened, saved or reloaded, and the way from there.
    pub base: (Digest, Since),
    /// Edits not yet sealed.
    pub open: Option<OpenGroup>,
    /// Hints that came before their change.
    pub hints: EarlyHints,
    /// How fast keys come.
    pub pace: Pace,
    /// What was touched and not yet told.
    pub touched: Touching,
    /// Owners, for display.
    pub owners: Owners,
    /// Set while the text here may differ from the editor's: changes are not applied until the text is known again.
    pub unsynced: Option<Unsynced>,
}

/// The text is not the editor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsynced {
    /// The newest version heard of.
    pub seen: i32,
    /// How often the text was asked for.
    pub tries: u32,
    /// When to ask again.
    pub ask_at: Option<u64>,
}

/// The latest touch, told at most every 50 ms.
#[derive(Debug, Default)]
pub(super) struct Touching {
    /// When the last one left.
    pub sent_ms: Option<u64>,
    /// The latest one, in bytes of the base text, and when.
    pub waiting: Option<(std::ops::Range<usize>, u64)>,
}

impl Document {
    pub fn new(file: FileId, version: i32, text: &str, now_ms: u64) -> Self {
        let text = Text::new(text);
        let digest = Digest::new(text.digest());
        Self {
            file,
            version,
            sealed: (text.clone(), digest),
            base: (digest, Since::default()),
            open: None,
            hints: EarlyHints::default(),
            pace: Pace::default(),
            touched: Touching::default(),
            owners: Owners::loading(text.len_bytes(), now_ms),
            unsynced: None,
            text,
        }
    }

    /// Applies the changes of one notification to the text, the owners and the open group. `false` if nothing changed.
    /// `owner` mints the provisional owner of a new group.
    pub fn apply(
        &mut self,
        changes: &[Change],
        version: i32,
        encoding: Encoding,
        now_ms: u64,
        owner: impl FnOnce() -> u32,
    ) -> bool {
        let prior = std::mem::replace(&mut self.version, version);
        let hints = self.hints.take(prior, version);
        let mut run = Run { prior, version, at_ms: now_ms, hints, changes: Vec::with_capacity(changes.len()) };
        let group_owner = match &self.open {
            Some(open) => open.owner,
            None => owner(),
        };
        let (mut bytes, mut hurried, mut keyed) = (0, false, None::<String>);
        for change in changes {
            let before = self.text.clone();
            let planned = trimmed(self.text.plan(change, encoding, &Limits::default()), &self.text);
            let (planned, large) = compared(planned, &self.text);
            let whole = large || change.range.is_none();
            let parts = planned.len();
            let mut edits = Vec::with_capacity(parts);
            for replace in planned.into_iter().flat_map(split) {
                let made = self.make(replace, whole, parts);
                bytes += made.inserted.len() + made.deleted.len();
                // Several cursors put in the same text at once by one key.
                if made.edit.shape == Shape::Keystroke && keyed.as_deref() != Some(&*made.inserted) {
                    hurried |= !self.pace.key(now_ms);
                    keyed = Some(made.inserted.clone());
                }
                let (at, deleted, inserted) = (made.edit.at as usize, made.deleted.len(), made.inserted.len());
                self.owners.edit(at, deleted, inserted, group_owner, now_ms);
                self.base.1.edit(at, deleted, inserted);
                let touched = self.base.1.to_base(at..at + inserted);
                self.touched.waiting = Some((touched, now_ms));
                edits.push(made);
            }
            run.changes.push(Made { before, edits });
        }
        if run.changes.iter().all(|made| made.edits.is_empty()) {
            return false;
        }
        let open = self.open.get_or_insert_with(|| OpenGroup::new(group_owner, now_ms));
        open.runs.push(run);
        open.last_ms = now_ms;
        open.bytes += bytes;
        if hurried {
            open.forget_keys();
        }
        true
    }

    /// Makes one edit of the text.
    fn make(&mut self, replace: Replace, whole: bool, parts: usize) -> MadeEdit {
        let around = Around { before: self.char_before(replace.at), after: self.char_at(replace.at + replace.deleted) };
        let line = self.text.position(replace.at, Encoding::Utf8).line;
        let deleted = self.text.edit(&replace);
        let shape = shape(&deleted, &replace.inserted, around, whole, parts);
        MadeEdit::new(replace.at, line, deleted, replace.inserted, shape)
    }

    fn char_before(&self, at: usize) -> Option<char> {
        let start = self.text.floor(at.checked_sub(1)?);
        self.text.slice(start..at).chars().next()
    }

    fn char_at(&self, at: usize) -> Option<char> {
        // A character has at most 4 bytes; the clamp at the end cuts no character.
        let end = (at + 1..=at + 4).map(|end| self.text.floor(end)).find(|end| *end > at)?;
        self.text.slice(at..end).chars().next()
    }

    /// The bytes from the text before to the text after, for the owners' answer.
    pub fn open_edits(&self) -> Vec<(usize, usize, usize, u32)> {
        let owner = self.open.as_ref().map_or(super::owners::LOADING, |open| open.owner);
        let edits = self.open.iter().flat_map(OpenGroup::edits);
        edits.map(|made| (made.edit.at as usize, made.deleted.len(), made.inserted.len(), owner)).collect()
    }

    /// Takes the text now as the base of touches.
    pub fn rebase(&mut self, digest: Digest) {
        self.base = (digest, Since::default());
        self.touched.waiting = None;
    }

    /// The byte offset of a position.
    pub fn offset(&self, position: Position, encoding: Encoding) -> usize {
        self.text.offset(position, encoding)
    }
}

/// A single edit without the text it leaves as it was at its start and end: many clients send whole lines.
pub(super) fn trimmed(mut planned: Vec<Replace>, text: &Text) -> Vec<Replace> {
    if let [only] = planned.as_mut_slice()
        && only.deleted > 0
        && !only.inserted.is_empty()
    {
        let old = text.slice(only.range());
        let new = only.inserted.as_str();
        let start: usize =
            old.chars().zip(new.chars()).take_while(|(old, new)| old == new).map(|(same, _)| same.len_utf8()).sum();
        let ends = old[start..].chars().rev().zip(new[start..].chars().rev());
        let end: usize = ends.take_while(|(old, new)| old == new).map(|(same, _)| same.len_utf8()).sum();
        let (deleted, inserted) = (old.len() - start - end, new[start..new.len() - end].to_owned());
        (only.at, only.deleted, only.inserted) = (only.at + start, deleted, inserted);
        if only.is_nothing() {
            planned.clear();
        }
    }
    planned
}

/// A single replacement compared with what it replaces: one range is sent for all that a command changes from its first
/// line to its last, and for the whole of what a formatter or a filter made. Whether it is a large one comes with it.
fn compared(planned: Vec<Replace>, text: &Text) -> (Vec<Replace>, bool) {
    let [only] = planned.as_slice() else { return (planned, false) };
    let large = only.deleted >= LARGE_BYTES && only.inserted.len() >= LARGE_BYTES;
    let old = text.slice(only.range());
    let has_more = large || has_words(&old) && has_words(&only.inserted) || same_but_for_blanks(&old, &only.inserted);
    if !has_more {
        return (planned, false);
    }
    // Whole lines, so that each is compared with the one in its place.
    let head = text.line_start(text.line_of(only.at))..only.at;
    let end = only.at + only.deleted;
    let tail = end..text.line_start(text.line_of(end) + 1).max(end);
    let new = [&*text.slice(head.clone()), &only.inserted, &*text.slice(tail.clone())].concat();
    let mut edits = diff_in_place(&text.slice(head.start..tail.end), &new, &Limits::default());
    let new_end = head.len() + only.inserted.len();
    let inside = |edit: &Replace| head.len() <= edit.at && edit.at + edit.inserted.len() <= new_end;
    let mut from = head.start;
    if !edits.iter().all(inside) {
        // A line written anew, but for what was not sent of it: that did not change.
        edits = diff_str(&old, &only.inserted, &Limits::default());
        from = only.at;
    }
    edits.iter_mut().for_each(|edit| edit.at += from);
    let several = edits.len() > 1;
    (edits, large || several)
}

/// Whether two texts have the same letters and signs, and some at all.
fn same_but_for_blanks(one: &str, other: &str) -> bool {
    let solid = |text: &str| text.chars().filter(|character| !character.is_whitespace()).collect::<String>();
    let one = solid(one);
    !one.is_empty() && one == solid(other)
}

/// Whether there is something in a text to compare: more than one word, or more than one line.
fn has_words(text: &str) -> bool {
    text.trim().contains(|character: char| !(character.is_alphanumeric() || character == '_'))
        || text.contains(['\n', '\r'])
}

/// An edit as several, none of which puts in more than fits a message.
fn split(replace: Replace) -> Vec<Replace> {
    if replace.inserted.len() <= INSERT_BYTES {
        return vec![replace];
    }
    let Replace { mut at, mut deleted, inserted } = replace;
    let mut parts = Vec::new();
    let mut rest = inserted.as_str();
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(boundary(rest, INSERT_BYTES));
        parts.push(Replace { at, deleted: std::mem::take(&mut deleted), inserted: piece.to_owned() });
        at += piece.len();
        rest = tail;
    }
    parts
}

/// The last border of a character of `text` at or before byte `at`.
pub(super) fn boundary(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
