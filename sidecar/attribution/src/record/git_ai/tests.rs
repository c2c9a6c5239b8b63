//! Notes by hand, notes that are none, and round trips by chance.

use codi2_protocol::{Actor, ActorKind, Class};
use proptest::prelude::*;

use super::{NOTE_BYTES, Note};
use crate::record::CommitRecord;
use crate::record::samples::{COMMIT, agent, lines, owner, record, records, told};

/// The ends of a note whose files are `files`.
fn note(files: &str, members: &str) -> String {
    format!(
        r#"{files}---
{{"schema_version": "authorship/3.0.0", "base_commit_sha": "{COMMIT}", "prompts": {{}}{members}}}"#
    )
}

const SESSION: &str =
    r#", "sessions": {"s_0123456789abcd": {"agent_id": {"tool": "claude", "id": "c9", "model": "opus"}}}"#;

#[test]
fn what_a_note_says_of_lines() {
    let humans = r#", "humans": {"h_00000000000001": {"author": "Bo <bo@x>"}}"#;
    let seen = format!(r#"{humans}, "codi2": {{"version": "0.1.0", "observed": {{"h_00000000000001": "inferred"}}}}"#);
    let prompts = r#", "prompts": {"00112233aabbccdd": {"agent_id": {"tool": "cursor", "id": "p", "model": "gpt-x"},
        "total_additions": 1, "messages": [{"odd": [1]}]}, "0a1b2c3": {"agent_id": {"tool": "old", "id": "", "model": "unknown"}}}"#;
    let weak = r#", "sessions": {"s_1": {"agent_id": {"tool": "t", "id": "i", "model": "unknown"},
        "human_author": "Bo", "custom_attributes": {"codi2.class": "inferred", "codi2.kind": "completion", "codi2.name": "n"}}}"#;
    let session = "s_0123456789abcd::t_00000000000000";
    for (files, members, expected) in [
        (
            format!("a\n  {session} 1-3,7\n"),
            SESSION,
            vec!["1-3 agent claude opus c9 declared", "7-7 agent claude opus c9 declared"],
        ),
        // Without a trace, with an unsorted list, empty parts, blank lines and spaces at the end.
        (
            "a \n\n  s_0123456789abcd 7,,1-3,2 \n\n".to_owned(),
            SESSION,
            vec!["1-3 agent claude opus c9 declared", "7-7 agent claude opus c9 declared"],
        ),
        ("\"a\"\n  s_0123456789abcd 4\n".to_owned(), SESSION, vec!["4-4 agent claude opus c9 declared"]),
        // Nobody explains the key; a key of a later format.
        ("a\n  s_ffffffffffffff::t_1 1\n  h_ff 2\n  0011 3\n  x_1 4\n".to_owned(), SESSION, vec![]),
        (
            "a\n  00112233aabbccdd 1\n  0a1b2c3 2\n".to_owned(),
            prompts,
            vec!["1-1 agent cursor gpt-x p declared", "2-2 agent old - - declared"],
        ),
        // Of two entries for a line the later one counts.
        (
            "a\n  00112233aabbccdd 1-9\n  0a1b2c3 3\na\n  0a1b2c3 9\n".to_owned(),
            prompts,
            vec![
                "1-2 agent cursor gpt-x p declared",
                "3-3 agent old - - declared",
                "4-8 agent cursor gpt-x p declared",
                "9-9 agent old - - declared",
            ],
        ),
        ("a\n  h_00000000000001 5\n".to_owned(), humans, vec!["5-5 unknown - - unknown"]),
        ("a\n  h_00000000000001 5\n".to_owned(), &seen, vec!["5-5 person Bo <bo@x> - - inferred"]),
        ("a\n  s_1::t_1 5\n".to_owned(), weak, vec!["5-5 completion n - i inferred"]),
        (String::new(), "", vec![]),
    ] {
        // Two members of one name: the later one counts.
        let text = note(&files, members);
        let note = Note::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(told(&note.record(COMMIT), "a"), expected, "{text}");
    }
}

