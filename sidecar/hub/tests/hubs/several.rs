//! Two hubs over one engine in memory, as those of two machines over a cluster: with folders of their own, in threads.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use codi2_hub::{HubFailure, Shared, StoreSpec};
use codi2_protocol::{
    Actor, ActorKind, Call, Digest, Editor, ErrorCode, Fact, FileId, Filter, Numbered, Presence, ProducerId, Reply,
    RepositoryId, SessionId, SessionInfo, Touched, WorktreeId,
};
use codi2_store::engine::Body;
use codi2_store::memory::Memory;
use codi2_store::{Committed, Engine, StoreError, Watch, check};

use crate::support::{Home, Wire, numbers, until};

/// A cluster as one hub has it; it can be away.
struct Cluster {
    engine: Arc<Memory>,
    is_away: AtomicBool,
    /// How often the threads that look at other hubs tried to read.
    tries: AtomicU64,
    /// How often they wrote: each look begins with a beat.
    beats: AtomicU64,
}

impl Cluster {
    fn new(engine: &Arc<Memory>) -> Arc<Self> {
        let (is_away, tries, beats) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { engine: Arc::clone(engine), is_away, tries, beats })
    }

    /// Makes it answer or not, until its only hub knows, which is not asked for that.
    fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
        let before = self.tries.load(Ordering::SeqCst);
        // The try that fails ends a look; one that succeeds takes several.
        let more = if is_away { 2 } else { 12 };
        until("the hub knows", || self.tries.load(Ordering::SeqCst) >= before + more);
    }
}

impl Engine for Cluster {
    fn transact(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        let looks = u64::from(std::thread::current().name() == Some("codi2-peers"));
        self.tries.fetch_add(looks, Ordering::SeqCst);
        if self.is_away.load(Ordering::SeqCst) {
            let [place, detail, remedy] = ["the cluster", "no answer", "look for it"].map(str::to_owned);
            return Err(StoreError::Away { place, detail, remedy });
        }
        let done = self.engine.transact(body)?;
        self.beats.fetch_add(if done.stamp.is_some() { looks } else { 0 }, Ordering::SeqCst);
        Ok(done)
    }
    codi2_store::passes_on!(engine);
    fn exclusive(&self) -> bool {
        false
    }
}

/// A hub in a thread.
struct Machine {
    home: Home,
    hub: JoinHandle<Result<(), HubFailure>>,
}

impl Machine {
    fn new(engine: &Arc<dyn Engine>) -> Self {
        Self::at(Home::new(), engine)
    }

    fn at(home: Home, engine: &Arc<dyn Engine>) -> Self {
        let options = codi2_hub::Options {
            places: home.places.clone(),
            store: StoreSpec::Shared(Shared(Arc::clone(engine))),
            idle_ms: 600_000,
            watch: codi2_workspace::WatchOptions::default(),
            notes: true,
            build: "test hub".into(),
            remarks: codi2_hub::Remarks::default(),
            tools: std::sync::Arc::new(codi2_hub::NoTools),
        };
        let hub = std::thread::spawn(move || codi2_hub::run(options));
        until("the hub is there", || UnixStream::connect(home.places.socket()).is_ok());
        Self { home, hub }
    }

    fn stop(self) -> Home {
        assert_eq!(self.home.wire().call(Call::Stop), Ok(Reply::Done));
        self.hub.join().unwrap().unwrap();
        self.home
    }

    fn sessions(&self) -> Vec<Presence> {
        self.home.wire().status().sessions
    }

    fn kinds(&self, kind: &str) -> usize {
        self.home.wire().log(false, 100).iter().filter(|event| event.event.kind() == kind).count()
    }
}

fn begin(wire: &mut Wire, seq: u64) -> SessionId {
    let info = SessionInfo {
        session: SessionId::new(),
        actor: Actor::named(ActorKind::Person, "Ada"),
        editor: Editor { name: "nvim".into(), version: None },
        pid: 1,
        process: None,
        host: None,
        worktree: None,
        root: None,
        branch: None,
        base: None,
    };
    let session = info.session;
    let fact = Numbered { seq, occurred_ms: 1, session: Some(session), fact: Fact::SessionStarted { info } };
    wire.send(None, Call::Report { facts: vec![fact] });
    wire.durable(seq);
    session
}

