//! A hub driven by hand: the real core, ledger, ports, watch and store, with a virtual clock instead of threads.
//!
//! Absent on purpose: sockets and the writer's thread, which add no decision.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use codi2_hub::machines::{Core, Effect, Input, Ticket, World, write};
use codi2_protocol::{
    Call, Fact, FileId, HookRecord, HostId, HubError, Notice, Numbered, ProducerId, Reply, SessionId,
};
use codi2_store::Store;
use codi2_workspace::{Hand, WatchOptions};

use super::hub::Hub;

/// The connection that asks and that keeps the watches, and the sidecar's.
const ASKING: u64 = 1;
const SIDECAR: u64 = 2;
/// How long everybody rests when all has settled: git's state counts as older than what is written then.
const REST: Duration = Duration::from_millis(60);

/// A hub, or the place of one that is away.
pub struct ByHand {
    store: Arc<Store>,
    hand: Hand,
    host: HostId,
    /// A folder for files of no meaning, outside the worktrees.
    beside: PathBuf,
    watched: Arc<Mutex<VecDeque<Input>>>,
    running: Option<(Core, World)>,
    answer: Option<Result<Reply, HubError>>,
    asked: u64,
    /// Hooks that ran while the hub was away.
    spool: Vec<HookRecord>,
    wanted: Vec<(SessionId, FileId)>,
}

impl ByHand {
    pub fn new(beside: &Path) -> Self {
        Self {
            store: Arc::new(Store::memory().unwrap()),
            hand: Hand::default(),
            host: HostId::new(),
            beside: beside.to_owned(),
            watched: Arc::default(),
            running: None,
            answer: None,
            asked: 0,
            spool: Vec::new(),
            wanted: Vec::new(),
        }
    }

    fn feed(&mut self, input: Input) {
        let now = self.hand.now_ms();
        let Some((core, world)) = &mut self.running else { return };
        let mut batch = Vec::new();
        let mut notices = Vec::new();
        for effect in core.on(input, now, world) {
            match effect {
                Effect::Commit(entry) => batch.push(entry),
                Effect::Notify(_, notice) => notices.push(notice),
                // Notes on commits are made by a thread of their own, which is not here.
                Effect::Look(..) => {}
                Effect::Reply(_, answer) => self.answer = Some(answer),
                Effect::Problem(problem) => panic!("the hub has a problem: {problem}"),
            }
        }
        notices.extend(write(&self.store, batch).unwrap().into_iter().map(|(_, notice)| notice));
        self.wanted.extend(notices.into_iter().filter_map(|notice| match notice {
            Notice::WantText { session, file } => Some((session, file)),
            _ => None,
        }));
    }

    fn take_watched(&mut self) -> bool {
        let mut any = false;
        loop {
            let Some(input) = self.watched.lock().unwrap().pop_front() else { return any };
            any = true;
            self.feed(input);
        }
    }

    fn hear(&self) {
        assert!(self.hand.hear(), "a watch heard nothing of its cookie");
    }
}

impl Hub for ByHand {
    fn now_ms(&self) -> u64 {
        self.hand.now_ms()
    }

    fn passes(&mut self, time: Duration) {
        self.hand.advance(time);
        let (from, tick) = (SystemTime::now(), self.beside.join("tick"));
        loop {
            std::fs::write(&tick, "").unwrap();
            if std::fs::metadata(&tick).unwrap().modified().unwrap() > from {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn start(&mut self) {
        let (queue, options) = (Arc::clone(&self.watched), WatchOptions::default());
        let options = WatchOptions { hand: Some(self.hand.clone()), ..options };
        let sink = move |worktree, event| queue.lock().unwrap().push_back(Input::Watched(worktree, event));
        let world = World::new(Arc::clone(&self.store), self.host, options, Arc::new(sink), Arc::new(|_, _| {}));
        self.running = Some((Core::new(ProducerId::new(), self.host, [7; 32]), world));
        self.feed(Input::Begin);
        let producer = ProducerId::new();
        let fact = |(record, seq): (HookRecord, u64)| {
            let (occurred_ms, fact) = (record.at_ms, Fact::Hook(record));
            Numbered { seq, occurred_ms, session: None, fact }
        };
        let facts = std::mem::take(&mut self.spool).into_iter().zip(1..).map(fact).collect();
        self.feed(Input::Drained(producer, 0, facts));
        self.feed(Input::Spent(producer));
        self.feed(Input::CaughtUp);
    }

    fn stop(&mut self) {
        self.running = None;
        self.watched.lock().unwrap().clear();
        self.wanted.clear();
    }

    fn is_away(&self) -> bool {
        self.running.is_none()
    }

    fn may_be_away(&self) -> bool {
        true
    }

    fn join(&mut self, producer: ProducerId) -> u64 {
        let durable = self.store.producer(producer).unwrap();
        self.feed(Input::Joined(SIDECAR, producer, durable));
        durable
    }

    fn tell(&mut self, call: Call) {
        self.feed(Input::Called(None, SIDECAR, call));
    }

    fn call(&mut self, call: Call) -> Result<Reply, HubError> {
        self.asked += 1;
        self.answer = None;
        self.feed(Input::Called(Some(Ticket { connection: ASKING, id: self.asked }), ASKING, call));
        // Whoever has something watched is answered when the first look is over.
        while self.answer.is_none() && self.take_watched() {}
        self.answer.take().expect("the core answers")
    }

    fn hook(&mut self, record: HookRecord) {
        if self.is_away() {
            return self.spool.push(record);
        }
        assert_eq!(self.call(Call::Hook(record)), Ok(Reply::Done));
    }

    fn wanted(&mut self) -> Vec<(SessionId, FileId)> {
        std::mem::take(&mut self.wanted)
    }

    fn glance(&mut self) {
        self.hear();
        self.hand.step();
        self.take_watched();
    }

    fn settle(&mut self) {
        self.hear();
        loop {
            let due = self.hand.step();
            let told = self.take_watched();
            match due {
                Some(wait) => self.hand.advance(wait),
                None if told => {}
                None => break,
            }
        }
        self.passes(REST);
        self.feed(Input::Tick);
    }
}
