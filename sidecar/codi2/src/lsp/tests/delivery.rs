//! The promise that each fact is once in the log: seeds drive the state machines of the whole road (session, outbox,
//! core, writer) over a store that misbehaves, while connections break, frames come twice, replies are lost, hubs are
//! killed and started, sidecars die with and without a word.
//!
//! Nothing here waits or has a clock; a seed always does the same but for the ids. `CODI2_SOAK=1` runs more seeds, and
//! `CODI2_SEED` a single one. Absent on purpose: sockets, files and processes, which `hub/tests/hubs` has.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

use codi2_hub::machines::{BranchRow, Core, DiskRow, Entry, Ports, StoredOwners, Watched, write};
use codi2_hub::machines::{Effect as Wish, Input as Happening};
use codi2_ipc::{Effect as Post, Input as Mail, Limits, Outbox};
use codi2_protocol::lsp::ClientCapabilities;
use codi2_protocol::{
    Actor, ActorKind, Call, Digest, Editor, EventBody, EventId, Fact, FileId, Filter, GroupId, HostId, Notice,
    Numbered, Owner, Process, ProducerId, RepositoryId, SessionId, SessionInfo, Stamp, WorktreeId,
};
use codi2_store::fault::Faulty;
use codi2_store::memory::Memory;
use codi2_store::{Store, Subspace};
use codi2_text::{Change, Encoding, Position};
use codi2_workspace::{Observation, Oid};

use crate::lsp::hub::from_notice;
use crate::lsp::session::{DocumentEvent, Effect, Input, Link, Place, Session, Site, Window};

/// Seeds run by every test, and by `scripts/soak`.
const SEEDS: [u64; 2] = [250, 1_000];
/// What happens in one seed, before everything comes to rest.
const STEPS: u64 = 150;
/// Sidecars at once.
const SIDECARS: usize = 4;

#[test]
fn each_fact_is_once_in_the_log() {
    let variable = |name: &str| std::env::var(name).ok();
    let seeds = match variable("CODI2_SEED").and_then(|seed| seed.parse::<u64>().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..SEEDS[usize::from(variable("CODI2_SOAK").is_some())],
    };
    let mut seen = Seen::default();
    for seed in seeds {
        let _told = Told(seed);
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        world.rests();
        world.check(&mut seen);
    }
    println!("COUNT P2 each fact is once in the log | {seen:?} | {} | 0 lost, 0 twice, all in order", seen.seeds);
    let came_by = [seen.events, seen.parts, seen.folded, seen.hubs, seen.deaths, seen.breaks];
    assert!(seen.seeds < 200 || came_by.iter().all(|count| *count > 0), "the seeds came by everything: {seen:?}");
}

/// The control: where the writer does not keep how far a producer is, the same seeds must show it.
#[test]
fn a_store_that_forgets_its_producers_is_found_out() {
    let found = (0..20).filter(|seed| {
        let run = std::panic::catch_unwind(|| {
            let mut world = World { is_forgetful: true, ..World::new(*seed) };
            (0..STEPS).for_each(|_| world.step());
            world.rests();
            world.check(&mut Seen::default());
        });
        run.is_err()
    });
    let found = found.count();
    println!("COUNT P2 control: a store that forgets its producers | seeds | 20 | {found} found out");
    assert!(found > 0);
}

/// Names the seed that failed.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {}: run again with CODI2_SEED={}", self.0, self.0);
        }
    }
}

/// What the seeds came by.
#[derive(Debug, Default)]
struct Seen {
    seeds: u64,
    facts: u64,
    events: u64,
    parts: u64,
    folded: u64,
    hubs: u64,
    deaths: u64,
    breaks: u64,
}

/// SplitMix64: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    fn one_of(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// A connection, with what is on its way in order.
struct Wire {
    number: u64,
    up: VecDeque<Call>,
    down: VecDeque<Notice>,
}

