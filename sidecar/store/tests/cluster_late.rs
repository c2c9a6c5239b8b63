//! Commits whose answer is late, and commits that are late themselves, on a real server behind a proxy that holds up what goes
//! one way: what an unknown result leaves open is settled, and nothing counts twice. Each beside what happens to
//! a client that does not do what the engine does, so that the harm is seen to be done. Said by name where no server is.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ::foundationdb::options::TransactionOption;
use ::foundationdb::{Database, Transaction as Bare};
use codi2_store::engine::Body;
use codi2_store::foundationdb::{self, FoundationDb, FoundationDbOptions};
use codi2_store::{Committed, Dedupe, Engine, PageLimit, Store, StoreError};
use common::cluster::{Cluster, Proxy, Way, own};
use common::{event, options, pending};
use futures_executor::block_on;

/// Shorter than a client takes to miss the answers to its pings: then the client library would settle the commit itself, and
/// say 1021. After a timeout it does not.
const TIMEOUT_MS: i32 = 1_000;

fn open(cluster: &Cluster) -> FoundationDb {
    foundationdb::open(&FoundationDbOptions { timeout_ms: TIMEOUT_MS, ..options(cluster) }).unwrap()
}

/// Tries until the server is reached again.
fn again<T, E>(mut work: impl FnMut() -> Result<T, E>) -> T {
    loop {
        if let Ok(done) = work() {
            return done;
        }
    }
}

fn value(engine: &FoundationDb, key: &[u8]) -> Option<Vec<u8>> {
    let mut value = None;
    again(|| engine.transact(&mut |t| t.get(key).map(|found| value = found)));
    value
}

/// What a client does that does not mark its commits.
struct Markless(Database);

impl Markless {
    fn of(cluster: &Cluster) -> Self {
        Self(Database::from_path(cluster.file.to_str().unwrap()).unwrap())
    }

    fn begin(&self) -> Bare {
        let transaction = self.0.create_trx().unwrap();
        transaction.set_option(TransactionOption::Timeout(TIMEOUT_MS)).unwrap();
        transaction
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        again(|| block_on(self.begin().get(key, true))).map(|value| value.to_vec())
    }

    fn set(&self, key: &[u8], value: &[u8]) {
        again(|| {
            let transaction = self.begin();
            transaction.set(key, value);
            block_on(transaction.commit()).map(drop).map_err(drop)
        });
    }
}

/// A commit is held up on its way there until another one is through: it must not land any more.
#[test]
fn a_commit_that_comes_after_its_retry_is_refused_by_its_mark() {
    let name = "a_commit_that_comes_after_its_retry_is_refused_by_its_mark";
    let proxy = Proxy::start();
    let Some(server) = own(name, Some(&proxy)) else { return };
    // Also starts the network.
    let engine = open(&server.cluster);
    again(|| engine.transact(&mut |t| t.set(b"k", b"before")));

    let bare = Markless::of(&server.cluster);
    let transaction = bare.begin();
    assert!(block_on(transaction.get(b"other", true)).unwrap().is_none());
    proxy.hold(Way::There);
    transaction.set(b"late", b"first");
    assert!(block_on(transaction.commit()).is_err());
    bare.set(b"late", b"second");
    proxy.release();
    // Without a mark it lands, over what was written after it.
    while bare.get(b"late").as_deref() != Some(b"first") {}

    let unknown = engine.transact(&mut |t| {
        // The version to commit upon is known.
        t.get(b"other")?;
        proxy.hold(Way::There);
        t.set(b"k", b"first")
    });
    assert_eq!(unknown, Err(StoreError::Unknown));
    again(|| engine.transact(&mut |t| t.set(b"k", b"second")));
    proxy.release();
    for number in 0..20_u8 {
        bare.set(b"after", &[number]);
        assert_eq!(value(&engine, b"k").as_deref(), Some(&b"second"[..]), "its mark was written meanwhile");
    }
}

/// Holds up the answer to its first commit.
struct Holding {
    engine: FoundationDb,
    proxy: Proxy,
    held: AtomicBool,
}

impl Holding {
    fn hold(&self) {
        if !self.held.swap(true, Ordering::SeqCst) {
            self.proxy.hold(Way::Back);
        }
    }
}

impl Engine for Holding {
    fn transact(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        self.engine.transact(&mut |t| {
            // So that it knows the version to commit upon.
            t.get(b"other")?;
            body(t)?;
            self.hold();
            Ok(())
        })
    }
    common::passes_on!(engine);
    fn exclusive(&self) -> bool {
        false
    }
}

/// A commit is done and its answer does not come: the retry finds it done. One that only tries again does it twice.
#[test]
fn a_commit_whose_answer_is_lost_counts_once() {
    let name = "a_commit_whose_answer_is_lost_counts_once";
    let proxy = Proxy::start();
    let Some(server) = own(name, Some(&proxy)) else { return };
    let holding = Arc::new(Holding { engine: open(&server.cluster), proxy, held: AtomicBool::new(true) });
    let store = Store::on(Arc::clone(&holding) as Arc<dyn Engine>).unwrap();

    // Only tries again.
    holding.held.store(false, Ordering::SeqCst);
    let mut lost = 0;
    while let Err(error) = holding.transact(&mut |t| t.append_stamped(b"naive", b"", b"")) {
        lost += usize::from(error == StoreError::Unknown);
    }
    holding.proxy.release();
    let mut rows = 0;
    let count = |t: &mut dyn codi2_store::Transaction| t.range(b"naive", b"naivf", false, PageLimit::rows(9));
    again(|| holding.engine.transact(&mut |t| count(t).map(|page| rows = page.rows.len())));
    assert_eq!((lost, rows), (1, 2), "whoever only tries again does it twice");

    for number in 0..3 {
        holding.held.store(false, Ordering::SeqCst);
        let mut away = 0;
        let stamp = store.append_patiently(&[pending(event(number, 1), Dedupe::NONE)], &mut |_| {
            away += 1;
            true
        });
        let stamp = stamp.unwrap()[0].unwrap();
        holding.proxy.release();
        let log = again(|| store.tail_after(None, 100));
        assert_eq!(log.len() as u64, number + 1, "once, after {away} tries in vain");
        assert_eq!(log.last().unwrap().stamp, stamp, "where it was said to be");
        assert_eq!(again(|| store.events()), number + 1);
    }
}
