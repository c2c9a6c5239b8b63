//! The hub's connections: greets, passes calls to the core, answers reads of the log.
//!
//! Each connection has a task of its own; the core and the writer have a thread each. Nothing here waits for another
//! client: what is read for one is sent at its pace, what the core sends goes through the server's loop (`clients`).
//! Absent on purpose: any knowledge of what facts mean.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use codi2_ipc::frame::Incoming;
use codi2_ipc::{Listener, Pending, Places, Reader, SendError, Shortage, Writer};
use codi2_protocol::{Call, ErrorCode, HubError, HubFrame, HubStatus, ProcessStats, Reply, limits};
use codi2_store::Store;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::clients::{Client, Heard, too_large};
use crate::core::{ConnectionId, Input, Ticket};
use crate::engine::Engine;
use crate::peering::{Board, View};
use crate::reads;
use crate::run::{Options, Remarks};

/// Calls of one connection that wait for the core, at most: beyond, the socket is the back-pressure.
const WAITING_CALLS: usize = 16;
/// Bytes of frames whose calls wait for the core, of all connections together, at most; then whoever comes next waits in
/// the order of coming, with one frame.
const WAITING_BYTES: usize = 16 << 20;
/// How long a status waits for the core, where that may wait for a store that is away.
const STATUS: Duration = Duration::from_secs(1);
/// How long a question that may need a store that is away is left open: longer than it takes to know that it is.
const QUESTION: Duration = Duration::from_secs(8);
/// Tails of one connection, at most.
const TAILS: usize = 16;
/// Numbers that one process may tell of itself, of each sort.
const NUMBERS: usize = 64;
/// Longest name of one, in bytes.
const NAME_BYTES: usize = 64;
/// Tails of all connections together, at most: each may hold a page.
const ALL_TAILS: usize = 64;

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
    /// Whether newcomers are sent away: the hub ends.
    pub ending: Arc<AtomicBool>,
    /// Why nothing can be stored now, in words.
    pub waiting: Mutex<Option<String>>,
    /// Why nobody can be accepted now.
    pub shortage: Shortage,
    /// What is known of the other hubs, where the store is shared.
    pub board: Option<Arc<Board>>,
    /// Held by every connection that is accepted and not yet in the loop's table.
    pub arriving: Arc<()>,
    /// What connected processes measured of themselves.
    told: Mutex<BTreeMap<ConnectionId, ProcessStats>>,
    places: Places,
    remarks: Remarks,
    /// Bytes that may still wait for the core.
    room: Arc<Semaphore>,
    /// Tails that may still begin.
    tails: Arc<Semaphore>,
    heard: mpsc::UnboundedSender<Heard>,
    next: AtomicU64,
}

