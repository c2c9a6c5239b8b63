//! When a change of a file happened, and which calls were open then. Time only tells which calls could have written at all.

use super::facts::{DiskFacts, Observed};
use crate::{Intent, Moment};

/// How long before it is seen, or told of by a hook, a live change may have happened, in ms: settling, hashing, the start
/// of a hook's process, a busy machine.
const LIVE_MS: u64 = 2_000;

/// When a change happened, at the earliest and at the latest.
pub fn window(observed: Observed, from: Moment, to: Moment) -> (Moment, Moment) {
    let from = match observed {
        Observed::Live => from.max(Moment::earliest(to.ms.saturating_sub(LIVE_MS))),
        Observed::Rescan | Observed::WhileAway => from,
    };
    (from, to)
}

/// Whether a call was open when the change happened.
pub(super) fn timely(intent: &Intent, facts: &DiskFacts<'_>) -> bool {
    let (from, to) = window(facts.observed, facts.from, facts.to);
    overlaps(intent, from, to)
}

/// Whether a call was open at some time between the two.
///
/// One whose begin nobody told of is known to have been open just before its end, and no earlier.
pub(crate) fn overlaps(intent: &Intent, from: Moment, to: Moment) -> bool {
    let just_before = || Moment::earliest(intent.until.ms.saturating_sub(LIVE_MS));
    intent.since.unwrap_or_else(just_before) <= to && intent.until >= from
}
