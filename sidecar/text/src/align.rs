//! What two sequences have in common, in bounded work: for words, and for more lines than the histogram diff of
//! imara-diff takes in bounded time.
//!
//! Elements that occur once in both sequences hold them together (patience); between those the greedy algorithm of
//! Myers looks for a short way, at most some number of differences (the window) far, then settles for the furthest
//! point and goes on from there. Work grows with length × window, memory with length + window².
//!
//! Absent on purpose: taste. Where an insertion could lie in several places, any of them will do.
//!
//! imara-diff's own Myers is not used: in 0.2.0 its look at common elements starts at 100 where it means 100 back
//! (`should_prune_common_line`), which makes it quadratic on repetitive text.

use std::hash::Hash;
use std::ops::Range;

use imara_diff::InternedInput;

/// A window for lines and for the tokens of a whole file: blocks up to this size may be gone without a trace.
pub(crate) const WIDE: usize = 1024;
/// A window for the words of a hunk: what differs more than this is not the same text any more.
pub(crate) const NARROW: usize = 128;

/// A place where two sequences differ: what stands there in the old one, and in the new one.
pub type Hunk = (Range<usize>, Range<usize>);

/// A run of equal elements.
struct Run {
    old: usize,
    new: usize,
    len: usize,
}

/// The hunks in which two sequences differ, ascending: everything outside of them is equal, in order.
pub(crate) fn hunks<T: Eq + Hash + Copy + Default>(old: &[T], new: &[T], window: usize) -> Vec<Hunk> {
    let mut input = InternedInput::default();
    input.update_before(old.iter().copied());
    input.update_after(new.iter().copied());
    let old: Vec<u32> = input.before.iter().map(|token| token.0).collect();
    let new: Vec<u32> = input.after.iter().map(|token| token.0).collect();
    let mut runs = Vec::new();
    let start = shared(old.iter(), new.iter());
    let end = shared(old[start..].iter().rev(), new[start..].iter().rev());
    let (old_end, new_end) = (old.len() - end, new.len() - end);
    let (mut old_at, mut new_at) = (start, start);
    runs.push(Run { old: 0, new: 0, len: start });
    for (old_anchor, new_anchor) in anchors(&old[start..old_end], &new[start..new_end], input.interner.num_tokens()) {
        let (old_anchor, new_anchor) = (start + old_anchor, start + new_anchor);
        between(&old[..old_anchor], &new[..new_anchor], old_at, new_at, window, &mut runs);
        runs.push(Run { old: old_anchor, new: new_anchor, len: 1 });
        (old_at, new_at) = (old_anchor + 1, new_anchor + 1);
    }
    between(&old[..old_end], &new[..new_end], old_at, new_at, window, &mut runs);
    runs.push(Run { old: old_end, new: new_end, len: end });
    inverted(&runs)
}

/// What lies between runs.
fn inverted(runs: &[Run]) -> Vec<Hunk> {
    let (mut old, mut new) = (0, 0);
    let mut hunks = Vec::new();
    for run in runs {
        if run.old > old || run.new > new {
            hunks.push((old..run.old, new..run.new));
        }
        (old, new) = (run.old + run.len, run.new + run.len);
    }
    hunks
}

fn shared<'a>(old: impl Iterator<Item = &'a u32>, new: impl Iterator<Item = &'a u32>) -> usize {
    old.zip(new).take_while(|(old, new)| old == new).count()
}

/// The longest ascending list of elements that occur once in both: (place in old, place in new).
fn anchors(old: &[u32], new: &[u32], kinds: u32) -> Vec<(usize, usize)> {
    const NEVER: usize = usize::MAX;
    const OFTEN: usize = usize::MAX - 1;
    let places = |sequence: &[u32]| {
        let mut places = vec![NEVER; kinds as usize];
        for (at, kind) in sequence.iter().enumerate() {
            let place = &mut places[*kind as usize];
            *place = if *place == NEVER { at } else { OFTEN };
        }
        places
    };
    let (in_old, in_new) = (places(old), places(new));
    let once = |at: &usize| *at < OFTEN;
    let pairs: Vec<(usize, usize)> = old
        .iter()
        .map(|kind| (in_old[*kind as usize], in_new[*kind as usize]))
        .filter(|(old, new)| once(old) && once(new))
        .collect();
    // The longest ascending subsequence of the places in new; `tails[n]` ends the best one of n + 1 pairs.
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, (_, new)) in pairs.iter().enumerate() {
        let length = tails.partition_point(|tail| pairs[*tail].1 < *new);
        before.push(length.checked_sub(1).map(|shorter| tails[shorter]));
        match tails.get_mut(length) {
            Some(tail) => *tail = index,
            None => tails.push(index),
        }
    }
    let mut chain: Vec<(usize, usize)> =
        std::iter::successors(tails.last().copied(), |at| before[*at]).map(|at| pairs[at]).collect();
    chain.reverse();
    chain
}

