//! What the hub keeps in the store beside the log. `docs/store-layout.md` says where.

use codi2_protocol::{
    Digest, EventId, FileId, Heartbeat, HookRecord, HostId, Owner, RepositoryId, SessionId, SessionInfo, Touched,
    WorktreeId,
};
use codi2_store::{Part, StoreError, Subspace};
use serde::{Deserialize, Serialize};

use crate::book::{StoredOwners, better};
use crate::known::Line;

/// The row of [`Subspace::Meta`] that hubs of one store watch for signs of life; each time it is another.
pub const MOVED: &str = "moved";

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
    /// Its lines, hashed with the hub's secret, where they are few enough to be written with every group: what carries
    /// the owners on where later groups were lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
}

/// A session's last sign of life: one overwritten row, which other hubs read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Life {
    /// Its heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<Heartbeat>,
    /// What it touched last; only where other hubs may ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touched: Option<Touched>,
}

/// An agent's call that has begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRow {
    /// Its hook before, with what each of `files` held, by its place there.
    pub record: HookRecord,
    /// The files it named, as the hub knows them; none: it may write anywhere in its worktree.
    pub files: Vec<FileId>,
    /// The worktree of its folder.
    pub worktree: Option<WorktreeId>,
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
    /// A file as seen on this machine's disk; none: it is gone.
    Disk(HostId, FileId, Option<DiskRow>),
    /// A buffer's last sealed state; none: it was closed.
    Branch(SessionId, FileId, Option<BranchRow>),
    /// What a session says of itself; none: it ended.
    Session(SessionId, Option<Box<SessionInfo>>),
    /// An unexplained event was explained.
    Upgrade(EventId, Owner),
    /// A worktree of this machine is watched, at this root.
    Worktree(HostId, WorktreeId, String),
    /// A session's last sign of life; none: it ended.
    Life(SessionId, Option<Box<Life>>),
    /// A call of an agent on this machine, by its hook before; none: it is open no more.
    Call(HostId, EventId, Option<Box<CallRow>>),
    /// Some session is somewhere else now: other hubs look.
    Moved,
}

impl Row {
    /// The row as the store takes it.
    ///
    /// # Errors
    /// It is larger than the store takes.
    pub fn stored(&self) -> Result<codi2_store::Row, StoreError> {
        use codi2_store::Row as Stored;
        match self {
            Self::Owners { repository, path, digest, owners } => {
                Stored::merged(Subspace::Owners, &[(*repository).into(), path.into(), digest.into()], owners, better)
            }
            Self::Disk(host, file, Some(row)) => Stored::set(Subspace::Disk, &disk_key(*host, file), row),
            Self::Disk(host, file, None) => Stored::delete(Subspace::Disk, &disk_key(*host, file)),
            Self::Branch(session, file, Some(row)) => {
                Stored::set(Subspace::Branch, &[(*session).into(), (&file.path).into()], row)
            }
            Self::Branch(session, file, None) => {
                Stored::delete(Subspace::Branch, &[(*session).into(), (&file.path).into()])
            }
            Self::Session(session, Some(info)) => Stored::set(Subspace::Session, &[(*session).into()], info),
            Self::Session(session, None) => Stored::delete(Subspace::Session, &[(*session).into()]),
            Self::Upgrade(event, owner) => Stored::set(Subspace::Upgrade, &[(*event).into()], owner),
            Self::Worktree(host, worktree, root) => {
                Stored::set(Subspace::Worktree, &worktree_key(*host, worktree), root)
            }
            Self::Life(session, Some(life)) => Stored::set(Subspace::Heartbeat, &[(*session).into()], life),
            Self::Life(session, None) => Stored::delete(Subspace::Heartbeat, &[(*session).into()]),
            Self::Call(host, hook, Some(row)) => Stored::set(Subspace::Call, &[(*host).into(), (*hook).into()], row),
            Self::Call(host, hook, None) => Stored::delete(Subspace::Call, &[(*host).into(), (*hook).into()]),
            Self::Moved => Stored::set(Subspace::Meta, &[MOVED.into()], &EventId::new()),
        }
    }
}

/// The key of a file's row among those of this machine.
pub fn disk_key(host: HostId, file: &FileId) -> [Part<'_>; 4] {
    [file.worktree.repository.into(), host.into(), (&file.worktree.name).into(), (&file.path).into()]
}

/// The key of a worktree's row, and the first parts of those of its files.
pub fn worktree_key(host: HostId, worktree: &WorktreeId) -> [Part<'_>; 3] {
    [worktree.repository.into(), host.into(), (&worktree.name).into()]
}
