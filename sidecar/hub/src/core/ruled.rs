//! How the ruling of a disk change becomes owners, and what its event tells.
//!
//! Absent on purpose: the ruling itself, and every write but the owners entered in the book.

mod by_ruling;
mod stays;
mod step;

use codi2_attribution::DiskRuling;
use codi2_protocol::{Actor, Class, EventId, Evidence, FileId, Range, Verdict};
use codi2_text::{OwnerTree, Text};

use super::Core;
use super::branches::not_observed;
use super::judged::Ruled;
use super::kept::Kept;
use crate::book::OwnerRef;
use crate::changes::ChangeBuilder;
use crate::known::{Hunk, Known};
use crate::ports::Ports;
use step::{Outcome, Step};

/// A ruled change: the owners it leads to and the ranges to tell.
pub(super) struct Applied {
    pub owners: OwnerTree<OwnerRef>,
    pub change: ChangeBuilder,
    /// Who acted.
    pub actor: Actor,
}

impl Core {
    /// Carries the owners of `before` through the change and gives what is new its owner.
    pub(super) fn apply_ruling(
        &mut self,
        file: &FileId,
        kept: &Kept,
        Ruled { ruling, saved_by }: Ruled<'_>,
        event: EventId,
        ports: &mut dyn Ports,
    ) -> Applied {
        let (nothing, empty) = (Known::nothing(), Text::new(""));
        let (before, after) = (kept.before.as_ref().unwrap_or(&nothing), kept.after.as_ref().unwrap_or(&empty));
        let hunks = before.hunks_to(after, self.ledger.secret());
        let step = Step { file, kept, event, before, after, hunks };
        let outcome = match ruling {
            DiskRuling::Echo { unexplained } => self.echoed(&step, unexplained.as_ref(), saved_by, ports),
            DiskRuling::CarryAll { evidence, fresh } => self.carried(&step, evidence, fresh, ports),
            DiskRuling::New(shares) => self.put_in(&step, shares),
        };
        let Outcome { mut owners, deleter, mut actor, reason } = outcome;
        if owners.len() != after.len_bytes() {
            // The owners of `before` were not those of its text: what is new is kept, the rest is nobody's.
            let nobody = self.ledger.book.enter(not_observed());
            owners = OwnerTree::new(after.len_bytes(), nobody);
        }
        let mut unclear = Vec::new();
        if matches!(ruling, DiskRuling::New(_)) {
            // Whoever moved lines is not who wrote them; of several nobody knows which one moved them.
            if self.keep_moved(&step, &mut owners) && ruling.whole().is_some() {
                actor = Some(deleter.origin.clone());
            }
            unclear = self.keep_passed(&step, &mut owners);
        }
        if step.hunks.iter().any(|hunk| hunk.deleted > 0) {
            self.ledger.part_with(file, before, after);
        }
        if self.recall(&step, ruling, &unclear, &mut owners, ports) && actor.is_none() {
            actor = Some(deleter.origin.clone());
        }
        let mut change = ChangeBuilder::default();
        for hunk in &step.hunks {
            self.tell(&mut change, hunk, after, &owners, reason.as_ref(), &deleter);
        }
        if change.is_empty() {
            change.verdict(&deleter);
        }
        let actor = actor.or_else(|| change.actor()).unwrap_or_else(|| deleter.origin.clone());
        Applied { owners, change, actor }
    }

    /// Tells the pieces of a hunk.
    fn tell(
        &self,
        change: &mut ChangeBuilder,
        hunk: &Hunk,
        after: &Text,
        owners: &OwnerTree<OwnerRef>,
        reason: Option<&Evidence>,
        deleter: &Verdict,
    ) {
        let mut range = Range {
            at: hunk.at as u64,
            deleted: hunk.deleted as u64,
            inserted: 0,
            line: after.line_of(hunk.at) as u64 + 1,
            lines_deleted: hunk.lines_deleted as u64,
            lines_inserted: 0,
            verdict: 0,
        };
        if hunk.inserted == 0 {
            return change.push(range, deleter);
        }
        let mut at = hunk.at;
        for (len, owner) in owners.spans(hunk.new_bytes()) {
            let mut verdict = self.ledger.book.owner(owner).verdict.clone();
            if let Some(reason) = reason {
                // How the text came here is certain, whoever wrote it and however sure that is.
                verdict.class = Class::Carried;
                if verdict.evidence.first() != Some(reason) {
                    verdict.evidence.insert(0, reason.clone());
                }
            }
            range.at = at as u64;
            range.inserted = len as u64;
            range.line = after.line_of(at) as u64 + 1;
            range.lines_inserted = after.lines_in(at..at + len) as u64;
            change.push(range.clone(), &verdict);
            at += len;
            (range.deleted, range.lines_deleted) = (0, 0);
        }
    }
}
