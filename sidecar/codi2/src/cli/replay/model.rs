//! The naive model of a replayed text: every character beside what its owner must be.
//!
//! Slow and simple on purpose: a list of characters, searched from its beginning. It says of each insert whether a hand
//! made it, whether it is a longer one that copies nothing, or whether that is open (a copy keeps its owner, a change of
//! layout too); it does not repeat the ladder. Absent on purpose: anything of the code it is held against.

use anyhow::{Result, ensure};

use super::trace::Patch;

/// Characters from which an insert may be a copy of a part of something.
const RUN_CHARS: usize = 30;
/// Bytes on both sides from which a replacement is compared with what it replaces.
const COMPARED_BYTES: usize = 256;

/// What the owner of a character must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expected {
    /// The person's: it was typed.
    Person,
    /// Nobody's that is known: it came with a longer insert that copies nothing.
    Unknown,
    /// Either of them: it may have brought its owner along.
    Either,
}

/// How positions are counted in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Units {
    /// Bytes of UTF-8
    #[value(name = "utf-8")]
    Utf8,
    /// UTF-16 code units
    #[value(name = "utf-16")]
    Utf16,
    /// Characters
    #[value(name = "utf-32")]
    Utf32,
}

impl Units {
    /// The name in the Language Server Protocol.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
            Self::Utf32 => "utf-32",
        }
    }

    fn count(self, character: char) -> usize {
        match self {
            Self::Utf8 => character.len_utf8(),
            Self::Utf16 => character.len_utf16(),
            Self::Utf32 => 1,
        }
    }
}

/// Line and column, from 0.
pub type Position = (usize, usize);

/// A patch as editors tell it: the range before it, and the text.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    /// Begin and end of what is replaced.
    pub range: (Position, Position),
    /// What stands there afterwards.
    pub text: String,
}

/// A text with what is known of its owners.
pub struct Model {
    characters: Vec<(char, Expected)>,
    deleted: Vec<String>,
    units: Units,
    /// Whether keys come no faster than a hand makes them.
    by_hand: bool,
}

impl Model {
    /// A text that was there before: nobody's.
    pub fn new(start: &str, units: Units, by_hand: bool) -> Self {
        let characters = start.chars().map(|character| (character, Expected::Unknown)).collect();
        Self { characters, deleted: Vec::new(), units, by_hand }
    }

    /// The text.
    pub fn text(&self) -> String {
        self.characters.iter().map(|(character, _)| character).collect()
    }

    /// Each character's length in bytes, and what its owner must be.
    pub fn expected(&self) -> impl Iterator<Item = (usize, Expected)> {
        self.characters.iter().map(|(character, expected)| (character.len_utf8(), *expected))
    }

    /// Applies a patch.
    pub fn apply(&mut self, patch: &Patch) -> Result<Change> {
        let length = self.characters.len();
        let end = patch.at.checked_add(patch.deleted).filter(|end| *end <= length);
        ensure!(end.is_some(), "a patch at {} deletes {} of {length} characters", patch.at, patch.deleted);
        let end = patch.at + patch.deleted;
        let change = Change { range: (self.position(patch.at), self.position(end)), text: patch.inserted.clone() };
        let old: Vec<char> = self.characters[patch.at..end].iter().map(|(character, _)| *character).collect();
        let new: Vec<char> = patch.inserted.chars().collect();
        // What is the same at both ends stays what it was.
        let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
        let rest = old[same..].iter().rev().zip(new[same..].iter().rev());
        let same_end = rest.take_while(|(old, new)| old == new).count();
        let gone: String = old[same..old.len() - same_end].iter().collect();
        let put: String = new[same..new.len() - same_end].iter().collect();
        let expected = self.judge(&gone, &put);
        let range = patch.at + same..end - same_end;
        self.characters.splice(range, put.chars().map(|character| (character, expected)));
        if !gone.is_empty() {
            self.deleted.push(gone);
        }
        Ok(change)
    }

