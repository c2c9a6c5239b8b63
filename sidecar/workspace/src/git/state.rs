//! The state of a worktree's git at one moment, and how to see cheaply that it moved.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::{Head, Index, Moved, Oid, View};
use crate::clock::Clock;
use crate::place::Place;
use crate::read::{Stamp, changed};

/// HEAD, index, stashes, marks; and when they were read.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) head: Head,
    pub(crate) index: Arc<Index>,
    /// Newest first, at most 8.
    pub(crate) stashes: Vec<Oid>,
    pub(crate) marks: Marks,
    pub(crate) stamps: Stamps,
    /// Position in HEAD's reflog.
    pub(crate) logged: u64,
    /// When git last wrote the index.
    pub(crate) indexed: Option<SystemTime>,
    /// When reading it began.
    pub(crate) at: SystemTime,
    /// When it was read.
    pub(crate) done: SystemTime,
}

/// Operations that git has begun and not ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) merge: Vec<Oid>,
    pub(crate) cherry_pick: Option<Oid>,
    pub(crate) revert: Option<Oid>,
    rebase: bool,
    am: bool,
    bisect: bool,
    /// The stash that a rebase or merge made by itself and will apply.
    pub(crate) autostash: Option<Oid>,
}

impl Marks {
    fn read(git_dir: &Path) -> Self {
        let oids = |name: &str| -> Vec<Oid> {
            let text = fs::read_to_string(git_dir.join(name)).unwrap_or_default();
            text.lines().filter_map(|line| Oid::parse(line.trim())).collect()
        };
        let one = |name: &str| oids(name).first().copied();
        let am = git_dir.join("rebase-apply/applying").exists();
        Self {
            merge: oids("MERGE_HEAD"),
            cherry_pick: one("CHERRY_PICK_HEAD"),
            revert: one("REVERT_HEAD"),
            rebase: git_dir.join("rebase-merge").is_dir() || (!am && git_dir.join("rebase-apply").is_dir()),
            am,
            bisect: git_dir.join("BISECT_LOG").exists(),
            autostash: one("rebase-merge/autostash").or(one("rebase-apply/autostash")).or(one("MERGE_AUTOSTASH")),
        }
    }

    /// Names of what is under way.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        [
            (!self.merge.is_empty(), "merge"),
            (self.cherry_pick.is_some() && !self.rebase, "cherry-pick"),
            (self.revert.is_some(), "revert"),
            (self.rebase, "rebase"),
            (self.am, "am"),
            (self.bisect, "bisect"),
        ]
        .into_iter()
        .filter_map(|(on, name)| on.then_some(name))
        .collect()
    }
}

/// Folders that git keeps while it makes several commits: a rebase, patches or the older rebase, picks and reverts.
const SERIES: [&str; 3] = ["rebase-merge", "rebase-apply", "sequencer"];

/// Whether git is amid several commits that it makes one after the other in this worktree: it may be at work, or have
/// stopped for somebody to edit, or have been left so long ago.
pub fn is_amid_commits(place: &Place) -> bool {
    place.git_dir.as_ref().is_some_and(|folder| SERIES.iter().any(|name| folder.join(name).is_dir()))
}

/// Files of a worktree's git folder that tell what git does; the index first.
const OWN: [&str; 7] =
    ["index", "HEAD", "logs/HEAD", "reftable/tables.list", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"];

/// Stamps of the files that move whenever git does something to this worktree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stamps {
    own: [Option<Stamp>; 7],
    stash: Option<Stamp>,
}

impl Stamps {
    pub(crate) fn read(git_dir: &Path, common_dir: &Path) -> Self {
        Self {
            own: OWN.map(|name| Stamp::of(&git_dir.join(name))),
            stash: Stamp::of(&common_dir.join("logs/refs/stash")),
        }
    }

    /// Whether the files moved since: this worktree's own, or any.
    pub(crate) fn moved(&self, git_dir: &Path, common_dir: &Path) -> Option<Whose> {
        let now = Self::read(git_dir, common_dir);
        match (self.own == now.own, self.stash == now.stash) {
            (false, _) => Some(Whose::Own),
            (true, false) => Some(Whose::Shared),
            (true, true) => None,
        }
    }

    /// Whether this worktree's own files are not the same.
    pub(crate) fn own_differ(&self, other: &Self) -> bool {
        self.own != other.own
    }

    fn index(&self) -> Option<Stamp> {
        self.own[0]
    }
}

/// Whose files of git moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// This worktree's.
    Own,
    /// Those that all worktrees share.
    Shared,
}

impl State {
    /// Reads the state. What cannot be read stays as it was in `last`.
    pub(crate) fn read(view: &View, last: Option<&Self>, clock: &Clock) -> (Self, Vec<Moved>) {
        let at = clock.now();
        let indexed = fs::metadata(view.git_dir.join("index")).ok().and_then(|meta| changed(&meta));
        let indexed = indexed.map(|written| clock.of(written));
        let stamps = Stamps::read(&view.git_dir, &view.common_dir);
        let index = match last {
            Some(last) if last.stamps.index() == stamps.index() && stamps.index().is_some() => Arc::clone(&last.index),
            _ => match (view.index(), last) {
                (Ok(index), _) => Arc::new(index),
                (Err(error), last) => {
                    tracing::warn!(%error, "cannot read the index");
                    last.map(|last| Arc::clone(&last.index)).unwrap_or_default()
                }
            },
        };
        let head = match view.head() {
            Ok(head) => head,
            Err(error) => {
                tracing::warn!(%error, "cannot read HEAD");
                last.map(|last| last.head.clone()).unwrap_or_default()
            }
        };
        let (entries, logged) = view.head_log_since(last.map(|last| last.logged));
        let mut stashes: Vec<_> = view.reflog("refs/stash").into_iter().filter_map(|entry| entry.new).collect();
        stashes.reverse();
        stashes.truncate(8);
        let marks = Marks::read(&view.git_dir);
        let done = clock.now();
        (Self { head, index, stashes, marks, stamps, logged, indexed, at, done }, entries)
    }

    #[cfg(test)]
    pub(super) fn nothing() -> Self {
        let epoch = SystemTime::UNIX_EPOCH;
        Self {
            head: Head::default(),
            index: Arc::default(),
            stashes: Vec::new(),
            marks: Marks::default(),
            stamps: Stamps::default(),
            logged: 0,
            indexed: None,
            at: epoch,
            done: epoch,
        }
    }
}
