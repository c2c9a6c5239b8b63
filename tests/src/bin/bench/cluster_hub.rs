//! Durable ingest of the whole hub on FoundationDB, beside the bare client that writes the same keys and bytes in turns with
//! it: a group's event with its index rows, and its buffer's branch.
//!
//! As in `producers`: real clients in this process, one group of each under way at any time.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use codi2_protocol::{Body, Call, Event, EventBody, EventId, Reply};
use codi2_store::foundationdb as cluster;
use codi2_store::{Dedupe, Engine, Page, PageLimit, Pending, Row, Store, Subspace};
use codi2_tests::cluster::{Cluster, own, shared};

use crate::cluster::{Bare, GOAL, at_once, in_turn, options_at};
use crate::ground::{Counts, Ground};
use crate::interrupt;
use crate::report;
use crate::samples::Samples;
use crate::sidecar::Crowd;

/// Producers at once, groups of each.
const INGEST: &[(usize, usize)] = &[(1, 400), (16, 100), (64, 40)];
const TURNS: usize = 2;
/// Bytes of a file, as in `producers`.
const BYTES: usize = 2 << 10;

/// Measures.
pub fn run(counts: Counts) -> Vec<report::Row> {
    let server = if std::env::var_os("CODI2_FDB_CLUSTER_FILE").is_none() { own("cluster-hub", None) } else { None };
    let pid = server.as_ref().and_then(|server| server.pid()).map(str::to_owned);
    let Some(found) = server.as_ref().map(|server| server.cluster.clone()).or_else(|| shared("cluster-hub")) else {
        return Vec::new();
    };
    INGEST.iter().map(|&(producers, each)| ingest(&found, pid.as_deref(), producers, counts.of(each))).collect()
}

fn ingest(found: &Cluster, server: Option<&str>, producers: usize, each: usize) -> report::Row {
    let mut crowd = Crowd::new(producers, BYTES, |ground| settings(ground, found, producers));
    crowd.one();
    let bare = bare(found, producers);
    let (mut ours, mut floor) = (Samples::default(), Samples::default());
    let (mut busy, mut busy_floor) = (Duration::ZERO, Duration::ZERO);
    let (mut server_worked, before) = (Duration::ZERO, measures(&crowd.ground).commits);
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
    let Measures { decide_us, commit_us, commits } = measures(&crowd.ground);
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
        "{rate:.0} groups/s, {share:.2} of the floor's {bare:.0}; decided in {decide_us} µs, {gathered:.1} a commit of {commit_us} µs{at_work}"
    );
    eprintln!("{what}: {note}");
    report::Row::time(what, ours, ("bare client, a group a transaction: the same keys and bytes", floor), GOAL, note)
}

/// The bare client that writes what the hub's store holds of its newest group: its event, and a row like its branch's.
fn bare(found: &Cluster, producers: usize) -> Bare {
    let engine = Arc::new(cluster::open(&options_at(found, prefix(producers))).expect("the cluster can be opened"));
    let store = Store::on(Arc::clone(&engine) as Arc<dyn Engine>).expect("the hub's store");
    let log = store.tail_after(None, 10_000).expect("the cluster answers");
    let edit = |event: &Event| matches!(event.body, Body::Known(EventBody::Edit { .. }));
    let event = log.into_iter().map(|stamped| stamped.event).rfind(edit).expect("a group was written");
    let (session, path) = (event.session.expect("of a session"), event.file.clone().expect("of a file"));
    let holds = |key: &[u8], part: &[u8]| key.windows(part.len()).any(|window| window == part);
    let mut page = Page::default();
    let all = PageLimit { rows: 100_000, bytes: 100_000_000 };
    let read = engine.transact(&mut |t| t.range(&[0], &[0xff], false, all).map(|found| page = found));
    read.expect("the cluster answers");
    let branch = |key: &[u8]| holds(key, session.uuid().as_bytes()) && holds(key, path.as_bytes());
    let (_, branch) = page.rows.into_iter().find(|(key, _)| branch(key)).expect("with its branch");
    Bare::of(found, &|number| {
        let seq = event.seq + number;
        let event = Event { id: EventId::new(), seq, ..event.clone() };
        // A byte each.
        let row = Row::set(Subspace::Branch, &[session.into(), (&path).into()], &vec![0_u8; branch.len()]);
        let rows = vec![row.expect("it was stored")];
        vec![Pending { dedupe: Dedupe::fact(event.producer, seq), event: Some(event), rows }]
    })
}

/// The hub's own measures, times by their halves.
struct Measures {
    /// The core's turn for a report.
    decide_us: u64,
    /// A transaction of the log.
    commit_us: u64,
    /// How many of those.
    commits: u64,
}

fn measures(ground: &Ground) -> Measures {
    let Ok(Reply::Stats(all)) = ground.link().call(Call::Stats) else { panic!("the hub tells its measures") };
    let hub = all.iter().find(|stats| stats.part == "hub").expect("the hub's own measures");
    let of = |name| hub.measured.iter().find(|measured| measured.name == name).expect("it is measured");
    let (decide, commit) = (of("decide"), of("commit"));
    Measures { decide_us: decide.p50 / 1_000, commit_us: commit.p50 / 1_000, commits: commit.count }
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
    let prefix = prefix(producers);
    let library = found.library.as_ref().map(|library| format!("library = {library:?}\n")).unwrap_or_default();
    let file = &found.file;
    let store = format!("[store]\nkind = \"foundationdb\"\nprefix = {prefix:?}\ncluster_file = {file:?}\n{library}");
    fs::write(folder.join("config.toml"), store).expect("settings");
}

/// Where the hub of so many producers has its store in the cluster.
fn prefix(producers: usize) -> String {
    format!("bench-hub-{producers}-{}/", std::process::id())
}
