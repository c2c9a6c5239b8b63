//! The facts that the hub does not have durably: in order, without holes, and what they weigh as they are written.
//!
//! Absent on purpose: what is sent and what is spooled, which the outbox says.

use std::collections::VecDeque;
use std::sync::Arc;

use codi2_protocol::{Fact, Gap, GapReason, Numbered};

#[derive(Debug)]
pub(super) struct Entry {
    /// First number it stands for: its own, or of a gap the first lost one.
    pub first: u64,
    pub bytes: u64,
    pub since_ms: u64,
    pub fact: Arc<Numbered>,
}

impl Entry {
    /// A fact that waits since `now_ms`, or a gap whose first number is `first`.
    pub fn of(first: u64, fact: Numbered, now_ms: u64) -> Self {
        Self { first, bytes: encoded_bytes(&fact), since_ms: now_ms, fact: Arc::new(fact) }
    }

    /// A gap in the place of what it tells of.
    pub fn gap(gap: Gap, now_ms: u64) -> Self {
        let (first, seq) = (gap.first_seq, gap.last_seq);
        Self::of(first, Numbered { seq, occurred_ms: now_ms, session: None, fact: Fact::Gap(gap) }, now_ms)
    }

    pub fn last(&self) -> u64 {
        self.fact.seq
    }
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    entries: VecDeque<Entry>,
    bytes: u64,
}

impl Queue {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of all.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn push(&mut self, entry: Entry) {
        self.bytes += entry.bytes;
        self.entries.push_back(entry);
    }

    /// What comes before all others.
    pub fn push_first(&mut self, entry: Entry) {
        self.bytes += entry.bytes;
        self.entries.push_front(entry);
    }

    /// Takes the first one out, if it ends at this number or before.
    pub fn pop_up_to(&mut self, seq: u64) -> Option<Entry> {
        if self.entries.front()?.last() > seq {
            return None;
        }
        let entry = self.entries.pop_front()?;
        self.bytes -= entry.bytes;
        Some(entry)
    }

    /// The place of the first entry after number `seq`.
    pub fn after(&self, seq: u64) -> usize {
        self.entries.partition_point(|entry| entry.last() <= seq)
    }

    pub fn get(&self, place: usize) -> Option<&Entry> {
        self.entries.get(place)
    }

    /// The number of the last one.
    pub fn last(&self) -> Option<u64> {
        self.entries.back().map(Entry::last)
    }

    /// Those from a place on.
    pub fn starting_at(&self, place: usize) -> impl Iterator<Item = &Entry> {
        self.entries.range(place..)
    }

    /// The facts from a place on.
    pub fn facts_at(&self, place: usize) -> Vec<Arc<Numbered>> {
        self.starting_at(place).map(|entry| Arc::clone(&entry.fact)).collect()
    }

    /// Folds the oldest from a place on into one gap, until all weigh no more than `goal` or only the newest is left, which
    /// stays whatever it weighs. One entry for one gap would gain nothing.
    pub fn fold(&mut self, begin: usize, goal: u64, now_ms: u64) -> Option<Gap> {
        let mut end = begin;
        let mut freed = 0;
        let (mut facts, mut bytes) = (0, 0);
        while end + 1 < self.entries.len() && self.bytes - freed > goal {
            let entry = &self.entries[end];
            freed += entry.bytes;
            match &entry.fact.fact {
                Fact::Gap(gap) => (facts, bytes) = (facts + gap.facts, bytes + gap.bytes),
                _ => (facts, bytes) = (facts + 1, bytes + entry.bytes),
            }
            end += 1;
        }
        if end < begin + 2 {
            return None;
        }
        let (first, last) = (self.entries[begin].first, self.entries[end - 1].last());
        let gap = Gap { first_seq: first, last_seq: last, facts, bytes, reason: GapReason::SpoolFull };
        let entry = Entry::gap(gap.clone(), now_ms);
        self.entries.drain(begin..end);
        self.bytes = self.bytes - freed + entry.bytes;
        self.entries.insert(begin, entry);
        Some(gap)
    }
}

/// Length of a fact as it is written.
pub(super) fn encoded_bytes(fact: &Numbered) -> u64 {
    struct Count(u64);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    match serde::Serialize::serialize(fact, &mut rmp_serde::Serializer::new(&mut count).with_struct_map()) {
        Ok(()) => count.0,
        // Facts are plain maps and always write; one that did not would be told as lost.
        Err(_) => u64::MAX >> 1,
    }
}
