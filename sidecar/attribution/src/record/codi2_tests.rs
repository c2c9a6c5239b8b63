//! The round trip of notes, and what is said of bad ones.

use codi2_protocol::ActorKind;
use proptest::prelude::*;

use super::*;

fn actors() -> impl Strategy<Value = Actor> {
    let kinds =
        prop::sample::select(vec![ActorKind::Person, ActorKind::Agent, ActorKind::External, ActorKind::Unknown]);
    let word = || prop::option::of("[a-zé\"\\\\\n]{0,6}");
    let one = (kinds, ".{0,8}", word(), word(), prop::option::of("[a-zA-Z0-9_.:-]{0,6}"));
    let plain = one.prop_map(|(kind, name, tool, model, session)| Actor {
        kind,
        name,
        tool,
        model,
        session,
        parent: None,
        parent_by: None,
    });
    (plain.clone(), prop::option::of(plain)).prop_map(|(actor, parent)| Actor { parent: parent.map(Box::new), ..actor })
}

fn owners() -> impl Strategy<Value = Owner> {
    let classes =
        prop::sample::select(vec![Class::Exact, Class::Declared, Class::Inferred, Class::Carried, Class::Unknown]);
    let kinds = prop::sample::select(vec![EvidenceKind::Keystrokes, EvidenceKind::Candidate, EvidenceKind::DiskChange]);
    let evidence = prop::collection::vec((kinds, ".{0,9}").prop_map(|(kind, words)| Evidence::new(kind, words)), 1..3);
    let verdict = (actors(), prop::option::of(actors()), prop::option::of(actors()), classes, evidence);
    let verdict = verdict.prop_map(|(origin, modifier, acceptor, class, evidence)| Verdict {
        origin,
        modifier,
        acceptor,
        class,
        evidence,
    });
    let event = any::<bool>().prop_map(|is| is.then(EventId::new));
    (verdict, prop::option::of(any::<u64>()), event).prop_map(|(verdict, at_ms, event)| Owner { verdict, at_ms, event })
}

/// Lines left out, lines more than one, owner, second owner.
type Step = (u32, u32, u32, Option<u32>);

fn records() -> impl Strategy<Value = CommitRecord> {
    let ranges = prop::collection::vec((1..5_u32, 0..5_u32, 0..4_u32, prop::option::of(0..4_u32)), 1..6);
    let files = prop::collection::btree_map("[a-z\" %.é]{1,9}(/[a-z\"]{1,3})?", ranges, 0..4);
    (prop::collection::vec(owners(), 4), files).prop_map(|(owners, files)| {
        let file = |(path, steps): (String, Vec<Step>)| {
            let mut after = 0;
            let range = |(gap, more, owner, second)| {
                let first = after + gap;
                after = first + more;
                LineRange { first, last: after, owner, second }
            };
            FileRecord { path, ranges: steps.into_iter().map(range).collect() }
        };
        let files = files.into_iter().filter(|(path, _)| is_path(path)).map(file).collect();
        CommitRecord { commit: "c".into(), owners, files, left_out: 0 }
    })
}

proptest! {
    #[test]
    fn a_note_says_what_the_record_said(record in records()) {
        let (text, left_out) = write(&record);
        prop_assert_eq!(left_out, 0);
        let read = read("c", text.as_bytes()).unwrap();
        prop_assert_eq!(&read, &signed(&record));
        prop_assert_eq!(write(&read).0, text, "written again it is the same text");
        for file in &record.files {
            for range in &file.ranges {
                for line in [range.first, range.last] {
                    let (before, after) = (record.owner(&file.path, line).unwrap(), read.owner(&file.path, line).unwrap());
                    prop_assert_eq!(&before.verdict.origin, &after.verdict.origin);
                    prop_assert_eq!((before.verdict.class, before.at_ms, before.event), (after.verdict.class, after.at_ms, after.event));
                    prop_assert!(after.verdict.evidence.iter().all(|reason| reason.detail.is_empty()));
                }
                let second = read.range(&file.path, range.first).unwrap().second;
                prop_assert!(range.second.is_some() || second.is_none());
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60), record in records(), at in any::<usize>()) {
        let _ = read("c", &bytes);
        let mut text = write(&record).0.into_bytes();
        let at = at % text.len();
        text[at] = bytes.first().copied().unwrap_or(b'0');
        if let Ok(record) = read("c", &text) {
            prop_assert!(record.files.iter().flat_map(|file| &file.ranges).all(|range| (range.owner as usize) < record.owners.len()));
        }
    }
}

fn owner() -> &'static str {
    r#"{"origin":{"kind":"person","name":"Ada"},"class":"inferred","evidence":["keystrokes"]}"#
}

