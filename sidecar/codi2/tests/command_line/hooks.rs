//! Hooks while the hub is away, and hooks that come and go in the settings of tools.

use super::*;

#[test]
fn a_hook_without_a_hub_is_spooled_and_says_nothing() {
    let home = Home::new();
    let secret = "contents that are nobody's business";
    let before = json!({"type": "human", "repo_working_dir": "/r", "will_edit_filepaths": ["a.rs"], "dirty_files": {"/r/a.rs": secret}});
    let after = json!({"type": "ai_agent", "repo_working_dir": "/r", "edited_filepaths": ["a.rs"], "agent_name": "my-agent",
        "model": "m", "conversation_id": "c", "transcript": {"messages": [secret]}});
    for payload in [before, after] {
        let output = home.fed(&["hook", "agent-v1"], payload.to_string().as_bytes());
        assert_eq!((code(&output), text(&output.stdout), text(&output.stderr)), (0, "", ""));
    }
    let spooled = home.spooled();
    let holds = |words: &str| spooled.windows(words.len()).any(|window| window == words.as_bytes());
    assert!(holds("/r/a.rs") && holds("my-agent"));
    assert!(!holds(secret));
}

#[test]
fn a_hook_takes_what_git_ai_takes_as_an_argument() {
    let home = Home::new();
    let payload = r#"{"type": "human", "repo_working_dir": "/r"}"#;
    assert_eq!(code(&home.run(&["hook", "agent-v1", "--hook-input", payload])), 0);
    assert_eq!(code(&home.fed(&["hook", "agent-v1", "--hook-input", "stdin"], payload.as_bytes())), 0);
    assert_eq!(code(&home.run(&["hook", "agent-v1", "--hook-input", "{}"])), 1);
}

#[test]
fn a_hook_that_makes_no_sense_says_so_on_standard_error_only() {
    let home = Home::new();
    for input in [&b"not json"[..], b"", b"{\"type\": \"human\"}", b"\xff\xfe"] {
        let output = home.fed(&["hook", "agent-v1"], input);
        assert_eq!((code(&output), text(&output.stdout)), (1, ""));
        assert!(text(&output.stderr).starts_with("codi2: the input"), "{output:?}");
    }
    let output = home.fed(&["hook", "agent-v1"], &vec![b' '; (16 << 20) + 1]);
    assert!(text(&output.stderr).contains("16 MiB"), "{output:?}");
    assert!(!home.path("state").exists());
}

#[test]
fn a_tools_hook_without_a_hub_is_spooled_and_never_fails() {
    let home = Home::new();
    let secret = "contents that are nobody's business";
    let payload = json!({"session_id": "s", "transcript_path": "/h/.claude/projects/r/s.jsonl", "cwd": "/r", "hook_event_name": "PreToolUse",
        "tool_name": "Write", "tool_input": {"file_path": "/r/a.rs", "content": secret}, "tool_use_id": "t"});
    let output = home.fed(&["hook", "claude-code"], payload.to_string().as_bytes());
    assert_eq!((code(&output), text(&output.stdout), text(&output.stderr)), (0, "", ""));
    let spooled = home.spooled();
    let holds = |words: &str| spooled.windows(words.len()).any(|window| window == words.as_bytes());
    assert!(holds("/r/a.rs") && holds("claude-code") && !holds(secret));
    for nonsense in [&b"not json"[..], b"", b"{}"] {
        let output = home.fed(&["hook", "claude-code"], nonsense);
        assert_eq!((code(&output), text(&output.stdout)), (0, ""));
        assert!(text(&output.stderr).starts_with("codi2: the input"), "{output:?}");
    }
}

