//! What no digest explains: the only agent at work, else everybody who could have written it, else nobody (L8 to L10).

use codi2_protocol::{Actor, Class, Evidence, EvidenceKind, Verdict};

use super::compared::Compared;
use super::facts::{DiskFacts, Observed};
use super::said::is_told_by_lines;
use super::steps::beside;
use super::times::timely;
use crate::Reading;
use crate::candidate::{Candidate, label};

/// L8 to L10: what no digest explains.
pub(super) fn left(compared: &Compared<'_>, used: &[u64]) -> Verdict {
    let facts = compared.facts;
    let mut candidates: Vec<Candidate> =
        facts.calls.iter().filter(|call| call.since <= facts.to).map(Candidate::from).collect();
    // A call that only began may be refused, or fail: until it has ended it confirms nothing.
    let begun = candidates.len();
    let mut sole = true;
    for intent in facts.intents.iter().filter(|intent| !used.contains(&intent.call)) {
        let idle = intent.before != Reading::NotRead && intent.before == intent.after;
        let elsewhere = intent.after.is(facts.before) || intent.before.is(facts.after);
        if idle || elsewhere || !timely(intent, facts) {
            continue;
        }
        // A call whose digests are known and do not lead here, nor past here, is not the whole story.
        let fits = |reading: Reading, state| reading == Reading::NotRead || reading.is(state);
        let leads = fits(intent.before, facts.before)
            && (fits(intent.after, facts.after) || is_told_by_lines(intent, compared));
        // What was last written before the call began is not its doing, though it was seen later. The kernel's time is early
        // by a tick at most, and never late; a hook before returns no sooner than that clock has passed its own time.
        let began = facts.written.is_none_or(|written| intent.since.is_none_or(|since| since.ms <= written.ms));
        sole &= began && !intent.certifies_nothing() && (leads || beside(intent, facts).is_some());
        candidates.push(Candidate::from(intent));
    }
    let author = candidates.first().and_then(|candidate| candidate.actor.clone());
    let alone = candidates.iter().all(|candidate| candidate.actor.is_some() && candidate.actor == author);
    let confirmed = candidates.len() > begun;
    match author {
        Some(author) if alone && sole && confirmed && facts.observed == Observed::Live => {
            let detail = format!("{} was the only agent at work on this path", label(&author));
            Verdict::new(author, Class::Inferred, EvidenceKind::OnlyAgentCall, detail)
        }
        _ => unannounced(facts, &candidates),
    }
}

/// The verdict on what somebody wrote while calls were open, and none of them for certain.
pub(super) fn possible(facts: &DiskFacts<'_>) -> Verdict {
    let open = facts.calls.iter().filter(|call| call.since <= facts.to).map(Candidate::from);
    let ended = facts.intents.iter().filter(|intent| timely(intent, facts) || intent.after.is(facts.after));
    unannounced(facts, &open.chain(ended.map(Candidate::from)).collect::<Vec<_>>())
}

/// A verdict that names nobody, with everybody who could have done it.
pub(super) fn unannounced(facts: &DiskFacts<'_>, candidates: &[Candidate]) -> Verdict {
    let mut evidence: Vec<Evidence> = candidates.iter().map(|candidate| candidate.evidence()).collect();
    evidence.sort_by(|a, b| a.detail.cmp(&b.detail));
    evidence.dedup();
    let origin = if evidence.is_empty() { Actor::external() } else { Actor::unknown() };
    evidence.push(Evidence::new(EvidenceKind::DiskChange, "the file changed on disk and nobody announced it"));
    match facts.observed {
        Observed::Live => {}
        Observed::Rescan => {
            evidence.push(Evidence::new(EvidenceKind::NotObserved, "found by looking at everything again"));
        }
        Observed::WhileAway => {
            evidence.push(Evidence::new(EvidenceKind::NotObserved, "it happened while the hub was away"));
        }
    }
    Verdict { origin, modifier: None, acceptor: None, class: Class::Unknown, evidence }
}
