//! Watches: told once when a key changes.
//!
//! Absent on purpose: the new value (read it), promises of delivery (wait with a timeout).

use std::any::Any;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

#[derive(Debug, Default)]
struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
    /// Rung with it.
    others: Mutex<Vec<Weak<Bell>>>,
}

impl Bell {
    fn ring(&self) {
        *locked(&self.rung) = true;
        self.heard.notify_all();
        let others = std::mem::take(&mut *locked(&self.others));
        others.iter().filter_map(Weak::upgrade).for_each(|other| other.ring());
    }

    fn rings(&self, other: &Arc<Self>) {
        locked(&self.others).push(Arc::downgrade(other));
        // Whoever rang it before that did not see the other.
        if *locked(&self.rung) {
            other.ring();
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

/// Waits for one change of one key.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    bell: Arc<Bell>,
    // What rings it and ends when nobody listens any more.
    _source: Option<Arc<dyn Any + Send + Sync>>,
}

impl Watch {
    /// A watch that nothing rings by itself: engines and the fault layer make them.
    pub fn silent() -> Self {
        Self::default()
    }

    /// A watch that rings when a future is done or wants to be looked at again, and never if it has failed already.
    /// The future lives as long as somebody listens.
    pub(crate) fn upon<T, E, F>(mut change: F) -> Self
    where
        F: Future<Output = Result<T, E>> + Unpin + Send + Sync + 'static,
    {
        let bell = Arc::<Bell>::default();
        let waker = Waker::from(Arc::clone(&bell));
        let source: Option<Arc<dyn Any + Send + Sync>> =
            match Pin::new(&mut change).poll(&mut Context::from_waker(&waker)) {
                Poll::Pending => Some(Arc::new(change)),
                Poll::Ready(Ok(_)) => {
                    bell.ring();
                    None
                }
                Poll::Ready(Err(_)) => None,
            };
        Self { bell, _source: source }
    }

    /// A watch that fires once either of them does.
    pub fn or(&self, other: &Self) -> Self {
        let either = Self { bell: Arc::default(), _source: Some(Arc::new((self.clone(), other.clone()))) };
        self.bell.rings(&either.bell);
        other.bell.rings(&either.bell);
        either
    }

    /// Whether the key changed.
    pub fn fired(&self) -> bool {
        *locked(&self.bell.rung)
    }

    /// Waits at most this long; true if the key changed.
    pub fn wait(&self, timeout: Duration) -> bool {
        let rung = locked(&self.bell.rung);
        match self.bell.heard.wait_timeout_while(rung, timeout, |rung| !*rung) {
            Ok((rung, _)) => *rung,
            Err(poisoned) => *poisoned.into_inner().0,
        }
    }

    /// Rings it.
    pub fn ring(&self) {
        self.bell.ring();
    }
}

/// The watches of an embedded engine.
#[derive(Debug, Default)]
pub(crate) struct Watches(Mutex<HashMap<Vec<u8>, Vec<Weak<Bell>>>>);

impl Watches {
    pub(crate) fn add(&self, key: &[u8]) -> Watch {
        let watch = Watch::default();
        let mut watches = locked(&self.0);
        let bells = watches.entry(key.to_vec()).or_default();
        bells.retain(|bell| bell.strong_count() > 0);
        bells.push(Arc::downgrade(&watch.bell));
        watch
    }

    /// Rings the watches of the keys that `touched` accepts; called after the commit is durable.
    pub(crate) fn ring(&self, touched: impl Fn(&[u8]) -> bool) {
        locked(&self.0).retain(|key, bells| {
            if touched(key) {
                bells.drain(..).filter_map(|bell| bell.upgrade()).for_each(|bell| bell.ring());
            }
            !bells.is_empty()
        });
    }
}

/// A lock whose holder panicked still guards whole data here: every critical section of this crate is a plain
/// assignment or a collection call.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_of_two_rings_both_and_not_the_other() {
        for first in [true, false] {
            let (one, two) = (Watch::silent(), Watch::silent());
            let either = one.or(&two);
            assert!(!either.fired());
            let (rung, silent) = if first { (&one, &two) } else { (&two, &one) };
            let waiter = either.clone();
            let thread = std::thread::spawn(move || waiter.wait(Duration::from_secs(60)));
            rung.ring();
            assert!(thread.join().is_ok_and(|heard| heard) && either.fired() && !silent.fired());
            assert!(one.or(&two).fired(), "what rang before is heard, too");
        }
    }
}
