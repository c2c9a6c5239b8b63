//! The rungs of the ladder, in their order. A verdict tells its rung by its class and its first reason, so a verdict
//! read back from the store can be compared with a new one.
//!
//! Absent on purpose: numbers for confidence. Two verdicts are compared by the kind of their evidence alone.

use codi2_protocol::{Class, EvidenceKind, Verdict};

/// The rungs, strongest first: `a < b` means that `a` decides where both apply.
///
/// L0 to L10 are the steps of `research/attribution.md` §4.2. Two rungs there are split here: content that was seen
/// before is weaker than an exact intent and stronger than a partial one, and a reload stands with copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// A buffer with this very text was saved: the file only echoes it.
    Echo,
    /// L0: git brought this content.
    Git,
    /// L1: undo or redo brought it back.
    Undo,
    /// L2: an announced edit whose digests match.
    IntentExact,
    /// The same content stood in this file before, with owners.
    SeenBefore,
    /// L3: an announced edit explains a part.
    IntentPartial,
    /// L4: the editor's client declared the source.
    Declared,
    /// L5: a formatter, or layout alone.
    Format,
    /// L6: moved, copied, or loaded again from a disk whose owners are known.
    Moved,
    /// L7: the shape of keystrokes.
    Keystrokes,
    /// L8: one agent's call, and no other, was open on the path.
    OnlyCall,
    /// L9: several could have written it; each is named.
    Candidates,
    /// L10: nothing explains it.
    Unexplained,
    /// It stood there when codi2 first saw the file: nothing that happens now explains it.
    Older,
}

impl Rung {
    /// The rung a verdict stands on.
    pub fn of(verdict: &Verdict) -> Self {
        let Some(reason) = verdict.evidence.first() else { return Self::Unexplained };
        match (verdict.class, reason.kind) {
            (Class::Unknown, EvidenceKind::Candidate) => Self::Candidates,
            (Class::Unknown, EvidenceKind::EditorDeclared) => Self::Declared,
            (Class::Unknown, EvidenceKind::BeforeCodi2) => Self::Older,
            (Class::Unknown, _) => Self::Unexplained,
            (_, kind) => Self::of_kind(kind),
        }
    }

    /// The rung of a piece of evidence that decides on its own.
    pub const fn of_kind(kind: EvidenceKind) -> Self {
        match kind {
            EvidenceKind::Git => Self::Git,
            EvidenceKind::Undo => Self::Undo,
            EvidenceKind::IntentExact => Self::IntentExact,
            EvidenceKind::SeenBefore => Self::SeenBefore,
            EvidenceKind::IntentPartial => Self::IntentPartial,
            EvidenceKind::EditorDeclared | EvidenceKind::Imported => Self::Declared,
            EvidenceKind::Format => Self::Format,
            EvidenceKind::Moved | EvidenceKind::Copied | EvidenceKind::Reload => Self::Moved,
            EvidenceKind::Keystrokes => Self::Keystrokes,
            EvidenceKind::OnlyAgentCall => Self::OnlyCall,
            EvidenceKind::Candidate => Self::Candidates,
            EvidenceKind::BeforeCodi2 | EvidenceKind::NoNote => Self::Older,
            EvidenceKind::DiskChange
            | EvidenceKind::LargeInsert
            | EvidenceKind::NotObserved
            | EvidenceKind::Gap
            | EvidenceKind::Other => Self::Unexplained,
        }
    }

    /// Whether evidence of this rung names nobody for a change that somebody made while codi2 was looking, so that an
    /// announced edit may take its text.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Candidates | Self::Unexplained)
    }
}

/// Whether `a` rests on stronger evidence than `b`.
pub fn stronger(a: &Verdict, b: &Verdict) -> bool {
    Rung::of(a) < Rung::of(b)
}

#[cfg(test)]
mod tests {
    use codi2_protocol::{Actor, ActorKind};

    use super::*;

    fn verdict(kind: ActorKind, class: Class, evidence: EvidenceKind) -> Verdict {
        Verdict::new(Actor::named(kind, "x"), class, evidence, "")
    }

    #[test]
    fn ladder_order() {
        use ActorKind::{Agent, External, Person, Tool, Unknown};
        use EvidenceKind::*;
        let ladder = [
            verdict(ActorKind::Git, Class::Carried, EvidenceKind::Git),
            verdict(Person, Class::Carried, Undo),
            verdict(Agent, Class::Exact, IntentExact),
            verdict(Person, Class::Carried, SeenBefore),
            verdict(Agent, Class::Exact, IntentPartial),
            verdict(Person, Class::Declared, EditorDeclared),
            verdict(Tool, Class::Carried, Format),
            verdict(Person, Class::Carried, Moved),
            verdict(Person, Class::Inferred, Keystrokes),
            verdict(Agent, Class::Inferred, OnlyAgentCall),
            verdict(Unknown, Class::Unknown, Candidate),
            verdict(External, Class::Unknown, DiskChange),
        ];
        for (at, a) in ladder.iter().enumerate() {
            for (to, b) in ladder.iter().enumerate() {
                assert_eq!(stronger(a, b), at < to, "{a:?} against {b:?}");
            }
        }
    }

    #[test]
    fn an_unknown_author_is_never_strong_but_for_a_declared_paste() {
        use EvidenceKind::*;
        for kind in [Undo, Moved, Copied, SeenBefore, Reload, DiskChange, LargeInsert, NotObserved, Other] {
            assert_eq!(Rung::of(&verdict(ActorKind::Unknown, Class::Unknown, kind)), Rung::Unexplained);
        }
        assert_eq!(Rung::of(&verdict(ActorKind::Unknown, Class::Unknown, EditorDeclared)), Rung::Declared);
        let older = Rung::of(&Verdict::before_codi2());
        assert_eq!((older, older.is_open()), (Rung::Older, false), "no announced edit takes old text");
        let mut silent = verdict(ActorKind::Person, Class::Exact, IntentExact);
        silent.evidence.clear();
        assert_eq!(Rung::of(&silent), Rung::Unexplained);
    }
}
