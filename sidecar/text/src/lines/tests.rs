//! The line view, as data.

use proptest::prelude::*;

use super::*;
use crate::samples::text;

/// One mark for each byte of `text` ('.' repeats the last one); the view as "A", "A+B" (mixed with B), "(A)" (blank).
fn view(text: &str, owners: &str) -> String {
    let mut last = '?';
    let spans: Vec<(usize, char)> = owners
        .chars()
        .map(|owner| {
            last = if owner == '.' { last } else { owner };
            (1, last)
        })
        .collect();
    assert_eq!(spans.len(), text.len(), "{text:?}: one owner per byte");
    let told = |line: &LineOwner<char>| {
        assert_eq!(line.mixed, line.second.is_some());
        match (line.blank, line.second) {
            (true, _) => format!("({})", line.owner),
            (false, Some(second)) => format!("{}+{second}", line.owner),
            (false, None) => line.owner.to_string(),
        }
    };
    lines(&Text::new(text), spans).iter().map(told).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_owner_of_most_non_blank_bytes_owns_the_line() {
    for (text, owners, expected) in [
        ("ab\ncd\n", "AAABBB", "A B"),
        ("ab\ncd", "AAABB", "A B"), // no final line end
        // Blanks and line ends do not count.
        ("        x\n", "AAAAAAAABA", "B"),
        ("x      \n", "BAAAAAAA", "B"),
        // 20 % of the non-blank bytes make a line mixed: 2 of 10, not 1 of 10, not 1 of 6.
        ("abcdefghij\n", "AAAAAAAABBA", "A+B"),
        ("abcdefghij\n", "AAAAAAAAABA", "A"),
        ("abcdef\n", "AAAAABA", "A"),
        ("abcde\n", "AAAABA", "A+B"),
        ("a b c d e\n", "AAAAAAAABA", "A+B"),
        // The first in the line among equals.
        ("abcd\n", "BBAAA", "B+A"),
        // The second owner, not the sum of all others.
        ("abcdefghijklmnop\n", "AAAAAAAAAABBCCDDA", "A"),
        // Bytes count, not characters: é has two.
        ("aé\n", "ABBA", "B+A"),
        // The line ends of the protocol.
        ("a\rb\r\nc", "AABBBC", "A B C"),
        ("\u{feff}a\n", "AAABA", "B"), // a byte order mark is nobody's work
    ] {
        assert_eq!(view(text, owners), expected, "{text:?} {owners}");
    }
}

#[test]
fn blank_lines_belong_to_the_run_they_lie_in() {
    for (text, owners, expected) in [
        ("", "", ""),
        ("\n", "A", "(A)"),
        ("\n\n\n", "ABC", "(A) (B) (C)"),
        ("   ", "AAA", "(A)"),
        ("a\n\nb\n", "AAABB", "A (A) B"),
        ("a\n\nb\n", "AABBB", "A (B) B"),
        ("a\n\nb\n", "AACBB", "A (C) B"),
        // Several owners in one blank line: the line above, else the next with content, else the largest.
        ("a\n  \nb\n", "AABABBB", "A (A) B"),
        ("a\n  \nb\n", "AACBCBB", "A (B) B"),
        ("a\n  \n\nb\n", "AACBCDBB", "A (B) (D) B"),
        ("a\n  \nb\n", "AACDCBB", "A (C) B"),
        ("a\n\r\n", "AABC", "A (B)"),
        // One blank line after another.
        ("a\n \n \n", "AAABAB", "A (A) (A)"),
        // Only blanks, as wide as they come.
        ("\u{a0}\u{2003}\t\n", "AAAAAAA", "(A)"),
    ] {
        assert_eq!(view(text, owners), expected, "{text:?} {owners}");
    }
}

#[test]
fn owners_with_one_key_count_as_one() {
    // (actor, minute): typed over three minutes, and one letter by somebody else.
    let spans = [(3, ('p', 1)), (4, ('p', 2)), (2, ('a', 1)), (1, ('p', 3))];
    let text = Text::new("abcdefghi\n");
    assert_eq!(
        lines_by(&text, spans, |owner| owner.0),
        [LineOwner { owner: ('p', 2), mixed: true, second: Some(('a', 1)), blank: false }]
    );
    assert_eq!(lines(&text, spans)[0].second, Some(('p', 1)));
}

#[test]
fn spans_that_do_not_fit_the_text_do_no_harm() {
    let text = Text::new("ab\ncd\n");
    let owners = |spans: &[(usize, char)]| lines(&text, spans.iter().copied()).iter().map(|line| line.owner).collect();
    let owners = |spans: &[(usize, char)]| -> String { owners(spans) };
    assert_eq!(owners(&[(1, 'A')]), "AA");
    assert_eq!(owners(&[(3, 'A'), (0, 'B'), (99, 'C')]), "AC");
    assert_eq!(owners(&[]), "");
}

proptest! {
    #[test]
    fn every_line_has_an_owner_with_the_most_bytes(
        content in text(60),
        owners in prop::collection::vec((1..9_usize, 0..4_u8), 1..40),
    ) {
        let view = lines(&Text::new(&content), owners.iter().copied());
        let mut bytes = owners.iter().flat_map(|(len, owner)| std::iter::repeat_n(*owner, *len));
        let mut last = 0;
        let pieces: Vec<&str> = crate::text::split_lines(&content).collect();
        prop_assert_eq!(view.len(), pieces.len());
        for (line, piece) in view.iter().zip(pieces) {
            let mut count = [0_usize; 4];
            for character in piece.chars() {
                let first = bytes.next().unwrap_or(last);
                last = first;
                (1..character.len_utf8()).for_each(|_| last = bytes.next().unwrap_or(last));
                count[first as usize] += if is_blank(character) { 0 } else { character.len_utf8() };
            }
            let mut sorted = count;
            sorted.sort_unstable();
            let total: usize = count.iter().sum();
            prop_assert_eq!(line.blank, total == 0);
            prop_assert!(line.blank || count[line.owner as usize] == sorted[3]);
            prop_assert_eq!(line.mixed, total > 0 && sorted[2] * 5 >= total);
        }
    }
}
