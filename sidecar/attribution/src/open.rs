//! Disk changes that a later fact may still explain, and the way the bytes of a file went from state to state.
//!
//! Every disk change is kept for five minutes with the ruling it has. When a save, a hook or a git operation comes
//! late, the hub judges the file's changes again with all it knows now and writes an upgrade for each that ends
//! better. Absent on purpose: the judging itself, and everything older; what is still unexplained then stays so.

use std::collections::{BTreeMap, VecDeque};

use codi2_protocol::{Digest, EventId, FileId};

use crate::disk::{overlaps, window};
use crate::way::way;
use crate::{DiskRuling, Intent, Moment, Observed, Rung, Transition};

/// How long a disk change may still be upgraded, in ms.
pub const OPEN_MS: u64 = 5 * 60_000;
/// How many disk changes of one file are kept; the oldest goes first.
pub const OPEN_PER_FILE: usize = 128;
/// How many disk changes are kept in all; the oldest quarter goes first.
pub const OPEN_IN_ALL: usize = if cfg!(test) { 400 } else { 16_384 };

/// A disk change as it was seen and judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The event that reported it.
    pub event: EventId,
    /// The bytes before; absent for a created file.
    pub before: Option<Digest>,
    /// The bytes after; absent for a deleted file.
    pub after: Option<Digest>,
    /// When the file was last known to hold `before`.
    pub from: Moment,
    /// When it was seen to hold `after`.
    pub to: Moment,
    /// How it was found.
    pub observed: Observed,
    /// The ruling that stands.
    pub ruling: DiskRuling,
}

impl Change {
    /// The change as a step of the file's bytes.
    pub const fn transition(&self) -> Transition {
        Transition { before: self.before, after: self.after, from: self.from, to: self.to }
    }

    /// Whether news of a call on its file can lead to another ruling; `ended` are all calls that ended there.
    ///
    /// They can if the call was open when the change happened or shares a state with it. What no digest explains yet may
    /// also be several calls' doing, one after the other, of which the news is the missing one.
    pub fn is_touched_by(&self, news: &Intent, ended: &[Intent]) -> bool {
        let rung = self.ruling.rung();
        if rung == Rung::Git {
            return false;
        }
        let shares = news.before.is(self.before) || news.after.is(self.after);
        let (from, to) = window(self.observed, self.from, self.to);
        let between = || {
            rung > Rung::IntentExact
                && ended.iter().any(|call| call.before.is(self.before))
                && ended.iter().any(|call| call.after.is(self.after))
        };
        shares || overlaps(news, from, to) || between()
    }
}

#[derive(Debug, Clone)]
struct Entry {
    noted_ms: u64,
    /// Which change of the book it is: the higher the newer.
    number: u64,
    change: Change,
}

/// The disk changes of the last five minutes, file by file.
#[derive(Debug, Clone, Default)]
pub struct OpenBook {
    files: BTreeMap<FileId, VecDeque<Entry>>,
    /// How many there are in all.
    len: usize,
    /// The newest number.
    newest: u64,
    /// When the oldest was noted, or earlier.
    oldest_ms: u64,
}

impl OpenBook {
    /// Notes a change with its first ruling.
    pub fn note(&mut self, file: &FileId, change: Change, now_ms: u64) {
        if now_ms >= self.oldest_ms.saturating_add(OPEN_MS) {
            self.expire(now_ms);
        }
        self.newest += 1;
        let entry = Entry { noted_ms: now_ms, number: self.newest, change };
        let entries = self.files.entry(file.clone()).or_default();
        if entries.len() >= OPEN_PER_FILE {
            entries.pop_front();
            self.len -= 1;
        }
        if entries.is_empty() {
            // Most files have one, and room for more of them would be most of what a hub of many files holds.
            entries.reserve_exact(1);
        }
        entries.push_back(entry);
        self.len += 1;
        if self.len > OPEN_IN_ALL {
            let last = self.newest - (OPEN_IN_ALL / 4 * 3) as u64;
            self.keep(|entry| entry.number > last);
        }
    }

    fn keep(&mut self, which: impl Fn(&Entry) -> bool) {
        for entries in self.files.values_mut() {
            entries.retain(&which);
        }
        self.files.retain(|_, entries| !entries.is_empty());
        self.len = self.files.values().map(VecDeque::len).sum();
    }

    /// The changes of a file that may still be judged again, oldest first.
    pub fn on(&self, file: &FileId) -> impl DoubleEndedIterator<Item = &Change> {
        self.files.get(file).into_iter().flatten().map(|entry| &entry.change)
    }

    /// The files with changes that may still be judged again.
    pub fn files(&self) -> impl Iterator<Item = &FileId> {
        self.files.keys()
    }

    /// The events of all of them.
    pub fn events(&self) -> impl Iterator<Item = EventId> {
        self.files.values().flatten().map(|entry| entry.change.event)
    }

    /// The newest change of a file that ended in this state.
    pub fn ended_in(&self, file: &FileId, after: Option<Digest>) -> Option<&Change> {
        self.on(file).rev().find(|change| change.after == after)
    }

    /// The steps of a file's bytes, oldest first: what [`crate::DiskFacts::transitions`] takes.
    pub fn transitions(&self, file: &FileId) -> Vec<Transition> {
        self.on(file).map(Change::transition).collect()
    }

    /// The shortest way of a file's bytes from one state to another, as the events of its changes in order. Empty if
    /// the states are the same; absent if no way is known.
    pub fn chain(&self, file: &FileId, before: Option<Digest>, after: Option<Digest>) -> Option<Vec<EventId>> {
        let changes: Vec<&Change> = self.on(file).collect();
        let steps = way(before, after, changes.len(), |step| (changes[step].before, changes[step].after))?;
        Some(steps.into_iter().map(|step| changes[step].event).collect())
    }

    /// Gives a change the ruling that stands now. `false`: the change is not known any more.
    pub fn rule(&mut self, file: &FileId, event: EventId, ruling: DiskRuling) -> bool {
        let entry = self.files.get_mut(file).and_then(|entries| entries.iter_mut().find(|e| e.change.event == event));
        entry.map(|entry| entry.change.ruling = ruling).is_some()
    }

    /// The changes of `from` belong to `to` now: the file was renamed.
    pub fn rename(&mut self, from: &FileId, to: &FileId) {
        if let Some(moved) = self.files.remove(from) {
            let entries = self.files.entry(to.clone()).or_default();
            entries.extend(moved);
            entries.make_contiguous().sort_by_key(|entry| entry.noted_ms);
            let over = entries.len().saturating_sub(OPEN_PER_FILE);
            entries.drain(..over);
            self.len -= over;
        }
    }

    /// Forgets what is too old. A clock that was set back makes what it noted before as old as now.
    pub fn expire(&mut self, now_ms: u64) {
        for entry in self.files.values_mut().flatten() {
            entry.noted_ms = entry.noted_ms.min(now_ms);
        }
        self.keep(|entry| now_ms < entry.noted_ms.saturating_add(OPEN_MS));
        self.oldest_ms = self.files.values().flatten().map(|entry| entry.noted_ms).min().unwrap_or(now_ms);
    }

    /// When [`OpenBook::expire`] has something to do next; absent while the book is empty.
    pub fn deadline(&self) -> Option<u64> {
        self.files.values().flatten().map(|entry| entry.noted_ms.saturating_add(OPEN_MS)).min()
    }
}

#[cfg(test)]
mod tests;
