//! Whether a change is git's: the heart of the git view.
//!
//! A change is git's if git moved and the content is what git had for that path: the index or HEAD before; HEAD after,
//! if git wrote files to get there; a stash that lay there before; the index after, if its blob is older than the
//! operation or the file was written under git's index lock; or the clean merge or conflict of these.
//!
//! The trap: a program writes a file and runs `git add` and `git commit` at once. Index and HEAD then equal the file,
//! but git wrote nothing. So what a commit brought to a path is not git's unless git had it before.

mod merged;
mod passed;
mod squashed;

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::index::Entry;
use super::operation::{Kind, Movement};
use super::{Oid, State, View};
use crate::clock::Clock;
use crate::observe::{GitExplanation, GitSource};
pub(super) use merged::merge_bytes;

/// File times may lag behind the clock by a tick; a window opens at least 50 ms after the last state was read.
pub(super) const CLOCK: Duration = Duration::from_millis(20);
/// Sources longer than this are not handed over (bytes).
const SOURCE_BYTES: usize = 2 << 20;
const SOURCES: usize = 6;
/// So far back is looked for what a revert brings back (commits).
const REVERTED: usize = 8;

/// What stands at a path.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found<'a> {
    Gone,
    Bytes(&'a [u8]),
    /// Too large to hold: so many bytes.
    Large(u64),
}

/// How the file was written, by the order of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    /// While git held its index lock and had not yet written the new index, and the index was written since: by git.
    Indexed,
    /// While git held its index lock, and no index was written since (`git restore --source` leaves it alone).
    UnderLock,
    /// Not known.
    Free,
}

/// Explains files by what happened between two states.
pub(crate) struct Explainer<'a> {
    pub(crate) view: &'a mut View,
    pub(crate) clock: &'a Clock,
    pub(crate) before: &'a State,
    pub(crate) after: &'a State,
    pub(crate) moved: &'a Movement,
    /// Whether this worktree's own files of git moved; else only the stashes did.
    pub(crate) own: bool,
}

/// The content of one path, compared with blobs.
struct Content<'a> {
    path: &'a str,
    found: Found<'a>,
    written: Option<SystemTime>,
    /// Its name, once git was asked for it: that reads all of the file.
    hashed: Option<Option<Oid>>,
    equal: Vec<(Oid, bool)>,
    /// What another branch has at the path, where it is the merge with that.
    theirs: Option<Oid>,
}

impl Content<'_> {
    fn hashed(&mut self, view: &View) -> Option<Oid> {
        *self.hashed.get_or_insert_with(|| view.hash_file(self.path))
    }

    fn is(&mut self, view: &mut View, oid: Oid) -> bool {
        if let Some((_, equal)) = self.equal.iter().find(|(known, _)| *known == oid) {
            return *equal;
        }
        let equal = match self.found {
            Found::Gone => false,
            Found::Bytes(bytes) => view.same(self.path, oid, bytes),
            Found::Large(size) => !view.differs_in_size(oid, size) && self.hashed(view) == Some(oid),
        };
        self.equal.push((oid, equal));
        equal
    }
}

