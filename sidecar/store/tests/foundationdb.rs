//! What is FoundationDB's own: its traps (docs/foundationdb.md), several stores in one cluster.
//!
//! Where there is no server, each says `SKIP` by its name. The contract that all engines share is in `contract`, faults of
//! the server in `cluster_faults`, opening in `cluster_opening`.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use codi2_store::engine::{Transaction, VALUE_BYTES};
use codi2_store::foundationdb::{self, FoundationDbOptions};
use codi2_store::{Abort, Dedupe, Engine, Fate, Store, StoreError, Watch};
use common::{cluster, event, in_cluster, options, pending};

#[test]
fn a_cluster_that_is_not_there_is_said_in_time() {
    let Some(cluster) = cluster::shared("a_cluster_that_is_not_there_is_said_in_time") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fdb.cluster");
    std::fs::write(&file, "team:id@127.0.0.1:1\n").unwrap();
    let nobody =
        FoundationDbOptions { library: cluster.library.clone(), timeout_ms: 300, ..FoundationDbOptions::new(file) };
    let engine = foundationdb::open(&nobody).unwrap();
    let away = |error: StoreError| {
        let said = error.to_string();
        assert_eq!(error.fate(), Fate::Later, "{said}");
        assert!(said.contains("does not answer") && said.contains("fdb.cluster") && said.contains("fdbcli"), "{said}");
    };
    away(engine.transact(&mut |t| t.get(b"k").map(drop)).unwrap_err());
    away(engine.watch(b"k").unwrap_err());
    away(engine.bytes().unwrap_err());
    // A commit that was never answered may have happened; what comes after it waits until that is known.
    assert_eq!(engine.transact(&mut |t| t.set(b"k", b"")), Err(StoreError::Unknown));
    away(engine.transact(&mut |t| t.set(b"k", b"")).unwrap_err());
    away(Store::on(Arc::new(engine)).err().unwrap());
    // Another cluster is none of its business.
    in_cluster(&cluster).transact(&mut |t| t.set(b"k", b"")).unwrap();
}

/// The client's timeout is one of the transaction: where the cluster answers all the time, it says nothing of the cluster.
#[test]
fn a_transaction_that_takes_too_long_does_not_find_its_cluster_away() {
    let Some(cluster) = cluster::shared("a_transaction_that_takes_too_long_does_not_find_its_cluster_away") else {
        return;
    };
    let engine = foundationdb::open(&FoundationDbOptions { timeout_ms: 1_000, ..options(&cluster) }).unwrap();
    let (mut runs, mut reads) = (0, 0);
    let read = engine.transact(&mut |t| {
        runs += 1;
        loop {
            t.get(b"k")?;
            reads += 1;
        }
    });
    assert_eq!(read, Err(StoreError::TooOld));
    assert!(runs == 3 && reads > runs, "{runs} runs, {reads} reads");
}

#[test]
fn stores_with_different_prefixes_know_nothing_of_each_other() {
    let Some(cluster) = cluster::shared("stores_with_different_prefixes_know_nothing_of_each_other") else { return };
    let (one, other) = (in_cluster(&cluster), in_cluster(&cluster));
    let everything = |t: &mut dyn Transaction| t.range(&[0], &[0xff], false, codi2_store::PageLimit::rows(100));
    one.transact(&mut |t| t.set(b"k", b"one")).unwrap();
    other.transact(&mut |t| t.clear_range(&[0], &[0xff])).unwrap();
    let mut seen = Vec::new();
    other.transact(&mut |t| everything(t).map(|page| seen = page.rows)).unwrap();
    assert_eq!(seen, []);
    one.transact(&mut |t| everything(t).map(|page| seen = page.rows)).unwrap();
    assert_eq!(seen, [(b"k".to_vec(), b"one".to_vec())]);
}

#[test]
fn two_engines_on_one_prefix_are_one_store() {
    let Some(cluster) = cluster::shared("two_engines_on_one_prefix_are_one_store") else { return };
    let options = options(&cluster);
    let [one, other] = [(); 2].map(|()| Store::on(Arc::new(foundationdb::open(&options).unwrap())).unwrap());
    let watch = other.watch().unwrap();
    let stamp = one.append(&[pending(event(1, 1), Dedupe::NONE)]).unwrap()[0];
    assert!(watch.wait(Duration::from_secs(60)), "the other engine's append is heard");
    assert_eq!(other.head().unwrap(), stamp);
    let next = other.append(&[pending(event(2, 1), Dedupe::NONE)]).unwrap()[0];
    assert!(next > stamp);
    let tail: Vec<_> = one.tail_after(stamp, 10).unwrap().into_iter().map(|event| Some(event.stamp)).collect();
    assert_eq!(tail, [next]);
    assert_eq!((one.events().unwrap(), one.place()), (2, other.place()));
    assert_eq!(one.mended(), None);
}

