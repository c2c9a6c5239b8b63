//! Diffs: exact always, small where it matters.

use proptest::prelude::*;

use super::*;
use crate::samples::{edited_text, long_text};

fn applied(old: &str, edits: &[Replace]) -> String {
    let mut text = old.to_owned();
    for edit in edits {
        text.replace_range(edit.range(), &edit.inserted);
    }
    text
}

/// Edits as "at-deleted+inserted".
fn told(old: &str, new: &str, limits: &Limits) -> String {
    let edits = diff(&Text::new(old), new, limits);
    assert_eq!(applied(old, &edits), new);
    let told = |edit: &Replace| format!("{}-{}+{}", edit.at, edit.deleted, edit.inserted.escape_debug());
    edits.iter().map(told).collect::<Vec<_>>().join(" | ")
}

#[test]
fn a_diff_says_what_a_reader_would_say() {
    for (old, new, expected) in [
        ("", "", ""),
        ("same\n", "same\n", ""),
        ("", "a\n", "0-0+a\\n"),
        ("a\n", "", "0-2+"),
        ("a", "a\nb", "1-0+\\nb"),
        ("a\nb\nc\n", "a\nc\n", "2-2+"),
        // A word in a line; a part of a word.
        ("let foo = 1;\n", "let bar = 1;\n", "4-3+bar"),
        ("call(total);\n", "call(total_sum);\n", "10-0+_sum"),
        ("f(a,b)\n", "f(a, b)\n", "4-0+ "),
        ("a b\n", "aX bX\n", "1-0+X | 4-0+X"),
        // Two places far apart are two edits; offsets count in the result of the first.
        ("one\n2\n3\n4\nfive\n", "ONE\n2\n3\n4\nFIVE\n", "0-3+ONE | 10-4+FIVE"),
        // Words that are joined or parted are not new.
        ("let entry = entry?;\n", "letentry=entry?;\n", "3-1+ | 8-1+ | 9-1+"),
        ("ab\n", "a b\n", "1-0+ "),
        ("a b c d e f\n", "abcdef\n", "1-1+ | 2-1+ | 3-1+ | 4-1+ | 5-1+"),
        ("f( a,\n   b)\n", "f(a, b)\n", "2-1+ | 4-3+"),
        // A line written anew is one edit, not crumbs of shared blanks and commas.
        ("alpha beta, gamma\n", "one two, three\n", "0-17+one two, three"),
        // Nor of a letter or a bracket; the blanks before it stay.
        ("abcde\n", "vwxye\n", "0-5+vwxye"),
        ("x = 1\n", "y = 22\n", "0-5+y = 22"),
        ("let a = compute(b);\n", "if ready { go(); }\n", "0-19+if ready { go(); }"),
        ("// old comment here\n", "// new words there\n", "0-19+// new words there"),
        ("    return a + b\n", "    go(c)\n", "4-12+go(c)"),
        // A rename is small edits; other code in the same language is one.
        ("price = price_of(item, sum) * sum;\n", "price = price_of(item, all) * all;\n", "23-3+all | 30-3+all"),
        (
            "let total = items.len();\nlet rest = (total - 1) * 2;\nreturn total * rest;\n",
            "let name = self.path(key);\nlet file = open(name)?;\nfile.read(&mut text, 2);\n",
            "4-68+name = self.path(key);\\nlet file = open(name)?;\\nfile.read(&mut text, 2)",
        ),
        // A new function before a similar one is whole.
        (
            "fn a() {\n    x();\n}\n\nfn c() {\n    x();\n}\n",
            "fn a() {\n    x();\n}\n\nfn b() {\n    x();\n}\n\nfn c() {\n    x();\n}\n",
            "21-0+fn b() {\\n    x();\\n}\\n\\n",
        ),
        // Line ends alone.
        ("a\nb\n", "a\r\nb\r\n", "1-0+\\r | 4-0+\\r"),
        ("a\rb", "a\r\nb", "2-0+\\n"),
        // Never half a character: é and è share a byte, 𝄞 and 𝄢 share three.
        ("é\n", "è\n", "0-2+è"),
        ("x𝄞y\n", "x𝄢y\n", "1-4+𝄢"),
    ] {
        assert_eq!(told(old, new, &Limits::default()), expected, "{old:?} -> {new:?}");
    }
}

#[test]
fn above_the_limits_a_diff_gets_coarser_and_stays_exact() {
    let (old, new) = ("keep\none two three\nkeep\nx\nend\n", "keep\none 2 three 4\nkeep\ny\nend\n");
    let limits = Limits::default();
    for (limits, expected) in [
        (limits, "9-3+2 | 16-0+ 4 | 24-1+y"),
        (Limits { hunk_bytes: 20, ..limits }, "9-9+2 three 4 | 24-1+y"),
        (Limits { word_bytes: 5, ..limits }, "9-9+2 three 4 | 24-1+y"),
        (Limits { line_bytes: 10, ..limits }, "9-16+2 three 4\\nkeep\\ny"),
    ] {
        assert_eq!(told(old, new, &limits), expected, "{limits:?}");
    }
}

