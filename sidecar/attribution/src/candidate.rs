//! Who could have written a text, in words: what a verdict lists when nobody can be named for certain.

use codi2_protocol::{Actor, Class, Evidence, EvidenceKind, Verdict};

use crate::{Intent, OpenCall};

/// Somebody who could have written a text.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) actor: Option<Actor>,
    format: String,
    pid: u32,
}

impl From<&OpenCall> for Candidate {
    fn from(call: &OpenCall) -> Self {
        Self { actor: call.actor.clone(), format: call.format.clone(), pid: call.pid }
    }
}

impl From<&Intent> for Candidate {
    fn from(intent: &Intent) -> Self {
        Self { actor: intent.actor.clone(), format: intent.format.clone(), pid: intent.pid }
    }
}

impl Candidate {
    /// The reason that names this candidate.
    pub(crate) fn evidence(&self) -> Evidence {
        let who = match &self.actor {
            Some(actor) => label(actor),
            None => format!("an agent that has not named itself, process {}", self.pid),
        };
        Evidence::new(EvidenceKind::Candidate, format!("{who} was at work on this path ({})", self.format))
    }
}

/// The verdict on what somebody may have written, and whose it may be as well: `why` is what they did.
pub fn doubted(actor: &Actor, why: &str) -> Verdict {
    let evidence = vec![Evidence::new(EvidenceKind::Candidate, format!("{} {why}", label(actor)))];
    Verdict { origin: Actor::unknown(), modifier: None, acceptor: None, class: Class::Unknown, evidence }
}

/// An actor in words, so that two sessions of one agent are told apart.
pub(crate) fn label(actor: &Actor) -> String {
    match &actor.session {
        Some(session) => format!("{actor} (session {session})"),
        None => actor.to_string(),
    }
}
