//! Late evidence: recent disk changes are judged again, and what later states took from them follows.
//!
//! Absent on purpose: the judging (the attribution crate) and how a ruling becomes owners (`ruled`).

use std::collections::{BTreeSet, HashSet};

use codi2_attribution::{
    Change as OpenChange, DiskFacts, DiskRuling, GitFact, Intent, Moment, OpenCall, Rung, Seen, Transition, judge_disk,
};
use codi2_protocol::{Digest, Event, EventBody, EventId, FileId, Owner, SessionId};
use codi2_text::{OwnerTree, Text};
use codi2_workspace::{GitExplanation, GitSource, Written};

use super::across::Parted;
use super::branches::overlay;
use super::disk::give_text;
use super::kept::{Kept, Passed};
use super::ruled::Applied;
use super::{Core, Effect, Entry, Why};
use crate::book::{OwnerRef, open_to_change};
use crate::known::{Hunk, Known};
use crate::ledger::{Branch, Drift};
use crate::ports::Ports;
use crate::rows::Row;

/// What a change is judged by beside itself: what calls did to its file, and the way of the file's bytes.
pub(super) struct Beside {
    intents: Vec<Intent>,
    calls: Vec<OpenCall>,
    transitions: Vec<Transition>,
}

impl Beside {
    /// The file's bytes took one more step.
    pub fn goes_on(&mut self, step: Transition) {
        self.transitions.push(step);
    }
}

impl Core {
    /// Git needed longer than the watch could wait: its explanation comes for a change that was judged without it.
    /// What another write with the same content says is nothing to that change.
    pub(super) fn late_git(
        &mut self,
        file: &FileId,
        after: Option<Digest>,
        written: Option<Written>,
        git: GitExplanation,
        now: u64,
        ports: &mut dyn Ports,
    ) {
        if git.what == GitSource::Passed {
            return self.late_passed(file, after, written, &git, now, ports);
        }
        let Some(event) = self.open.ended_in(file, after).map(|change| change.event) else { return };
        if self.kept.get(&event).is_some_and(|kept| kept.written == written)
            && let Some(mut kept) = self.kept.remove(&event)
        {
            kept.git = Some(git);
            if let Some(after) = kept.after.as_ref().filter(|_| !kept.is_seen_here()) {
                kept.seen = self.ledger.known_otherwise(ports, file, after).or(kept.seen.take());
            }
            self.kept.insert(event, kept);
            let touched = |change: &OpenChange, _: &Kept| change.event == event;
            self.judge_again(file, touched, |new, old| new.supersedes(old), now, ports);
        }
    }

    /// A change was judged before it was known that git had moved, too: it was two.
    fn late_passed(
        &mut self,
        file: &FileId,
        after: Option<Digest>,
        written: Option<Written>,
        git: &GitExplanation,
        now: u64,
        ports: &mut dyn Ports,
    ) {
        let Some(change) = self.open.ended_in(file, after).cloned() else { return };
        let judged_alone = |kept: &Kept| kept.written == written && kept.git.is_none() && kept.passed.is_none();
        if !self.kept.get(&change.event).is_some_and(judged_alone) {
            return;
        }
        let Some(mut kept) = self.kept.remove(&change.event) else { return };
        if let Some(before) = &mut kept.before {
            give_text(before, git);
        }
        kept.passed = self.passed(file, git, kept.before.as_ref(), kept.after.as_ref(), ports);
        let is_split = kept.passed.is_some() && matches!(change.ruling, DiskRuling::All(_) | DiskRuling::Parts { .. });
        if is_split {
            self.upgrade(file, &change, &mut kept, change.ruling.clone(), None, now, ports);
        }
        self.kept.insert(change.event, kept);
        if is_split {
            self.carry_on(file, change.event, ports);
            self.follow_moved(change.event, now, ports);
        }
    }

