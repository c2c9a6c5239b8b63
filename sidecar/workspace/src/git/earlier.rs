//! Earlier contents of a path, as far as git has them: on branches, and in what reflogs still name (rewritten commits, stashes).
//!
//! Bounded in commits and contents. Absent on purpose: renames, and who wrote what.

use std::fs;
use std::path::Path;

use super::{Oid, View, ViewError};

/// Commits that are looked into, the newest.
const COMMITS: usize = 128;
/// Contents of one path, the newest.
const CONTENTS: usize = 16;

/// Git's past, seen from one worktree.
#[derive(Debug, Default)]
pub(crate) struct Earlier {
    /// The commits, newest first, and how long HEAD's log was when they were listed: it grows with all that moves HEAD.
    listed: Option<(u64, Vec<Oid>)>,
}

impl Earlier {
    /// The distinct contents that a path had, newest first, as they would lie in the worktree; none longer than `most` bytes.
    pub(crate) fn contents(&mut self, view: &mut View, path: &str, most: u64) -> Result<Vec<Vec<u8>>, ViewError> {
        let length = length(&view.git_dir.join("logs/HEAD"));
        if self.listed.as_ref().is_none_or(|(listed, _)| *listed != length) {
            let count = COMMITS.to_string();
            let names = view.program.output(&["rev-list", "--branches", "--reflog", "-n", &count, "HEAD", "--"])?;
            let names = String::from_utf8_lossy(&names);
            self.listed = Some((length, names.lines().filter_map(Oid::parse).collect()));
        }
        let commits = self.listed.iter().flat_map(|(_, commits)| commits);
        let mut blobs: Vec<Oid> = Vec::new();
        for commit in commits {
            if let Some(blob) = view.entry(*commit, path).filter(|blob| !blobs.contains(blob)) {
                blobs.push(blob);
            }
            if blobs.len() == CONTENTS {
                break;
            }
        }
        let mut contents = Vec::new();
        for blob in blobs {
            if view.blob_size(blob).is_some_and(|size| size <= most) {
                contents.extend(view.worktree_form(path, blob));
            }
        }
        view.rest();
        Ok(contents)
    }
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |meta| meta.len())
}
