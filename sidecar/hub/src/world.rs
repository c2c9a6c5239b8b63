//! The core's ports onto the real world: watches, files, git's blobs, the store's rows.

mod ahead;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use codi2_protocol::{
    Actor, Digest, EventId, FileId, HostId, KnownBy, Owner, Process, RepositoryId, SessionId, SessionInfo, WorktreeId,
};
use codi2_store::{Fate, Part, Store, StoreError, Subspace};
use codi2_workspace::{Foreign, Observation, Oid, Place, Private, Watch, WatchEvent, WatchOptions, identify, relative};

use crate::book::{StoredOwners, better};
use crate::joins;
use crate::measures::{Asked, Git, Measures};
use crate::ports::{Glance, NoTools, Ports, Tools, Watched};
use crate::recent::Recent;
use crate::rows::{BranchRow, DiskRow, Row};

/// What watches report to.
pub type Sink = Arc<dyn Fn(WorktreeId, WatchEvent) + Send + Sync>;

/// Who is told under which id a repository shares.
pub type Joined = Arc<dyn Fn(RepositoryId, RepositoryId) + Send + Sync>;

/// What the world stands on that is settled when a hub starts.
pub struct Ground {
    /// How worktrees are watched.
    pub watch: WatchOptions,
    /// What is known of tools.
    pub tools: Arc<dyn Tools>,
}

impl From<WatchOptions> for Ground {
    /// Where nothing is known of tools.
    fn from(watch: WatchOptions) -> Self {
        Self { watch, tools: Arc::new(NoTools) }
    }
}

/// The real world.
pub struct World {
    store: Arc<Store>,
    /// This machine: what lies on its disk is of no other.
    host: HostId,
    options: WatchOptions,
    /// None where a glob is none: then everything is private, and no watch starts either.
    private: Option<Private>,
    sink: Sink,
    joined: Joined,
    tools: Arc<dyn Tools>,
    /// Who started each agent's process, so that it is found out once.
    starters: Recent<(String, Process), Option<Actor>>,
    /// Whether git's identities are tools'.
    identities: Recent<String, bool>,
    watches: HashMap<WorktreeId, Watch>,
    /// Folders whose worktree was looked up, so that a hook needs no look at git, and what then was at its root.
    folders: HashMap<PathBuf, (WorktreeId, Identity)>,
    /// Whether git was asked for the input that the core takes.
    asked_git: Cell<bool>,
    measures: Measures,
    /// What the store told ahead, for the input that the core takes.
    ahead: RefCell<ahead::Ahead>,
    /// How many reads of the store failed, and the last failure.
    failed_reads: RefCell<(u64, String)>,
    /// Why the store is not waited for any more. From then on nothing that is decided here may be written.
    given_up: RefCell<Option<StoreError>>,
}

/// Between two tries to read a store that is away; each takes its own time, too.
const PAUSE: Duration = Duration::from_millis(100);

/// Whether it is worth waiting: a cluster is away, or only busy.
pub fn is_away(error: &StoreError) -> bool {
    matches!(error, StoreError::Away { .. }) || error.fate() == Fate::Retry
}

/// Tries until the store answers, or whoever uses it ends.
pub fn patiently<T>(store: &Store, work: &mut dyn FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
    loop {
        match work() {
            Err(error) if is_away(&error) && !store.is_ending() => std::thread::sleep(PAUSE),
            result => return result,
        }
    }
}

/// Processes whose starters were looked for, and identities, that are remembered.
const STARTERS: usize = 256;
/// Folders remembered, at most; then they are looked up again.
const FOLDERS: usize = 4_096;

/// What tells a worktree from another one made at the same place after the first was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    root: Made,
    git: Option<Made>,
}

/// Which file or folder: one made later at the same path differs.
type Made = (u64, Option<std::time::SystemTime>);

impl Identity {
    /// What is at a root now; none where nothing is.
    fn of(root: &Path) -> Option<Self> {
        Some(Self { root: made(root)?, git: made(&root.join(".git")) })
    }
}

fn made(path: &Path) -> Option<Made> {
    let found = std::fs::symlink_metadata(path).ok()?;
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(&found);
    #[cfg(not(unix))]
    let number = 0;
    Some((number, found.created().ok()))
}

