//! A range is judged by a policy, or it is said why it cannot be.

use std::fs;
use std::path::Path;

use codi2_tests::{Output, World, program, run};
use serde_json::{Value, json};

use crate::{ADA, History, ROBO, commit, commit_without_note, history, json_of, note};

#[test]
fn a_range_is_held_against_a_policy() {
    let History { world, ada, bare, .. } = history();
    let ci = |arguments: &[&str]| world.codi2(&[&["ci", "--format", "json"], arguments].concat());
    let violations = |output: &Output| -> Vec<String> {
        let value: Value = serde_json::from_str(&output.out).unwrap_or_else(|_| panic!("{output:?}"));
        assert_eq!((value["passed"] == true, output.code), (output.code == 0, i32::from(value["passed"] != true)));
        let of = |v: &Value| {
            assert!(v["todo"].as_str().is_some_and(|todo| !todo.is_empty()));
            format!("{} {} {} {}", v["rule"], v["demand"], v["file"], v["lines"]).replace('"', "")
        };
        value["violations"].as_array().expect("violations").iter().map(of).collect()
    };
    let range = format!("{ada}..HEAD");
    assert_eq!(violations(&ci(&[&range, "--max-unknown-percent", "20"])), Vec::<String>::new());
    let too_many = violations(&ci(&[&range, "--max-unknown-percent", "19"]));
    assert_eq!(too_many, ["1 max_unknown_percent src/b.rs [[4,4]]"], "one of five");
    let forbidden = violations(&ci(&[&range, "--forbid", "agent", "--path", "src/b.rs"]));
    assert_eq!(forbidden, ["1 forbid src/b.rs [[7,7]]"]);
    assert_eq!(violations(&ci(&[&range, "--require-notes"])), ["1 require_notes null []"]);
    assert_eq!(violations(&ci(&[&range, "--min-class", "inferred", "--path", "docs"])), Vec::<String>::new());
    world.write(
        "../policy.toml",
        "[[ci.rules]]\nmin_class = \"exact\"\npaths = [\"docs/**\"]\n[[ci.rules]]\nrequire_notes = true\n",
    );
    let policy = world.path("../policy.toml");
    let policy = policy.to_str().expect("a path of ours");
    let found = violations(&ci(&[&range, "--policy", policy]));
    assert_eq!(found, ["1 min_class docs/c.md [[1,1]]", "2 require_notes null []"]);
    let settings = world.home().join("config/codi2");
    fs::create_dir_all(&settings).expect("a new folder");
    fs::write(settings.join("config.toml"), "[[ci.rules]]\nforbid = [\"unknown\"]\n").expect("a file");
    let found = ci(&[&range]);
    assert_eq!(violations(&found), ["1 forbid src/b.rs [[4,4]]"]);
    assert!(found.out.contains(&bare) && found.err.contains("1 violation"), "{found:?}");
    // Words are no options of git's.
    let file = world.path("../written");
    for range in ["--max-count=0", &format!("--output={}", file.display()), ""] {
        let output = ci(&["--require-notes", "--", range]);
        assert!(output.code == 3 && !file.exists(), "{range}: {output:?}");
        assert!(world.codi2(&["stats", "--", range]).code == 3 && !file.exists(), "{range}");
    }
    // A tool that is left out is told, and the rest counts.
    fs::write(settings.join("config.toml"), "[[tools]]\nid = \"Bad Id\"\n[[tools]]\nx = 1\n").expect("a file");
    let output = ci(&[&range, "--max-unknown-percent", "20"]);
    assert!(
        output.code == 0 && output.err.contains("config.toml:2:6:") && output.err.contains("config.toml:4:1:"),
        "{output:?}"
    );
    fs::remove_file(settings.join("config.toml")).expect("it is there");
    // Nothing to judge passes; half a policy judges nothing.
    let empty = world.codi2(&["ci", "HEAD..HEAD", "--max-unknown-percent", "0", "--format", "human"]);
    assert_eq!((empty.code, empty.out.contains("nothing to judge, passes")), (0, true), "{empty:?}");
    for text in ["[[ci.rules]]\nmin_class = \"sure\"\n", "[[ci.rules]]\npaths = [\"src\"]\n", "log = \"warn\"\n"] {
        fs::write(policy, text).expect("a file");
        let output = ci(&[&range, "--policy", policy]);
        assert_eq!((output.code, output.out.as_str()), (2, ""), "{text}: {output:?}");
    }
    assert_eq!(ci(&["nowhere..HEAD", "--require-notes"]).code, 3);
}

