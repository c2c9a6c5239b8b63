//! Events: the entries of the audit log. They carry ranges, sizes, digests, actors and evidence, never source text.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    Actor, Digest, EventId, GroupId, HookPhase, HostId, ProducerId, Said, SessionId, SessionInfo, Stamp, Verdict,
    WorktreeId,
};

/// One entry of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Identity, for reference and dedupe.
    pub id: EventId,
    /// Who reported it: a sidecar, a hook, the hub itself.
    pub producer: ProducerId,
    /// The producer's number of the fact it comes from; 0 where the hub itself is the source.
    pub seq: u64,
    /// When it happened, by the producer's clock (ms since the Unix epoch).
    pub occurred_ms: u64,
    /// When the hub received it (ms since the Unix epoch).
    pub received_ms: u64,
    /// The machine whose hub wrote it; absent in what older programs wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostId>,
    /// The session it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The worktree it happened in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<WorktreeId>,
    /// The file it is about: a path below the worktree's root (see [`crate::FileId`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Who did it: the verdict's author of the largest part, or whoever acted.
    pub actor: Actor,
    /// What happened.
    pub body: Body,
}

impl Event {
    /// The event's kind, as filters and indexes name it.
    pub fn kind(&self) -> &str {
        self.body.kind()
    }
}

/// An event with its place in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StampedEvent {
    /// Its place.
    pub stamp: Stamp,
    /// The event.
    pub event: Event,
}

/// What happened: a kind this program knows, or the untouched map of one it does not.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Body {
    /// A kind this program knows.
    Known(EventBody),
    /// A kind of a newer program, kept as it came: a map with at least `kind`.
    Other(serde_json::Map<String, serde_json::Value>),
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let map = serde_json::Map::deserialize(deserializer)?;
        let kind =
            map.get("kind").and_then(serde_json::Value::as_str).ok_or_else(|| D::Error::missing_field("kind"))?;
        if EventBody::KINDS.contains(&kind) {
            serde_json::from_value(serde_json::Value::Object(map)).map(Self::Known).map_err(D::Error::custom)
        } else {
            Ok(Self::Other(map))
        }
    }
}

impl Body {
    /// The kind, as filters and indexes name it.
    pub fn kind(&self) -> &str {
        match self {
            Self::Known(body) => body.kind(),
            Self::Other(map) => map.get("kind").and_then(serde_json::Value::as_str).unwrap_or("other"),
        }
    }

    /// The kind this program knows, if it does.
    pub fn known(&self) -> Option<&EventBody> {
        match self {
            Self::Known(body) => Some(body),
            Self::Other(_) => None,
        }
    }
}

impl From<EventBody> for Body {
    fn from(body: EventBody) -> Self {
        Self::Known(body)
    }
}

/// The kinds of event this program writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum EventBody {
    /// A session began.
    SessionStarted {
        /// What it said of itself.
        info: SessionInfo,
    },
    /// A session ended, in an orderly way or by silence.
    SessionEnded {
        /// Why, in words.
        reason: String,
    },
    /// Edits of a buffer.
    Edit {
        /// The sealed group.
        group: GroupId,
        /// Which part of it, from 0.
        part: u32,
        /// How many parts it has.
        parts: u32,
        /// What changed, and who did it.
        change: Change,
    },
    /// A file changed on disk.
    Disk {
        /// How.
        operation: DiskOperation,
        /// The former path of a renamed file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// Size on disk afterwards, in bytes.
        size: u64,
        /// What changed, and who did it.
        change: Change,
    },
    /// A buffer was saved and the file holds its text.
    Saved {
        /// Digest of the bytes on disk.
        digest: Digest,
    },
    /// Git did something to a worktree.
    Git {
        /// What, as git's reflog names it: `commit`, `checkout`, `rebase`, `stash`, `restore` and so on.
        operation: String,
        /// HEAD before, in hexadecimal; absent if unborn.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old_head: Option<String>,
        /// HEAD after, in hexadecimal; absent if unborn.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        new_head: Option<String>,
        /// Branch before; absent when detached.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old_branch: Option<String>,
        /// Branch after; absent when detached.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        new_branch: Option<String>,
    },
    /// An agent announced an edit.
    Intent {
        /// Before or after the edit, or that it will not happen.
        phase: HookPhase,
        /// The hook's format.
        format: String,
        /// Paths below the worktree's root.
        files: Vec<String>,
    },
    /// Late evidence: the event `of` is now judged like this. The event itself is never rewritten.
    Upgrade {
        /// The event judged again.
        of: EventId,
        /// What changed, with the new verdicts.
        change: Change,
    },
    /// Facts were lost, with exact counts.
    Gap(Gap),
    /// The watch of a worktree changed its state.
    Watch {
        /// To what.
        state: WatchState,
        /// In words: how many folders, which limit, what to do.
        detail: String,
    },
    /// A private file changed; nothing else about it is recorded.
    Private,
    /// An agent, or whoever speaks for it, said what it does.
    LogAi(Said),
    /// A person left a note.
    Note(Said),
}

