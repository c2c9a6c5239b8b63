//! Rows that are guarded, written by several hubs at once: each is told what its own last commit left, and none may write upon
//! what is past.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use codi2_store::engine::PageLimit;
use codi2_store::fault::Faulty;
use codi2_store::memory::Memory;
use codi2_store::{Abort, Engine, StoreError, Transaction};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::{common, content};

/// What a hub does: it reads numbers of producers and the newest minute, and may count the numbers up and begin a minute.
#[derive(Debug, Clone)]
struct Append {
    hub: usize,
    /// Whether it is no follow-up.
    transacts: bool,
    /// Of each of two producers: whether its number is read, and counted up.
    producers: [Option<bool>; 2],
    begins: bool,
    /// Whether it asks for another row, too, before or after the guarded ones.
    asks: Option<bool>,
    /// What others do between its reading and its commit.
    within: Vec<Append>,
}

const HUBS: usize = 3;

fn appends() -> impl Strategy<Value = Vec<Append>> {
    let one = |within: Vec<Append>| {
        let asks = prop::option::weighted(0.2, any::<bool>());
        let producer = prop::option::weighted(0.6, prop::bool::weighted(0.8));
        (0..HUBS, prop::bool::weighted(0.2), [producer.clone(), producer], prop::bool::weighted(0.2), asks).prop_map(
            move |(hub, transacts, producers, begins, asks)| {
                let within = within.clone();
                Append { hub, transacts, producers, begins, asks, within }
            },
        )
    };
    let leaf = one(Vec::new()).boxed();
    let nested =
        leaf.prop_recursive(2, 8, 3, move |inner| prop::collection::vec(inner, 0..3).prop_flat_map(one).boxed());
    prop::collection::vec(nested, 2..14)
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().unwrap())
}

/// The hubs of a store, and what they have appended so far.
struct Hubs {
    engines: Vec<Arc<dyn Engine>>,
    appended: AtomicU64,
}

impl Hubs {
    fn of(engines: Vec<Arc<dyn Engine>>) -> Self {
        Self { engines, appended: AtomicU64::new(0) }
    }

    /// Each appends something after the other, and something while another appends.
    fn run(&self, append: &Append) {
        let done = [b"done/", &self.appended.fetch_add(1, Ordering::Relaxed).to_be_bytes()[..]].concat();
        let mut within = Some(&append.within);
        let mut is_unknown = false;
        let mut body = |is_unknown: bool, transaction: &mut dyn Transaction| {
            // As an appender whose commit said nothing.
            if is_unknown && transaction.get(&done)?.is_some() {
                return Err(Abort::Cancelled);
            }
            let read = read(transaction, append)?;
            within.take().into_iter().flatten().for_each(|append| self.run(append));
            transaction.set(&done, b"")?;
            write(transaction, append, &read)
        };
        loop {
            let engine = &self.engines[append.hub];
            let result = if append.transacts || is_unknown {
                engine.transact(&mut |transaction| body(is_unknown, transaction))
            } else {
                engine.follow_up(&mut |transaction| body(false, transaction))
            };
            match result {
                Ok(_) => return,
                Err(StoreError::Cancelled) if is_unknown => return,
                Err(StoreError::Unknown) => is_unknown = true,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// In the order of the commits each found of each producer how often that was counted up before, and the newest minute.
    fn check(&self, told: &dyn std::fmt::Debug) {
        let rows = content(&*self.engines[0], false, 1_000);
        let below = |prefix: &'static [u8]| {
            rows.iter().filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?, value.as_slice())))
        };
        let mut counts: BTreeMap<u8, u64> = BTreeMap::new();
        for (stamp, read) in below(b"log/") {
            let (newest, producers) = read.split_at(8);
            let begun = below(b"t/").filter(|(_, began)| *began < stamp).count() as u64;
            assert_eq!(number(newest), begun, "the newest minute: {told:?}");
            for one in producers.chunks(10) {
                let count = counts.entry(one[0]).or_default();
                assert_eq!(number(&one[2..]), *count, "a number counts once: {told:?}");
                *count += u64::from(one[1]);
            }
        }
        assert_eq!(below(b"log/").count() as u64, self.appended.load(Ordering::Relaxed));
    }
}

/// The numbers that an append found, by their producers, and the newest minute.
struct Read {
    numbers: Vec<(u8, bool, u64)>,
    newest: u64,
}

