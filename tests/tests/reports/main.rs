//! Blame of revisions and reports over commits, with the real program and real git: what is committed is read from the
//! notes, in any clone that has them, without a hub.

mod blame;
mod counts;
mod names;
mod partial;
mod policy;

use codi2_tests::{Output, World, run};
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
