//! The real program with a real hub: the feed over the hub's end, log, tail and blame in their formats.
//!
//! Nothing here waits for a time: conditions are looked at until they hold, or the test fails after [`PATIENCE`].

// A broken set-up is a failed test, in helpers too.
#![allow(clippy::unwrap_used)]

mod editor;
mod world;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use editor::Editor;
use world::{Still, World};

const PATIENCE: Duration = Duration::from_secs(60);

fn has(lines: &[String], words: &str) -> bool {
    lines.iter().any(|line| line.contains(words))
}

/// Whether a disk event of a file has come.
fn changed(lines: &[String], file: &str) -> bool {
    lines.iter().any(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        event["event"]["body"]["kind"] == "disk" && event["event"]["file"] == file
    })
}

#[test]
fn the_feed_goes_on_over_the_hubs_end_and_every_event_comes_once() {
    let world = World::new();
    let monitor = world.follow(&["monitor", "--format", "jsonl", "--exclude", "*.tmp"]);
    monitor.until("the watch", |_, notes| has(notes, "watching"));
    world.write("a.tmp", "not shown\n");
    world.write("a.rs", "one\n");
    monitor.until("a.rs", |lines, _| changed(lines, "a.rs"));
    assert!(world.run(&["hub", "stop"]).status.success());
    monitor.until("the new hub", |_, notes| has(notes, "connected again"));
    world.write("b.rs", "two\n");
    monitor.until("b.rs", |lines, _| changed(lines, "b.rs"));
    let shown = monitor.lines();
    assert!(!has(&shown, "a.tmp"));

    // The same once more from the log, by all roads.
    let stamp = |line: &str| serde_json::from_str::<Value>(line).unwrap()["stamp"].as_str().unwrap().to_owned();
    let stamps: Vec<String> = shown.iter().map(|line| stamp(line)).collect();
    let log = world.json(&["log", "--limit", "0", "--format", "json"]);
    let logged: Vec<String> = log
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["event"]["file"] != "a.tmp")
        .map(|event| event["stamp"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(stamps, logged[..stamps.len()]);
    let tail = world.follow(&["tail", "--from", &stamps[0], "--format", "compact"]);
    tail.until("b.rs", |lines, _| has(lines, "\tb.rs\t"));
    let tailed: Vec<String> = tail
        .lines()
        .iter()
        .filter(|line| !line.contains("a.tmp"))
        .map(|line| line.split('\t').next().unwrap().to_owned())
        .collect();
    assert_eq!(tailed[..stamps.len() - 1], stamps[1..]);
    let human = world.run(&["log", "--file", "b.rs", "--kind", "disk", "--since", "1h", "--format", "human"]);
    let human = String::from_utf8(human.stdout).unwrap();
    assert!(human.lines().count() == 1 && human.contains("external") && human.contains("b.rs:1  created"), "{human}");
    assert_eq!(world.json(&["log", "--since", "2099-01-01", "--format", "json"]), json!([]));
}

#[test]
fn log_with_tail_prints_what_was_and_what_comes() {
    let world = World::new();
    let monitor = world.follow(&["monitor", "--format", "jsonl"]);
    monitor.until("the watch", |_, notes| has(notes, "watching"));
    world.write("a.rs", "one\n");
    monitor.until("a.rs", |lines, _| changed(lines, "a.rs"));
    let log = world.follow(&["log", "--tail", "--kind", "disk", "--format", "json"]);
    log.until("a.rs", |lines, _| changed(lines, "a.rs"));
    world.write("b.rs", "two\n");
    log.until("b.rs", |lines, _| changed(lines, "b.rs"));
    assert_eq!(log.lines().len(), 2);
}

#[test]
fn blame_names_what_is_known_and_refuses_what_is_not() {
    let world = World::new();
    world.write("a.rs", "old\n");
    world.write(".gitignore", "*.ignored\n");
    world.write("x.ignored", "x\n");
    let blame = |world: &World| world.json(&["blame", "--format", "json", "a.rs"]);
    let owner = |kind: &str| {
        json!({"kind": kind, "name": null, "tool": null, "model": null, "session": null, "parent": null,
            "parent_by": null})
    };
    let before = blame(&world);
    assert_eq!(before["file"], "a.rs");
    assert_eq!(before["lines"][0]["owner"], owner("unknown"));
    assert_eq!(before["lines"][0]["evidence"][0]["kind"], "before-codi2");
    let monitor = world.follow(&["monitor", "--format", "jsonl"]);
    monitor.until("the watch", |_, notes| has(notes, "watching"));
    world.write("a.rs", "old\nnew\n");
    // No waiting: blame means the file as it is now.
    let after = blame(&world);
    assert_eq!((&after["lines"][0]["owner"], &after["lines"][1]["owner"]), (&owner("unknown"), &owner("external")));
    assert_eq!((&after["lines"][1]["line"], &after["lines"][1]["class"]), (&json!(2), &json!("unknown")));
    let output = world.run(&["blame", "x.ignored"]);
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(3), true), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("nothing is recorded about x.ignored") && !said.contains("nothing is known"), "{said}");
    let outside = world.run(&["blame", "../repo/.git/config"]);
    assert_eq!(outside.status.code(), Some(3), "{outside:?}");
}

