//! What the core may ask of the world, so that tests can be the world: files, git's blobs, the store's rows.
//!
//! Every answer is a fact about now; nothing here changes anything. Absent on purpose: waiting, clocks, sockets.

use std::path::Path;

use codi2_protocol::{
    Actor, Digest, EventId, FileId, KnownBy, Owner, Process, RepositoryId, SessionId, SessionInfo, WorktreeId,
};
use codi2_workspace::{Foreign, Observation, Oid};

use crate::book::StoredOwners;
use crate::rows::{BranchRow, CallRow, DiskRow};

/// A worktree that is being watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The worktree.
    pub worktree: WorktreeId,
    /// Absolute path of its root.
    pub root: std::path::PathBuf,
    /// Branch checked out.
    pub branch: Option<String>,
    /// The id under which its repository shares owners with other clones, where that is settled.
    pub shared: Option<RepositoryId>,
}

/// What the program knows of AI tools, and the hub does not: their catalogue is data of the program's.
pub trait Tools: std::fmt::Debug + Send + Sync {
    /// Who started the tool of this id that runs at or above a process: the agents further up, as a chain, each with how
    /// that is known. Asked once for each of an agent's processes, on the core's thread.
    fn started_by(&self, tool: &str, process: &Process) -> Option<Actor>;
    /// Whether an identity of git, as `name <email>`, is one that a tool gives itself.
    fn is_tools(&self, identity: &str) -> bool;
}

/// Knows no tool.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTools;

impl Tools for NoTools {
    fn started_by(&self, _: &str, _: &Process) -> Option<Actor> {
        None
    }

    fn is_tools(&self, _: &str) -> bool {
        false
    }
}

/// What the core is about to ask the store about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// The file.
    pub file: FileId,
    /// Whether it asks what the file held when the hub last looked, and whose that was.
    pub is_new: bool,
    /// The repositories under which it asks for owners.
    pub repositories: Vec<RepositoryId>,
    /// The texts whose owners it asks for.
    pub texts: Vec<Digest>,
    /// Whether it asks if owners of any text are stored.
    pub any: bool,
}

/// What the core asks of the world.
pub trait Ports {
    /// Says what the core is about to ask of the store, so that one elsewhere is asked for all of it at once. What was
    /// told for that stays true until the input that the core takes is done.
    fn ahead(&self, _glances: &[Glance]) {}
    /// The worktree of a path, watched from now on; an error in words for people.
    fn watch(&mut self, path: &Path, poll: bool) -> Result<Watched, String>;
    /// Stops watching.
    fn unwatch(&mut self, worktree: &WorktreeId);
    /// Whether a worktree whose folder was gone can be watched again: it is back at its root, or another repository is.
    fn is_back(&self, _worktree: &WorktreeId, _root: &Path) -> bool {
        false
    }
    /// The file's path below the root of its watched worktree.
    fn locate(&self, path: &Path) -> Option<FileId>;
    /// The file as it is on disk now; none where it may not be recorded or its worktree is not watched.
    fn read(&mut self, file: &FileId) -> Option<Observation>;
    /// Whether a file is private: nothing of it is recorded but that it changed, whoever tells of it.
    fn is_private(&self, file: &FileId) -> bool;
    /// The bytes with this digest, if git still has them: in this blob, or for this path.
    fn blob(&mut self, file: &FileId, blob: Option<Oid>, digest: Digest) -> Option<Vec<u8>>;
    /// Earlier contents of this path, newest first, as far as git still has them; bounded in number.
    fn earlier(&mut self, _file: &FileId) -> Vec<Vec<u8>> {
        Vec::new()
    }
    /// What commits that others made brought to this path (ADR 0112), the newest; none where git cannot be asked.
    fn foreign(&mut self, _file: &FileId) -> Option<Vec<Foreign>> {
        Some(Vec::new())
    }
    /// The file as git's index has it: the blob, and the bytes that a checkout would write.
    fn indexed(&mut self, file: &FileId) -> Option<(Oid, Vec<u8>)>;

    /// Owners of a content that this path, in any worktree, held before: of the first repository under which there are any.
    fn stored_owners(&self, repositories: &[RepositoryId], path: &str, digest: Digest) -> Option<StoredOwners>;
    /// Whether owners of any content of this path are stored.
    fn has_stored_owners(&self, _repository: RepositoryId, _path: &str) -> bool {
        false
    }
    /// What the file held when the hub last looked.
    fn disk_row(&self, file: &FileId) -> Option<DiskRow>;
    /// The paths of all such rows of a worktree, and the digests of their texts.
    fn disk_texts(&self, worktree: &WorktreeId) -> Vec<(String, Digest)>;
    /// The last sealed state of a buffer.
    fn branch_row(&self, session: SessionId, file: &FileId) -> Option<BranchRow>;
    /// How an unexplained event was explained later.
    fn upgrade(&self, event: EventId) -> Option<Owner>;
    /// What the sessions said of themselves that have not ended.
    fn sessions(&self) -> Vec<SessionInfo>;
    /// The calls of this machine's agents that had begun and not ended when its last hub did.
    fn open_calls(&self) -> Vec<CallRow> {
        Vec::new()
    }
    /// Whether a process of this machine is known to have ended.
    fn is_gone(&self, process: &Process) -> bool;
    /// Who started the tool of this name that runs at or above a process: the agents further up, as a chain.
    fn started_by(&mut self, _tool: &str, _process: &Process) -> Option<Actor> {
        None
    }
    /// The person whose worktree it is, and how that is known; none where git's identity is a tool's.
    fn person(&mut self, _worktree: &WorktreeId) -> Option<(String, KnownBy)> {
        None
    }
    /// Whether hubs of other machines use the store, too.
    fn is_shared(&self) -> bool {
        false
    }
    /// Whether the worktree was watched by an earlier hub of this machine.
    fn watched_before(&self, worktree: &WorktreeId) -> bool;
    /// How many reads of the store have failed, and the last failure in words. What failed was answered as if nothing
    /// were stored, so whoever takes that for an answer asks here first.
    fn failed_reads(&self) -> (u64, String);
}
