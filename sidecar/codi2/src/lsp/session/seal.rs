//! Sealing: the open group of a document becomes one event's worth of facts, with digests and evidence.
//!
//! Digests, comparisons with deleted and with open text are done here and not per change, because typing must cost
//! nothing. A group whose changes turn out to have different declared sources (hints may come late) becomes several.

use codi2_attribution::{is_filter, is_import};
use codi2_protocol::limits::{TEXT_BYTES, VALUE_BYTES};
use codi2_protocol::{
    Copied, Digest, Edit, EditGroup, Fact, FileId, GroupId, Restored, SessionId, Shape, Source, SourceKind,
};
use codi2_text::{Least, Limits, Text, Tombstones, align_tokens};

use super::Effect;
use super::document::boundary;
use super::group::{MadeEdit, OpenGroup, SourceClass, class_of, follow};
use super::moved::{Moved, Stood, moved};
use super::since::Since;

/// Room in a part for everything but its edits, in bytes.
const HEAD_BYTES: usize = 2_000;
/// Runs of one edit told as restored or copied, at most.
const RUNS: usize = 200;
/// Bytes of a source's name or detail, at most.
const WORD_BYTES: usize = 200;
/// Bytes of open text searched for one insert, at most.
const SEARCHED_BYTES: usize = 8 << 20;
/// Characters from which an insert is looked for elsewhere, unless it is a full line.
const COPIED_CHARS: usize = 30;

/// Which edit deleted a text: the group and the edit's number in it.
pub(super) type Grave = (GroupId, u32);

/// What sealing reads and writes beside the document.
pub(super) struct Sealing<'a> {
    /// The session of the window.
    pub session: SessionId,
    /// The document's file.
    pub file: &'a FileId,
    /// Deleted text of the whole window.
    pub tombstones: &'a mut Tombstones<Grave>,
    /// Sealed texts of the other open documents.
    pub others: Vec<(&'a FileId, &'a Text, Digest)>,
    /// Mints ids.
    pub mint: &'a mut dyn FnMut() -> GroupId,
    /// Whether the client hints every edit, so that an edit without a hint is nobody's typing.
    pub hinted: bool,
}

/// What sealing gave.
pub(super) struct Sealed {
    /// Facts and texts, in order.
    pub effects: Vec<Effect>,
    /// The groups sealed.
    pub groups: Vec<GroupId>,
    /// Digest of the text now.
    pub digest: Digest,
    /// Whether the last group took the text over from the disk.
    pub reloaded: bool,
}

/// Edits of one declared source, with the text before them.
struct Stretch<'a> {
    before: &'a Text,
    first_ms: u64,
    last_ms: u64,
    class: SourceClass,
    edits: Vec<(&'a MadeEdit, Option<&'a Source>)>,
}

impl Stretch<'_> {
    /// The edits as whole lines, where a command moved lines.
    fn moved(&self, after: &Text) -> Option<Vec<Moved>> {
        let (_, source) = self.edits.first()?;
        let source = source.filter(|source| source.kind == SourceKind::Command && !is_import(source))?;
        // A deletion alone, or lines put in without one, moves nothing, nor does what stays in a line.
        let lines = |made: &MadeEdit| made.edit.lines_inserted > 0;
        let many = self.edits.iter().any(|(made, _)| made.edit.line != self.edits[0].0.edit.line);
        let both = self.edits.iter().any(|(made, _)| !made.deleted.is_empty())
            && self.edits.iter().any(|(made, _)| lines(made) || many && !made.inserted.is_empty());
        both.then(|| moved(self.before, after, is_filter(source)))?
    }
}

