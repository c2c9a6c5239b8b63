//! Buffers as branches of their files: where their owners come from, and their texts.

use std::collections::VecDeque;

use codi2_protocol::{
    Actor, ActorKind, Class, Digest, EditGroup, EvidenceKind, FileId, Notice, Owner, SessionId, Verdict,
};
use codi2_text::{OwnerTree, Text};

use super::{Core, Effect, Entry, Origin};
use crate::book::OwnerRef;
use crate::known::{Content, Known};
use crate::ledger::{Branch, Drift};
use crate::ports::Ports;
use crate::rows::{BranchRow, Row};

impl Core {
    /// Keeps the buffer's text in step where it can. The digest is the new one already.
    pub(super) fn follow_text(branch: &mut Branch, group: &EditGroup, texts: Option<&[String]>) {
        let content = std::mem::replace(&mut branch.known.content, Content::Forgotten);
        if let (Content::Text(mut text), Some(texts)) = (content, texts) {
            for (edit, inserted) in group.edits.iter().zip(texts) {
                let at = edit.at as usize;
                text.replace(at..at.saturating_add(edit.deleted as usize), inserted);
            }
            if Digest::new(text.digest()) == group.after && text.len_bytes() == branch.known.owners.len() {
                branch.known.content = Content::Text(text);
            }
        }
    }

    /// Puts a buffer's new state in place. Where its text is lacking, it is asked for: once, until it comes.
    pub(super) fn put_branch(&mut self, session: SessionId, file: &FileId, mut branch: Branch) {
        if branch.known.text().is_none()
            && let Some((digest, text)) = branch.ahead.take()
        {
            // The text asked for is older than what was sealed since: it says nothing any more.
            branch.asked = false;
            if digest == branch.known.digest {
                self.settle_text(file, &mut branch, text);
            }
        }
        // An owner tree that is sure needs no text.
        let is_wanted = !branch.let_go || branch.drift != Drift::Sure;
        if branch.known.text().is_none() && !branch.asked && is_wanted {
            branch.asked = true;
            let notice = Notice::WantText { session, file: file.clone() };
            self.effects.push(Effect::Notify(branch.producer, notice));
        }
        self.ledger.put_branch(file, session, branch);
    }

    /// Somebody looks at a file's buffers: those whose texts were let go are asked for them.
    pub(super) fn want_again(&mut self, file: &FileId) {
        let sessions: Vec<_> = self.ledger.branches_of(file).filter(|(_, b)| b.let_go).map(|(id, _)| id).collect();
        for session in sessions {
            if let Some(mut branch) = self.ledger.take_branch(file, session) {
                branch.let_go = false;
                self.put_branch(session, file, branch);
            }
        }
    }

    /// A connection is new: what was asked of this producer before went nowhere.
    pub(super) fn ask_again(&mut self, producer: codi2_protocol::ProducerId) {
        for branch in self.ledger.branches.values_mut().filter(|branch| branch.producer == producer) {
            branch.asked = false;
        }
    }

    /// A buffer's state with this digest, from wherever it is known.
    pub(super) fn branch_at(
        &mut self,
        origin: Origin,
        file: &FileId,
        digest: Digest,
        bytes: Option<u64>,
        ports: &mut dyn Ports,
    ) -> Branch {
        let branch = |known, drift| Branch {
            producer: origin.producer,
            known,
            drift,
            base: None,
            asked: false,
            ahead: None,
            let_go: false,
            used: 0,
            saved: None,
            loaded: None,
            past: VecDeque::new(),
        };
        if let Some(row) = origin.session.and_then(|session| ports.branch_row(session, file))
            && row.digest == digest
        {
            let owners = self.ledger.load(ports, row.owners);
            // An undo may come back to it.
            self.ledger.remember(file, digest, &owners);
            return branch(Known { digest, owners, content: Content::Forgotten }, Drift::Sure);
        }
        self.look(file, origin.received_ms, ports);
        if let Some(known) = self.ledger.on_disk(ports, file)
            && known.digest == digest
        {
            return Branch { loaded: Some((digest, self.kept_number)), ..branch(known, Drift::Sure) };
        }
        let other = self.ledger.branches_of(file).filter(|(_, branch)| !branch.is_lost());
        if let Some(known) = other.map(|(_, branch)| &branch.known).find(|known| known.digest == digest).cloned() {
            return branch(known, Drift::Sure);
        }
        if let Some(owners) = self.ledger.owners_of(ports, file, digest) {
            return branch(Known { digest, owners, content: Content::Forgotten }, Drift::Sure);
        }
        // Never seen: an unsaved text from another day, or a gap. Its owners are found when the whole text is here.
        let len = bytes.and_then(|bytes| usize::try_from(bytes).ok());
        let owners = self.ledger.uniform(len.unwrap_or(0), not_observed());
        let drift = if len.is_some() { Drift::Unseen } else { Drift::Lost };
        branch(Known { digest, owners, content: Content::Forgotten }, drift)
    }

