//! The payload of `git-ai checkpoint agent-v1`, cut to a record.
//!
//! Shapes from git-ai's `src/commands/checkpoint_agent/presets/agent_v1.rs`: `type: human` before an edit, with the
//! paths about to change; `type: ai_agent` after it, with name, model, conversation and paths. Unknown fields (a
//! transcript, the contents of unsaved files) are skipped while reading and never kept.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use codi2_protocol::{Actor, ActorKind, EventId, HookPhase, HookRecord, Process, limits};
use serde::Deserialize;

use super::bounds::{absolute, cut, files};

/// Both shapes at once: one pass over the input, whatever the order of its fields, without a copy of what is skipped.
#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "type")]
    kind: String,
    repo_working_dir: String,
    #[serde(default)]
    will_edit_filepaths: Option<Vec<String>>,
    #[serde(default)]
    edited_filepaths: Option<Vec<String>>,
    #[serde(default)]
    agent_name: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    conversation_id: Option<String>,
}

/// The record of one payload. `parent` called the hook: it pairs the calls before and after an edit.
pub fn record(input: &[u8], at_ms: u64, parent: Process) -> Result<HookRecord> {
    let payload: Payload = serde_json::from_slice(input).map_err(|error| wrong(&error))?;
    let folder = Path::new(&payload.repo_working_dir);
    ensure!(folder.is_absolute(), "repo_working_dir must be absolute");
    ensure!(payload.repo_working_dir.len() <= limits::PATH_BYTES, "repo_working_dir is too long");
    let (phase, paths, actor) = match payload.kind.as_str() {
        "human" => (HookPhase::Before, payload.will_edit_filepaths, None),
        "ai_agent" => {
            let required =
                |value: Option<String>, name: &str| value.with_context(|| format!("ai_agent without {name}"));
            let name = required(payload.agent_name, "agent_name")?;
            let model = required(payload.model, "model")?;
            let session = required(payload.conversation_id, "conversation_id")?;
            let actor = Actor {
                kind: ActorKind::Agent,
                name: cut(name),
                tool: None,
                model: Some(cut(model)).filter(|model| !model.is_empty()),
                session: Some(cut(session)).filter(|session| !session.is_empty()),
                parent: None,
                parent_by: None,
            };
            (HookPhase::After, payload.edited_filepaths, Some(actor))
        }
        _ => bail!("type must be human or ai_agent"),
    };
    let files = files(folder, paths.unwrap_or_default().iter().map(String::as_str));
    Ok(HookRecord {
        id: EventId::new(),
        at_ms,
        phase,
        format: "agent-v1".to_owned(),
        actor,
        parent_pid: parent.pid,
        parent_start: parent.start,
        call: None,
        pair: None,
        folder: absolute(folder, ""),
        files,
        found: Vec::new(),
    })
}

/// What is wrong, without a word of the payload: only the place, and names of fields that are this format's own.
fn wrong(error: &serde_json::Error) -> anyhow::Error {
    let said = error.to_string();
    let ours = ["missing field", "duplicate field"].iter().any(|start| said.starts_with(start));
    let what = match said.split(" at line").next() {
        Some(what) if ours => what.to_owned(),
        _ if error.is_data() => "a field is of another type than it should be".to_owned(),
        _ => "it is no JSON".to_owned(),
    };
    let place = format!("line {}, column {}", error.line(), error.column());
    anyhow!("the input is no agent-v1 payload: {what}, {place}")
}

#[cfg(test)]
mod tests {
    use super::super::bounds::{FILES, LIST_BYTES, NAME_BYTES};
    use super::*;
    use serde_json::{Value, json};

    const PARENT: Process = Process { pid: 7, start: Some(9) };

