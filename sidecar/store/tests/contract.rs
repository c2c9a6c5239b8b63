//! The contract of every engine: random transactions against a naive model, plain and under seeded faults.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use codi2_store::engine::{FOLLOW_MS, KEY_BYTES, TRANSACTION_BYTES, VALUE_BYTES};
use codi2_store::{Abort, Engine, PageLimit, StoreError, Transaction};
use common::Engines;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Debug, Clone)]
enum Op {
    Get(Vec<u8>),
    Range(Vec<u8>, Vec<u8>, bool, usize),
    Set(Vec<u8>, Vec<u8>),
    Clear(Vec<u8>),
    ClearRange(Vec<u8>, Vec<u8>),
    Add(Vec<u8>, u128),
    Append(u8, Vec<u8>),
    SetStamped(Vec<u8>, Vec<u8>),
}

fn keys() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![b'a', b'b', b's', 0, 0xfe]), 1..3)
}

fn ops() -> impl Strategy<Value = Op> {
    let value = || prop::collection::vec(any::<u8>(), 0..20);
    prop_oneof![
        keys().prop_map(Op::Get),
        (keys(), keys(), any::<bool>(), 1..5_usize).prop_map(|(a, b, reverse, rows)| Op::Range(a, b, reverse, rows)),
        (keys(), value()).prop_map(|(key, value)| Op::Set(key, value)),
        keys().prop_map(Op::Clear),
        (keys(), keys()).prop_map(|(a, b)| Op::ClearRange(a, b)),
        (keys(), any::<u128>()).prop_map(|(key, amount)| Op::Add(key, amount)),
        (any::<u8>(), value()).prop_map(|(order, value)| Op::Append(order, value)),
        (keys(), value()).prop_map(|(key, rest)| Op::SetStamped(key, rest)),
    ]
}

#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Value(Option<Vec<u8>>),
    Page(Vec<(Vec<u8>, Vec<u8>)>),
}

/// Runs the operations in a transaction; the last write marks it, so that an unknown result can be resolved.
fn run(transaction: &mut dyn Transaction, ops: &[Op], seen: &mut Vec<Seen>) -> Result<(), Abort> {
    for op in ops {
        match op {
            Op::Get(key) => seen.push(Seen::Value(transaction.get(key)?)),
            Op::Range(a, b, reverse, rows) => {
                let page = transaction.range(a, b, *reverse, PageLimit::rows(*rows))?;
                assert!(page.more || page.rows.len() < *rows);
                seen.push(Seen::Page(page.rows));
            }
            Op::Set(key, value) => transaction.set(key, value)?,
            Op::Clear(key) => transaction.clear(key)?,
            Op::ClearRange(a, b) => transaction.clear_range(a, b)?,
            Op::Add(key, amount) => transaction.add(key, *amount)?,
            Op::Append(order, value) => transaction.append_stamped(b"s", &[*order], value)?,
            Op::SetStamped(key, rest) => transaction.set_stamped_value(key, rest)?,
        }
    }
    Ok(())
}

