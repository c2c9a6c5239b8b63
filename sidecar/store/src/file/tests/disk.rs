//! A disk in memory with the faults of real ones: power cuts that tear and reorder, failing and lying syncs, no room.
//!
//! It keeps what the programs see (the page cache) apart from what a power cut leaves (the platter). A failed sync does
//! what Linux file systems do: the pages count as clean afterwards though some never reached the disk, so that a later
//! sync says yes and brings nothing. Absent on purpose: time, and faults on reading.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

use super::{File, Opener, builder, found, verified};
use crate::StoreError;
use crate::watch::locked;

/// What a disk writes whole, mostly.
const SECTOR: usize = 512;

type Sector = [u8; SECTOR];

/// Numbers from a seed (splitmix64), so that each fault can be had again.
#[derive(Debug, Clone)]
pub(super) struct Seed(pub(super) u64);

impl Seed {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// A disk; clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk(Arc<Mutex<Platter>>);

/// What is told before an operation is carried out: its number, and what a power cut now would leave.
type Look = Box<dyn FnMut(usize, &Platter) + Send>;

#[derive(Default)]
pub(super) struct Platter {
    /// What programs see.
    pub(super) now: Vec<u8>,
    /// What was brought to the disk for good.
    durable: Vec<u8>,
    /// Each content that a sector was given since the last sync: any of them may be on the disk.
    dirty: BTreeMap<usize, Vec<Sector>>,
    pub(super) syncs: usize,
    /// Syncs until one fails; then `None`.
    pub(super) failing_in: Option<usize>,
    /// Whether every sync fails.
    pub(super) broken: bool,
    /// Whether a sync failed and the file was not opened anew since.
    pub(super) doubtful: bool,
    /// Whether syncs are answered and not done.
    pub(super) lies: bool,
    /// Bytes that fit; sectors written once stay writable.
    pub(super) room: Option<usize>,
    written: BTreeSet<usize>,
    operations: usize,
    look: Option<Look>,
    seed: Option<Seed>,
}

impl std::fmt::Debug for Platter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Platter").field("bytes", &self.now.len()).field("syncs", &self.syncs).finish_non_exhaustive()
    }
}

impl Disk {
    pub(super) fn holding(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Platter { now: bytes.clone(), durable: bytes, ..Platter::default() })))
    }

    /// A disk with a new, empty store.
    pub(super) fn new() -> Self {
        let disk = Self::default();
        let database = builder().create_with_backend(disk.clone()).unwrap();
        found(&database).unwrap();
        database.close().unwrap();
        disk
    }

    /// Opens as `File` does it on a real disk: after a failure, from what is really there.
    pub(super) fn opener(&self) -> Opener {
        let disk = self.clone();
        Box::new(move |again| {
            if again {
                disk.change(Platter::forget_cached);
            }
            verified(|builder| builder.create_with_backend(disk.clone()))
        })
    }

    pub(super) fn open(&self) -> Result<File, StoreError> {
        File::with("test disk".to_owned(), None, self.opener())
    }

    pub(super) fn change<R>(&self, change: impl FnOnce(&mut Platter) -> R) -> R {
        change(&mut locked(&self.0))
    }

    /// Calls `look` before each of the operations to come.
    pub(super) fn watch(&self, look: impl FnMut(usize, &Platter) + Send + 'static) {
        let look: Look = Box::new(look);
        self.change(|platter| (platter.operations, platter.look) = (0, Some(look)));
    }
}

impl Platter {
    /// What a power cut leaves: of each sector written since the last sync any of its contents, some torn; the length
    /// of before or of now.
    pub(super) fn cut(&self, seed: &mut Seed) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        if seed.below(2) == 0 {
            bytes.resize(self.now.len(), 0);
        }
        for (sector, contents) in &self.dirty {
            let at = sector * SECTOR;
            if at >= bytes.len() {
                // A file grows when what lies beyond its end is written.
                bytes.resize(at + SECTOR, 0);
            }
            let end = bytes.len().min(at + SECTOR);
            let mut old: Sector = [0; SECTOR];
            old[..end - at].copy_from_slice(&bytes[at..end]);
            let one = |seed: &mut Seed| match seed.below(contents.len() + 1) {
                0 => old,
                content => contents[content - 1],
            };
            let (mut left, right) = (one(seed), one(seed));
            if seed.below(8) == 0 {
                let tear = seed.below(SECTOR);
                left[tear..].copy_from_slice(&right[tear..]);
            }
            bytes[at..end].copy_from_slice(&left[..end - at]);
        }
        bytes
    }

    /// Drops what is cached and clean: reads see the platter again.
    pub(super) fn forget_cached(&mut self) {
        self.doubtful = false;
        let mut cached = self.durable.clone();
        cached.resize(self.now.len(), 0);
        for (sector, contents) in &self.dirty {
            let (at, end) = (sector * SECTOR, cached.len().min((sector + 1) * SECTOR));
            if let (Some(last), true) = (contents.last(), at < end) {
                cached[at..end].copy_from_slice(&last[..end - at]);
            }
        }
        self.now = cached;
    }

    /// From now on only this many bytes more fit.
    pub(super) fn fill(&mut self, more: usize) {
        self.room = Some(self.written.len() * SECTOR + more);
    }

    fn operation(&mut self) {
        let number = self.operations;
        self.operations += 1;
        if let Some(mut look) = self.look.take() {
            look(number, self);
            self.look = Some(look);
        }
    }

    fn put(&mut self, offset: usize, data: &[u8]) -> io::Result<()> {
        let sectors = offset / SECTOR..(offset + data.len()).div_ceil(SECTOR);
        if let Some(room) = self.room {
            let more = sectors.clone().filter(|sector| !self.written.contains(sector)).count();
            if (self.written.len() + more) * SECTOR > room {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        let end = offset + data.len();
        assert!(end <= self.now.len(), "redb writes inside its file");
        self.now[offset..end].copy_from_slice(data);
        for sector in sectors {
            let (at, end) = (sector * SECTOR, self.now.len().min((sector + 1) * SECTOR));
            let mut content: Sector = [0; SECTOR];
            content[..end - at].copy_from_slice(&self.now[at..end]);
            self.dirty.entry(sector).or_default().push(content);
            self.written.insert(sector);
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.lies {
            self.syncs += 1;
            return Ok(());
        }
        let fails = self.broken || self.failing_in.is_some_and(|left| left == 0);
        self.failing_in = self.failing_in.and_then(|left| left.checked_sub(1));
        self.durable.resize(self.now.len(), 0);
        for (sector, contents) in std::mem::take(&mut self.dirty) {
            // After a failure nobody knows which ones made it; all of them count as clean.
            let made_it = !fails || self.seed.get_or_insert(Seed(7)).below(2) == 0;
            let (at, end) = (sector * SECTOR, self.durable.len().min((sector + 1) * SECTOR));
            if let (Some(last), true) = (contents.last(), made_it && at < end) {
                self.durable[at..end].copy_from_slice(&last[..end - at]);
            }
        }
        if fails {
            self.doubtful = true;
            return Err(io::Error::other("the sync failed"));
        }
        self.syncs += 1;
        Ok(())
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
        self.change(|platter| {
            platter.operation();
            let len = usize::try_from(len).unwrap();
            platter.now.resize(len, 0);
            platter.dirty.retain(|sector, _| sector * SECTOR < len);
            Ok(())
        })
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.change(|platter| {
            platter.operation();
            platter.sync()
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.change(|platter| {
            platter.operation();
            platter.put(usize::try_from(offset).unwrap(), data)
        })
    }
}