/// Myers' greedy algorithm from (`old_at`, `new_at`) to the ends, in windows.
fn between(old: &[u32], new: &[u32], old_at: usize, new_at: usize, window: usize, runs: &mut Vec<Run>) {
    let (mut old_at, mut new_at) = (old_at, new_at);
    while old_at < old.len() && new_at < new.len() {
        let mut found = way(&old[old_at..], &new[new_at..], window);
        for run in found.runs.drain(..) {
            runs.push(Run { old: old_at + run.old, new: new_at + run.new, ..run });
        }
        old_at += found.old;
        new_at += found.new;
    }
}

/// A way through the start of two sequences: how far it came in both, and the runs on it.
struct Way {
    old: usize,
    new: usize,
    runs: Vec<Run>,
}

/// The furthest point of each diagonal (`old - new`) after some number of differences.
struct Front {
    /// Lowest diagonal; the others follow in steps of 2.
    low: isize,
    /// Place in old; `None` where the diagonal lies outside.
    reach: Vec<Option<usize>>,
}

impl Front {
    fn get(&self, diagonal: isize) -> Option<usize> {
        let step = usize::try_from(diagonal - self.low).ok()?;
        self.reach.get(step / 2).copied().flatten()
    }
}

/// The shortest way to the ends, or the furthest one of `window` differences.
fn way(old: &[u32], new: &[u32], window: usize) -> Way {
    let slide = |at: usize, diagonal: isize| at + shared(old[at..].iter(), new[other(at, diagonal)..].iter());
    let mut fronts = vec![Front { low: 0, reach: vec![Some(slide(0, 0))] }];
    loop {
        let differences = fronts.len() - 1;
        let front = &fronts[differences];
        let diagonals = || (0..=differences).map(|step| front.low + 2 * step as isize);
        let ends = |diagonal: &isize| front.get(*diagonal).map(|at| at + other(at, *diagonal));
        let furthest = diagonals().filter_map(|diagonal| Some((ends(&diagonal)?, diagonal))).max();
        let (end, diagonal) = furthest.unwrap_or((0, 0));
        if end == old.len() + new.len() || differences == window {
            return way_back(&fronts, diagonal, old.len(), new.len());
        }
        let low = -(differences as isize) - 1;
        let reach = (0..=differences + 1).map(|step| low + 2 * step as isize);
        let reach = reach.map(|diagonal| Some(slide(step(front, diagonal, old.len(), new.len())?.0, diagonal)));
        let next = Front { low, reach: reach.collect() };
        fronts.push(next);
    }
}

/// One difference further on a diagonal: the place in old, and the diagonal it came from.
fn step(front: &Front, diagonal: isize, old_len: usize, new_len: usize) -> Option<(usize, isize)> {
    let inserted = front.get(diagonal + 1).filter(|at| *at as isize - diagonal <= new_len as isize);
    let deleted = front.get(diagonal - 1).map(|at| at + 1).filter(|at| *at <= old_len);
    let inserted = inserted.map(|at| (at, diagonal + 1));
    let deleted = deleted.map(|at| (at, diagonal - 1));
    // Deletions first where both come equally far, as diffs are read.
    inserted.filter(|(at, _)| deleted.is_none_or(|(deleted, _)| *at > deleted)).or(deleted)
}

/// The way to the furthest point of `diagonal` on the last front.
fn way_back(fronts: &[Front], diagonal: isize, old_len: usize, new_len: usize) -> Way {
    let mut diagonal = diagonal;
    let mut runs = Vec::new();
    let end = fronts.last().and_then(|front| front.get(diagonal)).unwrap_or(0);
    let (way_old, way_new) = (end, other(end, diagonal));
    let mut end = end;
    for differences in (0..fronts.len()).rev() {
        let (start, from) = match differences.checked_sub(1) {
            None => (0, 0),
            Some(before) => match step(&fronts[before], diagonal, old_len, new_len) {
                Some(came) => came,
                None => break,
            },
        };
        if end > start {
            runs.push(Run { old: start, new: other(start, diagonal), len: end - start });
        }
        diagonal = from;
        end = differences.checked_sub(1).and_then(|before| fronts[before].get(diagonal)).unwrap_or(0);
    }
    runs.reverse();
    Way { old: way_old, new: way_new, runs }
}

/// The place in new that lies on a diagonal with a place in old.
fn other(at: usize, diagonal: isize) -> usize {
    usize::try_from(at as isize - diagonal).unwrap_or(0)
}

#[cfg(test)]
mod tests;
