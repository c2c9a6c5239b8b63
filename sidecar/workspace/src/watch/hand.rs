//! Watches without threads, whose time is moved on by hand: thousands of histories are tried with the real watch, real
//! events of the kernel and real git, and nobody waits for anything to settle.
//!
//! Absent on purpose: any other difference. The loop of a watch that waits does the same turns (`engine`).

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::engine::Engine;
use crate::clock::Clock;

/// Drives the watches that were started with it ([`super::WatchOptions::hand`]), on the calling thread; their sinks are
/// called there.
#[derive(Clone)]
pub struct Hand {
    clock: Clock,
    watches: Arc<Mutex<Vec<Engine>>>,
}

impl std::fmt::Debug for Hand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hand").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl Default for Hand {
    fn default() -> Self {
        Self { clock: Clock::by_hand(), watches: Arc::default() }
    }
}

impl Hand {
    fn watches(&self) -> MutexGuard<'_, Vec<Engine>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock.clone()
    }

    pub(super) fn take(&self, mut watch: Engine) {
        watch.begin();
        self.watches().push(watch);
    }

    /// Lets every watch hear of all that happened until now: a file of no meaning comes and goes in git's folder (in the
    /// root where there is no git), and the kernel tells of things in their order. False where one heard nothing for
    /// ten seconds.
    pub fn hear(&self) -> bool {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let mut all = true;
        for watch in self.watches().iter_mut() {
            let place = &watch.shared.place;
            let folder = place.git_dir.as_ref().unwrap_or(&place.root);
            let cookie: PathBuf = folder.join(format!("codi2-cookie-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
            if std::fs::write(&cookie, "").is_ok() {
                all &= watch.hear_until(&cookie);
                std::fs::remove_file(&cookie).ok();
            }
        }
        all
    }

    /// Lets every watch do what is due. Returns in how long the next thing is; none where nothing waits.
    pub fn step(&self) -> Option<Duration> {
        let mut watches = self.watches();
        watches.retain_mut(Engine::turn);
        watches.iter().filter_map(Engine::due_in).min()
    }

    /// Ends every watch, whoever still has its handle: each has this hand among its options, so none would end alone.
    pub fn end(&self) {
        self.watches().clear();
    }

    /// Moves the time on.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// The moment it is, in ms since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }
}
