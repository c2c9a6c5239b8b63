//! The sidecars of a seed: session and outbox, their editors, and the connections between them and the hub.

use std::collections::{BTreeMap, VecDeque};

use codi2_hub::machines::Input as Happening;
use codi2_ipc::{Effect as Post, Input as Mail, Outbox};
use codi2_protocol::lsp::ClientCapabilities;
use codi2_protocol::{
    Actor, ActorKind, Call, Editor, Fact, FileId, GroupId, Notice, Numbered, Process, ProducerId, RepositoryId,
    SessionId, WorktreeId,
};
use codi2_text::{Change, Encoding, Position};

use super::{Made, Produced, SIDECARS, Sidecar, Wire, World};
use crate::lsp::hub::from_notice;
use crate::lsp::session::{DocumentEvent, Effect, Input, Link, Place, Session, Site, Window};

impl World {
    pub(super) fn connects(&mut self, at: usize) {
        let sidecar = &self.sidecars[at];
        let (producer, is_off) = (sidecar.producer, sidecar.wire.is_none());
        let Ok(durable) = self.store.producer(producer) else { return };
        if self.core.is_none() || !is_off {
            return;
        }
        self.numbers += 1;
        let number = self.numbers;
        self.sidecars[at].wire = Some(Wire { number, up: VecDeque::new(), down: VecDeque::new() });
        self.tell_core(Happening::Joined(number, producer, durable));
        self.post(at, Mail::Connected { durable });
        self.acknowledged(at, durable);
        self.tell(at, Input::Link(Link { connected: true, ..Link::default() }));
    }

    /// What is on its way is lost, either way.
    pub(super) fn breaks(&mut self, at: usize) {
        let Some(wire) = self.sidecars[at].wire.take() else { return };
        self.seen.breaks += 1;
        self.tell_core(Happening::Left(wire.number));
        self.post(at, Mail::Disconnected);
        self.tell(at, Input::Link(Link::default()));
    }

    pub(super) fn sends(&mut self, at: usize) {
        if self.sidecars[at].outbox.has_unsent() {
            self.post(at, Mail::Writable);
        }
    }

    pub(super) fn hub_reads(&mut self, at: usize) {
        let Some(wire) = &mut self.sidecars[at].wire else { return };
        let (number, Some(call)) = (wire.number, wire.up.pop_front()) else { return };
        let times = if self.dice.one_of(8) { 2 } else { 1 };
        for _ in 0..times {
            self.tell_core(Happening::Called(None, number, call.clone()));
        }
    }

    pub(super) fn sidecar_reads(&mut self, at: usize) {
        let Some(notice) = self.sidecars[at].wire.as_mut().and_then(|wire| wire.down.pop_front()) else { return };
        match notice {
            Notice::Durable { seq } => {
                self.acknowledged(at, seq);
                self.post(at, Mail::Durable { seq });
            }
            notice => {
                if let Some(input) = from_notice(notice) {
                    self.tell(at, input);
                }
            }
        }
    }

    pub(super) fn acknowledged(&mut self, at: usize, seq: u64) {
        let produced = self.produced.entry(self.sidecars[at].producer).or_default();
        produced.acknowledged = produced.acknowledged.max(seq);
    }

    // Sidecars.

    pub(super) fn sidecar_starts(&mut self) {
        if self.sidecars.len() >= SIDECARS {
            return;
        }
        let pid = 1_000 + self.produced.len() as u32;
        let window = Window {
            session: SessionId::new(),
            editor: Editor { name: "driven".to_owned(), version: None },
            pid: 1,
            process: Some(Process { pid, start: Some(1) }),
            encoding: Encoding::Utf8,
            client: ClientCapabilities::default(),
            views: crate::lsp::session::Views::default(),
        };
        let producer = ProducerId::new();
        self.produced.insert(producer, Produced::default());
        self.sidecars.push(Sidecar {
            producer,
            session: Session::new(window, GroupId::new),
            outbox: Outbox::new(self.limits),
            pid,
            spool: Vec::new(),
            wire: None,
            is_behind: false,
            open: BTreeMap::new(),
        });
        let at = self.sidecars.len() - 1;
        self.opens_or_closes(at);
    }

    /// Killed: what it had in memory is gone.
    pub(super) fn sidecar_dies(&mut self, at: usize) {
        self.seen.deaths += 1;
        let producer = self.sidecars[at].producer;
        let spooled = self.sidecars[at].spool.last().map_or(0, |last| last.seq);
        let produced = self.produced.entry(producer).or_default();
        (produced.killed, produced.spooled) = (true, spooled);
        self.is_gone(at);
    }

    /// Its editor closes: everything is told, and what the hub has not confirmed is on disk.
    pub(super) fn sidecar_ends(&mut self, at: usize) {
        self.tell(at, Input::End { reason: "exit".to_owned() });
        self.post(at, Mail::Ending);
        self.is_gone(at);
    }

