//! The hub's rows: they come back as they went in, whatever their length, on every engine.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use codi2_protocol::{Digest, HostId, ProducerId, RepositoryId};
use codi2_store::ROW_BYTES;
use codi2_store::memory::Memory;
use codi2_store::trips::Trips;
use codi2_store::{Dedupe, Part, Pending, Row, Store, StoreError, Subspace};
use common::{Engines, event};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Value {
    bytes: Vec<u8>,
    note: Option<String>,
}

fn value(length: usize) -> Value {
    Value { bytes: (0..length).map(|at| (at % 100) as u8).collect(), note: None }
}

fn stores(engines: &Engines) -> Vec<(&'static str, Store)> {
    engines.all(11).into_iter().map(|(name, engine)| (name, Store::on(engine).unwrap())).collect()
}

fn name(number: usize) -> String {
    format!("name{number:04}")
}

#[test]
fn values_of_any_length_come_back_and_leave_nothing_behind() {
    let engines = Engines::new();
    for (engine, store) in stores(&engines) {
        let key: [Part<'_>; 1] = ["n".into()];
        // Longer, shorter, empty, longer: no chunk of a former value may survive.
        for length in [10, 79_990, 250_000, 80_000, 0, 400_000, 1] {
            store.write(&[Row::set(Subspace::Meta, &key, &value(length)).unwrap()]).unwrap();
            assert_eq!(store.get(Subspace::Meta, &key).unwrap(), Some(value(length)), "{engine} {length}");
            let all: Vec<(Vec<Part<'_>>, Value)> = store.scan(Subspace::Meta, &[]).map(Result::unwrap).collect();
            assert_eq!(all, [(vec![Part::from("n")], value(length))], "{engine} {length}");
        }
        store.write(&[Row::delete(Subspace::Meta, &key).unwrap()]).unwrap();
        assert_eq!(store.get::<Value>(Subspace::Meta, &key).unwrap(), None, "{engine}");
        assert_eq!(store.scan::<Value>(Subspace::Meta, &[]).count(), 0, "{engine}");
    }
}

#[test]
fn the_first_of_several_rows_that_is_there_is_one_question() {
    let engines = Engines::new();
    for (engine, store) in stores(&engines) {
        let keys: [[Part<'_>; 1]; 3] = [["a".into()], ["b".into()], ["c".into()]];
        let rows: Vec<&[Part<'_>]> = keys.iter().map(|key| &key[..]).collect();
        let first = || store.first::<Value>(Subspace::Meta, &rows);
        assert_eq!(first(), Ok(None), "{engine}");
        // Each is before those that are there already; one has several chunks.
        for (at, length) in [(2, 10), (1, 250_000), (0, 0)] {
            store.write(&[Row::set(Subspace::Meta, rows[at], &value(length)).unwrap()]).unwrap();
            assert_eq!(first(), Ok(Some(value(length))), "{engine} {at}");
            assert_eq!(store.first(Subspace::Meta, &rows[2..]), Ok(Some(value(10))), "{engine} {at}");
        }
        let shape = store.first::<Value>(Subspace::Meta, &[&[]]);
        assert!(matches!(shape, Err(StoreError::Shape(_))), "{engine}: {shape:?}");
    }
    let engine = Arc::new(Trips::to(Memory::new()));
    let store = Store::on(engine.clone()).unwrap();
    engine.take();
    store.first::<Value>(Subspace::Meta, &[&["a".into()], &["b".into()]]).unwrap();
    assert_eq!(engine.take().transactions, 1);
}

#[test]
fn a_scan_gives_every_row_below_its_prefix_in_key_order() {
    let engines = Engines::new();
    let repositories = [RepositoryId::new(), RepositoryId::new()];
    for (engine, store) in stores(&engines) {
        let digest = Digest::new([0; 32]);
        let mut expected = Vec::new();
        for (at, repository) in repositories.iter().enumerate() {
            let rows: Vec<_> = (0..205)
                .map(|number| {
                    let value = value(if number % 100 == 0 { 90_000 } else { number });
                    if at == 1 {
                        expected.push((name(number), value.clone()));
                    }
                    let path = name(number);
                    Row::set(Subspace::Owners, &[(*repository).into(), (&path).into(), (&digest).into()], &value)
                        .unwrap()
                })
                .collect();
            store.write(&rows).unwrap();
        }
        let rows: Vec<(Vec<Part<'_>>, Value)> =
            store.scan(Subspace::Owners, &[repositories[1].into()]).map(Result::unwrap).collect();
        let found: Vec<_> =
            rows.iter().map(|(parts, value)| (parts[1].text().unwrap().to_owned(), value.clone())).collect();
        assert_eq!(found, expected, "{engine}");
        assert!(
            rows.iter()
                .all(|(parts, _)| parts[0].id() == Some(repositories[1].uuid()) && parts[2].digest() == Some(digest))
        );
        assert_eq!(store.scan::<Value>(Subspace::Owners, &[]).count(), 410, "{engine}");
        let one = [repositories[1].into(), "name0003".into()];
        assert_eq!(
            store.scan::<Value>(Subspace::Owners, &one).count(),
            1,
            "{engine}: a part is whole, not a beginning"
        );
        assert_eq!(
            store.scan::<Value>(Subspace::Owners, &[repositories[1].into(), "name000".into()]).count(),
            0,
            "{engine}"
        );
    }
}

#[test]
fn rows_live_and_die_with_the_event_they_came_with() {
    let engines = Engines::new();
    for (engine, store) in stores(&engines) {
        let producer = ProducerId::new();
        let key: [Part<'_>; 1] = ["n".into()];
        let fact = |seq, length| Pending {
            event: Some(event(seq, 1)),
            dedupe: Dedupe::fact(producer, seq),
            rows: vec![Row::set(Subspace::Meta, &key, &value(length)).unwrap()],
        };
        store.append(&[fact(1, 10), fact(2, 20)]).unwrap();
        assert_eq!(store.get(Subspace::Meta, &key).unwrap(), Some(value(20)), "{engine}");
        store.append(&[fact(1, 30)]).unwrap();
        assert_eq!(
            store.get(Subspace::Meta, &key).unwrap(),
            Some(value(20)),
            "{engine}: a duplicate's rows are dropped"
        );
        let deleted = Row::delete(Subspace::Meta, &key).unwrap();
        store.append(&[Pending { event: None, dedupe: Dedupe::NONE, rows: vec![deleted] }]).unwrap();
        assert_eq!(store.get::<Value>(Subspace::Meta, &key).unwrap(), None, "{engine}: rows alone");
    }
}

#[test]
fn keys_have_the_parts_their_space_asks_for() {
    let store = Store::memory().unwrap();
    let repository = RepositoryId::new();
    let disk = [repository.into(), HostId::new().into(), "".into(), "src/a\0ü.rs".into()];
    store.write(&[Row::set(Subspace::Disk, &disk, &1_u8).unwrap()]).unwrap();
    let (parts, value) = store.scan::<u8>(Subspace::Disk, &[]).next().unwrap().unwrap();
    assert_eq!((&parts[..], value), (&disk[..], 1));
    for space in Subspace::ALL {
        for count in 0..5 {
            let parts: Vec<Part<'_>> = (0..count).map(Part::Number).collect();
            assert_eq!(Row::set(space, &parts, &1).is_ok(), parts.len() == space.parts(), "{space:?}");
            assert_eq!(Row::delete(space, &parts).is_ok(), parts.len() == space.parts(), "{space:?}");
            assert_eq!(store.get::<u8>(space, &parts).is_ok(), parts.len() == space.parts(), "{space:?}");
        }
    }
    let long = "x".repeat(ROW_BYTES);
    let error = Row::set(Subspace::Meta, &["n".into()], &long).unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { what: "a row", .. }), "{error}");
}

#[test]
fn what_hubs_share_is_merged_where_others_write_too() {
    fn both(stored: Vec<u32>, new: Vec<u32>) -> Vec<u32> {
        [stored, new].concat()
    }
    let long: Vec<u32> = vec![u32::MAX; 30_000];
    for (engine, is_shared) in [(Memory::shared(), true), (Memory::new(), false)] {
        let store = Store::on(Arc::new(engine)).unwrap();
        assert_eq!(store.is_shared(), is_shared);
        for values in [vec![1], long.clone(), vec![2, 3]] {
            let row = Row::merged(Subspace::Meta, &["row".into()], &values, both).unwrap();
            store.append(&[Pending { rows: vec![row], ..Pending::default() }]).unwrap();
        }
        let expected = if is_shared { [&[1], &long[..], &[2, 3]].concat() } else { vec![2, 3] };
        assert_eq!(store.get::<Vec<u32>>(Subspace::Meta, &["row".into()]).unwrap(), Some(expected));
        // One that was deleted is begun anew.
        store.write(&[Row::delete_below(Subspace::Meta, &[])]).unwrap();
        store.write(&[Row::merged(Subspace::Meta, &["row".into()], &vec![7_u32], both).unwrap()]).unwrap();
        assert_eq!(store.get::<Vec<u32>>(Subspace::Meta, &["row".into()]).unwrap(), Some(vec![7]));
    }
}

#[test]
fn a_damaged_row_that_hubs_share_is_left_and_ends_nobody() {
    let store = Store::on(Arc::new(Memory::shared())).unwrap();
    let key: [Part<'_>; 1] = ["row".into()];
    // Whole, but not of the type that is merged.
    store.write(&[Row::set(Subspace::Meta, &key, "strange").unwrap()]).unwrap();
    let merged = Row::merged(Subspace::Meta, &key, &vec![1_u32], |_, new| new).unwrap();
    let beside = Row::set(Subspace::Meta, &["beside".into()], &2).unwrap();
    let stamps =
        store.append(&[Pending { event: Some(event(1, 1)), rows: vec![merged, beside], ..Pending::default() }]);
    assert!(stamps.unwrap()[0].is_some());
    assert_eq!(store.get::<String>(Subspace::Meta, &key).unwrap().as_deref(), Some("strange"));
    assert_eq!(store.get(Subspace::Meta, &["beside".into()]).unwrap(), Some(2));
}
