//! The folders of a watch: which are watched by events, which are polled, and why. Non-recursive watches on unignored
//! folders only; a new folder is walked by us, because the watcher misses folders made quickly inside each other.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::WatchOptions;
use super::engine::Message;
use super::feed::Tap;
use super::queue::Slot;
use super::shared::Shared;
use crate::git::Index;
use crate::mounts;
use crate::path::{from_relative, to_relative};
use crate::place::Place;
use codi2_protocol::WatchState;

pub(super) struct Folders {
    root: PathBuf,
    tap: Option<Tap>,
    /// Folders of the worktree by protocol path (the root is empty): whether events tell of them.
    known: BTreeMap<String, bool>,
    /// Folders known before the walk that is under way.
    old: BTreeMap<String, bool>,
    /// Folders watched by events, git's own included.
    watched: usize,
    limit: usize,
    why: Why,
}

/// Why folders are polled.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    No,
    Asked,
    Silent(String),
    NoWatcher(String),
    Limit,
}

impl Folders {
    pub(super) fn new(shared: &Arc<Shared>, messages: Slot<Message>) -> Self {
        let root = shared.place.root.clone();
        let mut why = Why::No;
        let mut tap = None;
        if shared.options.poll {
            why = Why::Asked;
        } else if let Some(kind) = mounts::silent(&root) {
            why = Why::Silent(kind);
        } else {
            match Tap::open(messages, Arc::clone(shared)) {
                Ok(opened) => tap = Some(opened),
                Err(error) => why = Why::NoWatcher(error.to_string()),
            }
        }
        Self {
            root,
            tap,
            known: BTreeMap::new(),
            old: BTreeMap::new(),
            watched: 0,
            limit: shared.options.max_folders,
            why,
        }
    }

    /// Watches git's folders: this worktree's and the shared ones.
    pub(super) fn watch_git(&mut self, git_dir: &Path, common_dir: &Path) {
        let own = ["", "logs", "reftable", "info"].map(|name| git_dir.join(name));
        let shared =
            ["", "refs", "refs/heads", "refs/notes", "logs/refs", "reftable", "info"].map(|name| common_dir.join(name));
        for folder in own.into_iter().chain(shared) {
            if folder.is_dir() {
                self.watch(&folder);
            }
        }
    }

    /// A folder below `refs` or `logs/refs` may be new (`refs/heads/feature`).
    pub(super) fn watch_refs(&mut self, place: &Place, name: &str) {
        let folder = place.common_dir.as_ref().map(|common| common.join(name));
        if let Some(folder) = folder.filter(|folder| !name.ends_with(".lock") && folder.is_dir()) {
            self.watch(&folder);
        }
    }

    fn watch(&mut self, folder: &Path) -> bool {
        let Some(tap) = &self.tap else { return false };
        if self.watched >= self.limit {
            self.why = Why::Limit;
            return false;
        }
        match tap.watch(folder) {
            Ok(()) => {
                self.watched += 1;
                true
            }
            Err(error) => {
                if matches!(error.kind, notify::ErrorKind::MaxFilesWatch) {
                    self.why = Why::Limit;
                } else {
                    tracing::debug!(%error, folder = %folder.display(), "not watched");
                }
                false
            }
        }
    }

    pub(super) fn limit_reached(&mut self) {
        self.why = Why::Limit;
    }

    pub(super) fn full(&self, folder: &str) -> Option<PathBuf> {
        if folder.is_empty() {
            Some(self.root.clone())
        } else {
            from_relative(folder).map(|below| self.root.join(below))
        }
    }

    pub(super) fn knows(&self, folder: &str) -> bool {
        self.known.contains_key(folder)
    }

    /// Whether the folder of a file is watched or polled.
    pub(super) fn parent_known(&self, path: &str) -> bool {
        self.knows(path.rsplit_once('/').map_or("", |(folder, _)| folder))
    }

