//! Each git of this machine: what stands in the worktree is asked of an old one as of a new one, and a git that fails
//! is never taken for one that knows nothing.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use codi2_tests::{Agent, Output, World, program, run, wait_for};
use serde_json::Value;

/// The gits on the path, one for each version.
fn gits() -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    let path = std::env::var_os("PATH").unwrap_or_default();
    for program in std::env::split_paths(&path).map(|folder| folder.join("git")).filter(|program| program.is_file()) {
        let version = run(Command::new(&program).arg("--version"), "").out;
        if found.iter().all(|(known, _)| *known != version) {
            found.push((version, program));
        }
    }
    assert!(!found.is_empty(), "git is needed here");
    found
}

/// Runs codi2 where `git` is the one in this folder.
fn with(world: &World, folder: &Path, words: &[&str]) -> Output {
    run(&mut command(world, folder, words), "")
}

fn command(world: &World, folder: &Path, words: &[&str]) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    let mut command = world.command(program());
    command.env("PATH", std::env::join_paths(folders).expect("folders")).args(words);
    command
}

fn json_of(output: &Output) -> Value {
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    serde_json::from_str(&output.out).unwrap_or_else(|error| panic!("{error}: {}", output.out))
}

#[test]
fn what_stands_is_blamed_by_every_git() {
    for (version, git) in gits() {
        let world = World::new(&[("a.txt", "one\ntwo\n")]);
        let folder = world.home().join("git");
        fs::create_dir(&folder).expect("a new folder");
        symlink(&git, folder.join("git")).expect("a new link");
        let base = world.git(&["rev-parse", "HEAD"]).trim().to_owned();
        // It starts the hub.
        let mut monitor = command(&world, &folder, &["monitor"]).stdout(Stdio::null()).spawn().expect("codi2 starts");
        world.wait_until_watched();
        let line = |output: &Output, at: usize| json_of(output)["lines"][at].clone();
        let first = line(&with(&world, &folder, &["blame", "a.txt", "--format", "json"]), 1);
        assert_eq!(first["commit"], *base, "{version}: {first}");
        Agent::new(&world).write("a.txt", "one\nan agent wrote this line\ntwo\n");
        let blame = || with(&world, &folder, &["blame", "a.txt", "--format", "json"]);
        wait_for("the agent's line", || blame().out, || (line(&blame(), 1)["class"] == "exact").then_some(()));
        let commits: Vec<Value> = (0..3).map(|at| line(&blame(), at)["commit"].clone()).collect();
        assert_eq!(commits, [base.clone().into(), Value::Null, base.into()], "{version}");
        let diff = json_of(&with(&world, &folder, &["diff", "--format", "json"]));
        let added = &diff["files"][0]["lines"][0];
        assert_eq!((&added["owner"]["kind"], &added["class"]), (&"agent".into(), &"exact".into()), "{version}: {diff}");

        fs::remove_file(folder.join("git")).expect("it is there");
        let broken = format!(
            "#!/bin/sh\ncase \" $* \" in *' --contents '*) echo 'fatal: broken' >&2; exit 128;; esac\nexec {} \"$@\"\n",
            git.display()
        );
        fs::write(folder.join("git"), broken).expect("a file");
        fs::set_permissions(folder.join("git"), fs::Permissions::from_mode(0o755)).expect("our own file");
        for words in [&["blame", "a.txt"][..], &["diff"]] {
            let output = with(&world, &folder, words);
            assert!(output.code == 1 && output.err.contains("broken"), "{words:?}: {output:?}");
        }
        monitor.kill().expect("it runs");
        monitor.wait().expect("it ends");
    }
}
