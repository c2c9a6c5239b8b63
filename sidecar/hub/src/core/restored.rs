//! Whether a group of edits leads a buffer to a text that was known before, and whose that text was.
//!
//! Absent on purpose: what follows from it, which the ladder says (`groups` asks both).

use codi2_attribution::StateSeen;
use codi2_protocol::{EditGroup, FileId, SessionId};
use codi2_text::OwnerTree;

use super::Core;
use super::kept::Kept;
use crate::book::OwnerRef;
use crate::ledger::{Branch, Drift};
use crate::ports::Ports;

/// A file that was written so long before an edit was heard of was not written by a save of that edit, in ms: on a busy
/// machine a window's process hears of a key, and of its save, after the watch has seen the file.
const STEP_MS: u64 = 2_000;

impl Core {
    /// Whether the text after the group was known before, and its owners. A text that this buffer had itself is an
    /// earlier state of it even if the file holds the same.
    pub(super) fn state_seen(
        &mut self,
        file: &FileId,
        group: &EditGroup,
        branch: &Branch,
        ports: &mut dyn Ports,
    ) -> (Option<StateSeen>, Option<OwnerTree<OwnerRef>>) {
        let own = branch.past.contains(&group.after);
        let on_disk = self.ledger.disk.get(file).and_then(Option::as_ref);
        let on_disk = on_disk.filter(|on_disk| on_disk.known.digest == group.after);
        if let Some(on_disk) = on_disk.filter(|_| !own || branch.loaded_as(group.after)) {
            let seen = if own { StateSeen::EarlierState } else { StateSeen::Disk };
            return (Some(seen), Some(on_disk.known.owners.clone()));
        }
        match self.ledger.owners_of(ports, file, group.after) {
            Some(owners) => (Some(StateSeen::EarlierState), Some(owners)),
            None => (None, None),
        }
    }

    /// The owners on disk of the text after the group, where the file went there from the text before it, after the buffer
    /// was last as the file and before anything of the group was in the buffer: by another's hand, and not by a save of
    /// this text that was seen before the typing in it was told.
    pub(super) fn step_seen(
        &self,
        file: &FileId,
        group: &EditGroup,
        branch: &Branch,
    ) -> Option<(StateSeen, OwnerTree<OwnerRef>)> {
        let on_disk = self.ledger.disk.get(file)?.as_ref().filter(|on_disk| on_disk.known.digest == group.after)?;
        let number = branch.loaded.map_or(0, |(_, number)| number);
        let steps = self.open.on(file).rev().map_while(|change| self.kept.get(&change.event));
        let mut steps = steps.take_while(|kept| kept.number > number).peekable();
        let written = steps.peek()?.written?;
        let is_from_here = |kept: &Kept| kept.before.as_ref().is_some_and(|before| before.digest == group.before);
        let is_it = written.at_ns / 1_000_000 + STEP_MS <= group.first_ms && steps.any(is_from_here);
        is_it.then(|| (StateSeen::Step, on_disk.known.owners.clone()))
    }

    /// The owners that the text after the group had when this buffer had it before, where something that the group puts in was
    /// another's there than the person's who works in it: an editor that declares nothing undoes and redoes a key as it was.
    pub(super) fn came_back(
        &mut self,
        file: &FileId,
        group: &EditGroup,
        branch: &Branch,
        session: SessionId,
        ports: &mut dyn Ports,
    ) -> Option<(StateSeen, OwnerTree<OwnerRef>)> {
        let is_same = group.after == group.before && branch.drift == Drift::Sure;
        if !is_same && !branch.past.contains(&group.after) {
            return None;
        }
        let owners = self.ledger.owners_of(ports, file, group.after)?;
        let mut put = OwnerTree::new(branch.known.owners.len(), 0);
        for edit in &group.edits {
            put.splice(edit.at as usize, edit.deleted as usize, &[(edit.inserted as usize, 1)]);
        }
        let person = self.actor_of(Some(session));
        let is_anothers = |owner| self.ledger.book.owner(owner).verdict.origin != person;
        let mut at = 0;
        let any = put.len() == owners.len()
            && put.iter().any(|(len, is_new)| {
                at += len;
                is_new == 1 && owners.spans(at - len..at).iter().any(|(_, owner)| is_anothers(*owner))
            });
        any.then_some((StateSeen::Back, owners))
    }
}