/// A rule with a mistyped path is a gate that stands open.
#[test]
fn a_rule_that_applies_to_no_file_is_a_mistake() {
    let History { world, ada, .. } = history();
    let range = format!("{ada}..HEAD");
    let ci = |path: &str| world.codi2(&["ci", &range, "--forbid", "agent", "--path", path]);
    for path in ["src/**,docs/**", "src\\b.rs", "SRC/**", "'src/**'", "nowhere"] {
        let output = ci(path);
        let said = format!("rule 1 applies to no file of {range}");
        assert!(output.code == 2 && output.out.is_empty() && output.err.contains(&said), "{path}: {output:?}");
    }
    let output = ci("");
    assert!(output.code == 2 && output.err.contains("an empty path"), "{output:?}");
    // One that the range did not touch is a file all the same; so is one that it took away.
    world.git(&["rm", "--quiet", "src/b.rs"]);
    commit_without_note(&world, "one less");
    for (range, path) in [("HEAD^!", "docs/**"), ("HEAD^!", "src/b.rs"), ("HEAD..HEAD", "docs"), ("HEAD", "src/a.rs")] {
        let output = world.codi2(&["ci", range, "--max-unknown-percent", "100", "--path", path]);
        assert_eq!(output.code, 0, "{range} {path}: {output:?}");
    }
    let policy = world.path("../policy.toml");
    world.write(
        "../policy.toml",
        "[[ci.rules]]\nrequire_notes = true\n[[ci.rules]]\nforbid = [\"agent\"]\npaths = [\"lib/**\"]\n",
    );
    let output = world.codi2(&["ci", &range, "--policy", policy.to_str().expect("a path of ours")]);
    assert!(output.code == 2 && output.err.contains("rule 2 applies to no file"), "{output:?}");
}

/// A repository says itself what is private in it, to the hub as to whoever judges a range.
#[test]
fn what_a_repository_makes_private_needs_no_note() {
    let world = World::new(&[("a.txt", "a\n"), (".codi2.toml", "[watch]\nprivate = [\"customers/**\"]\n")]);
    world.write("b.txt", "b\n");
    commit(&world, "noted", &[ROBO], &json!({"b.txt": [[1, 1, 0]]}));
    fs::create_dir(world.path("customers")).expect("a new folder");
    world.write("customers/list.csv", "Eve\n");
    commit_without_note(&world, "private");
    let judged = |range: &str| world.codi2(&["ci", range, "--require-notes", "--format", "json"]).code;
    assert_eq!(judged("HEAD~1.."), 0);
    assert_eq!(judged("HEAD"), 1, "the first one has no note");
}

/// A change may bring attributes that keep its lines from being shown, or a NUL that makes a binary of its file.
#[test]
fn a_change_hides_nothing_from_a_policy() {
    let world = World::new(&[("src/crypto/key.rs", "fn key() {}\n"), ("docs/a.md", "a\n")]);
    let base = world.git(&["rev-parse", "HEAD"]).trim().to_owned();
    note(&world, &base, &[ADA], &json!({}));
    world.write(".gitattributes", "src/crypto/** -diff\n");
    world.write("src/crypto/key.rs", "fn key() {}\nfn back_door() {}\n");
    let hidden = commit(&world, "hidden", &[ADA], &json!({".gitattributes": [[1, 1, 0]]}));
    world.write("src/crypto/nul.rs", "fn other() {}\n// \0\n");
    let nul = commit(&world, "nul", &[ADA], &json!({}));
    let violations = |range: &str, path: &str| {
        let rule = ["ci", "--format", "json", range, "--max-unknown-percent", "0", "--path", path];
        let output = world.codi2(&rule);
        let value: Value = serde_json::from_str(&output.out).unwrap_or_else(|_| panic!("{output:?}"));
        let of = |v: &Value| format!("{} {}", v["file"], v["lines"]).replace('"', "");
        (output.code, value["violations"].as_array().expect("violations").iter().map(of).collect::<Vec<_>>())
    };
    let crypto = "src/crypto/**";
    assert_eq!(violations(&format!("{base}..{hidden}"), crypto), (1, vec!["src/crypto/key.rs [[2,2]]".to_owned()]));
    assert_eq!(violations(&format!("{hidden}..{nul}"), crypto), (1, vec!["src/crypto/nul.rs [[1,1]]".to_owned()]));
    assert_eq!(violations(&format!("{base}..{nul}"), "docs/**"), (0, Vec::new()));
    // Whoever counts lines counts none of what is no text.
    let shown = json_of(&world.codi2(&["show", "--format", "json"]));
    assert_eq!(shown["lines"], json!(0));
}

/// An image is committed where codi2 runs as well, and no note is written for it.
#[cfg(unix)]
#[test]
fn no_note_is_demanded_where_none_is_written() {
    let world = World::new(&[]);
    world.write("a.rs", "one\n");
    commit(&world, "a", &[ADA], &json!({"a.rs": [[1, 1, 0]]}));
    world.write("image.bin", "\0\u{1}\n");
    world.write(".env", "A=b\n");
    std::os::unix::fs::symlink("a.rs", world.path("link")).expect("a new link");
    let bare = commit_without_note(&world, "what is no text, private, or a link");
    let ci = |words: &[&str]| world.codi2(&[&["ci", &format!("{bare}^!")], words].concat()).code;
    assert_eq!((ci(&["--require-notes"]), ci(&["--max-unknown-percent", "0"])), (0, 1));
    world.write("b.rs", "two\n");
    let bare = commit_without_note(&world, "text");
    assert_eq!(world.codi2(&["ci", &format!("{bare}^!"), "--require-notes"]).code, 1);
}

