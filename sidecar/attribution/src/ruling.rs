//! How the bytes of a buffer's edits get their owners: anew, or from where they stood before.
//!
//! Absent on purpose: the owners themselves. A ruling points to places; the hub knows who owned them.

use codi2_protocol::{Actor, Class, Digest, Evidence, EvidenceKind, FileId, GroupId, Verdict};

/// Most reasons that a carried verdict keeps.
const REASONS: usize = 6;

/// What a group's bytes get.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupRuling {
    /// The whole owner tree that is known for the text after the group.
    Restore {
        /// Why.
        kind: RestoreKind,
        /// How it is known.
        class: Class,
        /// The reason in words. The owners stay as they are: it is the event's, not theirs.
        evidence: Evidence,
    },
    /// For each edit, runs that cover its inserted bytes in order. An edit that inserts nothing has one run of length
    /// 0, whose verdict tells who deleted.
    Edits(Vec<Vec<Run>>),
}

impl GroupRuling {
    /// Whether this ruling, made with more facts, is better than an earlier one on the same group: a restored tree
    /// against bytes that had nobody.
    pub fn supersedes(&self, old: &Self) -> bool {
        let nobody =
            |run: &Run| matches!(&run.ruling, Ruling::New(verdict) if run.len > 0 && verdict.class == Class::Unknown);
        match (self, old) {
            (Self::Restore { .. }, Self::Edits(edits)) => edits.iter().flatten().any(nobody),
            _ => false,
        }
    }
}

/// Why a whole tree comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreKind {
    /// Undo or redo.
    Undo,
    /// The file was loaded again.
    Reload,
}

/// Bytes of an insert with one ruling.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Length in bytes.
    pub len: u64,
    /// How they get their owner.
    pub ruling: Ruling,
}

/// How the bytes of a run get their owner.
#[derive(Debug, Clone, PartialEq)]
pub enum Ruling {
    /// A new owner.
    New(Verdict),
    /// The owner of bytes that stood elsewhere, byte by byte; [`Ruling::verdict`] makes the new verdict of theirs.
    Carry {
        /// Where they stood.
        from: Carried,
        /// Who brought them here.
        modifier: Option<Actor>,
        /// Why we believe it.
        evidence: Evidence,
        /// How it is known: carried, or declared where the editor said so.
        class: Class,
        /// The verdict where the owner of those bytes is not known any more.
        otherwise: Box<Verdict>,
    },
}

/// Where carried bytes stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// In the text that an earlier edit deleted.
    Tombstone {
        /// The group of that edit.
        group: GroupId,
        /// Which edit of the group, from 0.
        edit: u32,
        /// Byte offset in the deleted text.
        from: u64,
    },
    /// In a sealed text.
    Copy {
        /// Its file; absent for the edited file itself.
        file: Option<FileId>,
        /// The text.
        digest: Digest,
        /// Byte offset in it.
        from: u64,
    },
    /// Nowhere: white space that belongs to the bytes before it in this edit, or after it where there are none.
    Beside,
}

impl Ruling {
    /// The verdict on bytes whose owner was `known` where they stood (absent: not known any more).
    ///
    /// Undo gives the old verdict back as it was. Everything else keeps origin and acceptor, notes the new modifier and
    /// reason, and is never surer than the old verdict was.
    pub fn verdict(&self, known: Option<&Verdict>) -> Verdict {
        let (modifier, evidence, class, otherwise) = match self {
            Self::New(verdict) => return verdict.clone(),
            Self::Carry { modifier, evidence, class, otherwise, .. } => (modifier, evidence, class, otherwise),
        };
        let Some(known) = known else { return otherwise.as_ref().clone() };
        if evidence.kind == EvidenceKind::Undo {
            return known.clone();
        }
        let mut verdict = known.clone();
        verdict.class = known.class.max(*class);
        verdict.modifier = modifier.clone().or(verdict.modifier);
        verdict.evidence.retain(|reason| reason.kind != evidence.kind);
        // A text that nobody can be named for keeps the reason for that in front.
        let front = usize::from(known.class == Class::Unknown).min(verdict.evidence.len());
        verdict.evidence.insert(front, evidence.clone());
        verdict.evidence.truncate(REASONS);
        verdict
    }
}

impl Carried {
    /// The place `skipped` bytes further on.
    pub(crate) fn after(self, skipped: u64) -> Self {
        match self {
            Self::Tombstone { group, edit, from } => Self::Tombstone { group, edit, from: from + skipped },
            Self::Copy { file, digest, from } => Self::Copy { file, digest, from: from + skipped },
            Self::Beside => Self::Beside,
        }
    }

    /// Where a run of this length ends there; absent where no text is that long.
    pub(crate) fn end(&self, len: u64) -> Option<u64> {
        match self {
            Self::Tombstone { from, .. } | Self::Copy { from, .. } => from.checked_add(len),
            Self::Beside => Some(0),
        }
    }
}
