//! Payloads of every tool, made by hand after its documentation (`samples.jsonl`), and the records they become.

use std::collections::BTreeSet;
use std::path::Path;

use codi2_config::{Globs, Settings};
use codi2_protocol::{ActorKind, HookPhase, HookRecord, Process};
use serde::Deserialize;
use serde_json::Value;

use super::tool::{TOOLS, named, plain};
use super::*;

const PARENT: Process = Process { pid: 7, start: Some(9) };
/// What every sample holds where contents, commands and results are.
const CONTENTS: &str = "SECRET-content";

#[derive(Deserialize)]
struct Sample {
    hint: String,
    payload: Value,
    /// Phase, who, model, session, call, files; `nothing`; `unknown`.
    expect: String,
}

fn samples() -> Vec<Sample> {
    let lines = include_str!("samples.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn read_as(hint: &str, input: &[u8]) -> Result<Option<HookRecord>> {
    Ok(told_as(hint, input)?.map(|told| told.record))
}

fn told_as(hint: &str, input: &[u8]) -> Result<Option<call::Told>> {
    call::record(named(hint), input, 5, PARENT, Path::new("/r"))
}

fn shown(record: &HookRecord) -> String {
    let phase = match record.phase {
        HookPhase::Before => "before",
        HookPhase::After => "after",
        HookPhase::Failed => "failed",
        HookPhase::Refused => "refused",
    };
    let mut words = vec![phase.to_owned()];
    let mut next = record.actor.as_ref();
    while let Some(actor) = next {
        if actor.kind == ActorKind::Completion {
            words.push("completion".to_owned());
        }
        words.push(actor.name.clone());
        words.extend(actor.model.iter().map(|model| format!("model={model}")));
        words.extend(actor.session.iter().map(|session| format!("session={session}")));
        next = actor.parent.as_deref();
        words.extend(next.map(|_| "of".to_owned()));
    }
    words.extend(record.call.iter().map(|call| format!("call={call}")));
    words.extend(record.pair.iter().map(|pair| format!("pair={pair}")));
    if record.files.is_empty() {
        words.push("anywhere".to_owned());
    }
    words.extend(record.files.iter().cloned());
    words.join(" ")
}

#[test]
fn payloads_become_records_without_contents() {
    let mut wrong = Vec::new();
    for Sample { hint, payload, expect } in samples() {
        let found = match read_as(&hint, payload.to_string().as_bytes()) {
            Ok(Some(record)) => {
                let json = serde_json::to_string(&record).unwrap();
                assert!(!json.contains(CONTENTS) && !json.contains("ada@example"), "{json}");
                let caller = record
                    .actor
                    .as_ref()
                    .and_then(|actor| actor.tool.clone())
                    .unwrap_or_else(|| record.actor.as_ref().unwrap().name.clone());
                assert_eq!(record.format, caller, "the format is the tool's");
                shown(&record)
            }
            Ok(None) => "nothing".to_owned(),
            Err(_) => "unknown".to_owned(),
        };
        if found != expect {
            wrong.push(format!("{payload}\n  is {found}\n  not {expect}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is new of texts that a call puts in.
fn new_of(pieces: &[codi2_text::Piece]) -> Vec<String> {
    let new = |piece: &codi2_text::Piece| {
        let new = piece.new_bytes().iter().map(|new| piece.text()[new.clone()].to_owned());
        new.collect::<Vec<_>>().join(" … ")
    };
    pieces.iter().map(new).collect()
}

/// What an edit puts in, and what it says to stand there, stays in this process; commands and prompts are not even read.
#[test]
fn what_an_edit_puts_in_is_told_where_its_tool_says_it() {
    let call = |event: &str, tool: &str, input: &str| {
        let payload = format!(
            r#"{{"hook_event_name": "{event}", "session_id": "s", "transcript_path": "/h/.claude/projects/r/s.jsonl", "tool_name": "{tool}", "tool_input": {input}}}"#
        );
        told_as("claude-code", payload.as_bytes()).unwrap().unwrap().written.map(|pieces| new_of(&pieces).join("|"))
    };
    let edit = r#"{"file_path": "/r/a", "old_string": "old", "new_string": "new"}"#;
    let patch = r#"{"input": "*** Begin Patch\n*** Update File: a\n+new\n*** End Patch"}"#;
    for (event, tool, input, expected) in [
        ("PostToolUse", "Edit", edit, Some("new")),
        ("PreToolUse", "Edit", edit, None),
        ("PostToolUseFailure", "Edit", edit, None),
        ("PostToolUse", "Write", r#"{"file_path": "/r/a", "content": ""}"#, Some("")),
        ("PostToolUse", "Write", r#"{"file_path": "/r/a", "content": ["new"]}"#, None),
        (
            "PostToolUse",
            "MultiEdit",
            r#"{"file_path": "/r/a", "edits": [{"old_string": "x", "new_string": "one"}, {"old_string": "y", "new_string": "two"}]}"#,
            Some("one|two"),
        ),
        (
            "PostToolUse",
            "MultiEdit",
            r#"{"edits": [{"old_string": "stood", "new_string": "stood\none"}, {"new_string": "two\nstood\nthree", "old_string": "stood"}]}"#,
            Some("one|two\n … three"),
        ),
        (
            "PostToolUse",
            "Edit",
            r#"{"file_path": "/r/a", "old_string": "stood\nold", "new_string": "stood"}"#,
            Some(""),
        ),
        ("PostToolUse", "Bash", r#"{"command": "new", "content": "new"}"#, None),
        ("PostToolUse", "NotebookEdit", r#"{"notebook_path": "/r/a", "content": "new"}"#, None),
        ("PostToolUse", "Edit", patch, None),
    ] {
        assert_eq!(call(event, tool, input).as_deref(), expected, "{event} {tool} {input}");
    }
    let long = format!(r#"{{"file_path": "/r/a", "content": "{}"}}"#, "x".repeat(2 << 20));
    assert_eq!(call("PostToolUse", "Write", &long), None, "too much to be held");
    let patched = |patch: &str| {
        let payload = serde_json::json!({"hook_event_name": "PostToolUse", "session_id": "s", "turn_id": "t", "model": "m",
            "tool_name": "apply_patch", "tool_input": {"command": patch}});
        told_as("codex-cli", payload.to_string().as_bytes()).unwrap().unwrap().written.map(|pieces| new_of(&pieces))
    };
    // What it takes out or leaves somebody else may write meanwhile.
    let patch = "*** Begin Patch\n*** Update File: a\n@@\n-old\n+new\n+two\n left\n+three\n*** End Patch";
    assert_eq!(patched(patch), Some(vec!["new\ntwo\n".to_owned(), "three\n".to_owned()]));
    assert_eq!(
        patched("*** Begin Patch\n*** Update File: a\n@@\n-old\n-stood\n+stood\n+new\n*** End Patch"),
        Some(vec!["new\n".to_owned()])
    );
    assert_eq!(patched("*** Begin Patch\n*** Update File: a\n*** Move to: b\n+new\n*** End Patch"), None);
    assert_eq!(patched("*** Update File: a\n*** Add File: b"), None, "as our plugins tell it");
    let cursor = serde_json::json!({"conversation_id": "c", "hook_event_name": "afterFileEdit", "cursor_version": "1",
        "workspace_roots": ["/r"], "file_path": "/r/a", "edits": [{"old_string": "old", "new_string": "new"}]});
    let told = told_as("cursor", cursor.to_string().as_bytes()).unwrap().unwrap();
    assert_eq!(told.written.map(|pieces| new_of(&pieces)), Some(vec!["new".to_owned()]));
}

#[test]
fn every_tool_has_a_sample_of_each_thing_it_does() {
    let expected: Vec<String> = samples().into_iter().map(|sample| sample.expect).collect();
    for tool in TOOLS {
        let of = |phase: &str| {
            expected.iter().any(|text| text.starts_with(phase) && text.split(' ').any(|word| word == tool.id))
        };
        assert!(of("before ") || tool.id == "continue", "no sample of {} before", tool.id);
        assert!(of("after ") || !tool.tells_after, "no sample of {} after", tool.id);
    }
}

/// The table in code and the catalogue's facts are the same.
#[test]
fn the_tools_are_those_of_the_catalogue() {
    let catalogue = crate::tools::catalogue(&codi2_config::Settings::default());
    for tool in TOOLS {
        let known = catalogue.named(tool.id).unwrap_or_else(|| panic!("{} is not in the catalogue", tool.id));
        let said = |names: &[String]| {
            names.iter().filter(|name| !name.contains(' ')).map(|name| plain(name)).collect::<Vec<_>>()
        };
        let mut patches = BTreeSet::new();
        for facts in &known.hooks {
            for edit in said(&facts.edit_tools) {
                assert!(tool.edits.contains(&edit.as_str()), "{}: {edit} edits", tool.id);
            }
            let edits = said(&facts.edit_tools);
            for patch in said(&facts.patch_tools) {
                assert!(edits.contains(&patch), "{}: {patch} edits", tool.id);
                patches.insert(patch);
            }
            for command in said(&facts.shell_tools) {
                assert!(tool.commands.contains(&command.as_str()), "{}: {command} runs commands", tool.id);
            }
        }
        assert_eq!(tool.patches.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), patches, "{}", tool.id);
    }
}

#[test]
fn control_characters_inside_texts_are_read() {
    let input = b"{\"agent_action_name\": \"pre_run_command\", \"trajectory_id\": \"j\",\n\t\"tool_info\": {\"command_line\": \"a\tb\nc \\\" d\\\\\", \"cwd\": \"/r\"}}";
    assert!(serde_json::from_slice::<Value>(input).is_err());
    assert_eq!(
        shown(&read_as("windsurf", input).unwrap().unwrap()),
        "before windsurf session=j pair=j/action anywhere"
    );
}

#[test]
fn nonsense_is_refused_and_depth_costs_nothing() {
    for input in ["", "null", "[1]", "{", "\u{0}"] {
        assert!(read_as("claude-code", input.as_bytes()).is_err(), "{input:?}");
    }
    let nested = |open: &str, close: &str| {
        format!(
            r#"{{"x": {}{}, "hook_event_name": "PreToolUse", "session_id": "s", "tool_name": "Write", "tool_input": {{"content": {}{}, "file_path": "/r/a"}}}}"#,
            open.repeat(100_000),
            close.repeat(100_000),
            open.repeat(100_000),
            close.repeat(100_000)
        )
    };
    assert_eq!(read_as("claude-code", nested("[", "]").as_bytes()).unwrap().unwrap().files, ["/r/a"]);
}

#[test]
fn what_is_refused_is_not_quoted() {
    for input in [format!("\"{CONTENTS}\""), format!("{{\n\"hook_event_name\": {CONTENTS}}}")] {
        let error = format!("{:#}", read_as("claude-code", input.as_bytes()).unwrap_err());
        assert!(error.contains("the input is no JSON object: line ") && error.contains(", column "), "{error}");
        assert!(!error.contains("SECRET"), "{error}");
    }
}

#[test]
fn input_without_end_is_refused() {
    assert!(read(std::io::repeat(b' ')).unwrap_err().to_string().contains("16 MiB"));
    assert_eq!(read(&b"{}"[..]).unwrap(), b"{}");
}

#[test]
fn an_input_that_never_ends_is_not_waited_for() {
    let given = |text: &'static [u8]| {
        let (from, mut to) = std::io::pipe().unwrap();
        std::io::Write::write_all(&mut to, text).unwrap();
        // The other end stays open.
        (read(from).unwrap(), to).0
    };
    assert_eq!(given(b"{\"a\": 1}"), b"{\"a\": 1}", "a whole document is enough");
    assert_eq!(given(b"{\"a\": "), b"{\"a\": ", "half a one is given up");
    assert_eq!(given(b""), b"");
}

#[test]
fn private_files_do_not_lie_in_the_spool() {
    let mut settings = Settings::default();
    settings.watch.private.push("secret/*".to_owned());
    let kept = |files: &[&str]| {
        let payload = serde_json::json!({"type": "human", "repo_working_dir": "/r", "will_edit_filepaths": files});
        let mut record = record(&HookFormat::AgentV1, payload.to_string().as_bytes()).unwrap().unwrap();
        let all = record.files.clone();
        let found = |file| codi2_protocol::HookFound { file, digest: None, put: None, lines: None };
        record.found = (0..all.len() as u32).map(found).collect();
        let is_some = may_keep(&mut record, &Private::new(&settings.watch.private));
        let numbers: Vec<u32> = record.found.iter().map(|found| found.file).collect();
        assert_eq!(numbers, (0..record.files.len() as u32).collect::<Vec<_>>(), "what is told of others stays theirs");
        is_some.then(|| record.files.join(" "))
    };
    let all = ["/r/a.rs", "/r/.ENV.local", "/r/deep/id_rsa", "/r/secret/b", "/r/other/secret/b"];
    assert_eq!(kept(&all), Some("/r/a.rs /r/other/secret/b".to_owned()));
    assert_eq!(kept(&["/r/.env", "/r/secret/b"]), None);
    // The root is somewhere above the working folder.
    let below = |path: &str| {
        let private = Globs::any_case(&settings.watch.private).unwrap();
        bounds::is_private(&private, Path::new("/r/src"), path)
    };
    for (path, expected) in [
        ("/r/secret/key", true),
        ("../secret/key", true),
        ("/r/src/../secret/key", true),
        ("/r/src/secret/key", true),
        ("/r/src/deep/secret/key", false),
        ("/r/secrets", false),
        ("a.rs", false),
    ] {
        assert_eq!(below(path), expected, "{path}");
    }
    assert_eq!(kept(&[]), Some(String::new()));
}
