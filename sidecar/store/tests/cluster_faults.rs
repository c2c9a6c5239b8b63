//! A real server is stopped, killed, halted, locked and cut off under load: nothing acknowledged is lost, nothing is
//! there twice, and what is wrong is said.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ::foundationdb::Database;
use ::foundationdb::options::TransactionOption;
use codi2_protocol::{EventId, ProducerId, Stamp};
use codi2_store::foundationdb::{self, FoundationDb, FoundationDbOptions};
use codi2_store::{Dedupe, Engine, Store, StoreError};
use common::cluster::{Cluster, Proxy, own};
use common::{event, options, pending};

const WRITERS: u64 = 4;
const DEADLINE: Duration = Duration::from_secs(120);

/// Writers that go on until they are told to end, whatever happens to the server.
struct Load {
    store: Store,
    acknowledged: Mutex<Vec<(EventId, Stamp)>>,
    /// How often a writer was told that the store is away, and the last words.
    away: AtomicUsize,
    words: Mutex<String>,
    ends: AtomicBool,
    /// The test failed: nobody need be patient any more.
    failed: AtomicBool,
}

/// Lets the writers end when the test fails, so that it does.
struct Failing<'a>(&'a AtomicBool);

impl Drop for Failing<'_> {
    fn drop(&mut self) {
        self.0.store(std::thread::panicking(), Ordering::SeqCst);
    }
}

fn open(options: &FoundationDbOptions) -> Arc<FoundationDb> {
    Arc::new(foundationdb::open(options).unwrap())
}

fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < DEADLINE, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

impl Load {
    fn write(&self, writer: u64) {
        let producer = ProducerId::new();
        for seq in 1.. {
            if self.ends.load(Ordering::SeqCst) || self.failed.load(Ordering::SeqCst) {
                return;
            }
            let number = writer * 1_000_000 + seq * 2;
            let pair = [event(number, 1), event(number + 1, 1)];
            let batch = pair.clone().map(|event| pending(event, Dedupe::fact(producer, seq)));
            let stamps = self.store.append_patiently(&batch, &mut |error| self.wait(error)).unwrap();
            let stamped = pair.iter().map(|event| event.id).zip(stamps.into_iter().map(Option::unwrap));
            self.acknowledged.lock().unwrap().extend(stamped);
        }
    }

    fn wait(&self, error: &StoreError) -> bool {
        assert!(matches!(error, StoreError::Away { .. }), "{error}");
        *self.words.lock().unwrap() = error.to_string();
        self.away.fetch_add(1, Ordering::SeqCst);
        std::thread::park_timeout(Duration::from_millis(20));
        !self.failed.load(Ordering::SeqCst)
    }

    fn count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Waits until events were acknowledged.
    fn goes_on(&self) {
        let before = self.count();
        wait_for("acknowledged events", || self.count() >= before + 100);
    }

    /// Waits until a writer is told that the store is away, and gives the words.
    fn says(&self) -> String {
        let before = self.away.load(Ordering::SeqCst);
        wait_for("words about the store", || self.away.load(Ordering::SeqCst) > before);
        self.words.lock().unwrap().clone()
    }
}

/// Does harm under load, and afterwards compares what is in the cluster with what was acknowledged.
fn under_load(name: &str, cluster: &Cluster, harm: impl FnOnce(&Load)) {
    let options = FoundationDbOptions { timeout_ms: 2_000, ..options(cluster) };
    let load = Load {
        store: Store::on(open(&options)).unwrap(),
        acknowledged: Mutex::default(),
        away: AtomicUsize::new(0),
        words: Mutex::default(),
        ends: AtomicBool::new(false),
        failed: AtomicBool::new(false),
    };
    std::thread::scope(|scope| {
        let load = &load;
        (0..WRITERS).for_each(|writer| drop(scope.spawn(move || load.write(writer))));
        let failing = Failing(&load.failed);
        harm(load);
        drop(failing);
        load.ends.store(true, Ordering::SeqCst);
    });
    // Another engine reads, as another hub would.
    let store = Store::on(open(&options)).unwrap();
    let (mut log, mut after) = (Vec::new(), None);
    loop {
        let page = store.tail_after(after, 500).unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.stamp);
        log.extend(page.into_iter().map(|stamped| (stamped.event.id, stamped.stamp)));
    }
    assert!(log.is_sorted_by(|one, next| one.1 < next.1), "{name}: stamps ascend whatever happened");
    assert_eq!(store.events().unwrap(), log.len() as u64, "{name}: the counter counts what is there");
    let mut acknowledged = load.acknowledged.into_inner().unwrap();
    acknowledged.sort_unstable();
    log.sort_unstable();
    let events = log.len();
    log.dedup_by_key(|(id, _)| *id);
    assert_eq!(log.len(), events, "{name}: none twice");
    // A patient writer ends only with an answer: what is there is what was acknowledged.
    assert_eq!(log, acknowledged, "{name}: all there, where they were said to be");
    println!("COUNT P1 | `store` `cluster_faults::{name}` | {events} | events acknowledged, 0 lost, 0 twice");
}

