//! The hub's side: binding under the lock, accepting, greeting, and a connection in two halves.
//!
//! Each accepted connection is greeted in a task of the caller's, so that a silent client holds up nobody. Reading is
//! a call at a time; writing goes through a queue bounded in bytes, and a reader that is too slow makes
//! [`Writer::try_send`] fail: the caller decides what it misses. Absent on purpose: what calls mean.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use codi2_protocol::limits::CONNECTIONS;
use codi2_protocol::{ErrorCode, Hello, HubError, HubFrame, PROTOCOL_MAX, PROTOCOL_MIN};
use interprocess::local_socket::tokio::{Listener as LocalListener, Stream};
use interprocess::local_socket::traits::StreamCommon;
use interprocess::local_socket::traits::tokio::Listener as _;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use crate::connect::{GREETING, common_version, foreign_peer};
use crate::frame::{self, FrameError, Incoming};
use crate::lock::{HubInfo, HubLock};
use crate::shortage::{Fate, Shortage, fate};
use crate::socket::{bind, made};
use crate::stream::Half;

/// Bytes of frames waiting for one client, at most; as many again of those whose senders wait ([`Writer::send`]).
pub const QUEUE_BYTES: usize = 2 << 20;
/// A client that takes nothing for this long while frames wait is cut off.
pub const STALL: Duration = Duration::from_secs(30);
/// Frames written in one go, in bytes.
const WRITE_BYTES: usize = 64 << 10;
const REFUSAL: Duration = Duration::from_secs(1);
/// Refusals under way at once.
const REFUSALS: usize = 16;

/// The hub's socket. Bound under the lock and removed with it.
#[derive(Debug)]
pub struct Listener {
    socket: LocalListener,
    /// What was made by binding.
    made: Option<(u64, u64)>,
    ours: Hello,
    seats: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    shortage: Shortage,
    info: HubInfo,
}

/// An accepted connection of our own user that has not greeted yet.
#[derive(Debug)]
pub struct Pending {
    half: Half,
    ours: Hello,
    seat: OwnedSemaphorePermit,
    pid: Option<u32>,
}

/// A client that has greeted and waits for our greeting.
#[derive(Debug)]
pub struct Greeted {
    /// What it said.
    pub hello: Hello,
    /// The protocol version both speak.
    pub version: u32,
    /// Its process id as the system tells it, evidence only.
    pub pid: Option<u32>,
    half: Half,
    ours: Hello,
    seat: OwnedSemaphorePermit,
}

/// Why a connection came to nothing. Noted; other connections go on.
#[derive(Debug, thiserror::Error)]
pub enum GreetError {
    /// It said nothing in time.
    #[error("no greeting within {} s", GREETING.as_secs())]
    Silent,
    /// It left without a word.
    #[error("closed without a greeting")]
    Left,
    /// No version in common; it was told so.
    #[error("{0}")]
    Version(HubError),
    /// What it sent makes no sense.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Why a frame was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The client takes too little: [`QUEUE_BYTES`] already wait for it.
    #[error("the client reads too slowly")]
    Full,
    /// The connection is gone.
    #[error("the connection is closed")]
    Closed,
    /// The frame itself can't be sent; the connection is fine.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl Listener {
    /// Binds the socket, 0600, where a dead hub's may lie: only the lock's holder does this. Needs a runtime.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind(lock: &mut HubLock, build: &str, capabilities: &[String]) -> io::Result<Self> {
        let path = lock.places().socket();
        let socket = bind(&path)?;
        let info = lock.bound(&path, build)?;
        let ours = crate::connect::hello(build, capabilities, None);
        Ok(Self {
            socket,
            made: made(&path),
            ours,
            seats: Arc::new(Semaphore::new(CONNECTIONS)),
            refusals: Arc::new(Semaphore::new(REFUSALS)),
            shortage: Shortage::default(),
            info,
        })
    }

    /// Whether clients find this socket: it and `hub.json` lie where they were put.
    pub fn is_in_place(&self, lock: &HubLock) -> bool {
        made(&self.info.socket) == self.made && lock.places().hub_json().exists()
    }

    /// Binds the socket again where it was removed, and says so in `hub.json`. Connections go on, and count on.
    ///
    /// # Errors
    /// What the system says; the runtime folder cannot be used.
    pub fn rebind(&self, lock: &HubLock) -> io::Result<Self> {
        lock.places().prepare().map_err(io::Error::other)?;
        let path = &self.info.socket;
        let socket = bind(path)?;
        lock.publish(&self.info)?;
        Ok(Self {
            socket,
            made: made(path),
            ours: self.ours.clone(),
            seats: Arc::clone(&self.seats),
            refusals: Arc::clone(&self.refusals),
            shortage: self.shortage.clone(),
            info: self.info.clone(),
        })
    }

    /// What was written to `hub.json`.
    pub fn info(&self) -> &HubInfo {
        &self.info
    }

    /// Tells whether it is out of what connections need.
    pub fn shortage(&self) -> Shortage {
        self.shortage.clone()
    }

    /// Connections open now.
    pub fn connections(&self) -> usize {
        CONNECTIONS - self.seats.available_permits()
    }

    /// The next connection of our own user. Refuses other users without a word, tells those over the limit that it is
    /// busy, and waits where the system is out of descriptors or memory. Safe to cancel.
    ///
    /// # Errors
    /// The socket is broken: the hub can't go on.
    pub async fn accept(&self) -> io::Result<Pending> {
        let mut pause = Duration::from_millis(50);
        loop {
            let stream = match self.socket.accept().await {
                Ok(stream) => stream,
                Err(error) => match fate(&error) {
                    Fate::Again => continue,
                    Fate::Later => {
                        tracing::warn!(%error, "can't accept connections now");
                        self.shortage.begin(&error);
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(Duration::from_secs(1));
                        continue;
                    }
                    Fate::Broken => return Err(error),
                },
            };
            self.shortage.end();
            let credentials = stream.peer_creds();
            let pid = credentials.as_ref().ok().and_then(interprocess::local_socket::PeerCreds::pid);
            match foreign_peer(credentials) {
                Ok(None) => {}
                Ok(Some(uid)) => {
                    tracing::warn!(uid, "refused another user's connection");
                    continue;
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection left at once");
                    continue;
                }
            }
            match Arc::clone(&self.seats).try_acquire_owned() {
                Ok(seat) => {
                    let pid = pid.and_then(|pid| u32::try_from(pid).ok());
                    return Ok(Pending { half: Half::new(Arc::new(stream)), ours: self.ours.clone(), seat, pid });
                }
                // Beside this loop, for it waits for the greeting; where even those are too many, without a word.
                Err(_) => {
                    if let Ok(seat) = Arc::clone(&self.refusals).try_acquire_owned() {
                        tokio::spawn(refuse_busy(stream, seat));
                    }
                }
            }
        }
    }
}

