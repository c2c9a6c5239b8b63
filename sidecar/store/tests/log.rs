//! The log through the facade: append, dedupe, query against a naive model, tail, rows; on every engine.

mod common;

use std::sync::Arc;

use codi2_protocol::{EventId, Filter, ProducerId, Stamp, StampedEvent};
use codi2_store::{Dedupe, Part, Pending, Row, Store, StoreError, Subspace};
use common::{Engines, event, pending, session};

fn stores(engines: &Engines) -> Vec<(&'static str, Store)> {
    engines.all(7).into_iter().map(|(name, engine)| (name, Store::on(engine).unwrap())).collect()
}

fn everything(store: &Store) -> Vec<StampedEvent> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.tail_after(after, 7).unwrap();
        let Some(last) = page.last() else { return all };
        after = Some(last.stamp);
        all.extend(page);
    }
}

#[test]
fn what_is_appended_comes_back_in_order_and_by_id() {
    let engines = Engines::new();
    for (name, store) in stores(&engines) {
        assert_eq!((store.head().unwrap(), store.events().unwrap()), (None, 0), "{name}");
        let mut expected = Vec::new();
        for batch in 0..5 {
            let events: Vec<_> = (batch * 10..batch * 10 + 10).map(|number| event(number, 1_000_000)).collect();
            let batch: Vec<_> = events.iter().map(|event| pending(event.clone(), Dedupe::NONE)).collect();
            let stamps = store.append(&batch).unwrap();
            expected.extend(
                stamps.into_iter().zip(events).map(|(stamp, event)| StampedEvent { stamp: stamp.unwrap(), event }),
            );
        }
        assert!(expected.is_sorted_by(|a, b| a.stamp < b.stamp), "{name}");
        assert_eq!(everything(&store), expected, "{name}");
        assert_eq!(store.head().unwrap(), expected.last().map(|event| event.stamp), "{name}");
        assert_eq!(store.events().unwrap(), 50, "{name}");
        for known in &expected {
            assert_eq!(store.event(known.event.id).unwrap().as_ref(), Some(known), "{name}");
        }
        assert_eq!(store.event(EventId::new()).unwrap(), None, "{name}");
    }
}
