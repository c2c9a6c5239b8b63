//! Worktrees under watch, and who wants them watched: a session that works in it, a connection that asked for it, or an
//! agent's hook that named it lately.
//!
//! Absent on purpose: what a watch sees.

use std::collections::BTreeSet;
use std::path::Path;

use codi2_attribution::Moment;
use codi2_protocol::{ErrorCode, FileId, HubError, Reply, WatchState, WatchStatus, WorktreeId};

use super::bounds::{WAITING_TICKETS, WORKTREES};
use super::{ConnectionId, Core, Effect, Entry, Ticket};
use crate::ports::Ports;
use crate::rows::Row;

/// A worktree that only hooks named is watched this long, in ms.
const HOOKED_MS: u64 = 600_000;

/// A worktree under watch.
#[derive(Debug)]
pub struct Worktree {
    /// How the watch stands.
    pub status: WatchStatus,
    /// Whether the first look is over.
    pub scanned: bool,
    /// When everything was looked at last: what was not found was not there.
    pub looked_at: Moment,
    /// Whether an earlier hub watched it: then a change nobody saw happened while the hub was away.
    pub watched_before: bool,
    /// Whether it is looked at again and again, since somebody asked for that.
    pub(super) polled: bool,
    pub(super) connections: BTreeSet<ConnectionId>,
    pub(super) waiting: Vec<Ticket>,
    pub(super) hooked_ms: u64,
}

impl Core {
    /// Watches on request of a connection; the answer comes when the first look is over.
    pub(super) fn watch(
        &mut self,
        ticket: Option<Ticket>,
        connection: ConnectionId,
        path: &str,
        poll: bool,
        _now: u64,
        ports: &mut dyn Ports,
    ) -> Option<Result<Reply, HubError>> {
        let id = match self.ensure_watched(Path::new(path), poll, ports) {
            Ok(id) => id,
            Err(message) => return Some(Err(HubError { code: ErrorCode::NotFound, message })),
        };
        let worktree = self.worktrees.get_mut(&id).expect("just ensured");
        worktree.connections.insert(connection);
        if worktree.scanned {
            return Some(Ok(Reply::Watch(worktree.status.clone())));
        }
        if worktree.waiting.len() >= WAITING_TICKETS {
            let message = format!("{WAITING_TICKETS} calls wait for the first look at {path} already: wait for them");
            return Some(Err(HubError { code: ErrorCode::Busy, message }));
        }
        worktree.waiting.extend(ticket);
        None
    }

    /// The worktree of a path, watched from now on.
    pub(super) fn ensure_watched(
        &mut self,
        path: &Path,
        poll: bool,
        ports: &mut dyn Ports,
    ) -> Result<WorktreeId, String> {
        let watched = ports.watch(path, poll)?;
        let id = watched.worktree.clone();
        if let Some(shared) = watched.shared {
            self.ledger.join(id.repository, shared);
        }
        let root = watched.root.to_string_lossy().into_owned();
        if let Some(known) = self.worktrees.get_mut(&id).filter(|known| known.status.root != root) {
            // The repository was moved, and is watched where it lies now.
            known.status.root.clone_from(&root);
            let rows = vec![Row::Worktree(self.host, id.clone(), root.clone())];
            self.effects.push(Effect::Commit(Entry { rows, ..Entry::default() }));
        }
        // Of one whose folder was gone all is looked at anew.
        let former = match self.worktrees.get(&id) {
            Some(known) if known.status.state != WatchState::Stopped => return Ok(id),
            _ => self.worktrees.remove(&id),
        };
        if self.worktrees.len() >= WORKTREES {
            ports.unwatch(&id);
            return Err(format!("the hub watches {WORKTREES} worktrees already: close some windows"));
        }
        let status = WatchStatus {
            worktree: id.clone(),
            root: root.clone(),
            state: WatchState::Watching,
            files: 0,
            branch: watched.branch,
            detail: String::new(),
        };
        let (connections, waiting, hooked_ms) =
            former.map(|former| (former.connections, former.waiting, former.hooked_ms)).unwrap_or_default();
        let watched_before = ports.watched_before(&id);
        if watched_before {
            // What lay there last is known by itself, wherever it lies by now.
            for (path, text) in ports.disk_texts(&id) {
                self.ledger.place(&FileId { worktree: id.clone(), path }, text);
            }
        }
        let worktree = Worktree {
            status,
            scanned: false,
            looked_at: Moment::default(),
            watched_before,
            polled: poll,
            connections,
            waiting,
            hooked_ms,
        };
        self.worktrees.insert(id.clone(), worktree);
        let rows = vec![Row::Worktree(self.host, id.clone(), root)];
        self.effects.push(Effect::Commit(Entry { rows, ..Entry::default() }));
        Ok(id)
    }

    /// Keeps a worktree watched because a hook named it.
    pub(super) fn hooked(&mut self, worktree: &WorktreeId, now: u64) {
        if let Some(worktree) = self.worktrees.get_mut(worktree) {
            worktree.hooked_ms = now;
        }
    }

    /// The first look is over: whoever waited for it is answered.
    pub(super) fn scanned(&mut self, id: &WorktreeId, files: u64, now: u64) {
        let looked_at = self.moment(now);
        let Some(worktree) = self.worktrees.get_mut(id) else { return };
        (worktree.scanned, worktree.looked_at) = (true, looked_at);
        worktree.status.files = files;
        for ticket in std::mem::take(&mut worktree.waiting) {
            self.effects.push(Effect::Reply(ticket, Ok(Reply::Watch(worktree.status.clone()))));
        }
    }

    pub(super) fn unwatch_unwanted(&mut self, now: u64, ports: &mut dyn Ports) {
        let wanted: BTreeSet<WorktreeId> =
            self.sessions.values().filter_map(|session| session.info.worktree.clone()).collect();
        let unwanted: Vec<WorktreeId> = self
            .worktrees
            .iter()
            .filter(|(id, worktree)| {
                worktree.connections.is_empty()
                    && !wanted.contains(id)
                    && now.saturating_sub(worktree.hooked_ms) > HOOKED_MS
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in unwanted {
            ports.unwatch(&id);
            self.worktrees.remove(&id);
            self.ledger.disk.retain(|file, _| file.worktree != id);
            self.unread.retain(|file| file.worktree != id);
        }
    }

    pub(super) fn watch_root(&mut self, root: Option<&str>, ports: &mut dyn Ports) {
        if let Some(root) = root {
            // A root that is gone is said by the watch; the edits are kept either way.
            let _ = self.ensure_watched(Path::new(root), false, ports);
        }
    }

    /// What is watched.
    pub fn watches(&self) -> Vec<WatchStatus> {
        self.worktrees.values().map(|worktree| worktree.status.clone()).collect()
    }

    pub(super) fn worktree(&mut self, id: &WorktreeId) -> Option<&mut Worktree> {
        self.worktrees.get_mut(id)
    }
}
