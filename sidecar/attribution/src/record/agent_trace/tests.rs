//! Traces by hand, texts that hold none, round trips by chance, and ours against the schema.

use codi2_protocol::{Actor, ActorKind, Class};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Trace, read, schema};
use crate::record::samples::{COMMIT, agent, lines, owner, record, records, told};

const AT: &str = "2026-11-28T00:00:00Z";

/// A trace of another program, with this in its one file.
fn trace(version: &str, path: &str, contributor: &Value, ranges: &Value) -> Value {
    json!({"version": version, "id": "x", "timestamp": AT, "vcs": {"type": "git", "revision": COMMIT},
        "tool": {"name": "cursor", "version": "2"}, "files": [{"path": path, "conversations": [
            {"url": "https://x.invalid/c1", "contributor": contributor, "ranges": ranges}]}]})
}

#[test]
fn the_trace_of_a_record() {
    let robo = owner(agent("claude", "c1"), Class::Exact);
    let bo = owner(Actor::named(ActorKind::Person, "B <b@x>"), Class::Inferred);
    let nobody = owner(Actor::external(), Class::Unknown);
    let record = record(&[
        ("a.rs", 1, 2, &robo, None),
        ("a.rs", 3, 3, &robo, Some(&bo)),
        ("a.rs", 4, 4, &bo, Some(&nobody)),
        ("a.rs", 5, 9, &nobody, None),
        ("a.rs", 10, 10, &robo, None),
    ]);
    let trace = json!(Trace::of(&record, AT, "9.9.9"));
    let mut fields = trace.as_object().unwrap().clone();
    let metadata = fields.remove("metadata").unwrap();
    assert_eq!(metadata["io.github.codi2"]["conversations"], json!([[[0, null], [0, 1], [1, 2], [2, null]]]));
    assert_eq!(
        metadata["io.github.codi2"]["owners"][1],
        json!({"origin": {"kind": "person", "name": "B <b@x>"}, "class": "inferred", "at_ms": 60_000})
    );
    let ai = |kind: &str| json!({"type": kind, "model_id": "anthropic/claude-sonnet-5"});
    let lines = |first: u32, last: u32| json!({"start_line": first, "end_line": last});
    let expected = json!({
        "version": "0.1.0", "id": fields["id"], "timestamp": AT, "vcs": {"type": "git", "revision": COMMIT},
        "tool": {"name": "codi2", "version": "9.9.9"},
        "files": [{"path": "a.rs", "conversations": [
            {"contributor": ai("ai"), "ranges": [lines(1, 2), lines(10, 10)]},
            {"contributor": ai("mixed"), "ranges": [lines(3, 3)]},
            {"contributor": {"type": "human"}, "ranges": [lines(4, 4)]},
            {"contributor": {"type": "unknown"}, "ranges": [lines(5, 9)]},
        ]}],
    });
    assert_eq!(Value::Object(fields), expected);
    assert_eq!(json!(Trace::of(&record, AT, "9.9.9")), trace, "the same commit has the same record");
}

#[test]
fn what_others_write_is_read_leniently() {
    let ai = json!({"type": "ai", "model_id": "openai/gpt-x"});
    let range = json!([{"start_line": 2, "end_line": 4}]);
    let expected = "2-4 agent cursor openai/gpt-x https://x.invalid/c1 declared";
    let one = trace("0.1.0", "a", &ai, &range);
    for (text, owners, passed) in [
        (one.to_string(), vec![expected], 0),
        (json!([one, one]).to_string(), vec![expected], 0),
        (format!("{one}\n\n{one}\n"), vec![expected], 0),
        (String::new(), vec![], 0),
        // The reference implementation's version: its lines are of no commit that it names.
        (trace("1.0", "a", &ai, &range).to_string(), vec!["2-4 unknown - - unknown"], 0),
        (trace("0.1.0", "a", &json!({"type": "human"}), &range).to_string(), vec!["2-4 unknown - - unknown"], 0),
        (trace("0.1.0", "a", &json!({"type": "mixed"}), &range).to_string(), vec!["2-4 unknown - - unknown"], 0),
        (trace("0.1.0", "a", &json!({"type": "robot"}), &range).to_string(), vec!["2-4 unknown - - unknown"], 0),
        (trace("0.1.0", "a", &Value::Null, &range).to_string(), vec!["2-4 unknown - - unknown"], 0),
        // A contributor of the range itself.
        (
            trace(
                "0.1.0",
                "a",
                &json!({"type": "human"}),
                &json!([{"start_line": 2, "end_line": 4, "contributor": ai, "content_hash": "x"}]),
            )
            .to_string(),
            vec![expected],
            0,
        ),
        // Placeholders, and what is no file or no lines.
        (trace("0.1.0", "a", &ai, &json!([{"start_line": 1, "end_line": 1}])).to_string(), vec![], 1),
        (
            trace("0.1.0", "a", &ai, &json!([{"start_line": 0, "end_line": 1}, {"start_line": 5, "end_line": 4}]))
                .to_string(),
            vec![],
            2,
        ),
        (trace("0.1.0", ".shell-history", &ai, &range).to_string(), vec![], 1),
        (trace("0.1.0", ".sessions", &ai, &range).to_string(), vec![], 1),
        (trace("0.1.0", "/a", &ai, &range).to_string(), vec![], 1),
        (trace("0.1.0", "../a", &ai, &range).to_string(), vec![], 1),
    ] {
        let read = read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let told = read.records.first().map(|record| told(record, "a")).unwrap_or_default();
        assert_eq!(
            (told.iter().map(String::as_str).collect::<Vec<_>>(), read.passed.len()),
            (owners, passed),
            "{text}"
        );
    }
    for (member, value) in [
        ("vcs", Value::Null),
        ("vcs", json!({"type": "jj", "revision": "kkmpptxz"})),
        ("vcs", json!({"type": "git", "revision": "HEAD"})),
    ] {
        let mut record = one.clone();
        record[member] = value;
        let read = read(&record.to_string()).unwrap();
        assert_eq!((read.records.len(), read.passed.len()), (0, 1), "{record}");
    }
}

