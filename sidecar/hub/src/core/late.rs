//! Late evidence: recent disk changes are judged again, and what later states took from them follows.
//!
//! Absent on purpose: the judging (the attribution crate) and how a ruling becomes owners (`ruled`).

mod given;
mod moved;
mod upgrade;

use std::collections::HashSet;

use codi2_attribution::{Change as OpenChange, DiskRuling, Intent, Rung, Seen};
use codi2_protocol::{Digest, EventId, FileId};
use codi2_workspace::{GitExplanation, GitSource, Written};

use super::Core;
use super::decoded::give_text;
use super::judged::Ruled;
use super::kept::Kept;
use crate::ports::Ports;

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
        let is_split = kept.passed.is_some() && matches!(change.ruling, DiskRuling::New(_));
        if is_split {
            self.upgrade(file, &change, &mut kept, (&change.ruling).into(), now, ports);
        }
        self.kept.insert(change.event, kept);
        if is_split {
            self.carry_on(file, change.event, ports);
            self.follow_moved(change.event, now, ports);
        }
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
                self.upgrade(file, &change, &mut kept, (&ruling).into(), now, ports);
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
        let touched = |change: &OpenChange, kept: &Kept| change.is_touched_by(call, &ended) || kept.is_between(call);
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
            // What a buffer was saved with is whose it is there.
            let is_echo = matches!(change.ruling, DiskRuling::Echo { .. });
            let is_parted = !is_echo && self.is_parted(file, &kept);
            if is_parted {
                kept.stands_alone();
            }
            let ruling = self.rule(file, &kept, &beside, saved_by.is_some());
            let better = is_parted || is_better(&ruling, &change.ruling);
            if better {
                self.upgrade(file, &change, &mut kept, Ruled { ruling: &ruling, saved_by }, now, ports);
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

    /// Forgets what no late fact can change any more.
    pub(super) fn expire(&mut self, now: u64) {
        self.expire_calls(now);
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
