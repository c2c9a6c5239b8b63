//! Worktrees whose folder is gone while somebody wants them watched: nothing of them is kept in memory, the status says so,
//! and they are watched again when the folder is back.
//!
//! Absent on purpose: how it is seen that a folder is gone (its watch ends), and worktrees that nobody wants any more.

use std::path::PathBuf;

use codi2_protocol::{WatchState, WorktreeId};

use super::Core;
use crate::ports::Ports;

impl Core {
    /// The watch of a worktree has ended, since its folder is gone: its files are let go of.
    pub(super) fn let_go(&mut self, id: &WorktreeId, ports: &mut dyn Ports) {
        ports.unwatch(id);
        self.ledger.disk.retain(|file, _| file.worktree != *id);
        self.unread.retain(|file| file.worktree != *id);
        if let Some(worktree) = self.worktree(id) {
            worktree.status.files = 0;
        }
    }

    /// Watches those again whose folder is back, for whoever wanted them watched.
    pub(super) fn watch_again(&mut self, ports: &mut dyn Ports) {
        let is_gone = |state| matches!(state, WatchState::Stopped);
        let gone = self.worktrees.iter().filter(|(_, worktree)| is_gone(worktree.status.state));
        let gone: Vec<(WorktreeId, PathBuf, bool)> =
            gone.map(|(id, worktree)| (id.clone(), worktree.status.root.clone().into(), worktree.polled)).collect();
        for (id, root, polled) in gone {
            if !ports.is_back(&id, &root) {
                continue;
            }
            match self.ensure_watched(&root, polled, ports) {
                // Another repository lies there now: whoever watched the folder watches that.
                Ok(other) if other != id => {
                    let wanted = self.worktrees.remove(&id).map(|worktree| worktree.connections).unwrap_or_default();
                    if let Some(other) = self.worktree(&other) {
                        other.connections.extend(wanted);
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(root = %root.display(), error, "not watched again"),
            }
        }
    }
}
