//! When git is at work: file changes seen then are held back until its own files tell what it did. Pure: times come
//! in, answers go out.
//!
//! The window opens at the first sign (index lock, HEAD, index, reflog) and closes when no lock is left and 50 ms are
//! quiet. A mark alone (a paused rebase) does not open it: then a person is editing.

use std::time::Duration;

/// Quiet time that closes a window.
const QUIET: Duration = Duration::from_millis(50);
/// A lock that nothing happens under for this long is taken for left behind.
const STALE: Duration = Duration::from_secs(2);
/// A path is held this long after its last event, at most.
const HELD_QUIET: Duration = Duration::from_secs(2);
/// A path is held this long, at most.
const HELD: Duration = Duration::from_secs(10);

/// The index lock, in the order of its events. Git takes it, writes files of the worktree, then writes the new index
/// into it; so a file written while the lock is taken and still empty was written by the lock's holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Lock {
    /// Nobody holds it.
    #[default]
    Free,
    /// Held, nothing written into it yet.
    Empty,
    /// Held, the new index is in it.
    Written,
}

#[derive(Debug, Default)]
pub(crate) struct Window {
    opened: Option<Duration>,
    last: Duration,
    own: bool,
    pub(crate) lock: Lock,
}

impl Window {
    /// Git moved something. `own`: something of this worktree, not only what all worktrees share.
    pub(crate) fn sign(&mut self, now: Duration, own: bool) {
        self.opened.get_or_insert(now);
        self.last = now;
        self.own |= own;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.opened.is_some()
    }

    /// When it opened.
    pub(crate) fn opened(&self) -> Option<Duration> {
        self.opened
    }

    /// Whether this worktree's own git moved while it was open.
    pub(crate) fn own(&self) -> bool {
        self.own
    }

    /// Whether it may close now; `locked` tells whether a lock file lies there, `files` when the last file event was.
    pub(crate) fn may_close(&self, now: Duration, locked: bool, files: Option<Duration>) -> bool {
        if !self.is_open() {
            return false;
        }
        let last = files.map_or(self.last, |files| files.max(self.last));
        if locked { now >= last + STALE } else { now >= self.last + QUIET }
    }

    /// When to ask [`Self::may_close`] again.
    pub(crate) fn deadline(&self, now: Duration) -> Option<Duration> {
        self.is_open().then(|| (self.last + QUIET).max(now + Duration::from_millis(10)))
    }

    pub(crate) fn close(&mut self) {
        self.opened = None;
        self.own = false;
    }

    /// Whether a path waited long enough although the window is open.
    pub(crate) fn overdue(now: Duration, first: Duration, last: Duration) -> bool {
        now >= last + HELD_QUIET || now >= first + HELD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn closes_after_quiet_without_lock() {
        let mut window = Window::default();
        assert!(!window.may_close(ms(1_000), false, None));
        window.sign(ms(100), true);
        window.sign(ms(120), false);
        assert!(!window.may_close(ms(169), false, None));
        assert!(window.may_close(ms(170), false, None));
        assert!(!window.may_close(ms(170), true, None));
        assert!(window.own());
        window.close();
        assert!(!window.is_open() && !window.own());
    }

    #[test]
    fn a_lock_left_behind_does_not_hold_for_ever() {
        let mut window = Window::default();
        window.sign(ms(100), true);
        assert!(!window.may_close(ms(2_099), true, None));
        assert!(window.may_close(ms(2_100), true, None));
        assert!(!window.may_close(ms(2_100), true, Some(ms(1_000))));
    }

    #[test]
    fn a_path_is_held_for_a_bounded_time() {
        assert!(!Window::overdue(ms(2_999), ms(1_000), ms(1_000)));
        assert!(Window::overdue(ms(3_000), ms(1_000), ms(1_000)));
        assert!(!Window::overdue(ms(10_999), ms(1_000), ms(10_000)));
        assert!(Window::overdue(ms(11_000), ms(1_000), ms(10_000)));
    }
}
