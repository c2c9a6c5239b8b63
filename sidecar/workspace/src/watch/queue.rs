//! The queue of a watch: bounded, and only as long as what waits in it. A bounded channel of the standard library holds
//! its whole room from the start, which for so many messages is megabytes for each worktree.
//!
//! Absent on purpose: waiting for room. Whoever finds none is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Where messages are put in.
#[derive(Debug)]
pub(super) struct Slot<T> {
    messages: Sender<T>,
    waiting: Arc<AtomicUsize>,
    most: usize,
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self { messages: self.messages.clone(), waiting: Arc::clone(&self.waiting), most: self.most }
    }
}

/// Where they are taken out.
#[derive(Debug)]
pub(super) struct Inbox<T> {
    messages: Receiver<T>,
    waiting: Arc<AtomicUsize>,
}

/// A queue for so many messages.
pub(super) fn queue<T>(most: usize) -> (Slot<T>, Inbox<T>) {
    let (sender, receiver) = channel();
    let waiting = Arc::<AtomicUsize>::default();
    (Slot { messages: sender, waiting: Arc::clone(&waiting), most }, Inbox { messages: receiver, waiting })
}

impl<T> Slot<T> {
    /// Puts a message in; false where there is no room. One for nobody is gone.
    pub(super) fn put(&self, message: T) -> bool {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        // Whoever took them has ended, and has said so.
        let _ = self.messages.send(message);
        true
    }
}

impl<T> Inbox<T> {
    fn took(&self, message: T) -> T {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        message
    }

    /// The next message, if there is one.
    pub(super) fn take(&self) -> Option<T> {
        self.messages.try_recv().ok().map(|message| self.took(message))
    }

    /// The next message, waited for.
    pub(super) fn wait(&self, long: Duration) -> Result<T, RecvTimeoutError> {
        self.messages.recv_timeout(long).map(|message| self.took(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_so_many_and_has_room_again_for_each_one_taken() {
        let (slot, inbox) = queue(2);
        let other = slot.clone();
        assert_eq!([slot.put(1), other.put(2), slot.put(3), other.put(4)], [true, true, false, false]);
        assert_eq!(inbox.take(), Some(1));
        assert_eq!([slot.put(5), slot.put(6)], [true, false]);
        assert_eq!(inbox.wait(Duration::ZERO), Ok(2));
        assert_eq!([inbox.take(), inbox.take()], [Some(5), None]);
        assert_eq!(inbox.wait(Duration::ZERO), Err(RecvTimeoutError::Timeout));
        drop((slot, other));
        assert_eq!(inbox.wait(Duration::ZERO), Err(RecvTimeoutError::Disconnected));
    }
}
