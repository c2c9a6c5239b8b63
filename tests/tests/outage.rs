//! P3: while the hub is away everything is kept up to the spool's cap, and owners stay right; what is over the cap is a
//! gap, and nothing else is unknown. The real client in this process or real sidecars, and the real hub.
//!
//! `CODI2_SOAK=1`: ten minutes at 200 events a second, in real time.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use codi2_ipc::{Flushed, Options};
use codi2_protocol::{ActorKind, Call, Reply, limits};
use codi2_tests::editor::Editor;
use codi2_tests::hub::told;
use codi2_tests::sidecar::Sidecar;
use codi2_tests::{Blame, Line, World, wait_for};
use serde_json::json;
use tokio::time::MissedTickBehavior;

/// A sidecar in this process that types at the end of one file, each key a group of its own.
struct Typist {
    sidecar: Sidecar,
    groups: u64,
}

impl Typist {
    async fn start(world: &World, name: &str) -> Self {
        Self { sidecar: Sidecar::start(world, name, &world.read(name), Options::new("test")).await, groups: 0 }
    }

    fn types(&mut self) {
        let (_, group) = self.sidecar.types(self.sidecar.text.len(), 1);
        self.sidecar.report(group);
        self.groups += 1;
    }
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
            assert_eq!(typist.sidecar.flush().await, Flushed::Spooled { facts: each });
            let bytes = typist.sidecar.client.status().spool_bytes;
            assert!(bytes > 0 && bytes <= limits::SPOOL_BYTES, "{bytes}");
            spooled += bytes;
        }
        // Half of them die meanwhile: the hub finds what they left. To the others new facts come while it reads.
        let mut counts = Vec::new();
        let mut living = Vec::new();
        for (number, typist) in typists.into_iter().enumerate() {
            match number % 2 {
                0 => counts.push((typist.sidecar.client.producer(), typist.groups)),
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
            assert_eq!(typist.sidecar.flush().await, Flushed::Durable);
            // Nothing was saved: the buffer's owners are what the groups say.
            assert_eq!(typed(&world, &typist), typist.groups, "{}", typist.sidecar.file.path);
            counts.push((typist.sidecar.client.producer(), typist.groups));
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

/// Types at the end of an open file, each key said to be typed, as clients of codi2's own do.
fn types(editor: &mut Editor, path: &Path, keys: &str) {
    for key in keys.chars() {
        editor.hint(path, &json!({"kind": "typed"}));
        let end = editor.text(path).len();
        editor.type_at(path, end, key.encode_utf8(&mut [0; 4]));
    }
}

/// Eight windows type and save over hubs that stand still and hubs that are killed: in the end every line is its
/// typist's, and the one that is older is older than codi2.
#[test]
fn hubs_that_stand_and_die_leave_nobody_out() {
    const WINDOWS: usize = 8;
    let rounds = if std::env::var_os("CODI2_SOAK").is_some() { 20 } else { 3 };
    let names: Vec<String> = (0..WINDOWS).map(|n| format!("f{n}.txt")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "old\n")).collect();
    let world = World::new(&files);
    let mut windows: Vec<(PathBuf, Editor)> = names
        .iter()
        .map(|name| {
            let mut editor = Editor::start(&world, world.repository());
            assert!(editor.open(&world.path(name)));
            (world.path(name), editor)
        })
        .collect();
    let mut lines = 0;
    for round in 0..rounds {
        let frozen = world.freeze_hub();
        for (number, (path, editor)) in windows.iter_mut().enumerate() {
            types(editor, path, &format!("{number} while it stands\n"));
            if (number + round) % 3 > 0 {
                editor.save(path);
            }
            editor.hover(path);
        }
        // It dies as it stands, or goes on and dies with all that came in at once.
        if round % 2 == 0 {
            world.kill_hub();
            drop(frozen);
        } else {
            drop(frozen);
            world.kill_hub();
        }
        for (number, (path, editor)) in windows.iter_mut().enumerate() {
            types(editor, path, &format!("{number} after it\n"));
            if (number + round) % 2 > 0 {
                editor.save(path);
            }
        }
        lines += 2;
    }
    for (path, editor) in &mut windows {
        types(editor, path, "last\n");
        editor.save(path);
    }
    let wanted = |blame: &Blame| {
        let old = blame.lines.first().is_some_and(|line| line.evidence == ["before-codi2"]);
        let hers = blame.lines.iter().skip(1).filter(|line| line.kind == "person" && line.name == world.person());
        old && blame.lines.len() == lines + 2 && hers.count() == lines + 1
    };
    for name in &names {
        world.wait_blame("every line its typist's", name, false, wanted);
    }
    println!(
        "COUNT P3 | {WINDOWS} windows type and save over {rounds} hubs that stand still and are killed | {} lines | every line its typist's",
        WINDOWS * (lines + 2)
    );
}

/// The spool is full: the oldest facts are one gap. What was typed before it and after it has its owners, whether the
/// text is saved or not, and what it swallowed is unknown and says why.
#[test]
fn a_full_spool_swallows_what_it_says_and_nothing_else() {
    // Twice as much as the spool holds.
    const LINES: usize = 1_400;
    let world = World::new(&[("a.txt", "old\n")]);
    let settings = world.home().join("config/codi2");
    std::fs::create_dir_all(&settings).unwrap();
    std::fs::write(settings.join("config.toml"), "[spool]\ncap_mib = 1\n").unwrap();
    let path = world.path("a.txt");
    let mut editor = Editor::start(&world, world.repository());
    assert!(editor.open(&path));
    types(&mut editor, &path, "before\n");
    world.wait_log("the line before", |log| {
        let typed: u64 = log.iter().filter(|entry| entry.kind() == "edit").map(|entry| entry.inserted()).sum();
        (typed == 7).then_some(())
    });
    let away = world.without_hub();
    for number in 0..LINES {
        types(&mut editor, &path, &format!("line {number} of many\n"));
    }
    editor.save(&path);
    types(&mut editor, &path, "after\n");
    editor.hover(&path);
    drop(away);
    let wanted = |blame: &Blame| {
        let is = |evidence: &str| blame.lines.iter().filter(|line| line.evidence == [evidence]).count();
        let hers = |line: &Line| line.kind == "person" && line.name == world.person();
        let [old, before, rest @ ..] = &blame.lines[..] else { return false };
        // One line may be half in the gap and half behind it.
        let lost = rest.iter().take_while(|line| line.evidence == ["gap"]).count();
        let behind = rest[lost..].iter().skip_while(|line| line.mixed);
        let right = old.evidence == ["before-codi2"] && hers(before) && lost > 0 && is("gap") == lost;
        right && rest.len() == LINES + 1 && rest.last().is_some_and(hers) && behind.clone().all(hers)
    };
    let blame = world.wait_blame("owners around the gap", "a.txt", true, wanted);
    editor.save(&path);
    let saved = world.wait_blame("the same owners of the file", "a.txt", false, wanted);
    assert_eq!(blame.kinds(), saved.kinds());
    let told: Vec<_> = told(&world.events()).into_values().flat_map(|told| told.gaps).collect();
    assert!(!told.is_empty() && told.iter().all(|gap| gap.facts > 0), "{told:?}");
    let lost: u64 = told.iter().map(|gap| gap.facts).sum();
    let lines = blame.lines.iter().filter(|line| line.evidence == ["gap"]).count();
    println!(
        "COUNT P3 | a spool of 1 MiB is full | {lost} facts in {} gaps | {lines} of {} lines unknown, all others their owners'",
        told.len(),
        LINES + 3
    );
    editor.quit();
}

/// How many bytes of its buffer are a person's.
fn typed(world: &World, typist: &Typist) -> u64 {
    let call = Call::Owners { file: typist.sidecar.file.clone(), digest: Some(typist.sidecar.digest), buffer: false };
    let Ok(Reply::Owners(reply)) = world.link().call(call) else { panic!("no owners of {}", typist.sidecar.file.path) };
    let by_hand = |owner: u32| reply.owners[owner as usize].verdict.origin.kind == ActorKind::Person;
    reply.spans.iter().filter(|span| by_hand(span.owner)).map(|span| span.len).sum()
}
