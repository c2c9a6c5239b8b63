//! Files of checksummed records: what spools are made of.
//!
//! A file is an 8-byte magic, then records: `u32` length and CRC-32C of the body (both little-endian), then the body,
//! MessagePack with named fields. A cut last record is the normal end of a crash and is told as torn; a record whose
//! checksum fails is skipped and counted; a length that makes no sense ends the reading.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use codi2_protocol::limits::VALUE_BYTES;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::frame;
use crate::lock::open_private;

const HEAD: usize = 8;
/// Longest body; what is longer is damage. Facts are at most [`VALUE_BYTES`].
const LONGEST: usize = 4 * VALUE_BYTES;

/// What was wrong with a file of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Damage {
    /// Records whose checksum failed or that this program can't read.
    pub records: u64,
    /// Bytes of them, and of what could not be read at all.
    pub bytes: u64,
    /// Bytes of a cut last record: a process died while writing.
    pub torn: u64,
}

impl Damage {
    /// Whether more than a cut last record is wrong.
    pub fn is_serious(&self) -> bool {
        self.records > 0 || self.bytes > 0
    }
}

/// Appends one record to `into`.
pub(crate) fn push(into: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    let begin = into.len();
    into.extend_from_slice(&[0; HEAD]);
    value.serialize(&mut rmp_serde::Serializer::new(&mut *into).with_struct_map()).map_err(io::Error::other)?;
    let (length, sum) = (into.len() - begin - HEAD, crc32c::crc32c(&into[begin + HEAD..]));
    let length = u32::try_from(length).ok().filter(|length| *length as usize <= LONGEST);
    let Some(length) = length else {
        into.truncate(begin);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the record is too long"));
    };
    into[begin..begin + 4].copy_from_slice(&length.to_le_bytes());
    into[begin + 4..begin + HEAD].copy_from_slice(&sum.to_le_bytes());
    Ok(())
}

/// Reads the records of a file, in order.
#[derive(Debug)]
pub(crate) struct Records {
    file: BufReader<File>,
    left: u64,
    damage: Damage,
}

impl Records {
    /// Begins at the file's start. An empty file holds nothing; another magic is damage throughout.
    pub(crate) fn new(file: File, magic: &[u8; 8]) -> io::Result<Self> {
        let mut records = Self {
            left: file.metadata()?.len(),
            file: BufReader::with_capacity(64 << 10, file),
            damage: Damage::default(),
        };
        io::Seek::seek(&mut records.file, io::SeekFrom::Start(0))?;
        let mut found = [0; 8];
        if records.left < found.len() as u64 {
            records.damage.torn = std::mem::take(&mut records.left);
        } else {
            records.take(&mut found)?;
            if &found != magic {
                records.damage.bytes = std::mem::take(&mut records.left);
            }
        }
        Ok(records)
    }

    /// What was wrong so far.
    pub(crate) fn damage(&self) -> Damage {
        self.damage
    }

    /// The next readable record and its length in the file; `None` at the end.
    pub(crate) fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<(T, u64)>> {
        loop {
            if self.left < HEAD as u64 {
                self.damage.torn += std::mem::take(&mut self.left);
                return Ok(None);
            }
            let (mut length, mut sum) = ([0; 4], [0; 4]);
            self.take(&mut length)?;
            self.take(&mut sum)?;
            let length = u32::from_le_bytes(length) as usize;
            if length > LONGEST {
                self.damage.bytes += HEAD as u64 + std::mem::take(&mut self.left);
                return Ok(None);
            }
            if length as u64 > self.left {
                self.damage.torn += HEAD as u64 + std::mem::take(&mut self.left);
                return Ok(None);
            }
            let mut body = vec![0; length];
            self.take(&mut body)?;
            let whole = (HEAD + length) as u64;
            if crc32c::crc32c(&body) == u32::from_le_bytes(sum)
                && let Ok(value) = frame::decode(&body)
            {
                return Ok(Some((value, whole)));
            }
            self.damage.records += 1;
            self.damage.bytes += whole;
        }
    }

    fn take(&mut self, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact(into)?;
        self.left -= into.len() as u64;
        Ok(())
    }
}

/// Opens (or makes) a file and locks it, waiting; never one that was renamed or deleted meanwhile.
pub(crate) fn open_locked(path: &Path) -> io::Result<File> {
    loop {
        let file = open_private(path)?;
        file.lock()?;
        if is_at(&file, path)? {
            return Ok(file);
        }
    }
}

/// Opens an existing file and locks it if nobody holds it.
pub(crate) fn try_open_locked(path: &Path) -> io::Result<Option<File>> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NOFOLLOW.bits() as i32);
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Ok(()) if is_at(&file, path)? => Ok(Some(file)),
        Ok(()) | Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Whether the open file is still what lies at the path.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let open = file.metadata()?;
        match std::fs::symlink_metadata(path) {
            Ok(there) => Ok((open.dev(), open.ino()) == (there.dev(), there.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
    // Untested: an open file can be neither renamed nor deleted there by default.
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(path.exists())
    }
}

/// Puts a drained file away: deleted, or kept beside with the ending `damaged` where its bytes could not all be read.
pub(crate) fn put_away(path: &Path, damage: Damage) -> io::Result<Option<PathBuf>> {
    if damage.is_serious() {
        let kept = path.with_extension("damaged");
        std::fs::rename(path, &kept)?;
        return Ok(Some(kept));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(None),
    }
}