    /// The lines that a text after has from git, beside what stood there before.
    pub(super) fn passed(
        &mut self,
        file: &FileId,
        git: &GitExplanation,
        before: Option<&Known>,
        after: Option<&Text>,
        ports: &mut dyn Ports,
    ) -> Option<Passed> {
        let mut lines = self.brought_by(file, Some(git), after?, before.map(|before| before.digest), ports);
        lines.retain(|line| line.stands);
        (!lines.is_empty()).then(|| Passed { operation: git.operation.clone(), lines })
    }

    /// A file was seen at a path before it was known to be moved there: its owners come along, in place of nobody's.
    pub(super) fn moved_here(&mut self, file: &FileId, from: &FileId, now: u64, ports: &mut dyn Ports) {
        let Some(Some(here)) = self.ledger.disk.get(file) else { return };
        let (bytes, text) = (here.bytes, here.known.digest);
        let Some(owners) = self.ledger.owners_at(ports, from, text) else { return };
        let Some(change) = self.open.ended_in(file, Some(bytes)).cloned() else { return };
        let Some(mut kept) = self.kept.remove(&change.event) else { return };
        let news = match &kept.seen {
            None => true,
            Some((at, known)) => *at == Seen::Elsewhere && *known != owners,
        };
        if news {
            kept.seen = Some((Seen::Here, owners));
            let ruling = self.rule(file, &kept, &self.beside(file), false);
            let carried = |ruling: &DiskRuling| matches!(ruling, DiskRuling::CarryAll { .. });
            if carried(&ruling) && (carried(&change.ruling) || ruling.supersedes(&change.ruling)) {
                self.upgrade(file, &change, &mut kept, ruling, None, now, ports);
            }
        }
        self.kept.insert(change.event, kept);
        if news {
            self.carry_on(file, change.event, ports);
        }
    }

    /// An agent's call ended, or a late hook completed it.
    pub(super) fn late_call(&mut self, file: &FileId, call: &Intent, now: u64, ports: &mut dyn Ports) {
        let ended = self.calls.intents(file);
        let touched = |change: &OpenChange, _: &Kept| change.is_touched_by(call, &ended);
        self.judge_again(file, touched, |new, old| new.supersedes(old), now, ports);
    }

    /// Late, a hook tells when a call that has ended began: what was written before that is not its doing.
    pub(super) fn late_begin(&mut self, file: &FileId, call: &Intent, now: u64, ports: &mut dyn Ports) {
        let rests = |change: &OpenChange| change.ruling.rung() == Rung::OnlyCall;
        let named =
            |change: &OpenChange| call.actor.as_ref().is_some_and(|actor| change.ruling.named().contains(actor));
        let touched =
            |change: &OpenChange, _: &Kept| change.ruling.names_candidates() || rests(change) && named(change);
        self.judge_again(file, touched, |new, old| new != old, now, ports);
        self.late_call(file, call, now, ports);
    }

    /// An agent's call that was open will not happen: where it was named as possible, it is so no more.
    pub(super) fn call_taken_back(&mut self, file: &FileId, now: u64, ports: &mut dyn Ports) {
        let touched = |change: &OpenChange, _: &Kept| change.ruling.names_candidates();
        self.judge_again(file, touched, |new, old| new != old, now, ports);
    }

    /// A buffer with this text was saved.
    pub(super) fn late_save(&mut self, file: &FileId, text: Digest, now: u64, ports: &mut dyn Ports) {
        let touched = |_: &OpenChange, kept: &Kept| kept.after_text == Some(text);
        self.judge_again(file, touched, |new, old| new.supersedes(old), now, ports);
    }

