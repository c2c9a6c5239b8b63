//! What an edit looks like, whoever made it: size, place, pace and white space. No verdict is given here.

use codi2_protocol::Shape;
use codi2_text::tokens_equal;

/// Keys that may come at once (an editor that batches, key repeat after a stall).
const BURST: u64 = 16;
/// Milliseconds per key that a hand, or a held key, can keep up.
const KEY_MS: u64 = 15;
/// Longest text compared token by token, in bytes of both sides.
const LAYOUT_BYTES: usize = 1 << 20;

/// How fast keys come in one document: a bucket that fills with time and empties with keys.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Credit in ms.
    credit: u64,
    last_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { credit: BURST * KEY_MS, last_ms: 0 }
    }
}

impl Pace {
    /// Counts one key; `false` when no hand could have been that fast.
    pub fn key(&mut self, now_ms: u64) -> bool {
        let passed = now_ms.saturating_sub(self.last_ms);
        self.last_ms = now_ms;
        self.credit = self.credit.saturating_add(passed).min(BURST * KEY_MS);
        match self.credit.checked_sub(KEY_MS) {
            Some(left) => {
                self.credit = left;
                true
            }
            None => false,
        }
    }
}

/// What stands around an edit.
#[derive(Debug, Clone, Copy)]
pub struct Around {
    /// The character before it.
    pub before: Option<char>,
    /// The character after it.
    pub after: Option<char>,
}

/// The shape of an edit, its pace left aside. `whole`: it comes from a replacement of the whole text, of which it is
/// one difference of `parts`; one difference alone is what a client that always sends the whole text makes of a key.
pub fn shape(deleted: &str, inserted: &str, around: Around, whole: bool, parts: usize) -> Shape {
    if inserted.is_empty() {
        return Shape::Deletion;
    }
    if !(whole && parts > 1) && few(deleted, 2) && is_key(inserted) {
        return Shape::Keystroke;
    }
    if deleted.len() + inserted.len() <= LAYOUT_BYTES && is_layout(deleted, inserted, around) {
        return Shape::Layout;
    }
    if whole { Shape::Replace } else { Shape::Insert }
}

fn few(text: &str, characters: usize) -> bool {
    text.chars().nth(characters).is_none()
}

/// What one key can put in: one or two characters (an automatic pair among them), a tab's worth of blanks, a line end
/// with its indent and the leader of a comment, twice when it opens a block.
fn is_key(inserted: &str) -> bool {
    if few(inserted, 2) || (few(inserted, 8) && inserted.chars().all(|character| character == ' ')) {
        return true;
    }
    let ends = inserted.matches('\n').count();
    let bare = inserted.trim_start_matches(['\r', '\n', ' ', '\t']).trim_end_matches(['\r', '\n', ' ', '\t']);
    inserted.starts_with(['\r', '\n'])
        && (1..=2).contains(&ends)
        && inserted.len() <= 256
        && few(bare, 3)
        && bare.chars().all(|character| character.is_ascii_punctuation())
}

/// Whether only white space and line ends differ, and no two tokens were joined or parted.
fn is_layout(deleted: &str, inserted: &str, around: Around) -> bool {
    let blank = |text: &str| text.chars().all(char::is_whitespace);
    if blank(deleted) && blank(inserted) {
        let word = |character: Option<char>| character.is_some_and(|it| it.is_alphanumeric() || it == '_');
        // Blanks between two word characters were put in or are still there: putting them in parts a word.
        return !(deleted.is_empty() && word(around.before) && word(around.after));
    }
    tokens_equal(deleted, inserted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(deleted: &str, inserted: &str, whole: bool, expected: Shape) {
        let around = Around { before: Some('a'), after: Some('b') };
        assert_eq!(shape(deleted, inserted, around, whole, 2), expected, "{deleted:?} -> {inserted:?}");
    }

    #[test]
    fn shapes() {
        check("", "x", false, Shape::Keystroke);
        check("", "()", false, Shape::Keystroke);
        check("", "ö", false, Shape::Keystroke);
        check("", "😀", false, Shape::Keystroke);
        check("", "    ", false, Shape::Keystroke);
        check("", "\n", false, Shape::Keystroke);
        check("", "\r\n    ", false, Shape::Keystroke);
        check("", "\n        // ", false, Shape::Keystroke);
        check("", "\n    \n", false, Shape::Keystroke);
        check("ab", "c", false, Shape::Keystroke);
        check("", "\nfn main", false, Shape::Insert);
        check("", "\n\n\n", false, Shape::Insert);
        check("", "abc", false, Shape::Insert);
        check("abc", "d", false, Shape::Insert);
        check("abc", "", false, Shape::Deletion);
        check("a,b,c", "a, b, c", false, Shape::Layout);
        check("a,b,c", "a, b, d", false, Shape::Insert);
        check("a,b,c", "a, b, d", true, Shape::Replace);
        check("abc def", "abc  def", true, Shape::Layout);
        check("", "x", true, Shape::Replace);
        let around = Around { before: None, after: None };
        assert_eq!(shape("", "x", around, true, 1), Shape::Keystroke, "a client that always sends the whole text");
    }

    #[test]
    fn blanks_that_part_a_word_are_no_layout() {
        let inside = Around { before: Some('a'), after: Some('b') };
        let between = Around { before: Some(','), after: Some('b') };
        assert_eq!(shape("", "\n\n\n\n", inside, false, 1), Shape::Insert);
        assert_eq!(shape("", "\n\n\n\n", between, false, 1), Shape::Layout);
    }

    #[test]
    fn a_hand_is_never_too_fast_and_a_program_is() {
        let mut hand = Pace::default();
        let mut now = 1_000;
        for _ in 0..1_000 {
            now += 40;
            assert!(hand.key(now));
        }
        let mut program = Pace::default();
        let typed = (0..200).filter(|_| program.key(5_000)).count();
        assert_eq!(typed, 16, "a burst at once, then none");
    }
}
