//! A change that becomes owners.

use codi2_attribution::Seen;
use codi2_protocol::{Actor, EventId, Evidence, FileId, Owner, Verdict};
use codi2_text::{OwnerTree, Text};

use crate::book::OwnerRef;
use crate::core::kept::Kept;
use crate::known::{Hunk, Known};

/// A change: from what to what, in hunks.
pub(super) struct Step<'a> {
    pub file: &'a FileId,
    pub kept: &'a Kept,
    pub event: EventId,
    pub before: &'a Known,
    pub after: &'a Text,
    pub hunks: Vec<Hunk>,
}

impl Step<'_> {
    /// The owner of what is new by this verdict.
    pub fn fresh(&self, verdict: &Verdict) -> Owner {
        Owner { verdict: verdict.clone(), at_ms: Some(self.kept.to.ms), event: Some(self.event) }
    }

    /// The owners that the content had before, and where.
    pub fn seen(&self) -> Option<&(Seen, OwnerTree<OwnerRef>)> {
        self.kept.seen.as_ref().filter(|(_, tree)| tree.len() == self.after.len_bytes())
    }
}

/// The owners that a ruling leads to, and what there is to tell.
pub(super) struct Outcome {
    pub owners: OwnerTree<OwnerRef>,
    /// What is told of what is gone.
    pub deleter: Verdict,
    /// Who acted, if that is not whoever is told of first.
    pub actor: Option<Actor>,
    /// What the event says of a piece of a hunk; by default what its owner says.
    pub reason: Option<Evidence>,
}
