//! The hub for processes that live: facts that survive the hub's absence, calls, news.
//!
//! [`Client`] is a handle on one task (`driver.rs`) that owns everything: the outbox, the connection (`link.rs`), the
//! lanes (`lanes.rs`) and, through a thread, the spool (`keeper.rs`). No method blocks; calls and flushes await.
//! Absent on purpose: what facts and notices mean.

mod calls;
mod driver;
mod keeper;
mod lanes;
mod link;
mod unread;

use std::time::Duration;

use codi2_protocol::{
    Call, Fact, Gap, Heartbeat, Hello, HubError, Notice, ProcessStats, ProducerId, Reply, SessionId, Text, Touched,
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::frame::FrameError;
use crate::outbox::Limits;
use crate::places::Places;
use crate::start::SpawnSpec;

/// How long [`Client::call`] waits.
pub const CALL: Duration = Duration::from_secs(10);
/// News waiting for their reader; then nothing more is read from the hub, which skips for a slow reader.
pub const NEWS: usize = 256;

/// What a client says of itself, and its bounds.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program's version and build.
    pub build: String,
    /// Capabilities named in the greeting.
    pub capabilities: Vec<String>,
    /// Bounds of the outbox; [`Limits::default`] outside tests.
    pub limits: Limits,
}

impl Options {
    /// This build, no capabilities, the usual bounds.
    pub fn new(build: impl Into<String>) -> Self {
        Self { build: build.into(), capabilities: Vec::new(), limits: Limits::default() }
    }
}

/// News for the client's owner, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// A connection stands. Calls that last for a connection (`Watch`, `Tail`) must be made again.
    Connected {
        /// The hub's greeting.
        hub: Hello,
    },
    /// The connection is gone; it is tried again without end.
    Disconnected {
        /// Why, in words.
        reason: String,
    },
    /// Connecting or starting failed, for another reason than the last time; it is tried again.
    Unreachable {
        /// Why, in words, with what to do.
        reason: String,
    },
    /// From the hub. [`Notice::Durable`] never gets here.
    Notice(Notice),
    /// Facts were lost for good (the hub is told too): say again what it needs to know of sessions and buffers.
    Lost(Gap),
}

/// Why a call got no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The hub says no.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// No answer in time; where there is no connection, this too.
    #[error("the hub did not answer in time")]
    TimedOut,
    /// The connection went away while the call was out.
    #[error("the connection to the hub was lost: {0}")]
    Lost(String),
    /// A newer hub's answer.
    #[error("the hub answered in a way this program does not know: update it")]
    NotUnderstood,
    /// The call is too long, or the hub's bytes make no sense.
    #[error(transparent)]
    Frame(FrameError),
}

/// How a client is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether a connection stands.
    pub connected: bool,
    /// Facts that the hub does not have durably.
    pub pending: u64,
    /// The hub has every fact up to this number durably.
    pub durable: u64,
    /// Bytes of the spool.
    pub spool_bytes: u64,
    /// Texts that were dropped since the start: while the hub was away, or too slow.
    pub dropped_texts: u64,
    /// What is wrong, in words: why there is no connection, why nothing can be spooled.
    pub problem: Option<String>,
}

/// How a flush ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// The hub has everything durably.
    Durable,
    /// What the hub lacks is in the spool, on the disk.
    Spooled {
        /// How many facts.
        facts: u64,
    },
    /// What the hub lacks is in memory only: the spool can't be written.
    Failed {
        /// How many facts.
        facts: u64,
    },
}

#[derive(Debug)]
pub(crate) enum Command {
    Report { session: Option<SessionId>, occurred_ms: u64, fact: Fact },
    Text(Text),
    Touched(Touched),
    Heartbeat(Heartbeat),
    Measured(ProcessStats),
    Call { call: Call, answer: calls::Answer },
    Flush { within: Duration, done: oneshot::Sender<Flushed> },
}

/// A handle on the client's task; clones are cheap. The task ends, spooling what is pending, with the last of them.
#[derive(Debug, Clone)]
pub struct Client {
    producer: ProducerId,
    commands: mpsc::UnboundedSender<Command>,
    status: watch::Receiver<Status>,
}

impl Client {
    /// Starts the client's task on the present tokio runtime; `start`: how to run a hub where there is none. Whoever
    /// drops the news does not want them; whoever keeps them must read them.
    pub fn spawn(places: Places, start: Option<SpawnSpec>, options: Options) -> (Self, mpsc::Receiver<News>) {
        let producer = ProducerId::new();
        let (commands, inbox) = mpsc::unbounded_channel();
        let (news, reader) = mpsc::channel(NEWS);
        let (tell, status) = watch::channel(Status::default());
        tokio::spawn(driver::Driver::new(producer, places, start, options, news, tell).run(inbox));
        (Self { producer, commands, status }, reader)
    }

    /// This process's producer.
    pub fn producer(&self) -> ProducerId {
        self.producer
    }

    /// Reports a fact: it gets the next number and is kept until the hub has it durably. Never blocks, never fails;
    /// what can't be kept is told as a gap.
    pub fn report(&self, session: impl Into<Option<SessionId>>, occurred_ms: u64, fact: Fact) {
        self.tell(Command::Report { session: session.into(), occurred_ms, fact });
    }

    /// Sends text beside facts; dropped while the hub is away or slow. Send a group's text before reporting the group.
    pub fn text(&self, text: Text) {
        self.tell(Command::Text(text));
    }

    /// Says where somebody works; the latest of each buffer wins; dropped while the hub is away.
    pub fn touched(&self, touched: Touched) {
        self.tell(Command::Touched(touched));
    }

    /// Gives a sign of life; the latest of each session wins; dropped while the hub is away.
    pub fn heartbeat(&self, heartbeat: Heartbeat) {
        self.tell(Command::Heartbeat(heartbeat));
    }

    /// Says what this process measured of itself; the latest wins; dropped while the hub is away.
    pub fn measured(&self, stats: ProcessStats) {
        self.tell(Command::Measured(stats));
    }

    /// Asks the hub, which has then seen every fact reported before; waits for a connection and the answer, at most
    /// [`CALL`].
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call(&self, call: Call) -> Result<Reply, CallError> {
        self.call_within(call, CALL).await
    }

    /// As [`Client::call`], for at most this long.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call_within(&self, call: Call, wait: Duration) -> Result<Reply, CallError> {
        let (answer, answered) = oneshot::channel();
        self.tell(Command::Call { call, answer });
        match tokio::time::timeout(wait, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(CallError::Lost("the client has ended".into())),
            Err(_) => Err(CallError::TimedOut),
        }
    }

    /// How the client is now.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Waits until the status is as wanted; `None` if it is not within `wait`.
    pub async fn status_until(&self, wanted: impl Fn(&Status) -> bool, wait: Duration) -> Option<Status> {
        let mut status = self.status.clone();
        let found = tokio::time::timeout(wait, status.wait_for(|status| wanted(status))).await;
        found.ok()?.ok().map(|status| status.clone())
    }

    /// Waits until the hub has every fact reported so far, at most `within`, and not at all without a connection; what
    /// it then lacks is brought to the disk. Call it before the process ends.
    pub async fn flush(&self, within: Duration) -> Flushed {
        let (done, flushed) = oneshot::channel();
        self.tell(Command::Flush { within, done });
        flushed.await.unwrap_or(Flushed::Failed { facts: self.status().pending })
    }

    fn tell(&self, command: Command) {
        // The task ends only with the last handle or its runtime; in the latter case nobody is left to tell.
        let _ = self.commands.send(command);
    }
}
