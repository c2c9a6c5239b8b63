//! What several hubs do to one store at once is done as often as it was said to be: counters, compare-and-set, fences
//! and queues under four threads, each with a store of its own on one engine, faults included.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use codi2_protocol::RepositoryId;
use codi2_store::{
    Abort, Dedupe, Engine, Row, Store, StoreError, Subspace, copy, fault::Faulty, file::File, memory::Memory,
};
use common::{Engines, event, pending};

const THREADS: u64 = 4;

/// Engines that several stores share, each with how often a thread does something: a file syncs each time.
fn shared(engines: &Engines, seed: u64) -> Vec<(&'static str, Arc<dyn Engine>, u64)> {
    let faulty = |engine| Faulty::new(engine, seed, 40);
    vec![
        ("memory", Arc::new(Memory::shared()), 2_500),
        ("memory with faults", Arc::new(faulty(Memory::shared())), 500),
        ("file", Arc::new(Shared(File::open(&engines.path("plain.redb")).unwrap())), 100),
    ]
}

/// A file as if others had it, too: no store forgets the lanes of another.
struct Shared(File);

impl Engine for Shared {
    fn transact(&self, body: &mut codi2_store::engine::Body<'_>) -> Result<codi2_store::Committed, StoreError> {
        self.0.transact(body)
    }
    common::passes_on!(0);
    fn exclusive(&self) -> bool {
        false
    }
}

