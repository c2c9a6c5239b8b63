//! How the ruling of a disk change becomes owners, and what its event tells.
//!
//! Absent on purpose: the ruling itself, and every write but the owners entered in the book.

use std::ops::Range as Bytes;

use codi2_attribution::{DiskRuling, Rung, Seen};
use codi2_protocol::{
    Actor, ActorKind, Class, Digest, EventId, EvidenceKind, FileId, Owner, Range, SessionId, Verdict,
};
use codi2_text::{OwnerTree, Text};

use super::Core;
use super::branches::{not_observed, overlay};
use super::carried::has_conflicts;
use super::kept::Kept;
use super::moved::moved_lines;
use crate::book::OwnerRef;
use crate::changes::ChangeBuilder;
use crate::known::{Hunk, Known};
use crate::ledger::New;
use crate::ports::Ports;

/// A ruled change: the owners it leads to and the ranges to tell.
pub(super) struct Applied {
    pub owners: OwnerTree<OwnerRef>,
    pub change: ChangeBuilder,
    /// Who acted.
    pub actor: Actor,
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

impl Core {
    /// Carries the owners of `before` through the change and gives what is new its owner.
    pub(super) fn apply_ruling(
        &mut self,
        file: &FileId,
        kept: &Kept,
        ruling: &DiskRuling,
        event: EventId,
        saved_by: Option<SessionId>,
        ports: &mut dyn Ports,
    ) -> Applied {
        let empty = Text::new("");
        let after = kept.after.as_ref().unwrap_or(&empty);
        let before = kept.before.clone().unwrap_or_else(Known::nothing);
        let hunks = before.hunks_to(after, self.ledger.secret());
        let digest = Digest::new(after.digest());
        let fresh = |verdict: &Verdict| Owner { verdict: verdict.clone(), at_ms: Some(kept.to.ms), event: Some(event) };
        let mut owners = before.owners.clone();
        let splice = |owners: &mut OwnerTree<OwnerRef>, hunk: &Hunk, runs: &[(usize, OwnerRef)]| {
            owners.splice(hunk.at, hunk.deleted, runs);
        };
        let mut change = ChangeBuilder::default();
        let mut actor = None;
        // What the event says of a piece of a hunk; by default what its owner says.
        let mut reason = None;
        let deleter: Verdict;
        match ruling {
            DiskRuling::Echo { unexplained } => {
                let tree = self.saved_owners(file, saved_by, digest, ports);
                // What stood there keeps its owners where the buffer's are not known (yet), and what is new is nobody's.
                let unseen = self.ledger.book.enter(not_observed());
                hunks.iter().for_each(|hunk| splice(&mut owners, hunk, &[(hunk.inserted, unseen)]));
                if let Some(tree) = tree.filter(|tree| tree.len() == after.len_bytes()) {
                    owners = if owners.len() == tree.len() { self.ledger.book.filled(&tree, &owners) } else { tree };
                }
                if let Some(verdict) = unexplained {
                    let owner = self.ledger.book.enter(fresh(verdict));
                    let book = &self.ledger.book;
                    let open = |known: OwnerRef| Rung::of(&book.owner(known).verdict).is_open();
                    for hunk in hunks.iter().filter(|hunk| hunk.inserted > 0) {
                        owners.recolour(hunk.new_bytes(), |known| if open(known) { owner } else { known });
                    }
                }
                self.saved_as(file, saved_by, digest, &owners);
                let saver = self.actor_of(saved_by);
                deleter = Verdict::new(saver.clone(), Class::Declared, EvidenceKind::EditorDeclared, "saved");
                actor = Some(saver);
            }
            DiskRuling::CarryAll { evidence, fresh: unseen } => {
                match kept.seen.as_ref().filter(|(_, tree)| tree.len() == after.len_bytes()) {
                    Some((Seen::Here, tree)) => owners = tree.clone(),
                    seen => {
                        let unseen = self.ledger.book.enter(fresh(unseen));
                        let carried = self.carried_from(file, kept.git.as_ref(), after, unseen, ports);
                        for hunk in &hunks {
                            let mut new = carried.part(hunk.new_bytes());
                            if let Some((_, elsewhere)) = seen {
                                new = overlay(&new, &elsewhere.part(hunk.new_bytes()), |owner| owner != unseen);
                            }
                            splice(&mut owners, hunk, &new.iter().collect::<Vec<_>>());
                        }
                        if let Some((_, elsewhere)) = seen.filter(|_| owners.len() == after.len_bytes()) {
                            // A line that is new in part is the other text's: what stays of it is chance.
                            for line in partly_new(after, &hunks) {
                                let runs: Vec<_> = elsewhere.part(line.clone()).iter().collect();
                                owners.splice(line.start, line.len(), &runs);
                            }
                        }
                    }
                }
                // Who brought the text back is not who wrote it.
                actor = Some(unseen.origin.clone());
                reason = Some(evidence.clone());
                deleter = unseen.clone();
            }
            DiskRuling::New(shares) => {
                let entered = shares.map(|verdict| self.ledger.book.enter(fresh(verdict)));
                for hunk in &hunks {
                    let Bytes { start, end } = hunk.new_bytes();
                    let run = |(bytes, owner): (Bytes<u64>, &OwnerRef)| ((bytes.end - bytes.start) as usize, *owner);
                    let runs: Vec<_> = entered.pieces(start as u64..end as u64).into_iter().map(run).collect();
                    splice(&mut owners, hunk, &runs);
                }
                deleter = shares.rest().clone();
            }
        }
        if owners.len() != after.len_bytes() {
            // The owners of `before` were not those of its text: what is new is kept, the rest is nobody's.
            let nobody = self.ledger.book.enter(not_observed());
            owners = OwnerTree::new(after.len_bytes(), nobody);
        }
        let in_place = matches!(ruling, DiskRuling::New(_));
        if in_place {
            let mut moved = moved_lines(&before, after, &hunks, self.ledger.secret());
            moved.extend(kept.parted.iter().flat_map(|parted| &parted.found).chain(&kept.unsaved).cloned());
            for (bytes, runs) in moved {
                owners.splice(bytes.start, bytes.len(), &runs);
                // Whoever moved them is not who wrote them; of several nobody knows which one moved them.
                if ruling.whole().is_some() {
                    actor = Some(deleter.origin.clone());
                }
            }
        }
        // Lines that git took from a text whose authors nobody knows: whoever wrote the same words is not one of them.
        let mut unclear = Vec::new();
        if let Some(passed) = kept.passed.as_ref().filter(|_| in_place) {
            let detail = format!("git {} had the line at this path before it was written again", passed.operation);
            let git = Actor::named(ActorKind::Git, passed.operation.clone());
            let unseen = fresh(&Verdict::new(git, Class::Carried, EvidenceKind::Git, detail));
            let unseen = self.ledger.book.enter(unseen);
            for line in &passed.lines {
                let runs = line.owners.clone().unwrap_or_else(|| vec![(line.bytes.len(), unseen)]);
                let line_owners = OwnerTree::from_spans(runs);
                for new in hunks.iter().map(|hunk| common(&hunk.new_bytes(), &line.bytes)).filter(|new| !new.is_empty())
                {
                    let runs = line_owners.spans(new.start - line.bytes.start..new.end - line.bytes.start);
                    owners.splice(new.start, new.len(), &runs);
                }
                unclear.extend(line.owners.is_none().then(|| line.bytes.clone()));
            }
        }
        if hunks.iter().any(|hunk| hunk.deleted > 0) {
            self.ledger.part_with(file, &before, after);
        }
        // What nobody announced may bring back lines that stood here before: git does, in many ways.
        // Of a content that had owners before all is known.
        let is_known = matches!(ruling, DiskRuling::CarryAll { .. })
            && kept.seen.as_ref().is_some_and(|(seen, tree)| *seen == Seen::Here && tree.len() == after.len_bytes());
        let left = (!unclear.is_empty()).then(|| beside(&hunks, &unclear));
        let new = left.as_deref().unwrap_or(&hunks);
        // Only git leaves its marks.
        let new = if in_place && !has_conflicts(after) { New::Unannounced(new) } else { New::Brought(new) };
        if !is_known
            && !matches!(ruling, DiskRuling::Echo { .. })
            && self.ledger.recall_lines(ports, file, after, &mut owners, new)
            && actor.is_none()
        {
            actor = Some(deleter.origin.clone());
        }
        for hunk in &hunks {
            self.tell(&mut change, hunk, after, &owners, reason.as_ref(), &deleter);
        }
        if change.is_empty() {
            change.verdict(&deleter);
        }
        let actor = actor.or_else(|| change.actor()).unwrap_or_else(|| deleter.origin.clone());
        Applied { owners, change, actor }
    }

