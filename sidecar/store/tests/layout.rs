//! `docs/store-layout.md` is compared with the code, and with the rows that a store really holds.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use codi2_protocol::{ProducerId, RepositoryId};
use codi2_store::layout::{LAYOUT, SPACES};
use codi2_store::{Dedupe, Engine, PageLimit, Part, Row, Store, Subspace, memory::Memory};
use common::{event, pending};
use foundationdb_tuple::{Element, unpack};

const DOCUMENT: &str = include_str!("../../../docs/store-layout.md");

#[test]
fn the_document_lists_each_space_with_its_key_and_value() {
    let documented: Vec<Vec<&str>> = DOCUMENT
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).take(3).collect())
        .collect();
    let known: Vec<Vec<&str>> = SPACES.iter().map(|space| vec![space.name, space.key, space.value]).collect();
    assert_eq!(documented, known);
    assert!(DOCUMENT.contains(&format!("Layout version: {LAYOUT} ")), "the document is of another version");
}

#[test]
fn every_row_of_a_store_stands_in_a_documented_space() {
    let memory = std::sync::Arc::new(Memory::new());
    let store = Store::on(memory.clone()).unwrap();
    let fact = Dedupe { fact: Some((ProducerId::new(), 1)), hook: Some((event(1, 1).id, 1)) };
    // The second is received before the first: the clock ran back.
    store.append(&[pending(event(1, 90_000), fact), pending(event(0, 1), Dedupe::NONE)]).unwrap();
    for space in Subspace::ALL {
        let parts: Vec<Part<'_>> = (0..space.parts()).map(|_| "part".into()).collect();
        store.write(&[Row::set(space, &parts, "value").unwrap()]).unwrap();
    }
    store
        .once(&mut |atomic| {
            atomic.fence(RepositoryId::new())?;
            atomic.offer("work", "item")
        })
        .unwrap();
    let mut rows = Vec::new();
    memory
        .transact(&mut |transaction| {
            rows = transaction.range(&[0], &[0xff], false, PageLimit::rows(10_000))?.rows;
            Ok(())
        })
        .unwrap();
    let mut seen = BTreeSet::new();
    for (key, _) in &rows[1..] {
        let elements: Vec<Element<'_>> = unpack(key).unwrap();
        assert_eq!(elements[0].as_i64(), Some(i64::from(LAYOUT)), "{elements:?}");
        let name = elements[1].as_str().unwrap();
        let space = SPACES.iter().find(|space| space.name == name).unwrap();
        let parts = space.key.split(", ").filter(|part| !part.is_empty()).count();
        assert_eq!(elements.len(), 2 + parts, "{elements:?}");
        seen.insert(space.name);
    }
    assert_eq!(seen, SPACES.iter().map(|space| space.name).collect(), "each space is in use");
    let root: (i64, String) = unpack(&rows[0].0).unwrap();
    assert_eq!(root, (0, "codi2".to_owned()));
}
