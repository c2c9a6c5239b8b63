//! Whose each line of a revision is, and of what is not committed.

use std::fs;

use codi2_tests::{program, run, wait_for};
use serde_json::{Value, json};

use crate::{ADA, History, ROBO, World, blamed, commit, commit_without_note, history, json_of};

#[test]
fn blame_of_a_revision_follows_git_to_the_notes_and_needs_no_hub() {
    let History { world, ada, robo, bare, merge } = history();
    let [ada, robo, bare, merge] = [ada, robo, bare, merge].map(|commit| commit[..8].to_owned());
    let person = format!("person keystrokes {ada}");
    let agent = format!("agent intent-exact {robo}");
    let nobody = format!("unknown no-note {bare}");
    let expected = [&person, &agent, &person, &nobody, &person, &agent].map(Clone::clone).to_vec();
    let merged = format!("agent intent-exact {merge}");
    assert_eq!(blamed(&world, &["HEAD", "src/b.rs"]), [&expected[..], &[merged]].concat());
    assert_eq!(blamed(&world, &["HEAD~1", "src/b.rs"]), expected);
    assert_eq!(blamed(&world, &[&ada, "src/a.rs"]), vec![person; 5]);
    // From a folder below, and of a file whose folder is gone.
    let below = run(world.command(program()).current_dir(world.path("src")).args(["blame", "HEAD", "b.rs"]), "");
    assert_eq!((below.code, below.out.lines().count()), (0, 7), "{}", below.err);
    let compact = below.out.lines().nth(1).expect("a line").split('\t').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(compact[..8], ["2", "agent", "robo", "", "m1", "", "exact", "mixed"]);
    assert_eq!(compact[10][..8], *robo);
    fs::remove_dir_all(world.path("docs")).expect("the folder was there");
    assert_eq!(world.codi2(&["blame", "HEAD", "docs/c.md"]).code, 0);
    for (arguments, words) in [
        (&["blame", "nowhere", "src/b.rs"][..], "no revision"),
        (&["blame", "HEAD", "src/a.rs"], "no file of HEAD"),
        (&["blame", "HEAD", "/src/b.rs"], "in no git repository"),
    ] {
        let output = world.codi2(arguments);
        assert!(output.code == 3 && output.err.contains(words), "{arguments:?}: {output:?}");
    }
    assert_eq!(world.hub_pid(), None);
}

#[test]
fn options_stand_anywhere_among_the_words() {
    let History { world, .. } = history();
    let expected = world.codi2(&["blame", "--format", "compact", "HEAD", "src/b.rs"]);
    assert_eq!(expected.code, 0, "{expected:?}");
    for words in
        ["HEAD --format compact src/b.rs", "HEAD src/b.rs --format compact", "HEAD --format compact -- src/b.rs"]
    {
        let output = world.codi2(&["blame"].into_iter().chain(words.split(' ')).collect::<Vec<_>>());
        assert_eq!((output.code, &output.out), (0, &expected.out), "{words}: {output:?}");
    }
    assert_eq!(world.codi2(&["blame", "HEAD", "--line-porcelain", "src/b.rs"]).code, 0);
    for words in [&["blame"][..], &["blame", "HEAD", "src/b.rs", "docs/c.md"]] {
        let output = world.codi2(words);
        assert!(output.code == 2 && output.err.contains("codi2 blame [OPTIONS] [REVISION] <FILE>"), "{output:?}");
    }
}

#[test]
fn line_porcelain_without_our_headers_is_gits() {
    let History { world, .. } = history();
    world.write("odd\tname é", "x\ny\n");
    commit(&world, "odd", &[ADA], &json!({"odd\tname é": [[1, 2, 0]]}));
    for file in ["src/b.rs", "odd\tname é", "docs/c.md"] {
        let ours = world.codi2(&["blame", "--line-porcelain", "HEAD", file]);
        assert_eq!(ours.code, 0, "{}", ours.err);
        let kept: String =
            ours.out.lines().filter(|line| !line.starts_with("codi2-")).map(|line| format!("{line}\n")).collect();
        assert_eq!(kept, world.git(&["blame", "--line-porcelain", "HEAD", "--", file]), "{file}");
        let kinds = ours.out.lines().filter(|line| line.starts_with("codi2-kind ")).count();
        assert_eq!(kinds, ours.out.lines().filter(|line| line.starts_with('\t')).count());
    }
}

