//! The files from which lines may be copied, and where in them the lines stand.
//!
//! Absent on purpose: whose they are.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use codi2_attribution::Rung;
use codi2_protocol::{Actor, Digest, FileId};
use codi2_text::OwnerTree;

use super::TEXT_BYTES;
use super::lines::Line;
use crate::book::{Book, OwnerRef};
use crate::core::Core;
use crate::core::across::{LETTERS, LINES};
use crate::core::decoded::decode_text;
use crate::known::Content;
use crate::ledger::DiskFile;
use crate::ports::Ports;
use crate::recent::Recent;

/// Texts whose lines are remembered.
const TEXTS: usize = 512;
/// Lines of a text that is remembered, at most.
const REMEMBERED: usize = 8_192;
/// Files that one search finds, at most.
const SOURCES: usize = 64;
/// Places of a line that are looked at, at most: one with more is anybody's.
const PLACES: usize = 64;
/// For so many new files is looked within so long (ms), in so many bytes of texts, those of the nearest files first: the core
/// stands meanwhile.
const SEARCHES: usize = 64;
const BYTES: usize = 16 << 20;
const WITHIN_MS: u64 = 10_000;
/// What passing a file over costs of that: as much as so many bytes of a text.
const PASSED: usize = 64;

/// What searches leave behind, so that the next one costs less.
pub(in crate::core) struct Looked {
    /// Hashes of the lines that tell, by their text's bytes.
    lines: Recent<Digest, Box<[u64]>>,
    /// How many searches and bytes are left, since when (ms).
    searches: usize,
    bytes: usize,
    since_ms: u64,
}

impl Default for Looked {
    fn default() -> Self {
        Self { lines: Recent::new(TEXTS), searches: SEARCHES, bytes: BYTES, since_ms: 0 }
    }
}

impl Looked {
    /// Whether one more search is not too many.
    fn may_search(&mut self, now: u64) -> bool {
        if now < self.since_ms || now - self.since_ms >= WITHIN_MS {
            (self.searches, self.bytes, self.since_ms) = (SEARCHES, BYTES, now);
        }
        let left = self.searches.checked_sub(1);
        self.searches = left.unwrap_or(0);
        left.is_some()
    }

    /// Whether so many more bytes may be looked at.
    fn may_read(&mut self, bytes: usize) -> bool {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.unwrap_or(0);
        left.is_some()
    }

    /// Whether a text is known to have none of these lines.
    fn has_none(&self, text: Digest, of: &HashSet<u64>) -> bool {
        self.lines.get(&text).is_some_and(|lines| !lines.iter().any(|line| of.contains(line)))
    }

    fn remember(&mut self, text: Digest, lines: &[Line]) {
        let telling: Box<[u64]> = lines.iter().filter(|line| line.tells()).map(|line| line.hash).collect();
        if telling.len() <= REMEMBERED {
            self.lines.put(text, telling);
        }
    }
}

/// A file that has some of the lines.
pub(super) struct Source {
    pub path: String,
    pub lines: Vec<Line>,
    pub owners: OwnerTree<OwnerRef>,
}

/// Lines that follow each other in a text as they do in others.
pub(super) struct Run {
    /// The first of them.
    pub at: usize,
    pub len: usize,
    /// Where they stand: in which source, from which line on.
    pub places: Vec<(usize, usize)>,
}

/// Whether lines are so many, and say so much, that nobody writes them again by chance.
fn is_known_again<'a>(lines: impl Iterator<Item = &'a Line>) -> bool {
    let mut seen = HashSet::new();
    let lines: Vec<&Line> = lines.filter(|line| line.tells() && seen.insert(line.hash)).collect();
    lines.len() >= LINES && lines.iter().map(|line| line.letters).sum::<usize>() >= LETTERS
}

/// How many lines tell, of those whose hash is among these.
fn telling(lines: &[Line], of: &HashSet<u64>) -> usize {
    lines.iter().filter(|line| line.tells() && of.contains(&line.hash)).count()
}

fn hashes(lines: &[Line]) -> HashSet<u64> {
    lines.iter().filter(|line| line.tells()).map(|line| line.hash).collect()
}

/// By whose command the file was made, and when, at the latest (ms since the Unix epoch).
#[derive(Clone, Copy)]
pub(super) struct Made<'a> {
    pub by: &'a Actor,
    pub begun_ms: u64,
}

/// Whether these are owners of what the agent, or somebody, may have written: another file that its command made has them.
fn is_open(book: &Book, owners: &[(usize, OwnerRef)], agent: &Actor) -> bool {
    let mut verdicts = owners.iter().map(|(_, owner)| &book.owner(*owner).verdict);
    verdicts.any(|verdict| match Rung::of(verdict) {
        Rung::Candidates => true,
        Rung::OnlyCall => verdict.origin == *agent,
        _ => false,
    })
}

/// How many folders two paths share.
fn nearness(one: &str, other: &str) -> usize {
    one.split('/').zip(other.split('/')).take_while(|(one, other)| one == other).count()
}

