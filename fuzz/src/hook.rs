//! What an agent gives its hook: a record that keeps no contents, or an error that says what to do.
//!
//! Promises: paths in a record are absolute and plain; what it holds fits one fact and one event whatever came in;
//! the record survives a frame; an error has words, not too many.

use codi2_ipc::frame;
use codi2_protocol::limits::VALUE_BYTES;
use codi2_protocol::{Fact, HookRecord, Numbered};
use serde_json::{Value, json};

use crate::check_words;

pub(crate) fn run(input: &[u8]) {
    for record in [codi2::doors::agent_v1_record(input), codi2::doors::tool_record(input)] {
        match record {
            Ok(Some(record)) => check(record),
            Ok(None) => {}
            Err(error) => check_words(&format!("{error:#}")),
        }
    }
}

fn check(record: HookRecord) {
    for path in record.files.iter().chain([&record.folder]) {
        assert!(path.starts_with('/'), "{path:?} is not absolute");
        assert!(!path.split('/').any(|part| part == "." || part == ".."), "{path:?} is not plain");
    }
    let fact = Numbered { seq: 1, occurred_ms: 0, session: None, fact: Fact::Hook(record) };
    let bytes = frame::encode(&fact).expect("a record fits a frame");
    assert!(bytes.len() <= VALUE_BYTES, "a record of {} bytes fits no event", bytes.len());
    assert_eq!(frame::decode::<Numbered>(&bytes[4..]).expect("our own frame"), fact);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let folder = "/home/ada/project";
    let before = json!({"type": "human", "repo_working_dir": folder, "will_edit_filepaths": ["src/a.rs", "/x/../b", "./c"],
        "dirty_files": {"src/a.rs": "fn main() {}"}});
    let after = json!({"type": "ai_agent", "repo_working_dir": folder, "edited_filepaths": ["src/a.rs"],
        "agent_name": "my-agent", "model": "m1", "conversation_id": "c1", "transcript": {"messages": [{"text": "x"}]}});
    let bare = json!({"type": "human", "repo_working_dir": "/"});
    let own = [before, after, bare].into_iter();
    // Every tool's payloads.
    let samples = include_str!("../../sidecar/codi2/src/cli/hook/samples.jsonl").lines();
    let sample = |line: &str| -> Value { serde_json::from_str::<Value>(line).expect("a sample")["payload"].take() };
    own.chain(samples.map(sample)).map(|payload| payload.to_string().into_bytes()).collect()
}