#[test]
fn what_is_not_committed_is_the_hubs_to_say() {
    let History { world, .. } = history();
    let known = blamed(&world, &["HEAD", "src/b.rs"]);
    // The hub never saw these lines written; the notes say whose they are.
    let mut monitor = world.monitor();
    world.write("src/b.rs", "one\n2\nby a program\nthree\n4\nfive\nsix\n");
    let with_new = || [&known[..2], &["external disk-change -".to_owned()], &known[2..6]].concat();
    let looks = |blame: &codi2_tests::Blame| {
        let kinds: Vec<&str> = blame.kinds();
        kinds == ["person", "agent", "external", "person", "unknown", "person", "agent"]
    };
    world.wait_blame("the program's line", "src/b.rs", false, looks);
    let found = blamed(&world, &["src/b.rs"]);
    let without_reason =
        |rows: Vec<String>| rows.into_iter().filter(|row| !row.starts_with("unknown")).collect::<Vec<_>>();
    assert_eq!(without_reason(found), without_reason(with_new()));
    let diff = json_of(&world.codi2(&["diff", "--format", "json"]));
    let lines = diff["files"][0]["lines"].as_array().expect("lines");
    let of = |line: &Value| format!("{} {} {}", line["change"], line["line"], line["owner"]["kind"]).replace('"', "");
    assert_eq!(lines.iter().map(of).collect::<Vec<_>>(), ["added 3 external", "deleted 7 agent"]);
    monitor.kill().expect("our own child");
    monitor.wait().expect("our own child");
}

/// What git cannot say is not what nobody committed.
/// Another hub may watch the same worktree, whose agents this one does not know.
#[test]
fn whom_a_note_names_goes_before_nobody_known() {
    let History { world, .. } = history();
    let mut monitor = world.monitor();
    world.write("src/b.rs", "one\n2\nthree\n4\nfive\nsix\nmerged\nof their agent\n");
    world.wait_blame("the line", "src/b.rs", false, |blame| blame.kinds().last() == Some(&"external"));
    let commit = commit_without_note(&world, "theirs");
    wait_for(
        "the hub's note",
        || world.explain(),
        || {
            let note = run(world.command("git").args(["notes", "--ref=codi2", "show", &commit]), "");
            (note.code == 0).then_some(())
        },
    );
    assert_eq!(blamed(&world, &["src/b.rs"])[7], format!("external disk-change {}", &commit[..8]));
    let note = format!(r#"{{"codi2":1,"owners":[{ROBO}],"files":{{"src/b.rs":[[8,8,0]]}}}}"#);
    let add = ["notes", "--ref=codi2", "add", "--force", "-F", "-", &commit];
    let output = run(world.command("git").args(add), &note);
    assert_eq!(output.code, 0, "{}", output.err);
    assert_eq!(blamed(&world, &["src/b.rs"])[7], format!("agent intent-exact {}", &commit[..8]));
    monitor.kill().expect("our own child");
    monitor.wait().expect("our own child");
}

#[test]
fn settings_that_git_stumbles_over_hide_no_owner() {
    let world = World::new(&[]);
    world.write("a.rs", "one\n");
    commit(&world, "a", &[ROBO], &json!({"a.rs": [[1, 1, 0]]}));
    let before = blamed(&world, &["a.rs"]);
    assert!(before[0].starts_with("agent "), "{before:?}");
    for (key, value) in [("blame.ignoreRevsFile", "nowhere"), ("blame.date", "bad"), ("diff.algorithm", "bad")] {
        world.git(&["config", key, value]);
        assert_eq!(blamed(&world, &["a.rs"]), before, "{key}");
        assert_eq!(blamed(&world, &["HEAD", "a.rs"]), before, "{key}");
        assert_eq!(json_of(&world.codi2(&["stats", "--survival", "--format", "json"]))["standing"], json!(1), "{key}");
        world.git(&["config", "--unset", key]);
    }
    // Where it is no setting that git fails by, it is said.
    world.git(&["config", "core.autocrlf", "perhaps"]);
    let output = world.codi2(&["blame", "a.rs"]);
    assert!(output.code != 0 && output.out.is_empty() && !output.err.is_empty(), "{output:?}");
}
