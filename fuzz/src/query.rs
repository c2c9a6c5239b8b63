//! Filters of the log: whatever is asked, the store's indexes answer what a plain search through all events answers.
//!
//! Input: one byte for the order and one for the page size, then a filter as JSON. The log is the same every time.

use std::sync::OnceLock;

use codi2_protocol::{Event, EventId, Filter, SessionId, StampedEvent};
use codi2_store::{Dedupe, Pending, Store};
use serde_json::json;

use crate::corpus::golden_as;
use crate::{Choices, check_words};

/// Events in the log.
const EVENTS: u64 = 60;

pub(crate) fn run(input: &[u8]) {
    let mut choices = Choices(input);
    let (newest_first, limit) = (choices.byte() % 2 == 1, usize::from(choices.byte() % 40) + 1);
    let filter = match serde_json::from_slice::<Filter>(choices.rest()) {
        Ok(filter) => filter,
        Err(error) => return check_words(&error.to_string()),
    };
    let (store, log) = log();
    let mut expected: Vec<&StampedEvent> = log.iter().filter(|found| filter.accepts(&found.event)).collect();
    if newest_first {
        expected.reverse();
    }
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.query(&filter, cursor, newest_first, limit).expect("the log is whole");
        assert!(page.events.len() <= limit);
        found.extend(page.events);
        if page.next.is_none() {
            break;
        }
        assert_ne!(page.next, cursor, "a page that leads nowhere");
        cursor = page.next;
    }
    assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
}

fn log() -> &'static (Store, Vec<StampedEvent>) {
    static LOG: OnceLock<(Store, Vec<StampedEvent>)> = OnceLock::new();
    LOG.get_or_init(|| {
        let store = Store::memory().expect("a fresh store");
        let samples = golden_as::<Event>("event-");
        let events = (0..EVENTS).map(|number| {
            let mut event = samples[number as usize % samples.len()].clone();
            event.id = EventId::new();
            // Clocks run on, stand still and run back.
            event.received_ms = 600_000 + (number * 37_000) % 1_000_000;
            event.session = (number % 3 == 0).then(|| SessionId::from_uuid(uuid(number % 2)));
            event
        });
        let batch: Vec<Pending> =
            events.map(|event| Pending { event: Some(event), dedupe: Dedupe::NONE, rows: Vec::new() }).collect();
        for some in batch.chunks(7) {
            store.append(some).expect("a store in memory takes events");
        }
        let all = store.tail_after(None, batch.len() + 1).expect("the log is whole");
        assert_eq!(all.len(), batch.len());
        (store, all)
    })
}

fn uuid(number: u64) -> uuid::Uuid {
    uuid::Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000 + u128::from(number))
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let (_, log) = log();
    let first = &log[0].event;
    let filters = [
        json!({}),
        json!({"since_ms": 660_000, "until_ms": 1_200_000}),
        json!({"since_ms": 1_500_000}),
        json!({"session": SessionId::from_uuid(uuid(0)), "kinds": ["edit", "disk"]}),
        json!({"actor": "person", "kinds": ["saved"]}),
        json!({"actor": first.actor.name, "grep": "SRC/"}),
        json!({"file": "src/main.rs", "worktree": first.worktree}),
        json!({"grep": "agent", "until_ms": 0}),
    ];
    let with = |order: u8, filter: &serde_json::Value| [&[order, 5][..], filter.to_string().as_bytes()].concat();
    filters.iter().flat_map(|filter| [with(0, filter), with(1, filter)]).collect()
}
