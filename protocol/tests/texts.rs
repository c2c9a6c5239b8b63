//! No string of the protocol is forgotten: each is free text, a path, or exempt with a reason, and the visitor sees
//! exactly the first two.
//!
//! A string is named `Type.field` after the schema. A new one fails here until it is put in a list, and there until
//! the visitor agrees.

#![allow(clippy::unwrap_used)] // A test that cannot unwrap has failed.

use std::collections::BTreeSet;
use std::path::Path;

use codi2_protocol::*;
use serde_json::Value;

/// Free text that passes the doors.
const WORDS: &[&str] = &[
    "Actor.model",
    "Actor.name",
    "Actor.session",
    "Actor.tool",
    "Editor.name",
    "Editor.version",
    "HookRecord.call",
    "HookRecord.format",
    "HookRecord.pair",
    "Said.action",
    "Said.marks",
    "Said.message",
    "SessionInfo.base",
    "SessionInfo.branch",
    "Source.detail",
    "Source.name",
    "Fact.reason",
];

/// Paths that pass the doors.
const PATHS: &[&str] = &[
    "FileId.path",
    "HookRecord.files",
    "HookRecord.folder",
    "NoteRecord.file",
    "NoteRecord.folder",
    "SessionInfo.root",
];

/// What does not pass, and why.
const EXEMPT: &[(&str, &str)] = &[
    ("Text.inserted", "source text: exact, in the hub's memory only"),
    ("Text.text", "source text: exact, in the hub's memory only"),
    ("WorktreeId.name", "an identity that git gives; a worktree with a token in its name is not recorded"),
    ("Call.path", "an address to watch, kept nowhere; a worktree with a token in its path is refused"),
    ("Filter.actor", "a question, kept nowhere"),
    ("Filter.file", "a question, kept nowhere"),
    ("Filter.grep", "a question, kept nowhere"),
    ("Filter.kinds", "a question, kept nowhere"),
    ("Filter.tool_session", "a question, kept nowhere"),
    ("Hello.build", "a greeting, kept nowhere"),
    ("Hello.capabilities", "a greeting, kept nowhere"),
    ("Count.name", "what is measured, shown and kept nowhere"),
    ("Measured.name", "what is measured, shown and kept nowhere"),
    ("Measured.unit", "what is measured, shown and kept nowhere"),
    ("ProcessStats.part", "what is measured, shown and kept nowhere"),
    // From here on it comes out of the hub, from what passed a door or is the hub's own.
    ("Event.file", "the hub's: a path that passed a door or a watch"),
    ("EventBody.detail", "the hub's: a watch's words, redacted as they come in"),
    ("EventBody.files", "the hub's: paths that passed a door"),
    ("EventBody.format", "the hub's: passed a door in HookRecord.format"),
    ("EventBody.from", "the hub's: a path of a watch, redacted as it comes in"),
    ("EventBody.new_branch", "the hub's: what a watch saw, redacted as it comes in"),
    ("EventBody.new_head", "the hub's: a commit's id"),
    ("EventBody.old_branch", "the hub's: what a watch saw, redacted as it comes in"),
    ("EventBody.old_head", "the hub's: a commit's id"),
    ("EventBody.operation", "the hub's: what a watch saw, redacted as it comes in"),
    ("EventBody.reason", "the hub's: passed a door in Fact.reason"),
    ("Evidence.detail", "the hub's: composed of names that passed a door"),
    ("HubError.message", "the hub's own words to the one who asked"),
    ("HubPresence.build", "a hub's own"),
    ("HubStatus.build", "the hub's own"),
    ("HubStatus.problems", "the hub's own words, shown and kept nowhere"),
    ("HubStatus.store", "the hub's own"),
    ("Notice.reason", "the hub's own words"),
    ("OwnersReply.text", "source text out of the hub's memory to the one who asked"),
    ("Reach.detail", "the hub's own words, shown and kept nowhere"),
    ("WatchStatus.branch", "the hub's: shown and kept nowhere"),
    ("WatchStatus.detail", "the hub's: shown and kept nowhere"),
    ("WatchStatus.root", "the hub's: shown and kept nowhere"),
    // Between an editor and its sidecar: what goes on to the hub passes a door as a fact.
    ("BlameParams.uri", "between an editor and its sidecar"),
    ("DocumentTextParams.uri", "between an editor and its sidecar"),
    ("DocumentTextResult.text", "between an editor and its sidecar"),
    ("EditHintParams.uri", "between an editor and its sidecar"),
    ("StatusParams.message", "between an editor and its sidecar"),
    ("StatusParams.session", "between an editor and its sidecar"),
];

