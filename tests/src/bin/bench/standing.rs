//! How long everybody waits for the hub's core while git changes thousands of files in one command: small calls to the hub,
//! one after the other, from the command's begin until the hub is done with all that it did.
//!
//! Beside each what the core asked git on its own thread meanwhile. The hub knows authors of half of the files and remembers
//! lines of theirs, which what git brings has too: else it would ask seldom.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use codi2_ipc::blocking::Link;
use codi2_protocol::{
    Actor, ActorKind, Body, Call, EventBody, EventId, Filter, HookPhase, HookRecord, ProcessStats, Reply,
};
use codi2_tests::wait_for;

use crate::editor::code;
use crate::ground::{Counts, Ground};
use crate::interrupt;
use crate::report::Row;
use crate::samples::{Samples, shown};

const GROUPS: usize = 3;
const FOLDERS: usize = 20;
/// Files of each folder.
const FILES: usize = 100;
/// Commits of before.
const COMMITS: usize = 300;
/// Commits of somebody else that are pulled.
const PULLED: usize = 200;
const OURS: &str = "Ada Example <ada@example.invalid>";
const THEIRS: &str = "Bob Example <bob@example.invalid>";
const KINDS: [&str; 4] = ["blob", "earlier", "foreign", "indexed"];

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let plain = Standing::new(counts, "").rows();
    // Git's filters are its own: a process of git's.
    let filtered = Standing::new(counts, "*.rs text=auto\n").rows();
    plain.into_iter().chain(filtered).collect()
}

/// Ends the calls, also where a command breaks.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Standing {
    ground: Ground,
    link: Link,
    /// Files of a folder.
    files: usize,
    /// What there is to say of all.
    about: &'static str,
    marks: usize,
}

impl Standing {
    /// A world whose hub has looked at everything and has seen an agent write into half of the files, and take that back.
    fn new(counts: Counts, attributes: &str) -> Self {
        let ground = Ground::new(&[]);
        let files = counts.of(FILES);
        let world = &ground.world;
        let origin = world.home().join("origin.git").to_string_lossy().into_owned();
        ground.whole_process("git", &["fast-import", "--quiet", "--force"], &history(files, attributes));
        world.git(&["reset", "--quiet", "--hard", "main"]);
        world.git(&["clone", "--quiet", "--bare", ".", &origin]);
        ground.whole_process("git", &["-C", &origin, "fast-import", "--quiet", "--force"], &theirs(files));
        world.git(&["remote", "add", "origin", &origin]);
        ground.start_hub();
        let mut link = ground.link();
        ground.watch(&mut link);
        ground.world.wait_until_watched();
        let about = if attributes.is_empty() { "" } else { "with filters, " };
        let mut standing = Self { ground, link, files, about, marks: 0 };
        for line in [remembered as fn(usize) -> String, |_| String::new()] {
            standing.agent_writes(line);
        }
        standing
    }

    fn rows(mut self) -> Vec<Row> {
        let half = self.all() / 2;
        let mut rows = vec![
            self.measured(
                "`git checkout` of a branch that nobody has seen here",
                half,
                &["checkout", "--quiet", "topic"],
            ),
            self.measured("`git checkout` back", half, &["checkout", "--quiet", "main"]),
            self.measured(
                "`git pull` of 200 commits of somebody else's",
                half,
                &["pull", "--quiet", "--ff-only", "origin", "main"],
            ),
            self.measured("`git mv` of a folder", self.all() / GROUPS, &["mv", "src/g0", "src/moved"]),
        ];
        for (what, command) in [
            (
                "a program adds a line to each file of a folder",
                "for file in src/g2/*/*.rs; do echo '// more' >> $file; done",
            ),
            ("a folder is copied", "cp -r src/g1 src/copy"),
            ("a folder is removed", "rm -r src/copy"),
        ] {
            rows.push(self.stood(what, self.all() / GROUPS, |ground| ground.whole_process("sh", &["-c", command], "")));
        }
        rows
    }

    fn all(&self) -> usize {
        GROUPS * FOLDERS * self.files
    }

    fn measured(&mut self, what: &'static str, changed: usize, command: &[&str]) -> Row {
        self.stood(what, changed, |ground| ground.whole_process("git", command, ""))
    }

    fn stood(&mut self, what: &'static str, changed: usize, act: impl FnOnce(&Ground) -> Duration) -> Row {
        interrupt::check();
        let before = self.asked();
        let (is_over, begun) = (AtomicBool::new(false), Instant::now());
        let times = thread::scope(|scope| {
            let ground = &self.ground;
            let over = Over(&is_over);
            let waits = scope.spawn(|| {
                let (mut link, mut times) = (ground.link(), Samples::default());
                while !is_over.load(Ordering::SeqCst) {
                    let start = Instant::now();
                    let reply = link.call_within(Call::Status, Duration::from_secs(600));
                    assert!(matches!(reply, Ok(Reply::Status(_))), "{reply:?}");
                    times.add(start.elapsed());
                    thread::sleep(Duration::from_millis(1));
                }
                times
            });
            act(ground);
            rest(ground, &mut self.link, &mut self.marks);
            drop(over);
            waits.join().expect("the hub answers")
        });
        let took = begun.elapsed();
        let mut note = format!("{}{changed} files, done after {}", self.about, shown(took.as_nanos() as i64));
        for (kind, (after, before)) in KINDS.iter().zip(self.asked().iter().zip(&before)) {
            let (times, us) = (after.0 - before.0, after.1 - before.1);
            if times > 0 {
                let _ = write!(note, "; {kind} asked {times} ×, {} in all", shown(us as i64 * 1_000));
            }
        }
        Row::beyond(what, times, "", note)
    }

