//! What a file was where nothing, or nothing any more, is known at its path: a program emptied or removed it and writes it
//! again, or it was moved here with git and changed before anybody looked.
//!
//! Absent on purpose: moves that are seen as such (the watch pairs them), and blocks of lines that an agent moves (`across`).

use codi2_attribution::DiskRuling;
use codi2_protocol::{Digest, EventId, FileId};
use codi2_workspace::Observation;

use super::Core;
use super::disk::decode_text;
use crate::known::Known;
use crate::ports::Ports;

/// How long a program may take between emptying or removing a file and writing it, in ms.
const EMPTY_MS: u64 = 10_000;

impl Core {
    /// The change that emptied or removed a file just now, where nobody saved it so: it was seen between a program's
    /// truncation or removal and its write.
    pub(super) fn emptied(&self, file: &FileId, empty: Option<Digest>, now: u64) -> Option<EventId> {
        let last = self.open.on(file).next_back()?;
        let is_it = last.after == empty
            && !matches!(last.ruling, DiskRuling::Echo { .. })
            && now.saturating_sub(last.to.ms) < EMPTY_MS;
        let kept = self.kept.get(&last.event).filter(|_| is_it)?;
        kept.before.as_ref().is_some_and(|before| before.text().is_some()).then_some(last.event)
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
