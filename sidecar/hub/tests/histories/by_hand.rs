//! A hub driven by hand: the real core, ledger, ports, watch, store and notes, with a virtual clock instead of threads.
//!
//! Absent on purpose: sockets and the writer's thread, which add no decision.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use codi2_hub::machines::{Asked, Clerk, Core, Effect, Informant, Input, Notes, Ticket, Told, Why, World, write};
use codi2_protocol::{
    Call, Fact, FileId, HookRecord, HostId, HubError, Notice, Numbered, ProducerId, Reply, RepositoryId, SessionId,
    WorktreeId,
};
use codi2_store::Store;
use codi2_workspace::{Hand, WatchOptions};

use super::hub::Hub;

/// The connection that asks and that keeps the watches, and the first sidecar's.
const ASKING: u64 = 1;
const SIDECARS: u64 = 2;
/// How long everybody rests when all has settled: git's state counts as older than what is written then.
const REST: Duration = Duration::from_millis(60);

/// A hub, or the place of one that is away.
pub struct ByHand {
    machine: Rc<RefCell<Machine>>,
    hand: Hand,
    host: HostId,
    /// A folder for files of no meaning, outside the worktrees.
    beside: PathBuf,
    watched: Arc<Mutex<VecDeque<Input>>>,
    clerk: Option<Clerk<Beside>>,
    asked: u64,
    sidecars: Vec<ProducerId>,
    /// Hooks that ran while the hub was away.
    spool: Vec<HookRecord>,
}

/// The core and the world around it, and what came out of it.
struct Machine {
    store: Arc<Store>,
    hand: Hand,
    running: Option<(Core, World)>,
    answer: Option<Result<Reply, HubError>>,
    wanted: Vec<(SessionId, FileId)>,
    /// Worktrees of which somebody should look at the commits.
    wishes: Vec<(WorktreeId, Why)>,
}

