//! The hub's connections: greets, passes calls to the core, answers reads of the log, sends what is due.
//!
//! Each connection has a task of its own; the core and the writer have a thread each. Nothing here waits for a client:
//! a reply that does not fit the client's queue ends that client's connection, and a tail reads the log at its
//! reader's pace, so a slow reader is only late. Absent on purpose: any knowledge of what facts mean.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use codi2_ipc::frame::Incoming;
use codi2_ipc::{Listener, Reader, SendError, Writer as Client};
use codi2_protocol::{
    Call, ErrorCode, Filter, HubError, HubFrame, HubStatus, Notice, ProducerId, Reply, Stamp, StampedEvent, limits,
};
use codi2_store::{Store, StoreError};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::core::{ConnectionId, Input, Ticket};
use crate::engine::{Engine, Output};

/// Reports of one connection that wait for the core, at most: beyond, the socket is the back-pressure.
const WAITING_REPORTS: usize = 16;
/// Bytes of events in one frame of a tail or a page, at most.
const PAGE_BYTES: usize = limits::FRAME_BYTES / 2;

/// What all connections share.
pub struct Shared {
    /// The log.
    pub store: Arc<Store>,
    /// The core, the watches and the writer.
    pub engine: Engine,
    /// Wakes tails.
    pub durable: watch::Sender<u64>,
    /// What the server itself says in a status.
    pub about: HubStatus,
    /// Asks the server to end.
    pub stop: mpsc::Sender<Stop>,
    next: AtomicU64,
}

/// Somebody wants the hub to end.
pub struct Stop {
    /// Why, in words.
    pub reason: String,
    /// Told when everything is durable.
    pub done: Option<oneshot::Sender<()>>,
}

impl Shared {
    /// What all connections of one hub share.
    pub fn new(store: Arc<Store>, engine: Engine, about: HubStatus, stop: mpsc::Sender<Stop>) -> Self {
        Self { store, engine, durable: watch::Sender::new(0), about, stop, next: AtomicU64::new(1) }
    }
}

/// The clients connected, by the numbers that tickets name.
#[derive(Default)]
pub struct Clients {
    writers: HashMap<ConnectionId, Client>,
    producers: HashMap<ProducerId, ConnectionId>,
}

/// News of a connection for the server's loop.
pub enum Arrival {
    /// It greeted.
    Joined(ConnectionId, Option<ProducerId>, Client),
    /// It ended.
    Left(ConnectionId),
}

