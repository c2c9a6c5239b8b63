//! Where the hub's files lie, and whether those folders can be trusted.
//!
//! The state folder holds the lifetime lock, `hub.json`, the spools and the store; the runtime folder holds only the
//! socket, because environments differ between login, cron and agents' sandboxes and two hubs must never meet one
//! store. Absent on purpose: anything derived from `TMPDIR` (editors set a private one per process, which would give
//! each its own hub), and any repair of a wrong folder: that is refused with what to do.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Longest path of a socket, in bytes; the system's limit is 108 on Linux and 104 on macOS, its final zero included.
pub const SOCKET_PATH_BYTES: usize = 100;

/// The two folders of one user's hub.
///
/// Finding them touches nothing; [`Places::prepare`] creates and checks them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    state: PathBuf,
    runtime: PathBuf,
}

/// A folder that can't be used. All of these end what was asked for; the message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Neither `CODI2_STATE_DIR`, `XDG_STATE_HOME` nor a home folder is known.
    #[error("no folder for codi2's state is known: set HOME, or CODI2_STATE_DIR to a folder of your own")]
    NoHome,
    /// An override that is not an absolute path.
    #[error("{name} is {value:?}, which is not an absolute path: set it to one")]
    Relative {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: OsString,
    },
    /// Somebody else's folder.
    #[error("{} belongs to uid {owner}, not to you (uid {uid}): remove it, or set {variable} to a folder of your own", path.display())]
    Foreign {
        /// The folder, or the link in its place.
        path: PathBuf,
        /// Who owns it.
        owner: u32,
        /// Who we are.
        uid: u32,
        /// The variable that moves it elsewhere.
        variable: &'static str,
    },
    /// Others can get in.
    #[error("{} is open to others (mode {mode:03o}): run chmod 700 {}", path.display(), path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Something that is not a folder (or, in a shared place, a link).
    #[error("{} is not a folder: move it away", path.display())]
    NotFolder {
        /// What is there.
        path: PathBuf,
    },
    /// The system refused.
    #[error("can't use {}: {error}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl Places {
    /// The places that the environment names. Creates nothing.
    ///
    /// State: `CODI2_STATE_DIR`, else `$XDG_STATE_HOME/codi2`, else `~/.local/state/codi2`. Runtime:
    /// `CODI2_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/codi2` if that folder is ours (after `su` it is not), else inside
    /// the state folder.
    ///
    /// # Errors
    /// [`PlaceError::NoHome`] and [`PlaceError::Relative`].
    pub fn find() -> Result<Self, PlaceError> {
        Self::from_variables(|name| match name {
            "HOME" => env::home_dir().map(PathBuf::into_os_string),
            name => env::var_os(name),
        })
    }

    /// As [`Places::find`], with the environment as a function.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, PlaceError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let own = |name: &'static str| match set(name) {
            Some(path) if !path.is_absolute() => Err(PlaceError::Relative { name, value: path.into_os_string() }),
            other => Ok(other),
        };
        // The XDG specification: relative paths are to be ignored.
        let xdg = |name: &str| set(name).filter(|path| path.is_absolute());
        let state = match own("CODI2_STATE_DIR")? {
            Some(path) => path,
            None => xdg("XDG_STATE_HOME")
                .or_else(|| xdg("HOME").map(|home| home.join(".local/state")))
                .ok_or(PlaceError::NoHome)?
                .join("codi2"),
        };
        let runtime = match own("CODI2_RUNTIME_DIR")? {
            Some(path) => path,
            None => xdg("XDG_RUNTIME_DIR")
                .filter(|path| is_ours(path))
                .map(|path| path.join("codi2"))
                .unwrap_or_else(|| state.join("run")),
        };
        Ok(Self { state, runtime })
    }

    /// These two folders, both absolute.
    pub fn at(state: impl Into<PathBuf>, runtime: impl Into<PathBuf>) -> Self {
        Self { state: state.into(), runtime: runtime.into() }
    }

    /// Creates both folders (0700) and the one for spools, and checks them.
    ///
    /// # Errors
    /// A folder belongs to somebody else, is open to others, or can't be made.
    pub fn prepare(&self) -> Result<(), PlaceError> {
        private_folder(&self.state, "CODI2_STATE_DIR", Links::Own)?;
        private_folder(&self.spool(), "CODI2_STATE_DIR", Links::None)?;
        private_folder(&self.runtime, "CODI2_RUNTIME_DIR", Links::Own)?;
        let short = self.socket();
        match short.parent() {
            Some(folder) if folder != self.runtime => private_folder(folder, "CODI2_RUNTIME_DIR", Links::None),
            _ => Ok(()),
        }
    }

    /// Checks what is there and creates nothing; what is missing is fine.
    ///
    /// # Errors
    /// As [`Places::prepare`].
    pub fn check(&self) -> Result<(), PlaceError> {
        check_folder(&self.state, "CODI2_STATE_DIR", Links::Own)?;
        check_folder(&self.spool(), "CODI2_STATE_DIR", Links::None)?;
        check_folder(&self.runtime, "CODI2_RUNTIME_DIR", Links::Own)?;
        let socket = self.socket();
        match socket.parent() {
            Some(folder) if folder != self.runtime => check_folder(folder, "CODI2_RUNTIME_DIR", Links::None),
            _ => Ok(()),
        }
    }

    /// The state folder: locks, `hub.json`, spools, and the store beside them.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Bytes free for this user where the state folder lies, or will lie. Unix only; elsewhere an error.
    ///
    /// # Errors
    /// What the system says.
    pub fn room(&self) -> std::io::Result<u64> {
        #[cfg(unix)]
        {
            let there = self.state().ancestors().find(|folder| folder.exists()).unwrap_or_else(|| Path::new("/"));
            let found = rustix::fs::statvfs(there)?;
            Ok(found.f_bavail.saturating_mul(found.f_frsize))
        }
        #[cfg(not(unix))]
        Err(std::io::ErrorKind::Unsupported.into())
    }

    /// Whether this user may write into the state folder; one that is missing is made when it is needed. Unix only; elsewhere
    /// nothing is looked at.
    ///
    /// # Errors
    /// What the system says, of a read-only disk for instance.
    pub fn writable(&self) -> std::io::Result<()> {
        #[cfg(unix)]
        if self.state().exists() {
            rustix::fs::access(self.state(), rustix::fs::Access::WRITE_OK)?;
        }
        Ok(())
    }

    /// The runtime folder: the socket.
    pub fn runtime(&self) -> &Path {
        &self.runtime
    }

    /// The lock that the hub holds for life. Never deleted.
    pub fn hub_lock(&self) -> PathBuf {
        self.state.join("hub.lock")
    }

    /// The lock of whoever is starting a hub. Never deleted.
    pub fn spawn_lock(&self) -> PathBuf {
        self.state.join("spawn.lock")
    }

    /// What the running hub says of itself; see [`crate::HubInfo`].
    pub fn hub_json(&self) -> PathBuf {
        self.state.join("hub.json")
    }

    /// The hub's standard error: a panic must reach the user.
    pub fn hub_err(&self) -> PathBuf {
        self.state.join("hub.err")
    }

    /// The hub's secret: it keys hashes of lines and of what is redacted. Only the hub writes it.
    pub fn secret(&self) -> PathBuf {
        self.state.join("secret")
    }

    /// The folder of spools.
    pub fn spool(&self) -> PathBuf {
        self.state.join("spool")
    }

    /// Where a hub of these places listens. Over [`SOCKET_PATH_BYTES`] bytes it is a short private folder in `/tmp`,
    /// named by our uid and the runtime folder, so that everybody computes the same.
    pub fn socket(&self) -> PathBuf {
        let socket = self.runtime.join("hub.sock");
        if socket.as_os_str().len() <= SOCKET_PATH_BYTES {
            return socket;
        }
        let hash = fnv1a(self.runtime.as_os_str().as_encoded_bytes());
        PathBuf::from(format!("/tmp/codi2-{}-{hash:016x}/hub.sock", own_uid()))
    }

    /// The variables that lead a started hub to these same places.
    pub fn variables(&self) -> [(&'static str, &Path); 2] {
        [("CODI2_STATE_DIR", &self.state), ("CODI2_RUNTIME_DIR", &self.runtime)]
    }
}

