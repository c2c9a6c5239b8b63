//! A query reads the one index that fits best, and no more of it than it must, and asks for what its rows lead to at once:
//! counted, not timed.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use codi2_protocol::Filter;
use codi2_store::engine::Body;
use codi2_store::memory::Memory;
use codi2_store::{Abort, Committed, Dedupe, Engine, Page, PageLimit, Store, StoreError, Transaction, check};
use common::{event, pending};

/// Counts the rows that are read, and those that were not asked for ahead. Others may use it, too.
#[derive(Default)]
struct Counting {
    memory: Memory,
    rows: AtomicUsize,
    alone: AtomicUsize,
}

impl Engine for Counting {
    fn transact(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        self.memory.transact(&mut |transaction| {
            body(&mut Counted { transaction, asked: HashSet::new(), rows: &self.rows, alone: &self.alone })
        })
    }
    common::passes_on!(memory);
    fn exclusive(&self) -> bool {
        false
    }
}

struct Counted<'a> {
    transaction: &'a mut dyn Transaction,
    asked: HashSet<Vec<u8>>,
    rows: &'a AtomicUsize,
    alone: &'a AtomicUsize,
}

impl Transaction for Counted<'_> {
    fn ahead(&mut self, keys: &[Vec<u8>]) {
        self.asked.extend(keys.iter().cloned());
    }
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Abort> {
        self.rows.fetch_add(1, Ordering::Relaxed);
        self.alone.fetch_add(usize::from(!self.asked.contains(key)), Ordering::Relaxed);
        self.transaction.get(key)
    }
    fn range(&mut self, begin: &[u8], end: &[u8], reverse: bool, limit: PageLimit) -> Result<Page, Abort> {
        let page = self.transaction.range(begin, end, reverse, limit)?;
        self.rows.fetch_add(page.rows.len(), Ordering::Relaxed);
        Ok(page)
    }
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Abort> {
        self.transaction.set(key, value)
    }
    fn clear(&mut self, key: &[u8]) -> Result<(), Abort> {
        self.transaction.clear(key)
    }
    fn clear_range(&mut self, begin: &[u8], end: &[u8]) -> Result<(), Abort> {
        self.transaction.clear_range(begin, end)
    }
    fn add(&mut self, key: &[u8], amount: u128) -> Result<(), Abort> {
        self.transaction.add(key, amount)
    }
    fn append_stamped(&mut self, prefix: &[u8], suffix: &[u8], value: &[u8]) -> Result<(), Abort> {
        self.transaction.append_stamped(prefix, suffix, value)
    }
    fn set_stamped_value(&mut self, key: &[u8], rest: &[u8]) -> Result<(), Abort> {
        self.transaction.set_stamped_value(key, rest)
    }
}

#[test]
fn a_query_reads_what_its_best_index_holds() {
    let engine = Arc::new(Counting::default());
    let store = Store::on(engine.clone()).unwrap();
    // 3,000 events in 3,000 s; every hundredth is of a session, a file, an actor and a kind of its own.
    let batch: Vec<_> = (0..3_000_u64)
        .map(|number| {
            let mut event = event(number, number * 1_000);
            let special = number % 100 == 0;
            event.session = Some(common::session(if special { 200 } else { 201 }));
            event.file = Some(if special { "special" } else { "common" }.to_owned());
            event.actor.name = if special { "Special" } else { "Common" }.to_owned();
            event.body = if special { common::disk_event() } else { codi2_protocol::EventBody::Private }.into();
            pending(event, Dedupe::NONE)
        })
        .collect();
    batch.chunks(1_000).for_each(|batch| drop(store.append(batch).unwrap()));
    let none = Filter::default;
    let text = |text: &str| Some(text.to_owned());
    // Filter, events wanted, rows that may be read at most: an index row and its event for each, and a few to begin.
    let cases = [
        (Filter { session: Some(common::session(200)), ..none() }, 30, 70),
        (Filter { file: text("special"), ..none() }, 30, 70),
        (Filter { file: text("special"), kinds: vec!["private".into()], ..none() }, 0, 70),
        (Filter { actor: text("Special"), ..none() }, 30, 70),
        (Filter { kinds: vec!["disk".into()], ..none() }, 30, 70),
        (Filter { since_ms: Some(2_940_000), ..none() }, 60, 70),
        (Filter { since_ms: Some(1_200_000), until_ms: Some(1_260_000), ..none() }, 60, 70),
        (Filter { since_ms: Some(2_400_000), session: Some(common::session(200)), ..none() }, 6, 20),
        (Filter { since_ms: Some(9_000_000), ..none() }, 0, 5),
    ];
    for newest_first in [false, true] {
        for (filter, wanted, most) in &cases {
            engine.rows.store(0, Ordering::Relaxed);
            engine.alone.store(0, Ordering::Relaxed);
            let page = store.query(filter, None, newest_first, 100).unwrap();
            assert_eq!((page.events.len(), page.next), (*wanted, None), "{filter:?}");
            let read = engine.rows.load(Ordering::Relaxed);
            assert!(read <= *most, "{filter:?} read {read} rows");
            // Where its time begins and ends.
            let alone = engine.alone.load(Ordering::Relaxed);
            assert!(alone <= 3, "{filter:?} asked for {alone} rows one after the other");
        }
        engine.rows.store(0, Ordering::Relaxed);
        assert_eq!(store.query(&none(), None, newest_first, 100).unwrap().events.len(), 100);
        let read = engine.rows.load(Ordering::Relaxed);
        assert!(read <= 110, "the newest or oldest hundred read {read} rows");
    }
    engine.alone.store(0, Ordering::Relaxed);
    let checked = check(engine.clone()).unwrap();
    assert_eq!((checked.faulty, checked.spaces["e"].rows), (0, 3_000));
    // The root row, twice, and how many events there are before and after.
    let alone = engine.alone.load(Ordering::Relaxed);
    assert!(alone <= 4, "a check asked for {alone} rows one after the other");
}
