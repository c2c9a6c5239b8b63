//! What git put at a path before somebody wrote it again, within one look: `git checkout topic && sed -i … file`.
//!
//! Only what git wrote counts, and no blob that may hold what somebody wrote here meanwhile: `sed` and `git commit` make
//! one, too.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Content, Explainer, Found, SOURCE_BYTES};
use crate::git::Oid;
use crate::git::index::Entry;
use crate::git::operation::Kind;
use crate::observe::{GitExplanation, GitSource};

/// So many texts at most: the two sides of a conflict, what stands in the index, a stash.
const TEXTS: usize = 4;
/// Commits that may be what was picked without a commit of its own: the newest are looked at, and so many taken.
const COMMITS: &str = "128";
const BESIDE: usize = 2;

impl Explainer<'_> {
    /// The texts that git may have put there, nearest first; none where it did not move. The content itself is not git's.
    pub(crate) fn passed(&mut self, path: &str, found: Found<'_>) -> Option<GitExplanation> {
        let Found::Bytes(_) = found else { return None };
        let mut content = Content { path, found, written: None, hashed: None, equal: Vec::new(), theirs: None };
        let mut oids = if self.own { self.put(path) } else { Vec::new() };
        oids.extend(self.unstashed().into_iter().flat_map(|stash| self.stash_entries(stash, path)).collect::<Vec<_>>());
        let mut seen = HashSet::new();
        oids.retain(|oid| seen.insert(*oid) && !content.is(self.view, *oid));
        if !oids.is_empty() {
            // What stood there before git, which nobody has any more, comes first.
            let old = self.before.index.entry(path).and_then(Entry::oid).filter(|old| !content.is(self.view, *old));
            oids.retain(|oid| Some(*oid) != old);
            oids.splice(0..0, old);
        }
        let sources = oids.into_iter().take(TEXTS).filter_map(|oid| self.view.worktree_form(path, oid));
        let sources = sources.filter(|bytes| bytes.len() <= SOURCE_BYTES).map(Arc::<[u8]>::from);
        let sources: Vec<Arc<[u8]>> = sources.collect();
        let operation = self.moved.name(GitSource::Passed, self.after);
        (!sources.is_empty()).then_some(GitExplanation { operation, what: GitSource::Passed, sources })
    }

    /// Blobs that git's operations brought to the path.
    fn put(&mut self, path: &str) -> Vec<Oid> {
        let mut oids = Vec::new();
        let stages = self.after.index.entry(path).map(Entry::stages).unwrap_or_default();
        oids.extend(stages.into_iter().skip(1).flatten());
        let staged = self.after.index.entry(path).and_then(Entry::oid);
        match staged {
            Some(staged) if self.fresh(staged) => oids.extend(self.recorded_beside(path, staged)),
            staged => oids.extend(staged),
        }
        for entry in &self.moved.entries {
            let Some(commit) = entry.new else { continue };
            let old = entry.old.and_then(|old| self.view.entry(old, path));
            let new = self.view.entry(commit, path).filter(|new| Some(*new) != old);
            match entry.kind() {
                Kind::Writes => oids.extend(new),
                Kind::Unsure => oids.extend(new.filter(|new| !self.fresh(*new))),
                // Of a merge that somebody finished git wrote what the other sides have.
                Kind::Records => {
                    let sides = self.view.parents(commit).into_iter().skip(1);
                    oids.extend(sides.filter_map(|side| self.view.entry(side, path)).collect::<Vec<_>>());
                }
            }
        }
        let sides = self.other_sides().into_iter().filter(|(_, side)| !self.before.stashes.contains(side));
        oids.extend(sides.filter_map(|(_, side)| self.view.entry(side, path)).collect::<Vec<_>>());
        oids
    }

    /// What `git cherry-pick -n` and its like bring lies in the index alone, in a blob as young as what somebody adds: the
    /// newest commits that have all its new lines at this path. What was committed meanwhile is somebody's.
    fn recorded_beside(&mut self, path: &str, staged: Oid) -> Vec<Oid> {
        let old = self.before.index.entry(path).and_then(Entry::oid).or(self.head_before(path));
        if Some(staged) == old || self.head_after(path) == Some(staged) {
            return Vec::new();
        }
        let mut lines = |oid: Oid| -> Option<HashSet<Vec<u8>>> {
            self.view.blob_size(oid).filter(|size| *size <= SOURCE_BYTES as u64)?;
            Some(self.view.blob(oid)?.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect())
        };
        let Some(mut new) = lines(staged) else { return Vec::new() };
        for line in old.and_then(&mut lines).iter().flatten() {
            new.remove(line);
        }
        if new.is_empty() {
            return Vec::new();
        }
        let command = ["rev-list", "--branches", "--remotes", "--reflog", "-n", COMMITS, "--"];
        let listed = self.view.program.output(&command).unwrap_or_default();
        let (mut seen, mut found) = (HashSet::from([staged]), Vec::new());
        for commit in String::from_utf8_lossy(&listed).lines().filter_map(Oid::parse) {
            let Some(blob) = self.view.entry(commit, path).filter(|blob| seen.insert(*blob)) else { continue };
            let size = self.view.blob_size(blob).filter(|size| *size <= SOURCE_BYTES as u64);
            let there = size.and_then(|_| self.view.blob(blob)).unwrap_or_default();
            let there: HashSet<&[u8]> = there.split(|byte| *byte == b'\n').collect();
            if new.iter().all(|line| there.contains(line.as_slice())) {
                found.push(blob);
            }
            if found.len() == BESIDE {
                break;
            }
        }
        found
    }

    /// Stashes that git may have applied: those that went, or the first where nothing but the index moved.
    fn unstashed(&self) -> Vec<Oid> {
        let (before, after) = (&self.before.stashes, &self.after.stashes);
        if before != after {
            return before.iter().filter(|stash| !after.contains(stash)).copied().collect();
        }
        let may_apply = self.own && self.moved.entries.is_empty() && self.before.head == self.after.head;
        before.first().filter(|_| may_apply).copied().into_iter().collect()
    }
}
