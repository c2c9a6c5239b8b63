//! Sessions and their signs of life.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Actor, FileId, HostId, SessionId, Touched, WorktreeId};

/// What a session says of itself when it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionInfo {
    /// The session.
    pub session: SessionId,
    /// Who works in it.
    pub actor: Actor,
    /// The editor or agent program.
    pub editor: Editor,
    /// Process id of the editor or agent, as evidence only: pids are reused.
    pub pid: u32,
    /// The process that reports for it: when it is gone, so is the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// The machine: the hub's, where the session does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostId>,
    /// The worktree it works in, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<WorktreeId>,
    /// Absolute path of that worktree's root. Never written to notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Branch checked out at the start, without `refs/heads/`; absent when detached or unborn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Commit checked out at the start, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
}

/// A process of one machine, told from a later one that got the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since the machine's boot; absent where the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
}

/// An editor or agent program and its version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Editor {
    /// Its name, as it introduces itself.
    pub name: String,
    /// Its version, as it introduces itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// A session's sign of life, every 5 s; one overwritten key, never in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Heartbeat {
    /// The session.
    pub session: SessionId,
    /// When (ms since the Unix epoch).
    pub at_ms: u64,
    /// The file in front of the user, if it is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileId>,
    /// Buffers open.
    pub open: u32,
    /// When the last edit arrived (ms since the Unix epoch).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_edit_ms: Option<u64>,
}

/// Who is working where right now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Presence {
    /// The session as it introduced itself.
    pub info: SessionInfo,
    /// Its last sign of life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<Heartbeat>,
    /// What it touched last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touched: Option<Touched>,
    /// Whether its hub has not been heard of for a while; it ends if that lasts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
}
