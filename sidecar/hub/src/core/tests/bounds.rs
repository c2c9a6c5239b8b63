//! The core stays small whatever is told: each of these would grow for ever without its bound.

use codi2_protocol::{
    Call, EditGroup, EventBody, Fact, GroupId, HookPhase, HubError, Numbered, ProducerId, SessionId, Text,
};

use super::super::bounds::{FULL_BYTES, PARTS, SESSIONS, WAITING_TICKETS};
use super::super::{Input, Ticket};
use super::sidecar::info;
use super::world::{ROOT, World, body, file, of};

const OLD: &str = "unknown unknown BeforeCodi2";
const TYPED: &str = "person ada declared EditorDeclared";

/// Names that come and go (temporary files, swap files) are nothing to be remembered.
#[test]
fn files_that_came_and_went_leave_nothing() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    let before = w.core.ledger.disk.len();
    for n in 0..300 {
        let (path, to) = (format!("tmp{n}"), format!("moved{n}"));
        w.program_writes(&path, format!("{n}\n"));
        if n % 2 == 0 {
            w.renames(&path, &to);
            w.removes(&to);
        } else {
            w.removes(&path);
        }
        // Seen to be gone once more, as a poll or a look sees it.
        w.watch_sees(&path);
    }
    assert_eq!(w.core.ledger.disk.len(), before);
    assert_eq!(w.count("disk"), 300 + 150 + 300, "each was made, half were moved, each went");
}

/// An owner that nobody has any more leaves the book, and its number serves another: nobody's text changes hands.
#[test]
fn owners_that_nobody_has_leave_the_book() {
    let mut w = World::new(&[("a.rs", "one\n"), ("kept.rs", "")]);
    w.opens("ada", "kept.rs");
    w.types("ada", "kept.rs", 0, "kept\n");
    w.saves("ada", "kept.rs");
    // What nothing explains is open to change, so each has an owner of its own.
    let mut most = 0;
    for n in 0..1_500 {
        w.program_writes("a.rs", format!("{n}\n"));
        most = most.max(w.core.ledger.book.len());
    }
    assert!(most < 1_300, "{most} owners of 1,500 changes");
    assert_eq!(w.blame("kept.rs"), [TYPED]);
    assert_eq!(w.blame("a.rs"), ["external unknown DiskChange"]);
}

/// Texts of open buffers go where there are too many; owners stay, and who looks gets the text again.
#[test]
fn live_texts_are_bounded_and_owners_stay() {
    let text = "a line that is thirty bytes ..\n".repeat(260);
    let names: Vec<String> = (0..30).map(|n| format!("f{n}.rs")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), text.as_str())).collect();
    let mut w = World::new(&files);
    for name in &names {
        w.opens("ada", name);
        w.types("ada", name, 0, "mine\n");
        w.core.ledger.live_bytes();
    }
    assert_eq!(w.wanted(), 0, "what was let go is not asked for by itself");
    // Edits of a buffer without its text still have their owners.
    w.types("ada", "f0.rs", 5, "and mine\n");
    let reply = w.owners("f0.rs", None, true).unwrap();
    assert_eq!(reply.text, None);
    assert_eq!(reply.spans[0].len, 14, "{:?}", reply.spans);
    assert_eq!(w.wanted(), 1, "somebody looked");
    w.sends_whole("ada", "f0.rs", 100);
    assert_eq!(w.blame_buffer("ada", "f0.rs")[..3], [TYPED, TYPED, OLD]);
    w.core.ledger.live_bytes();
    for name in &names {
        w.closes("ada", name);
    }
    assert_eq!(w.core.ledger.live_bytes(), 0);
}

/// Large files that change again and again: late evidence reaches back as far as there is room.
#[test]
fn changes_kept_for_late_evidence_are_bounded_in_bytes() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    for n in 0..40 {
        w.program_writes("a.rs", format!("{n} {}\n", "x".repeat(400)).repeat(10));
        let bytes: usize =
            w.core.kept.values().map(|kept| kept.after.as_ref().map_or(0, |text| text.len_bytes())).sum();
        assert!(bytes <= 32 << 10, "{bytes}");
    }
    assert!(!w.core.kept.is_empty());
}

