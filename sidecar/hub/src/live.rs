//! The server's loop: everything that clients, core and writer say comes to one queue and is dealt with in order.
//!
//! Nothing here waits for a client, the disk or the core. Absent on purpose: starting (`run`), sockets (`server`).

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use codi2_ipc::{Announcement, HubLock, Listener, Writer, announce};
use codi2_protocol::{Call, ErrorCode, HubError, Notice, Presence, Reply, WatchStatus};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;

use crate::clients::{Clients, Heard};
use crate::core::{Input, Ticket};
use crate::engine::{EngineThread, Output};
use crate::run::{HubFailure, system};
use crate::server::{Shared, accept_all};
use crate::writer::News;

/// How often the core is told that time passed.
const TICK: Duration = Duration::from_secs(1);
/// Whose status is only kept, for whoever asks while the core waits for a store that is away: no connection has this
/// number.
const KEPT: Ticket = Ticket { connection: 0, id: 0 };
/// How often other hubs of the store are shown who is where, at most.
const SHOW: Duration = Duration::from_millis(250);
/// How often spools of dead producers are looked for.
const SPOOLS: Duration = Duration::from_secs(5);
/// How long clients may take to read the last that is said to them.
const GOODBYE: Duration = Duration::from_secs(2);

/// A hub at work.
pub struct Hub<'a> {
    /// End after this long without any client.
    pub idle: Duration,
    /// What its connections share.
    pub shared: Arc<Shared>,
    /// The core's thread.
    pub thread: &'a EngineThread,
    /// All that is said to it.
    pub heard: mpsc::UnboundedReceiver<Heard>,
    /// Who is connected.
    pub clients: Clients,
    /// Who asked the core for what it may have to wait for, and whether it was answered without it.
    pub asked: BTreeMap<Ticket, bool>,
    /// The sessions and watches that the core told of last.
    pub last: (Vec<Presence>, Vec<WatchStatus>),
    /// Held as long as it lives.
    pub lock: &'a HubLock,
}

/// Why a hub ends as it should.
struct Stop {
    reason: &'static str,
    /// Who is to be answered.
    ticket: Option<Ticket>,
}

