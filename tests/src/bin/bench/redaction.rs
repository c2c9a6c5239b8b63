//! The door for secrets on one core: real-shaped events, source text, and source text with a secret in each piece.
//!
//! The floor of each is a copy of the same texts. What a process pays once, for the keywords of all rules, is told
//! apart: a hook pays it each time.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use codi2_ipc::door::pass;
use codi2_protocol::{
    Actor, ActorKind, Digest, Edit, EditGroup, Editor, EventId, Fact, FileId, GroupId, HookPhase, HookRecord, Kind,
    Numbered, RepositoryId, SessionId, SessionInfo, Shape, Source, SourceKind, Texts, WorktreeId,
};
use codi2_redaction::Redactor;
use codi2_tests::root;

use crate::ground::Counts;
use crate::interrupt;
use crate::report::Row;
use crate::samples::{Samples, shown};

const EVENTS: usize = 100_000;
/// Bytes of a piece of source text, about a long log message.
const PIECE: usize = 300;
const TARGET: &str = "≥ 20,000 a second: p50 < 50 µs";

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let redactor = Redactor::new(Some(&[7; 32]));
    let start = Instant::now();
    black_box(redactor.words("the first text of a process"));
    let first = shown(i64::try_from(start.elapsed().as_nanos()).unwrap_or(i64::MAX));
    let many = counts.of(EVENTS);
    let events: Vec<Numbered> = (0..many).map(|number| event(number as u64)).collect();
    let pieces = pieces(many);
    let planted: Vec<String> = pieces.iter().enumerate().map(|(at, piece)| plant(piece, at)).collect();
    let rows = [
        events_through(&redactor, events, &first),
        texts_through(&redactor, "300 bytes of source text redacted", &pieces),
        texts_through(&redactor, "300 bytes of source text with a secret in them", &planted),
    ];
    let hostile = hostile(64 << 10);
    let mut worst = Samples::default();
    for _ in 0..counts.of(100) {
        interrupt::check();
        let start = Instant::now();
        black_box(redactor.words(&hostile));
        worst.add(start.elapsed());
    }
    let worst =
        Row::beyond("64 KiB made to be slow: every keyword, again and again", worst, "", "bounded, not typical");
    rows.into_iter().chain([worst]).collect()
}

fn rate(samples: &Samples) -> String {
    let whole: f64 = samples.total().as_secs_f64();
    format!("{:.0} a second", samples.count() as f64 / whole.max(f64::MIN_POSITIVE))
}

fn events_through(redactor: &Redactor, events: Vec<Numbered>, first: &str) -> Row {
    let (mut times, mut copied) = (Samples::default(), Samples::default());
    for mut event in events {
        let start = Instant::now();
        event.each_text(&mut |_: Kind, text: &mut String| *text = black_box(text.clone()));
        copied.add(start.elapsed());
        let start = Instant::now();
        pass(redactor, &mut event);
        times.add(start.elapsed());
        black_box(event);
    }
    let note = format!("{}; a process's first text {first}", rate(&times));
    Row::time("an event through the door", times, ("its texts copied", copied), TARGET, note)
}

fn texts_through(redactor: &Redactor, what: &'static str, texts: &[String]) -> Row {
    let (mut times, mut copied) = (Samples::default(), Samples::default());
    for text in texts {
        let start = Instant::now();
        black_box(text.clone());
        copied.add(start.elapsed());
        let start = Instant::now();
        black_box(redactor.words(text));
        times.add(start.elapsed());
    }
    let note = rate(&times);
    Row::time(what, times, ("the text copied", copied), TARGET, note)
}

