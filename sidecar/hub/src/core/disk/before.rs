//! What a file was before it was found changed: at its path, at the path it was moved from, or before it was taken away for
//! a moment.

use codi2_attribution::Moment;
use codi2_protocol::{Digest, FileId};
use codi2_text::Text;
use codi2_workspace::{GitExplanation, Observation};

use crate::core::Core;
use crate::core::decoded::give_text;
use crate::core::kept::{Alone, written_at};
use crate::known::Known;
use crate::ports::Ports;
use crate::rows::Row;

/// What a file was before a change of it.
pub(super) struct Before {
    /// Where it was.
    pub file: FileId,
    pub bytes: Option<Digest>,
    pub known: Option<Known>,
    /// When it was last known to be so.
    pub held: Moment,
    /// The same, or when the file was last written, if that is later.
    pub from: Moment,
    /// The same by itself, where it is one with the change that emptied the file.
    pub alone: Option<Alone>,
    /// The row that keeps whose it was, where only git could give that back so far.
    pub unstored: Option<Row>,
}

impl Core {
    /// What a file was that is found so at `to`; `source` is where it was moved from, `git` what explains it or was passed.
    pub(super) fn before(
        &mut self,
        file: &FileId,
        source: Option<FileId>,
        found: &Observation,
        to: Moment,
        git: Option<&GitExplanation>,
        ports: &mut dyn Ports,
    ) -> Before {
        let is_there = |source: &FileId| matches!(self.ledger.disk.get(source), Some(Some(_)));
        let file = source.filter(is_there).unwrap_or_else(|| file.clone());
        let on_disk = self.ledger.disk.get(&file).and_then(Option::as_ref);
        let is_gits = on_disk.is_some_and(|on_disk| on_disk.blob.is_some());
        let held = on_disk.map_or_else(|| self.known_absent(&file), |on_disk| on_disk.seen).min(to);
        let from = held.max(found.written.map(written_at).unwrap_or_default()).min(to);
        let bytes = on_disk.map(|on_disk| on_disk.bytes);
        let mut known = on_disk.map(|on_disk| on_disk.known.clone());
        // Git's explanation may have the text that is gone from the index: nobody needs to ask git for it.
        if let (Some(known), Some(git)) = (&mut known, git) {
            give_text(known, git);
        }
        let known = known.map(|known| self.ledger.with_text(ports, &file, known));
        // What git could give back was not stored: the next hub would not know that all of it is older than codi2.
        let unstored = known.as_ref().filter(|known| is_gits && self.ledger.is_all_older(&known.owners));
        let unstored = unstored.map(|known| self.owners_row(&file, known));
        Before { file, bytes, known, held, from, alone: None, unstored }
    }

    /// When the hub last knew that a file was not there: when it went, or when everything was looked at.
    fn known_absent(&self, file: &FileId) -> Moment {
        let went = self.open.on(file).rev().find(|change| change.after.is_none()).map(|change| change.to);
        let looked = self.worktrees.get(&file.worktree).map(|worktree| worktree.looked_at);
        went.max(looked).unwrap_or_default()
    }

    /// The file has been moved here: what is known of it comes along.
    pub(super) fn moved_from(&mut self, before: &Before, file: &FileId) {
        let scanned = self.worktree(&file.worktree).is_some_and(|worktree| worktree.scanned);
        self.ledger.gone(&before.file, scanned);
        self.open.rename(&before.file, file);
        for parted in self.kept.values_mut().filter_map(|kept| kept.parted.as_mut()) {
            if parted.file == before.file {
                parted.file.clone_from(file);
            }
        }
        if let Some(known) = &before.known {
            self.ledger.remember(file, known.digest, &known.owners);
        }
    }

    /// A text stands where nothing stood: it is one change with the one that took the text away just now, if that is known,
    /// and what stands there again is not new.
    pub(super) fn back_again(
        &mut self,
        file: &FileId,
        before: &mut Before,
        after: Option<&Text>,
        found: &Observation,
        now: u64,
        ports: &mut dyn Ports,
    ) {
        let was_nothing = before.known.as_ref().is_none_or(|known| known.owners.is_empty());
        let Some(after) = after.filter(|after| was_nothing && !after.is_empty()) else { return };
        let emptied = self.emptied(file, before.bytes, found, after);
        let left = emptied.or_else(|| self.moved_with_git(file, found, now, ports));
        let Some(kept) = left.and_then(|event| self.kept.get(&event)) else { return };
        let known = std::mem::replace(&mut before.known, kept.before.clone());
        let Before { bytes: before_bytes, held, from, .. } = *before;
        let alone = Alone { before: known, before_bytes, held, from, begun: kept.begun() };
        before.alone = emptied.map(|_| alone);
        (before.bytes, before.held, before.from) = (kept.before_bytes, kept.held, kept.from);
    }
}
