//! Whose a content was before it was found at a path.

use codi2_attribution::Seen;
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
}
