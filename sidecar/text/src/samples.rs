//! Random text for the tests of this crate: short and long, with everything that breaks text code.

use proptest::prelude::*;

/// Pieces that meet each other in every way: line ends, characters of each width, separators that end no line.
const PIECES: [&str; 22] = [
    "\n",
    "\r\n",
    "\r",
    "a",
    "b",
    "é",
    "漢",
    "𝄞",
    " ",
    "    ",
    "\t",
    "{",
    "}",
    ",",
    "let x",
    "foo",
    "\u{2028}",
    "\u{b}",
    "\u{85}",
    "e\u{301}",
    "👩‍💻",
    "\"",
];

/// Text of up to `pieces` pieces.
pub(crate) fn text(pieces: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&PIECES[..]), 0..=pieces).prop_map(|pieces| pieces.concat())
}

/// Text that is now and then longer than a chunk of the rope (about 1,000 bytes).
pub(crate) fn long_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => text(40),
        1 => (text(30), 1..120_usize).prop_map(|(piece, times)| piece.repeat(times)),
        1 => text(700),
    ]
}

/// `old`, with some of its places changed: what diffs see in life.
pub(crate) fn edited_text() -> impl Strategy<Value = (String, String)> {
    (long_text(), prop::collection::vec((any::<prop::sample::Index>(), 0..60_usize, text(6)), 0..6)).prop_map(
        |(old, edits)| {
            let mut new = old.clone();
            for (at, deleted, inserted) in edits {
                let start = floor(&new, at.index(new.len() + 1));
                let end = floor(&new, (start + deleted).min(new.len()));
                new.replace_range(start..end, &inserted);
            }
            (old, new)
        },
    )
}

/// The start of the character that holds byte `at`.
pub(crate) fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
