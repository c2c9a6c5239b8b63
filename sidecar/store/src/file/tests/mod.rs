//! Tests of the file engine on a simulated disk (`disk`): group commit, power cuts, failing syncs, flipped bits, no room.
//!
//! With `CODI2_SOAK` set they run in the full counts of docs/reliability.md, and print them.

mod disk;
mod flips;
mod power_cuts;
mod syncs;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use codi2_protocol::{Actor, ActorKind, Digest, Event, EventBody, EventId, ProducerId, SessionId};
use uuid::Uuid;

use super::place;
use super::table::{builder, found, verified};
use super::{Conflicts, File, Opener, Shared};
use crate::engine::{Engine, PageLimit};
use crate::overlay::{Backend, Base};
use crate::{Dedupe, Fate, Pending, Store, StoreError};
use disk::{Disk, Seed};

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// How often something is tried: in `scripts/test`, and in `scripts/soak`.
fn count(test: usize, soak: usize) -> usize {
    if std::env::var_os("CODI2_SOAK").is_some() { soak } else { test }
}

/// Tells `scripts/soak` what was counted.
#[allow(clippy::print_stdout, reason = "what scripts/soak collects")]
fn counted(promise: &str, what: &str, count: usize, result: &str) {
    println!("COUNT {promise} | {what} | {count} | {result}");
}

fn set(engine: &dyn Engine, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    engine.transact(&mut |transaction| transaction.set(key, value)).map(drop)
}

fn rows(engine: &dyn Engine) -> Result<Rows, StoreError> {
    let mut rows = Vec::new();
    engine.transact(&mut |transaction| {
        rows = transaction.range(&[0], &[0xff], false, PageLimit { rows: 100_000, bytes: usize::MAX })?.rows;
        Ok(())
    })?;
    Ok(rows)
}

#[test]
fn overlays_that_wait_share_one_sync_and_conflicts_are_found_among_them() {
    let disk = Disk::new();
    let file = disk.open().unwrap();
    let version = file.begin().unwrap().version;
    let overlay = |read: &[u8], write: &[u8]| {
        let mut draft = crate::finished::Finished::default();
        draft.reads.push((read.to_vec(), [read, &[0]].concat()));
        draft.set_for_test(write);
        (version, draft)
    };
    let before = disk.change(|platter| platter.syncs);
    let work = vec![overlay(b"x", b"a"), overlay(b"a", b"b"), overlay(b"y", b"c")];
    let mut conflicts = Conflicts::from(version);
    let (_, answers) = file.shared.write(&mut conflicts, work, &mut None).unwrap();
    assert_eq!(disk.change(|platter| platter.syncs) - before, 1);
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    assert_eq!(answers[1], Err(StoreError::Conflict), "it read what the first one wrote");
    let keys: Vec<_> = rows(&file).unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [b"a", b"c"]);
}

fn sample(number: u64) -> Event {
    Event {
        id: EventId::from_uuid(Uuid::from_u128(1_000 + u128::from(number))),
        producer: ProducerId::from_uuid(Uuid::from_u128(7)),
        seq: number,
        occurred_ms: 1_000,
        received_ms: 60_000 * number,
        host: None,
        session: Some(SessionId::from_uuid(Uuid::from_u128(8))),
        worktree: None,
        file: Some(format!("src/file{}.rs", number % 3)),
        actor: Actor::named(ActorKind::Person, "Ada"),
        body: EventBody::Saved { digest: Digest::new([number as u8; 32]) }.into(),
    }
}

#[test]
fn a_cut_file_is_damaged_never_empty() {
    let (bytes, expected) = flips::closed();
    for length in (1..bytes.len()).step_by(1_021) {
        match flips::content(&Disk::holding(bytes[..length].to_vec())) {
            Ok(found) => assert!(found == expected, "{length}"),
            Err(StoreError::Damaged { .. } | StoreError::Io { .. }) => {}
            Err(error) => panic!("{length}: {error}"),
        }
    }
}