impl Sealing<'_> {
    /// Seals `open`, whose text before has digest `before` and whose text after is `now`.
    pub fn seal(&mut self, open: &OpenGroup, before: Digest, now: &Text) -> Sealed {
        let stretches = stretches(open);
        let mut sealed = Sealed { effects: Vec::new(), groups: Vec::new(), digest: before, reloaded: false };
        for (at, stretch) in stretches.iter().enumerate() {
            let before = sealed.digest;
            let after = stretches.get(at + 1).map_or(now, |next| next.before);
            sealed.digest = Digest::new(after.digest());
            sealed.reloaded = matches!(&stretch.class, Some((SourceKind::Reload, _)));
            let group = (self.mint)();
            sealed.groups.push(group);
            let moved = stretch.moved(after);
            let edits = self.edits(stretch, moved.as_deref(), group, before);
            self.tell(stretch, group, before, sealed.digest, edits, &mut sealed.effects);
        }
        sealed
    }

    /// The edits with their evidence.
    fn edits<'a>(
        &mut self,
        stretch: &Stretch<'a>,
        moved: Option<&'a [Moved]>,
        group: GroupId,
        before: Digest,
    ) -> Vec<(Edit, &'a str)> {
        let mut since = Since::default();
        let source = stretch.edits.first().and_then(|(_, source)| *source);
        let told: Vec<(&'a MadeEdit, Option<&'a Source>, Option<&'a Stood>)> = match moved {
            Some(moved) => moved
                .iter()
                .map(|it| (&it.made, source.filter(|_| it.stood != Stood::TooMany), Some(&it.stood)))
                .collect(),
            None => stretch.edits.iter().map(|(made, source)| (*made, *source, None)).collect(),
        };
        let mut edits = Vec::with_capacity(told.len());
        for (number, (made, source, stood)) in told.into_iter().enumerate() {
            let mut edit = made.edit.clone();
            edit.source = source.map(cut);
            if self.hinted && source.is_none() && edit.shape == Shape::Keystroke {
                edit.shape = Shape::Other;
            }
            let kind = source.map(|source| source.kind);
            let places = match stood {
                Some(Stood::Places(places)) => Some(places.iter().map(|place| place.told(before)).collect::<Vec<_>>()),
                Some(Stood::TooMany) => Some(Vec::new()),
                _ => None,
            };
            if places.is_none() {
                edit.restored = self.restored(made, kind);
            }
            let back: u64 = edit.restored.iter().map(|run| run.len).sum();
            edit.copied = if let Some(places) = places {
                places
            } else if is_format(made, kind) {
                kept(made, &since, before)
            } else if back < edit.inserted && may_be_copied(kind) && edit.shape != Shape::Keystroke {
                self.copied(&made.inserted, stretch.before, before)
            } else {
                Vec::new()
            };
            follow(&mut since, &edit);
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            self.tombstones.remember((group, number), &made.deleted);
            edits.push((edit, made.inserted.as_str()));
        }
        edits
    }

    /// Runs that equal deleted text. What was declared an undo may be one character; anything else must be longer than
    /// what a hand types again by chance.
    fn restored(&self, made: &MadeEdit, kind: Option<SourceKind>) -> Vec<Restored> {
        let inserted = made.inserted.as_str();
        let undo = matches!(kind, Some(SourceKind::Undo | SourceKind::Redo));
        let by_hand = matches!(kind, Some(SourceKind::Typed | SourceKind::Completion | SourceKind::Reload));
        if inserted.is_empty() || (by_hand && !undo) || (made.edit.shape == Shape::Keystroke && !undo) {
            return Vec::new();
        }
        let mut matches = self.tombstones.find(inserted, if undo { Least::Any } else { Least::default() });
        if matches.is_empty() && inserted.chars().nth(2).is_some() {
            // An editor that declares nothing undoes too: the whole of what it puts back is what was deleted.
            matches = self.tombstones.find(inserted, Least::Any);
            matches.retain(|found| found.at == 0 && found.len == inserted.len());
        }
        let restored = matches.into_iter().take(RUNS).map(|found| Restored {
            at: found.at as u64,
            len: found.len as u64,
            group: found.id.0,
            edit: found.id.1,
            from: found.from as u64,
        });
        restored.collect()
    }

    /// Where an insert stands elsewhere: in this document before the group, else in another open one.
    fn copied(&self, inserted: &str, own: &Text, before: Digest) -> Vec<Copied> {
        let wanted = inserted.trim();
        let long = wanted.chars().nth(COPIED_CHARS - 1).is_some();
        let line = inserted.contains('\n') && wanted.chars().any(char::is_alphanumeric) && wanted.len() > 3;
        if !long && !line {
            return Vec::new();
        }
        let at = inserted.find(wanted).unwrap_or(0);
        let mut left = SEARCHED_BYTES;
        let own = std::iter::once((None, own, before));
        let others = self.others.iter().map(|(file, text, digest)| (Some(*file), *text, *digest));
        for (file, text, digest) in own.chain(others) {
            let Some(rest) = left.checked_sub(text.len_bytes()) else { continue };
            left = rest;
            let hay = text.to_string();
            // With its white space if it stands so, else without.
            let whole = hay.find(inserted).map(|from| (0, inserted.len(), from));
            if let Some((at, len, from)) = whole.or_else(|| hay.find(wanted).map(|from| (at, wanted.len(), from))) {
                let (at, len, from) = (at as u64, len as u64, from as u64);
                return vec![Copied { at, len, file: file.cloned(), digest, from }];
            }
        }
        Vec::new()
    }

    /// Turns the edits of a group into parts, each small enough for an event and its text for a message.
    fn tell(
        &self,
        stretch: &Stretch<'_>,
        group: GroupId,
        before: Digest,
        after: Digest,
        edits: Vec<(Edit, &str)>,
        effects: &mut Vec<Effect>,
    ) {
        let mut parts: Vec<(Vec<Edit>, Vec<String>)> = vec![Default::default()];
        let (mut size, mut text) = (HEAD_BYTES, 0);
        for (edit, inserted) in edits {
            // JSON is longer than the MessagePack it becomes, so this never cuts too late.
            let bytes = serde_json::to_vec(&edit).map_or(VALUE_BYTES, |json| json.len() + 1);
            if (size + bytes > VALUE_BYTES || text + inserted.len() > TEXT_BYTES) && size > HEAD_BYTES {
                parts.push(Default::default());
                (size, text) = (HEAD_BYTES, 0);
            }
            size += bytes;
            text += inserted.len();
            if let Some((edits, texts)) = parts.last_mut() {
                edits.push(edit);
                texts.push(inserted.to_owned());
            }
        }
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        for (part, (edits, inserted)) in (0..).zip(parts) {
            let (first_ms, last_ms) = (stretch.first_ms, stretch.last_ms);
            let file = self.file.clone();
            let told = EditGroup { group, file, part, parts: count, before, after, edits, first_ms, last_ms };
            effects.push(Effect::Text(codi2_protocol::Text::Group { session: self.session, group, part, inserted }));
            effects.push(Effect::Fact { at_ms: last_ms, fact: Fact::Edits(told) });
        }
    }
}

