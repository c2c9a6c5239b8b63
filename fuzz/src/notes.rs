//! What others say of a commit: notes of codi2's own, notes of the Git AI standard, Agent Traces.
//!
//! Promises: what is read is a record that holds together (paths below the root, lines ascending and disjoint, owners
//! that are there), and another program's word makes nobody a witness: a person whom codi2 did not see is not named.
//! A record survives being written as a note; a note of the standard does, and one of ours put over it takes no line from
//! it; what goes out and comes back changes nothing; joining two keeps what holds; an error has words, not too many.

use codi2_attribution::record::agent_trace::{self, Trace};
use codi2_attribution::record::{CommitRecord, codi2 as ours, git_ai};
use codi2_protocol::{ActorKind, Class};
use serde_json::json;

use crate::{Choices, check_words};

const COMMIT: &str = "8b283f9185010e2941bfdecd3874ea52a40bd9de";

pub(crate) fn run(input: &[u8]) {
    let mut choices = Choices(input);
    let door = choices.byte() % 3;
    let bytes = choices.rest();
    let text = String::from_utf8_lossy(bytes);
    let records = match door {
        0 => ours::read(COMMIT, bytes).map(|record| vec![record]).map_err(|error| error.to_string()),
        1 => git_ai::Note::parse(&text).map(|note| vec![standard(&note)]).map_err(|error| error.to_string()),
        _ => agent_trace::read(&text).map(|read| read.records).map_err(|error| error.to_string()),
    };
    match records {
        Ok(records) => {
            for record in &records {
                check(record);
                assert!(door == 0 || names_no_witness(record), "a person is named whom nobody saw: {record:?}");
            }
            if let [first, .., last] = &records[..] {
                check(&first.completed_by(last));
            }
        }
        Err(error) => check_words(&error),
    }
}

/// What a note of the standard says, held to its own text.
fn standard(note: &git_ai::Note) -> CommitRecord {
    let (record, written) = (note.record(COMMIT), note.to_string());
    let again = git_ai::Note::parse(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
    assert_eq!(again.record(COMMIT), record, "{written}");
    let over = git_ai::Note::of(&record, "1").over(note.clone()).record(COMMIT);
    assert!(over.lines() >= record.lines(), "{written}");
    record
}

fn check(record: &CommitRecord) {
    for file in &record.files {
        let path = &file.path;
        assert!(!path.split('/').any(|name| matches!(name, "" | "." | "..")), "{path:?} is not below the root");
        let mut last = 0;
        for range in &file.ranges {
            assert!(range.first > last && range.first <= range.last, "{range:?} does not follow line {last}");
            last = range.last;
            for owner in [Some(range.owner), range.second].into_iter().flatten() {
                assert!((owner as usize) < record.owners.len(), "{range:?} has no owner");
            }
        }
    }
    let (note, left_out) = ours::write(record);
    let read = ours::read(&record.commit, note.as_bytes()).expect("our own note");
    assert!(left_out > 0 || read == ours::signed(record), "a note says something else: {note}");
    let known = record.completed_by(record);
    assert_eq!(known.lines(), record.lines());
    let trace = json!(Trace::of(record, "2026-01-01T00:00:00Z", "1")).to_string();
    let mut back = agent_trace::read(&trace).expect("our own trace").records;
    back.push(git_ai::Note::of(record, "1").record(&record.commit));
    for back in back {
        assert_eq!(record.completed_by(&back), known, "{trace}");
    }
}

/// Whether every person named was so seen that another codi2 said how.
fn names_no_witness(record: &CommitRecord) -> bool {
    record.owners.iter().all(|owner| {
        owner.verdict.origin.kind != ActorKind::Person
            || owner.verdict.class == Class::Unknown
            || owner.verdict.evidence.iter().any(|evidence| !evidence.detail.is_empty())
    })
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let note = r#"{"codi2":1,
"owners":[
{"origin":{"kind":"person","name":"Ada"},"class":"inferred","evidence":["keystrokes"],"at_ms":1700000000000},
{"origin":{"kind":"agent","name":"robo","model":"m1"},"class":"exact","evidence":["intent-exact"]}],
"files":{
"a.rs":[[1,3,0],[7,7,0,1]],
"src/b c.rs":[[2,2,1]]}}
"#;
    let git_ai = format!(
        "src/main.rs\n  s_0123456789abcd::t_abcdef01234567 1-4,9\n  h_0123456789abcd 5\n\"with space.rs\"\n  0123456789abcdef 1\n---\n{}",
        r#"{"schema_version":"authorship/3.0.0","git_ai_version":"1.6.24","base_commit_sha":"8b28","prompts":{"0123456789abcdef":{"agent_id":{"tool":"cursor","id":"c1","model":"m"},"human_author":"A <a@b>","messages":[]}},"sessions":{"s_0123456789abcd":{"agent_id":{"tool":"claude","id":"c1","model":"m"}}},"humans":{"h_0123456789abcd":{"author":"A <a@b>"}}}"#
    );
    let trace = format!(
        r#"{{"version":"0.1.0","id":"01a21f92-7c45-720e-8076-b6800e81184a","timestamp":"2026-01-01T00:00:00Z","vcs":{{"type":"git","revision":"{COMMIT}"}},"files":[{{"path":"a.rs","conversations":[{{"contributor":{{"type":"ai","model_id":"p/m"}},"ranges":[{{"start_line":1,"end_line":3}},{{"start_line":5,"end_line":5,"contributor":{{"type":"human"}}}}]}}]}}]}}"#
    );
    let seed = |door: u8, text: &str| [&[door], text.as_bytes()].concat();
    let twice = format!("[{trace},{trace}]");
    vec![seed(0, note), seed(1, &git_ai), seed(2, &trace), seed(2, &twice)]
}
