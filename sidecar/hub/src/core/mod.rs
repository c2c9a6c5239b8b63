//! The core: one owner of all state, one closed [`Input`], one [`Core::on`]. Facts in, effects out.
//!
//! Invariants. Whoever calls `on` does so from one place, in order. The order of [`Effect::Commit`] is the order of the
//! log. Nothing is acknowledged here: an entry's notices leave when the entry is durable. Absent on purpose: sockets,
//! threads, clocks (`now` comes in), and writes; what it reads of the world comes through [`Ports`].

mod across;
mod ahead;
mod begun;
mod bounds;
mod branches;
mod buffers;
mod carried;
mod committed;
mod copied;
mod decoded;
mod disk;
mod edited;
mod gone;
mod groups;
mod hooks;
mod judged;
mod kept;
mod late;
mod left;
mod messages;
mod moved;
mod private;
mod query;
mod restored;
mod ruled;
mod said;
mod sessions;
mod stored;
mod texts;
mod watched;
mod worktrees;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use codi2_attribution::{Calls, Moment, OpenBook};
use codi2_protocol::{
    Actor, ActorKind, Body, Call, Digest, ErrorCode, Event, EventBody, EventId, Fact, FileId, GroupId, HostId,
    HubError, Notice, Numbered, ProducerId, Reply, SessionId, WatchState, WorktreeId,
};

use crate::door::Door;
use crate::ledger::Ledger;
use crate::ports::Ports;
use crate::recent::Recent;
use crate::rows::Row;

pub(crate) use branches::not_observed;
pub use committed::{Asked, Related, Told};
pub(crate) use decoded::decode_text;
pub use messages::{ConnectionId, Effect, Entry, Input, Ticket, Why};
pub use worktrees::Worktree;

/// The single owner of what the hub knows.
pub struct Core {
    /// The hub as a producer of events of its own.
    hub: ProducerId,
    /// The machine it runs on.
    host: HostId,
    door: Door,
    ledger: Ledger,
    calls: Calls,
    /// The hooks with which calls began that are open, by the calls' numbers.
    begun: HashMap<u64, EventId>,
    open: OpenBook,
    producers: HashMap<ProducerId, Producer>,
    connections: HashMap<ConnectionId, ProducerId>,
    sessions: BTreeMap<SessionId, sessions::Session>,
    worktrees: BTreeMap<WorktreeId, Worktree>,
    /// Texts that came ahead of their groups, bounded.
    texts: VecDeque<((GroupId, u32), Vec<String>)>,
    /// Whole texts arriving in parts.
    full: HashMap<(SessionId, FileId), (Digest, Vec<String>)>,
    /// Files whose rows could not be read.
    unread: HashSet<FileId>,
    /// What is needed to judge recent disk changes again.
    kept: kept::KeptChanges,
    kept_number: u64,
    /// What is remembered of files in which lines were looked for.
    looked: copied::Looked,
    /// In which turn it is: what it took in one after the other has an order whatever the clock says.
    turn: u64,
    heartbeats_ms: u64,
    effects: Vec<Effect>,
    /// Hook records taken in lately; the store drops older repetitions.
    known_hooks: Recent<EventId, ()>,
    /// What the log said last of a worktree's watch: one that ends and begins again as it was is no news.
    said: Recent<WorktreeId, (WatchState, String)>,
    /// Sessions that ended by silence: their sidecars may only have been stopped for a while.
    silent: Recent<SessionId, codi2_protocol::SessionInfo>,
}

/// A producer as the core follows it.
#[derive(Debug, Default)]
struct Producer {
    /// The highest number taken in.
    seen: u64,
    /// When it was heard last, by the hub's clock (ms).
    heard_ms: u64,
    /// Parts of a group that is not complete, with their numbers.
    parts: Vec<(u64, codi2_protocol::EditGroup)>,
    /// The session of those parts.
    session: Option<SessionId>,
    /// Whether it lost facts on the way.
    gap: bool,
}

/// Hook records, silent sessions and states of watches remembered.
const REMEMBERED: usize = 1_024;

