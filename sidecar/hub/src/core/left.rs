//! What a file was where nothing, or nothing any more, is known at its path: a program emptied or removed it and writes it
//! again, or it was moved here with git and changed before anybody looked.
//!
//! Absent on purpose: moves that are seen as such (the watch pairs them), files that a program moved and changed (`edited`),
//! and blocks of lines that an agent moves (`across`).

use std::ops::Range;

use codi2_attribution::{Change as OpenChange, DiskRuling, Intent, Moment, Observed, Rung, window};
use codi2_protocol::{Actor, ActorKind, Digest, EventId, FileId};
use codi2_text::Text;
use codi2_workspace::Observation;

use super::Core;
use super::decoded::decode_text;
use super::kept::{Alone, Kept};
use crate::known::Known;
use crate::ports::Ports;

/// How long a program may take between emptying or removing a file and writing it, in ms.
const EMPTY_MS: u64 = 10_000;

/// What stands in a file that was left without a text.
struct Standing<'a> {
    file: &'a FileId,
    /// How it was left: empty, or not there.
    left: Option<Digest>,
    /// When it was last known to hold a text.
    known: Moment,
    /// What it holds now.
    after: Option<Digest>,
    /// How long that is, in bytes.
    len: usize,
}

impl Core {
    /// The change that emptied or removed a file just now, where nobody saved it so: it was seen between a program's
    /// truncation or removal and its write (ADR 0125, 0161). It is none where git took the file away for another branch,
    /// where calls tell of a new text, nor where an agent did it by a call that was over when the file came back.
    pub(super) fn emptied(
        &self,
        file: &FileId,
        empty: Option<Digest>,
        found: &Observation,
        after: &Text,
    ) -> Option<EventId> {
        let last = self.open.on(file).next_back()?;
        let is_it = last.after == empty
            && !matches!(last.ruling, DiskRuling::Echo { .. })
            && found.at_ms.saturating_sub(last.to.ms) < EMPTY_MS
            && (found.git.is_some() || last.ruling.rung() != Rung::Git);
        let kept = self.kept.get(&last.event).filter(|_| is_it)?;
        let before = kept.before.as_ref().filter(|before| before.text().is_some())?;
        let hunks = before.hunks_to(after, self.ledger.secret());
        let is_alike = hunks.iter().map(|hunk| hunk.deleted).sum::<usize>() * 2 <= before.owners.len();
        let stands =
            Standing { file, left: empty, known: kept.from, after: found.content.digest(), len: after.len_bytes() };
        (!self.is_made_anew(&stands) && self.is_one_with(file, last, found, is_alike)).then_some(last.event)
    }

    /// Whether it is known by now that a change has nothing to do with the one that emptied its file.
    pub(super) fn is_parted(&self, file: &FileId, kept: &Kept) -> bool {
        let stands = |alone: &Alone| Standing {
            file,
            left: alone.before_bytes,
            known: kept.from,
            after: kept.after_bytes,
            len: kept.after.as_ref().map_or(0, Text::len_bytes),
        };
        kept.alone.as_ref().is_some_and(|alone| self.is_made_anew(&stands(alone)))
    }

    /// Whether calls tell that what stands here now was made of what was left there: they named the file, found it so after
    /// it was last known to hold a text, and left it as it is. One that said what it puts in, and not half of this, met what
    /// somebody else was about to write.
    fn is_made_anew(&self, stands: &Standing<'_>) -> bool {
        let says_other = |call: &Intent| {
            let said = |put: &[Range<u32>]| put.iter().map(|bytes| bytes.len()).sum::<usize>();
            call.after.is(stands.after) && call.said.as_ref().is_some_and(|call| said(&call.put) * 2 < stands.len)
        };
        let mut calls = self.calls.intents(stands.file);
        calls.retain(|call| call.since.is_some_and(|since| since > stands.known) && !says_other(call));
        stands.after.is_some_and(|after| leads(&calls, stands.left, after))
    }

    /// Whether what is known of who was at work lets a removal and the write behind it be one program's, or the new file what
    /// is left of the former.
    fn is_one_with(&self, file: &FileId, gone: &OpenChange, found: &Observation, is_alike: bool) -> bool {
        let back = Moment::latest(found.at_ms);
        let (from, _) = window(Observed::Live, gone.to, back);
        let open = self.calls.open_on(file).into_iter().map(|call| (call.actor, Some(call.since), back));
        let ended = self.calls.intents(file).into_iter().map(|call| (call.actor, call.since, call.until));
        let at_work: Vec<_> = open.chain(ended).filter(|(.., until)| *until >= from).collect();
        let began_since = |since: &Option<Moment>| since.is_some_and(|since| since > gone.to);
        let is_agents = |actor: &Actor| matches!(actor.kind, ActorKind::Agent | ActorKind::Orchestrator);
        let removers = gone.ruling.named();
        if removers.iter().any(is_agents) {
            // It goes on, or begins again.
            let is_its = |actor: &Option<Actor>| actor.as_ref().is_none_or(|actor| removers.contains(actor));
            let goes_on = at_work.iter().any(|(_, since, _)| since.is_some() && !began_since(since));
            return goes_on || is_alike && at_work.iter().any(|(actor, ..)| is_its(actor));
        }
        // A file that was emptied is still held by who emptied it; one that was removed may be a new one.
        gone.after.is_some() || is_alike || !at_work.iter().any(|(_, since, _)| began_since(since))
    }

    /// The change that took a file away from where it was, which git's index has at its new path with the text it had there.
    /// A copy is none, since the other one still lies there; nor is one of several that went.
    pub(super) fn moved_with_git(
        &mut self,
        file: &FileId,
        found: &Observation,
        now: u64,
        ports: &mut dyn Ports,
    ) -> Option<EventId> {
        // What git wrote, or is as git has it, is known by itself.
        if found.git.is_some() || found.blob.is_some() || self.ledger.disk.get(file).is_some_and(Option::is_some) {
            return None;
        }
        let (_, bytes) = ports.indexed(file)?;
        let text = Digest::new(decode_text(&bytes).filter(|text| !text.is_empty())?.digest());
        let places = self.ledger.places_of(file, text);
        let mut gone = Vec::new();
        for place in places {
            self.look(&place, now, ports);
            let last = self.open.on(&place).next_back().filter(|last| last.after.is_none());
            let Some(event) = last.map(|last| last.event) else { continue };
            let before = self.kept.get(&event).and_then(|kept| kept.before.as_ref());
            if before.is_some_and(|before: &Known| before.digest == text) {
                gone.push(event);
            }
        }
        gone.pop().filter(|_| gone.is_empty())
    }
}

/// Whether calls that ended well led a file all the way from one state to the other, as their hooks found it.
pub(super) fn leads(calls: &[Intent], from: Option<Digest>, to: Digest) -> bool {
    let (mut reached, mut next) = (vec![from], 0);
    while let Some(state) = reached.get(next).copied() {
        next += 1;
        for call in calls.iter().filter(|call| !call.failed && call.before.is(state)) {
            let after = call.after.state().filter(|after| !reached.contains(after));
            reached.extend(after);
        }
    }
    from != Some(to) && reached.contains(&Some(to))
}
