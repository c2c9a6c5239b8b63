//! Blocks that an agent, or somebody who announces nothing, takes out of one place and puts into another with two changes, of
//! one file or of two: whoever moves them is not who wrote them (ADR 0074, 0140). The change that takes out may be seen before
//! the one that puts in, or after.
//!
//! What is found when the second half comes stays with the change that put it in; nobody looks again.
//!
//! Absent on purpose: lines that one change moves inside its file (`moved`), what git took away, and blocks so short that
//! anybody may write them again.

use std::collections::{HashMap, HashSet};
use std::ops::Range as Bytes;

use codi2_attribution::{DiskRuling, Rung, window};
use codi2_protocol::{Actor, ActorKind, EventId, Evidence, EvidenceKind, FileId};
use codi2_text::Text;

use super::Core;
use super::late::Kept;
use super::moved::{At, Moved, shifted};
use crate::book::OwnerRef;
use crate::known::Known;
use crate::ledger::{TELLING, is_telling};
use crate::ports::Ports;

/// Letters and digits of a block that is known again where it comes back, at least.
const LETTERS: usize = 30;
/// Lines of it that tell something, at least: a single one anybody may need again.
const LINES: usize = 2;
/// A line that was taken out at more places than this is anybody's.
const PLACES: usize = 8;
/// Lines of longer texts are not compared (bytes).
const TEXT_BYTES: usize = 1 << 20;

#[cfg(test)]
thread_local! {
    /// Lines that were looked at to find blocks.
    pub(super) static COMPARED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The lines that somebody took out of a file and put in.
#[derive(Debug)]
pub(super) struct Parted {
    /// The file.
    pub file: FileId,
    /// Who did: an agent, or external.
    by: Actor,
    /// What is gone, and whether a change put it elsewhere.
    gone: Vec<(At, bool)>,
    put: Vec<At>,
    /// The hashes of what is gone, and of what is put in and telling.
    hashes: [HashSet<u64>; 2],
    /// What of it was moved here.
    pub found: Vec<Moved>,
}

impl Parted {
    /// About what it takes in memory (bytes).
    pub fn bytes(&self) -> usize {
        let hashes = self.hashes.iter().map(HashSet::len).sum::<usize>() * 2 * size_of::<u64>();
        let runs = self.found.iter().map(|(_, runs)| runs.len()).sum::<usize>() * size_of::<(usize, OwnerRef)>();
        let found = self.found.len() * size_of::<Moved>() + runs;
        self.gone.len() * size_of::<(At, bool)>() + self.put.len() * size_of::<At>() + hashes + found
    }

    /// What a change with this ruling took out and put in; absent where it is not for certain one agent's, nor nobody's who
    /// announces anything.
    pub fn of(file: &FileId, kept: &Kept, ruling: &DiskRuling, secret: &[u8; 32]) -> Option<Self> {
        let (verdict, is_new) = match ruling {
            DiskRuling::All(verdict) => (verdict, true),
            // What stands there again is whose it was; what is gone its agent took out all the same.
            DiskRuling::CarryAll { fresh, .. } => (fresh, false),
            DiskRuling::Echo { .. } | DiskRuling::Parts { .. } => return None,
        };
        let may_be_half = match verdict.origin.kind {
            ActorKind::Agent | ActorKind::Orchestrator => {
                matches!(Rung::of(verdict), Rung::IntentExact | Rung::OnlyCall)
            }
            // Git announces itself by what it knows.
            ActorKind::External => Rung::of(verdict) == Rung::Unexplained && ruling.rung() != Rung::Git,
            _ => false,
        };
        if !may_be_half {
            return None;
        }
        let (nothing, empty) = (Known::nothing(), Text::new(""));
        let (before, after) = (kept.before.as_ref().unwrap_or(&nothing), kept.after.as_ref());
        let after = after.or_else(|| kept.after_bytes.is_none().then_some(&empty))?;
        if before.owners.len().max(after.len_bytes()) > TEXT_BYTES {
            return None;
        }
        let mut shifted = shifted(before, after, secret)?;
        shifted.put.retain(|_| is_new);
        let telling = shifted.put.iter().filter(|line| letters_of(after, line) >= TELLING);
        let hashes = [shifted.gone.iter().map(|line| line.hash).collect(), telling.map(|line| line.hash).collect()];
        let gone = shifted.gone.into_iter().map(|line| (line, false)).collect();
        let by = verdict.origin.clone();
        Some(Self { file: file.clone(), by, gone, put: shifted.put, hashes, found: Vec::new() })
    }

    /// Whether this is who did it by an earlier account of the change.
    pub fn is_by(&self, earlier: &Self) -> bool {
        self.by == earlier.by
    }

    /// Whether what this change took out may have been put in by that one.
    fn may_be_source_of(&self, other: &Self) -> bool {
        let [gone, put] = [&self.hashes[0], &other.hashes[1]];
        self.file.worktree == other.file.worktree && self.by == other.by && !gone.is_disjoint(put)
    }

    /// What was put in and is not known to be moved.
    fn new_lines(&self) -> Vec<At> {
        let found: HashSet<usize> = self.found.iter().map(|(bytes, _)| bytes.start).collect();
        self.put.iter().filter(|line| !found.contains(&line.bytes.start)).cloned().collect()
    }

    /// Whether these lines are all that tells something of what was taken out at their place. `letters`: of a line.
    fn is_whole(&self, lines: &Bytes<usize>, letters: impl Fn(&At) -> usize) -> bool {
        let follows = |at: usize| self.gone[at - 1].0.bytes.end == self.gone[at].0.bytes.start;
        let first = (1..=lines.start).rev().find(|at| !follows(*at)).unwrap_or(0);
        let end = (lines.end..self.gone.len()).find(|at| !follows(*at)).unwrap_or(self.gone.len());
        (first..lines.start).chain(lines.end..end).all(|at| letters(&self.gone[at].0) < TELLING)
    }
}

/// Lines that follow each other in both texts: from which source, which of its lines, and which of those that were put in.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    source: usize,
    gone: Bytes<usize>,
    put: Bytes<usize>,
}

