//! Notes: what agents and people say of what they do, in their own words (`codi2 log-ai`, `codi2 note`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Actor, EventId, KnownBy};

/// Longest message, in bytes.
pub const MESSAGE_BYTES: usize = 16 << 10;
/// Longest action, name or mark, in bytes.
pub const WORD_BYTES: usize = 256;

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Said {
    /// What is being done, in a word (`plan`, `edit`, `test`, …); absent in a person's note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The message, redacted, at most [`MESSAGE_BYTES`].
    pub message: String,
    /// How it is known who says it.
    pub by: KnownBy,
    /// What that rests on: names of variables and processes, never their values; at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<String>,
}

/// One call of `codi2 log-ai` or `codi2 note`, on its way to the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoteRecord {
    /// Identity of this record: the hub accepts it once in 24 h.
    pub id: EventId,
    /// When it was said (ms since the Unix epoch).
    pub at_ms: u64,
    /// Who says it.
    pub actor: Actor,
    /// What.
    pub said: Said,
    /// Absolute path of the folder it was said in.
    pub folder: String,
    /// Absolute path of the file it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}