    /// The whole text of a buffer came because it was asked for.
    pub(super) fn whole_text(
        &mut self,
        session: SessionId,
        file: &FileId,
        digest: Digest,
        text: String,
        ports: &mut dyn Ports,
    ) {
        let text = Text::new(&text);
        if Digest::new(text.digest()) != digest {
            tracing::warn!(path = %file.path, "a buffer's text does not have its digest: not used");
            return;
        }
        let Some(mut branch) = self.ledger.take_branch(file, session) else { return };
        if branch.known.digest == digest {
            branch.asked = false;
            if branch.drift != Drift::Sure && branch.base.is_none() {
                branch.base = self.ledger.on_disk(ports, file);
            }
            self.settle_text(file, &mut branch, text);
            let row = BranchRow { digest, owners: self.ledger.book.store(&branch.known.owners) };
            let rows = vec![Row::Branch(session, file.clone(), Some(row))];
            self.effects.push(Effect::Commit(Entry { rows, ..Entry::default() }));
        } else if branch.known.text().is_none() {
            // It overtook the group that leads to it, or was overtaken by one.
            branch.ahead = Some((digest, text));
        }
        self.ledger.put_branch(file, session, branch);
    }

    /// Gives a buffer its text, and its owners where they were not sure: those of the last sure state, carried over.
    fn settle_text(&mut self, file: &FileId, branch: &mut Branch, text: Text) {
        let unseen = self.ledger.book.enter(not_observed());
        if branch.drift != Drift::Sure || branch.known.owners.len() != text.len_bytes() {
            let mut owners = OwnerTree::new(text.len_bytes(), unseen);
            if let Some(base) = branch.base.take() {
                let mut carried = base.owners.clone();
                for hunk in base.hunks_to(&text, self.ledger.secret()) {
                    carried.splice(hunk.at, hunk.deleted, &[(hunk.inserted, unseen)]);
                }
                if carried.len() == owners.len() {
                    owners = carried;
                }
            }
            if branch.drift == Drift::Unseen && branch.known.owners.len() == owners.len() {
                // What was edited since the text was first heard of has owners already.
                owners = overlay(&branch.known.owners, &owners, |owner| owner != unseen);
            }
            branch.known.owners = owners;
            branch.drift = Drift::Sure;
        }
        (branch.base, branch.let_go) = (None, false);
        branch.known.content = Content::Text(text);
        self.ledger.remember(file, branch.known.digest, &branch.known.owners);
    }
}

/// The owners of `over` where they count, those of `under` elsewhere; both are of one text.
pub(super) fn overlay(
    over: &OwnerTree<OwnerRef>,
    under: &OwnerTree<OwnerRef>,
    counts: impl Fn(OwnerRef) -> bool,
) -> OwnerTree<OwnerRef> {
    let mut runs = Vec::new();
    let mut at = 0;
    for (len, owner) in over.iter() {
        if counts(owner) {
            runs.push((len, owner));
        } else {
            runs.extend(under.spans(at..at + len));
        }
        at += len;
    }
    OwnerTree::from_spans(runs)
}

/// The owner of text that came to be while nobody looked.
pub(super) fn not_observed() -> Owner {
    let actor = Actor::named(ActorKind::Unknown, "");
    let detail = "it was written while codi2 was not watching";
    Owner { verdict: Verdict::new(actor, Class::Unknown, EvidenceKind::NotObserved, detail), at_ms: None, event: None }
}
