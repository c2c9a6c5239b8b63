//! Follow-ups: transactions that read as of this engine's own last commit, so that nobody is asked what is newest.
//!
//! Sound because of the commit: it is refused where somebody wrote, since that version, what the transaction read. A run
//! that ends without a commit proves nothing and is repeated upon what is newest, as is one that is refused. The newest
//! version is asked for once in [`FOLLOW_MS`] all the same: that is where a cluster with too much to do makes its clients
//! wait. Of rows nothing is remembered but of those that are guarded (`guarded`): what a commit wrote is not known to stand at its
//! version, which a cluster gives to many commits at once. A run that was told such rows and asks for another ends there, and is
//! repeated behind as before.

use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::engine::{Body, Committed, FOLLOW_MS, PageLimit};
use crate::error::StoreError;
use crate::finished::{Finished, KeyRange};
use crate::guarded::{AfterCommit, Found, Guarded, Remembered};
use crate::overlay::{self, Backend, Base};
use crate::watch::locked;

/// An engine that can read as of a version that it has told.
pub(crate) trait Versions: Backend {
    fn begin_at(&self, version: u64) -> Result<Self::Base, StoreError>;
}

/// What an engine knows of its own commits.
#[derive(Debug, Default)]
pub(crate) struct OwnCommits {
    last: Last,
    remembered: Remembered,
}

impl OwnCommits {
    fn learn(&self, commit: Known, after: AfterCommit) {
        if self.last.learn(commit) {
            self.remembered.forget();
        }
        self.remembered.learn(after, commit.version, commit.told);
    }

    fn forget(&self) {
        self.last.forget();
        self.remembered.forget();
    }
}

/// What is known of an engine's newest commit.
#[derive(Debug, Default)]
struct Last(Mutex<Option<Known>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    /// When the newest version was asked for last.
    asked: Instant,
    /// The highest version of a commit: below it, the next transaction of whoever made that commit would meet itself.
    version: u64,
    /// When that version was told.
    told: Instant,
}

impl Last {
    fn young(&self, now: Instant) -> Option<Known> {
        let young = |known: &Known| now.duration_since(known.asked) < Duration::from_millis(FOLLOW_MS);
        locked(&self.0).filter(young)
    }

    /// A commit's version was told; the newest was `asked` for on the way to it, or on the way to one that it followed.
    /// Whether it is lower than what was told before it was asked for: of a store that was restored.
    fn learn(&self, new: Known) -> bool {
        let mut last = locked(&self.0);
        let (known, is_restored) = match *last {
            // Commits that were under way at once.
            Some(known) if new.asked < known.told => {
                let (version, told) = (known.version, known.told).max((new.version, new.told));
                (Known { asked: known.asked.max(new.asked), version, told }, false)
            }
            known => (new, known.is_some_and(|known| new.version < known.version)),
        };
        *last = Some(known);
        is_restored
    }

    /// Of versions that may never come again.
    fn forget(&self) {
        *locked(&self.0) = None;
    }
}

/// See [`crate::Engine::follow_up`].
pub(crate) fn follow_up<B: Versions>(
    backend: &B,
    own: &OwnCommits,
    body: &mut Body<'_>,
) -> Result<Committed, StoreError> {
    overlay::run(&&Following::new(backend, own, true), body)
}

/// See [`crate::Engine::transact`]. It follows nobody, and marks the guarded rows that it writes for those who do.
pub(crate) fn transact<B: Versions>(
    backend: &B,
    own: &OwnCommits,
    body: &mut Body<'_>,
) -> Result<Committed, StoreError> {
    overlay::run(&&Following::new(backend, own, false), body)
}

struct Following<'a, B> {
    backend: &'a B,
    own: &'a OwnCommits,
    /// Whether it follows anybody.
    follows: bool,
    /// When the newest version was asked for, of what the present run reads.
    asked: Cell<Instant>,
    tried: Cell<bool>,
    /// Whether the run before was told guarded rows, and asked for another.
    wants_more: Cell<bool>,
    /// How many runs were behind.
    behind: Cell<u32>,
}

impl<'a, B> Following<'a, B> {
    fn new(backend: &'a B, own: &'a OwnCommits, follows: bool) -> Self {
        let (asked, tried) = (Cell::new(Instant::now()), Cell::new(false));
        Self { backend, own, follows, asked, tried, wants_more: Cell::new(false), behind: Cell::new(0) }
    }
}

/// What a run sees. Nothing is begun before it is known as of which version it reads.
struct Seen<'a, B: Versions> {
    of: &'a Following<'a, B>,
    base: OnceCell<B::Base>,
    /// The version of the commit that it follows, where it is behind.
    follows: Option<u64>,
    may_be_told: bool,
    said: RefCell<Guarded>,
    found: RefCell<Found>,
}

