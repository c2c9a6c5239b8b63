//! What the threads that ask share with the thread that watches.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::engine::Message;
use super::queue::Slot;
use super::{Hand, WatchError, WatchOptions};
use crate::clock::Clock;
use crate::git::Index;
use crate::place::Place;
use crate::read::{Reading, Unwatched};
use crate::rules::{Rule, Rules};

/// Paths read past the watch that are remembered, at most; beyond, every path counts as read.
const READ_PAST: usize = 4_096;
/// Bytes of contents that other threads read and the watch's own was not told of yet, at most.
const TOLD_BYTES: usize = 8 << 20;

/// What other threads may see of a watch.
pub(super) struct Shared {
    pub(super) place: Place,
    pub(super) options: WatchOptions,
    pub(super) rules: Rules,
    pub(super) clock: Clock,
    index: Mutex<Arc<Index>>,
    /// Paths that were read past the watch since it last judged them: whoever read may know a state that the watch
    /// never saw, so the next one is news even if it is the watch's last.
    read_past: Mutex<ReadPast>,
    /// Whether a message found no room: something happened that nobody was told of.
    missed: AtomicBool,
    /// Bytes of the contents in the messages that wait.
    told_bytes: AtomicUsize,
    /// Whether git is at work in the worktree, so that its events may be read together.
    git_at_work: AtomicBool,
    stop: AtomicBool,
}

#[derive(Default)]
struct ReadPast {
    paths: HashSet<String>,
    /// There were too many to remember: what was not changed is then told again, which costs a comparison.
    all: bool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("place", &self.place).field("options", &self.options).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(place: Place, options: WatchOptions) -> Result<Self, WatchError> {
        let rules = Rules::new(&place.root, &options)?;
        let clock = options.hand.as_ref().map(Hand::clock).unwrap_or_default();
        Ok(Self {
            place,
            options,
            rules,
            clock,
            index: Mutex::default(),
            read_past: Mutex::default(),
            missed: AtomicBool::new(false),
            told_bytes: AtomicUsize::new(0),
            git_at_work: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        })
    }

    pub(super) fn index(&self) -> Arc<Index> {
        Arc::clone(&self.index.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_index(&self, index: Arc<Index>) {
        *self.index.lock().unwrap_or_else(PoisonError::into_inner) = index;
    }

    pub(super) fn note_read(&self, path: &str) {
        let mut read = self.read_past.lock().unwrap_or_else(PoisonError::into_inner);
        if read.paths.len() >= READ_PAST {
            read.paths.clear();
            read.all = true;
        }
        if !read.all {
            read.paths.insert(path.to_owned());
        }
    }

    /// Whether the path was read past the watch since this was last asked.
    pub(super) fn take_read(&self, path: &str) -> bool {
        let mut read = self.read_past.lock().unwrap_or_else(PoisonError::into_inner);
        read.all || read.paths.remove(path)
    }

    /// Tells the watch's thread; where too much waits for it, that something was missed is all it is told.
    pub(super) fn tell(&self, messages: &Slot<Message>, message: Message) {
        if !messages.put(message) {
            self.missed.store(true, Ordering::Relaxed);
        }
    }

    /// Tells the watch's thread what another one read; not the content where too much waits, which is then not explained by
    /// git once it is gone from the disk.
    pub(super) fn tell_read(&self, messages: &Slot<Message>, path: &str, mut reading: Reading) {
        let bytes = reading.held_bytes();
        if self.told_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > TOLD_BYTES {
            self.told_bytes.fetch_sub(bytes, Ordering::Relaxed);
            reading.let_go();
        }
        let held = reading.held_bytes();
        if !messages.put(Message::Read(path.to_owned(), reading)) {
            self.told_bytes.fetch_sub(held, Ordering::Relaxed);
            self.missed.store(true, Ordering::Relaxed);
        }
    }

    /// The watch's thread was told of a reading.
    pub(super) fn heard(&self, reading: &Reading) {
        self.told_bytes.fetch_sub(reading.held_bytes(), Ordering::Relaxed);
    }

    /// Whether something was missed since this was last asked.
    pub(super) fn take_missed(&self) -> bool {
        self.missed.swap(false, Ordering::Relaxed)
    }

    pub(super) fn permitted(&self, path: &str) -> Result<(), Unwatched> {
        if crate::path::from_relative(path).is_none() {
            return Err(Unwatched::Outside);
        }
        match self.rules.file(path, &self.index()) {
            Rule::Watch => Ok(()),
            Rule::Private => Err(Unwatched::Private),
            Rule::Ignore => Err(Unwatched::Ignored),
        }
    }

    pub(super) fn set_git_at_work(&self, is_at_work: bool) {
        self.git_at_work.store(is_at_work, Ordering::Relaxed);
    }

    pub(super) fn is_git_at_work(&self) -> bool {
        self.git_at_work.load(Ordering::Relaxed)
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(folder: &std::path::Path) -> Shared {
        let place = crate::place::identify(folder).unwrap();
        Shared::new(place, WatchOptions::default()).unwrap()
    }

    #[test]
    fn paths_read_past_the_watch_are_bounded_and_none_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let shared = shared(folder.path());
        shared.note_read("first");
        assert!(!shared.take_read("never read"));
        for n in 0..3 * READ_PAST {
            shared.note_read(&n.to_string());
            assert!(shared.read_past.lock().unwrap().paths.len() <= READ_PAST);
        }
        for path in ["first", "0", "9000"] {
            assert!(shared.take_read(path), "{path} counts as read");
        }
    }

    #[test]
    fn what_finds_no_room_is_known_to_be_missed() {
        let folder = tempfile::tempdir().unwrap();
        let shared = shared(folder.path());
        let (messages, inbox) = crate::watch::queue::queue(2);
        for _ in 0..2 {
            shared.tell(&messages, Message::Look("a".into()));
        }
        assert!(!shared.take_missed());
        shared.tell(&messages, Message::Look("b".into()));
        assert_eq!((shared.take_missed(), shared.take_missed()), (true, false));
        drop(messages);
        assert_eq!(std::iter::from_fn(|| inbox.take()).count(), 2);
    }

    #[test]
    fn contents_that_wait_are_bounded_in_bytes_and_room_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let shared = shared(folder.path());
        std::fs::write(folder.path().join("a"), vec![b'a'; TOLD_BYTES / 2 - 1]).unwrap();
        let reading = crate::read::read(folder.path(), "a", TOLD_BYTES as u64, &shared.clock).unwrap();
        let (messages, inbox) = crate::watch::queue::queue(3);
        let held = || {
            let Some(Message::Read(_, told)) = inbox.take() else { panic!() };
            assert_eq!(
                (told.content.digest(), told.content.size()),
                (reading.content.digest(), reading.content.size())
            );
            shared.heard(&told);
            told.held_bytes() > 0
        };
        for _ in 0..2 {
            // The fourth finds no room at all.
            (0..4).for_each(|_| shared.tell_read(&messages, "a", reading.clone()));
            assert!(shared.take_missed());
            assert_eq!([held(), held(), held()], [true, true, false]);
        }
        assert_eq!(shared.told_bytes.load(Ordering::Relaxed), 0);
    }
}
