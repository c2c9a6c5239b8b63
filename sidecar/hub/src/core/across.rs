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
use super::kept::Kept;
use super::moved::{At, Loose, Moved, Shifted, shifted};
use crate::book::OwnerRef;
use crate::known::{Known, lines_of};
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
    /// What is gone.
    gone: Vec<Loose>,
    /// The numbers of it that a change put elsewhere; and whether that is for certain, or what it put in before, by another
    /// call, may as well be a copy.
    taken: HashMap<usize, bool>,
    put: Vec<Loose>,
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
        (self.gone.len() + self.put.len()) * size_of::<Loose>()
            + self.taken.len() * size_of::<(usize, bool)>()
            + hashes
            + found
    }

    /// What a change with this ruling took out and put in; absent where it is not for certain one agent's, nor nobody's who
    /// announces anything.
    pub fn of(file: &FileId, kept: &Kept, ruling: &DiskRuling, secret: &[u8; 32]) -> Option<Self> {
        let (verdict, is_new) = match ruling {
            DiskRuling::All(verdict) => (verdict, true),
            // What stands there again is whose it was; what is gone its agent took out all the same.
            DiskRuling::CarryAll { fresh, .. } => (fresh, false),
            // One agent's but for what it did not say that it puts in.
            DiskRuling::Parts { claimed, .. } => {
                let (_, first) = claimed.first()?;
                claimed.iter().all(|(_, verdict)| verdict == first).then_some((first, true))?
            }
            DiskRuling::Echo { .. } => return None,
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
        shifted.put.retain(|line| is_new && is_claimed(ruling, &line.at));
        let Shifted { gone, put, .. } = shifted;
        let telling = put.iter().filter(|line| letters_of(after, &line.at) >= TELLING);
        let hashes = [gone.iter().map(|line| line.at.hash).collect(), telling.map(|line| line.at.hash).collect()];
        let (file, by, taken, found) = (file.clone(), verdict.origin.clone(), HashMap::new(), Vec::new());
        Some(Self { file, by, gone, taken, put, hashes, found })
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

    /// The numbers of what was put in and is known to be moved.
    fn known(&self) -> HashSet<usize> {
        let found: HashSet<usize> = self.found.iter().map(|(bytes, _)| bytes.start).collect();
        self.put.iter().filter(|line| found.contains(&line.at.bytes.start)).map(|line| line.number).collect()
    }

    /// Whether these lines are all that tells something of what was taken out at their place. `letters`: of a line.
    fn is_whole(&self, lines: &Bytes<usize>, letters: impl Fn(&At) -> usize) -> bool {
        let numbers: HashSet<usize> = self.gone[lines.clone()].iter().map(|line| line.number).collect();
        let (place, last) = (&self.gone[lines.start].place, &self.gone[lines.end - 1].place);
        let first = (0..lines.start).rev().take_while(|at| self.gone[*at].place == *place).last();
        let end = (lines.end..self.gone.len()).take_while(|at| self.gone[*at].place == *last).last();
        let all = first.unwrap_or(lines.start)..end.map_or(lines.end, |last| last + 1);
        self.gone[all].iter().all(|line| numbers.contains(&line.number) || letters(&line.at) < TELLING)
    }
}

/// Lines that follow each other in both texts: from which source, which of its lines, and which of those that were put in.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    source: usize,
    gone: Bytes<usize>,
    put: Bytes<usize>,
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
fn blocks(
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

/// Whether a line that a change put in is its agent's, and not of what that did not say.
fn is_claimed(ruling: &DiskRuling, line: &At) -> bool {
    let DiskRuling::Parts { claimed, .. } = ruling else { return true };
    let is_in = |range: &Bytes<u64>| range.start <= line.bytes.start as u64 && line.bytes.end as u64 <= range.end;
    claimed.iter().any(|(range, _)| is_in(range))
}

fn letters_of(text: &Text, line: &At) -> usize {
    text.slice(line.bytes.clone()).chars().filter(|one| one.is_alphanumeric()).count()
}

/// The lines that may as well have been put in as this one of `put`, with the owners that they have since it was this one:
/// they stood there before.
fn standing(put: &[Loose], this: usize, before: Option<&Known>) -> Vec<Moved> {
    let (line, len) = (&put[this], put[this].place.len());
    let others = [this.checked_sub(len), Some(this + len)].into_iter().flatten().filter_map(|at| put.get(at));
    let others = others.filter(|other| other.number == line.number);
    let stood = others.filter_map(|other| {
        let stood = other.stood.as_ref().or(line.stood.as_ref())?;
        Some((other.at.bytes.clone(), before?.owners.spans(stood.clone())))
    });
    stood.collect()
}

/// Who is told to have moved lines.
fn mover(by: &Actor) -> String {
    if by.kind == ActorKind::External { "somebody who announced nothing".to_owned() } else { by.to_string() }
}

/// A block that was moved: from which change, which of its lines, and what they are where they were put in.
struct Found {
    source: EventId,
    /// Whether it is for certain that it is this place where they went.
    is_certain: bool,
    /// Their numbers there.
    gone: Vec<usize>,
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
        for Found { source, is_certain, gone, path, lines } in found {
            let source = self.kept.get_mut(&source).and_then(|source| source.parted.as_mut());
            source.into_iter().for_each(|source| source.taken.extend(gone.iter().map(|number| (*number, is_certain))));
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
        let lines: Vec<_> = sources.iter().map(|(_, source)| &source.gone[..]).collect();
        // What a change of a file put in and a later one took out again has gone with that one: only what still stands was left.
        let left = |(other, source): &(&Kept, &Parted)| {
            let lines = |text: &Text| lines_of(text, self.ledger.secret()).iter().map(|line| line.hash).collect();
            let is_later = source.file == parted.file && other.number > kept.number;
            is_later.then(|| other.after.as_ref().map_or_else(HashSet::new, lines))
        };
        let left: Vec<Option<HashSet<u64>>> = sources.iter().map(left).collect();
        let known = parted.known();
        let may_be = |new: &Loose, source: usize, old: &Loose| {
            let (other, from) = sources[source];
            let taken = from.taken.get(&old.number);
            let is_taken = taken.is_some_and(|is_certain| *is_certain || other.number > kept.number);
            let is_left = left[source].as_ref().is_none_or(|left| left.contains(&new.at.hash));
            !is_taken && is_left && !known.contains(&new.number)
        };
        let owners = |source: usize, line: usize| -> Vec<(usize, OwnerRef)> {
            let (kept, parted) = sources[source];
            let bytes = parted.gone[line].at.bytes.clone();
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
        let put = &parted.put;
        let letters = |line: &At| letters_of(after, line);
        let mut found = blocks(put, letters, &lines, may_be, |one, other| authors(one) == authors(other));
        // Two calls may each write what is the same in many files, as the head of a licence is, and take it away with more.
        // One call that takes out and puts in says by itself that it moves.
        let calls = self.calls_at(kept, parted, &parted.by);
        let is_one_call = |source: usize| {
            let (kept, source) = sources[source];
            !self.calls_at(kept, source, &parted.by).is_disjoint(&calls)
        };
        found.retain(|block| {
            let (kept, source) = sources[block.source];
            let text = kept.before.as_ref().and_then(Known::text);
            let letters = |line: &At| text.map_or(line.bytes.len(), |text| letters_of(text, line));
            source.file == parted.file || source.is_whole(&block.gone, letters) || is_one_call(block.source)
        });
        let told = |block: Block| {
            let (other, source) = sources[block.source];
            let is_certain = other.number < kept.number || is_one_call(block.source);
            let mut lines = Vec::new();
            for (new, was) in block.put.clone().zip(block.gone.clone()) {
                if is_telling(&after.slice(put[new].at.bytes.clone())) {
                    lines.push((put[new].at.bytes.clone(), owners(block.source, was)));
                    lines.extend(standing(put, new, kept.before.as_ref()));
                }
            }
            let gone = source.gone[block.gone].iter().map(|line| line.number).collect();
            Found { source: from[block.source].1, is_certain, gone, path: source.file.path.clone(), lines }
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