    /// The owners that a saved text has in the buffer it was saved from.
    fn saved_owners(
        &mut self,
        file: &FileId,
        saved_by: Option<SessionId>,
        digest: Digest,
        ports: &mut dyn Ports,
    ) -> Option<OwnerTree<OwnerRef>> {
        let branch = saved_by.and_then(|session| self.ledger.branches.get(&(file.clone(), session)));
        let present = branch.filter(|branch| branch.known.digest == digest && !branch.is_lost());
        match present {
            Some(branch) => Some(branch.known.owners.clone()),
            // The editor has gone on since.
            None => self.ledger.owners_of(ports, file, digest),
        }
    }

    /// A save was seen on disk.
    fn saved_as(&mut self, file: &FileId, by: Option<SessionId>, text: Digest, owners: &OwnerTree<OwnerRef>) {
        let branch = by.and_then(|session| self.ledger.branches.get_mut(&(file.clone(), session)));
        if let Some(branch) = branch {
            (branch.saved, branch.loaded) = (None, Some((text, self.kept_number)));
            if branch.known.digest == text && !branch.is_lost() {
                branch.known.owners = owners.clone();
            }
        }
    }

    /// Tells the pieces of a hunk.
    fn tell(
        &self,
        change: &mut ChangeBuilder,
        hunk: &Hunk,
        after: &Text,
        owners: &OwnerTree<OwnerRef>,
        reason: Option<&codi2_protocol::Evidence>,
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

/// The lines that hunks cut in two.
fn partly_new(after: &Text, hunks: &[Hunk]) -> Vec<Bytes<usize>> {
    let cuts = hunks.iter().flat_map(|hunk| [hunk.at, hunk.at + hunk.inserted]);
    let mut lines: Vec<_> = cuts
        .filter_map(|cut| {
            let line = after.line_of(cut);
            let bytes = after.line_start(line)..after.line_start(line + 1);
            (bytes.start < cut && cut < bytes.end).then_some(bytes)
        })
        .collect();
    lines.dedup();
    lines
}
