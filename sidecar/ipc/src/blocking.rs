//! The hub for processes of milliseconds: the command line and hooks. No runtime, no reconnect, no numbered facts.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use codi2_protocol::limits::FRAME_BYTES;
use codi2_protocol::{Call, ClientFrame, Hello, HubFrame, Notice, Reply};
use interprocess::local_socket::Stream;
use interprocess::local_socket::traits::Stream as _;

use crate::client::CallError;
use crate::connect::{ConnectError, GREETING, connect_blocking, hello, is_timeout};
use crate::door::Door;
use crate::frame::{self, FrameError, FromHub};
use crate::hooks::{self, Brought};
use crate::places::Places;
use crate::start::{ReachError, SpawnSpec, until_connected};

/// How long [`bring_or_spool`] waits for a hub's greeting, which no work of the hub's delays: one that says nothing stands
/// still.
const HOOK_GREETING: Duration = Duration::from_millis(250);
/// How long it waits for the hub in all: one that greets is at work. The hub takes an older record for one that is not waited
/// for (`hub/core/hooks.rs`).
const HOOK_DEADLINE: Duration = Duration::from_secs(3);

/// A connection to the hub.
#[derive(Debug)]
pub struct Link {
    stream: Stream,
    door: Door,
    hub: Hello,
    last_id: u64,
    /// Read and not yet a whole frame.
    partial: Vec<u8>,
    notices: VecDeque<Notice>,
}

impl Link {
    /// Connects to a hub that runs.
    ///
    /// # Errors
    /// [`ConnectError::Absent`] where none does.
    pub fn connect(places: &Places, build: &str) -> Result<Self, ConnectError> {
        Self::connect_within(places, build, GREETING)
    }

    fn connect_within(places: &Places, build: &str, wait: Duration) -> Result<Self, ConnectError> {
        let (stream, hub) = connect_blocking(places, &hello(build, &[], None), wait)?;
        Ok(Self { stream, door: Door::new(places), hub, last_id: 0, partial: Vec::new(), notices: VecDeque::new() })
    }

    /// Connects, starting a hub where none runs.
    ///
    /// # Errors
    /// See [`ReachError`].
    pub fn connect_or_start(places: &Places, spec: &SpawnSpec, build: &str) -> Result<Self, ReachError> {
        until_connected(places, spec, || Self::connect(places, build))
    }

    /// The hub's greeting.
    pub fn hub(&self) -> &Hello {
        &self.hub
    }

    /// Asks, and waits for the answer as long as it takes; notices that come meanwhile are kept for
    /// [`Link::next_notice`].
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn call(&mut self, call: Call) -> Result<Reply, CallError> {
        self.call_until(call, None)
    }

    /// As [`Link::call`], for at most this long.
    ///
    /// # Errors
    /// [`CallError::TimedOut`] too.
    pub fn call_within(&mut self, call: Call, wait: Duration) -> Result<Reply, CallError> {
        self.call_until(call, Some(Instant::now() + wait))
    }

    fn call_until(&mut self, mut call: Call, deadline: Option<Instant>) -> Result<Reply, CallError> {
        self.door.pass(&mut call);
        self.last_id += 1;
        let id = self.last_id;
        let bytes = frame::encode(&ClientFrame { id: Some(id), call }).map_err(CallError::Frame)?;
        self.stream.set_send_timeout(left(deadline)?).map_err(lost)?;
        self.stream
            .write_all(&bytes)
            .map_err(|error| if is_timeout(&error) { CallError::TimedOut } else { lost(error) })?;
        loop {
            let ended = || CallError::Lost("the hub closed the connection".into());
            match self.next_frame(deadline)?.ok_or_else(ended)? {
                FromHub::Frame(HubFrame::Reply { id: of, reply }) if of == id => return Ok(reply),
                FromHub::Frame(HubFrame::Error { id: of, error }) if of.is_none_or(|of| of == id) => {
                    return Err(CallError::Hub(error));
                }
                FromHub::UnknownReply { id: of } if of == id => return Err(CallError::NotUnderstood),
                FromHub::Frame(HubFrame::Notice(notice)) => self.notices.push_back(notice),
                // Answers to calls given up, and what a newer hub says.
                _ => {}
            }
        }
    }

