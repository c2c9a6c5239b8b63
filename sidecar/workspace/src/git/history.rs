//! The states git went through lately, so that a file is judged by the state before it was written.
//!
//! Events come late and windows may close between two steps of one git command. What counts is not when we heard of a
//! file but when its inode last changed: the newest state read before that moment is what git had before.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use super::explain::CLOCK;
use super::operation::Movement;
use super::{Moved, State};

/// States kept at most.
const STATES: usize = 64;
/// States older than this are forgotten, but for the newest of them.
const KEPT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct History {
    /// Oldest first, never empty.
    states: VecDeque<Past>,
}

#[derive(Debug)]
struct Past {
    state: State,
    /// What the reflog said since the state before.
    entries: Vec<Moved>,
    /// Whether this worktree's own git led here.
    own: bool,
}

impl History {
    pub(crate) fn new(state: State) -> Self {
        Self { states: VecDeque::from([Past { state, entries: Vec::new(), own: false }]) }
    }

    pub(crate) fn latest(&self) -> &State {
        &self.states[self.states.len() - 1].state
    }

    /// When the oldest state that is remembered was read.
    pub(crate) fn since_when(&self) -> SystemTime {
        self.states[0].state.done
    }

    pub(crate) fn push(&mut self, state: State, entries: Vec<Moved>, own: bool) {
        let old = |past: &Past| state.done.duration_since(past.state.done).is_ok_and(|age| age > KEPT);
        while self.states.len() >= STATES || self.states.get(1).is_some_and(old) {
            self.states.pop_front();
        }
        self.states.push_back(Past { state, entries, own });
    }

    /// What git did in the newest step.
    pub(crate) fn last_step(&self) -> Option<(&State, Movement)> {
        self.since(self.states.len().checked_sub(2)?)
    }

    /// The state that stood when a file was written, what git did since, and whether it did so to this worktree;
    /// `None` if nothing moved since but what other worktrees have of their own, or if the write is older than all that
    /// is remembered: what a later state holds may have been taken from that very file.
    pub(crate) fn before(&self, written: SystemTime) -> Option<(&State, Movement, bool)> {
        let stood = |past: &Past| past.state.done <= written + CLOCK;
        let at = self.states.iter().rposition(|past| past.state.done <= written);
        let at = at.or_else(|| stood(&self.states[0]).then_some(0))?;
        let own = self.states.iter().skip(at + 1).any(|past| past.own);
        let (before, moved) = self.since(at)?;
        (own || before.stashes != self.latest().stashes).then_some((before, moved, own))
    }

    fn since(&self, at: usize) -> Option<(&State, Movement)> {
        let before = &self.states.get(at)?.state;
        let entries = self.states.iter().skip(at + 1).flat_map(|past| past.entries.iter().cloned()).collect();
        Some((before, Movement::between(before, self.latest(), entries)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(seconds: u64) -> State {
        State { done: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds), ..State::nothing() }
    }

    #[test]
    fn the_state_before_the_write_counts() {
        let mut history = History::new(state(100));
        history.push(state(105), Vec::new(), true);
        history.push(state(107), Vec::new(), false);
        let before = |seconds| {
            let found = history.before(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            found.map(|(state, ..)| state.done.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
        };
        // (written, base): nothing of ours moved after 105.
        for (written, base) in [(50, None), (100, Some(100)), (104, Some(100)), (105, None), (106, None), (110, None)] {
            assert_eq!(before(written), base, "{written}");
        }
    }

    #[test]
    fn it_is_bounded_and_keeps_one_old_state() {
        let mut history = History::new(state(0));
        for second in 1..=100 {
            history.push(state(second), Vec::new(), true);
            assert!(history.states.len() <= 23);
        }
        history.push(state(1_000), Vec::new(), true);
        assert_eq!(history.states.len(), 2);
        for _ in 0..200 {
            history.push(state(1_000), Vec::new(), true);
        }
        assert_eq!(history.states.len(), STATES);
    }
}
