//! The ladder for a file that changed on disk: echo of a save, git, intents, content seen before, open calls, nobody.
//!
//! Two writers stay apart by digests, not by time: the hub reads a file at both hooks of a call, and every observation
//! is a step from one digest to the next, so a chain of steps tells which call wrote which. Time only tells which calls
//! could have written at all. Absent on purpose: walking folders, and any guess from the text itself.

use std::fmt;
use std::ops::Range;

use codi2_protocol::{Actor, ActorKind, Class, Digest, Evidence, EvidenceKind, Verdict};
use codi2_text::Text;

use crate::candidate::{Candidate, label};
use crate::replay::{self, Part};
use crate::said::narrowed;
use crate::way::way;
use crate::{Intent, Moment, OpenCall, Reading, Rung};

/// How long before it is seen, or told of by a hook, a live change may have happened, in ms: settling, hashing, the start
/// of a hook's process, a busy machine.
const LIVE_MS: u64 = 2_000;

/// Everything known about a change of a file on disk.
///
/// Where the hub knows a state that the file passed on the way (a save that the watcher did not see by itself), it
/// judges the steps one by one.
#[derive(Clone, Copy)]
pub struct DiskFacts<'a> {
    /// The bytes before; absent for a created file.
    pub before: Option<Digest>,
    /// The bytes after; absent for a deleted file.
    pub after: Option<Digest>,
    /// When the file was last known to hold `before`.
    pub from: Moment,
    /// When it was seen to hold `after`.
    pub to: Moment,
    /// When `after` was last written, by the kernel's clock; absent where nothing is there, or nobody says.
    pub written: Option<Moment>,
    /// How it was found.
    pub observed: Observed,
    /// A buffer was saved with exactly this text, which it had by edits of its own and not by loading the file.
    pub saved: bool,
    /// The git operation that explains the bytes.
    pub git: Option<&'a GitFact>,
    /// Where the ledger had owners of `after` **before** this change was seen.
    pub seen: Option<Seen>,
    /// Finished calls on the file.
    pub intents: &'a [Intent],
    /// Calls open on the file.
    pub calls: &'a [OpenCall],
    /// The steps that the file's bytes are known to have taken; this change may be among them.
    pub transitions: &'a [Transition],
    /// The text behind a digest, where the hub has it. Only ever asked for states of this file.
    pub texts: &'a dyn Fn(Digest) -> Option<Text>,
}

impl fmt::Debug for DiskFacts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskFacts")
            .field("before", &self.before)
            .field("after", &self.after)
            .field("from", &self.from)
            .field("to", &self.to)
            .field("written", &self.written)
            .field("observed", &self.observed)
            .field("saved", &self.saved)
            .field("git", &self.git)
            .field("seen", &self.seen)
            .field("intents", &self.intents)
            .field("calls", &self.calls)
            .field("transitions", &self.transitions)
            .finish_non_exhaustive()
    }
}

/// How a change was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// By the watcher, as it happened.
    Live,
    /// By looking at everything again, after events were lost.
    Rescan,
    /// By looking after the hub had been away.
    WhileAway,
}

/// Where a content was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// In this file's lineage.
    Here,
    /// At another path of the repository, and with the same owners at each where it was.
    Elsewhere,
}

/// A git operation that explains what a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitFact {
    /// The operation, as the event of git names it (`checkout`, `rebase`, `stash`, `restore` …).
    pub operation: String,
    /// What holds the content: `index`, `HEAD`, `stash`, `merge` and so on, in words.
    pub what: String,
}

impl GitFact {
    /// Whether the operation can have written files. `git add` and `git commit` take over what others wrote; whoever
    /// explains a file by them has not seen who wrote it.
    pub fn writes_files(&self) -> bool {
        let word = self.operation.split([' ', ':', '(']).next().unwrap_or_default();
        !matches!(word, "commit" | "add" | "index")
    }
}

