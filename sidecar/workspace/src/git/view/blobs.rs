//! Contents: a blob as git stores it, as git would write it to the worktree, and whether a file is one.

#[cfg(test)]
use super::STARTED;
use super::View;
use crate::git::Oid;
use crate::path::git_bytes;

/// From this length on, asking git for a blob's size is cheaper than naming the bytes (about 4 ms for each MB).
const MEASURED_BYTES: usize = 64 << 10;

impl View {
    /// A blob's bytes as git stores them.
    pub(crate) fn blob(&mut self, oid: Oid) -> Option<Vec<u8>> {
        match self.library.as_ref().and_then(|library| library.blob(oid)) {
            Some(bytes) => Some(bytes),
            // libgit2 fetches nothing.
            None if self.library.is_none() || self.program.fetches => self.cat()?.contents(oid),
            None => None,
        }
    }

    /// A blob's bytes as git would write them to the worktree at a path.
    pub(crate) fn worktree_form(&mut self, path: &str, oid: Oid) -> Option<Vec<u8>> {
        let name = git_bytes(path)?;
        // The protocol of `cat-file --batch-command` is made of lines.
        if !self.filters || name.contains(&b'\n') {
            return self.blob(oid);
        }
        if self.filtering.is_none() {
            #[cfg(test)]
            STARTED.set(STARTED.get() + 1);
            self.filtering = self.program.cat(true);
        }
        match self.filtering.as_mut().and_then(|cat| cat.filtered(oid, &name)) {
            Some(bytes) => Some(bytes),
            None => self.blob(oid),
        }
    }

    /// Whether bytes of the worktree are what git would write there for a blob.
    pub(crate) fn same(&mut self, path: &str, oid: Oid, bytes: &[u8]) -> bool {
        if bytes.len() > MEASURED_BYTES && self.differs_in_size(oid, bytes.len() as u64) {
            return false;
        }
        if oid.is_blob_of(bytes) {
            return true;
        }
        (self.filters || self.library.is_none()) && self.worktree_form(path, oid).is_some_and(|form| form == bytes)
    }

    /// Bytes of a blob as git stores it.
    pub(crate) fn blob_size(&mut self, oid: Oid) -> Option<u64> {
        let size = match &self.library {
            Some(library) => library.blob_size(oid),
            None => self.cat()?.info(oid.to_string().as_bytes()).filter(|info| info.blob).map(|info| info.size),
        };
        size.map(|size| size as u64)
    }

    /// Whether a file of so many bytes cannot be what git would write for a blob, by their sizes alone: saves naming it.
    pub(crate) fn differs_in_size(&mut self, oid: Oid, bytes: u64) -> bool {
        !self.filters && self.blob_size(oid).is_some_and(|size| size != bytes)
    }

    /// The name that git would give a file of the worktree, read by git itself. For files too large to hold.
    pub(crate) fn hash_file(&self, path: &str) -> Option<Oid> {
        let path = crate::path::from_relative(path)?;
        let path = path.to_str()?;
        self.program.line(&["hash-object", "--", path]).and_then(|hex| Oid::parse(&hex))
    }

    /// The name git gives bytes at a path; by git itself where a filter or SHA-256 is in the way.
    pub(crate) fn name_of(&self, path: &str, bytes: &[u8]) -> Option<Oid> {
        if self.library.is_some() && !self.filters { Oid::of_blob(bytes) } else { self.hash_file(path) }
    }

    /// Whether git has a blob.
    pub(crate) fn has(&mut self, oid: Oid) -> bool {
        match &self.library {
            Some(library) => library.has(oid),
            None => self.cat().and_then(|cat| cat.info(oid.to_string().as_bytes())).is_some_and(|info| info.blob),
        }
    }
}
