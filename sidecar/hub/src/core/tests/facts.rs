//! Facts: each once, acknowledged in order, whole groups out of parts, gaps, restarts between them.

use codi2_protocol::{Call, Fact, Gap, GapReason, Numbered, Shape, SourceKind};

use super::super::Input;
use super::sidecar::Change;
use super::world::World;

const OLD: &str = "unknown unknown BeforeCodi2";
const TYPED: &str = "person ada declared EditorDeclared";

fn keys(text: &str) -> Vec<Change> {
    let key = |(at, key): (usize, char)| Change::new(at, 0, &key.to_string(), Shape::Keystroke, SourceKind::Typed);
    text.chars().enumerate().map(key).collect()
}

fn report(w: &mut World, name: &'static str, facts: Vec<Numbered>) {
    let connection = w.people[name].connection;
    w.feed(Input::Called(None, connection, Call::Report { facts }));
}

/// A day's facts, repeated in any split, before and after a restart: the log is the same, and all is acknowledged.
#[test]
fn repeated_facts_are_one_event_each() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "two\n");
    w.edits_in_parts("ada", "a.rs", keys("abcdef\n"), 3, |_| true);
    w.saves("ada", "a.rs");
    w.cuts("ada", "a.rs", 0, 2);
    w.saves("ada", "a.rs");
    let (events, lines) = (w.events.len(), w.blame("a.rs"));
    let facts = w.people["ada"].facts.clone();
    let producer = w.people["ada"].producer;
    for restart in [false, true] {
        if restart {
            w.hub_restarts();
            w.scan();
        }
        for size in [1, 2, 3, facts.len()] {
            for start in 0..facts.len() {
                for chunk in facts[start..].chunks(size) {
                    report(&mut w, "ada", chunk.to_vec());
                }
                assert_eq!(w.acknowledged[&producer], facts.len() as u64);
            }
        }
        w.drained(producer, facts.clone());
        assert_eq!(w.events.len(), events, "{:?}", w.log(events));
        assert_eq!(w.blame("a.rs"), lines);
    }
}

#[test]
fn parts_are_judged_as_one() {
    let mut w = World::new(&[("a.rs", "old\n")]);
    w.opens("ada", "a.rs");
    w.edits_in_parts("ada", "a.rs", keys("abcdef\n"), 2, |_| true);
    assert_eq!(w.count("edit"), 4);
    assert_eq!(w.blame_buffer("ada", "a.rs"), [TYPED, OLD]);
    let producer = w.people["ada"].producer;
    assert_eq!(w.acknowledged[&producer], w.people["ada"].seq);
    assert_eq!(w.wanted(), 0);
    let seqs: Vec<_> = w.events.iter().filter(|event| event.kind() == "edit").map(|event| event.seq).collect();
    assert_eq!(seqs, [3, 4, 5, 6]);
}

/// Nothing is acknowledged of a group that is not whole, and its parts are durable together or not at all.
#[test]
fn parts_are_durable_together() {
    let mut w = World::new(&[("a.rs", "old\n")]);
    w.opens("ada", "a.rs");
    let producer = w.people["ada"].producer;
    w.holds("ada");
    w.edits_in_parts("ada", "a.rs", keys("abcdef\n"), 2, |_| true);
    let held = w.person("ada").held.take().unwrap();
    let acknowledged = w.acknowledged[&producer];
    let last = held.len() - 1;
    for (number, input) in held.into_iter().enumerate() {
        w.feed(input);
        let expected = if number == last { acknowledged + 4 } else { acknowledged };
        assert_eq!(w.acknowledged[&producer], expected);
        assert_eq!(w.ports.producers[&producer], expected);
    }
}

/// The rest of a group never comes: what came is in the log, and the buffer finds its way again.
#[test]
fn parts_that_never_come() {
    for lost in [0, 1, 3] {
        let mut w = World::new(&[("a.rs", "old\n")]);
        w.opens("ada", "a.rs");
        w.edits_in_parts("ada", "a.rs", keys("abcdef\n"), 2, |part| part != lost);
        w.appends("ada", "a.rs", "more\n");
        assert_eq!(w.count("edit"), 4, "{lost}");
        assert_eq!(w.acknowledged[&w.people["ada"].producer], w.people["ada"].seq);
        w.sends_whole("ada", "a.rs", 5);
        let lines = w.blame_buffer("ada", "a.rs");
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[1], OLD, "{lost}");
    }
}

/// A private file's edit comes while a group waits for its rest: what waits is in the log first.
#[test]
fn parts_come_before_a_private_edit() {
    let mut w = World::new(&[("a.rs", "old\n"), (".env", "TOKEN=1\n")]);
    w.ports.private.insert(".env".into());
    w.opens("ada", "a.rs");
    w.opens("ada", ".env");
    w.edits_in_parts("ada", "a.rs", keys("abcdef\n"), 2, |part| part < 2);
    w.appends("ada", ".env", "KEY=2\n");
    assert_eq!((w.count("edit"), w.count("private")), (2, 1));
    let person = &w.people["ada"];
    assert_eq!(w.acknowledged[&person.producer], person.seq);
}

