//! The content changes of one notification of an editor, turned into the edits they really make.
//!
//! Absent on purpose: who made them and when.

use crate::{Encoding, Limits, Position, Replace, Text, diff};

/// One content change as the language server protocol sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What is replaced; absent: the whole text.
    pub range: Option<(Position, Position)>,
    /// What stands there afterwards.
    pub text: String,
}

impl Text {
    /// The edits that one change makes of this text, each to be applied to the result of the one before; none if it
    /// changes nothing. A change of the whole text, said so or by its range, becomes a bounded [`diff`]; any other
    /// is one edit, as sent.
    pub fn plan(&self, change: &Change, encoding: Encoding, limits: &Limits) -> Vec<Replace> {
        let range = match change.range {
            None => 0..self.len_bytes(),
            Some((start, end)) => {
                let (start, end) = (self.offset(start, encoding), self.offset(end, encoding));
                // Some clients send reversed ranges; everyone reads them as the same range.
                start.min(end)..start.max(end)
            }
        };
        if range.len() == self.len_bytes() && !self.is_empty() && !change.text.is_empty() {
            return diff(self, &change.text, limits);
        }
        let edit = Replace { at: range.start, deleted: range.len(), inserted: change.text.clone() };
        if edit.is_nothing() { Vec::new() } else { vec![edit] }
    }

    /// Applies the changes of one notification, each to the result of the one before, and returns the edits made, in
    /// the same order, each with its offset in the text before it.
    pub fn apply(&mut self, changes: &[Change], encoding: Encoding, limits: &Limits) -> Vec<Replace> {
        let mut made = Vec::new();
        for change in changes {
            let edits = self.plan(change, encoding, limits);
            for edit in &edits {
                self.replace(edit.range(), &edit.inserted);
            }
            made.extend(edits);
        }
        made
    }

    /// The same insertion or deletion told in whole lines, if it can be: where the text repeats around it, one result
    /// has several descriptions, and editors that compare texts (Neovim) often send one that begins in the middle of a
    /// line. Any other edit comes back as it is. `edit` has not been applied yet.
    pub fn line_aligned(&self, edit: &Replace) -> Replace {
        let range = self.clamp(edit.range());
        let (at, removed) = (range.start, self.slice(range.clone()).into_owned());
        let piece = match (removed.is_empty(), edit.inserted.is_empty()) {
            (true, false) => edit.inserted.as_str(),
            (false, true) => removed.as_str(),
            _ => return edit.clone(),
        };
        let line = self.line_of(at);
        let start = self.line_start(line);
        let whole = |moved: &str| moved.ends_with(['\n', '\r']);
        let told = |at: usize, moved: String| match removed.is_empty() {
            true => Replace { at, deleted: 0, inserted: moved },
            false => Replace { at, deleted: moved.len(), inserted: String::new() },
        };
        // Backwards: what stands before the edit in its line also ends the piece.
        let head = self.slice(start..at);
        if let Some(rest) = piece.strip_suffix(&*head) {
            let moved = format!("{head}{rest}");
            if whole(&moved) {
                return told(start, moved);
            }
        }
        // Forwards: what follows the edit in its line also begins the piece.
        let next = self.line_start(self.line_of(range.end) + 1);
        let tail = self.slice(range.end..next);
        if let (true, Some(rest)) = (whole(&tail), piece.strip_prefix(&*tail)) {
            let moved = format!("{rest}{tail}");
            return told(at + tail.len(), moved);
        }
        edit.clone()
    }
}

#[cfg(test)]
mod tests;