impl Machine {
    fn feed(&mut self, input: Input) {
        let now = self.hand.now_ms();
        let Some((core, world)) = &mut self.running else { return };
        let effects = core.on(input, now, world);
        world.taken();
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        let mut batch = Vec::new();
        let mut notices = Vec::new();
        for effect in effects {
            match effect {
                Effect::Commit(entry) => batch.push(entry),
                Effect::Notify(_, notice) => notices.push(notice),
                Effect::Look(worktree, why) => self.wishes.push((worktree, why)),
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
}

/// What the clerk asks.
struct Beside(Rc<RefCell<Machine>>);

impl Informant for Beside {
    fn ask(&self, asked: Asked) -> Result<Option<Told>, String> {
        let mut machine = self.0.borrow_mut();
        let now = machine.hand.now_ms();
        let (core, world) = machine.running.as_mut().expect("whoever asks runs");
        let (told, effects) = core.committed(&asked, now, world);
        world.taken();
        machine.carry_out(effects);
        told
    }

    fn tell(&self, input: Input) {
        self.0.borrow_mut().feed(input);
    }

    fn trouble(&self, _: RepositoryId, trouble: Option<String>) {
        assert_eq!(trouble, None, "notes");
    }

    fn now_ms(&self) -> u64 {
        self.0.borrow().hand.now_ms()
    }
}

impl ByHand {
    pub fn new(beside: &Path) -> Self {
        let (store, hand) = (Arc::new(Store::memory().unwrap()), Hand::default());
        let machine =
            Machine { store, hand: hand.clone(), running: None, answer: None, wanted: Vec::new(), wishes: Vec::new() };
        Self {
            machine: Rc::new(RefCell::new(machine)),
            hand,
            host: HostId::new(),
            beside: beside.to_owned(),
            watched: Arc::default(),
            clerk: None,
            asked: 0,
            sidecars: Vec::new(),
            spool: Vec::new(),
        }
    }

    fn feed(&self, input: Input) {
        self.machine.borrow_mut().feed(input);
    }

    fn take_watched(&self) -> bool {
        let mut any = false;
        loop {
            let Some(input) = self.watched.lock().unwrap().pop_front() else { return any };
            any = true;
            self.feed(input);
        }
    }

    fn connection(&self, producer: ProducerId) -> u64 {
        SIDECARS + self.sidecars.iter().position(|known| *known == producer).expect("it joined") as u64
    }

    fn hear(&self) {
        assert!(self.hand.hear(), "a watch heard nothing of its cookie");
    }

    /// Writes the notes that are wished for, and those that a last look is due at.
    fn notes(&mut self) {
        let due = self.clerk.as_mut().map(Clerk::due).unwrap_or_default();
        for place in due {
            self.clerk.as_mut().expect("it told what is due").look(&place, &[]).unwrap();
        }
        loop {
            let wishes = std::mem::take(&mut self.machine.borrow_mut().wishes);
            let Some((worktree, _)) = wishes.first() else { return };
            let (mine, others): (Vec<_>, Vec<_>) = wishes.iter().cloned().partition(|(of, _)| of == worktree);
            self.machine.borrow_mut().wishes = others;
            let place = self.machine.borrow().running.as_ref().and_then(|(_, world)| world.place(worktree).cloned());
            let whys: Vec<Why> = mine.into_iter().map(|(_, why)| why).collect();
            if let (Some(place), Some(clerk)) = (place, &mut self.clerk) {
                clerk.look(&place, &whys).unwrap();
            }
        }
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

    fn has_own_time(&self) -> bool {
        true
    }

    fn start(&mut self) {
        let (queue, options) = (Arc::clone(&self.watched), WatchOptions::default());
        let options = WatchOptions { hand: Some(self.hand.clone()), ..options };
        let sink = move |worktree, event| queue.lock().unwrap().push_back(Input::Watched(worktree, event));
        let store = Arc::clone(&self.machine.borrow().store);
        let notes = Notes { write: true, max_file_bytes: options.max_file_bytes };
        let world = World::new(store, self.host, options, Arc::new(sink), Arc::new(|_, _| {}));
        self.machine.borrow_mut().running = Some((Core::new(ProducerId::new(), self.host, [7; 32]), world));
        self.clerk = Some(Clerk::new(Beside(Rc::clone(&self.machine)), notes, Arc::new(AtomicBool::new(false))));
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
        self.clerk = None;
        let mut machine = self.machine.borrow_mut();
        machine.running = None;
        machine.wanted.clear();
        machine.wishes.clear();
        self.watched.lock().unwrap().clear();
    }

    fn is_away(&self) -> bool {
        self.machine.borrow().running.is_none()
    }

    fn has_notes(&self) -> bool {
        !self.is_away()
    }

    fn may_be_away(&self) -> bool {
        true
    }

    fn join(&mut self, producer: ProducerId) -> u64 {
        let durable = self.machine.borrow().store.producer(producer).unwrap();
        if !self.sidecars.contains(&producer) {
            self.sidecars.push(producer);
        }
        self.feed(Input::Joined(self.connection(producer), producer, durable));
        durable
    }

    fn tell(&mut self, producer: ProducerId, call: Call) {
        self.feed(Input::Called(None, self.connection(producer), call));
    }

    fn call(&mut self, call: Call) -> Result<Reply, HubError> {
        self.asked += 1;
        self.machine.borrow_mut().answer = None;
        self.feed(Input::Called(Some(Ticket { connection: ASKING, id: self.asked }), ASKING, call));
        // Whoever has something watched is answered when the first look is over.
        while self.machine.borrow().answer.is_none() && self.take_watched() {}
        self.machine.borrow_mut().answer.take().expect("the core answers")
    }

    fn hook(&mut self, record: HookRecord) {
        if self.is_away() {
            return self.spool.push(record);
        }
        assert_eq!(self.call(Call::Hook(record)), Ok(Reply::Done));
    }

    fn wanted(&mut self) -> Vec<(SessionId, FileId)> {
        std::mem::take(&mut self.machine.borrow_mut().wanted)
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
        self.notes();
        self.passes(REST);
        self.feed(Input::Tick);
    }
}

impl Drop for ByHand {
    fn drop(&mut self) {
        self.stop();
        self.hand.end();
    }
}
