//! A text that is cheap to clone and to edit: a rope behind names of ours, so that another rope stays possible.
//!
//! Absent on purpose: positions of the editor (`position`), changes of a notification (`change`), and any panic: every
//! offset is clamped to the text and down to the start of the character it points into.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::ops::Range;

use ropey::Rope;

use crate::Replace;

/// A text in memory. Clones share their content; an edit copies only what it touches.
///
/// Offsets are bytes. An offset past the end means the end; an offset inside a character means that character's start.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    pub(crate) rope: Rope,
}

impl Text {
    /// A text with this content.
    pub fn new(content: &str) -> Self {
        Self { rope: Rope::from_str(content) }
    }

    /// Length in bytes.
    pub fn len_bytes(&self) -> usize {
        self.rope.len_bytes()
    }

    /// Whether there is no byte at all.
    pub fn is_empty(&self) -> bool {
        self.rope.len_bytes() == 0
    }

    /// How many lines there are as an editor counts them: line ends plus one, so 1 for an empty text.
    pub fn len_lines(&self) -> usize {
        self.rope.len_lines()
    }

    /// The text of `range`, clamped; borrowed when it lies in one piece.
    pub fn slice(&self, range: Range<usize>) -> Cow<'_, str> {
        let range = self.clamp(range);
        self.rope.byte_slice(range).into()
    }

    /// The text in pieces, in order. Their borders mean nothing, but never cut a character.
    pub fn chunks(&self) -> impl Iterator<Item = &str> + Clone {
        self.rope.chunks()
    }

    /// Puts `inserted` in the place of `range` and returns the range really replaced, after clamping.
    pub fn replace(&mut self, range: Range<usize>, inserted: &str) -> Range<usize> {
        let range = self.clamp(range);
        let start = self.rope.byte_to_char(range.start);
        let end = self.rope.byte_to_char(range.end);
        if start < end {
            self.rope.remove(start..end);
        }
        if !inserted.is_empty() {
            self.rope.insert(start, inserted);
        }
        range
    }

    /// Makes one edit and returns the text it deleted.
    pub fn edit(&mut self, edit: &Replace) -> String {
        let range = self.clamp(edit.at..edit.at.saturating_add(edit.deleted));
        let deleted = self.rope.byte_slice(range.clone()).to_string();
        self.replace(range, &edit.inserted);
        deleted
    }

    /// BLAKE3 of the UTF-8 bytes: equal to [`digest_of`] the same content.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for chunk in self.rope.chunks() {
            hasher.update(chunk.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }

    /// The line, from 0, that holds byte `at`. A line's end belongs to the line it ends.
    pub fn line_of(&self, at: usize) -> usize {
        self.rope.byte_to_line(self.floor(at))
    }

    /// Byte offset of the start of `line`, from 0; the text's end for a line past the last.
    pub fn line_start(&self, line: usize) -> usize {
        if line >= self.rope.len_lines() { self.rope.len_bytes() } else { self.rope.line_to_byte(line) }
    }

    /// Bytes of `line`, from 0, without its line end; empty at the text's end for a line past the last.
    pub fn line_content(&self, line: usize) -> Range<usize> {
        let start = self.line_start(line);
        let mut end = self.line_start(line.saturating_add(1));
        if line + 1 < self.rope.len_lines() {
            // A line that is not the last ends in `\n`, `\r\n` or `\r`.
            let last = self.rope.byte(end - 1);
            end -= 1;
            if last == b'\n' && end > start && self.rope.byte(end - 1) == b'\r' {
                end -= 1;
            }
        }
        start..end
    }

    /// How many line ends lie in `range`. A `\r\n` counts where its `\n` is.
    pub fn lines_in(&self, range: Range<usize>) -> usize {
        let range = self.clamp(range);
        self.rope.byte_to_line(range.end) - self.rope.byte_to_line(range.start)
    }

    /// Byte length of each line with its line end; no entry for the nothing after a final line end.
    pub fn line_lengths(&self) -> Vec<usize> {
        self.rope.lines().map(|line| line.len_bytes()).filter(|len| *len > 0).collect()
    }

    /// One keyed hash for each entry of [`Self::line_lengths`], for [`crate::line_diff_hashes`] when the text itself is
    /// forgotten. Without `key` nobody can test a guess of a line against them.
    pub fn line_hashes(&self, key: &[u8; 32]) -> Vec<u64> {
        let mut hasher = blake3::Hasher::new_keyed(key);
        let lines = self.rope.lines().filter(|line| line.len_bytes() > 0);
        lines
            .map(|line| {
                hasher.reset();
                for chunk in line.chunks() {
                    hasher.update(chunk.as_bytes());
                }
                let mut first = [0; 8];
                first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
                u64::from_le_bytes(first)
            })
            .collect()
    }

    /// The start of the character that holds byte `at`, or the text's length.
    pub fn floor(&self, at: usize) -> usize {
        let at = at.min(self.rope.len_bytes());
        self.rope.char_to_byte(self.rope.byte_to_char(at))
    }

    /// `range` inside the text and on character borders; empty when it was reversed.
    pub fn clamp(&self, range: Range<usize>) -> Range<usize> {
        let start = self.floor(range.start);
        start..self.floor(range.end).max(start)
    }
}

/// A keyed hash of one line, whatever it ends in: of a file's last line, too, which may have no end.
pub fn line_hash(line: &str, key: &[u8; 32]) -> u64 {
    let hash = blake3::keyed_hash(key, line.trim_end_matches(['\r', '\n']).as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(first)
}

impl Default for Text {
    fn default() -> Self {
        Self::new("")
    }
}

impl From<&str> for Text {
    fn from(content: &str) -> Self {
        Self::new(content)
    }
}

/// The whole text, so that `to_string()` gives it.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rope.chunks().try_for_each(|chunk| f.write_str(chunk))
    }
}

/// Sizes only: a person's text does not slip into a log through `{:?}`.
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes, {} lines)", self.len_bytes(), self.len_lines())
    }
}

/// BLAKE3, the one content identity.
pub fn digest_of(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

/// [`digest_of`] for content that comes in pieces.
#[derive(Debug, Default)]
pub struct Digester(blake3::Hasher);

impl Digester {
    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all pieces so far.
    pub fn digest(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

/// [`digest_of`] whatever `reader` gives, and how many bytes that was; for content too large to hold.
///
/// # Errors
/// What the reader says.
pub fn digest_of_reader(reader: impl io::Read) -> io::Result<([u8; 32], u64)> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(reader)?;
    Ok((*hasher.finalize().as_bytes(), hasher.count()))
}

/// How many line ends a piece of text holds, by the same rule as [`Text`].
pub fn line_ends(piece: &str) -> usize {
    let bytes = piece.as_bytes();
    let ends = |at: usize| bytes[at] == b'\n' || (bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
    (0..bytes.len()).filter(|at| ends(*at)).count()
}

/// The lines of a piece of text, each with its line end; nothing for the nothing after a final line end.
pub(crate) fn split_lines(piece: &str) -> impl Iterator<Item = &str> {
    let mut rest = piece;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let bytes = rest.as_bytes();
        let end = match bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            None => bytes.len(),
            Some(at) if bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n') => at + 2,
            Some(at) => at + 1,
        };
        let (line, tail) = rest.split_at(end);
        rest = tail;
        Some(line)
    })
}

/// White space, line ends and byte order marks: what a line view and a layout test do not count.
pub(crate) fn is_blank(character: char) -> bool {
    character.is_whitespace() || character == '\u{feff}'
}

#[cfg(test)]
mod tests;