/// The longest blocks of `put` that stand in one of the sources, each line of which is free or a gap. A block that stands
/// in several, of which `agree` says that they are not one, is nobody's.
fn blocks(
    put: &[At],
    letters: impl Fn(&At) -> usize,
    sources: &[Vec<Option<At>>],
    agree: impl Fn(&Block, &Block) -> bool,
) -> Vec<Block> {
    #[cfg(test)]
    COMPARED.set(COMPARED.get() + put.len() + sources.iter().map(Vec::len).sum::<usize>());
    let mut places: HashMap<u64, Vec<(usize, usize)>> = HashMap::new();
    for (source, lines) in sources.iter().enumerate() {
        for (number, line) in lines.iter().enumerate() {
            places.entry(line.as_ref().map_or(0, |line| line.hash)).or_default().push((source, number));
        }
    }
    let mut used: HashSet<(usize, usize)> = HashSet::new();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < put.len() {
        let telling = letters(&put[at]) >= TELLING;
        let starts = places.get(&put[at].hash).filter(|places| telling && places.len() <= PLACES);
        let mut best: Vec<Block> = Vec::new();
        for &(source, first) in starts.into_iter().flatten() {
            let lines = &sources[source];
            let fits = |k: usize| {
                let (Some(new), Some(Some(old))) = (put.get(at + k), lines.get(first + k)) else { return false };
                let follows = |lines: [&At; 2]| lines[0].bytes.end == lines[1].bytes.start;
                let is_next = k == 0
                    || follows([&put[at + k - 1], new])
                        && lines[first + k - 1].as_ref().is_some_and(|before| follows([before, old]));
                is_next
                    && old.hash == new.hash
                    && old.bytes.len() == new.bytes.len()
                    && !used.contains(&(source, first + k))
            };
            let len = (0..).take_while(|k| fits(*k)).count();
            let block = Block { source, gone: first..first + len, put: at..at + len };
            match best.first().map_or(0, |best| best.put.len()).cmp(&len) {
                std::cmp::Ordering::Less => best = vec![block],
                std::cmp::Ordering::Equal if len > 0 => best.push(block),
                _ => {}
            }
        }
        let Some(block) = best.first() else {
            at += 1;
            continue;
        };
        let lines = || put[block.put.clone()].iter().map(&letters);
        if lines().sum::<usize>() < LETTERS || lines().filter(|letters| *letters >= TELLING).count() < LINES {
            at += 1;
            continue;
        }
        at = block.put.end;
        if best.iter().all(|other| agree(block, other)) {
            used.extend(block.gone.clone().map(|line| (block.source, line)));
            found.extend(best.into_iter().next());
        }
    }
    found
}

