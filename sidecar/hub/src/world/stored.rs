//! The store as the core reads it.
//!
//! A store that is away is waited for: nothing could be written meanwhile either, and what is judged without what is stored
//! would be judged wrongly, for good. What cannot be read is counted, and never taken for absent. Absent on purpose: writes.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use codi2_protocol::{Digest, EventId, FileId, HostId, Owner, RepositoryId, SessionId, SessionInfo, WorktreeId};
use codi2_store::{Fate, Part, Store, StoreError, Subspace};
use serde::de::DeserializeOwned;

use super::ahead::Ahead;
use crate::book::StoredOwners;
use crate::ports::Glance;
use crate::rows::{BranchRow, CallRow, DiskRow, disk_key, worktree_key};

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

/// See the module's description, and [`Ports`](crate::ports::Ports) for what each of its reads means.
pub(super) struct Stored {
    store: Arc<Store>,
    /// This machine: what lies on its disk is of no other.
    host: HostId,
    /// What the store told ahead, for the input that the core takes.
    ahead: RefCell<Ahead>,
    /// How many reads failed, and the last failure.
    failed: RefCell<(u64, String)>,
    /// Why the store is not waited for any more. From then on nothing that is decided here may be written.
    given_up: RefCell<Option<StoreError>>,
}

impl Stored {
    pub fn new(store: Arc<Store>, host: HostId) -> Self {
        Self { store, host, ahead: RefCell::default(), failed: RefCell::default(), given_up: RefCell::default() }
    }

    /// The store itself.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Asks for what the core is about to ask, all at once.
    pub fn ask_ahead(&self, glances: &[Glance]) {
        // A store on this machine is not asked for less by that, and one that is not waited for is not asked at all.
        if self.store.is_shared()
            && self.given_up.borrow().is_none()
            && let Err(error) = self.ahead.borrow_mut().ask(&self.store, self.host, glances)
        {
            tracing::debug!(%error, "the store could not be asked ahead");
        }
    }

    /// The core has taken its input: what was told ahead for it is old.
    pub fn taken(&self) {
        self.ahead.take();
    }

    /// The store is not waited for any more.
    pub fn give_up(&self, error: StoreError) {
        *self.given_up.borrow_mut() = Some(error);
    }

    /// Why something was decided without what is stored: it must not be written.
    pub fn given_up(&self) -> Option<StoreError> {
        self.given_up.borrow().clone()
    }

    pub fn owners(&self, repositories: &[RepositoryId], path: &str, digest: Digest) -> Option<StoredOwners> {
        if let Some(known) = self.ahead.borrow().owners(repositories, path, digest) {
            return known;
        }
        let keys: Vec<_> = repositories.iter().map(|id| [(*id).into(), path.into(), (&digest).into()]).collect();
        let keys: Vec<&[Part<'_>]> = keys.iter().map(|key| &key[..]).collect();
        self.given(self.waited(|| self.store.first(Subspace::Owners, &keys))).flatten()
    }

    pub fn has_owners(&self, repository: RepositoryId, path: &str) -> bool {
        if let Some(known) = self.ahead.borrow().any(repository, path) {
            return known;
        }
        let first = || self.store.scan::<StoredOwners>(Subspace::Owners, &[repository.into(), path.into()]).next();
        self.given(self.waited(|| first().transpose())).flatten().is_some()
    }

    pub fn disk_row(&self, file: &FileId) -> Option<DiskRow> {
        let known = self.ahead.borrow().disk_row(file).cloned();
        known.unwrap_or_else(|| self.row(Subspace::Disk, &disk_key(self.host, file)))
    }

    pub fn disk_texts(&self, worktree: &WorktreeId) -> Vec<(String, Digest)> {
        let prefix = worktree_key(self.host, worktree);
        let rows = self.rows::<DiskRow>(Subspace::Disk, &prefix);
        let path = |parts: &[Part<'_>]| parts.last().and_then(Part::text).map(str::to_owned);
        rows.iter().filter_map(|(parts, row)| Some((path(parts)?, row.text))).collect()
    }

    pub fn branch_row(&self, session: SessionId, file: &FileId) -> Option<BranchRow> {
        self.row(Subspace::Branch, &[session.into(), (&file.path).into()])
    }

    pub fn upgrade(&self, event: EventId) -> Option<Owner> {
        let known = self.ahead.borrow().upgrade(event).cloned();
        known.unwrap_or_else(|| self.row(Subspace::Upgrade, &[event.into()]))
    }

    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.rows::<SessionInfo>(Subspace::Session, &[]).into_iter().map(|(_, info)| info).collect()
    }

    pub fn open_calls(&self) -> Vec<CallRow> {
        self.rows::<CallRow>(Subspace::Call, &[self.host.into()]).into_iter().map(|(_, row)| row).collect()
    }

    pub fn is_watched_before(&self, worktree: &WorktreeId) -> bool {
        self.row::<String>(Subspace::Worktree, &worktree_key(self.host, worktree)).is_some()
    }

    /// The id under which a repository shares owners with other clones, where the store is shared and that is settled.
    pub fn joined(&self, repository: RepositoryId) -> Option<RepositoryId> {
        if self.store.is_shared() { self.row(Subspace::Joined, &[repository.into()]) } else { None }
    }

    /// How many reads failed, and the last failure in words.
    pub fn failed(&self) -> (u64, String) {
        self.failed.borrow().clone()
    }

    /// What was read of the store; nothing where that failed, which is counted.
    fn given<T>(&self, result: Result<T, StoreError>) -> Option<T> {
        let failed = |error: StoreError| {
            let mut reads = self.failed.borrow_mut();
            *reads = (reads.0 + 1, error.to_string());
        };
        result.map_err(failed).ok()
    }

    /// A row; nothing where it cannot be read, which is counted.
    fn row<T: DeserializeOwned>(&self, space: Subspace, parts: &[Part<'_>]) -> Option<T> {
        self.given(self.waited(|| self.store.get(space, parts))).flatten()
    }

    /// The rows below these parts; one that cannot be read is left out and counted.
    fn rows<T: DeserializeOwned>(&self, space: Subspace, parts: &[Part<'_>]) -> Vec<(Vec<Part<'static>>, T)> {
        let all = self.waited(|| {
            let rows: Vec<_> = self.store.scan::<T>(space, parts).collect();
            match rows.iter().find_map(|row| row.as_ref().err().filter(|error| is_away(error))) {
                Some(error) => Err(error.clone()),
                None => Ok(rows),
            }
        });
        self.given(all).unwrap_or_default().into_iter().filter_map(|row| self.given(row)).collect()
    }

    /// Reads, and waits for a store that is away.
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
}
