//! Positions against counting by hand.

use proptest::prelude::*;

use super::*;
use crate::samples::long_text;
use crate::text::split_lines;

const ENCODINGS: [Encoding; 3] = [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32];

fn units(piece: &str, encoding: Encoding) -> usize {
    match encoding {
        Encoding::Utf8 => piece.len(),
        Encoding::Utf16 => piece.encode_utf16().count(),
        Encoding::Utf32 => piece.chars().count(),
    }
}

/// The slow and plain way from a position to an offset.
fn model(text: &str, position: Position, encoding: Encoding) -> usize {
    let mut lines: Vec<&str> = split_lines(text).collect();
    if lines.last().is_none_or(|last| last.ends_with(['\n', '\r'])) {
        lines.push("");
    }
    let line = position.line as usize;
    let Some(content) = lines.get(line) else { return text.len() };
    let content = content.trim_end_matches(['\n', '\r']);
    let start: usize = lines[..line].iter().map(|line| line.len()).sum();
    let mut at = 0;
    for character in content.chars() {
        let next = at + character.len_utf8();
        if units(&content[..next], encoding) > position.character as usize {
            break;
        }
        at = next;
    }
    start + at
}

#[test]
fn columns_count_in_the_encoding_agreed_on() {
    // a=1, é=2/1/1, 𝄞=4/2/1 bytes/units/characters.
    let text = Text::new("a\r\né𝄞z\r\n\rend");
    for (encoding, line, character, at) in [
        (Encoding::Utf16, 0, 0, 0),
        (Encoding::Utf16, 0, 1, 1),
        (Encoding::Utf16, 0, 2, 1), // between \r and \n: before them
        (Encoding::Utf16, 1, 1, 5),
        (Encoding::Utf16, 1, 2, 5), // inside the surrogate pair
        (Encoding::Utf16, 1, 3, 9),
        (Encoding::Utf16, 1, 4, 10),
        (Encoding::Utf16, 1, 5, 10),
        (Encoding::Utf16, 1, u32::MAX, 10),
        (Encoding::Utf16, 2, 0, 12),
        (Encoding::Utf16, 2, 7, 12), // a lone \r ends an empty line
        (Encoding::Utf16, 3, 3, 16),
        (Encoding::Utf16, 4, 0, 16),
        (Encoding::Utf16, u32::MAX, u32::MAX, 16),
        (Encoding::Utf8, 1, 1, 3), // inside é
        (Encoding::Utf8, 1, 2, 5),
        (Encoding::Utf8, 1, 4, 5), // inside 𝄞
        (Encoding::Utf8, 1, 6, 9),
        (Encoding::Utf32, 1, 2, 9),
        (Encoding::Utf32, 1, 3, 10),
        (Encoding::Utf32, 1, 99, 10),
    ] {
        assert_eq!(text.offset(Position::new(line, character), encoding), at, "{encoding:?} {line}:{character}");
    }
    // A byte inside a line end or a character has the position before it.
    for (at, line, character) in
        [(1, 0, 1), (2, 0, 1), (3, 1, 0), (4, 1, 0), (7, 1, 1), (11, 1, 4), (12, 2, 0), (99, 3, 3)]
    {
        assert_eq!(text.position(at, Encoding::Utf16), Position::new(line, character), "byte {at}");
    }
}

proptest! {
    #[test]
    fn offsets_are_those_counted_by_hand(content in long_text(), line in 0..40_u32, character in 0..90_u32) {
        let text = Text::new(&content);
        for encoding in ENCODINGS {
            let position = Position::new(line, character);
            let at = text.offset(position, encoding);
            prop_assert_eq!(at, model(&content, position, encoding));
            prop_assert_eq!(text.offset(text.position(at, encoding), encoding), at, "there and back");
        }
    }

    #[test]
    fn every_byte_has_a_position_at_or_just_before_it(content in long_text(), at in any::<prop::sample::Index>()) {
        let text = Text::new(&content);
        let at = at.index(content.len() + 2);
        for encoding in ENCODINGS {
            let back = text.offset(text.position(at, encoding), encoding);
            prop_assert!(back <= at && at.min(content.len()) - back < 4);
        }
    }
}
