//! What is told of surroundings: who acts, and what speaks for each tool. Absent on purpose: how it is found out.

use codi2_protocol::{Actor, ActorKind, KnownBy};

use super::catalogue::Catalogue;
use super::words::{Category, Rung, Strength};

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Of which kind.
    pub rung: Rung,
    /// How strong it is here.
    pub strength: Strength,
    /// The mark, such as a variable's name; never a variable's value.
    pub mark: String,
    /// How many processes up its tool is, where that can be told.
    pub distance: Option<usize>,
}

/// A tool for which something speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its id.
    pub tool: String,
    /// How likely it acts, in percent.
    pub confidence: u8,
    /// Its session's id, where a mark has it.
    pub session: Option<String>,
    /// What speaks for it, the strongest first.
    pub evidence: Vec<Fact>,
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acting {
    /// This tool.
    Tool {
        /// Its id.
        tool: String,
        /// How sure, in percent.
        confidence: u8,
        /// Its session's id, where a mark has it.
        session: Option<String>,
        /// Tools that act further up, by their ids: one of them started it.
        launched_by: Vec<String>,
    },
    /// One of these, and nothing parts them.
    Ambiguous(Vec<String>),
    /// Some agent that the catalogue does not know.
    Unnamed {
        /// How sure, in percent.
        confidence: u8,
    },
    /// Nobody can be named; least of all a person.
    Unknown,
}

/// What surroundings say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// Who acts.
    pub acting: Acting,
    /// Every tool for which something speaks, the likeliest first.
    pub tools: Vec<Found>,
}

impl Findings {
    /// Who started the tool of this id, as a chain: whoever acts here before it, and those further up. Forms of one family
    /// are one tool.
    pub fn starter_of(&self, tool: &str, catalogue: &Catalogue) -> Option<Actor> {
        let actor = self.actor(catalogue).filter(|actor| !actor.name.is_empty())?;
        let family = |id: &str| catalogue.named(id).and_then(|tool| tool.family.clone());
        let known = catalogue.named(tool).map_or(tool, |tool| tool.id.as_str());
        let is_itself = actor.name == known || family(known).is_some() && family(known) == family(&actor.name);
        if is_itself { actor.parent.map(|parent| *parent) } else { Some(actor) }
    }

    /// The actor that these surroundings prove, if they prove one.
    pub fn actor(&self, catalogue: &Catalogue) -> Option<Actor> {
        match &self.acting {
            Acting::Tool { tool, session, launched_by, .. } => {
                let of = |id: &String| {
                    let kind = match catalogue.named(id).map(|tool| tool.category) {
                        Some(Category::EditorInline) => ActorKind::Completion,
                        _ => ActorKind::Agent,
                    };
                    Actor::named(kind, id.clone())
                };
                let actor = Actor { session: session.clone(), ..of(tool) };
                let chain = launched_by.iter().map(of);
                Some(chain.fold(actor, |actor, above| actor.on_behalf_of(above, KnownBy::Surroundings)))
            }
            Acting::Ambiguous(_) => Some(Actor::named(ActorKind::Agent, "")),
            Acting::Unnamed { confidence } => (*confidence >= 90).then(|| Actor::named(ActorKind::Agent, "")),
            Acting::Unknown => None,
        }
    }
}
