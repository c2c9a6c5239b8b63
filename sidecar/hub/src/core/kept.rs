//! Recent changes of files with what is needed to judge them again when late evidence comes, bounded in number and bytes.
//!
//! Absent on purpose: judging.

use std::collections::{BTreeMap, HashMap};

use codi2_attribution::{Intent, Moment, Observed, Reading, Seen, Transition, window};
use codi2_protocol::{Digest, EventId};
use codi2_text::{OwnerTree, Text};
use codi2_workspace::{GitExplanation, Written};

use super::across::Parted;
use super::carried::Passed;
use super::moved::Moved;
use crate::book::OwnerRef;
use crate::known::Known;

/// Changes whose texts are kept, at most: as many as one call may name files, and some beside them.
const CHANGES: usize = 1_024;
/// Bytes of those texts and of git's other versions, at most.
const BYTES: usize = if cfg!(test) { 32 << 10 } else { 32 << 20 };

/// The changes that are kept, by their events.
#[derive(Debug, Default)]
pub(super) struct KeptChanges {
    /// Each with its bytes as it was put in.
    all: HashMap<EventId, (Kept, usize)>,
    /// By their numbers, the oldest first.
    order: BTreeMap<u64, EventId>,
    bytes: usize,
}

impl KeptChanges {
    pub fn get(&self, event: &EventId) -> Option<&Kept> {
        self.all.get(event).map(|(kept, _)| kept)
    }

    /// To be changed where its bytes stay as they are, or nearly so; else it is taken out and put back.
    pub fn get_mut(&mut self, event: &EventId) -> Option<&mut Kept> {
        self.all.get_mut(event).map(|(kept, _)| kept)
    }

    pub fn insert(&mut self, event: EventId, kept: Kept) {
        self.remove(&event);
        let bytes = kept.bytes();
        self.bytes += bytes;
        self.order.insert(kept.number, event);
        self.all.insert(event, (kept, bytes));
    }

    pub fn remove(&mut self, event: &EventId) -> Option<Kept> {
        let (kept, bytes) = self.all.remove(event)?;
        self.bytes -= bytes;
        self.order.remove(&kept.number);
        Some(kept)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&EventId, &Kept)> {
        self.all.iter().map(|(event, (kept, _))| (event, kept))
    }

    pub fn values(&self) -> impl Iterator<Item = &Kept> {
        self.all.values().map(|(kept, _)| kept)
    }

    /// As [`Self::get_mut`].
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Kept> {
        self.all.values_mut().map(|(kept, _)| kept)
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Forgets those that no late fact can change any more.
    pub fn retain(&mut self, is_open: impl Fn(&EventId) -> bool) {
        let over: Vec<EventId> = self.all.keys().filter(|event| !is_open(event)).copied().collect();
        over.iter().for_each(|event| drop(self.remove(event)));
    }

    /// Forgets the oldest where there are too many.
    pub fn forget_oldest(&mut self) {
        while self.all.len() > CHANGES || self.bytes > BYTES {
            let Some((_, oldest)) = self.order.first_key_value() else { return };
            let oldest = *oldest;
            self.remove(&oldest);
        }
    }
}

/// A disk change with what is needed to judge it again.
#[derive(Debug)]
pub(super) struct Kept {
    pub before: Option<Known>,
    pub before_bytes: Option<Digest>,
    /// What it is by itself, where it is judged as one with the change that emptied its file (`left`).
    pub alone: Option<Alone>,
    pub after: Option<Text>,
    /// Digest of that text.
    pub after_text: Option<Digest>,
    pub after_bytes: Option<Digest>,
    /// When the file was last known to hold what was before.
    pub held: Moment,
    /// The same, or when it was last written, if that is known and later: what a call that ended before then did, times do not
    /// tell.
    pub from: Moment,
    pub to: Moment,
    pub observed: Observed,
    /// The write that was seen.
    pub written: Option<Written>,
    pub git: Option<GitExplanation>,
    /// What git put there on the way, where somebody else wrote the content.
    pub passed: Option<Passed>,
    /// The owners that the content after had before this change was seen, and where.
    pub seen: Option<(Seen, OwnerTree<OwnerRef>)>,
    /// The owners that it gave the text after.
    pub given: Given,
    /// What an agent took out and put in.
    pub parted: Option<Parted>,
    /// What of the text after a buffer had before, and whose it was there.
    pub unsaved: Vec<Moved>,
    /// What of it an agent's command copied, and whose it is there.
    pub copied: Vec<Moved>,
    pub number: u64,
}

/// A change of a file that was emptied or removed just before, without what stood there before that.
#[derive(Debug)]
pub(super) struct Alone {
    pub before: Option<Known>,
    pub before_bytes: Option<Digest>,
    pub held: Moment,
    pub from: Moment,
    /// When the file was emptied or removed.
    pub begun: Moment,
}

/// Owners, and in how many runs: they are counted when they are given, since all that is kept is added up often.
#[derive(Debug)]
pub(super) struct Given {
    pub owners: OwnerTree<OwnerRef>,
    runs: usize,
}

impl From<OwnerTree<OwnerRef>> for Given {
    fn from(owners: OwnerTree<OwnerRef>) -> Self {
        Self { runs: owners.iter().count(), owners }
    }
}

/// When a file was written. The kernel's time of it is a tick early, and never late.
pub(super) fn written_at(written: Written) -> Moment {
    Moment::earliest(written.at_ns / 1_000_000)
}

impl Kept {
    /// The change as a step of the file's bytes.
    pub fn transition(&self) -> Transition {
        let (before, from) =
            self.alone.as_ref().map_or((self.before_bytes, self.from), |alone| (alone.before_bytes, alone.from));
        Transition { before, after: self.after_bytes, from, to: self.to }
    }

