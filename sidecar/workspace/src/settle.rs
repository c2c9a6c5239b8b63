//! Paths that changed and wait for quiet. Pure: times come in as durations since the watch began.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::observe::Cause;

/// A path that is never quiet is looked at after so many settle times.
const PATIENCE: u32 = 10;
/// A path that is gone waits so many settle times.
const DEPARTING: u32 = 3;
/// Paths that settle within this of each other belong to one batch, so that both ends of a rename do.
const TOGETHER: Duration = Duration::from_millis(5);

/// What is known about a path that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) first: Duration,
    pub(crate) last: Duration,
    pub(crate) cause: Cause,
    /// Every event of it came while git held its index lock and had not yet written the index.
    pub(crate) under_lock: bool,
    /// It was reported while git was still at work; report it again only with an explanation.
    pub(crate) late: bool,
    /// It was not there before: what stands there may be older than its coming.
    pub(crate) arrived: bool,
    /// It was seen to be gone: it waits longer, for the path it may have been renamed to.
    pub(crate) departing: bool,
}

#[derive(Debug)]
pub(crate) struct Settle {
    quiet: Duration,
    paths: BTreeMap<String, Waiting>,
}

impl Settle {
    pub(crate) fn new(quiet: Duration) -> Self {
        Self { quiet, paths: BTreeMap::new() }
    }

    /// An event for a path, or another reason to look at it. `under_lock`: git holds its index lock and has not written the
    /// index yet. Only an event says that the file was written then; whoever goes through all files comes by at any time.
    pub(crate) fn touch(&mut self, path: String, now: Duration, cause: Cause, under_lock: bool) {
        let under_lock = under_lock && cause == Cause::Event;
        self.paths
            .entry(path)
            .and_modify(|waiting| {
                if waiting.departing && cause == Cause::Poll {
                    // Still gone, says one round after another.
                    return;
                }
                waiting.last = now;
                waiting.departing = false;
                waiting.under_lock &= under_lock;
                if waiting.cause != Cause::Asked {
                    waiting.cause = cause;
                }
            })
            .or_insert(Waiting {
                first: now,
                last: now,
                cause,
                under_lock,
                late: false,
                arrived: false,
                departing: false,
            });
    }

    fn due(&self, waiting: &Waiting) -> Duration {
        if waiting.departing {
            return waiting.last + self.quiet * DEPARTING;
        }
        (waiting.last + self.quiet).min(waiting.first + self.quiet * PATIENCE)
    }

    /// When the next path is due.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.paths.values().map(|waiting| self.due(waiting)).min()
    }

    /// Takes the paths that are due, with those due a moment later; nothing if none is due.
    pub(crate) fn take_due(&mut self, now: Duration) -> Vec<(String, Waiting)> {
        if self.deadline().is_none_or(|due| due > now) {
            return Vec::new();
        }
        let limit = now + TOGETHER;
        let due: Vec<String> =
            self.paths.iter().filter(|(_, waiting)| self.due(waiting) <= limit).map(|(path, _)| path.clone()).collect();
        self.take(due)
    }

    /// Takes the paths for which `which` holds.
    pub(crate) fn take_where(&mut self, which: impl Fn(&Waiting) -> bool) -> Vec<(String, Waiting)> {
        let chosen = self.paths.iter().filter(|(_, waiting)| which(waiting)).map(|(path, _)| path.clone()).collect();
        self.take(chosen)
    }

    fn take(&mut self, paths: Vec<String>) -> Vec<(String, Waiting)> {
        paths.into_iter().filter_map(|path| self.paths.remove_entry(&path)).collect()
    }

    /// Puts back a path that is gone, to wait for the path it may have been renamed to.
    pub(crate) fn depart(&mut self, path: String, waiting: Waiting) {
        self.paths.entry(path).or_insert(Waiting { departing: true, ..waiting });
    }

    /// All that wait.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (&String, &Waiting)> {
        self.paths.iter()
    }

    /// Forgets the paths that begin so.
    pub(crate) fn forget_below(&mut self, prefix: &str) {
        self.paths.retain(|path, _| !path.starts_with(prefix));
    }

    /// Takes one path.
    pub(crate) fn take_path(&mut self, path: &str) -> Option<Waiting> {
        self.paths.remove(path)
    }

    /// The last event of any waiting path.
    pub(crate) fn last(&self) -> Option<Duration> {
        self.paths.values().map(|waiting| waiting.last).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn names(taken: &[(String, Waiting)]) -> Vec<&str> {
        taken.iter().map(|(path, _)| path.as_str()).collect()
    }

    #[test]
    fn quiet_per_path_with_an_upper_bound() {
        let mut settle = Settle::new(ms(30));
        settle.touch("a".into(), ms(0), Cause::Event, false);
        settle.touch("b".into(), ms(3), Cause::Event, false);
        settle.touch("c".into(), ms(20), Cause::Event, false);
        assert_eq!(settle.deadline(), Some(ms(30)));
        assert!(settle.take_due(ms(29)).is_empty());
        assert_eq!(names(&settle.take_due(ms(30))), ["a", "b"]);
        for now in (40..=400).step_by(20) {
            settle.touch("c".into(), ms(now), Cause::Event, false);
            if now >= 320 {
                assert_eq!(names(&settle.take_due(ms(now))), if now == 320 { vec!["c"] } else { vec![] });
            }
        }
    }

    #[test]
    fn a_path_that_is_gone_waits_longer_unless_it_comes_back() {
        let mut settle = Settle::new(ms(30));
        for path in ["gone", "back"] {
            settle.touch(path.into(), ms(0), Cause::Event, false);
        }
        for (path, waiting) in settle.take_due(ms(30)) {
            settle.depart(path, waiting);
        }
        assert!(settle.take_due(ms(60)).is_empty());
        settle.touch("back".into(), ms(61), Cause::Event, false);
        assert_eq!(names(&settle.take_due(ms(90))), ["back", "gone"]);
    }

    #[test]
    fn one_event_outside_the_lock_spoils_it() {
        let mut settle = Settle::new(ms(30));
        for (path, second) in [("kept", true), ("spoilt", false)] {
            settle.touch(path.into(), ms(0), Cause::Event, true);
            settle.touch(path.into(), ms(1), Cause::Event, second);
        }
        let all = settle.take_where(|_| true);
        assert_eq!(all.iter().map(|(_, waiting)| waiting.under_lock).collect::<Vec<_>>(), [true, false]);
    }

    /// Changed settings make the watch go through all files, perhaps while git holds its lock.
    #[test]
    fn coming_by_under_the_lock_says_nothing_of_the_write() {
        for cause in [Cause::Rescan, Cause::Poll] {
            let mut settle = Settle::new(ms(30));
            settle.touch("a".into(), ms(0), cause, true);
            assert!(!settle.take_where(|_| true)[0].1.under_lock, "{cause:?}");
        }
    }
}
