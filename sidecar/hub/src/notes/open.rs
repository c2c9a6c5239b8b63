//! Commits about which something may still be found out, of one repository, for as long as late evidence may come. When
//! that is over each is looked at once more: what was worked out for it is as it will stay.
//!
//! Bounded in number and time. Absent on purpose: looking.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use codi2_attribution::record::CommitRecord;
use codi2_protocol::EventId;
use codi2_workspace::{Change, Commit, Oid, Place};

use crate::core::Why;

/// Commits that are looked at again when more is known, of one repository, at most, and for how long after they were
/// noted (ms): as long as late evidence may come.
pub(super) const OPEN: usize = 256;
pub(super) const OPEN_MS: u64 = codi2_attribution::OPEN_MS;
/// Those of them that nobody saw at all are looked at again whenever git moves, the newest.
const UNSEEN: usize = 16;
/// What a commit brought is kept for its next looks if it brought lines to so many files at most.
const FILES: usize = 32;

/// A commit about which something may still be found out.
pub(super) struct Open {
    pub commit: Commit,
    /// What it brought, which stays as it is; none of one that brought too much to be kept.
    pub changes: Option<Arc<[Change]>>,
    /// Where it was seen.
    pub place: Place,
    pub until_ms: u64,
    /// The note as it was written here.
    pub written: Option<Written>,
    /// The events on which it depends.
    pub events: HashSet<EventId>,
    /// Whether nobody saw some of it.
    pub is_unseen: bool,
    /// Where it has its lines from, if nobody saw them.
    pub relatives: Arc<Relatives>,
}

/// A note that was written here.
pub(super) struct Written {
    pub text: String,
    /// What was known here.
    pub record: CommitRecord,
    /// What others knew of the commit.
    pub theirs: Option<CommitRecord>,
}

/// Commits in which a content that nobody saw may have relatives, of each kind the newest first.
#[derive(Debug, Default)]
pub(super) struct Relatives {
    /// What was dropped when it came, which it may replace.
    pub dropped: Vec<Oid>,
    /// What is on other branches, from where it may be picked.
    pub beside: Vec<Oid>,
}

/// Those of one repository.
#[derive(Default)]
pub(super) struct OpenCommits(BTreeMap<Oid, Open>);

impl OpenCommits {
    /// Those that these reasons concern, and those whose time is over. Of one that was asked for, all that is open.
    pub fn wanted(&self, whys: &[Why], now_ms: u64) -> Vec<Oid> {
        let mut unseen: Vec<&Open> = self.0.values().filter(|open| open.is_unseen).collect();
        unseen.sort_by_key(|open| std::cmp::Reverse(open.until_ms));
        let unseen: HashSet<Oid> = unseen.iter().take(UNSEEN).map(|open| open.commit.id).collect();
        let concerned = |open: &&Open| {
            open.until_ms <= now_ms
                || whys.iter().any(|why| match why {
                    Why::Moved => unseen.contains(&open.commit.id),
                    Why::Learned(event) => open.events.contains(event),
                    Why::Asked(_) => true,
                })
        };
        self.0.values().filter(concerned).map(|open| open.commit.id).collect()
    }

    pub fn get(&self, commit: Oid) -> Option<&Open> {
        self.0.get(&commit)
    }

    pub fn take(&mut self, commit: Oid) -> Option<Open> {
        self.0.remove(&commit)
    }

    /// One more, unless its time is over; where there are too many the oldest goes.
    pub fn put(&mut self, mut open: Open, now_ms: u64) {
        open.changes = open.changes.filter(|changes| changes.len() <= FILES);
        if open.until_ms > now_ms {
            self.0.insert(open.commit.id, open);
        }
        while self.0.len() > OPEN
            && let Some(oldest) = self.0.values().min_by_key(|open| open.until_ms).map(|open| open.commit.id)
        {
            self.0.remove(&oldest);
        }
    }

    /// Forgets those whose time was over: they were looked at for the last time.
    pub fn expire(&mut self, now_ms: u64) {
        self.0.retain(|_, open| open.until_ms > now_ms);
    }

    /// Where the one whose time is over first was seen, or else another one, if that worktree is still there.
    pub fn place(&self) -> Option<Place> {
        let mut open: Vec<&Open> = self.0.values().collect();
        open.sort_by_key(|open| open.until_ms);
        open.iter().map(|open| &open.place).find(|place| place.root.exists()).cloned()
    }

    /// The one whose time is over first.
    pub fn next(&self) -> Option<&Open> {
        self.0.values().min_by_key(|open| open.until_ms)
    }
}

#[cfg(test)]
mod tests {
    use codi2_protocol::{RepositoryId, WorktreeId};

    use super::*;

    fn oid(number: usize) -> Oid {
        Oid::parse(&format!("{number:040x}")).expect("a name")
    }

    fn open(number: usize, until_ms: u64, event: Option<EventId>) -> Open {
        let repository: RepositoryId = "00000000-0000-7000-8000-000000000001".parse().expect("a UUID");
        let place = Place {
            root: "/w".into(),
            worktree: WorktreeId { repository, name: String::new() },
            git_dir: None,
            common_dir: None,
            branch: None,
            head: None,
            person: String::new(),
            is_git_identity: false,
        };
        Open {
            commit: Commit { id: oid(number), parents: Vec::new() },
            changes: None,
            place,
            until_ms,
            written: None,
            events: event.into_iter().collect(),
            is_unseen: event.is_none(),
            relatives: Arc::default(),
        }
    }

    #[test]
    fn each_is_wanted_once_more_when_its_time_is_over() {
        let event = EventId::new();
        let mut all = OpenCommits::default();
        for (number, until_ms, event) in [(1, 100, Some(event)), (2, 200, None), (3, 300, Some(EventId::new()))] {
            all.put(open(number, until_ms, event), 0);
        }
        let wanted = |all: &OpenCommits, whys: &[Why], now| all.wanted(whys, now);
        assert!(wanted(&all, &[], 99).is_empty());
        assert_eq!(wanted(&all, &[Why::Learned(event)], 99), [oid(1)]);
        assert_eq!(wanted(&all, &[Why::Moved], 99), [oid(2)]);
        assert_eq!(all.next().map(|open| open.until_ms), Some(100));
        assert_eq!(wanted(&all, &[], 100), [oid(1)], "a last look");
        // Looked at, it is not open any more, whatever is not known of it.
        let last = all.take(oid(1)).expect("it is open");
        all.put(last, 100);
        all.expire(100);
        assert!(wanted(&all, &[Why::Learned(event)], 199).is_empty());
        assert_eq!(wanted(&all, &[], 300), [oid(2), oid(3)]);
        all.expire(300);
        assert!(all.next().is_none());
    }

    #[test]
    fn the_oldest_goes() {
        let mut all = OpenCommits::default();
        (0..OPEN + 3).for_each(|number| all.put(open(number, 10 + number as u64, None), 0));
        assert_eq!((all.0.len(), all.next().map(|open| open.until_ms)), (OPEN, Some(13)));
    }
}
