//! Doctor on a fresh machine and on a broken one.

use super::*;

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

#[test]
fn doctor_of_a_folder_that_is_not_there_is_code_3_and_looks_nowhere_else() {
    let home = Home::new();
    let output = home.run(&["doctor", "--path", "nope"]);
    assert_eq!((code(&output), text(&output.stdout)), (3, ""));
    assert!(text(&output.stderr).contains("nope is not there"), "{output:?}");
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
