//! Stored values: a damaged one is reported by name and never served; a forged one breaks nothing.
//!
//! Each input is a list of changes to the rows of a small store. *Damage* changes a few bytes of one value, as disks
//! do; *forgery* puts in bytes with a right checksum, as only a newer or broken program could. Promises: after damage
//! every answer is either what it was or an error that names the store and what to do; after forgery every answer is an
//! answer or an error; nothing is ever opened as empty.

use std::sync::Arc;

use codi2_protocol::{Event, EventId, Filter, StampedEvent};
use codi2_store::engine::PageLimit;
use codi2_store::memory::Memory;
use codi2_store::{Dedupe, Engine, Part, Pending, Row, Store, StoreError, Subspace};
use serde_json::{Value, json};

use crate::corpus::golden_as;
use crate::{Choices, check_words};

/// The parts of the one row of the hub.
const PART: &str = "note";
/// Bytes of a versionstamp, in keys and before values that hold one.
const STAMP: usize = 10;

pub(crate) fn run(input: &[u8]) {
    let mut choices = Choices(input);
    let engine = Arc::new(Memory::new());
    let store = Store::on(engine.clone()).expect("a fresh store");
    let events = fill(&store);
    let before = answers(&store, &events);
    let forge = choices.byte() % 2 == 1;
    while !choices.is_empty() {
        change(&engine, &mut choices, forge);
    }
    let store = match Store::on(engine) {
        Ok(store) => store,
        Err(error) => return check_error(&error),
    };
    for (was, is) in before.iter().zip(answers(&store, &events)) {
        match (was, is) {
            (Ok(was), Ok(is)) => assert!(forge || *was == is, "served as it was not written: {is} for {was}"),
            (_, Err(error)) => check_error(&error),
            (Err(error), Ok(_)) => panic!("a fresh store answered {error}"),
        }
    }
}

fn check_error(error: &StoreError) {
    check_words(&error.to_string());
    match error {
        StoreError::Damaged { .. }
        | StoreError::Newer { .. }
        | StoreError::Older { .. }
        | StoreError::Unfinished { .. } => {
            assert!(error.to_string().contains("; "), "{error} does not say what to do");
        }
        other => panic!("damage reported as something else: {other}"),
    }
}

/// Two events, and a row of the hub in several chunks.
fn fill(store: &Store) -> Vec<Event> {
    let mut events = golden_as::<Event>("event-");
    events.truncate(2);
    for (number, event) in events.iter_mut().enumerate() {
        event.id =
            EventId::from_uuid(uuid::Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000 + number as u128));
    }
    let row = Row::set(Subspace::Meta, &[Part::from(PART)], &json!({"a": [1, 2, "three"]})).expect("a small row");
    let batch: Vec<Pending> = events
        .iter()
        .map(|event| Pending { event: Some(event.clone()), dedupe: Dedupe::NONE, rows: vec![row.clone()] })
        .collect();
    store.append(&batch).expect("a store in memory takes events");
    events
}

/// Everything one can ask such a store, as JSON.
fn answers(store: &Store, events: &[Event]) -> Vec<Result<Value, StoreError>> {
    let told = |found: Vec<StampedEvent>| json!(found);
    let by_kind = Filter { kinds: events.iter().map(|event| event.kind().to_owned()).collect(), ..Filter::default() };
    let by_time = Filter { since_ms: Some(1), ..Filter::default() };
    let mut answers = vec![
        store.tail_after(None, 10).map(told),
        store.query(&by_kind, None, true, 10).map(|page| told(page.events)),
        store.query(&by_time, None, false, 10).map(|page| told(page.events)),
        store.get::<Value>(Subspace::Meta, &[Part::from(PART)]).map(|value| json!(value)),
        store.events().map(|count| json!(count)),
        store.head().map(|head| json!(head)),
    ];
    answers.extend(events.iter().map(|event| store.event(event.id).map(|found| json!(found))));
    answers.extend(store.scan::<Value>(Subspace::Meta, &[]).map(|row| row.map(|(_, value)| value)));
    answers
}

/// Changes one value, chosen among all rows.
fn change(engine: &Memory, choices: &mut Choices<'_>, forge: bool) {
    let mut rows = Vec::new();
    let read = engine.transact(&mut |transaction| {
        rows = transaction.range(&[0], &[0xff], false, PageLimit::rows(1_000))?.rows;
        Ok(())
    });
    read.expect("a store in memory can be read");
    let (key, mut value) = rows.swap_remove(choices.below(rows.len()));
    if forge {
        let payload = forged(choices);
        let stamped = choices.byte() % 2 == 1 && value.len() >= STAMP;
        let stamp = if stamped { value[..STAMP].to_vec() } else { Vec::new() };
        value = [&stamp[..], &payload, &sum(&key, &payload).to_le_bytes()].concat();
    } else if !value.is_empty() {
        // At most three bytes side by side: any such change is found by the checksum.
        let at = choices.below(value.len());
        let end = (at + 1 + usize::from(choices.byte() % 3)).min(value.len());
        for byte in &mut value[at..end] {
            *byte ^= choices.byte();
        }
    }
    let written = engine.transact(&mut |transaction| transaction.set(&key, &value));
    written.expect("a store in memory can be written");
}

fn forged(choices: &mut Choices<'_>) -> Vec<u8> {
    let length = usize::from(choices.byte());
    (0..length).map(|_| choices.byte()).collect()
}

/// The checksum over key and payload. Where the key ends in a stamp and two bytes of order, the stamp is left out.
fn sum(key: &[u8], payload: &[u8]) -> u32 {
    let split = key.len().checked_sub(STAMP + 3).filter(|at| key[*at] == 0x33);
    let (prefix, suffix) = split.map_or((key, &[][..]), |at| (&key[..=at], &key[key.len() - 2..]));
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(prefix), suffix), payload)
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let damaged = (0..24).map(|row| vec![0, 0, row, 0, row * 3, 1, 0x55, 0xaa]);
    let forged = (0..24).map(|row| vec![1, 0, row, 5, 0x93, 1, 2, 0xc0, 0x80, 1, 0, 0]);
    damaged.chain(forged).chain([Vec::new()]).collect()
}
