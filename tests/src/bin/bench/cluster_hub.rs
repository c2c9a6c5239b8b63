//! Durable ingest of the whole hub on FoundationDB, beside the bare client that writes single events in turns with it.
//!
//! As in `producers`: real clients in this process, one group of each under way at any time. What the hub writes of a
//! group is more (its branch, sessions) than the one event, with its index rows, that the bare client writes.

use std::fs;
use std::time::{Duration, Instant};

use codi2_protocol::{Call, Reply};
use codi2_tests::cluster::{Cluster, own, shared};

use crate::cluster::{Bare, GOAL, at_once, in_turn};
use crate::ground::{Counts, Ground};
use crate::interrupt;
use crate::report::Row;
use crate::samples::Samples;
use crate::sidecar::Crowd;

/// Producers at once, groups of each.
const INGEST: &[(usize, usize)] = &[(1, 400), (16, 100), (64, 40)];
const TURNS: usize = 2;
/// Bytes of a file, as in `producers`.
const BYTES: usize = 2 << 10;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let server = if std::env::var_os("CODI2_FDB_CLUSTER_FILE").is_none() { own("cluster-hub", None) } else { None };
    let pid = server.as_ref().and_then(|server| server.pid()).map(str::to_owned);
    let Some(found) = server.as_ref().map(|server| server.cluster.clone()).or_else(|| shared("cluster-hub")) else {
        return Vec::new();
    };
    INGEST.iter().map(|&(producers, each)| ingest(&found, pid.as_deref(), producers, counts.of(each))).collect()
}

fn ingest(found: &Cluster, server: Option<&str>, producers: usize, each: usize) -> Row {
    let mut crowd = Crowd::new(producers, BYTES, |ground| settings(ground, found, producers));
    let bare = Bare::new(found, 1);
    let (mut ours, mut floor) = (Samples::default(), Samples::default());
    let (mut busy, mut busy_floor) = (Duration::ZERO, Duration::ZERO);
    let (mut server_worked, before) = (Duration::ZERO, measures(&crowd.ground).1);
    for turn in 0..TURNS {
        interrupt::check();
        let each = each.div_ceil(TURNS);
        let hub_takes = || {
            let (start, worked_before) = (Instant::now(), worked(server));
            crowd.all_at_once(each, &mut ours);
            busy += start.elapsed();
            server_worked += worked(server) - worked_before;
        };
        let bare_writes = || {
            let start = Instant::now();
            floor.append(at_once(producers, each, &|producer, number| bare.write(producer, turn, number)));
            busy_floor += start.elapsed();
        };
        in_turn(turn, hub_takes, bare_writes);
    }
    let (decided, commits) = measures(&crowd.ground);
    let gathered = ours.count() as f64 / (commits - before) as f64;
    let at_work = 100.0 * server_worked.as_secs_f64() / busy.as_secs_f64();
    let at_work = server.map_or(String::new(), |_| format!(", server at work {at_work:.0} % of the time"));
    crowd.end();
    let rate = |samples: &Samples, busy: Duration| samples.count() as f64 / busy.as_secs_f64();
    let (rate, bare) = (rate(&ours, busy), rate(&floor, busy_floor));
    let what: &'static str =
        Box::leak(format!("hub on FoundationDB: sealed group → durable, {producers} at once").into());
    let share = rate / bare;
    let note = format!(
        "{rate:.0} groups/s, {share:.2} of the floor's {bare:.0}; decided in {decided} µs, {gathered:.1} a commit{at_work}"
    );
    eprintln!("{what}: {note}");
    Row::time(what, ours, ("bare client, an event a transaction", floor), GOAL, note)
}

/// How long the hub's core takes for a report (half of the times, in µs), and how often its writer committed, by its own
/// measure.
fn measures(ground: &Ground) -> (u64, u64) {
    let Ok(Reply::Stats(all)) = ground.link().call(Call::Stats) else { panic!("the hub tells its measures") };
    let hub = all.iter().find(|stats| stats.part == "hub").expect("the hub's own measures");
    let of = |name| hub.measured.iter().find(|measured| measured.name == name).expect("it is measured");
    (of("decide").p50 / 1_000, of("commit").count)
}

/// How long a process was at work since its start, in steps of 10 ms, as Linux counts.
fn worked(pid: Option<&str>) -> Duration {
    let Some(pid) = pid else { return Duration::ZERO };
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process lives");
    let after_name = stat.rsplit_once(") ").expect("the name is in brackets").1;
    let ticks = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number"));
    Duration::from_millis(10 * ticks.sum::<u64>())
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
