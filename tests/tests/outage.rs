//! P3: while the hub is away everything is kept, and owners stay right. The real client in this process, and the real
//! hub. Absent on purpose: a spool that is full (the tests of the client's outbox).
//!
//! `CODI2_SOAK=1`: ten minutes at 200 events a second, in real time.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

use std::time::{Duration, Instant};

use codi2_ipc::{Client, Flushed, Options};
use codi2_protocol::{
    Actor, ActorKind, Call, Digest, Edit, EditGroup, Editor as EditorName, Fact, FileId, GroupId, Reply, SessionId,
    SessionInfo, Shape, WorktreeId, limits,
};
use codi2_tests::hub::told;
use codi2_tests::{World, wait_for};
use tokio::time::MissedTickBehavior;

const PATIENCE: Duration = Duration::from_secs(120);

/// A sidecar in this process that types at the end of one file.
struct Typist {
    client: Client,
    session: SessionId,
    file: FileId,
    text: String,
    digest: Digest,
    groups: u64,
}

impl Typist {
    async fn start(world: &World, name: &str) -> Self {
        let (client, news) = Client::spawn(world.places(), None, Options::new("test"));
        drop(news);
        let root = world.repository().to_string_lossy().into_owned();
        let worktree = match client.call(Call::Watch { path: root.clone(), poll: false }).await {
            Ok(Reply::Watch(watch)) => watch.worktree,
            other => panic!("{other:?}"),
        };
        let text = world.read(name);
        let file = FileId { worktree: worktree.clone(), path: name.to_owned() };
        let (session, digest) = (SessionId::new(), digest(&text));
        let typist = Self { client, session, file: file.clone(), text, digest, groups: 0 };
        typist.report(Fact::SessionStarted { info: info(session, worktree, root, world.person()) });
        typist.report(Fact::Opened { file, digest, bytes: typist.text.len() as u64 });
        assert_eq!(typist.client.flush(PATIENCE).await, Flushed::Durable);
        typist
    }

    fn report(&self, fact: Fact) {
        self.client.report(self.session, 1, fact);
    }

    /// Types one key, as a group of its own.
    fn types(&mut self) {
        let (before, at) = (self.digest, self.text.len() as u64);
        self.text.push('x');
        self.digest = digest(&self.text);
        let edit = Edit {
            at,
            deleted: 0,
            inserted: 1,
            line: 2,
            lines_deleted: 0,
            lines_inserted: 0,
            shape: Shape::Keystroke,
            source: None,
            restored: Vec::new(),
            copied: Vec::new(),
        };
        let (group, file, after) = (GroupId::new(), self.file.clone(), self.digest);
        let edits = vec![edit];
        self.report(Fact::Edits(EditGroup {
            group,
            file,
            part: 0,
            parts: 1,
            before,
            after,
            edits,
            first_ms: 1,
            last_ms: 1,
        }));
        self.groups += 1;
    }
}

fn info(session: SessionId, worktree: WorktreeId, root: String, person: &str) -> SessionInfo {
    SessionInfo {
        session,
        actor: Actor::named(ActorKind::Person, person),
        editor: EditorName { name: "test".into(), version: None },
        pid: std::process::id(),
        process: None,
        host: None,
        worktree: Some(worktree),
        root: Some(root),
        branch: Some("main".into()),
        base: None,
    }
}

fn digest(text: &str) -> Digest {
    Digest::new(codi2_text::digest_of(text.as_bytes()))
}

#[test]
fn an_outage_loses_nothing_and_owners_stay() {
    const TYPISTS: u64 = 8;
    let soak = std::env::var_os("CODI2_SOAK").is_some();
    // In all 200 a second for ten minutes.
    let (each, pace) = if soak { (15_000, Some(Duration::from_millis(40))) } else { (400, None) };
    let names: Vec<String> = (0..TYPISTS).map(|n| format!("f{n}.txt")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "old\n")).collect();
    let world = World::new(&files);
    let started = world.codi2(&["hub", "start"]);
    assert_eq!(started.code, 0, "{}", started.err);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let begun = Instant::now();
    let (counts, spooled) = runtime.block_on(async {
        let mut typists = Vec::new();
        for name in &names {
            typists.push(Typist::start(&world, name).await);
        }
        let away = world.without_hub();
        let typing = typists.into_iter().map(|mut typist| {
            tokio::spawn(async move {
                let mut keys = tokio::time::interval(pace.unwrap_or(Duration::from_nanos(1)));
                keys.set_missed_tick_behavior(MissedTickBehavior::Burst);
                for _ in 0..each {
                    if pace.is_some() {
                        keys.tick().await;
                    }
                    typist.types();
                }
                typist
            })
        });
        let mut typists = Vec::new();
        for typing in typing.collect::<Vec<_>>() {
            typists.push(typing.await.unwrap());
        }
        let mut spooled = 0;
        for typist in &typists {
            assert_eq!(typist.client.flush(PATIENCE).await, Flushed::Spooled { facts: each });
            let bytes = typist.client.status().spool_bytes;
            assert!(bytes > 0 && bytes <= limits::SPOOL_BYTES, "{bytes}");
            spooled += bytes;
        }
        // Half of them die meanwhile: the hub finds what they left. To the others new facts come while it reads.
        let mut counts = Vec::new();
        let mut living = Vec::new();
        for (number, typist) in typists.into_iter().enumerate() {
            match number % 2 {
                0 => counts.push((typist.client.producer(), typist.groups)),
                _ => living.push(typist),
            }
        }
        drop(away);
        let started = world.codi2(&["hub", "start"]);
        assert_eq!(started.code, 0, "{}", started.err);
        for mut typist in living {
            for _ in 0..200 {
                typist.types();
            }
            assert_eq!(typist.client.flush(PATIENCE).await, Flushed::Durable);
            // Nothing was saved: the buffer's owners are what the groups say.
            assert_eq!(typed(&world, &typist), typist.groups, "{}", typist.file.path);
            counts.push((typist.client.producer(), typist.groups));
        }
        (counts, spooled)
    });
    let all: u64 = counts.iter().map(|(_, groups)| groups).sum();
    // The session's start, and a group each; that the file was opened makes no event.
    let wanted = |groups: u64| [vec![1], (3..groups + 3).collect::<Vec<u64>>()].concat();
    let log = wait_for(
        "every event",
        || world.explain(),
        || {
            let log = told(&world.events());
            let have: usize = counts.iter().filter_map(|(id, _)| log.get(id)).map(|told| told.numbers.len()).sum();
            (have as u64 >= all + TYPISTS).then_some(log)
        },
    );
    for (producer, groups) in &counts {
        assert_eq!(log[producer].numbers, wanted(*groups), "each once, in order");
        assert!(log[producer].gaps.is_empty());
    }
    println!(
        "COUNT P3 | hub away for {} s, {TYPISTS} producers, half of them dead before it comes back, {} kB spooled | {all} events | 0 lost, 0 twice, in order, every byte its typist's",
        begun.elapsed().as_secs(),
        spooled >> 10,
    );
}

/// How many bytes of its buffer are a person's.
fn typed(world: &World, typist: &Typist) -> u64 {
    let call = Call::Owners { file: typist.file.clone(), digest: Some(typist.digest), buffer: false };
    let Ok(Reply::Owners(reply)) = world.link().call(call) else { panic!("no owners of {}", typist.file.path) };
    let by_hand = |owner: u32| reply.owners[owner as usize].verdict.origin.kind == ActorKind::Person;
    reply.spans.iter().filter(|span| by_hand(span.owner)).map(|span| span.len).sum()
}