#[test]
fn a_large_and_repetitive_text_is_compared() {
    let old = "    }\n".repeat(50_000);
    let mut new = old.clone();
    new.insert_str(6 * 20_000, "    new();\n");
    new.push_str("tail");
    let edits = diff(&Text::new(&old), &new, &Limits::default());
    assert_eq!(applied(&old, &edits), new);
    assert!(edits.iter().map(|edit| edit.deleted + edit.inserted.len()).sum::<usize>() < 60, "{edits:?}");
}

#[test]
fn hashes_of_lines_tell_the_lines_that_changed() {
    for (old, new, expected) in [
        (&[][..], &[][..], vec![]),
        (&[1, 2, 3], &[1, 2, 3], vec![]),
        (&[1, 2, 3], &[1, 9, 3], vec![(1..2, 1..2)]),
        (&[1, 2, 3], &[1, 3], vec![(1..2, 1..1)]),
        (&[], &[5, 6], vec![(0..0, 0..2)]),
        (&[1, 2, 3, 4, 5], &[0, 1, 2, 4, 5, 6], vec![(0..0, 0..1), (2..3, 3..3), (5..5, 5..6)]),
    ] {
        assert_eq!(line_diff_hashes(old, new), expected, "{old:?} {new:?}");
    }
}

proptest! {
    #[test]
    fn edits_lead_from_old_to_new_exactly(
        (old, new) in prop_oneof![edited_text(), (long_text(), long_text())],
        limits in prop_oneof![
            4 => Just(Limits::default()),
            1 => (0..500_usize, 0..200_usize, 0..300_usize)
                .prop_map(|(line_bytes, hunk_bytes, word_bytes)| Limits { line_bytes, hunk_bytes, word_bytes }),
        ],
    ) {
        let edits = diff(&Text::new(&old), &new, &limits);
        prop_assert_eq!(&applied(&old, &edits), &new);
        prop_assert_eq!(&applied(&old, &diff_str(&old, &new, &limits)), &new);
        prop_assert_eq!(&applied(&old, &diff_in_place(&old, &new, &limits)), &new);
        let mut last = 0;
        for edit in &edits {
            prop_assert!(!edit.is_nothing() && edit.at >= last);
            last = edit.at + edit.inserted.len();
        }
        prop_assert_eq!(edits.is_empty(), old == new);
    }

    #[test]
    fn lines_outside_of_the_hunks_of_hashes_are_equal(
        old in prop::collection::vec(0..6_u64, 0..40),
        new in prop::collection::vec(0..6_u64, 0..40),
    ) {
        let (mut old_at, mut new_at) = (0, 0);
        for (before, after) in line_diff_hashes(&old, &new) {
            prop_assert_eq!(&old[old_at..before.start], &new[new_at..after.start]);
            prop_assert!(!before.is_empty() || !after.is_empty());
            (old_at, new_at) = (before.end, after.end);
        }
        prop_assert_eq!(&old[old_at..], &new[new_at..]);
    }
}

/// What stays, of lines that are alike and come in another order, is whose it was.
#[test]
fn lines_in_another_order_are_not_changed_in_their_places() {
    let name = |at: usize| ["Alpha", "Bravo", "Charlie", "Delta", "Echoes"][at];
    let text = |order: &[usize]| -> String {
        order.iter().map(|at| format!("import {{ {0} }} from './components/{0}'\n", name(*at))).collect()
    };
    let (old, new) = (text(&[0, 1, 2, 3, 4]), text(&[4, 0, 1, 2, 3]));
    let edits = diff_in_place(&old, &new, &Limits::default());
    assert_eq!(edits, diff_str(&old, &new, &Limits::default()));
    assert_eq!(edits.iter().map(|edit| edit.inserted.len()).sum::<usize>(), text(&[4]).len());
    // A line in its place, word by word.
    let edits = diff_in_place("let one = 1;\nlet two = 2;\n", "let one = 1;\nlet three = 2;\n", &Limits::default());
    assert_eq!(edits.iter().map(|edit| edit.inserted.as_str()).collect::<Vec<_>>(), ["hree"]);
}

/// Whoever applies it has work for each edit, and a row for each owner.
#[test]
fn blanks_at_too_many_places_are_one_edit() {
    for (count, edits) in [(9_999, 9_999), (20_000, 1)] {
        let (old, new) = ("1,".repeat(count), "1, ".repeat(count));
        let found = diff_str(&old, &new, &Limits::default());
        assert_eq!(found.len(), edits);
        assert_eq!(found.iter().all(|edit| edit.inserted.trim().is_empty()), count < 10_000);
    }
}
