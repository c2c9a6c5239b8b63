//! The store on FoundationDB: durable ingest, compare-and-set, range scan and waking a tail, beside the bare client
//! that writes and reads the same keys and bytes in the same run.
//!
//! Counted: the store's own calls, from the events to the acknowledgement. Not counted: the hub. Where no FoundationDB
//! is found the rows are left out, by name. What the bare client writes is what the store was seen to write.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use codi2_protocol::{Actor, ActorKind, Body, Digest, Event, EventBody, EventId, ProducerId};
use codi2_store::engine::{self, Transaction};
use codi2_store::foundationdb::{self as cluster, FoundationDbOptions};
use codi2_store::{Abort, Committed, Dedupe, Engine, Page, PageLimit, Pending, Store, StoreError, Watch};
use codi2_tests::cluster::{Cluster, own, shared};
use foundationdb::options::{ConflictRangeType, MutationType, StreamingMode, TransactionOption};
use foundationdb::{Database, RangeOption, Transaction as Sent};
use futures_executor::block_on;

use crate::ground::Counts;
use crate::interrupt;
use crate::report::Row;
use crate::samples::Samples;

/// Producers at once, events in a batch, batches of each.
const INGEST: &[(usize, usize, usize)] = &[
    (1, 1, 400),
    (16, 1, 100),
    (64, 1, 40),
    (1, 100, 60),
    (16, 100, 12),
    (64, 100, 4),
    (1, 1_000, 12),
    (16, 1_000, 2),
];
const SETS: usize = 400;
const WAKES: usize = 200;
const SCANS: usize = 20;
const SCANNED: usize = 20_000;
/// As `store copy` reads a whole store.
const PAGE: PageLimit = PageLimit { rows: 8_192, bytes: 800_000 };
const NONE: &str = "-";
pub const GOAL: &str = "≥ 0.8 of the floor's rate";

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    // One server of our own with the engine on disk; else whatever the environment names.
    let server = if std::env::var_os("CODI2_FDB_CLUSTER_FILE").is_none() { own("cluster", None) } else { None };
    let Some(found) = server.as_ref().map(|server| server.cluster.clone()).or_else(|| shared("cluster")) else {
        return Vec::new();
    };
    let mut rows = Vec::new();
    for &(producers, batch, each) in INGEST {
        interrupt::check();
        rows.push(ingest(&found, producers, batch, counts.of(each)));
    }
    rows.push(compare_and_set(&found, counts.of(SETS)));
    rows.push(scan(&found, counts.of(SCANNED), counts.of(SCANS)));
    rows.push(wake(&found, counts.of(WAKES)));
    rows
}

/// A store of its own in the cluster.
fn options(found: &Cluster) -> FoundationDbOptions {
    let mut options = FoundationDbOptions::new(&found.file);
    options.library.clone_from(&found.library);
    options.prefix = format!("{}/", &EventId::new().uuid().simple().to_string()[8..]).into_bytes();
    options.timeout_ms = 30_000;
    options
}

fn open(found: &Cluster) -> Arc<cluster::FoundationDb> {
    Arc::new(cluster::open(&options(found)).expect("the cluster can be opened"))
}

fn bare(found: &Cluster) -> Database {
    Database::from_path(found.file.to_str().expect("a path in UTF-8")).expect("the client is loaded")
}

fn sample(producer: ProducerId, number: u64) -> Event {
    Event {
        id: EventId::new(),
        producer,
        seq: number,
        occurred_ms: 1,
        received_ms: 1,
        host: None,
        session: None,
        worktree: None,
        file: Some(format!("src/file{}.rs", number % 50)),
        actor: Actor::named(ActorKind::Person, "Ada"),
        body: Body::Known(EventBody::Saved { digest: Digest::new([7; 32]) }),
    }
}

fn batch_of(producer: ProducerId, first: u64, size: usize) -> Vec<Pending> {
    let one = |number| Pending {
        event: Some(sample(producer, number)),
        dedupe: Dedupe::fact(producer, number),
        rows: Vec::new(),
    };
    (first..first + size as u64).map(one).collect()
}

