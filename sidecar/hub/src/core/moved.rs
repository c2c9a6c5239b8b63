//! Lines that a change took away in one place of a file and put in another: whoever moves them is not who wrote them
//! (ADR 0057).
//!
//! Absent on purpose: lines that go to another file, and lines so short that anybody may write them again.

use std::collections::{HashMap, VecDeque};
use std::ops::Range as Bytes;

use codi2_text::{Text, line_diff_hashes};

use crate::book::OwnerRef;
use crate::known::{Content, Hunk, Known, lines_of};
use crate::ledger::is_telling;

/// Bytes of the new text, and the owners they had where they stood before.
pub(super) type Moved = (Bytes<usize>, Vec<(usize, OwnerRef)>);

/// The lines of `after` that the same change took away elsewhere. A line that was taken away once comes back once.
pub(super) fn moved_lines(before: &Known, after: &Text, hunks: &[Hunk], secret: &[u8; 32]) -> Vec<Moved> {
    // Most changes only add, or change one place.
    if hunks.iter().all(|hunk| hunk.deleted == 0) || hunks.iter().all(|hunk| hunk.inserted == 0) {
        return Vec::new();
    }
    let old = match &before.content {
        Content::Text(text) => lines_of(text, secret),
        Content::Lines(lines) => lines.clone(),
        Content::Forgotten => return Vec::new(),
    };
    // What does not fit the text says nothing of its lines.
    if before.owners.len() != old.iter().map(|line| line.len as usize).sum::<usize>() {
        return Vec::new();
    }
    let new = lines_of(after, secret);
    let hashes = |lines: &[crate::known::Line]| lines.iter().map(|line| line.hash).collect::<Vec<_>>();
    let differing = line_diff_hashes(&hashes(&old), &hashes(&new));
    let starts = |lines: &[crate::known::Line]| -> Vec<usize> {
        let grown = lines.iter().scan(0, |at, line| {
            let start = *at;
            *at += line.len as usize;
            Some(start)
        });
        grown.collect()
    };
    let (old_starts, new_starts) = (starts(&old), starts(&new));
    let mut gone: HashMap<u64, VecDeque<usize>> = HashMap::new();
    for line in differing.iter().flat_map(|(old, _)| old.clone()) {
        gone.entry(old[line].hash).or_default().push_back(line);
    }
    let mut moved = Vec::new();
    for line in differing.iter().flat_map(|(_, new)| new.clone()) {
        let Some(was) = gone.get_mut(&new[line].hash).and_then(VecDeque::pop_front) else { continue };
        let (from, to) = (old_starts[was], new_starts[line]);
        let (old_len, len) = (old[was].len as usize, new[line].len as usize);
        if old_len == len && is_telling(&after.slice(to..to + len)) {
            moved.push((to..to + len, before.owners.spans(from..from + len)));
        }
    }
    moved
}

#[cfg(test)]
mod tests {
    use codi2_protocol::Digest;
    use codi2_text::OwnerTree;

    use super::*;

    #[test]
    fn a_moved_line_has_its_owners_only_if_they_fit_the_text() {
        let (old, new) = ("written here\nin the middle\n", "in the middle\nwritten here\n");
        for (len, moved) in [(old.len(), 1), (old.len() - 1, 0), (old.len() + 1, 0)] {
            let content = Content::Text(Text::new(old));
            let before = Known { digest: Digest::new([0; 32]), owners: OwnerTree::new(len, 3), content };
            let after = Text::new(new);
            let hunks = before.hunks_to(&after, &[0; 32]);
            assert_eq!(moved_lines(&before, &after, &hunks, &[0; 32]).len(), moved, "{len}");
        }
    }
}
