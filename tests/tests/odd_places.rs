//! What commands answer where there is little to answer: no repository, nothing committed, no worktree, names of 64
//! digits, files that never end or are too large to be watched. Each answer is words and a code, never silence.

use std::fs;
use std::path::{Path, PathBuf};

use codi2_tests::{Agent, Output, World, program, run, wait_for};

fn at(world: &World, folder: &Path, words: &str) -> Output {
    run(world.command(program()).current_dir(folder).args(words.split(' ')), "")
}

/// Each command's code, and what standard error says among other things.
fn check(world: &World, folder: &Path, expected: &[(&str, i32, &str)]) {
    for (words, code, said) in expected {
        let output = at(world, folder, words);
        assert_eq!(output.code, *code, "codi2 {words}: {}{}", output.out, output.err);
        assert!(output.err.contains(said), "codi2 {words} says nothing of {said:?}: {}", output.err);
    }
}

fn git(world: &World, folder: &Path, words: &str) -> String {
    let output = run(world.command("git").current_dir(folder).args(words.split(' ')), "");
    assert_eq!(output.code, 0, "git {words}: {}", output.err);
    output.out
}

/// A folder beside the world's repository.
fn beside(world: &World, name: &str) -> PathBuf {
    let folder = world.home().join(name);
    fs::create_dir(&folder).expect("a new folder");
    folder
}

#[test]
fn without_a_repository_or_a_commit() {
    let world = World::new(&[]);
    let plain = beside(&world, "plain");
    let none = "is in no git repository";
    let reports = ["diff", "show", "stats", "ci HEAD --require-notes", "export git-ai", "export agent-trace"];
    let others = ["import git-ai", "notes merge", "blame HEAD a.txt"];
    let all = reports.iter().chain(&others);
    check(&world, &plain, &all.clone().map(|words| (*words, 3, none)).collect::<Vec<_>>());
    assert!(fs::read_dir(&plain).expect("it is there").next().is_none(), "asking writes nothing");

    // Nobody watches it, and asking does not make somebody watch it.
    fs::write(plain.join("a.txt"), "one\n").expect("a new file");
    check(&world, &plain, &[("blame a.txt", 3, "is in no git repository")]);
    assert_eq!(world.hub_pid(), None);
    let mut monitor =
        world.command(program()).args(["monitor", "--path"]).arg(&plain).spawn().expect("the program runs");
    let looks = || at(&world, &plain, "blame a.txt");
    wait_for("somebody watches it", || format!("{:?}", looks()), || (looks().code == 0).then_some(()));
    monitor.kill().expect("our own child");
    monitor.wait().expect("our own child");

    let unborn = beside(&world, "unborn");
    git(&world, &unborn, "init --quiet");
    for words in ["diff", "show", "stats", "ci HEAD --require-notes", "blame HEAD a.txt"] {
        check(&world, &unborn, &[(words, 3, "git knows no revision \"HEAD\" here: nothing is committed yet")]);
    }
    fs::write(unborn.join("a.txt"), "one\n").expect("a new file");
    check(&world, &unborn, &[("blame a.txt", 0, "")]);
}

/// Git does not read what is somebody else's, and then no revision is unknown.
#[test]
fn a_repository_of_somebody_else_is_said_to_be_one() {
    let world = World::new(&[("a.txt", "one\n")]);
    for words in ["show", "stats", "diff HEAD HEAD", "blame HEAD a.txt", "ci HEAD --require-notes"] {
        let mut command = world.command(program());
        // As git's own tests tell it that the owner is another.
        command.env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1").args(words.split(' '));
        let output = run(&mut command, "");
        assert!(output.code == 3 && output.err.contains("--add safe.directory"), "{words}: {output:?}");
    }
}

#[test]
fn a_revision_without_a_name_is_none() {
    let world = World::new(&[("a.txt", "one\n")]);
    let output = run(world.command(program()).args(["diff", ""]), "");
    assert_eq!((output.code, output.err.trim()), (3, "codi2: git knows no revision \"\" here"));
}

/// A gate must not stand open where its range is mistyped.
#[test]
fn what_names_something_else_is_told() {
    let world = World::new(&[("d/a.txt", "one\n")]);
    let [none, folder] = ["is a file or a folder of a commit, and no range of commits", "is not a file below"];
    check(
        &world,
        world.repository(),
        &[
            ("ci HEAD:d/a.txt --require-notes", 3, none),
            ("ci HEAD:d --forbid agent", 3, none),
            ("stats HEAD^{tree}", 3, none),
            ("ci HEAD..HEAD --require-notes", 0, ""),
            ("blame HEAD .", 3, folder),
            ("blame HEAD d", 3, "d is no file of HEAD"),
            ("monitor --path nowhere", 3, "nowhere is not there"),
        ],
    );
}

