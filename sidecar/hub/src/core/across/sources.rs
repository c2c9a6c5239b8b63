//! Where what a change put in may have come from: the changes by which the same one took lines out.

use std::collections::HashSet;

use codi2_protocol::{Actor, EventId};
use codi2_text::Text;

use super::blocks::{Block, blocks};
use super::parted::{Parted, letters_of};
use crate::book::OwnerRef;
use crate::core::Core;
use crate::core::kept::Kept;
use crate::core::moved::{At, Loose, Moved};
use crate::known::{Known, lines_of};
use crate::ledger::is_telling;

/// A block that was moved: from which change, which of its lines, and what they are where they were put in.
pub(super) struct Found {
    pub source: EventId,
    /// Whether it is for certain that it is this place where they went.
    pub is_certain: bool,
    /// Their numbers there.
    pub gone: Vec<usize>,
    pub path: String,
    pub lines: Vec<Moved>,
}

/// A change, what it put in, and those that may have taken it out elsewhere.
pub(super) struct Sources<'a> {
    core: &'a Core,
    kept: &'a Kept,
    parted: &'a Parted,
    after: &'a Text,
    /// The newest first.
    all: Vec<Source<'a>>,
    /// The agent's calls that were open when the change may have happened.
    calls: HashSet<u64>,
    /// The numbers of what was put in and is known to be moved.
    known: HashSet<usize>,
}

struct Source<'a> {
    event: EventId,
    kept: &'a Kept,
    parted: &'a Parted,
    /// The lines that are left where it took some out, if only what still stands there was left.
    left: Option<HashSet<u64>>,
}

impl<'a> Sources<'a> {
    /// Those of a change that put in what it `parted` with `after`; `only` asks one of them.
    pub fn of(core: &'a Core, kept: &'a Kept, parted: &'a Parted, after: &'a Text, only: Option<EventId>) -> Self {
        let source = |(id, other): (&EventId, &'a Kept)| {
            let is_asked = only.is_none_or(|only| only == *id);
            let source = other.parted.as_ref().filter(|source| is_asked && source.may_be_source_of(parted))?;
            Some(Source { event: *id, kept: other, parted: source, left: None })
        };
        let mut all: Vec<Source<'_>> = core.kept.iter().filter_map(source).collect();
        // Of two that are as good the newest.
        all.sort_unstable_by_key(|source| std::cmp::Reverse((source.kept.number, source.event)));
        // What a change of a file put in and a later one took out again has gone with that one.
        let is_later = |source: &Source<'_>| source.parted.file == parted.file && source.kept.number > kept.number;
        let hashes = |text: &Text| lines_of(text, core.ledger.secret()).iter().map(|line| line.hash).collect();
        for source in all.iter_mut().filter(|source| is_later(source)) {
            source.left = Some(source.kept.after.as_ref().map_or_else(HashSet::new, hashes));
        }
        let (calls, known) =
            if all.is_empty() { Default::default() } else { (core.calls_at(kept, parted), parted.known()) };
        Self { core, kept, parted, after, all, calls, known }
    }

    /// The blocks that were moved from them.
    pub fn moved(&self) -> Vec<Found> {
        if self.all.is_empty() {
            return Vec::new();
        }
        let lines: Vec<&[Loose]> = self.all.iter().map(|source| &source.parted.gone[..]).collect();
        let letters = |line: &At| letters_of(self.after, line);
        let may_be = |new: &Loose, source: usize, old: &Loose| self.may_be(new, &self.all[source], old);
        let agree = |one: &Block, other: &Block| self.authors(one) == self.authors(other);
        let blocks = blocks(&self.parted.put, letters, &lines, may_be, agree).into_iter();
        blocks.filter(|block| self.is_moved(block)).map(|block| self.found(block)).collect()
    }

    /// Whether a line that was put in may be that one of a source.
    fn may_be(&self, new: &Loose, source: &Source<'_>, old: &Loose) -> bool {
        let taken = source.parted.taken.get(&old.number);
        let is_taken = taken.is_some_and(|is_certain| *is_certain || source.kept.number > self.kept.number);
        let is_left = source.left.as_ref().is_none_or(|left| left.contains(&new.at.hash));
        !is_taken && is_left && !self.known.contains(&new.number)
    }

    /// The owners that a line had where it was taken out.
    fn owners(&self, source: &Source<'_>, line: usize) -> Vec<(usize, OwnerRef)> {
        let bytes = source.parted.gone[line].at.bytes.clone();
        source.kept.before.as_ref().map_or_else(Vec::new, |before| before.owners.spans(bytes))
    }

    /// Who wrote a block, and how much of it each.
    fn authors(&self, block: &Block) -> Vec<(usize, &Actor)> {
        let source = &self.all[block.source];
        let mut authors: Vec<(usize, &Actor)> = Vec::new();
        for (len, owner) in block.gone.clone().flat_map(|line| self.owners(source, line)) {
            let author = &self.core.ledger.book.owner(owner).verdict.origin;
            match authors.last_mut().filter(|last| last.1 == author) {
                Some(last) => last.0 += len,
                None => authors.push((len, author)),
            }
        }
        authors
    }

    /// Whether a block that stands in both was moved. Two calls may each write what is the same in many files, as the head of a
    /// licence is, and take it away with more. One call that takes out and puts in says by itself that it moves.
    fn is_moved(&self, block: &Block) -> bool {
        let source = &self.all[block.source];
        let text = source.kept.before.as_ref().and_then(Known::text);
        let letters = |line: &At| text.map_or(line.bytes.len(), |text| letters_of(text, line));
        source.parted.file == self.parted.file
            || source.parted.is_whole(&block.gone, letters)
            || self.is_one_call(source)
    }

    fn is_one_call(&self, source: &Source<'_>) -> bool {
        !self.core.calls_at(source.kept, source.parted).is_disjoint(&self.calls)
    }

    /// What a moved block is where it was put in.
    fn found(&self, block: Block) -> Found {
        let source = &self.all[block.source];
        let is_certain = source.kept.number < self.kept.number || self.is_one_call(source);
        let mut lines = Vec::new();
        for (new, was) in block.put.zip(block.gone.clone()) {
            let bytes = &self.parted.put[new].at.bytes;
            if is_telling(&self.after.slice(bytes.clone())) {
                lines.push((bytes.clone(), self.owners(source, was)));
                lines.extend(self.standing(new));
            }
        }
        let gone = source.parted.gone[block.gone].iter().map(|line| line.number).collect();
        Found { source: source.event, is_certain, gone, path: source.parted.file.path.clone(), lines }
    }

    /// The lines that may as well have been put in as this one, with the owners that they have since it was this one: they
    /// stood there before.
    fn standing(&self, this: usize) -> Vec<Moved> {
        let put = &self.parted.put;
        let (line, len) = (&put[this], put[this].place.len());
        let others = [this.checked_sub(len), Some(this + len)].into_iter().flatten().filter_map(|at| put.get(at));
        let others = others.filter(|other| other.number == line.number);
        let stood = others.filter_map(|other| {
            let stood = other.stood.as_ref().or(line.stood.as_ref())?;
            Some((other.at.bytes.clone(), self.kept.before.as_ref()?.owners.spans(stood.clone())))
        });
        stood.collect()
    }
}
