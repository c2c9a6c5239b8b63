//! Sessions and their signs of life: who is at work, and who is not any more.
//!
//! Absent on purpose: what is watched for them (`worktrees`), and what they write.

use std::collections::BTreeSet;
use std::path::Path;

use codi2_protocol::{
    Actor, EventBody, EventId, Heartbeat, Notice, Owner, Presence, ProducerId, SessionId, SessionInfo, Touched,
    WorktreeId,
};

use super::{ConnectionId, Core, Effect, Entry, Origin};
use crate::ledger::Drift;
use crate::ports::Ports;
use crate::rows::{Life, Row};

/// A session that has not shown a sign of life for this long has ended, in ms: six heartbeats.
const SESSION_SILENCE_MS: u64 = 30_000;
/// How often heartbeats are written, in ms.
const HEARTBEAT_MS: u64 = 5_000;
/// A producer that is not connected and has not been heard for this long is forgotten, in ms.
const FORGOTTEN_MS: u64 = 600_000;
/// A session at work.
#[derive(Debug)]
pub(super) struct Session {
    pub info: SessionInfo,
    /// Who reports for it; none for one that only the store has told of yet.
    pub producer: Option<ProducerId>,
    pub heartbeat: Option<Heartbeat>,
    pub touched: Option<Touched>,
    /// Last sign of life by the hub's clock.
    pub seen_ms: u64,
    /// Whether its sidecar is connected: then it is alive, however quiet.
    pub connected: bool,
    /// Whether a heartbeat came since the last were written.
    pub beat: bool,
    /// Whether it touched another place since then.
    pub moved: bool,
}

impl Core {
    pub(super) fn session_started(&mut self, origin: Origin, mut info: SessionInfo, ports: &mut dyn Ports) {
        // Known already: it only tells more of itself.
        let first = !self.sessions.contains_key(&info.session);
        info.host.get_or_insert(self.host);
        let connected = self.is_connected(origin.producer);
        if first {
            self.room_for_session(origin.received_ms);
        }
        let worktree = info.root.as_deref().and_then(|root| self.ensure_watched(Path::new(root), false, ports).ok());
        if info.worktree.is_none() {
            info.worktree.clone_from(&worktree);
        }
        let session = self.sessions.entry(info.session).or_insert_with(|| Session {
            info: info.clone(),
            producer: None,
            heartbeat: None,
            touched: None,
            seen_ms: origin.received_ms,
            connected,
            beat: false,
            moved: false,
        });
        (session.producer, session.connected) = (Some(origin.producer), connected);
        session.info = info.clone();
        session.seen_ms = origin.received_ms;
        let mut events = Vec::new();
        if first {
            let mut event = origin.event(info.actor.clone(), EventBody::SessionStarted { info: info.clone() });
            event.session = Some(info.session);
            event.worktree = info.worktree.clone();
            events.push(event);
        }
        let row = Row::Session(info.session, Some(Box::new(info)));
        self.commit(origin, events, vec![row]);
        if let Some(worktree) = worktree {
            self.tell_sessions(&worktree);
        }
    }

    pub(super) fn session_ended(&mut self, origin: Origin, reason: String) {
        let known = origin.session.filter(|session| self.sessions.contains_key(session));
        let Some(session) = known else { return self.commit(origin, Vec::new(), Vec::new()) };
        let (event, rows) = self.end_session(session, |actor| origin.event(actor, EventBody::SessionEnded { reason }));
        self.commit(origin, vec![event], rows);
    }

    /// Forgets a session; its buffers that were not saved are gone with it.
    pub(super) fn end_session(
        &mut self,
        id: SessionId,
        event: impl FnOnce(Actor) -> codi2_protocol::Event,
    ) -> (codi2_protocol::Event, Vec<Row>) {
        let actor = self.actor_of(Some(id));
        let session = self.sessions.remove(&id);
        let mut rows = vec![Row::Session(id, None), Row::Life(id, None)];
        let files: Vec<_> = self.ledger.branches.keys().filter(|(_, of)| *of == id).cloned().collect();
        for key in files {
            self.ledger.take_branch(&key.0, id);
            self.full.remove(&(id, key.0.clone()));
            rows.push(Row::Branch(id, key.0, None));
        }
        let mut event = event(actor);
        event.session = Some(id);
        event.worktree = session.and_then(|session| session.info.worktree);
        if let Some(worktree) = event.worktree.clone() {
            self.tell_sessions(&worktree);
        }
        (event, rows)
    }

    pub(super) fn touched(&mut self, touched: Touched) {
        if let Some(session) = self.sessions.get_mut(&touched.session) {
            let place = |at: &Touched| (at.file.clone(), at.base, at.start, at.end);
            session.moved |= session.touched.as_ref().map(place) != Some(place(&touched));
            session.touched = Some(touched);
        }
    }

