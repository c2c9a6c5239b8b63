//! Commits: which ones are new ([`walk`]), from which others git may have them ([`kin`]), and which lines each of them brought to which files, as `git blame` leads to it.
//!
//! Which lines is asked of the git program: the hunks must be those of the `git blame` that later leads a reader to a commit,
//! so they come from git's own comparison, with its indent heuristic, tail trimming and renames. What is compared for a
//! whole commit at once differs from blame in one thing, which of several new files took over which old one: those
//! files are blamed one by one. Absent on purpose: who wrote the lines, and notes.

mod compared;
mod kin;
mod walk;

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::Path;

use super::program::Stop;
use super::{COMPARED, Oid, View, ViewError};
use crate::path::git_bytes;
use crate::place::Place;
use compared::{Entry, are_unsure, by_path, common, compared, joined};
pub use kin::{Came, Kin};
pub(super) use walk::these;

/// Files that are blamed one by one, of one commit, at most; of the others git's comparison counts.
const BLAMED: usize = 64;

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its name.
    pub id: Oid,
    /// Its parents, the first one first.
    pub parents: Vec<Oid>,
}

/// A commit of a range that somebody named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub commit: Commit,
    /// When it was committed, in milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// A text file that a commit brought lines to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Path below the root, as [`codi2_protocol::FileId`] writes it.
    pub path: String,
    /// Its content.
    pub blob: Oid,
    /// What it was before, in each parent that had it.
    pub before: Vec<Before>,
    /// The lines (from 1) that stand in no parent: ascending, disjoint, never touching, not empty.
    pub lines: Vec<RangeInclusive<u32>>,
}

/// A file in a parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// Its path there, as [`Change::path`].
    pub path: String,
    /// Its content.
    pub blob: Oid,
}

/// The commits of one repository, seen from one worktree.
pub struct Commits {
    view: View,
    /// With which e-mail address git commits here, once that was asked.
    address: OnceCell<Option<String>>,
}

impl Commits {
    /// Opens the repository of a place.
    ///
    /// # Errors
    /// It cannot be read, or the place is a plain folder.
    pub fn open(place: &Place) -> Result<Self, ViewError> {
        Ok(Self::of(View::of(place)?, &place.root))
    }

    /// Of a repository that is open, seen from its worktree's root.
    pub(super) fn of(mut view: View, root: &Path) -> Self {
        view.set_filters(root.join(".gitattributes").exists());
        Self { view, address: OnceCell::new() }
    }

    /// What each of these commits brought, in their order. Submodules, links and files that are no text are left out.
    ///
    /// # Errors
    /// Git cannot be asked, or has not all of their objects.
    pub fn changes(&mut self, commits: &[Commit]) -> Result<Vec<Vec<Change>>, ViewError> {
        if commits.is_empty() {
            return Ok(Vec::new());
        }
        let mut input = String::new();
        for Commit { id, parents } in commits {
            // Each parent by itself; blame has no other comparison.
            parents.iter().for_each(|parent| input += &format!("{id} {parent}\n"));
            if parents.is_empty() {
                input += &format!("{id}\n");
            }
        }
        let command =
            ["diff-tree", "--stdin", "-r", "--root", "--always", "--raw", "-p", "-z", "--no-abbrev", "--unified=0"];
        let command = [&command[..], &COMPARED].concat();
        let compared = self.view.program.converse(&command, input.as_bytes(), compared)?;
        let mut compared = compared.into_iter();
        let mut all = Vec::with_capacity(commits.len());
        for commit in commits {
            let mut parents = Vec::new();
            for _ in 0..commit.parents.len().max(1) {
                // Git says nothing at all of a commit that is gone.
                let entries = compared.next().filter(|(id, _)| *id == commit.id).map(|(_, entries)| entries);
                parents.push(entries.ok_or_else(|| ViewError::Read(format!("git does not compare {}", commit.id)))?);
            }
            all.push(self.brought(commit, &parents)?);
        }
        self.view.rest();
        Ok(all)
    }

