//! The owners that each kind of ruling leads to, and who acted.

use std::ops::Range as Bytes;

use codi2_attribution::{Rung, Seen, Shares};
use codi2_protocol::{Class, Digest, Evidence, EvidenceKind, FileId, SessionId, Verdict};
use codi2_text::{OwnerTree, Text};

use super::step::{Outcome, Step};
use crate::book::OwnerRef;
use crate::core::Core;
use crate::core::branches::{not_observed, overlay};
use crate::known::Hunk;
use crate::ports::Ports;

impl Core {
    /// The file has the owners of the buffer that was saved.
    pub(super) fn echoed(
        &mut self,
        step: &Step<'_>,
        unexplained: Option<&Verdict>,
        saved_by: Option<SessionId>,
        ports: &mut dyn Ports,
    ) -> Outcome {
        let (mut owners, digest) = (step.before.owners.clone(), Digest::new(step.after.digest()));
        let tree = self.saved_owners(step.file, saved_by, digest, ports);
        // What stood there keeps its owners where the buffer's are not known (yet), and what is new is nobody's.
        let unseen = self.ledger.book.enter(not_observed());
        for hunk in &step.hunks {
            owners.splice(hunk.at, hunk.deleted, &[(hunk.inserted, unseen)]);
        }
        if let Some(tree) = tree.filter(|tree| tree.len() == step.after.len_bytes()) {
            owners = if owners.len() == tree.len() { self.ledger.book.filled(&tree, &owners) } else { tree };
        }
        if let Some(verdict) = unexplained {
            let owner = self.ledger.book.enter(step.fresh(verdict));
            let book = &self.ledger.book;
            let open = |known: OwnerRef| Rung::of(&book.owner(known).verdict).is_open();
            for hunk in step.hunks.iter().filter(|hunk| hunk.inserted > 0) {
                owners.recolour(hunk.new_bytes(), |known| if open(known) { owner } else { known });
            }
        }
        self.saved_as(step.file, saved_by, digest, &owners);
        let saver = self.actor_of(saved_by);
        let deleter = Verdict::new(saver.clone(), Class::Declared, EvidenceKind::EditorDeclared, "saved");
        Outcome { owners, deleter, actor: Some(saver), reason: None }
    }

    /// The content has the owners that it had, or that its parts have where git kept them; what nobody has seen is `unseen`.
    pub(super) fn carried(
        &mut self,
        step: &Step<'_>,
        evidence: &Evidence,
        unseen: &Verdict,
        ports: &mut dyn Ports,
    ) -> Outcome {
        let owners = match step.seen() {
            Some((Seen::Here, tree)) => tree.clone(),
            seen => self.carried_in_parts(step, seen.map(|(_, tree)| tree), unseen, ports),
        };
        // Who brought the text back is not who wrote it.
        let actor = Some(unseen.origin.clone());
        Outcome { owners, deleter: unseen.clone(), actor, reason: Some(evidence.clone()) }
    }

    /// What is new has the owners that git's texts have, else those of the same text `elsewhere`.
    fn carried_in_parts(
        &mut self,
        step: &Step<'_>,
        elsewhere: Option<&OwnerTree<OwnerRef>>,
        unseen: &Verdict,
        ports: &mut dyn Ports,
    ) -> OwnerTree<OwnerRef> {
        let mut owners = step.before.owners.clone();
        let unseen = self.ledger.book.enter(step.fresh(unseen));
        let carried = self.carried_from(step.file, step.kept.git.as_ref(), step.after, unseen, ports);
        for hunk in &step.hunks {
            let mut new = carried.part(hunk.new_bytes());
            if let Some(elsewhere) = elsewhere {
                new = overlay(&new, &elsewhere.part(hunk.new_bytes()), |owner| owner != unseen);
            }
            owners.splice(hunk.at, hunk.deleted, &new.iter().collect::<Vec<_>>());
        }
        if let Some(elsewhere) = elsewhere.filter(|_| owners.len() == step.after.len_bytes()) {
            // A line that is new in part is the other text's: what stays of it is chance.
            for line in partly_new(step.after, &step.hunks) {
                let runs: Vec<_> = elsewhere.part(line.clone()).iter().collect();
                owners.splice(line.start, line.len(), &runs);
            }
        }
        owners
    }

    /// What is new is whose the shares say.
    pub(super) fn put_in(&mut self, step: &Step<'_>, shares: &Shares) -> Outcome {
        let mut owners = step.before.owners.clone();
        let entered = shares.map(|verdict| self.ledger.book.enter(step.fresh(verdict)));
        for hunk in &step.hunks {
            let Bytes { start, end } = hunk.new_bytes();
            let run = |(bytes, owner): (Bytes<u64>, &OwnerRef)| ((bytes.end - bytes.start) as usize, *owner);
            let runs: Vec<_> = entered.pieces(start as u64..end as u64).into_iter().map(run).collect();
            owners.splice(hunk.at, hunk.deleted, &runs);
        }
        Outcome { owners, deleter: shares.rest().clone(), actor: None, reason: None }
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