#[test]
fn without_a_session_each_one_speaks_for_itself() {
    let accepted = |kind, by: &str| {
        let mut owner = owner(Actor::named(kind, "copilot"), Class::Exact);
        owner.verdict.acceptor = Some(Actor::named(ActorKind::Person, by));
        owner
    };
    let owners = [
        accepted(ActorKind::Completion, "Ada <ada@x>"),
        accepted(ActorKind::Completion, "Bo <bo@x>"),
        accepted(ActorKind::Agent, "Ada <ada@x>"),
    ];
    let lines: Vec<_> = (1..).zip(&owners).map(|(line, owner)| ("a", line, line, owner, None)).collect();
    let note = Note::of(&record(&lines), "0");
    let mut said: Vec<String> = note.metadata["sessions"]
        .as_object()
        .unwrap()
        .values()
        .map(|one| format!("{} {}", one["custom_attributes"]["codi2.kind"], one["human_author"]).replace('"', ""))
        .collect();
    said.sort();
    assert_eq!(said, ["agent Ada <ada@x>", "completion Ada <ada@x>", "completion Bo <bo@x>"]);
}

#[test]
fn a_person_that_git_ai_names_is_in_the_evidence_alone() {
    let members = r#", "git_ai_version": "1.6.24", "humans": {"h_1": {"author": "Bo <bo@x>"}}"#;
    let record = Note::parse(&note("a\n  h_1 1\n", members)).unwrap().record(COMMIT);
    let detail = "a note of git-ai 1.6.24 names person Bo <bo@x>, as it does for lines that nobody saw written";
    assert_eq!(record.owners[0].verdict.evidence[0].detail, detail);
}

#[test]
fn what_is_no_note_is_named_with_its_line() {
    for (text, expected) in [
        (String::new(), "line 1 of the note: it ends without the line ---"),
        ("a\n  s_1 1\n".to_owned(), "line 2 of the note: it ends without the line ---"),
        ("  s_1 1\n---\n{}".to_owned(), "line 1 of the note: lines are given to a key before any file is named"),
        ("a\n  s_1\n---\n{}".to_owned(), "line 2 of the note: \"s_1\" has no lines behind it"),
        ("a\n  s_1 ,\n---\n{}".to_owned(), "line 2 of the note: \"s_1\" has no lines behind it"),
        ("a\n  s_1 1,b-2\n---\n{}".to_owned(), "line 2 of the note: \"b-2\" are no lines; they look like 1-4,9"),
        ("a\n  s_1 0\n---\n{}".to_owned(), "line 2 of the note: \"0\" are no lines"),
        ("a\n  s_1 1-\n---\n{}".to_owned(), "line 2 of the note: \"1-\" are no lines"),
        ("a\n  s_1 -1\n---\n{}".to_owned(), "line 2 of the note: \"-1\" are no lines"),
        ("a\n  s_1 4294967296\n---\n{}".to_owned(), "line 2 of the note: \"4294967296\" are no lines"),
        ("a\n\n  s_1 9-7\n---\n{}".to_owned(), "line 3 of the note: the lines 9-7 end before they begin"),
        ("a\n---\n{\n  \"schema_version\": 1x\n}".to_owned(), "line 4 of the note: its JSON is wrong"),
        ("---\n".to_owned(), "line 2 of the note: its JSON is wrong"),
        ("---\n[]".to_owned(), "line 2 of the note: its JSON is wrong"),
        ("---\n{}".to_owned(), "line 2 of the note: its JSON names no schema_version"),
        (
            "---\n{\"schema_version\": \"authorship/2.0.0\"}".to_owned(),
            "line 2 of the note: its format is \"authorship/2.0.0\"",
        ),
        (format!("a\n  s_{} x\n---\n{{}}", "0".repeat(200)), "line 2 of the note: \"x\" are no lines"),
        ("x".repeat(NOTE_BYTES + 1), "line 1 of the note: it is longer than 8388608 bytes"),
        (
            format!("a\n  s_1 {}1\n---\n{{}}", "1,".repeat(super::NOTE_RANGES)),
            "line 2 of the note: it has more than 500000 ranges",
        ),
    ] {
        let error = Note::parse(&text).expect_err(&text.chars().take(80).collect::<String>()).to_string();
        assert!(error.starts_with(expected), "{error}\ninstead of {expected}");
    }
}

