//! Edits of a buffer: what changed, and what the sidecar saw that may tell who changed it.
//!
//! The sidecar reports evidence; the hub alone decides. Texts travel in [`Text`], to the hub's memory only: never
//! logged, never spooled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Digest, FileId, GroupId, SessionId};

/// The edits of one buffer sealed into one event, in the order they were made.
///
/// A group over 90 kB goes as numbered parts of one group; `before` and `after` then are those of the whole group and
/// the edits of the parts, joined in order, lead from one to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EditGroup {
    /// Identity of the group; its text message names it too.
    pub group: GroupId,
    /// The buffer's file.
    pub file: FileId,
    /// Which part this is, from 0.
    pub part: u32,
    /// How many parts the group has, at least 1.
    pub parts: u32,
    /// Digest of the buffer's text before the first edit of the group.
    pub before: Digest,
    /// Digest of the buffer's text after the last edit of the group.
    pub after: Digest,
    /// The edits; each applies to the result of the one before.
    pub edits: Vec<Edit>,
    /// When the first edit arrived (ms since the Unix epoch).
    pub first_ms: u64,
    /// When the last edit arrived (ms since the Unix epoch).
    pub last_ms: u64,
}

/// One change of text: at byte `at`, `deleted` bytes gave way to `inserted` bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Edit {
    /// Byte offset in the text before this edit.
    pub at: u64,
    /// Bytes removed from there.
    pub deleted: u64,
    /// Bytes put in their place.
    pub inserted: u64,
    /// First line touched, from 1, in the text after this edit.
    pub line: u64,
    /// Line ends removed.
    pub lines_deleted: u64,
    /// Line ends put in.
    pub lines_inserted: u64,
    /// What the edit looks like.
    pub shape: Shape,
    /// What the editor's client declared, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Runs of the inserted text that equal text deleted earlier in this session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restored: Vec<Restored>,
    /// Runs of the inserted text that equal text standing elsewhere in an open buffer, or, for a formatter, tokens
    /// that stood in the deleted text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copied: Vec<Copied>,
}

/// What an edit looks like, whoever made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// One or two characters, an automatic pair, a line end with its indent, at the place of the last edit or the
    /// start of a new one, at a human pace.
    Keystroke,
    /// A deletion without insertion.
    Deletion,
    /// Only white space and line ends changed: the tokens are the same.
    Layout,
    /// The whole text was replaced by one change and compared with the old one.
    Replace,
    /// Anything larger.
    Insert,
    /// A shape this program does not know.
    #[serde(other)]
    Other,
}

/// The source of an edit as the editor's client declares it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// What made the edit.
    pub kind: SourceKind,
    /// Its name: the formatter, the completion's provider, the language server, the plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// More, in words: the function of a plugin, the command, the label of a code action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What can make an edit in an editor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// Keys typed by a person.
    Typed,
    /// Pasted from outside or put from a register.
    Paste,
    /// Cut or deleted by a command.
    Cut,
    /// Undo.
    Undo,
    /// Redo.
    Redo,
    /// A formatter.
    Format,
    /// An accepted completion.
    Completion,
    /// A language server's edit: rename, code action.
    LspEdit,
    /// A snippet's expansion.
    Snippet,
    /// An editor command of the person (substitute, sort, filter, move line, repeat, macro).
    Command,
    /// The file changed on disk and the editor loaded it again.
    Reload,
    /// Code of a plugin.
    Plugin,
    /// A source this program does not know.
    #[serde(other)]
    Other,
}

/// Bytes of an insert that came back: they equal bytes that an earlier edit of this session deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Restored {
    /// Offset inside the inserted text.
    pub at: u64,
    /// Length of the run in bytes.
    pub len: u64,
    /// The group that deleted the bytes.
    pub group: GroupId,
    /// Which edit of that group, from 0.
    pub edit: u32,
    /// Offset inside the deleted text.
    pub from: u64,
}

/// Bytes of an insert that stand elsewhere: in `file`, at `from`, in the text with this digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Copied {
    /// Offset inside the inserted text.
    pub at: u64,
    /// Length of the run in bytes.
    pub len: u64,
    /// The file copied from; absent for the edited file itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileId>,
    /// Digest of the sealed text that `from` counts in; for the edited file itself, the group's `before`.
    pub digest: Digest,
    /// Byte offset in that text.
    pub from: u64,
}

/// The text beside a group, or the whole text when the hub asked for it. Dropped while the hub is away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "snake_case")]
pub enum Text {
    /// The inserted texts of one part of a group, one for each of its edits.
    Group {
        /// Whose buffer.
        session: SessionId,
        /// The group.
        group: GroupId,
        /// The part of the group.
        part: u32,
        /// Inserted text of each edit; together at most [`crate::limits::TEXT_BYTES`].
        inserted: Vec<String>,
    },
    /// The whole text of a buffer at a sealed state, in numbered parts.
    Full {
        /// Whose buffer.
        session: SessionId,
        /// The buffer's file.
        file: FileId,
        /// Digest of the whole text.
        digest: Digest,
        /// Which part this is, from 0.
        part: u32,
        /// How many parts there are.
        parts: u32,
        /// This part; at most [`crate::limits::TEXT_BYTES`].
        text: String,
    },
}

/// Somebody is working here: sent at once, at most every 50 ms per buffer, latest wins, dropped while the hub is away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Touched {
    /// Who.
    pub session: SessionId,
    /// Where.
    pub file: FileId,
    /// Digest of the text last opened, saved or reloaded: what `start` and `end` count in.
    pub base: Digest,
    /// First byte touched in that text.
    pub start: u64,
    /// End of the bytes touched in that text (exclusive; equal to `start` for an insertion).
    pub end: u64,
    /// When (ms since the Unix epoch).
    pub at_ms: u64,
}