/// A short text may have an owner for each of its lines.
#[test]
fn owners_kept_for_late_evidence_are_bounded_in_bytes() {
    let mut w = World::new(&[("a.rs", "")]);
    let text = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    w.program_writes("a.rs", text(&["x"; 400]));
    w.program_writes("a.rs", text(&[["x", "y"]; 200].concat()));
    for n in 0..30 {
        w.program_writes("a.rs", format!("{}{n}\n", text(&[["x", "y"]; 200].concat())));
        let bytes = w.core.kept.values().map(|kept| {
            let runs = kept.given.owners.iter().count() * size_of::<(usize, crate::book::OwnerRef)>();
            kept.after.as_ref().map_or(0, |text| text.len_bytes()) + runs
        });
        let bytes: usize = bytes.sum();
        assert!(bytes <= 32 << 10, "{bytes}");
    }
    assert!(w.core.kept.values().any(|kept| kept.given.owners.iter().count() > 300));
}

#[test]
fn sessions_are_bounded_and_the_quietest_end() {
    let mut w = World::new(&[]);
    w.opens("ada", "a.rs");
    let ada = w.people["ada"].session;
    for _ in 0..2 * SESSIONS {
        w.ports.now += 10;
        w.beats("ada");
        let other = codi2_protocol::SessionInfo { session: SessionId::new(), ..info(&w.people["ada"]) };
        w.report("ada", Fact::SessionStarted { info: other });
        assert!(w.core.sessions.len() <= SESSIONS);
    }
    assert!(w.core.sessions.contains_key(&ada), "who gives signs of life stays");
    assert_eq!(w.count("session-started") - w.count("session-ended"), SESSIONS);
}

#[test]
fn producers_that_come_once_are_forgotten_and_known_again() {
    let mut w = World::new(&[]);
    let mut producers = Vec::new();
    for _ in 0..200 {
        let producer = ProducerId::new();
        let gap = |seq| codi2_protocol::Gap {
            first_seq: seq,
            last_seq: seq,
            facts: 1,
            bytes: 1,
            reason: codi2_protocol::GapReason::Other,
        };
        let facts: Vec<Numbered> =
            (1..=3).map(|seq| Numbered { seq, occurred_ms: 1, session: None, fact: Fact::Gap(gap(seq)) }).collect();
        w.feed(Input::Drained(producer, w.ports.durable(producer), facts.clone()));
        w.tick(1_000);
        assert!(w.core.producers.len() <= 60, "{}", w.core.producers.len());
        producers.push((producer, facts));
    }
    let events = w.events.len();
    for (producer, facts) in producers {
        w.feed(Input::Drained(producer, w.ports.durable(producer), facts));
    }
    assert_eq!(w.events.len(), events, "none twice");
}

/// A group whose parts never end is judged as far as it came: it is in the log, and its text is asked for.
#[test]
fn parts_that_never_end_are_bounded() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    let (group, digest) = (GroupId::new(), of("one\n"));
    for part in 0..1_000 {
        let group = EditGroup {
            group,
            file: file("a.rs"),
            part,
            parts: u32::MAX,
            before: digest,
            after: digest,
            edits: Vec::new(),
            first_ms: 1,
            last_ms: 1,
        };
        w.report("ada", Fact::Edits(group));
        let waiting: usize = w.core.producers.values().map(|producer| producer.parts.len()).sum();
        assert!(waiting <= PARTS.0);
    }
    assert_eq!(w.count("edit"), 1_000 / PARTS.0 * PARTS.0);
}

