//! The git view of one worktree: HEAD, index, blobs, stashes, reflog, marks. Read only, without optional locks.
//!
//! Two ways to read. libgit2 for what it can: no process, no locks. The `git` program for what it cannot: SHA-256
//! objects, reftable, split and sparse indexes, and every filter (line ends, encodings, LFS). A view belongs to one
//! thread. The one thing that writes is `notes`. Absent on purpose: anything else that does.

mod asked;
mod by_folder;
mod commits;
mod committer;
mod earlier;
mod explain;
mod history;
mod index;
mod libgit;
mod noted;
mod notes;
mod oid;
mod operation;
mod others;
mod packing;
pub mod past;
mod plain;
mod program;
mod promised;
mod state;
mod stream;
mod view;
mod window;

pub(crate) use asked::{About, Asked};
pub use commits::{Before, Came, Change, Commit, Commits, Kin, Listed};
pub(crate) use explain::{Explainer, Found, Writing};
pub(crate) use history::History;
pub(crate) use index::Index;
pub use noted::Noted;
pub use notes::{Join, Joined, Note, Notes, Unread};
pub use oid::Oid;
pub(crate) use operation::Moved;
pub use others::Foreign;
pub use program::Stop;
pub use state::is_amid_commits;
pub(crate) use state::{State, Whose};
pub(crate) use view::View;
#[cfg(test)]
pub(crate) use view::{OPENED, STARTED};
pub(crate) use window::{Lock, Window};

/// How every comparison is made, whatever the person's configuration says: the lines of blame and of diffs are the same.
const COMPARED: [&str; 7] = [
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--inter-hunk-context=0",
    "--find-renames",
    "--diff-algorithm=myers",
    "--indent-heuristic",
];

/// What HEAD points to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// `None` when unborn.
    pub(crate) commit: Option<Oid>,
    /// Without `refs/heads/`; `None` when detached.
    pub(crate) branch: Option<String>,
}

/// A repository that cannot be read. Ends the request for `identify`; a running watch goes on without git and says so.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// Only the git program could read it, and it is not there.
    #[error("it needs the git program ({reason}), which is not on the PATH")]
    NeedsProgram {
        /// What libgit2 said.
        reason: String,
    },
    /// The git program refused too.
    #[error("{0}")]
    Refused(String),
    /// A single read failed.
    #[error("{0}")]
    Read(String),
}
