//! Files of checksummed records: what spools are made of.
//!
//! A file is an 8-byte magic, then records: `u32` length and CRC-32C of the body (both little-endian), then the body,
//! MessagePack with named fields. A cut last record is the normal end of a crash and is told as torn. What cannot be
//! read, whatever of it was damaged, costs itself alone: the next whole record is looked for byte by byte.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use codi2_protocol::limits::VALUE_BYTES;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::frame;
use crate::lock::open_private;

const HEAD: usize = 8;
/// Longest body; what is longer is damage. Facts are at most [`VALUE_BYTES`].
const LONGEST: usize = 4 * VALUE_BYTES;
/// Bytes looked through at once for the next record after damage.
const WINDOW: u64 = 16 << 10;

/// What was wrong with a file of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Damage {
    /// Records whose checksum failed or that this program can't read; at least, where lengths were damaged too.
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
    /// Where the next record begins.
    at: u64,
    end: u64,
    damage: Damage,
}

impl Records {
    /// Begins at the file's start. An empty file holds nothing; another magic is damage throughout.
    pub(crate) fn new(file: File, magic: &[u8; 8]) -> io::Result<Self> {
        let end = file.metadata()?.len();
        let mut records =
            Self { file: BufReader::with_capacity(64 << 10, file), at: 0, end, damage: Damage::default() };
        records.seek(0)?;
        let mut found = [0; 8];
        if end < found.len() as u64 {
            records.damage.torn = end;
            records.at = end;
        } else {
            records.take(&mut found)?;
            if &found != magic {
                records.damage.bytes = end - records.at;
                records.at = end;
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
        while self.at < self.end {
            let start = self.at;
            match self.record()? {
                Ok(value) => return Ok(Some((value, self.at - start))),
                Err(torn) => match self.following::<T>(start + 1)? {
                    Some(next) => self.lose(start, next)?,
                    None if torn => {
                        self.damage.torn += self.end - start;
                        self.at = self.end;
                    }
                    None => self.lose(start, self.end)?,
                },
            }
        }
        Ok(None)
    }

    /// The record that begins here; else whether the file ends inside it.
    fn record<T: DeserializeOwned>(&mut self) -> io::Result<Result<T, bool>> {
        let left = self.end - self.at;
        if left < HEAD as u64 {
            return Ok(Err(true));
        }
        let mut head = [0; HEAD];
        self.take(&mut head)?;
        let (length, sum) = parts(&head);
        if length > LONGEST {
            return Ok(Err(false));
        }
        if length as u64 > left - HEAD as u64 {
            return Ok(Err(true));
        }
        let mut body = vec![0; length];
        self.take(&mut body)?;
        let whole = crc32c::crc32c(&body) == sum;
        Ok(whole.then(|| frame::decode(&body).ok()).flatten().ok_or(false))
    }

    /// Where the next whole record begins, at or after `from`. A length that was damaged leads anywhere, so each place
    /// is tried; a place where a record merely could begin is told from one where it does by the checksum.
    fn following<T: DeserializeOwned>(&mut self, mut from: u64) -> io::Result<Option<u64>> {
        let mut window = Vec::new();
        while self.end.saturating_sub(from) > HEAD as u64 {
            window.clear();
            self.seek(from)?;
            (&mut self.file).take(WINDOW).read_to_end(&mut window)?;
            let places = window.windows(HEAD + 1).enumerate().filter(|(_, bytes)| may_begin(bytes));
            for (place, _) in places {
                self.seek(from + place as u64)?;
                if self.record::<T>()?.is_ok() {
                    return Ok(Some(from + place as u64));
                }
            }
            // The next window begins with the first place that had no whole head in this one.
            from += window.len().saturating_sub(HEAD).max(1) as u64;
        }
        Ok(None)
    }

    /// Counts what lies between two places as lost: as many records as their lengths say, where those fit.
    fn lose(&mut self, from: u64, to: u64) -> io::Result<()> {
        self.damage.bytes += to - from;
        let mut at = from;
        while at < to {
            self.damage.records += 1;
            let mut head = [0; HEAD];
            self.seek(at)?;
            at = if to - at > HEAD as u64 {
                self.take(&mut head)?;
                (at + (HEAD + parts(&head).0) as u64).min(to)
            } else {
                to
            };
        }
        self.seek(to)
    }

    fn seek(&mut self, at: u64) -> io::Result<()> {
        self.at = self.file.seek(SeekFrom::Start(at))?;
        Ok(())
    }

    fn take(&mut self, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact(into)?;
        self.at += into.len() as u64;
        Ok(())
    }
}

/// Length and checksum of a record's body.
fn parts(head: &[u8; HEAD]) -> (usize, u32) {
    let [a, b, c, d, e, f, g, h] = *head;
    (u32::from_le_bytes([a, b, c, d]) as usize, u32::from_le_bytes([e, f, g, h]))
}

/// Whether a record may begin with these bytes: its length makes sense, and its body is a map of few fields, which is
/// one byte in MessagePack.
fn may_begin(bytes: &[u8]) -> bool {
    let Some((head, body)) = bytes.split_first_chunk::<HEAD>() else { return false };
    parts(head).0 <= LONGEST && matches!(body.first(), Some(0x80..=0x8f))
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
