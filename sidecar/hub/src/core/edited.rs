//! A file that a program moved and changed before anybody looked: one is gone and one is new, close together, and most of
//! their telling lines are the same (ADR 0126). What stays of it stays whose it was; the rest is a change as any other.
//!
//! Absent on purpose: moves of the same bytes (the watch pairs them), moves with git (`left`), and what agents do (`across`).

use std::collections::HashMap;

use codi2_attribution::{Change as OpenChange, Observed};
use codi2_protocol::{ActorKind, EventId, FileId, WorktreeId};
use codi2_text::Text;

use super::Core;
use super::kept::Kept;
use crate::known::{Known, lines_of};
use crate::ledger::is_telling;
use crate::ports::Ports;

/// How long ago the two ends may have been seen, in ms: one look tells of both, or two that follow each other.
const APART_MS: u64 = 2_000;
/// Lines that tell and stand in both, at least: a single one anybody may need again.
const LINES: usize = 2;
/// Files that are gone times files that are new, at most: where more happens, it is no move.
const PAIRS: usize = 1_024;
/// Longer texts are not compared (bytes).
const TEXT_BYTES: usize = 1 << 20;

/// The lines of a text that tell one from others, by their hashes, each with how often it stands there.
struct Telling {
    times: HashMap<u64, usize>,
    all: usize,
}

impl Telling {
    fn of(text: &Text, secret: &[u8; 32]) -> Self {
        let mut telling = Self { times: HashMap::new(), all: 0 };
        let mut at = 0;
        for line in lines_of(text, secret) {
            let bytes = at..at + line.len as usize;
            at = bytes.end;
            if is_telling(&text.slice(bytes)) {
                *telling.times.entry(line.hash).or_default() += 1;
                telling.all += 1;
            }
        }
        telling
    }

    /// Whether most lines of each stand in the other, too.
    fn is_like(&self, other: &Self) -> bool {
        let here = |(line, times): (&u64, &usize)| other.times.get(line).map_or(0, |there| *times.min(there));
        let common: usize = self.times.iter().map(here).sum();
        common >= LINES && 2 * common > self.all.max(other.all)
    }
}

/// What may be the two ends of moves.
#[derive(Default)]
struct Ends {
    /// Changes that took a file away which has not come back, with the text it had.
    gone: Vec<(EventId, Text)>,
    /// Changes that made a file which came from nowhere and is nobody's.
    new: Vec<New>,
}

struct New {
    file: FileId,
    change: OpenChange,
    text: Text,
}

impl Core {
    /// Makes one change of a file that is gone and one that is new, where nobody is known to have written the new one. One that
    /// several of those that are gone are like was either.
    pub(super) fn pair_changed(&mut self, worktree: &WorktreeId, now: u64, ports: &mut dyn Ports) {
        let Ends { gone, new } = self.ends(worktree, now);
        if gone.is_empty() || gone.len() * new.len() > PAIRS {
            return;
        }
        let secret = *self.ledger.secret();
        let gone: Vec<(EventId, Telling)> = gone.iter().map(|(id, text)| (*id, Telling::of(text, &secret))).collect();
        for New { file, change, text } in new {
            let here = Telling::of(&text, &secret);
            let mut like = gone.iter().filter(|(_, there)| there.is_like(&here)).map(|(id, _)| *id);
            let (Some(source), None) = (like.next(), like.next()) else { continue };
            let source = self.kept.get(&source).map(|source| (source.before.clone(), source.before_bytes));
            let (Some(source), Some(mut kept)) = (source, self.kept.remove(&change.event)) else { continue };
            (kept.before, kept.before_bytes) = source;
            self.upgrade(&file, &change, &mut kept, (&change.ruling).into(), now, ports);
            self.kept.insert(change.event, kept);
            self.carry_on(&file, change.event, ports);
        }
        self.forget_kept();
    }

    /// What went and what came just now.
    fn ends(&self, worktree: &WorktreeId, now: u64) -> Ends {
        let mut ends = Ends::default();
        let is_short = |text: &&Text| text.len_bytes() <= TEXT_BYTES;
        for file in self.open.files().filter(|file| file.worktree == *worktree) {
            let is_now =
                |change: &&OpenChange| change.observed == Observed::Live && now.saturating_sub(change.to.ms) < APART_MS;
            for change in self.open.on(file).rev().take_while(is_now) {
                let Some(kept) = self.kept.get(&change.event) else { continue };
                if change.after.is_none() {
                    let is_last = self.open.on(file).next_back().is_some_and(|last| last.event == change.event);
                    let text = kept.before.as_ref().and_then(Known::text).filter(is_short).filter(|_| is_last);
                    ends.gone.extend(text.map(|text| (change.event, text.clone())));
                } else if is_nobodys(change, kept) {
                    let text = kept.after.as_ref().filter(is_short);
                    let new = |text: &Text| New { file: file.clone(), change: change.clone(), text: text.clone() };
                    ends.new.extend(text.map(new));
                }
            }
        }
        ends
    }
}

/// Whether a change made a file that was not there, and nobody can have been at work.
fn is_nobodys(change: &OpenChange, kept: &Kept) -> bool {
    let was_nothing = kept.before.as_ref().is_none_or(|before| before.owners.is_empty());
    let is_external = change.ruling.whole().is_some_and(|verdict| verdict.origin.kind == ActorKind::External);
    change.before.is_none() && was_nothing && is_external
}