/// Durable ingest by several producers at once, and the bare client's writing of the same, in turns.
fn ingest(found: &Cluster, producers: usize, size: usize, each: usize) -> Row {
    let store = Store::on(open(found)).expect("an empty store");
    // Begins a minute, as the first of what is seen does; what is measured is what most are.
    store.append(&batch_of(ProducerId::new(), 1, size)).expect("the cluster answers");
    let bare = Bare::new(found, size);
    let (mut ours, mut floor, mut reading) = (Samples::default(), Samples::default(), Samples::default());
    let (mut busy, mut busy_floor, mut busy_reading) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    // Turns, so that a slow phase of the machine meets both.
    for turn in 0..2 {
        let each = each.div_ceil(2);
        let store_writes = || {
            let start = Instant::now();
            ours.append(at_once(producers, each, &|producer, number| {
                let batch = batch_of(producer, (number * size) as u64 + 1, size);
                let start = Instant::now();
                store.append(&batch).expect("the cluster answers");
                start.elapsed()
            }));
            busy += start.elapsed();
        };
        let bare_writes = || {
            let start = Instant::now();
            floor.append(at_once(producers, each, &|producer, number| bare.write(producer, turn, number)));
            busy_floor += start.elapsed();
        };
        in_turn(turn, store_writes, bare_writes);
        if size == 1 {
            let start = Instant::now();
            reading.append(at_once(producers, each, &|producer, number| bare.read_and_write(producer, turn, number)));
            busy_reading += start.elapsed();
        }
    }
    let rate_of = |samples: &Samples, busy: Duration| (samples.count() * size) as f64 / busy.as_secs_f64();
    let (rate, bare) = (rate_of(&ours, busy), rate_of(&floor, busy_floor));
    let what: &'static str = Box::leak(format!("FoundationDB: append, {producers} at once, {size} a batch").into());
    let mut note = format!("{rate:.0} events/s, {:.2} of the floor's {bare:.0}", rate / bare);
    if reading.count() > 0 {
        let reading = rate_of(&reading, busy_reading);
        note += &format!(", {:.2} of the {reading:.0} of one that reads what decides", rate / reading);
    }
    eprintln!("{what}: {note}");
    Row::time(what, ours, ("bare client, the same keys and bytes", floor), GOAL, note)
}

/// The bare client, writing what the store was seen to write for one batch, under a prefix of its own.
pub struct Bare {
    writes: Writes,
    database: Database,
    prefix: Vec<u8>,
    /// The highest version of its commits, at which the next one reads.
    newest: AtomicI64,
}

impl Bare {
    /// For batches of this size.
    pub fn new(found: &Cluster, size: usize) -> Self {
        // Loads the client.
        drop(open(found));
        let prefix = [b"floor/", &EventId::new().uuid().into_bytes()[..]].concat();
        Self { writes: seen(size), database: bare(found), prefix, newest: AtomicI64::new(0) }
    }

    /// How long a batch takes, whose keys are its producer's, turn's and number's own.
    pub fn write(&self, producer: ProducerId, turn: usize, number: usize) -> Duration {
        let start = Instant::now();
        let salt = [&producer.uuid().into_bytes()[..], &[turn as u8, number as u8]].concat();
        self.writes.replay(&self.database, &self.prefix, &salt);
        start.elapsed()
    }

