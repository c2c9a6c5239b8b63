//! Lines that a change took away in one place of a file and put in another: whoever moves them is not who wrote them
//! (ADR 0057).
//!
//! Absent on purpose: lines that go to another file, or go and come with two changes (`across`), and lines so short that
//! anybody may write them again.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::Range as Bytes;

use codi2_text::{Text, line_diff_hashes};

use crate::book::OwnerRef;
use crate::known::{Content, Hunk, Known, Line, lines_of};
use crate::ledger::is_telling;

/// Bytes of the new text, and the owners they had where they stood before.
pub(super) type Moved = (Bytes<usize>, Vec<(usize, OwnerRef)>);

/// Lines beside what went or came at one place that are looked at for being like it, each way.
const BESIDE: usize = 16;

/// A line of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At {
    /// Its bytes.
    pub bytes: Bytes<usize>,
    /// Its keyed hash.
    pub hash: u64,
}

/// A line that a change took away, or put in; or one beside those that may as well be it: where `a b` stands before `a`, and
/// two lines go, nobody knows whether they were `a b` or `b a`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loose {
    /// Where it stands.
    pub at: At,
    /// Which of the lines that went or came it is. Those with one number went or came once.
    pub number: usize,
    /// The numbers of those that went or came with it, at one place.
    pub place: Bytes<usize>,
    /// Where the line stood on the other side of the change, by the account that it is only beside.
    pub stood: Option<Bytes<usize>>,
}

/// What a change did to the lines of its file.
#[derive(Debug, Default)]
pub(super) struct Shifted {
    /// What it put in and took away elsewhere. A line that was taken away once comes back once.
    pub moved: Vec<Moved>,
    /// The other lines that it took away, where they stood before; those of a place follow each other.
    pub gone: Vec<Loose>,
    /// The other lines that it put in.
    pub put: Vec<Loose>,
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
    let (mut moved, mut put) = (Vec::new(), BTreeSet::new());
    for line in differing.iter().flat_map(|(_, new)| new.clone()) {
        let At { bytes, hash } = &new[line];
        let was = gone.get(hash).and_then(VecDeque::front).map(|was| &old[*was].bytes);
        let was = was.filter(|was| was.len() == bytes.len() && is_telling(&after.slice(bytes.clone())));
        match was {
            Some(was) => {
                moved.push((bytes.clone(), before.owners.spans(was.clone())));
                gone.get_mut(hash).and_then(VecDeque::pop_front);
            }
            None => drop(put.insert(line)),
        }
    }
    let gone = gone.into_values().flatten().collect();
    let turned: Vec<_> = differing.iter().cloned().map(|(old, new)| (new, old)).collect();
    let (gone, put) = (loose(&old, &new, &differing, &gone), loose(&new, &old, &turned, &put));
    Some(Shifted { moved, gone, put })
}

/// Those lines of one side of a change that `are` gone from it, or came to it, and what beside them may be them. `hunks`: in
/// lines of this side, and of the other.
fn loose(lines: &[At], other: &[At], hunks: &[(Bytes<usize>, Bytes<usize>)], are: &BTreeSet<usize>) -> Vec<Loose> {
    let mut all: Vec<Loose> = Vec::new();
    let mut count = 0;
    for (number, (here, there)) in hunks.iter().enumerate() {
        let least = number.checked_sub(1).map_or(0, |before| hunks[before].0.end);
        let most = hunks.get(number + 1).map_or(lines.len(), |after| after.0.start);
        for run in runs(here, are) {
            let place = count..count + run.len();
            count = place.end;
            // Where lines went and came, and where some of them are known to be moved, each is its place's own.
            let is_alone = there.is_empty() && run == *here;
            let may_be = if is_alone { with_like(lines, &run, &(least..most)) } else { run.clone() };
            all.extend(may_be.map(|line| {
                let number = place.start + (line + run.len() - run.start) % run.len();
                let stood = across_from(line, &run, there).map(|line| other[line].bytes.clone());
                Loose { at: lines[line].clone(), number, place: place.clone(), stood }
            }));
        }
    }
    all
}

/// The runs of lines of a hunk that `are`.
fn runs(hunk: &Bytes<usize>, are: &BTreeSet<usize>) -> Vec<Bytes<usize>> {
    let (mut runs, mut next) = (Vec::new(), hunk.start);
    while let Some(first) = are.range(next..hunk.end).next().copied() {
        next = (first..hunk.end).find(|line| !are.contains(line)).unwrap_or(hunk.end);
        runs.push(first..next);
    }
    runs
}

/// A run with the lines beside it, in `room`, by which it may as well be shifted: those that are as the lines at its other end.
fn with_like(lines: &[At], run: &Bytes<usize>, room: &Bytes<usize>) -> Bytes<usize> {
    let Bytes { start, end } = *run;
    let reach = (run.len() - 1).min(BESIDE);
    let is_like = |one: usize, other: usize| {
        lines[one].hash == lines[other].hash && lines[one].bytes.len() == lines[other].bytes.len()
    };
    let above = (1..=reach).take_while(|by| start >= room.start + by && is_like(start - by, end - by)).count();
    let below = (0..reach).take_while(|by| end + by < room.end && is_like(end + by, start + by)).count();
    start - above..end + below
}

/// Where a line beside a run stands on the other side of the change; none of the run does.
fn across_from(line: usize, run: &Bytes<usize>, there: &Bytes<usize>) -> Option<usize> {
    match line {
        line if line < run.start => Some(there.start - (run.start - line)),
        line if line >= run.end => Some(there.end + (line - run.end)),
        _ => None,
    }
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
