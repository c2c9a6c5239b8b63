//! What two revisions differ in, and what a commit and a range hold.

use serde_json::{Value, json};

use crate::{History, history, json_of};

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
