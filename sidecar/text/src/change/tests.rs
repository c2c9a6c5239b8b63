//! Notifications against a plain string.

use proptest::prelude::*;

use super::*;
use crate::samples::{floor, long_text, text};
use crate::text::line_ends;

fn at(line: u32, character: u32) -> Position {
    Position::new(line, character)
}

fn edit(at: usize, deleted: usize, inserted: &str) -> Replace {
    Replace { at, deleted, inserted: inserted.into() }
}

#[test]
fn changes_apply_in_order_each_to_the_result_of_the_one_before() {
    let ranged = |start, end, text: &str| Change { range: Some((start, end)), text: text.into() };
    let whole = |text: &str| Change { range: None, text: text.into() };
    for (before, changes, made, after) in [
        ("", vec![], vec![], ""),
        ("ab\n", vec![ranged(at(0, 1), at(0, 1), "x")], vec![edit(1, 0, "x")], "axb\n"),
        // The second change counts in the text that the first one left.
        (
            "ab\ncd\n",
            vec![ranged(at(0, 0), at(1, 0), ""), ranged(at(0, 0), at(0, 1), "C")],
            vec![edit(0, 3, ""), edit(0, 1, "C")],
            "Cd\n",
        ),
        // Reversed, out of range, inside a surrogate pair, inside a line end.
        ("abc", vec![ranged(at(0, 2), at(0, 1), "X")], vec![edit(1, 1, "X")], "aXc"),
        ("abc", vec![ranged(at(7, 7), at(9, 9), "X")], vec![edit(3, 0, "X")], "abcX"),
        ("𝄞𝄞", vec![ranged(at(0, 1), at(0, 3), "X")], vec![edit(0, 4, "X")], "X𝄞"),
        ("a\r\nb", vec![ranged(at(0, 2), at(1, 0), "")], vec![edit(1, 2, "")], "ab"),
        // The whole text, without a range or with one: only what differs.
        ("a\nb\nc\n", vec![whole("a\nB\nc\n")], vec![edit(2, 1, "B")], "a\nB\nc\n"),
        ("a\nb\nc\n", vec![ranged(at(0, 0), at(3, 0), "a\nB\nc\n")], vec![edit(2, 1, "B")], "a\nB\nc\n"),
        ("a\n", vec![whole("")], vec![edit(0, 2, "")], ""),
        ("", vec![whole("a\n")], vec![edit(0, 0, "a\n")], "a\n"),
        // Nothing changed.
        ("a\n", vec![whole("a\n"), ranged(at(0, 1), at(0, 1), "")], vec![], "a\n"),
    ] {
        let mut text = Text::new(before);
        assert_eq!(text.apply(&changes, Encoding::Utf16, &Limits::default()), made, "{before:?}");
        assert_eq!(text.to_string(), after);
    }
}

#[test]
fn an_edit_is_told_in_whole_lines_where_it_can_be() {
    for (before, sent, told) in [
        // Neovim's word for "line 2 is new": it begins in the middle of line 2.
        ("foo a\nfoo c\n", edit(4, 0, "b\nfoo "), edit(0, 0, "foo b\n")),
        ("foo a\nfoo c\n", edit(10, 0, "b\nfoo "), edit(6, 0, "foo b\n")),
        ("foo a\nfoo b\nfoo c\n", edit(10, 6, ""), edit(6, 6, "")),
        // From the end of a line.
        ("foo\nbar\n", edit(3, 0, "\nnew"), edit(4, 0, "new\n")),
        ("foo\nnew\nbar\n", edit(3, 4, ""), edit(4, 4, "")),
        // Already so, or impossible.
        ("a\nb\n", edit(2, 0, "x\n"), edit(2, 0, "x\n")),
        ("foo a\n", edit(4, 0, "b\nbar "), edit(4, 0, "b\nbar ")),
        ("foo a\n", edit(4, 1, "b\nfoo "), edit(4, 1, "b\nfoo ")),
        ("a", edit(1, 0, "\nb"), edit(1, 0, "\nb")),
    ] {
        assert_eq!(Text::new(before).line_aligned(&sent), told, "{before:?} {sent:?}");
    }
}

proptest! {
    #[test]
    fn the_edits_made_mirror_the_changes(
        content in long_text(),
        changes in prop::collection::vec(
            (prop::option::of(((0..20_u32, 0..30_u32), (0..20_u32, 0..30_u32))), text(15)), 0..5),
        encoding in prop::sample::select(&[Encoding::Utf8, Encoding::Utf16, Encoding::Utf32][..]),
    ) {
        let mut applied = Text::new(&content);
        let mut mirror = content;
        for (range, text) in changes {
            let range = range.map(|(start, end)| (at(start.0, start.1), at(end.0, end.1)));
            let mut expected = mirror.clone();
            match range {
                None => expected = text.clone(),
                Some((start, end)) => {
                    let (start, end) = (applied.offset(start, encoding), applied.offset(end, encoding));
                    expected.replace_range(start.min(end)..start.max(end), &text);
                }
            }
            for edit in applied.apply(&[Change { range, text }], encoding, &Limits::default()) {
                mirror.replace_range(edit.range(), &edit.inserted);
            }
            prop_assert_eq!(&mirror, &expected);
            prop_assert_eq!(&applied.to_string(), &expected);
        }
    }

    #[test]
    fn telling_an_edit_in_lines_changes_nothing(
        content in text(12),
        at in any::<prop::sample::Index>(),
        deleted in 0..8_usize,
        inserted in text(6),
        insert in any::<bool>(),
    ) {
        let at = floor(&content, at.index(content.len() + 1));
        let deleted = floor(&content, at + deleted) - at;
        let sent = if insert { edit(at, 0, &inserted) } else { edit(at, deleted, "") };
        let text = Text::new(&content);
        let told = text.line_aligned(&sent);
        let (mut one, mut two) = (text.clone(), text);
        let sent_ends = one.lines_in(sent.range()) + line_ends(&sent.inserted);
        one.edit(&sent);
        two.edit(&told);
        prop_assert_eq!(one, two);
        prop_assert!(told == sent || sent_ends > 0 || told.inserted.contains(['\n', '\r']));
    }
}
