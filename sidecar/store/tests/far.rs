//! A cluster so far away that a transaction is late after some answers and dead after some more: whatever reads much reads it in
//! transactions that live. Counted, not timed.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashSet;
use std::sync::Arc;

use codi2_protocol::{EventId, Filter};
use codi2_store::engine::Body;
use codi2_store::memory::Memory;
use codi2_store::{
    Abort, Committed, Dedupe, Engine, Page, PageLimit, Row, Store, StoreError, Subspace, Transaction, check, copy,
};
use common::{event, pending};

/// What a question costs, and what each row of the answer.
const QUESTION: usize = 20;
/// After so much a transaction is late, and after so much too old.
const LATE: usize = 200;
const DEAD: usize = 400;

struct Far<E>(E);

impl<E: Engine> Engine for Far<E> {
    fn transact(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        self.0.transact(&mut |transaction| body(&mut Distant { transaction, asked: HashSet::new(), spent: 0 }))
    }
    common::passes_on!(0);
    fn exclusive(&self) -> bool {
        false
    }
}

struct Distant<'a> {
    transaction: &'a mut dyn Transaction,
    asked: HashSet<Vec<u8>>,
    spent: usize,
}

impl Distant<'_> {
    fn spend(&mut self, cost: usize) -> Result<(), Abort> {
        self.spent += cost;
        if self.spent > DEAD { Err(StoreError::TooOld.into()) } else { Ok(()) }
    }
}

impl Transaction for Distant<'_> {
    fn ahead(&mut self, keys: &[Vec<u8>]) {
        self.spent += QUESTION;
        self.asked.extend(keys.iter().cloned());
    }
    fn is_late(&self) -> bool {
        self.spent >= LATE
    }
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Abort> {
        self.spend(if self.asked.contains(key) { 1 } else { QUESTION })?;
        self.transaction.get(key)
    }
    fn range(&mut self, begin: &[u8], end: &[u8], reverse: bool, limit: PageLimit) -> Result<Page, Abort> {
        self.spend(QUESTION)?;
        // Its page ends where it gets late.
        let left = if self.is_late() { limit.rows } else { LATE - self.spent };
        let limit = PageLimit { rows: limit.rows.min(left), ..limit };
        let page = self.transaction.range(begin, end, reverse, limit)?;
        self.spend(page.rows.len())?;
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
fn what_reads_much_of_a_far_cluster_reads_it_in_transactions_that_live() {
    const EVENTS: u64 = 300;
    let near = Arc::new(Memory::shared());
    let store = Store::on(Arc::clone(&near) as Arc<dyn Engine>).unwrap();
    let batch: Vec<_> = (0..EVENTS).map(|number| pending(event(number, number * 1_000), Dedupe::NONE)).collect();
    store.append(&batch).unwrap();
    let ids: Vec<EventId> = (0..300).map(|_| EventId::new()).collect();
    let row = |id: &EventId| Row::set(Subspace::Upgrade, &[(*id).into()], &id.to_string()).unwrap();
    store.write(&ids.iter().map(row).collect::<Vec<_>>()).unwrap();

    let far: Arc<dyn Engine> = Arc::new(Far(Handle(near)));
    let checked = check(Arc::clone(&far)).unwrap();
    assert_eq!((checked.faulty, checked.spaces["e"].rows), (0, EVENTS), "{:?}", checked.faults);
    let store = Store::on(Arc::clone(&far)).unwrap();
    let kinds = Filter { kinds: vec!["saved".into(), "private".into()], ..Filter::default() };
    for (filter, expected) in [(Filter::default(), 300), (kinds, 200)] {
        for newest_first in [false, true] {
            let (mut found, mut cursor) = (Vec::new(), None);
            loop {
                let page = store.query(&filter, cursor, newest_first, 500).unwrap();
                found.extend(page.events.into_iter().map(|event| event.stamp));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert!(found.is_sorted_by(|one, next| if newest_first { one > next } else { one < next }));
            assert_eq!(found.len(), expected, "{filter:?}");
        }
    }
    let keys: Vec<_> = ids.iter().map(|id| vec![(*id).into()]).collect();
    let read = store.many::<String>(Subspace::Upgrade, &keys).unwrap();
    let read: Vec<_> = read.into_iter().map(|row| row.unwrap().unwrap()).collect();
    assert_eq!(read, ids.iter().map(ToString::to_string).collect::<Vec<_>>());
    let any = store.any_below(Subspace::Upgrade, &[keys.clone(), vec![vec![EventId::new().into()]]].concat()).unwrap();
    assert_eq!(any.iter().filter(|any| **any).count(), 300);
    assert!(!any[300]);
    let copied = copy(far, Arc::new(Far(Memory::shared())), &mut |_| {}).unwrap();
    assert_eq!(copied.spaces["e"].rows, EVENTS);
}

/// An engine that others hold, too.
struct Handle(Arc<Memory>);

impl Engine for Handle {
    fn transact(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        self.0.transact(body)
    }
    common::passes_on!(0);
    fn exclusive(&self) -> bool {
        false
    }
}
