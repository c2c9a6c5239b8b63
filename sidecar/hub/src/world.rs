//! The core's ports onto the real world: watches, files, git's blobs, the store's rows.

mod ahead;
mod identity;
mod stored;

use std::cell::Cell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use codi2_protocol::{
    Actor, Digest, EventId, FileId, HostId, KnownBy, Owner, Process, RepositoryId, SessionId, SessionInfo, WorktreeId,
};
use codi2_store::{Store, StoreError};
use codi2_workspace::{
    Foreign, Observation, Oid, Place, Private, Watch, WatchEvent, WatchOptions, Who, identify, relative,
};

use self::identity::Identity;
use self::stored::Stored;
pub use self::stored::{is_away, patiently};
use crate::book::StoredOwners;
use crate::joins;
use crate::measures::{Asked, Git, Measures};
use crate::ports::{Glance, NoTools, Ports, Tools, Watched};
use crate::recent::Recent;
use crate::rows::{BranchRow, CallRow, DiskRow};

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
    stored: Stored,
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
    /// Who works in those that are watched.
    persons: HashMap<WorktreeId, Who>,
    /// Folders whose worktree was looked up, so that a hook needs no look at git, and what then was at its root.
    folders: HashMap<PathBuf, (WorktreeId, Identity)>,
    /// Whether git was asked for the input that the core takes.
    asked_git: Cell<bool>,
    measures: Measures,
}

/// Processes whose starters were looked for, and identities, that are remembered.
const STARTERS: usize = 256;
/// Folders remembered, at most; then they are looked up again.
const FOLDERS: usize = 4_096;

impl World {
    /// Ports over a store; watches start with these options and report to `sink`. Where the store is shared, `joined` is
    /// told of repositories that share, too.
    pub fn new(store: Arc<Store>, host: HostId, ground: impl Into<Ground>, sink: Sink, joined: Joined) -> Self {
        let Ground { watch: options, tools } = ground.into();
        let private = Private::new(&options.private, options.secret).ok();
        Self {
            stored: Stored::new(store, host),
            options,
            private,
            sink,
            joined,
            tools,
            starters: Recent::new(STARTERS),
            identities: Recent::new(STARTERS),
            watches: HashMap::new(),
            persons: HashMap::new(),
            folders: HashMap::new(),
            asked_git: Cell::new(false),
            measures: Measures::default(),
        }
    }

    /// The same world, whose questions to git are measured there.
    pub fn measured(self, measures: &Measures) -> Self {
        Self { measures: Measures::clone(measures), ..self }
    }

    /// The core has taken its input: what the store told ahead for it is old, and what it asked git it asked together.
    pub fn taken(&self) {
        self.stored.taken();
        if self.asked_git.take() {
            self.watches.values().for_each(Watch::rest);
        }
    }

    /// The store is not waited for any more.
    pub fn give_up(&self, error: StoreError) {
        self.stored.give_up(error);
    }

    /// Why something was decided without what is stored: it must not be written.
    pub fn given_up(&self) -> Option<StoreError> {
        self.stored.given_up()
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
        let store = self.stored.store();
        if !store.is_shared() {
            return;
        }
        let (place, store, joined) = (place.clone(), Arc::clone(store), Arc::clone(&self.joined));
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
        let shared = self.stored.joined(worktree.repository);
        Some(Watched { worktree: worktree.clone(), root: place.root.clone(), branch: place.branch.clone(), shared })
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
}

impl Ports for World {
    fn ahead(&self, glances: &[Glance]) {
        self.stored.ask_ahead(glances);
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
        self.persons.remove(worktree);
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
        self.stored.owners(repositories, path, digest)
    }

    fn has_stored_owners(&self, repository: RepositoryId, path: &str) -> bool {
        self.stored.has_owners(repository, path)
    }

    fn disk_row(&self, file: &FileId) -> Option<DiskRow> {
        self.stored.disk_row(file)
    }

    fn disk_texts(&self, worktree: &WorktreeId) -> Vec<(String, Digest)> {
        self.stored.disk_texts(worktree)
    }

    fn branch_row(&self, session: SessionId, file: &FileId) -> Option<BranchRow> {
        self.stored.branch_row(session, file)
    }

    fn upgrade(&self, event: EventId) -> Option<Owner> {
        self.stored.upgrade(event)
    }

    fn sessions(&self) -> Vec<SessionInfo> {
        self.stored.sessions()
    }

    fn open_calls(&self) -> Vec<CallRow> {
        self.stored.open_calls()
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
        let place = self.watches.get(worktree)?.place();
        let who = match self.persons.get(worktree).filter(|who| who.stands(place)) {
            Some(who) => who.clone(),
            None => {
                let who = Who::at(place);
                self.persons.insert(worktree.clone(), who.clone());
                who
            }
        };
        let Who { person: identity, is_git_identity, .. } = who;
        if !is_git_identity {
            return Some((identity, KnownBy::Account));
        }
        let is_tools = self.identities.get(&identity).copied();
        let is_tools = is_tools.unwrap_or_else(|| self.tools.is_tools(&identity));
        self.identities.put(identity.clone(), is_tools);
        (!is_tools).then_some((identity, KnownBy::GitIdentity))
    }

    fn is_shared(&self) -> bool {
        self.stored.store().is_shared()
    }

    fn watched_before(&self, worktree: &WorktreeId) -> bool {
        self.stored.is_watched_before(worktree)
    }

    fn failed_reads(&self) -> (u64, String) {
        self.stored.failed()
    }
}

#[cfg(test)]
pub(crate) mod tests;
