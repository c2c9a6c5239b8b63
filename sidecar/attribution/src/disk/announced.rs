//! What announced edits explain of a change: all of it by their digests alone (L2), or a part by the texts they left (L3).

use codi2_protocol::{Class, Digest, Evidence, EvidenceKind, Verdict};

use super::compared::Compared;
use super::facts::{DiskFacts, Seen, Transition};
use super::left::{left, unannounced};
use super::replay::{self, Part};
use super::ruling::DiskRuling;
use super::shares::Shares;
use super::steps::{beside, changed, did_it_elsewhere, known_way};
use super::times::timely;
use crate::candidate::Candidate;
use crate::way::way;
use crate::{Intent, Moment, Reading};

/// L2: whether announced edits, by their digests, explain the whole change.
pub(super) fn exact(compared: &Compared<'_>) -> Option<DiskRuling> {
    let facts = compared.facts;
    let usable = facts.intents.iter().filter(|intent| changed(intent) && !did_it_elsewhere(intent, facts));
    let usable: Vec<&Intent> = usable.collect();
    let pick =
        |fits: &dyn Fn(&Intent) -> bool| -> Vec<&Intent> { usable.iter().copied().filter(|i| fits(i)).collect() };
    // The call did exactly this step.
    let direct = pick(&|intent| intent.before.is(facts.before) && intent.after.is(facts.after));
    if !direct.is_empty() {
        return Some(DiskRuling::all(agreed(&direct, facts)?));
    }
    // The call did what the others' digests leave of its way: this step.
    let by_others = |intent: &Intent, step: &Transition| {
        let is_whose = |other: &Intent| other.before.is(step.before) && other.after.is(step.after);
        facts.intents.iter().filter(|other| changed(other)).any(|other| other.call != intent.call && is_whose(other))
    };
    let left_over =
        pick(&|intent| beside(intent, facts).is_some_and(|steps| steps.iter().all(|step| by_others(intent, step))));
    if !left_over.is_empty() {
        return Some(DiskRuling::all(agreed(&left_over, facts)?));
    }
    // Several calls did this step one after the other.
    let ends = |at: usize| -> (Option<Digest>, Option<Digest>) {
        (usable[at].before.state().flatten(), usable[at].after.state().flatten())
    };
    let chain = way(facts.before, facts.after, usable.len(), ends).filter(|chain| !chain.is_empty())?;
    let (mut steps, mut used) = (Vec::new(), Vec::new());
    for at in chain {
        let (before, after) = ends(at);
        let same = pick(&|intent| intent.before.is(before) && intent.after.is(after));
        used.extend(same.iter().map(|intent| intent.call));
        steps.push((after, agreed(&same, facts)?));
    }
    let author = &steps[0].1.origin;
    if steps.iter().all(|(_, verdict)| verdict.origin == *author) {
        return Some(DiskRuling::all(steps.remove(0).1));
    }
    let parts = steps.iter().map(|(state, verdict)| Part { state: *state, verdict: Some(verdict.clone()) });
    let claimed = replay::replay(facts.before, &parts.collect::<Vec<_>>(), facts.texts);
    Some(match claimed {
        Some(claimed) => DiskRuling::New(Shares::parts(claimed, left(compared, &used))),
        None => {
            let named = usable.iter().map(|intent| Candidate::from(*intent)).collect::<Vec<_>>();
            DiskRuling::all(unannounced(facts, &named))
        }
    })
}

