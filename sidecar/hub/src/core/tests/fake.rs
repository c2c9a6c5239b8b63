//! What is outside the core in the tests: files, git's index and the store's rows in maps, processes by their numbers.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use codi2_protocol::{
    Actor, Digest, EventId, FileId, HostId, KnownBy, Owner, Process, ProducerId, RepositoryId, SessionId, SessionInfo,
    WorktreeId,
};
use codi2_text::digest_of;
use codi2_workspace::{Cause, Content, Observation, Oid, Written};

use crate::book::StoredOwners;
use crate::ports::{Ports, Watched};
use crate::rows::{BranchRow, CallRow, DiskRow, Row};

/// Where the worktree lies.
pub const ROOT: &str = "/w";
/// Where it lies after it was moved.
pub const MOVED: &str = "/w/moved";
/// When every scenario begins (ms since the Unix epoch).
const BEGIN: u64 = 1_800_000_000_000;

pub fn worktree() -> WorktreeId {
    let repository: RepositoryId = "00000000-0000-7000-8000-000000000001".parse().unwrap();
    WorktreeId { repository, name: String::new() }
}

pub fn file(path: &str) -> FileId {
    FileId { worktree: worktree(), path: path.to_owned() }
}

/// The machine of every scenario.
pub fn host() -> HostId {
    "00000000-0000-7000-8000-000000000002".parse().unwrap()
}

/// The digest of bytes, or of a text.
pub fn of(bytes: impl AsRef<[u8]>) -> Digest {
    Digest::new(digest_of(bytes.as_ref()))
}

/// What is outside the core.
#[derive(Default)]
pub struct Fake {
    pub files: BTreeMap<String, Vec<u8>>,
    /// When each path was written last (ns since the Unix epoch), no two writes at once.
    pub writes: BTreeMap<String, u64>,
    /// What git's index holds.
    pub index: BTreeMap<String, Vec<u8>>,
    /// What git ever held.
    pub objects: HashMap<Oid, Vec<u8>>,
    /// What commits hold, newest first.
    pub earlier: HashMap<String, Vec<Vec<u8>>>,
    /// Paths that may not be read.
    pub private: BTreeSet<String>,
    pub max_bytes: usize,
    pub now: u64,
    pub watched: BTreeSet<WorktreeId>,
    /// How often others were told that somebody moved, where hubs share the store.
    pub moved: usize,
    pub is_shared: bool,
    pub owners: HashMap<(RepositoryId, String, Digest), StoredOwners>,
    /// Each question for owners: of which repositories.
    pub asked_owners: RefCell<Vec<Vec<RepositoryId>>>,
    /// How often git was asked for a text of before.
    pub asked_blobs: usize,
    pub disk: BTreeMap<FileId, DiskRow>,
    pub branches: HashMap<(SessionId, FileId), BranchRow>,
    pub upgrades: HashMap<EventId, Owner>,
    pub sessions: HashMap<SessionId, SessionInfo>,
    pub calls: BTreeMap<EventId, CallRow>,
    pub worktrees: BTreeSet<WorktreeId>,
    /// Under which id the repository shares, where the store has it.
    pub shared: Option<RepositoryId>,
    /// Whose worktree it is.
    pub person: Option<(String, KnownBy)>,
    /// Who started a tool.
    pub starters: HashMap<String, Actor>,
    pub producers: HashMap<ProducerId, u64>,
    pub hooks: BTreeSet<EventId>,
    pub heartbeats: usize,
    /// Processes that have ended.
    pub gone: BTreeSet<u32>,
    /// Whether a folder that was gone is back.
    pub is_back: bool,
    /// Whether reads of the store fail.
    pub damaged: bool,
    failed_reads: Cell<u64>,
}

impl Fake {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { max_bytes: 10_000, now: BEGIN, ..Self::default() }
    }

    /// The file as a watch finds it.
    pub fn observe(&self, path: &str, cause: Cause) -> Observation {
        let content = match self.files.get(path) {
            None => Content::Gone,
            Some(bytes) if bytes.contains(&0) => Content::Binary { digest: of(bytes), size: bytes.len() as u64 },
            Some(bytes) if bytes.len() > self.max_bytes => {
                Content::Large { digest: of(bytes), size: bytes.len() as u64 }
            }
            Some(bytes) => Content::Bytes { digest: of(bytes), bytes: bytes.as_slice().into() },
        };
        let bytes = self.files.get(path);
        let blob = bytes.filter(|bytes| self.index.get(path) == Some(*bytes)).and_then(|bytes| Oid::of_blob(bytes));
        let write = self.writes.get(path).copied().unwrap_or_default();
        let written = bytes.map(|_| Written { inode: 1, at_ns: write });
        Observation { content, blob, written, ..Observation::gone(path.to_owned(), cause, self.now) }
    }

    /// The highest number of a producer in the log.
    pub fn durable(&self, producer: ProducerId) -> u64 {
        self.producers.get(&producer).copied().unwrap_or(0)
    }

    /// What is stored, where it can be read.
    fn stored<T>(&self, found: Option<T>) -> Option<T> {
        self.failed_reads.set(self.failed_reads.get() + u64::from(self.damaged));
        found.filter(|_| !self.damaged)
    }

    /// Writes a row.
    pub fn apply(&mut self, row: Row) {
        match row {
            Row::Owners { repository, path, digest, owners } => {
                self.owners.insert((repository, path, digest), owners);
            }
            Row::Disk(_, file, Some(row)) => drop(self.disk.insert(file, row)),
            Row::Disk(_, file, None) => drop(self.disk.remove(&file)),
            Row::Branch(session, file, Some(row)) => drop(self.branches.insert((session, file), row)),
            Row::Branch(session, file, None) => drop(self.branches.remove(&(session, file))),
            Row::Session(session, Some(info)) => drop(self.sessions.insert(session, *info)),
            Row::Session(session, None) => drop(self.sessions.remove(&session)),
            Row::Upgrade(event, owner) => drop(self.upgrades.insert(event, owner)),
            Row::Worktree(_, worktree, _) => drop(self.worktrees.insert(worktree)),
            Row::Life(_, Some(_)) => self.heartbeats += 1,
            Row::Life(_, None) => {}
            Row::Call(_, hook, Some(row)) => drop(self.calls.insert(hook, *row)),
            Row::Call(_, hook, None) => drop(self.calls.remove(&hook)),
            Row::Moved => self.moved += 1,
        }
    }
}