async fn refuse_busy(stream: Stream, _seat: OwnedSemaphorePermit) {
    let mut half = Half::new(Arc::new(stream));
    let error = HubError {
        code: ErrorCode::Busy,
        message: format!("the hub serves {CONNECTIONS} connections already: close some, or try again"),
    };
    let refusal = async {
        // Closing with bytes unread would reset the connection, and the client would never learn why.
        frame::read(&mut half).await?;
        half.write_all(&frame::encode(&HubFrame::Error { id: None, error })?).await.map_err(FrameError::Io)
    };
    if let Ok(Err(error)) = tokio::time::timeout(REFUSAL, refusal).await {
        tracing::debug!(%error, "could not say that the hub is busy");
    }
}

impl Pending {
    /// Waits for the client's greeting, at most [`GREETING`]; where no version is in common it is told so.
    ///
    /// # Errors
    /// See [`GreetError`].
    pub async fn greet(mut self) -> Result<Greeted, GreetError> {
        let body =
            tokio::time::timeout(GREETING, frame::read(&mut self.half)).await.map_err(|_| GreetError::Silent)??;
        let hello: Hello = frame::decode(&body.ok_or(GreetError::Left)?)?;
        match common_version(&self.ours, &hello) {
            Ok(version) => {
                debug_assert!((PROTOCOL_MIN..=PROTOCOL_MAX).contains(&version));
                let Self { half, ours, seat, pid } = self;
                Ok(Greeted { hello, version, pid, half, ours, seat })
            }
            Err(error) => {
                let bytes = frame::encode(&HubFrame::Error { id: None, error: error.clone() })?;
                let _ = tokio::time::timeout(REFUSAL, self.half.write_all(&bytes)).await;
                Err(GreetError::Version(error))
            }
        }
    }
}

impl Greeted {
    /// Greets back and opens the connection. `durable`: the producer's highest durable number, where it is one.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn welcome(mut self, durable: Option<u64>) -> Result<(Reader, Writer), FrameError> {
        self.ours.durable = durable;
        let bytes = frame::encode(&self.ours)?;
        tokio::time::timeout(GREETING, self.half.write_all(&bytes))
            .await
            .map_err(|_| FrameError::Io(io::ErrorKind::TimedOut.into()))??;
        let (gone, is_gone) = watch::channel(());
        let (queue, waiting) = mpsc::unbounded_channel();
        let (room, patient) = (Arc::new(Semaphore::new(QUEUE_BYTES)), Arc::new(Semaphore::new(QUEUE_BYTES)));
        tokio::spawn(write(self.half.clone(), waiting, gone));
        let reader = Reader { stream: BufReader::new(self.half), bytes: 0, is_gone, _seat: self.seat };
        Ok((reader, Writer { queue, room, patient }))
    }

    /// Says why not, and closes.
    pub async fn refuse(mut self, error: HubError) {
        if let Ok(bytes) = frame::encode(&HubFrame::Error { id: None, error }) {
            let _ = tokio::time::timeout(REFUSAL, self.half.write_all(&bytes)).await;
        }
    }
}