    /// Judges recent changes of a file again, with all that is known now: those that the news can touch, and no others,
    /// since a file that is edited all day has many.
    fn judge_again(
        &mut self,
        file: &FileId,
        touched: impl Fn(&OpenChange, &Kept) -> bool,
        is_better: impl Fn(&DiskRuling, &DiskRuling) -> bool,
        now: u64,
        ports: &mut dyn Ports,
    ) {
        let open = self.open.on(file);
        let open = open.filter(|change| self.kept.get(&change.event).is_some_and(|kept| touched(change, kept)));
        let open: Vec<OpenChange> = open.cloned().collect();
        if open.is_empty() {
            return;
        }
        let beside = self.beside(file);
        for change in open {
            let Some(mut kept) = self.kept.remove(&change.event) else { continue };
            // A save is the newest change that ended in its text, not every earlier one.
            let newest = self.open.ended_in(file, change.after).is_some_and(|newest| newest.event == change.event);
            let text = kept.after_text.filter(|_| newest);
            let saved_by = text.and_then(|text| self.saver(file, text, kept.number, now));
            let ruling = self.rule(file, &kept, &beside, saved_by.is_some());
            let better = is_better(&ruling, &change.ruling);
            if better {
                self.upgrade(file, &change, &mut kept, ruling, saved_by, now, ports);
            }
            self.kept.insert(change.event, kept);
            if better {
                self.carry_on(file, change.event, ports);
                self.follow_moved(change.event, now, ports);
            }
        }
        // What an agent moves is known of some of them from now on.
        self.forget_kept();
    }

