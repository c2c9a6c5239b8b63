//! Turns of the watches: how much of what they saw may wait for the core, in events and in bytes. A watch that finds no
//! room waits, and the rest waits on the disk.
//!
//! The first look at a worktree reads faster than the core takes in; without a bound in bytes its pages would be most of
//! the hub's memory, which no allocator gives back afterwards.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use codi2_workspace::{Content, WatchEvent};

/// How much may wait, at most.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    /// Events.
    events: usize,
    /// Bytes of contents; one event alone may have more.
    bytes: usize,
}

/// What waits.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Held {
    events: usize,
    bytes: usize,
}

impl Held {
    /// Whether an event of so many bytes may wait, too.
    fn has_room(self, bytes: usize, most: Most) -> bool {
        self.events < most.events && (self.bytes == 0 || self.bytes + bytes <= most.bytes)
    }
}

/// Where watches wait for their turn: first come, first served, so that none that has little to say keeps out one that
/// has much.
#[derive(Clone)]
pub struct Turns(Arc<Line>);

struct Line {
    most: Most,
    waiting: Mutex<Waiting>,
    left: Condvar,
}

#[derive(Default)]
struct Waiting {
    held: Held,
    /// Who comes next gets this number.
    next: u64,
    /// Whose turn it is.
    head: u64,
    /// Nobody takes events any more.
    over: bool,
}

impl Default for Turns {
    fn default() -> Self {
        Self::new(Most { events: if cfg!(test) { 1 } else { 32 }, bytes: 1 << 20 })
    }
}

/// Ends all waiting when it is dropped, also in a panic of whoever took the events.
pub struct Taker(Turns);

impl Turns {
    fn new(most: Most) -> Self {
        Self(Arc::new(Line { most, waiting: Mutex::default(), left: Condvar::new() }))
    }

    /// The one that ends all waiting.
    pub fn taker(&self) -> Taker {
        Taker(self.clone())
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room for an event of so many bytes, behind all who came before; false where nobody takes it any more.
    pub fn wait(&self, bytes: usize) -> bool {
        let mut waiting = self.waiting();
        let number = waiting.next;
        waiting.next += 1;
        let waits = |waiting: &mut Waiting| {
            !waiting.over && (waiting.head != number || !waiting.held.has_room(bytes, self.0.most))
        };
        let waiting = self.0.left.wait_while(waiting, waits);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        waiting.head += 1;
        waiting.held.events += 1;
        waiting.held.bytes += bytes;
        let taken = !waiting.over;
        drop(waiting);
        // There may be room for the next one, too.
        self.0.left.notify_all();
        taken
    }

    /// An event of so many bytes was taken.
    pub fn leave(&self, bytes: usize) {
        let mut waiting = self.waiting();
        waiting.held.events -= 1;
        waiting.held.bytes -= bytes;
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
    use std::sync::mpsc::{Receiver, TryRecvError, channel};
    use std::time::Duration;

    use codi2_protocol::Digest;
    use codi2_workspace::{Cause, GitExplanation, GitSource, Observation};

    use super::*;

    const MOST: Most = Most { events: 2, bytes: 64 };
    const LONG: Duration = Duration::from_secs(60);

    /// Waits on another thread, once it is behind all who wait; what comes back says how it ended.
    fn waiting(turns: &Turns, bytes: usize) -> Receiver<bool> {
        let (tell, told) = channel();
        let before = turns.waiting().next;
        let there = turns.clone();
        std::thread::spawn(move || tell.send(there.wait(bytes)));
        while turns.waiting().next == before {
            std::thread::yield_now();
        }
        told
    }

    #[test]
    fn room_is_in_events_and_in_bytes() {
        // Events and bytes that wait, bytes that come.
        let cases = [
            ((0, 0), 0, true),
            ((0, 0), 64, true),
            ((0, 0), 1_000, true),
            ((1, 0), 1_000, true),
            ((1, 1), 63, true),
            ((1, 1), 64, false),
            ((1, 64), 0, true),
            ((1, 64), 1, false),
            ((1, 1_000), 0, false),
            ((2, 0), 0, false),
            ((2, 2), 1, false),
        ];
        for ((events, bytes), more, expected) in cases {
            assert_eq!(Held { events, bytes }.has_room(more, MOST), expected, "{events}, {bytes}, {more}");
        }
    }

    #[test]
    fn a_long_event_waits_until_there_is_room_and_short_ones_behind_it() {
        let turns = Turns::new(MOST);
        assert!(turns.wait(10));
        let long = waiting(&turns, 64);
        let short = waiting(&turns, 1);
        assert_eq!(turns.waiting().head, 1, "there is room for the short one, and a longer one came before");
        assert_eq!((long.try_recv(), short.try_recv()), (Err(TryRecvError::Empty), Err(TryRecvError::Empty)));
        turns.leave(10);
        assert_eq!(long.recv_timeout(LONG), Ok(true));
        assert_eq!(short.try_recv(), Err(TryRecvError::Empty));
        turns.leave(64);
        assert_eq!(short.recv_timeout(LONG), Ok(true));
        turns.leave(1);
        assert_eq!(turns.waiting().held, Held::default());
    }

    #[test]
    fn all_who_find_room_come_in_at_once() {
        let turns = Turns::new(MOST);
        assert!(turns.wait(1_000), "alone, it may be long");
        let waits = [waiting(&turns, 30), waiting(&turns, 30)];
        turns.leave(1_000);
        for told in waits {
            assert_eq!(told.recv_timeout(LONG), Ok(true));
        }
    }

    #[test]
    fn nobody_waits_for_a_taker_that_is_gone() {
        let turns = Turns::new(MOST);
        let taker = turns.taker();
        assert!(turns.wait(1));
        assert!(turns.wait(1));
        let waits = [waiting(&turns, 0), waiting(&turns, 64)];
        drop(taker);
        for told in waits {
            assert_eq!(told.recv_timeout(LONG), Ok(false));
        }
        assert!(!turns.wait(0));
    }

    #[test]
    fn the_bytes_of_an_event_are_those_of_its_contents_and_of_what_git_took_them_from() {
        let digest = Digest::new([0; 32]);
        let found = |content| Observation { content, ..Observation::gone("a".to_owned(), Cause::Scan, 0) };
        let seven = || found(Content::Bytes { digest, bytes: b"content".as_slice().into() });
        let git = GitExplanation {
            operation: "merge".to_owned(),
            what: GitSource::Merge,
            sources: vec![b"three".as_slice().into(), b"more".as_slice().into()],
        };
        let page = || vec![seven(), found(Content::Gone), found(Content::Large { digest, size: 1 << 30 }), seven()];
        assert_eq!(bytes_of(&WatchEvent::Scan(page())), 14);
        assert_eq!(bytes_of(&WatchEvent::Observed(vec![Observation { git: Some(git), ..seven() }])), 16);
        assert_eq!(bytes_of(&WatchEvent::ScanDone { files: 7 }), 0);
    }
}
