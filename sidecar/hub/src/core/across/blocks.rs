//! The longest blocks of lines that stand in two places.
//!
//! Absent on purpose: which lines may be the same, and what it tells that they are.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::ops::Range as Bytes;

use crate::core::moved::{At, Loose};
use crate::ledger::TELLING;

/// Letters and digits of a block that is known again where it comes back, at least.
pub(in crate::core) const LETTERS: usize = 30;
/// Lines of it that tell something, at least: a single one anybody may need again.
pub(in crate::core) const LINES: usize = 2;
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

/// The longest blocks of `put` that stand in one of the sources. `letters`: of a line of `put`. `may_be`: whether such a line
/// may be that one of a source. A block that stands in several, of which `agree` says that they are not one, is nobody's.
pub(super) fn blocks(
    put: &[Loose],
    letters: impl Fn(&At) -> usize,
    sources: &[&[Loose]],
    may_be: impl Fn(&Loose, usize, &Loose) -> bool,
    agree: impl Fn(&Block, &Block) -> bool,
) -> Vec<Block> {
    let mut search = Search::new(put, letters, sources, may_be);
    let (mut found, mut at) = (Vec::new(), 0);
    while at < put.len() {
        let mut longest = search.longest_near(at);
        let Some(first) = longest.first().filter(|block| search.is_known_again(block)) else {
            at += 1;
            continue;
        };
        at = first.put.end;
        if longest.iter().all(|other| agree(first, other)) {
            let block = longest.swap_remove(0);
            search.take(&block);
            found.push(block);
        }
    }
    found
}

/// A search for blocks, from the first line that was put in to the last.
struct Search<'a, L, M> {
    put: &'a [Loose],
    letters: L,
    sources: &'a [&'a [Loose]],
    may_be: M,
    /// Where lines stand in the sources, by their hashes.
    places: HashMap<u64, Vec<(usize, usize)>>,
    /// The numbers of lines that are in a block: of sources, and of those that were put in.
    taken: HashSet<(usize, usize)>,
    known: HashSet<usize>,
}

impl<'a, L: Fn(&At) -> usize, M: Fn(&Loose, usize, &Loose) -> bool> Search<'a, L, M> {
    fn new(put: &'a [Loose], letters: L, sources: &'a [&'a [Loose]], may_be: M) -> Self {
        #[cfg(test)]
        COMPARED.set(COMPARED.get() + put.len() + sources.iter().map(|lines| lines.len()).sum::<usize>());
        let mut places: HashMap<u64, Vec<(usize, usize)>> = HashMap::new();
        for (source, lines) in sources.iter().enumerate() {
            for (at, line) in lines.iter().enumerate() {
                places.entry(line.at.hash).or_default().push((source, at));
            }
        }
        Self { put, letters, sources, may_be, places, taken: HashSet::new(), known: HashSet::new() }
    }

    /// The longest blocks that begin with a line, all of one length: or with one below it, where those above that one may as
    /// well be it.
    fn longest_near(&self, at: usize) -> Vec<Block> {
        let is_above = |line: &&Loose| line.stood.is_some() && line.place == self.put[at].place;
        let above = self.put[at..].iter().take_while(is_above).count();
        let mut longest = Vec::new();
        for start in (at..=(at + above).min(self.put.len() - 1)).rev() {
            let blocks = self.longest_from(start);
            if length(&blocks) > length(&longest) {
                longest = blocks;
            }
        }
        longest
    }

    /// The longest blocks whose first line is this one.
    fn longest_from(&self, start: usize) -> Vec<Block> {
        let mut longest: Vec<Block> = Vec::new();
        for &(source, first) in self.starts(start) {
            let is_free = |new: &Loose, old: &Loose| {
                let is_taken = self.known.contains(&new.number) || self.taken.contains(&(source, old.number));
                !is_taken && (self.may_be)(new, source, old)
            };
            let len = common_len(&self.put[start..], &self.sources[source][first..], is_free);
            let block = Block { source, gone: first..first + len, put: start..start + len };
            match length(&longest).cmp(&len) {
                Ordering::Less => longest = vec![block],
                Ordering::Equal if len > 0 => longest.push(block),
                _ => {}
            }
        }
        longest
    }

    /// Where a block may begin that begins with this line: it tells, and was not taken out at many places.
    fn starts(&self, line: usize) -> &[(usize, usize)] {
        let line = &self.put[line].at;
        let places = self.places.get(&line.hash).filter(|_| (self.letters)(line) >= TELLING);
        let is_own = |(source, at): &&(usize, usize)| self.sources[*source][*at].stood.is_none();
        let is_rare = |places: &&Vec<(usize, usize)>| places.iter().filter(is_own).count() <= PLACES;
        places.filter(is_rare).map_or(&[], Vec::as_slice)
    }

    /// Whether a block is long enough, and tells enough, to be known again.
    fn is_known_again(&self, block: &Block) -> bool {
        let lines = || self.put[block.put.clone()].iter().map(|line| (self.letters)(&line.at));
        lines().sum::<usize>() >= LETTERS && lines().filter(|letters| *letters >= TELLING).count() >= LINES
    }

    /// The lines of a block are in no other one.
    fn take(&mut self, block: &Block) {
        let gone = &self.sources[block.source][block.gone.clone()];
        self.taken.extend(gone.iter().map(|line| (block.source, line.number)));
        self.known.extend(self.put[block.put.clone()].iter().map(|line| line.number));
    }
}

/// How many lines these blocks have, each of them.
fn length(blocks: &[Block]) -> usize {
    blocks.first().map_or(0, |block| block.put.len())
}