#[test]
fn later_records_of_a_commit_go_first() {
    let of = |model: &str, first: u32, last: u32| {
        trace(
            "0.1.0",
            "a",
            &json!({"type": "ai", "model_id": model}),
            &json!([{"start_line": first, "end_line": last}]),
        )
        .to_string()
    };
    let read = read(&format!("{}\n{}", of("m1", 1, 9), of("m2", 3, 4))).unwrap();
    let url = "https://x.invalid/c1 declared";
    let expected = [
        format!("1-2 agent cursor m1 {url}"),
        format!("3-4 agent cursor m2 {url}"),
        format!("5-9 agent cursor m1 {url}"),
    ];
    assert_eq!(told(&read.records[0], "a"), expected);
}

#[test]
fn what_is_no_trace_is_named_with_its_line() {
    for (text, expected) in [
        ("{\n\"version\": 1x}", "line 2: "),
        ("[1]", "line 1: no record of Agent Trace begins here"),
        (
            "{\"version\": \"0.1.0\", \"files\": []}\n\n{\"files\": [{}]}",
            "line 3: no record of Agent Trace begins here",
        ),
        ("{\"version\": \"0.1.0\"}", "line 1: no record of Agent Trace begins here: missing field `files`"),
        ("not JSON", "line 1: "),
    ] {
        let error = read(text).expect_err(text).to_string();
        assert!(error.starts_with(expected), "{error}\ninstead of {expected}");
    }
}

proptest! {
    /// Every line keeps its owner: of a known one all but the reasons, of an unknown one that it is unknown.
    #[test]
    fn a_record_is_read_as_it_was_written(record in records()) {
        let trace = json!(Trace::of(&record, AT, "1"));
        prop_assert_eq!(schema::check(&trace, &schema::ours()), Ok(()));
        let read = read(&trace.to_string()).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(read.records.len(), usize::from(!record.files.is_empty()));
        let back = read.records.first().cloned().unwrap_or_default();
        prop_assert_eq!(lines(&back).count(), lines(&record).count());
        for (path, line, owner) in lines(&record) {
            let (was, now) = (&owner.verdict, &back.owner(path, line).expect("the line is there").verdict);
            prop_assert_eq!(now.class, was.class.max(Class::Declared));
            if was.class != Class::Unknown {
                prop_assert_eq!((&now.origin, &now.modifier), (&was.origin, &was.modifier));
            }
        }
    }
}

/// The specification's own schema, where it is at hand.
#[test]
fn ours_is_valid_by_the_specification() {
    let Some(path) = std::env::var_os("CODI2_AGENT_TRACE_SCHEMA") else {
        println!("CODI2_AGENT_TRACE_SCHEMA names no file: checked against a schema of our own only");
        return;
    };
    let text = std::fs::read_to_string(path).expect("CODI2_AGENT_TRACE_SCHEMA names the schema");
    let theirs: Value = serde_json::from_str(&text).expect("the schema is JSON");
    let robo = owner(agent("claude", "c1"), Class::Exact);
    let bo = owner(Actor::named(ActorKind::Person, "B <b@x>"), Class::Inferred);
    let record = record(&[("a.rs", 1, 2, &robo, None), ("a.rs", 3, 3, &robo, Some(&bo)), ("b.rs", 4, 4, &bo, None)]);
    assert_eq!(schema::check(&json!(Trace::of(&record, AT, "9.9.9")), &theirs), Ok(()));
    assert!(schema::check(&json!({"version": "1.0"}), &theirs).is_err());
}