/// Which symbolic links may stand in a folder's place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// None: the folder lies where others can write.
    None,
    /// Our own, leading to a folder that passes the same checks.
    Own,
}

/// Our effective user id; 0 where there are none.
pub(crate) fn own_uid() -> u32 {
    #[cfg(unix)]
    return rustix::process::geteuid().as_raw();
    #[cfg(not(unix))]
    return 0;
}

/// Makes a folder, 0700 from its first moment, and checks it on an open handle, so that nothing can be swapped in.
pub(crate) fn private_folder(path: &Path, variable: &'static str, links: Links) -> Result<(), PlaceError> {
    let io = |error| PlaceError::Io { path: path.to_owned(), error };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(io)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io(error)),
    }
    check_folder(path, variable, links)
}

#[cfg(unix)]
fn check_folder(path: &Path, variable: &'static str, links: Links) -> Result<(), PlaceError> {
    use rustix::fs::{Mode, OFlags, fstat, lstat, open};
    let io = |error: rustix::io::Errno| PlaceError::Io { path: path.to_owned(), error: error.into() };
    let uid = own_uid();
    let foreign = |owner| PlaceError::Foreign { path: path.to_owned(), owner, uid, variable };
    let mut flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match lstat(path) {
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        Err(error) => return Err(io(error)),
        Ok(stat) if stat.st_uid != uid => return Err(foreign(stat.st_uid)),
        Ok(_) => {}
    }
    if links == Links::None {
        flags |= OFlags::NOFOLLOW;
    }
    let handle = open(path, flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP => PlaceError::NotFolder { path: path.to_owned() },
        error => io(error),
    })?;
    let stat = fstat(&handle).map_err(io)?;
    if stat.st_uid != uid {
        return Err(foreign(stat.st_uid));
    }
    let mode = stat.st_mode & 0o7777;
    if mode & 0o077 != 0 {
        return Err(PlaceError::Open { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Untested: elsewhere the user's profile folder guards its content.
#[cfg(not(unix))]
fn check_folder(path: &Path, _variable: &'static str, _links: Links) -> Result<(), PlaceError> {
    match fs::metadata(path) {
        Ok(found) if !found.is_dir() => Err(PlaceError::NotFolder { path: path.to_owned() }),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn is_ours(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == own_uid())
}

#[cfg(not(unix))]
fn is_ours(path: &Path) -> bool {
    path.is_dir()
}

/// FNV-1a: names a folder, guards nothing (the folder's owner and mode do).
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
#[path = "places_tests.rs"]
mod tests;
