//! Positions as editors count them, in the three encodings of the language server protocol.
//!
//! Absent on purpose: the negotiation (the session does it) and errors. A line past the end is the text's end, a column
//! past the end of its line is the end of its content (so inside a `\r\n` means before it), and a column inside a
//! character or a surrogate pair is that character's start.

use crate::Text;

/// What `Position::character` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// Bytes of UTF-8.
    Utf8,
    /// UTF-16 code units: what every client speaks unless another was agreed on.
    #[default]
    Utf16,
    /// Unicode scalar values.
    Utf32,
}

/// A place in a text: both numbers from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column, in units of an [`Encoding`].
    pub character: u32,
}

impl Position {
    /// A position from its two numbers.
    pub fn new(line: u32, character: u32) -> Self {
        Self { line, character }
    }
}

impl Text {
    /// The byte offset of a position; clamps, never fails.
    pub fn offset(&self, position: Position, encoding: Encoding) -> usize {
        let line = position.line as usize;
        if line >= self.len_lines() {
            return self.len_bytes();
        }
        let content = self.line_content(line);
        let column = position.character as usize;
        let at = match encoding {
            Encoding::Utf8 => self.floor(content.start.saturating_add(column)),
            Encoding::Utf16 => {
                let rope = &self.rope;
                let unit = rope.char_to_utf16_cu(rope.byte_to_char(content.start)).saturating_add(column);
                rope.char_to_byte(rope.utf16_cu_to_char(unit.min(rope.len_utf16_cu())))
            }
            Encoding::Utf32 => {
                let character = self.rope.byte_to_char(content.start).saturating_add(column);
                self.rope.char_to_byte(character.min(self.rope.len_chars()))
            }
        };
        at.min(content.end)
    }

    /// The position of a byte offset; clamps, never fails. A byte inside a line end is the end of its line's content.
    pub fn position(&self, at: usize, encoding: Encoding) -> Position {
        let at = self.floor(at);
        let line = self.line_of(at);
        let content = self.line_content(line);
        let at = at.min(content.end);
        let rope = &self.rope;
        let column = match encoding {
            Encoding::Utf8 => at - content.start,
            Encoding::Utf16 => {
                let (start, end) = (rope.byte_to_char(content.start), rope.byte_to_char(at));
                rope.char_to_utf16_cu(end) - rope.char_to_utf16_cu(start)
            }
            Encoding::Utf32 => rope.byte_to_char(at) - rope.byte_to_char(content.start),
        };
        Position { line: saturated(line), character: saturated(column) }
    }
}

/// Texts of over 4 billion lines or columns do not occur; if one did, its tail would share the last position.
fn saturated(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