fn letters_of(text: &Text, line: &At) -> usize {
    text.slice(line.bytes.clone()).chars().filter(|one| one.is_alphanumeric()).count()
}

/// Who is told to have moved lines.
fn mover(by: &Actor) -> String {
    if by.kind == ActorKind::External { "somebody who announced nothing".to_owned() } else { by.to_string() }
}

/// A block that was moved: from which change, which of its lines, and what they are where they were put in.
struct Found {
    source: EventId,
    gone: Bytes<usize>,
    path: String,
    lines: Vec<Moved>,
}

impl Core {
    /// Looks among what the same one took out (`only` with one change) for the lines that a change put in. What is found, with
    /// the owners it had there and the word that it was moved, stays with the change. Whether anything was.
    pub(super) fn take_moved(&mut self, kept: &mut Kept, only: Option<EventId>) -> bool {
        let Some(mut parted) = kept.parted.take() else { return false };
        let found = kept.after.as_ref().map_or_else(Vec::new, |after| self.moved_blocks(kept, &parted, after, only));
        let is_any = !found.is_empty();
        for Found { source, gone, path, lines } in found {
            let source = self.kept.get_mut(&source).and_then(|source| source.parted.as_mut());
            source.into_iter().for_each(|source| source.gone[gone.clone()].iter_mut().for_each(|it| it.1 = true));
            let evidence =
                Evidence::new(EvidenceKind::Moved, format!("{} moved it here from {path}", mover(&parted.by)));
            for (bytes, runs) in lines {
                let told = |(len, owner)| (len, self.ledger.book.with_word(owner, &evidence));
                parted.found.push((bytes, runs.into_iter().map(told).collect()));
            }
        }
        kept.parted = Some(parted);
        is_any
    }

