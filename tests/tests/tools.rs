//! AI tools on the road: their own hooks name them, and an editor that an agent started is that agent's.

use std::process::Stdio;

use codi2_tests::World;
use codi2_tests::editor::Editor;
use serde_json::{Value, json};

fn hook(world: &World, payload: &Value) {
    // The hint is wrong on purpose where the payload is another tool's: the shape decides.
    let output = world.codi2_with(&["hook", "claude-code"], &payload.to_string());
    assert_eq!((output.code, output.out.as_str(), output.err.as_str()), (0, "", ""));
}

fn claude(world: &World, event: &str, tool: &str, input: &Value) -> Value {
    json!({"session_id": "s1", "transcript_path": "/h/.claude/projects/r/s1.jsonl", "cwd": world.repository(),
        "hook_event_name": event, "tool_name": tool, "tool_input": input, "tool_use_id": "t1"})
}

#[test]
fn tools_are_named_by_their_own_hooks() {
    let world = World::new(&[("a.txt", "one\n"), ("b.txt", "one\n"), ("c.txt", "one\n")]);
    let mut monitor = world.monitor();
    world.wait_until_watched();
    // Claude Code edits a file that it names.
    let input = json!({"file_path": world.path("a.txt"), "content": "one\nby Claude\n"});
    hook(&world, &claude(&world, "PreToolUse", "Write", &input));
    world.write("a.txt", "one\nby Claude\n");
    hook(&world, &claude(&world, "PostToolUse", "Write", &input));
    let blame = world.wait_blame("Claude's line", "a.txt", false, |blame| blame.kinds() == ["unknown", "agent"]);
    assert_eq!((blame.lines[1].name.as_str(), blame.lines[1].class.as_str()), ("claude-code", "exact"));
    // Codex names it inside a patch.
    let patch = |event: &str| {
        json!({"session_id": "s2", "turn_id": "u", "model": "m", "transcript_path": null, "cwd": world.repository(),
            "hook_event_name": event, "tool_name": "apply_patch", "tool_use_id": "t2",
            "tool_input": {"command": "*** Begin Patch\n*** Update File: b.txt\n@@\n+by Codex\n*** End Patch"}})
    };
    hook(&world, &patch("PreToolUse"));
    world.write("b.txt", "one\nby Codex\n");
    hook(&world, &patch("PostToolUse"));
    let blame = world.wait_blame("Codex's line", "b.txt", false, |blame| blame.kinds() == ["unknown", "agent"]);
    assert_eq!((blame.lines[1].name.as_str(), blame.lines[1].class.as_str()), ("codex-cli", "exact"));
    // A command names no file: only the one agent whose call was open can have written it. Until the call has ended it
    // may have been refused, and names nobody.
    hook(&world, &claude(&world, "PreToolUse", "Bash", &json!({"command": "sed"})));
    world.write("c.txt", "one\nby a command\n");
    let possible = world.wait_blame("the line", "c.txt", false, |blame| blame.kinds().len() == 2);
    assert_eq!(possible.kinds(), ["unknown", "unknown"]);
    hook(&world, &claude(&world, "PostToolUse", "Bash", &json!({"command": "sed"})));
    let blame = world.wait_blame("the command's line", "c.txt", false, |blame| blame.kinds() == ["unknown", "agent"]);
    assert_eq!((blame.lines[1].name.as_str(), blame.lines[1].class.as_str()), ("claude-code", "inferred"));
    monitor.kill().expect("our own child");
    monitor.wait().expect("our own child");
}

#[test]
fn what_a_stranger_writes_as_soon_as_a_call_has_ended_is_not_the_agents() {
    let names: Vec<String> = (0..8).map(|number| format!("{number}.txt")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "one\n")).collect();
    let world = World::new(&files);
    let mut monitor = world.monitor();
    world.wait_until_watched();
    for name in &names {
        hook(&world, &claude(&world, "PreToolUse", "Bash", &json!({"command": "true"})));
        hook(&world, &claude(&world, "PostToolUse", "Bash", &json!({"command": "true"})));
        world.write(name, "one\nby a stranger\n");
    }
    for name in &names {
        world.wait_blame("a stranger's line", name, false, |blame| blame.kinds() == ["unknown", "external"]);
    }
    monitor.kill().expect("our own child");
    monitor.wait().expect("our own child");
}

#[test]
fn what_is_typed_in_an_editor_that_an_agent_started_is_the_agents() {
    let world = World::new(&[("a.txt", "one\n")]);
    let variables = [("CODEX_THREAD_ID", "0b5e2f4a-7c1d-4e8f-9a3b-2d6c8e0f1a2b")];
    let mut editor = Editor::start_within(&world, world.repository(), "editor", Stdio::null(), &variables);
    let path = world.path("a.txt");
    editor.open(&path);
    for key in ["t", "y", "p", "e", "d"] {
        editor.type_at(&path, 0, key);
    }
    editor.save(&path);
    let session = world.wait_log("the session", |log| {
        let started = log.iter().find(|entry| entry.kind() == "session-started")?;
        Some((started.actor().to_owned(), started.actor_name().to_owned()))
    });
    assert_eq!(session, ("agent".to_owned(), "codex-cli".to_owned()));
    world.wait_log("the keys", |log| log.iter().any(|entry| entry.kind() == "edit").then_some(()));
    assert!(world.log().iter().all(|entry| entry.actor() != "person"), "{}", world.explain());
    editor.quit();
}
