//! Records of Agent Trace, version 0.1.0.
//!
//! Format: `README.md` §6 of cursor/agent-trace: one JSON object with the files of one revision, in each conversations,
//! in each ranges of lines and a contributor. codi2 writes one record a commit, lines as that commit has them, one
//! conversation for each pair of owner and second owner, and the owners in whole below its own name in `metadata`. It
//! reads what others write leniently (ADR 0051). Absent on purpose: hashes of contents, for which the format names no
//! algorithm, and addresses of conversations, which codi2 does not know.

mod read;
mod write;

#[cfg(test)]
mod schema;
#[cfg(test)]
mod tests;

use codi2_protocol::{Actor, Class, Owner};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use read::{Read, TraceError, read};

/// The version of the format that is written.
const VERSION: &str = "0.1.0";
/// What codi2 adds, below `metadata`: its own name in reverse, as the format asks.
const OURS: &str = "io.github.codi2";
/// Longest name of a model, in characters.
const MODEL_CHARS: usize = 250;
/// Longest text that is read, in bytes.
pub const TRACE_BYTES: usize = 64 << 20;
/// Ranges of lines in one text, at most.
pub const TRACE_RANGES: usize = 500_000;

/// One record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    version: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    timestamp: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vcs: Option<Vcs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tool: Option<Tool>,
    files: Vec<File>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    metadata: Map<String, Value>,
}

/// Which text the lines are of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Vcs {
    #[serde(rename = "type")]
    kind: String,
    revision: String,
}

/// Which program wrote the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tool {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

/// The lines of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct File {
    path: String,
    conversations: Vec<Conversation>,
}

/// Ranges that have a contributor in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Conversation {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contributor: Option<Contributor>,
    ranges: Vec<Range>,
}

/// Who contributed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Contributor {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model_id: Option<String>,
}

/// What sort of contributor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Human,
    Ai,
    /// An AI's text that a person edited, or the other way.
    Mixed,
    #[serde(other)]
    Unknown,
}

/// Lines from 1, the last one included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Range {
    start_line: u32,
    end_line: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contributor: Option<Contributor>,
}

/// What codi2 keeps of its own in a record's metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Ours {
    /// Every owner once.
    owners: Vec<Told>,
    /// For each file, and each of its conversations in order: owner and second owner.
    conversations: Vec<Vec<(u32, Option<u32>)>>,
}

/// An owner, without the reasons: they stay in `refs/notes/codi2`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Told {
    origin: Actor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modifier: Option<Actor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acceptor: Option<Actor>,
    class: Class,
    /// Milliseconds since the Unix epoch, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_ms: Option<u64>,
}

impl Told {
    fn of(owner: &Owner) -> Self {
        let verdict = owner.verdict.clone();
        let (origin, modifier, acceptor) = (verdict.origin, verdict.modifier, verdict.acceptor);
        Self { origin, modifier, acceptor, class: verdict.class, at_ms: owner.at_ms }
    }
}
