//! Actors: who or what changes text.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kinds of actor. `external` is a process that nobody announced; `unknown` is nobody we can name at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ActorKind {
    /// A human being at an editor.
    Person,
    /// Text offered by a completion and accepted.
    Completion,
    /// A program that edits on somebody's behalf.
    Agent,
    /// A program that directs agents.
    Orchestrator,
    /// A formatter, a generator, a language server, an editor's plugin.
    Tool,
    /// Git: text that came with a checkout, a merge, a pull.
    Git,
    /// A process that nobody announced.
    External,
    /// Not known.
    #[serde(other)]
    Unknown,
}

impl ActorKind {
    /// The name used on the wire and in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Completion => "completion",
            Self::Agent => "agent",
            Self::Orchestrator => "orchestrator",
            Self::Tool => "tool",
            Self::Git => "git",
            Self::External => "external",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for ActorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Who did it. Free text in it comes from outside and is escaped before it reaches a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Actor {
    /// What kind of actor.
    pub kind: ActorKind,
    /// A person's git identity or account, an agent's or tool's name; empty where nobody can be named.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The tool acting, where it is not the name itself (a completion's provider, an agent's program).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The model behind it, as the tool names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The tool's own name for the conversation or session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// On whose behalf: the orchestrator of an agent, the person of an orchestrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Box<Actor>>,
}

impl Actor {
    /// An actor of a kind with a name and nothing else known.
    pub fn named(kind: ActorKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into(), tool: None, model: None, session: None, parent: None }
    }

    /// Nobody we can name.
    pub fn unknown() -> Self {
        Self::named(ActorKind::Unknown, "")
    }

    /// A process that nobody announced.
    pub fn external() -> Self {
        Self::named(ActorKind::External, "")
    }
}

impl fmt::Display for Actor {
    /// `kind name`, or the kind alone where there is no name. Not escaped: printers escape.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() { f.pad(self.kind.as_str()) } else { write!(f, "{} {}", self.kind, self.name) }
    }
}
