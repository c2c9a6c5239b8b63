//! Watches: told once when a key changes.
//!
//! Absent on purpose: the new value (read it), promises of delivery (wait with a timeout).

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

#[derive(Debug, Default)]
struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

/// Waits for one change of one key.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<Bell>);

impl Watch {
    /// A watch that nothing rings by itself: engines and the fault layer make them.
    pub fn silent() -> Self {
        Self::default()
    }

    /// Whether the key changed.
    pub fn fired(&self) -> bool {
        *locked(&self.0.rung)
    }

    /// Waits at most this long; true if the key changed.
    pub fn wait(&self, timeout: Duration) -> bool {
        let rung = locked(&self.0.rung);
        match self.0.heard.wait_timeout_while(rung, timeout, |rung| !*rung) {
            Ok((rung, _)) => *rung,
            Err(poisoned) => *poisoned.into_inner().0,
        }
    }

    /// Rings it.
    pub fn ring(&self) {
        *locked(&self.0.rung) = true;
        self.0.heard.notify_all();
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
        bells.push(Arc::downgrade(&watch.0));
        watch
    }

    /// Rings the watches of the keys that `touched` accepts; called after the commit is durable.
    pub(crate) fn ring(&self, touched: impl Fn(&[u8]) -> bool) {
        locked(&self.0).retain(|key, bells| {
            if touched(key) {
                bells.drain(..).filter_map(|bell| bell.upgrade()).for_each(|bell| Watch(bell).ring());
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
