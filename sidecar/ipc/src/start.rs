//! Starting the hub: by whoever needs it first, never twice.
//!
//! The starter holds `spawn.lock`, looks again, runs the program with its standard output as a pipe, and reads one
//! line from it: the hub is ready, another one runs already, or it failed and why. Losers of the race keep trying to
//! connect. The hub keeps nothing of its starter: see [`detach`], [`crate::environment`], and the descriptors marked
//! close-on-exec before it is spawned. Absent on purpose: the lifetime lock (`lock.rs`), which alone decides who is
//! the hub; everything here may be raced or killed without harm.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::connect::ConnectError;
use crate::environment;
use crate::lock::{HubInfo, open_private};
use crate::places::{PlaceError, Places};

/// How long a starter waits for the hub's line. A cold hub may have to repair its store first.
pub const READY: Duration = Duration::from_secs(20);
/// How long one who did not start the hub keeps trying to reach it.
pub const PATIENCE: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(640);
/// `hub.err` begins anew over this size, in bytes.
const HUB_ERR_BYTES: u64 = 1 << 20;

/// How to run the hub in the foreground: it must call [`detach`] first and [`announce`] when it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpawnSpec {
    /// The program; [`SpawnSpec::this_program`] names our own.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables set besides those of [`Places::variables`].
    pub variables: Vec<(OsString, OsString)>,
}

impl SpawnSpec {
    /// The running program with these arguments.
    ///
    /// # Errors
    /// Where the system does not tell a program's own path.
    pub fn this_program(args: impl IntoIterator<Item = impl Into<OsString>>) -> io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            args: args.into_iter().map(Into::into).collect(),
            variables: Vec::new(),
        })
    }
}

/// Why no hub could be started or reached.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folders can't be used.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The program can't be run.
    #[error("can't run {}: {error}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The hub ended before it was ready.
    #[error("the hub did not start: {reason}")]
    Failed {
        /// What it said, or the end of its standard error.
        reason: String,
    },
    /// The hub said nothing in time; it was left running.
    #[error("the hub (process {pid}) was not ready within {} s; its messages are in {}", READY.as_secs(), hub_err.display())]
    Slow {
        /// Its process id.
        pid: u32,
        /// Its standard error.
        hub_err: PathBuf,
    },
    /// A hub holds the lock and its socket can't be reached from here.
    #[error("the hub (process {}) runs, but {} can't be reached from here: run `codi2 hub stop` where it can, or end that process", info.pid, info.socket.display())]
    Unreachable {
        /// What it says of itself.
        info: Box<HubInfo>,
    },
    /// A lock or a file in the state folder can't be used.
    #[error("can't use {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Why there is no connection, nor a hub that could give one.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// Connecting failed in a way that starting a hub does not mend.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// No hub could be started or reached.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// What a starting hub tells its starter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// It listens.
    Ready,
    /// Another hub holds the lock.
    Running,
    /// It can't start, and why.
    Failed(String),
}

/// In the hub, first thing: a session of its own, working folder `/`, files private by default. Where it was started
/// from a terminal as a group leader, the session stays that terminal's.
pub fn detach() {
    #[cfg(unix)]
    {
        let _ = rustix::process::setsid();
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    }
    if let Err(error) = std::env::set_current_dir("/") {
        tracing::debug!(%error, "staying in the working folder");
    }
}

/// In the hub, once: says how the start went and lets go of the starter's pipe.
///
/// # Errors
/// The null device can't be opened. A starter that is gone is no error.
pub fn announce(announcement: &Announcement) -> io::Result<()> {
    let line = match announcement {
        Announcement::Ready => "ready\n".to_owned(),
        Announcement::Running => "running\n".to_owned(),
        Announcement::Failed(reason) => format!("failed: {}\n", reason.replace(['\n', '\r'], " ")),
    };
    let mut out = io::stdout();
    if let Err(error) = out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
        tracing::debug!(%error, "the starter is gone");
    }
    #[cfg(unix)]
    {
        let null = File::options().read(true).write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdout(&null)?;
    }
    Ok(())
}

