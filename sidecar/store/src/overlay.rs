//! Transactions as overlays on snapshots of an engine: all engines share how one runs, how often it is tried, and, in
//! `draft`, the limits and what it sees of itself.
//!
//! Absent on purpose: any change of the store; its engine applies a finished overlay.

mod draft;

use self::draft::Draft;
use crate::engine::{ATTEMPTS, Abort, Body, Committed, PageLimit};
use crate::error::{Fate, StoreError};
use crate::finished::{Finished, KeyRange};

/// A snapshot of an engine.
pub(crate) trait Base {
    /// See [`crate::engine::Transaction::ahead`].
    fn ahead(&self, _keys: &[Vec<u8>]) {}
    /// See [`crate::engine::Transaction::ahead_first`].
    fn ahead_first(&self, _ranges: &[KeyRange]) {}
    /// See [`crate::engine::Transaction::ahead_guarded`].
    fn ahead_guarded(&self, rows: &[Vec<u8>], _range: &KeyRange) {
        self.ahead(rows);
    }
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// Shows rows in order until `row` returns false; `enough` says about how many that will take.
    fn visit(
        &self,
        begin: &[u8],
        end: &[u8],
        reverse: bool,
        enough: PageLimit,
        row: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError>;
    /// Whether it may be behind what is newest, so that only a commit proves what was read.
    fn is_behind(&self) -> bool {
        false
    }
}

/// An engine that snapshots, and commits finished overlays.
pub(crate) trait Backend {
    type Base: Base;
    fn begin(&self) -> Result<Self::Base, StoreError>;
    /// Commits what was made over the snapshot `base`. An engine that keeps old pages for its readers drops it before
    /// it waits.
    fn commit(&self, base: Self::Base, finished: Finished) -> Result<Committed, StoreError>;
    /// Waits before the next attempt, `lost` of which were in vain; an engine with one writer needs no pause.
    fn pause(&self, _lost: u32) {}
}

/// Runs a transaction until it commits, fails, or was tried often enough.
pub(crate) fn run<B: Backend>(backend: &B, body: &mut Body<'_>) -> Result<Committed, StoreError> {
    let mut last = StoreError::Conflict;
    let mut too_old = 0;
    for lost in 0..ATTEMPTS {
        if lost > 0 {
            backend.pause(lost);
        }
        let base = backend.begin()?;
        let behind = base.is_behind();
        let mut draft = Draft::new(&base);
        let finished = match body(&mut draft) {
            Ok(()) => draft.finish(),
            Err(Abort::Cancelled) => Err(StoreError::Cancelled),
            Err(Abort::Store(error)) => Err(error),
        };
        let result = match finished {
            Ok(finished) if !finished.is_empty() => match backend.commit(base, finished) {
                Err(StoreError::TooOld) if behind => Err(StoreError::Conflict),
                result => result,
            },
            Err(error) if error.fate() == Fate::Later => Err(error),
            _ if behind => Err(StoreError::Conflict),
            Ok(_) => Ok(Committed::default()),
            Err(error) => Err(error),
        };
        match result {
            Err(StoreError::Conflict) => last = StoreError::Conflict,
            Err(StoreError::TooOld) if too_old < 2 => {
                too_old += 1;
                last = StoreError::TooOld;
            }
            other => return other,
        }
    }
    Err(last)
}
