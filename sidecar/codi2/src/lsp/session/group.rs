//! The open group of a document: edits made and not yet sealed, with the hints that came for them.
//!
//! A hint names a version and may come before or after the change that led to it, until the group is sealed. One
//! notification may carry several changes and lead over several versions; a hint belongs to it if its version does.

use std::collections::VecDeque;

use codi2_protocol::{Edit, Shape, Source, SourceKind};
use codi2_text::{Text, line_ends};

use super::since::Since;

/// Hints kept for changes that have not come yet, per document.
const EARLY: usize = 256;

/// Edits not yet sealed.
#[derive(Debug)]
pub(super) struct OpenGroup {
    /// One for each notification.
    pub runs: Vec<Run>,
    /// When the first edit arrived.
    pub first_ms: u64,
    /// When the last edit arrived.
    pub last_ms: u64,
    /// Bytes put in and removed.
    pub bytes: usize,
    /// Owner of what is put in, for this window's own display.
    pub owner: u32,
    /// Runs, from the first, in which nothing looks like a key any more.
    keyless: usize,
}

/// The changes of one notification.
#[derive(Debug)]
pub(super) struct Run {
    /// Version before.
    pub prior: i32,
    /// Version after.
    pub version: i32,
    /// When it arrived.
    pub at_ms: u64,
    /// Hints for the versions after `prior` up to `version`, in order of version.
    pub hints: Vec<(i32, Source)>,
    /// The changes.
    pub changes: Vec<Made>,
}

/// One content change as it was made.
#[derive(Debug)]
pub(super) struct Made {
    /// The text before it.
    pub before: Text,
    /// The edits it came down to.
    pub edits: Vec<MadeEdit>,
}

/// One edit and its texts.
#[derive(Debug)]
pub(super) struct MadeEdit {
    /// The edit, without what is only known when the group is sealed.
    pub edit: Edit,
    /// The text put in.
    pub inserted: String,
    /// The text removed.
    pub deleted: String,
}

impl MadeEdit {
    /// An edit at byte `at` in `line`, from 0.
    pub fn new(at: usize, line: u32, deleted: String, inserted: String, shape: Shape) -> Self {
        let edit = Edit {
            at: at as u64,
            deleted: deleted.len() as u64,
            inserted: inserted.len() as u64,
            line: u64::from(line) + 1,
            lines_deleted: line_ends(&deleted) as u64,
            lines_inserted: line_ends(&inserted) as u64,
            shape,
            source: None,
            restored: Vec::new(),
            copied: Vec::new(),
        };
        Self { edit, inserted, deleted }
    }
}

/// What makes two edits belong in different groups: different declared sources.
pub(super) type SourceClass = Option<(SourceKind, Option<String>)>;

/// The class of a declared source.
pub(super) fn class_of(source: Option<&Source>) -> SourceClass {
    source.map(|source| (source.kind, source.name.clone()))
}

impl Run {
    /// The source of each change: one to one where there are as many hints as changes, else what all hints agree on.
    pub fn sources(&self) -> Vec<Option<&Source>> {
        if self.hints.len() == self.changes.len() {
            return self.hints.iter().map(|(_, source)| Some(source)).collect();
        }
        let first = self.hints.first().map(|(_, source)| source);
        let agreed =
            first.filter(|first| self.hints.iter().all(|(_, source)| class_of(Some(source)) == class_of(Some(first))));
        vec![agreed; self.changes.len()]
    }

    /// Takes a hint if its version is one this notification led over.
    pub fn take_hint(&mut self, version: i32, source: &Source) -> bool {
        let ours = self.prior < version && version <= self.version;
        if ours {
            let at = self.hints.partition_point(|(known, _)| *known <= version);
            self.hints.insert(at, (version, source.clone()));
        }
        ours
    }
}

impl OpenGroup {
    pub fn new(owner: u32, at_ms: u64) -> Self {
        Self { runs: Vec::new(), first_ms: at_ms, last_ms: at_ms, bytes: 0, owner, keyless: 0 }
    }

    /// The class of the last change, if its source is declared.
    pub fn last_class(&self) -> SourceClass {
        class_of(self.runs.last().and_then(|run| run.sources().last().copied().flatten()))
    }

    /// Whether every notification has the hint a hinting client sends for it.
    pub fn is_hinted(&self) -> bool {
        self.runs.iter().all(|run| run.sources().iter().all(Option::is_some))
    }

    /// Gives a late hint to the run it belongs to.
    pub fn take_hint(&mut self, version: i32, source: &Source) -> bool {
        self.runs.iter_mut().rev().any(|run| run.take_hint(version, source))
    }

    /// No hand types that fast: what looked like keys does not any more.
    pub fn forget_keys(&mut self) {
        let from = std::mem::replace(&mut self.keyless, self.runs.len());
        let edits = self.runs[from..].iter_mut().flat_map(|run| &mut run.changes).flat_map(|made| &mut made.edits);
        for made in edits.filter(|made| made.edit.shape == Shape::Keystroke) {
            made.edit.shape = Shape::Insert;
        }
    }

    /// The edits in order.
    pub fn edits(&self) -> impl Iterator<Item = &MadeEdit> {
        self.runs.iter().flat_map(|run| &run.changes).flat_map(|made| &made.edits)
    }
}

/// Hints that came before their change.
#[derive(Debug, Default)]
pub(super) struct EarlyHints(VecDeque<(i32, Source)>);

impl EarlyHints {
    pub fn keep(&mut self, version: i32, source: Source) {
        if self.0.len() == EARLY {
            self.0.pop_front();
        }
        self.0.push_back((version, source));
    }

    /// The class of the source of the next change, from `prior` to `version`, where its hints agree on one.
    pub fn class(&self, prior: i32, version: i32) -> SourceClass {
        let mut ours = self.0.iter().filter(|(own, _)| prior < *own && *own <= version);
        let first = class_of(ours.next().map(|(_, source)| source));
        first.filter(|first| ours.all(|(_, source)| class_of(Some(source)).as_ref() == Some(first)))
    }

    /// Those for the versions up to `version`, in order; hints for versions not after `prior` are dropped.
    pub fn take(&mut self, prior: i32, version: i32) -> Vec<(i32, Source)> {
        let mut taken: Vec<(i32, Source)> = Vec::new();
        self.0.retain(|(own, source)| {
            if *own <= version {
                taken.push((*own, source.clone()));
            }
            *own > version
        });
        taken.retain(|(own, _)| *own > prior);
        taken.sort_by_key(|(own, _)| *own);
        taken
    }
}

/// Follows edits from the text before a group.
pub(super) fn follow(since: &mut Since, edit: &Edit) {
    // Offsets in memory; they were `usize` when the edit was made.
    since.edit(edit.at as usize, edit.deleted as usize, edit.inserted as usize);
}
