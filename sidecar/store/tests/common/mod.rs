//! Samples and engines that the tests share.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::path::PathBuf;
use std::sync::Arc;

use codi2_protocol::{
    Actor, ActorKind, Body, Digest, DiskOperation, Event, EventBody, EventId, KnownBy, ProducerId, RepositoryId,
    SessionId, WorktreeId,
};
use codi2_store::foundationdb::{self, FoundationDb, FoundationDbOptions};
use codi2_store::{Dedupe, Engine, Pending, fault::Faulty, file::File, memory::Memory};

#[path = "../../../../tests/src/cluster.rs"]
pub mod cluster;

/// Every engine, plain and with faults; the folder lives as long as the engines.
pub struct Engines {
    pub folder: tempfile::TempDir,
}

impl Engines {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn all(&self, seed: u64) -> Vec<(&'static str, Arc<dyn Engine>)> {
        let mut all: Vec<(&'static str, Arc<dyn Engine>)> = vec![
            ("memory", Arc::new(Memory::new())),
            ("memory with faults", Arc::new(Faulty::new(Memory::new(), seed, 40))),
            ("memory that lags", Arc::new(Memory::lagging())),
            ("memory that lags, with faults", Arc::new(Faulty::new(Memory::lagging(), seed, 40))),
            ("file", Arc::new(File::open(&self.path("plain.redb")).unwrap())),
            ("file with faults", Arc::new(Faulty::new(File::open(&self.path("faulty.redb")).unwrap(), seed, 40))),
        ];
        if let Some(cluster) = cluster::shared("every_contract_on_foundationdb") {
            all.push(("foundationdb", Arc::new(in_cluster(&cluster))));
            all.push(("foundationdb with faults", Arc::new(Faulty::new(in_cluster(&cluster), seed, 40))));
        }
        all
    }
}

/// Options for a store of its own in a cluster that others use, too.
pub fn options(cluster: &cluster::Cluster) -> FoundationDbOptions {
    let mut options = FoundationDbOptions::new(&cluster.file);
    options.library.clone_from(&cluster.library);
    options.prefix = format!("{:.24}/", uuid::Uuid::new_v4().simple().to_string()).into_bytes();
    options
}

/// An empty store in a cluster.
pub fn in_cluster(cluster: &cluster::Cluster) -> FoundationDb {
    foundationdb::open(&options(cluster)).unwrap()
}

pub fn session(number: u8) -> SessionId {
    SessionId::from_uuid(uuid::Uuid::from_u128(0x5e_0000 + u128::from(number)))
}

pub fn worktree() -> WorktreeId {
    WorktreeId { repository: RepositoryId::from_uuid(uuid::Uuid::from_u128(0x4e40)), name: String::new() }
}

/// The `number`th event, received at `received_ms`, varied by number.
pub fn event(number: u64, received_ms: u64) -> Event {
    let actor = match number % 4 {
        0 => Actor::named(ActorKind::Person, "Ada"),
        1 => Actor::named(ActorKind::Agent, "claude")
            .on_behalf_of(Actor::named(ActorKind::Person, "Ada <ada@example.invalid>"), KnownBy::Account),
        2 => Actor::external(),
        _ => Actor::named(ActorKind::Person, "x".repeat(300)),
    };
    let body = match number % 3 {
        0 => EventBody::Saved { digest: Digest::new([number as u8; 32]) },
        1 => EventBody::Private,
        _ => EventBody::SessionEnded { reason: format!("reason {number}") },
    };
    Event {
        id: EventId::from_uuid(uuid::Uuid::from_u128(0xe_0000_0000 + u128::from(number))),
        producer: ProducerId::from_uuid(uuid::Uuid::from_u128(0x40)),
        seq: 0,
        occurred_ms: received_ms,
        received_ms,
        host: None,
        session: (number % 5 != 4).then(|| session((number % 5) as u8)),
        worktree: Some(worktree()),
        file: (number % 3 != 2).then(|| format!("src/file{}.rs", number % 7)),
        actor,
        body: Body::Known(body),
    }
}

pub fn disk_event() -> EventBody {
    let change =
        codi2_protocol::Change { before: None, after: None, ranges: vec![], verdicts: vec![], truncated: false };
    EventBody::Disk { operation: DiskOperation::Create, from: None, size: 3, change }
}

pub fn pending(event: Event, dedupe: Dedupe) -> Pending {
    Pending { event: Some(event), dedupe, rows: vec![] }
}

#[allow(unused_imports)]
pub(crate) use codi2_store::passes_on;
