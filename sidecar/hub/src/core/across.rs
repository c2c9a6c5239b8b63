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

use std::collections::HashSet;

use codi2_attribution::window;
use codi2_protocol::{Actor, ActorKind, EventId, Evidence, EvidenceKind};
use codi2_text::Text;

use super::Core;
use super::kept::Kept;
use super::moved::{At, Loose, Moved};
use crate::book::OwnerRef;
use crate::known::{Known, lines_of};
use crate::ledger::is_telling;
use blocks::{Block, blocks};
use parted::letters_of;

#[cfg(test)]
pub(super) use blocks::COMPARED;
pub(super) use parted::Parted;

/// The lines that may as well have been put in as this one of `put`, with the owners that they have since it was this one:
/// they stood there before.
fn standing(put: &[Loose], this: usize, before: Option<&Known>) -> Vec<Moved> {
    let (line, len) = (&put[this], put[this].place.len());
    let others = [this.checked_sub(len), Some(this + len)].into_iter().flatten().filter_map(|at| put.get(at));
    let others = others.filter(|other| other.number == line.number);
    let stood = others.filter_map(|other| {
        let stood = other.stood.as_ref().or(line.stood.as_ref())?;
        Some((other.at.bytes.clone(), before?.owners.spans(stood.clone())))
    });
    stood.collect()
}

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

    fn moved_blocks(&self, kept: &Kept, parted: &Parted, after: &Text, only: Option<EventId>) -> Vec<Found> {
        let of = |(id, other): (&EventId, &Kept)| {
            let is_asked = only.is_none_or(|only| only == *id);
            is_asked && other.parted.as_ref().is_some_and(|other| other.may_be_source_of(parted))
        };
        let mut from: Vec<(u64, EventId)> =
            self.kept.iter().filter(|it| of(*it)).map(|(id, other)| (other.number, *id)).collect();
        if from.is_empty() {
            return Vec::new();
        }
        // Of two that are as good the newest.
        from.sort_unstable_by(|one, other| other.cmp(one));
        let sources: Vec<(&Kept, &Parted)> = from
            .iter()
            .filter_map(|(_, id)| self.kept.get(id))
            .filter_map(|it| Some((it, it.parted.as_ref()?)))
            .collect();
        let lines: Vec<_> = sources.iter().map(|(_, source)| &source.gone[..]).collect();
        // What a change of a file put in and a later one took out again has gone with that one: only what still stands was left.
        let left = |(other, source): &(&Kept, &Parted)| {
            let lines = |text: &Text| lines_of(text, self.ledger.secret()).iter().map(|line| line.hash).collect();
            let is_later = source.file == parted.file && other.number > kept.number;
            is_later.then(|| other.after.as_ref().map_or_else(HashSet::new, lines))
        };
        let left: Vec<Option<HashSet<u64>>> = sources.iter().map(left).collect();
        let known = parted.known();
        let may_be = |new: &Loose, source: usize, old: &Loose| {
            let (other, from) = sources[source];
            let taken = from.taken.get(&old.number);
            let is_taken = taken.is_some_and(|is_certain| *is_certain || other.number > kept.number);
            let is_left = left[source].as_ref().is_none_or(|left| left.contains(&new.at.hash));
            !is_taken && is_left && !known.contains(&new.number)
        };
        let owners = |source: usize, line: usize| -> Vec<(usize, OwnerRef)> {
            let (kept, parted) = sources[source];
            let bytes = parted.gone[line].at.bytes.clone();
            kept.before.as_ref().map_or_else(Vec::new, |before| before.owners.spans(bytes))
        };
        let authors = |block: &Block| -> Vec<(usize, &Actor)> {
            let mut authors: Vec<(usize, &Actor)> = Vec::new();
            for (len, owner) in block.gone.clone().flat_map(|line| owners(block.source, line)) {
                let author = &self.ledger.book.owner(owner).verdict.origin;
                match authors.last_mut().filter(|last| last.1 == author) {
                    Some(last) => last.0 += len,
                    None => authors.push((len, author)),
                }
            }
            authors
        };
        let put = &parted.put;
        let letters = |line: &At| letters_of(after, line);
        let mut found = blocks(put, letters, &lines, may_be, |one, other| authors(one) == authors(other));
        // Two calls may each write what is the same in many files, as the head of a licence is, and take it away with more.
        // One call that takes out and puts in says by itself that it moves.
        let calls = self.calls_at(kept, parted, &parted.by);
        let is_one_call = |source: usize| {
            let (kept, source) = sources[source];
            !self.calls_at(kept, source, &parted.by).is_disjoint(&calls)
        };
        found.retain(|block| {
            let (kept, source) = sources[block.source];
            let text = kept.before.as_ref().and_then(Known::text);
            let letters = |line: &At| text.map_or(line.bytes.len(), |text| letters_of(text, line));
            source.file == parted.file || source.is_whole(&block.gone, letters) || is_one_call(block.source)
        });
        let told = |block: Block| {
            let (other, source) = sources[block.source];
            let is_certain = other.number < kept.number || is_one_call(block.source);
            let mut lines = Vec::new();
            for (new, was) in block.put.clone().zip(block.gone.clone()) {
                if is_telling(&after.slice(put[new].at.bytes.clone())) {
                    lines.push((put[new].at.bytes.clone(), owners(block.source, was)));
                    lines.extend(standing(put, new, kept.before.as_ref()));
                }
            }
            let gone = source.gone[block.gone].iter().map(|line| line.number).collect();
            Found { source: from[block.source].1, is_certain, gone, path: source.file.path.clone(), lines }
        };
        found.into_iter().map(told).collect()
    }

    /// The agent's calls that were open when a change may have happened.
    pub(super) fn calls_at(&self, kept: &Kept, parted: &Parted, agent: &Actor) -> HashSet<u64> {
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
