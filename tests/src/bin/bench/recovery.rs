//! Start after a crash: the hub is killed over stores of several sizes, and the next one is started.
//!
//! Opening reads and verifies every page (docs/store-layout.md), so the time grows with the live file; the floor is
//! reading the file once. The stores are filled in this process with events like those of editors.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use codi2_ipc::blocking::Link;
use codi2_protocol::{Actor, ActorKind, Digest, Event, EventBody, EventId, ProducerId, SessionId, WorktreeId};
use codi2_store::{Dedupe, Pending, Store};
use codi2_tests::wait_for;

use crate::ground::{BUILD, Counts, Ground};
use crate::interrupt;
use crate::report::Row;
use crate::samples::Samples;

/// Sizes of the live file, in MB; a quick run has a tenth of each.
const SIZES: [(&str, usize); 4] = [
    ("hub started after kill -9, store of 64 MB", 64),
    ("the same, 256 MB", 256),
    ("the same, 1 GB", 1_024),
    ("the same, 2 GB", 2_048),
];
/// Starts after a crash, at each size.
const STARTS: usize = 20;
/// Events of one append.
const BATCH: u64 = 512;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let ground = Ground::new(&[("a.rs", "fn main() {}\n")]);
    ground.start_hub();
    ground.stop_hub();
    let path = ground.world.state().join("store/codi2.redb");
    let (mut rows, mut next) = (Vec::new(), 1);
    for (name, megabytes) in SIZES {
        interrupt::check();
        next = fill(&path, next, (counts.of(megabytes) as u64) << 20);
        let (mut starts, mut reads) = (Samples::default(), Samples::default());
        crashed(&ground);
        for _ in 0..counts.of(STARTS) {
            interrupt::check();
            reads.add(read(&path));
            starts.add(crashed(&ground));
        }
        let bytes = std::fs::metadata(&path).expect("the store").len();
        let note = format!("{} MB, {} events", bytes >> 20, next - 1);
        rows.push(Row::time(name, starts, ("reading the file once", reads), "≤ 1 s p99 at 2 GB (P10)", note));
    }
    rows
}

/// Appends until the file is this large; the number of the next event.
fn fill(path: &Path, mut next: u64, bytes: u64) -> u64 {
    // A killed process may hold its files a moment longer than it lives.
    let open = || Store::open(path);
    let store = wait_for("the store", || format!("{:?}", open().err()), || open().ok());
    let producer = ProducerId::new();
    let (sessions, mut seq) = ((0..16).map(|_| SessionId::new()).collect::<Vec<_>>(), 0);
    while store.bytes().expect("the store") < bytes {
        interrupt::check();
        let batch: Vec<Pending> = (0..BATCH)
            .map(|_| {
                (next, seq) = (next + 1, seq + 1);
                let event = event(next, producer, seq, sessions[next as usize % sessions.len()]);
                Pending { event: Some(event), dedupe: Dedupe::fact(producer, seq), rows: Vec::new() }
            })
            .collect();
        store.append(&batch).expect("the disk has room");
    }
    next
}

fn event(number: u64, producer: ProducerId, seq: u64, session: SessionId) -> Event {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_le_bytes());
    Event {
        id: EventId::new(),
        producer,
        seq,
        occurred_ms: number * 10,
        received_ms: number * 10,
        host: None,
        session: Some(session),
        worktree: Some(WorktreeId { repository: codi2_protocol::RepositoryId::new(), name: String::new() }),
        file: Some(format!("src/module{}/file{}.rs", number % 40, number % 800)),
        actor: Actor::named(ActorKind::Person, "Ada Example <ada@example.invalid>"),
        body: EventBody::Saved { digest: Digest::new(digest) }.into(),
    }
}

/// Starts a hub over what is there, and kills it once it has greeted; how long the start took.
fn crashed(ground: &Ground) -> Duration {
    let start = Instant::now();
    let link = loop {
        // A starter waits 20 s; a hub over a large store may take longer, and the next one who comes finds it.
        match Link::connect_or_start(&ground.places, &ground.spec(), BUILD) {
            Ok(link) => break link,
            Err(error) => eprintln!("still starting: {error}"),
        }
    };
    let time = start.elapsed();
    drop(link);
    ground.world.kill_hub();
    time
}

fn read(path: &Path) -> Duration {
    let start = Instant::now();
    let mut file = File::open(path).expect("the store");
    let mut buffer = vec![0; 1 << 20];
    while file.read(&mut buffer).expect("a readable file") > 0 {}
    start.elapsed()
}
