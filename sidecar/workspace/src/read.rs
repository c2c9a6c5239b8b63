//! Reading one file of the worktree without following links out of it.

use std::fs::{self, Metadata};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codi2_protocol::Digest;

use crate::clock::Clock;
use crate::observe::{Content, Written};
use crate::path::from_relative;

/// Why a path is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unwatched {
    /// Not a path below the root, or a link leads out of it.
    #[error("the path is outside the worktree")]
    Outside,
    /// Ignored by git, excluded, or not included.
    #[error("the file is ignored")]
    Ignored,
    /// Matches a private glob: nothing of it is read.
    #[error("the file is private")]
    Private,
    /// The file is there and cannot be read.
    #[error("the file cannot be read")]
    Unreadable,
}

/// Enough of a file's metadata to see that it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) size: u64,
    pub(crate) modified: Option<SystemTime>,
    pub(crate) inode: u64,
}

impl Stamp {
    pub(crate) fn of(path: &Path) -> Option<Self> {
        fs::symlink_metadata(path).ok().map(|meta| Self::from_metadata(&meta))
    }

    pub(crate) fn from_metadata(meta: &Metadata) -> Self {
        Self { size: meta.len(), modified: meta.modified().ok(), inode: inode(meta) }
    }

    /// Modified so shortly before `now` that a change right after it may carry the same stamp.
    pub(crate) fn is_fresh(&self, now: SystemTime) -> bool {
        self.modified
            .is_none_or(|modified| now.duration_since(modified).is_ok_and(|age| age < Duration::from_millis(2_100)))
    }
}

#[cfg(unix)]
fn inode(meta: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    meta.ino()
}

/// Untested.
#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

/// What was read.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) content: Content,
    /// The bytes, also of binary files; not of large ones.
    pub(crate) raw: Option<Arc<[u8]>>,
    /// `None` if it is gone.
    pub(crate) stamp: Option<Stamp>,
    /// Which write this is, by the kernel's clock and not by what `touch` sets; `None` if it is gone.
    pub(crate) written: Option<Written>,
    /// ms since the Unix epoch.
    pub(crate) at_ms: u64,
}

impl Reading {
    pub(crate) fn gone(at_ms: u64) -> Self {
        Self { content: Content::Gone, raw: None, stamp: None, written: None, at_ms }
    }

    /// When the inode last changed.
    pub(crate) fn changed(&self) -> Option<SystemTime> {
        self.written.map(|written| UNIX_EPOCH + Duration::from_nanos(written.at_ns))
    }

    /// Bytes of content that it holds on to.
    pub(crate) fn held_bytes(&self) -> usize {
        self.raw.as_ref().map_or(0, |raw| raw.len())
    }

    /// Lets go of the content; which one it was is still known.
    pub(crate) fn let_go(&mut self) {
        self.raw = None;
        if let Content::Bytes { digest, bytes } = &self.content {
            self.content = Content::Large { digest: *digest, size: bytes.len() as u64 };
        }
    }
}

/// When the inode last changed.
#[cfg(unix)]
pub(crate) fn changed(meta: &Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt;
    let (seconds, nanoseconds) = (u64::try_from(meta.ctime()).ok()?, u32::try_from(meta.ctime_nsec()).ok()?);
    Some(UNIX_EPOCH + Duration::new(seconds, nanoseconds))
}

/// Untested.
#[cfg(not(unix))]
pub(crate) fn changed(meta: &Metadata) -> Option<SystemTime> {
    meta.modified().ok()
}

fn hash(file: &mut fs::File) -> std::io::Result<(Digest, u64)> {
    let mut digester = codi2_text::Digester::default();
    let mut size = 0;
    let mut piece = vec![0; 64 << 10];
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 {
            return Ok((Digest::new(digester.digest()), size));
        }
        digester.update(&piece[..length]);
        size += length as u64;
    }
}

/// Reads the file at a protocol path. Absent files, links, folders and special files are [`Content::Gone`].
pub(crate) fn read(root: &Path, path: &str, max_bytes: u64, clock: &Clock) -> Result<Reading, Unwatched> {
    let below = from_relative(path).ok_or(Unwatched::Outside)?;
    let full = root.join(&below);
    let gone = || Reading::gone(clock.now_ms());
    // A folder on the way that is a link leads elsewhere, and the file has another path of its own.
    if let Some(parent) = full.parent()
        && parent != root
    {
        match fs::canonicalize(parent) {
            Ok(real) if real == parent => {}
            Ok(_) => return Err(Unwatched::Outside),
            Err(_) => return Ok(gone()),
        }
    }
    for _ in 0..3 {
        let Ok(meta) = fs::symlink_metadata(&full) else { return Ok(gone()) };
        if !meta.is_file() {
            return Ok(gone());
        }
        let mut file = match fs::File::open(&full) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(gone()),
            Err(_) => return Err(Unwatched::Unreadable),
        };
        // Replaced between the two looks, perhaps by a link: look again.
        let opened = file.metadata().map_err(|_| Unwatched::Unreadable)?;
        if inode(&opened) != inode(&meta) || !opened.is_file() {
            continue;
        }
        let stamp = Some(Stamp::from_metadata(&opened));
        let since = changed(&opened).and_then(|at| clock.of(at).duration_since(UNIX_EPOCH).ok());
        let at_ns = since.and_then(|since| u64::try_from(since.as_nanos()).ok());
        let written = at_ns.map(|at_ns| Written { inode: inode(&opened), at_ns });
        if opened.len() > max_bytes {
            let (digest, size) = hash(&mut file).map_err(|_| Unwatched::Unreadable)?;
            let content = Content::Large { digest, size };
            return Ok(Reading { content, raw: None, stamp, written, at_ms: clock.now_ms() });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(opened.len()).unwrap_or_default() + 1);
        file.by_ref().take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(|_| Unwatched::Unreadable)?;
        if bytes.len() as u64 > max_bytes {
            // It grew while being read.
            continue;
        }
        let digest = Digest::new(codi2_text::digest_of(&bytes));
        let raw: Arc<[u8]> = bytes.into();
        let content = if raw.contains(&0) {
            Content::Binary { digest, size: raw.len() as u64 }
        } else {
            Content::Bytes { digest, bytes: Arc::clone(&raw) }
        };
        return Ok(Reading { content, raw: Some(raw), stamp, written, at_ms: clock.now_ms() });
    }
    Err(Unwatched::Unreadable)
}
