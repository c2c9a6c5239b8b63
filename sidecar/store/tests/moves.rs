//! Checking and copying whole stores: what is damaged is named, a copy is whole or says that it is not, and one that was
//! broken off anywhere goes on.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use codi2_protocol::{ProducerId, RepositoryId};
use codi2_store::engine::Body;
use codi2_store::{
    Committed, Dedupe, Engine, PageLimit, Part, Row, Store, StoreError, Subspace, check, copy, file::File,
    memory::Memory,
};
use common::{Engines, event, pending};

/// A store with something in every space.
fn filled(engine: Arc<dyn Engine>, events: u64) {
    let store = Store::on(engine).unwrap();
    let producer = ProducerId::new();
    for number in 0..events {
        let fact = Dedupe { fact: Some((producer, number + 1)), hook: Some((event(number, 1).id, 1)) };
        let row = Row::set(Subspace::Meta, &[format!("row {number}").as_str().into()], &vec![number; 20]).unwrap();
        // Each second one is received before the one before it.
        let mut pending = pending(event(number, 1_000_000 - (number % 2) * 90_000 + number * 30_000), fact);
        pending.rows.push(row);
        store.append(&[pending]).unwrap();
    }
    let long = Row::set(Subspace::Owners, &["a".into(), "b".into(), "c".into()], &vec![7_u8; 200_000]).unwrap();
    store.write(&[long]).unwrap();
    store
        .once(&mut |atomic| {
            atomic.fence(RepositoryId::new())?;
            atomic.offer("work", "item")
        })
        .unwrap();
}

fn rows(engine: &dyn Engine) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    let limit = PageLimit { rows: usize::MAX, bytes: usize::MAX };
    engine
        .transact(&mut |transaction| {
            rows = transaction.range(&[0], &[0xff], false, limit)?.rows;
            Ok(())
        })
        .unwrap();
    rows
}

fn nothing(_: &codi2_store::Copied) {}

#[test]
fn a_copy_holds_the_same_and_what_is_appended_next_comes_after() {
    let engines = Engines::new();
    let file = |name: &str| -> Arc<dyn Engine> { Arc::new(File::open(&engines.path(name)).unwrap()) };
    let memory = || -> Arc<dyn Engine> { Arc::new(Memory::new()) };
    for (name, from, to) in [
        ("memory to file", memory(), file("a.redb")),
        ("file to memory", file("b.redb"), memory()),
        ("file to file", file("c.redb"), file("d.redb")),
    ] {
        filled(Arc::clone(&from), 50);
        let copied = copy(Arc::clone(&from), Arc::clone(&to), &mut nothing).unwrap();
        let (mut source, target) = (check(Arc::clone(&from)).unwrap(), check(Arc::clone(&to)).unwrap());
        assert_eq!((source.faulty, target.faulty), (0, 0), "{name}: {:?} {:?}", source.faults, target.faults);
        source.spaces.remove("b");
        assert_eq!(source.spaces, target.spaces, "{name}");
        assert_eq!(copied.spaces, target.spaces, "{name}");
        let all = target.spaces.values().map(|tally| tally.rows).sum::<u64>();
        assert_eq!((copied.written, copied.kept, copied.removed), (all, 0, 0), "{name}");
        assert_eq!((source.incarnation, target.incarnation, copied.incarnation), (0, 1, 1), "{name}");
        let (old, new) = (Store::on(from).unwrap(), Store::on(Arc::clone(&to)).unwrap());
        assert_eq!(old.tail_after(None, 100).unwrap(), new.tail_after(None, 100).unwrap(), "{name}");
        let before = new.head().unwrap().unwrap();
        let after = new.append(&[pending(event(99, 1), Dedupe::NONE)]).unwrap()[0].unwrap();
        assert!(after > before && after.incarnation == 1, "{name}");
        assert_eq!(check(to).unwrap().faulty, 0, "{name}");
    }
}

/// An engine whose transactions fail from one of them on.
struct BrokenOff(Arc<dyn Engine>, AtomicU64);

impl Engine for BrokenOff {
    fn transact(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        let left = self.1.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match left {
            Ok(_) => self.0.transact(body),
            Err(_) => Err(StoreError::Io { doing: "go on".into(), detail: "broken off".into() }),
        }
    }
    common::passes_on!(0);
    fn exclusive(&self) -> bool {
        self.0.exclusive()
    }
}

#[test]
fn a_copy_broken_off_anywhere_is_no_store_and_goes_on() {
    let from: Arc<dyn Engine> = Arc::new(Memory::new());
    filled(Arc::clone(&from), 700);
    let (mut broken, mut kept) = (0, 0);
    for transactions in 0.. {
        let to: Arc<dyn Engine> = Arc::new(Memory::new());
        let failing = Arc::new(BrokenOff(Arc::clone(&to), AtomicU64::new(transactions)));
        let Err(error) = copy(Arc::clone(&from), failing, &mut nothing) else { break };
        assert!(error.to_string().contains("broken off"), "{error}");
        broken += 1;
        if !rows(&*to).is_empty() {
            let refused = Store::on(Arc::clone(&to)).err().unwrap();
            assert!(matches!(&refused, StoreError::Unfinished { from, .. } if from == "in memory"), "{refused}");
            assert!(refused.to_string().contains("run the same `codi2 store copy` again"), "{refused}");
            assert_eq!(check(Arc::clone(&to)), Err(refused));
        }
        let copied = copy(Arc::clone(&from), Arc::clone(&to), &mut nothing).unwrap();
        let all = copied.spaces.values().map(|tally| tally.rows).sum::<u64>();
        assert_eq!((copied.written + copied.kept, copied.removed), (all, 0), "after {transactions}");
        kept = kept.max(copied.kept);
        assert_eq!(check(to).unwrap().faulty, 0);
    }
    assert!(broken > 5 && kept > 2_000, "{broken} {kept}");
}

