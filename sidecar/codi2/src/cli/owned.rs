//! Whose a line is, as `blame`, `diff` and `show` print it. Pure.
//!
//! The JSON is a contract: `"owner":{"kind","name","tool","model","session","parent","parent_by"},"class","mixed",
//! "evidence":[{"kind","detail"}]`, absent values null.

use codi2_attribution::report::Known;
use codi2_protocol::{Actor, ActorKind, Class, Evidence, EvidenceKind, KnownBy, Owner};
use jiff::Zoned;
use serde::Serialize;

use super::{feed, printer, when};
use crate::noted;

/// The owner of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Owned {
    /// Who.
    pub owner: LineOwner,
    /// How sure.
    pub class: Class,
    /// Whether a second owner has a part in the line.
    pub mixed: bool,
    /// Why.
    pub evidence: Vec<Evidenced>,
    /// When it was written (ms since the Unix epoch); not in the JSON.
    #[serde(skip)]
    pub at_ms: Option<u64>,
}

/// The owner as the JSON has it: every key there, absent values null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineOwner {
    /// person, completion, agent, orchestrator, tool, git, external or unknown.
    pub kind: ActorKind,
    /// Name, where somebody can be named.
    pub name: Option<String>,
    /// The tool acting, where it is not the name itself.
    pub tool: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// The tool's own name for the conversation.
    pub session: Option<String>,
    /// On whose behalf.
    pub parent: Option<Box<Actor>>,
    /// How that is known.
    pub parent_by: Option<KnownBy>,
}

/// A reason, with its words always there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidenced {
    kind: EvidenceKind,
    detail: String,
}

impl Owned {
    /// Of an owner, as a line's largest one.
    pub fn new(owner: &Owner, mixed: bool) -> Self {
        let Owner { verdict, at_ms, .. } = owner;
        let origin = &verdict.origin;
        let reason = |Evidence { kind, detail }: &Evidence| Evidenced { kind: *kind, detail: detail.clone() };
        Self {
            owner: LineOwner {
                kind: origin.kind,
                name: Some(origin.name.clone()).filter(|name| !name.is_empty()),
                tool: origin.tool.clone(),
                model: origin.model.clone(),
                session: origin.session.clone(),
                parent: origin.parent.clone(),
                parent_by: origin.parent_by,
            },
            class: verdict.class,
            mixed,
            evidence: verdict.evidence.iter().map(reason).collect(),
            at_ms: *at_ms,
        }
    }

    /// Of what a commit's record knows of a line.
    pub fn of(known: Known<'_>) -> Self {
        Self::new(&known.owner(), known.is_mixed())
    }

    /// Whether the hub only says that it was not there when the line was written (it was older, or git brought it), or that
    /// nobody told it who wrote.
    pub fn is_unseen(&self) -> bool {
        noted::is_unseen(self.owner.kind, self.evidence.first().map(|reason| reason.kind))
    }

    /// Kind, name, tool, model, session, class, `mixed` or nothing, time, evidence.
    pub fn fields(&self) -> [String; 9] {
        let owner = &self.owner;
        let [name, tool, model, session] =
            [&owner.name, &owner.tool, &owner.model, &owner.session].map(|it| it.clone().unwrap_or_default());
        let mixed = if self.mixed { "mixed" } else { "" };
        let evidence = self.evidence.iter().map(|reason| feed::evidence(reason.kind)).collect::<Vec<_>>().join(", ");
        let at = self.at_ms.map(when::rfc3339).unwrap_or_default();
        let (kind, class) = (owner.kind.as_str().to_owned(), self.class.as_str().to_owned());
        [kind, name, tool, model, session, class, mixed.to_owned(), at, evidence]
    }

    /// `person Ada`, `agent claude (opus) for Ada`: whose it is, and on whose behalf, in 32 columns at most each. Escaped
    /// here already, so that columns stay aligned and no escape is cut in two.
    pub fn words(&self) -> String {
        let owner = &self.owner;
        let words = cut(&feed::owner(owner.kind.as_str(), owner.name.as_deref(), owner.model.as_deref()));
        match &owner.parent {
            Some(parent) => format!("{words} {}", cut(&feed::for_chain(parent))),
            None => words,
        }
    }

    /// The class, with a `+` for a mixed line.
    pub fn class_words(&self) -> String {
        format!("{}{}", self.class, if self.mixed { "+" } else { "" })
    }

    /// The minute in which it was written, in this machine's zone, or `-`.
    pub fn minute(&self, now: &Zoned) -> String {
        self.at_ms.map_or_else(|| "-".to_owned(), |at| when::minute(at, now))
    }
}

fn cut(words: &str) -> String {
    const WIDEST: usize = 32;
    let words = printer::escape(words, printer::Tabs::Escape);
    if words.chars().count() <= WIDEST {
        return words.into_owned();
    }
    words.chars().take(WIDEST - 1).chain(['…']).collect()
}

/// The width of the widest of these, in characters.
pub fn width<'a>(words: impl IntoIterator<Item = &'a String>) -> usize {
    words.into_iter().map(|words| words.chars().count()).max().unwrap_or(0)
}