/// A step of a file's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The bytes before; absent for a created file.
    pub before: Option<Digest>,
    /// The bytes after; absent for a deleted file.
    pub after: Option<Digest>,
    /// When the file was last known to hold `before`.
    pub from: Moment,
    /// When it was seen to hold `after`.
    pub to: Moment,
}

/// Who a disk change belongs to. What stood in `before` keeps its owners in every case.
#[derive(Debug, Clone, PartialEq)]
pub enum DiskRuling {
    /// The file echoes a saved buffer: the owners are those of the buffer.
    Echo {
        /// What an announced edit says of the bytes that are new since `before` and for which the buffer names nobody
        /// ([`Rung::is_open`]). Bytes with an owner, and older ones, never change hands.
        unexplained: Option<Verdict>,
    },
    /// The content has owners: those the ledger knows for it, else those that its parts have where git kept them.
    CarryAll {
        /// Why: git, or seen before. The class is carried.
        evidence: Evidence,
        /// What the bytes get that the ledger has never seen.
        fresh: Verdict,
    },
    /// All that is new since `before` has one verdict.
    All(Verdict),
    /// Some ranges of `after` were announced; the rest of what is new since `before` was not.
    Parts {
        /// Byte ranges of the text after, ascending, not overlapping.
        claimed: Vec<(Range<u64>, Verdict)>,
        /// What the rest of the new bytes gets.
        rest: Verdict,
    },
}

impl DiskRuling {
    /// The strongest rung the ruling stands on.
    pub fn rung(&self) -> Rung {
        match self {
            Self::Echo { .. } => Rung::Echo,
            Self::CarryAll { evidence, .. } => Rung::of_kind(evidence.kind),
            Self::All(verdict) => Rung::of(verdict),
            Self::Parts { claimed, rest } => {
                claimed.iter().map(|(_, verdict)| Rung::of(verdict)).min().unwrap_or_else(|| Rung::of(rest))
            }
        }
    }

    /// Who is named for what is new.
    pub fn named(&self) -> Vec<Actor> {
        match self {
            Self::Echo { unexplained } => unexplained.iter().map(|verdict| verdict.origin.clone()).collect(),
            Self::CarryAll { .. } => Vec::new(),
            Self::All(verdict) => vec![verdict.origin.clone()],
            Self::Parts { claimed, rest } => {
                claimed.iter().map(|(_, verdict)| verdict).chain([rest]).map(|verdict| verdict.origin.clone()).collect()
            }
        }
    }

    /// Whether it names somebody as a possible writer of what is new.
    pub fn names_candidates(&self) -> bool {
        let names = |verdict: &Verdict| Rung::of(verdict) == Rung::Candidates;
        match self {
            Self::All(verdict) | Self::CarryAll { fresh: verdict, .. } => names(verdict),
            Self::Parts { claimed, rest } => names(rest) || claimed.iter().any(|(_, verdict)| names(verdict)),
            Self::Echo { .. } => false,
        }
    }