/// The same on a map. `None`: it reads what only the commit will know.
#[derive(Default)]
struct Naive {
    rows: Rows,
    stamped: Vec<(u8, Vec<u8>)>,
    stamped_values: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Naive {
    fn hidden(&self, begin: &[u8], end: &[u8]) -> bool {
        let key = |stamp: u8, order: u8| [&b"s"[..], &[stamp; 10], &[order]].concat();
        begin < end
            && self
                .stamped
                .iter()
                .any(|(order, _)| key(0, *order).as_slice() < end && begin <= key(0xff, *order).as_slice())
    }

    fn run(&mut self, ops: &[Op]) -> Option<Vec<Seen>> {
        let mut seen = Vec::new();
        for op in ops {
            match op {
                Op::Get(key) => {
                    if self.stamped_values.contains_key(key) || self.hidden(key, &[&key[..], &[0]].concat()) {
                        return None;
                    }
                    seen.push(Seen::Value(self.rows.get(key).cloned()));
                }
                Op::Range(a, b, reverse, rows) => {
                    if self.hidden(a, b) {
                        return None;
                    }
                    let mut all: Vec<_> = self
                        .rows
                        .iter()
                        .filter(|(key, _)| a <= key && *key < b)
                        .map(|(k, v)| (k.clone(), v.clone()))
                        .collect();
                    for key in self.stamped_values.keys().filter(|key| a <= *key && *key < b) {
                        all.retain(|(own, _)| own != key);
                        all.push((key.clone(), vec![]));
                    }
                    all.sort();
                    if *reverse {
                        all.reverse();
                    }
                    // The page ends at its limit, or at a value nobody knows yet.
                    all.truncate(*rows);
                    if all.iter().any(|(key, _)| self.stamped_values.contains_key(key)) {
                        return None;
                    }
                    seen.push(Seen::Page(all));
                }
                Op::Set(key, value) => {
                    self.stamped_values.remove(key);
                    self.rows.insert(key.clone(), value.clone());
                }
                Op::Clear(key) => {
                    self.stamped_values.remove(key);
                    self.rows.remove(key);
                }
                Op::ClearRange(a, b) => {
                    if self.hidden(a, b) {
                        return None;
                    }
                    self.rows.retain(|key, _| key < a || key >= b);
                    self.stamped_values.retain(|key, _| key < a || key >= b);
                }
                Op::Add(key, amount) => {
                    if self.stamped_values.contains_key(key) {
                        return None;
                    }
                    let mut number = self.rows.get(key).cloned().unwrap_or_default();
                    number.resize(16, 0);
                    let sum = u128::from_le_bytes(number.try_into().unwrap()).wrapping_add(*amount);
                    self.rows.insert(key.clone(), sum.to_le_bytes().to_vec());
                }
                Op::Append(order, value) => self.stamped.push((*order, value.clone())),
                Op::SetStamped(key, rest) => {
                    self.stamped_values.insert(key.clone(), rest.clone());
                }
            }
        }
        Some(seen)
    }

    fn commit(mut self, stamp: &[u8; 10]) -> Rows {
        for (key, rest) in self.stamped_values {
            self.rows.insert(key, [&stamp[..], &rest].concat());
        }
        for (order, value) in self.stamped {
            self.rows.insert([&b"s"[..], stamp, &[order]].concat(), value);
        }
        self.rows
    }
}

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
        let mut naive = Naive { rows: rows.clone(), ..Naive::default() };
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

/// A follow-up counts with what it read only if nobody wrote that since, whoever does; and what ends without a commit has
/// seen what is newest.
#[test]
fn a_follow_up_is_never_behind_in_what_it_leaves() {
    let engines = Engines::new();
    for (name, engine) in engines.all(11) {
        type Way = fn(&dyn Engine, &mut codi2_store::engine::Body<'_>) -> Result<codi2_store::Committed, StoreError>;
        let (other, follow): (Way, Way) = (|e, body| e.transact(body), |e, body| e.follow_up(body));
        let read = |t: &mut dyn Transaction| -> Result<u64, Abort> {
            Ok(t.get(b"sum")?.map_or(0, |sum| u64::from_le_bytes(sum.try_into().unwrap())))
        };
        // Before the newest version was asked for last, on the way to a commit that is followed.
        let mut asked = Instant::now();
        for number in 0..60_u64 {
            let before = Instant::now();
            let way = [follow, follow, other, follow][(number % 4) as usize];
            let done = marker(usize::try_from(number).unwrap());
            let mut runs = 0;
            while way(&*engine, &mut |t| {
                runs += 1;
                if t.get(&done)?.is_some() {
                    return Ok(());
                }
                let sum = read(t)?;
                t.set(b"sum", &(sum + 1).to_le_bytes())?;
                t.set(&done, b"")
            }) == Err(StoreError::Unknown)
            {}
            // The version of an own commit is told; another's write since is met at the commit alone. Who comes so late
            // that the newest is asked for first meets nothing.
            let lags = (name.contains("lags") || name.contains("foundationdb")) && !name.contains("faults");
            let is_late = asked.elapsed() >= Duration::from_millis(FOLLOW_MS);
            let meets = number % 4 == 3;
            if lags && number > 1 {
                assert!(runs == 1 + u32::from(meets) || runs == 1 && is_late, "{name}: {number}: {runs}");
            }
            if meets {
                asked = before;
            }
            let mut sum = None;
            while follow(&*engine, &mut |t| read(t).map(|found| sum = Some(found))) == Err(StoreError::Unknown) {}
            assert_eq!(sum, Some(number + 1), "{name}: what only reads has the newest");
            let given_up = |t: &mut dyn Transaction| -> Result<(), Abort> {
                sum = Some(read(t)?);
                Err(Abort::Cancelled)
            };
            let mut given_up = given_up;
            while follow(&*engine, &mut given_up) == Err(StoreError::Unknown) {}
            assert_eq!(sum, Some(number + 1), "{name}: so has what is given up");
        }
    }
}

/// Who follows up meets nobody where nobody else writes what he reads, however many do so at once.
#[test]
fn follow_ups_at_once_do_not_meet_themselves() {
    let engine = codi2_store::memory::Memory::lagging();
    let begin = std::sync::Barrier::new(4);
    let follow = |thread: u8| {
        begin.wait();
        (0..200_u8)
            .map(|round| {
                let mut runs = 0;
                let follow_up = engine.follow_up(&mut |transaction| {
                    runs += 1;
                    let before = transaction.get(&[thread])?;
                    assert_eq!(before, round.checked_sub(1).map(|before| vec![before]), "run {runs}");
                    transaction.set(&[thread], &[round])
                });
                follow_up.unwrap();
                runs
            })
            .sum::<u32>()
    };
    let runs = std::thread::scope(|scope| {
        let threads = [0, 1, 2, 3].map(|thread| scope.spawn(move || follow(thread)));
        threads.map(|thread| thread.join().unwrap())
    });
    assert_eq!(runs, [200; 4]);
}

/// More than an engine elsewhere gives at once, much of it hidden by what the transaction itself wrote.
#[test]
fn a_long_range_comes_whole_in_pages_of_any_size() {
    let key = |number: usize| format!("k{number:04}").into_bytes();
    let long: Rows = (0..300).map(|number| (key(number), vec![number as u8; 2_000])).collect();
    let mut expected = long.clone();
    expected.retain(|row, _| *row < key(40) || *row >= key(200));
    expected.extend((90..110).map(|number| (key(number), b"own".to_vec())));
    let engines = Engines::new();
    for (name, engine) in engines.all(4) {
        while engine.transact(&mut |t| long.iter().try_for_each(|(key, value)| t.set(key, value)))
            == Err(StoreError::Unknown)
        {}
        for (rows, bytes) in [(1_000, 1_000_000), (1_000, 100_000), (1_000, 5_000), (150, 1_000_000), (7, 1_000_000)] {
            for reverse in [false, true] {
                let mut seen = Rows::new();
                let mut read = |t: &mut dyn Transaction| {
                    t.clear_range(&key(40), &key(200))?;
                    (90..110).try_for_each(|number| t.set(&key(number), b"own"))?;
                    seen.clear();
                    let (mut begin, mut end) = (key(0), key(1_000));
                    loop {
                        let page = t.range(&begin, &end, reverse, PageLimit { rows, bytes })?;
                        match page.rows.last() {
                            Some((last, _)) if reverse => end.clone_from(last),
                            Some((last, _)) => begin = [last, &[0][..]].concat(),
                            None => {}
                        }
                        seen.extend(page.rows);
                        if !page.more {
                            return Err(Abort::Cancelled);
                        }
                    }
                };
                let mut result = engine.transact(&mut read);
                while result == Err(StoreError::Unknown) {
                    result = engine.transact(&mut read);
                }
                assert_eq!(result, Err(StoreError::Cancelled), "{name}");
                assert!(seen == expected, "{name}, {rows} rows, {bytes} bytes, reverse {reverse}: {}", seen.len());
            }
        }
    }
}

#[test]
fn transactions_of_several_threads_are_serialisable() {
    let engines = Engines::new();
    for (name, engine) in engines.all(3) {
        let add = |thread: u64| {
            for round in 0..20_u64 {
                let done = format!("done {thread} {round}").into_bytes();
                // Reads and writes one shared key, and marks itself as done to survive unknown results.
                let way = if round % 4 == 0 { <dyn Engine>::transact } else { <dyn Engine>::follow_up };
                while way(&*engine, &mut |transaction| {
                    if transaction.get(&done)?.is_some() {
                        return Ok(());
                    }
                    let sum = transaction.get(b"sum")?.map_or(0, |sum| u64::from_le_bytes(sum.try_into().unwrap()));
                    transaction.set(b"sum", &(sum + 1).to_le_bytes())?;
                    transaction.add(b"blind", 1)?;
                    transaction.set(&done, b"")
                }) == Err(StoreError::Unknown)
                {}
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|thread| drop(scope.spawn(move || add(thread)))));
        let all: Rows = content(&*engine, false, 1_000).into_iter().collect();
        assert_eq!(all[&b"sum"[..]], 80_u64.to_le_bytes(), "{name}");
        assert_eq!(all[&b"blind"[..]], 80_u128.to_le_bytes(), "{name}");
    }
}

#[test]
fn limits_hold_on_every_engine_with_their_names() {
    let engines = Engines::new();
    let (long, key) = (vec![b'k'; KEY_BYTES + 1], vec![b'k'; KEY_BYTES]);
    let big = vec![1; VALUE_BYTES + 1];
    let too_large = |what, bytes, limit| Err(StoreError::TooLarge { what, bytes, limit });
    for (name, engine) in engines.all(4) {
        // A fault may hide the answer behind an unknown result: ask until there is one.
        let ask = |body: &mut dyn FnMut(&mut dyn Transaction) -> Result<(), Abort>| loop {
            match engine.transact(body) {
                Err(StoreError::Unknown) => {}
                result => return result.map(drop),
            }
        };
        assert_eq!(ask(&mut |t| t.set(&long, b"")), too_large("a key", KEY_BYTES + 1, KEY_BYTES), "{name}");
        assert_eq!(ask(&mut |t| t.set(b"k", &big)), too_large("a value", VALUE_BYTES + 1, VALUE_BYTES), "{name}");
        assert_eq!(
            ask(&mut |t| t.append_stamped(&key, b"", b"")),
            too_large("a key", KEY_BYTES + 10, KEY_BYTES),
            "{name}"
        );
        assert_eq!(
            ask(&mut |t| t.set_stamped_value(b"k", &big[..VALUE_BYTES - 9])),
            too_large("a value", VALUE_BYTES + 1, VALUE_BYTES),
            "{name}"
        );
        assert_eq!(ask(&mut |t| t.set(&key, &big[1..])), Ok(()), "{name}");
        let whole = |t: &mut dyn Transaction| (0..120_u8).try_for_each(|number| t.set(&[number, 1], &big[1..]));
        let result = ask(&mut |t| whole(t));
        assert!(
            matches!(result, Err(StoreError::TooLarge { what: "a transaction", limit: TRANSACTION_BYTES, .. })),
            "{name}: {result:?}"
        );
        // A body that goes on after an error gets no commit of half its work.
        let swallowed = ask(&mut |t| {
            t.set(b"half", b"")?;
            let _ = t.set(&long, b"");
            Ok(())
        });
        assert_eq!(swallowed, too_large("a key", KEY_BYTES + 1, KEY_BYTES), "{name}");
        for outside in [&b"\xffversion"[..], b""] {
            assert!(matches!(ask(&mut |t| t.set(outside, b"")), Err(StoreError::Shape(_))), "{name}");
            assert!(matches!(ask(&mut |t| t.get(outside).map(drop)), Err(StoreError::Shape(_))), "{name}");
        }
        assert_eq!(content(&*engine, false, 10).len(), 1, "{name}");
    }
}

#[test]
fn a_watch_fires_for_its_key_alone() {
    let engines = Engines::new();
    for (name, engine) in engines.all(5) {
        if name.contains("faults") {
            continue;
        }
        type Change = fn(&mut dyn Transaction) -> Result<(), Abort>;
        let changes: [Change; 4] = [
            |t| t.set(b"key", b"1"),
            |t| t.add(b"key", 1),
            |t| t.clear_range(b"a", b"z"),
            |t| t.set_stamped_value(b"key", b""),
        ];
        for change in changes {
            let (watch, other) = (engine.watch(b"key").unwrap(), engine.watch(b"zother").unwrap());
            assert!(!watch.fired(), "{name}");
            let waiter = watch.clone();
            let thread = std::thread::spawn(move || waiter.wait(Duration::from_secs(60)));
            engine.transact(&mut |t| change(t)).unwrap();
            assert!(thread.join().unwrap() && watch.fired(), "{name}");
            assert!(!other.fired(), "{name}");
        }
    }
}

#[test]
fn a_lost_watch_never_fires() {
    let memory = Arc::new(codi2_store::memory::Memory::new());
    let engine = codi2_store::fault::Faulty::new(Arc::clone(&memory), 1, 100);
    let (watch, heard) = (engine.watch(b"key").unwrap(), memory.watch(b"key").unwrap());
    memory.transact(&mut |t| t.set(b"key", b"")).unwrap();
    assert!(heard.fired());
    assert!(!watch.fired());
}

#[test]
fn every_fault_is_met() {
    let memory = Arc::new(codi2_store::memory::Memory::new());
    let engine = codi2_store::fault::Faulty::new(Arc::clone(&memory), 9, 80);
    let (mut twice, mut lost, mut done, mut old) = (0, 0, 0, 0);
    for number in 0..400_u32 {
        let key = number.to_be_bytes();
        let key = [&b"k"[..], &key].concat();
        let mut runs = 0;
        let result = engine.transact(&mut |t| {
            runs += 1;
            let set = t.set(&key, b"");
            old += u32::from(set == Err(Abort::Store(StoreError::TooOld)));
            set
        });
        twice += u32::from(runs > 1);
        let there = content(&*memory, false, 1_000).iter().any(|(own, _)| *own == key);
        match result {
            Ok(_) => assert!(there),
            Err(StoreError::Unknown) if there => done += 1,
            Err(StoreError::Unknown) => lost += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!([twice, lost, done, old].iter().all(|count| *count > 10), "{twice} {lost} {done} {old}");
}
