//! The road to the hub as the session actor sees it: told, never waited for.

use codi2_protocol::{Digest, Fact, FileId, Heartbeat, ProcessStats, SessionId, Text, Touched};

/// The hub's side. News come back through a channel of [`super::session::Input`]s.
pub trait HubLink: Send {
    /// Keeps a fact until the hub has it durably.
    fn report(&mut self, session: SessionId, at_ms: u64, fact: Fact);
    /// Sends text for the hub's memory; dropped while the hub is away.
    fn text(&mut self, text: Text);
    /// Somebody is working here; the latest wins, dropped while the hub is away.
    fn touched(&mut self, touched: Touched);
    /// A sign of life; the latest wins, dropped while the hub is away.
    fn heartbeat(&mut self, heartbeat: Heartbeat);
    /// What the sidecar measured of itself; the latest wins, dropped while the hub is away.
    fn measured(&mut self, stats: ProcessStats);
    /// Has a worktree watched while this process lives.
    fn watch(&mut self, root: String);
    /// Asks who owns a text of a file below `root`; [`super::session::Input::Owners`] answers, in any case.
    fn ask_owners(&mut self, ask: u64, file: FileId, digest: Digest, text: codi2_text::Text, root: String);
    /// Makes all facts safe: durable in the hub, or spooled. Bounded in time.
    fn finish(&mut self) -> impl Future<Output = ()> + Send;
}