/// What a call that waits for the core takes up, until the core has taken it.
#[derive(Debug)]
pub struct Place {
    _call: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Shared {
    /// What all connections of one hub share.
    pub fn new(
        store: Arc<Store>,
        engine: Engine,
        about: HubStatus,
        options: &Options,
        heard: mpsc::UnboundedSender<Heard>,
        ending: Arc<AtomicBool>,
        shortage: Shortage,
    ) -> Self {
        let (durable, arriving) = (watch::Sender::new(0), Arc::default());
        let (waiting, told, next) = (Mutex::default(), Mutex::default(), AtomicU64::new(1));
        let (places, remarks) = (options.places.clone(), options.remarks.clone());
        let (room, tails) = (Arc::new(Semaphore::new(WAITING_BYTES)), Arc::new(Semaphore::new(ALL_TAILS)));
        Self {
            store,
            engine,
            durable,
            about,
            ending,
            waiting,
            shortage,
            board: None,
            arriving,
            told,
            places,
            remarks,
            room,
            tails,
            heard,
            next,
        }
    }

    /// Why nothing can be stored now, in words.
    pub fn waiting(&self) -> Option<String> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the store cannot be reached: then the core waits for it.
    pub fn is_away(&self) -> bool {
        self.board.as_ref().is_some_and(|board| board.is_away())
    }

    /// Why the store cannot be reached, in words.
    pub fn away(&self) -> Option<String> {
        let reach = self.board.as_ref()?.view().reach?;
        (!reach.ok).then_some(reach.detail)
    }

    /// Tells the server's loop.
    pub fn tell(&self, heard: Heard) {
        // A loop that is gone has ended the hub.
        let _ = self.heard.send(heard);
    }

    /// Whether somebody is accepted and has not joined yet.
    pub fn is_arriving(&self) -> bool {
        Arc::strong_count(&self.arriving) > 1
    }

    fn told(&self) -> std::sync::MutexGuard<'_, BTreeMap<ConnectionId, ProcessStats>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what a process measured, in place of what it told before; too much of it is not kept.
    fn measured(&self, connection: ConnectionId, stats: ProcessStats) {
        let short = |name: &String| name.len() <= NAME_BYTES;
        let fits = short(&stats.part)
            && stats.measured.len() <= NUMBERS
            && stats.counts.len() <= NUMBERS
            && stats.measured.iter().all(|one| short(&one.name) && short(&one.unit))
            && stats.counts.iter().all(|one| short(&one.name));
        if fits {
            self.told().insert(connection, stats);
        }
    }

    /// What this hub and the connected processes measured. Looks into the spool's folder.
    async fn stats(&self) -> Vec<ProcessStats> {
        let places = self.places.clone();
        let spools = tokio::task::spawn_blocking(move || codi2_ipc::spool::waiting(&places).unwrap_or_default()).await;
        let spools = spools.unwrap_or_default();
        let bytes = spools.iter().map(|(_, bytes)| bytes).sum();
        let more =
            [("spool_files", spools.iter().filter(|(_, bytes)| *bytes > 0).count() as u64), ("spool_bytes", bytes)];
        std::iter::once(self.engine.measures().stats(more)).chain(self.told().values().cloned()).collect()
    }

    /// Adds to the core's status what the server knows.
    pub fn complete(&self, status: &mut HubStatus, connections: usize) {
        let about = &self.about;
        status.pid = about.pid;
        status.build.clone_from(&about.build);
        status.started_ms = about.started_ms;
        status.store.clone_from(&about.store);
        status.connections = u32::try_from(connections).unwrap_or(u32::MAX);
        match &self.board {
            Some(board) => among_others(board.view(), status),
            None => match (self.store.events(), self.store.bytes()) {
                (Ok(events), Ok(bytes)) => (status.events, status.store_bytes) = (events, bytes),
                (Err(error), _) | (_, Err(error)) => status.problems.push(error.to_string()),
            },
        }
        for problem in [self.waiting(), self.store.mended(), self.shortage.words()].into_iter().flatten() {
            if !status.problems.contains(&problem) {
                status.problems.push(problem);
            }
        }
        status.problems.extend(self.engine.problems());
        status.problems.extend(self.remarks.now());
        for watch in &status.watches {
            // That a folder is gone is told with its watch.
            if watch.state == codi2_protocol::WatchState::Degraded {
                status.problems.push(format!("{}: {}", watch.root, watch.detail));
            }
        }
    }
}

/// Adds what the last look at a shared store showed: nobody who asks waits for the store.
fn among_others(view: View, status: &mut HubStatus) {
    (status.events, status.store_bytes) = (view.events, view.bytes);
    status.hubs = view.round.hubs;
    status.sessions.extend(view.round.sessions);
    status.problems.extend(view.round.problem);
    if let Some(reach) = view.reach.as_ref().filter(|reach| !reach.ok) {
        status.problems.push(reach.detail.clone());
    }
    status.reach = view.reach;
}

/// Accepts and serves until the listener breaks.
pub async fn accept_all(listener: Arc<Listener>, shared: Arc<Shared>) -> std::io::Error {
    loop {
        match listener.accept().await {
            Ok(pending) => {
                let arriving = Arc::clone(&shared.arriving);
                tokio::spawn(connection(pending, Arc::clone(&shared), arriving));
            }
            Err(error) => return error,
        }
    }
}

async fn connection(pending: Pending, shared: Arc<Shared>, arriving: Arc<()>) {
    let greeted = match pending.greet().await {
        Ok(greeted) => greeted,
        Err(error) => return tracing::debug!(%error, "a connection came to nothing"),
    };
    if shared.ending.load(Ordering::Relaxed) {
        let message = "the hub is ending; connect again, and another one starts".to_owned();
        return greeted.refuse(HubError { code: ErrorCode::Ending, message }).await;
    }
    let producer = greeted.hello.producer;
    let durable = match producer {
        None => None,
        Some(producer) => match reads::read(&shared, move |store| store.producer(producer)).await {
            Ok(durable) => Some(durable),
            Err(error) => return greeted.refuse(error).await,
        },
    };
    let Ok((reader, writer)) = greeted.welcome(durable).await else { return };
    let id = shared.next.fetch_add(1, Ordering::Relaxed);
    let (seat, cut) = oneshot::channel();
    // Told before anything of it can be answered.
    shared.tell(Heard::Joined(id, producer, Client { writer: writer.clone(), seat }));
    drop(arriving);
    if let (Some(producer), Some(durable)) = (producer, durable) {
        shared.engine.tell(Input::Joined(id, producer, durable), None);
    }
    tokio::select! {
        () = serve(id, reader, &writer, &shared) => {}
        // Only ever dropped: the loop has cut it off.
        _ = cut => {}
    }
    shared.told().remove(&id);
    shared.engine.tell(Input::Left(id), None);
    shared.tell(Heard::Left(id));
}

async fn serve(connection: ConnectionId, mut reader: Reader, writer: &Writer, shared: &Arc<Shared>) {
    let calls = Arc::new(Semaphore::new(WAITING_CALLS));
    // Dropped, and ended, with this.
    let mut tails = JoinSet::new();
    loop {
        let incoming = match reader.next().await {
            Ok(Some(incoming)) => incoming,
            Ok(None) => return,
            Err(error) => {
                let error = HubError { code: ErrorCode::BadRequest, message: error.to_string() };
                let _ = writer.try_send(&HubFrame::Error { id: None, error });
                return writer.drained().await;
            }
        };
        let (id, answer) = match incoming {
            Incoming::Call(frame) => {
                let ticket = frame.id.map(|id| Ticket { connection, id });
                match frame.call {
                    Call::Log { filter, cursor, newest_first, limit } => {
                        (frame.id, reads::log(shared, filter, cursor, newest_first, limit).await)
                    }
                    Call::Tail { .. } if tails.len() >= TAILS => {
                        let message = format!("a connection has {TAILS} tails at most; open another one");
                        (frame.id, Err(HubError { code: ErrorCode::TooLarge, message }))
                    }
                    Call::Tail { filter, from } => {
                        let Ok(seat) = Arc::clone(&shared.tails).try_acquire_owned() else {
                            let message = format!("the hub serves {ALL_TAILS} tails at most: end some, or try again");
                            let refused = Err(HubError { code: ErrorCode::Busy, message });
                            if answer_with(writer, frame.id, refused).await.is_err() {
                                return;
                            }
                            continue;
                        };
                        // Before the answer: what happens after it is part of the tail.
                        let from = match from {
                            Some(from) => Ok(Some(from)),
                            None => reads::head(shared).await,
                        };
                        match from {
                            Ok(from) => {
                                if answer_with(writer, frame.id, Ok(Reply::Done)).await.is_err() {
                                    return;
                                }
                                let tail = reads::tail(Arc::clone(shared), connection, writer.clone(), filter, from);
                                tails.spawn(async move {
                                    tail.await;
                                    drop(seat);
                                });
                                continue;
                            }
                            Err(error) => (frame.id, Err(error)),
                        }
                    }
                    // The core may wait for the writer, which waits for room, or for a store that is away.
                    Call::Status if shared.waiting().is_some() || shared.is_away() => {
                        ticket.into_iter().for_each(|ticket| shared.tell(Heard::Status(ticket)));
                        continue;
                    }
                    Call::Measured(stats) => {
                        shared.measured(connection, stats);
                        (frame.id, Ok(Reply::Done))
                    }
                    Call::Stats => (frame.id, Ok(Reply::Stats(shared.stats().await))),
                    Call::Stop => {
                        shared.tell(Heard::Stop(ticket));
                        continue;
                    }
                    Call::Report { facts } if facts.len() > limits::BATCH_FACTS => {
                        let (count, most) = (facts.len(), limits::BATCH_FACTS);
                        let message = format!("a report of {count} facts is over the limit of {most}: send several");
                        let error = HubError { code: ErrorCode::TooLarge, message };
                        // Left out, its facts would be a hole: without a number to answer to, the connection ends.
                        let _ = writer.try_send(&HubFrame::Error { id: frame.id, error });
                        if frame.id.is_none() {
                            return writer.drained().await;
                        }
                        continue;
                    }
                    call => {
                        match (&call, ticket, &shared.board) {
                            (Call::Status, Some(ticket), Some(_)) => {
                                not_for_long(shared, ticket, STATUS, Heard::Late);
                            }
                            (Call::Owners { .. } | Call::Watch { .. }, Some(ticket), Some(_)) => {
                                not_for_long(shared, ticket, QUESTION, Heard::Unanswered);
                            }
                            _ => {}
                        }
                        let bytes = reader.bytes().clamp(1, limits::FRAME_BYTES) as u32;
                        let Ok(bytes) = Arc::clone(&shared.room).acquire_many_owned(bytes).await else { return };
                        let Ok(call_permit) = Arc::clone(&calls).acquire_owned().await else { return };
                        let place = Place { _call: call_permit, _bytes: bytes };
                        shared.engine.tell(Input::Called(ticket, connection, call), Some(place));
                        continue;
                    }
                }
            }
            Incoming::Unknown { id, method } => {
                let message = format!("this hub has no method {method:?}; a newer one may: restart it");
                (id, Err(HubError { code: ErrorCode::UnknownMethod, message }))
            }
            Incoming::Bad { id, message } => (id, Err(HubError { code: ErrorCode::BadRequest, message })),
        };
        if answer_with(writer, id, answer).await.is_err() {
            return;
        }
    }
}

/// Has a call dealt with without the core, where that does not answer soon.
fn not_for_long(shared: &Arc<Shared>, ticket: Ticket, wait: Duration, late: fn(Ticket) -> Heard) {
    // Before the core can answer.
    shared.tell(Heard::Asked(ticket));
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        tokio::time::sleep(wait).await;
        shared.tell(late(ticket));
    });
}

/// Answers what the core is not asked for, at the client's pace; an error where the connection is gone.
async fn answer_with(writer: &Writer, id: Option<u64>, answer: Result<Reply, HubError>) -> Result<(), SendError> {
    let Some(id) = id else { return Ok(()) };
    let frame = match answer {
        Ok(reply) => HubFrame::Reply { id, reply },
        Err(error) => HubFrame::Error { id: Some(id), error },
    };
    match writer.send(&frame).await {
        Err(SendError::Frame(error)) => writer.send(&too_large(id, &error)).await,
        sent => sent,
    }
}