impl Hub<'_> {
    /// Serves until somebody stops it, nobody needs it, or it fails; then says goodbye.
    ///
    /// # Errors
    /// Why it failed; its clients were told.
    pub async fn live(mut self, listener: Listener) -> Result<(), HubFailure> {
        // What the dead left is judged before anything new is.
        self.shared.engine.begin();
        let mut door = Door::open(listener, &self.shared);
        let mut stops = Vec::new();
        let outcome = match self.serve(&mut door).await {
            Ok(stop) => {
                tracing::info!(reason = stop.reason, "the hub ends");
                stops.extend(stop.ticket);
                self.shared.ending.store(true, Ordering::Relaxed);
                self.shared.store.end_waits();
                drop(door);
                self.settle(&mut stops).await.map(|()| stop.reason)
            }
            Err(failure) => {
                self.shared.ending.store(true, Ordering::Relaxed);
                self.shared.store.end_waits();
                drop(door);
                Err(failure)
            }
        };
        self.say_goodbye(&outcome, stops).await;
        outcome.map(drop)
    }

    async fn serve(&mut self, door: &mut Door) -> Result<Stop, HubFailure> {
        announce(&Announcement::Ready).map_err(system("cannot tell the starter"))?;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let is_shared = self.shared.store.is_shared();
        let mut show = tokio::time::interval(SHOW);
        show.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut spools = tokio::time::interval(SPOOLS);
        spools.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut terminate = signal();
        let mut idle_since = Instant::now();
        loop {
            tokio::select! {
                Some(heard) = self.heard.recv() => {
                    if matches!(heard, Heard::Joined(..) | Heard::Left(_)) {
                        idle_since = Instant::now();
                    }
                    if let Some(stop) = self.take(heard)? {
                        return Ok(stop);
                    }
                }
                error = &mut door.accepting => {
                    let error = error.unwrap_or_else(std::io::Error::other);
                    return Err(HubFailure::System { what: "cannot accept connections", error });
                }
                _ = tick.tick() => {
                    if self.thread.is_finished() {
                        return Err(HubFailure::Core);
                    }
                    if !self.lock.is_in_place() {
                        return Err(self.gone());
                    }
                    door.open_again(self.lock, &self.shared);
                    // Not while the core may wait for the store: it would find all of them waiting.
                    if !self.shared.is_away() {
                        self.shared.engine.tell(Input::Tick, None);
                        if is_shared {
                            self.shared.engine.tell(Input::Called(Some(KEPT), KEPT.connection, Call::Status), None);
                        }
                    }
                    if self.clients.len() > 0 || self.shared.is_arriving() {
                        idle_since = Instant::now();
                    } else if idle_since.elapsed() >= self.idle {
                        return Ok(Stop { reason: "nobody needs it", ticket: None });
                    }
                }
                _ = show.tick(), if is_shared => {
                    if !self.shared.is_away() {
                        self.shared.engine.tell(Input::Show, None);
                    }
                }
                _ = spools.tick() => self.shared.engine.drain(),
                () = &mut terminate => return Ok(Stop { reason: "it was told to end", ticket: None }),
            }
        }
    }

    /// Says how the hub is, with what the core told last.
    fn say_status(&mut self, ticket: Ticket) {
        let mut status = self.shared.about.clone();
        (status.sessions, status.watches) = self.last.clone();
        self.shared.complete(&mut status, self.clients.len());
        self.clients.answer(ticket, Ok(Reply::Status(Box::new(status))));
    }

    fn gone(&self) -> HubFailure {
        HubFailure::Gone { state: self.lock.places().state().to_owned() }
    }

    /// Deals with one thing that was said.
    fn take(&mut self, heard: Heard) -> Result<Option<Stop>, HubFailure> {
        match heard {
            Heard::Joined(id, producer, client) => self.clients.joined(id, producer, client),
            Heard::Left(id) => self.clients.left(id),
            Heard::Stop(ticket) => return Ok(Some(Stop { reason: "it was asked to", ticket })),
            Heard::Asked(ticket) => drop(self.asked.insert(ticket, false)),
            Heard::Late(ticket) => {
                if let Some(answered @ false) = self.asked.get_mut(&ticket) {
                    *answered = true;
                    self.say_status(ticket);
                }
            }
            Heard::Unanswered(ticket) => {
                if let (Some(message), Some(answered @ false)) = (self.shared.away(), self.asked.get_mut(&ticket)) {
                    *answered = true;
                    self.clients.answer(ticket, Err(HubError { code: ErrorCode::Store, message }));
                }
            }
            Heard::Status(ticket) => self.say_status(ticket),
            Heard::Output(Output::Reply(ticket, mut answer)) => {
                if let Ok(Reply::Status(status)) = &mut answer {
                    self.last = (status.sessions.clone(), status.watches.clone());
                    if ticket == KEPT {
                        return Ok(None);
                    }
                    self.shared.complete(status, self.clients.len());
                }
                // Too late, where it was answered without the core.
                if self.asked.remove(&ticket) != Some(true) {
                    self.clients.answer(ticket, answer);
                }
            }
            Heard::Output(Output::Notify(producer, notice)) => self.clients.notify(producer, notice),
            Heard::News(News::Durable(due)) => {
                for (producer, notice) in due {
                    self.clients.notify(producer, notice);
                }
                self.shared.durable.send_modify(|count| *count += 1);
            }
            Heard::News(News::Waiting(why)) => {
                *self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner) = why;
            }
            Heard::News(News::Failed(error)) => {
                return Err(HubFailure::Write { place: self.shared.store.place().to_owned(), error });
            }
            Heard::News(News::Gone) => return Err(self.gone()),
            Heard::News(News::Panicked) => return Err(HubFailure::Writer),
            Heard::News(News::Refused(problem)) => {
                self.shared.engine.measures().refused.add(1);
                self.shared.engine.note_problem(problem);
            }
        }
        Ok(None)
    }

    /// Makes everything told so far durable and passes on what that brings.
    async fn settle(&mut self, stops: &mut Vec<Ticket>) -> Result<(), HubFailure> {
        let (tell, mut told) = oneshot::channel();
        self.shared.engine.barrier(move || tell.send(()).unwrap_or_default());
        let durable = loop {
            tokio::select! {
                Some(heard) = self.heard.recv() => stops.extend(self.take(heard)?.and_then(|stop| stop.ticket)),
                durable = &mut told => break durable,
            }
        };
        // Said before the barrier was called, or instead of calling it.
        while let Ok(heard) = self.heard.try_recv() {
            stops.extend(self.take(heard)?.and_then(|stop| stop.ticket));
        }
        // The writer says why it ends, and the core why it writes no more; of its own end it can't.
        durable.map_err(|_| self.shared.engine.given_up().map_or(HubFailure::Core, HubFailure::from))
    }

    /// Answers who asked for the end, tells everybody else, and lets them read it.
    async fn say_goodbye(&mut self, outcome: &Result<&'static str, HubFailure>, mut stops: Vec<Ticket>) {
        // Whoever greeted meanwhile is told too.
        while let Ok(heard) = self.heard.try_recv() {
            match heard {
                Heard::Joined(id, producer, client) => self.clients.joined(id, producer, client),
                Heard::Left(id) => self.clients.left(id),
                Heard::Stop(ticket) => stops.extend(ticket),
                Heard::Status(_) | Heard::Asked(_) | Heard::Late(_) | Heard::Unanswered(_) => {}
                Heard::Output(_) | Heard::News(_) => {}
            }
        }
        for ticket in stops {
            let answer = match outcome {
                Ok(_) => Ok(Reply::Done),
                Err(failure) => Err(HubError { code: ErrorCode::Store, message: failure.to_string() }),
            };
            self.clients.answer(ticket, answer);
        }
        let reason = outcome.as_ref().map_or_else(ToString::to_string, |reason| (*reason).to_owned());
        self.clients.tell_all(&Notice::Ending { reason });
        let mut reading: JoinSet<()> = JoinSet::new();
        for writer in self.clients.writers() {
            reading.spawn(drained(writer));
        }
        let _ = tokio::time::timeout(GOODBYE, reading.join_all()).await;
    }
}

