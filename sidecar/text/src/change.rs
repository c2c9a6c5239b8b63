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
}