    /// As `write`, by a client that reads what no append may leave out, its producer's row and the newest minute, both at
    /// once and as of its own last commit, as the store does.
    fn read_and_write(&self, producer: ProducerId, turn: usize, number: usize) -> Duration {
        let start = Instant::now();
        let salt = [&producer.uuid().into_bytes()[..], &[turn as u8, number as u8]].concat();
        let row = [&self.prefix[..], b"row", &producer.uuid().into_bytes()].concat();
        let minutes = [&self.prefix[..], b"minutes"].concat();
        let range = |from: &[u8]| (from.to_vec(), [from, &[0xff]].concat());
        let ((row_begin, row_end), (begin, end)) = (range(&row), range(&minutes));
        let last = RangeOption { limit: Some(1), reverse: true, ..RangeOption::from((begin.clone(), end.clone())) };
        loop {
            let transaction = begun(&self.database);
            let newest = self.newest.load(Ordering::Relaxed);
            if newest > 0 {
                transaction.set_read_version(newest);
            }
            let (known, minute) = (transaction.get(&row, true), transaction.get_range(&last, 1, true));
            let read = block_on(known).and_then(|_| block_on(minute));
            let committed = read.map_err(|_| ()).and_then(|_| {
                let declare = |begin: &[u8], end: &[u8]| {
                    transaction.add_conflict_range(begin, end, ConflictRangeType::Read).expect("a range")
                };
                declare(&row_begin, &row_end);
                declare(&begin, &end);
                self.writes.send(&transaction, &self.prefix, &salt);
                block_on(transaction.commit()).map_err(drop)
            });
            match committed {
                Ok(done) => {
                    let version = done.committed_version().expect("a version");
                    self.newest.fetch_max(version, Ordering::Relaxed);
                    return start.elapsed();
                }
                // Too old, or met: upon what is newest.
                Err(()) => self.newest.store(0, Ordering::Relaxed),
            }
        }
    }
}

/// Both, and who begins changes from turn to turn.
pub fn in_turn(turn: usize, ours: impl FnOnce(), floor: impl FnOnce()) {
    if turn.is_multiple_of(2) {
        ours();
        floor();
    } else {
        floor();
        ours();
    }
}

/// Each of so many producers does something so often, one after the other, all producers at once.
pub fn at_once(producers: usize, each: usize, one: &(dyn Fn(ProducerId, usize) -> Duration + Sync)) -> Samples {
    let (all, begin) = (Mutex::new(Samples::default()), Barrier::new(producers));
    std::thread::scope(|scope| {
        for _ in 0..producers {
            scope.spawn(|| {
                let (producer, mut times) = (ProducerId::new(), Samples::default());
                begin.wait();
                (0..each).for_each(|number| times.add(one(producer, number)));
                all.lock().expect("no panic under the lock").append(times);
            });
        }
    });
    all.into_inner().expect("no panic under the lock")
}

/// A value read and written back by one, with nobody else at it.
fn compare_and_set(found: &Cluster, times: usize) -> Row {
    let (engine, database) = (open(found), bare(found));
    let (mut ours, mut floor) = (Samples::default(), Samples::default());
    for number in 0..times as u64 {
        interrupt::check();
        let start = Instant::now();
        let set = engine.transact(&mut |t| {
            t.get(b"claim")?;
            t.set(b"claim", &number.to_be_bytes())
        });
        set.expect("the cluster answers");
        ours.add(start.elapsed());
        let start = Instant::now();
        let transaction = begun(&database);
        block_on(transaction.get(b"floor/claim", false)).expect("the cluster answers");
        transaction.set(b"floor/claim", &number.to_be_bytes());
        block_on(transaction.commit()).map(drop).expect("the cluster answers");
        floor.add(start.elapsed());
    }
    Row::time("FoundationDB: compare-and-set of a claim", ours, ("bare client", floor), GOAL, "")
}