pub fn two_hubs_of_one_store_see_each_others_events_and_sessions() {
    let memory = Arc::new(Memory::shared());
    let engine: Arc<dyn Engine> = Cluster::new(&memory);
    let cluster = Cluster::new(&memory);
    let (here, there) = (Machine::new(&(Arc::clone(&cluster) as Arc<dyn Engine>)), Machine::new(&engine));
    // Tails on both hubs, of what both append.
    let mut tails = [&here, &there].map(|machine| machine.home.wire());
    for tail in &mut tails {
        assert_eq!(tail.call(Call::Tail { filter: Filter::default(), from: None }), Ok(Reply::Done));
    }
    let producers = [ProducerId::new(), ProducerId::new()];
    let mut wires = [here.home.producer(producers[0]), there.home.producer(producers[1])];
    for round in 0..20 {
        for wire in &mut wires {
            wire.report(round * 10 + 1..=round * 10 + 10);
        }
    }
    wires.iter_mut().for_each(|wire| drop(wire.durable(200)));
    for tail in &mut tails {
        let events = tail.tailed(400);
        for producer in producers {
            assert_eq!(numbers(&events, producer), (1..=200).collect::<Vec<_>>());
        }
        assert!(events.is_sorted_by_key(|event| event.stamp));
    }
    // Who works where, with the machine.
    let [mine, theirs] = [begin(&mut wires[0], 201), begin(&mut wires[1], 201)];
    for machine in [&here, &there] {
        until("both sessions are seen", || machine.sessions().len() == 2);
        let sessions = machine.sessions();
        let host = |session| sessions.iter().find(|p| p.info.session == session).and_then(|p| p.info.host);
        assert!(host(mine).is_some() && host(theirs).is_some() && host(mine) != host(theirs), "{sessions:?}");
        let mut status = machine.home.wire().status();
        until("both hubs are seen", || {
            status = machine.home.wire().status();
            status.hubs.len() == 2
        });
        assert!(status.hubs.iter().filter(|hub| hub.is_this).count() == 1 && !status.hubs.iter().any(|hub| hub.lost));
        assert!(status.reach.is_some_and(|reach| reach.ok) && status.problems.is_empty(), "{:?}", status.problems);
    }
    // Where somebody is, is shown without being asked for again and again.
    let there_now = |start: u64| {
        let worktree = WorktreeId { repository: RepositoryId::from_uuid(mine.uuid()), name: String::new() };
        let file = FileId { worktree, path: "a".into() };
        Touched { session: theirs, file, base: Digest::new([1; 32]), start, end: start, at_ms: 1 }
    };
    // A look would show one of these places at most.
    let mut start = 0;
    until("it is seen between two looks where they are", || {
        let before = cluster.beats.load(Ordering::SeqCst);
        for _ in 0..8 {
            start += 1;
            wires[1].send(None, Call::Touched(there_now(start)));
            until("it is seen where they are", || {
                here.sessions().iter().any(|session| session.touched == Some(there_now(start)))
            });
        }
        cluster.beats.load(Ordering::SeqCst) - before < 4
    });
    // One starts again on its machine and takes up what is its own; nothing ends, here or there.
    drop(wires);
    let home = there.stop();
    let again = Machine::at(home, &engine);
    until("it is seen again", || again.sessions().len() == 2);
    assert_eq!((here.kinds("session-ended"), here.kinds("session-started")), (0, 2));
    assert_eq!(here.home.wire().log(false, 100), again.home.wire().log(false, 100));
    drop(tails);
    here.stop();
    again.stop();
    let checked = check(engine).unwrap();
    assert_eq!((checked.faulty, checked.spaces["e"].rows), (0, 402), "{:?}", checked.faults);
}

