//! The store on FoundationDB: durable ingest, compare-and-set, range scan and waking a tail, beside the bare client
//! that writes and reads the same keys and bytes in the same run.
//!
//! Counted: the store's own calls, from the events to the acknowledgement. Not counted: the hub. Where no FoundationDB
//! is found the rows are left out, by name. What the bare client writes is what the store was seen to write.

mod bare;

use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use codi2_protocol::{Actor, ActorKind, Body, Digest, Event, EventBody, EventId, ProducerId};
use codi2_store::foundationdb::{self as cluster, FoundationDbOptions};
use codi2_store::{Dedupe, Engine, Page, PageLimit, Pending, Store};
use codi2_tests::cluster::{Cluster, own, shared};
use foundationdb::RangeOption;
use foundationdb::options::StreamingMode;
use futures_executor::block_on;

pub use self::bare::Bare;
use self::bare::{begun, database};
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
const PAGE: PageLimit = PageLimit { rows: 262_144, bytes: 8_000_000 };
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
    options_at(found, format!("{}/", &EventId::new().uuid().simple().to_string()[8..]))
}

/// The store in the cluster whose keys begin so.
pub fn options_at(found: &Cluster, prefix: String) -> FoundationDbOptions {
    let mut options = FoundationDbOptions::new(&found.file);
    options.library.clone_from(&found.library);
    options.prefix = prefix.into_bytes();
    options.timeout_ms = 30_000;
    options
}

fn open(found: &Cluster) -> Arc<cluster::FoundationDb> {
    Arc::new(cluster::open(&options(found)).expect("the cluster can be opened"))
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
    let (engine, database) = (open(found), database(found));
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
    let share = share(&ours, &floor);
    Row::time("FoundationDB: compare-and-set of a claim", ours, ("bare client", floor), GOAL, share)
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
    let database = database(found);
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
    let note = format!("{count} events, {}", share(&ours, &floor));
    Row::time("FoundationDB: every row of a log, in pages of 8 MB", ours, ("bare client", floor), GOAL, note)
}

/// The share of the floor's rate, where both did the same so often, one after the other.
fn share(ours: &Samples, floor: &Samples) -> String {
    format!("{:.2} of the floor's rate", floor.total().as_secs_f64() / ours.total().as_secs_f64())
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