/// Cuts a group where the declared source changes.
fn stretches(open: &OpenGroup) -> Vec<Stretch<'_>> {
    let mut stretches: Vec<Stretch<'_>> = Vec::new();
    for run in &open.runs {
        for (made, source) in run.changes.iter().zip(run.sources()) {
            if made.edits.is_empty() {
                continue;
            }
            let class = class_of(source);
            if stretches.last().is_none_or(|last| last.class != class) {
                let (first_ms, last_ms) = (run.at_ms, run.at_ms);
                stretches.push(Stretch { before: &made.before, first_ms, last_ms, class, edits: Vec::new() });
            }
            if let Some(last) = stretches.last_mut() {
                last.last_ms = run.at_ms;
                last.edits.extend(made.edits.iter().map(|made| (made, source)));
            }
        }
    }
    stretches
}

fn is_format(made: &MadeEdit, kind: Option<SourceKind>) -> bool {
    let both = !made.deleted.is_empty() && !made.inserted.is_empty();
    both && (kind == Some(SourceKind::Format) || made.edit.shape == Shape::Layout)
}

/// Sources whose text may come from a buffer that is open here.
fn may_be_copied(kind: Option<SourceKind>) -> bool {
    !matches!(
        kind,
        Some(SourceKind::Typed | SourceKind::Completion | SourceKind::Reload | SourceKind::Undo | SourceKind::Redo)
    )
}

/// The tokens a formatter kept, as runs of the text before the group.
fn kept(made: &MadeEdit, since: &Since, before: Digest) -> Vec<Copied> {
    let at = made.edit.at as usize;
    let runs = align_tokens(&made.deleted, &made.inserted, &Limits::default()).into_iter().filter_map(|run| {
        let from = since.exact(at + run.old_at..at + run.old_at + run.len)?;
        Some(Copied { at: run.new_at as u64, len: run.len as u64, file: None, digest: before, from: from as u64 })
    });
    runs.take(RUNS).collect()
}

/// A source with its words cut to what fits.
fn cut(source: &Source) -> Source {
    let word = |word: &Option<String>| {
        word.as_ref().map(|word| word[..boundary(word, WORD_BYTES)].to_owned()).filter(|word| !word.is_empty())
    };
    Source { kind: source.kind, name: word(&source.name), detail: word(&source.detail) }
}