/// Every string of the schema that is no id, no digest and no word of a closed list, by type and field.
fn strings() -> BTreeSet<String> {
    fn walk(owner: &str, field: Option<&str>, schema: &Value, found: &mut BTreeSet<String>) {
        let Value::Object(map) = schema else { return };
        let closed = ["const", "enum", "format", "pattern"].iter().any(|key| map.contains_key(*key));
        let is_string = match map.get("type") {
            Some(Value::String(name)) => name == "string",
            Some(Value::Array(names)) => names.iter().any(|name| name == "string"),
            _ => false,
        };
        if is_string && !closed {
            found.insert(format!("{owner}.{}", field.unwrap_or("?")));
        }
        for (name, inner) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
            // A tagged message keeps its fields in `params` or `value`; a plain one under its own name.
            let own = inner.get("properties").is_some();
            walk(owner, if own { field } else { Some(name) }, inner, found);
        }
        for key in ["items", "additionalProperties"] {
            map.get(key).into_iter().for_each(|inner| walk(owner, field, inner, found));
        }
        for key in ["oneOf", "anyOf", "allOf"] {
            map.get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .for_each(|inner| walk(owner, field, inner, found));
        }
    }
    let schema = serde_json::to_value(schema::protocol()).unwrap();
    let mut found = BTreeSet::new();
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        walk(name, None, definition, &mut found);
    }
    found
}

#[test]
fn every_string_of_the_schema_is_in_one_list() {
    let listed = WORDS.iter().chain(PATHS).copied().chain(EXEMPT.iter().map(|(name, _)| *name));
    let mut known = BTreeSet::new();
    let mut twice = Vec::new();
    for name in listed {
        if !known.insert(name.to_owned()) {
            twice.push(name);
        }
    }
    let found = strings();
    assert!(twice.is_empty(), "listed twice: {twice:?}");
    assert!(found.len() > 40, "the schema's shape changed: {found:?}");
    let new: Vec<_> = found.difference(&known).collect();
    assert!(new.is_empty(), "is this free text, a path, or exempt? {new:?}");
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(gone.is_empty(), "listed and not in the schema: {gone:?}");
}

/// What the visitor sees in a message in which every string that may be is a mark of its own.
fn seen(value: &Value) -> (BTreeSet<String>, Vec<(Kind, String)>) {
    let mut planted = BTreeSet::new();
    let mut number = 0;
    let mut marked = value.clone();
    mark(&mut marked, &mut |text| {
        number += 1;
        let mark = format!("mark-{number}");
        planted.insert(mark.clone());
        *text = mark;
    });
    let mut found = Vec::new();
    let mut call: ClientFrame = serde_json::from_value(marked).unwrap();
    call.call.each_text(&mut |kind, text| found.push((kind, text.clone())));
    (planted, found)
}

/// Changes every string that is read back as a plain one.
fn mark(value: &mut Value, change: &mut dyn FnMut(&mut String)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| mark(item, change)),
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                match inner {
                    Value::String(text) => {
                        if is_plain(key, text) {
                            change(text);
                        }
                    }
                    Value::Array(items) if items.iter().all(Value::is_string) => {
                        for item in items {
                            if let Value::String(text) = item
                                && is_plain(key, text)
                            {
                                change(text);
                            }
                        }
                    }
                    other => mark(other, change),
                }
            }
        }
        _ => {}
    }
}

/// Whether a string is none of the ids, digests and closed lists, by the lists above.
fn is_plain(key: &str, text: &str) -> bool {
    let listed = WORDS.iter().chain(PATHS).copied().chain(EXEMPT.iter().map(|(name, _)| *name));
    let named = listed.map(|name| name.split_once('.').unwrap().1).any(|field| field == key);
    // An actor's `session` is a word and an id elsewhere, as `base` is a commit and a digest; a gap's `reason` is of a
    // closed list.
    named && text.parse::<SessionId>().is_err() && text.parse::<Digest>().is_err() && text != "spool-full"
}

#[test]
fn the_visitor_sees_free_texts_and_paths_and_nothing_exempt() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let (mut words, mut paths, mut messages) = (0, 0, 0);
    for name in ["report", "hook", "note", "text", "text-full", "touched", "heartbeat"] {
        let golden = std::fs::read_to_string(folder.join(format!("call-{name}.json"))).unwrap();
        let value: Value = serde_json::from_str(&golden).unwrap();
        let (planted, found) = seen(&value);
        let visited: BTreeSet<String> = found.iter().map(|(_, text)| text.clone()).collect();
        let exempt = match name {
            "text" | "text-full" => 1,
            _ => 0,
        };
        let worktrees = golden.matches("\"repository\"").count();
        let missed: Vec<_> = planted.difference(&visited).collect();
        assert_eq!(missed.len(), exempt + worktrees, "{name}: not seen {missed:?} of {planted:?}");
        words += found.iter().filter(|(kind, _)| *kind == Kind::Words).count();
        paths += found.iter().filter(|(kind, _)| *kind == Kind::Path).count();
        messages += 1;
    }
    assert!(messages == 7 && words >= 20 && paths >= 10, "{messages} messages, {words} words, {paths} paths");
}