/// What the client sends. Dropping it frees the connection's seat.
#[derive(Debug)]
pub struct Reader {
    stream: BufReader<Half>,
    bytes: usize,
    is_gone: watch::Receiver<()>,
    _seat: OwnedSemaphorePermit,
}

impl Reader {
    /// The next call; `None` when the client has gone or was cut off. Not safe to cancel.
    ///
    /// # Errors
    /// What came can't be read: drop the connection.
    pub async fn next(&mut self) -> Result<Option<Incoming>, FrameError> {
        let body = tokio::select! {
            body = frame::read_whole(&mut self.stream) => body?,
            // Only ever an error: the writing task has ended.
            _ = self.is_gone.changed() => None,
        };
        let Some(body) = body else { return Ok(None) };
        self.bytes = body.len();
        frame::decode_incoming(&body).map(Some)
    }

    /// Bytes of the frame that was read last.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What goes to the client, in order, by way of a bounded queue. The connection closes once the queue is written and
/// reader and all clones of this are gone.
#[derive(Debug, Clone)]
pub struct Writer {
    queue: mpsc::UnboundedSender<Item>,
    /// For those who do not wait.
    room: Arc<Semaphore>,
    /// For those who wait: a waiting acquirer takes what is free bit by bit, so others would find nothing.
    patient: Arc<Semaphore>,
}

/// What waits to be written.
#[derive(Debug)]
enum Item {
    Frame(Vec<u8>, OwnedSemaphorePermit),
    /// Told when everything before it is written.
    Mark(oneshot::Sender<()>),
}

impl Writer {
    /// Queues a frame, waiting for room among all frames whose senders wait: those of [`Writer::try_send`] have room of
    /// their own.
    ///
    /// # Errors
    /// [`SendError::Closed`] and [`SendError::Frame`].
    pub async fn send(&self, frame: &HubFrame) -> Result<(), SendError> {
        let bytes = frame::encode(frame)?;
        let room = Arc::clone(&self.patient).acquire_many_owned(permits(&bytes));
        tokio::select! {
            room = room => {
                let room = room.map_err(|_| SendError::Closed)?;
                self.queue.send(Item::Frame(bytes, room)).map_err(|_| SendError::Closed)
            }
            () = self.queue.closed() => Err(SendError::Closed),
        }
    }

    /// Queues a frame if there is room at once.
    ///
    /// # Errors
    /// [`SendError::Full`] too.
    pub fn try_send(&self, frame: &HubFrame) -> Result<(), SendError> {
        if self.queue.is_closed() {
            return Err(SendError::Closed);
        }
        let bytes = frame::encode(frame)?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(permits(&bytes)).map_err(|_| SendError::Full)?;
        self.queue.send(Item::Frame(bytes, room)).map_err(|_| SendError::Closed)
    }

    /// Waits until everything queued before was written, or the connection is gone. Takes no room meanwhile.
    pub async fn drained(&self) {
        let (written, is_written) = oneshot::channel();
        if self.queue.send(Item::Mark(written)).is_ok() {
            // The writing task drops the mark where the connection is gone.
            let _ = is_written.await;
        }
    }

    /// Whether the connection is gone.
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }
}

fn permits(bytes: &[u8]) -> u32 {
    // A frame is at most FRAME_BYTES and 4, well below both bounds.
    bytes.len().min(QUEUE_BYTES) as u32
}

/// Writes what is queued until all writers are gone, the client is, or it stalls. `_gone` closes with this task.
async fn write(mut half: Half, mut waiting: mpsc::UnboundedReceiver<Item>, _gone: watch::Sender<()>) {
    while let Some(first) = waiting.recv().await {
        let (mut bytes, mut rooms, mut marks) = (Vec::new(), Vec::new(), Vec::new());
        let mut next = Some(first);
        while let Some(item) = next {
            match item {
                Item::Frame(more, room) => {
                    bytes.extend_from_slice(&more);
                    rooms.push(room);
                }
                Item::Mark(written) => marks.push(written),
            }
            next = if bytes.len() < WRITE_BYTES { waiting.try_recv().ok() } else { None };
        }
        match tokio::time::timeout(STALL, half.write_all(&bytes)).await {
            Ok(Ok(())) => {
                for written in marks {
                    let _ = written.send(());
                }
            }
            Ok(Err(error)) => return tracing::debug!(%error, "a client left"),
            Err(_) => return tracing::warn!("a client stopped reading and was cut off"),
        }
    }
}