#[test]
fn what_changes_meanwhile_is_noticed_and_the_next_try_mends_it() {
    let from: Arc<dyn Engine> = Arc::new(Memory::shared());
    let to: Arc<dyn Engine> = Arc::new(Memory::new());
    filled(Arc::clone(&from), 700);
    let hub = Store::on(Arc::clone(&from)).unwrap();
    let mut round = 0;
    let error = copy(Arc::clone(&from), Arc::clone(&to), &mut |_| {
        round += 1;
        hub.append(&[pending(event(5_000 + round, 1), Dedupe::NONE)]).unwrap();
    });
    assert!(matches!(&error, Err(StoreError::Changed { .. })), "{error:?}");
    assert!(error.unwrap_err().to_string().contains("stop its hubs"));
    assert!(matches!(Store::on(Arc::clone(&to)).err(), Some(StoreError::Unfinished { .. })));
    // Also what is there no more.
    hub.write(&[Row::delete(Subspace::Meta, &["row 3".into()]).unwrap()]).unwrap();
    let copied = copy(Arc::clone(&from), Arc::clone(&to), &mut nothing).unwrap();
    assert!(copied.removed > 0 && copied.kept > 2_000, "{copied:?}");
    let (mut source, target) = (check(from).unwrap(), check(to).unwrap());
    source.spaces.remove("b");
    assert_eq!(source.spaces, target.spaces);
}

#[test]
fn nothing_is_copied_over_a_store_or_from_what_is_none() {
    let (from, to): (Arc<dyn Engine>, Arc<dyn Engine>) = (Arc::new(Memory::new()), Arc::new(Memory::new()));
    assert!(matches!(copy(Arc::clone(&from), Arc::clone(&to), &mut nothing), Err(StoreError::Damaged { .. })));
    assert_eq!(rows(&*to), [], "and the target is as it was");
    filled(Arc::clone(&from), 3);
    filled(Arc::clone(&to), 2);
    let before = rows(&*to);
    let error = copy(from, Arc::clone(&to), &mut nothing).unwrap_err();
    assert!(matches!(error, StoreError::Taken { .. }) && error.to_string().contains("empty"), "{error}");
    assert_eq!(rows(&*to), before);
}

#[test]
fn the_check_names_every_damaged_missing_and_strange_row() {
    let engine = Arc::new(Memory::new());
    filled(Arc::clone(&engine) as _, 8);
    let checked = || check(Arc::clone(&engine) as _).unwrap();
    let whole = checked();
    assert_eq!(
        (whole.faulty, whole.layout, whole.incarnation),
        (0, codi2_store::layout::LAYOUT, 0),
        "{:?}",
        whole.faults
    );
    assert_eq!(whole.spaces["e"].rows, 8);
    let all = rows(&*engine);
    assert_eq!(whole.spaces.values().map(|tally| tally.rows).sum::<u64>() + 1, all.len() as u64);
    let set = |key: &[u8], value: &[u8]| assert!(engine.transact(&mut |t| t.set(key, value)).is_ok());
    let clear = |key: &[u8]| assert!(engine.transact(&mut |t| t.clear(key)).is_ok());
    let mut missed = BTreeSet::new();
    for (key, value) in &all[1..] {
        let name = codi2_store::layout::SPACES.iter().map(|space| space.name);
        let elements: Vec<foundationdb_tuple::Element<'_>> = foundationdb_tuple::unpack(key).unwrap();
        let name = name.into_iter().find(|name| Some(*name) == elements[1].as_str()).unwrap();
        // The last byte is of the checksum, or of a counter's check number.
        let mut flipped = value.clone();
        *flipped.last_mut().unwrap() ^= 1;
        set(key, &flipped);
        let found = checked();
        assert!(found.faulty > 0 && !found.faults.is_empty(), "{name}: a flipped bit of {elements:?}");
        clear(key);
        if checked().faulty == 0 {
            missed.insert(name);
        }
        set(key, value);
    }
    // Nothing tells how many of these there should be.
    let unknowable = ["b", "fence", "h", "head", "m", "meta", "p", "queue", "t"];
    assert!(missed.iter().all(|name| unknowable.contains(name)), "{missed:?}");
    assert_eq!(checked(), whole);
    // A row that belongs nowhere, and one of another layout.
    for key in
        [foundationdb_tuple::pack(&(codi2_store::layout::LAYOUT, "x", 1)), foundationdb_tuple::pack(&(77, "e", 1))]
    {
        set(&key, b"value");
        let found = checked();
        assert!(found.faulty == 1 && found.faults[0].contains("no known space"), "{found:?}");
        clear(&key);
    }
    // An index row of an event that is of another session.
    let store = Store::on(Arc::clone(&engine) as _).unwrap();
    let parts: [Part<'_>; 1] = ["whole".into()];
    store.write(&[Row::set(Subspace::Meta, &parts, &1).unwrap()]).unwrap();
    assert_eq!(checked().faulty, 0, "what is written as it should be is no fault");
}
