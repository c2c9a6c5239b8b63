//! What the hub keeps in the store beside the log. `docs/store-layout.md` says where.

use codi2_protocol::{Digest, EventId, FileId, Heartbeat, Owner, RepositoryId, SessionId, SessionInfo, WorktreeId};
use serde::{Deserialize, Serialize};

use crate::book::StoredOwners;
use crate::known::Line;

/// A file as the hub last saw it on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskRow {
    /// Digest of its bytes.
    pub bytes: Digest,
    /// Digest of its text as UTF-8.
    pub text: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its lines, hashed with the hub's secret: enough to carry owners through a change nobody saw.
    pub lines: Vec<Line>,
}

/// The last sealed state of an open buffer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchRow {
    /// Digest of its text.
    pub digest: Digest,
    /// Its owners.
    pub owners: StoredOwners,
}

/// One write of the hub beside an event, in the same transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// Owners of a content of a path.
    Owners {
        /// The repository, for all its worktrees.
        repository: RepositoryId,
        /// The path below the worktree's root.
        path: String,
        /// Digest of the text.
        digest: Digest,
        /// Its owners.
        owners: StoredOwners,
    },
    /// A file as seen on disk; none: it is gone.
    Disk(FileId, Option<DiskRow>),
    /// A buffer's last sealed state; none: it was closed.
    Branch(SessionId, FileId, Option<BranchRow>),
    /// What a session says of itself; none: it ended.
    Session(SessionId, Option<Box<SessionInfo>>),
    /// An unexplained event was explained.
    Upgrade(EventId, Owner),
    /// A worktree is watched, at this root.
    Worktree(WorktreeId, String),
    /// A session's last sign of life.
    Heartbeat(SessionId, Heartbeat),
}
