//! Spools: facts on disk while the hub is away, one file for each producer.
//!
//! The living producer holds a lock on its file, so the hub knows a dead one's by taking that lock. Appends reach the
//! system at once (a crash of the process loses nothing) and the disk within a second and at an orderly end (a crash
//! of the machine may lose that second). A spool is deleted only when the hub has its facts durably; one with damage
//! in its middle is kept beside with the ending `.damaged`, and what it lacks is told as a gap with exact counts.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codi2_protocol::limits::BATCH_FACTS;
use codi2_protocol::{Fact, Gap, GapReason, Numbered, ProducerId};

use crate::places::Places;
use crate::records::{self, Records};

pub use crate::records::Damage;

const MAGIC: &[u8; 8] = b"codi2sp1";
const ENDING: &str = "spool";
/// The ending of a spool that is being written anew.
const FRESH: &str = "fresh";
/// Facts encoded and written in one go.
const CHUNK: usize = 256;
/// Bytes of one drained batch, at most (by one fact more).
const BATCH_BYTES: u64 = 512 << 10;

/// Where a producer's spool lies.
pub fn path(places: &Places, producer: ProducerId) -> PathBuf {
    places.spool().join(format!("{producer}.{ENDING}"))
}

/// A living producer's spool, made when it is first needed.
#[derive(Debug)]
pub(crate) struct SpoolFile {
    path: PathBuf,
    /// The open, locked file and the length of its whole records.
    open: Option<(File, u64)>,
}

impl SpoolFile {
    pub(crate) fn new(places: &Places, producer: ProducerId) -> Self {
        Self { path: path(places, producer), open: None }
    }

    /// Appends facts. After an error, [`SpoolFile::rewrite`] makes it whole.
    pub(crate) fn append(&mut self, facts: &[Arc<Numbered>]) -> io::Result<()> {
        let (file, length) = match &mut self.open {
            Some((file, _)) if !records::is_at(file, &self.path)? => {
                self.open = None;
                return Err(io::Error::new(io::ErrorKind::NotFound, "the spool was deleted by somebody else"));
            }
            Some(open) => open,
            None => {
                let mut file = records::open_locked(&self.path)?;
                file.set_len(0)?;
                file.write_all(MAGIC)?;
                self.open.insert((file, MAGIC.len() as u64))
            }
        };
        for some in facts.chunks(CHUNK) {
            let bytes = encode(some)?;
            if let Err(error) = file.seek(SeekFrom::Start(*length)).and_then(|_| file.write_all(&bytes)) {
                let _ = file.set_len(*length);
                return Err(error);
            }
            *length += bytes.len() as u64;
        }
        Ok(())
    }

    /// Replaces the whole content: readers and crashes see the old one or the new one.
    pub(crate) fn rewrite(&mut self, facts: &[Arc<Numbered>]) -> io::Result<()> {
        let path = self.path.with_extension(FRESH);
        let _ = std::fs::remove_file(&path);
        let mut fresh = Self { path, open: None };
        let written = fresh.append(facts).and_then(|()| fresh.sync());
        if let Err(error) = written.and_then(|()| std::fs::rename(&fresh.path, &self.path)) {
            let _ = std::fs::remove_file(&fresh.path);
            return Err(error);
        }
        self.open = fresh.open;
        Ok(())
    }

    /// The hub has everything: the file goes.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        match self.open.take() {
            None => Ok(()),
            Some(_open) => match std::fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        }
    }

    /// Brings what was appended to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.open.as_ref().map_or(Ok(()), |(file, _)| file.sync_data())
    }

    /// Its length in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.open.as_ref().map_or(0, |(_, length)| *length)
    }
}

fn encode(facts: &[Arc<Numbered>]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    facts.iter().try_for_each(|fact| records::push(&mut bytes, fact.as_ref()))?;
    Ok(bytes)
}

/// A dead producer's spool, locked by us while it is read.
#[derive(Debug)]
pub struct DeadSpool {
    producer: ProducerId,
    path: PathBuf,
    records: Records,
    last: Option<u64>,
    /// Read, and waiting behind the gap that tells what is missing before it.
    held: Option<Numbered>,
    lost_bytes: u64,
    _lock: File,
}

impl DeadSpool {
    /// Whose facts these are.
    pub fn producer(&self) -> ProducerId {
        self.producer
    }