    pub(super) fn is_gone(&mut self, at: usize) {
        let sidecar = self.sidecars.remove(at);
        self.ports.gone.insert(sidecar.pid);
        if let Some(wire) = sidecar.wire {
            self.tell_core(Happening::Left(wire.number));
        }
        if !sidecar.spool.is_empty() {
            self.spools.push((sidecar.producer, sidecar.spool));
        }
    }

    pub(super) fn opens_or_closes(&mut self, at: usize) {
        let uri = format!("file:///w/{}.rs", self.dice.below(2));
        if self.sidecars[at].open.remove(&uri).is_some() {
            return self.tell(at, Input::Document(DocumentEvent::Close { uri }));
        }
        self.sidecars[at].open.insert(uri.clone(), (4, 0));
        let place = place(&uri);
        self.tell(at, Input::Open { uri, version: 0, text: "text".to_owned(), place });
    }

    pub(super) fn edits(&mut self, at: usize) {
        let Some(uri) = self.sidecars[at].open.keys().next().cloned() else { return };
        let (mut len, version) = self.sidecars[at].open[&uri];
        let count = if !self.is_tight && self.dice.one_of(60) { 900 } else { 1 + self.dice.below(3) };
        let mut changes = Vec::new();
        for _ in 0..count {
            let from = self.dice.below(len as u64 + 1) as u32;
            let text = ["a", "bc", "def"][self.dice.below(3) as usize];
            len += text.len();
            let place = Position::new(0, from);
            changes.push(Change { range: Some((place, place)), text: text.to_owned() });
        }
        self.sidecars[at].open.insert(uri.clone(), (len, version + 1));
        self.tell(at, Input::Document(DocumentEvent::Change { uri, version: version + 1, changes }));
    }

    pub(super) fn saves(&mut self, at: usize) {
        if let Some(uri) = self.sidecars[at].open.keys().next().cloned() {
            self.tell(at, Input::Document(DocumentEvent::Save { uri, text: None }));
        }
    }

    pub(super) fn time_passes(&mut self, at: usize) {
        self.now += [200, 1_100, 6_000, 31_000][self.dice.below(4) as usize];
        self.tell(at, Input::Tick);
        self.post(at, Mail::Tick);
        self.tell_core(Happening::Tick);
    }

    /// Tells the session machine, and carries out what it wants.
    pub(super) fn tell(&mut self, at: usize, input: Input) {
        for effect in self.sidecars[at].session.on(input, self.now) {
            match effect {
                Effect::Fact { at_ms, fact } => {
                    let made = match &fact {
                        Fact::Edits(group) => Made::Edits(group.group, group.part),
                        Fact::SessionStarted { .. } => Made::Started,
                        _ => Made::Other,
                    };
                    let sidecar = &self.sidecars[at];
                    let session = Some(sidecar.session.id());
                    self.produced.entry(sidecar.producer).or_default().facts.push(made);
                    self.post(at, Mail::Fact { session, occurred_ms: at_ms, fact });
                }
                Effect::Text(text) if !self.dice.one_of(5) => self.frame(at, Call::Text(text)),
                Effect::Heartbeat(beat) => self.frame(at, Call::Heartbeat(beat)),
                Effect::AskOwners { ask, .. } => self.tell(at, Input::Owners { ask, reply: None }),
                Effect::AskText { uri } => self.tell(at, Input::DocumentText { uri, result: None }),
                _ => {}
            }
        }
    }

    pub(super) fn frame(&mut self, at: usize, call: Call) {
        if let Some(wire) = &mut self.sidecars[at].wire {
            wire.up.push_back(call);
        }
    }

    /// Tells the outbox, and carries out what it wants. The disk may refuse to take a spool.
    pub(super) fn post(&mut self, at: usize, mail: Mail) {
        let is_last = matches!(mail, Mail::Ending);
        for post in self.sidecars[at].outbox.on(mail, self.now) {
            let refuses = !is_last && self.dice.one_of(30);
            let sidecar = &mut self.sidecars[at];
            match post {
                Post::Send(facts) => {
                    let facts = facts.iter().map(|fact| Numbered::clone(fact)).collect();
                    self.frame(at, Call::Report { facts });
                }
                Post::Append(_) | Post::Rewrite(_) if refuses => self.post(at, Mail::SpoolFailed),
                Post::Append(facts) => sidecar.spool.extend(facts),
                Post::Rewrite(facts) => sidecar.spool = facts,
                Post::Clear => sidecar.spool.clear(),
                Post::Lost(_) => sidecar.is_behind = true,
            }
        }
    }
}

fn place(uri: &str) -> Place {
    let worktree = WorktreeId { repository: RepositoryId::from_uuid(uuid::Uuid::from_u128(9)), name: String::new() };
    let path = uri.trim_start_matches("file:///w/").to_owned();
    let site = Site {
        worktree: worktree.clone(),
        root: "/w".to_owned(),
        branch: None,
        head: None,
        actor: Actor::named(ActorKind::Person, "Ada"),
    };
    Place::Recorded { file: FileId { worktree, path }, site: Box::new(site) }
}