    fn moved_blocks(&self, kept: &Kept, parted: &Parted, after: &Text, only: Option<EventId>) -> Vec<Found> {
        let of = |(id, other): (&EventId, &Kept)| {
            let is_asked = only.is_none_or(|only| only == *id);
            is_asked && other.parted.as_ref().is_some_and(|other| other.may_be_source_of(parted))
        };
        let mut from: Vec<(u64, EventId)> =
            self.kept.iter().filter(|it| of(*it)).map(|(id, other)| (other.number, *id)).collect();
        if from.is_empty() {
            return Vec::new();
        }
        // Of two that are as good the newest.
        from.sort_unstable_by(|one, other| other.cmp(one));
        let sources: Vec<(&Kept, &Parted)> = from
            .iter()
            .filter_map(|(_, id)| self.kept.get(id))
            .filter_map(|it| Some((it, it.parted.as_ref()?)))
            .collect();
        let free = |(_, source): &(&Kept, &Parted)| {
            source.gone.iter().map(|(line, is_taken)| Some(line.clone()).filter(|_| !is_taken)).collect()
        };
        let lines: Vec<Vec<Option<At>>> = sources.iter().map(free).collect();
        let owners = |source: usize, line: usize| -> Vec<(usize, OwnerRef)> {
            let (kept, parted) = sources[source];
            let bytes = parted.gone[line].0.bytes.clone();
            kept.before.as_ref().map_or_else(Vec::new, |before| before.owners.spans(bytes))
        };
        let authors = |block: &Block| -> Vec<(usize, &Actor)> {
            let mut authors: Vec<(usize, &Actor)> = Vec::new();
            for (len, owner) in block.gone.clone().flat_map(|line| owners(block.source, line)) {
                let author = &self.ledger.book.owner(owner).verdict.origin;
                match authors.last_mut().filter(|last| last.1 == author) {
                    Some(last) => last.0 += len,
                    None => authors.push((len, author)),
                }
            }
            authors
        };
        let put = parted.new_lines();
        let mut found =
            blocks(&put, |line| letters_of(after, line), &lines, |one, other| authors(one) == authors(other));
        // Two calls may each write what is the same in many files, as the head of a licence is, and take it away with more.
        // One call that takes out and puts in says by itself that it moves.
        let calls = self.calls_at(kept, parted, &parted.by);
        found.retain(|block| {
            let (kept, source) = sources[block.source];
            let text = kept.before.as_ref().and_then(Known::text);
            let letters = |line: &At| text.map_or(line.bytes.len(), |text| letters_of(text, line));
            source.file == parted.file
                || source.is_whole(&block.gone, letters)
                || !self.calls_at(kept, source, &parted.by).is_disjoint(&calls)
        });
        let told = |block: Block| {
            let lines = put[block.put.clone()].iter().zip(block.gone.clone());
            let telling = lines.filter(|(line, _)| is_telling(&after.slice(line.bytes.clone())));
            let lines = telling.map(|(line, was)| (line.bytes.clone(), owners(block.source, was))).collect();
            let path = sources[block.source].1.file.path.clone();
            Found { source: from[block.source].1, gone: block.gone, path, lines }
        };
        found.into_iter().map(told).collect()
    }

    /// The agent's calls that were open when a change may have happened.
    fn calls_at(&self, kept: &Kept, parted: &Parted, agent: &Actor) -> HashSet<u64> {
        let (from, to) = window(kept.observed, kept.from, kept.to);
        let ended = self.calls.intents(&parted.file).into_iter();
        let ended = ended.map(|call| (call.call, call.actor, call.since, call.until));
        let open = self.calls.open_on(&parted.file).into_iter();
        let open = open.map(|call| (call.call, call.actor, Some(call.since), to));
        let its = ended.chain(open).filter(|(_, actor, since, until)| {
            actor.as_ref() == Some(agent) && since.is_some_and(|since| since <= to) && *until >= from
        });
        its.map(|(call, ..)| call).collect()
    }

    /// A change took lines out: what its agent put in before, elsewhere, may be these.
    pub(super) fn follow_moved(&mut self, event: EventId, now: u64, ports: &mut dyn Ports) {
        let Some(kept) = self.kept.get(&event) else { return };
        let Some(source) = kept.parted.as_ref() else { return };
        let calls = self.calls_at(kept, source, &source.by);
        let puts = |(id, other): (&EventId, &Kept)| {
            let parted = other.parted.as_ref().filter(|_| *id != event)?;
            // One call that takes out and puts in moves; what its agent put in by another may be a copy.
            let is_apart = || self.calls_at(other, parted, &source.by).is_disjoint(&calls);
            source.may_be_source_of(parted).then(|| (is_apart(), other.number, *id, parted.file.clone()))
        };
        let mut takers: Vec<(bool, u64, EventId, FileId)> = self.kept.iter().filter_map(puts).collect();
        takers.sort_unstable();
        for (_, _, id, file) in takers {
            let Some(change) = self.open.on(&file).find(|change| change.event == id).cloned() else { continue };
            let Some(mut kept) = self.kept.remove(&id) else { continue };
            let is_moved = self.take_moved(&mut kept, Some(event));
            if is_moved {
                self.upgrade(&file, &change, &mut kept, change.ruling.clone(), None, now, ports);
            }
            self.kept.insert(id, kept);
            if is_moved {
                self.carry_on(&file, id, ports);
            }
        }
    }
}
