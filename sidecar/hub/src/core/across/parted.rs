//! What a change took out of its file and put in, where one agent, or somebody who announces nothing, did all of it.

use std::collections::{HashMap, HashSet};
use std::ops::Range as Bytes;

use codi2_attribution::{DiskRuling, Rung};
use codi2_protocol::{Actor, ActorKind, FileId};
use codi2_text::Text;

use crate::book::OwnerRef;
use crate::core::kept::Kept;
use crate::core::moved::{At, Loose, Moved, Shifted, shifted};
use crate::known::Known;
use crate::ledger::TELLING;

/// Lines of longer texts are not compared (bytes).
const TEXT_BYTES: usize = 1 << 20;

/// The lines that somebody took out of a file and put in.
#[derive(Debug)]
pub(in crate::core) struct Parted {
    /// The file.
    pub file: FileId,
    /// Who did: an agent, or external.
    pub(super) by: Actor,
    /// What is gone.
    pub(super) gone: Vec<Loose>,
    /// The numbers of it that a change put elsewhere; and whether that is for certain, or what it put in before, by another
    /// call, may as well be a copy.
    pub(super) taken: HashMap<usize, bool>,
    pub(super) put: Vec<Loose>,
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
        let (verdict, put_in) = match ruling {
            // One agent's but for what it did not say that it puts in.
            DiskRuling::New(shares) => (shares.sole()?, Some(shares)),
            // What stands there again is whose it was; what is gone its agent took out all the same.
            DiskRuling::CarryAll { fresh, .. } => (fresh, None),
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
        let is_claimed =
            |At { bytes, .. }: &At| put_in.is_some_and(|put| put.is_claimed(&(bytes.start as u64..bytes.end as u64)));
        shifted.put.retain(|line| is_claimed(&line.at));
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
    pub fn may_be_source_of(&self, other: &Self) -> bool {
        let [gone, put] = [&self.hashes[0], &other.hashes[1]];
        self.file.worktree == other.file.worktree && self.by == other.by && !gone.is_disjoint(put)
    }

    /// The numbers of what was put in and is known to be moved.
    pub(super) fn known(&self) -> HashSet<usize> {
        let found: HashSet<usize> = self.found.iter().map(|(bytes, _)| bytes.start).collect();
        self.put.iter().filter(|line| found.contains(&line.at.bytes.start)).map(|line| line.number).collect()
    }

    /// Whether these lines are all that tells something of what was taken out at their place. `letters`: of a line.
    pub(super) fn is_whole(&self, lines: &Bytes<usize>, letters: impl Fn(&At) -> usize) -> bool {
        let numbers: HashSet<usize> = self.gone[lines.clone()].iter().map(|line| line.number).collect();
        let (place, last) = (&self.gone[lines.start].place, &self.gone[lines.end - 1].place);
        let first = (0..lines.start).rev().take_while(|at| self.gone[*at].place == *place).last();
        let end = (lines.end..self.gone.len()).take_while(|at| self.gone[*at].place == *last).last();
        let all = first.unwrap_or(lines.start)..end.map_or(lines.end, |last| last + 1);
        self.gone[all].iter().all(|line| numbers.contains(&line.number) || letters(&line.at) < TELLING)
    }
}

pub(super) fn letters_of(text: &Text, line: &At) -> usize {
    text.slice(line.bytes.clone()).chars().filter(|one| one.is_alphanumeric()).count()
}
