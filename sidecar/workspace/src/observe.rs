//! What a watch reports. Plain values; absent on purpose: any judgement about who wrote a change.

use std::sync::Arc;

use codi2_protocol::{Digest, WatchState};

use crate::git::Oid;

/// One report of a watch, in the order things were seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchEvent {
    /// A page of the first look at all files (cause [`Cause::Scan`]): at most 256 files or about 1 MB of content each.
    Scan(Vec<Observation>),
    /// The first look is complete.
    ScanDone {
        /// How many files it found.
        files: u64,
    },
    /// One settled batch (or a page of a large one). Renames are paired already.
    Observed(Vec<Observation>),
    /// Git did something. Sent before the observations that it explains.
    Git(GitOperation),
    /// Git is done: what it moved and wrote was told before, so that commits may be looked at.
    GitDone,
    /// Notes on commits were written or fetched.
    Noted,
    /// Late evidence: git explains a content that was read or reported without an explanation, and that may be gone by
    /// now.
    Explained {
        /// Path as in [`Observation::path`].
        path: String,
        /// BLAKE3 of the content.
        digest: Digest,
        /// The write that put it there.
        written: Written,
        /// Why it is git's doing.
        git: GitExplanation,
    },
    /// The watch changed its state; the words say how many, which limit, what to do.
    State(WatchState, String),
    /// A private file changed (path as in [`codi2_protocol::FileId`]); nothing else about it is known or read.
    Private(String),
}

/// What stands at a path now, as far as it differs from the last observation of it (or was asked for).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Path below the worktree's root, written as in [`codi2_protocol::FileId`].
    pub path: String,
    /// The path it had before, if this is a rename; no observation of its own is sent for that path. Where the two ends
    /// were seen apart, it comes after that path was reported gone, or after the file was reported without it.
    pub from: Option<String>,
    /// What stands there.
    pub content: Content,
    /// Why this is git's doing; `None` where nothing of git explains it.
    ///
    /// An observation may come a second time with the same digest and an explanation: git needed longer than the
    /// watch could wait. The second one is late evidence for the first, if both are of one [`Self::written`]; else git
    /// wrote once more what was there.
    pub git: Option<GitExplanation>,
    /// Git's blob with this content, if the file is clean: equal to its index entry after filters. Not an explanation:
    /// whoever writes a file back to its committed text makes it clean too.
    pub blob: Option<Oid>,
    /// Which write of the file this is; `None` where nothing stands there.
    pub written: Option<Written>,
    /// Why the watch looked.
    pub cause: Cause,
    /// When it was read (ms since the Unix epoch).
    pub at_ms: u64,
}

impl Observation {
    /// Nothing stands at a path.
    pub fn gone(path: String, cause: Cause, at_ms: u64) -> Self {
        Self { path, from: None, content: Content::Gone, git: None, blob: None, written: None, cause, at_ms }
    }
}

/// One write of a file, told from the next one even where that puts the same content there: the inode, and when it last
/// changed (ns since the Unix epoch, by the kernel's clock).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Written {
    /// Number of the inode; 0 where the system has none.
    pub inode: u64,
    /// When it last changed.
    pub at_ns: u64,
}

/// The content of a path. Links, folders and special files count as gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// No regular file stands there.
    Gone,
    /// The bytes on disk and their BLAKE3.
    Bytes {
        /// BLAKE3 of `bytes`.
        digest: Digest,
        /// The bytes as they lie on disk; see [`crate::decode`].
        bytes: Arc<[u8]>,
    },
    /// Longer than [`crate::WatchOptions::max_file_bytes`].
    Large {
        /// BLAKE3 of the whole file.
        digest: Digest,
        /// In bytes.
        size: u64,
    },
    /// Holds a NUL byte: not text, not recorded beyond this.
    Binary {
        /// BLAKE3 of the whole file.
        digest: Digest,
        /// In bytes.
        size: u64,
    },
}

impl Content {
    /// BLAKE3 of the file; `None` if it is gone.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Gone => None,
            Self::Bytes { digest, .. } | Self::Large { digest, .. } | Self::Binary { digest, .. } => Some(*digest),
        }
    }

    /// Size in bytes; 0 if it is gone.
    pub fn size(&self) -> u64 {
        match self {
            Self::Gone => 0,
            Self::Bytes { bytes, .. } => bytes.len() as u64,
            Self::Large { size, .. } | Self::Binary { size, .. } => *size,
        }
    }
}

/// Why the watch looked at a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The file system reported a change.
    Event,
    /// The first look at everything.
    Scan,
    /// Events were lost, a folder or the ignore rules changed: everything there was looked at again.
    Rescan,
    /// [`crate::Watch::look`] or [`crate::Watch::read`].
    Asked,
    /// A round of polling.
    Poll,
}

/// Why a change is git's, or what of it ([`GitSource::Passed`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitExplanation {
    /// What git was doing, as in [`GitOperation::operation`].
    pub operation: String,
    /// Where git has this content from.
    pub what: GitSource,
    /// Texts it may have come from, in their form in the worktree (after filters), at most 4, none equal to the
    /// content itself, nearest first: what stood there before git (old HEAD or index), then the other side (new HEAD,
    /// `MERGE_HEAD`, stash, index stages). Of a content that a filter made, the form git stores is one of them.
    pub sources: Vec<Arc<[u8]>>,
}

/// What the content of a path equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GitSource {
    /// An index entry (or its absence), before or after the operation.
    Index,
    /// A commit recorded that the path is gone, and git did nothing else that is known.
    Removed,
    /// The commit checked out before (or its lack of the path).
    OldHead,
    /// The commit checked out after (or its lack of the path).
    NewHead,
    /// A stash.
    Stash,
    /// A blob that git had before (`git restore --source`), written by git.
    Object,
    /// The clean merge of two sides.
    Merge,
    /// Git left it with conflict markers, or as one side of a conflict.
    Conflict,
    /// Git has other texts for the path, the sources, and may have put them there before somebody wrote this. Who did
    /// that git does not say.
    Passed,
}

impl GitSource {
    /// Its name, as evidence shows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Removed => "removed",
            Self::OldHead => "old-head",
            Self::NewHead => "new-head",
            Self::Stash => "stash",
            Self::Object => "object",
            Self::Merge => "merge",
            Self::Conflict => "conflict",
            Self::Passed => "passed",
        }
    }
}

/// Something git did to a worktree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitOperation {
    /// What, as git's reflog names it up to the first colon: `commit`, `commit (amend)`, `checkout`, `rebase (pick)`,
    /// `pull`, `merge topic`, `reset`, `cherry-pick`, `revert`, `am`; `stash` or `stash pop` when only the stash moved,
    /// `restore` when only index and worktree did, `index` when only the index did, `branch` when only HEAD's branch did.
    pub operation: String,
    /// HEAD before, in hexadecimal; absent if unborn.
    pub old_head: Option<String>,
    /// HEAD after, in hexadecimal; absent if unborn.
    pub new_head: Option<String>,
    /// Branch before; absent when detached.
    pub old_branch: Option<String>,
    /// Branch after; absent when detached.
    pub new_branch: Option<String>,
}
