//! Earlier contents of a path, as far as git has them: on branches, and in what reflogs still name (rewritten commits, stashes).
//!
//! Bounded in commits and contents. Absent on purpose: renames, and who wrote what.

use std::collections::HashMap;
use std::path::Path;
use std::{fmt, fs};

use super::others::{Foreign, Others};
use super::{Oid, View, ViewError};
use crate::path::git_bytes;

/// Commits that are looked into, the newest.
const COMMITS: usize = 128;
/// Contents of one path, the newest.
const CONTENTS: usize = 16;

/// The files of a folder, by their names, each with its blobs, newest first.
type Folder = HashMap<Vec<u8>, Vec<Oid>>;

/// Git's past, seen from one worktree. What was read for one path serves the next one: a checkout brings hundreds at once.
#[derive(Default)]
pub(crate) struct Earlier {
    /// A git handle of its own.
    view: Option<View>,
    /// The commits, newest first, and how long HEAD's log was when they were listed: it grows with all that moves HEAD.
    listed: Option<(u64, Vec<Oid>)>,
    /// What those commits have in the folder that was asked about last.
    folder: Option<(Vec<u8>, Folder)>,
    /// Commits that others made.
    others: Others,
}

impl fmt::Debug for Earlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Earlier").field("listed", &self.listed).finish_non_exhaustive()
    }
}

impl Earlier {
    /// The distinct contents that a path had, newest first, as they would lie in the worktree; none longer than `most` bytes.
    /// The handle is opened once; `attributes` says whether the index has attribute files.
    pub(crate) fn contents(
        &mut self,
        open: impl FnOnce() -> Result<View, ViewError>,
        attributes: bool,
        path: &str,
        most: u64,
    ) -> Result<Vec<Vec<u8>>, ViewError> {
        let mut view = self.open(open, attributes)?;
        let length = length(&view.git_dir.join("logs/HEAD"));
        if self.listed.as_ref().is_none_or(|(listed, _)| *listed != length) {
            let count = COMMITS.to_string();
            let names = view.program.output(&["rev-list", "--branches", "--reflog", "-n", &count, "HEAD", "--"])?;
            let names = String::from_utf8_lossy(&names);
            self.listed = Some((length, names.lines().filter_map(Oid::parse).collect()));
            self.folder = None;
        }
        let mut contents = Vec::new();
        for blob in self.blobs(&mut view, path) {
            if view.blob_size(blob).is_some_and(|size| size <= most) {
                contents.extend(view.worktree_form(path, blob));
            }
        }
        view.rest();
        self.view = Some(view);
        Ok(contents)
    }

    /// What others' commits brought to a path, under the same conditions.
    pub(crate) fn foreign(
        &mut self,
        open: impl FnOnce() -> Result<View, ViewError>,
        attributes: bool,
        path: &str,
        most: u64,
    ) -> Result<Vec<Foreign>, ViewError> {
        let mut view = self.open(open, attributes)?;
        let brought = self.others.brought(&mut view, path, most);
        view.rest();
        self.view = Some(view);
        brought
    }

    fn open(&mut self, open: impl FnOnce() -> Result<View, ViewError>, attributes: bool) -> Result<View, ViewError> {
        let mut view = self.view.take().map_or_else(open, Ok)?;
        view.reload_config();
        view.set_filters(attributes);
        Ok(view)
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
        let at = path_bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let (folder, name) = path_bytes.split_at(at);
        if self.folder.as_ref().is_none_or(|(known, _)| known != folder) {
            self.folder = Some((folder.to_vec(), library.blobs(commits, folder, CONTENTS)));
        }
        self.folder.as_ref().and_then(|(_, files)| files.get(name)).cloned().unwrap_or_default()
    }
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |meta| meta.len())
}
