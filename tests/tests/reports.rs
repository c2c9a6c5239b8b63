//! Blame of revisions and reports over commits, with the real program and real git: what is committed is read from the
//! notes, in any clone that has them, without a hub.

use std::fs;
use std::path::Path;

use codi2_tests::{Output, World, program, run};
use serde_json::{Value, json};

const ADA: &str = r#"{"origin":{"kind":"person","name":"Ada Example <ada@example.invalid>"},"class":"inferred","evidence":["keystrokes"],"at_ms":1795345200000}"#;
const ROBO: &str =
    r#"{"origin":{"kind":"agent","name":"robo","model":"m1"},"class":"exact","evidence":["intent-exact"]}"#;
const HOSTILE: &str =
    r#"{"origin":{"kind":"agent","name":"evil\u001b[2J\u202e\nname"},"class":"exact","evidence":["intent-exact"]}"#;

/// Commits everything and notes whose the lines are: path → ranges of first, last, owner.
fn commit(world: &World, message: &str, owners: &[&str], files: &Value) -> String {
    let commit = commit_without_note(world, message);
    note(world, &commit, owners, files);
    commit
}

fn commit_without_note(world: &World, message: &str) -> String {
    world.git(&["add", "--all"]);
    world.git(&["commit", "--quiet", "--message", message]);
    world.git(&["rev-parse", "HEAD"]).trim().to_owned()
}

fn note(world: &World, commit: &str, owners: &[&str], files: &Value) {
    let text = format!(r#"{{"codi2":1,"owners":[{}],"files":{files}}}"#, owners.join(","));
    let output = run(world.command("git").args(["notes", "--ref=codi2", "add", "-F", "-", commit]), &text);
    assert_eq!(output.code, 0, "{}", output.err);
}

fn json_of(output: &Output) -> Value {
    assert_eq!(output.code, 0, "{}", output.err);
    serde_json::from_str(&output.out).unwrap_or_else(|error| panic!("{error}: {}", output.out))
}

/// `kind evidence commit` of each line of a blame.
fn blamed(world: &World, arguments: &[&str]) -> Vec<String> {
    let value = json_of(&world.codi2(&[&["blame", "--format", "json"], arguments].concat()));
    let line = |line: &Value| {
        let commit = line["commit"].as_str().map_or("-".to_owned(), |commit| commit[..8].to_owned());
        let evidence = line["evidence"][0]["kind"].as_str().unwrap_or("-");
        format!("{} {evidence} {commit}", line["owner"]["kind"].as_str().unwrap_or("-"))
    };
    value["lines"].as_array().expect("lines").iter().map(line).collect()
}

/// A history: Ada's file, an agent's change, a rename with an edit of nobody known, a merge.
struct History {
    world: World,
    ada: String,
    robo: String,
    bare: String,
    merge: String,
}

fn history() -> History {
    let world = World::new(&[]);
    world.write("src/a.rs", "one\ntwo\nthree\nfour\nfive\n");
    let ada = commit(&world, "ada", &[ADA], &json!({"src/a.rs": [[1, 5, 0]]}));
    world.write("src/a.rs", "one\n2\nthree\nfour\nfive\nsix\n");
    let robo = commit(&world, "robo", &[ROBO, ADA], &json!({"src/a.rs": [[2, 2, 0, 1], [6, 6, 0]]}));
    world.git(&["mv", "src/a.rs", "src/b.rs"]);
    world.write("src/b.rs", "one\n2\nthree\n4\nfive\nsix\n");
    let bare = commit_without_note(&world, "nobody");
    world.git(&["checkout", "--quiet", "-b", "side", "HEAD~1"]);
    world.write("docs/c.md", "c\n");
    commit(&world, "side", &[ADA], &json!({"docs/c.md": [[1, 1, 0]]}));
    world.git(&["checkout", "--quiet", "main"]);
    world.git(&["merge", "--quiet", "--no-commit", "side"]);
    world.write("src/b.rs", "one\n2\nthree\n4\nfive\nsix\nmerged\n");
    let merge = commit(&world, "merge", &[ROBO], &json!({"src/b.rs": [[7, 7, 0]]}));
    History { world, ada, robo, bare, merge }
}

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
        for format in ["human", "compact", "json"] {
            let output = world.codi2(&[&["--format", format], arguments].concat());
            let hostile = |c: char| c != '\n' && c != '\t' && (c.is_control() || c == '\u{202e}');
            assert!(!output.out.contains(hostile) && !output.err.contains(hostile), "{arguments:?}: {output:?}");
            assert!(output.out.contains("evil"), "{arguments:?} {format}: {output:?}");
        }
    }
}

