//! What git could not answer, in words that say what to do.

use std::path::PathBuf;

use crate::path::shown;
use crate::place::IdentifyError;

/// What git could not answer. Ends the request.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// No repository holds the folder.
    #[error("{0} is in no git repository")]
    NoRepository(PathBuf),
    /// The folder or its repository cannot be read.
    #[error(transparent)]
    Place(#[from] IdentifyError),
    /// Git reads no repository of somebody else.
    #[error(
        "{path} belongs to somebody else, so git does not read it; \
         `git config --global --add safe.directory {path}` says that you trust it", path = .0.display()
    )]
    NotTrusted(PathBuf),
    /// The git program is not there.
    #[error("git cannot be run ({0}); install it or put it on the PATH")]
    NoProgram(std::io::Error),
    /// No such commit here.
    #[error("git knows no revision {revision:?} here{}", why_none(revision, *.shallow))]
    NoRevision {
        /// As asked for.
        revision: String,
        /// Whether history ends early in this clone.
        shallow: bool,
    },
    /// Something of a commit, where commits are asked for.
    #[error("{0:?} is a file or a folder of a commit, and no range of commits")]
    NoCommit(String),
    /// No such file in that commit.
    #[error("{} is no file of {revision}", shown(path))]
    NoFile {
        /// As asked for.
        path: String,
        /// As asked for.
        revision: String,
    },
    /// Something that a partial clone lacks, and that was not fetched.
    #[error(
        "what is needed is not in this partial clone: {0}; `git fetch --refetch --no-filter` gets all that is missing"
    )]
    Missing(String),
    /// Anything else git said, or output that makes no sense.
    #[error("{0}")]
    Git(String),
}

fn why_none(revision: &str, shallow: bool) -> &'static str {
    match (revision, shallow) {
        (_, true) => "; this clone is shallow: `git fetch --unshallow` gets the rest",
        ("HEAD", false) => ": nothing is committed yet on what is checked out",
        _ => "",
    }
}
