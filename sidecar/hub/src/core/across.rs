//! Blocks that an agent, or somebody who announces nothing, takes out of one place and puts into another with two changes, of
//! one file or of two: whoever moves them is not who wrote them (ADR 0074, 0140). The change that takes out may be seen before
//! the one that puts in, or after.
//!
//! What is found when the second half comes stays with the change that put it in; nobody looks again.
//!
//! Absent on purpose: lines that one change moves inside its file (`moved`), what git took away, and blocks so short that
//! anybody may write them again.

mod blocks;
mod parted;
mod sources;

use std::collections::HashSet;

use codi2_attribution::window;
use codi2_protocol::{Actor, ActorKind, EventId, Evidence, EvidenceKind};

use super::Core;
use super::kept::Kept;
use sources::{Found, Sources};

#[cfg(test)]
pub(super) use blocks::COMPARED;
pub(super) use blocks::{LETTERS, LINES};
pub(super) use parted::Parted;

/// Who is told to have moved lines.
fn mover(by: &Actor) -> String {
    if by.kind == ActorKind::External { "somebody who announced nothing".to_owned() } else { by.to_string() }
}

impl Core {
    /// Looks among what the same one took out (`only` with one change) for the lines that a change put in. What is found, with
    /// the owners it had there and the word that it was moved, stays with the change. Whether anything was.
    pub(super) fn take_moved(&mut self, kept: &mut Kept, only: Option<EventId>) -> bool {
        let Some(mut parted) = kept.parted.take() else { return false };
        let moved = |after| Sources::of(self, kept, &parted, after, only).moved();
        let found = kept.after.as_ref().map_or_else(Vec::new, moved);
        let is_any = !found.is_empty();
        for Found { source, is_certain, gone, path, lines } in found {
            let source = self.kept.get_mut(&source).and_then(|source| source.parted.as_mut());
            source.into_iter().for_each(|source| source.taken.extend(gone.iter().map(|number| (*number, is_certain))));
            let evidence =
                Evidence::new(EvidenceKind::Moved, format!("{} moved it here from {path}", mover(&parted.by)));
            for (bytes, runs) in lines {
                let told = |(len, owner)| (len, self.ledger.book.with_word(owner, &evidence));
                parted.found.push((bytes, runs.into_iter().map(told).collect()));
            }
        }
        kept.parted = Some(parted);
        is_any
    }

    /// The calls of whoever made a change that were open when it may have happened.
    pub(super) fn calls_at(&self, kept: &Kept, parted: &Parted) -> HashSet<u64> {
        let (from, to) = window(kept.observed, kept.from, kept.to);
        let ended = self.calls.intents(&parted.file).into_iter();
        let ended = ended.map(|call| (call.call, call.actor, call.since, call.until));
        let open = self.calls.open_on(&parted.file).into_iter();
        let open = open.map(|call| (call.call, call.actor, Some(call.since), to));
        let its = ended.chain(open).filter(|(_, actor, since, until)| {
            actor.as_ref() == Some(&parted.by) && since.is_some_and(|since| since <= to) && *until >= from
        });
        its.map(|(call, ..)| call).collect()
    }
}
