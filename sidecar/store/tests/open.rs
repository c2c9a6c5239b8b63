//! Opening: what is new is made for its user alone; what is damaged, newer, in use or open to others is refused by
//! name with what to do, and left as it is.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::sync::Arc;

use codi2_protocol::{HostId, ProducerId};
use codi2_store::layout::LAYOUT;
use codi2_store::{Abort, Dedupe, Engine, Fate, Store, StoreError, file::File, memory::Memory};
use common::{Engines, event, pending};

#[test]
fn what_was_stored_is_there_after_opening_again() {
    let engines = Engines::new();
    let path = engines.path("deep/er/store.redb");
    let producer = ProducerId::new();
    for round in 0..4_u64 {
        let store = Store::open(&path).unwrap();
        assert_eq!((store.events().unwrap(), store.producer(producer).unwrap()), (round, round));
        let stamps = store.append(&[pending(event(round, 1), Dedupe::fact(producer, round + 1))]).unwrap();
        assert_eq!(store.head().unwrap(), stamps[0]);
        assert!(store.place().contains("store.redb"));
        assert!(store.bytes().unwrap() >= fs::metadata(&path).unwrap().len());
    }
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
}

#[cfg(unix)]
#[test]
fn file_and_folder_are_for_their_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let engines = Engines::new();
    let (folder, path) = (engines.path("state"), engines.path("state/store.redb"));
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let set = |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    drop(Store::open(&path).unwrap());
    assert_eq!((mode(&folder), mode(&path)), (0o700, 0o600));
    set(&path, 0o644);
    drop(Store::open(&path).unwrap());
    assert_eq!(mode(&path), 0o600, "closed again");
    for open in [0o770, 0o707, 0o1777] {
        set(&folder, open);
        let error = Store::open(&path).err().unwrap();
        assert_eq!(error, StoreError::Modes { path: folder.display().to_string(), mode: open });
        assert!(error.to_string().contains("chmod 700"), "{error}");
    }
}

#[test]
fn a_second_opening_is_refused() {
    let engines = Engines::new();
    let path = engines.path("store.redb");
    let first = Store::open(&path).unwrap();
    let error = Store::open(&path).err().unwrap();
    assert!(matches!(error, StoreError::InUse { .. }) && error.to_string().contains("codi2 hub stop"), "{error}");
    drop(first);
    assert!(Store::open(&path).is_ok());
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let engines = Engines::new();
    let text: &[u8] = b"this is no store\n";
    for (name, bytes) in [("empty", &b""[..]), ("text", text), ("zeros", &[0; 100_000])] {
        let path = engines.path(name);
        fs::write(&path, bytes).unwrap();
        let error = Store::open(&path).err().unwrap();
        assert!(matches!(error, StoreError::Damaged { .. }), "{name}: {error}");
        assert_eq!(error.fate(), Fate::Process);
        let words = error.to_string();
        assert!(words.contains(name) && words.contains("backup"), "{words}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "{name}");
    }
    // Left of a crash while the store was being made: made again.
    fs::write(engines.path("made.redb.new"), text).unwrap();
    assert!(Store::open(&engines.path("made.redb")).is_ok());
    assert!(!engines.path("made.redb.new").exists());
}

/// Every row of an engine.
fn rows(engine: &dyn Engine) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    let limit = codi2_store::PageLimit { rows: usize::MAX, bytes: usize::MAX };
    engine
        .transact(&mut |transaction| {
            rows = transaction.range(&[0], &[0xff], false, limit)?.rows;
            Ok(())
        })
        .unwrap();
    rows
}

#[test]
fn a_newer_layout_and_a_missing_root_are_told_apart() {
    let engines = Engines::new();
    let path = engines.path("store.redb");
    Store::open(&path).unwrap().append(&[pending(event(1, 1), Dedupe::NONE)]).unwrap();
    let file = File::open(&path).unwrap();
    // The root row is the first; a newer program writes a higher layout into it.
    let (root, value) = rows(&file)[0].clone();
    let payload = value[..value.len() - 4].to_vec();
    let at = payload.windows(7).position(|name| name == b"\xa6layout").unwrap() + 7;
    let mut newer = payload.clone();
    newer[at] = 9;
    let sum = crc32c::crc32c_append(crc32c::crc32c(&root), &newer);
    newer.extend(sum.to_le_bytes());
    file.transact(&mut |transaction| transaction.set(&root, &newer)).unwrap();
    drop(file);
    let error = Store::open(&path).err().unwrap();
    assert!(matches!(error, StoreError::Newer { found: 9, known: LAYOUT, .. }), "{error}");
    assert!(error.to_string().contains("update codi2"), "{error}");

    let file = File::open(&path).unwrap();
    newer[at] = 1;
    newer.truncate(payload.len());
    newer.extend(crc32c::crc32c_append(crc32c::crc32c(&root), &newer).to_le_bytes());
    file.transact(&mut |transaction| transaction.set(&root, &newer)).unwrap();
    drop(file);
    let error = Store::open(&path).err().unwrap();
    assert!(matches!(error, StoreError::Older { found: 1, known: LAYOUT, .. }), "{error}");
    assert!(error.to_string().contains("move it away"), "{error}");

    let file = File::open(&path).unwrap();
    file.transact(&mut |transaction| transaction.clear(&root)).unwrap();
    drop(file);
    let error = Store::open(&path).err().unwrap();
    assert!(matches!(&error, StoreError::Damaged { detail, .. } if detail.contains("no root row")), "{error}");
}

