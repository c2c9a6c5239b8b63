//! What the watch of a worktree tells: files it saw, what git did and explains, and how it is itself.
//!
//! Absent on purpose: what follows for a file (`disk`).

use codi2_protocol::{Actor, ActorKind, EventBody, FileId, Notice, WatchState, WorktreeId};
use codi2_workspace::WatchEvent;

use super::{Core, Effect, Entry, Why};
use crate::ports::Ports;

/// Files that are gone about which the store is asked at once.
const AT_ONCE: usize = 256;

impl Core {
    /// A watch saw something.
    pub(super) fn watched(&mut self, id: &WorktreeId, event: WatchEvent, now: u64, ports: &mut dyn Ports) {
        let file = |path: &str| FileId { worktree: id.clone(), path: path.to_owned() };
        if self.worktree(id).is_none() {
            // What a watch still had to say when it was let go: the next one finds it.
            return;
        }
        match event {
            WatchEvent::Scan(page) | WatchEvent::Observed(page) => {
                self.ask_ahead(id, &page, ports);
                let mut is_end = false;
                for observation in page {
                    let file = file(&observation.path);
                    let was_there = matches!(self.ledger.disk.get(&file), Some(Some(_)));
                    is_end |= !was_there || observation.content.digest().is_none();
                    self.observe(&file, observation, now, ports);
                }
                if is_end {
                    self.pair_changed(id, now, ports);
                }
            }
            WatchEvent::Explained { path, digest, written, git } => {
                self.late_git(&file(&path), Some(digest), Some(written), git, now, ports);
            }
            WatchEvent::ScanDone { files } => {
                let missed = ports.disk_texts(id).into_iter().map(|(path, _)| file(&path));
                let missed: Vec<_> = missed.filter(|file| !self.ledger.disk.contains_key(file)).collect();
                for files in missed.chunks(AT_ONCE) {
                    self.ask_ahead_of(files, ports);
                    for file in files {
                        // A look at another one may have led here.
                        if !self.ledger.disk.contains_key(file) {
                            self.look(file, now, ports);
                        }
                    }
                }
                self.ledger.disk.retain(|file, on_disk| on_disk.is_some() || file.worktree != *id);
                self.scanned(id, files, now);
                self.effects.push(Effect::Look(id.clone(), Why::Moved));
            }
            WatchEvent::Git(operation) => {
                if let Some(worktree) = self.worktree(id) {
                    worktree.status.branch.clone_from(&operation.new_branch);
                }
                let actor = Actor::named(ActorKind::Git, operation.operation.clone());
                let body = EventBody::Git {
                    operation: operation.operation,
                    old_head: operation.old_head,
                    new_head: operation.new_head,
                    old_branch: operation.old_branch,
                    new_branch: operation.new_branch,
                };
                let event = self.own_event(now, Some(id.clone()), actor, body);
                self.effects.push(Effect::Commit(Entry { events: vec![event], ..Entry::default() }));
                self.tell_windows(id, &Notice::Git { worktree: id.clone() });
            }
            WatchEvent::GitDone => self.effects.push(Effect::Look(id.clone(), Why::Moved)),
            WatchEvent::Noted => self.tell_windows(id, &Notice::Noted { worktree: id.clone() }),
            WatchEvent::State(state, detail) => {
                let Some(worktree) = self.worktree(id) else { return };
                worktree.status.state = state;
                worktree.status.detail.clone_from(&detail);
                if state == WatchState::Stopped {
                    self.let_go(id, ports);
                }
                let said = (state, detail.clone());
                if self.said.get(id) != Some(&said) {
                    self.said.put(id.clone(), said);
                    let event =
                        self.own_event(now, Some(id.clone()), Actor::unknown(), EventBody::Watch { state, detail });
                    self.effects.push(Effect::Commit(Entry { events: vec![event], ..Entry::default() }));
                }
            }
            WatchEvent::Private(_) => {
                let event = self.own_event(now, Some(id.clone()), Actor::unknown(), EventBody::Private);
                self.effects.push(Effect::Commit(Entry { events: vec![event], ..Entry::default() }));
            }
        }
    }
}