#[test]
fn a_whole_text_that_never_ends_is_dropped_and_asked_for_again() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.person("ada").sends_text = false;
    w.appends("ada", "a.rs", "x");
    assert_eq!(w.wanted(), 1);
    let (session, piece) = (w.people["ada"].session, "x".repeat(512 << 10));
    for part in 0..100 {
        let (file, digest, text) = (file("a.rs"), of("?"), piece.clone());
        let full = Text::Full { session, file, digest, part, parts: 1_000, text };
        w.feed(Input::Called(None, 0, Call::Text(full)));
        assert!(w.core.waiting_text_bytes() <= FULL_BYTES);
    }
    w.appends("ada", "a.rs", "x");
    assert_eq!(w.wanted(), 2);
    w.sends_whole("ada", "a.rs", 2);
    assert_eq!(w.owners("a.rs", None, true).unwrap().text.as_deref(), Some("one\nxx"));
}

#[test]
fn calls_that_wait_for_a_first_look_are_bounded() {
    let mut w = World::bare();
    let mut refused = None;
    for id in 0..=WAITING_TICKETS as u64 {
        let call = Call::Watch { path: ROOT.into(), poll: false };
        w.feed(Input::Called(Some(Ticket { connection: 1, id }), 1, call));
        refused = w.replies.pop();
        assert_eq!(refused.is_some(), id == WAITING_TICKETS as u64);
    }
    let Some((_, Err(HubError { message, .. }))) = refused else { panic!() };
    assert!(message.contains("1024 calls wait"), "{message}");
}

/// Times are labels: whoever was last seen "tomorrow" is not kept until then.
#[test]
fn a_clock_set_back_keeps_nobody_alive() {
    let day = 86_400_000;
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.types("ada", "a.rs", 0, "mine\n");
    let connection = w.people["ada"].connection;
    w.feed(Input::Left(connection));
    w.ports.now -= day;
    w.tick(0);
    assert_eq!(w.count("session-ended"), 0, "not yet");
    w.tick(31_000);
    assert_eq!(w.count("session-ended"), 1);
    w.tick(600_000);
    assert!(w.core.producers.is_empty());
    assert!(w.core.heartbeats_ms <= w.ports.now);
    w.program_writes("a.rs", "one\nmine\nand more\n");
    assert!(!w.core.kept.is_empty());
    w.ports.now -= day;
    w.tick(0);
    w.tick(600_000);
    assert!(w.core.kept.is_empty(), "nor anything for late evidence");
}

/// The spool was full: the hub hears of a gap, of what stands in the buffer now, and of what came after. What it knew
/// before the gap is still whose it was, what it missed is nobody's.
#[test]
fn owners_after_a_gap_are_those_of_before_and_of_after() {
    let mut w = World::new(&[("a.rs", "old\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "before the gap\n");
    w.holds("ada");
    w.appends("ada", "a.rs", "in the gap\n");
    w.person("ada").held = None;
    // As the sidecar says again what stands there when facts were lost.
    let text = w.people["ada"].buffers["a.rs"].clone();
    w.opens_with("ada", "a.rs", &text);
    assert_eq!(w.wanted(), 1);
    w.appends("ada", "a.rs", "after the gap\n");
    w.sends_whole("ada", "a.rs", 100);
    assert_eq!(w.blame_buffer("ada", "a.rs"), [OLD, TYPED, "unknown unknown NotObserved", TYPED]);
    assert_eq!(w.wanted(), 1, "asked for once");
    w.saves("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, TYPED, "unknown unknown NotObserved", TYPED]);
    let EventBody::Saved { .. } = body(w.last("saved")) else { panic!() };
}

/// A call names many files, as a formatter's or a renaming agent's may, and all are seen before it ends: the first is not
/// forgotten for the last.
#[test]
fn a_call_over_many_files_is_the_agents_in_all_of_them() {
    let names: Vec<String> = (0..300).map(|n| format!("f{n}.rs")).collect();
    let files: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut w = World::new(&[]);
    w.hook(HookPhase::Before, "bot", &files);
    files.iter().for_each(|file| w.program_writes(file, format!("of {file}\n")));
    w.hook(HookPhase::After, "bot", &files);
    let others: Vec<_> = files.iter().filter(|file| w.blame(file) != ["agent bot exact IntentExact"]).collect();
    assert!(others.is_empty(), "{others:?}");
}
