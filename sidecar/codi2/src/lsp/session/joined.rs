//! Lines that were joined: an editor tells it as the text of one line put behind another, and a line taken away. Nothing
//! was put in but the blank between them.
//!
//! Absent on purpose: text that comes back otherwise, or in pieces; that is a move or a copy.

use codi2_protocol::Shape;
use codi2_text::{Encoding, Replace, Text, line_ends};

use super::document::trimmed;
use super::group::{MadeEdit, OpenGroup, Run, class_of};
use super::shape::{Around, shape};

/// Bytes between the text put in and the line taken away, at most: the rest of a line and its end.
const BETWEEN_BYTES: usize = 64 << 10;

/// Turns what two changes, one after the other, told of joined lines into the one edit that it comes down to.
pub(super) fn join_lines(open: &mut OpenGroup) {
    let runs = &mut open.runs;
    for at in 1..runs.len() {
        let (before, after) = runs.split_at_mut(at);
        if let (Some(put), Some(taken)) = (before.last_mut(), after.first_mut())
            && let Some(edits) = joined(put, taken)
        {
            put.changes[0].edits = edits;
            taken.changes[0].edits.clear();
        }
    }
}

/// What comes instead of the first change where the second goes.
fn joined(put: &Run, taken: &Run) -> Option<Vec<MadeEdit>> {
    let ([first], [second]) = (put.changes.as_slice(), taken.changes.as_slice()) else { return None };
    let ([came], [went]) = (first.edits.as_slice(), second.edits.as_slice()) else { return None };
    let declared = class_of(put.sources()[0]);
    let is_pair = came.deleted.is_empty() && went.inserted.is_empty() && line_ends(&went.deleted) > 0;
    // A key that nobody declared may well be a hand's.
    let is_key = declared.is_none() && came.edit.shape == Shape::Keystroke;
    if !is_pair || is_key || declared != class_of(taken.sources()[0]) {
        return None;
    }
    let (at, end) = (came.edit.at as usize, came.edit.at as usize + came.inserted.len());
    let gap = (went.edit.at as usize).checked_sub(end).filter(|gap| *gap <= BETWEEN_BYTES)?;
    let text = &first.before;
    let old = at..at + gap + went.deleted.len();
    let inserted = [&*came.inserted, &*text.slice(at..at + gap)].concat();
    let planned = trimmed(vec![Replace { at, deleted: old.len(), inserted }], text);
    let is_join = planned.iter().all(|edit| edit.inserted.trim().is_empty()) && !came.inserted.trim().is_empty();
    is_join.then(|| planned.into_iter().map(|edit| made(edit, text)).collect())
}

fn made(Replace { at, deleted, inserted }: Replace, text: &Text) -> MadeEdit {
    let deleted = text.slice(at..at + deleted).into_owned();
    let shape = shape(&deleted, &inserted, Around { before: None, after: None }, false, 1);
    MadeEdit::new(at, text.position(at, Encoding::Utf8).line, deleted, inserted, shape)
}