#[test]
fn a_note_reads_like_this() {
    let text = format!("{{\"codi2\":1,\n\"owners\":[\n{}],\n\"files\":{{\n\"a/b.rs\":[[1,3,0],[7,7,0]]}}}}\n", owner());
    let record = read("c", text.as_bytes()).unwrap();
    assert_eq!(record.owner("a/b.rs", 7).unwrap().verdict.origin.name, "Ada");
    assert_eq!(write(&record).0, text);
}

#[test]
fn of_a_session_only_a_plain_name_is_written() {
    let longest = "x".repeat(64);
    for (session, kept) in [
        ("0199-ab_c.d:1", true),
        (longest.as_str(), true),
        (&(longest.clone() + "x"), false),
        ("/home/ada/s", false),
        ("a b", false),
        ("é", false),
    ] {
        let actor = |parent: Option<Actor>| Actor {
            session: Some(session.into()),
            parent: parent.map(Box::new),
            ..Actor::named(ActorKind::Agent, "ada")
        };
        let actor = actor(Some(actor(Some(actor(None)))));
        let mut verdict = Verdict::new(actor.clone(), Class::Exact, EvidenceKind::IntentExact, "");
        (verdict.modifier, verdict.acceptor) = (Some(actor.clone()), Some(actor));
        let owners = vec![Owner { verdict, ..Owner::before_codi2() }];
        let ranges = vec![LineRange { first: 1, last: 1, owner: 0, second: None }];
        let files = vec![FileRecord { path: "a".into(), ranges }];
        let (note, _) = write(&CommitRecord { commit: "c".into(), owners, files, left_out: 0 });
        assert_eq!(note.matches(session).count(), if kept { 9 } else { 0 }, "{note}");
    }
}

#[test]
fn bad_notes_are_named() {
    let note = |files: &str| format!("{{\"codi2\":1,\"owners\":[{}],\"files\":{files}}}", owner());
    for (text, words) in [
        (String::new(), "the note is damaged: EOF"),
        ("Notes by somebody".into(), "the note is damaged: expected value"),
        ("{}".into(), "missing field `codi2`"),
        (r#"{"codi2":2,"lines":"in a way to come"}"#.into(), "version 2, this program knows version 1: update codi2"),
        (r#"{"codi2":1,"owners":[],"files":{},"more":1}"#.into(), "unknown field `more`"),
        (note(r#"{"../a":[]}"#), "\"../a\" is not a path below the root"),
        (note(r#"{"/a":[]}"#), "is not a path below the root"),
        (note(r#"{"a":[[1,2]]}"#), "a: [1, 2] is not a range"),
        (note(r#"{"a":[[0,2,0]]}"#), "[0, 2, 0] does not follow line 0"),
        (note(r#"{"a":[[3,2,0]]}"#), "does not follow"),
        (note(r#"{"a":[[1,2,0],[2,3,0]]}"#), "[2, 3, 0] does not follow line 2"),
        (note(r#"{"a":[[1,2,1]]}"#), "names an owner that is not there"),
        (note(r#"{"a":[[1,2,0,9]]}"#), "names an owner that is not there"),
        (" ".repeat(READ_BYTES + 1), "more than the 4194304"),
    ] {
        let error = read("c", text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_note_that_would_be_too_long_says_what_it_leaves_out() {
    let owners = vec![Owner::before_codi2(), Owner { at_ms: Some(1), ..Owner::before_codi2() }];
    let file = |(name, count): (&str, u32)| {
        let ranges = (1..=count).map(|line| LineRange { first: line, last: line, owner: line % 2, second: None });
        FileRecord { path: name.into(), ranges: ranges.collect() }
    };
    let files = [("long", 200_000), ("short", 10)].map(file).to_vec();
    let (text, left_out) = write(&CommitRecord { commit: "c".into(), owners, files, left_out: 0 });
    assert!(text.len() < WRITTEN_BYTES && text.contains("\"left_out\":1,"));
    assert_eq!(left_out, 1);
    let record = read("c", text.as_bytes()).unwrap();
    assert_eq!(record.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["short"]);
    // Written and read again, or completed, it still says so.
    assert_eq!(write(&record), (text, 0));
    assert_eq!(CommitRecord::default().completed_by(&record).left_out, 1);
}