/// The whole log in pages, and the bare client's reading of the same rows.
fn scan(found: &Cluster, events: usize, times: usize) -> Row {
    let options = options(found);
    let engine = Arc::new(cluster::open(&options).expect("the cluster can be opened"));
    let store = Store::on(Arc::clone(&engine) as Arc<dyn Engine>).expect("an empty store");
    let producer = ProducerId::new();
    (0..events).step_by(500).for_each(|first| {
        store.append(&batch_of(producer, first as u64 + 1, 500)).expect("the cluster answers");
    });
    let database = bare(found);
    let (mut ours, mut floor) = (Samples::default(), Samples::default());
    let count = events.div_ceil(500) * 500;
    for _ in 0..times {
        interrupt::check();
        let (mut begin, mut seen) = (vec![0], 0);
        let start = Instant::now();
        loop {
            let mut page = Page::default();
            engine
                .transact(&mut |t| t.range(&begin, &[0xff], false, PAGE).map(|found| page = found))
                .expect("the cluster answers");
            seen += page.rows.len();
            match page.rows.last() {
                Some((last, _)) if page.more => begin = [last, &[0][..]].concat(),
                _ => break,
            }
        }
        ours.add(start.elapsed());
        let mut bare_seen = 0;
        let start = Instant::now();
        let transaction = begun(&database);
        let mut next = Some(RangeOption {
            mode: StreamingMode::WantAll,
            ..RangeOption::from((options.prefix.clone(), [&options.prefix, &[0xff][..]].concat()))
        });
        while let Some(range) = next {
            let page = block_on(transaction.get_range(&range, 1, true)).expect("the cluster answers");
            bare_seen += page.len();
            next = range.next_range(&page);
        }
        floor.add(start.elapsed());
        assert_eq!(seen, bare_seen, "both saw every row");
        assert!(seen > count, "every event and its index rows");
    }
    Row::time(
        "FoundationDB: every row of a log, in pages of 800 kB",
        ours,
        ("bare client", floor),
        GOAL,
        format!("{count} events"),
    )
}

/// From an append of one engine to a waiting tail of another that has read it.
fn wake(found: &Cluster, times: usize) -> Row {
    let options = options(found);
    let [writer, reader] = [(); 2]
        .map(|()| Store::on(Arc::new(cluster::open(&options).expect("the cluster can be opened"))).expect("a store"));
    let producer = ProducerId::new();
    let mut wakes = Samples::default();
    for number in 0..times as u64 {
        interrupt::check();
        let watch = reader.watch().expect("the cluster answers");
        let after = reader.head().expect("the cluster answers");
        let start = std::thread::scope(|scope| {
            let append = scope.spawn(|| {
                let start = Instant::now();
                writer.append(&batch_of(producer, number + 1, 1)).expect("the cluster answers");
                start
            });
            assert!(watch.wait(Duration::from_secs(60)), "the watch fires");
            assert_eq!(reader.tail_after(after, 10).expect("the cluster answers").len(), 1);
            let read = Instant::now();
            read - append.join().expect("it was appended")
        });
        wakes.add(start);
    }
    Row::beyond("FoundationDB: append begun → read by a tail elsewhere, woken by its watch", wakes, NONE, "")
}

/// What the store writes for one batch, as it was seen.
struct Writes(Vec<Op>);

enum Op {
    Set(Vec<u8>, Vec<u8>),
    Add(Vec<u8>, u128),
    Append(Vec<u8>, Vec<u8>, Vec<u8>),
    SetStamped(Vec<u8>, Vec<u8>),
}

fn seen(size: usize) -> Writes {
    let recorder = Arc::new(Recorder(codi2_store::memory::Memory::new(), Mutex::default()));
    let store = Store::on(Arc::clone(&recorder) as Arc<dyn Engine>).expect("an empty store");
    let producer = ProducerId::new();
    // The first batch also begins a minute; the second is what most are.
    store.append(&batch_of(producer, 1, size)).expect("memory takes it");
    recorder.1.lock().expect("no panic under the lock").clear();
    store.append(&batch_of(producer, size as u64 + 1, size)).expect("memory takes it");
    Writes(std::mem::take(&mut *recorder.1.lock().expect("no panic under the lock")))
}

/// A transaction of the bare client. Like the store's it keeps no account of its own writes, which it never reads.
fn begun(database: &Database) -> Sent {
    let transaction = database.create_trx().expect("a transaction");
    transaction.set_option(TransactionOption::ReadYourWritesDisable).expect("an option of each client");
    transaction
}

