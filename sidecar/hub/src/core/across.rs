//! Blocks that an agent takes out of one place and puts into another with two changes, of one file or of two: whoever
//! moves them is not who wrote them (ADR 0074). The change that takes out may be seen before the one that puts in, or after.
//!
//! Absent on purpose: lines that one change moves inside its file (`moved`), what nobody announced, and blocks so short
//! that anybody may write them again.

use std::collections::{HashMap, HashSet};
use std::ops::Range as Bytes;

use codi2_attribution::{DiskRuling, Rung};
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
/// A line that was taken out at more places than this is anybody's.
const PLACES: usize = 8;
/// Lines of longer texts are not compared (bytes).
const TEXT_BYTES: usize = 1 << 20;

/// The lines that an agent, or git, took out of a file and put in.
#[derive(Debug)]
pub(super) struct Parted {
    /// The file.
    pub file: FileId,
    /// Who did.
    by: Actor,
    /// What is gone, and the change that put it elsewhere.
    gone: Vec<(At, Option<EventId>)>,
    put: Vec<At>,
}

impl Parted {
    /// About what it takes in memory (bytes).
    pub fn bytes(&self) -> usize {
        self.gone.len() * size_of::<(At, Option<EventId>)>() + self.put.len() * size_of::<At>()
    }

    /// What a change with this ruling took out and put in; absent where it is no agent's for certain.
    pub fn of(file: &FileId, kept: &Kept, ruling: &DiskRuling, secret: &[u8; 32]) -> Option<Self> {
        let DiskRuling::All(verdict) = ruling else { return None };
        let is_removal = kept.after_bytes.is_none();
        match verdict.origin.kind {
            ActorKind::Agent | ActorKind::Orchestrator
                if matches!(Rung::of(verdict), Rung::IntentExact | Rung::OnlyCall) => {}
            // Git took the file away, perhaps because the agent told it to.
            ActorKind::Git if is_removal => {}
            _ => return None,
        }
        let (nothing, empty) = (Known::nothing(), Text::new(""));
        let (before, after) = (kept.before.as_ref().unwrap_or(&nothing), kept.after.as_ref());
        let after = after.or_else(|| is_removal.then_some(&empty))?;
        if before.owners.len().max(after.len_bytes()) > TEXT_BYTES {
            return None;
        }
        let shifted = shifted(before, after, secret)?;
        let gone = shifted.gone.into_iter().map(|line| (line, None)).collect();
        Some(Self { file: file.clone(), by: verdict.origin.clone(), gone, put: shifted.put })
    }

    /// With what was found out before, where it is the same agent's still.
    pub fn goes_on_from(self, earlier: Option<Self>) -> Self {
        earlier.filter(|earlier| earlier.by == self.by).unwrap_or(self)
    }