/// Calls `connect` until it succeeds, starting a hub where there is none. Blocks for up to [`READY`] plus [`PATIENCE`].
///
/// # Errors
/// See [`ReachError`].
pub(crate) fn until_connected<T>(
    places: &Places,
    spec: &SpawnSpec,
    mut connect: impl FnMut() -> Result<T, ConnectError>,
) -> Result<T, ReachError> {
    match connect() {
        Err(error) if error.is_absent() => {}
        other => return Ok(other?),
    }
    places.prepare().map_err(StartError::from)?;
    let path = places.spawn_lock();
    let io = |error| StartError::Io { path: path.clone(), error };
    let spawn_lock = open_private(&path).map_err(io)?;
    let begun = Instant::now();
    let mut patient_until = begun + PATIENCE;
    let mut pause = FIRST_PAUSE;
    let mut last = None;
    loop {
        // Under the lock: look again, and start only if there still is none.
        match spawn_lock.try_lock() {
            Ok(()) => {
                let outcome = match connect() {
                    Err(error) if error.is_absent() => run(places, spec),
                    other => return Ok(other?),
                };
                let _ = spawn_lock.unlock();
                last = Some(outcome?);
            }
            // Somebody is starting one: that may take as long as it takes them.
            Err(TryLockError::WouldBlock) => patient_until = (Instant::now() + PATIENCE).min(begun + READY + PATIENCE),
            Err(TryLockError::Error(error)) => return Err(io(error).into()),
        }
        match connect() {
            Err(error) if error.is_absent() => {
                if Instant::now() >= patient_until {
                    return Err(match (last, HubInfo::read(places)) {
                        (Some(Announcement::Running), Some(info)) => {
                            StartError::Unreachable { info: Box::new(info) }.into()
                        }
                        _ => error.into(),
                    });
                }
            }
            other => return Ok(other?),
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Runs the hub and waits for its line. The process is reaped by a thread of its own.
fn run(places: &Places, spec: &SpawnSpec) -> Result<Announcement, StartError> {
    let hub_err = places.hub_err();
    let io = |error| StartError::Io { path: hub_err.clone(), error };
    let mut errors = open_appending(&hub_err).map_err(io)?;
    if errors.metadata().map_err(io)?.len() > HUB_ERR_BYTES {
        errors.set_len(0).map_err(io)?;
    }
    let begin = errors.seek(SeekFrom::End(0)).map_err(io)?;
    let mut command = Command::new(&spec.program);
    command.args(&spec.args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
    for (name, _) in std::env::vars_os().filter(|(name, _)| environment::is_dropped(name)) {
        command.env_remove(name);
    }
    command.envs(places.variables()).envs(spec.variables.iter().map(|(name, value)| (name, value)));
    // Ours are close-on-exec already; those an editor left open in us are not. Other children of ours lose nothing
    // they were meant to have: they get theirs as standard streams.
    #[cfg(unix)]
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
    let spawn = |error| StartError::Spawn { program: spec.program.clone(), error };
    let mut child = command.spawn().map_err(spawn)?;
    let pid = child.id();
    let line = first_line(&mut child).map_err(spawn)?;
    reap(child).map_err(spawn)?;
    match line {
        None => Err(StartError::Slow { pid, hub_err }),
        Some(line) => match line.trim_end() {
            "ready" => Ok(Announcement::Ready),
            "running" => Ok(Announcement::Running),
            other => Err(StartError::Failed {
                reason: match other.strip_prefix("failed: ") {
                    Some(reason) => reason.to_owned(),
                    None => said_since(&hub_err, begin),
                },
            }),
        },
    }
}

/// Opens a file of ours so that several processes may append to it; never through a symbolic link.
fn open_appending(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
    }
    options.open(path)
}

/// The child's first line (empty at its end of output); `None` if there is none in time.
fn first_line(child: &mut Child) -> io::Result<Option<String>> {
    let Some(out) = child.stdout.take() else { return Ok(Some(String::new())) };
    let (said, heard) = mpsc::channel();
    std::thread::Builder::new().name("codi2-hub-ready".into()).spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(out.take(4096)).read_line(&mut line);
        let _ = said.send(line);
    })?;
    Ok(heard.recv_timeout(READY).ok())
}

/// Waits for the hub's end beside us, so that it is no zombie while its starter lives.
fn reap(mut child: Child) -> io::Result<()> {
    std::thread::Builder::new().name("codi2-hub-reaper".into()).stack_size(64 << 10).spawn(move || child.wait())?;
    Ok(())
}

/// The end of what the hub wrote to its standard error since it was started.
fn said_since(path: &Path, begin: u64) -> String {
    const MOST: u64 = 1_000;
    let said = File::open(path).and_then(|mut file| {
        let end = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(begin.max(end.saturating_sub(MOST))))?;
        let mut bytes = Vec::new();
        file.take(MOST).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    });
    match said {
        Ok(said) if !said.is_empty() => said,
        _ => format!("it ended without a word; see {}", path.display()),
    }
}