impl Core {
    /// An empty core; `secret` keys the hashes of lines and of what the door redacts.
    pub fn new(hub: ProducerId, host: HostId, secret: [u8; 32]) -> Self {
        Self {
            hub,
            host,
            door: Door::new(&secret),
            ledger: Ledger::new(secret),
            calls: Calls::default(),
            begun: HashMap::new(),
            open: OpenBook::default(),
            producers: HashMap::new(),
            connections: HashMap::new(),
            sessions: BTreeMap::new(),
            worktrees: BTreeMap::new(),
            texts: VecDeque::new(),
            full: HashMap::new(),
            unread: HashSet::new(),
            kept: kept::KeptChanges::default(),
            kept_number: 0,
            looked: copied::Looked::default(),
            turn: 0,
            heartbeats_ms: 0,
            effects: Vec::new(),
            known_hooks: Recent::new(REMEMBERED),
            said: Recent::new(REMEMBERED),
            silent: Recent::new(REMEMBERED),
        }
    }

    /// The machine it runs on.
    pub fn host(&self) -> HostId {
        self.host
    }

    /// Takes one thing that happened at `now` (ms since the Unix epoch) and says what to do about it.
    pub fn on(&mut self, mut input: Input, now: u64, ports: &mut dyn Ports) -> Vec<Effect> {
        self.door.pass(&mut input);
        let (failed, _) = ports.failed_reads();
        let is_call = matches!(input, Input::Called(..));
        match input {
            Input::Begin => self.begin(now, ports),
            Input::CaughtUp => self.caught_up(now, ports),
            Input::Joined(connection, producer, durable) => {
                self.follow(producer, durable);
                self.connections.insert(connection, producer);
                self.joined(producer);
            }
            Input::Left(connection) => self.left(connection, now, ports),
            Input::Called(ticket, connection, call) => self.called(ticket, connection, call, now, ports),
            Input::Drained(producer, durable, facts) => {
                self.follow(producer, durable);
                for fact in facts {
                    self.fact(producer, fact, now, ports);
                }
            }
            Input::Spent(producer) => self.flush_last(producer, now, ports),
            Input::Watched(worktree, event) => self.watched(&worktree, event, now, ports),
            Input::WasEnded => self.begin_again(now),
            Input::Upgraded(events) => self.upgraded_elsewhere(&events),
            Input::Joins(repository, shared) => self.ledger.join(repository, shared),
            Input::Show => self.keep_lives(now, ports.is_shared()),
            Input::Derived(file, digest, owners) => self.derived(&file, digest, owners, ports),
            Input::Tick => self.tick(now, ports),
        }
        let (fails, words) = ports.failed_reads();
        if fails > failed {
            self.say_unread(words, is_call);
        }
        self.sweep();
        std::mem::take(&mut self.effects)
    }

    /// The store could not be read: whoever asked is told so instead of an answer that leaves something out.
    fn say_unread(&mut self, words: String, is_call: bool) {
        for effect in self.effects.iter_mut().filter(|_| is_call) {
            if let Effect::Reply(_, answer) = effect {
                *answer = Err(HubError { code: ErrorCode::Store, message: words.clone() });
            }
        }
        self.effects.push(Effect::Problem(words));
    }

    fn called(
        &mut self,
        ticket: Option<Ticket>,
        connection: ConnectionId,
        call: Call,
        now: u64,
        ports: &mut dyn Ports,
    ) {
        let answer = match call {
            Call::Report { facts } => {
                if let Some(&producer) = self.connections.get(&connection) {
                    for fact in facts {
                        self.fact(producer, fact, now, ports);
                    }
                }
                return;
            }
            Call::Text(text) => return self.text(text, ports),
            Call::Touched(touched) if ports.is_private(&touched.file) => return,
            Call::Touched(touched) => return self.touched(touched),
            Call::Heartbeat(mut heartbeat) => {
                heartbeat.file = heartbeat.file.filter(|file| !ports.is_private(file));
                return self.heartbeat(connection, heartbeat, now, ports);
            }
            Call::Hook(record) => {
                self.hook(None, record, ticket.is_some(), now, ports);
                Ok(Reply::Done)
            }
            Call::Note(record) => {
                self.note(record, now, ports);
                Ok(Reply::Done)
            }
            Call::Watch { path, poll } => match self.watch(ticket, connection, &path, poll, now, ports) {
                Some(answer) => answer,
                None => return,
            },
            Call::Owners { file, digest, buffer } => self.owners(&file, digest, buffer, now, ports),
            Call::Status => Ok(Reply::Status(Box::new(self.status()))),
            Call::Notes { worktree } if self.worktrees.contains_key(&worktree) => {
                self.effects.extend(ticket.map(|ticket| Effect::Look(worktree, Why::Asked(ticket))));
                return;
            }
            Call::Notes { .. } => {
                let message = "that worktree is not watched: watch it first".to_owned();
                Err(HubError { code: ErrorCode::NotFound, message })
            }
            // The server answers these itself.
            Call::Log { .. } | Call::Tail { .. } | Call::Measured(_) | Call::Stats | Call::Stop => return,
        };
        if let Some(ticket) = ticket {
            self.effects.push(Effect::Reply(ticket, answer));
        }
    }

