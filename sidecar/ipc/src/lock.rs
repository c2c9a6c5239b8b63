//! The hub's lifetime lock and what the holder says of itself.
//!
//! Whoever holds `hub.lock` is the hub: only the holder unlinks and binds the socket, opens the store, writes
//! `hub.json`. The lock file is never deleted (a deleted one can be held twice: [`HubLock::is_in_place`]) and the kernel
//! frees it with the process, so a dead hub leaves nothing to clean up by hand. Absent on purpose: pids as proof of life.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codi2_protocol::{PROTOCOL_MAX, PROTOCOL_MIN};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::places::{PlaceError, Places};

/// How often and how far apart a hub tries for its lock, before it takes another's hold for a running hub.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// The running hub, as `hub.json` in the state folder describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubInfo {
    /// Its process id.
    pub pid: u32,
    /// One start of one hub.
    pub instance: Uuid,
    /// Where it listens.
    pub socket: PathBuf,
    /// Oldest protocol version it speaks.
    pub protocol_min: u32,
    /// Newest protocol version it speaks.
    pub protocol_max: u32,
    /// Its version and build.
    pub build: String,
    /// When it started (ms since the Unix epoch).
    pub started_ms: u64,
}

impl HubInfo {
    /// What the last hub of these places wrote; `None` if there is nothing readable. It may have died since.
    pub fn read(places: &Places) -> Option<Self> {
        let bytes = std::fs::read(places.hub_json()).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

/// Why the hub's lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another hub runs: the usual end of a lost race, exit 0.
    #[error("a hub already runs{}", info.as_ref().map_or(String::new(), |info| format!(" (process {}, {})", info.pid, info.build)))]
    Held {
        /// What it says of itself.
        info: Option<Box<HubInfo>>,
    },
    /// The folders can't be used.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The lock file can't be used.
    #[error("can't lock {}: {error}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The hub's lock, held as long as this lives. Dropping it removes socket and `hub.json`, then lets go: close the
/// store first.
#[derive(Debug)]
pub struct HubLock {
    /// Held by being open.
    file: File,
    places: Places,
    socket: Option<PathBuf>,
}

impl HubLock {
    /// Takes the lock, preparing the folders.
    ///
    /// # Errors
    /// [`LockError::Held`] if another hub runs.
    pub fn take(places: &Places) -> Result<Self, LockError> {
        places.prepare()?;
        let path = places.hub_lock();
        let io = |error| LockError::Io { path: path.clone(), error };
        let file = open_private(&path).map_err(io)?;
        for attempt in 0.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt + 1 < TRIES => std::thread::sleep(BETWEEN_TRIES),
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Held { info: HubInfo::read(places).map(Box::new) });
                }
                Err(TryLockError::Error(error)) => return Err(io(error)),
            }
        }
        Ok(Self { file, places: places.clone(), socket: None })
    }

    /// The places the lock belongs to.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Whether the lock file still lies where others look for it. Where it does not, the state folder was removed or
    /// replaced, and another hub may hold a lock of its own there.
    pub fn is_in_place(&self) -> bool {
        // What cannot be looked at now is no proof of anything.
        !matches!(crate::records::is_at(&self.file, &self.places.hub_lock()), Ok(false))
    }

    /// Remembers the socket bound under this lock and writes `hub.json`.
    pub(crate) fn bound(&mut self, socket: &Path, build: &str) -> io::Result<HubInfo> {
        self.socket = Some(socket.to_owned());
        let info = HubInfo {
            pid: std::process::id(),
            instance: Uuid::now_v7(),
            socket: socket.to_owned(),
            protocol_min: PROTOCOL_MIN,
            protocol_max: PROTOCOL_MAX,
            build: build.to_owned(),
            started_ms: now_ms(),
        };
        self.publish(&info)?;
        Ok(info)
    }

    /// Writes `hub.json`: readers see the old file or the new one, never half of it.
    pub(crate) fn publish(&self, info: &HubInfo) -> io::Result<()> {
        let path = self.places.hub_json();
        let fresh = path.with_extension("json.new");
        let _ = std::fs::remove_file(&fresh);
        let mut file = open_private(&fresh)?;
        file.write_all(&serde_json::to_vec_pretty(info)?)?;
        std::fs::rename(&fresh, &path)
    }
}

impl Drop for HubLock {
    fn drop(&mut self) {
        // Out of place, socket and file may be the next hub's.
        if let Some(socket) = self.socket.take().filter(|_| self.is_in_place()) {
            let _ = std::fs::remove_file(socket);
            let _ = std::fs::remove_file(self.places.hub_json());
        }
    }
}

/// Opens (or makes, 0600) a file of ours for reading and writing; never through a symbolic link.
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
    }
    options.open(path)
}

/// Now, in ms since the Unix epoch.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
