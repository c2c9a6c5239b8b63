//! Buffers as branches of their files: where their owners come from, and their texts.

use std::collections::{BTreeSet, VecDeque};

use codi2_protocol::{
    Actor, ActorKind, Class, Digest, EditGroup, Event, EventBody, EvidenceKind, FileId, Notice, Owner, SessionId,
    Verdict,
};
use codi2_text::{OwnerTree, Text};

use super::decoded::decode_text;
use super::kept::Kept;
use super::moved::Moved;
use super::{Core, Effect, Entry, Origin, Why};
use crate::book::{Book, OwnerRef};
use crate::known::{Content, Known, lines_of};
use crate::ledger::{Branch, Drift, New, is_telling};
use crate::ports::Ports;
use crate::rows::{BranchRow, Row};

/// More bytes than any text has: where nobody said how long a text is, its edits are placed in one of this length.
const UNKNOWN_BYTES: usize = usize::MAX >> 2;

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

    /// Puts a buffer's new state in place. Where its text is lacking and the file does not hold the same, it is asked
    /// for: once, until it comes.
    pub(super) fn put_branch(&mut self, session: SessionId, file: &FileId, mut branch: Branch, ports: &mut dyn Ports) {
        if branch.known.text().is_none()
            && let Some((digest, text)) = branch.ahead.take()
        {
            // The text asked for is older than what was sealed since: it says nothing any more.
            branch.asked = false;
            if digest == branch.known.digest {
                self.settle_text(file, &mut branch, text, ports);
            }
        }
        // An owner tree that is sure needs no text.
        let is_wanted = !branch.let_go || branch.drift != Drift::Sure;
        if branch.known.text().is_none()
            && is_wanted
            && self.ledger.is_on_disk(file, branch.known.digest)
            && let Some(text) = self.ledger.on_disk(ports, file).and_then(|known| known.text().cloned())
        {
            branch.asked = false;
            self.settle_text(file, &mut branch, text, ports);
        }
        if branch.known.text().is_none() && !branch.asked && is_wanted {
            branch.asked = true;
            let notice = Notice::WantText { session, file: file.clone() };
            self.effects.push(Effect::Notify(branch.producer, notice));
        }
        self.ledger.put_branch(file, session, branch);
    }

    /// Somebody looks at a file's buffers: those whose texts were let go are asked for them.
    pub(super) fn want_again(&mut self, file: &FileId, ports: &mut dyn Ports) {
        let sessions: Vec<_> = self.ledger.branches_of(file).filter(|(_, b)| b.let_go).map(|(id, _)| id).collect();
        for session in sessions {
            if let Some(mut branch) = self.ledger.take_branch(file, session) {
                branch.let_go = false;
                self.put_branch(session, file, branch, ports);
            }
        }
    }

    /// A connection is new: what was asked of this producer before went nowhere.
    pub(super) fn ask_again(&mut self, producer: codi2_protocol::ProducerId) {
        for branch in self.ledger.branches.values_mut().filter(|branch| branch.producer == producer) {
            branch.asked = false;
        }
    }

    /// A buffer's state with this digest, from wherever it is known. `missed`: where the buffer was before states that
    /// were not seen.
    pub(super) fn branch_at(
        &mut self,
        origin: Origin,
        file: &FileId,
        digest: Digest,
        bytes: Option<u64>,
        missed: Option<Branch>,
        ports: &mut dyn Ports,
    ) -> Branch {
        let row = origin.session.and_then(|session| ports.branch_row(session, file));
        let mut branch = self.state_at(origin, file, digest, bytes, row.as_ref(), ports);
        if let Some(row) = row.filter(|row| row.digest != digest && !row.lines.is_empty()) {
            let owners = self.ledger.load(ports, row.owners);
            branch.base = Some(Known { digest: row.digest, owners, content: Content::Lines(row.lines) });
        }
        if let Some(missed) = missed {
            branch.goes_on_from(missed);
        }
        branch.gap = self.producers.get(&origin.producer).is_some_and(|known| known.gap);
        if branch.drift == Drift::Sure
            && let (Some(base), Some(text)) = (branch.base.take(), branch.known.text())
        {
            // What the buffer had before is known here, and not to whoever wrote of this text.
            let unseen = self.ledger.book.enter(unseen(branch.gap));
            let carried = base.carried_to(text, unseen, self.ledger.secret());
            branch.known.owners = self.ledger.book.filled(&branch.known.owners, &carried);
        }
        branch
    }

    fn state_at(
        &mut self,
        origin: Origin,
        file: &FileId,
        digest: Digest,
        bytes: Option<u64>,
        row: Option<&BranchRow>,
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
            gap: false,
        };
        if let Some(row) = row.filter(|row| row.digest == digest) {
            let owners = self.ledger.load(ports, row.owners.clone());
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
        if let Some(text) = ports.blob(file, None, digest).and_then(|bytes| decode_text(&bytes))
            && Digest::new(text.digest()) == digest
        {
            let owners = self.gits_owners(file, &text, ports);
            return branch(Known { digest, owners, content: Content::Text(text) }, Drift::Sure);
        }
        // Never seen: an unsaved text from another day, or a gap. Its owners are found when the whole text is here.
        let gap = self.producers.get(&origin.producer).is_some_and(|known| known.gap);
        let len = bytes.and_then(|bytes| usize::try_from(bytes).ok());
        let unseen = self.ledger.book.enter(unseen(gap));
        let (owners, drift) = match len {
            Some(len) => (OwnerTree::new(len, unseen), Drift::Unseen),
            None => (self.unknown_text(gap), Drift::Lost),
        };
        branch(Known { digest, owners, content: Content::Forgotten }, drift)
    }

    /// The owners of a text that git has at a path and no hub saw there, so that none had a reason to note it: as at a first
    /// look, its lines are whose they were at this path.
    fn gits_owners(&mut self, file: &FileId, text: &Text, ports: &mut dyn Ports) -> OwnerTree<OwnerRef> {
        if let Some((_, owners)) = self.ledger.known_otherwise(ports, file, text) {
            return owners;
        }
        let mut owners = self.ledger.uniform(text.len_bytes(), Owner::before_codi2());
        self.ledger.recall_lines(ports, file, text, &mut owners, New::All);
        owners
    }

    /// The owners of a text of which nothing is known, not even its length.
    pub(super) fn unknown_text(&mut self, gap: bool) -> OwnerTree<OwnerRef> {
        self.ledger.uniform(UNKNOWN_BYTES, unseen(gap))
    }

    /// The lines that are new in a file and stand, in order, in the newest text of an open buffer, where the editor declared
    /// whose they are, and which was not seen on disk: whoever wrote them there had them from the buffer, or from its save.
    /// Where it was not saved, only lines that tell themselves from others.
    pub(super) fn unsaved(&mut self, file: &FileId, kept: &Kept) -> Vec<Moved> {
        let (Some(after), Some(after_text)) = (&kept.after, kept.after_text) else { return Vec::new() };
        let nothing = Known::nothing();
        let before = kept.before.as_ref().unwrap_or(&nothing);
        let is_other = |known: &Known| known.digest != before.digest && known.digest != after_text;
        let is_one = |branch: &&Branch| {
            branch.drift == Drift::Sure && !branch.loaded_as(branch.known.digest) && is_other(&branch.known)
        };
        let unseen = self.ledger.book.enter(not_observed());
        let (book, secret) = (&self.ledger.book, self.ledger.secret());
        let mut found = Vec::new();
        for branch in self.ledger.branches_of(file).map(|(_, branch)| branch).filter(is_one) {
            let Some(text) = branch.known.text() else { continue };
            let (digest, owners) = (branch.known.digest, branch.known.owners.clone());
            let is_saved = branch.saved.is_some_and(|(saved, _)| saved == digest);
            let lines = Known { digest, owners, content: Content::Lines(lines_of(text, secret)) };
            let carried = lines.carried_to(after, unseen, secret);
            for hunk in before.hunks_to(after, secret) {
                let mut at = hunk.at;
                for (len, owner) in carried.spans(hunk.new_bytes()) {
                    let bytes = at..at + len;
                    at += len;
                    let tells = || is_saved || after.slice(bytes.clone()).lines().any(is_telling);
                    if book.owner(owner).verdict.class <= Class::Declared && tells() {
                        found.push((bytes, vec![(len, owner)]));
                    }
                }
            }
        }
        found
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
            self.settle_text(file, &mut branch, text, ports);
            let rows = vec![Row::Branch(session, file.clone(), Some(self.ledger.branch_row(&branch.known)))];
            self.effects.push(Effect::Commit(Entry { rows, ..Entry::default() }));
            if branch.loaded_as(digest) {
                self.ledger.put_branch(file, session, branch);
                return self.agree(file, session, None, ports);
            }
        } else if branch.known.text().is_none() {
            // It overtook the group that leads to it, or was overtaken by one.
            branch.ahead = Some((digest, text));
        }
        self.ledger.put_branch(file, session, branch);
    }

    /// Buffer and file hold one text: what the one knows of its owners and the other does not, both know from now on.
    /// `saved`: because the buffer was saved (ms), maybe before the hub looked at the file at all.
    pub(super) fn agree(&mut self, file: &FileId, session: SessionId, saved: Option<u64>, ports: &mut dyn Ports) {
        let Some(branch) = self.ledger.take_branch(file, session) else { return };
        // Its text may be had from the file now.
        self.put_branch(session, file, branch, ports);
        let Some(Some(on_disk)) = self.ledger.disk.get(file) else { return };
        let Some(branch) = self.ledger.branches.get(&(file.clone(), session)) else { return };
        let (own, theirs) = (&branch.known.owners, &on_disk.known.owners);
        if branch.known.digest != on_disk.known.digest || own.len() != theirs.len() {
            return;
        }
        let owners = self.ledger.book.joined(theirs, own);
        let (is_new_to_file, is_new_to_buffer) = (owners != *theirs, owners != *own);
        let why = learned(&self.ledger.book, theirs, &owners);
        let mut on_disk = on_disk.clone();
        on_disk.known.owners = owners.clone();
        let mut entry = Entry::default();
        if is_new_to_buffer && let Some(branch) = self.ledger.branches.get_mut(&(file.clone(), session)) {
            branch.known.owners = owners;
            let row = Row::Branch(session, file.clone(), Some(self.ledger.branch_row(&on_disk.known)));
            entry.rows.push(row);
        }
        if is_new_to_file {
            if let Some(now) = saved.filter(|_| self.open.ended_in(file, Some(on_disk.bytes)).is_none()) {
                // Nobody saw the file become what it is.
                let body = EventBody::Saved { digest: on_disk.bytes };
                let event = self.own_event(now, Some(file.worktree.clone()), self.actor_of(Some(session)), body);
                entry.events.push(Event { session: Some(session), file: Some(file.path.clone()), ..event });
            }
            entry.rows.extend(self.rows(file, &on_disk));
            self.ledger.settle(file, on_disk);
        }
        if !entry.rows.is_empty() {
            self.effects.push(Effect::Commit(entry));
        }
        self.effects.extend(why.into_iter().map(|why| Effect::Look(file.worktree.clone(), why)));
    }

    /// Gives a buffer its text, and its owners where they were not sure: those of the last sure state, carried over, and
    /// those of what was edited since the text was last known.
    fn settle_text(&mut self, file: &FileId, branch: &mut Branch, text: Text, ports: &mut dyn Ports) {
        if branch.drift != Drift::Sure || branch.known.owners.len() != text.len_bytes() {
            let marks = [false, true].map(|gap| self.ledger.book.enter(unseen(gap)));
            let unseen = marks[usize::from(branch.gap)];
            if branch.drift != Drift::Sure && branch.base.is_none() {
                branch.base = self.ledger.on_disk(ports, file);
            }
            let base = branch.base.take();
            let nobody = || OwnerTree::new(text.len_bytes(), unseen);
            let mut owners = base.map_or_else(nobody, |base| base.carried_to(&text, unseen, self.ledger.secret()));
            let is_edited = |owner| !marks.contains(&owner);
            // Nothing is known behind the end of a text of unknown length.
            let (since, rest) =
                (branch.known.owners.part(0..owners.len()), branch.known.owners.runs_from(owners.len()));
            let fits = since.len() == owners.len() && !rest.map(|(_, owner)| owner).any(is_edited);
            if branch.drift != Drift::Sure && fits {
                owners = overlay(&since, &owners, is_edited);
            }
            branch.known.owners = owners;
            (branch.drift, branch.gap) = (Drift::Sure, false);
        }
        (branch.base, branch.let_go) = (None, false);
        branch.known.content = Content::Text(text);
        self.ledger.remember(file, branch.known.digest, &branch.known.owners);
    }
}