/// A sidecar at work.
struct Sidecar {
    producer: ProducerId,
    session: Session,
    outbox: Outbox,
    pid: u32,
    /// On disk, so it outlives the process.
    spool: Vec<Arc<Numbered>>,
    wire: Option<Wire>,
    /// Facts were lost; the session hears of it when it has done what it is at.
    is_behind: bool,
    /// Open documents: length and version.
    open: BTreeMap<String, (usize, i32)>,
}

/// What became of a producer's facts as they were numbered, from 1.
#[derive(Default)]
struct Produced {
    facts: Vec<Made>,
    acknowledged: u64,
    /// It died without a word: what had left it neither for the hub nor for the disk is gone.
    killed: bool,
    /// The last number in its spool when it died.
    spooled: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Edits(GroupId, u32),
    Started,
    Other,
}

struct World {
    dice: Dice,
    now: u64,
    store: Arc<Store>,
    ports: Outside,
    core: Option<Core>,
    /// Ordered of the writer and not written.
    orders: VecDeque<Entry>,
    sidecars: Vec<Sidecar>,
    /// Spools that nobody holds any more.
    spools: Vec<(ProducerId, Vec<Arc<Numbered>>)>,
    produced: BTreeMap<ProducerId, Produced>,
    numbers: u64,
    is_tight: bool,
    is_forgetful: bool,
    limits: Limits,
    seen: Seen,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let percent = [0, 0, 5, 20][dice.below(4) as usize];
        let store = Store::on(Arc::new(Faulty::new(Memory::new(), seed, percent))).expect("memory has room");
        let store = Arc::new(store);
        let mut limits = Limits { batch_facts: 1 + dice.below(5) as usize, in_flight: 4_000, ..Limits::default() };
        // Either what waits is folded into gaps, or groups are so large that they go in parts.
        let is_tight = dice.one_of(3);
        if is_tight {
            (limits.bytes, limits.in_flight) = (6_000, 1_500);
        }
        let ports = Outside { store: Arc::clone(&store), gone: BTreeSet::new() };
        Self {
            dice,
            now: 1_800_000_000_000,
            store,
            ports,
            core: None,
            orders: VecDeque::new(),
            sidecars: Vec::new(),
            spools: Vec::new(),
            produced: BTreeMap::new(),
            numbers: 0,
            is_tight,
            is_forgetful: false,
            limits,
            seen: Seen::default(),
        }
    }

    fn step(&mut self) {
        self.happens();
        for at in 0..self.sidecars.len() {
            if std::mem::take(&mut self.sidecars[at].is_behind) {
                self.tell(at, Input::Lost);
            }
        }
    }

    fn happens(&mut self) {
        self.now += self.dice.below(60);
        let Some(at) = (!self.sidecars.is_empty()).then(|| self.dice.below(self.sidecars.len() as u64) as usize) else {
            return self.sidecar_starts();
        };
        match self.dice.below(100) {
            0..20 => self.edits(at),
            20..24 => self.opens_or_closes(at),
            24..28 => self.saves(at),
            28..36 => self.time_passes(at),
            36..52 => self.sends(at),
            52..66 => self.hub_reads(at),
            66..76 => self.writer_writes(),
            76..86 => self.sidecar_reads(at),
            86..89 => self.breaks(at),
            89..94 => self.connects(at),
            94 => self.hub_dies(),
            95 => self.hub_starts(),
            96 => self.sidecar_dies(at),
            97 => self.sidecar_ends(at),
            98 => self.drains(),
            _ => self.sidecar_starts(),
        }
    }

    // The hub.

    fn hub_starts(&mut self) {
        if self.core.is_some() {
            return;
        }
        self.seen.hubs += 1;
        self.core = Some(Core::new(ProducerId::new(), HostId::new(), [7; 32]));
        self.tell_core(Happening::Begin);
        self.drains();
        self.tell_core(Happening::CaughtUp);
    }

    /// Without a word: what was not written is gone.
    fn hub_dies(&mut self) {
        self.core = None;
        self.orders.clear();
        for at in 0..self.sidecars.len() {
            self.breaks(at);
        }
    }

    /// What the dead left; a spool goes when the store has it.
    fn drains(&mut self) {
        let durable = self.spools.iter().map(|(producer, _)| self.store.producer(*producer).ok());
        let Some(durable) = durable.collect::<Option<Vec<u64>>>() else { return };
        let mut durable = durable.into_iter();
        self.spools.retain(|(_, spool)| {
            let durable = durable.next().unwrap_or(0);
            spool.last().is_some_and(|last| last.seq > durable)
        });
        for (producer, spool) in self.spools.clone() {
            let Ok(durable) = self.store.producer(producer) else { continue };
            let facts = spool.iter().map(|fact| Numbered::clone(fact)).collect();
            self.tell_core(Happening::Drained(producer, durable, facts));
            self.tell_core(Happening::Spent(producer));
        }
    }

    fn tell_core(&mut self, happening: Happening) {
        let Some(core) = &mut self.core else { return };
        for wish in core.on(happening, self.now, &mut self.ports) {
            match wish {
                Wish::Commit(entry) => self.orders.push_back(entry),
                Wish::Notify(producer, notice) => self.notify(producer, notice),
                Wish::Reply(..) | Wish::Problem(_) => {}
            }
        }
    }

    fn notify(&mut self, producer: ProducerId, notice: Notice) {
        let sidecar = self.sidecars.iter_mut().find(|sidecar| sidecar.producer == producer);
        if let Some(wire) = sidecar.and_then(|sidecar| sidecar.wire.as_mut()) {
            wire.down.push_back(notice);
        }
    }

    fn writer_writes(&mut self) {
        if self.orders.is_empty() {
            return;
        }
        let count = 1 + self.dice.below(self.orders.len() as u64) as usize;
        let mut batch: Vec<Entry> = self.orders.drain(..count).collect();
        if self.is_forgetful {
            batch.iter_mut().for_each(|entry| entry.fact = None);
        }
        match write(&self.store, batch) {
            Ok(due) => due.into_iter().for_each(|(producer, notice)| self.notify(producer, notice)),
            // A store that cannot say what became of a commit ends the hub.
            Err(_) => self.hub_dies(),
        }
    }

    // Connections.

    fn connects(&mut self, at: usize) {
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
    fn breaks(&mut self, at: usize) {
        let Some(wire) = self.sidecars[at].wire.take() else { return };
        self.seen.breaks += 1;
        self.tell_core(Happening::Left(wire.number));
        self.post(at, Mail::Disconnected);
        self.tell(at, Input::Link(Link::default()));
    }

    fn sends(&mut self, at: usize) {
        if self.sidecars[at].outbox.has_unsent() {
            self.post(at, Mail::Writable);
        }
    }

    fn hub_reads(&mut self, at: usize) {
        let Some(wire) = &mut self.sidecars[at].wire else { return };
        let (number, Some(call)) = (wire.number, wire.up.pop_front()) else { return };
        let times = if self.dice.one_of(8) { 2 } else { 1 };
        for _ in 0..times {
            self.tell_core(Happening::Called(None, number, call.clone()));
        }
    }

    fn sidecar_reads(&mut self, at: usize) {
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

    fn acknowledged(&mut self, at: usize, seq: u64) {
        let produced = self.produced.entry(self.sidecars[at].producer).or_default();
        produced.acknowledged = produced.acknowledged.max(seq);
    }

    // Sidecars.

    fn sidecar_starts(&mut self) {
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
    fn sidecar_dies(&mut self, at: usize) {
        self.seen.deaths += 1;
        let producer = self.sidecars[at].producer;
        let spooled = self.sidecars[at].spool.last().map_or(0, |last| last.seq);
        let produced = self.produced.entry(producer).or_default();
        (produced.killed, produced.spooled) = (true, spooled);
        self.is_gone(at);
    }

    /// Its editor closes: everything is told, and what the hub has not confirmed is on disk.
    fn sidecar_ends(&mut self, at: usize) {
        self.tell(at, Input::End { reason: "exit".to_owned() });
        self.post(at, Mail::Ending);
        self.is_gone(at);
    }

    fn is_gone(&mut self, at: usize) {
        let sidecar = self.sidecars.remove(at);
        self.ports.gone.insert(sidecar.pid);
        if let Some(wire) = sidecar.wire {
            self.tell_core(Happening::Left(wire.number));
        }
        if !sidecar.spool.is_empty() {
            self.spools.push((sidecar.producer, sidecar.spool));
        }
    }

    fn opens_or_closes(&mut self, at: usize) {
        let uri = format!("file:///w/{}.rs", self.dice.below(2));
        if self.sidecars[at].open.remove(&uri).is_some() {
            return self.tell(at, Input::Document(DocumentEvent::Close { uri }));
        }
        self.sidecars[at].open.insert(uri.clone(), (4, 0));
        let place = place(&uri);
        self.tell(at, Input::Open { uri, version: 0, text: "text".to_owned(), place });
    }

    fn edits(&mut self, at: usize) {
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

    fn saves(&mut self, at: usize) {
        if let Some(uri) = self.sidecars[at].open.keys().next().cloned() {
            self.tell(at, Input::Document(DocumentEvent::Save { uri, text: None }));
        }
    }

    fn time_passes(&mut self, at: usize) {
        self.now += [200, 1_100, 6_000, 31_000][self.dice.below(4) as usize];
        self.tell(at, Input::Tick);
        self.post(at, Mail::Tick);
        self.tell_core(Happening::Tick);
    }

    /// Tells the session machine, and carries out what it wants.
    fn tell(&mut self, at: usize, input: Input) {
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

    fn frame(&mut self, at: usize, call: Call) {
        if let Some(wire) = &mut self.sidecars[at].wire {
            wire.up.push_back(call);
        }
    }

    /// Tells the outbox, and carries out what it wants. The disk may refuse to take a spool.
    fn post(&mut self, at: usize, mail: Mail) {
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

    // The end.

    /// Nothing fails any more, until nothing is on its way.
    fn rests(&mut self) {
        for _ in 0..1_000 {
            self.now += 1_100;
            self.hub_starts();
            for at in 0..self.sidecars.len() {
                self.connects(at);
                self.tell(at, Input::Tick);
                self.post(at, Mail::Tick);
                self.sends(at);
                self.sidecars[at].is_behind = false;
                while self.sidecars[at].wire.as_ref().is_some_and(|wire| !wire.up.is_empty()) {
                    self.hub_reads(at);
                }
            }
            self.drains();
            while !self.orders.is_empty() {
                self.writer_writes();
            }
            for at in 0..self.sidecars.len() {
                while self.sidecars[at].wire.as_ref().is_some_and(|wire| !wire.down.is_empty()) {
                    self.sidecar_reads(at);
                }
            }
            if self.spools.is_empty() && self.sidecars.iter().all(|sidecar| sidecar.outbox.pending() == 0) {
                return;
            }
        }
        let pending: Vec<u64> = self.sidecars.iter().map(|sidecar| sidecar.outbox.pending()).collect();
        panic!("it never comes to rest: {pending:?} facts pending, {} spools", self.spools.len());
    }

    fn check(&self, seen: &mut Seen) {
        let mut last: BTreeMap<ProducerId, u64> = BTreeMap::new();
        let mut told: BTreeMap<ProducerId, BTreeSet<u64>> = BTreeMap::new();
        let mut from: Option<Stamp> = None;
        loop {
            let page = self.patient(|| self.store.query(&Filter::default(), from, false, 500));
            from = page.next;
            for event in page.events.into_iter().map(|stamped| stamped.event) {
                let Some(produced) = self.produced.get(&event.producer) else { continue };
                seen.events += 1;
                let previous = last.insert(event.producer, event.seq).unwrap_or(0);
                assert!(previous < event.seq, "{} after {previous} of one producer", event.seq);
                let made = produced.facts[event.seq as usize - 1];
                let numbers = match event.body.known().expect("our own events are known") {
                    EventBody::Edit { group, part, parts, .. } => {
                        assert_eq!(made, Made::Edits(*group, *part));
                        seen.parts += u64::from(*parts > 1);
                        event.seq..=event.seq
                    }
                    EventBody::Gap(gap) => {
                        assert_eq!(gap.facts, gap.last_seq - gap.first_seq + 1, "a gap has exact counts");
                        seen.folded += gap.facts;
                        gap.first_seq..=gap.last_seq
                    }
                    _ => event.seq..=event.seq,
                };
                let told = told.entry(event.producer).or_default();
                numbers.for_each(|number| assert!(told.insert(number), "{number} is told twice"));
            }
            if from.is_none() {
                break;
            }
        }
        for (producer, produced) in &self.produced {
            let durable = self.patient(|| self.store.producer(*producer));
            seen.facts += produced.facts.len() as u64;
            if produced.killed {
                assert!(
                    durable >= produced.acknowledged.max(produced.spooled),
                    "what was acknowledged or spooled is there"
                );
            } else {
                assert_eq!(durable, produced.facts.len() as u64, "everything is there");
            }
            let told = told.remove(producer).unwrap_or_default();
            assert!(told.last().is_none_or(|last| *last <= durable));
            let first_start = produced.facts.iter().position(|made| *made == Made::Started);
            for (at, made) in produced.facts.iter().take(durable as usize).enumerate() {
                let is_due = matches!(made, Made::Edits(..)) || Some(at) == first_start;
                assert!(
                    !is_due || told.contains(&(at as u64 + 1)),
                    "{made:?}, number {}, is not in the log; durable up to {durable}, acknowledged to {}, killed {} with {} \
                     spooled; told {told:?} of {:?}",
                    at + 1,
                    produced.acknowledged,
                    produced.killed,
                    produced.spooled,
                    produced.facts,
                );
            }
        }
        seen.seeds += 1;
        seen.hubs += self.seen.hubs;
        seen.deaths += self.seen.deaths;
        seen.breaks += self.seen.breaks;
    }

    /// Reads past the store's faults.
    fn patient<T>(&self, mut read: impl FnMut() -> Result<T, codi2_store::StoreError>) -> T {
        for _ in 0..100 {
            if let Ok(value) = read() {
                return value;
            }
        }
        read().expect("the store can be read")
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
        person: Actor::named(ActorKind::Person, "Ada"),
    };
    Place::Recorded { file: FileId { worktree, path }, site: Box::new(site) }
}

/// What the core asks of: the store for what decides over facts, and no files.
struct Outside {
    store: Arc<Store>,
    gone: BTreeSet<u32>,
}

impl Ports for Outside {
    fn watch(&mut self, _: &Path, _: bool) -> Result<Watched, String> {
        Err("nothing is watched here".to_owned())
    }
    fn unwatch(&mut self, _: &WorktreeId) {}
    fn locate(&self, _: &Path) -> Option<FileId> {
        None
    }
    fn read(&mut self, _: &FileId) -> Option<Observation> {
        None
    }
    fn is_private(&self, _: &FileId) -> bool {
        false
    }
    fn blob(&mut self, _: &FileId, _: Option<Oid>, _: Digest) -> Option<Vec<u8>> {
        None
    }
    fn stored_owners(&self, _: RepositoryId, _: &str, _: Digest) -> Option<StoredOwners> {
        None
    }
    fn disk_row(&self, _: &FileId) -> Option<DiskRow> {
        None
    }
    fn disk_paths(&self, _: &WorktreeId) -> Vec<String> {
        Vec::new()
    }
    fn branch_row(&self, _: SessionId, _: &FileId) -> Option<BranchRow> {
        None
    }
    fn upgrade(&self, _: EventId) -> Option<Owner> {
        None
    }
    fn sessions(&self) -> Vec<SessionInfo> {
        self.store.scan::<SessionInfo>(Subspace::Session, &[]).flatten().map(|(_, info)| info).collect()
    }
    fn is_gone(&self, process: &Process) -> bool {
        self.gone.contains(&process.pid)
    }
    fn watched_before(&self, _: &WorktreeId) -> bool {
        false
    }
    fn failed_reads(&self) -> (u64, String) {
        (0, String::new())
    }
}
