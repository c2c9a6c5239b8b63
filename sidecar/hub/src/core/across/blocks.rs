//! The longest blocks of lines that stand in two places.
//!
//! Absent on purpose: which lines may be the same, and what it tells that they are.

use std::collections::{HashMap, HashSet};
use std::ops::Range as Bytes;

use crate::core::moved::{At, Loose};
use crate::ledger::TELLING;

/// Letters and digits of a block that is known again where it comes back, at least.
const LETTERS: usize = 30;
/// Lines of it that tell something, at least: a single one anybody may need again.
const LINES: usize = 2;
/// A line that was taken out at more places than this is anybody's.
const PLACES: usize = 8;

#[cfg(test)]
thread_local! {
    /// Lines that were looked at to find blocks.
    pub(in crate::core) static COMPARED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Lines that follow each other in both texts: from which source, which of its lines, and which of those that were put in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub source: usize,
    pub gone: Bytes<usize>,
    pub put: Bytes<usize>,
}

/// How many lines, from these on, follow each other in both, each of them once. `is_free`: whether a line of `put`, and one
/// of `gone`, is in no block.
fn common_len(put: &[Loose], gone: &[Loose], is_free: impl Fn(&Loose, &Loose) -> bool) -> usize {
    // Of the lines at one place.
    let mut runs = [0, 0];
    let mut is_next = |k: usize| {
        let (Some(new), Some(old)) = (put.get(k), gone.get(k)) else { return false };
        let both = [(put, new), (gone, old)];
        let follows = |(lines, line): &(&[Loose], &Loose)| k == 0 || lines[k - 1].at.bytes.end == line.at.bytes.start;
        for (run, (lines, line)) in runs.iter_mut().zip(&both) {
            *run = if k > 0 && lines[k - 1].place == line.place { *run + 1 } else { 1 };
            if *run > line.place.len() {
                return false;
            }
        }
        let is_like = old.at.hash == new.at.hash && old.at.bytes.len() == new.at.bytes.len();
        is_like && both.iter().all(follows) && is_free(new, old)
    };
    (0..).take_while(|k| is_next(*k)).count()
}

/// The longest blocks of `put` that stand in one of the sources. `may_be`: whether a line of `put` may be that one of a source.
/// A block that stands in several, of which `agree` says that they are not one, is nobody's.
pub(super) fn blocks(
    put: &[Loose],
    letters: impl Fn(&At) -> usize,
    sources: &[&[Loose]],
    may_be: impl Fn(&Loose, usize, &Loose) -> bool,
    agree: impl Fn(&Block, &Block) -> bool,
) -> Vec<Block> {
    #[cfg(test)]
    COMPARED.set(COMPARED.get() + put.len() + sources.iter().map(|lines| lines.len()).sum::<usize>());
    let mut places: HashMap<u64, Vec<(usize, usize)>> = HashMap::new();
    for (source, lines) in sources.iter().enumerate() {
        for (at, line) in lines.iter().enumerate() {
            places.entry(line.at.hash).or_default().push((source, at));
        }
    }
    let mut used: HashSet<(usize, usize)> = HashSet::new();
    let mut known: HashSet<usize> = HashSet::new();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < put.len() {
        // The lines above those of a place may be the first ones, too.
        let above = put[at..].iter().take_while(|line| line.stood.is_some() && line.place == put[at].place).count();
        let mut best: Vec<Block> = Vec::new();
        for start in (at..=(at + above).min(put.len() - 1)).rev() {
            let telling = letters(&put[start].at) >= TELLING;
            let is_rare = |places: &&Vec<(usize, usize)>| {
                places.iter().filter(|(source, at)| sources[*source][*at].stood.is_none()).count() <= PLACES
            };
            let starts = places.get(&put[start].at.hash).filter(|_| telling).filter(is_rare);
            let mut longest: Vec<Block> = Vec::new();
            for &(source, first) in starts.into_iter().flatten() {
                let is_free = |new: &Loose, old: &Loose| {
                    !known.contains(&new.number) && !used.contains(&(source, old.number)) && may_be(new, source, old)
                };
                let len = common_len(&put[start..], &sources[source][first..], is_free);
                let block = Block { source, gone: first..first + len, put: start..start + len };
                match longest.first().map_or(0, |longest| longest.put.len()).cmp(&len) {
                    std::cmp::Ordering::Less => longest = vec![block],
                    std::cmp::Ordering::Equal if len > 0 => longest.push(block),
                    _ => {}
                }
            }
            if longest.first().map(|block| block.put.len()) > best.first().map(|block| block.put.len()) {
                best = longest;
            }
        }
        let lines = || best.iter().take(1).flat_map(|block| &put[block.put.clone()]).map(|line| letters(&line.at));
        if lines().sum::<usize>() < LETTERS || lines().filter(|letters| *letters >= TELLING).count() < LINES {
            at += 1;
            continue;
        }
        at = best[0].put.end;
        if best.iter().all(|other| agree(&best[0], other)) {
            let block = best.swap_remove(0);
            let numbers = sources[block.source][block.gone.clone()].iter().map(|line| line.number);
            used.extend(numbers.map(|number| (block.source, number)));
            known.extend(put[block.put.clone()].iter().map(|line| line.number));
            found.push(block);
        }
    }
    found
}
