//! Looking at more than one path: folders that come and go, walks, rounds of polling. What it finds goes to the settle
//! stage like any event.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codi2_protocol::WatchState;

use super::engine::Engine;
use crate::git::Lock;
use crate::observe::{Cause, WatchEvent};
use crate::path::to_relative;
use crate::read::Stamp;
use crate::rules::Rule;

impl Engine {
    /// A folder appeared: watches it and looks at all files in it.
    pub(super) fn enter(&mut self, folder: &str, cause: Cause) {
        for path in self.walk(folder) {
            self.touch(path, cause);
        }
        self.announce();
    }

    /// Watches a folder and all below it, and lists their files.
    pub(super) fn walk(&mut self, folder: &str) -> Vec<String> {
        let shared = Arc::clone(&self.shared);
        self.folders.walk(&shared, &self.index, folder)
    }

    /// A folder is gone, if it was one: all files that were in it are looked at.
    pub(super) fn leave(&mut self, folder: &str, cause: Cause) {
        if self.folders.forget(folder) {
            for path in self.seen_below(folder) {
                self.touch(path, cause);
            }
        }
    }

    pub(super) fn seen_below(&self, folder: &str) -> Vec<String> {
        let prefix = format!("{folder}/");
        let known = self.seen.keys().chain(self.only_read.keys());
        let mut below: Vec<_> = known.filter(|path| path.starts_with(&prefix)).cloned().collect();
        below.sort_unstable();
        below
    }

    /// A repository appeared in a folder (then all below is its own, forgotten and not gone) or went away.
    pub(super) fn nested(&mut self, folder: &str) {
        let Some(full) = self.folders.full(folder) else { return };
        if full.join(".git").symlink_metadata().is_err() {
            if full.is_dir() {
                self.enter(folder, Cause::Rescan);
            }
            return;
        }
        self.folders.forget(folder);
        let prefix = format!("{folder}/");
        self.settle.forget_below(&prefix);
        for path in self.seen_below(folder) {
            self.forget(&path);
        }
    }

    /// Enters the topmost folder on the way that is not watched yet.
    pub(super) fn enter_ancestors(&mut self, folder: &str) {
        let ends = folder.match_indices('/').map(|(at, _)| at).chain([folder.len()]);
        for end in ends {
            let part = folder[..end].to_owned();
            if !self.folders.knows(&part) {
                if self.root().join(crate::path::from_relative(&part).unwrap_or_default()).is_dir() {
                    self.enter(&part, Cause::Rescan);
                }
                return;
            }
        }
    }

    /// Ignore files, attributes or the set of nested repositories changed.
    pub(super) fn reload_rules(&mut self) {
        self.shared.rules.reload(&self.shared.place.root);
        if let Some(git) = &mut self.git {
            git.view.reload_config();
        }
        self.adopt_index();

        self.walk_again(Cause::Rescan);
    }

    /// Looks at everything again: new folders and files, files that are gone, files that are no longer looked at.
    fn walk_again(&mut self, cause: Cause) {
        self.folders.clear();
        let listed: BTreeSet<String> = self.walk("").into_iter().collect();
        let mut lost: Vec<String> = self.seen.keys().filter(|path| !listed.contains(*path)).cloned().collect();
        lost.sort_unstable();
        for path in lost {
            let known = self.folders.parent_known(&path) || !self.parent_exists(&path);
            if known && self.shared.rules.file(&path, &self.index) == Rule::Watch {
                self.touch(path, cause);
            } else {
                // Ignored from now on, or part of another repository: forgotten, not gone.
                self.seen.remove(&path);
            }
        }
        for path in listed {
            self.touch_if_changed(path, cause);
        }
        self.folders.sweep();
        self.announce();
    }

    fn parent_exists(&self, path: &str) -> bool {
        crate::path::from_relative(path).is_some_and(|below| self.root().join(below).parent().is_some_and(Path::is_dir))
    }

    /// Touches a file whose stamp is not the one last seen.
    pub(super) fn touch_if_changed(&mut self, path: String, cause: Cause) {
        let full: Option<PathBuf> = crate::path::from_relative(&path).map(|below| self.root().join(below));
        let stamp = full.and_then(|full| Stamp::of(&full));
        let same = match self.seen.get(&path) {
            Some(seen) => stamp == Some(seen.stamp) && !seen.young,
            None => self.private.get(&path).is_some_and(|seen| *seen == stamp),
        };
        if !same {
            self.touch(path, cause);
        }
    }

    /// Events were lost: every file is compared with what was last seen of it.
    pub(super) fn rescan(&mut self, why: &str) {
        self.window.lock = Lock::Free;
        // Stamps are not trusted: nobody knows what was missed.
        self.seen.values_mut().for_each(|seen| seen.young = true);
        self.shared.rules.reload(&self.shared.place.root);
        self.walk_again(Cause::Rescan);
        let detail = format!(
            "{why}: all {} files are compared again; changes made meanwhile are reported without their order",
            self.seen.len()
        );
        self.state = Some(WatchState::Rescanned);
        self.send(WatchEvent::State(WatchState::Rescanned, detail));
        self.announce();
    }

    /// One round over the folders that give no events.
    pub(super) fn poll(&mut self) {
        for folder in self.folders.polled() {
            // A repository found earlier in this round took the folders below it away.
            if !self.folders.knows(&folder) {
                continue;
            }
            let Some(full) = self.folders.full(&folder) else { continue };
            let Ok(entries) = std::fs::read_dir(&full) else {
                self.leave(&folder, Cause::Poll);
                continue;
            };
            if !folder.is_empty() && full.join(".git").symlink_metadata().is_ok() {
                self.nested(&folder);
                continue;
            }
            let mut present = BTreeSet::new();
            for entry in entries.flatten() {
                let Some(path) = entry.path().strip_prefix(self.root()).ok().and_then(to_relative) else { continue };
                match entry.file_type() {
                    Ok(kind)
                        if kind.is_dir()
                            && !self.folders.knows(&path)
                            && self.shared.rules.folder(&path, &self.index) =>
                    {
                        self.enter(&path, Cause::Poll);
                    }
                    Ok(kind) if kind.is_file() && self.shared.rules.file(&path, &self.index) != Rule::Ignore => {
                        self.touch_if_changed(path.clone(), Cause::Poll);
                        present.insert(path);
                    }
                    _ => {}
                }
            }
            self.touch_missing(&folder, &present);
        }
    }

    /// Files once seen directly in a folder that are not there now.
    fn touch_missing(&mut self, folder: &str, present: &BTreeSet<String>) {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let here = |path: &&String| path.strip_prefix(&prefix).is_some_and(|name| !name.contains('/'));
        let mut missing: Vec<String> =
            self.seen.keys().filter(here).filter(|path| !present.contains(*path)).cloned().collect();
        missing.sort_unstable();
        for path in missing {
            self.touch(path, Cause::Poll);
        }
    }
}
