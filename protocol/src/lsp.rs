//! What codi2 adds to the Language Server Protocol; an editor that knows nothing of it loses nothing else.
//! `docs/lsp-extensions.md` describes each message; positions are not used here, only URIs, versions and whole lines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Owner, Source};

/// Method of the notification [`StatusParams`], server to client.
pub const STATUS: &str = "codi2/status";
/// Method of the notification [`EditHintParams`], client to server.
pub const EDIT_HINT: &str = "codi2/editHint";
/// Method of the request [`DocumentTextParams`], server to client; optional for the client.
pub const DOCUMENT_TEXT: &str = "codi2/documentText";
/// Method of the request [`BlameParams`], client to server.
pub const BLAME: &str = "codi2/blame";
/// Method of the notification [`OwnersChangedParams`], server to client.
pub const OWNERS_CHANGED: &str = "codi2/ownersChanged";
/// Command of `workspace/executeCommand`: says in a message who wrote a line, or a file.
pub const SHOW_OWNER: &str = "codi2.showOwner";

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
    /// It shows owners by `codi2/blame` and wants to hear `codi2/ownersChanged`.
    pub blame: bool,
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

/// Asks who wrote the lines of an open document as it stands, unsaved text included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlameParams {
    /// The document.
    pub uri: String,
    /// First line, from 0.
    #[serde(default)]
    pub start: u32,
    /// The line after the last one; absent: to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u32>,
}

/// Who wrote lines: the answer to [`BlameParams`]; null for a document that is not recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlameResult {
    /// Version of the document.
    pub version: i32,
    /// Lines of the whole document; the nothing after a final line end is none.
    pub count: u32,
    /// Whether the text here may differ from the editor's, so that the answer may be off.
    pub out_of_step: bool,
    /// First line answered, from 0.
    pub start: u32,
    /// One for each line from `start` on. Fewer than asked for where that is much: ask again for the rest.
    pub lines: Vec<BlameLine>,
    /// What the lines point to.
    pub owners: Vec<LineOwner>,
}

/// One line of a [`BlameResult`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlameLine {
    /// Which owner, from 0.
    pub owner: u32,
    /// Whether a second owner has at least 20 % of the line's non-blank bytes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mixed: bool,
}

/// What is known of an owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum LineOwner {
    /// The ledger has not answered yet.
    Loading,
    /// The ledger has no answer.
    NoAnswer,
    /// An edit of this window that is not judged yet.
    Pending {
        /// When it was made (ms since the Unix epoch).
        at_ms: u64,
    },
    /// Who, how sure, why, when.
    Judged(Owner),
}

/// Owners of open documents changed: what is shown of them is to be asked for again. At most one each second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnersChangedParams {}