/// A dead sidecar's spool ends inside a group.
#[test]
fn a_spool_that_ends_inside_a_group() {
    let mut w = World::new(&[("a.rs", "old\n")]);
    w.opens("ada", "a.rs");
    w.holds("ada");
    w.edits_in_parts("ada", "a.rs", keys("abcdef\n"), 2, |part| part < 2);
    let person = &w.people["ada"];
    let (connection, producer, seq, facts) = (person.connection, person.producer, person.seq, person.facts.clone());
    w.feed(Input::Left(connection));
    w.drained(producer, facts);
    w.feed(Input::Spent(producer));
    assert_eq!(w.acknowledged[&producer], seq, "the spool goes now: what there is must be in the log");
    assert_eq!(w.count("edit"), 2);
}

#[test]
fn a_gap_is_in_the_log_with_its_counts() {
    let mut w = World::new(&[("a.rs", "old\n")]);
    w.opens("ada", "a.rs");
    let gap = Gap { first_seq: 3, last_seq: 9, facts: 7, bytes: 700, reason: GapReason::SpoolFull };
    w.person("ada").seq = 9;
    w.report("ada", Fact::Gap(gap.clone()));
    assert_eq!(super::world::body(w.last("gap")), &codi2_protocol::EventBody::Gap(gap));
    assert_eq!(w.last("gap").session, Some(w.people["ada"].session));
    assert_eq!(w.acknowledged[&w.people["ada"].producer], 10);
}

/// The hub restarts between two groups of an unsaved buffer, and between a group and its save.
#[test]
fn restarts_while_typing() {
    let mut w = World::new(&[("a.rs", "old\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "one\n");
    w.hub_restarts();
    w.appends("ada", "a.rs", "two\n");
    assert_eq!(w.blame_buffer("ada", "a.rs"), [OLD, TYPED, TYPED]);
    assert_eq!(w.wanted(), 1, "the text was in memory only");
    w.hub_restarts();
    w.saves("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, TYPED, TYPED]);
    assert_eq!(w.last("saved").actor.name, "ada");
    w.hub_restarts();
    w.scan();
    assert_eq!(w.blame("a.rs"), [OLD, TYPED, TYPED]);
}

/// The watch is faster than the save after a restart, too.
#[test]
fn a_restart_and_a_late_save() {
    let mut w = World::new(&[("a.rs", "old\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "one\n");
    w.hub_restarts();
    w.scan();
    w.writes_file("ada", "a.rs");
    w.watch_sees("a.rs");
    w.says_saved("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, TYPED]);
}

/// A buffer that was never edited is saved over what others wrote while the hub was away, inside an agent's call.
#[test]
fn a_restart_and_a_save_of_an_untouched_buffer() {
    let mut w = World::new(&[("a.rs", "old\nolder\n")]);
    w.opens("ada", "a.rs");
    w.hub_restarts();
    w.put("a.rs", "xx\nolder\n");
    w.agent_before("bot", "a.rs");
    w.program_writes("a.rs", "xx\nolder\nbot\n");
    w.writes_file("ada", "a.rs");
    w.watch_sees("a.rs");
    w.says_saved("ada", "a.rs");
    w.agent_after("bot", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, OLD]);
    assert!(w.log(0).contains(&"upgrade person ada in a session".to_owned()), "{:?}", w.log(0));
}

/// What nobody asks for any more is let go.
#[test]
fn memory_is_bounded() {
    let mut w = World::new(&[("a.rs", "old\n")]);
    w.opens("ada", "a.rs");
    for _ in 0..400 {
        w.hook(codi2_protocol::HookPhase::Before, "bot", &["a.rs"]);
    }
    let session = w.people["ada"].session;
    for n in 0..600_usize {
        let group = codi2_protocol::GroupId::new();
        let inserted = vec!["x".repeat(100_000)];
        w.feed(Input::Called(None, 0, Call::Text(codi2_protocol::Text::Group { session, group, part: 0, inserted })));
        let file = super::world::file(&format!("{n}"));
        let full = codi2_protocol::Text::Full {
            session,
            file,
            digest: super::world::of(n.to_string()),
            part: 0,
            parts: 2,
            text: "x".repeat(100_000),
        };
        w.feed(Input::Called(None, 0, Call::Text(full)));
    }
    assert!(w.core.waiting_text_bytes() <= 32 << 20, "{}", w.core.waiting_text_bytes());
    for _ in 0..100 {
        let producer = codi2_protocol::ProducerId::new();
        let fact = Fact::Gap(Gap { first_seq: 1, last_seq: 1, facts: 1, bytes: 1, reason: GapReason::Other });
        w.drained(producer, vec![Numbered { seq: 1, occurred_ms: 1, session: None, fact }]);
    }
    w.tick(3_600_000);
    assert!(w.core.producers.len() <= 2, "{}", w.core.producers.len());
}