/// Below redb's own page checks: a bit that flips in a value or a key while the store is open.
#[test]
fn every_flipped_bit_of_a_row_is_an_error_or_changes_nothing() {
    let memory = Arc::new(Memory::new());
    let store = Store::on(memory.clone()).unwrap();
    let batch: Vec<_> =
        (0..4).map(|number| pending(event(number, number * 60_000), Dedupe::fact(ProducerId::new(), 1))).collect();
    // Two commits: their stamps differ in one bit, and their orders are the same.
    batch.chunks(2).for_each(|batch| drop(store.append(batch).unwrap()));
    let filters = || {
        let by = |kind: &str| codi2_protocol::Filter { kinds: vec![kind.to_owned()], ..Default::default() };
        [by("saved"), codi2_protocol::Filter { since_ms: Some(60_000), ..Default::default() }]
    };
    let everything = |store: &Store| -> Result<_, StoreError> {
        let mut seen = vec![store.tail_after(None, 100)?];
        for filter in filters() {
            seen.push(store.query(&filter, None, true, 100)?.events);
        }
        for pending in &batch {
            seen.push(store.event(pending.event.as_ref().unwrap().id)?.into_iter().collect());
            let producer = pending.dedupe.fact.unwrap().0;
            assert!(store.producer(producer)? == 1, "a wrong number was served");
        }
        assert!(store.events()? == 4, "a wrong count was served");
        Ok(seen)
    };
    let expected = everything(&store).unwrap();
    let (mut flips, mut noticed) = (0, 0);
    for (key, value) in rows(&*memory) {
        // Of a long value every third bit: the sum covers them all alike.
        for bit in (0..value.len() * 8).step_by(if value.len() > 100 { 3 } else { 1 }) {
            let mut flipped = value.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let set =
                |bytes: &[u8]| memory.transact(&mut |t| t.set(&key, bytes).map_err(|_| Abort::Cancelled)).map(drop);
            set(&flipped).unwrap();
            match everything(&store) {
                Ok(found) => assert_eq!(found, expected, "bit {bit} of {key:02x?}"),
                Err(StoreError::Damaged { .. }) => noticed += 1,
                Err(error) => panic!("{error}"),
            }
            flips += 1;
            set(&value).unwrap();
        }
    }
    assert!(noticed * 2 > flips, "{noticed} of {flips}");
    assert_eq!(everything(&store).unwrap(), expected);
}

#[test]
fn where_others_write_a_machine_forgets_its_own_lanes_of_long_ago() {
    let engine = Arc::new(Memory::shared());
    let (here, there) = (HostId::new(), HostId::new());
    let open = |host| Store::on(Arc::clone(&engine) as Arc<dyn Engine>).unwrap().of(host).unwrap();
    open(here).append(&[pending(event(1, 1), Dedupe::NONE)]).unwrap();
    let lane = |host: HostId, id: uuid::Uuid| foundationdb_tuple::pack(&(LAYOUT, "b", host.uuid(), id));
    let lanes = || {
        let mut rows = Vec::new();
        let (begin, end) = (foundationdb_tuple::pack(&(LAYOUT, "b")), foundationdb_tuple::pack(&(LAYOUT, "c")));
        let range =
            |t: &mut dyn codi2_store::Transaction| t.range(&begin, &end, false, codi2_store::PageLimit::rows(9));
        engine.transact(&mut |t| range(t).map(|page| rows = page.rows)).unwrap();
        rows.into_iter().map(|(key, _)| key).collect::<std::collections::BTreeSet<_>>()
    };
    let now_ms = uuid::Uuid::now_v7().as_u128() >> 80;
    let aged = |days: u128| uuid::Uuid::from_u128((now_ms - days * 86_400_000) << 80);
    let mut kept = lanes();
    assert_eq!(kept.len(), 1);
    let old = [lane(here, aged(8)), lane(here, aged(400))];
    // What another machine wrote may be in use: its clock may be a year behind.
    kept.extend([lane(here, aged(6)), lane(there, aged(8)), lane(there, aged(400))]);
    engine.transact(&mut |t| kept.iter().chain(&old).try_for_each(|lane| t.set(lane, b""))).unwrap();
    open(here);
    assert_eq!(lanes(), kept, "the young, the one in use and another machine's stay");
}