impl Explainer<'_> {
    /// The explanation of a path's content, if git is one. `written` tells when it was written; `None` if it is gone.
    pub(crate) fn explain(
        &mut self,
        path: &str,
        found: Found<'_>,
        written: Option<SystemTime>,
        writing: Writing,
    ) -> Option<GitExplanation> {
        let mut content = Content { path, found, written, hashed: None, equal: Vec::new(), theirs: None };
        let what = match found {
            _ if !self.own => self.stashed(&mut content)?,
            Found::Gone => self.gone(path)?,
            _ => self
                .equal(&mut content, writing)
                .or_else(|| self.merged(&mut content, writing))
                .or_else(|| self.object(&mut content, writing))?,
        };
        let squashed = content.theirs.map(|_| "merge --squash".to_owned());
        let operation = squashed.unwrap_or_else(|| self.moved.name(what, self.after));
        let sources = self.sources(&mut content, operation.starts_with("revert"));
        Some(GitExplanation { operation, what, sources })
    }

    /// The index entry now, if the content equals it.
    pub(crate) fn clean(view: &mut View, state: &State, path: &str, found: Found<'_>) -> Option<Oid> {
        let oid = state.index.entry(path).and_then(Entry::oid)?;
        let equal = match found {
            Found::Gone => false,
            Found::Bytes(bytes) => view.same(path, oid, bytes),
            Found::Large(size) => !view.differs_in_size(oid, size) && view.hash_file(path) == Some(oid),
        };
        equal.then_some(oid)
    }

    fn gone(&mut self, path: &str) -> Option<GitSource> {
        let now = self.after.index.entry(path);
        let absent = now.is_none_or(|entry| entry.skipped || entry.conflicted());
        let was_staged = self.before.index.tracks(path);
        let was_in_head = self.head_before(path).is_some();
        if absent && (was_staged || was_in_head || self.entered(path)) {
            let new_head = self.moved.writes() && self.head_after(path).is_none() && was_in_head;
            let is_removed = now.is_none() && self.moved.commits_alone(self.before, self.after);
            return Some(match (new_head, is_removed) {
                (true, _) => GitSource::NewHead,
                (_, true) => GitSource::Removed,
                _ => GitSource::Index,
            });
        }
        // Stashing untracked files takes them away.
        let stash = *self.after.stashes.first().filter(|_| self.moved.stash_pushed())?;
        self.stash_entries(stash, path).first().map(|_| GitSource::Stash)
    }

    /// Whether a HEAD between the two states held the path.
    fn entered(&mut self, path: &str) -> bool {
        let commits: Vec<_> = self.moved.entries.iter().filter_map(|entry| entry.new).collect();
        commits.into_iter().any(|commit| self.view.entry(commit, path).is_some())
    }

    fn head_before(&mut self, path: &str) -> Option<Oid> {
        self.before.head.commit.and_then(|commit| self.view.entry(commit, path))
    }

    fn head_after(&mut self, path: &str) -> Option<Oid> {
        self.after.head.commit.and_then(|commit| self.view.entry(commit, path))
    }

    /// Blobs of a path in a stash: worktree, index, untracked files.
    fn stash_entries(&mut self, stash: Oid, path: &str) -> Vec<Oid> {
        let mut commits = vec![stash];
        commits.extend(self.view.parents(stash).into_iter().skip(1));
        commits.into_iter().filter_map(|commit| self.view.entry(commit, path)).collect()
    }

    /// Where an object lies that is not packed.
    fn loose(&self, oid: Oid) -> PathBuf {
        let name = oid.to_string();
        self.view.common_dir.join("objects").join(&name[..2]).join(&name[2..])
    }

    /// When a loose object was made.
    fn made(&self, oid: Oid) -> Option<SystemTime> {
        let made = fs::metadata(self.loose(oid)).and_then(|meta| meta.modified());
        made.ok().map(|made| self.clock.of(made))
    }

    /// Whether a blob may have been made since the state before. A loose one tells by itself; a packed one is older only
    /// if all packs are: a new pack (`git gc`) takes loose blobs in, however fresh.
    fn fresh(&self, oid: Oid) -> bool {
        let since = |made: SystemTime| made + CLOCK >= self.before.at;
        if let Some(made) = self.made(oid) {
            return since(made);
        }
        // A pack's own time is that of its last use, its index's that of its making.
        let packs = fs::read_dir(self.view.common_dir.join("objects/pack")).into_iter().flatten().flatten();
        packs.filter(|file| file.path().extension().is_some_and(|end| end == "idx")).any(|file| {
            let made = file.metadata().and_then(|meta| meta.modified());
            made.map_or(true, |made| since(self.clock.of(made)))
        })
    }

    fn equal(&mut self, content: &mut Content<'_>, writing: Writing) -> Option<GitSource> {
        let path = content.path;
        let moved = self.moved;
        let introduced = moved.introduced(self.view, path, |view, oid| content.is(view, oid));
        let recorded = matches!(introduced, Some((Kind::Records, _)));
        let was_conflicted = self.before.index.entry(path).is_some_and(Entry::conflicted);

        // HEAD after, or one on the way to it: only what git itself brought there.
        let known = match introduced {
            // A conflict resolved by somebody and recorded by a continued operation.
            Some((Kind::Writes, oid)) => !(was_conflicted || self.taken(content, oid)) || !self.fresh(oid),
            Some((Kind::Unsure, oid)) => !self.fresh(oid),
            Some((Kind::Records, oid)) => self.brought_back(content, oid),
            // HEAD has the content and did not get it now: a checkout or reset of what was there all along, or a HEAD
            // that moved without a log.
            None => {
                let oid = self.head_after(path).filter(|oid| content.is(self.view, *oid));
                oid.is_some_and(|oid| (moved.writes() || moved.unlogged()) && !self.fresh(oid))
            }
        };
        if known {
            return Some(GitSource::NewHead);
        }
        let old_entry = self.before.index.entry(path).cloned().unwrap_or_default();
        let mut known: Vec<(GitSource, Option<Oid>)> = vec![(GitSource::Index, old_entry.oid())];
        known.push((GitSource::OldHead, self.head_before(path)));
        known.extend(old_entry.stages().map(|stage| (GitSource::Index, stage)));
        for (source, oid) in known {
            if oid.is_some_and(|oid| content.is(self.view, oid)) {
                return Some(source);
            }
        }
        if let Some(stash) = self.stashed(content) {
            return Some(stash);
        }
        let staged = self.after.index.entry(path).and_then(Entry::oid);
        if let Some(oid) = staged
            && content.is(self.view, oid)
            && (!self.fresh(oid) || (writing == Writing::Indexed && !recorded))
        {
            return Some(GitSource::Index);
        }
        None
    }

    /// Whether an operation that had stopped took a content over with the rest when it went on: whoever wrote it did so
    /// before its blob was made. Git itself writes the two at once. Where `git am` stopped at its first patch nothing had
    /// moved that would have told of it.
    fn taken(&self, content: &Content<'_>, oid: Oid) -> bool {
        let applied = self.moved.entries.iter().any(|entry| entry.operation() == "am");
        let stopped = applied || !self.before.marks.names().is_empty();
        let made = self.made(oid).filter(|_| stopped);
        made.is_some_and(|made| content.written.is_some_and(|written| written + CLOCK < made))
    }

    /// Whether git took a content away and brought it back since it was recorded, and this is that later write: whoever
    /// wrote what was recorded did so before its blob was made.
    fn brought_back(&mut self, content: &Content<'_>, oid: Oid) -> bool {
        let (path, moved) = (content.path, self.moved);
        let back = moved.entries.iter().filter(|entry| entry.kind() == Kind::Writes).any(|entry| {
            let mut blob = |commit: Option<Oid>| commit.and_then(|commit| self.view.entry(commit, path));
            blob(entry.new) == Some(oid) && blob(entry.old) != Some(oid)
        });
        let made = self.made(oid);
        back && made.is_some_and(|made| content.written.is_some_and(|written| made < written))
    }

    /// A blob that git had before, written under the index lock: `git restore --source` leaves no other trace.
    fn object(&mut self, content: &mut Content<'_>, writing: Writing) -> Option<GitSource> {
        if writing == Writing::Free {
            return None;
        }
        let oid = self.name_of(content)?;
        if !self.view.has(oid) || self.fresh(oid) {
            return None;
        }
        content.equal.push((oid, true));
        Some(GitSource::Object)
    }

    /// The name git gives the content.
    fn name_of(&mut self, content: &mut Content<'_>) -> Option<Oid> {
        match content.found {
            Found::Gone => None,
            Found::Large(_) => content.hashed(self.view),
            Found::Bytes(bytes) => self.view.name_of(content.path, bytes),
        }
    }

    /// A stash that lay there before. Applying one takes its untracked files out without touching the index.
    fn stashed(&mut self, content: &mut Content<'_>) -> Option<GitSource> {
        let (before, after) = (self.before, self.after);
        let lay_there: Vec<_> = before.stashes.iter().copied().chain(before.marks.autostash).collect();
        for oid in lay_there.into_iter().flat_map(|stash| self.stash_entries(stash, content.path)).collect::<Vec<_>>() {
            if content.is(self.view, oid) {
                return Some(GitSource::Stash);
            }
        }
        // One that git made by itself since holds what was there, and brings it back: a write later than the blob.
        let made = after.marks.autostash.filter(|stash| before.marks.autostash != Some(*stash))?;
        let mut entries = self.stash_entries(made, content.path).into_iter();
        let brought = entries.any(|oid| {
            let blob = self.made(oid);
            content.is(self.view, oid) && blob.is_some_and(|blob| content.written.is_some_and(|written| blob < written))
        });
        brought.then_some(GitSource::Stash)
    }

    /// Texts the content may have come from, nearest first.
    fn sources(&mut self, content: &mut Content<'_>, reverts: bool) -> Vec<Arc<[u8]>> {
        let path = content.path;
        if matches!(content.found, Found::Gone | Found::Large(_)) {
            return Vec::new();
        }
        let (before, after) = (self.before, self.after);
        // What it is itself, wherever git had that: in the form that git stores.
        let mut oids: Vec<Option<Oid>> =
            content.equal.iter().filter(|(_, is)| *is).map(|(oid, _)| Some(*oid)).collect();
        oids.push(before.index.entry(path).and_then(Entry::oid));
        oids.push(self.head_before(path));
        if let Some(entry) = after.index.entry(path) {
            let [base, ours, theirs] = entry.stages();
            oids.extend([ours, theirs, base]);
            // HEAD may not be there yet, or never come.
            oids.push(entry.oid());
        }
        let heads: Vec<Oid> = after.head.commit.into_iter().chain(after.marks.merge.iter().copied()).collect();
        for head in heads {
            oids.push(self.view.entry(head, path));
            for parent in self.view.parents(head).into_iter().skip(1) {
                oids.push(self.view.entry(parent, path));
            }
        }
        for (_, theirs) in self.other_sides() {
            oids.push(self.view.entry(theirs, path));
        }
        oids.push(content.theirs);
        for entry in &self.moved.entries {
            oids.push(entry.new.and_then(|commit| self.view.entry(commit, path)));
        }
        // A revert brings back what an earlier commit had, and leaves no word which.
        let mut at = before.head.commit.filter(|_| reverts);
        for _ in 0..REVERTED {
            at = at.and_then(|commit| self.view.parents(commit).first().copied());
            oids.push(at.and_then(|commit| self.view.entry(commit, path)));
        }
        let mut seen = HashSet::new();
        let mut out: Vec<Arc<[u8]>> = Vec::new();
        for oid in oids.into_iter().flatten() {
            if out.len() == SOURCES {
                break;
            }
            if !seen.insert(oid) {
                continue;
            }
            let source = if content.is(self.view, oid) {
                self.stored_form(content, oid)
            } else {
                self.view.worktree_form(path, oid)
            };
            if let Some(bytes) = source.filter(|bytes| bytes.len() <= SOURCE_BYTES) {
                out.push(bytes.into());
            }
        }
        out
    }

    /// The content as git stores it, where a filter made it another: so it was typed before git first wrote it.
    fn stored_form(&mut self, content: &Content<'_>, oid: Oid) -> Option<Vec<u8>> {
        let Found::Bytes(bytes) = content.found else { return None };
        let filters = self.view.filters;
        self.view.blob(oid).filter(|stored| filters && stored.as_slice() != bytes)
    }
}
