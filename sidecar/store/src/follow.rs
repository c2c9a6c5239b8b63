//! Follow-ups: transactions that read as of this engine's own last commit, so that nobody is asked what is newest.
//!
//! Sound because of the commit: it is refused where somebody wrote, since that version, what the transaction read. A run
//! that ends without a commit proves nothing and is repeated upon what is newest, as is one that is refused. The newest
//! version is asked for once in [`FOLLOW_MS`] all the same: that is where a cluster with too much to do makes its clients
//! wait. Absent on purpose: any memory of rows. What a commit wrote is not known to stand at its version, which a cluster
//! gives to many commits at once.

use std::cell::Cell;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::engine::{Body, Committed, FOLLOW_MS, PageLimit};
use crate::error::StoreError;
use crate::finished::{Finished, KeyRange};
use crate::overlay::{self, Backend, Base};
use crate::watch::locked;

/// An engine that can read as of a version that it has told.
pub(crate) trait Versions: Backend {
    fn begin_at(&self, version: u64) -> Result<Self::Base, StoreError>;
}

/// What is known of an engine's commits.
#[derive(Debug, Default)]
pub(crate) struct Last(Mutex<Option<Known>>);

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
    fn learn(&self, new: Known) {
        let mut last = locked(&self.0);
        *last = Some(match *last {
            // Commits that were under way at once.
            Some(known) if new.asked < known.told => {
                let (version, told) = (known.version, known.told).max((new.version, new.told));
                Known { asked: known.asked.max(new.asked), version, told }
            }
            // Lower than what was told before it was asked for: of a store that was restored.
            _ => new,
        });
    }

    /// Of versions that may never come again.
    fn forget(&self) {
        *locked(&self.0) = None;
    }
}

/// See [`crate::Engine::follow_up`].
pub(crate) fn follow_up<B: Versions>(backend: &B, last: &Last, body: &mut Body<'_>) -> Result<Committed, StoreError> {
    let asked = Cell::new(Instant::now());
    overlay::run(&Following { backend, last, asked, tried: Cell::new(false), behind: Cell::new(false) }, body)
}

struct Following<'a, B> {
    backend: &'a B,
    last: &'a Last,
    /// When the newest version was asked for, of what the present run reads.
    asked: Cell<Instant>,
    tried: Cell<bool>,
    /// Whether the first run was behind.
    behind: Cell<bool>,
}

struct Seen<'a, S> {
    base: S,
    /// What it follows, where it is behind.
    follows: Option<&'a Last>,
}

impl<S> Seen<'_, S> {
    /// After a recovery every version before it is too old, after a restore it may never come.
    fn failed(&self) {
        if let Some(last) = self.follows {
            last.forget();
        }
    }
}

impl<S: Base> Base for Seen<'_, S> {
    fn ahead(&self, keys: &[Vec<u8>]) {
        self.base.ahead(keys);
    }

    fn ahead_first(&self, ranges: &[KeyRange]) {
        self.base.ahead_first(ranges);
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.base.get(key).inspect_err(|_| self.failed())
    }

    fn visit(
        &self,
        begin: &[u8],
        end: &[u8],
        reverse: bool,
        enough: PageLimit,
        row: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        self.base.visit(begin, end, reverse, enough, row).inspect_err(|_| self.failed())
    }

    fn is_behind(&self) -> bool {
        self.follows.is_some()
    }
}

impl<'a, B: Versions> Backend for Following<'a, B> {
    type Base = Seen<'a, B::Base>;

    fn begin(&self) -> Result<Self::Base, StoreError> {
        let now = Instant::now();
        if !self.tried.replace(true)
            && let Some(Known { asked, version, .. }) = self.last.young(now)
        {
            self.asked.set(asked);
            self.behind.set(true);
            return Ok(Seen { base: self.backend.begin_at(version)?, follows: Some(self.last) });
        }
        self.asked.set(now);
        Ok(Seen { base: self.backend.begin()?, follows: None })
    }

    fn commit(&self, seen: Self::Base, finished: Finished) -> Result<Committed, StoreError> {
        let Seen { base, follows } = seen;
        let committed = self.backend.commit(base, finished);
        match (&committed, follows) {
            (Ok(Committed { stamp: Some([a, b, c, d, e, f, g, h, ..]) }), _) => {
                let version = u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
                self.last.learn(Known { asked: self.asked.get(), version, told: Instant::now() });
            }
            // Who meets somebody learns that version; it stays one of this store, and another's own commit may be it.
            (Err(error), Some(last)) if *error != StoreError::Conflict => last.forget(),
            _ => {}
        }
        committed
    }

    fn pause(&self, lost: u32) {
        // A run that was behind met nobody yet.
        let lost = lost - u32::from(self.behind.get());
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

    fn did(noting: &Noting, last: &Last, write: bool) -> Vec<String> {
        follow_up(&noting, last, &mut |transaction| {
            transaction.get(b"k")?;
            if write { transaction.set(b"k", b"") } else { Ok(()) }
        })
        .unwrap();
        noting.did.take()
    }

    #[test]
    fn follows_the_last_commit_while_that_is_young() {
        let (noting, last) = (Noting::default(), Last::default());
        assert_eq!(did(&noting, &last, true), ["get newest", "commit newest"]);
        assert_eq!(did(&noting, &last, true), ["get 9", "commit 9"]);
        let asked = last.young(Instant::now()).unwrap().asked;
        assert!(last.young(asked + Duration::from_millis(FOLLOW_MS)).is_none());
        assert_eq!(last.young(asked).unwrap().asked, asked, "following asks nobody, so it ends in time");
    }

    #[test]
    fn what_is_not_committed_is_read_again() {
        let (noting, last) = (Noting::default(), Last::default());
        last.learn(known(Instant::now(), 9));
        assert_eq!(did(&noting, &last, false), ["get 9", "get newest"]);
        let cancelled = follow_up(&&noting, &last, &mut |transaction| {
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
            let (noting, last) = (Noting { behind: Some((call, error)), fails, ..Noting::default() }, Last::default());
            last.learn(known(Instant::now(), 9));
            // Nothing is learned anew: what is known afterwards is what was not forgotten.
            let body = &mut |transaction: &mut dyn crate::Transaction| {
                transaction.get(b"k")?;
                transaction.set(b"k", b"")
            };
            assert_eq!(follow_up(&&noting, &last, body), Err(StoreError::Unknown));
            assert_eq!(noting.did.take(), [first, &["get newest", "commit newest"]].concat());
            assert_eq!(last.young(Instant::now()).map(|known| known.version), stays, "{told}");
            let again = stays.map_or(&[][..], |_| first);
            assert_eq!(did(&noting, &last, true), [again, &["get newest", "commit newest"]].concat(), "{told}");
        }
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
        let (noting, last, now) = (Noting::default(), Last::default(), Instant::now());
        last.learn(known(now, 1_000));
        last.learn(known(now + Duration::from_millis(1), 9));
        assert_eq!(did(&noting, &last, false)[0], "get 9");
    }
}