    /// The lines that are in no parent.
    fn brought(&mut self, commit: &Commit, parents: &[Vec<Entry>]) -> Result<Vec<Change>, ViewError> {
        let Some((first, others)) = parents.split_first() else { return Ok(Vec::new()) };
        let others: Vec<HashMap<&str, &Entry>> = others.iter().map(|entries| by_path(entries)).collect();
        let unsure: Vec<bool> = parents.iter().map(|entries| are_unsure(entries)).collect();
        let (mut changes, mut blames) = (Vec::new(), 0);
        for entry in first.iter().filter(|entry| entry.blob.is_some()) {
            // What a parent has just so was not brought.
            let Some(others) = others.iter().map(|other| other.get(entry.path.as_str()).copied()).collect() else {
                continue;
            };
            let all: Vec<&Entry> = [vec![entry], others].concat();
            let Some(blob) = entry.blob else { continue };
            let is_unsure = all.iter().zip(&unsure).any(|(entry, unsure)| *unsure && entry.is_new());
            let is_binary = all.iter().any(|entry| entry.is_binary);
            if is_binary && self.view.blob(blob).is_none_or(|bytes| bytes.contains(&0)) {
                continue;
            }
            // Attributes may keep a text from being compared, not from being blamed.
            let lines = if (is_unsure || is_binary) && blames < BLAMED {
                blames += 1;
                self.blamed(commit, &entry.path)?
            } else {
                all.iter().skip(1).fold(entry.lines.clone(), |lines, other| common(&lines, &other.lines))
            };
            if !lines.is_empty() {
                let before = all.iter().filter_map(|entry| entry.before.clone()).collect();
                changes.push(Change { path: entry.path.clone(), blob, before, lines });
            }
        }
        Ok(changes)
    }

    /// The lines of a file that blame, asked for it alone, leads to this commit.
    fn blamed(&self, commit: &Commit, path: &str) -> Result<Vec<RangeInclusive<u32>>, ViewError> {
        let Some(name) = git_bytes(path).and_then(|name| String::from_utf8(name).ok()) else { return Ok(Vec::new()) };
        let id = commit.id.to_string();
        let parents: Vec<String> = commit.parents.iter().map(|parent| format!("^{parent}")).collect();
        let mut command = vec!["blame", "--incremental", "--no-textconv", "--ignore-revs-file=", id.as_str()];
        command.extend(parents.iter().map(String::as_str));
        command.extend(["--", name.as_str()]);
        let output = self.view.program.settled_output(&command)?;
        let range = |line: &[u8]| {
            let mut fields = std::str::from_utf8(line).ok()?.strip_prefix(&id)?.strip_prefix(' ')?.split(' ').skip(1);
            let (first, count): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            (count > 0).then(|| first..=first + count - 1)
        };
        let mut lines: Vec<_> = output.split(|byte| *byte == b'\n').filter_map(range).collect();
        lines.sort_unstable_by_key(|lines| *lines.start());
        Ok(joined(lines))
    }

    /// A blob's bytes as git would write them to the worktree at a path: what the worktree held if it was committed from
    /// there. Of one longer than `most` bytes nothing.
    pub fn worktree_form(&mut self, path: &str, blob: Oid, most: u64) -> Option<Vec<u8>> {
        self.view.blob_size(blob).filter(|size| *size <= most)?;
        self.view.worktree_form(path, blob)
    }

    /// The blob at a path of a commit.
    pub fn entry(&mut self, commit: Oid, path: &str) -> Option<Oid> {
        self.view.entry(commit, path)
    }

    /// From now on a question of git is given up, with an error, as soon as this says so; none: it takes as long as it takes.
    pub fn stop_when(&mut self, stop: Option<Stop>) {
        self.view.program.stop_when(stop);
    }

    /// Ends the helper processes that reading left running.
    pub fn rest(&mut self) {
        self.view.rest();
    }
}
