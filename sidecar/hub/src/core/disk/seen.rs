//! Whose a content was before it was found at a path, and since when nothing was there.

use codi2_attribution::{Moment, Seen};
use codi2_protocol::{Digest, FileId};
use codi2_text::{OwnerTree, Text};

use crate::book::OwnerRef;
use crate::core::Core;
use crate::ports::Ports;

/// A text as long as this, in bytes, is not written twice by chance: whoever has it again has copied it.
pub(super) const COPIED_BYTES: usize = 30;

impl Core {
    /// The owners that a content had before this change, and where: at the path that the file had before, at its own, or
    /// anywhere else if git wrote it or it is too long to be written twice.
    pub(super) fn seen_before(
        &mut self,
        file: &FileId,
        source: Option<&FileId>,
        text: Option<&Text>,
        by_git: bool,
        ports: &dyn Ports,
    ) -> Option<(Seen, OwnerTree<OwnerRef>)> {
        let text = text?;
        let digest = Digest::new(text.digest());
        let there = source.and_then(|source| self.ledger.owners_at(ports, source, digest));
        let here = there.or_else(|| self.ledger.owners_of(ports, file, digest));
        if let Some(owners) = here.filter(|owners| owners.len() == text.len_bytes()) {
            return Some((Seen::Here, owners));
        }
        if by_git || text.len_bytes() >= COPIED_BYTES {
            return self.ledger.known_otherwise(ports, file, text);
        }
        None
    }

    /// When the hub last knew that a file was not there: when it went, or when everything was looked at.
    pub(super) fn known_absent(&self, file: &FileId) -> Moment {
        let went = self.open.on(file).rev().find(|change| change.after.is_none()).map(|change| change.to);
        let looked = self.worktrees.get(&file.worktree).map(|worktree| worktree.looked_at);
        went.max(looked).unwrap_or_default()
    }
}
