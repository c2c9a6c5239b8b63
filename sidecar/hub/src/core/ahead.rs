//! What a page of a watch will ask of the store, said before: a store elsewhere is asked for all of it at once, in as many
//! questions for a page as for one file (ADR 0108).
//!
//! Absent on purpose: any judgement. What is not said here is asked for by itself when it is needed.

use codi2_protocol::{Digest, FileId, WorktreeId};
use codi2_text::Text;
use codi2_workspace::Observation;

use super::Core;
use super::decoded::{decode_text, text_of};
use crate::ports::{Glance, Ports};

impl Core {
    /// Before a page of what a watch saw is taken in.
    pub(super) fn ask_ahead(&self, worktree: &WorktreeId, page: &[Observation], ports: &mut dyn Ports) {
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
        let found = page.iter().filter_map(|found| Some((found, glance(found)?)));
        let (found, glances): (Vec<_>, Vec<_>) = found.unzip();
        if glances.is_empty() {
            return;
        }
        ports.ahead(&glances);
        // Git is asked what it had there before, and asked again when a file is judged: sooner than the store would answer.
        // Of a single file the store is asked as often either way.
        let found = found.into_iter().zip(&glances).filter(|_| glances.len() > 1);
        let before: Vec<_> = found.filter_map(|(found, glance)| self.glance_before(found, glance, ports)).collect();
        if !before.is_empty() {
            ports.ahead(&before);
        }
    }

    /// What will be asked about a file's contents of before, as git has them: of the one in its index, where the file has no
    /// row and was changed while no hub ran, and of earlier ones, where nothing is stored of the text that was found.
    fn glance_before(&self, found: &Observation, glance: &Glance, ports: &mut dyn Ports) -> Option<Glance> {
        let Glance { file, is_new, repositories, any, .. } = glance;
        let digest = found.content.digest()?;
        let row = if *is_new { ports.disk_row(file) } else { None };
        if row.as_ref().is_some_and(|row| row.bytes == digest) {
            return None;
        }
        let is_unstored = |text: &Text| {
            ports.stored_owners(repositories, &file.path, Digest::new(text.digest())).is_none()
                && repositories.iter().any(|repository| ports.has_stored_owners(*repository, &file.path))
        };
        let is_earlier = *any && text_of(&found.content).as_ref().is_some_and(is_unstored);
        let earlier = if is_earlier { ports.earlier(file) } else { Vec::new() };
        let earlier: Vec<Text> = earlier.iter().filter_map(|bytes| decode_text(bytes)).collect();
        let is_changed = *is_new && row.is_none() && found.blob.is_none();
        let indexed = if is_changed { ports.indexed(file) } else { None };
        match indexed.and_then(|(_, bytes)| decode_text(&bytes)) {
            Some(indexed) => Some(self.ledger.glance(file.clone(), None, Some(&indexed), &earlier)),
            None if earlier.is_empty() => None,
            None => Some(self.ledger.glance_back(file, &earlier)),
        }
    }

    /// Before files are looked at of which a row is stored.
    pub(super) fn ask_ahead_of(&self, files: &[FileId], ports: &dyn Ports) {
        let glances: Vec<_> = files.iter().map(|file| self.ledger.glance(file.clone(), None, None, &[])).collect();
        ports.ahead(&glances);
    }
}