    /// Registers a folder and all below it that are not left out, and lists the files in them, sorted. The watch is
    /// set before the folder is listed, so nothing made in between is missed.
    pub(super) fn walk(&mut self, shared: &Shared, index: &Index, folder: &str) -> Vec<String> {
        let mut files = Vec::new();
        let mut queue = vec![folder.to_owned()];
        while let Some(folder) = queue.pop() {
            if shared.stopping() {
                break;
            }
            let Some(full) = self.full(&folder) else { continue };
            let apart = || !folder.is_empty() && full.join(".git").symlink_metadata().is_ok();
            if apart() || !folder.is_empty() && !shared.rules.folder(&folder, index) {
                continue;
            }
            if self.known.remove(&folder) == Some(true) {
                self.watched = self.watched.saturating_sub(1);
            }
            let by_events = self.watch(&full);
            // Asked again: before the watch was set nobody would have heard of it.
            if apart() {
                if by_events && let Some(tap) = &self.tap {
                    tap.unwatch(&full);
                    self.watched = self.watched.saturating_sub(1);
                }
                continue;
            }
            let Ok(entries) = fs::read_dir(&full) else { continue };
            self.known.insert(folder, by_events);
            for entry in entries.flatten() {
                let Some(path) = entry.path().strip_prefix(&self.root).ok().and_then(to_relative) else { continue };
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => queue.push(path),
                    Ok(kind) if kind.is_file() => files.push(path),
                    _ => {}
                }
            }
        }
        files.sort_unstable();
        files
    }

    /// Forgets a folder and all below it; whether it was one.
    pub(super) fn forget(&mut self, folder: &str) -> bool {
        if !self.knows(folder) {
            return false;
        }
        let prefix = format!("{folder}/");
        let below: Vec<String> =
            self.known.keys().filter(|known| *known == folder || known.starts_with(&prefix)).cloned().collect();
        for known in below {
            self.drop_one(&known);
        }
        true
    }

    fn drop_one(&mut self, folder: &str) {
        let by_events = self.known.remove(folder);
        if by_events == Some(true)
            && let Some(full) = self.full(folder)
            && let Some(tap) = &self.tap
        {
            tap.unwatch(&full);
            self.watched = self.watched.saturating_sub(1);
        }
    }

    /// Begins to walk anew: what is known becomes old. The kernel's watches stay, so nothing is missed.
    pub(super) fn clear(&mut self) {
        self.watched = self.watched.saturating_sub(self.known.values().filter(|by_events| **by_events).count());
        self.old = std::mem::take(&mut self.known);
    }

    /// Ends a walk anew: old folders that it did not reach are watched no longer.
    pub(super) fn sweep(&mut self) {
        for (folder, by_events) in std::mem::take(&mut self.old) {
            if by_events
                && !self.knows(&folder)
                && let Some(full) = self.full(&folder)
                && let Some(tap) = &self.tap
            {
                tap.unwatch(&full);
            }
        }
    }

    pub(super) fn polls(&self) -> bool {
        self.tap.is_none() || self.why != Why::No
    }

    /// The folders to poll.
    pub(super) fn polled(&self) -> Vec<String> {
        self.known.iter().filter(|(_, by_events)| !**by_events).map(|(folder, _)| folder.clone()).collect()
    }

    /// How the watch goes, in words that say what to do.
    pub(super) fn state(&self, options: &WatchOptions) -> (WatchState, String) {
        let every = options.poll_ms;
        let polled = self.known.values().filter(|by_events| !**by_events).count();
        let watched = self.known.len() - polled;
        match &self.why {
            Why::No => (WatchState::Watching, format!("{} watched", folders(watched))),
            Why::Asked => (WatchState::Polling, format!("{} looked at every {every} ms, as asked", folders(polled))),
            Why::Silent(kind) => (
                WatchState::Polling,
                format!(
                    "{} looked at every {every} ms: the file system here ({kind}) reports no changes; \
                     move the worktree to a local disk for faster answers",
                    folders(polled)
                ),
            ),
            Why::NoWatcher(error) => (
                WatchState::Degraded,
                format!(
                    "{} looked at every {every} ms: no watcher could be made ({error}); \
                     raise fs.inotify.max_user_instances{}",
                    folders(polled),
                    now_at("max_user_instances")
                ),
            ),
            Why::Limit => (
                WatchState::Degraded,
                format!(
                    "the watch limit is reached: {} watched, {} looked at every {every} ms; \
                     raise it with `sysctl fs.inotify.max_user_watches=524288`{} or exclude folders",
                    folders(watched),
                    folders(polled),
                    now_at("max_user_watches")
                ),
            ),
        }
    }
}

fn folders(count: usize) -> String {
    if count == 1 { "1 folder".to_owned() } else { format!("{count} folders") }
}

/// The limit as it stands, for people.
fn now_at(name: &str) -> String {
    fs::read_to_string(format!("/proc/sys/fs/inotify/{name}"))
        .map(|text| format!(" (now {})", text.trim()))
        .unwrap_or_default()
}
