//! Recorded and made-up editing histories through the real road: an editor's pipes, a sidecar, a hub.
//!
//! Short parts; whole histories take as long as hands do (`replay_whole.rs`).

use codi2_tests::World;
use codi2_tests::replay::{FRIENDSFOREVER, Replay};
use serde_json::{Value, json};

#[test]
fn a_part_of_a_history_is_the_persons_in_every_encoding() {
    for (encoding, limit) in [("utf-8", "120"), ("utf-16", "400"), ("utf-32", "120")] {
        let world = World::new(&[]);
        let arguments = ["--limit", limit, "--check-every", "100", "--encoding", encoding];
        let replay = Replay::run(&world, FRIENDSFOREVER, &arguments);
        assert_eq!(replay.number("/edits").to_string(), limit);
        assert_eq!(replay.kinds(), ["person"], "{replay:?}");
        assert_eq!(replay.number("/model/person"), replay.number("/bytes"), "{replay:?}");
        assert!(replay.number("/groups") >= 2 && replay.number("/checks") >= 3, "{replay:?}");
        assert_eq!(world.hub_pid(), None, "the person's own hub heard nothing");
    }
}

#[test]
fn longer_inserts_that_copy_nothing_are_unknown_and_copies_keep_their_owner() {
    let world = World::new(&[]);
    let pasted = "a sentence that came from nowhere, longer than any key\n";
    let keys = "typed by hand.";
    let mut patches: Vec<Value> = (0..).zip(keys.chars()).map(|(at, key)| json!([at, 0, key.to_string()])).collect();
    patches.push(json!([0, 0, pasted]));
    // Cut away and put back, then a key into the middle of it.
    patches.push(json!([0, pasted.len(), ""]));
    patches.push(json!([0, 0, pasted]));
    patches.push(json!([10, 0, "ö"]));
    let end = format!("{}ö{}{keys}", &pasted[..10], &pasted[10..]);
    let transactions: Vec<Value> = patches.into_iter().map(|patch| json!({"patches": [patch]})).collect();
    let path = world.home().join("trace.json");
    let trace = json!({"startContent": "", "endContent": end, "txns": transactions});
    std::fs::write(&path, trace.to_string()).expect("a file to write");
    let replay = Replay::run(&world, &path, &["--check-every", "1"]);
    assert_eq!(replay.kinds(), ["person", "unknown"], "{replay:?}");
    assert_eq!(replay.number("/bytes"), end.len() as u64);
}

#[test]
fn keys_faster_than_a_hand_are_nobodys() {
    let world = World::new(&[]);
    let replay = Replay::run(&world, FRIENDSFOREVER, &["--limit", "2000", "--pace", "0", "--check-every", "0"]);
    assert!(replay.kinds().contains(&"unknown"), "{replay:?}");
}

#[test]
fn the_log_of_a_live_hub_takes_a_replay_too() {
    let world = World::new(&[("a.txt", "one\n")]);
    let replay = Replay::run(&world, FRIENDSFOREVER, &["--limit", "40", "--live"]);
    let edits = world.log().iter().filter(|entry| entry.kind() == "edit").count() as u64;
    assert_eq!(edits, replay.number("/groups"), "{replay:?}");
}

#[test]
fn what_is_no_history_is_refused_in_words() {
    let world = World::new(&[("a.json", "{}"), ("b.json", r#"{"startContent":"","endContent":"x","txns":[]}"#)]);
    for (file, code, words) in [
        ("a.json", 2, "startContent"),
        ("b.json", 1, "does not lead to its own endContent"),
        ("none.json", 3, "cannot be read"),
    ] {
        let output = world.codi2(&["replay", file]);
        assert_eq!(output.code, code, "{}", output.err);
        assert!(output.err.contains(words), "{}", output.err);
    }
}
