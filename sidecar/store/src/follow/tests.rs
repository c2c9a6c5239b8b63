//! Which versions follow-ups read, and what they are told instead.

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
        let (noting, own) = (Noting { behind: Some((call, error)), fails, ..Noting::default() }, OwnCommits::default());
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