    /// Whether this ruling, made with more facts, replaces an earlier one on the same change.
    ///
    /// It does if it stands on a stronger rung, or says more on the same one. There is one way down: a late call that
    /// could have written the same bytes makes two of one candidate, and then neither wrote them for certain.
    pub fn supersedes(&self, old: &Self) -> bool {
        match self.rung().cmp(&old.rung()) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => {
                let says_more = matches!(
                    self.rung(),
                    Rung::Echo
                        | Rung::IntentExact
                        | Rung::SeenBefore
                        | Rung::IntentPartial
                        | Rung::OnlyCall
                        | Rung::Candidates
                );
                says_more && self != old
            }
            std::cmp::Ordering::Greater => self.disputes(old),
        }
    }

    /// Whether this ruling names several candidates, and those that the old ruling took for certain among them.
    fn disputes(&self, old: &Self) -> bool {
        let new: Vec<&Verdict> = match self {
            Self::All(verdict) => vec![verdict],
            Self::Parts { claimed, .. } => claimed.iter().map(|(_, verdict)| verdict).collect(),
            Self::Echo { .. } | Self::CarryAll { .. } => Vec::new(),
        };
        let candidates = |verdict: &Verdict| {
            let named = verdict.evidence.iter().filter(|reason| reason.kind == EvidenceKind::Candidate);
            named.map(|reason| reason.detail.clone()).collect::<Vec<_>>()
        };
        let several = !new.is_empty() && new.iter().all(|verdict| candidates(verdict).len() > 1);
        let named = |actor: &Actor| {
            let label = format!("{} was ", label(actor));
            new.iter().any(|verdict| candidates(verdict).iter().any(|detail| detail.starts_with(&label)))
        };
        let guessed = matches!(old.rung(), Rung::IntentExact | Rung::IntentPartial | Rung::OnlyCall);
        let all_named = match old {
            Self::All(verdict) => named(&verdict.origin),
            Self::Parts { claimed, .. } => claimed.iter().all(|(_, verdict)| named(&verdict.origin)),
            Self::Echo { .. } | Self::CarryAll { .. } => false,
        };
        several && guessed && all_named
    }
}

/// Judges a change of a file on disk. With more facts it is asked again; see [`DiskRuling::supersedes`].
pub fn judge_disk(facts: &DiskFacts<'_>) -> DiskRuling {
    narrowed(facts, by_the_ladder(facts))
}

fn by_the_ladder(facts: &DiskFacts<'_>) -> DiskRuling {
    let exact = exact(facts);
    if facts.saved {
        let unexplained = match exact {
            Some(DiskRuling::All(verdict)) => Some(verdict),
            _ => None,
        };
        return DiskRuling::Echo { unexplained };
    }
    if let Some(git) = facts.git.filter(|git| git.writes_files()) {
        let evidence = Evidence::new(EvidenceKind::Git, format!("git {}: {}", git.operation, git.what));
        let actor = Actor::named(ActorKind::Git, git.operation.clone());
        let fresh = Verdict::new(actor, Class::Carried, EvidenceKind::Git, evidence.detail.clone());
        return match facts.after {
            Some(_) => DiskRuling::CarryAll { evidence, fresh },
            None => DiskRuling::All(fresh),
        };
    }
    if let Some(ruling) = exact {
        return ruling;
    }
    if facts.seen == Some(Seen::Here) && facts.after.is_some() {
        let evidence = Evidence::new(EvidenceKind::SeenBefore, "the file has a content again that it had before");
        // Its lines are whose they were; who brought it back, and took out what is gone, is asked as of any change.
        return DiskRuling::CarryAll { evidence, fresh: left(facts, &[]) };
    }
    if let Some(ruling) = partial(facts) {
        return ruling;
    }
    if facts.seen == Some(Seen::Elsewhere) && facts.after.is_some() {
        let evidence = Evidence::new(EvidenceKind::Copied, "another path of the repository had this content before");
        return DiskRuling::CarryAll { evidence, fresh: unannounced(facts, &[]) };
    }
    DiskRuling::All(left(facts, &[]))
}