impl Core {
    /// The files that have so many of these lines that they were copied: most of the lines stand in such files, or most of the
    /// file's own among these.
    pub(super) fn sources(
        &mut self,
        file: &FileId,
        lines: &[Line],
        made: Made<'_>,
        now: u64,
        ports: &mut dyn Ports,
    ) -> Vec<Source> {
        if !is_known_again(lines.iter()) || !self.looked.may_search(now) {
            return Vec::new();
        }
        let own = hashes(lines);
        let mut sources = self.alike(file, &own, made, ports);
        let found: HashSet<u64> = sources.iter().flat_map(|source| hashes(&source.lines)).collect();
        let is_mostly = |lines: &[Line], of: &HashSet<u64>| {
            2 * telling(lines, of) > lines.iter().filter(|line| line.tells()).count()
        };
        if !is_mostly(lines, &found) {
            sources.retain(|source| is_mostly(&source.lines, &own));
        }
        sources
    }

    /// The files of the worktree that have lines of these, the nearest first.
    fn alike(&mut self, file: &FileId, of: &HashSet<u64>, made: Made<'_>, ports: &mut dyn Ports) -> Vec<Source> {
        let Self { ledger, looked, open, .. } = self;
        let first = FileId { worktree: file.worktree.clone(), path: String::new() };
        let beside = ledger.disk.range(first..).take_while(|(other, _)| other.worktree == file.worktree);
        let beside = beside.filter_map(|(other, on_disk)| Some((other, on_disk.as_ref()?)));
        let may_be = |(other, on_disk): &(&FileId, &DiskFile)| {
            *other != file && on_disk.size <= TEXT_BYTES as u64 && !looked.has_none(on_disk.bytes, of)
        };
        let mut files: Vec<(&FileId, &DiskFile)> = beside.filter(may_be).collect();
        let mut sources = Vec::new();
        if !looked.may_read(files.len() * PASSED) {
            return sources;
        }
        files.sort_by_cached_key(|(other, _)| Reverse(nearness(&file.path, &other.path)));
        for (other, on_disk) in files {
            // What changed since then may have been taken from the new file.
            let is_later = open.on(other).next_back().is_some_and(|change| change.to.ms > made.begun_ms);
            if is_later || ports.is_private(other) {
                continue;
            }
            if !looked.may_read(on_disk.size as usize) {
                break;
            }
            let text = match &on_disk.known.content {
                Content::Text(text) => Some(text.clone()),
                Content::Lines(_) | Content::Forgotten if on_disk.blob.is_none() => None,
                Content::Lines(_) | Content::Forgotten => {
                    ports.blob(other, on_disk.blob, on_disk.bytes).and_then(|bytes| decode_text(&bytes))
                }
            };
            let Some(text) = text.filter(|text| text.len_bytes() == on_disk.known.owners.len()) else { continue };
            let (mut lines, owners) = (Line::all(&text.to_string(), ledger.secret()), on_disk.known.owners.clone());
            looked.remember(on_disk.bytes, &lines);
            for line in lines.iter_mut().filter(|line| of.contains(&line.hash)) {
                line.is_open = is_open(&ledger.book, &owners.spans(line.bytes.clone()), made.by);
            }
            if is_known_again(lines.iter().filter(|line| of.contains(&line.hash))) {
                sources.push(Source { path: other.path.clone(), lines, owners });
            }
            if sources.len() == SOURCES {
                break;
            }
        }
        sources
    }
}

/// The longest runs of these lines that stand in the sources, each line in one of them.
pub(super) fn runs(lines: &[Line], sources: &[Source]) -> Vec<Run> {
    let mut places: HashMap<u64, Vec<(usize, usize)>> = HashMap::new();
    for (number, source) in sources.iter().enumerate() {
        for (at, line) in source.lines.iter().enumerate().filter(|(_, line)| line.tells()) {
            places.entry(line.hash).or_default().push((number, at));
        }
    }
    let (mut runs, mut at, mut free) = (Vec::new(), 0, 0);
    while at < lines.len() {
        let here = places.get(&lines[at].hash).filter(|here| here.len() <= PLACES);
        let len = |(source, first): &(usize, usize)| {
            let pairs = lines[at..].iter().zip(&sources[*source].lines[*first..]);
            pairs.take_while(|(one, other)| one.hash == other.hash && !other.is_open).count()
        };
        let longest = here.into_iter().flatten().map(len).max().unwrap_or(0);
        if longest == 0 {
            at += 1;
            continue;
        }
        let ones: Vec<(usize, usize)> =
            here.into_iter().flatten().filter(|place| len(place) == longest).copied().collect();
        // Lines that tell nothing by themselves stand above them there, too.
        let is_above = |by: &usize| {
            ones.iter().all(|(source, first)| {
                let above = first.checked_sub(*by).map(|above| &sources[*source].lines[above]);
                above.is_some_and(|above| above.hash == lines[at - by].hash && !above.is_open)
            })
        };
        let above = (1..=at - free).take_while(is_above).count();
        let places = ones.into_iter().map(|(source, first)| (source, first - above)).collect();
        runs.push(Run { at: at - above, len: above + longest, places });
        at += longest;
        free = at;
    }
    runs
}