    fn cut_to(payload: Value) -> Result<HookRecord, String> {
        record(payload.to_string().as_bytes(), 5, PARENT).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn payloads_become_records_without_contents() {
        let secret = "the whole file";
        for (payload, phase, files) in [
            (json!({"type": "human", "repo_working_dir": "/r"}), HookPhase::Before, vec![]),
            (
                json!({"type": "human", "repo_working_dir": "/r", "will_edit_filepaths": null}),
                HookPhase::Before,
                vec![],
            ),
            (
                json!({"type": "human", "repo_working_dir": "/r", "will_edit_filepaths": ["/r/a.rs", "b/./c.rs", "x/../d.rs"],
                    "dirty_files": {"/r/a.rs": secret}}),
                HookPhase::Before,
                vec!["/r/a.rs", "/r/b/c.rs", "/r/d.rs"],
            ),
            (
                json!({"type": "ai_agent", "repo_working_dir": "/r/", "edited_filepaths": ["a.rs"], "agent_name": "my-agent",
                    "model": "gpt-4", "conversation_id": "conv-123", "transcript": {"messages": [secret]},
                    "dirty_files": {"/r/a.rs": secret}, "of_a_newer_version": [{"x": secret}]}),
                HookPhase::After,
                vec!["/r/a.rs"],
            ),
        ] {
            let record = cut_to(payload).unwrap();
            assert_eq!((record.phase, record.files.iter().map(String::as_str).collect::<Vec<_>>()), (phase, files));
            assert_eq!(
                (record.folder.as_str(), record.parent_pid, record.parent_start, record.at_ms),
                ("/r", 7, Some(9), 5)
            );
            assert!(!serde_json::to_string(&record).unwrap().contains(secret));
        }
    }

    #[test]
    fn the_agent_is_named_after_the_edit_only() {
        let before = cut_to(json!({"type": "human", "repo_working_dir": "/r", "agent_name": "x"})).unwrap();
        assert_eq!(before.actor, None);
        let payload = json!({"type": "ai_agent", "repo_working_dir": "/r", "agent_name": "my-agent", "model": "", "conversation_id": "c"});
        let actor = cut_to(payload).unwrap().actor.unwrap();
        assert_eq!(
            (actor.kind, actor.name.as_str(), actor.model, actor.session.as_deref()),
            (ActorKind::Agent, "my-agent", None, Some("c"))
        );
        let long = "é".repeat(1_000);
        let payload = json!({"type": "ai_agent", "repo_working_dir": "/r", "agent_name": long, "model": "m", "conversation_id": "c"});
        assert_eq!(cut_to(payload).unwrap().actor.unwrap().name.len(), NAME_BYTES);
    }

    #[test]
    fn too_many_files_are_no_list() {
        let many: Vec<_> = (0..=FILES).map(|i| format!("{i}.rs")).collect();
        assert!(
            cut_to(json!({"type": "human", "repo_working_dir": "/r", "will_edit_filepaths": many}))
                .unwrap()
                .files
                .is_empty()
        );
        assert_eq!(
            cut_to(json!({"type": "human", "repo_working_dir": "/r", "will_edit_filepaths": many[..FILES]}))
                .unwrap()
                .files
                .len(),
            FILES
        );
        let long = ["x".repeat(LIST_BYTES)];
        assert!(
            cut_to(json!({"type": "human", "repo_working_dir": "/r", "will_edit_filepaths": long}))
                .unwrap()
                .files
                .is_empty()
        );
    }

    #[test]
    fn what_is_skipped_may_be_nested_as_it_likes() {
        let deep = format!(
            r#"{{"x": {}{}, "type": "human", "repo_working_dir": "/r"}}"#,
            "[".repeat(500_000),
            "]".repeat(500_000)
        );
        assert_eq!(record(deep.as_bytes(), 0, PARENT).unwrap().phase, HookPhase::Before);
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        for (input, expected) in [
            ("not json", "the input is no agent-v1 payload"),
            ("", "the input is no agent-v1 payload"),
            ("[]", "the input is no agent-v1 payload"),
            (r#"{"repo_working_dir": "/r"}"#, "missing field `type`"),
            (r#"{"type": "human"}"#, "missing field `repo_working_dir`"),
            (r#"{"type": "unknown", "repo_working_dir": "/r"}"#, "type must be human or ai_agent"),
            (r#"{"type": "human", "repo_working_dir": "r"}"#, "repo_working_dir must be absolute"),
            (r#"{"type": "human", "repo_working_dir": "/r", "will_edit_filepaths": "a"}"#, "of another type"),
            (
                r#"{"type": "ai_agent", "repo_working_dir": "/r", "agent_name": "a", "model": "m"}"#,
                "ai_agent without conversation_id",
            ),
            (
                r#"{"type": "ai_agent", "repo_working_dir": "/r", "model": "m", "conversation_id": "c"}"#,
                "ai_agent without agent_name",
            ),
        ] {
            let error = format!("{:#}", record(input.as_bytes(), 0, PARENT).unwrap_err());
            assert!(error.contains(expected), "{input}: {error}");
        }
    }

    #[test]
    fn what_is_refused_is_not_quoted() {
        for input in [
            r#"{"type": "human", "repo_working_dir": "/r", "will_edit_filepaths": "SECRET-content"}"#,
            r#"{"type": {"SECRET-content": 1}}"#,
            r#"{"type": "SECRET-content", "repo_working_dir": "/r"}"#,
            r#"{"type": "human", "repo_working_dir": "SECRET-content"}"#,
            r#""SECRET-content""#,
            r#"{"type": SECRET-content}"#,
        ] {
            let error = format!("{:#}", record(input.as_bytes(), 0, PARENT).unwrap_err());
            assert!(!error.contains("SECRET"), "{input}: {error}");
        }
    }
}
