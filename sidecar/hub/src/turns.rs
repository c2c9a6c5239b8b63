//! Turns of the watches: how much of what they saw may wait for the core, in events and in bytes. A watch that finds no
//! room waits, and the rest waits on the disk.
//!
//! The first look at a worktree reads faster than the core takes in; without a bound in bytes its pages would be most of
//! the hub's memory, which no allocator gives back afterwards.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use codi2_workspace::{Content, WatchEvent};

/// Events that wait, at most.
const EVENTS: usize = if cfg!(test) { 1 } else { 32 };
/// Bytes of contents that wait, at most; one event alone may have more.
const BYTES: usize = if cfg!(test) { 64 } else { 1 << 20 };

/// Where watches wait for their turn.
#[derive(Clone, Default)]
pub struct Turns(Arc<Line>);

#[derive(Default)]
struct Line {
    waiting: Mutex<Waiting>,
    left: Condvar,
}

#[derive(Default)]
struct Waiting {
    events: usize,
    bytes: usize,
    /// Nobody takes events any more.
    over: bool,
}

/// Ends all waiting when it is dropped, also in a panic of whoever took the events.
pub struct Taker(Turns);

impl Turns {
    /// The one that ends all waiting.
    pub fn taker(&self) -> Taker {
        Taker(self.clone())
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room for an event of so many bytes; false where nobody takes it any more.
    pub fn wait(&self, bytes: usize) -> bool {
        let full = |waiting: &mut Waiting| {
            let too_long = waiting.bytes > 0 && waiting.bytes + bytes > BYTES;
            !waiting.over && (waiting.events >= EVENTS || too_long)
        };
        let waiting = self.0.left.wait_while(self.waiting(), full);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        waiting.events += 1;
        waiting.bytes += bytes;
        !waiting.over
    }

    /// An event of so many bytes was taken.
    pub fn leave(&self, bytes: usize) {
        let mut waiting = self.waiting();
        waiting.events -= 1;
        waiting.bytes -= bytes;
        drop(waiting);
        self.0.left.notify_all();
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        self.0.waiting().over = true;
        self.0.0.left.notify_all();
    }
}

/// Bytes of the contents that an event carries.
pub fn bytes_of(event: &WatchEvent) -> usize {
    let (WatchEvent::Scan(page) | WatchEvent::Observed(page)) = event else { return 0 };
    let content = |content: &Content| match content {
        Content::Bytes { bytes, .. } => bytes.len(),
        Content::Gone | Content::Large { .. } | Content::Binary { .. } => 0,
    };
    let sources = |of: &codi2_workspace::Observation| {
        of.git.iter().flat_map(|git| &git.sources).map(|source| source.len()).sum::<usize>()
    };
    page.iter().map(|observation| content(&observation.content) + sources(observation)).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{TryRecvError, channel};
    use std::time::Duration;

    use super::*;

    /// Waits on another thread; what comes back says how it ended.
    fn waiting(turns: &Turns, bytes: usize) -> std::sync::mpsc::Receiver<bool> {
        let (tell, told) = channel();
        let turns = turns.clone();
        std::thread::spawn(move || tell.send(turns.wait(bytes)));
        told
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn one_event_waits_however_long_and_the_next_one_until_it_is_taken() {
        let turns = Turns::default();
        assert!(turns.wait(10 * BYTES), "alone, it may be long");
        let next = waiting(&turns, 0);
        assert_eq!(next.try_recv(), Err(TryRecvError::Empty));
        turns.leave(10 * BYTES);
        assert_eq!(next.recv_timeout(LONG), Ok(true));
        turns.leave(0);
        let left = turns.waiting();
        assert_eq!((left.events, left.bytes), (0, 0));
    }

    #[test]
    fn nobody_waits_for_a_taker_that_is_gone() {
        let turns = Turns::default();
        let taker = turns.taker();
        assert!(turns.wait(1));
        let waits = [waiting(&turns, 0), waiting(&turns, BYTES)];
        drop(taker);
        for told in waits {
            assert_eq!(told.recv_timeout(LONG), Ok(false));
        }
        assert!(!turns.wait(0));
    }
}
