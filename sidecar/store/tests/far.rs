//! A cluster so far away that a transaction is late after some answers and dead after some more: whatever reads much reads it in
//! transactions that live. Counted, not timed.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use codi2_protocol::{EventId, Filter};
use codi2_store::memory::Memory;
use codi2_store::trips::Trips;
use codi2_store::{Dedupe, Engine, Row, Store, Subspace, check, copy};
use common::{event, pending};

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

    let far: Arc<dyn Engine> = Arc::new(Trips::to(near).far());
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
    let copied = copy(far, Arc::new(Trips::to(Memory::shared()).far()), &mut |_| {}).unwrap();
    assert_eq!(copied.spaces["e"].rows, EVENTS);
}