    /// Writes the better ruling of an earlier change as an event of its own, and gives its text the new owners.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn upgrade(
        &mut self,
        file: &FileId,
        change: &OpenChange,
        kept: &mut Kept,
        ruling: DiskRuling,
        saved_by: Option<SessionId>,
        now: u64,
        ports: &mut dyn Ports,
    ) {
        let earlier = kept.parted.take();
        kept.parted = Parted::of(file, kept, &ruling, self.ledger.secret());
        match earlier {
            Some(earlier) if kept.parted.as_ref().is_some_and(|parted| parted.is_by(&earlier)) => {
                kept.parted = Some(earlier);
            }
            _ => {
                self.take_moved(kept, None);
            }
        }
        if let Some(after) = &kept.after {
            let all = || vec![Hunk { at: 0, deleted: 0, inserted: after.len_bytes(), lines_deleted: 0 }];
            let secret = self.ledger.secret();
            let hunks = kept.before.as_ref().map_or_else(all, |before| before.hunks_to(after, secret));
            self.ledger.unlearn_lines(file, after, &hunks, &change.ruling.named());
        }
        let Applied { owners, change: better, actor } =
            self.apply_ruling(file, kept, &ruling, change.event, saved_by, ports);
        let mut rows = Vec::new();
        if let DiskRuling::All(verdict) = &ruling {
            let owner = Owner { verdict: verdict.clone(), at_ms: Some(kept.to.ms), event: Some(change.event) };
            self.ledger.book.amend(change.event, &owner);
            rows.push(Row::Upgrade(change.event, owner));
        }
        let mut told = self.told_by(&kept.given.owners, &change.ruling);
        told.insert(change.event);
        rows.extend(self.give(file, change.event, kept, owners));
        self.open.rule(file, change.event, ruling);
        let body = EventBody::Upgrade { of: change.event, change: better.build(kept.before_bytes, kept.after_bytes) };
        let event = Event {
            session: saved_by,
            file: Some(file.path.clone()),
            ..self.own_event(now, Some(file.worktree.clone()), actor, body)
        };
        self.effects.push(Effect::Commit(Entry { events: vec![event], rows, ..Entry::default() }));
        let look = |event| Effect::Look(file.worktree.clone(), Why::Learned(event));
        self.effects.extend(told.into_iter().map(look));
    }

    /// The events by which a text's owners are told of, where an earlier ruling named them: owners that are equal share the
    /// first of their events.
    fn told_by(&self, owners: &OwnerTree<OwnerRef>, ruling: &DiskRuling) -> BTreeSet<EventId> {
        let (named, book) = (ruling.named(), &self.ledger.book);
        let owners = owners.iter().map(|(_, owner)| book.owner(owner));
        owners.filter(|owner| named.contains(&owner.verdict.origin)).filter_map(|owner| owner.event).collect()
    }

    /// Gives the text after a change other owners than it had: on disk, in the buffers that took it from there, in the memory of
    /// contents. Only the newest change that ended in a text says whose it is.
    fn give(&mut self, file: &FileId, event: EventId, kept: &mut Kept, owners: OwnerTree<OwnerRef>) -> Vec<Row> {
        let was = std::mem::replace(&mut kept.given, owners.clone().into()).owners;
        let Some(digest) = kept.after_text else { return Vec::new() };
        if self.open.ended_in(file, kept.after_bytes).is_none_or(|newest| newest.event != event) {
            return Vec::new();
        }
        let book = &self.ledger.book;
        let first = (file.clone(), SessionId::from_uuid(uuid::Uuid::nil()));
        let branches = self.ledger.branches.range_mut(first..).take_while(|((of, _), _)| of == file);
        for (_, branch) in branches.filter(|(_, branch)| branch.known.digest == digest && !branch.is_lost()) {
            // What the buffer has from its own edits stays; what it has from the file, or from nobody, is settled now.
            branch.known.owners = overlay(&branch.known.owners, &owners, |known| !open_to_change(book.owner(known)));
            branch.known.owners = follow(&branch.known.owners, &was, &owners);
        }
        let mut rows = self.give_copies(file, event, digest, &owners);
        let current = self.ledger.disk.get(file).and_then(Option::as_ref);
        if let Some(mut on_disk) = current.filter(|on_disk| Some(on_disk.bytes) == kept.after_bytes).cloned() {
            on_disk.known.owners = owners;
            rows.extend(self.rows(file, &on_disk));
            self.ledger.settle(file, on_disk);
            return rows;
        }
        self.ledger.remember(file, digest, &owners);
        let owners = self.ledger.book.store(&owners);
        let repository = self.ledger.shared(file.worktree.repository);
        rows.push(Row::Owners { repository, path: file.path.clone(), digest, owners });
        rows
    }

    /// What was copied from a text while nobody could be named for it, because of this event, follows.
    fn give_copies(&mut self, file: &FileId, event: EventId, digest: Digest, owners: &OwnerTree<OwnerRef>) -> Vec<Row> {
        let mut rows = Vec::new();
        for copy in self.ledger.copies(file, digest) {
            let Some(Some(mut there)) = self.ledger.disk.get(&copy).cloned() else { continue };
            let left_open = |owner: &Owner| owner.event == Some(event) && open_to_change(owner);
            let book = &self.ledger.book;
            let given = overlay(&there.known.owners, owners, |known| !left_open(book.owner(known)));
            if given != there.known.owners && given.len() == owners.len() {
                there.known.owners = given;
                rows.extend(self.rows(&copy, &there));
                self.ledger.settle(&copy, there);
            }
        }
        rows
    }

    /// The changes that came after one whose owners are others now: what they kept of its text follows.
    pub(super) fn carry_on(&mut self, file: &FileId, from: EventId, ports: &mut dyn Ports) {
        let all: Vec<OpenChange> = self.open.on(file).cloned().collect();
        let Some(at) = all.iter().position(|change| change.event == from) else { return };
        let mut state = all[at].after;
        let Some(text) = self.kept.get(&from).and_then(|kept| kept.after_text) else { return };
        let Some(mut owners) = self.ledger.owners_of(ports, file, text) else { return };
        for change in &all[at + 1..] {
            let known = matches!(&change.ruling, DiskRuling::Echo { .. });
            let Some(mut kept) = self.kept.remove(&change.event) else { return };
            let seen_here = kept.is_seen_here();
            let before = kept.before.as_mut().filter(|before| before.owners.len() == owners.len());
            let follows = !known && !seen_here && kept.before_bytes == state && before.is_some();
            if let Some(before) = before.filter(|_| follows) {
                before.owners = owners.clone();
                let applied = self.apply_ruling(file, &kept, &change.ruling, change.event, None, ports);
                let rows = self.give(file, change.event, &mut kept, applied.owners.clone());
                if !rows.is_empty() {
                    self.effects.push(Effect::Commit(Entry { rows, ..Entry::default() }));
                }
                (state, owners) = (kept.after_bytes, applied.owners);
            }
            self.kept.insert(change.event, kept);
            if !follows {
                return;
            }
        }
    }

    /// What the changes of a file are judged by beside themselves, now.
    pub(super) fn beside(&self, file: &FileId) -> Beside {
        let (intents, calls) = (self.calls.intents(file), self.calls.open_on(file));
        Beside { intents, calls, transitions: self.open.transitions(file) }
    }

    /// Judges a change with all that is known now. `saved`: a buffer was saved with this text.
    pub(super) fn rule(&self, file: &FileId, kept: &Kept, beside: &Beside, saved: bool) -> DiskRuling {
        let git = kept
            .git
            .as_ref()
            .map(|git| GitFact { operation: git.operation.clone(), what: git.what.as_str().to_owned() });
        let texts = |digest: Digest| {
            if Some(digest) == kept.before_bytes {
                kept.before.as_ref().and_then(Known::text).cloned()
            } else if Some(digest) == kept.after_bytes {
                kept.after.clone()
            } else {
                let after = |other: &&Kept| other.after_bytes == Some(digest) && other.after.is_some();
                let changes = self.open.on(file).filter_map(|change| self.kept.get(&change.event));
                changes.filter(after).find_map(|other| other.after.clone())
            }
        };
        judge_disk(&DiskFacts {
            before: kept.before_bytes,
            after: kept.after_bytes,
            from: kept.from,
            to: kept.to,
            written: kept.written.map(|written| Moment::earliest(written.at_ns / 1_000_000)),
            observed: kept.observed,
            saved,
            git: git.as_ref(),
            seen: kept.seen.as_ref().map(|(at, _)| *at),
            intents: &beside.intents,
            calls: &beside.calls,
            transitions: &beside.transitions,
            texts: &texts,
        })
    }

    /// The buffer whose save of this text the disk change with this number may be.
    pub(super) fn saver(&self, file: &FileId, text: Digest, change: u64, now: u64) -> Option<SessionId> {
        self.ledger.branches_of(file).find(|(_, branch)| branch.saved_as(text, change, now)).map(|(session, _)| session)
    }

    /// The buffer whose save is on its way: it came to this text by edits of its own.
    pub(super) fn about_to_save(&self, file: &FileId, text: Digest) -> Option<SessionId> {
        let own =
            |branch: &Branch| branch.known.digest == text && !branch.loaded_as(text) && branch.drift == Drift::Sure;
        self.ledger.branches_of(file).find(|(_, branch)| own(branch)).map(|(session, _)| session)
    }

    /// Forgets what no late fact can change any more.
    pub(super) fn expire(&mut self, now: u64) {
        self.calls.expire(now);
        self.open.expire(now);
        if !self.kept.is_empty() {
            let open: HashSet<EventId> = self.open.events().collect();
            self.kept.retain(|event| open.contains(event));
        }
    }

    pub(super) fn forget_kept(&mut self) {
        self.kept.forget_oldest();
    }
}

/// The owners of a text that had those of another account of it where both say the same: there it follows that account.
fn follow(own: &OwnerTree<OwnerRef>, was: &OwnerTree<OwnerRef>, is: &OwnerTree<OwnerRef>) -> OwnerTree<OwnerRef> {
    if own.len() != was.len() || own.len() != is.len() {
        return own.clone();
    }
    let (mut at, mut runs) = (0, Vec::new());
    for (len, owner) in own.iter() {
        for (len, before) in was.spans(at..at + len) {
            if before == owner {
                runs.extend(is.spans(at..at + len))
            } else {
                runs.push((len, owner))
            }
            at += len;
        }
    }
    OwnerTree::from_spans(runs)
}
