//! One line for each kind of event, in every format.

use super::*;
use codi2_protocol::{
    Actor, ActorKind, Digest, Editor, EventId, GroupId, ProducerId, Range, SessionId, SessionInfo, Stamp, Verdict,
};

fn now() -> Zoned {
    "2026-11-22T12:00:00+00:00[UTC]".parse().unwrap()
}

fn event(actor: Actor, file: Option<&str>, body: impl Into<Body>) -> Event {
    Event {
        id: EventId::new(),
        producer: ProducerId::new(),
        seq: 1,
        occurred_ms: now().timestamp().as_millisecond() as u64 + 1_000,
        received_ms: 0,
        host: None,
        session: None,
        worktree: None,
        file: file.map(str::to_owned),
        actor,
        body: body.into(),
    }
}

fn change(ranges: &[(u64, u64, u64)], verdicts: Vec<Verdict>) -> Change {
    let range = |&(line, deleted, inserted)| Range {
        at: 0,
        deleted,
        inserted,
        line,
        lines_deleted: 0,
        lines_inserted: 0,
        verdict: 0,
    };
    Change { before: None, after: None, ranges: ranges.iter().map(range).collect(), verdicts, truncated: false }
}

fn ada() -> Actor {
    Actor::named(ActorKind::Person, "Ada")
}

