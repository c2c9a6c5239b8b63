//! Contents that somebody was told of before it was known what git did, and that may be gone from the disk by then: a
//! look between two commands of git sees a file that neither the state before nor the one after knows.
//!
//! Bounded in number, bytes and time. Absent on purpose: what is still there, which is judged again (`judge`).

use std::collections::VecDeque;
use std::time::Duration;

use super::engine::Engine;
use crate::git::Writing;
use crate::observe::WatchEvent;
use crate::read::Reading;

/// So many are held at most,
const HELD: usize = 256;
/// of so many bytes together.
const HELD_BYTES: u64 = 8 << 20;

/// What is held, oldest first.
#[derive(Default)]
pub(super) struct Held {
    readings: VecDeque<(String, Reading, Duration)>,
    bytes: u64,
    /// So many of them git was asked about in the state it is in.
    asked: usize,
}

impl Held {
    /// When to ask git about what is new, or to let go of what it did not explain.
    pub(super) fn due(&self, now: Duration) -> Option<Duration> {
        self.readings.front().map(|(_, _, until)| if self.asked < self.readings.len() { now } else { *until })
    }
}

impl Engine {
    /// Holds what was read, until git explains it or does not in time.
    pub(super) fn hold(&mut self, path: &str, reading: Reading) {
        // What is gone has no owners, and what is too large to hold cannot be compared later.
        if self.git.is_none() || reading.raw.is_none() {
            return;
        }
        let until = self.now() + self.unsure_for();
        let held = &mut self.held;
        let same = |(of, known, _): &&mut (String, Reading, Duration)| of == path && known.written == reading.written;
        if let Some((_, _, known_until)) = held.readings.iter_mut().find(same) {
            *known_until = until;
            return;
        }
        held.bytes += reading.content.size();
        held.readings.push_back((path.to_owned(), reading, until));
        while (held.readings.len() > HELD || held.bytes > HELD_BYTES)
            && let Some((_, dropped, _)) = held.readings.pop_front()
        {
            held.bytes -= dropped.content.size();
            held.asked = held.asked.saturating_sub(1);
        }
    }

    /// Tells what git explains of it by now. `moved`: git's operations are about to be reported, and are so first.
    /// Returns whether they have been.
    pub(super) fn explain_held(&mut self, moved: bool) -> bool {
        let now = self.now();
        let mut named = !moved;
        let asked = if moved { 0 } else { self.held.asked };
        for (number, (path, reading, until)) in std::mem::take(&mut self.held.readings).into_iter().enumerate() {
            let git = if number < asked { None } else { self.explain_written(&path, &reading, Writing::Free) };
            if let (Some(git), Some(digest), Some(written)) = (git, reading.content.digest(), reading.written) {
                named = named || self.name(Some(git.operation.as_str()));
                self.held.bytes -= reading.content.size();
                self.send(WatchEvent::Explained { path, digest, written, git });
            } else if now < until {
                self.held.readings.push_back((path, reading, until));
            } else {
                self.held.bytes -= reading.content.size();
            }
        }
        self.held.asked = self.held.readings.len();
        self.rest();
        named
    }
}
