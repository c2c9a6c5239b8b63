//! The hub's protocol: `Hello` both ways, then calls and replies, notices from the hub.
//!
//! On the local socket a frame is a big-endian `u32` length and that many bytes of MessagePack (maps with named
//! fields); the same values as JSON are one message each on a WebSocket. `docs/hub-protocol.md` describes each method.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Digest, Event, FileId, GroupId, Heartbeat, HookRecord, HostId, NoteRecord, Numbered, Owner, Presence, ProcessStats,
    ProducerId, SessionId, Stamp, StampedEvent, Text, Touched, Verdict, WatchState, WorktreeId,
};

/// Oldest protocol version this program speaks.
pub const PROTOCOL_MIN: u32 = 1;
/// Newest protocol version this program speaks.
pub const PROTOCOL_MAX: u32 = 1;

/// The first frame in both directions. Both sides then use the highest version in both ranges; where there is none
/// the hub answers [`ErrorCode::ProtocolVersion`] naming both ranges, and closes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hello {
    /// Oldest version understood.
    pub protocol_min: u32,
    /// Newest version understood.
    pub protocol_max: u32,
    /// The program's version and build, for people.
    pub build: String,
    /// What else it can do; unknown names are ignored.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// The producer, where the peer reports facts; the hub leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<ProducerId>,
    /// Process id, as evidence only.
    pub pid: u32,
    /// From the hub: the producer's highest number durable before this connection (0: none).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durable: Option<u64>,
}

/// Capabilities this program names in its [`Hello`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Takes [`Text`] beside groups.
    Text,
    /// Answers [`Call::Owners`].
    Owners,
    /// Streams [`Notice::Events`].
    Tail,
}

impl Capability {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Owners => "owners",
            Self::Tail => "tail",
        }
    }
}

/// A frame from a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientFrame {
    /// Number for the reply; absent where none is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// What is asked or told.
    pub call: Call,
}

/// A frame from the hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "snake_case")]
pub enum HubFrame {
    /// The answer to a call.
    Reply {
        /// The call's number.
        id: u64,
        /// The answer.
        reply: Reply,
    },
    /// The call could not be answered; without a number, the connection is refused.
    Error {
        /// The call's number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// Why, and what to do.
        error: HubError,
    },
    /// News that nobody asked for by number.
    Notice(Notice),
}

/// What a client asks or tells the hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "method", content = "params", rename_all = "camelCase", rename_all_fields = "snake_case")]
pub enum Call {
    /// Facts of this connection's producer, in order. Told: the hub answers with [`Notice::Durable`].
    Report {
        /// At most [`crate::limits::BATCH_FACTS`].
        facts: Vec<Numbered>,
    },
    /// Text for the hub's memory. Told.
    Text(Text),
    /// Somebody is working here. Told.
    Touched(Touched),
    /// A sign of life. Told.
    Heartbeat(Heartbeat),
    /// What this process measured of itself; the latest wins. Told.
    Measured(ProcessStats),
    /// An agent's hook; answered with [`Reply::Done`] once the hub has read the files.
    Hook(HookRecord),
    /// What an agent or a person says of what they do; answered with [`Reply::Done`] once it is durable.
    Note(NoteRecord),
    /// Watch this folder's worktree until the connection closes; [`Reply::Watch`].
    Watch {
        /// Absolute path inside the worktree.
        path: String,
        /// Look again and again instead of waiting for events.
        #[serde(default)]
        poll: bool,
    },
    /// Who owns the spans of a file; [`Reply::Owners`].
    Owners {
        /// The file.
        file: FileId,
        /// The content asked about; absent: the file on disk, or the buffer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<Digest>,
        /// Prefer an open, unsaved buffer, and send its text along.
        #[serde(default)]
        buffer: bool,
    },
    /// Write the notes of all commits that the repository of this worktree has by now; [`Reply::Done`] once they are
    /// written, an error that says why they cannot be. The worktree must be watched.
    Notes {
        /// The worktree.
        worktree: WorktreeId,
    },
    /// A page of the log; [`Reply::Events`].
    Log {
        /// What is wanted.
        filter: Filter,
        /// Only events after this place (oldest first) or before it (newest first).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<Stamp>,
        /// Newest first.
        #[serde(default)]
        newest_first: bool,
        /// At most this many; cut to [`crate::limits::PAGE_EVENTS`].
        limit: u32,
    },
    /// Stream events as they become durable: [`Reply::Done`], then [`Notice::Events`] until the connection closes.
    Tail {
        /// What is wanted.
        filter: Filter,
        /// Begin after this place; absent: with what comes next.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Stamp>,
    },
    /// How the hub is, who works where; [`Reply::Status`].
    Status,
    /// How fast the hub and its connected sidecars are, measured since they started; [`Reply::Stats`].
    Stats,
    /// End in an orderly way; [`Reply::Done`] when everything is durable.
    Stop,
}

/// The hub's answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "value", rename_all = "camelCase")]
pub enum Reply {
    /// Done.
    Done,
    /// The watch stands.
    Watch(WatchStatus),
    /// Owners of a file.
    Owners(OwnersReply),
    /// Events of the log.
    Events {
        /// The page, in the order asked for.
        events: Vec<StampedEvent>,
        /// Where the next page begins; absent at the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<Stamp>,
    },
    /// How the hub is.
    Status(Box<HubStatus>),
    /// What each process measured, the hub first.
    Stats(Vec<ProcessStats>),
}

