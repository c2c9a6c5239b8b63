//! Ropes against plain strings.

use proptest::prelude::*;

use super::*;
use crate::samples::{floor, long_text, text};

/// Start of each line of a plain string.
fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut starts = vec![0];
    for at in 1..=bytes.len() {
        let ends = bytes[at - 1] == b'\n' || (bytes[at - 1] == b'\r' && bytes.get(at) != Some(&b'\n'));
        if ends {
            starts.push(at);
        }
    }
    starts
}

fn check(text: &Text, model: &str) {
    let starts = line_starts(model);
    assert_eq!(text.to_string(), model);
    assert_eq!(text.len_bytes(), model.len());
    assert_eq!(text.len_lines(), starts.len());
    assert_eq!(text.digest(), digest_of(model.as_bytes()));
    assert_eq!(line_ends(model), starts.len() - 1);
    assert_eq!(split_lines(model).collect::<String>(), model);
    for (line, start) in starts.iter().enumerate() {
        let end = starts.get(line + 1).copied().unwrap_or(model.len());
        let content = model[*start..end].trim_end_matches(['\n', '\r']);
        assert_eq!(text.line_start(line), *start);
        assert_eq!(text.line_of(*start), line);
        assert_eq!(text.line_content(line), *start..start + content.len());
    }
    let lengths: Vec<usize> = split_lines(model).map(str::len).collect();
    assert_eq!(text.line_lengths(), lengths);
}

#[test]
fn only_the_line_ends_of_the_protocol_end_a_line() {
    for (content, lines) in [
        ("", 1),
        ("a", 1),
        ("a\n", 2),
        ("a\rb", 2),
        ("a\r\nb", 2),
        ("a\n\rb", 3),
        ("\r\r\n\n", 4),
        ("a\u{2028}b\u{2029}c\u{85}d\u{b}e\u{c}f", 1),
    ] {
        assert_eq!(Text::new(content).len_lines(), lines, "{content:?}");
        check(&Text::new(content), content);
    }
}

#[test]
fn offsets_past_the_end_or_inside_a_character_are_clamped() {
    // (text, range, inserted, range replaced, result); é is 2 bytes, 𝄞 is 4.
    for (before, range, inserted, replaced, after) in [
        ("abc", 1..2, "X", 1..2, "aXc"),
        ("abc", 2..99, "X", 2..3, "abX"),
        ("abc", 50..99, "X", 3..3, "abcX"),
        ("a𝄞b", 2..3, "X", 1..1, "aX𝄞b"),
        ("a𝄞b", 0..3, "X", 0..1, "X𝄞b"),
        ("a𝄞b", 3..6, "X", 1..6, "aX"),
        ("a\r\nb", 2..2, "X", 2..2, "a\rX\nb"),
        ("", 0..5, "", 0..0, ""),
    ] {
        let mut text = Text::new(before);
        assert_eq!(text.replace(range.clone(), inserted), replaced, "{before:?} {range:?}");
        check(&text, after);
    }
    let reversed = Range { start: 2, end: 1 };
    assert_eq!(Text::new("abc").slice(reversed.clone()), "");
    assert_eq!(Text::new("abc").replace(reversed, "X"), 2..2);
}

#[test]
fn a_clone_keeps_its_content() {
    let mut text = Text::new(&"line\n".repeat(1000));
    let before = text.clone();
    let deleted = text.edit(&Replace { at: 2500, deleted: 5, inserted: "other".into() });
    assert_eq!(deleted, "line\n");
    assert_eq!(before.to_string(), "line\n".repeat(1000));
    assert_ne!(before, text);
}

#[test]
fn line_hashes_depend_on_the_key_and_on_the_whole_line() {
    let text = Text::new(&format!("{}\nb\nb\nb", "long".repeat(2000)));
    let hashes = text.line_hashes(&[1; 32]);
    assert_eq!(hashes.len(), text.line_lengths().len());
    assert_eq!(hashes[1], hashes[2]);
    assert_ne!(hashes[2], hashes[3], "the last line has no end");
    assert_ne!(hashes[0], text.line_hashes(&[2; 32])[0]);
    assert_ne!(hashes[0], Text::new(&format!("{}!\n", "long".repeat(2000))).line_hashes(&[1; 32])[0]);
}

#[test]
fn content_in_pieces_has_the_digest_of_its_bytes() {
    let bytes = b"any bytes \xff".repeat(9_000);
    assert_eq!(digest_of_reader(&bytes[..]).unwrap(), (digest_of(&bytes), bytes.len() as u64));
    let mut digester = Digester::default();
    bytes.chunks(1_000).for_each(|piece| digester.update(piece));
    assert_eq!(digester.digest(), digest_of(&bytes));
}

#[test]
fn nothing_of_the_text_is_in_its_debug_form() {
    assert_eq!(format!("{:?}", Text::new("secret\n")), "Text(7 bytes, 2 lines)");
}

proptest! {
    #[test]
    fn random_edits_do_what_they_do_to_a_string(
        content in long_text(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..80_usize, text(20)), 0..6),
    ) {
        let (mut model, mut rope) = (content.clone(), Text::new(&content));
        check(&rope, &model);
        for (at, deleted, inserted) in edits {
            // A little past the end now and then, and often inside a character.
            let at = at.index(model.len() + 3);
            let range = floor(&model, at)..floor(&model, at + deleted);
            prop_assert_eq!(&*rope.slice(at..at + deleted), &model[range.clone()]);
            prop_assert_eq!(rope.lines_in(at..at + deleted), rope.line_of(range.end) - rope.line_of(range.start));
            prop_assert_eq!(rope.replace(at..at + deleted, &inserted), range.clone());
            model.replace_range(range, &inserted);
            check(&rope, &model);
        }
    }
}
