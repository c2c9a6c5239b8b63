//! Four processes on one cluster, 10,000 operations each: counters, fences, compare-and-set and queues lose nothing and
//! do nothing twice. This binary is the processes, too. Said by name and passed where there is no cluster.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::process::Command;
use std::sync::Arc;

use codi2_protocol::RepositoryId;
use codi2_store::foundationdb::{self, FoundationDbOptions};
use codi2_store::{Row, Store, StoreError, Subspace, check};
use common::cluster;

const PROCESSES: u64 = 4;
const OPERATIONS: u64 = 10_000;
const WORKER: &str = "CODI2_TEST_WORKER";
const KEY: [&str; 3] = ["CODI2_TEST_CLUSTER", "CODI2_TEST_LIBRARY", "CODI2_TEST_PREFIX"];

fn repository() -> RepositoryId {
    RepositoryId::from_uuid(uuid::Uuid::from_u128(7))
}

/// Tries again where others were quicker 64 times in a row, or the server had too much to do for a while.
fn patiently<R>(mut work: impl FnMut() -> Result<R, StoreError>) -> R {
    loop {
        match work() {
            Err(StoreError::Conflict | StoreError::Away { .. }) => {}
            result => return result.unwrap(),
        }
    }
}

/// What one of the processes does: each operation leaves a row of its own beside what it took.
#[test]
#[ignore = "run by the test below, as a process"]
fn worker() {
    let Ok(number) = std::env::var(WORKER) else { return };
    let number: u64 = number.parse().unwrap();
    let [cluster, library, prefix] = KEY.map(|key| std::env::var(key).unwrap());
    let mut options = FoundationDbOptions::new(cluster);
    options.library = (!library.is_empty()).then(|| library.into());
    options.prefix = prefix.into_bytes();
    let store = Store::on(Arc::new(foundationdb::open(&options).unwrap())).unwrap();
    let took = |what: &str, which: u64| Row::set(Subspace::Meta, &[format!("{what} {which}").as_str().into()], &number);
    for n in 0..OPERATIONS {
        patiently(|| {
            store.once(&mut |atomic| match n % 5 {
                0 => atomic.count("calls", 1),
                1 => {
                    let fence = atomic.fence(repository())?;
                    atomic.write(&took("fence", fence)?)
                }
                2 => {
                    let parts = ["value".into()];
                    let found: Option<u64> = atomic.get(Subspace::Meta, &parts)?;
                    let next = found.map_or(0, |found| found + 1);
                    assert!(atomic.compare_and_set(Subspace::Meta, &parts, found.as_ref(), Some(&next))?);
                    atomic.write(&took("value", next)?)
                }
                3 => atomic.offer("work", &(number * OPERATIONS + n)),
                _ => {
                    // Each has offered as many as it takes, so there is one.
                    let item: u64 = atomic.claim_next("work")?.unwrap();
                    atomic.write(&took("item", item)?)
                }
            })
        });
    }
}

#[test]
fn four_processes_lose_nothing_and_do_nothing_twice() {
    let Some(cluster) = cluster::shared("four_processes_lose_nothing_and_do_nothing_twice") else { return };
    let prefix = format!("processes-{}/", std::process::id());
    let library = cluster.library.clone().unwrap_or_default();
    let children: Vec<_> = (0..PROCESSES)
        .map(|number| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "worker", "--ignored", "--quiet"]).env(WORKER, number.to_string());
            command.env(KEY[0], &cluster.file).env(KEY[1], &library).env(KEY[2], &prefix).spawn().unwrap()
        })
        .collect();
    children.into_iter().for_each(|mut child| assert!(child.wait().unwrap().success()));
    let mut options = FoundationDbOptions::new(&cluster.file);
    options.library = cluster.library;
    options.prefix = prefix.into_bytes();
    let engine = Arc::new(foundationdb::open(&options).unwrap());
    let store = Store::on(engine.clone()).unwrap();
    let each = PROCESSES * OPERATIONS / 5;
    assert_eq!(store.counter("calls").unwrap(), each);
    assert_eq!(store.once(&mut |atomic| atomic.fence(repository())), Ok(each + 1));
    let rows = |what: &str| {
        let row = |row: Result<(Vec<codi2_store::Part<'static>>, u64), StoreError>| {
            row.unwrap().0[0].text().unwrap().to_owned()
        };
        store.scan::<u64>(Subspace::Meta, &[]).map(row).filter(|name| name.starts_with(what)).count() as u64
    };
    assert_eq!([rows("fence "), rows("value "), rows("item ")], [each; 3], "none was given twice");
    assert_eq!(store.get::<u64>(Subspace::Meta, &["value".into()]).unwrap(), Some(each - 1));
    assert_eq!(store.once(&mut |atomic| atomic.claim_next::<u64>("work")), Ok(None));
    assert_eq!(check(engine).unwrap().faulty, 0);
    println!("four processes, {OPERATIONS} operations each: {each} of each sort, each once");
}
