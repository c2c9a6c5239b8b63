//! Starts: an editor's `initialize`, a client's connection, the hub itself.

use std::os::unix::net::UnixStream;
use std::time::Instant;

use codi2_ipc::blocking::Link;
use codi2_protocol::{Call, Reply};
use codi2_tests::wait_for;

use crate::echo::{Echo, there_and_back};
use crate::editor::Editor;
use crate::ground::{BUILD, Counts, Ground};
use crate::interrupt;
use crate::report::Row;
use crate::samples::Samples;

const WARM_WINDOWS: usize = 100;
const COLD_WINDOWS: usize = 30;
const CONNECTIONS: usize = 1_000;
const COLD_HUBS: usize = 30;
/// Bytes of a greeting, about.
const GREETING: usize = 150;

/// Measures windows: the whole way from before the sidecar's process is made.
pub fn initialize(counts: Counts) -> Vec<Row> {
    let ground = Ground::new(&[("a.rs", "fn main() {}\n")]);
    let nothing = |into: &mut Samples| into.add(ground.whole_process("/bin/true", &[], ""));
    ground.start_hub();
    let (mut warm, mut beside_warm) = (Samples::default(), Samples::default());
    for _ in 0..counts.of(WARM_WINDOWS) {
        interrupt::check();
        nothing(&mut beside_warm);
        let start = Instant::now();
        let mut editor = Editor::start(&ground.world);
        warm.add(editor.initialize(&ground.world, false) - start);
        editor.close();
    }
    let (mut cold, mut connected, mut beside_cold) = (Samples::default(), Samples::default(), Samples::default());
    for _ in 0..counts.of(COLD_WINDOWS) {
        interrupt::check();
        ground.stop_hub();
        nothing(&mut beside_cold);
        let start = Instant::now();
        let mut editor = Editor::start(&ground.world);
        cold.add(editor.initialize(&ground.world, true) - start);
        connected.add(editor.told("codi2/status", |status| status["connected"] == true) - start);
        editor.close();
    }
    let target = "< 50 ms";
    vec![
        Row::time("sidecar started → `initialize` answered, warm hub", warm, ("/bin/true", beside_warm), target, ""),
        Row::time("the same, no hub runs", cold, ("/bin/true", beside_cold.clone()), target, "the answer needs no hub"),
        Row::time(
            "sidecar started → `codi2/status` says connected, cold hub started for it",
            connected,
            ("/bin/true", beside_cold),
            "< 300 ms",
            "",
        ),
    ]
}

/// Measures connecting to a hub that runs, and starting one.
pub fn hub(counts: Counts) -> Vec<Row> {
    let ground = Ground::new(&[("a.rs", "fn main() {}\n")]);
    ground.start_hub();
    let (mut warm, mut bare) = (Samples::default(), Samples::default());
    {
        let echo = Echo::start(ground.places.runtime());
        // The hub must not end between two connections, and does not; this one is as an editor's.
        let _open = ground.link();
        for _ in 0..counts.of(CONNECTIONS) {
            interrupt::check();
            let start = Instant::now();
            let mut stream: UnixStream = echo.connect();
            there_and_back(&mut stream, GREETING);
            bare.add(start.elapsed());
            let start = Instant::now();
            let link = ground.link();
            warm.add(start.elapsed());
            drop(link);
        }
    }
    ground.stop_hub();
    let [again, first] = [false, true].map(|is_first| cold_hubs(&ground, counts.of(COLD_HUBS), is_first));
    vec![
        Row::time(
            "connect and greet, warm hub",
            warm,
            ("bare Unix socket: connect, echo of 150 bytes", bare),
            "< 10 ms",
            "",
        ),
        Row::time(
            "cold hub started, connected and greeted",
            again.0,
            ("/bin/true", again.1),
            "< 300 ms",
            "store there",
        ),
        Row::time("the same, first start", first.0, ("/bin/true", first.1), "< 300 ms", "makes the store"),
    ]
}

fn cold_hubs(ground: &Ground, count: usize, is_first: bool) -> (Samples, Samples) {
    let (mut cold, mut nothing) = (Samples::default(), Samples::default());
    let spec = ground.spec();
    for _ in 0..count {
        interrupt::check();
        if is_first {
            let state = ground.world.state();
            for entry in std::fs::read_dir(&state).expect("our own folder") {
                let path = entry.expect("our own folder").path();
                let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
                removed.expect("no hub runs");
            }
        }
        nothing.add(ground.whole_process("/bin/true", &[], ""));
        let start = Instant::now();
        let mut link = Link::connect_or_start(&ground.places, &spec, BUILD).expect("a hub starts");
        cold.add(start.elapsed());
        let pid = link.hub().pid;
        assert!(matches!(link.call(Call::Stop), Ok(Reply::Done)), "the hub stops when asked");
        wait_for("the hub's end", || format!("pid {pid}"), || ground.world.hub_pid().is_none().then_some(()));
    }
    (cold, nothing)
}
