//! What the threads that ask share with the thread that watches.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{WatchError, WatchOptions};
use crate::git::Index;
use crate::place::Place;
use crate::read::Unwatched;
use crate::rules::{Rule, Rules};

/// What other threads may see of a watch.
pub(super) struct Shared {
    pub(super) place: Place,
    pub(super) options: WatchOptions,
    pub(super) rules: Rules,
    index: Mutex<Arc<Index>>,
    /// Paths that were read past the watch since it last judged them: whoever read may know a state that the watch
    /// never saw, so the next one is news even if it is the watch's last.
    read_past: Mutex<HashSet<String>>,
    stop: AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("place", &self.place).field("options", &self.options).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(place: Place, options: WatchOptions) -> Result<Self, WatchError> {
        let rules = Rules::new(&place.root, &options)?;
        Ok(Self {
            place,
            options,
            rules,
            index: Mutex::default(),
            read_past: Mutex::default(),
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
        self.read_past.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
    }

    /// Whether the path was read past the watch since this was last asked.
    pub(super) fn take_read(&self, path: &str) -> bool {
        self.read_past.lock().unwrap_or_else(PoisonError::into_inner).remove(path)
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

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
