//! What a file was where nothing, or nothing any more, is known at its path: a program emptied or removed it and writes it
//! again, or it was moved here with git and changed before anybody looked.
//!
//! Absent on purpose: moves that are seen as such (the watch pairs them), files that a program moved and changed (`edited`),
//! and blocks of lines that an agent moves (`across`).

use codi2_attribution::{Change as OpenChange, DiskRuling, Moment, Observed, Rung, window};
use codi2_protocol::{Actor, ActorKind, Digest, EventId, FileId};
use codi2_workspace::Observation;

use super::Core;
use super::decoded::decode_text;
use crate::known::Known;
use crate::ports::Ports;

/// How long a program may take between emptying or removing a file and writing it, in ms.
const EMPTY_MS: u64 = 10_000;

impl Core {
    /// The change that emptied or removed a file just now, where nobody saved it so: it was seen between a program's
    /// truncation or removal and its write (ADR 0125). It is none where git took the file away for another branch, where a
    /// call began since, which found nothing there and writes a text of its own, nor where an agent did it by a call that
    /// was over when the file came back.
    pub(super) fn emptied(&self, file: &FileId, empty: Option<Digest>, found: &Observation) -> Option<EventId> {
        let last = self.open.on(file).next_back()?;
        let is_it = last.after == empty
            && !matches!(last.ruling, DiskRuling::Echo { .. })
            && found.at_ms.saturating_sub(last.to.ms) < EMPTY_MS
            && (found.git.is_some() || last.ruling.rung() != Rung::Git)
            && self.is_one_with(file, last, found);
        let kept = self.kept.get(&last.event).filter(|_| is_it)?;
        kept.before.as_ref().is_some_and(|before| before.text().is_some()).then_some(last.event)
    }

    /// Whether what is known of calls lets a removal and the write behind it be one.
    fn is_one_with(&self, file: &FileId, gone: &OpenChange, found: &Observation) -> bool {
        let back = Moment::latest(found.at_ms);
        let (from, _) = window(Observed::Live, gone.to, back);
        let open = self.calls.open_on(file).into_iter().map(|call| (Some(call.since), back));
        let ended = self.calls.intents(file).into_iter().map(|call| (call.since, call.until));
        let calls: Vec<_> = open.chain(ended).collect();
        let is_agents = |actor: &Actor| matches!(actor.kind, ActorKind::Agent | ActorKind::Orchestrator);
        let goes_on =
            || calls.iter().any(|(since, until)| since.is_some_and(|since| since <= gone.to) && *until >= from);
        calls.iter().all(|(since, _)| since.is_none_or(|since| since <= gone.to))
            && (!gone.ruling.named().iter().any(is_agents) || goes_on())
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
