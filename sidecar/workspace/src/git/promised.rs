//! Partial clones: what git left with a remote, and fetches when it is wanted.
//!
//! Absent on purpose: fetching for anybody who does not wait for it (a hub, an editor's views).

use super::program::Program;
use super::{Oid, View};

/// The remote that has what this clone lacks; none where this is no partial clone.
pub(super) fn promisor(program: &Program) -> Option<String> {
    let named = program.line(&["config", "--get", "extensions.partialClone"]);
    named.or_else(|| {
        let line = program.line(&["config", "--get-regexp", r"^remote\..*\.promisor$", "true"])?;
        let (key, _) = line.rsplit_once(' ')?;
        Some(key.strip_prefix("remote.")?.strip_suffix(".promisor")?.to_owned())
    })
}

impl View {
    /// Fetches those of some blobs that are not here, together: one by one git would ask its remote for each. Where that
    /// fails they are not here afterwards.
    pub(super) fn fetch(&mut self, blobs: &[Oid]) {
        if !self.program.fetches || self.library.is_none() {
            return;
        }
        let missing: Vec<String> =
            blobs.iter().filter(|blob| !self.has(**blob)).map(|blob| format!("{blob}\n")).collect();
        if missing.is_empty() {
            return;
        }
        let Some(remote) = promisor(&self.program) else { return };
        // As git itself fetches what it lacks.
        let words = [
            &["-c", "fetch.negotiationAlgorithm=noop", "fetch", &remote][..],
            &[
                "--quiet",
                "--no-tags",
                "--no-write-fetch-head",
                "--recurse-submodules=no",
                "--filter=blob:none",
                "--stdin",
            ],
        ];
        let fetched = self.program.converse(&words.concat(), missing.concat().as_bytes(), |_| Ok(()));
        if let Err(error) = fetched {
            tracing::debug!(%error, "what is not here was not fetched");
        }
    }
}