impl Clients {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.writers.len()
    }

    /// Takes note of a connection that came or went.
    pub fn note(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Joined(id, producer, writer) => {
                self.writers.insert(id, writer);
                if let Some(producer) = producer {
                    self.producers.insert(producer, id);
                }
            }
            Arrival::Left(id) => {
                self.writers.remove(&id);
                self.producers.retain(|_, connection| *connection != id);
            }
        }
    }

    /// Takes note of all connections that came or went; whether there was any.
    pub fn note_all(&mut self, arrivals: &mut mpsc::UnboundedReceiver<Arrival>) -> bool {
        let waiting = arrivals.len();
        while let Ok(arrival) = arrivals.try_recv() {
            self.note(arrival);
        }
        waiting > 0
    }

    /// Whether this producer is connected.
    pub fn has(&self, producer: ProducerId) -> bool {
        self.producers.contains_key(&producer)
    }

    /// Sends what the core or the writer wants sent.
    pub fn deliver(&mut self, output: Output, shared: &Shared) {
        match output {
            Output::Reply(ticket, answer) => {
                let frame = match answer {
                    Ok(reply) => HubFrame::Reply { id: ticket.id, reply: self.complete(reply, shared) },
                    Err(error) => HubFrame::Error { id: Some(ticket.id), error },
                };
                self.send(ticket.connection, &frame);
            }
            Output::Notify(producer, notice) => {
                if let Some(&connection) = self.producers.get(&producer) {
                    self.send(connection, &HubFrame::Notice(notice));
                }
            }
        }
    }

    /// Tells everybody.
    pub fn tell_all(&mut self, notice: &Notice) {
        let ids: Vec<_> = self.writers.keys().copied().collect();
        for id in ids {
            self.send(id, &HubFrame::Notice(notice.clone()));
        }
    }

    fn complete(&self, reply: Reply, shared: &Shared) -> Reply {
        let Reply::Status(mut status) = reply else { return reply };
        let about = &shared.about;
        status.pid = about.pid;
        status.build.clone_from(&about.build);
        status.started_ms = about.started_ms;
        status.store.clone_from(&about.store);
        status.connections = u32::try_from(self.len()).unwrap_or(u32::MAX);
        match (shared.store.events(), shared.store.bytes()) {
            (Ok(events), Ok(bytes)) => (status.events, status.store_bytes) = (events, bytes),
            (Err(error), _) | (_, Err(error)) => status.problems.push(error.to_string()),
        }
        status.problems.extend(shared.engine.problems());
        for watch in &status.watches {
            if matches!(watch.state, codi2_protocol::WatchState::Degraded | codi2_protocol::WatchState::Stopped) {
                status.problems.push(format!("{}: {}", watch.root, watch.detail));
            }
        }
        Reply::Status(status)
    }

    fn send(&mut self, connection: ConnectionId, frame: &HubFrame) {
        let Some(writer) = self.writers.get(&connection) else { return };
        match writer.try_send(frame) {
            Ok(()) => {}
            Err(SendError::Frame(error)) => {
                let id = if let HubFrame::Reply { id, .. } = frame { Some(*id) } else { None };
                let message = format!("the answer does not fit into a frame: {error}");
                let error = HubError { code: ErrorCode::TooLarge, message };
                // The one above was too large, this one is small: it fails only with the connection.
                let _ = writer.try_send(&HubFrame::Error { id, error });
            }
            Err(error @ (SendError::Full | SendError::Closed)) => {
                tracing::debug!(%error, connection, "a client is cut off");
                self.note(Arrival::Left(connection));
            }
        }
    }
}

/// Accepts and serves until the listener breaks.
pub async fn accept_all(
    listener: Listener,
    shared: Arc<Shared>,
    arrivals: mpsc::UnboundedSender<Arrival>,
) -> std::io::Error {
    loop {
        let pending = match listener.accept().await {
            Ok(pending) => pending,
            Err(error) => return error,
        };
        let (shared, arrivals) = (Arc::clone(&shared), arrivals.clone());
        tokio::spawn(async move {
            let greeted = match pending.greet().await {
                Ok(greeted) => greeted,
                Err(error) => return tracing::debug!(%error, "a connection came to nothing"),
            };
            let producer = greeted.hello.producer;
            let durable = match producer {
                None => None,
                Some(producer) => match read(&shared, move |store| store.producer(producer)).await {
                    Ok(durable) => Some(durable),
                    Err(error) => return greeted.refuse(error).await,
                },
            };
            let Ok((reader, writer)) = greeted.welcome(durable).await else { return };
            let id = shared.next.fetch_add(1, Ordering::Relaxed);
            // Told before anything of it can be answered.
            let _ = arrivals.send(Arrival::Joined(id, producer, writer.clone()));
            if let Some(producer) = producer {
                shared.engine.tell(Input::Joined(id, producer), None);
            }
            serve(id, reader, &writer, &shared).await;
            shared.engine.tell(Input::Left(id), None);
            let _ = arrivals.send(Arrival::Left(id));
        });
    }
}

