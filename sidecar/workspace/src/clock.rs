//! The time that a watch lives in: the system's, or one that is moved on by hand ([`crate::Hand`]).
//!
//! A watch waits for files to settle and for git to be done. Whoever tries thousands of histories moves the time on
//! instead. The kernel's times of files come along: a file written after the time was moved on is later by as much.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The system's time, unless a hand moves it on.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<Mutex<Vec<Jump>>>>);

/// From this moment of the system's clock on, the time is so much ahead of it.
#[derive(Debug, Clone, Copy)]
struct Jump {
    from: SystemTime,
    ahead: Duration,
}

impl Clock {
    pub(crate) fn by_hand() -> Self {
        Self(Some(Arc::default()))
    }

    fn jumps(&self) -> Option<MutexGuard<'_, Vec<Jump>>> {
        Some(self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Moves the time on, if it is moved by hand. A file written within the kernel's tick after this still counts as
    /// written before.
    pub(crate) fn advance(&self, by: Duration) {
        if let Some(mut jumps) = self.jumps() {
            let ahead = jumps.last().map_or(by, |last| last.ahead + by);
            jumps.push(Jump { from: SystemTime::now(), ahead });
        }
    }

    /// How far it is ahead of the system's clock now.
    pub(crate) fn ahead(&self) -> Duration {
        self.jumps().and_then(|jumps| jumps.last().copied()).map_or(Duration::ZERO, |last| last.ahead)
    }

    /// The moment it is.
    pub(crate) fn now(&self) -> SystemTime {
        SystemTime::now() + self.ahead()
    }

    /// The moment it is, in ms since the Unix epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        let since = self.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// What a time that the kernel gave a file is here.
    pub(crate) fn of(&self, time: SystemTime) -> SystemTime {
        let Some(jumps) = self.jumps() else { return time };
        let at = jumps.partition_point(|jump| jump.from <= time);
        at.checked_sub(1).map_or(time, |at| time + jumps[at].ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_files_come_along_and_keep_their_order() {
        let clock = Clock::by_hand();
        let before = SystemTime::now();
        assert_eq!(clock.of(before), before);
        let mut last = clock.of(before);
        for _ in 0..3 {
            clock.advance(Duration::from_secs(60));
            let written = SystemTime::now();
            assert!(clock.of(written) >= last + Duration::from_secs(60) && clock.of(written) <= clock.now());
            last = clock.of(written);
        }
        assert_eq!(clock.of(before), before, "what was written before stays where it was");
        assert_eq!(clock.ahead(), Duration::from_secs(180));
    }

    #[test]
    fn the_systems_time_is_not_moved() {
        let clock = Clock::default();
        clock.advance(Duration::from_secs(60));
        let written = SystemTime::now();
        assert_eq!((clock.ahead(), clock.of(written)), (Duration::ZERO, written));
    }
}
