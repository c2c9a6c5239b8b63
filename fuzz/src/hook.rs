//! What an agent gives its hook: a record that keeps no contents, or an error that says what to do.
//!
//! Promises: paths in a record are absolute and plain; what it holds fits one fact and one event whatever came in;
//! the record survives a frame; an error has words, not too many.

use codi2_ipc::frame;
use codi2_protocol::limits::VALUE_BYTES;
use codi2_protocol::{Fact, HookRecord, Numbered};
use serde_json::json;

use crate::check_words;

pub(crate) fn run(input: &[u8]) {
    match codi2::doors::hook_record(input) {
        Ok(record) => check(record),
        Err(error) => check_words(&format!("{error:#}")),
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
    [before, after, bare].iter().map(|payload| payload.to_string().into_bytes()).collect()
}
