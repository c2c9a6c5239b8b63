//! Every flipped bit of a file that was closed cleanly: an error, or the content is what it was.
//!
//! Flips happen in memory under redb; each is one opening and one reading of everything, rows compared byte by byte.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::{io, thread};

use redb::StorageBackend;

use super::*;
use crate::watch::locked;
use crate::{Row, Subspace};

/// redb's page and the part of its first one in use.
const PAGE: usize = 4_096;
/// Bytes in use that are flipped, at least.
const SAMPLE: usize = 64 << 10;

/// The bytes of a small store that was closed, and what it holds.
pub(super) fn closed() -> (Vec<u8>, Rows) {
    let disk = Disk::new();
    let store = Store::on(Arc::new(disk.open().unwrap())).unwrap();
    for number in 0..40 {
        let dedupe = Dedupe::fact(ProducerId::from_uuid(Uuid::from_u128(7)), number + 1);
        let row = Row::set(Subspace::Meta, &["name".into()], &vec![number as u8; 200]).unwrap();
        store.append(&[Pending { event: Some(sample(number)), dedupe, rows: vec![row] }]).unwrap();
    }
    drop(store);
    let bytes = disk.change(|platter| platter.now.clone());
    let rows = content(&Disk::holding(bytes.clone())).unwrap();
    assert!(rows.len() > 240);
    (bytes, rows)
}

/// Opens a store as the hub does and reads everything, each value verified.
pub(super) fn content(disk: &Disk) -> Result<Rows, StoreError> {
    let file = Arc::new(disk.open()?);
    let store = Store::on(file.clone())?;
    store.tail_after(None, 1_000)?;
    rows(&*file)
}

/// The same bytes for all, one bit of them flipped, and what was written since.
#[derive(Debug, Clone)]
struct Flipped {
    bytes: Arc<Vec<u8>>,
    bit: usize,
    written: Arc<Mutex<Written>>,
}

/// Length of the file, and the pages written.
type Written = (usize, BTreeMap<usize, Vec<u8>>);

impl Flipped {
    fn new(bytes: &Arc<Vec<u8>>, bit: usize) -> Self {
        Self { bytes: Arc::clone(bytes), bit, written: Arc::new(Mutex::new((bytes.len(), BTreeMap::new()))) }
    }

    /// The page as it lies in the file, to its end at most.
    fn page(&self, page: usize) -> Vec<u8> {
        let at = page * PAGE;
        let mut content = vec![0; PAGE];
        if let Some(bytes) = self.bytes.get(at..) {
            let length = bytes.len().min(PAGE);
            content[..length].copy_from_slice(&bytes[..length]);
        }
        if self.bit / 8 / PAGE == page {
            content[self.bit / 8 % PAGE] ^= 1 << (self.bit % 8);
        }
        content
    }
}

impl StorageBackend for Flipped {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(locked(&self.written).0 as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let written = locked(&self.written);
        let from = offset as usize;
        if from + out.len() > written.0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut at = 0;
        while at < out.len() {
            let (page, within) = ((from + at) / PAGE, (from + at) % PAGE);
            let length = (PAGE - within).min(out.len() - at);
            let target = &mut out[at..at + length];
            match written.1.get(&page) {
                Some(content) => target.copy_from_slice(&content[within..within + length]),
                None => target.copy_from_slice(&self.page(page)[within..within + length]),
            }
            at += length;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let mut written = locked(&self.written);
        written.0 = len as usize;
        written.1.retain(|page, _| page * PAGE < len as usize);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut written = locked(&self.written);
        let mut at = 0;
        while at < data.len() {
            let (page, within) = ((offset as usize + at) / PAGE, (offset as usize + at) % PAGE);
            let length = (PAGE - within).min(data.len() - at);
            let content = written.1.entry(page).or_insert_with(|| self.page(page));
            content[within..within + length].copy_from_slice(&data[at..at + length]);
            at += length;
        }
        Ok(())
    }
}

/// What the engine makes of the file, its writer's thread left out.
fn rows_of(bytes: &Arc<Vec<u8>>, bit: usize) -> Result<Rows, StoreError> {
    let flipped = Flipped::new(bytes, bit);
    let opener: Opener = Box::new(move |_| verified(|builder| builder.create_with_backend(flipped.clone())));
    let (shared, _) = Shared::open("test disk".to_owned(), None, opener)?;
    let mut rows = Rows::new();
    shared.snapshot()?.visit(&[0], &[0xff], false, PageLimit::rows(usize::MAX), &mut |key, value| {
        rows.push((key.to_vec(), value.to_vec()));
        true
    })?;
    Ok(rows)
}

/// Whether the flip was noticed; it must not change anything unnoticed.
fn is_noticed(bytes: &Arc<Vec<u8>>, bit: usize, expected: &Rows) -> bool {
    match rows_of(bytes, bit) {
        Ok(found) => {
            assert!(found == *expected, "bit {bit} changed the content: {} rows", found.len());
            false
        }
        Err(error) => {
            let said = matches!(error, StoreError::Damaged { .. } | StoreError::Io { .. });
            assert!(said, "bit {bit}: {error}");
            true
        }
    }
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
    assert!(pages.len() * PAGE >= SAMPLE, "{pages:?} of {}", bytes.len() / PAGE);
    // Every bit; in a hurry one of each two bytes.
    let (every, mut seed) = (count(0, 1) == 1, Seed(11));
    let flips: Vec<usize> = pages
        .iter()
        .flat_map(|page| (page * PAGE * 8..(page + 1) * PAGE * 8).step_by(16))
        .flat_map(|bit| {
            if every {
                bit..bit + 16
            } else {
                let bit = bit + seed.below(16);
                bit..bit + 1
            }
        })
        .collect();
    let bytes = Arc::new(bytes);
    // As it lies there, before an opening hub tidies up.
    let expected = rows_of(&bytes, usize::MAX).unwrap();
    let parts = thread::available_parallelism().map_or(1, usize::from);
    let noticed: usize = thread::scope(|scope| {
        let check = |part: &[usize]| part.iter().filter(|bit| is_noticed(&bytes, **bit, &expected)).count();
        let parts: Vec<_> =
            flips.chunks(flips.len().div_ceil(parts)).map(|part| scope.spawn(move || check(part))).collect();
        parts.into_iter().map(|part| part.join().unwrap()).sum()
    });
    assert!(noticed * 4 > flips.len(), "only {noticed} of {} flips were noticed", flips.len());
    let result = format!("{noticed} told as damage, {} without effect, 0 served as data", flips.len() - noticed);
    counted("P9", "bits flipped in the pages in use of a closed file", flips.len(), &result);
}
