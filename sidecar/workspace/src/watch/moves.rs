//! The two ends of a move: a path that is gone and a new one with its content. Both are in one batch, or the one that is
//! gone waits for the other. Where a busy machine tells of them further apart, whichever end is seen second brings the
//! pairing, if the inode says that it is one file.
//!
//! Bounded in number and time. Absent on purpose: who owns what moved.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use codi2_protocol::Digest;

use super::engine::{Engine, Seen};
use crate::observe::Observation;
use crate::read::Reading;
use crate::settle::Waiting;

/// How long after one end of a move the other may still be seen.
const APART: Duration = Duration::from_secs(5);
/// Ends that wait for their others, of each kind.
const ENDS: usize = 256;

/// A path that is gone, with what was last seen of it.
pub(super) struct Departed {
    pub(super) path: String,
    /// `None`: that it is gone was reported before, without an explanation.
    pub(super) seen: Option<Seen>,
    pub(super) waiting: Waiting,
    pub(super) at_ms: u64,
    /// Not of this batch: it still waits, and only a rename takes it along.
    pub(super) pending: bool,
}

/// What is gone in a batch, and what of it was found again.
pub(super) struct Departures {
    pub(super) all: Vec<Departed>,
    paired: Vec<bool>,
    by_digest: BTreeMap<Digest, Vec<usize>>,
}

impl Departures {
    pub(super) fn new(all: Vec<Departed>) -> Self {
        let mut by_digest: BTreeMap<Digest, Vec<usize>> = BTreeMap::new();
        for (index, gone) in all.iter().enumerate() {
            if let Some(seen) = gone.seen {
                by_digest.entry(seen.digest).or_default().push(index);
            }
        }
        let paired = vec![false; all.len()];
        Self { all, paired, by_digest }
    }

    /// Finds the path that a new file had before: gone in the same batch with equal content. Several candidates: the
    /// same inode first, then the same file name. An empty file needs one of the two.
    pub(super) fn pair(&mut self, path: &str, digest: Digest, reading: &Reading) -> Option<String> {
        let name = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let inode = reading.stamp.map(|stamp| stamp.inode);
        let candidates = self.by_digest.get(&digest)?.iter().copied().filter(|at| !self.paired[*at]);
        let rank = |at: &usize| {
            let gone = &self.all[*at];
            (inode == gone.seen.map(|seen| seen.stamp.inode), name(&gone.path) == name(path))
        };
        let best = candidates.max_by_key(rank)?;
        if reading.content.size() == 0 && rank(&best) == (false, false) {
            return None;
        }
        self.paired[best] = true;
        Some(self.all[best].path.clone())
    }

    /// All that is gone, and whether it was found again.
    pub(super) fn into_pairs(self) -> impl Iterator<Item = (Departed, bool)> {
        self.all.into_iter().zip(self.paired)
    }
}

/// Ends of moves that were told of alone, oldest first.
#[derive(Default)]
pub(super) struct Ends {
    arrived: VecDeque<End>,
    departed: VecDeque<End>,
}

struct End {
    path: String,
    digest: Digest,
    inode: u64,
    until: Duration,
}

impl Ends {
    /// A new file that came from nowhere.
    pub(super) fn arrives(&mut self, path: &str, seen: Seen, now: Duration) {
        put(&mut self.arrived, path, seen, now);
    }

    /// A file went nowhere.
    pub(super) fn departs(&mut self, path: &str, seen: Seen, now: Duration) {
        put(&mut self.departed, path, seen, now);
    }

    /// Where the file that is gone from `path` arrived before.
    pub(super) fn arrival(&mut self, path: &str, seen: Seen, now: Duration) -> Option<String> {
        take(&mut self.arrived, path, seen, now)
    }

    /// From where the file that is new at `path` departed before.
    pub(super) fn departure(&mut self, path: &str, seen: Seen, now: Duration) -> Option<String> {
        take(&mut self.departed, path, seen, now)
    }
}

fn put(ends: &mut VecDeque<End>, path: &str, seen: Seen, now: Duration) {
    ends.retain(|end| end.path != path && now < end.until);
    // Where the system numbers no inodes, nothing says that two ends are of one file.
    if seen.stamp.inode != 0 {
        let (path, digest, inode) = (path.to_owned(), seen.digest, seen.stamp.inode);
        ends.push_back(End { path, digest, inode, until: now + APART });
    }
    if ends.len() > ENDS {
        ends.pop_front();
    }
}