/// A watch compares values: the second append must not make the head what it was. Whichever of two it sees, it has changed.
#[test]
fn the_head_is_another_after_each_append_and_watched() {
    let Some(cluster) = cluster::shared("the_head_is_another_after_each_append_and_watched") else { return };
    let options = options(&cluster);
    let engine = Arc::new(foundationdb::open(&options).unwrap());
    let (here, there) = (Store::on(engine.clone()).unwrap(), Store::on(engine.clone()).unwrap());
    let head = || {
        let (mut head, key) = (None, foundationdb_tuple::pack(&(codi2_store::layout::LAYOUT, "head")));
        engine.transact(&mut |t| t.get(&key).map(|found| head = found)).unwrap();
        head
    };
    let mut heads = vec![head()];
    for round in 0..5 {
        let watch = there.watch().unwrap();
        for number in [0, 1] {
            here.append(&[pending(event(2 * round + number, 1), Dedupe::NONE)]).unwrap();
            heads.push(head());
        }
        assert!(watch.wait(Duration::from_secs(60)), "round {round}");
    }
    heads.sort();
    heads.dedup();
    assert_eq!(heads.len(), 11, "no head came twice");
}

/// As much as the overlay lets through is taken by the cluster, too, however small the parts are.
#[test]
fn what_passes_the_limit_here_passes_it_there() {
    let Some(cluster) = cluster::shared("what_passes_the_limit_here_passes_it_there") else { return };
    // So much takes long where the machine is busy.
    let engine = foundationdb::open(&FoundationDbOptions { timeout_ms: 120_000, ..options(&cluster) }).unwrap();
    for value in [0, 500, VALUE_BYTES] {
        let value = vec![7; value];
        let mut fits = 0_u32;
        // How many fit is found out first; then exactly so many are written.
        let probe = engine.transact(&mut |t| {
            for number in 0_u32.. {
                if t.set(&number.to_be_bytes(), &value).is_err() {
                    break;
                }
                fits = number + 1;
            }
            Err(Abort::Cancelled)
        });
        assert!(probe.is_err() && fits > 100, "{fits}");
        engine.transact(&mut |t| (0..fits).try_for_each(|number| t.set(&number.to_be_bytes(), &value))).unwrap();
    }
    let mut read = 0_u32;
    let _ = engine.transact(&mut |t| {
        while t.get(&read.to_be_bytes()).is_ok() && read < 1_000 {
            read += 1;
        }
        t.set(b"read much", b"")
    });
    assert_eq!(read, 1_000);
}

#[test]
fn more_watches_than_the_client_takes_are_lost_not_refused() {
    let Some(cluster) = cluster::shared("more_watches_than_the_client_takes_are_lost_not_refused") else { return };
    let engine = in_cluster(&cluster);
    // Those over the limit are lost, or fire without a change where the client says so late: whoever waits bears both.
    let mut watches: Vec<Watch> = (0..10_010).map(|_| engine.watch(b"key").unwrap()).collect();
    engine.transact(&mut |t| t.set(b"key", b"1")).unwrap();
    assert!(watches[0].wait(Duration::from_secs(60)));
    // Those that nobody holds any more are ended and leave room.
    watches.clear();
    for _ in 0..10_010 {
        drop(engine.watch(b"key").unwrap());
    }
    let watch = engine.watch(b"key").unwrap();
    engine.transact(&mut |t| t.set(b"key", b"2")).unwrap();
    assert!(watch.wait(Duration::from_secs(60)));
}

/// A watch lives on when the timeout of the transaction that made it is over.
#[test]
fn a_watch_outlives_its_transaction_and_the_timeout() {
    let Some(cluster) = cluster::shared("a_watch_outlives_its_transaction_and_the_timeout") else { return };
    let options = FoundationDbOptions { timeout_ms: 200, ..options(&cluster) };
    let engine = foundationdb::open(&options).unwrap();
    let watch = engine.watch(b"key").unwrap();
    assert!(!watch.wait(Duration::from_millis(600)), "nothing changed");
    while engine.transact(&mut |t| t.set(b"key", b"1")).is_err() {}
    assert!(watch.wait(Duration::from_secs(60)));
}

/// Ends its process in the middle of things; see the test below.
#[test]
fn child_that_exits_at_once() {
    let Some(file) = std::env::var_os("CODI2_TEST_EXIT") else { return };
    let cluster =
        cluster::Cluster { file: file.into(), library: std::env::var_os("CODI2_FDB_LIBRARY").map(Into::into) };
    let engine = Arc::new(in_cluster(&cluster));
    let _watch = engine.watch(b"key").unwrap();
    let busy = Arc::clone(&engine);
    std::thread::spawn(move || while busy.transact(&mut |t| t.set(b"other", b"")).is_ok() {});
    std::process::exit(0);
}

#[test]
fn a_process_that_exits_in_the_middle_ends_well() {
    let Some(cluster) = cluster::shared("a_process_that_exits_in_the_middle_ends_well") else { return };
    for run in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "child_that_exits_at_once", "--nocapture"]).env("CODI2_TEST_EXIT", &cluster.file);
        let output = child.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "run {run}: {output:?}");
    }
}
