//! What codi2 adds to the Language Server Protocol; an editor that knows nothing of it loses nothing else.
//! `docs/lsp-extensions.md` describes each message; positions are not used here, only URIs and versions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Source;

/// Method of the notification [`StatusParams`], server to client.
pub const STATUS: &str = "codi2/status";
/// Method of the notification [`EditHintParams`], client to server.
pub const EDIT_HINT: &str = "codi2/editHint";
/// Method of the request [`DocumentTextParams`], server to client; optional for the client.
pub const DOCUMENT_TEXT: &str = "codi2/documentText";

/// What the client says it can do, under `experimental.codi2` of its capabilities.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientCapabilities {
    /// It understands `codi2/status`.
    pub status: bool,
    /// It sends `codi2/editHint` for every edit, so an edit without a hint is nobody's typing.
    pub edit_hint: bool,
    /// It answers `codi2/documentText`.
    pub document_text: bool,
}

/// How the sidecar is, for a status bar. Sent when something in it changes, and with every heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusParams {
    /// Overall.
    pub health: Health,
    /// One short line for people, such as `codi2: 2 editors, 1 agent`.
    pub message: String,
    /// Whether the hub answers.
    pub connected: bool,
    /// The session of this window.
    pub session: String,
    /// Sessions at work in this worktree, this one included.
    pub sessions: u32,
    /// Facts not yet durable in the hub.
    pub pending: u64,
    /// Bytes in the spool.
    pub spool_bytes: u64,
    /// Grows with each heartbeat, so a client sees that the sidecar lives.
    pub heartbeat: u64,
}

/// Overall state of a sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// All is well.
    Ok,
    /// Working, but something is missing; `message` says what.
    Warning,
    /// Not recording; `message` says why and what to do.
    Error,
}

/// The source of the edit that led to `version`; may arrive before or after its `didChange`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EditHintParams {
    /// The document.
    pub uri: String,
    /// The document's version after the edit.
    pub version: i32,
    /// What made it.
    pub source: Source,
}

/// Asks the client for a document's text as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentTextParams {
    /// The document.
    pub uri: String,
}

/// The text and the version it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentTextResult {
    /// Version of the document.
    pub version: i32,
    /// Its whole text.
    pub text: String,
}
