//! What agents and people say of themselves, on whose behalf agents act, and hooks that behave oddly: by the real program.

use std::io::Write;
use std::process::Stdio;

use codi2_tests::{World, program, run};
use serde_json::{Value, json};

const UUID: &str = "0b5e2f4a-7c1d-4e8f-9a3b-2d6c8e0f1a2b";

fn said(world: &World, arguments: &[&str], input: &str) -> Value {
    let arguments = [arguments, &["--format", "json"]].concat();
    let output = world.codi2_with(&arguments, input);
    assert_eq!(output.code, 0, "{arguments:?}: {}", output.err);
    serde_json::from_str(&output.out).expect("one document")
}

/// `log-ai agent claude-code (m1)  …` of each event, without its time.
fn shown(world: &World, more: &[&str]) -> Vec<String> {
    let arguments = [&["log", "--format", "human", "--kind", "log-ai,note"], more].concat();
    let output = world.codi2(&arguments);
    assert_eq!(output.code, 0, "{}", output.err);
    let words = |line: &str| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ");
    output.out.lines().map(words).collect()
}

#[test]
fn what_is_said_waits_for_a_hub_and_is_logged_once() {
    let world = World::new(&[("a.rs", "one\n")]);
    let token = format!("ghp_{}", "q8Zr2LmX0aPd7VtKq8Zr2LmX0aPd7VtKq8Zr");
    let plan =
        ["log-ai", "split the parser", "--action", "Plan", "--file", "a.rs", "--tool", "claude", "--model", "m1"];
    let told = said(&world, &[&plan[..], &["--session", "s1", "--parent", "orchestrator:conductor"]].concat(), "");
    assert_eq!(told["state"], "waits for a hub");
    said(&world, &["note", "-"], &format!("the token is {token}\nand more\n"));
    // The first command that wants a hub starts one, which takes in what waited.
    world.codi2(&["hub", "start"]);
    assert_eq!(said(&world, &["note", "later"], "")["state"], "noted");
    let lines = world.wait_log("three notes", |log| {
        let notes = log.iter().filter(|entry| matches!(entry.kind(), "log-ai" | "note")).count();
        (notes == 3).then(|| shown(&world, &[]))
    });
    assert_eq!(
        lines[0],
        "agent claude-code (m1) for conductor for Ada Example log-ai a.rs plan: split the parser [told]"
    );
    assert!(lines[1].starts_with("person Ada Example note the token is [redacted:github-token:40"), "{}", lines[1]);
    assert!(lines[1].ends_with(" and more [git-identity]"), "{}", lines[1]);
    assert_eq!(lines[2], "person Ada Example note later [git-identity]");
    assert_eq!(shown(&world, &["--file", "a.rs", "--actor", "claude-code"]).len(), 1);
    // Hers is what she did herself and what was done for her; the rest of her name need not be known.
    for (actor, found) in [
        ("Ada Example", &lines[..]),
        (world.person(), &lines[..]),
        ("conductor", &lines[..1]),
        ("person:Ada Example", &lines[1..]),
        ("person", &lines[1..]),
        ("agent:Ada Example", &[]),
    ] {
        assert_eq!(shown(&world, &["--actor", actor]), found, "{actor}");
    }
    let compact = world.codi2(&["log", "--format", "compact", "--actor", "conductor"]);
    let behalf = format!("\torchestrator conductor, person {}", world.person());
    assert!(compact.out.trim_end().ends_with(&behalf), "{}", compact.out);
    let log = world.log();
    let first = log.iter().find(|entry| entry.kind() == "log-ai").expect("it is there");
    assert_eq!(first.0["event"]["actor"]["session"], "s1");
    assert_eq!(first.0["event"]["actor"]["parent_by"], "told");
    assert_eq!(first.0["event"]["actor"]["parent"]["parent_by"], "git-identity");
    assert_eq!(first.0["event"]["body"]["action"], "plan");
    // A session is asked for as it is printed, also where it looks like one of codi2's.
    let id = "11111111-1111-4111-8111-111111111111";
    said(&world, &["log-ai", "found", "--tool", "claude", "--session", id], "");
    for (session, found) in [("s1", 1), (id, 1), ("s2", 0)] {
        assert_eq!(shown(&world, &["--session", session]).len(), found, "{session}");
    }
    // A note is nobody's work.
    let blame = world.blame("a.rs");
    assert_eq!(blame.kinds(), ["unknown"]);
}

