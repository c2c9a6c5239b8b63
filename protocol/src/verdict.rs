//! Verdicts: who, how sure, and why.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Actor, EventId};

/// How a verdict is known, strongest first. Absence of evidence is `unknown`, never a person and never an AI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Digests before and after prove it.
    Exact,
    /// The editor or the tool said so.
    Declared,
    /// The shape of the edit or the only possible writer says so.
    Inferred,
    /// The text was there before and kept its owner (git, undo, format, move).
    Carried,
    /// Nothing says.
    Unknown,
}

impl Class {
    /// The name used on the wire and in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Declared => "declared",
            Self::Inferred => "inferred",
            Self::Carried => "carried",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a piece of evidence is about. Kinds of a newer program arrive as [`EvidenceKind::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// The text stood there when codi2 first saw the file. Who wrote it may have done so while codi2 looked elsewhere.
    BeforeCodi2,
    /// Single keys at the cursor of a focused editor.
    Keystrokes,
    /// The editor's client declared the source of the edit.
    EditorDeclared,
    /// An undo or redo brought back text with its owners.
    Undo,
    /// A formatter changed layout only.
    Format,
    /// The text was moved here from elsewhere.
    Moved,
    /// The text was copied here from elsewhere.
    Copied,
    /// An agent announced the edit, and the digests before and after match.
    IntentExact,
    /// An agent announced the edit; part of the change is explained by it.
    IntentPartial,
    /// Exactly one agent call covered this path at this time.
    OnlyAgentCall,
    /// Several writers were possible; each is named in a detail of its own.
    Candidate,
    /// Git moved, restored or merged this content.
    Git,
    /// The same content was seen before, with owners.
    SeenBefore,
    /// A buffer took over what had been written to disk.
    Reload,
    /// The file changed on disk and nobody announced it.
    DiskChange,
    /// A large insert without any match: never a person's, never an AI's.
    LargeInsert,
    /// The hub was away, or the change was found by a rescan: nobody saw it happen.
    NotObserved,
    /// What was reported of it was lost on the way to the hub: a gap in the log says how much.
    Gap,
    /// The line came with a commit that has no note, or whose note does not have it.
    NoNote,
    /// Another program's notes or records say so.
    Imported,
    /// A kind this program does not know.
    #[serde(other)]
    Other,
}

/// One reason for a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// What it is about.
    pub kind: EvidenceKind,
    /// In words, for people; may hold text from outside.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Evidence {
    /// A reason with its words.
    pub fn new(kind: EvidenceKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

/// Who wrote a piece of text, how we know, and why we believe it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The author of the text.
    pub origin: Actor,
    /// Who last changed it without becoming its author (a formatter, whoever pasted it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modifier: Option<Actor>,
    /// Who took it over (the person who accepted a completion).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceptor: Option<Actor>,
    /// How it is known.
    pub class: Class,
    /// Why, strongest reason first; never empty for a stored verdict.
    pub evidence: Vec<Evidence>,
}

impl Verdict {
    /// A verdict with one reason.
    pub fn new(origin: Actor, class: Class, kind: EvidenceKind, detail: impl Into<String>) -> Self {
        Self { origin, modifier: None, acceptor: None, class, evidence: vec![Evidence::new(kind, detail)] }
    }

    /// The verdict on text that stood there when codi2 first saw its file.
    pub fn before_codi2() -> Self {
        Self::new(
            Actor::unknown(),
            Class::Unknown,
            EvidenceKind::BeforeCodi2,
            "it stood there when codi2 first saw the file",
        )
    }
}

/// The owner of a span: a verdict, when it was reached, and the event that tells the story.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    /// Who, how sure, why.
    pub verdict: Verdict,
    /// When the text was written, to the minute (milliseconds since the Unix epoch, rounded down to 60,000);
    /// absent where nobody saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// The event that first gave the span this owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
}

impl Owner {
    /// The owner of text that stood there when codi2 first saw its file.
    pub fn before_codi2() -> Self {
        Self { verdict: Verdict::before_codi2(), at_ms: None, event: None }
    }
}
