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

use codi2_ipc::{Client, Flushed, Options};
use codi2_protocol::{
    Actor, ActorKind, Call, Digest, Edit, EditGroup, Editor, Fact, FileId, GroupId, Reply, SessionId, SessionInfo,
    Shape, Text, WorktreeId,
};

use crate::editor::code;
use crate::ground::{BUILD, Counts, Ground};
use crate::interrupt;
use crate::report::Row;
use crate::samples::Samples;

const PRODUCERS: usize = 16;
const GROUPS_ALONE: usize = 500;
const GROUPS_EACH: usize = 100;
/// Turns between measuring and the floor, so that a slow phase of the disk meets both.
const TURNS: usize = 4;
/// Bytes of a file.
const BYTES: usize = 10 << 10;
/// Keys of a group.
const KEYS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(30);
const TARGET: &str = "p50 < 8 ms, p99 < 25 ms";

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let text = code(BYTES);
    let names: Vec<String> = (0..PRODUCERS).map(|number| format!("file{number}.rs")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), text.as_str())).collect();
    let ground = Ground::new(&files);
    ground.start_hub();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime for the sidecars");
    let mut sidecars: Vec<Sidecar> = runtime.block_on(async {
        let mut sidecars = Vec::new();
        for name in &names {
            sidecars.push(Sidecar::start(&ground, name, &text).await);
        }
        sidecars
    });

    let floor_file = ground.world.state().join("floor");
    let mut floor = Floor::new(&floor_file);
    let (mut alone, mut bare) = (Samples::default(), Samples::default());
    for _ in 0..counts.of(GROUPS_ALONE) {
        interrupt::check();
        alone.add(runtime.block_on(sidecars[0].group()));
        bare.add(floor.write());
    }

    let (mut together, mut bare_together) = (Samples::default(), Samples::default());
    let (each, mut busy) = (counts.of(GROUPS_EACH).div_ceil(TURNS), Duration::ZERO);
    for _ in 0..TURNS {
        interrupt::check();
        bare_together.append(floors_at_once(&ground.world.state(), each));
        let start = Instant::now();
        sidecars = runtime.block_on(all_at_once(sidecars, each, &mut together));
        busy += start.elapsed();
    }
    let rate = together.count() as f64 / busy.as_secs_f64();
    drop(sidecars);
    runtime.shutdown_timeout(Duration::from_secs(5));
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

/// Each sidecar has `each` groups made durable, one after the other, all sidecars at once.
async fn all_at_once(sidecars: Vec<Sidecar>, each: usize, into: &mut Samples) -> Vec<Sidecar> {
    let running: Vec<_> = sidecars
        .into_iter()
        .map(|mut sidecar| {
            tokio::spawn(async move {
                let mut times = Samples::default();
                for _ in 0..each {
                    times.add(sidecar.group().await);
                }
                (sidecar, times)
            })
        })
        .collect();
    let mut back = Vec::new();
    for sidecar in running {
        let (sidecar, times) = sidecar.await.expect("a sidecar does not break");
        into.append(times);
        back.push(sidecar);
    }
    back
}

/// A sidecar with one open buffer.
struct Sidecar {
    client: Client,
    session: SessionId,
    file: FileId,
    text: String,
    digest: Digest,
}

impl Sidecar {
    async fn start(ground: &Ground, name: &str, text: &str) -> Self {
        let mut options = Options::new(BUILD);
        options.capabilities = vec!["text".to_owned(), "owners".to_owned()];
        let (client, _) = Client::spawn(ground.places.clone(), None, options);
        let root = ground.world.repository().to_string_lossy().into_owned();
        let worktree = match client.call(Call::Watch { path: root.clone(), poll: false }).await {
            Ok(Reply::Watch(watch)) => watch.worktree,
            other => panic!("the repository is not watched: {other:?}"),
        };
        let (session, digest) = (SessionId::new(), digest(text));
        let file = FileId { worktree: worktree.clone(), path: name.to_owned() };
        let sidecar = Self { client, session, file: file.clone(), text: text.to_owned(), digest };
        sidecar.report(Fact::SessionStarted { info: info(session, worktree, root, ground.world.person()) });
        sidecar.report(Fact::Opened { file, digest, bytes: text.len() as u64 });
        assert_eq!(sidecar.client.flush(PATIENCE).await, Flushed::Durable);
        sidecar
    }

    fn report(&self, fact: Fact) {
        self.client.report(self.session, now_ms(), fact);
    }

    /// Types a few keys and gives the time from their report to the hub's word.
    async fn group(&mut self) -> Duration {
        let (before, at) = (self.digest, self.text.len() / 2);
        let edits = (0..KEYS).map(|key| Edit {
            at: (at + key) as u64,
            deleted: 0,
            inserted: 1,
            line: 1,
            lines_deleted: 0,
            lines_inserted: 0,
            shape: Shape::Keystroke,
            source: None,
            restored: Vec::new(),
            copied: Vec::new(),
        });
        let edits: Vec<Edit> = edits.collect();
        self.text.insert_str(at, &"x".repeat(KEYS));
        self.digest = digest(&self.text);
        let group = GroupId::new();
        let (file, after, now) = (self.file.clone(), self.digest, now_ms());
        let inserted = vec!["x".to_owned(); KEYS];
        let text = Text::Group { session: self.session, group, part: 0, inserted };
        let sealed = EditGroup { group, file, part: 0, parts: 1, before, after, edits, first_ms: now, last_ms: now };
        let start = Instant::now();
        self.client.text(text);
        self.report(Fact::Edits(sealed));
        let flushed = self.client.flush(PATIENCE).await;
        let time = start.elapsed();
        assert_eq!(flushed, Flushed::Durable);
        time
    }
}

fn info(session: SessionId, worktree: WorktreeId, root: String, person: &str) -> SessionInfo {
    SessionInfo {
        session,
        actor: Actor::named(ActorKind::Person, person),
        editor: Editor { name: BUILD.to_owned(), version: None },
        pid: std::process::id(),
        host: None,
        worktree: Some(worktree),
        root: Some(root),
        branch: Some("main".to_owned()),
        base: None,
    }
}

fn digest(text: &str) -> Digest {
    Digest::new(codi2_text::digest_of(text.as_bytes()))
}

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
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