    pub(super) fn heartbeat(
        &mut self,
        connection: ConnectionId,
        heartbeat: Heartbeat,
        now: u64,
        ports: &mut dyn Ports,
    ) {
        let producer = self.connections.get(&connection).copied().unwrap_or(self.hub);
        self.know(heartbeat.session, producer, now, ports);
        if let Some(session) = self.sessions.get_mut(&heartbeat.session) {
            session.seen_ms = now;
            session.heartbeat = Some(heartbeat);
            session.beat = true;
        }
    }

    /// Knows the session of a fact.
    pub(super) fn know_session(&mut self, origin: Origin, ports: &mut dyn Ports) {
        if let Some(session) = origin.session {
            self.know(session, origin.producer, origin.received_ms, ports);
        }
    }

    /// A session that the store alone told of is heard of now; one that was silent for long and comes back is known
    /// from memory, and begins again.
    fn know(&mut self, session: SessionId, producer: ProducerId, now: u64, ports: &mut dyn Ports) {
        if self.sessions.get(&session).is_some_and(|known| known.producer == Some(producer)) {
            return;
        }
        let connected = self.is_connected(producer);
        if let Some(known) = self.sessions.get_mut(&session) {
            known.connected = connected;
            if known.producer.replace(producer).is_none() {
                let root = known.info.root.clone();
                self.watch_root(root.as_deref(), ports);
            }
            return;
        }
        let Some(info) = self.silent.get(&session).cloned() else { return };
        self.watch_root(info.root.as_deref(), ports);
        let body = EventBody::SessionStarted { info: info.clone() };
        let mut event = self.own_event(now, info.worktree.clone(), info.actor.clone(), body);
        event.session = Some(session);
        let rows = vec![Row::Session(session, Some(Box::new(info.clone())))];
        self.effects.push(Effect::Commit(Entry { events: vec![event], rows, ..Entry::default() }));
        self.adopt(info, Some(producer), connected, now);
    }

    fn adopt(&mut self, info: SessionInfo, producer: Option<ProducerId>, connected: bool, now: u64) {
        let id = info.session;
        let (heartbeat, touched) = (None, None);
        let session =
            Session { info, producer, heartbeat, touched, seen_ms: now, connected, beat: false, moved: false };
        self.sessions.insert(id, session);
    }

    /// The hub begins: the sessions that an earlier one left in the store are at work until shown otherwise.
    pub(super) fn begin(&mut self, now: u64, ports: &dyn Ports) {
        // Those of other machines are their hubs'.
        let mine = self.host;
        for info in ports.sessions().into_iter().filter(|info| info.host.is_none_or(|host| host == mine)) {
            self.adopt(info, None, false, now);
        }
        self.calls_go_on(now, ports);
    }

    /// Another hub took this one for dead, as after a night's suspension, and ended its sessions: those at work begin again.
    pub(super) fn begin_again(&mut self, now: u64) {
        for (id, session) in &self.sessions {
            let info = &session.info;
            let body = EventBody::SessionStarted { info: info.clone() };
            let mut event = self.own_event(now, info.worktree.clone(), info.actor.clone(), body);
            event.session = Some(*id);
            let mut rows = vec![Row::Session(*id, Some(Box::new(info.clone())))];
            let branches = self.ledger.branches.iter().filter(|((_, of), _)| of == id);
            rows.extend(branches.filter_map(|((file, _), branch)| {
                // As after each group: the last state that was sure.
                let known = if branch.drift == Drift::Sure { &branch.known } else { branch.base.as_ref()? };
                Some(Row::Branch(*id, file.clone(), Some(self.ledger.branch_row(known))))
            }));
            self.effects.push(Effect::Commit(Entry { events: vec![event], rows, ..Entry::default() }));
        }
    }

    /// Late evidence of another hub names who wrote what this one's files and buffers hold, too.
    pub(super) fn upgraded_elsewhere(&mut self, events: &[(EventId, Owner)]) {
        for (event, owner) in events {
            self.ledger.book.amend(*event, owner);
        }
    }

    /// All that the dead left is in. Of the sessions that the store told of and nothing else since, those whose process
    /// is gone have ended, since nobody is there to say it; the others' worktrees are watched again.
    pub(super) fn caught_up(&mut self, now: u64, ports: &mut dyn Ports) {
        let open = self.sessions.values().filter(|session| !session.connected);
        let open: Vec<SessionInfo> = open.map(|session| session.info.clone()).collect();
        for info in open {
            if info.process.is_some_and(|process| ports.is_gone(&process)) {
                self.end_unheard(info.session, "its sidecar died while the hub was away", now);
            } else {
                self.watch_root(info.root.as_deref(), ports);
            }
        }
    }

    /// Ends a session whose sidecar says nothing any more. It may only have been stopped for a while: then it begins
    /// again where it left off.
    pub(super) fn end_unheard(&mut self, id: SessionId, reason: &str, now: u64) {
        let Some(session) = self.sessions.get(&id) else { return };
        self.silent.put(id, session.info.clone());
        let body = EventBody::SessionEnded { reason: reason.to_owned() };
        let hub = Origin { producer: self.hub, seq: 0, occurred_ms: now, received_ms: now, session: Some(id) };
        let (event, rows) = self.end_session(id, |actor| hub.event(actor, body));
        self.effects.push(Effect::Commit(Entry { events: vec![event], rows, ..Entry::default() }));
    }