impl<B: Versions> Seen<'_, B> {
    fn begun(&self) -> Result<B::Base, StoreError> {
        let told_at = self.found.borrow().told_at;
        match told_at.or(self.follows) {
            Some(version) => self.of.backend.begin_at(version),
            None => self.of.backend.begin(),
        }
    }

    fn base(&self) -> Result<&B::Base, StoreError> {
        match self.base.get() {
            Some(base) => Ok(base),
            None => self.begun().map(|base| self.base.get_or_init(|| base)),
        }
    }

    /// After a recovery every version before it is too old, after a restore it may never come.
    fn failed(&self) {
        if self.follows.is_some() {
            self.of.own.forget();
        }
    }

    fn is_told(&self) -> bool {
        self.found.borrow().told_at.is_some()
    }

    /// Other rows than it was told: they are read by the next run.
    fn more(&self) -> StoreError {
        self.of.wants_more.set(true);
        StoreError::Conflict
    }
}

impl<B: Versions> Base for Seen<'_, B> {
    // Whoever cannot begin says so when he reads; and nothing begins for what nobody asks.
    fn ahead(&self, keys: &[Vec<u8>]) {
        if !keys.is_empty() {
            let _ = self.base().map(|base| base.ahead(keys));
        }
    }

    fn ahead_first(&self, ranges: &[KeyRange]) {
        let _ = self.base().map(|base| base.ahead_first(ranges));
    }

    fn ahead_guarded(&self, rows: &[Vec<u8>], range: &KeyRange) {
        let said = Guarded { rows: rows.to_vec(), range: range.clone() };
        let newest = self.follows.filter(|_| self.may_be_told && self.base.get().is_none());
        let told = newest.and_then(|newest| self.of.own.remembered.take(&said, newest, Instant::now()));
        let is_told = told.is_some();
        self.found.replace(told.unwrap_or_default());
        self.said.replace(said);
        let _ = self.base().map(|base| {
            if !is_told {
                base.ahead(rows)
            }
        });
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if self.is_told() {
            return self.found.borrow().told(key).ok_or_else(|| self.more());
        }
        let value = self.base().and_then(|base| base.get(key)).inspect_err(|_| self.failed())?;
        if self.said.borrow().rows.iter().any(|guarded| guarded == key) {
            self.found.borrow_mut().read(key, value.clone());
        }
        Ok(value)
    }

    fn visit(
        &self,
        begin: &[u8],
        end: &[u8],
        reverse: bool,
        enough: PageLimit,
        row: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let asks_last = reverse && enough.rows == 1 && {
            let (from, to) = &self.said.borrow().range;
            (begin, end) == (from, to)
        };
        if self.is_told() {
            if !asks_last {
                return Err(self.more());
            }
            if let Some((key, value)) = self.found.borrow_mut().told_last() {
                row(key, value);
            }
            return Ok(());
        }
        let mut last = None;
        let mut shown = |key: &[u8], value: &[u8]| {
            last.get_or_insert_with(|| (key.to_vec(), value.to_vec()));
            row(key, value)
        };
        let row: &mut dyn FnMut(&[u8], &[u8]) -> bool = if asks_last { &mut shown } else { row };
        self.base().and_then(|base| base.visit(begin, end, reverse, enough, row)).inspect_err(|_| self.failed())?;
        if asks_last {
            self.found.borrow_mut().read_last(last);
        }
        Ok(())
    }

    fn is_behind(&self) -> bool {
        self.follows.is_some()
    }
}

// A reference, so that what a run sees may borrow it.
impl<'a, B: Versions> Backend for &'a Following<'a, B> {
    type Base = Seen<'a, B>;

    fn begin(&self) -> Result<Self::Base, StoreError> {
        let now = Instant::now();
        let is_first = !self.tried.replace(true);
        let may_follow = self.follows && (self.wants_more.take() || is_first);
        let known = if may_follow { self.own.last.young(now) } else { None };
        self.asked.set(known.map_or(now, |known| known.asked));
        self.behind.set(self.behind.get() + u32::from(known.is_some()));
        let follows = known.map(|known| known.version);
        let (base, said, found) = (OnceCell::new(), RefCell::default(), RefCell::default());
        Ok(Seen { of: self, base, follows, may_be_told: is_first, said, found })
    }

    fn commit(&self, mut seen: Self::Base, mut finished: Finished) -> Result<Committed, StoreError> {
        let base = match seen.base.take() {
            Some(base) => base,
            None => seen.begun()?,
        };
        let after = seen.found.into_inner().guard(seen.said.into_inner().range, &mut finished);
        let committed = self.backend.commit(base, finished);
        match &committed {
            Ok(Committed { stamp: Some([a, b, c, d, e, f, g, h, ..]) }) if self.follows => {
                let version = u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
                self.own.learn(Known { asked: self.asked.get(), version, told: Instant::now() }, after);
            }
            // Who meets somebody learns that version; it stays one of this store, and another's own commit may be it.
            Err(error) if seen.follows.is_some() && *error != StoreError::Conflict => self.own.forget(),
            _ => {}
        }
        committed
    }

    fn pause(&self, lost: u32) {
        // A run that was behind met nobody yet.
        let lost = lost.saturating_sub(self.behind.get());
        if lost > 0 {
            self.backend.pause(lost);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
