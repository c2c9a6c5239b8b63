//! Several writers in one change: the texts they left behind, one after the other, tell which bytes are whose.
//!
//! Each part is compared with the one before it; what it put in is its own, what later parts took out is gone. Absent
//! on purpose: order, which the caller knows from digests and times.

use std::ops::Range;

use codi2_protocol::{Digest, Verdict};
use codi2_text::{Limits, OwnerTree, Text, diff};

/// A state the file passed, and who brought it there.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The state; absent: no file.
    pub(super) state: Option<Digest>,
    /// Whose step it was; absent: nobody announced it.
    pub(super) verdict: Option<Verdict>,
}

/// The byte ranges of the last state that announced steps put in, ascending. Absent where a text is not known.
pub(super) fn replay(
    before: Option<Digest>,
    parts: &[Part],
    texts: &dyn Fn(Digest) -> Option<Text>,
) -> Option<Vec<(Range<u64>, Verdict)>> {
    let text_of = |state: Option<Digest>| match state {
        Some(digest) => texts(digest),
        None => Some(Text::new("")),
    };
    // 0 is text that was there before; the writer of part n is n + 1.
    let mut text = text_of(before)?;
    let mut owners = OwnerTree::new(text.len_bytes(), 0_usize);
    for (number, part) in parts.iter().enumerate() {
        let next = text_of(part.state)?;
        for edit in diff(&text, &next.to_string(), &Limits::default()) {
            owners.splice(edit.at, edit.deleted, &[(edit.inserted.len(), number + 1)]);
        }
        text = next;
    }
    let mut claimed: Vec<(Range<u64>, Verdict)> = Vec::new();
    let mut at = 0;
    for (len, owner) in owners.iter() {
        let range = at..at + len as u64;
        at = range.end;
        let Some(verdict) =
            owner.checked_sub(1).and_then(|part| parts.get(part)).and_then(|part| part.verdict.as_ref())
        else {
            continue;
        };
        match claimed.last_mut() {
            Some((last, known)) if last.end == range.start && known == verdict => last.end = range.end,
            _ => claimed.push((range, verdict.clone())),
        }
    }
    Some(claimed)
}