/// Why commits are looked at when a text's owners become these: what is told of their events, or nobody saw, is known now.
fn learned(book: &Book, was: &OwnerTree<OwnerRef>, is: &OwnerTree<OwnerRef>) -> Vec<Why> {
    let (mut at, mut events, mut unseen) = (0, BTreeSet::new(), false);
    for (len, owner) in was.iter() {
        if is.spans(at..at + len).iter().any(|(_, known)| *known != owner) {
            match book.owner(owner).event {
                Some(event) => drop(events.insert(event)),
                None => unseen = true,
            }
        }
        at += len;
    }
    events.into_iter().map(Why::Learned).chain(unseen.then_some(Why::Moved)).collect()
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

/// The owner of text that nobody saw come to be; `gap`: it may have been seen and lost on the way.
fn unseen(gap: bool) -> Owner {
    if !gap {
        return not_observed();
    }
    let detail = "what the editor reported of it was lost on the way";
    let verdict = Verdict::new(Actor::unknown(), Class::Unknown, EvidenceKind::Gap, detail);
    Owner { verdict, at_ms: None, event: None }
}

/// The owner of text that came to be while nobody looked.
pub(crate) fn not_observed() -> Owner {
    let actor = Actor::named(ActorKind::Unknown, "");
    let detail = "it was written while codi2 was not watching";
    Owner { verdict: Verdict::new(actor, Class::Unknown, EvidenceKind::NotObserved, detail), at_ms: None, event: None }
}