/// L2: whether announced edits, by their digests, explain the whole change.
fn exact(facts: &DiskFacts<'_>) -> Option<DiskRuling> {
    let usable = facts.intents.iter().filter(|intent| changed(intent) && !did_it_elsewhere(intent, facts));
    let usable: Vec<&Intent> = usable.collect();
    let pick =
        |fits: &dyn Fn(&Intent) -> bool| -> Vec<&Intent> { usable.iter().copied().filter(|i| fits(i)).collect() };
    // The call did exactly this step.
    let direct = pick(&|intent| intent.before.is(facts.before) && intent.after.is(facts.after));
    if !direct.is_empty() {
        return Some(DiskRuling::All(agreed(&direct, facts)?));
    }
    // The call did what the others' digests leave of its way: this step.
    let by_others = |intent: &Intent, step: &Transition| {
        let is_whose = |other: &Intent| other.before.is(step.before) && other.after.is(step.after);
        facts.intents.iter().filter(|other| changed(other)).any(|other| other.call != intent.call && is_whose(other))
    };
    let left_over =
        pick(&|intent| beside(intent, facts).is_some_and(|steps| steps.iter().all(|step| by_others(intent, step))));
    if !left_over.is_empty() {
        return Some(DiskRuling::All(agreed(&left_over, facts)?));
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
        return Some(DiskRuling::All(steps.remove(0).1));
    }
    let parts = steps.iter().map(|(state, verdict)| Part { state: *state, verdict: Some(verdict.clone()) });
    let claimed = replay::replay(facts.before, &parts.collect::<Vec<_>>(), facts.texts);
    Some(match claimed {
        Some(claimed) => DiskRuling::Parts { claimed, rest: left(facts, &used) },
        None => {
            let named = usable.iter().map(|intent| Candidate::from(*intent)).collect::<Vec<_>>();
            DiskRuling::All(unannounced(facts, &named))
        }
    })
}

/// Whether the hub read the file at both hooks of a call that did not fail, and found that it changed.
fn changed(intent: &Intent) -> bool {
    !intent.failed
        && matches!((intent.before.state(), intent.after.state()), (Some(before), Some(after)) if before != after)
}

/// Whether the call was not open when this change happened, and the file's way from the call's begin to its end is known
/// without it: a file may come by the same states twice, and the call did the other steps.
fn did_it_elsewhere(intent: &Intent, facts: &DiskFacts<'_>) -> bool {
    let (Some(before), Some(after)) = (intent.before.state(), intent.after.state()) else { return false };
    let another = |step: &Transition| {
        let (from, to) = window(Observed::Live, step.from, step.to);
        overlaps(intent, from, to) && (step.from, step.to) != (facts.from, facts.to)
    };
    !timely(intent, facts) && known_way(intent, before, after, facts, another).is_some()
}

/// The other steps on the file's known way from the call's begin to its end, where this one lies on it and inside its time.
/// Which of them the call took, its digests do not say.
fn beside<'a>(intent: &Intent, facts: &DiskFacts<'a>) -> Option<Vec<&'a Transition>> {
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
fn known_way<'a>(
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

/// When a change happened, at the earliest and at the latest.
pub fn window(observed: Observed, from: Moment, to: Moment) -> (Moment, Moment) {
    let from = match observed {
        Observed::Live => from.max(Moment::earliest(to.ms.saturating_sub(LIVE_MS))),
        Observed::Rescan | Observed::WhileAway => from,
    };
    (from, to)
}

/// Whether a call was open when the change happened.
pub(crate) fn timely(intent: &Intent, facts: &DiskFacts<'_>) -> bool {
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

/// L3: what announced edits explain of the change, by comparing the texts they left behind.
fn partial(facts: &DiskFacts<'_>) -> Option<DiskRuling> {
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
    Some(DiskRuling::Parts { claimed, rest: left(facts, &used) })
}

/// L8 to L10: what no digest explains.
fn left(facts: &DiskFacts<'_>, used: &[u64]) -> Verdict {
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
        let leads = fits(intent.before, facts.before) && fits(intent.after, facts.after);
        // What was last written before the call began is not its doing, though it was seen later. The kernel's time is early
        // by a tick at most, and never late; on Linux a hook before tells its time by the same clock.
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
pub(crate) fn possible(facts: &DiskFacts<'_>) -> Verdict {
    let open = facts.calls.iter().filter(|call| call.since <= facts.to).map(Candidate::from);
    let ended = facts.intents.iter().filter(|intent| timely(intent, facts) || intent.after.is(facts.after));
    unannounced(facts, &open.chain(ended.map(Candidate::from)).collect::<Vec<_>>())
}

/// A verdict that names nobody, with everybody who could have done it.
fn unannounced(facts: &DiskFacts<'_>, candidates: &[Candidate]) -> Verdict {
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

#[cfg(test)]
mod tests;
