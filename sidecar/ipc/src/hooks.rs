//! The hooks' spool: records of hooks, and notes, of processes that ran while no hub did.
//!
//! Hooks are processes of milliseconds, so they share one file: each appends under its lock. The hub takes the file
//! away by renaming it under that lock and reads it at leisure. The hub knows records by their id, so one that comes
//! twice counts once. Over half of its cap the file becomes the old half and the former old half is lost, counted.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;

use codi2_protocol::limits::BATCH_FACTS;
use codi2_protocol::{Call, EventId, Gap, GapReason, HookRecord, Kind, NoteRecord, Texts};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::places::Places;
use crate::records::{self, Damage, Records};

const MAGIC: &[u8; 8] = b"codi2hk1";

/// What a process of milliseconds brings to the hub.
#[derive(Debug, Clone, PartialEq)]
pub enum Brought {
    /// An agent's hook ran.
    Hook(HookRecord),
    /// Somebody said what they do.
    Note(NoteRecord),
}

impl Brought {
    /// Identity, and when it happened (ms since the Unix epoch).
    pub fn id(&self) -> (EventId, u64) {
        match self {
            Self::Hook(record) => (record.id, record.at_ms),
            Self::Note(record) => (record.id, record.at_ms),
        }
    }
}

impl From<Brought> for Call {
    fn from(brought: Brought) -> Self {
        match brought {
            Brought::Hook(record) => Self::Hook(record),
            Brought::Note(record) => Self::Note(record),
        }
    }
}

impl Texts for Brought {
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        match self {
            Self::Hook(record) => record.each_text(see),
            Self::Note(record) => record.each_text(see),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kept {
    Hook(HookRecord),
    Note(NoteRecord),
    /// What was lost before this file began.
    Lost(Gap),
}

fn current(places: &Places) -> PathBuf {
    places.spool().join("hooks.spool")
}

fn older(places: &Places) -> PathBuf {
    places.spool().join("hooks-older.spool")
}

/// Keeps a record until a hub reads it, in a spool of at most `cap` bytes and a record. Not synced: a hook has 5 ms, and
/// a crash of the machine ends the agent too.
///
/// # Errors
/// What the system says.
pub fn keep(places: &Places, brought: &Brought, cap: u64) -> io::Result<()> {
    places.prepare().map_err(io::Error::other)?;
    let path = current(places);
    let mut file = records::open_locked(&path)?;
    let mut length = file.seek(SeekFrom::End(0))?;
    let mut bytes = Vec::new();
    if length >= cap / 2 {
        let lost = lost_with(&older(places))?;
        std::fs::rename(&path, older(places))?;
        file = records::open_locked(&path)?;
        length = file.seek(SeekFrom::End(0))?;
        if length == 0 {
            bytes.extend_from_slice(MAGIC);
            if lost.facts > 0 {
                records::push(&mut bytes, &Kept::Lost(lost))?;
            }
        }
    } else if length == 0 {
        bytes.extend_from_slice(MAGIC);
    }
    let kept = match brought.clone() {
        Brought::Hook(record) => Kept::Hook(record),
        Brought::Note(record) => Kept::Note(record),
    };
    records::push(&mut bytes, &kept)?;
    let written = file.write_all(&bytes);
    if written.is_err() {
        let _ = file.set_len(length);
    }
    written
}

/// Counts what goes with the old half.
fn lost_with(path: &std::path::Path) -> io::Result<Gap> {
    let mut lost = Gap { first_seq: 0, last_seq: 0, facts: 0, bytes: 0, reason: GapReason::SpoolFull };
    let Some(file) = records::try_open_locked(path)? else { return Ok(lost) };
    let mut records = Records::new(file, MAGIC)?;
    while let Some((kept, bytes)) = records.next::<Kept>()? {
        match kept {
            Kept::Hook(_) | Kept::Note(_) => (lost.facts, lost.bytes) = (lost.facts + 1, lost.bytes + bytes),
            Kept::Lost(gap) => (lost.facts, lost.bytes) = (lost.facts + gap.facts, lost.bytes + gap.bytes),
        }
    }
    Ok(lost)
}

/// A file of hooks' records that was taken away to be read.
#[derive(Debug)]
pub struct DeadHooks {
    path: PathBuf,
    records: Records,
    lost: Option<Gap>,
}

impl DeadHooks {
    /// The next records, oldest first, at most [`BATCH_FACTS`]; none at the end.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn next_batch(&mut self) -> io::Result<Vec<Brought>> {
        let mut batch = Vec::new();
        while batch.len() < BATCH_FACTS
            && let Some((kept, _)) = self.records.next()?
        {
            match kept {
                Kept::Hook(record) => batch.push(Brought::Hook(record)),
                Kept::Note(record) => batch.push(Brought::Note(record)),
                Kept::Lost(gap) => self.lost = Some(gap),
            }
        }
        Ok(batch)
    }

    /// Records that were lost because the spool was full (numbers 0), known once everything is read.
    pub fn lost(&self) -> Option<&Gap> {
        self.lost.as_ref()
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

/// Takes away what hooks left, oldest first: only the hub does this. What an earlier hub took and did not finish comes
/// again.
///
/// # Errors
/// The folder can't be read.
pub fn drain(places: &Places) -> io::Result<Vec<DeadHooks>> {
    for path in [older(places), current(places)] {
        // Waits for a hook that is just appending; each holds the lock for microseconds.
        if path.exists() {
            let _lock = records::open_locked(&path)?;
            std::fs::rename(&path, places.spool().join(format!("hooks-{}.taken", Uuid::now_v7())))?;
        }
    }
    let mut taken: Vec<PathBuf> = crate::spool::waiting(places)?
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| path.extension().is_some_and(|ending| ending == "taken"))
        .collect();
    taken.sort();
    let open = |path: PathBuf| {
        Some(DeadHooks { records: Records::new(File::open(&path).ok()?, MAGIC).ok()?, path, lost: None })
    };
    Ok(taken.into_iter().filter_map(open).collect())
}

#[cfg(test)]
#[path = "hooks_tests.rs"]
mod tests;