/// No name makes one link look like two.
#[test]
fn the_links_of_a_chain_can_be_taken_apart() {
    let eve = Actor::named(ActorKind::Person, "Eve");
    let acts_for = |name: &str| {
        let behalf = Actor::named(ActorKind::Agent, name).on_behalf_of(eve.clone(), KnownBy::Told);
        links(&Actor::named(ActorKind::Agent, "robo").on_behalf_of(behalf, KnownBy::Told))
    };
    for (name, expected) in [
        ("mimi", "agent mimi, person Eve"),
        ("evil, person Ada", r"agent evil\, person Ada, person Eve"),
        (r"evil\, person Ada", r"agent evil\\\, person Ada, person Eve"),
        (r"evil\", r"agent evil\\, person Eve"),
        ("a,b", "agent a,b, person Eve"),
    ] {
        assert_eq!(acts_for(name), expected);
    }
}

#[test]
fn each_kind_has_its_line() {
    let typed = Verdict::new(ada(), Class::Inferred, EvidenceKind::Keystrokes, "");
    let outside = Verdict::new(Actor::external(), Class::Unknown, EvidenceKind::DiskChange, "");
    let claude = Actor::named(ActorKind::Agent, "claude");
    let exact = Verdict::new(claude.clone(), Class::Exact, EvidenceKind::IntentExact, "");
    let upgraded: EventId = "00000000-0000-7000-8000-00000000abcd".parse().unwrap();
    let git = |old: &str, new: &str, from: Option<&str>, to: Option<&str>| EventBody::Git {
        operation: "checkout".into(),
        old_head: Some(old.repeat(40)),
        new_head: Some(new.repeat(40)),
        old_branch: from.map(str::to_owned),
        new_branch: to.map(str::to_owned),
    };
    let disk = |operation, from: Option<&str>, change| EventBody::Disk {
        operation,
        from: from.map(str::to_owned),
        size: 9,
        change,
    };
    let intent = |phase, files: &[&str]| EventBody::Intent {
        phase,
        format: "agent-v1".into(),
        files: files.iter().map(|file| file.to_string()).collect(),
    };
    for (event, expected) in [
        (
            event(
                ada(),
                Some("a.rs"),
                EventBody::Edit {
                    group: GroupId::new(),
                    part: 0,
                    parts: 1,
                    change: change(&[(12, 0, 5), (14, 2, 0)], vec![typed.clone()]),
                },
            ),
            "12:00:01  person Ada                edit      a.rs:12  +5 −2 bytes  [inferred: keystrokes]",
        ),
        (
            event(
                ada(),
                Some("a.rs"),
                EventBody::Edit {
                    group: GroupId::new(),
                    part: 1,
                    parts: 3,
                    change: change(&[(1, 0, 5)], vec![typed.clone(), outside.clone()]),
                },
            ),
            "12:00:01  person Ada                edit      a.rs:1  +5 bytes (part 2 of 3)  [unknown: keystrokes, nobody announced it]",
        ),
        (
            event(
                Actor::external(),
                Some("a.rs"),
                disk(DiskOperation::Modify, None, change(&[(3, 4, 6)], vec![outside.clone()])),
            ),
            "12:00:01  external                  disk      a.rs:3  modified, +6 −4 bytes, now 9 bytes  [unknown: nobody announced it]",
        ),
        (
            event(Actor::external(), Some("b.rs"), disk(DiskOperation::Rename, Some("a.rs"), change(&[], vec![]))),
            "12:00:01  external                  disk      b.rs  renamed from a.rs, now 9 bytes",
        ),
        (
            event(
                Actor::external(),
                Some("b.rs"),
                disk(DiskOperation::Delete, None, change(&[(1, 9, 0)], vec![outside])),
            ),
            "12:00:01  external                  disk      b.rs:1  deleted, −9 bytes  [unknown: nobody announced it]",
        ),
        (
            event(ada(), Some("a.rs"), EventBody::Saved { digest: Digest::new([0xab; 32]) }),
            "12:00:01  person Ada                saved     a.rs  content abababab",
        ),
        (
            event(Actor::named(ActorKind::Git, "git"), None, git("a", "b", Some("main"), Some("topic"))),
            "12:00:01  git                       git         checkout main → topic, aaaaaaaa → bbbbbbbb",
        ),
        (
            event(Actor::named(ActorKind::Git, "git"), None, git("a", "a", Some("main"), None)),
            "12:00:01  git                       git         checkout main → (detached), at aaaaaaaa",
        ),
        (
            event(claude.clone(), None, intent(HookPhase::Before, &[])),
            "12:00:01  agent claude              intent      about to edit files it does not name (agent-v1)",
        ),
        (
            event(claude.clone(), None, intent(HookPhase::After, &["a", "b", "c", "d"])),
            "12:00:01  agent claude              intent      has edited a, b, c and 1 more (agent-v1)",
        ),
        (
            event(claude.clone(), None, intent(HookPhase::Failed, &["a"])),
            "12:00:01  agent claude              intent      failed at a (agent-v1)",
        ),
        (
            event(claude, Some("a.rs"), EventBody::Upgrade { of: upgraded, change: change(&[(3, 0, 1)], vec![exact]) }),
            "12:00:01  agent claude              upgrade   a.rs:3  event …0000abcd is now agent claude  [exact: announced, digests match]",
        ),
        (
            event(Actor::unknown(), None, EventBody::Watch { state: WatchState::Degraded, detail: "limit".into() }),
            "12:00:01  codi2                     watch       degraded: limit",
        ),
        (
            event(Actor::unknown(), Some(".env"), EventBody::Private),
            "12:00:01  unknown                   private   .env  a private file changed",
        ),
        (
            event(
                Actor::unknown(),
                None,
                EventBody::Gap(codi2_protocol::Gap {
                    first_seq: 1,
                    last_seq: 2,
                    facts: 2,
                    bytes: 10,
                    reason: GapReason::SpoolFull,
                }),
            ),
            "12:00:01  codi2                     gap         2 facts lost, 10 bytes: the spool was full",
        ),
        (
            event(
                ada(),
                None,
                EventBody::SessionStarted {
                    info: SessionInfo {
                        session: SessionId::new(),
                        actor: ada(),
                        editor: Editor { name: "nvim".into(), version: Some("0.11".into()) },
                        pid: 7,
                        process: None,
                        host: None,
                        worktree: None,
                        root: None,
                        branch: Some("main".into()),
                        base: None,
                    },
                },
            ),
            "12:00:01  person Ada                session-started    nvim 0.11, pid 7, on main",
        ),
    ] {
        assert_eq!(human(&event, &now(), None), expected);
    }
}

#[test]
fn events_of_other_machines_say_so() {
    let [here, there] = ["01990000-0000-7000-8000-0000aaaa0001", "01990000-0000-7000-8000-0000aaaa0002"]
        .map(|id| id.parse::<HostId>().unwrap());
    let said = |host, here| human(&Event { host, ..event(ada(), Some("a"), EventBody::Private) }, &now(), here);
    assert!(said(Some(there), Some(here)).ends_with("  machine …aaaa0002"));
    for (host, here) in [(Some(here), Some(here)), (None, Some(here)), (Some(there), None)] {
        assert!(!said(host, here).contains("machine"), "{host:?} {here:?}");
    }
}

#[test]
fn a_kind_of_a_newer_program_is_shown_by_name() {
    let body: Body = serde_json::from_str(r#"{"kind": "dream", "depth": 3}"#).unwrap();
    let line = human(&event(Actor::unknown(), None, body), &now(), None);
    assert!(line.contains("dream") && line.contains("newer codi2"), "{line}");
}

#[test]
fn machine_formats_carry_the_stamp_and_hostile_names_stay_in_their_field() {
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);
    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let stamp = Stamp { incarnation: 1, bytes: [1; 12] };
    let hostile = "a\x1b[2J\tb\nc";
    let robo = Actor::named(ActorKind::Agent, "robo")
        .on_behalf_of(Actor::named(ActorKind::Orchestrator, "con\tductor"), KnownBy::Told)
        .on_behalf_of(ada(), KnownBy::Account);
    let stamped = StampedEvent { stamp, event: event(robo, Some(hostile), EventBody::Private) };
    for format in [Format::Compact, Format::Json, Format::Jsonl] {
        let page = Page::default();
        print(&mut Printer::to(page.clone(), format), &stamped, &now(), None).unwrap();
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains(&stamp.to_string()) && !text.contains('\x1b'), "{text}");
        if format == Format::Compact {
            let fields: Vec<_> = text.trim_end().split('\t').collect();
            assert_eq!((fields[2], fields[6]), ("private", "a\\x1b[2J\\tb\\nc"));
            assert_eq!((fields.len(), fields[11]), (12, "orchestrator con\\tductor, person Ada"));
        } else {
            assert_eq!(serde_json::from_str::<StampedEvent>(&text).unwrap(), stamped);
        }
    }
}

#[test]
fn owners_in_a_few_words() {
    for (kind, name, model, expected) in [
        ("person", Some("Ada Lovelace <ada@x>"), None, "person Ada Lovelace"),
        ("agent", Some("claude"), Some("opus"), "agent claude (opus)"),
        ("git", Some("git"), None, "git"),
        ("external", Some(""), None, "external"),
        ("completion", None, Some("m"), "completion (m)"),
    ] {
        assert_eq!(owner(kind, name, model), expected);
    }
}
