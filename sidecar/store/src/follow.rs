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
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::engine::Abort;
    use crate::fixtures::{Empty, Told};

    /// Notes what is asked of it.
    #[derive(Default)]
    struct Noting {
        did: RefCell<Vec<String>>,
        /// What a call, the read or the commit, says to whoever is behind.
        behind: Option<(&'static str, StoreError)>,
        /// What the next commit upon the newest says, once.
        fails: Cell<Option<StoreError>>,
    }

    /// A version; none is the newest.
    struct At<'a>(Option<u64>, &'a Noting);

    impl Noting {
        fn note(&self, what: &str, at: Option<u64>) -> Result<(), StoreError> {
            let version = at.map_or("newest".to_owned(), |version| version.to_string());
            self.did.borrow_mut().push(format!("{what} {version}"));
            match &self.behind {
                Some((call, error)) if at.is_some() && *call == what => Err(error.clone()),
                _ => Ok(()),
            }
        }
    }

    impl Told for At<'_> {
        fn read(&self) -> Result<(), StoreError> {
            self.1.note("get", self.0)
        }
    }

    impl<'a> Backend for &'a Noting {
        type Base = Empty<At<'a>>;
        fn begin(&self) -> Result<Self::Base, StoreError> {
            Ok(Empty(At(None, self)))
        }
        fn commit(&self, Empty(At(at, _)): Self::Base, _: Finished) -> Result<Committed, StoreError> {
            self.note("commit", at)?;
            if let (None, Some(error)) = (at, self.fails.take()) {
                return Err(error);
            }
            Ok(Committed { stamp: Some([0, 0, 0, 0, 0, 0, 0, 9, 0, 0]) })
        }
        fn pause(&self, lost: u32) {
            self.did.borrow_mut().push(format!("pause {lost}"));
        }
    }

    impl Versions for &Noting {
        fn begin_at(&self, version: u64) -> Result<Self::Base, StoreError> {
            Ok(Empty(At(Some(version), self)))
        }
    }

    fn did(noting: &Noting, own: &OwnCommits, write: bool) -> Vec<String> {
        follow_up(&noting, own, &mut |transaction| {
            transaction.get(b"k")?;
            if write { transaction.set(b"k", b"") } else { Ok(()) }
        })
        .unwrap();
        noting.did.take()
    }

    #[test]
    fn follows_the_last_commit_while_that_is_young() {
        let (noting, own) = (Noting::default(), OwnCommits::default());
        assert_eq!(did(&noting, &own, true), ["get newest", "commit newest"]);
        assert_eq!(did(&noting, &own, true), ["get 9", "commit 9"]);
        let asked = own.last.young(Instant::now()).unwrap().asked;
        assert!(own.last.young(asked + Duration::from_millis(FOLLOW_MS)).is_none());
        assert_eq!(own.last.young(asked).unwrap().asked, asked, "following asks nobody, so it ends in time");
    }

    #[test]
    fn what_is_not_committed_is_read_again() {
        let (noting, own) = (Noting::default(), OwnCommits::default());
        own.last.learn(known(Instant::now(), 9));
        assert_eq!(did(&noting, &own, false), ["get 9", "get newest"]);
        let cancelled = follow_up(&&noting, &own, &mut |transaction| {
            transaction.get(b"k")?;
            Err(Abort::Cancelled)
        });
        assert_eq!((cancelled, noting.did.take().len()), (Err(StoreError::Cancelled), 2));
    }

    #[test]
    fn what_is_too_old_is_forgotten_and_what_is_met_is_not() {
        let cases: [(_, _, &[&str], _); 3] = [
            ("get", StoreError::TooOld, &["get 9"], None),
            ("commit", StoreError::TooOld, &["get 9", "commit 9"], None),
            ("commit", StoreError::Conflict, &["get 9", "commit 9"], Some(9)),
        ];
        for (call, error, first, stays) in cases {
            let told = format!("{call} {error:?}");
            let fails = Cell::new(Some(StoreError::Unknown));
            let (noting, own) =
                (Noting { behind: Some((call, error)), fails, ..Noting::default() }, OwnCommits::default());
            own.last.learn(known(Instant::now(), 9));
            // Nothing is learned anew: what is known afterwards is what was not forgotten.
            let body = &mut |transaction: &mut dyn crate::Transaction| {
                transaction.get(b"k")?;
                transaction.set(b"k", b"")
            };
            assert_eq!(follow_up(&&noting, &own, body), Err(StoreError::Unknown));
            assert_eq!(noting.did.take(), [first, &["get newest", "commit newest"]].concat());
            assert_eq!(own.last.young(Instant::now()).map(|known| known.version), stays, "{told}");
            let again = stays.map_or(&[][..], |_| first);
            assert_eq!(did(&noting, &own, true), [again, &["get newest", "commit newest"]].concat(), "{told}");
        }
    }

    #[test]
    fn what_its_own_commit_left_of_guarded_rows_is_not_asked_for() {
        let (noting, own) = (Noting::default(), OwnCommits::default());
        let range = (b"t".to_vec(), b"u".to_vec());
        let append = |also: &[&[u8]], into: &[u8]| {
            follow_up(&&noting, &own, &mut |transaction| {
                transaction.ahead_guarded(&[b"k".to_vec()], &range);
                transaction.get(b"k")?;
                transaction.range(&range.0, &range.1, true, PageLimit::rows(1))?;
                also.iter().try_for_each(|key| transaction.get(key).map(drop))?;
                transaction.set(into, b"")
            })
            .unwrap();
            noting.did.take()
        };
        let asked = ["get 9", "commit 9"];
        assert_eq!(append(&[], b"k"), ["get newest", "commit newest"]);
        // As of before the commit at 9, at which others may have committed, too.
        assert_eq!(append(&[], b"k"), ["commit 8"]);
        assert_eq!(append(&[b"other"], b"k"), ["get 9", "get 9", "commit 9"], "what was not said");
        assert_eq!(append(&[], b"k"), ["commit 8"]);
        assert_eq!(append(&[], b"other"), ["commit 8"]);
        assert_eq!(append(&[], b"k"), ["commit 8"], "nobody wrote it");
        assert_eq!(append(&[], b"t1"), ["commit 8"]);
        assert_eq!(append(&[], b"k"), asked, "its own row of the range is not known to be the last");
        assert_eq!(append(&[], b"k"), ["commit 8"]);
        own.remembered.forget();
        assert_eq!(append(&[], b"k"), asked);
    }

    fn known(asked: Instant, version: u64) -> Known {
        Known { asked, version, told: asked }
    }

    /// Steps (asked, told, version) and what is known after them (asked, version), in ms.
    #[test]
    fn what_is_known_is_the_highest_version_of_a_store() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let check = |steps: &[(u64, u64, u64)], expected: (u64, u64)| {
            let last = Last::default();
            for &(asked, told, version) in steps {
                last.learn(Known { asked: at(asked), version, told: at(told) });
            }
            let Known { asked, version, .. } = last.young(at(0)).unwrap();
            assert_eq!((asked, version), (at(expected.0), expected.1), "{steps:?}");
        };
        // One after the other, and three at once: of those that asked earlier, one is told a higher version.
        check(&[(0, 1, 10), (0, 2, 11), (3, 4, 12)], (3, 12));
        check(&[(0, 3, 10), (1, 4, 12), (0, 5, 13), (0, 6, 11)], (1, 13));
        check(&[(0, 3, 10), (1, 4, 12), (0, 5, 13), (0, 6, 15), (1, 7, 14)], (1, 15));
        // Restored: whoever asked after a version was told is told a lower one.
        check(&[(0, 1, 1_000), (2, 3, 9)], (2, 9));
        check(&[(0, 1, 1_000), (2, 3, 9), (2, 4, 10)], (2, 10));
    }

    #[test]
    fn a_store_that_was_restored_to_lower_versions_is_followed_again() {
        let (noting, own, now) = (Noting::default(), OwnCommits::default(), Instant::now());
        own.last.learn(known(now, 1_000));
        own.last.learn(known(now + Duration::from_millis(1), 9));
        assert_eq!(did(&noting, &own, false)[0], "get 9");
    }
}
