//! What a history needs of a hub: one driven by hand ([`super::by_hand`]), or a real one ([`super::real`]).

use std::path::Path;
use std::time::Duration;

use codi2_protocol::{Call, FileId, HookRecord, HubError, ProducerId, Reply, SessionId, WorktreeId};

pub trait Hub {
    /// The moment it is, in ms since the Unix epoch.
    fn now_ms(&self) -> u64;
    /// Time passes, and files written from now on are later.
    fn passes(&mut self, time: Duration);
    /// Whether hours can pass at once.
    fn has_own_time(&self) -> bool;
    /// A hub starts and takes in what was spooled.
    fn start(&mut self);
    /// The hub ends; what it had not taken in is gone.
    fn stop(&mut self);
    fn is_away(&self) -> bool;
    /// Whether it runs and all notes on commits are written by now.
    fn has_notes(&self) -> bool;
    /// Whether a history can go on while it is away.
    fn may_be_away(&self) -> bool;
    /// A person's sidecar connects; what the hub has of it.
    fn join(&mut self, producer: ProducerId) -> u64;
    /// It tells something; nobody hears it while the hub is away.
    fn tell(&mut self, producer: ProducerId, call: Call);
    /// Asks.
    fn call(&mut self, call: Call) -> Result<Reply, HubError>;
    /// An agent's hook.
    fn hook(&mut self, record: HookRecord);
    /// Buffers whose whole text the hub wants.
    fn wanted(&mut self) -> Vec<(SessionId, FileId)>;
    /// The watches hear, and do what is due at this very moment.
    fn glance(&mut self);
    /// Time goes on until nothing waits any more.
    fn settle(&mut self);

    /// Watches a worktree.
    fn watch(&mut self, root: &Path) -> WorktreeId {
        let path = root.to_str().unwrap().to_owned();
        match self.call(Call::Watch { path, poll: false }) {
            Ok(Reply::Watch(status)) => status.worktree,
            other => panic!("not watched: {other:?}"),
        }
    }
}
