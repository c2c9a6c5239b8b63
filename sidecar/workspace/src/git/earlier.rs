//! Earlier contents of a path, as far as git has them: on branches, and in what reflogs still name (rewritten commits, stashes).
//!
//! Bounded in commits, contents and files. Absent on purpose: renames, and who wrote what.

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
/// Folders and files of theirs that are remembered, in all.
const ENTRIES: usize = if cfg!(test) { 6 } else { 32_768 };

/// The files of a folder, by their names, each with its blobs, newest first.
type Folder = HashMap<Vec<u8>, Vec<Oid>>;

/// Git's past, seen from one worktree. What was read for one path serves the next one: a checkout brings hundreds at once.
#[derive(Default)]
pub(crate) struct Earlier {
    /// A git handle of its own.
    view: Option<View>,
    /// The commits, newest first, and how long HEAD's log was when they were listed: it grows with all that moves HEAD.
    listed: Option<(u64, Vec<Oid>)>,
    /// What those commits have in the folders that were asked about: paths in their order lead from folder to folder and back.
    folders: HashMap<Vec<u8>, Folder>,
    /// How many they are, with their files.
    entries: usize,
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
            self.forget();
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
        if !self.folders.contains_key(folder) {
            let files = library.blobs(commits, folder, CONTENTS);
            if self.entries + files.len() + 1 > ENTRIES {
                self.forget();
            }
            self.entries += files.len() + 1;
            self.folders.insert(folder.to_vec(), files);
        }
        self.folders.get(folder).and_then(|files| files.get(name)).cloned().unwrap_or_default()
    }

    fn forget(&mut self) {
        self.folders.clear();
        self.entries = 0;
    }
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |meta| meta.len())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::place::identify;

    /// A checkout tells of its paths in their order, which leads from a folder into another one and back.
    #[test]
    fn each_folder_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let git = |arguments: &[&str]| {
            let identity =
                ["-c", "user.name=Ada", "-c", "user.email=ada@example.invalid", "-c", "commit.gpgsign=false"];
            assert!(Command::new("git").current_dir(root).args(identity).args(arguments).status().unwrap().success());
        };
        git(&["init", "-q"]);
        for path in ["a/b/c", "a/d", "e/f"] {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), path).unwrap();
        }
        git(&["add", "--all"]);
        git(&["commit", "-q", "-m", "first"]);
        let place = identify(root).unwrap();
        let mut earlier = Earlier::default();
        let mut ask = |path: &str| {
            let contents = earlier.contents(|| View::of(&place), false, path, 1_000).unwrap();
            (contents, earlier.folders.len(), earlier.entries)
        };
        let found = |path: &str| vec![path.as_bytes().to_vec()];
        assert_eq!(ask("a/b/c"), (found("a/b/c"), 1, 2));
        assert_eq!(ask("a/d"), (found("a/d"), 2, 4));
        assert_eq!(ask("a/b/x"), (vec![], 2, 4), "it was read");
        assert_eq!(ask("e/f"), (found("e/f"), 3, 6));
        assert_eq!(ask("none/x"), (vec![], 1, 1), "where there is no room all that were there go");
        fs::write(root.join("e/g"), "e/g").unwrap();
        git(&["add", "--all"]);
        git(&["commit", "-q", "-m", "second"]);
        assert_eq!(ask("e/g"), (found("e/g"), 1, 3), "HEAD moved");
        assert_eq!(ask("a/d"), (found("a/d"), 2, 5));
        assert_eq!(ask("a/b/c"), (found("a/b/c"), 1, 2));
    }
}