impl World {
    /// Ports over a store; watches start with these options and report to `sink`. Where the store is shared, `joined` is
    /// told of repositories that share, too.
    pub fn new(store: Arc<Store>, host: HostId, ground: impl Into<Ground>, sink: Sink, joined: Joined) -> Self {
        let Ground { watch: options, tools } = ground.into();
        let private = Private::new(&options.private, options.secret).ok();
        Self {
            store,
            host,
            options,
            private,
            sink,
            joined,
            tools,
            starters: Recent::new(STARTERS),
            identities: Recent::new(STARTERS),
            watches: HashMap::new(),
            folders: HashMap::new(),
            asked_git: Cell::new(false),
            measures: Measures::default(),
            ahead: RefCell::default(),
            failed_reads: RefCell::default(),
            given_up: RefCell::default(),
        }
    }

    /// The same world, whose questions to git are measured there.
    pub fn measured(self, measures: &Measures) -> Self {
        Self { measures: Measures::clone(measures), ..self }
    }

    /// Where a worktree is that is being watched.
    pub fn place(&self, worktree: &WorktreeId) -> Option<&Place> {
        self.watches.get(worktree).map(Watch::place)
    }

    /// Ends what a place replaces: the watch of another worktree at its root, whoever asked for it, and its own watch
    /// at a root that it was moved from.
    fn unwatch_former(&mut self, place: &Place) {
        let former = self.watches.values().map(Watch::place).filter(|other| {
            let same_root = other.root == place.root;
            let same_worktree = other.worktree == place.worktree;
            same_root != same_worktree && (same_root || !other.root.exists())
        });
        for worktree in former.map(|other| other.worktree.clone()).collect::<Vec<_>>() {
            self.unwatch(&worktree);
        }
    }

    /// Looks in the background whether the repository is one that others of the store have, too: git may need a while.
    fn join(&self, place: &Place) {
        if !self.store.is_shared() {
            return;
        }
        let (place, store, joined) = (place.clone(), Arc::clone(&self.store), Arc::clone(&self.joined));
        let secret = self.options.secret;
        std::thread::spawn(move || {
            let Some(lineage) = codi2_workspace::lineage(&place).filter(|lineage| !secret(&lineage.origin)) else {
                return;
            };
            // Where it is first watched while the store is away, it would share nothing for as long as it is watched.
            match patiently(&store, &mut || joins::join(&store, place.worktree.repository, &lineage)) {
                Ok(shared) => joined(place.worktree.repository, shared),
                Err(error) => tracing::warn!(%error, "a repository shares nothing until it is watched again"),
            }
        });
    }

    fn watched(&self, worktree: &WorktreeId) -> Option<Watched> {
        let place = self.place(worktree)?;
        // Before anything of it is judged: what it shares is stored under that id.
        let settled = || self.row(Subspace::Joined, &[worktree.repository.into()]);
        let shared = if self.store.is_shared() { settled() } else { None };
        Some(Watched { worktree: worktree.clone(), root: place.root.clone(), branch: place.branch.clone(), shared })
    }

