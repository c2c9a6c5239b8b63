//! Which steps of a file's bytes a call took, as far as its digests and the steps that are known tell.
//!
//! A file may come by the same states twice: the times of a call then say which way was its own.

use codi2_protocol::Digest;

use super::facts::{DiskFacts, Observed, Transition};
use super::times::{overlaps, timely, window};
use crate::Intent;
use crate::way::way;

/// Whether the hub read the file at both hooks of a call that did not fail, and found that it changed.
pub(super) fn changed(intent: &Intent) -> bool {
    !intent.failed
        && matches!((intent.before.state(), intent.after.state()), (Some(before), Some(after)) if before != after)
}

/// Whether the call was not open when this change happened, and the file's way from the call's begin to its end is known
/// without it: a file may come by the same states twice, and the call did the other steps.
pub(super) fn did_it_elsewhere(intent: &Intent, facts: &DiskFacts<'_>) -> bool {
    let (Some(before), Some(after)) = (intent.before.state(), intent.after.state()) else { return false };
    let another = |step: &Transition| {
        let (from, to) = window(Observed::Live, step.from, step.to);
        overlaps(intent, from, to) && (step.from, step.to) != (facts.from, facts.to)
    };
    !timely(intent, facts) && known_way(intent, before, after, facts, another).is_some()
}

/// The other steps on the file's known way from the call's begin to its end, where this one lies on it and inside its time.
/// Which of them the call took, its digests do not say.
pub(super) fn beside<'a>(intent: &Intent, facts: &DiskFacts<'a>) -> Option<Vec<&'a Transition>> {
    let (before, after) = (intent.before.state()?, intent.after.state()?);
    if !timely(intent, facts) {
        return None;
    }
    // A file that goes to and fro comes by the same states again: what led here was before, what leads on is after.
    let mut steps = known_way(intent, before, facts.before, facts, |step| step.to <= facts.to)?;
    steps.extend(known_way(intent, facts.after, after, facts, |step| step.to >= facts.to)?);
    Some(steps)
}

/// The steps by which the file's bytes are known to have gone from one state to the other during the call.
pub(super) fn known_way<'a>(
    intent: &Intent,
    from: Option<Digest>,
    to: Option<Digest>,
    facts: &DiskFacts<'a>,
    when: impl Fn(&Transition) -> bool,
) -> Option<Vec<&'a Transition>> {
    let during = |step: &&Transition| overlaps(intent, step.from, step.to) && when(step);
    let steps: Vec<&Transition> = facts.transitions.iter().filter(during).collect();
    let way = way(from, to, steps.len(), |at| (steps[at].before, steps[at].after))?;
    Some(way.into_iter().map(|at| steps[at]).collect())
}
