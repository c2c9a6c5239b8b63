//! A file that a program or a command of an agent's moved and changed before anybody looked: one is gone and one is new, close
//! together, and most of their telling lines are the same (ADR 0126, 0172). What stays of it stays whose it was; the rest is a
//! change as any other.
//!
//! Absent on purpose: moves of the same bytes (the watch pairs them), moves that git's index tells by itself (`left`), and what
//! an agent announces (`across`).

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use codi2_attribution::{Change as OpenChange, DiskRuling, Observed, Rung};
use codi2_protocol::{ActorKind, EventId, FileId, WorktreeId};
use codi2_text::Text;
use codi2_workspace::GitSource;

use super::Core;
use super::kept::Kept;
use crate::known::{Hunk, Known, lines_of};
use crate::ledger::is_telling;
use crate::ports::Ports;

/// How long ago the two ends may have been seen, in ms: one look tells of both, or two that follow each other.
const APART_MS: u64 = 2_000;
/// Lines that tell and stand in both, at least: a single one anybody may need again.
const LINES: usize = 2;
/// Lines of files that are gone that are found in new ones, at most, each as often as it is: where more happens, it is no move.
const FOUND: usize = 1 << 20;
/// Longer texts are not compared (bytes), nor more of them at once.
const TEXT_BYTES: usize = 1 << 20;
const TEXTS_BYTES: usize = 8 << 20;

/// The lines of a text that tell one from others, by their hashes, each with how often it stands there.
struct Telling {
    times: BTreeMap<u64, usize>,
    all: usize,
}

impl Telling {
    fn of(text: &Text, secret: &[u8; 32]) -> Self {
        let mut telling = Self { times: BTreeMap::new(), all: 0 };
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
}

/// The files that are gone, and which of their lines tell.
#[derive(Default)]
struct Gone {
    files: Vec<Source>,
    /// In which of them each line stands, and how often.
    lines: HashMap<u64, Vec<(usize, usize)>>,
}

/// Who took a file away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taker {
    /// Git, and the file may lie on another branch still.
    Git,
    /// Somebody who announced it.
    Announced,
    /// A command, or nobody known, whether git has recorded it since or not.
    Anybody,
}

impl Taker {
    fn of(change: &OpenChange, kept: &Kept) -> Self {
        match change.ruling.rung() {
            Rung::Git if kept.git.as_ref().is_some_and(|git| git.what == GitSource::Removed) => Self::Anybody,
            Rung::Git => Self::Git,
            Rung::OnlyCall | Rung::Candidates | Rung::Unexplained | Rung::Older => Self::Anybody,
            _ => Self::Announced,
        }
    }
}

/// A file that is gone.
struct Source {
    /// The change that took it away.
    event: EventId,
    by: Taker,
    /// Without its folder.
    name: String,
    /// How many of its lines tell.
    telling: usize,
}

impl Gone {
    fn of(ends: Vec<Went>, secret: &[u8; 32]) -> Self {
        let mut gone = Self::default();
        for Went { event, by, name, text } in ends {
            let Telling { times, all: telling } = Telling::of(&text, secret);
            for (line, times) in times {
                gone.lines.entry(line).or_default().push((gone.files.len(), times));
            }
            gone.files.push(Source { event, by, name, telling });
        }
        gone
    }

    /// The one of which most lines stand in a new file, and make most of it, too: of several the one that has most of them, or
    /// as many and its name. None where two are as good, or where more lines are found than are `left`.
    fn like(&self, name: &str, new: &Telling, left: &mut usize) -> Option<&Source> {
        let mut common = vec![0; self.files.len()];
        for (line, here) in &new.times {
            let places = self.lines.get(line).map_or(&[][..], Vec::as_slice);
            *left = left.checked_sub(places.len())?;
            places.iter().for_each(|(file, there)| common[*file] += here.min(there));
        }
        let is_like = |all: usize, common: usize| common >= LINES && 2 * common > all.max(new.all);
        let like = self.files.iter().zip(common).filter(|(source, common)| is_like(source.telling, *common));
        let mut like: Vec<_> = like.map(|(source, common)| ((common, source.name == name), source)).collect();
        like.sort_unstable_by_key(|(rank, _)| Reverse(*rank));
        let is_best = like.get(1).is_none_or(|second| second.0 < like[0].0);
        like.first().filter(|_| is_best).map(|(_, source)| *source)
    }
}

