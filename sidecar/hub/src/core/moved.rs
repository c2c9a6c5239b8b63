//! Lines that a change took away in one place of a file and put in another: whoever moves them is not who wrote them
//! (ADR 0057).
//!
//! Absent on purpose: lines that go to another file, or go and come with two changes (`across`), and lines so short that
//! anybody may write them again.

use std::collections::{HashMap, VecDeque};
use std::ops::Range as Bytes;

use codi2_text::{Text, line_diff_hashes};

use crate::book::OwnerRef;
use crate::known::{Content, Hunk, Known, Line, lines_of};
use crate::ledger::is_telling;

/// Bytes of the new text, and the owners they had where they stood before.
pub(super) type Moved = (Bytes<usize>, Vec<(usize, OwnerRef)>);

/// A line of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At {
    /// Its bytes.
    pub bytes: Bytes<usize>,
    /// Its keyed hash.
    pub hash: u64,
}

/// What a change did to the lines of its file.
#[derive(Debug, Default)]
pub(super) struct Shifted {
    /// What it put in and took away elsewhere. A line that was taken away once comes back once.
    pub moved: Vec<Moved>,
    /// The other lines that it took away, where they stood before.
    pub gone: Vec<At>,
    /// The other lines that it put in.
    pub put: Vec<At>,
}

/// The lines of `after` that the same change took away elsewhere.
pub(super) fn moved_lines(before: &Known, after: &Text, hunks: &[Hunk], secret: &[u8; 32]) -> Vec<Moved> {
    // Most changes only add, or change one place.
    if hunks.iter().all(|hunk| hunk.deleted == 0) || hunks.iter().all(|hunk| hunk.inserted == 0) {
        return Vec::new();
    }
    shifted(before, after, secret).map(|shifted| shifted.moved).unwrap_or_default()
}

/// What a change did to the lines; absent where the text before is not known by its lines.
pub(super) fn shifted(before: &Known, after: &Text, secret: &[u8; 32]) -> Option<Shifted> {
    let old = match &before.content {
        Content::Text(text) => lines_of(text, secret),
        Content::Lines(lines) => lines.clone(),
        Content::Forgotten => return None,
    };
    // What does not fit the text says nothing of its lines.
    if before.owners.len() != old.iter().map(|line| line.len as usize).sum::<usize>() {
        return None;
    }
    let new = lines_of(after, secret);
    let hashes = |lines: &[Line]| lines.iter().map(|line| line.hash).collect::<Vec<_>>();
    let differing = line_diff_hashes(&hashes(&old), &hashes(&new));
    let (old, new) = (placed(&old), placed(&new));
    let mut gone: HashMap<u64, VecDeque<usize>> = HashMap::new();
    for line in differing.iter().flat_map(|(old, _)| old.clone()) {
        gone.entry(old[line].hash).or_default().push_back(line);
    }
    let mut shifted = Shifted::default();
    for line in differing.into_iter().flat_map(|(_, new)| new) {
        let At { bytes, hash } = &new[line];
        let was = gone.get(hash).and_then(VecDeque::front).map(|was| &old[*was].bytes);
        let was = was.filter(|was| was.len() == bytes.len() && is_telling(&after.slice(bytes.clone())));
        match was {
            Some(was) => {
                shifted.moved.push((bytes.clone(), before.owners.spans(was.clone())));
                gone.get_mut(hash).and_then(VecDeque::pop_front);
            }
            None => shifted.put.push(new[line].clone()),
        }
    }
    let mut left: Vec<usize> = gone.into_values().flatten().collect();
    left.sort_unstable();
    shifted.gone = left.into_iter().map(|line| old[line].clone()).collect();
    Some(shifted)
}

fn placed(lines: &[Line]) -> Vec<At> {
    let grown = lines.iter().scan(0, |at, line| {
        let start = *at;
        *at += line.len as usize;
        Some(At { bytes: start..*at, hash: line.hash })
    });
    grown.collect()
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
