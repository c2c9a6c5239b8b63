//! A snapshot of git's index, kept to tell what it held before git moved.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::{Oid, ViewError};
use crate::path::from_git_bytes;

/// All entries of an index by path (as the protocol writes paths).
#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: HashMap<String, Entry>,
    folders: HashSet<String>,
    attributes: bool,
}

/// What an index holds at one path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Entry {
    /// The staged blob; `None` in a conflict.
    staged: Option<Oid>,
    /// Base, ours, theirs of a conflict; apart, because few files have one.
    conflict: Option<Box<[Option<Oid>; 3]>>,
    /// Left out of the worktree by sparse checkout.
    pub(crate) skipped: bool,
    /// A regular file; else a link or a submodule.
    pub(crate) file: bool,
}

impl Entry {
    /// The staged blob of a regular file.
    pub(crate) fn oid(&self) -> Option<Oid> {
        self.staged.filter(|_| self.file)
    }

    /// Base, ours, theirs of a conflict.
    pub(crate) fn stages(&self) -> [Option<Oid>; 3] {
        self.conflict.as_deref().copied().unwrap_or_default()
    }

    pub(crate) fn conflicted(&self) -> bool {
        self.conflict.is_some()
    }
}

const SKIP_WORKTREE: u16 = 1 << 14;

impl Index {
    pub(super) fn load(file: &Path) -> Result<Self, ViewError> {
        if !file.exists() {
            // libgit2 and git agree: no file, no entries. A file being replaced is always there.
            return Ok(Self::default());
        }
        let index = git2::Index::open(file).map_err(|error| ViewError::Read(error.message().to_owned()))?;
        let mut out = Self::default();
        for entry in index.iter() {
            let stage = usize::from(entry.flags >> 12 & 3);
            let skipped = entry.flags_extended & SKIP_WORKTREE != 0;
            if let Some(oid) = Oid::from_bytes(entry.id.as_bytes()) {
                out.add(&entry.path, oid, entry.mode, stage, skipped);
            }
        }
        Ok(out)
    }

    /// Reads `git ls-files -s -t -z`: `H 100644 <oid> <stage>\t<path>\0`.
    pub(super) fn parse(listing: &[u8]) -> Self {
        let mut out = Self::default();
        for line in listing.split(|byte| *byte == 0) {
            let Some(tab) = line.iter().position(|byte| *byte == b'\t') else { continue };
            let Ok(head) = std::str::from_utf8(&line[..tab]) else { continue };
            let mut fields = head.split(' ');
            let (Some(tag), Some(mode), Some(oid), Some(stage)) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            let (Ok(mode), Some(oid), Ok(stage)) = (u32::from_str_radix(mode, 8), Oid::parse(oid), stage.parse())
            else {
                continue;
            };
            out.add(&line[tab + 1..], oid, mode, stage, tag == "S");
        }
        out
    }

    fn add(&mut self, path: &[u8], oid: Oid, mode: u32, stage: usize, skipped: bool) {
        let path = from_git_bytes(path);
        self.attributes |= path.rsplit('/').next() == Some(".gitattributes");
        let mut folder = path.as_str();
        while let Some((parent, _)) = folder.rsplit_once('/') {
            if !self.folders.insert(parent.to_owned()) {
                break;
            }
            folder = parent;
        }
        let entry = self.entries.entry(path).or_default();
        entry.file = mode & 0o170_000 == 0o100_000;
        entry.skipped = skipped;
        match stage {
            0 => entry.staged = Some(oid),
            stage => entry.conflict.get_or_insert_default()[(stage - 1).min(2)] = Some(oid),
        }
    }

    pub(crate) fn entry(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// Whether git tracks the path itself.
    pub(crate) fn tracks(&self, path: &str) -> bool {
        self.entries.contains_key(path)
    }

    /// Whether git tracks anything below a folder.
    pub(crate) fn tracks_below(&self, folder: &str) -> bool {
        self.folders.contains(folder)
    }

    /// Whether the path is a submodule.
    pub(crate) fn submodule(&self, path: &str) -> bool {
        self.entries.get(path).is_some_and(|entry| !entry.file && entry.staged.is_some())
    }

    /// Whether it tracks a `.gitattributes`.
    pub(crate) fn has_attributes(&self) -> bool {
        self.attributes
    }

    /// Tracked paths that another index does not track.
    pub(crate) fn not_in<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a str> {
        self.entries.keys().filter(|path| !other.tracks(path)).map(String::as_str)
    }
}