/// What is known may say anything: a note that this program cannot read is no reason to pass, and none to fail.
#[test]
fn notes_that_cannot_be_read_are_not_judged() {
    let world = World::new(&[]);
    world.write("a.rs", "one\n");
    let made = commit_without_note(&world, "a");
    let range = format!("{made}^!");
    let ci = || world.codi2(&["ci", &range, "--max-unknown-percent", "100"]);
    for text in [r#"{"codi2":2,"lines":"in a way to come"}"#, "mine"] {
        let mut add = world.command("git");
        assert_eq!(run(add.args(["notes", "--ref=codi2", "add", "--force", "-F", "-", &made]), text).code, 0);
        let output = ci();
        assert!(output.code == 3 && output.err.contains("cannot be read"), "{output:?}");
    }
    // The notes' own commit is gone.
    let tip = world.git(&["rev-parse", "refs/notes/codi2"]).trim().to_owned();
    fs::remove_file(world.path(&format!(".git/objects/{}/{}", &tip[..2], &tip[2..]))).expect("a loose object");
    let output = ci();
    assert!(output.code == 3 && !output.err.is_empty(), "{output:?}");
    // Without git nobody can tell.
    for words in [&["ci", &range, "--require-notes"][..], &["blame", "HEAD", "a.rs"], &["show"], &["stats"]] {
        let output = run(world.command(program()).env("PATH", "").args(words), "");
        assert!(output.code == 3 && output.err.contains("install it"), "{words:?}: {output:?}");
    }
}

#[test]
fn a_clone_that_cannot_be_judged_is_told_what_to_fetch() {
    let History { world, ada, .. } = history();
    let url = format!("file://{}", world.repository().display());
    let clones = tempfile::tempdir().expect("a temporary folder");
    let clone = |name: &str, how: &[&str]| {
        let place = clones.path().join(name);
        world.git(&[&["clone", "--quiet"], how, &[&url, place.to_str().expect("a path of ours")]].concat());
        place
    };
    let at = |place: &Path, arguments: &[&str]| run(world.command(program()).current_dir(place).args(arguments), "");
    let (shallow, bare) = (clone("shallow", &["--depth=1"]), clone("bare.git", &["--bare"]));
    let output = at(&shallow, &["ci", "HEAD", "--require-notes"]);
    assert!(output.code == 3 && output.err.contains("git fetch --unshallow"), "{output:?}");
    let output = at(&shallow, &["ci", &format!("{ada}..HEAD"), "--require-notes"]);
    assert!(output.code == 3 && output.err.contains("git fetch --unshallow"), "{output:?}");
    // Reports answer, and say what it rests on.
    for words in ["stats", "show"] {
        let output = at(&shallow, &[words]);
        assert!(output.code == 0 && output.err.contains("counts as brought by it"), "{words}: {output:?}");
        let whole = at(world.repository(), &[words]);
        assert!(whole.code == 0 && whole.err.is_empty(), "{words}: {whole:?}");
    }
    let output = at(&bare, &["ci", "main", "--require-notes"]);
    assert!(
        output.code == 3 && output.err.contains("git fetch origin refs/notes/codi2:refs/notes/codi2"),
        "{output:?}"
    );
    assert_eq!(at(&bare, &["ci", "main..main", "--require-notes"]).code, 0);
    // With the notes a bare clone knows as much as any.
    world.git(&["push", "--quiet", bare.to_str().expect("a path of ours"), "refs/notes/codi2:refs/notes/codi2"]);
    let blame = json_of(&at(&bare, &["blame", "--format", "json", "main", "src/b.rs"]));
    assert_eq!(blame["lines"][6]["owner"]["name"], "robo");
    assert_eq!(json_of(&at(&bare, &["stats", "main", "--format", "json"]))["lines"], 10);
    assert_eq!(at(&bare, &["diff"]).code, 2);
    assert_eq!(at(&bare, &["diff", "main~1", "main"]).code, 0);
    // Nothing committed yet, and no repository.
    let (unborn, nowhere) = (clones.path().join("unborn"), clones.path().join("nowhere"));
    world.git(&["init", "--quiet", unborn.to_str().expect("a path of ours")]);
    fs::create_dir(&nowhere).expect("a new folder");
    for place in [&unborn, &nowhere] {
        for arguments in [&["stats"][..], &["show"], &["diff"], &["ci", "HEAD", "--require-notes"]] {
            let output = at(place, arguments);
            assert!(output.code == 3 && !output.err.is_empty(), "{arguments:?} in {}: {output:?}", place.display());
        }
    }
}
