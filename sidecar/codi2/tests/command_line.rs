//! The real program where no hub is needed: hooks while the hub is away, doctor on broken folders, settings, usage.

// A broken set-up is a failed test, in helpers too.
#![allow(clippy::unwrap_used)]

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A home of its own, with nothing in it.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, below: &str) -> std::path::PathBuf {
        self.0.path().join(below)
    }

    fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_codi2"));
        command.args(arguments).current_dir(self.0.path()).env_clear().env("HOME", self.0.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("CODI2_STATE_DIR", self.path("state")).env("CODI2_RUNTIME_DIR", self.path("run"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    fn fed(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that refuses early closes the pipe.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }

    /// All bytes that lie in the spool.
    fn spooled(&self) -> Vec<u8> {
        let files = fs::read_dir(self.path("state/spool")).unwrap();
        files.flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[cfg(unix)]
fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// What doctor found, by check; and its exit code.
fn doctor(home: &Home) -> (Vec<Value>, i32) {
    let output = home.run(&["doctor", "--format", "json"]);
    (serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}")), code(&output))
}

fn wrong(findings: &[Value], check: &str) -> Option<(String, String)> {
    let finding = findings.iter().find(|finding| finding["check"] == check && finding["ok"] == false)?;
    Some((finding["found"].as_str()?.to_owned(), finding["todo"].as_str()?.to_owned()))
}

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
fn doctor_on_a_fresh_machine_finds_no_fault_of_ours_and_leaves_nothing_behind() {
    let home = Home::new();
    let (findings, _) = doctor(&home);
    for check in ["settings", "folders", "hub", "store", "spool"] {
        let finding = findings.iter().find(|finding| finding["check"] == check).unwrap();
        assert_eq!(finding["ok"], true, "{finding}");
    }
    assert!(wrong(&findings, "worktree").unwrap().1.contains("git init"));
    assert_eq!(fs::read_dir(home.0.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn doctor_names_what_is_broken_and_what_to_do() {
    let home = Home::new();
    fs::create_dir(home.path("state")).unwrap();
    fs::create_dir(home.path("run")).unwrap();
    mode(&home.path("state"), 0o700);
    mode(&home.path("run"), 0o700);
    // A dead hub's socket.
    drop(std::os::unix::net::UnixListener::bind(home.path("run/hub.sock")).unwrap());
    let (findings, code) = doctor(&home);
    let (found, todo) = wrong(&findings, "hub").unwrap();
    assert!(code == 1 && found.contains("stale socket") && todo.contains("codi2 hub start"), "{found}: {todo}");
    fs::remove_file(home.path("run/hub.sock")).unwrap();

    // A record that waits.
    home.fed(&["hook", "agent-v1"], br#"{"type": "human", "repo_working_dir": "/r"}"#);
    let (found, todo) = wrong(&doctor(&home).0, "spool").unwrap();
    assert!(found.contains("wait in 1 files") && todo.contains("codi2 hub start"), "{found}: {todo}");

    // A store that is none.
    fs::create_dir(home.path("state/store")).unwrap();
    mode(&home.path("state/store"), 0o700);
    fs::write(home.path("state/store/codi2.redb"), [7; 8192]).unwrap();
    let (found, todo) = wrong(&doctor(&home).0, "store").unwrap();
    assert!(found.contains("damaged") && todo.contains("backup"), "{found}: {todo}");

    // Folders that others can enter.
    mode(&home.path("state"), 0o755);
    let (found, todo) = wrong(&doctor(&home).0, "folders").unwrap();
    assert!(found.contains("755") && todo.contains("chmod 700"), "{found}: {todo}");
    mode(&home.path("state"), 0o700);

    // No git.
    let output = home.command(&["doctor", "--format", "json"]).env("PATH", home.path("nowhere")).output().unwrap();
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(wrong(&findings, "git").unwrap().1.contains("install git"));

    // A setting that makes no sense.
    fs::create_dir_all(home.path(".config/codi2")).unwrap();
    fs::write(home.path(".config/codi2/config.toml"), "[hub]\nidle = 3\n").unwrap();
    let (found, todo) = wrong(&doctor(&home).0, "settings").unwrap();
    assert!(
        found.contains("config.toml:2:1: unknown key `idle`") && todo.contains("`idle_minutes`"),
        "{found}; {todo}"
    );
}

#[test]
fn doctor_prints_every_format() {
    let home = Home::new();
    let human = home.run(&["doctor", "--format", "human"]);
    assert!(text(&human.stdout).contains("WRONG  worktree"), "{human:?}");
    assert!(text(&home.run(&["doctor"]).stdout).lines().all(|line| line.split('\t').count() == 4));
    let jsonl = home.run(&["doctor", "--format", "jsonl"]);
    assert!(text(&jsonl.stdout).lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
}

#[test]
fn settings_are_shown_with_their_origin_and_refused_with_their_line() {
    let home = Home::new();
    let file = home.path("codi2.toml");
    fs::write(&file, "[watch]\nsettle_ms = 5\n").unwrap();
    let show = |format: &str| {
        home.command(&["config", "show", "--format", format])
            .env("CODI2_CONFIG", &file)
            .env("CODI2_WATCH_POLL", "yes")
            .output()
            .unwrap()
    };
    let rows: Vec<Value> = serde_json::from_slice(&show("json").stdout).unwrap();
    let row = |key: &str| rows.iter().find(|row| row["key"] == key).unwrap().clone();
    assert_eq!(
        row("watch.settle_ms"),
        json!({"key": "watch.settle_ms", "value": 5, "origin": format!("{}:2:13", file.display())})
    );
    assert_eq!(row("watch.poll"), json!({"key": "watch.poll", "value": true, "origin": "env CODI2_WATCH_POLL"}));
    assert_eq!(row("hub.idle_minutes")["origin"], "default");
    assert!(text(&show("human").stdout).contains("watch.settle_ms"));
    fs::write(&file, "[watch]\n\nsettle_ms = \"5\"\n").unwrap();
    let output = show("json");
    assert_eq!(code(&output), 2);
    assert!(text(&output.stderr).contains("codi2.toml:3:13: `watch.settle_ms` is the text \"5\"; write"), "{output:?}");
    // What is in effect is shown all the same.
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(rows.contains(&json!({"key": "watch.settle_ms", "value": 30, "origin": "default"})), "{rows:?}");
    fs::remove_file(&file).unwrap();
    assert_eq!(code(&show("json")), 2);
    let output = home.run(&["--set", "watch.settle_ms=9", "config", "show"]);
    assert!(text(&output.stdout).contains("watch.settle_ms\t9\tflag --set watch.settle_ms\n"), "{output:?}");
}

#[test]
fn every_mistake_is_checked_at_once_in_every_format() {
    let home = Home::new();
    let root = home.path("repo");
    assert!(Command::new("git").args(["init", "-q"]).arg(&root).status().unwrap().success());
    let run = |arguments: &[&str]| {
        home.command(arguments).current_dir(&root).env("CODI2_WATCH_POL", "1").stdin(Stdio::null()).output().unwrap()
    };
    let fine = home.run(&["config", "check", "--format", "human"]);
    assert_eq!((code(&fine), text(&fine.stdout)), (0, "no mistakes\n"));
    fs::create_dir_all(home.path(".config/codi2")).unwrap();
    fs::write(home.path(".config/codi2/config.yml"), "hub:\n  idle_minutes: ten\nwath: 1\n").unwrap();
    fs::write(root.join(".codi2.toml"), "[watch]\nprivate = [\"customers\"]\npoll = true\n").unwrap();
    let output = run(&["config", "check", "--format", "json"]);
    let mistakes: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let places: Vec<String> = mistakes
        .iter()
        .map(|one| {
            let from = Path::new(one["from"].as_str().unwrap()).file_name().unwrap().to_str().unwrap();
            format!("{from} {} {}", one["line"], one["column"])
        })
        .collect();
    assert_eq!(
        places,
        ["config.yml 2 17", "config.yml 3 1", "env CODI2_WATCH_POL null null", ".codi2.toml 3 1"],
        "{mistakes:?}"
    );
    assert_eq!((code(&output), text(&output.stderr)), (2, "codi2: 4 mistakes in the settings\n"));
    let compact = run(&["config", "check"]);
    assert!(
        text(&compact.stdout).lines().count() == 4
            && text(&compact.stdout).lines().all(|line| line.matches('\t').count() == 4)
    );
    let human = run(&["config", "check", "--format", "human"]);
    assert!(
        text(&human.stdout).contains("config.yml:3:1: unknown key `wath`\n    → did you mean `watch`?\n"),
        "{human:?}"
    );
    // One file alone; what a repository may say is known by the file's name.
    for (file, expected, words) in [
        (".codi2.toml", 2, "is not for a repository to set"),
        ("gone.toml", 3, "gone.toml is not there"),
        (".", 2, "end in .toml"),
    ] {
        let output = run(&["config", "check", file]);
        assert_eq!(code(&output), expected, "{output:?}");
        assert!(format!("{}{}", text(&output.stdout), text(&output.stderr)).contains(words), "{output:?}");
    }
    // What the repository adds is shown with its place.
    let shown = run(&["config", "show"]);
    let row = text(&shown.stdout).lines().find(|line| line.starts_with("watch.private\t")).unwrap().to_owned();
    assert!(row.contains("customers") && row.contains("default + ") && row.ends_with(".codi2.toml"), "{row}");
    let paths = run(&["config", "path"]);
    let paths: Vec<&str> = text(&paths.stdout).lines().collect();
    assert!(paths[0].starts_with("user\t") && paths[0].ends_with("config.yml\texists"), "{paths:?}");
    assert!(paths[1].starts_with("repository\t") && paths[1].ends_with(".codi2.toml\texists"), "{paths:?}");
}

#[test]
fn schema_completions_and_manual_are_printed_whole() {
    let home = Home::new();
    for (flag, key) in [(None, "hub"), (Some("--repository"), "watch")] {
        let words: Vec<&str> = ["config", "schema"].into_iter().chain(flag).collect();
        let schema: Value = serde_json::from_slice(&home.run(&words).stdout).unwrap();
        assert!(schema["properties"][key].is_object(), "{schema}");
    }
    let script = home.run(&["completions", "bash"]);
    let mut bash = Command::new("bash").args(["-n"]).stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(&script.stdout).unwrap();
    assert!(bash.wait().unwrap().success() && text(&script.stdout).contains("complete "));
    let output = home.run(&["man", "--out", "pages/man1"]);
    assert_eq!(code(&output), 0, "{output:?}");
    let page = fs::read_to_string(home.path("pages/man1/codi2-config-check.1")).unwrap();
    assert!(page.contains(".SH NAME\n") && page.contains("Name every mistake"), "{page}");
    fs::write(home.path("file"), "").unwrap();
    assert_eq!(code(&home.run(&["man", "--out", "file"])), 1);
}

#[test]
fn status_without_a_hub_is_code_4_and_starts_none() {
    let home = Home::new();
    for words in [&["status", "--format", "json"][..], &["hub", "status", "--format", "jsonl"]] {
        let output = home.run(words);
        assert_eq!(code(&output), 4);
        assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), json!({"running": false, "status": null}));
    }
    let output = home.run(&["hub", "stop", "--format", "compact"]);
    assert_eq!((code(&output), text(&output.stdout)), (0, "hub\tnot running\t\n"));
    assert!(!home.path("state").exists());
}

#[test]
fn wrong_use_is_code_2_and_what_was_typed_is_escaped() {
    let home = Home::new();
    let output = home.run(&["log", "--since", "so\x1b[2Jon"]);
    assert_eq!(code(&output), 2);
    for words in [&["\x1b[2Jx"][..], &["log", "--since", "so\x1b[2Jon"], &["blame", "/nowhere/\x1b[2J/x"]] {
        let output = home.run(words);
        assert!(text(&output.stdout).is_empty() && !output.stderr.contains(&0x1b), "{output:?}");
        assert!(!output.status.success());
    }
    let output = home.run(&["monitor", "--include", "a["]);
    assert_eq!(code(&output), 2);
    assert!(text(&output.stderr).contains("a["), "{output:?}");
}

#[test]
fn help_and_version_go_to_standard_output() {
    let home = Home::new();
    for words in [&["--help"][..], &["--version"], &["log", "--help"], &["hub", "start", "-h"]] {
        let output = home.run(words);
        assert_eq!((code(&output), text(&output.stderr)), (0, ""));
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn blame_says_why_not_before_it_starts_a_hub() {
    let home = Home::new();
    fs::write(home.path("binary"), b"a\0b").unwrap();
    for (file, expected, words) in
        [("gone.rs", 3, "does not exist"), (".", 2, "is a folder"), ("binary", 1, "not text")]
    {
        let output = home.run(&["blame", file]);
        assert_eq!((code(&output), text(&output.stdout)), (expected, ""));
        assert!(text(&output.stderr).contains(words), "{output:?}");
    }
    assert!(!home.path("state").exists());
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_is_no_failure() {
    let home = Home::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = home
        .command(&["config", "show"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!((code(&output), text(&output.stderr)), (0, ""));
}

#[test]
fn a_store_is_checked_and_copied() {
    use codi2_store::{Part, Row, Store, Subspace};
    let home = Home::new();
    let nothing = home.run(&["store", "check"]);
    assert_eq!(code(&nothing), 3, "{}", text(&nothing.stderr));
    assert!(text(&nothing.stderr).contains("state/store/codi2.redb"), "{}", text(&nothing.stderr));
    let path = home.path("state/store/codi2.redb");
    let store = Store::open(&path).unwrap();
    let parts: [Part<'_>; 1] = ["name".into()];
    store.write(&[Row::set(Subspace::Meta, &parts, &"value").unwrap()]).unwrap();
    let busy = home.run(&["store", "check"]);
    assert_eq!(code(&busy), 1);
    assert!(text(&busy.stderr).contains("codi2 hub stop"), "{}", text(&busy.stderr));
    drop(store);
    let checked = home.run(&["store", "check", "--format", "json"]);
    assert_eq!(code(&checked), 0, "{}", text(&checked.stderr));
    let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((&checked["faulty"], &checked["incarnation"]), (&json!(0), &json!(0)));
    assert_eq!((&checked["spaces"][0]["name"], &checked["spaces"][0]["rows"]), (&json!("meta"), &json!(1)));
    let copy = home.path("copy.redb");
    let words = ["store", "copy", "--from", path.to_str().unwrap(), "--to", copy.to_str().unwrap()];
    let made = home.run(&words);
    assert_eq!(code(&made), 0, "{}", text(&made.stderr));
    let copied = home.run(&["store", "check", copy.to_str().unwrap(), "--format", "json"]);
    let copied: Value = serde_json::from_slice(&copied.stdout).unwrap();
    assert_eq!((&copied["spaces"], &copied["incarnation"]), (&checked["spaces"], &json!(1)));
    let again = home.run(&words);
    assert_eq!(code(&again), 1);
    assert!(text(&again.stderr).contains("copy into an empty place"), "{}", text(&again.stderr));
    let itself = home.run(&["store", "copy", "--from", path.to_str().unwrap(), "--to", path.to_str().unwrap()]);
    assert_eq!(code(&itself), 2);
    // A bit that flips in the file is found, here already when it is opened.
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(5).position(|name| name == b"value").unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    let damaged = home.run(&["store", "check"]);
    assert_eq!(code(&damaged), 1);
    assert!(text(&damaged.stderr).contains("damaged"), "{}", text(&damaged.stderr));
}

#[test]
fn a_hub_starts_with_the_store_that_was_asked_for_or_not_at_all() {
    let home = Home::new();
    let unknown = home.run(&["hub", "start", "--store", "foundation"]);
    assert_eq!(code(&unknown), 2, "{}", text(&unknown.stderr));
    assert!(text(&unknown.stderr).contains("file, foundationdb"), "{}", text(&unknown.stderr));
    let unsaid = home.run(&["hub", "start", "--store", "foundationdb"]);
    assert_ne!(code(&unsaid), 0);
    assert!(text(&unsaid.stderr).contains("--cluster-file"), "{}", text(&unsaid.stderr));
    let missing = home.run(&["hub", "start", "--store", "foundationdb", "--cluster-file", "none"]);
    assert_ne!(code(&missing), 0);
    assert!(text(&missing.stderr).contains("cluster file cannot be read"), "{}", text(&missing.stderr));
    assert!(!home.path("state/store").exists(), "no other store was made");
    let file = home.path("none");
    let set = format!("store.cluster_file={}", file.to_str().unwrap());
    let doctor = home.run(&["--set", "store.kind=foundationdb", "--set", &set, "doctor", "--format", "json"]);
    let findings: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let store = findings.as_array().unwrap().iter().find(|finding| finding["check"] == "store").unwrap().clone();
    assert!(store["ok"] == false && store["found"].as_str().unwrap().contains("cannot be read"), "{store}");
}

const SESSION: &str = "0b5e2f4a-7c1d-4e8f-9a3b-2d6c8e0f1a2b";

#[test]
fn whoami_names_the_tool_that_acts_and_nobody_by_a_key() {
    let home = Home::new();
    let whoami = |variables: &[(&str, &str)]| -> Value {
        let mut command = home.command(&["whoami", "--format", "json"]);
        let output = command.envs(variables.iter().copied()).stdin(Stdio::null()).output().unwrap();
        assert_eq!((code(&output), text(&output.stderr)), (0, ""));
        assert!(!text(&output.stdout).contains("sk-very-secret"));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let found = whoami(&[("CLAUDE_CODE_CHILD_SESSION", "1"), ("CLAUDE_CODE_SESSION_ID", SESSION)]);
    assert_eq!((&found["acting"], &found["actor"]["name"]), (&json!("tool"), &json!("claude-code")), "{found}");
    assert_eq!((&found["actor"]["session"], found["confidence"].as_u64()), (&json!(SESSION), Some(95)), "{found}");
    for nobody in [&[][..], &[("ANTHROPIC_API_KEY", "sk-very-secret"), ("OPENAI_API_KEY", "sk-very-secret")]] {
        let found = whoami(nobody);
        assert_eq!((&found["acting"], &found["actor"]), (&json!("unknown"), &Value::Null), "{found}");
    }
    let mut command = home.command(&["list-ai-tools", "--detect", "--format", "json"]);
    let output = command.env("OPENAI_API_KEY", "sk-very-secret").output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let key = found.as_array().unwrap().iter().find(|found| found["tool"] == "openai-api").unwrap();
    assert_eq!((&key["state"], &key["confidence"]), (&json!("available"), &json!(15)));
    let output = home.run(&["list-ai-tools", "--format", "json"]);
    assert_eq!(serde_json::from_slice::<Vec<Value>>(&output.stdout).unwrap().len(), 78);
}

#[test]
fn a_commit_names_the_tool_that_signed_it() {
    let home = Home::new();
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        let here = git.args(arguments).current_dir(home.0.path()).env("HOME", home.0.path());
        let here = here.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_AUTHOR_NAME", "Ada").env("GIT_AUTHOR_EMAIL", "ada@x");
        assert!(here.env("GIT_COMMITTER_NAME", "Ada").env("GIT_COMMITTER_EMAIL", "ada@x").status().unwrap().success());
    };
    git(&["init", "--quiet"]);
    git(&[
        "commit",
        "--quiet",
        "--allow-empty",
        "-m",
        "Talk about Claude Code",
        "-m",
        "noreply@anthropic.com is no trailer",
    ]);
    git(&[
        "commit",
        "--quiet",
        "--allow-empty",
        "-m",
        "Change",
        "-m",
        "Co-Authored-By: Some Model <noreply@anthropic.com>",
    ]);
    let acting = |commit: &str| {
        let output = home.run(&["whoami", "--commit", commit]);
        (code(&output), text(&output.stdout).split('\t').take(2).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(acting("HEAD"), (0, "tool agent claude-code".to_owned()));
    assert_eq!(acting("HEAD~1"), (0, "unknown ".to_owned()));
    assert_eq!(acting("no-such-commit").0, 3);
}

#[test]
fn a_persons_tools_count_and_a_bad_entry_is_named_with_its_line() {
    let home = Home::new();
    fs::create_dir_all(home.path(".config/codi2")).unwrap();
    let file = home.path(".config/codi2/config.toml");
    fs::write(&file, "[[tools]]\nid = \"mine\"\nenv = [{ name = \"MINE\", strength = \"strong\" }]\n").unwrap();
    let mut command = home.command(&["whoami"]);
    assert!(text(&command.env("MINE", "1").output().unwrap().stdout).starts_with("tool\tagent mine\t90\t"));
    assert_eq!(code(&home.run(&["config", "check"])), 0);
    fs::write(
        &file,
        "[[tools]]\nid = \"mine\"\nenv = [{ name = \"MINE\", strength = \"strong\" }]\n\n[[tools]]\nid = \"leaky\"\nenv = [{ name = \"LEAKY_API_KEY\" }]\n[[tools]]\nid = \"x\"\nstrength = 1\n",
    )
    .unwrap();
    for arguments in [&["config", "check"][..], &["config", "check", ".config/codi2/config.toml"]] {
        let output = home.run(arguments);
        let lines: Vec<&str> = text(&output.stdout).lines().collect();
        assert_eq!((code(&output), lines.len()), (2, 2), "{output:?}");
        assert!(lines[0].contains("\t5\t1\t") && lines[0].contains("LEAKY_API_KEY looks like a key"), "{lines:?}");
        assert!(lines[1].contains("\t10\t1\t") && lines[1].contains("unknown key `strength` in `tools`"), "{lines:?}");
    }
    let mut command = home.command(&["whoami"]);
    let output = command.env("MINE", "1").env("LEAKY_API_KEY", "1").output().unwrap();
    assert!(text(&output.stdout).starts_with("tool\tagent mine\t"), "what is right still counts: {output:?}");
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