impl EventBody {
    /// The names of all kinds, as filters and indexes name them.
    pub const KINDS: [&'static str; 13] = [
        "session-started",
        "session-ended",
        "edit",
        "disk",
        "saved",
        "git",
        "intent",
        "upgrade",
        "gap",
        "watch",
        "private",
        "log-ai",
        "note",
    ];

    /// The kind, as filters and indexes name it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SessionStarted { .. } => "session-started",
            Self::SessionEnded { .. } => "session-ended",
            Self::Edit { .. } => "edit",
            Self::Disk { .. } => "disk",
            Self::Saved { .. } => "saved",
            Self::Git { .. } => "git",
            Self::Intent { .. } => "intent",
            Self::Upgrade { .. } => "upgrade",
            Self::Gap(_) => "gap",
            Self::Watch { .. } => "watch",
            Self::Private => "private",
            Self::LogAi(_) => "log-ai",
            Self::Note(_) => "note",
        }
    }
}

/// A judged change of one text: from `before` to `after` through `ranges`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Digest before; absent for a created file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Digest>,
    /// Digest after; absent for a deleted file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Digest>,
    /// What changed, in order; each range counts in the result of the one before.
    pub ranges: Vec<Range>,
    /// The verdicts that `ranges` point to; empty only when `ranges` is.
    pub verdicts: Vec<Verdict>,
    /// Whether `ranges` was cut to [`crate::limits::RANGES`]; the ledger still has every span.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// One judged range: at byte `at`, `deleted` bytes gave way to `inserted` bytes of one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Range {
    /// Byte offset in the text before this range's change.
    pub at: u64,
    /// Bytes removed.
    pub deleted: u64,
    /// Bytes put in.
    pub inserted: u64,
    /// First line touched, from 1, in the text after this range's change.
    pub line: u64,
    /// Line ends removed.
    pub lines_deleted: u64,
    /// Line ends put in.
    pub lines_inserted: u64,
    /// Which of the change's verdicts it has, from 0.
    pub verdict: u32,
}

/// How a file changed on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DiskOperation {
    /// It appeared.
    Create,
    /// Its bytes changed.
    Modify,
    /// It is gone.
    Delete,
    /// It has another path now.
    Rename,
}

/// The state of a worktree's watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WatchState {
    /// Watching by file-system events.
    Watching,
    /// Looking again and again, because the file system gives no events or on request.
    Polling,
    /// Watching only in part: a limit was reached.
    Degraded,
    /// Events were lost and everything was looked at again.
    Rescanned,
    /// No longer watching.
    Stopped,
}

/// Facts that are lost, with exact counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// First number lost.
    pub first_seq: u64,
    /// Last number lost.
    pub last_seq: u64,
    /// How many facts.
    pub facts: u64,
    /// How many bytes of them.
    pub bytes: u64,
    /// Why.
    pub reason: GapReason,
}

/// Why facts are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GapReason {
    /// The spool reached its cap.
    SpoolFull,
    /// The spool could not be read; a file beside it keeps the bytes.
    SpoolDamaged,
    /// A reason this program does not know.
    #[serde(other)]
    Other,
}
