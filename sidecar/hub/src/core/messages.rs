//! What goes into the core, and what comes out of it: one closed [`Input`], one closed [`Effect`].

use codi2_protocol::{
    Call, Digest, Event, EventId, FileId, HubError, Notice, Numbered, Owner, ProducerId, Reply, RepositoryId,
    WorktreeId,
};
use codi2_workspace::WatchEvent;

use crate::book::StoredOwners;
use crate::rows::Row;

/// Number of a connection.
pub type ConnectionId = u64;

/// Where a reply goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    /// The connection.
    pub connection: ConnectionId,
    /// The call's number on it.
    pub id: u64,
}

/// Everything that can happen to the core.
#[derive(Debug)]
pub enum Input {
    /// The hub begins.
    Begin,
    /// What the dead left before it is all in.
    CaughtUp,
    /// A client that reports facts connected; the store has all of them up to this number.
    Joined(ConnectionId, ProducerId, u64),
    /// A connection ended.
    Left(ConnectionId),
    /// A call that the core answers or is told; log, tail, stats and stop are the server's.
    Called(Option<Ticket>, ConnectionId, Call),
    /// Facts of a producer that is not connected: a spool that was drained. The store has all up to this number.
    Drained(ProducerId, u64, Vec<Numbered>),
    /// All that a dead producer left has been drained: nothing of it comes any more.
    Spent(ProducerId),
    /// A watch saw something.
    Watched(WorktreeId, WatchEvent),
    /// Another hub took this one for dead and ended its sessions in the store.
    WasEnded,
    /// Late evidence explained these events, perhaps that of another hub.
    Upgraded(Vec<(EventId, Owner)>),
    /// The first repository shares owners under the second's id.
    Joins(RepositoryId, RepositoryId),
    /// It is time to show other hubs of the store who is where.
    Show,
    /// The owners of a committed content that nobody saw on disk, as its relatives tell them.
    Derived(FileId, Digest, StoredOwners),
    /// Time passed.
    Tick,
}

/// What the core wants done, in this order.
#[derive(Debug)]
pub enum Effect {
    /// Write this, then send what belongs to it.
    Commit(Entry),
    /// Answer a call.
    Reply(Ticket, Result<Reply, HubError>),
    /// Tell a producer at once.
    Notify(ProducerId, Notice),
    /// Look at the commits of this worktree's repository, once everything before is durable: because of this.
    Look(WorktreeId, Why),
    /// Say in the status that this is wrong.
    Problem(String),
}

/// Why commits are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// There may be new ones.
    Moved,
    /// More is known of the text that this event is about.
    Learned(EventId),
    /// Somebody waits until all of them have their notes.
    Asked(Ticket),
}

/// What is written in one piece: all of it or nothing.
#[derive(Debug, Default)]
pub struct Entry {
    /// The fact it comes from: dropped by the store if the producer's row says it is known.
    pub fact: Option<(ProducerId, u64)>,
    /// The hook record it comes from and its time: the store takes it once in 24 h.
    pub hook: Option<(EventId, u64)>,
    /// Its events.
    pub events: Vec<Event>,
    /// Its rows.
    pub rows: Vec<Row>,
    /// What to tell whom once it is durable.
    pub then: Vec<(ProducerId, Notice)>,
}