#[test]
fn a_server_killed_again_and_again_loses_and_repeats_nothing() {
    let name = "a_server_killed_again_and_again_loses_and_repeats_nothing";
    let Some(mut server) = own(name, None) else { return };
    under_load(name, &server.cluster.clone(), |load| {
        for _ in 0..5 {
            load.goes_on();
            server.kill();
            server.restart();
        }
        load.goes_on();
    });
}

#[test]
fn a_server_that_is_stopped_is_missed_and_waited_for() {
    let name = "a_server_that_is_stopped_is_missed_and_waited_for";
    let Some(mut server) = own(name, None) else { return };
    under_load(name, &server.cluster.clone(), |load| {
        load.goes_on();
        server.stop();
        let said = load.says();
        assert!(said.contains("does not answer") && said.contains("fdb.cluster"), "{said}");
        server.restart();
        load.goes_on();
    });
}

#[test]
fn a_server_that_is_halted_is_missed_and_waited_for() {
    let name = "a_server_that_is_halted_is_missed_and_waited_for";
    let Some(server) = own(name, None) else { return };
    under_load(name, &server.cluster.clone(), |load| {
        for _ in 0..2 {
            load.goes_on();
            server.pause();
            load.says();
            server.resume();
        }
        load.goes_on();
    });
}

#[test]
fn a_network_that_is_cut_is_missed_and_waited_for() {
    let name = "a_network_that_is_cut_is_missed_and_waited_for";
    let proxy = Proxy::start();
    let Some(server) = own(name, Some(&proxy)) else { return };
    under_load(name, &server.cluster.clone(), |load| {
        for _ in 0..2 {
            load.goes_on();
            proxy.cut();
            load.says();
            proxy.mend();
        }
        load.goes_on();
    });
}

/// As `unlock` of fdbcli does, which asks for a passphrase on a terminal.
fn unlock(cluster: &Cluster) {
    let database = Database::from_path(cluster.file.to_str().unwrap()).unwrap();
    let transaction = database.create_trx().unwrap();
    for option in [TransactionOption::LockAware, TransactionOption::AccessSystemKeys] {
        transaction.set_option(option).unwrap();
    }
    transaction.clear(b"\xff/dbLocked");
    futures_executor::block_on(transaction.commit()).map(drop).unwrap();
}

#[test]
fn a_locked_database_is_said_and_waited_out() {
    let name = "a_locked_database_is_said_and_waited_out";
    let Some(server) = own(name, None) else { return };
    under_load(name, &server.cluster.clone(), |load| {
        load.goes_on();
        server.cli("lock");
        let said = load.says();
        assert!(said.contains("its database is locked") && said.contains("unlock"), "{said}");
        unlock(&server.cluster);
        load.goes_on();
    });
}

/// A recovery makes every version before it too old: a transaction over it is run again, on what is there now.
#[test]
fn a_transaction_over_a_restart_is_run_again() {
    let Some(mut server) = own("a_transaction_over_a_restart_is_run_again", None) else { return };
    let engine = foundationdb::open(&FoundationDbOptions { timeout_ms: 60_000, ..options(&server.cluster) }).unwrap();
    engine.transact(&mut |t| t.set(b"k", b"1")).unwrap();
    let mut runs = 0;
    let committed = engine.transact(&mut |t| {
        runs += 1;
        let before = t.get(b"k")?;
        if runs == 1 {
            server.kill();
            server.restart();
            // Its databases are there again.
            server.cli("status minimal");
        }
        assert_eq!(t.get(b"other")?, None);
        t.set(b"k", &[before.unwrap(), b"2".to_vec()].concat())
    });
    assert!(committed.unwrap().stamp.is_some());
    assert_eq!(runs, 2, "the first run's version was too old");
    let mut value = None;
    engine.transact(&mut |t| t.get(b"k").map(|found| value = found)).unwrap();
    assert_eq!(value.unwrap(), b"12");
}
