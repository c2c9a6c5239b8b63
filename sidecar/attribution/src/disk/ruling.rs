//! Who a change of a file on disk belongs to, and which of two rulings on one change is better.
//!
//! Absent on purpose: how a ruling is found, and how it becomes owners.

use codi2_protocol::{Actor, Evidence, EvidenceKind, Verdict};

use super::shares::Shares;
use crate::Rung;
use crate::candidate::label;

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
    /// What is new since `before` has these verdicts: all of it one, or what was announced its own and the rest another.
    New(Shares),
}

impl DiskRuling {
    /// One verdict on all that is new.
    pub const fn all(verdict: Verdict) -> Self {
        Self::New(Shares::all(verdict))
    }

    /// The verdict on all that is new, if it is one.
    pub const fn whole(&self) -> Option<&Verdict> {
        match self {
            Self::New(shares) => shares.whole(),
            Self::Echo { .. } | Self::CarryAll { .. } => None,
        }
    }

    /// The strongest rung the ruling stands on.
    pub fn rung(&self) -> Rung {
        match self {
            Self::Echo { .. } => Rung::Echo,
            Self::CarryAll { evidence, .. } => Rung::of_kind(evidence.kind),
            Self::New(shares) => shares.deciding().map(Rung::of).min().unwrap_or(Rung::Unexplained),
        }
    }

    /// Who is named for what is new.
    pub fn named(&self) -> Vec<Actor> {
        match self {
            Self::Echo { unexplained } => unexplained.iter().map(|verdict| verdict.origin.clone()).collect(),
            Self::CarryAll { .. } => Vec::new(),
            Self::New(shares) => shares.each().map(|verdict| verdict.origin.clone()).collect(),
        }
    }

    /// Whether it names somebody as a possible writer of what is new.
    pub fn names_candidates(&self) -> bool {
        let names = |verdict: &Verdict| Rung::of(verdict) == Rung::Candidates;
        match self {
            Self::CarryAll { fresh, .. } => names(fresh),
            Self::New(shares) => shares.each().any(names),
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

    /// Whether of what the old ruling took for certain this one leaves all as it was, but for pieces for which it names several
    /// candidates, and whoever had them among these.
    fn disputes(&self, old: &Self) -> bool {
        let (Self::New(new), Self::New(old)) = (self, old) else { return false };
        let guessed =
            |verdict: &Verdict| matches!(Rung::of(verdict), Rung::IntentExact | Rung::IntentPartial | Rung::OnlyCall);
        let is_disputed = |was: &Verdict, is: &Verdict| {
            let named = is.evidence.iter().filter(|reason| reason.kind == EvidenceKind::Candidate);
            let label = format!("{} was ", label(&was.origin));
            named.clone().count() > 1 && named.clone().any(|reason| reason.detail.starts_with(&label))
        };
        let certain = old.decided_beside(new).into_iter().filter(|(was, _)| guessed(was));
        let mut others = certain.filter(|(was, is)| was.origin != is.origin).peekable();
        others.peek().is_some() && others.all(|(was, is)| is_disputed(was, is))
    }
}
