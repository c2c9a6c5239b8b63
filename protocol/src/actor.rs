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
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Person,
        Self::Completion,
        Self::Agent,
        Self::Orchestrator,
        Self::Tool,
        Self::Git,
        Self::External,
        Self::Unknown,
    ];

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

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
    /// On whose behalf: the agent of a sub-agent, the orchestrator of an agent, the person of either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Box<Actor>>,
    /// How it is known that it acts for `parent`; absent where there is none, and in records of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_by: Option<KnownBy>,
}

/// How somebody is known: who acts, or for whom. Absence of all of these is no knowledge; nothing here is a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KnownBy {
    /// Whoever called said so.
    Told,
    /// The tool's own hook said so.
    Hook,
    /// Marks that a tool leaves in the surroundings of its processes prove it.
    Surroundings,
    /// A tool's transcript or log names it.
    Transcript,
    /// The identity that git has in the repository.
    GitIdentity,
    /// The account of the operating system.
    Account,
    /// A way this program does not know.
    #[serde(other)]
    Other,
}

impl KnownBy {
    /// The name used on the wire and in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Hook => "hook",
            Self::Surroundings => "surroundings",
            Self::Transcript => "transcript",
            Self::GitIdentity => "git-identity",
            Self::Account => "account",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for KnownBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Links of a chain of actors, at most: what comes in with more is cut there.
pub const CHAIN: usize = 8;

impl Actor {
    /// An actor of a kind with a name and nothing else known.
    pub fn named(kind: ActorKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into(), tool: None, model: None, session: None, parent: None, parent_by: None }
    }

    /// The same for `parent`, known by `by`: behind whoever ends the chain, unless somebody of that kind and name is in it.
    #[must_use]
    pub fn on_behalf_of(mut self, parent: Actor, by: KnownBy) -> Self {
        let is_there = self.chain().any(|actor| (actor.kind, &actor.name) == (parent.kind, &parent.name));
        if is_there || self.chain().count() >= CHAIN {
            return self;
        }
        match self.parent.take() {
            Some(next) => self.parent = Some(Box::new(next.on_behalf_of(parent, by))),
            None => (self.parent, self.parent_by) = (Some(Box::new(parent)), Some(by)),
        }
        self
    }

    /// The actor, and those on whose behalf it acts, up to the first.
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |actor| actor.parent.as_deref())
    }

    /// A name without an address behind it, as people are shown: `Ada` of `Ada <ada@example.org>`.
    pub fn short_name(name: &str) -> &str {
        name.split(" <").next().unwrap_or_default()
    }

    /// The kind and the name of a question for actors: a kind, a name, or `KIND:NAME`; what it leaves open is `None`.
    pub fn question(text: &str) -> (Option<ActorKind>, Option<&str>) {
        let (first, rest) = text.split_once(':').map_or((text, None), |(first, rest)| (first, Some(rest)));
        ActorKind::named(first).map_or((None, Some(text)), |kind| (Some(kind), rest))
    }

    /// Whether a [question](Self::question) means it. A name, with or without its address, is its own or that of anybody on
    /// whose behalf it acts; behind a kind it is its own. A name may begin like a kind, so that all of the text is one, too.
    pub fn is_meant_by(&self, question: &str) -> bool {
        let is_called = |actor: &Self, name: &str| actor.name == name || Self::short_name(&actor.name) == name;
        let is_kind = match Self::question(question) {
            (Some(kind), name) => self.kind == kind && name.is_none_or(|name| is_called(self, name)),
            (None, _) => false,
        };
        is_kind || self.chain().any(|actor| is_called(actor, question))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_means_a_kind_a_name_in_the_chain_or_both_of_the_actor_itself() {
        let ada = Actor::named(ActorKind::Person, "Ada Example <ada@example.org>");
        let conductor = Actor::named(ActorKind::Orchestrator, "conductor");
        let robo = Actor::named(ActorKind::Agent, "robo")
            .on_behalf_of(conductor, KnownBy::Told)
            .on_behalf_of(ada.clone(), KnownBy::GitIdentity);
        for (question, of_ada, of_robo) in [
            ("Ada Example", true, true),
            ("Ada Example <ada@example.org>", true, true),
            ("person", true, false),
            ("person:Ada Example", true, false),
            ("person:Ada Example <ada@example.org>", true, false),
            ("agent", false, true),
            ("agent:robo", false, true),
            ("agent:Ada Example", false, false),
            ("conductor", false, true),
            ("orchestrator", false, false),
            ("Ada", false, false),
            ("robot:robo", false, false),
            ("", false, false),
        ] {
            assert_eq!((ada.is_meant_by(question), robo.is_meant_by(question)), (of_ada, of_robo), "{question:?}");
        }
        let bond = Actor::named(ActorKind::Agent, "agent:007");
        let q = Actor::named(ActorKind::Agent, "q").on_behalf_of(bond.clone(), KnownBy::Told);
        for (question, of_bond, of_q) in
            [("agent:agent:007", true, false), ("agent:007", true, true), ("person:007", false, false)]
        {
            assert_eq!((bond.is_meant_by(question), q.is_meant_by(question)), (of_bond, of_q), "{question:?}");
        }
        assert!(Actor::unknown().is_meant_by(""));
    }
}