/// Where clients come in. Closed when dropped.
struct Door {
    listener: Arc<Listener>,
    accepting: JoinHandle<std::io::Error>,
}

impl Door {
    fn open(listener: Listener, shared: &Arc<Shared>) -> Self {
        let listener = Arc::new(listener);
        let accepting = tokio::spawn(accept_all(Arc::clone(&listener), Arc::clone(shared)));
        Self { listener, accepting }
    }

    /// Binds the socket again where somebody removed it (a cleaner of temporary folders does); until that works it is
    /// tried with every tick.
    fn open_again(&mut self, lock: &HubLock, shared: &Arc<Shared>) {
        if self.listener.is_in_place(lock) {
            return;
        }
        match self.listener.rebind(lock) {
            Ok(listener) => {
                tracing::warn!(socket = %listener.info().socket.display(), "the socket was gone: bound again");
                *self = Self::open(listener, shared);
            }
            Err(error) => shared.engine.note_problem(format!("the socket is gone and cannot be bound again: {error}")),
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn drained(writer: Writer) {
    writer.drained().await;
}

/// The wish of the system that the hub ends.
fn signal() -> std::pin::Pin<Box<dyn Future<Output = ()>>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut terminate), Ok(mut interrupt)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        {
            return Box::pin(async move {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            });
        }
    }
    Box::pin(std::future::pending())
}
