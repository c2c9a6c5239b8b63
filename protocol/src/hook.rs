//! Intents: what an agent's hook announces before and after an edit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Actor, Digest, EventId};

/// How far an edit, or a command, has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HookPhase {
    /// The agent is about to edit.
    Before,
    /// The agent has edited.
    After,
    /// The call ended with an error: an edit that failed certifies nothing, a command that failed may have written.
    Failed,
    /// The edit that was announced will not happen: it was refused, or the turn it belonged to is over. With
    /// neither `call` nor `pair` all calls of the actor's session are meant.
    Refused,
}

/// One call of `codi2 hook`, cut to tool, ids and paths before it is sent or spooled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HookRecord {
    /// Identity of this record: the hub accepts it once in 24 h.
    pub id: EventId,
    /// When the hook ran (ms since the Unix epoch).
    pub at_ms: u64,
    /// How far it has come.
    pub phase: HookPhase,
    /// The payload's format, such as `agent-v1`.
    pub format: String,
    /// The agent; absent before the edit where the format does not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// Process id of the hook's parent: pairs before and after where the format gives no call id.
    pub parent_pid: u32,
    /// When that process started (clock ticks since boot, from `/proc/PID/stat`), so that a reused pid never pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_start: Option<u64>,
    /// The tool's own id of the call, where the format has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// What pairs the hooks before and after where the tool gives no id of a call: session and tool, say. Two calls at
    /// once may share it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<String>,
    /// Absolute path of the folder that relative paths start from.
    pub folder: String,
    /// Absolute paths of the files, at most 1,000. Empty: the agent did not say which.
    pub files: Vec<String>,
    /// What the hook itself found in the files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<HookFound>,
}

/// What a hook found in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HookFound {
    /// Which of the record's files, from 0.
    pub file: u32,
    /// BLAKE3 of its bytes; absent: there was no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// After an edit: which bytes of its text (begin and end, ascending) stand in what the call said it puts in; absent where
    /// the tool does not say, and for a file with which the pieces of all files of the record would be more than
    /// [`crate::limits::PUT_PIECES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put: Option<Vec<(u32, u32)>>,
    /// Of the same text keyed hashes of the lines of whose words at least half stand there, ascending, for a hub that does not read
    /// this text; absent where `put` is, where no hub has made its secret yet, and for a file with which the lines of all files
    /// of the record would be more than [`crate::limits::SAID_LINES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<u64>>,
}