#[test]
fn an_agent_is_named_by_its_hooks() {
    let world = World::new();
    world.write("a.rs", "old\n");
    let monitor = world.follow(&["monitor", "--format", "jsonl"]);
    monitor.until("the watch", |_, notes| has(notes, "watching"));
    let repo = world.path("repo");
    let before = json!({"type": "human", "repo_working_dir": repo, "will_edit_filepaths": ["a.rs"]});
    let after = json!({"type": "ai_agent", "repo_working_dir": repo, "edited_filepaths": ["a.rs"], "agent_name": "bot", "model": "m1", "conversation_id": "c1"});
    // One process calls both hooks, as an agent does.
    let script = format!(
        "set -e; codi2=$1; printf %s '{before}' | $codi2 hook agent-v1; echo new >> a.rs; printf %s '{after}' | $codi2 hook agent-v1"
    );
    let mut shell = Command::new("sh");
    assert!(world.at_home(shell.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_codi2")])).status().unwrap().success());
    let blame = world.json(&["blame", "--format", "json", "a.rs"]);
    let line = &blame["lines"][1];
    let mut owner = line["owner"].clone();
    // Where the tests run inside an agent, that one stands between.
    let mut last = (owner["parent"].take(), owner["parent_by"].take());
    while !last.0["parent"].is_null() {
        last = (last.0["parent"].clone(), last.0["parent_by"].clone());
    }
    assert_eq!((&last.0["name"], &last.1), (&json!("Ada <ada@x>"), &json!("git-identity")));
    let bot = json!({"kind": "agent", "name": "bot", "tool": null, "model": "m1", "session": "c1", "parent": null,
        "parent_by": null});
    assert_eq!(owner, bot);
    assert_eq!((&line["class"], &line["mixed"]), (&json!("exact"), &json!(false)));
    assert_eq!(blame["lines"][0]["owner"]["kind"], "unknown");
}

/// An agent edits while the hub stands still, and somebody else while the call is open: nothing is lost, and all comes once.
#[test]
fn hooks_do_without_a_hub_that_stands_still() {
    let world = World::new();
    world.write("a.rs", "old\n");
    let monitor = world.follow(&["monitor", "--format", "jsonl"]);
    monitor.until("the watch", |_, notes| has(notes, "watching"));
    let call = |event: &str| {
        let input = json!({"file_path": "a.rs", "old_string": "old", "new_string": "old\nby the agent"});
        json!({"hook_event_name": event, "session_id": "s1", "transcript_path": "/h/.claude/projects/r/s1.jsonl",
            "cwd": world.path("repo"), "tool_name": "Edit", "tool_use_id": "t1", "tool_input": input})
        .to_string()
    };
    let hook = |payload: String| {
        let output = world.run(&["hook", "claude-code", "--hook-input", &payload]);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    };
    let still = Still::new(&world);
    hook(call("PreToolUse"));
    world.write("a.rs", "old\nby the agent\na stranger\n");
    hook(call("PostToolUse"));
    drop(still);
    monitor.until("both hooks", |lines, _| lines.iter().filter(|line| line.contains("\"intent\"")).count() == 2);
    let is_known = || {
        let blame = world.json(&["blame", "--format", "json", "a.rs"]);
        let kinds: Vec<Value> = (1..3).map(|line| blame["lines"][line]["owner"]["kind"].clone()).collect();
        kinds == ["agent", "unknown"]
    };
    let begin = Instant::now();
    while !is_known() {
        assert!(begin.elapsed() < PATIENCE, "{}", world.json(&["blame", "--format", "json", "a.rs"]));
        std::thread::sleep(Duration::from_millis(20));
    }
    let log = world.json(&["log", "--format", "json", "--file", "a.rs"]);
    let intents = log.as_array().unwrap().iter().filter(|event| event["event"]["body"]["kind"] == "intent").count();
    assert_eq!(intents, 2, "{log}");
}

#[test]
fn the_hub_starts_once_says_how_it_is_and_ends() {
    let world = World::new();
    let start = world.json(&["hub", "start", "--format", "json"]);
    assert_eq!(start["hub"], "started");
    let again = world.json(&["hub", "start", "--format", "json"]);
    assert_eq!((&again["hub"], &again["pid"]), (&json!("already running"), &start["pid"]));
    let status = world.json(&["status", "--format", "json"]);
    assert_eq!((&status["running"], &status["status"]["pid"]), (&json!(true), &start["pid"]));
    let doctor = world.json(&["doctor", "--format", "json"]);
    assert!(doctor.as_array().unwrap().iter().all(|finding| finding["ok"] == true), "{doctor}");
    let second = world.run(&["hub", "start", "--foreground"]);
    assert_eq!((second.status.code(), second.stdout.as_slice()), (Some(0), &b"running\n"[..]));
    let stop = world.json(&["hub", "stop", "--format", "json"]);
    assert_eq!((&stop["hub"], &stop["pid"]), (&json!("stopped"), &start["pid"]));
    assert_eq!(world.run(&["status"]).status.code(), Some(4));
    // The store of a hub that ended is well.
    let doctor = world.json(&["doctor", "--format", "json"]);
    assert!(doctor.as_array().unwrap().iter().all(|finding| finding["ok"] == true), "{doctor}");
}

#[test]
fn mistakes_in_the_settings_stop_nobody_and_are_told_everywhere() {
    let world = World::new();
    let folder = world.path(".config/codi2");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), "[watch]\nprivate = [\"*.secret\"]\n").unwrap();
    world.json(&["hub", "start", "--format", "json"]);
    world.run(&["hub", "stop"]);
    fs::write(folder.join("config.toml"), "[watch]\nprivate = \"*.secret\"\nsetle_ms = 5\n").unwrap();

    // The editor's own status bar.
    let editor = Editor::with(&world, "a.txt", "a\n");
    let told = editor.until("the mistake", |message| {
        message["method"] == "codi2/status" && message["params"]["message"].as_str().unwrap().contains("settings: ")
    });
    assert_eq!(told["params"]["health"], "warning", "{told}");

    // The hub that it started runs with what was right last.
    let problems = || {
        let status: Value = serde_json::from_slice(&world.run(&["status", "--format", "json"]).stdout).unwrap();
        status["status"]["problems"].to_string()
    };
    let deadline = Instant::now() + PATIENCE;
    while problems() == "null" {
        assert!(Instant::now() < deadline, "no hub came");
        std::thread::sleep(Duration::from_millis(20));
    }
    let mistakes = problems();
    assert!(mistakes.contains("config.toml:2:11: ") && mistakes.contains("and 1 more"), "{mistakes}");
    let shown = world.run(&["config", "show"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("watch.private\t[\"*.secret\"]\tlast good settings\n"), "{shown}");

    // Mended, the hub says that it must be started again; with flags of its own where those are wanted.
    fs::write(folder.join("config.toml"), "[watch]\nprivate = [\"*.secret\"]\nsettle_ms = 5\n").unwrap();
    assert!(problems().contains("codi2 hub stop"), "{}", problems());
    drop(editor);
    world.run(&["hub", "stop"]);
    world.json(&["hub", "start", "--format", "json", "--set", "store.path=relative"]);
    assert!(problems().contains("flag --set store.path"), "{}", problems());
}

#[test]
fn what_the_program_measures_of_itself_is_shown() {
    let world = World::new();
    let none = world.run(&["stats", "--internal"]);
    assert_eq!((none.status.code(), none.stdout.as_slice()), (Some(4), &b""[..]));
    let mut editor = Editor::with(&world, "a.txt", "a\n");
    editor.notify("textDocument/didChange", &json!({
        "textDocument": {"uri": world.uri("a.txt"), "version": 2},
        "contentChanges": [{"text": "b", "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}}]}));
    let hook = json!({"type": "human", "repo_working_dir": world.path("repo"), "will_edit_filepaths": ["a.txt"]});
    let measured = |processes: &Value, part: &str, name: &str| {
        let process = processes.as_array().unwrap().iter().find(|process| process["part"] == part)?.clone();
        let found = process["measured"].as_array().unwrap().iter().find(|one| one["name"] == name)?.clone();
        found["count"].as_u64()
    };
    let deadline = Instant::now() + PATIENCE;
    let mut hooked = false;
    let processes = loop {
        assert!(Instant::now() < deadline, "figures never came");
        let processes: Value =
            serde_json::from_slice(&world.run(&["stats", "--internal", "--format", "json"]).stdout).unwrap();
        // A hook starts no hub: it would be spooled.
        if !hooked && processes[0]["part"] == "hub" {
            let output = world.run(&["hook", "agent-v1", "--hook-input", &hook.to_string()]);
            hooked = output.status.success();
        }
        let wanted = [
            ("hub", "durable"),
            ("hub", "decide"),
            ("hub", "hook"),
            ("hub", "watched"),
            ("hub", "commit"),
            ("sidecar", "change"),
            ("sidecar", "seal"),
        ];
        if wanted.iter().all(|(part, name)| measured(&processes, part, name).is_some_and(|count| count > 0)) {
            break processes;
        }
        world.write("b.txt", &format!("{:?}\n", Instant::now()));
        std::thread::sleep(Duration::from_millis(50));
    };
    for process in processes.as_array().unwrap() {
        for one in process["measured"].as_array().unwrap() {
            let [p50, p99, max] = ["p50", "p99", "max"].map(|name| one[name].as_u64().unwrap());
            assert!(p50 <= p99 && p99 <= max, "{one}");
        }
    }
    let human = world.run(&["stats", "--internal", "--format", "human"]);
    let human = String::from_utf8(human.stdout).unwrap();
    assert!(human.starts_with("hub, pid ") && human.contains("\nsidecar, pid "), "{human}");
    let compact = world.run(&["stats", "--internal"]);
    let compact = String::from_utf8(compact.stdout).unwrap();
    assert!(
        compact.lines().all(|line| line.matches('\t').count() == 7) && compact.contains("\twriter_queue\t"),
        "{compact}"
    );
}
