//! codi2-workspace: files and git. Watches one worktree, settles what it sees, hashes it, and says what git explains.
//!
//! What goes in: a path. What comes out: a [`Place`] (which repository, which worktree, whose), and through a [`Watch`]
//! a stream of [`WatchEvent`]s. Synchronous; one thread per worktree.
//!
//! Invariants: a repository's git is only read, but for two small files of ours (`codi2/` in the common git folder) and
//! notes on commits ([`Notes`]), which are written beside whatever git does; no optional lock of git is taken; symbolic links are never followed out of the worktree; `.git` is
//! never recorded; a nested repository or a submodule is a place of its own and no part of the outer one.
//!
//! Absent on purpose: who wrote a change (the hub decides), diffs and owners, text decoding beyond [`decode`], any
//! memory of file texts beyond the moment in which git may explain them. Only home of `notify`, `git2` and `ignore`. Linux
//! is tested; other systems are behind the same functions and untested.

mod clock;
mod decode;
mod git;
mod lineage;
mod mounts;
mod observe;
mod path;
mod place;
mod private;
mod read;
mod repository_file;
mod rules;
mod settle;
mod unrecorded;
mod watch;
mod who;

pub use codi2_config::Globs;
pub use decode::{Decoded, Encoding, decode, encode};
pub use git::{
    Before, Came, Change, Commit, Commits, Foreign, Join, Joined, Kin, Listed, Note, Noted, Notes, Oid, Stop, Unread,
    ViewError, is_amid_commits, past,
};
pub use lineage::{Lineage, lineage};
pub use mounts::silent as silent_file_system;
pub use observe::{Cause, Content, GitExplanation, GitOperation, GitSource, Observation, WatchEvent, Written};
pub use path::{from_relative, shown, to_relative};
pub use place::{IdentifyError, Place, absolute, identify, relative};
pub use private::Private;
pub use read::Unwatched;
pub use repository_file::{path as repository_file, read as repository_settings};
pub use unrecorded::unrecorded;
pub use watch::{Hand, Watch, WatchError, WatchOptions};
pub use who::Who;