#[test]
fn the_note_of_a_record() {
    let robo = owner(agent("claude", "c1"), Class::Exact);
    let boss = Actor::named(ActorKind::Orchestrator, "boss");
    let parent = Actor { parent: Some(Box::new(Actor::named(ActorKind::Person, "Bo <bo@x>"))), ..boss };
    let sub = Actor { parent: Some(Box::new(parent)), tool: Some("claude".into()), ..agent("sub", "c2") };
    let sub = owner(sub, Class::Inferred);
    let bo = owner(Actor::named(ActorKind::Person, "B <b@x>"), Class::Inferred);
    let moved = owner(Actor::named(ActorKind::Person, "B <b@x>"), Class::Carried);
    let nobody = owner(Actor::unknown(), Class::Unknown);
    let prettier = owner(Actor::named(ActorKind::Tool, "prettier"), Class::Declared);
    let record = record(&[
        ("src/a b.rs", 1, 4, &robo, Some(&bo)),
        ("src/a b.rs", 5, 5, &nobody, Some(&robo)),
        ("src/a b.rs", 6, 6, &robo, None),
        ("src/a b.rs", 7, 8, &bo, Some(&robo)),
        ("src/a b.rs", 9, 9, &moved, None),
        ("src/a b.rs", 11, 12, &sub, None),
        ("x.rs", 1, 2, &prettier, None),
    ]);
    // The keys of the session `claude:c1` and of the person `B <b@x>` are those that git-ai 1.6.24 made.
    let expected = r#""src/a b.rs"
  s_8b2489fd1b1e9e::t_TRACE 1-4,6
  h_f97bea34e6de96 7-8
  s_SUB::t_TRACE 11-12
---
{
  "base_commit_sha": "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00",
  "codi2": {
    "observed": {
      "h_f97bea34e6de96": "inferred"
    },
    "version": "9.9.9"
  },
  "humans": {
    "h_f97bea34e6de96": {
      "author": "B <b@x>"
    }
  },
  "prompts": {},
  "schema_version": "authorship/3.0.0",
  "sessions": {
    "s_SUB": {
      "agent_id": {
        "id": "c2",
        "model": "claude-sonnet-5",
        "tool": "claude"
      },
      "custom_attributes": {
        "codi2.class": "inferred",
        "codi2.kind": "agent",
        "codi2.name": "sub",
        "codi2.parent": "orchestrator boss"
      },
      "human_author": "Bo <bo@x>"
    },
    "s_8b2489fd1b1e9e": {
      "agent_id": {
        "id": "c1",
        "model": "claude-sonnet-5",
        "tool": "claude"
      },
      "custom_attributes": {
        "codi2.class": "exact",
        "codi2.kind": "agent"
      }
    }
  }
}
"#;
    let written = Note::of(&record, "9.9.9").to_string();
    let mut shown = written.clone();
    for key in ["::t_", "s_"] {
        for (at, _) in written.match_indices(key) {
            let id = &written[at + key.len()..at + key.len() + 14];
            assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
            if key == "::t_" {
                shown = shown.replace(id, "TRACE");
            } else if id != "8b2489fd1b1e9e" {
                shown = shown.replace(id, "SUB");
            }
        }
    }
    assert_eq!(shown, expected);
    assert_eq!(Note::of(&record, "9.9.9").to_string(), written, "the same record gives the same note");
    assert!(Note::of(&CommitRecord::default(), "9.9.9").is_empty());
}

