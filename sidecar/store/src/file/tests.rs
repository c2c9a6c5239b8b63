//! Tests of the file engine on a simulated disk: group commit, power cuts, failing syncs, flipped bits.

use std::io;
use std::sync::{Arc, Mutex};

use codi2_protocol::{Actor, ActorKind, Digest, Event, EventBody, EventId, ProducerId, SessionId};
use redb::StorageBackend;
use uuid::Uuid;

use super::{Conflicts, File, Opener, builder, found};
use crate::engine::{Engine, PageLimit};
use crate::overlay::Backend;
use crate::watch::locked;
use crate::{Dedupe, Pending, Row, Store, StoreError, Subspace};

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// A disk that remembers what was synced.
#[derive(Debug, Clone, Default)]
struct Disk(Arc<Mutex<Platter>>);

#[derive(Debug, Default)]
struct Platter {
    now: Vec<u8>,
    durable: Vec<u8>,
    syncs: usize,
    /// Syncs until every further one fails.
    failing_in: Option<usize>,
    /// Whether writes fail.
    full: bool,
}

impl Disk {
    fn holding(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Platter { now: bytes.clone(), durable: bytes, ..Platter::default() })))
    }

    fn new() -> Self {
        let disk = Self::default();
        found(builder().create_with_backend(disk.clone()).unwrap()).unwrap();
        disk
    }

    fn opener(&self) -> Opener {
        let disk = self.clone();
        Box::new(move || builder().create_with_backend(disk.clone()))
    }

    fn open(&self) -> Result<File, StoreError> {
        File::with("test disk".to_owned(), None, self.opener())
    }

    fn change<R>(&self, change: impl FnOnce(&mut Platter) -> R) -> R {
        change(&mut locked(&self.0))
    }

    /// What a power cut leaves: of each unsynced 512-byte sector the old or the new bytes, by seed.
    fn cut(&self, seed: u64) -> Self {
        let mut state = seed;
        let bytes = self.change(|platter| {
            let mut bytes = platter.durable.clone();
            bytes.resize(platter.now.len().max(bytes.len()), 0);
            for (at, sector) in platter.now.chunks(512).enumerate() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if state >> 63 == 1 {
                    bytes[at * 512..at * 512 + sector.len()].copy_from_slice(sector);
                }
            }
            bytes
        });
        Self::holding(bytes)
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.change(|platter| platter.now.len() as u64))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.change(|platter| {
            let from = usize::try_from(offset).unwrap();
            let stored = platter.now.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            out.copy_from_slice(stored);
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.change(|platter| platter.now.resize(usize::try_from(len).unwrap(), 0));
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.change(|platter| {
            if let Some(left) = &mut platter.failing_in {
                *left = left.checked_sub(1).ok_or_else(|| io::Error::other("the sync failed"))?;
            }
            platter.syncs += 1;
            platter.durable = platter.now.clone();
            Ok(())
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.change(|platter| {
            if platter.full {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let from = usize::try_from(offset).unwrap();
            platter.now[from..from + data.len()].copy_from_slice(data);
            Ok(())
        })
    }
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
    let (version, base) = file.begin().unwrap();
    drop(base);
    let overlay = |read: &[u8], write: &[u8]| {
        let mut draft = crate::finished::Finished::default();
        draft.reads.push((read.to_vec(), [read, &[0]].concat()));
        draft.set_for_test(write);
        (version, draft)
    };
    let before = disk.change(|platter| platter.syncs);
    let work = vec![overlay(b"x", b"a"), overlay(b"a", b"b"), overlay(b"y", b"c")];
    let mut conflicts = Conflicts::from(version);
    let (_, answers) = file.shared.write(&mut conflicts, work, &mut false).unwrap();
    assert_eq!(disk.change(|platter| platter.syncs) - before, 1);
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    assert_eq!(answers[1], Err(StoreError::Conflict), "it read what the first one wrote");
    let keys: Vec<_> = rows(&file).unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [b"a", b"c"]);
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_at_any_time() {
    for seed in 0..60 {
        let disk = Disk::new();
        let file = disk.open().unwrap();
        let mut cuts = Vec::new();
        for number in 0..8_u8 {
            set(&file, &[1, number], &[number; 300]).unwrap();
            if number % 3 == 0 {
                // Cut after an acknowledgement, with whatever redb wrote since its last sync.
                cuts.push((usize::from(number) + 1, disk.cut(seed * 31 + u64::from(number))));
            }
        }
        for (acknowledged, cut) in cuts {
            let again = cut.open().unwrap();
            let stored = rows(&again).unwrap();
            assert_eq!(stored.len(), acknowledged, "seed {seed}");
            assert!(stored.iter().all(|(key, value)| value == &[key[1]; 300]), "seed {seed}");
        }
    }
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_until_it_was_opened_again() {
    let disk = Disk::new();
    let file = disk.open().unwrap();
    set(&file, b"a", b"1").unwrap();
    disk.change(|platter| platter.failing_in = Some(0));
    assert_eq!(set(&file, b"b", b"2"), Err(StoreError::Unknown));
    // It cannot be opened again while syncs fail: every further write is refused, with the reason.
    let stopped = set(&file, b"c", b"3").unwrap_err();
    assert!(matches!(&stopped, StoreError::Stopped { detail, .. } if detail.contains("the sync failed")), "{stopped}");
    assert_eq!(rows(&file).unwrap_err(), stopped);
    drop(file);
    disk.change(|platter| platter.failing_in = None);
    let again = disk.open().unwrap();
    let stored = rows(&again).unwrap();
    assert!(
        stored.contains(&(b"a".to_vec(), b"1".to_vec())) && !stored.iter().any(|(key, _)| key == b"c"),
        "{stored:?}"
    );
}

#[test]
fn one_failed_sync_is_survived_and_the_result_told_truly() {
    for failing_in in 0..3 {
        let disk = Disk::new();
        let file = disk.open().unwrap();
        set(&file, b"a", b"1").unwrap();
        let again = disk.clone();
        // One sync fails; the disk is well again once the store is opened anew.
        let opener: Opener = Box::new(move || {
            again.change(|platter| platter.failing_in = None);
            builder().create_with_backend(again.clone())
        });
        drop(file);
        let file = File::with("test disk".to_owned(), None, opener).unwrap();
        disk.change(|platter| platter.failing_in = Some(failing_in));
        let mut acknowledged = vec![b"a".to_vec()];
        let mut unknown = 0;
        for number in 0..6_u8 {
            match set(&file, &[b'k', number], b"") {
                Ok(()) => acknowledged.push(vec![b'k', number]),
                Err(StoreError::Unknown) => unknown += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(unknown, 1, "{failing_in}");
        drop(file);
        let stored = rows(&disk.open().unwrap()).unwrap();
        assert!(acknowledged.iter().all(|key| stored.iter().any(|(own, _)| own == key)), "{failing_in}");
    }
}

#[test]
fn a_full_disk_ends_the_request_and_the_store_goes_on_when_there_is_room() {
    let disk = Disk::new();
    let file = disk.open().unwrap();
    set(&file, b"a", b"1").unwrap();
    disk.change(|platter| platter.full = true);
    assert!(set(&file, b"b", &[7; 80_000]).is_err());
    disk.change(|platter| platter.full = false);
    drop(file);
    let again = disk.open().unwrap();
    set(&again, b"c", b"3").unwrap();
    assert!(rows(&again).unwrap().iter().any(|(key, _)| key == b"a"));
}

#[test]
fn an_append_survives_a_failed_sync_and_is_in_the_log_once() {
    for failing_in in 0..4 {
        let disk = Disk::new();
        let again = disk.clone();
        let opener: Opener = Box::new(move || {
            again.change(|platter| platter.failing_in = None);
            builder().create_with_backend(again.clone())
        });
        let store = Store::on(Arc::new(File::with("test disk".to_owned(), None, opener).unwrap())).unwrap();
        disk.change(|platter| platter.failing_in = Some(failing_in));
        let mut expected = Vec::new();
        for number in 0..6 {
            let event = sample(number);
            let stamps = store.append(&[Pending { event: Some(event.clone()), ..Pending::default() }]).unwrap();
            expected.push((stamps[0].unwrap(), event));
        }
        assert_eq!(disk.change(|platter| platter.failing_in), None, "the sync failed and the file was opened again");
        let stored = store.tail_after(None, 100).unwrap().into_iter().map(|stored| (stored.stamp, stored.event));
        assert_eq!(stored.collect::<Vec<_>>(), expected, "{failing_in}");
    }
}

/// redb's page and the part of its first one in use.
const PAGE: usize = 4_096;
const HEADER: usize = 320;

fn sample(number: u8) -> Event {
    Event {
        id: EventId::from_uuid(Uuid::from_u128(1_000 + u128::from(number))),
        producer: ProducerId::from_uuid(Uuid::from_u128(7)),
        seq: u64::from(number),
        occurred_ms: 1_000,
        received_ms: 60_000 * u64::from(number),
        session: Some(SessionId::from_uuid(Uuid::from_u128(8))),
        worktree: None,
        file: Some(format!("src/file{}.rs", number % 3)),
        actor: Actor::named(ActorKind::Person, "Ada"),
        body: EventBody::Saved { digest: Digest::new([number; 32]) }.into(),
    }
}

/// The bytes of a small store that was closed, and what it holds.
fn closed() -> (Vec<u8>, Rows) {
    let disk = Disk::new();
    let store = Store::on(Arc::new(disk.open().unwrap())).unwrap();
    for number in 0..12_u8 {
        let dedupe = Dedupe::fact(ProducerId::from_uuid(Uuid::from_u128(7)), u64::from(number) + 1);
        let row = Row::set(Subspace::Meta, &["name".into()], &vec![number; 200]).unwrap();
        store.append(&[Pending { event: Some(sample(number)), dedupe, rows: vec![row] }]).unwrap();
    }
    drop(store);
    let bytes = disk.change(|platter| platter.now.clone());
    let rows = content(&Disk::holding(bytes.clone())).unwrap();
    assert!(rows.len() > 80);
    (bytes, rows)
}

/// Opens a store as the hub does and reads everything, each value verified.
fn content(disk: &Disk) -> Result<Rows, StoreError> {
    let file = Arc::new(disk.open()?);
    let store = Store::on(file.clone())?;
    store.tail_after(None, 1_000)?;
    rows(&*file)
}

#[test]
fn no_flipped_bit_of_a_closed_file_changes_or_empties_it_unnoticed() {
    let (bytes, expected) = closed();
    // A page that may hold anything without changing the content is free: its bits say nothing.
    let used = |page: &usize| {
        let mut other = bytes.clone();
        other[page * PAGE..][..PAGE].iter_mut().for_each(|byte| *byte ^= 0x55);
        content(&Disk::holding(other)).as_ref() != Ok(&expected)
    };
    let pages: Vec<usize> = (0..bytes.len() / PAGE).filter(used).collect();
    assert!(pages.len() > 8, "{pages:?} of {}", bytes.len() / PAGE);
    // Every bit of the header; elsewhere one bit of every eleventh byte, a wandering one.
    let flips: Vec<usize> = pages
        .iter()
        .flat_map(|page| page * PAGE * 8..(page + 1) * PAGE * 8)
        .filter(|bit| *bit < HEADER * 8 || (bit / 8 % 11 == 0 && bit % 8 == (bit / 88) % 8))
        .collect();
    let check = |flips: &[usize]| -> usize {
        flips
            .iter()
            .filter(|bit| {
                let mut flipped = bytes.clone();
                flipped[**bit / 8] ^= 1 << (**bit % 8);
                match content(&Disk::holding(flipped)) {
                    Ok(found) => {
                        assert!(found == expected, "bit {bit} changed the content: {} rows", found.len());
                        false
                    }
                    Err(error) => {
                        let said = matches!(error, StoreError::Damaged { .. } | StoreError::Io { .. });
                        assert!(said, "bit {bit}: {error}");
                        true
                    }
                }
            })
            .count()
    };
    let (left, right) = flips.split_at(flips.len() / 2);
    let noticed = std::thread::scope(|scope| {
        let left = scope.spawn(|| check(left));
        check(right) + left.join().unwrap()
    });
    assert!(noticed > 1_000, "only {noticed} of {} flips were noticed", flips.len());
}

#[test]
fn a_cut_file_is_damaged_never_empty() {
    let (bytes, expected) = closed();
    for length in (1..bytes.len()).step_by(1_021) {
        match content(&Disk::holding(bytes[..length].to_vec())) {
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