    /// Follows a producer from now on; one that was heard of may be further than the store.
    fn follow(&mut self, producer: ProducerId, durable: u64) {
        self.producers.entry(producer).or_insert_with(|| Producer { seen: durable, ..Producer::default() });
    }

    /// Takes a fact unless it is known.
    fn fact(&mut self, producer: ProducerId, numbered: Numbered, now: u64, ports: &mut dyn Ports) {
        let Some(known) = self.producers.get_mut(&producer) else { return };
        known.heard_ms = now;
        if numbered.seq <= known.seen {
            // A repetition: it may already be durable, so an empty entry makes the writer acknowledge in order.
            if known.parts.is_empty() {
                let seq = known.seen;
                self.acknowledge(Entry::default(), producer, seq);
            }
            return;
        }
        known.seen = numbered.seq;
        let Numbered { seq, occurred_ms, session, fact } = numbered;
        let origin = Origin { producer, seq, occurred_ms, received_ms: now, session };
        if !matches!(fact, Fact::Edits(_)) {
            self.flush_parts(origin, ports);
        }
        let Some(fact) = self.without_private(origin, fact, ports) else { return };
        match fact {
            Fact::Edits(group) => self.edits(origin, group, ports),
            Fact::SessionStarted { info } => self.session_started(origin, info, ports),
            Fact::SessionEnded { reason } => self.session_ended(origin, reason),
            Fact::Opened { file, digest, bytes } => self.opened(origin, file, digest, bytes, ports),
            Fact::Saved { file, digest } => self.saved(origin, file, digest, ports),
            Fact::Closed { file, digest } => self.closed(origin, file, digest),
            Fact::Hook(record) => self.hook(Some(origin), record, false, now, ports),
            Fact::Gap(gap) => {
                if let Some(known) = self.producers.get_mut(&producer) {
                    known.gap = true;
                }
                let event = origin.event(Actor::unknown(), EventBody::Gap(gap));
                self.commit(origin, vec![event], Vec::new());
            }
        }
    }

    /// Commits what a fact led to and acknowledges the fact.
    fn commit(&mut self, origin: Origin, events: Vec<Event>, rows: Vec<Row>) {
        self.acknowledge(Entry { events, rows, ..Entry::default() }, origin.producer, origin.seq);
    }

    fn acknowledge(&mut self, mut entry: Entry, producer: ProducerId, seq: u64) {
        entry.fact = Some((producer, seq));
        entry.then.push((producer, Notice::Durable { seq }));
        self.effects.push(Effect::Commit(entry));
    }

    /// An event of the hub's own.
    fn own_event(&self, now: u64, worktree: Option<WorktreeId>, actor: Actor, body: EventBody) -> Event {
        Event {
            id: EventId::new(),
            producer: self.hub,
            seq: 0,
            occurred_ms: now,
            received_ms: now,
            host: None,
            session: None,
            worktree,
            file: None,
            actor,
            body: Body::Known(body),
        }
    }

    /// This turn, at this time.
    fn moment(&self, ms: u64) -> Moment {
        Moment { ms, turn: self.turn }
    }

    /// The person or agent behind a session, and whether it is known.
    fn actor_of(&self, session: Option<SessionId>) -> Actor {
        let known = session.and_then(|session| self.sessions.get(&session));
        known.map_or_else(|| Actor::named(ActorKind::Unknown, ""), |session| session.info.actor.clone())
    }
}

/// Where a fact comes from.
#[derive(Debug, Clone, Copy)]
struct Origin {
    producer: ProducerId,
    seq: u64,
    occurred_ms: u64,
    received_ms: u64,
    session: Option<SessionId>,
}

impl Origin {
    fn event(&self, actor: Actor, body: EventBody) -> Event {
        Event {
            id: EventId::new(),
            producer: self.producer,
            seq: self.seq,
            occurred_ms: self.occurred_ms,
            received_ms: self.received_ms,
            host: None,
            session: self.session,
            worktree: None,
            file: None,
            actor,
            body: Body::Known(body),
        }
    }

    fn file_event(&self, file: &FileId, actor: Actor, body: EventBody) -> Event {
        Event { worktree: Some(file.worktree.clone()), file: Some(file.path.clone()), ..self.event(actor, body) }
    }
}