    fn is_connected(&self, producer: ProducerId) -> bool {
        self.connections.values().any(|other| *other == producer)
    }

    /// A producer is connected, perhaps again.
    pub(super) fn joined(&mut self, producer: ProducerId) {
        for session in self.sessions.values_mut().filter(|session| session.producer == Some(producer)) {
            session.connected = true;
        }
        self.ask_again(producer);
    }

    pub(super) fn left(&mut self, connection: ConnectionId, now: u64, ports: &mut dyn Ports) {
        if let Some(producer) = self.connections.remove(&connection)
            && !self.connections.values().any(|other| *other == producer)
        {
            for session in self.sessions.values_mut().filter(|session| session.producer == Some(producer)) {
                session.connected = false;
                session.seen_ms = now;
            }
        }
        for worktree in self.worktrees.values_mut() {
            worktree.connections.remove(&connection);
            worktree.waiting.retain(|ticket| ticket.connection != connection);
        }
        self.unwatch_unwanted(now, ports);
    }

    pub(super) fn tick(&mut self, now: u64, ports: &mut dyn Ports) {
        self.anchor(now);
        let silent: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| !session.connected && now.saturating_sub(session.seen_ms) > SESSION_SILENCE_MS)
            .map(|(id, _)| *id)
            .collect();
        for id in silent {
            self.end_unheard(id, "its sidecar is gone and has not come back", now);
        }
        self.keep_lives(now, ports.is_shared());
        self.forget_producers(now, ports);
        self.expire(now);
        self.unwatch_unwanted(now, ports);
        self.watch_again(ports);
    }

    /// Judges what the dead left of their last groups, and forgets who has not been heard for long: whoever comes back
    /// is known by the store.
    fn forget_producers(&mut self, now: u64, ports: &mut dyn Ports) {
        let connected: BTreeSet<ProducerId> = self.connections.values().copied().collect();
        let gone = |producer: &&ProducerId| !connected.contains(producer);
        let mut gone: Vec<ProducerId> = self.producers.keys().filter(gone).copied().collect();
        gone.sort_unstable();
        for producer in gone {
            let heard_ms = self.producers.get(&producer).map_or(now, |known| known.heard_ms);
            if now.saturating_sub(heard_ms) > SESSION_SILENCE_MS {
                self.flush_last(producer, now, ports);
            }
            if now.saturating_sub(heard_ms) > FORGOTTEN_MS {
                self.producers.remove(&producer);
            }
        }
        let gone = self.producers.keys().filter(|producer| !connected.contains(producer)).copied().collect();
        self.forget_too_many(gone, now, ports);
    }

    /// Writes the signs of life of all sessions in one transaction, never in the log: heartbeats now and then, what was
    /// touched each time it is elsewhere, where other hubs may ask.
    pub(super) fn keep_lives(&mut self, now: u64, is_shared: bool) {
        let is_due = now.saturating_sub(self.heartbeats_ms) >= HEARTBEAT_MS;
        if is_due {
            self.heartbeats_ms = now;
        }
        let mut any_moved = false;
        let life = |(id, session): (&SessionId, &mut Session)| {
            let beat = is_due && std::mem::take(&mut session.beat);
            let moved = is_shared && std::mem::take(&mut session.moved);
            any_moved |= moved;
            let touched = session.touched.clone().filter(|_| is_shared);
            let life = Life { heartbeat: session.heartbeat.clone(), touched };
            (beat || moved).then(|| Row::Life(*id, Some(Box::new(life))))
        };
        let mut rows: Vec<Row> = self.sessions.iter_mut().filter_map(life).collect();
        rows.extend(any_moved.then_some(Row::Moved));
        if !rows.is_empty() {
            self.effects.push(Effect::Commit(Entry { rows, ..Entry::default() }));
        }
    }

    fn tell_sessions(&mut self, worktree: &WorktreeId) {
        let here = |session: &&Session| session.info.worktree.as_ref() == Some(worktree);
        let count = self.sessions.values().filter(here).count();
        let producers: BTreeSet<ProducerId> =
            self.sessions.values().filter(here).filter_map(|session| session.producer).collect();
        for producer in producers {
            let sessions = u32::try_from(count).unwrap_or(u32::MAX);
            self.effects.push(Effect::Notify(producer, Notice::Sessions { sessions, worktree: worktree.clone() }));
        }
    }

    /// Who works where.
    pub fn presence(&self) -> Vec<Presence> {
        let presence = |session: &Session| Presence {
            info: session.info.clone(),
            heartbeat: session.heartbeat.clone(),
            touched: session.touched.clone(),
            lost: false,
        };
        self.sessions.values().map(presence).collect()
    }
}