/// Does this in every thread, so often; what each call gave.
fn at_once<R: Send>(engine: &Arc<dyn Engine>, times: u64, work: impl Fn(&Store, u64) -> R + Sync) -> Vec<R> {
    let thread = |number: u64| {
        let store = Store::on(Arc::clone(engine)).unwrap();
        (0..times).map(|n| work(&store, number * times + n)).collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || thread(number))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Tries again where others were quicker 64 times in a row.
fn patiently<R>(mut work: impl FnMut() -> Result<R, StoreError>) -> R {
    loop {
        match work() {
            Err(StoreError::Conflict) => {}
            result => return result.unwrap(),
        }
    }
}

#[test]
fn counters_count_every_call_once() {
    let engines = Engines::new();
    for (name, engine, times) in shared(&engines, 1) {
        at_once(&engine, times, |store, n| patiently(|| store.once(&mut |atomic| atomic.count("calls", n % 3))));
        let expected: u64 = (0..THREADS * times).map(|n| n % 3).sum();
        assert_eq!(Store::on(engine).unwrap().counter("calls").unwrap(), expected, "{name}");
    }
}

#[test]
fn fences_are_given_once_and_rise() {
    let engines = Engines::new();
    let (one, other) = (RepositoryId::new(), RepositoryId::new());
    for (name, engine, times) in shared(&engines, 2) {
        let fences = at_once(&engine, times, |store, _| patiently(|| store.once(&mut |atomic| atomic.fence(one))));
        let mine = |thread: &[u64]| thread.is_sorted();
        assert!(fences.chunks(times as usize).all(mine), "{name}: a thread sees them rise");
        let given: BTreeSet<u64> = fences.into_iter().collect();
        assert_eq!(given, (1..=THREADS * times).collect(), "{name}");
        assert_eq!(Store::on(engine).unwrap().once(&mut |atomic| atomic.fence(other)), Ok(1), "{name}: of its own");
    }
}

#[test]
fn of_those_who_compare_and_set_one_wins() {
    let engines = Engines::new();
    for (name, engine, times) in shared(&engines, 3) {
        let won = at_once(&engine, times, |store, n| {
            patiently(|| {
                store.once(&mut |atomic| {
                    let found: Option<(u64, u64)> = atomic.get(Subspace::Meta, &["value".into()])?;
                    let next = (found.map_or(0, |(number, _)| number + 1), n);
                    Ok((next, atomic.compare_and_set(Subspace::Meta, &["value".into()], found.as_ref(), Some(&next))?))
                })
            })
        });
        assert!(won.iter().all(|(_, set)| *set), "{name}: what was read in the same transaction is there");
        let numbers: BTreeSet<u64> = won.iter().map(|((number, _), _)| *number).collect();
        assert_eq!(numbers, (0..THREADS * times).collect(), "{name}: none was set twice");
        // What is not there any more wins nothing.
        let store = Store::on(engine).unwrap();
        let stale = won[0].0;
        let set = |expected: Option<&(u64, u64)>, new: Option<&(u64, u64)>| {
            store.once(&mut |atomic| atomic.compare_and_set(Subspace::Meta, &["value".into()], expected, new)).unwrap()
        };
        let last: (u64, u64) = store.get(Subspace::Meta, &["value".into()]).unwrap().unwrap();
        assert!(!set(None, None) && (stale == last || !set(Some(&stale), None)), "{name}");
        assert!(set(Some(&last), None) && set(None, Some(&last)), "{name}: deleted, and made anew");
    }
}

#[test]
fn each_item_of_a_queue_is_taken_once() {
    let engines = Engines::new();
    for (name, engine, times) in shared(&engines, 4) {
        let times = times.min(500);
        at_once(&engine, times, |store, n| patiently(|| store.once(&mut |atomic| atomic.offer("work", &n))));
        // One more try each than there are items, and the taker's name beside what was taken.
        let taken = at_once(&engine, times + 1, |store, taker| {
            patiently(|| {
                store.once(&mut |atomic| {
                    let Some(item) = atomic.claim_next::<u64>("work")? else { return Ok(None) };
                    let item_part = i64::try_from(item).unwrap();
                    atomic.write(&Row::set(Subspace::Meta, &[format!("{item_part}").as_str().into()], &taker)?)?;
                    Ok(Some((item, taker)))
                })
            })
        });
        let got: Vec<(u64, u64)> = taken.into_iter().flatten().collect();
        let items: BTreeSet<u64> = got.iter().map(|(item, _)| *item).collect();
        assert_eq!((got.len() as u64, items), (THREADS * times, (0..THREADS * times).collect()), "{name}");
        let store = Store::on(engine).unwrap();
        for (item, taker) in got {
            let noted: Option<u64> = store.get(Subspace::Meta, &[format!("{item}").as_str().into()]).unwrap();
            assert_eq!(noted, Some(taker), "{name}");
        }
    }
}

#[test]
fn a_queue_is_in_the_order_of_offering() {
    let engine: Arc<dyn Engine> = Arc::new(Memory::new());
    let store = Store::on(Arc::clone(&engine)).unwrap();
    let offer = |items: &[u64]| store.once(&mut |atomic| items.iter().try_for_each(|item| atomic.offer("q", item)));
    offer(&[3, 1]).unwrap();
    offer(&[2]).unwrap();
    // What is offered to a copy, in a new incarnation, comes after what was copied.
    let to: Arc<dyn Engine> = Arc::new(Memory::new());
    copy(engine, Arc::clone(&to), &mut |_| {}).unwrap();
    let store = Store::on(to).unwrap();
    store.once(&mut |atomic| atomic.offer("q", &0_u64)).unwrap();
    let taken: Vec<u64> = std::iter::from_fn(|| store.once(&mut |atomic| atomic.claim_next("q")).unwrap()).collect();
    assert_eq!(taken, [3, 1, 2, 0]);
}

#[test]
fn a_body_that_wants_no_commit_leaves_nothing_and_events_go_with_what_was_decided() {
    for seed in 0..40 {
        let store = Store::on(Arc::new(Faulty::new(Memory::shared(), seed, 60))).unwrap();
        let given_up = store.once(&mut |atomic| {
            atomic.count("calls", 1)?;
            atomic.append(&[pending(event(1, 1), Dedupe::NONE)])?;
            Err::<(), _>(Abort::Cancelled)
        });
        assert_eq!(given_up, Err(StoreError::Cancelled));
        for round in 0..3_u64 {
            let first = store.once(&mut |atomic| {
                let set = atomic.compare_and_set(Subspace::Meta, &["done".into()], None, Some(&true))?;
                if set {
                    atomic.append(&[pending(event(2, 1), Dedupe::NONE), pending(event(3, 1), Dedupe::NONE)])?;
                }
                Ok(set)
            });
            assert_eq!(first, Ok(round == 0), "seed {seed}");
        }
        assert_eq!((store.events().unwrap(), store.counter("calls").unwrap()), (2, 0), "seed {seed}");
        let twice = store.once(&mut |atomic| atomic.append(&[]).and_then(|()| atomic.append(&[])));
        assert!(matches!(twice, Err(StoreError::Shape(_))), "{twice:?}");
    }
}