#[test]
fn a_diff_says_whose_each_line_is_and_was() {
    let History { world, ada, robo, bare, merge } = history();
    let rows = |arguments: &[&str]| -> Vec<String> {
        let value = json_of(&world.codi2(&[&["diff", "--format", "json"], arguments].concat()));
        let files = value["files"].as_array().expect("files").iter();
        files
            .flat_map(|file| file["lines"].as_array().expect("lines").iter().map(move |line| (file, line)))
            .map(|(file, line)| {
                let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
                let commit = text(&line["commit"]);
                let names = [("ada", &ada), ("robo", &robo), ("bare", &bare), ("merge", &merge)];
                let commit = names.iter().find(|(_, hex)| **hex == commit).map_or("other", |(name, _)| *name);
                let (file, change) = (text(&file["file"]), text(&line["change"]));
                format!("{file} {change} {} {} {commit}", line["line"], text(&line["owner"]["kind"]))
            })
            .collect()
    };
    let between = [
        "docs/c.md added 1 person other",
        "src/b.rs deleted 2 person ada",
        "src/b.rs deleted 4 person ada",
        "src/b.rs added 2 agent robo",
        "src/b.rs added 4 unknown bare",
        "src/b.rs added 6 agent robo",
        "src/b.rs added 7 agent merge",
    ];
    let mut found = rows(&[&ada, "HEAD"]);
    found.sort_by_key(|row| (row.starts_with("src"), !row.contains("deleted"), row.clone()));
    assert_eq!(found, between);
    assert_eq!(rows(&[&format!("{ada}..HEAD"), "--", "docs"]), between[..1]);
    assert_eq!(rows(&["HEAD", "HEAD"]), Vec::<String>::new());
    assert_eq!(world.hub_pid(), None, "two commits need no hub");
    let human = world.codi2(&["diff", "--format", "human", "HEAD~1", "HEAD", "--", "src"]);
    assert!(human.out.starts_with("src/b.rs  modified, 1 line added\n"), "{}", human.out);
    assert!(human.out.contains("agent robo (m1)"), "{}", human.out);
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

#[test]
fn a_commit_and_a_range_are_counted() {
    let History { world, robo, .. } = history();
    let shown = json_of(&world.codi2(&["show", &robo, "--format", "json"]));
    assert_eq!((&shown["subject"], &shown["note"], &shown["lines"]), (&json!("robo"), &json!(true), &json!(2)));
    assert_eq!(shown["actors"], json!([{"actor": "agent robo", "lines": 2}]));
    let ranges = shown["files"][0]["ranges"].as_array().expect("ranges");
    assert_eq!(
        ranges.iter().map(|r| (&r["first"], &r["mixed"])).collect::<Vec<_>>(),
        [(&json!(2), &json!(true)), (&json!(6), &json!(false))]
    );
    let stats = |arguments: &[&str]| json_of(&world.codi2(&[&["stats", "--format", "json"], arguments].concat()));
    let all = stats(&["--survival"]);
    assert_eq!((&all["commits"], &all["lines"], &all["standing"]), (&json!(6), &json!(10), &json!(8)));
    assert_eq!(all["classes"], json!({"exact": 3, "declared": 0, "inferred": 6, "carried": 0, "unknown": 1}));
    assert_eq!(all["without_note"], json!({"commits": 1, "lines": 1}));
    let rows = |value: &Value, of: &str| -> Vec<(String, u64, Option<u64>)> {
        assert_eq!(value["by"], of);
        let rows = value["rows"].as_array().expect("rows").iter();
        rows.map(|row| {
            (
                row["key"].as_str().expect("a key").to_owned(),
                row["lines"].as_u64().expect("lines"),
                row["standing"].as_u64(),
            )
        })
        .collect()
    };
    let row = |key: &str, lines, standing| (key.to_owned(), lines, standing);
    let by_actor = [
        row("person Ada Example <ada@example.invalid>", 6, Some(4)),
        row("agent robo", 3, Some(3)),
        row("unknown", 1, Some(1)),
    ];
    assert_eq!(rows(&all, "actor"), by_actor);
    // One of hers in docs, one of each later commit: the rest of the range is out.
    let later = stats(&[&format!("{robo}..HEAD"), "--by", "directory", "--survival"]);
    assert_eq!(rows(&later, "directory"), [row("src", 2, Some(2)), row("docs", 1, Some(1))]);
    assert_eq!(
        rows(&stats(&["--by", "model"]), "model"),
        [row("none", 6, None), row("m1", 3, None), row("unknown", 1, None)]
    );
    assert_eq!(rows(&stats(&["HEAD..HEAD", "--by", "class"]), "class"), []);
    assert_eq!(world.codi2(&["stats", "nowhere.."]).code, 3);
}

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

/// A tree stands for a commit that has no history.
#[test]
fn a_tree_is_compared_with_a_commit() {
    let History { world, ada, .. } = history();
    let tree = world.git(&["rev-parse", &format!("{ada}^{{tree}}")]).trim().to_owned();
    let diff = |from: &str, to: &str| json_of(&world.codi2(&["diff", from, to, "--format", "json"]));
    let kinds = |value: &Value, change: &str| -> Vec<String> {
        let files = value["files"].as_array().into_iter().flatten();
        let lines = files.flat_map(|file| file["lines"].as_array().into_iter().flatten());
        let kind = |line: &Value| line["owner"]["kind"].as_str().expect("a kind").to_owned();
        let mut kinds: Vec<String> = lines.filter(|line| line["change"] == change).map(kind).collect();
        kinds.sort_unstable();
        kinds
    };
    let (whole, part) = (diff(&ada, "HEAD"), diff(&tree, "HEAD"));
    assert_eq!((&part["from"], &part["to"]), (&json!(tree), &whole["to"]));
    assert_eq!(kinds(&part, "added"), kinds(&whole, "added"));
    assert!(kinds(&whole, "added").iter().any(|kind| kind == "agent"), "{whole}");
    let deleted = kinds(&diff("HEAD", &tree), "deleted");
    assert_eq!(deleted, kinds(&whole, "added"));
    assert!(kinds(&diff("HEAD", &tree), "added").iter().all(|kind| kind == "unknown"));
    assert_eq!(world.codi2(&["diff", "nowhere", "HEAD"]).code, 3);
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
    assert_eq!(world.codi2(&["ci", &range, "--forbid", "agent", "--path", "100%25.txt"]).code, 0);
    let stats = json(&["stats", &range, "--survival", "--by", "directory"]);
    let keys: Vec<&Value> = stats["rows"].as_array().expect("rows").iter().map(|row| &row["key"]).collect();
    assert_eq!((&stats["standing"], keys), (&json!(6), vec![&json!("."), &json!("a%20b")]));
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

/// What git cannot say is not what nobody committed.
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