    /// Whether what this change took out may have been put in by that one.
    fn may_be_source_of(&self, other: &Self) -> bool {
        self.file.worktree == other.file.worktree && (self.by == other.by || self.by.kind == ActorKind::Git)
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
        if put[block.put.clone()].iter().map(&letters).sum::<usize>() < LETTERS {
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

impl Core {
    /// The lines of a change that its agent took out elsewhere, with the owners they had there and the word that they were
    /// moved. What an earlier look at this change found is looked for again.
    pub(super) fn moved_across(&mut self, kept: &Kept, event: EventId) -> Vec<Moved> {
        let (Some(parted), Some(after)) = (&kept.parted, &kept.after) else { return Vec::new() };
        self.release(event);
        let letters = |line: &At| after.slice(line.bytes.clone()).chars().filter(|one| one.is_alphanumeric()).count();
        if parted.put.is_empty() {
            return Vec::new();
        }
        let of = |other: &Kept| other.parted.as_ref().is_some_and(|other| other.may_be_source_of(parted));
        let mut from: Vec<(u64, EventId)> =
            self.kept.iter().filter(|(_, other)| of(other)).map(|(id, other)| (other.number, *id)).collect();
        // Of two that are as good the newest.
        from.sort_unstable_by(|one, other| other.cmp(one));
        let sources: Vec<(&Kept, &Parted)> = from
            .iter()
            .filter_map(|(_, id)| self.kept.get(id))
            .filter_map(|it| Some((it, it.parted.as_ref()?)))
            .collect();
        let free = |(_, source): &(&Kept, &Parted)| {
            source.gone.iter().map(|(line, to)| Some(line.clone()).filter(|_| to.is_none())).collect()
        };
        let lines: Vec<Vec<Option<At>>> = sources.iter().map(free).collect();
        let owners = |source: usize, line: usize| -> Vec<(usize, OwnerRef)> {
            let (kept, parted) = sources[source];
            let bytes = parted.gone[line].0.bytes.clone();
            kept.before.as_ref().map_or_else(Vec::new, |before| before.owners.spans(bytes))
        };
        let authors = |block: &Block| -> Vec<Vec<(usize, &Actor)>> {
            let author = |(len, owner)| (len, &self.ledger.book.owner(owner).verdict.origin);
            block.gone.clone().map(|line| owners(block.source, line).into_iter().map(author).collect()).collect()
        };
        let found = blocks(&parted.put, letters, &lines, |one, other| authors(one) == authors(other));
        let mut moved = Vec::new();
        for block in &found {
            for (line, was) in parted.put[block.put.clone()].iter().zip(block.gone.clone()) {
                if is_telling(&after.slice(line.bytes.clone())) {
                    moved.push((
                        line.bytes.clone(),
                        owners(block.source, was),
                        sources[block.source].1.file.path.clone(),
                    ));
                }
            }
        }
        let mover = parted.by.clone();
        let taken: Vec<(EventId, Bytes<usize>)> =
            found.into_iter().map(|block| (from[block.source].1, block.gone)).collect();
        for (source, lines) in taken {
            let gone = self.kept.get_mut(&source).and_then(|source| source.parted.as_mut());
            gone.into_iter().for_each(|parted| parted.gone[lines.clone()].iter_mut().for_each(|it| it.1 = Some(event)));
        }
        let told = |(bytes, runs, path): (Bytes<usize>, Vec<(usize, OwnerRef)>, String)| {
            let evidence = Evidence::new(EvidenceKind::Moved, format!("{mover} moved it here from {path}"));
            (bytes, runs.into_iter().map(|(len, owner)| (len, self.ledger.book.with_word(owner, &evidence))).collect())
        };
        moved.into_iter().map(told).collect()
    }

    /// How many lines that the one change took out are in the other.
    fn took(&self, source: EventId, taker: EventId) -> usize {
        let source = self.kept.get(&source).and_then(|kept| kept.parted.as_ref());
        source.map_or(0, |it| it.gone.iter().filter(|(_, to)| *to == Some(taker)).count())
    }

    /// What a change took is free again.
    pub(super) fn release(&mut self, event: EventId) {
        for (_, to) in self.kept.values_mut().filter_map(|kept| kept.parted.as_mut()).flat_map(|it| &mut it.gone) {
            *to = to.filter(|to| *to != event);
        }
    }

    /// A change took lines out: what its agent put in before, elsewhere, may be these.
    pub(super) fn follow_moved(&mut self, event: EventId, now: u64, ports: &mut dyn Ports) {
        let Some(source) = self.kept.get(&event).and_then(|kept| kept.parted.as_ref()) else { return };
        let gone: HashSet<u64> = source.gone.iter().filter(|(_, to)| to.is_none()).map(|(line, _)| line.hash).collect();
        let puts = |(id, other): (&EventId, &Kept)| {
            let parted = other.parted.as_ref().filter(|_| *id != event)?;
            let may_be = source.may_be_source_of(parted) && parted.put.iter().any(|line| gone.contains(&line.hash));
            may_be.then(|| (other.number, *id, parted.file.clone()))
        };
        let mut takers: Vec<(u64, EventId, FileId)> =
            if gone.is_empty() { Vec::new() } else { self.kept.iter().filter_map(puts).collect() };
        takers.sort_unstable();
        for (_, id, file) in takers {
            let Some(change) = self.open.on(&file).find(|change| change.event == id).cloned() else { continue };
            let Some(mut kept) = self.kept.remove(&id) else { continue };
            let had = self.took(event, id);
            self.moved_across(&kept, id);
            let has_more = self.took(event, id) > had;
            if has_more {
                self.upgrade(&file, &change, &mut kept, change.ruling.clone(), None, now, ports);
            }
            self.kept.insert(id, kept);
            if has_more {
                self.carry_on(&file, id, ports);
            }
        }
    }
}