impl Ports for Fake {
    fn is_shared(&self) -> bool {
        self.is_shared
    }
    fn watch(&mut self, path: &Path, _poll: bool) -> Result<Watched, String> {
        if !path.starts_with(ROOT) {
            return Err(format!("{} is in no repository", path.display()));
        }
        self.watched.insert(worktree());
        let root = if path.starts_with(MOVED) { MOVED } else { ROOT };
        Ok(Watched {
            worktree: worktree(),
            root: PathBuf::from(root),
            branch: Some("main".into()),
            shared: self.shared,
        })
    }

    fn unwatch(&mut self, worktree: &WorktreeId) {
        self.watched.remove(worktree);
    }

    fn is_back(&self, _: &WorktreeId, _: &Path) -> bool {
        self.is_back
    }

    fn locate(&self, path: &Path) -> Option<FileId> {
        Some(file(path.strip_prefix(ROOT).ok()?.to_str()?))
    }

    fn read(&mut self, file: &FileId) -> Option<Observation> {
        let may = self.watched.contains(&file.worktree) && !self.private.contains(&file.path);
        may.then(|| self.observe(&file.path, Cause::Asked))
    }

    fn person(&mut self, _: &WorktreeId) -> Option<(String, KnownBy)> {
        self.person.clone()
    }

    fn started_by(&mut self, tool: &str, _: &Process) -> Option<Actor> {
        self.starters.get(tool).cloned()
    }

    fn is_private(&self, file: &FileId) -> bool {
        self.private.contains(&file.path)
    }

    fn blob(&mut self, file: &FileId, blob: Option<Oid>, digest: Digest) -> Option<Vec<u8>> {
        self.asked_blobs += 1;
        let staged = self.index.get(&file.path).filter(|bytes| of(bytes) == digest);
        staged.or_else(|| self.objects.get(&blob?).filter(|bytes| of(bytes) == digest)).cloned()
    }

    fn earlier(&mut self, file: &FileId) -> Vec<Vec<u8>> {
        self.earlier.get(&file.path).cloned().unwrap_or_default()
    }

    fn has_stored_owners(&self, repository: RepositoryId, path: &str) -> bool {
        self.owners.keys().any(|(of, known, _)| *of == repository && known == path)
    }

    fn indexed(&mut self, file: &FileId) -> Option<(Oid, Vec<u8>)> {
        let bytes = self.index.get(&file.path)?;
        Some((Oid::of_blob(bytes)?, bytes.clone()))
    }

    fn stored_owners(&self, repositories: &[RepositoryId], path: &str, digest: Digest) -> Option<StoredOwners> {
        self.asked_owners.borrow_mut().push(repositories.to_vec());
        let owners = |repository: &RepositoryId| self.owners.get(&(*repository, path.to_owned(), digest)).cloned();
        self.stored(repositories.iter().find_map(owners))
    }

    fn disk_row(&self, file: &FileId) -> Option<DiskRow> {
        self.stored(self.disk.get(file).cloned())
    }

    fn disk_texts(&self, worktree: &WorktreeId) -> Vec<(String, Digest)> {
        let here = self.disk.iter().filter(|(file, _)| file.worktree == *worktree);
        here.map(|(file, row)| (file.path.clone(), row.text)).collect()
    }

    fn branch_row(&self, session: SessionId, file: &FileId) -> Option<BranchRow> {
        self.stored(self.branches.get(&(session, file.clone())).cloned())
    }

    fn upgrade(&self, event: EventId) -> Option<Owner> {
        self.upgrades.get(&event).cloned()
    }

    fn sessions(&self) -> Vec<SessionInfo> {
        self.sessions.values().cloned().collect()
    }

    fn open_calls(&self) -> Vec<CallRow> {
        self.calls.values().cloned().collect()
    }

    fn is_gone(&self, process: &Process) -> bool {
        self.gone.contains(&process.pid)
    }

    fn watched_before(&self, worktree: &WorktreeId) -> bool {
        self.worktrees.contains(worktree)
    }

    fn failed_reads(&self) -> (u64, String) {
        (self.failed_reads.get(), "the store is damaged; do this".into())
    }
}
