//! What comes back is recognised, what merely looks alike is not, and memory stays bounded.

use proptest::prelude::*;

use super::*;
use crate::samples::text;

const MOVE: Least = Least::LineOrChars(30);

/// Matches as "at+len=id@from", with the deleted texts numbered from 0.
fn found(deleted: &[&str], inserted: &str, least: Least) -> String {
    let mut tombstones = Tombstones::new(1 << 20, 1000);
    for (id, text) in deleted.iter().enumerate() {
        tombstones.remember(id, text);
    }
    let matches = tombstones.find(inserted, least);
    let told = |found: &Match<usize>| format!("{}+{}={}@{}", found.at, found.len, found.id, found.from);
    matches.iter().map(told).collect::<Vec<_>>().join(" ")
}

#[test]
fn moved_text_is_found_from_a_full_line_or_thirty_characters_on() {
    let long = "a sentence of exactly forty characters!!";
    for (deleted, inserted, expected) in [
        (&["x = 1\n"][..], "x = 1\n", "0+6=0@0"),
        // The same line in another company, in another place of its deleted text.
        (&["a();\nx = 1\nb();\n"], "x = 1\n", "0+6=0@5"),
        (&["x = 1\n"], "new();\nx = 1\nmore();\n", "7+6=0@0"),
        // A line at the end of the inserted text, with the line end before it.
        (&["first\nx = 1"], "\nx = 1", "0+6=0@5"),
        // Not a full line, not thirty characters.
        (&["x = 1"], "x = 1", ""),
        (&["return x = 1;\n"], "call(x = 1)\n", ""),
        // Braces and blanks stand everywhere.
        (&["}\n"], "}\n", ""),
        (&["        \n\n        \n               \n"], "        \n\n        \n               \n", ""),
        // Thirty characters inside a line.
        (&[long], &format!("let s = \"{long}\";"), "9+40=0@0"),
        (&[&long[5..36]], long, "5+31=0@0"),
        (&[&long[5..34]], long, ""),
        // Characters, not bytes: 30 of two bytes; and 20 of two bytes are not enough.
        (&[&"é".repeat(30)], &"é".repeat(30), "0+60=0@0"),
        (&[&"é".repeat(20)], &"é".repeat(20), ""),
        // The newest among equals, the longest among others.
        (&["x = 1\n", "x = 1\n"], "x = 1\n", "0+6=1@0"),
        (&["one = 1\ntwo = 2\n", "two = 2\n"], "one = 1\ntwo = 2\n", "0+16=0@0"),
        // Two texts, one after the other.
        (&["one = 1\n", "two = 2\n"], "two = 2\none = 1\n", "0+8=1@0 8+8=0@0"),
        (&[], "x = 1\n", ""),
        (&["x = 1\n"], "", ""),
    ] {
        assert_eq!(found(deleted, inserted, MOVE), expected, "{deleted:?} -> {inserted:?}");
    }
}

#[test]
fn an_undo_is_found_at_any_length() {
    for (deleted, inserted, expected) in [
        (&["x"][..], "x", "0+1=0@0"),
        (&["}"], "}", "0+1=0@0"),
        (&["abc"], "b", "0+1=0@1"),
        // All of a text before a part of a newer one.
        (&["b", "abc"], "b", "0+1=0@0"),
        (&["b", "b"], "b", "0+1=1@0"),
        // Three backspaces, taken back at once.
        (&["c", "b", "a"], "abc", "0+1=2@0 1+1=1@0 2+1=0@0"),
        // Two deletions and something new between.
        (&["foo", "bar"], "bar-foo", "0+3=1@0 4+3=0@0"),
        (&["x"], "y", ""),
        (&["x"], "", ""),
    ] {
        assert_eq!(found(deleted, inserted, Least::Any), expected, "{deleted:?} -> {inserted:?}");
    }
}

#[test]
fn the_oldest_text_goes_first() {
    let mut tombstones = Tombstones::new(10, 3);
    for (id, text, remembered, left, bytes) in [
        (0, "aaaa", true, 1, 4),
        (1, "bbbb", true, 2, 8),
        (2, "cccc", true, 2, 8), // no room for three
        (3, "d", true, 3, 9),
        (4, "e", true, 3, 6), // no place for four
        (5, "too long for it", false, 3, 6),
        (6, "", false, 3, 6),
        (7, "ffffffffff", true, 1, 10),
    ] {
        assert_eq!(tombstones.remember(id, text), remembered, "{text}");
        assert_eq!((tombstones.len(), tombstones.bytes()), (left, bytes), "{text}");
    }
    assert_eq!(tombstones.find("aaaa", Least::Any), []);
    assert_eq!(tombstones.find("ffff", Least::Any), [Match { at: 0, len: 4, id: 7, from: 0 }]);
    assert_eq!(format!("{tombstones:?}"), "Tombstones(1 texts, 10 bytes)");
    tombstones.clear();
    assert!(tombstones.is_empty() && tombstones.bytes() == 0);
    assert!(!Tombstones::new(10, 0).remember(0, "a"));
}

#[test]
fn repeated_text_is_searched_in_bounded_work() {
    let line = "let value = compute(value);\n";
    let mut tombstones = Tombstones::new(1 << 20, 100);
    for id in 0..4 {
        tombstones.remember(id, &line.repeat(2_000));
    }
    let inserted = line.repeat(2_500);
    let matches = tombstones.find(&inserted, MOVE);
    assert_eq!(matches.first().map(|found| (found.at, found.id)), Some((0, 3)));
    assert!(matches.iter().map(|found| found.len).sum::<usize>() >= 2_000 * line.len());
}

proptest! {
    #[test]
    fn what_is_found_is_equal_ascending_and_enough(
        deleted in prop::collection::vec(text(30), 0..8),
        pieces in prop::collection::vec((any::<prop::sample::Index>(), text(3)), 0..5),
        any in any::<bool>(),
    ) {
        let mut tombstones = Tombstones::new(4096, 100);
        for (id, text) in deleted.iter().enumerate() {
            tombstones.remember(id, text);
        }
        // Deleted texts with new ones between.
        let pick = |index: &prop::sample::Index| deleted.get(index.index(deleted.len().max(1))).map_or("", String::as_str);
        let inserted: String = pieces.iter().flat_map(|(index, new)| [new.as_str(), pick(index)]).collect();
        let mut end = 0;
        for found in tombstones.find(&inserted, if any { Least::Any } else { MOVE }) {
            prop_assert!(found.at >= end && found.len > 0);
            end = found.at + found.len;
            let run = &inserted[found.at..end];
            prop_assert_eq!(run, &deleted[found.id][found.from..found.from + found.len]);
            prop_assert!(any || run.contains(['\n', '\r']) || run.chars().count() >= 30);
        }
    }

    #[test]
    fn every_long_run_that_comes_back_is_found(
        run in "[a-zé]{30,80}", before in "[0-9 ]{0,20}", after in "[0-9 ]{0,20}", left in "[A-Z ]{0,40}", right in "[A-Z ]{0,40}",
    ) {
        let mut tombstones = Tombstones::new(4096, 100);
        tombstones.remember((), &format!("{before}{run}{after}"));
        let inserted = format!("{left}{run}{right}");
        let covered: usize = tombstones.find(&inserted, MOVE).iter().map(|found| found.len).sum();
        prop_assert!(covered >= run.len());
    }
}
