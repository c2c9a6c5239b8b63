//! What is new in a file by its change, and is whose it was all the same: lines that were moved or copied, that git had put there, or
//! that stood here before.

use std::ops::Range as Bytes;

use codi2_attribution::{DiskRuling, Seen};
use codi2_protocol::{Actor, ActorKind, Class, EvidenceKind, Verdict};
use codi2_text::OwnerTree;

use super::step::Step;
use crate::book::OwnerRef;
use crate::core::Core;
use crate::core::carried::has_new_conflicts;
use crate::core::moved::moved_lines;
use crate::known::Hunk;
use crate::ledger::New;
use crate::ports::Ports;

impl Core {
    /// Lines that were moved, or copied, are whose they were. Whether any was.
    pub(super) fn keep_moved(&self, step: &Step<'_>, owners: &mut OwnerTree<OwnerRef>) -> bool {
        let mut moved = step.kept.copied.clone();
        moved.extend(moved_lines(step.before, step.after, &step.hunks, self.ledger.secret()));
        let found = step.kept.parted.iter().flat_map(|parted| &parted.found);
        moved.extend(found.chain(&step.kept.unsaved).cloned());
        for (bytes, runs) in &moved {
            owners.splice(bytes.start, bytes.len(), runs);
        }
        !moved.is_empty()
    }

    /// Lines that git had put there before are git's to carry. The bytes of those whose authors nobody knows: whoever wrote the
    /// same words is not one of them.
    pub(super) fn keep_passed(&mut self, step: &Step<'_>, owners: &mut OwnerTree<OwnerRef>) -> Vec<Bytes<usize>> {
        let Some(passed) = &step.kept.passed else { return Vec::new() };
        let detail = format!("git {} had the line at this path before it was written again", passed.operation);
        let git = Actor::named(ActorKind::Git, passed.operation.clone());
        let unseen = step.fresh(&Verdict::new(git, Class::Carried, EvidenceKind::Git, detail));
        let unseen = self.ledger.book.enter(unseen);
        let mut unclear = Vec::new();
        for line in &passed.lines {
            let runs = line.owners.clone().unwrap_or_else(|| vec![(line.bytes.len(), unseen)]);
            let line_owners = OwnerTree::from_spans(runs);
            for new in step.hunks.iter().map(|hunk| common(&hunk.new_bytes(), &line.bytes)) {
                if !new.is_empty() {
                    let runs = line_owners.spans(new.start - line.bytes.start..new.end - line.bytes.start);
                    owners.splice(new.start, new.len(), &runs);
                }
            }
            unclear.extend(line.owners.is_none().then(|| line.bytes.clone()));
        }
        unclear
    }

    /// What nobody announced may bring back lines that stood here before: git does, in many ways. Whether it did; `unclear`
    /// bytes it does not.
    pub(super) fn recall(
        &mut self,
        step: &Step<'_>,
        ruling: &DiskRuling,
        unclear: &[Bytes<usize>],
        owners: &mut OwnerTree<OwnerRef>,
        ports: &mut dyn Ports,
    ) -> bool {
        // Of a content that had owners before all is known.
        let is_known = matches!(ruling, DiskRuling::CarryAll { .. }) && matches!(step.seen(), Some((Seen::Here, _)));
        if is_known || matches!(ruling, DiskRuling::Echo { .. }) {
            return false;
        }
        let left = (!unclear.is_empty()).then(|| beside(&step.hunks, unclear));
        let new = left.as_deref().unwrap_or(&step.hunks);
        // Only git leaves its marks.
        let is_gits = has_new_conflicts(step.before, step.after, self.ledger.secret());
        let is_unannounced = matches!(ruling, DiskRuling::New(_)) && !is_gits;
        let new = if is_unannounced { New::Unannounced(new) } else { New::Brought(new) };
        self.ledger.recall_lines(ports, step.file, step.after, owners, new)
    }
}

/// What two ranges have in common.
fn common(one: &Bytes<usize>, other: &Bytes<usize>) -> Bytes<usize> {
    one.start.max(other.start)..one.end.min(other.end)
}

/// What hunks put in beside these bytes, which ascend.
fn beside(hunks: &[Hunk], bytes: &[Bytes<usize>]) -> Vec<Hunk> {
    let mut left = Vec::new();
    for hunk in hunks {
        let Bytes { start: mut at, end } = hunk.new_bytes();
        for gap in bytes.iter().map(|bytes| common(&(at..end), bytes)).filter(|gap| !gap.is_empty()).collect::<Vec<_>>()
        {
            left.push(at..gap.start);
            at = gap.end;
        }
        left.push(at..end);
    }
    let put = |new: Bytes<usize>| Hunk { at: new.start, deleted: 0, inserted: new.len(), lines_deleted: 0 };
    left.into_iter().filter(|new| !new.is_empty()).map(put).collect()
}