/// Every tool: nothing there, somebody's settings there, twice, in a repository.
#[test]
fn a_hook_called_wrongly_stops_no_agent() {
    let home = Home::new();
    for (arguments, expected) in [
        (&["hook", "nobody"][..], 0),
        (&["hook", "claude-code", "--of-a-newer-version"], 0),
        (&["--format", "compact", "hook"], 0),
        (&["hook", "agent-v1", "--of-a-newer-version"], 1),
        (&["log", "--of-a-newer-version"], 2),
        (&["nobody"], 2),
    ] {
        let output = home.run(arguments);
        assert_eq!((code(&output), text(&output.stdout)), (expected, ""), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn hooks_come_and_go_without_a_trace() {
    let home = Home::new();
    let git = Command::new("git").args(["init", "--quiet", "repo"]).current_dir(home.0.path()).status().unwrap();
    assert!(git.success());
    let tools = home.run(&["hooks", "status", "--format", "jsonl"]);
    let tools: Vec<Value> = text(&tools.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(tools.len() >= 13, "{tools:?}");
    let theirs = "{\n  // mine\n  \"hooks\": {\n    \"Stop\": []\n  },\n  \"model\": \"x\"\n}\n";
    for known in &tools {
        let (tool, path) = (known["tool"].as_str().unwrap(), Path::new(known["path"].as_str().unwrap()));
        let run = |arguments: &[&str]| {
            let output = home.command(&[&["hooks"][..], arguments].concat()).stdin(Stdio::null()).output().unwrap();
            assert_eq!((code(&output), text(&output.stderr)), (0, ""), "{tool} {arguments:?}");
            text(&output.stdout).to_owned()
        };
        let state = || run(&["status", tool]).split('\t').nth(1).unwrap().to_owned();
        assert_eq!(state(), "not");
        assert!(run(&["install", tool, "--dry-run"]).contains("\twould\n"));
        assert!(!path.exists(), "{tool}: a dry run makes nothing");
        assert!(run(&["install", tool]).contains("\tmake\tdone"));
        assert_eq!((state().as_str(), run(&["install", tool]).as_str()), ("installed", ""), "{tool}: twice is once");
        run(&["remove", tool]);
        assert_eq!(state(), "not");
        let is_file = path.extension().is_some_and(|ending| ending == "json");
        if is_file {
            assert!(!path.exists(), "{tool}: the file came with the hooks");
            fs::write(path, theirs).unwrap();
            run(&["install", tool]);
            assert!(fs::read_to_string(path).unwrap().contains(&format!("hook {tool}")));
            assert_eq!(state(), "installed");
            run(&["remove", tool]);
            assert_eq!(fs::read_to_string(path).unwrap(), theirs, "{tool}");
            fs::write(path, "").unwrap();
            run(&["install", tool]);
            assert_eq!(state(), "installed");
            run(&["remove", tool]);
            assert_eq!(fs::read_to_string(path).unwrap(), "", "{tool}: it was there");
            fs::write(path, "{\n  broken").unwrap();
            let output = home.run(&["hooks", "install", tool]);
            assert!(code(&output) == 1 && text(&output.stderr).contains("line 2"), "{output:?}");
            assert_eq!(fs::read_to_string(path).unwrap(), "{\n  broken");
        } else {
            assert_eq!(fs::read_dir(path).unwrap().count(), 0, "{tool}: nothing is left");
        }
        let mut project = home.command(&["hooks", "install", tool, "--project"]);
        let output = project.current_dir(home.path("repo")).stdin(Stdio::null()).output().unwrap();
        assert!(text(&output.stdout).contains("/repo/"), "{output:?}");
        for line in text(&output.stdout).lines() {
            let shared = fs::read_to_string(line.split('\t').next().unwrap()).unwrap();
            assert!(!shared.contains(env!("CARGO_BIN_EXE_codi2")), "{tool}: no path of one machine: {shared}");
            assert!(shared.contains("codi2"), "{tool}: {shared}");
        }
    }
    assert_eq!(code(&home.run(&["hooks", "install", "nobody"])), 2);
}

#[test]
fn hooks_go_where_their_tools_look() {
    let home = Home::new();
    let elsewhere = home.path("elsewhere");
    for (tool, expected) in [
        ("opencode", "elsewhere/opencode/plugins/codi2.js"),
        ("crush", "elsewhere/crush/crush.json"),
        // Amp looks below the home whatever the variable says.
        ("amp", ".config/amp/plugins/codi2.ts"),
    ] {
        let mut install = home.command(&["hooks", "install", tool, "--format", "json"]);
        let output = install.env("XDG_CONFIG_HOME", &elsewhere).stdin(Stdio::null()).output().unwrap();
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        let path = Path::new(made[0]["path"].as_str().unwrap());
        assert!(path.ends_with(expected) && path.exists(), "{tool}: {output:?}");
    }
}

#[test]
fn what_cannot_be_done_to_settings_is_said_and_done_to_nothing() {
    let home = Home::new();
    let nowhere = home.path("nowhere");
    fs::create_dir(&nowhere).unwrap();
    let mut install = home.command(&["hooks", "install", "claude", "--project"]);
    let output = install.current_dir(&nowhere).stdin(Stdio::null()).output().unwrap();
    assert!(code(&output) == 1 && text(&output.stderr).contains("no repository here"), "{output:?}");
    assert_eq!(fs::read_dir(&nowhere).unwrap().count(), 0);
    // One document, whatever is there; and what cannot be read is no success.
    let all = home.run(&["hooks", "status", "--format", "json"]);
    let all: Value = serde_json::from_slice(&all.stdout).unwrap();
    let path = all.as_array().unwrap().iter().find(|known| known["tool"] == "claude-code").unwrap()["path"].clone();
    let path = Path::new(path.as_str().unwrap());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "[]").unwrap();
    let output = home.run(&["hooks", "status", "--format", "json"]);
    let of_all: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((code(&output), of_all.as_array().unwrap().len()), (1, all.as_array().unwrap().len()), "{output:?}");
    fs::write(path, "{}").unwrap();
    let mut rights = fs::metadata(path).unwrap().permissions();
    rights.set_readonly(true);
    fs::set_permissions(path, rights).unwrap();
    for words in ["install", "status", "remove"] {
        let output = home.run(&["hooks", words, "claude"]);
        let refused = words == "install";
        assert_eq!((code(&output) == 1, text(&output.stderr).contains("read-only")), (refused, refused), "{output:?}");
    }
    assert_eq!(fs::read_to_string(path).unwrap(), "{}");
}