/// News from the hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "value", rename_all = "camelCase", rename_all_fields = "snake_case")]
pub enum Notice {
    /// Everything of this producer up to `seq` is durable.
    Durable {
        /// The highest such number.
        seq: u64,
    },
    /// A group of this producer was judged: one verdict for all of it, or none where its runs differ and the owners
    /// should be asked for.
    Judged {
        /// The group.
        group: GroupId,
        /// The verdict, where there is only one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        verdict: Option<Verdict>,
    },
    /// The hub lost a buffer's text and wants it whole, once.
    WantText {
        /// Whose buffer.
        session: SessionId,
        /// The buffer's file.
        file: FileId,
    },
    /// Events of a tail.
    Events {
        /// In log order.
        events: Vec<StampedEvent>,
    },
    /// Who is at work in the worktree of this producer's sessions changed.
    Sessions {
        /// How many, in which worktree.
        sessions: u32,
        /// The worktree.
        worktree: WorktreeId,
    },
    /// Git did something in a worktree: edits made before it and after it belong in different groups.
    Git {
        /// The worktree.
        worktree: WorktreeId,
    },
    /// Notes on commits were written or fetched: who asks for owners again may be told more.
    Noted {
        /// The worktree.
        worktree: WorktreeId,
    },
    /// The hub is about to end; reconnect starts another.
    Ending {
        /// Why, in words.
        reason: String,
    },
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{message}")]
pub struct HubError {
    /// For programs.
    pub code: ErrorCode,
    /// For people: what is wrong and what to do.
    pub message: String,
}

/// Why a call failed, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ErrorCode {
    /// No protocol version in common.
    ProtocolVersion,
    /// The frame or its parameters make no sense.
    BadRequest,
    /// No such method here.
    UnknownMethod,
    /// Nothing is known about what was asked for.
    NotFound,
    /// More than a limit allows.
    TooLarge,
    /// The store failed; nothing was acknowledged.
    Store,
    /// The hub is ending.
    Ending,
    /// Too many connections.
    Busy,
    /// A code this program does not know.
    #[serde(other)]
    Other,
}

/// Which events are wanted; every condition given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Filter {
    /// Received at or after (ms since the Unix epoch).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// Received before (ms since the Unix epoch).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// Of this session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Of an actor, or on behalf of one, whose tool calls its session so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_session: Option<String>,
    /// Of such an actor: its kind, its name or that of somebody on whose behalf it acts, or `KIND:NAME`, its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// In this worktree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worktree: Option<WorktreeId>,
    /// About this file: a path below the worktree's root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Of these kinds; empty: of all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Whose JSON holds this text, letter case ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grep: Option<String>,
}

impl Filter {
    /// Whether an event is wanted.
    pub fn accepts(&self, event: &Event) -> bool {
        self.since_ms.is_none_or(|since| event.received_ms >= since)
            && self.until_ms.is_none_or(|until| event.received_ms < until)
            && self.session.is_none_or(|session| event.session == Some(session))
            && self
                .tool_session
                .as_ref()
                .is_none_or(|session| event.actor.chain().any(|it| it.session.as_ref() == Some(session)))
            && self.actor.as_deref().is_none_or(|actor| event.actor.is_meant_by(actor))
            && self.worktree.as_ref().is_none_or(|worktree| event.worktree.as_ref() == Some(worktree))
            && self.file.as_ref().is_none_or(|file| event.file.as_ref() == Some(file))
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == event.kind()))
            && self.grep.as_ref().is_none_or(|text| {
                let json = serde_json::to_string(event).unwrap_or_default();
                json.to_lowercase().contains(&text.to_lowercase())
            })
    }
}

/// Owners of the spans of one text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnersReply {
    /// Digest of the text the spans cover.
    pub digest: Digest,
    /// The spans, in order, covering the whole text.
    pub spans: Vec<Span>,
    /// What the spans point to.
    pub owners: Vec<Owner>,
    /// The text, where a buffer was asked for and it is short enough for a frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A run of bytes with one owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// Length in bytes, at least 1.
    pub len: u64,
    /// Which owner, from 0.
    pub owner: u32,
}

/// How the hub is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HubStatus {
    /// Its process id.
    pub pid: u32,
    /// Its version and build.
    pub build: String,
    /// When it started (ms since the Unix epoch).
    pub started_ms: u64,
    /// The store: backend and place, in words.
    pub store: String,
    /// Events in the log.
    pub events: u64,
    /// Bytes of the store on disk.
    pub store_bytes: u64,
    /// Whether the store can be reached; absent for one of this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<Reach>,
    /// The hubs of the store, this one included; none for a store of this machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hubs: Vec<HubPresence>,
    /// Connections open.
    pub connections: u32,
    /// Who works where, on the machines of all hubs of the store.
    pub sessions: Vec<Presence>,
    /// What is watched.
    pub watches: Vec<WatchStatus>,
    /// What is wrong, in words, each with what to do; empty when all is well.
    pub problems: Vec<String>,
}

/// Whether a store that several machines use can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reach {
    /// Whether it can.
    pub ok: bool,
    /// Since when it has been so (ms since the Unix epoch).
    pub since_ms: u64,
    /// Why it cannot be reached, in words with what to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// A hub of a store that several machines use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HubPresence {
    /// Its machine.
    pub host: HostId,
    /// Its version and build.
    pub build: String,
    /// When it started (ms since the Unix epoch, by its own clock).
    pub started_ms: u64,
    /// Whether it is the one that was asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_this: bool,
    /// Whether it has not been heard of for a while; its sessions end if that lasts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
}

/// The watch of one worktree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WatchStatus {
    /// The worktree.
    pub worktree: WorktreeId,
    /// Absolute path of its root.
    pub root: String,
    /// How it is watched.
    pub state: WatchState,
    /// Files known.
    pub files: u64,
    /// Branch checked out; absent when detached, unborn or not git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// In words: the limit reached, the reason for polling.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}
