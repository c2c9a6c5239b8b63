//! What is outside the core of a seed: the store, and no files.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use codi2_hub::machines::{BranchRow, DiskRow, Ports, StoredOwners, Watched};
use codi2_protocol::{Digest, EventId, FileId, Owner, Process, RepositoryId, SessionId, SessionInfo, WorktreeId};
use codi2_store::{Store, Subspace};
use codi2_workspace::{Observation, Oid};

/// What the core asks of: the store for what decides over facts, and no files.
pub(super) struct Outside {
    pub store: Arc<Store>,
    /// Processes that have ended.
    pub gone: BTreeSet<u32>,
}

impl Ports for Outside {
    fn watch(&mut self, _: &Path, _: bool) -> Result<Watched, String> {
        Err("nothing is watched here".to_owned())
    }
    fn unwatch(&mut self, _: &WorktreeId) {}
    fn locate(&self, _: &Path) -> Option<FileId> {
        None
    }
    fn read(&mut self, _: &FileId) -> Option<Observation> {
        None
    }
    fn is_private(&self, _: &FileId) -> bool {
        false
    }
    fn blob(&mut self, _: &FileId, _: Option<Oid>, _: Digest) -> Option<Vec<u8>> {
        None
    }
    fn indexed(&mut self, _: &FileId) -> Option<(Oid, Vec<u8>)> {
        None
    }
    fn stored_owners(&self, _: &[RepositoryId], _: &str, _: Digest) -> Option<StoredOwners> {
        None
    }
    fn disk_row(&self, _: &FileId) -> Option<DiskRow> {
        None
    }
    fn disk_texts(&self, _: &WorktreeId) -> Vec<(String, Digest)> {
        Vec::new()
    }
    fn branch_row(&self, _: SessionId, _: &FileId) -> Option<BranchRow> {
        None
    }
    fn upgrade(&self, _: EventId) -> Option<Owner> {
        None
    }
    fn sessions(&self) -> Vec<SessionInfo> {
        self.store.scan::<SessionInfo>(Subspace::Session, &[]).flatten().map(|(_, info)| info).collect()
    }
    fn is_gone(&self, process: &Process) -> bool {
        self.gone.contains(&process.pid)
    }
    fn watched_before(&self, _: &WorktreeId) -> bool {
        false
    }
    fn failed_reads(&self) -> (u64, String) {
        (0, String::new())
    }
}