/// A server has no worktree, and its notes can be joined, exported and imported all the same.
#[test]
fn a_bare_repository_has_notes() {
    let world = World::new(&[("a.txt", "one\n")]);
    let note = r#"{"codi2":1,"owners":[{"origin":{"kind":"agent","name":"robo"},"class":"exact","evidence":["intent-exact"]}],"files":{"a.txt":[[1,1,0]]}}"#;
    world.git(&["notes", "--ref=codi2", "add", "-m", note]);
    let bare = world.home().join("bare.git");
    git(&world, world.repository(), &format!("clone --quiet --bare . {}", bare.display()));
    git(&world, &bare, &format!("remote set-url origin {}", world.repository().display()));
    check(&world, &bare, &[("export git-ai", 3, "no commit of HEAD has a note"), ("notes merge", 0, "")]);
    let shown = at(&world, &bare, "export git-ai");
    assert!(shown.code == 0 && shown.out.contains("\na.txt\n  s_"), "{}{}", shown.out, shown.err);
    check(&world, &bare, &[("export git-ai --write-notes", 0, ""), ("import git-ai", 0, "")]);
    assert!(git(&world, &bare, "notes --ref=ai show").contains("a.txt"));
    check(&world, &bare, &[("blame a.txt", 3, "name a worktree instead")]);
}

#[test]
fn names_have_as_many_digits_as_git_gives_them() {
    let world = World::new(&[]);
    for (format, digits) in [("sha1", 40), ("sha256", 64)] {
        let folder = beside(&world, format);
        git(&world, &folder, &format!("init --quiet --object-format={format}"));
        fs::write(folder.join("a.txt"), "one\n").expect("a new file");
        let output = at(&world, &folder, "blame a.txt --line-porcelain");
        assert_eq!(output.out.split(' ').next(), Some("0".repeat(digits).as_str()), "{}", output.err);
    }
}

#[test]
fn files_that_nobody_can_watch() {
    let world = World::new(&[("a.txt", "one\n")]);
    assert!(world.command("mkfifo").arg("pipe").status().expect("mkfifo runs").success());
    world.write("large.txt", &"x".repeat(3 << 20));
    check(
        &world,
        world.repository(),
        &[
            ("blame pipe", 1, "pipe is no regular file"),
            ("blame large.txt", 3, "large.txt is larger than watch.max_file_mib"),
        ],
    );
}

/// Whoever watches a repository whose folder goes is told once, and goes on where it comes back, as itself or made anew.
#[test]
fn a_repository_that_goes_and_comes_back() {
    let world = World::new(&[("a.txt", "one\n")]);
    let mut monitor = world.monitor();
    let (root, aside) = (world.repository(), world.home().join("aside"));
    let says = |words: &str| at(&world, &world.home(), words).out;
    let is_gone = || says("status --format human").matches("the folder is gone").count() > 0;
    fs::rename(root, &aside).expect("it goes");
    wait_for("that it is gone", || world.explain(), || is_gone().then_some(()));
    let status = says("status --format human");
    assert_eq!(status.matches("the folder is gone").count(), 1, "{status}");
    let doctor = says("doctor --format human");
    assert_eq!(doctor.matches("the folder is gone").count(), 1, "{doctor}");
    assert!(
        doctor.contains("bring the folder back") && !doctor.contains("inotify.max_user_watches (sysctl)"),
        "{doctor}"
    );
    fs::rename(&aside, root).expect("it comes back");
    world.wait_until_watched();
    wait_for("no trouble", || world.explain(), || (!is_gone()).then_some(()));
    Agent::named(&world, "robo").write("a.txt", "one\nby robo\n");
    world.wait_blame("its line", "a.txt", false, |blame| blame.kinds() == ["unknown", "agent"]);
    let stopped = || world.log().iter().filter(|entry| entry.kind() == "watch").count();
    let said = stopped();
    // Another repository at the same place.
    fs::remove_dir_all(root).expect("it goes for good");
    wait_for("that it is gone", || world.explain(), || is_gone().then_some(()));
    fs::create_dir(root).expect("a new folder");
    git(&world, root, "init --quiet");
    world.wait_until_watched();
    wait_for("no trouble", || world.explain(), || (!is_gone()).then_some(()));
    assert!(stopped() > said);
    monitor.kill().expect("our own child");
    monitor.wait().expect("our own child");
}
