//! Owners in words, for places that show plain text. Names come from outside: what an editor would act on, reorder or
//! hide is shown, and each is cut to a length.

use codi2_protocol::{Actor, ActorKind, Owner};

use crate::cli::feed;
use crate::cli::printer::{Tabs, escape};
use crate::lsp::session::Known;

/// Longest name, model or reason shown, in characters.
const LONGEST: usize = 60;

/// Who, in few words: `Ada`, `claude (opus)`, `tool prettier`, `unknown`.
pub fn who(known: &Known) -> String {
    match known {
        Known::Loading => "loading".to_owned(),
        Known::NoAnswer => "unknown".to_owned(),
        Known::Provisional { .. } => "not judged yet".to_owned(),
        Known::Judged(owner) => actor(&owner.verdict.origin),
    }
}

/// Who, how sure, why and when, in a sentence.
pub fn sentence(known: &Known, when: &dyn Fn(u64) -> String) -> String {
    match known {
        Known::Loading => "who wrote this is still loading".to_owned(),
        Known::NoAnswer => "unknown: the hub has no answer".to_owned(),
        Known::Provisional { at_ms, .. } => format!("edited in this window at {}, not judged yet", when(*at_ms)),
        Known::Judged(owner) => judged(owner, when),
    }
}

fn judged(owner: &Owner, when: &dyn Fn(u64) -> String) -> String {
    let verdict = &owner.verdict;
    let kind = match verdict.origin.kind {
        ActorKind::Person | ActorKind::Agent => format!("{} ", verdict.origin.kind),
        _ => String::new(),
    };
    let mut text = format!("{kind}{}, {}", actor(&verdict.origin), verdict.class);
    if let Some(evidence) = verdict.evidence.first() {
        text.push_str(&format!(": {}", feed::evidence(evidence.kind)));
        if !evidence.detail.is_empty() {
            text.push_str(&format!(" ({})", plain(&evidence.detail)));
        }
    }
    for (words, actor) in [("last changed by", &verdict.modifier), ("accepted by", &verdict.acceptor)] {
        if let Some(other) = actor {
            text.push_str(&format!("; {words} {}", self::actor(other)));
        }
    }
    let at = owner.at_ms.map_or_else(|| "not seen by codi2".to_owned(), when);
    text.push_str(&format!("; {at}"));
    text
}

/// A person without her address; whatever else a name alone does not tell with its kind.
fn actor(actor: &Actor) -> String {
    let name = match actor.kind {
        ActorKind::Person => Actor::short_name(&actor.name),
        _ => &actor.name,
    };
    let mut text = match (actor.kind, name) {
        (kind, "") => kind.to_string(),
        (ActorKind::Person | ActorKind::Agent, name) => plain(name),
        (kind, name) => format!("{kind} {}", plain(name)),
    };
    if let Some(model) = &actor.model {
        text.push_str(&format!(" ({})", plain(model)));
    }
    text
}

/// Text from outside, on one line.
fn plain(text: &str) -> String {
    let mut characters = text.chars();
    let mut cut: String = characters.by_ref().take(LONGEST).collect();
    if characters.next().is_some() {
        cut.push('…');
    }
    escape(&cut, Tabs::Escape).into_owned()
}