    /// How often the core has asked git for each kind of answer, and how long it stood (µs).
    fn asked(&mut self) -> [(u64, u64); 4] {
        let processes = match self.link.call(Call::Stats) {
            Ok(Reply::Stats(processes)) => processes,
            other => panic!("{other:?}"),
        };
        let hub: &ProcessStats =
            processes.iter().find(|process| process.part == "hub").expect("the hub measures itself");
        KINDS.map(|kind| {
            let times = hub.measured.iter().find(|one| one.name == format!("git_{kind}")).map_or(0, |one| one.count);
            let us = hub.counts.iter().find(|one| one.name == format!("git_{kind}_us")).map_or(0, |one| one.value);
            (times, us)
        })
    }

    /// An agent announces and writes half of the files, each with this line at its end.
    fn agent_writes(&mut self, line: fn(usize) -> String) {
        let all: Vec<usize> = (0..self.all()).step_by(2).collect();
        for numbers in all.chunks(200) {
            for phase in [HookPhase::Before, HookPhase::After] {
                if phase == HookPhase::After {
                    numbers.iter().for_each(|number| {
                        self.ground.world.write(&name(*number, self.files), &(text(*number) + &line(*number)))
                    });
                }
                let record =
                    record(&self.ground, phase, numbers.iter().map(|number| name(*number, self.files)).collect());
                let reply = self.link.call_within(Call::Hook(record), Duration::from_secs(60));
                assert!(matches!(reply, Ok(Reply::Done)), "{reply:?}");
            }
        }
        rest(&self.ground, &mut self.link, &mut self.marks);
    }
}

/// Waits until the hub is done with all that happened in the worktree until now, known by a file of no meaning.
fn rest(ground: &Ground, link: &mut Link, marks: &mut usize) {
    *marks += 1;
    ground.world.write("zz-mark", &"m".repeat(*marks));
    wait_for(
        "the mark",
        || "the hub did not come so far".to_owned(),
        || {
            let filter = Filter { file: Some("zz-mark".to_owned()), ..Filter::default() };
            let call = Call::Log { filter, cursor: None, newest_first: true, limit: 1 };
            let Ok(Reply::Events { events, .. }) = link.call_within(call, Duration::from_secs(600)) else {
                return None;
            };
            let told =
                |body: &Body| matches!(body, Body::Known(EventBody::Disk { size, .. }) if *size == *marks as u64);
            events.iter().any(|event| told(&event.event.body)).then_some(())
        },
    );
}

fn name(number: usize, files: usize) -> String {
    let folder = number / files;
    format!("src/g{}/d{}/file{}.rs", folder / FOLDERS, folder % FOLDERS, number % files)
}

fn text(number: usize) -> String {
    format!("// This is the file with the number {number}.\n{}", code(2 << 10))
}

/// A line that an agent wrote, and took away.
fn remembered(number: usize) -> String {
    format!("let remembered_{number} = \"of file {number}\";\n")
}

fn commit(stream: &mut String, branch: &str, who: &str, number: usize) {
    let at = 1_600_000_000 + number * 600;
    let _ = write!(stream, "commit refs/heads/{branch}\ncommitter {who} {at} +0000\ndata 5\nwork\n");
}

fn file(stream: &mut String, name: &str, text: &str) {
    let _ = write!(stream, "M 100644 inline {name}\ndata {}\n{text}\n", text.len());
}

/// `main` with some history, and `topic` with another half of the files.
fn history(files: usize, attributes: &str) -> String {
    let all = GROUPS * FOLDERS * files;
    let mut stream = String::new();
    commit(&mut stream, "main", OURS, 0);
    if !attributes.is_empty() {
        file(&mut stream, ".gitattributes", attributes);
    }
    (0..all).for_each(|number| file(&mut stream, &name(number, files), &text(number)));
    for number in 1..=COMMITS {
        commit(&mut stream, "main", OURS, number);
        // The last one is as the agent finds it.
        let more = if number > COMMITS / 2 { String::new() } else { format!("let changed = {number};\n") };
        let number = 1 + 2 * (number % (COMMITS / 2)) % (all - 1);
        file(&mut stream, &name(number, files), &(text(number) + &more));
    }
    commit(&mut stream, "topic", OURS, COMMITS + 1);
    stream.push_str("from refs/heads/main\n");
    for number in (0..all).step_by(2) {
        let text = format!("let topic_{number} = {number};\n{}{}", text(number), remembered(number));
        file(&mut stream, &name(number, files), &text);
    }
    stream
}

/// Somebody else's commits on `main`.
fn theirs(files: usize) -> String {
    let half: Vec<usize> = (0..GROUPS * FOLDERS * files).step_by(2).collect();
    let mut stream = String::new();
    for (number, numbers) in half.chunks(half.len().div_ceil(PULLED)).enumerate() {
        commit(&mut stream, "main", THEIRS, COMMITS + 2 + number);
        if number == 0 {
            stream.push_str("from refs/heads/main^0\n");
        }
        for number in numbers {
            let text = format!("let theirs_{number} = {number};\n{}{}", text(*number), remembered(*number));
            file(&mut stream, &name(*number, files), &text);
        }
    }
    stream
}

fn record(ground: &Ground, phase: HookPhase, files: Vec<String>) -> HookRecord {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    HookRecord {
        id: EventId::new(),
        at_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        phase,
        format: "agent-v1".to_owned(),
        actor: Some(Actor::named(ActorKind::Agent, "bench")),
        parent_pid: std::process::id(),
        parent_start: None,
        call: None,
        pair: None,
        folder: ground.world.repository().to_string_lossy().into_owned(),
        files,
        found: Vec::new(),
    }
}
