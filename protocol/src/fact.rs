//! Facts: what a producer reports, numbered without gaps and kept until the hub has them durably.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Digest, EditGroup, FileId, Gap, HookRecord, SessionId, SessionInfo};

/// A fact with its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Numbered {
    /// Number inside the producer, from 1, without gaps.
    pub seq: u64,
    /// When it happened, by the producer's clock (ms since the Unix epoch).
    pub occurred_ms: u64,
    /// The session it belongs to; absent for a hook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// What happened.
    pub fact: Fact,
}

/// What a producer reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "snake_case")]
pub enum Fact {
    /// A session began, or knows more of itself than before (same id).
    SessionStarted {
        /// What it says of itself.
        info: SessionInfo,
    },
    /// A session ended in an orderly way.
    SessionEnded {
        /// Why, in words.
        reason: String,
    },
    /// A buffer was opened.
    Opened {
        /// Its file.
        file: FileId,
        /// Digest of its text.
        digest: Digest,
        /// Length of its text in bytes.
        bytes: u64,
    },
    /// Edits of a buffer.
    Edits(EditGroup),
    /// A buffer was saved: its text, as encoded by the editor, is on disk or about to be.
    Saved {
        /// Its file.
        file: FileId,
        /// Digest of the buffer's text.
        digest: Digest,
    },
    /// A buffer was closed; edits not saved are gone.
    Closed {
        /// Its file.
        file: FileId,
        /// Digest of its text when it closed.
        digest: Digest,
    },
    /// An agent's hook ran.
    Hook(HookRecord),
    /// Facts were dropped because the spool was full.
    Gap(Gap),
}
