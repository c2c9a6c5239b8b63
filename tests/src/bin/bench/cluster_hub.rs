//! Durable ingest of the whole hub on FoundationDB, beside the bare client that writes single events in turns with it.
//!
//! As in `producers`: real clients in this process, one group of each under way at any time. What the hub writes of a
//! group is more (its branch, sessions) than the one event, with its index rows, that the bare client writes.

use std::fs;
use std::time::{Duration, Instant};

use codi2_protocol::{Call, Reply};
use codi2_tests::cluster::{Cluster, own, shared};

use crate::cluster::{Bare, GOAL, at_once, in_turn};
use crate::editor::code;
use crate::ground::{Counts, Ground};
use crate::interrupt;
use crate::report::Row;
use crate::samples::Samples;
use crate::sidecar::{all_at_once, sidecars};

/// Producers at once, groups of each.
const INGEST: &[(usize, usize)] = &[(1, 400), (16, 100), (64, 40)];
const TURNS: usize = 2;
/// Bytes of a file, as in `producers`.
const BYTES: usize = 2 << 10;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let server = if std::env::var_os("CODI2_FDB_CLUSTER_FILE").is_none() { own("cluster-hub", None) } else { None };
    let Some(found) = server.as_ref().map(|server| server.cluster.clone()).or_else(|| shared("cluster-hub")) else {
        return Vec::new();
    };
    INGEST.iter().map(|&(producers, each)| ingest(&found, producers, counts.of(each))).collect()
}

fn ingest(found: &Cluster, producers: usize, each: usize) -> Row {
    let text = code(BYTES);
    let names: Vec<String> = (0..producers).map(|number| format!("file{number}.rs")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), text.as_str())).collect();
    let ground = Ground::new(&files);
    settings(&ground, found, producers);
    ground.start_hub();
    let (runtime, mut sidecars) = sidecars(&ground, &names, &text);
    let bare = Bare::new(found, 1);
    let (mut ours, mut floor) = (Samples::default(), Samples::default());
    let (mut busy, mut busy_floor) = (Duration::ZERO, Duration::ZERO);
    for turn in 0..TURNS {
        interrupt::check();
        let each = each.div_ceil(TURNS);
        let hub_takes = || {
            let start = Instant::now();
            sidecars = runtime.block_on(all_at_once(std::mem::take(&mut sidecars), each, &mut ours));
            busy += start.elapsed();
        };
        let bare_writes = || {
            let start = Instant::now();
            floor.append(at_once(producers, each, &|producer, number| bare.write(producer, turn, number)));
            busy_floor += start.elapsed();
        };
        in_turn(turn, hub_takes, bare_writes);
    }
    let decided = decided(&ground);
    drop(sidecars);
    runtime.shutdown_timeout(Duration::from_secs(5));
    let rate = |samples: &Samples, busy: Duration| samples.count() as f64 / busy.as_secs_f64();
    let (rate, bare) = (rate(&ours, busy), rate(&floor, busy_floor));
    let what: &'static str =
        Box::leak(format!("hub on FoundationDB: sealed group → durable, {producers} at once").into());
    let note = format!("{rate:.0} groups/s, {:.2} of the floor's {bare:.0}; {decided}", rate / bare);
    eprintln!("{what}: {note}");
    Row::time(what, ours, ("bare client, an event a transaction", floor), GOAL, note)
}

/// How long the hub's core takes for a report, by its own measure, and how many the writer puts into a commit.
fn decided(ground: &Ground) -> String {
    let Ok(Reply::Stats(all)) = ground.link().call(Call::Stats) else { panic!("the hub tells its measures") };
    let hub = all.iter().find(|stats| stats.part == "hub").expect("the hub's own measures");
    let p50 = |name| hub.measured.iter().find(|measured| measured.name == name).map_or(0, |measured| measured.p50);
    format!("decided in {} µs, {} a commit (p50)", p50("decide") / 1_000, p50("commit_entries"))
}

/// The home's settings name the cluster.
fn settings(ground: &Ground, found: &Cluster, producers: usize) {
    let folder = ground.world.home().join("config/codi2");
    fs::create_dir_all(&folder).expect("a folder for settings");
    let prefix = format!("bench-hub-{producers}-{}/", std::process::id());
    let library = found.library.as_ref().map(|library| format!("library = {library:?}\n")).unwrap_or_default();
    let file = &found.file;
    let store = format!("[store]\nkind = \"foundationdb\"\nprefix = {prefix:?}\ncluster_file = {file:?}\n{library}");
    fs::write(folder.join("config.toml"), store).expect("settings");
}
