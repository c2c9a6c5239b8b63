//! A program writes a file: from before its write to the attributed event in a `codi2 tail` that runs.
//!
//! Counted: the write itself, the watcher, its settle time (30 ms, on purpose: a file is read when it is whole), the
//! hash, the diff, the decision, the transaction and its sync, the tail's process and its output. The floor is the
//! same write seen by an inotify watch of our own, in this process.

use std::ffi::CString;
use std::io::{BufRead, BufReader};
use std::mem::MaybeUninit;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use codi2_tests::{Entry, World, program};
use rustix::fs::inotify;

use crate::editor::code;
use crate::ground::{Counts, Ground};
use crate::interrupt;
use crate::report::Row;
use crate::samples::Samples;

const FILES: usize = 10;
const BYTES: usize = 10 << 10;
const WRITES: usize = 300;
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let mut text = code(BYTES);
    let names: Vec<String> = (0..FILES).map(|number| format!("file{number}.rs")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), text.as_str())).collect();
    let ground = Ground::new(&files);
    ground.start_hub();
    let mut watching = ground.link();
    ground.watch(&mut watching);
    let tail = Tail::start(&ground.world);
    tail.wait_until_it_follows(&ground.world);
    let closed = closed_files(ground.world.repository());

    let (mut seen, mut notified) = (Samples::default(), Samples::default());
    for number in 0..counts.of(WRITES) {
        interrupt::check();
        let name = &names[number % FILES];
        text.push_str(&format!("let written_{number} = {number};\n"));
        let start = Instant::now();
        ground.world.write(name, &text);
        notified.add(closed.wait(start, |found| found.to_bytes() == name.as_bytes()) - start);
        seen.add(tail.seen(name, text.len(), start) - start);
    }
    let floor = ("the same write → an inotify event in this process", notified);
    vec![Row::time(
        "disk write → attributed event printed by `codi2 tail`",
        seen,
        floor,
        "p95 < 120 ms",
        "30 ms of it settle",
    )]
}

/// Things with the moment at which they were seen.
pub struct Seen<T>(Receiver<(Instant, T)>);

impl<T> Seen<T> {
    /// The moment of the first one wanted that was seen after `start`.
    pub fn wait(&self, start: Instant, wanted: impl Fn(&T) -> bool) -> Instant {
        loop {
            let (moment, thing) = self.0.recv_timeout(PATIENCE).expect("what was written is seen");
            if moment >= start && wanted(&thing) {
                return moment;
            }
        }
    }
}

/// A `codi2 tail`; dropping it ends it.
pub struct Tail {
    child: Child,
    events: Seen<Entry>,
}

impl Tail {
    /// Starts it.
    pub fn start(world: &World) -> Self {
        let mut command = world.command(program());
        command.args(["tail", "--format", "jsonl"]);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("codi2 starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (found, events) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let moment = Instant::now();
                if found.send((moment, Entry::parse(&line))).is_err() {
                    return;
                }
            }
        });
        Self { child, events: Seen(events) }
    }

    /// The moment after `start` at which it printed that a file has so many bytes.
    pub fn seen(&self, file: &str, bytes: usize, start: Instant) -> Instant {
        let is_it =
            |entry: &Entry| entry.kind() == "disk" && entry.file() == file && entry.0["event"]["body"]["size"] == bytes;
        self.events.wait(start, is_it)
    }

    /// Writes until the tail prints a write, then waits until it is quiet.
    pub fn wait_until_it_follows(&self, world: &World) {
        let end = Instant::now() + PATIENCE;
        let mut number = 0;
        loop {
            number += 1;
            world.write("warm-up.rs", &format!("{number}\n"));
            if self.events.0.recv_timeout(Duration::from_millis(500)).is_ok() {
                break;
            }
            assert!(Instant::now() < end, "codi2 tail prints nothing of what is written\n{}", world.explain());
        }
        while self.events.0.recv_timeout(Duration::from_millis(500)).is_ok() {}
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The names of files in `folder` whose writer closes them, from now until the folder is gone.
pub fn closed_files(folder: &Path) -> Seen<CString> {
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC).expect("an inotify instance");
    inotify::add_watch(&watch, folder, inotify::WatchFlags::CLOSE_WRITE).expect("one more watch");
    let (found, closed) = channel();
    std::thread::spawn(move || {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(watch, &mut buffer);
        while let Ok(event) = reader.next() {
            let moment = Instant::now();
            let is_over = event.events().contains(inotify::ReadFlags::IGNORED);
            let name = event.file_name().map(ToOwned::to_owned).unwrap_or_default();
            if is_over || found.send((moment, name)).is_err() {
                return;
            }
        }
    });
    Seen(closed)
}
