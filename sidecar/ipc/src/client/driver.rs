//! The client's task: carries out what the outbox says, keeps the connection, answers calls.
//!
//! One loop owns everything. It never waits for the disk (that is the keeper's thread) nor for a full socket (that is
//! the link's writing task, behind a short queue); facts and texts are formed into frames only when that queue has
//! room, so they gather into batches by themselves while the hub is busy.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::time::Duration;

use codi2_protocol::{ClientFrame, Hello, HubFrame, Notice, ProducerId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::calls::Calls;
use super::keeper::{Job, Keeper};
use super::lanes::Lanes;
use super::link::{Link, reach};
use super::unread::wait_for_reader;
use super::{CallError, Command, Flushed, News, Options, Status};
use crate::connect::hello;
use crate::door::Door;
use crate::frame::{self, FromHub};
use crate::lock::now_ms;
use crate::outbox::{Effect, Input, Outbox};
use crate::places::Places;
use crate::start::{ReachError, SpawnSpec};
use crate::stream::Half;

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A connection that lived this long counts as good: the next one is tried at once.
const GOOD: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(500);

/// Everything that can happen to the client's task.
enum Event {
    /// From a handle; none when the last handle is gone.
    Command(Option<Command>),
    /// From the hub; none when it has closed.
    Frame(Option<Result<FromHub, String>>),
    /// Whether the link can take a frame, or is gone.
    Room(bool),
    /// Whether the reader of news has room, or is gone.
    NewsRoom(bool),
    Reached(Result<Result<(Half, Hello), ReachError>, JoinError>),
    Retry,
    SpoolFailed(String),
    Tick,
}

struct Flush {
    upto: u64,
    deadline: Instant,
    done: oneshot::Sender<Flushed>,
}

pub(super) struct Driver {
    places: Places,
    start: Option<SpawnSpec>,
    ours: Hello,
    producer: ProducerId,
    door: Door,
    outbox: Outbox,
    lanes: Lanes,
    keeper: Option<Keeper>,
    link: Option<Link>,
    connecting: Option<JoinHandle<Result<(Half, Hello), ReachError>>>,
    retry_at: Instant,
    pause: Duration,
    calls: Calls,
    flushes: Vec<Flush>,
    news: mpsc::Sender<News>,
    unread: VecDeque<News>,
    status: watch::Sender<Status>,
    unreachable: Option<String>,
    spool_problem: Option<String>,
    problems: (mpsc::UnboundedSender<String>, mpsc::UnboundedReceiver<String>),
}

impl Driver {
    pub(super) fn new(
        producer: ProducerId,
        places: Places,
        start: Option<SpawnSpec>,
        options: Options,
        news: mpsc::Sender<News>,
        status: watch::Sender<Status>,
    ) -> Self {
        Self {
            door: Door::new(&places),
            places,
            start,
            ours: hello(&options.build, &options.capabilities, Some(producer)),
            producer,
            outbox: Outbox::new(options.limits),
            lanes: Lanes::default(),
            keeper: None,
            link: None,
            connecting: None,
            retry_at: Instant::now(),
            pause: FIRST_PAUSE,
            calls: Calls::default(),
            flushes: Vec::new(),
            news,
            unread: VecDeque::new(),
            status,
            unreachable: None,
            spool_problem: None,
            problems: mpsc::unbounded_channel(),
        }
    }

    pub(super) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Command>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if self.link.is_none() && self.connecting.is_none() && Instant::now() >= self.retry_at {
                self.connecting = Some(tokio::spawn(reach(self.places.clone(), self.start.clone(), self.ours.clone())));
            }
            self.show();
            match self.next_event(&mut inbox, &mut tick).await {
                Event::Command(Some(command)) => self.command(command),
                Event::Command(None) => break,
                Event::Frame(frame) => self.frame(frame),
                Event::Room(true) => self.send_next(),
                Event::Room(false) => self.disconnected("the hub closed the connection"),
                Event::Reached(Ok(Ok((half, hub)))) => self.connected(half, hub),
                Event::Reached(Ok(Err(error))) => self.unreachable(error.to_string()),
                Event::Reached(Err(error)) => self.unreachable(format!("connecting broke off: {error}")),
                Event::Retry => {}
                Event::NewsRoom(true) => {
                    if let Some(news) = self.unread.pop_front() {
                        // The room just seen is ours alone.
                        let _ = self.news.try_send(news);
                    }
                }
                Event::NewsRoom(false) => self.unread.clear(),
                Event::SpoolFailed(problem) => {
                    tracing::warn!(problem, "the spool failed");
                    self.spool_problem = Some(problem);
                    self.outbox(Input::SpoolFailed);
                }
                Event::Tick => {
                    self.outbox(Input::Tick);
                    self.calls.forget_given_up();
                }
            }
            self.finish_flushes().await;
        }
        self.outbox(Input::Ending);
        self.synced().await;
    }

    async fn next_event(&mut self, inbox: &mut mpsc::UnboundedReceiver<Command>, tick: &mut Interval) -> Event {
        let (can_read, has_output) = (self.unread.is_empty(), self.has_output());
        let may_retry = self.link.is_none() && self.connecting.is_none();
        let (out, from) = match &mut self.link {
            Some(link) => (Some(&link.out), Some(&mut link.from)),
            None => (None, None),
        };
        tokio::select! {
            command = inbox.recv() => Event::Command(command),
            frame = maybe(from.map(mpsc::Receiver::recv)), if can_read => Event::Frame(frame),
            // The permit goes back at once: nobody else sends on these two queues.
            room = maybe(out.map(mpsc::Sender::reserve)), if has_output => Event::Room(room.is_ok()),
            room = self.news.reserve(), if !can_read => Event::NewsRoom(room.is_ok()),
            reached = maybe(self.connecting.as_mut()) => {
                self.connecting = None;
                Event::Reached(reached)
            }
            () = tokio::time::sleep_until(self.retry_at), if may_retry => Event::Retry,
            Some(problem) = self.problems.1.recv() => Event::SpoolFailed(problem),
            _ = tick.tick() => Event::Tick,
        }
    }

    /// Whether a frame could be formed now.
    fn has_output(&self) -> bool {
        !self.lanes.is_empty() || self.outbox.has_unsent() || self.calls.is_next(self.outbox.sent())
    }

    fn command(&mut self, mut command: Command) {
        let is_away = self.link.is_none();
        match &mut command {
            Command::Report { fact, .. } => self.door.pass(fact),
            Command::Text(text) => self.door.pass(text),
            Command::Touched(touched) => self.door.pass(touched),
            Command::Heartbeat(heartbeat) => self.door.pass(heartbeat),
            Command::Call { call, .. } => self.door.pass(call),
            Command::Measured(_) | Command::Flush { .. } => {}
        }
        match command {
            Command::Report { session, occurred_ms, fact } => self.outbox(Input::Fact { session, occurred_ms, fact }),
            Command::Text(_) if is_away => self.lanes.drop_text(),
            Command::Touched(_) | Command::Heartbeat(_) | Command::Measured(_) if is_away => {}
            Command::Text(text) => self.lanes.text(text),
            Command::Touched(touched) => self.lanes.touched(touched),
            Command::Heartbeat(heartbeat) => self.lanes.heartbeat(heartbeat),
            Command::Measured(stats) => self.lanes.measured(stats),
            Command::Call { call, answer } => self.calls.push(self.outbox.newest(), call, answer),
            Command::Flush { within, done } => {
                let upto = self.outbox.newest();
                self.flushes.push(Flush { upto, deadline: Instant::now() + within, done });
            }
        }
    }

    /// Gives the outbox an input and carries out the effects.
    fn outbox(&mut self, input: Input) {
        for effect in self.outbox.on(input, now_ms()) {
            match effect {
                Effect::Send(facts) => self.send(frame::report(&facts)),
                Effect::Append(facts) => self.keep(Job::Append(facts)),
                Effect::Rewrite(facts) => {
                    self.spool_problem = None;
                    self.keep(Job::Rewrite(facts));
                }
                Effect::Clear => {
                    self.spool_problem = None;
                    self.keep(Job::Clear);
                }
                Effect::Lost(gap) => self.tell(News::Lost(gap)),
            }
        }
    }

    fn keep(&mut self, job: Job) {
        let keeper = match self.keeper.take() {
            Some(keeper) => Ok(keeper),
            None => Keeper::start(self.places.clone(), self.producer, self.problems.0.clone()),
        };
        match keeper {
            Ok(keeper) => {
                if !self.keeper.insert(keeper).give(job) {
                    let folder = self.places.spool();
                    let problem = format!("can't spool to {}: its disk does not answer", folder.display());
                    let _ = self.problems.0.send(problem);
                }
            }
            Err(error) => {
                let _ = self.problems.0.send(format!("can't start the spool's thread: {error}"));
            }
        }
    }

    /// Forms the next frame; there is room for it.
    fn send_next(&mut self) {
        if let Some(call) = self.lanes.next() {
            let frame = frame::encode(&ClientFrame { id: None, call });
            return self.send(frame);
        }
        if self.calls.is_next(self.outbox.sent()) {
            if let Some(frame) = self.calls.next() {
                self.send(Ok(frame));
            }
            return;
        }
        self.outbox(Input::Writable);
    }

    fn send(&mut self, frame: Result<Vec<u8>, frame::FrameError>) {
        let Some(link) = &self.link else { return };
        match frame {
            Ok(bytes) => {
                if let Err(error) = link.out.try_send(bytes) {
                    self.disconnected(&format!("the connection broke: {error}"));
                }
            }
            // A text over the frame's limit: the hub asks for what it lacks.
            Err(error) => tracing::warn!(%error, "not sent"),
        }
    }

    fn frame(&mut self, frame: Option<Result<FromHub, String>>) {
        let frame = match frame {
            None => return self.disconnected("the hub closed the connection"),
            Some(Err(reason)) => return self.disconnected(&reason),
            Some(Ok(FromHub::Unknown)) => return,
            Some(Ok(FromHub::UnknownReply { id })) => return self.calls.answered(id, Err(CallError::NotUnderstood)),
            Some(Ok(FromHub::Frame(frame))) => frame,
        };
        match frame {
            HubFrame::Reply { id, reply } => self.calls.answered(id, Ok(reply)),
            HubFrame::Error { id: Some(id), error } => self.calls.answered(id, Err(CallError::Hub(error))),
            HubFrame::Error { id: None, error } => self.disconnected(&error.message),
            HubFrame::Notice(Notice::Durable { seq }) => self.outbox(Input::Durable { seq }),
            HubFrame::Notice(notice) => self.tell(News::Notice(notice)),
        }
    }

    fn connected(&mut self, half: Half, hub: Hello) {
        self.link = Some(Link::open(half));
        self.unreachable = None;
        // A hub that does not say how far it is with this producer has nothing of it.
        self.outbox(Input::Connected { durable: hub.durable.unwrap_or(0) });
        self.tell(News::Connected { hub });
    }

    fn disconnected(&mut self, reason: &str) {
        let Some(link) = self.link.take() else { return };
        if link.since.elapsed() >= GOOD {
            self.pause = FIRST_PAUSE;
        }
        drop(link);
        self.retry_at = Instant::now() + self.next_pause();
        self.lanes.clear();
        self.calls.lost(reason);
        self.unreachable = Some(reason.to_owned());
        self.outbox(Input::Disconnected);
        self.tell(News::Disconnected { reason: reason.to_owned() });
    }

    fn unreachable(&mut self, reason: String) {
        self.retry_at = Instant::now() + self.next_pause();
        if self.unreachable.as_ref() != Some(&reason) {
            tracing::info!(reason, "the hub can't be reached");
            self.unreachable = Some(reason.clone());
            self.tell(News::Unreachable { reason });
        }
    }

    fn next_pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        pause
    }

    fn tell(&mut self, news: News) {
        if !self.unread.is_empty() {
            return wait_for_reader(&mut self.unread, news);
        }
        match self.news.try_send(news) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(news)) => wait_for_reader(&mut self.unread, news),
        }
    }

    fn show(&self) {
        let now = Status {
            connected: self.link.is_some(),
            pending: self.outbox.pending(),
            durable: self.outbox.durable(),
            spool_bytes: self.keeper.as_ref().map_or(0, Keeper::bytes),
            dropped_texts: self.lanes.dropped_texts(),
            // A hub away is bad; that nothing can be kept for it on disk is worse.
            problem: self.spool_problem.clone().or_else(|| self.unreachable.clone()),
        };
        self.status.send_if_modified(|shown| {
            let changed = *shown != now;
            *shown = now;
            changed
        });
    }

    async fn finish_flushes(&mut self) {
        let (durable, is_away) = (self.outbox.durable(), self.link.is_none());
        let now = Instant::now();
        let mut rest = Vec::new();
        for flush in std::mem::take(&mut self.flushes) {
            if durable >= flush.upto {
                let _ = flush.done.send(Flushed::Durable);
            } else if is_away || now >= flush.deadline {
                self.outbox(Input::Ending);
                let (facts, is_kept) = (self.outbox.pending(), self.synced().await);
                let _ = flush.done.send(if is_kept { Flushed::Spooled { facts } } else { Flushed::Failed { facts } });
            } else {
                rest.push(flush);
            }
        }
        self.flushes = rest;
    }

    /// Brings the spool to the disk: the only place where this loop waits for it.
    async fn synced(&mut self) -> bool {
        let Some(keeper) = &mut self.keeper else { return self.outbox.is_spooled() };
        let (tell, told) = oneshot::channel();
        keeper.give(Job::Sync(tell)) && told.await.unwrap_or(false) && self.outbox.is_spooled()
    }
}

/// The future, or none that ever ends.
async fn maybe<F: Future>(future: Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}