/// Nobody asked how the hub is while the store could be reached; in the outage it says all the same who is there.
pub fn an_outage_is_told_with_who_is_there() {
    let cluster = Cluster::new(&Arc::new(Memory::shared()));
    let machine = Machine::new(&(Arc::clone(&cluster) as Arc<dyn Engine>));
    let mut wire = machine.home.producer(ProducerId::new());
    let session = begin(&mut wire, 1);
    // Asked only while the store is away, so that the core is not.
    until("the session is told", || {
        cluster.set_away(false);
        cluster.set_away(true);
        let status = machine.home.wire().status();
        assert!(status.reach.is_some_and(|reach| !reach.ok));
        status.sessions.iter().map(|presence| presence.info.session).eq([session])
    });
    cluster.is_away.store(false, Ordering::SeqCst);
    drop(wire);
    machine.stop();
}

/// What is typed and what changes on disk meanwhile is judged when the store answers again, by what it holds.
pub fn a_store_that_is_away_is_waited_for() {
    let cluster = Cluster::new(&Arc::new(Memory::shared()));
    let machine = Machine::new(&(Arc::clone(&cluster) as Arc<dyn Engine>));
    let folder = machine.home.folder().join("w");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("a"), "one\n").unwrap();
    let mut asker = machine.home.wire();
    asker.call(Call::Watch { path: folder.to_str().unwrap().into(), poll: false }).unwrap();
    let mut tail = machine.home.wire();
    assert_eq!(tail.call(Call::Tail { filter: Filter::default(), from: None }), Ok(Reply::Done));
    let producer = ProducerId::new();
    let mut wire = machine.home.producer(producer);
    wire.report(1..=10);
    wire.durable(10);
    cluster.is_away.store(true, Ordering::SeqCst);
    std::fs::write(folder.join("a"), "one\ntwo\n").unwrap();
    wire.report(11..=20);
    let words = "does not answer";
    let mut status = machine.home.wire().status();
    until("it is said", || {
        status = machine.home.wire().status();
        status.reach.as_ref().is_some_and(|reach| !reach.ok && reach.detail.contains(words))
    });
    assert_eq!(status.problems.iter().filter(|problem| problem.contains(words)).count(), 1, "{:?}", status.problems);
    // What the core cannot answer is not left open.
    let other = machine.home.folder().join("v");
    std::fs::create_dir(&other).unwrap();
    let watch = || machine.home.wire().call(Call::Watch { path: other.to_str().unwrap().into(), poll: false });
    let refused = watch().unwrap_err();
    assert!(refused.code == ErrorCode::Store && refused.message.contains(words), "{refused:?}");
    cluster.is_away.store(false, Ordering::SeqCst);
    wire.durable(20);
    // The tail was never cut off, and misses nothing; nor is anything said any more.
    let mut seen = Vec::new();
    while numbers(&seen, producer).len() < 20 || !seen.iter().any(|event| event.event.kind() == "disk") {
        seen.extend(tail.tailed(1));
    }
    assert_eq!(numbers(&seen, producer), (1..=20).collect::<Vec<_>>());
    until("all is well again", || machine.home.wire().status().problems.is_empty());
    assert!(watch().is_ok());
    drop((asker, tail, wire));
    machine.stop();
}

/// A store whose watches are lost, every one.
struct Deaf(Arc<Memory>);

impl Engine for Deaf {
    fn transact(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        self.0.transact(body)
    }
    fn watch(&self, _: &[u8]) -> Result<Watch, StoreError> {
        Ok(Watch::silent())
    }
    fn place(&self) -> String {
        self.0.place()
    }
    fn bytes(&self) -> Result<u64, StoreError> {
        self.0.bytes()
    }
    fn exclusive(&self) -> bool {
        false
    }
}

pub fn a_tail_whose_watch_is_lost_misses_nothing() {
    let memory = Arc::new(Memory::shared());
    let deaf: Arc<dyn Engine> = Arc::new(Deaf(Arc::clone(&memory)));
    let cluster: Arc<dyn Engine> = Cluster::new(&memory);
    let (here, there) = (Machine::new(&deaf), Machine::new(&cluster));
    let mut tail = here.home.wire();
    tail.call(Call::Tail { filter: Filter::default(), from: None }).unwrap();
    let producer = ProducerId::new();
    let mut wire = there.home.producer(producer);
    // Each is waited for alone: the next beat has nothing but this one to find.
    for number in 1..=3 {
        wire.report(number..=number);
        assert_eq!(numbers(&tail.tailed(1), producer), [number]);
    }
    there.stop();
    here.stop();
}