fn take(ends: &mut VecDeque<End>, path: &str, seen: Seen, now: Duration) -> Option<String> {
    ends.retain(|end| end.path != path && now < end.until);
    let at = ends.iter().rposition(|end| end.digest == seen.digest && end.inode == seen.stamp.inode)?;
    ends.remove(at).map(|end| end.path)
}

impl Engine {
    /// The path that a new file had before. Of one that came from nowhere it may still be told.
    pub(super) fn came_from(
        &mut self,
        path: &str,
        digest: Digest,
        reading: &Reading,
        departed: &mut Departures,
    ) -> Option<String> {
        let found = departed.pair(path, digest, reading);
        let (None, Some(stamp)) = (&found, reading.stamp) else { return found };
        let (seen, now) = (Seen { digest, stamp, young: false }, self.now());
        let from = self.ends.departure(path, seen, now);
        if from.is_none() {
            self.ends.arrives(path, seen, now);
        }
        from
    }

    /// The file whose old path is gone now and that was reported at its new one before: once more, with where it was.
    pub(super) fn went_to(&mut self, gone: &Departed) -> Option<Observation> {
        let (seen, now) = (gone.seen?, self.now());
        let Some(path) = self.ends.arrival(&gone.path, seen, now) else {
            self.ends.departs(&gone.path, seen, now);
            return None;
        };
        let reading = self.read_path(&path).filter(|reading| reading.content.digest() == Some(seen.digest))?;
        let git = self.explain(&path, &reading, &Waiting { arrived: true, ..gone.waiting });
        let blob = self.clean(&path, &reading);
        let Reading { content, written, at_ms, .. } = reading;
        let (from, cause) = (Some(gone.path.clone()), gone.waiting.cause);
        Some(Observation { path, from, content, git, blob, written, cause, at_ms })
    }

    /// Paths that are gone and still wait: a new file may have been one of them.
    pub(super) fn pending_departures(&self) -> Vec<Departed> {
        let absent = |path: &str| {
            let meta = self.folders.full(path).map(std::fs::symlink_metadata);
            meta.is_some_and(|meta| meta.is_err())
        };
        let at_ms = self.shared.clock.now_ms();
        let known = self.settle.waiting().filter_map(|(path, waiting)| Some((path, waiting, self.last_of(path)?)));
        known
            .filter(|(path, ..)| absent(path))
            .map(|(path, waiting, seen)| Departed {
                path: path.clone(),
                seen: Some(seen),
                waiting: *waiting,
                at_ms,
                pending: true,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(inode: u64, content: u8) -> Seen {
        let stamp = crate::read::Stamp { size: 1, modified: None, inode };
        Seen { digest: Digest::new([content; 32]), stamp, young: false }
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_second_end_finds_the_first() {
        let mut ends = Ends::default();
        ends.arrives("new", seen(7, 1), s(0));
        assert_eq!(ends.arrival("old", seen(8, 1), s(1)), None, "a copy is another file");
        assert_eq!(ends.arrival("old", seen(7, 2), s(1)), None, "written since, or the inode's next file");
        assert_eq!(ends.arrival("old", seen(7, 1), s(1)), Some("new".into()));
        assert_eq!(ends.arrival("old", seen(7, 1), s(1)), None, "once");
        ends.departs("old", seen(7, 1), s(1));
        assert_eq!(ends.departure("new", seen(7, 1), s(2)), Some("old".into()));
        ends.departs("old", seen(7, 1), s(1));
        assert_eq!(ends.departure("old", seen(7, 1), s(2)), None, "back where it was");
        assert_eq!(ends.departure("new", seen(7, 1), s(2)), None);
    }

    #[test]
    fn ends_are_bounded() {
        let mut ends = Ends::default();
        for number in 0..2 * ENDS as u64 {
            ends.departs(&number.to_string(), seen(number, 1), s(0));
        }
        assert_eq!(ends.departed.len(), ENDS);
        ends.departs("none", seen(0, 1), s(0));
        assert_eq!(ends.departure("new", seen(0, 1), s(0)), None, "no number is no inode");
        ends.departs("late", seen(1, 1), s(9));
        assert_eq!(ends.departed.len(), 1);
    }
}