/// L3: what announced edits explain of the change, by comparing the texts they left behind.
pub(super) fn partial(compared: &Compared<'_>) -> Option<DiskRuling> {
    let facts = compared.facts;
    facts.after?;
    let relevant = |intent: &&Intent| {
        let anchored = intent.before.is(facts.before) || intent.after.is(facts.after);
        changed(intent)
            && intent.actor.is_some()
            && !did_it_elsewhere(intent, facts)
            && !intent.after.is(facts.before)
            && !intent.before.is(facts.after)
            && beside(intent, facts).is_none()
            // Of what the file held before the call left it, its end tells nothing: others may have written, too.
            && (intent.after.is(facts.after) || intent.until <= facts.to)
            // A file comes into being more than once: what it is made of then, if that is known from elsewhere, is not what an
            // agent announced that made it before.
            && (timely(intent, facts) || (anchored && facts.seen != Some(Seen::Elsewhere)))
    };
    let mut claims: Vec<&Intent> = facts.intents.iter().filter(relevant).collect();
    claims.sort_by_key(|intent| (intent.until, intent.since, intent.call));
    let mut parts: Vec<Part> = Vec::new();
    let mut at = facts.before;
    let mut until = Moment::default();
    let mut used = Vec::new();
    for intent in claims.iter().copied() {
        let (Some(begin), Some(end)) = (intent.before.state(), intent.after.state()) else { continue };
        let together = intent.since.is_none_or(|since| since < until);
        if end == at && together {
            // Two calls that end in one state: which of them wrote the last step cannot be told.
            let same = claims.iter().copied().filter(|other| other.after.is(end)).collect::<Vec<_>>();
            if let Some(part) = parts.last_mut() {
                part.verdict = part.verdict.as_ref().and(agreed(&same, facts));
            }
            used.push(intent.call);
            continue;
        }
        // Somebody else wrote between; unless this call began before that, and has it inside.
        if begin != at && !together && known_way(intent, begin, at, facts, |_| true).is_none() {
            parts.push(Part { state: begin, verdict: None });
        }
        let mut verdict = agreed(&[intent], facts).filter(|verdict| verdict.class != Class::Unknown);
        if let Some(verdict) = &mut verdict {
            let detail = format!("announced through {}; this part matches what it left behind", intent.format);
            verdict.evidence[0] = Evidence::new(EvidenceKind::IntentPartial, detail);
            used.push(intent.call);
        }
        parts.push(Part { state: end, verdict });
        (at, until) = (end, intent.until);
    }
    if used.is_empty() {
        return None;
    }
    if at != facts.after {
        parts.push(Part { state: facts.after, verdict: None });
    }
    let claimed = replay::replay(facts.before, &parts, facts.texts)?;
    if claimed.is_empty() {
        return None;
    }
    Some(DiskRuling::New(Shares::parts(claimed, left(compared, &used))))
}

/// The verdict on a step that all these calls claim: theirs if they are one agent's, unknown with each named if not.
/// Absent if none of them says whose it is.
fn agreed(claims: &[&Intent], facts: &DiskFacts<'_>) -> Option<Verdict> {
    let at_work: Vec<&Intent> = claims.iter().copied().filter(|intent| timely(intent, facts)).collect();
    // Digests decide. Time is asked only where the same step was done twice, by two.
    let claims = if at_work.is_empty() { claims } else { &at_work };
    let first = claims.first()?;
    let author = first.actor.as_ref();
    let rivals = facts.intents.iter().filter(|rival| rival.actor.as_ref() != author && may_be(rival, first, facts));
    let mut rivals = rivals.peekable();
    if claims.iter().any(|intent| intent.actor.as_ref() != author) || rivals.peek().is_some() {
        let named: Vec<Candidate> = claims.iter().copied().chain(rivals).map(Candidate::from).collect();
        return Some(unannounced(facts, &named));
    }
    let detail = format!("announced through {}; the file matches before and after", first.format);
    Some(Verdict::new(author?.clone(), Class::Exact, EvidenceKind::IntentExact, detail))
}

/// Whether a call that was announced for this very file, and at which it was not read in time, may have done what another
/// one's digests claim.
fn may_be(rival: &Intent, claim: &Intent, facts: &DiskFacts<'_>) -> bool {
    let fits = |reading: Reading, claimed: Reading| reading == Reading::NotRead || reading == claimed;
    let unread = [rival.before, rival.after].contains(&Reading::NotRead);
    let announced = rival.names_path && rival.since.is_some() && timely(rival, facts);
    announced
        && unread
        && !rival.certifies_nothing()
        && fits(rival.before, claim.before)
        && fits(rival.after, claim.after)
}
