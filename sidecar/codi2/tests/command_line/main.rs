//! The real program where no hub is needed: hooks while the hub is away, doctor on broken folders, settings, usage.

// A broken set-up is a failed test, in helpers too.
#![allow(clippy::unwrap_used)]

mod doctor;
mod hooks;
mod settings;
mod tools;

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
    for (words, named) in [
        (&["monitor", "--include", "a["][..], "a["),
        (&["blame", "a.rs", "--line-porcelain", "--format", "json"], "--format"),
    ] {
        let output = home.run(words);
        assert_eq!(code(&output), 2);
        assert!(text(&output.stderr).contains(named), "{output:?}");
    }
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
    let implied = home.run(&["hub", "start", "--cluster-file", "none"]);
    assert!(text(&implied.stderr).contains("cluster file cannot be read"), "{}", text(&implied.stderr));
    let both = home.run(&["hub", "start", "--store", "file", "--cluster-file", "none"]);
    assert_eq!(code(&both), 2, "{}", text(&both.stderr));
    let settings = home.path("settings.toml");
    fs::write(&settings, "[store]\nkind = \"foundation-db\"\ncluster_file = \"/none\"\n").unwrap();
    let mistaken = home.run(&["--config", settings.to_str().unwrap(), "hub", "start"]);
    assert_ne!(code(&mistaken), 0);
    let said = text(&mistaken.stderr);
    assert!(said.contains("store.kind is not") && said.contains("settings.toml:2:8"), "{said}");
    assert!(!home.path("state/store").exists(), "no other store was made");
    let file = home.path("none");
    let set = format!("store.cluster_file={}", file.to_str().unwrap());
    let doctor = home.run(&["--set", "store.kind=foundationdb", "--set", &set, "doctor", "--format", "json"]);
    let findings: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let store = findings.as_array().unwrap().iter().find(|finding| finding["check"] == "store").unwrap().clone();
    assert!(store["ok"] == false && store["found"].as_str().unwrap().contains("cannot be read"), "{store}");
}
