//! Git's side of a watch: the signs that git is at work, and what is done when it has finished.
//!
//! Absent on purpose: what a change is explained by (`crate::git`), and when a window may close (`Window`).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use codi2_protocol::WatchState;
use notify::event::{EventKind, ModifyKind};

use super::engine::Engine;
use super::judge::Batch;
use crate::git::{History, Lock, State, View, Whose};
use crate::observe::{Cause, WatchEvent};

/// Git's side of a watch.
pub(super) struct Git {
    pub(super) view: View,
    pub(super) history: History,
}

impl Engine {
    pub(super) fn open_git(&mut self) {
        let place = &self.shared.place;
        let (Some(git_dir), Some(common_dir)) = (place.git_dir.clone(), place.common_dir.clone()) else { return };
        // Watched first, so that git's events survive when the limit is reached.
        self.folders.watch_git(&git_dir, &common_dir);
        match View::open(&place.root, &git_dir, &common_dir) {
            Ok(view) => {
                let (before, _) = State::read(&view, None, &self.shared.clock);
                self.git = Some(Git { view, history: History::new(before) });
                self.adopt_index();
            }
            Err(error) => {
                let detail = format!("cannot read the repository, so git explains nothing: {error}");
                self.send(WatchEvent::State(WatchState::Degraded, detail));
            }
        }
    }

    /// Takes the index of the newest state into use.
    pub(super) fn adopt_index(&mut self) {
        let Some(git) = &mut self.git else { return };
        let index = Arc::clone(&git.history.latest().index);
        git.view.set_filters(index.has_attributes() || self.shared.place.root.join(".gitattributes").exists());
        self.index = index;
        self.shared.set_index(Arc::clone(&self.index));
    }

    /// Something in git's folders moved. `own`: this worktree's; `shared`: of all worktrees (both for a main worktree).
    pub(super) fn git_event(&mut self, name: &Path, kind: &EventKind, own: bool, shared: bool) {
        let Some(name) = name.to_str() else { return };
        let now = self.now();
        if own && name == "index.lock" {
            self.window.lock = match kind {
                EventKind::Create(_) => Lock::Empty,
                EventKind::Modify(ModifyKind::Data(_)) if self.window.lock == Lock::Empty => Lock::Written,
                EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => Lock::Free,
                _ => self.window.lock,
            };
        }
        match name {
            "index" | "index.lock" | "HEAD" | "HEAD.lock" | "ORIG_HEAD" | "MERGE_HEAD" | "CHERRY_PICK_HEAD"
            | "REVERT_HEAD" | "REBASE_HEAD" | "AUTO_MERGE" | "BISECT_LOG" | "logs/HEAD" | "rebase-merge"
            | "rebase-apply"
                if own =>
            {
                self.window.sign(now, true);
            }
            "info/exclude" | "info/attributes" | "config" | "config.worktree" | "info/sparse-checkout" => {
                self.reload = Some(now + Duration::from_millis(30));
            }
            // Nobody's files.
            _ if name.starts_with("refs/notes") || name.starts_with("logs/refs/notes") => {
                if shared && name.starts_with("refs/") {
                    self.folders.watch_refs(&self.shared.place, name);
                }
                // The first note may be there before its folder is watched.
                if shared && matches!(name, "refs/notes" | "refs/notes/codi2") {
                    self.send(WatchEvent::Noted);
                }
            }
            _ if shared && (name.starts_with("refs/") || name == "packed-refs" || name.starts_with("logs/refs/")) => {
                self.folders.watch_refs(&self.shared.place, name);
                self.window.sign(now, false);
            }
            _ if name.starts_with("reftable/") => self.window.sign(now, own),
            _ => {}
        }
    }

    /// Before anything is judged: did git move without our having heard of it yet?
    pub(super) fn look_at_git(&mut self, now: Duration) {
        let Some(git) = &self.git else { return };
        if self.window.is_open() || (self.settle.deadline().is_none_or(|due| due > now) && !self.folders.polls()) {
            return;
        }
        let moved = git.history.latest().stamps.moved(&git.view.git_dir, &git.view.common_dir);
        if self.locked() {
            self.window.sign(now, true);
        } else if let Some(whose) = moved {
            self.window.sign(now, whose == Whose::Own);
        }
    }

    /// Whether a lock file of git lies there that may still be somebody's.
    pub(super) fn locked(&self) -> bool {
        let Some(git_dir) = &self.shared.place.git_dir else { return false };
        ["index.lock", "HEAD.lock"].iter().any(|name| {
            let meta = std::fs::symlink_metadata(git_dir.join(name));
            let made = meta.and_then(|meta| meta.modified()).map(|made| self.shared.clock.of(made));
            let age = made.map(|made| self.shared.clock.now().duration_since(made).unwrap_or_default());
            age.is_ok_and(|age| age < Duration::from_secs(30))
        })
    }

    /// Git is done: reads what it did and judges everything that waited by that.
    pub(super) fn close_window(&mut self, locked: bool) {
        if self.folders.polls() {
            // What git wrote after the last round is there by now.
            self.poll();
        }
        let Some(mut git) = self.git.take() else {
            self.window.close();
            return self.step_all();
        };
        let last = git.history.latest();
        let old = Arc::clone(&last.index);
        let (state, entries) = State::read(&git.view, Some(last), &self.shared.clock);
        let moved = state.stamps.moved(&git.view.git_dir, &git.view.common_dir);
        let moved = moved.or((!locked && self.locked()).then_some(Whose::Own));
        if let Some(whose) = moved {
            // It went on while we looked.
            self.git = Some(git);
            return self.window.sign(self.now(), whose == Whose::Own);
        }
        let own = self.window.own() || last.stamps.own_differ(&state.stamps) || last.head.commit != state.head.commit;
        let opened = self.window.opened().unwrap_or_default();
        self.window.close();
        let index = Arc::clone(&state.index);
        git.history.push(state, entries, own);
        self.git = Some(git);
        self.adopt_index();
        // Everything git's doings may explain: what waits, and what was reported a moment before.
        self.drain();
        let mut batch = self.settle.take_where(|_| true);
        for (path, (waiting, until)) in std::mem::take(&mut self.unsure) {
            match batch.binary_search_by(|(held, _)| held.cmp(&path)) {
                Ok(at) => batch[at].1.late = true,
                Err(at) if until >= opened => batch.insert(at, (path, waiting)),
                Err(_) => {}
            }
        }
        self.judge(batch, Batch::Closing);
        let mut tracked: Vec<String> = Vec::new();
        if !Arc::ptr_eq(&old, &index) {
            tracked.extend(index.not_in(&old).filter(|path| !self.seen.contains_key(*path)).map(str::to_owned));
            tracked.sort_unstable();
        }
        // Files that git tracks from now on are watched even where they are ignored.
        for path in tracked {
            if let Some((folder, _)) = path.rsplit_once('/')
                && !self.folders.knows(folder)
            {
                self.enter_ancestors(folder);
            }
            if !self.seen.contains_key(&path) {
                self.touch(path, Cause::Rescan);
            }
        }
        self.send(WatchEvent::GitDone);
    }
}
