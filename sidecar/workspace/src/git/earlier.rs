//! Earlier contents of a path, as far as git has them: on branches, and in what reflogs still name (rewritten commits, stashes).
//!
//! Bounded in commits, contents and files. Absent on purpose: renames, and who wrote what.

use std::fs;
use std::path::Path;

use super::by_folder::ByFolder;
use super::others::{Foreign, Others};
use super::{Oid, View, ViewError};
use crate::path::git_bytes;

/// Commits that are looked into, the newest.
const COMMITS: usize = 128;
/// Contents of one path, the newest.
const CONTENTS: usize = 16;

/// Git's past, seen from one worktree. What was read for one path serves the next one: a checkout brings hundreds at once.
#[derive(Default)]
pub(super) struct Earlier {
    /// The commits, newest first, and how long HEAD's log was when they were listed: it grows with all that moves HEAD.
    listed: Option<(u64, Vec<Oid>)>,
    /// The blobs that those commits have of each file, newest first.
    blobs: ByFolder<Vec<Oid>>,
    /// Commits that others made.
    others: Others,
}

impl Earlier {
    /// The distinct contents that a path had, newest first, as they would lie in the worktree; none longer than `most` bytes.
    pub(super) fn contents(&mut self, view: &mut View, path: &str, most: u64) -> Result<Vec<Vec<u8>>, ViewError> {
        let length = length(&view.git_dir.join("logs/HEAD"));
        if self.listed.as_ref().is_none_or(|(listed, _)| *listed != length) {
            let count = COMMITS.to_string();
            let names = view.program.output(&["rev-list", "--branches", "--reflog", "-n", &count, "HEAD", "--"])?;
            let names = String::from_utf8_lossy(&names);
            self.listed = Some((length, names.lines().filter_map(Oid::parse).collect()));
            self.blobs.forget();
        }
        let mut contents = Vec::new();
        for blob in self.blobs(view, path) {
            if view.blob_size(blob).is_some_and(|size| size <= most) {
                contents.extend(view.worktree_form(path, blob));
            }
        }
        Ok(contents)
    }

    /// What others' commits brought to a path, under the same conditions.
    pub(super) fn foreign(&mut self, view: &mut View, path: &str, most: u64) -> Result<Vec<Foreign>, ViewError> {
        self.others.brought(view, path, most)
    }

    /// The blobs that the listed commits have at a path, newest first.
    fn blobs(&mut self, view: &mut View, path: &str) -> Vec<Oid> {
        let commits = self.listed.as_ref().map_or(&[][..], |(_, commits)| commits);
        let (Some(library), Some(path_bytes)) = (&view.library, git_bytes(path)) else {
            let mut blobs: Vec<Oid> = Vec::new();
            for commit in commits {
                blobs.extend(view.entry(*commit, path).filter(|blob| !blobs.contains(blob)));
                if blobs.len() == CONTENTS {
                    break;
                }
            }
            return blobs;
        };
        self.blobs.of(&path_bytes, |folder| library.blobs(commits, folder, CONTENTS))
    }
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |meta| meta.len())
}