    fn judge(&self, gone: &str, put: &str) -> Expected {
        let without_blanks = |text: &str| text.chars().filter(|it| !it.is_whitespace()).collect::<String>();
        let layout = !put.is_empty() && without_blanks(gone) == without_blanks(put);
        if is_key(put) && gone.chars().count() <= 2 {
            return if self.by_hand { Expected::Person } else { Expected::Either };
        }
        let compared = gone.len() >= COMPARED_BYTES && put.len() >= COMPARED_BYTES;
        if layout || compared || self.copies(put) { Expected::Either } else { Expected::Unknown }
    }

    /// Whether an insert, a line of it or a long part of it stands in the text or was deleted from it.
    fn copies(&self, put: &str) -> bool {
        let text = self.text();
        let known = |piece: &str| text.contains(piece) || self.deleted.iter().any(|deleted| deleted.contains(piece));
        if known(put) || known(put.trim()) {
            return true;
        }
        let lines = put.lines().map(str::trim).filter(|line| line.chars().any(char::is_alphanumeric));
        if put.contains('\n') && lines.into_iter().any(known) {
            return true;
        }
        let starts: Vec<usize> = put.char_indices().map(|(at, _)| at).chain([put.len()]).collect();
        starts.windows(RUN_CHARS + 1).any(|run| known(&put[run[0]..run[RUN_CHARS]]))
    }

    fn position(&self, at: usize) -> Position {
        let before = &self.characters[..at];
        let start = before.iter().rposition(|(character, _)| *character == '\n').map_or(0, |end| end + 1);
        let lines = before[..start].iter().filter(|(character, _)| *character == '\n').count();
        (lines, before[start..].iter().map(|(character, _)| self.units.count(*character)).sum())
    }
}

/// What one key can put in: a character or a pair, blanks of a tab, a line end with its indent.
fn is_key(put: &str) -> bool {
    let blank = put.chars().all(|character| character == ' ') && put.len() < 8;
    let line = put.strip_prefix('\n').is_some_and(|rest| rest.chars().all(|it| it == ' ' || it == '\t'));
    !put.is_empty() && (put.chars().count() <= 2 || blank || line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(at: usize, deleted: usize, inserted: &str) -> Patch {
        Patch { at, deleted, inserted: inserted.to_owned() }
    }

    #[test]
    fn positions_count_as_negotiated() {
        for (units, column) in [(Units::Utf8, 7), (Units::Utf16, 4), (Units::Utf32, 3)] {
            let mut model = Model::new("x\na😀é", units, true);
            let change = model.apply(&patch(5, 0, "!")).unwrap();
            assert_eq!(change.range, ((1, column), (1, column)), "{units:?}");
            assert_eq!(model.text(), "x\na😀é!");
        }
        let mut model = Model::new("one\ntwo\n", Units::Utf16, true);
        let change = model.apply(&patch(2, 4, "E T")).unwrap();
        assert_eq!((change.range, model.text().as_str()), (((0, 2), (1, 2)), "onE To\n"));
        assert!(model.apply(&patch(7, 1, "")).is_err());
    }

    #[test]
    fn owners_follow_what_was_done() {
        let long = "a sentence that nobody has typed here before";
        let mut model = Model::new("", Units::Utf8, true);
        model.apply(&patch(0, 0, "k")).unwrap();
        model.apply(&patch(1, 0, long)).unwrap();
        model.apply(&patch(1, 10, "")).unwrap();
        model.apply(&patch(1, 0, &long[..10])).unwrap();
        let mut kinds: Vec<Expected> = model.expected().map(|(_, expected)| expected).collect();
        kinds.dedup();
        assert_eq!(kinds, [Expected::Person, Expected::Either, Expected::Unknown]);
        // A word replaced by one that begins the same: only what differs is new.
        let mut model = Model::new("value", Units::Utf8, true);
        model.apply(&patch(0, 5, "valux")).unwrap();
        let kinds: Vec<Expected> = model.expected().map(|(_, expected)| expected).collect();
        assert_eq!(kinds[3..], [Expected::Unknown, Expected::Person]);
        // Faster than a hand, it may be nobody's.
        let mut model = Model::new("", Units::Utf8, false);
        model.apply(&patch(0, 0, "k")).unwrap();
        assert_eq!(model.expected().next(), Some((1, Expected::Either)));
    }
}