#[test]
fn a_file_that_lost_its_rows_or_its_table_is_damaged() {
    let disk = Disk::default();
    drop(builder().create_with_backend(disk.clone()).unwrap());
    assert!(matches!(disk.open().map(drop), Err(StoreError::Damaged { .. })), "no table");

    let disk = Disk::new();
    set(&disk.open().unwrap(), b"a", b"").unwrap();
    let empty: Result<(), StoreError> =
        disk.open().unwrap().transact(&mut |transaction| transaction.clear_range(&[0], &[0xff])).map(drop);
    assert_eq!(empty, Ok(()));
    assert!(matches!(disk.open().map(drop), Err(StoreError::Damaged { .. })), "written and empty");
}

#[test]
fn a_full_disk_ends_the_request_and_the_store_goes_on_by_itself_when_there_is_room() {
    for round in 0..40 {
        let disk = Disk::new();
        let file = disk.open().unwrap();
        set(&file, b"a", b"1").unwrap();
        disk.change(|platter| platter.fill(round * 1_024));
        let (mut stored, mut full) = (vec![b"a".to_vec()], 0);
        for number in 0..40_u8 {
            match set(&file, &[b'k', number], &[7; 20_000]) {
                Ok(()) => stored.push(vec![b'k', number]),
                Err(error @ StoreError::Full { .. }) => {
                    assert!(error.fate() == Fate::Later && error.to_string().contains("is full: free some"), "{error}");
                    full += 1;
                }
                Err(error) => panic!("{error}"),
            }
            // What is stored can be read meanwhile, or the reason is told.
            match rows(&file) {
                Ok(rows) => assert!(stored.iter().all(|key| rows.iter().any(|(own, _)| own == key)), "{round}"),
                Err(error) => assert_eq!(error.fate(), Fate::Later, "{error}"),
            }
        }
        assert!(full > 0, "{round}");
        disk.change(|platter| platter.room = None);
        set(&file, b"z", b"").unwrap();
        stored.push(b"z".to_vec());
        let keys: Vec<_> = rows(&file).unwrap().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, stored, "{round}: what was refused was not stored");
        assert_eq!(file.mended(), None, "a full disk is no failure");
    }
}

#[test]
fn an_append_that_waits_for_room_is_in_the_log_once() {
    for round in 0..20 {
        let disk = Disk::new();
        let store = Store::on(Arc::new(disk.open().unwrap())).unwrap();
        disk.change(|platter| platter.fill(round * 512));
        let waits = AtomicUsize::new(0);
        let mut expected = Vec::new();
        for number in 0..60 {
            let mut event = sample(number);
            event.actor.name = "x".repeat(9_000);
            let batch = [Pending { event: Some(event.clone()), ..Pending::default() }];
            let wait = &mut |_: &StoreError| {
                if waits.fetch_add(1, Ordering::Relaxed) % 3 == 2 {
                    // Some room, not much.
                    disk.change(|platter| platter.fill(100 << 10));
                }
                true
            };
            let stamps = store.append_patiently(&batch, wait).unwrap();
            expected.push((stamps[0].unwrap(), event));
        }
        assert!(waits.into_inner() > 3);
        let stored = store.tail_after(None, 100).unwrap().into_iter().map(|stored| (stored.stamp, stored.event));
        assert!(stored.eq(expected), "{round}");
        // Whoever does not wait is told.
        disk.change(|platter| platter.fill(0));
        let mut event = sample(99);
        event.actor.name = "y".repeat(60_000);
        let big = Pending { event: Some(event), ..Pending::default() };
        let refused = (0..30).find_map(|_| store.append(std::slice::from_ref(&big)).err());
        assert!(matches!(refused, Some(StoreError::Full { .. })), "{refused:?}");
    }
}

/// A reader holds pages of the file that is to be opened again: it must not keep it locked.
#[test]
fn it_is_opened_again_while_somebody_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    place::prepare(&path).unwrap();
    let file = File::open(&path).unwrap();
    set(&file, b"a", b"1").unwrap();
    let reading = file.begin().unwrap();
    let cause = StoreError::Io { doing: "test".into(), detail: "why".into() };
    file.shared.reopen(&cause).unwrap();
    drop(reading.get(b"a"));
    set(&file, b"b", b"2").unwrap();
    assert_eq!(rows(&file).unwrap().len(), 2);
    let said = file.mended().unwrap();
    assert!(said.contains("1 times") && said.contains("why") && said.contains("check the disk"), "{said}");
}
