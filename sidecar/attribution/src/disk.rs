//! The ladder for a file that changed on disk: echo of a save, git, intents, content seen before, open calls, nobody.
//!
//! Two writers stay apart by digests, not by time: the hub reads a file at both hooks of a call, and every observation
//! is a step from one digest to the next, so a chain of steps tells which call wrote which. Time only tells which calls
//! could have written at all. Absent on purpose: walking folders, and any guess from the text itself.

mod announced;
mod compared;
mod facts;
mod left;
mod narrowed;
mod rebuilt;
mod replay;
mod ruling;
mod said;
mod sayers;
mod shares;
mod steps;
mod times;

use codi2_protocol::{Actor, ActorKind, Class, Evidence, EvidenceKind, Verdict};

use announced::{exact, partial};
use compared::Compared;
use left::{left, unannounced};
use narrowed::narrowed;
use rebuilt::rebuilt;
use sayers::told;

pub use facts::{DiskFacts, GitFact, Observed, Seen, Transition};
pub use ruling::DiskRuling;
pub use said::said_lines;
pub use shares::Shares;
pub(crate) use times::overlaps;
pub use times::window;

/// Judges a change of a file on disk. With more facts it is asked again; see [`DiskRuling::supersedes`].
pub fn judge_disk(facts: &DiskFacts<'_>) -> DiskRuling {
    let rebuilt = rebuilt(facts);
    let texts = |digest| (facts.texts)(digest).or_else(|| rebuilt.get(&digest).cloned());
    let facts = DiskFacts { texts: &texts, ..*facts };
    let compared = Compared::of(&facts);
    told(&compared, narrowed(&compared, by_the_ladder(&compared)))
}

fn by_the_ladder(compared: &Compared<'_>) -> DiskRuling {
    let facts = compared.facts;
    let exact = exact(compared);
    if facts.saved {
        return DiskRuling::Echo { unexplained: exact.as_ref().and_then(DiskRuling::whole).cloned() };
    }
    if let Some(git) = facts.git.filter(|git| git.writes_files()) {
        let evidence = Evidence::new(EvidenceKind::Git, format!("git {}: {}", git.operation, git.what));
        let actor = Actor::named(ActorKind::Git, git.operation.clone());
        let fresh = Verdict::new(actor, Class::Carried, EvidenceKind::Git, evidence.detail.clone());
        return match facts.after {
            Some(_) => DiskRuling::CarryAll { evidence, fresh },
            None => DiskRuling::all(fresh),
        };
    }
    if let Some(ruling) = exact {
        return ruling;
    }
    if facts.seen == Some(Seen::Here) && facts.after.is_some() {
        let evidence = Evidence::new(EvidenceKind::SeenBefore, "the file has a content again that it had before");
        // Its lines are whose they were; who brought it back, and took out what is gone, is asked as of any change.
        return DiskRuling::CarryAll { evidence, fresh: left(compared, &[]) };
    }
    if let Some(ruling) = partial(compared) {
        return ruling;
    }
    if facts.seen == Some(Seen::Elsewhere) && facts.after.is_some() {
        let evidence = Evidence::new(EvidenceKind::Copied, "another path of the repository had this content before");
        return DiskRuling::CarryAll { evidence, fresh: unannounced(facts, &[]) };
    }
    DiskRuling::all(left(compared, &[]))
}

#[cfg(test)]
mod tests;