    /// A row; nothing where it cannot be read, which is counted.
    fn row<T: serde::de::DeserializeOwned>(&self, space: Subspace, parts: &[Part<'_>]) -> Option<T> {
        self.given(self.waited(|| self.store.get(space, parts))).flatten()
    }

    /// The rows below these parts; one that cannot be read is left out and counted.
    fn rows<T: serde::de::DeserializeOwned>(
        &self,
        space: Subspace,
        parts: &[Part<'_>],
    ) -> Vec<(Vec<Part<'static>>, T)> {
        let all = self.waited(|| {
            let rows: Vec<_> = self.store.scan::<T>(space, parts).collect();
            match rows.iter().find_map(|row| row.as_ref().err().filter(|error| is_away(error))) {
                Some(error) => Err(error.clone()),
                None => Ok(rows),
            }
        });
        self.given(all).unwrap_or_default().into_iter().filter_map(|row| self.given(row)).collect()
    }

    /// Reads, and waits for a store that is away: nothing could be written meanwhile either, and what is judged without
    /// what is stored would be judged wrongly, for good.
    fn waited<T>(&self, mut read: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
        // Each try takes the store's timeout: with many reads to come the hub would not end.
        if let Some(error) = &*self.given_up.borrow() {
            return Err(error.clone());
        }
        let result = patiently(&self.store, &mut read);
        if let Err(error) = &result
            && is_away(error)
        {
            self.give_up(error.clone());
        }
        result
    }

    /// The core has taken its input: what was told ahead for it is old, and what it asked git it asked together.
    pub fn taken(&self) {
        self.ahead.take();
        if self.asked_git.take() {
            self.watches.values().for_each(Watch::rest);
        }
    }

    /// Asks git about a file of a worktree that is watched; all who wait for the core wait meanwhile.
    fn git<T>(&self, file: &FileId, kind: fn(&Git) -> &Asked, ask: impl FnOnce(&Watch, &str) -> T) -> Option<T> {
        let watch = self.watches.get(&file.worktree)?;
        let begun = Instant::now();
        self.asked_git.set(true);
        let answer = ask(watch, &file.path);
        kind(&self.measures.git).took(begun.elapsed());
        Some(answer)
    }

    /// The store is not waited for any more.
    pub fn give_up(&self, error: StoreError) {
        *self.given_up.borrow_mut() = Some(error);
    }

    /// Why something was decided without what is stored: it must not be written.
    pub fn given_up(&self) -> Option<StoreError> {
        self.given_up.borrow().clone()
    }

    /// What was read of the store; nothing where that failed, which is counted.
    fn given<T>(&self, result: Result<T, StoreError>) -> Option<T> {
        let failed = |error: StoreError| {
            let mut reads = self.failed_reads.borrow_mut();
            *reads = (reads.0 + 1, error.to_string());
        };
        result.map_err(failed).ok()
    }
}

impl Ports for World {
    fn ahead(&self, glances: &[Glance]) {
        // A store on this machine is not asked for less by that, and one that is not waited for is not asked at all.
        if self.store.is_shared()
            && self.given_up.borrow().is_none()
            && let Err(error) = self.ahead.borrow_mut().ask(&self.store, self.host, glances)
        {
            tracing::debug!(%error, "the store could not be asked ahead");
        }
    }

    fn watch(&mut self, path: &Path, poll: bool) -> Result<Watched, String> {
        if !path.is_absolute() {
            return Err(format!("{} is not an absolute path", path.display()));
        }
        if let Some((worktree, then)) = self.folders.get(path)
            && let Some(watched) = self.watched(worktree)
        {
            if Identity::of(&watched.root).as_ref() == Some(then) {
                return Ok(watched);
            }
            // Deleted and made again, or a folder that became a repository: the watch looks at what is gone.
            let gone = watched.worktree;
            self.unwatch(&gone);
        }
        let place = identify(path).map_err(|error| error.to_string())?;
        // Told by the nearest folder that is there: fine inside a repository, but nobody meant a plain folder above.
        if place.git_dir.is_none() && !path.exists() {
            return Err(format!("{} is gone", path.display()));
        }
        if (self.options.secret)(&place.root.to_string_lossy()) || (self.options.secret)(&place.worktree.name) {
            return Err(
                "the worktree's path holds what looks like a secret, so nothing of it is recorded: rename it".into()
            );
        }
        let identity = Identity::of(&place.root).ok_or_else(|| format!("{} is gone", place.root.display()))?;
        let worktree = place.worktree.clone();
        self.unwatch_former(&place);
        if !self.watches.contains_key(&worktree) {
            let sink = Arc::clone(&self.sink);
            let id = worktree.clone();
            let options = WatchOptions { poll: poll || self.options.poll, ..self.options.clone() };
            self.join(&place);
            let watch = Watch::start(place, options, move |event| sink(id.clone(), event));
            self.watches.insert(worktree.clone(), watch.map_err(|error| error.to_string())?);
        }
        if self.folders.len() >= FOLDERS {
            self.folders.clear();
        }
        self.folders.insert(path.to_owned(), (worktree.clone(), identity));
        self.watched(&worktree).ok_or_else(|| "the watch ended at once".to_owned())
    }

    fn unwatch(&mut self, worktree: &WorktreeId) {
        self.folders.retain(|_, (other, _)| other != worktree);
        if let Some(watch) = self.watches.remove(worktree) {
            // Its thread may be waiting for us to take an event: dropping waits for the thread, so not here.
            std::thread::spawn(move || drop(watch));
        }
    }

    fn is_back(&self, worktree: &WorktreeId, root: &Path) -> bool {
        // A repository further up is another place; a plain folder may be one that is about to become a repository.
        let is_it = |place: Place| place.root == root && (place.git_dir.is_some() || place.worktree == *worktree);
        root.is_dir() && identify(root).is_ok_and(is_it)
    }

    fn locate(&self, path: &Path) -> Option<FileId> {
        let places = self.watches.values().map(Watch::place);
        let (place, path) = places
            .filter_map(|place| Some((place, relative(place, path)?)))
            .max_by_key(|(place, _)| place.root.as_os_str().len())?;
        Some(FileId { worktree: place.worktree.clone(), path })
    }

    fn read(&mut self, file: &FileId) -> Option<Observation> {
        self.watches.get(&file.worktree)?.read(&file.path).ok()
    }

    fn is_private(&self, file: &FileId) -> bool {
        // A repository may name more; what is told of one that nobody watches is judged by the user's own settings.
        let here = self.watches.get(&file.worktree).is_some_and(|watch| watch.is_private(&file.path));
        here || self.private.as_ref().is_none_or(|private| private.covers(&file.path))
    }

    fn blob(&mut self, file: &FileId, blob: Option<Oid>, digest: Digest) -> Option<Vec<u8>> {
        self.git(file, |git| &git.blob, |watch, path| watch.blob_bytes(path, blob, digest))?
    }

    fn earlier(&mut self, file: &FileId) -> Vec<Vec<u8>> {
        self.git(file, |git| &git.earlier, Watch::earlier).unwrap_or_default()
    }

    fn foreign(&mut self, file: &FileId) -> Option<Vec<Foreign>> {
        self.git(file, |git| &git.foreign, Watch::foreign)?
    }

    fn indexed(&mut self, file: &FileId) -> Option<(Oid, Vec<u8>)> {
        self.git(file, |git| &git.indexed, Watch::indexed)?
    }

    fn stored_owners(&self, repositories: &[RepositoryId], path: &str, digest: Digest) -> Option<StoredOwners> {
        if let Some(known) = self.ahead.borrow().owners(repositories, path, digest) {
            return known;
        }
        let keys: Vec<_> = repositories.iter().map(|id| [(*id).into(), path.into(), (&digest).into()]).collect();
        let keys: Vec<&[Part<'_>]> = keys.iter().map(|key| &key[..]).collect();
        self.given(self.waited(|| self.store.first(Subspace::Owners, &keys))).flatten()
    }

    fn has_stored_owners(&self, repository: RepositoryId, path: &str) -> bool {
        if let Some(known) = self.ahead.borrow().any(repository, path) {
            return known;
        }
        let first = || self.store.scan::<StoredOwners>(Subspace::Owners, &[repository.into(), path.into()]).next();
        self.given(self.waited(|| first().transpose())).flatten().is_some()
    }

    fn disk_row(&self, file: &FileId) -> Option<DiskRow> {
        let known = self.ahead.borrow().disk_row(file).cloned();
        known.unwrap_or_else(|| self.row(Subspace::Disk, &disk_key(self.host, file)))
    }

    fn disk_texts(&self, worktree: &WorktreeId) -> Vec<(String, Digest)> {
        let prefix = worktree_key(self.host, worktree);
        let rows = self.rows::<DiskRow>(Subspace::Disk, &prefix);
        let path = |parts: &[Part<'_>]| parts.last().and_then(Part::text).map(str::to_owned);
        rows.iter().filter_map(|(parts, row)| Some((path(parts)?, row.text))).collect()
    }

    fn branch_row(&self, session: SessionId, file: &FileId) -> Option<BranchRow> {
        self.row(Subspace::Branch, &[session.into(), (&file.path).into()])
    }

    fn upgrade(&self, event: EventId) -> Option<Owner> {
        let known = self.ahead.borrow().upgrade(event).cloned();
        known.unwrap_or_else(|| self.row(Subspace::Upgrade, &[event.into()]))
    }

    fn sessions(&self) -> Vec<SessionInfo> {
        self.rows::<SessionInfo>(Subspace::Session, &[]).into_iter().map(|(_, info)| info).collect()
    }

    fn is_gone(&self, process: &Process) -> bool {
        codi2_ipc::process::is_gone(process)
    }

    fn started_by(&mut self, tool: &str, process: &Process) -> Option<Actor> {
        // By what is above: between an agent and its hook there may be a shell that is another one each time. A number
        // without its start may be another's tomorrow.
        let above = codi2_ipc::process::above_of(process).filter(|above| above.start.is_some())?;
        let key = (tool.to_owned(), above);
        if let Some(known) = self.starters.get(&key) {
            return known.clone();
        }
        let found = self.tools.started_by(tool, process);
        self.starters.put(key, found.clone());
        found
    }

    fn person(&mut self, worktree: &WorktreeId) -> Option<(String, KnownBy)> {
        let place = self.place(worktree)?;
        if !place.is_git_identity {
            return Some((place.person.clone(), KnownBy::Account));
        }
        let identity = place.person.clone();
        let is_tools = self.identities.get(&identity).copied();
        let is_tools = is_tools.unwrap_or_else(|| self.tools.is_tools(&identity));
        self.identities.put(identity.clone(), is_tools);
        (!is_tools).then_some((identity, KnownBy::GitIdentity))
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    fn watched_before(&self, worktree: &WorktreeId) -> bool {
        self.row::<String>(Subspace::Worktree, &worktree_key(self.host, worktree)).is_some()
    }

    fn failed_reads(&self) -> (u64, String) {
        self.failed_reads.borrow().clone()
    }
}

fn disk_key(host: HostId, file: &FileId) -> [Part<'_>; 4] {
    [file.worktree.repository.into(), host.into(), (&file.worktree.name).into(), (&file.path).into()]
}

fn worktree_key(host: HostId, worktree: &WorktreeId) -> [Part<'_>; 3] {
    [worktree.repository.into(), host.into(), (&worktree.name).into()]
}

/// The row of [`Subspace::Meta`] that hubs of one store watch for signs of life; each time it is another.
pub const MOVED: &str = "moved";

/// A row as the store takes it.
pub fn encode(row: &Row) -> Result<codi2_store::Row, StoreError> {
    use codi2_store::Row as Stored;
    match row {
        Row::Owners { repository, path, digest, owners } => {
            Stored::merged(Subspace::Owners, &[(*repository).into(), path.into(), digest.into()], owners, better)
        }
        Row::Disk(host, file, Some(row)) => Stored::set(Subspace::Disk, &disk_key(*host, file), row),
        Row::Disk(host, file, None) => Stored::delete(Subspace::Disk, &disk_key(*host, file)),
        Row::Branch(session, file, Some(row)) => {
            Stored::set(Subspace::Branch, &[(*session).into(), (&file.path).into()], row)
        }
        Row::Branch(session, file, None) => Stored::delete(Subspace::Branch, &[(*session).into(), (&file.path).into()]),
        Row::Session(session, Some(info)) => Stored::set(Subspace::Session, &[(*session).into()], info),
        Row::Session(session, None) => Stored::delete(Subspace::Session, &[(*session).into()]),
        Row::Upgrade(event, owner) => Stored::set(Subspace::Upgrade, &[(*event).into()], owner),
        Row::Worktree(host, worktree, root) => Stored::set(Subspace::Worktree, &worktree_key(*host, worktree), root),
        Row::Life(session, Some(life)) => Stored::set(Subspace::Heartbeat, &[(*session).into()], life),
        Row::Life(session, None) => Stored::delete(Subspace::Heartbeat, &[(*session).into()]),
        Row::Moved => Stored::set(Subspace::Meta, &[MOVED.into()], &EventId::new()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