impl Writes {
    /// Writes the same by the bare client; `salt` of 18 bytes makes plain keys new, in place of the last 18.
    fn replay(&self, database: &Database, prefix: &[u8], salt: &[u8]) {
        let mut transaction = begun(database);
        // On a machine under load its versions, too, grow too old.
        loop {
            self.send(&transaction, prefix, salt);
            match block_on(transaction.commit()) {
                Ok(_) => return,
                Err(error) => {
                    block_on(error.on_error()).expect("the cluster answers");
                    transaction = begun(database);
                }
            }
        }
    }

    fn send(&self, transaction: &Sent, prefix: &[u8], salt: &[u8]) {
        let plain = |key: &[u8]| [prefix, &key[..key.len().saturating_sub(salt.len())], salt].concat();
        for (number, op) in self.0.iter().enumerate() {
            match op {
                Op::Set(key, value) => {
                    transaction.set(&[&plain(key)[..], &(number as u16).to_be_bytes()].concat(), value)
                }
                Op::Add(key, amount) => {
                    transaction.atomic_op(&[prefix, key].concat(), &amount.to_le_bytes(), MutationType::Add);
                }
                Op::Append(before, after, value) => {
                    let at = (prefix.len() + before.len()) as u32;
                    let key = [prefix, before, &[0; 10], after, &at.to_le_bytes()].concat();
                    transaction.atomic_op(&key, value, MutationType::SetVersionstampedKey);
                }
                Op::SetStamped(key, rest) => {
                    let key = [&plain(key)[..], &(number as u16).to_be_bytes()].concat();
                    let value = [&[0; 10], &rest[..], &[0; 4]].concat();
                    transaction.atomic_op(&key, &value, MutationType::SetVersionstampedValue);
                }
            }
        }
    }
}

/// Memory that notes what is written to it.
struct Recorder(codi2_store::memory::Memory, Mutex<Vec<Op>>);

impl Engine for Recorder {
    fn transact(&self, body: &mut engine::Body<'_>) -> Result<Committed, StoreError> {
        self.0.transact(&mut |transaction| body(&mut Noting { transaction, ops: &self.1 }))
    }
    fn watch(&self, key: &[u8]) -> Result<Watch, StoreError> {
        self.0.watch(key)
    }
    fn place(&self) -> String {
        self.0.place()
    }
    fn bytes(&self) -> Result<u64, StoreError> {
        self.0.bytes()
    }
    fn exclusive(&self) -> bool {
        true
    }
}

struct Noting<'a> {
    transaction: &'a mut dyn Transaction,
    ops: &'a Mutex<Vec<Op>>,
}

impl Noting<'_> {
    fn note(&self, op: Op) {
        self.ops.lock().expect("no panic under the lock").push(op);
    }
}

impl Transaction for Noting<'_> {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Abort> {
        self.transaction.get(key)
    }
    fn range(&mut self, begin: &[u8], end: &[u8], reverse: bool, limit: PageLimit) -> Result<Page, Abort> {
        self.transaction.range(begin, end, reverse, limit)
    }
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Abort> {
        self.note(Op::Set(key.to_vec(), value.to_vec()));
        self.transaction.set(key, value)
    }
    fn clear(&mut self, key: &[u8]) -> Result<(), Abort> {
        self.transaction.clear(key)
    }
    fn clear_range(&mut self, begin: &[u8], end: &[u8]) -> Result<(), Abort> {
        self.transaction.clear_range(begin, end)
    }
    fn add(&mut self, key: &[u8], amount: u128) -> Result<(), Abort> {
        self.note(Op::Add(key.to_vec(), amount));
        self.transaction.add(key, amount)
    }
    fn append_stamped(&mut self, prefix: &[u8], suffix: &[u8], value: &[u8]) -> Result<(), Abort> {
        self.note(Op::Append(prefix.to_vec(), suffix.to_vec(), value.to_vec()));
        self.transaction.append_stamped(prefix, suffix, value)
    }
    fn set_stamped_value(&mut self, key: &[u8], rest: &[u8]) -> Result<(), Abort> {
        self.note(Op::SetStamped(key.to_vec(), rest.to_vec()));
        self.transaction.set_stamped_value(key, rest)
    }
}