#[test]
fn who_speaks_is_taken_from_what_is_around_or_a_transcript() {
    let world = World::new(&[]);
    world.codi2(&["hub", "start"]);
    let marks = [("CLAUDE_CODE_CHILD_SESSION", "1"), ("CLAUDE_CODE_SESSION_ID", UUID)];
    for words in [&["log-ai", "by marks"][..], &["note", "an agent's note"]] {
        let output = world.command(program()).args(words).envs(marks).output().expect("codi2 runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let line =
        format!(r#"{{"parentUuid": null, "isSidechain": false, "sessionId": "{UUID}", "message": {{"model": "m2"}}}}"#);
    world.write("t.jsonl", &format!("{line}\n{line}\n{{broken\n"));
    said(&world, &["log-ai", "by transcript", "--transcript", "t.jsonl"], "");
    let nameless = world.codi2(&["log-ai", "by nobody"]);
    assert!(nameless.err.contains("name it with --tool"), "{}", nameless.err);
    let lines = world.wait_log("four notes", |log| {
        let notes = log.iter().filter(|entry| matches!(entry.kind(), "log-ai" | "note")).count();
        (notes == 4).then(|| shown(&world, &[]))
    });
    assert_eq!(lines[0], "agent claude-code for Ada Example log-ai say: by marks [surroundings]");
    assert_eq!(lines[1], "agent claude-code for Ada Example note an agent's note [surroundings]");
    assert_eq!(lines[2], "agent claude-code (m2) for Ada Example log-ai say: by transcript [transcript]");
    assert_eq!(lines[3], "agent for Ada Example log-ai say: by nobody [told]");
    // The transcript by itself, and from standard input.
    let found = said(&world, &["whoami", "--transcript", "t.jsonl"], "");
    assert_eq!(
        (&found[0]["tool"], &found[0]["session"], &found[0]["times"]),
        (&json!("claude-code"), &json!(UUID), &json!(2))
    );
    let found = said(&world, &["whoami", "--transcript", "-"], &format!("x {UUID}\ncodex resume {UUID}\n"));
    assert_eq!((found.as_array().map(Vec::len), &found[0]["tool"]), (Some(1), &json!("codex-cli")));
}

/// A person is named only where nothing speaks for an agent.
#[test]
fn a_note_that_an_agent_may_have_left_is_no_persons() {
    let world = World::new(&[]);
    let note = |marks: &[(&str, &str)]| {
        let mut command = world.command(program());
        let output = run(command.args(["note", "x", "--format", "human"]).envs(marks.iter().copied()), "");
        assert_eq!(output.code, 0, "{}", output.err);
        output.out.trim_end().to_owned()
    };
    assert_eq!(note(&[]), "waits for a hub: person Ada Example [git-identity]");
    assert_eq!(note(&[("AGENT", "foo")]), "waits for a hub: agent [surroundings]");
    world.git(&["config", "user.name", "v0[bot]"]);
    world.git(&["config", "user.email", "v0[bot]@users.noreply.github.com"]);
    assert_eq!(note(&[]), "waits for a hub: agent [git-identity]");
}

#[test]
fn what_is_too_much_or_nothing_is_refused_in_words() {
    let world = World::new(&[]);
    for (words, input, expected) in [
        (&["log-ai", "-"][..], String::new(), "the message is empty"),
        (&["note", "-"], "x".repeat(20_000), "20000 bytes, and 16384 fit"),
        (&["log-ai", "x", "--action", "two words"], String::new(), "is no action; write one word, such as plan"),
        (&["log-ai", "x", "--parent", "Ada"], String::new(), "write person:NAME, agent:NAME"),
        // Taken for the notes on commits, and the other way round: said, and nothing is left in the log.
        (&["note", "merge"], String::new(), "`codi2 notes merge` is about notes on commits"),
        (&["note", "merge", "--from", "origin"], String::new(), "unexpected argument"),
        (&["notes", "split the parser"], String::new(), "To leave a note of yours in the log: codi2 note MESSAGE"),
    ] {
        let output = world.codi2_with(words, &input);
        assert_eq!(output.code, 2, "{words:?}: {}", output.err);
        assert!(output.err.contains(expected), "{words:?}: {}", output.err);
    }
    let gone = world.codi2(&["log-ai", "x", "--transcript", "gone.jsonl"]);
    assert_eq!((gone.code, gone.err.contains("gone.jsonl cannot be read")), (3, true), "{}", gone.err);
}

#[test]
fn a_hook_that_is_never_given_its_end_goes_on() {
    let world = World::new(&[("a.txt", "one\n")]);
    let payload = json!({"session_id": "s1", "transcript_path": "/h/.claude/projects/r/s1.jsonl",
        "cwd": world.repository(), "hook_event_name": "PreToolUse", "tool_name": "Write",
        "tool_input": {"file_path": world.path("a.txt")}, "tool_use_id": "t1"});
    for (input, says) in [(payload.to_string(), ""), ("{\"half\": ".to_owned(), "the input is no JSON object")] {
        let mut hook = world.command(program());
        let hook =
            hook.args(["hook", "claude-code"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut hook = hook.spawn().expect("codi2 runs");
        let mut open = hook.stdin.take().expect("a pipe");
        open.write_all(input.as_bytes()).expect("it reads");
        let output = hook.wait_with_output().expect("it ends");
        drop(open);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && output.stdout.is_empty(), "{error}");
        assert!(error.contains(says) && error.is_empty() == says.is_empty(), "{error}");
    }
    world.wait_log("the call", |log| {
        let files: Vec<&str> = log.iter().filter(|entry| entry.kind() == "intent").map(|entry| entry.file()).collect();
        (files == ["a.txt"]).then_some(())
    });
}

/// Hooks of a person and of a repository both tell; an edit is refused; the line says for whom it was written.
#[test]
fn a_line_says_for_whom_it_was_written() {
    let world = World::new(&[("a.txt", "one\n")]);
    let mut monitor = world.monitor();
    world.wait_until_watched();
    let hook = |event: &str, id: &str| {
        let payload = json!({"session_id": "s1", "transcript_path": "/h/.claude/projects/r/s1.jsonl",
            "cwd": world.repository(), "hook_event_name": event, "tool_name": "Write",
            "tool_input": {"file_path": world.path("a.txt")}, "tool_use_id": id, "agent_id": "a7", "agent_type": "reviewer"});
        let output = world.codi2_with(&["hook", "claude-code"], &payload.to_string());
        assert_eq!((output.code, output.err.as_str()), (0, ""));
    };
    hook("PreToolUse", "refused");
    hook("PermissionDenied", "refused");
    for _ in 0..2 {
        hook("PreToolUse", "t1");
    }
    world.write("a.txt", "one\ntwo\n");
    for _ in 0..2 {
        hook("PostToolUse", "t1");
    }
    hook("SubagentStop", "");
    let blame = world.wait_blame("the line", "a.txt", false, |blame| blame.kinds() == ["unknown", "agent"]);
    assert_eq!((blame.lines[1].name.as_str(), blame.lines[1].class.as_str()), ("reviewer", "exact"));
    let intents: Vec<String> = world
        .codi2(&["log", "--kind", "intent", "--format", "jsonl"])
        .out
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line).expect("JSON");
            event["event"]["body"]["phase"].as_str().unwrap_or_default().to_owned()
        })
        .collect();
    assert_eq!(intents, ["before", "refused", "before", "after"]);
    let human = world.codi2(&["blame", "a.txt", "--format", "human"]).out;
    assert!(human.lines().nth(1).is_some_and(|line| line.contains(" for Ada Example")), "{human}");
    let json: Value = serde_json::from_str(&world.codi2(&["blame", "a.txt", "--format", "json"]).out).expect("JSON");
    let mut actor = &json["lines"][1]["owner"];
    let mut links = Vec::new();
    while let Some(by) = actor["parent_by"].as_str() {
        actor = &actor["parent"];
        links.push(format!("{by} {}", actor["name"].as_str().unwrap_or_default()));
    }
    assert_eq!(links.first().map(String::as_str), Some("hook claude-code"));
    assert_eq!(links.last().map(String::as_str), Some("git-identity Ada Example <ada@example.invalid>"));
    monitor.kill().expect("our own child");
    monitor.wait().expect("our own child");
}
