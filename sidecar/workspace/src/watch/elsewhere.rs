//! The system's change events where it is not Linux, by `notify`.
//!
//! Absent on purpose: rests between them; what is not Linux gathers events by itself.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

/// Events from where they come. Dropping it ends them.
pub(super) struct Source(Mutex<RecommendedWatcher>);

impl Source {
    /// Begins to read. `tell` is told of each event, in order.
    pub(super) fn start(
        tell: impl Fn(notify::Result<Event>) + Send + 'static,
        _rest: impl Fn() + Send + 'static,
    ) -> notify::Result<Self> {
        let config = notify::Config::default().with_follow_symlinks(false);
        Ok(Self(Mutex::new(RecommendedWatcher::new(tell, config)?)))
    }

    fn watcher(&self) -> MutexGuard<'_, RecommendedWatcher> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of what happens directly in a folder, from before this returns.
    pub(super) fn watch(&self, folder: &Path) -> notify::Result<()> {
        self.watcher().watch(folder, RecursiveMode::NonRecursive)
    }

    /// Tells of a folder no longer.
    pub(super) fn unwatch(&self, folder: &Path) {
        // A folder that is gone took its watch along.
        self.watcher().unwatch(folder).ok();
    }
}