    /// Whether no text stood there before.
    pub fn was_nothing(&self) -> bool {
        self.before.as_ref().is_none_or(|before| before.owners.is_empty())
    }

    /// When whoever did it began to write, at the latest.
    pub fn begun(&self) -> Moment {
        let written = || self.written.map_or(self.to, written_at);
        self.alone.as_ref().map_or_else(written, |alone| alone.begun)
    }

    /// Whether a call wrote between the last look at the file and its last write, or may have.
    pub fn is_between(&self, call: &Intent) -> bool {
        let (held, _) = window(self.observed, self.held, self.to);
        let is_idle = call.before != Reading::NotRead && call.before == call.after;
        (held..self.from).contains(&call.until) && !is_idle && !call.after.is(self.before_bytes)
    }

    /// The text that the file had with these bytes, where that is what this change left or found.
    pub fn text_of(&self, digest: Digest) -> Option<Text> {
        let after = self.after.as_ref().filter(|_| self.after_bytes == Some(digest));
        let before = self.before.as_ref().filter(|_| self.before_bytes == Some(digest));
        after.or_else(|| before.and_then(Known::text)).cloned()
    }

    /// It has nothing to do with the change that emptied its file.
    pub fn stands_alone(&mut self) {
        if let Some(alone) = self.alone.take() {
            (self.before, self.before_bytes) = (alone.before, alone.before_bytes);
            (self.held, self.from) = (alone.held, alone.from);
        }
    }

    /// Bytes of the texts and owners it holds on to.
    fn bytes(&self) -> usize {
        let before = self.before.as_ref().and_then(Known::text).into_iter();
        let sources = self.git.iter().flat_map(|git| &git.sources).map(|source| source.len());
        let parted = self.parted.iter().map(Parted::bytes);
        let copied = self.copied.iter().map(|(_, runs)| runs.len()).sum::<usize>();
        let given = (self.given.runs + copied) * size_of::<(usize, OwnerRef)>();
        before.chain(&self.after).map(Text::len_bytes).chain(sources).chain(parted).sum::<usize>() + given
    }

    /// Whether its content was seen in its file's own lineage before.
    pub fn is_seen_here(&self) -> bool {
        matches!(self.seen, Some((Seen::Here, _)))
    }

    /// Every owner that it points to.
    pub fn owners_in_use(&self) -> impl Iterator<Item = OwnerRef> {
        let seen = self.seen.iter().map(|(_, owners)| owners);
        let trees = self.before.iter().map(|before| &before.owners).chain(seen).chain([&self.given.owners]);
        let moved = self.parted.iter().flat_map(|parted| &parted.found).chain(&self.unsaved).chain(&self.copied);
        let moved = moved.flat_map(|(_, runs)| runs);
        let passed = self.passed.iter().flat_map(|passed| &passed.lines).flat_map(|line| &line.owners).flatten();
        let runs = moved.chain(passed).map(|(_, owner)| *owner);
        trees.flat_map(|tree| tree.iter().map(|(_, owner)| owner)).chain(runs)
    }
}
