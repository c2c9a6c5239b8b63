//! A query reads the one index that fits best, and no more of it than it must, and asks for what its rows lead to at once:
//! counted, not timed.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use codi2_protocol::Filter;
use codi2_store::memory::Memory;
use codi2_store::trips::Trips;
use codi2_store::{Dedupe, Store, check};
use common::{event, pending};

#[test]
fn a_query_reads_what_its_best_index_holds() {
    let engine = Arc::new(Trips::to(Memory::new()));
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
            engine.take();
            let page = store.query(filter, None, newest_first, 100).unwrap();
            assert_eq!((page.events.len(), page.next), (*wanted, None), "{filter:?}");
            let asked = engine.take();
            assert!(asked.rows <= *most, "{filter:?}: {asked:?}");
            // Where its time begins and ends.
            assert!(asked.alone <= 3, "{filter:?}: {asked:?}");
        }
        engine.take();
        assert_eq!(store.query(&none(), None, newest_first, 100).unwrap().events.len(), 100);
        let asked = engine.take();
        assert!(asked.rows <= 110, "the newest or oldest hundred: {asked:?}");
    }
    engine.take();
    let checked = check(engine.clone()).unwrap();
    assert_eq!((checked.faulty, checked.spaces["e"].rows), (0, 3_000));
    let asked = engine.take();
    // The root row, twice, and how many events there are before and after.
    assert!(asked.alone <= 4, "a check: {asked:?}");
}