    /// The next facts, in order, at most [`BATCH_FACTS`]; none at the end. Facts that damage destroyed between others
    /// come as a [`Fact::Gap`] (reason [`GapReason::SpoolDamaged`]) with the number of the last of them.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn next_batch(&mut self) -> io::Result<Vec<Numbered>> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < BATCH_FACTS && bytes < BATCH_BYTES {
            let (fact, length) = match self.held.take() {
                Some(fact) => (fact, 0),
                None => match self.records.next::<Numbered>()? {
                    Some(found) => found,
                    None => break,
                },
            };
            let first = match &fact.fact {
                Fact::Gap(gap) => gap.first_seq,
                _ => fact.seq,
            };
            match self.last {
                Some(last) if first <= last => continue,
                Some(last) if first > last + 1 => {
                    let destroyed = self.records.damage().bytes;
                    let gap = Gap {
                        first_seq: last + 1,
                        last_seq: first - 1,
                        facts: first - 1 - last,
                        bytes: destroyed - std::mem::replace(&mut self.lost_bytes, destroyed),
                        reason: GapReason::SpoolDamaged,
                    };
                    self.last = Some(first - 1);
                    batch.push(Numbered {
                        seq: first - 1,
                        occurred_ms: fact.occurred_ms,
                        session: None,
                        fact: Fact::Gap(gap),
                    });
                    self.held = Some(fact);
                }
                _ => {
                    self.last = Some(fact.seq);
                    bytes += length;
                    batch.push(fact);
                }
            }
        }
        Ok(batch)
    }

    /// What was wrong with what was read so far.
    pub fn damage(&self) -> Damage {
        self.records.damage()
    }

    /// Deletes it, once everything read is durable; with serious damage it is kept, at the path returned.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(self) -> io::Result<Option<PathBuf>> {
        records::put_away(&self.path, self.damage())
    }
}

/// The spools of dead producers, oldest producer first, each opened when it is its turn. `live` names producers that
/// are connected now: theirs are left alone, as are those whose lock is held.
///
/// # Errors
/// The folder can't be read. A spool that can't be opened is noted and left.
pub fn drain(places: &Places, live: impl Fn(ProducerId) -> bool) -> io::Result<impl Iterator<Item = DeadSpool>> {
    // What a producer that died was writing anew: its former spool is whole and still there.
    for (path, _) in list(places)?.filter(|(path, _)| path.extension().is_some_and(|ending| ending == FRESH)) {
        if let Ok(Some(_lock)) = records::try_open_locked(&path) {
            let _ = std::fs::remove_file(&path);
        }
    }
    let mut found: Vec<_> =
        list(places)?.filter_map(|(path, _)| Some((producer_of(&path)?, path))).filter(|(id, _)| !live(*id)).collect();
    found.sort();
    Ok(found.into_iter().filter_map(|(producer, path)| match open(producer, &path) {
        Ok(spool) => spool,
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "can't read a spool");
            None
        }
    }))
}

fn open(producer: ProducerId, path: &Path) -> io::Result<Option<DeadSpool>> {
    let Some(lock) = records::try_open_locked(path)? else { return Ok(None) };
    let records = Records::new(lock.try_clone()?, MAGIC)?;
    Ok(Some(DeadSpool { producer, path: path.to_owned(), records, last: None, held: None, lost_bytes: 0, _lock: lock }))
}

fn producer_of(path: &Path) -> Option<ProducerId> {
    let name = path.file_name()?.to_str()?;
    name.strip_suffix(ENDING)?.strip_suffix('.')?.parse().ok()
}

/// Files that wait in the spool folder, hooks' among them, with their sizes in bytes: for `doctor`.
///
/// # Errors
/// The folder can't be read; a missing one holds nothing.
pub fn waiting(places: &Places) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut waiting: Vec<_> = list(places)?.collect();
    waiting.sort();
    Ok(waiting)
}

fn list(places: &Places) -> io::Result<impl Iterator<Item = (PathBuf, u64)>> {
    let folder = match std::fs::read_dir(places.spool()) {
        Ok(folder) => Some(folder),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let entries = folder.into_iter().flatten().flatten();
    Ok(entries.filter_map(|entry| {
        let found = entry.metadata().ok()?;
        found.is_file().then(|| (entry.path(), found.len()))
    }))
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