fn key(producer: u8) -> Vec<u8> {
    vec![b'p', producer]
}

fn read(transaction: &mut dyn Transaction, append: &Append) -> Result<Read, Abort> {
    let minutes = (b"t/".to_vec(), b"t0".to_vec());
    let ask = |transaction: &mut dyn Transaction, before| {
        if append.asks == Some(before) { transaction.get(b"other").map(drop) } else { Ok(()) }
    };
    let producers: Vec<_> = (0..).zip(append.producers).filter_map(|(one, counts)| Some((one, counts?))).collect();
    ask(transaction, true)?;
    transaction.ahead_guarded(&producers.iter().map(|(one, _)| key(*one)).collect::<Vec<_>>(), &minutes);
    let newest = transaction.range(&minutes.0, &minutes.1, true, PageLimit::rows(1))?;
    let newest = newest.rows.first().map_or(0, |(key, _)| number(&key[2..]));
    let mut numbers = Vec::new();
    for (one, counts) in producers {
        numbers.push((one, counts, transaction.get(&key(one))?.map_or(0, |value| number(&value))));
    }
    ask(transaction, false)?;
    Ok(Read { numbers, newest })
}

fn write(transaction: &mut dyn Transaction, append: &Append, read: &Read) -> Result<(), Abort> {
    let mut log = read.newest.to_be_bytes().to_vec();
    for (one, counts, number) in &read.numbers {
        log.extend([*one, u8::from(*counts)]);
        log.extend(number.to_be_bytes());
        if *counts {
            transaction.set(&key(*one), &(number + 1).to_be_bytes())?;
        }
    }
    if append.begins {
        let minute = [b"t/", &(read.newest + 1).to_be_bytes()[..]].concat();
        transaction.set_stamped_value(&minute, b"")?;
    }
    transaction.append_stamped(b"log/", b"", &log)
}

/// One store, as several hubs have it.
fn in_memory() -> Vec<Memory> {
    let first = Memory::lagging();
    let others: Vec<_> = (1..HUBS).map(|_| first.elsewhere()).collect();
    [vec![first], others].into_iter().flatten().collect()
}

#[test]
fn guarded_rows_are_never_written_upon_what_is_past() {
    let config = ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&(appends(), any::<u64>(), any::<bool>()), |(appends, seed, faults)| {
        let one = |(seed, memory)| match faults {
            true => Arc::new(Faulty::new(memory, seed, 20)) as Arc<dyn Engine>,
            false => Arc::new(memory),
        };
        let hubs = Hubs::of((seed..=u64::MAX).zip(in_memory()).map(one).collect());
        appends.iter().for_each(|append| hubs.run(append));
        hubs.check(&appends);
        Ok(())
    });
    result.unwrap();
}

/// Several threads of each of several hubs.
fn at_once(engines: Vec<Arc<dyn Engine>>, each: usize) {
    let hubs = Hubs::of(engines);
    std::thread::scope(|scope| {
        for thread in 0..2 * hubs.engines.len() {
            let hubs = &hubs;
            scope.spawn(move || {
                for round in 0..each {
                    hubs.run(&Append {
                        hub: thread % hubs.engines.len(),
                        transacts: round % 7 == thread,
                        producers: [[Some(true), None], [None, Some(true)], [Some(true), Some(false)]][round % 3],
                        begins: round % 11 == thread,
                        asks: (round % 13 == thread).then_some(false),
                        within: Vec::new(),
                    });
                }
            });
        }
    });
    hubs.check(&"several at once");
}

#[test]
fn guarded_rows_are_counted_once_by_several_at_once() {
    at_once(in_memory().into_iter().map(|memory| Arc::new(memory) as Arc<dyn Engine>).collect(), 60);
}

#[test]
fn guarded_rows_are_never_written_upon_what_is_past_on_foundationdb() {
    let Some(cluster) = common::cluster::shared("guarded_rows_on_foundationdb") else { return };
    let options = || common::options(&cluster);
    let hubs = |options| -> Vec<Arc<dyn Engine>> {
        (0..HUBS).map(|_| Arc::new(codi2_store::foundationdb::open(&options).unwrap()) as Arc<dyn Engine>).collect()
    };
    let config = ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&appends(), |appends| {
        let hubs = Hubs::of(hubs(options()));
        appends.iter().for_each(|append| hubs.run(append));
        hubs.check(&appends);
        Ok(())
    });
    result.unwrap();
    at_once(hubs(options()), 100);
}
