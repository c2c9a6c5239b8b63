//! Files and people of any name.

use std::fs;

use codi2_tests::{World, program, run};
use serde_json::{Value, json};

use crate::{ADA, HOSTILE, ROBO, commit, json_of};

#[test]
fn files_of_any_name_and_form() {
    use std::os::unix::ffi::OsStrExt;
    let world = World::new(&[]);
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9 \"q\".rs");
    fs::write(world.repository().join(name), "x\r\ny\r\n").expect("a file");
    world.write("empty", "");
    fs::write(world.path("binary"), b"a\0b\n").expect("a file");
    let made = commit(&world, "odd", &[ADA], &json!({"caf%E9 \"q\".rs": [[1, 2, 0]]}));
    let mut command = world.command(program());
    let output = run(command.args(["blame", "--format", "json", "HEAD"]).arg(name), "");
    let value = json_of(&output);
    assert_eq!(value["file"], "caf%E9 \"q\".rs");
    assert_eq!(value["lines"][1]["owner"]["kind"], "person");
    assert_eq!(value["lines"][1]["commit"], made.as_str());
    assert_eq!(json_of(&world.codi2(&["blame", "--format", "json", "HEAD", "empty"]))["lines"], json!([]));
    let binary = world.codi2(&["blame", "HEAD", "binary"]);
    assert!(binary.code == 1 && binary.err.contains("not text"), "{binary:?}");
    let shown = json_of(&world.codi2(&["show", "--format", "json"]));
    let files: Vec<&Value> = shown["files"].as_array().expect("files").iter().map(|file| &file["file"]).collect();
    assert_eq!((&shown["lines"], files), (&json!(2), vec![&json!("caf%E9 \"q\".rs")]), "no lines of what is no text");
}

#[test]
fn nothing_hostile_reaches_a_terminal() {
    let world = World::new(&[]);
    world.git(&["config", "user.name", "A\u{1b}[31m\u{202e}da"]);
    world.write("a.rs", "x\u{1b}]0;title\u{7}\n");
    commit(&world, "sub\u{1b}[2Jject", &[HOSTILE], &json!({"a.rs": [[1, 1, 0]]}));
    world.write("a.rs", "y\n");
    commit(&world, "again", &[HOSTILE], &json!({"a.rs": [[1, 1, 0]]}));
    for arguments in [
        &["blame", "HEAD~1", "a.rs"][..],
        &["blame", "--line-porcelain", "HEAD~1", "a.rs"],
        &["diff", "HEAD~1", "HEAD"],
        &["show", "HEAD~1"],
        &["stats"],
        &["ci", "HEAD", "--forbid", "agent"],
    ] {
        // A form of its own is not printed in another one.
        let formats = if arguments.contains(&"--line-porcelain") { 2 } else { 3 };
        for format in &["human", "compact", "json"][..formats] {
            let output = world.codi2(&[&["--format", format], arguments].concat());
            let hostile = |c: char| c != '\n' && c != '\t' && (c.is_control() || c == '\u{202e}');
            assert!(!output.out.contains(hostile) && !output.err.contains(hostile), "{arguments:?}: {output:?}");
            assert!(output.out.contains("evil"), "{arguments:?} {format}: {output:?}");
        }
    }
}

#[test]
fn a_path_is_printed_and_asked_for_as_it_is() {
    let world = World::new(&[("base", "x\n")]);
    let odd = ["100%.txt", "a%20b/c%.rs", "new\nline"];
    odd.iter().for_each(|path| world.write(path, "one\ntwo\n"));
    let encoded = json!({"100%25.txt": [[1, 2, 0]], "a%2520b/c%25.rs": [[1, 2, 0]], "new\nline": [[1, 2, 0]]});
    let made = commit(&world, "odd", &[ROBO], &encoded);
    let range = format!("{made}^!");
    let json = |words: &[&str]| json_of(&world.codi2(&[words, &["--format", "json"]].concat()));
    let names = |value: &Value| -> Vec<String> {
        value["files"].as_array().expect("files").iter().map(|file| file["file"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&json(&["show"])), odd);
    assert_eq!(names(&json(&["diff", &format!("{made}~1"), &made])), odd);
    for path in odd {
        let blame = json(&["blame", "HEAD", path]);
        assert_eq!((blame["file"].as_str(), &blame["lines"][1]["owner"]["name"]), (Some(path), &json!("robo")));
        let ci = world.codi2(&["ci", &range, "--forbid", "agent", "--path", path, "--format", "json"]);
        let found: Value = serde_json::from_str(&ci.out).expect("JSON");
        assert_eq!((ci.code, &found["violations"][0]["file"]), (1, &json!(path)), "{ci:?}");
    }
    assert_eq!(world.codi2(&["ci", &range, "--forbid", "agent", "--path", "100%25.txt"]).code, 2, "no file has it");
    let stats = json(&["stats", &range, "--survival", "--by", "directory"]);
    let keys: Vec<&Value> = stats["rows"].as_array().expect("rows").iter().map(|row| &row["key"]).collect();
    assert_eq!((&stats["standing"], keys), (&json!(6), vec![&json!("."), &json!("a%20b")]));
}
