//! The promise that each fact is once in the log: seeds drive the state machines of the whole road (session, outbox,
//! core, writer) over a store that misbehaves, while connections break, frames come twice, replies are lost, hubs are
//! killed and started, sidecars die with and without a word.
//!
//! Nothing here waits or has a clock; a seed always does the same but for the ids. `CODI2_SOAK=1` runs more seeds, and
//! `CODI2_SEED` a single one. Absent on purpose: sockets, files and processes, which `hub/tests/hubs` has.

mod hub;
mod log;
mod outside;
mod sidecars;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use codi2_hub::machines::{Core, Entry};
use codi2_ipc::{Input as Mail, Limits, Outbox};
use codi2_protocol::{Call, GroupId, Notice, Numbered, ProducerId};
use codi2_store::Store;
use codi2_store::fault::Faulty;
use codi2_store::memory::Memory;

use crate::lsp::session::{Input, Session};
use outside::Outside;

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
}