    /// The next notice, waiting for at most `wait` (`None`: as long as it takes); `Ok(None)` when the hub has closed.
    ///
    /// # Errors
    /// [`CallError::TimedOut`] and [`CallError::Lost`].
    pub fn next_notice(&mut self, wait: Option<Duration>) -> Result<Option<Notice>, CallError> {
        let deadline = wait.map(|wait| Instant::now() + wait);
        loop {
            if let Some(notice) = self.notices.pop_front() {
                return Ok(Some(notice));
            }
            match self.next_frame(deadline)? {
                None => return Ok(None),
                Some(FromHub::Frame(HubFrame::Notice(notice))) => return Ok(Some(notice)),
                Some(FromHub::Frame(HubFrame::Error { id: None, error })) => return Err(CallError::Hub(error)),
                Some(_) => {}
            }
        }
    }

    /// Reads one frame; what a time-out cut stays for the next time.
    fn next_frame(&mut self, deadline: Option<Instant>) -> Result<Option<FromHub>, CallError> {
        let mut chunk = [0; 16 << 10];
        loop {
            if let Some((length, rest)) = self.partial.split_first_chunk::<4>() {
                let length = u32::from_be_bytes(*length) as usize;
                if length > FRAME_BYTES {
                    return Err(CallError::Frame(FrameError::TooLong { bytes: length }));
                }
                if let Some(body) = rest.get(..length) {
                    let frame = frame::decode_from_hub(body).map_err(CallError::Frame);
                    self.partial.drain(..4 + length);
                    return frame.map(Some);
                }
            }
            self.stream.set_recv_timeout(left(deadline)?).map_err(lost)?;
            match self.stream.read(&mut chunk) {
                Ok(0) if self.partial.is_empty() => return Ok(None),
                Ok(0) => return Err(CallError::Frame(FrameError::Truncated)),
                Ok(read) => self.partial.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => return Err(CallError::TimedOut),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(lost(error)),
            }
        }
    }
}

/// Time left until the deadline, never zero (which a socket would refuse).
fn left(deadline: Option<Instant>) -> Result<Option<Duration>, CallError> {
    match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
        Some(Duration::ZERO) => Err(CallError::TimedOut),
        left => Ok(left),
    }
}

fn lost(error: io::Error) -> CallError {
    CallError::Lost(error.to_string())
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookOutcome {
    /// The hub has it: it has read a hook's files, a note is durable.
    Done,
    /// It waits in the hooks' spool (and, where the hub greeted and answered too late, may be in the hub too: its id makes
    /// it count once).
    Spooled,
    /// No hub took it, and nothing of it may be kept.
    Private,
}

/// Brings a record to the hub if one runs, else to the hooks' spool. Starts nothing.
///
/// `may_keep` is asked only where the hub is away: it takes out of the record what must not lie on disk, and says how
/// many bytes the spool may hold; none where nothing is left to be kept.
///
/// # Errors
/// The record is lost: neither could be reached. A hook still exits 0.
pub fn bring_or_spool(
    places: &Places,
    mut record: Brought,
    build: &str,
    may_keep: impl FnOnce(&mut Brought) -> Option<u64>,
) -> io::Result<HookOutcome> {
    Door::new(places).pass(&mut record);
    let deadline = Instant::now() + HOOK_DEADLINE;
    let told = Link::connect_within(places, build, HOOK_GREETING)
        .map_err(|error| error.to_string())
        .and_then(|mut link| link.call_until(record.clone().into(), Some(deadline)).map_err(|error| error.to_string()));
    match told {
        Ok(_) => Ok(HookOutcome::Done),
        Err(reason) => {
            tracing::debug!(reason, "the record goes to the spool");
            match may_keep(&mut record) {
                Some(cap) => hooks::keep(places, &record, cap).map(|()| HookOutcome::Spooled),
                None => Ok(HookOutcome::Private),
            }
        }
    }
}