/// Events as sidecars and hooks report them, one kind after the other.
fn event(number: u64) -> Numbered {
    let worktree = WorktreeId { repository: RepositoryId::new(), name: String::new() };
    let file = |path: &str| FileId { worktree: worktree.clone(), path: path.into() };
    let ada = || Actor::named(ActorKind::Person, "Ada Example <ada@example.invalid>");
    let agent = || Actor {
        model: Some("model-1-20260101".into()),
        session: Some(SessionId::new().to_string()),
        ..Actor::named(ActorKind::Agent, "scripted-agent")
    };
    let fact = match number % 4 {
        0 => Fact::SessionStarted {
            info: SessionInfo {
                session: SessionId::new(),
                actor: ada(),
                editor: Editor { name: "Neovim".into(), version: Some("0.11.4".into()) },
                pid: 1,
                process: None,
                host: None,
                worktree: Some(worktree.clone()),
                root: Some("/home/ada/projects/example".into()),
                branch: Some("feature/rotate-tokens-at-login".into()),
                base: Some("3f2a9c0417b2d6e13f2a9c0417b2d6e13f2a9c04".into()),
            },
        },
        1 | 2 => Fact::Edits(EditGroup {
            group: GroupId::new(),
            file: file("services/authentication/src/password_reset.rs"),
            part: 0,
            parts: 1,
            before: Digest::new([1; 32]),
            after: Digest::new([2; 32]),
            edits: vec![edit(); 12],
            first_ms: 0,
            last_ms: 0,
        }),
        _ => Fact::Hook(HookRecord {
            id: EventId::new(),
            at_ms: 0,
            phase: HookPhase::After,
            format: "agent-v1".into(),
            actor: Some(agent()),
            parent_pid: 1,
            parent_start: None,
            call: Some(EventId::new().to_string()),
            pair: None,
            folder: "/home/ada/projects/example".into(),
            files: (0..8).map(|n| format!("/home/ada/projects/example/src/module_{n}/mod.rs")).collect(),
            found: Vec::new(),
        }),
    };
    Numbered { seq: number + 1, occurred_ms: 0, session: None, fact }
}

fn edit() -> Edit {
    let source = Source { kind: SourceKind::Completion, name: Some("nvim-cmp".into()), detail: Some("confirm".into()) };
    Edit {
        at: 0,
        deleted: 0,
        inserted: 12,
        line: 1,
        lines_deleted: 0,
        lines_inserted: 0,
        shape: Shape::Insert,
        source: Some(source),
        restored: Vec::new(),
        copied: Vec::new(),
    }
}

/// This repository's own sources in pieces, as many as asked for.
fn pieces(many: usize) -> Vec<String> {
    let mut text = String::new();
    sources(&root().join("sidecar"), &mut text);
    let characters: Vec<char> = text.chars().collect();
    let pieces: Vec<String> = characters.chunks(PIECE).map(|piece| piece.iter().collect()).collect();
    pieces.iter().cycle().take(many).cloned().collect()
}

fn sources(folder: &Path, text: &mut String) {
    let entries = fs::read_dir(folder).expect("a folder of this clone");
    for path in entries.map(|entry| entry.expect("a readable entry").path()) {
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            text.push_str(&fs::read_to_string(&path).expect("a source file"));
        }
    }
}

/// A token of a different kind in each piece.
fn plant(piece: &str, at: usize) -> String {
    let body: String = (0..64_usize).map(|n| char::from(b"q8Zr2LmX0aPd7VtK"[(n * 7 + at) % 16])).collect();
    let token = match at % 4 {
        0 => format!("ghp_{}", &body[..36]),
        1 => format!("password={}", &body[..14]),
        2 => format!("Authorization: Bearer {}", &body[..40]),
        _ => format!("postgres://ada:{}@db.example.test/app", &body[..16]),
    };
    let middle = piece.char_indices().nth(PIECE / 2).map_or(0, |(at, _)| at);
    format!("{} {token} {}", &piece[..middle], &piece[middle..])
}

fn hostile(bytes: usize) -> String {
    let words = codi2_redaction::rules().join("=password=eyJ://a:sk-ant-");
    words.repeat(bytes / words.len() + 1)
}
