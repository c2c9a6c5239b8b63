//! Git, as threads ask it that are not the watch's own: with one handle, which stays open.
//!
//! What is asked together, until [`Asked::rest`], finds the settings of its beginning, and one helper process where git's
//! own filters or a repository that libgit2 cannot read need one. Whoever asks stands meanwhile, and all who wait for it.
//! Absent on purpose: which paths may be asked about.

use std::fmt;

use codi2_protocol::Digest;

use super::earlier::Earlier;
use super::others::Foreign;
use super::{Index, Oid, View, ViewError};
use crate::place::Place;

/// What is asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    /// The place.
    pub(crate) place: &'a Place,
    /// Its index.
    pub(crate) index: &'a Index,
    /// The file.
    pub(crate) path: &'a str,
    /// Nobody has the text of longer contents (bytes).
    pub(crate) most: u64,
}

/// A handle, and what it remembers of git's past.
#[derive(Default)]
pub(crate) struct Asked {
    view: Option<View>,
    /// Whether git's settings were read for what is asked now.
    is_ready: bool,
    earlier: Earlier,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("is_ready", &self.is_ready).finish_non_exhaustive()
    }
}

impl Asked {
    /// Bytes with this BLAKE3 that git has for a path, as they would lie in the worktree or as they are stored: in `blob`,
    /// the index or HEAD.
    pub(crate) fn bytes(&mut self, about: About<'_>, blob: Option<Oid>, digest: Digest) -> Option<Vec<u8>> {
        let (view, _) = self.ready(about).ok()?;
        let path = about.path;
        let is_it = |bytes: &Vec<u8>| codi2_text::digest_of(bytes) == *digest.bytes();
        let mut tried = Vec::new();
        let mut bytes_of = |view: &mut View, oid: Oid| {
            // Unpacking and naming 20 MB takes 150 ms.
            if tried.contains(&oid) || view.blob_size(oid).is_none_or(|size| size > about.most) {
                return None;
            }
            tried.push(oid);
            view.worktree_form(path, oid).filter(is_it).or_else(|| view.blob(oid).filter(is_it))
        };
        if let Some(bytes) = blob.and_then(|oid| bytes_of(view, oid)) {
            return Some(bytes);
        }
        if let Some(bytes) = about.index.entry(path).and_then(|entry| entry.oid()).and_then(|oid| bytes_of(view, oid)) {
            return Some(bytes);
        }
        let head = view.head().ok().and_then(|head| head.commit).and_then(|commit| view.entry(commit, path))?;
        bytes_of(view, head)
    }

    /// The file as git's index has it: the blob, and the bytes that a checkout would write. Of a path that it does not have
    /// nobody asks git.
    pub(crate) fn indexed(&mut self, about: About<'_>) -> Option<(Oid, Vec<u8>)> {
        let oid = about.index.entry(about.path).and_then(|entry| entry.oid())?;
        let (view, _) = self.ready(about).ok()?;
        Some((oid, view.worktree_form(about.path, oid)?))
    }

    /// The distinct contents that a path had, newest first, as they would lie in the worktree.
    ///
    /// # Errors
    /// Git cannot be asked.
    pub(crate) fn earlier(&mut self, about: About<'_>) -> Result<Vec<Vec<u8>>, ViewError> {
        let (view, earlier) = self.ready(about)?;
        earlier.contents(view, about.path, about.most)
    }

    /// What others' commits brought to a path.
    ///
    /// # Errors
    /// Git cannot be asked.
    pub(crate) fn foreign(&mut self, about: About<'_>) -> Result<Vec<Foreign>, ViewError> {
        let (view, earlier) = self.ready(about)?;
        earlier.foreign(view, about.path, about.most)
    }

    /// Nothing more is asked together with this: helper processes end (they cache attributes), and settings are read anew
    /// for what is asked next.
    pub(crate) fn rest(&mut self) {
        self.is_ready = false;
        if let Some(view) = &mut self.view {
            view.rest();
        }
    }

    fn ready(&mut self, about: About<'_>) -> Result<(&mut View, &mut Earlier), ViewError> {
        let is_open = self.view.is_some();
        let view = match self.view.take() {
            Some(view) => view,
            None => View::of(about.place)?,
        };
        let view = self.view.insert(view);
        if is_open && !self.is_ready {
            view.reload_config();
        }
        view.set_filters(about.index.has_attributes());
        self.is_ready = true;
        Ok((view, &mut self.earlier))
    }
}
