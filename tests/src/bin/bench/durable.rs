//! A sealed group: from the sidecar's report to the hub's word that it is durable.
//!
//! The sidecars are the real client (`codi2_ipc::Client`) in this process, the hub is the real one. Counted: forming
//! the frame, the socket, the hub's decision, the transaction and its sync, the acknowledgement. Not counted: sealing
//! itself (digests, evidence), which is the sidecar's.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::ground::Counts;
use crate::interrupt;
use crate::report::Row;
use crate::samples::Samples;
use crate::sidecar::Crowd;

const PRODUCERS: usize = 16;
const GROUPS_ALONE: usize = 500;
const GROUPS_EACH: usize = 100;
/// Turns between measuring and the floor, so that a slow phase of the disk meets both.
const TURNS: usize = 4;
/// Bytes of a file.
const BYTES: usize = 10 << 10;
const TARGET: &str = "p50 < 8 ms, p99 < 25 ms";

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let mut crowd = Crowd::new(PRODUCERS, BYTES, |_| {});

    let floor_file = crowd.ground.world.state().join("floor");
    let mut floor = Floor::new(&floor_file);
    let (mut alone, mut bare) = (Samples::default(), Samples::default());
    for _ in 0..counts.of(GROUPS_ALONE) {
        interrupt::check();
        alone.add(crowd.one());
        bare.add(floor.write());
    }

    let (mut together, mut bare_together) = (Samples::default(), Samples::default());
    let (each, mut busy) = (counts.of(GROUPS_EACH).div_ceil(TURNS), Duration::ZERO);
    for _ in 0..TURNS {
        interrupt::check();
        bare_together.append(floors_at_once(&crowd.ground.world.state(), each));
        let start = Instant::now();
        crowd.all_at_once(each, &mut together);
        busy += start.elapsed();
    }
    let rate = together.count() as f64 / busy.as_secs_f64();
    crowd.end();
    vec![
        Row::time("sealed group → durable, 1 producer", alone, ("bare 4 KB write + fsync", bare), TARGET, ""),
        Row::time(
            "sealed group → durable, 16 producers at once",
            together,
            ("16 threads at once, each bare 4 KB write + fsync of its own file", bare_together),
            TARGET,
            format!("{rate:.0} groups/s"),
        ),
    ]
}

/// A file that grows by 4 KB a write, each synced.
struct Floor(File);

impl Floor {
    fn new(path: &Path) -> Self {
        Self(File::create(path).expect("a file of our own"))
    }

    fn write(&mut self) -> Duration {
        let start = Instant::now();
        self.0.write_all(&[7; 4 << 10]).and_then(|()| self.0.sync_all()).expect("the disk has room");
        start.elapsed()
    }
}

fn floors_at_once(folder: &Path, each: usize) -> Samples {
    let mut all = Samples::default();
    let begin = Barrier::new(PRODUCERS);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..PRODUCERS)
            .map(|number| {
                let (begin, path) = (&begin, folder.join(format!("floor{number}")));
                scope.spawn(move || {
                    let mut floor = Floor::new(&path);
                    let mut times = Samples::default();
                    begin.wait();
                    (0..each).for_each(|_| times.add(floor.write()));
                    times
                })
            })
            .collect();
        for thread in threads {
            all.append(thread.join().expect("the disk has room"));
        }
    });
    all
}