/// What may be the two ends of moves.
#[derive(Default)]
struct Ends {
    gone: Vec<Went>,
    /// Changes that made a file which came from nowhere and of which nobody announced what it puts in.
    new: Vec<New>,
}

/// A change that took a file away which has not come back, with the text it had.
struct Went {
    event: EventId,
    by: Taker,
    name: String,
    text: Text,
}

struct New {
    file: FileId,
    change: OpenChange,
    text: Text,
}

impl Core {
    /// Makes one change of a file that is gone and one that is new, where nobody announced the text of the new one. One that
    /// several of those that are gone are like was either.
    pub(super) fn pair_changed(&mut self, worktree: &WorktreeId, now: u64, ports: &mut dyn Ports) {
        let Ends { gone, new } = self.ends(worktree, now);
        let texts = gone.iter().map(|went| &went.text).chain(new.iter().map(|new| &new.text));
        if gone.is_empty() || new.is_empty() || texts.map(Text::len_bytes).sum::<usize>() > TEXTS_BYTES {
            return;
        }
        let secret = *self.ledger.secret();
        let (gone, mut left) = (Gone::of(gone, &secret), FOUND);
        for New { file, change, text } in new {
            let source = gone.like(name_of(&file), &Telling::of(&text, &secret), &mut left);
            let Some(source) = source.filter(|source| may_be_moved(&file, &change.ruling, source.by, ports)) else {
                continue;
            };
            let source = self.kept.get(&source.event).map(|source| (source.before.clone(), source.before_bytes));
            let (Some(source), Some(mut kept)) = (source, self.kept.remove(&change.event)) else { continue };
            (kept.before, kept.before_bytes) = source;
            // Whoever was named for all of it has not written these lines at this path.
            let all = [Hunk { at: 0, deleted: 0, inserted: text.len_bytes(), lines_deleted: 0 }];
            self.ledger.unlearn_lines(&file, &text, &all, &change.ruling.named());
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
                    let (event, by, name) = (change.event, Taker::of(change, kept), name_of(file));
                    ends.gone.extend(text.map(|text| Went { event, by, name: name.to_owned(), text: text.clone() }));
                } else if self.is_unannounced(file, change, kept) {
                    let text = kept.after.as_ref().filter(is_short);
                    let new = |text: &Text| New { file: file.clone(), change: change.clone(), text: text.clone() };
                    ends.new.extend(text.map(new));
                }
            }
        }
        ends
    }

    /// Whether a change made a file that was not there, and nobody announced what it puts in: an agent that was at work told of
    /// no edit of this file.
    fn is_unannounced(&self, file: &FileId, change: &OpenChange, kept: &Kept) -> bool {
        if change.before.is_some() || !kept.was_nothing() || change.ruling.rung() < Rung::OnlyCall {
            return false;
        }
        let open = self.calls.open_on(file).into_iter().map(|call| call.names_path);
        let ended =
            self.calls.intents(file).into_iter().filter(|call| call.until >= kept.from).map(|call| call.names_path);
        !open.chain(ended).any(|names_path| names_path)
    }
}

fn name_of(file: &FileId) -> &str {
    file.path.rsplit('/').next().unwrap_or_default()
}

/// Whether a new file may be one that is gone. Where agents are at work, what git took away may lie on another branch, unless git
/// has the new file, too; and what somebody announced to remove was not moved by who announced nothing.
fn may_be_moved(new: &FileId, ruling: &DiskRuling, gone: Taker, ports: &mut dyn Ports) -> bool {
    let is_external = ruling.whole().is_some_and(|verdict| verdict.origin.kind == ActorKind::External);
    is_external || gone == Taker::Anybody || gone == Taker::Git && ports.indexed(new).is_some()
}
