//! The contract of every engine: random transactions against a naive model, plain and under seeded faults.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod faults;
mod follow_ups;
mod guarded;
mod model;
mod rules;

use std::sync::Arc;

use codi2_store::{Abort, Engine, PageLimit, StoreError, Transaction};
use common::Engines;
use model::{Naive, Op, Rows, ops, run};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

/// The whole content, page by page, in one direction.
fn content(engine: &dyn Engine, reverse: bool, rows: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (mut begin, mut end) = (vec![0], vec![0xff]);
    let mut all = Vec::new();
    loop {
        let mut page = None;
        let read = engine.transact(&mut |transaction| {
            page = Some(transaction.range(&begin, &end, reverse, PageLimit::rows(rows))?);
            Ok(())
        });
        if read == Err(StoreError::Unknown) {
            continue;
        }
        read.unwrap();
        let page = page.unwrap();
        if let Some((last, _)) = page.rows.last() {
            if reverse { end.clone_from(last) } else { begin = [last, &[0][..]].concat() }
        }
        all.extend(page.rows);
        if !page.more {
            return all;
        }
    }
}

fn marker(number: usize) -> Vec<u8> {
    format!("z{number}").into_bytes()
}

/// The stamp of a transaction that said "unknown", if it was committed.
fn resolve(engine: &dyn Engine, number: usize) -> Option<[u8; 10]> {
    let mut stored = None;
    while let Err(error) = engine.transact(&mut |transaction| {
        stored = transaction.get(&marker(number))?;
        Ok(())
    }) {
        assert_eq!(error, StoreError::Unknown);
    }
    Some(*stored?.first_chunk().unwrap())
}

/// Runs transactions on an engine and on a map; the whole content is compared after each, or only at the end.
fn check(name: &str, engine: &dyn Engine, transactions: &[(Vec<Op>, bool)], page: usize, each: bool) {
    let mut rows = Rows::new();
    let mut last_stamp = [0; 10];
    for (number, (ops, keep)) in transactions.iter().enumerate() {
        let mut naive = Naive::of(rows.clone());
        let expected = naive.run(ops);
        let mut seen = Vec::new();
        // Of three, two follow up; the third is to them what somebody else wrote.
        let follows = number % 3 != 1;
        // Every other tells ahead what it will read.
        let ahead = if number % 2 == 0 { &ops[..] } else { &[] };
        let ahead: Vec<Vec<u8>> =
            ahead.iter().filter_map(|op| if let Op::Get(key) = op { Some(key.clone()) } else { None }).collect();
        let result = loop {
            let mut body = |transaction: &mut dyn Transaction| {
                seen.clear();
                transaction.ahead(&ahead);
                run(transaction, ops, &mut seen)?;
                transaction.set_stamped_value(&marker(number), b"")?;
                if *keep { Ok(()) } else { Err(Abort::Cancelled) }
            };
            let result = if follows { engine.follow_up(&mut body) } else { engine.transact(&mut body) };
            match result {
                Err(StoreError::Unknown) => match resolve(engine, number) {
                    Some(stamp) => break Ok(stamp),
                    None => continue,
                },
                result => break result.map(|committed| committed.stamp.unwrap()),
            }
        };
        match (expected, keep) {
            (None, _) => assert_eq!(result, Err(StoreError::Unreadable), "{name}: {ops:?}"),
            (Some(_), false) => assert_eq!(result, Err(StoreError::Cancelled), "{name}: {ops:?}"),
            (Some(expected), true) => {
                let stamp = result.unwrap();
                assert_eq!(seen, expected, "{name}: {ops:?}");
                assert!(stamp > last_stamp, "{name}: stamps ascend");
                last_stamp = stamp;
                naive.stamped_values.insert(marker(number), vec![]);
                rows = naive.commit(&stamp);
            }
        }
        if each || number + 1 == transactions.len() {
            let mut all: Vec<_> = rows.clone().into_iter().collect();
            assert_eq!(content(engine, false, page), all, "{name}: {ops:?}");
            all.reverse();
            assert_eq!(content(engine, true, page), all, "{name}: {ops:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_engine_does_what_a_map_does(
        transactions in prop::collection::vec((prop::collection::vec(ops(), 0..12), prop::bool::weighted(0.9)), 1..8),
        page in 1..6_usize,
        seed in any::<u64>(),
    ) {
        let engines = Engines::new();
        for (name, engine) in engines.all(seed) {
            check(name, &*engine, &transactions, page, true);
        }
    }
}

/// The same on memory alone, where a case costs no sync.
#[test]
fn many_more_cases_in_memory() {
    let config = ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() };
    let transactions = prop::collection::vec((prop::collection::vec(ops(), 0..12), prop::bool::weighted(0.9)), 1..8);
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let strategy = (transactions, 1..6_usize, any::<u64>());
    let result = runner.run(&strategy, |(transactions, page, seed)| {
        for memory in [codi2_store::memory::Memory::new(), codi2_store::memory::Memory::lagging()] {
            check("memory", &codi2_store::fault::Faulty::new(memory, seed, 30), &transactions, page, true);
        }
        Ok(())
    });
    result.unwrap();
}

/// The same operations on memory, on redb and, where there is one, on a cluster: 100,000 with a cluster, else a tenth.
/// All agree with the map, so with each other.
#[test]
fn the_contract_in_many_operations() {
    let cluster = common::cluster::shared("the_contract_in_100_000_operations_on_foundationdb");
    let wanted = if cluster.is_some() { 100_000 } else { 10_000 };
    let transactions = prop::collection::vec((prop::collection::vec(ops(), 0..12), prop::bool::weighted(0.9)), 6..12);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut done, mut transacted) = (0, 0);
    while done < wanted {
        let case = transactions.new_tree(&mut runner).unwrap().current();
        done += case.iter().map(|(ops, _)| ops.len()).sum::<usize>();
        transacted += case.len();
        let mut engines: Vec<(&str, Arc<dyn Engine>)> = vec![
            ("memory", Arc::new(codi2_store::memory::Memory::new())),
            ("memory that lags", Arc::new(codi2_store::memory::Memory::lagging())),
            ("redb", Arc::new(codi2_store::file::File::in_memory().unwrap())),
        ];
        if let Some(cluster) = &cluster {
            engines.push(("foundationdb", Arc::new(common::in_cluster(cluster))));
        }
        for (name, engine) in engines {
            check(name, &*engine, &case, 7, false);
        }
    }
    println!(
        "COUNT contract | operations in {transacted} transactions, the same on {} | {done} | equal results",
        if cluster.is_some() { "memory, redb and FoundationDB" } else { "memory and redb" }
    );
}