async fn serve(connection: ConnectionId, mut reader: Reader, writer: &Client, shared: &Arc<Shared>) {
    let room = Arc::new(Semaphore::new(WAITING_REPORTS));
    let mut tails = tokio::task::JoinSet::new();
    loop {
        let incoming = match reader.next().await {
            Ok(Some(incoming)) => incoming,
            Ok(None) => break,
            Err(error) => {
                let error = HubError { code: ErrorCode::BadRequest, message: error.to_string() };
                let _ = writer.try_send(&HubFrame::Error { id: None, error });
                writer.drained().await;
                break;
            }
        };
        let (id, code, message) = match incoming {
            Incoming::Call(frame) => {
                let ticket = frame.id.map(|id| Ticket { connection, id });
                match frame.call {
                    Call::Log { filter, cursor, newest_first, limit } => {
                        let answer = log(shared, filter, cursor, newest_first, limit).await;
                        if answer_with(writer, frame.id, answer).await.is_err() {
                            break;
                        }
                    }
                    Call::Tail { filter, from } => {
                        if answer_with(writer, frame.id, Ok(Reply::Done)).await.is_err() {
                            break;
                        }
                        let from = match from {
                            Some(from) => Some(from),
                            None => match read(shared, |store| store.head()).await {
                                Ok(head) => head,
                                Err(_) => break,
                            },
                        };
                        tails.spawn(tail(Arc::clone(shared), writer.clone(), filter, from));
                    }
                    Call::Stop => {
                        let (done, is_done) = oneshot::channel();
                        let stop = Stop { reason: "it was asked to".into(), done: Some(done) };
                        if shared.stop.send(stop).await.is_ok() {
                            let _ = is_done.await;
                        }
                        let _ = answer_with(writer, frame.id, Ok(Reply::Done)).await;
                        writer.drained().await;
                        break;
                    }
                    call => {
                        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
                        shared.engine.tell(Input::Called(ticket, connection, call), Some(permit));
                    }
                }
                continue;
            }
            Incoming::Unknown { id, method } => (
                id,
                ErrorCode::UnknownMethod,
                format!("this hub has no method {method:?}; a newer one may: restart it"),
            ),
            Incoming::Bad { id, message } => (id, ErrorCode::BadRequest, message),
        };
        if id.is_some() && answer_with(writer, id, Err(HubError { code, message })).await.is_err() {
            break;
        }
    }
}

async fn answer_with(writer: &Client, id: Option<u64>, answer: Result<Reply, HubError>) -> Result<(), SendError> {
    let Some(id) = id else { return Ok(()) };
    writer
        .send(&match answer {
            Ok(reply) => HubFrame::Reply { id, reply },
            Err(error) => HubFrame::Error { id: Some(id), error },
        })
        .await
}

async fn log(
    shared: &Shared,
    filter: Filter,
    cursor: Option<Stamp>,
    newest_first: bool,
    limit: u32,
) -> Result<Reply, HubError> {
    let limit = (limit as usize).clamp(1, limits::PAGE_EVENTS);
    let mut page = read(shared, move |store| store.query(&filter, cursor, newest_first, limit)).await?;
    let fits = fitting(&page.events);
    if fits < page.events.len() {
        page.events.truncate(fits);
        page.next = page.events.last().map(|event| event.stamp);
    }
    Ok(Reply::Events { events: page.events, next: page.next })
}

/// How many of these events fit into a frame, at least one.
fn fitting(events: &[StampedEvent]) -> usize {
    let mut bytes = 0;
    let fits = |event: &&StampedEvent| {
        bytes += serde_json::to_vec(event).map_or(0, |json| json.len());
        bytes <= PAGE_BYTES
    };
    events.iter().take_while(fits).count().max(1).min(events.len())
}

/// Sends what fits the filter as it becomes durable, at the reader's pace.
async fn tail(shared: Arc<Shared>, writer: Client, filter: Filter, mut cursor: Option<Stamp>) {
    let mut durable = shared.durable.subscribe();
    loop {
        durable.mark_unchanged();
        let Ok(page) = read(&shared, move |store| store.tail_after(cursor, limits::PAGE_EVENTS)).await else { return };
        let Some(last) = page.last() else {
            if durable.changed().await.is_err() {
                return;
            }
            continue;
        };
        cursor = Some(last.stamp);
        let wanted: Vec<StampedEvent> = page.into_iter().filter(|event| filter.accepts(&event.event)).collect();
        let mut rest = wanted.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(fitting(rest));
            if writer.send(&HubFrame::Notice(Notice::Events { events: now.to_vec() })).await.is_err() {
                return;
            }
            rest = later;
        }
    }
}

/// Reads the store on a thread that may block.
async fn read<T: Send + 'static>(
    shared: &Shared,
    body: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, HubError> {
    let store = Arc::clone(&shared.store);
    let result = tokio::task::spawn_blocking(move || body(&store)).await;
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(HubError { code: ErrorCode::Store, message: error.to_string() }),
        Err(error) => Err(HubError { code: ErrorCode::Store, message: format!("reading the store failed: {error}") }),
    }
}
