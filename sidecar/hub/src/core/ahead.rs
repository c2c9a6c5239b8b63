//! What a page of a watch will ask of the store, said before: a store elsewhere is asked for all of it at once, in as many
//! questions for a page as for one file (ADR 0108).
//!
//! Absent on purpose: any judgement. What is not said here is asked for by itself when it is needed.

use codi2_protocol::{FileId, WorktreeId};
use codi2_workspace::Observation;

use super::Core;
use super::disk::{decode_text, text_of};
use crate::ports::Ports;

impl Core {
    /// Before a page of what a watch saw is taken in.
    pub(super) fn ask_ahead(&self, worktree: &WorktreeId, page: &[Observation], ports: &dyn Ports) {
        if !ports.is_shared() {
            return;
        }
        let glance = |found: &Observation| {
            let file = FileId { worktree: worktree.clone(), path: found.path.clone() };
            let digest = found.content.digest();
            let known = self.ledger.disk.get(&file);
            // Seen again as it is known.
            if known.is_some_and(|known| known.as_ref().map(|known| known.bytes) == digest) {
                return None;
            }
            let sources = found.git.iter().flat_map(|git| &git.sources);
            let sources: Vec<_> = sources.filter_map(|source| decode_text(source)).collect();
            Some(self.ledger.glance(file, digest, text_of(&found.content).as_ref(), &sources))
        };
        let glances: Vec<_> = page.iter().filter_map(glance).collect();
        if !glances.is_empty() {
            ports.ahead(&glances);
        }
    }

    /// Before files are looked at of which a row is stored.
    pub(super) fn ask_ahead_of(&self, files: &[FileId], ports: &dyn Ports) {
        let glances: Vec<_> = files.iter().map(|file| self.ledger.glance(file.clone(), None, None, &[])).collect();
        ports.ahead(&glances);
    }
}
