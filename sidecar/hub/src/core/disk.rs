//! Files on disk, as they are found.
//!
//! [`Core::observe`] is the only way a file's state changes, whoever looked and why, so save, watcher, hook and git meet
//! by digest in any order. A change is judged once when it is seen and again when more is known about its file.

mod before;
mod changed;
mod first_sight;
mod seen;

use codi2_attribution::Observed;
use codi2_protocol::FileId;
use codi2_workspace::{Cause, Observation};

use super::Core;
use crate::ports::Ports;

impl Core {
    /// Looks at a file now.
    pub(super) fn look(&mut self, file: &FileId, now: u64, ports: &mut dyn Ports) {
        if let Some(observation) = ports.read(file) {
            self.observe(file, observation, now, ports);
        }
    }

    /// A file was found to hold this.
    pub(super) fn observe(&mut self, file: &FileId, found: Observation, now: u64, ports: &mut dyn Ports) {
        self.turn += 1;
        let seen = self.moment(found.at_ms);
        if !self.ledger.disk.contains_key(file) && !self.first_sight(file, &found, now, ports) {
            return;
        }
        let digest = found.content.digest();
        let known = self.ledger.disk.get(file).and_then(Option::as_ref).map(|on_disk| on_disk.bytes);
        if known == digest
            && let Some(from) = &found.from
        {
            // Moved onto its own copy, or seen here before it was known to be moved: the old path is gone.
            let from = FileId { worktree: file.worktree.clone(), path: from.clone() };
            self.moved_here(file, &from, now, ports);
            let gone = Observation::gone(from.path.clone(), found.cause, found.at_ms);
            let gone = Observation { git: found.git.clone(), ..gone };
            self.observe(&from, gone, now, ports);
        }
        if known == digest {
            if let Some(on_disk) = self.ledger.disk.get_mut(file).and_then(Option::as_mut) {
                on_disk.blob = found.blob.or(on_disk.blob);
                on_disk.seen = seen;
            }
            if let Some(git) = found.git {
                self.late_git(file, digest, found.written, git, now, ports);
            }
            return;
        }
        let observed = match found.cause {
            Cause::Rescan => Observed::Rescan,
            _ => Observed::Live,
        };
        self.changed(file, found, observed, now, ports);
    }
}