#[test]
fn a_note_over_another_keeps_what_only_that_says() {
    let robo = owner(agent("claude", "c1"), Class::Exact);
    let bo = owner(Actor::named(ActorKind::Person, "B <b@x>"), Class::Inferred);
    let ours = Note::of(&record(&[("a", 2, 3, &robo, None), ("a", 8, 8, &bo, None)]), "1");
    let theirs = r#"a
  s_0123456789abcd::t_1 1-5
  s_8b2489fd1b1e9e::t_2 7
  h_f97bea34e6de96 8-9
b
  h_00000000000001 1
---
{"schema_version": "authorship/3.0.0", "git_ai_version": "1.6.24", "later": [1], "prompts": {}, "humans": {
  "h_f97bea34e6de96": {"author": "B <b@x>"}, "h_00000000000001": {"author": "Bo"}}, "sessions": {
  "s_8b2489fd1b1e9e": {"agent_id": {"tool": "claude", "id": "c1", "model": "other"}, "human_author": "Bo"},
  "s_0123456789abcd": {"agent_id": {"tool": "codex", "id": "c9", "model": "m"}}}}"#;
    let both = ours.over(Note::parse(theirs).unwrap());
    let text = both.to_string();
    let trace = &text[text.find("s_8b2489fd1b1e9e::t_").unwrap()..][20..34];
    let files = text.split("---\n").next().unwrap();
    let expected = format!(
        "a\n  s_0123456789abcd::t_1 1,4-5\n  s_8b2489fd1b1e9e::t_{trace} 2-3\n  s_8b2489fd1b1e9e::t_2 7\n  h_f97bea34e6de96 8-9\nb\n  h_00000000000001 1\n"
    );
    assert_eq!(files, expected);
    for kept in [
        r#""later""#,
        r#""git_ai_version": "1.6.24""#,
        r#""human_author": "Bo""#,
        r#""model": "claude-sonnet-5""#,
        r#""codi2.class": "exact""#,
    ] {
        assert!(text.contains(kept), "{kept} in\n{text}");
    }
    // The key of the person stands for a line that nobody saw, too: it certifies none of them any more.
    assert!(both.observed("h_f97bea34e6de96").is_none());
    assert_eq!(both.clone().over(both.clone()), both);
}

#[test]
fn a_key_that_nothing_explains_takes_no_line_from_one_that_says_who() {
    let theirs = Note::parse(&note("a\n  s_0123456789abcd::t_1 1-2\n  h_ff 2-3\n", SESSION)).unwrap();
    let both = Note::of(&CommitRecord::default(), "1").over(theirs);
    assert_eq!(told(&both.record(COMMIT), "a"), ["1-2 agent claude opus c9 declared"]);
    assert!(both.to_string().starts_with("a\n  s_0123456789abcd::t_1 1-2\n  h_ff 3\n"), "{both}");
}

#[test]
fn lines_of_a_file_without_a_name_are_of_no_other_file() {
    let theirs = Note::parse(&note("a\n  s_0123456789abcd 1\n\"\"\n  s_0123456789abcd 2\n", SESSION)).unwrap();
    let again = Note::parse(&theirs.to_string()).unwrap();
    assert_eq!(told(&again.record(COMMIT), "a"), ["1-1 agent claude opus c9 declared"]);
}

proptest! {
    #[test]
    fn a_note_is_read_as_it_was_written(record in records()) {
        let note = Note::of(&record, "1");
        let text = note.to_string();
        let again = Note::parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&again, &note, "{}", text);
        prop_assert_eq!(again.clone().over(note.clone()), note);
    }

    /// All lines of AIs, and those of people that were seen writing, keep whose they are; nobody else gets any.
    #[test]
    fn a_record_keeps_its_authors(record in records()) {
        let back = Note::of(&record, "1").record(&record.commit);
        let mut kept = 0;
        for (path, line, owner) in lines(&record) {
            let (was, class) = (&owner.verdict.origin, owner.verdict.class);
            let is_kept = match was.kind {
                ActorKind::Person => class <= Class::Inferred,
                ActorKind::Agent | ActorKind::Orchestrator | ActorKind::Completion => class != Class::Unknown,
                _ => false,
            };
            let now = back.owner(path, line);
            prop_assert_eq!(now.is_some(), is_kept, "{}:{}", path, line);
            if let Some(now) = now {
                kept += 1;
                let tool = |actor: &Actor| actor.tool.clone().unwrap_or_else(|| actor.name.clone());
                let (is, now_class) = (&now.verdict.origin, now.verdict.class);
                prop_assert!(now_class >= class.max(Class::Declared) && now_class < Class::Unknown);
                // A session has one record in a note, whatever names, kinds and models acted under it.
                if was.kind == ActorKind::Person {
                    prop_assert_eq!((is.kind, &is.name), (was.kind, &was.name));
                } else {
                    prop_assert!(is.kind != ActorKind::Person);
                    prop_assert_eq!((tool(is), &is.session), (tool(was), &was.session));
                }
            }
        }
        prop_assert_eq!(lines(&back).count(), kept);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(a\n|  s_1 |h_|1-|3,|---\n|\\{|\\}|\"|x| |\n){0,12}") {
        if let Ok(note) = Note::parse(&text) {
            note.record(COMMIT);
        }
    }
}
