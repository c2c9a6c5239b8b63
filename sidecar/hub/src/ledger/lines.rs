//! Lines that are known by themselves at their path: where git or nobody known brings one back into a text that nobody
//! saw before, it is whose it was (ADR 0059, 0088).
//!
//! Bounded in number. Absent on purpose: lines of other paths, and lines so short that anybody may write them again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range as Bytes;

use codi2_attribution::Rung;
use codi2_protocol::{Actor, ActorKind, Digest, FileId, RepositoryId};
use codi2_text::{OwnerTree, Text};
use codi2_workspace::Foreign;

use super::{FileKey, Ledger};
use crate::book::OwnerRef;
use crate::known::{Content, Hunk, Known, lines_of};
use crate::ports::Ports;
use crate::recent::Recent;

/// Letters and digits of a line that is known again where it comes back, at least.
pub const TELLING: usize = 8;
/// Lines of longer texts are not remembered (bytes).
const TEXT_BYTES: usize = 1 << 20;
/// Paths whose earlier contents were asked for, the newest.
const ASKED: usize = 16_384;
/// Lines remembered, the newest.
const LINES: usize = if cfg!(test) { 512 } else { 65_536 };

/// The owners of lines by repository and hash of path and line; none of a line that two wrote.
#[derive(Debug)]
pub(super) struct Lines {
    known: Recent<(RepositoryId, u64), Vec<(usize, OwnerRef)>>,
    /// Lines that were there before codi2, and went.
    older: Recent<(RepositoryId, u64), ()>,
    /// Paths whose earlier contents git was asked for: what came since was seen.
    asked: Recent<FileKey, ()>,
}

impl Default for Lines {
    fn default() -> Self {
        Self { known: Recent::new(LINES), older: Recent::new(LINES), asked: Recent::new(ASKED) }
    }
}

impl Lines {
    /// Every owner that it points to.
    pub(super) fn owners(&self) -> impl Iterator<Item = OwnerRef> {
        self.known.values().flatten().map(|(_, owner)| *owner)
    }
}

/// What of a text's lines may be recalled.
#[derive(Debug, Clone, Copy)]
pub enum New<'a> {
    /// All of them.
    All,
    /// Those that these put in; git may have brought them.
    Brought(&'a [Hunk]),
    /// Those that these put in, and nobody announced, nor is git known to have brought them. Somebody may have written them
    /// anew: beside one that nobody has ever seen here none is recalled (ADR 0088).
    Unannounced(&'a [Hunk]),
}

/// Bytes and key of a line that may be recalled.
type Open = (Bytes<usize>, (RepositoryId, u64));
/// Bytes of a line that is remembered, and its owners.
type Recalled = (Bytes<usize>, Vec<(usize, OwnerRef)>);

/// Whether a line is so long that it is known again.
pub fn is_telling(line: &str) -> bool {
    line.chars().filter(|one| one.is_alphanumeric()).take(TELLING).count() == TELLING
}

/// Whether a hunk put some of these bytes in.
fn is_in(hunk: &Hunk, bytes: &Bytes<usize>) -> bool {
    hunk.at < bytes.end && bytes.start < hunk.at + hunk.inserted
}

/// What a hunk put into these bytes.
fn new_in(hunk: &Hunk, bytes: &Bytes<usize>) -> Bytes<usize> {
    hunk.at.max(bytes.start)..(hunk.at + hunk.inserted).min(bytes.end)
}

/// A line without its end.
fn words_of(text: &Text, bytes: &Bytes<usize>) -> String {
    text.slice(bytes.clone()).trim_end_matches(['\r', '\n']).to_owned()
}

fn key(file: &FileId, line: u64) -> (RepositoryId, u64) {
    let path = codi2_text::digest_of(file.path.as_bytes());
    let path = path.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
    (file.worktree.repository, path.rotate_left(1) ^ line)
}

impl Ledger {
    /// Whether an owner is somebody: whoever brought a text is not.
    fn is_somebody(&self, owner: OwnerRef) -> bool {
        use ActorKind::{Agent, Completion, Orchestrator, Person, Tool};
        matches!(self.book.owner(owner).verdict.origin.kind, Agent | Completion | Orchestrator | Person | Tool)
    }

    /// Whether all of a line is older than codi2.
    fn is_older(&self, runs: &[(usize, OwnerRef)]) -> bool {
        runs.iter().all(|(_, owner)| Rung::of(&self.book.owner(*owner).verdict) == Rung::Older)
    }

    /// Whether all of a text is older than codi2.
    pub fn is_all_older(&self, owners: &OwnerTree<OwnerRef>) -> bool {
        !owners.is_empty() && owners.iter().all(|(_, owner)| Rung::of(&self.book.owner(owner).verdict) == Rung::Older)
    }

    /// Remembers the lines older than codi2 that a text has and the next one lacks: whoever writes the same words later is
    /// not the only author of a line that comes back.
    pub fn part_with(&mut self, file: &FileId, known: &Known, next: &Text) {
        let lines = match &known.content {
            Content::Text(text) if text.len_bytes() <= TEXT_BYTES => lines_of(text, &self.secret),
            Content::Lines(lines) => lines.clone(),
            Content::Text(_) | Content::Forgotten => return,
        };
        let stay: HashSet<u64> = lines_of(next, &self.secret).iter().map(|line| line.hash).collect();
        let mut at = 0;
        for line in lines {
            let runs = known.owners.spans(at..at + line.len as usize);
            at += line.len as usize;
            let key = key(file, line.hash);
            let is_somebodys = self.lines.known.get(&key).is_some_and(|runs| !runs.is_empty());
            if !is_somebodys && !stay.contains(&line.hash) && self.is_older(&runs) {
                self.lines.older.put(key, ());
            }
        }
    }

    /// Remembers whose the lines of a file's text are.
    pub fn learn_lines(&mut self, file: &FileId, known: &Known) {
        if !known.owners.iter().any(|(_, owner)| self.is_somebody(owner)) {
            return;
        }
        let lines = match &known.content {
            Content::Text(text) if text.len_bytes() <= TEXT_BYTES => lines_of(text, &self.secret),
            Content::Lines(lines) => lines.clone(),
            Content::Text(_) | Content::Forgotten => return,
        };
        let origin = |owner: OwnerRef| &self.book.owner(owner).verdict.origin;
        let author = |runs: &[(usize, OwnerRef)]| {
            runs.iter().map(|(_, owner)| *owner).find(|owner| self.is_somebody(*owner)).map(origin)
        };
        // One text may have a line twice: who wrote the one did not write the other. None is left of two authors' lines.
        let mut here: BTreeMap<u64, Vec<(usize, OwnerRef)>> = BTreeMap::new();
        let mut at = 0;
        for line in lines {
            let runs = known.owners.spans(at..at + line.len as usize);
            at += line.len as usize;
            let first = here.entry(line.hash).or_insert_with(|| runs.clone());
            if author(first) != author(&runs) {
                first.clear();
            }
        }
        let mut learned = Vec::new();
        for (hash, runs) in here {
            let key = key(file, hash);
            let before = self.lines.known.get(&key);
            if author(&runs).is_some() || runs.is_empty() {
                let same = before.is_none_or(|before| author(before) == author(&runs));
                let same = same && self.lines.older.get(&key).is_none();
                learned.push((key, if same { runs } else { Vec::new() }));
            } else if before.is_some() && self.is_older(&runs) {
                learned.push((key, Vec::new()));
            }
        }
        for (key, runs) in learned {
            self.lines.known.put(key, runs);
        }
    }

    /// Forgets of the lines that the hunks put in that these wrote them: late evidence says otherwise.
    pub fn unlearn_lines(&mut self, file: &FileId, text: &Text, hunks: &[Hunk], actors: &[Actor]) {
        let mut at = 0;
        for line in lines_of(text, &self.secret) {
            let bytes = at..at + line.len as usize;
            at = bytes.end;
            let key = key(file, line.hash);
            let named = |owner: OwnerRef| actors.contains(&self.book.owner(owner).verdict.origin);
            let is_theirs = self.lines.known.get(&key).is_some_and(|runs| runs.iter().any(|(_, owner)| named(*owner)));
            if is_theirs && hunks.iter().any(|hunk| is_in(hunk, &bytes)) {
                self.lines.known.remove(&key);
            }
        }
    }

    /// Gives the new lines of a text for which nobody is named the owners that they had at this path. Whether it found one. Of
    /// a path that this hub has not followed from its beginning git is asked, once, for the contents it had before.
    pub fn recall_lines(
        &mut self,
        ports: &mut dyn Ports,
        file: &FileId,
        text: &Text,
        owners: &mut OwnerTree<OwnerRef>,
        new: New<'_>,
    ) -> bool {
        let open = self.open_lines(file, text, owners, new);
        if open.iter().all(Option::is_none) {
            return false;
        }
        self.learn_earlier(ports, file);
        let found = self.recalled(text, &open, new);
        let words: HashSet<String> = found.iter().map(|(bytes, _)| words_of(text, bytes)).collect();
        let others = self.brought_by_others(ports, file, &words);
        let mut any = false;
        for (bytes, runs) in found {
            if !others.contains(&words_of(text, &bytes)) {
                owners.splice(bytes.start, bytes.len(), &runs);
                any = true;
            }
        }
        any
    }

    /// Whether git was asked for the contents that a path had before.
    pub(super) fn asked_for_earlier(&self, file: &FileId) -> bool {
        self.lines.asked.get(&super::key(file)).is_some()
    }

    /// Remembers whose the lines of a path's earlier contents were, once.
    fn learn_earlier(&mut self, ports: &mut dyn Ports, file: &FileId) {
        if self.asked_for_earlier(file) {
            return;
        }
        let own = file.worktree.repository;
        let (failed, _) = ports.failed_reads();
        let is_known = |repository| ports.has_stored_owners(repository, &file.path);
        let is_known = is_known(own) || self.joined.get(&own).copied().is_some_and(is_known);
        let contents = if is_known { ports.earlier(file) } else { Vec::new() };
        let texts: Vec<Text> = contents.iter().rev().filter_map(|bytes| crate::core::decode_text(bytes)).collect();
        if !texts.is_empty() {
            ports.ahead(&[self.glance_back(file, &texts)]);
        }
        let mut read = Vec::new();
        for text in texts {
            let digest = Digest::new(text.digest());
            let Some(owners) = self.owners_of(ports, file, digest).filter(|it| it.len() == text.len_bytes()) else {
                continue;
            };
            read.push(Known { digest, owners, content: Content::Text(text) });
        }
        if ports.failed_reads().0 > failed {
            // Half of it would name one author of two.
            return;
        }
        self.lines.asked.put(super::key(file), ());
        let nothing = Text::new("");
        for known in &read {
            self.learn_lines(file, known);
            self.part_with(file, known, &nothing);
        }
    }

    /// Which of these lines a commit that somebody else made brought to this path: whoever wrote the same words here did not
    /// write that one, unless its very content was known here, and whose the line is there (ADR 0112).
    fn brought_by_others(&mut self, ports: &mut dyn Ports, file: &FileId, words: &HashSet<String>) -> HashSet<String> {
        if words.is_empty() {
            return HashSet::new();
        }
        let Some(foreign) = ports.foreign(file) else { return words.clone() };
        let mut others = HashSet::new();
        for Foreign { content, lines } in foreign {
            let Some(text) = crate::core::decode_text(&content).filter(|_| !lines.is_disjoint(words)) else { continue };
            let owners = self.owners_of(ports, file, Digest::new(text.digest()));
            let owners = owners.filter(|owners| owners.len() == text.len_bytes());
            let mut at = 0;
            for len in text.line_lengths() {
                let bytes = at..at + len;
                at = bytes.end;
                let line = words_of(&text, &bytes);
                let is_known = |owners: &OwnerTree<OwnerRef>| {
                    owners.spans(bytes.clone()).iter().any(|(_, owner)| self.is_somebody(*owner))
                };
                if words.contains(&line) && lines.contains(&line) && !owners.as_ref().is_some_and(is_known) {
                    others.insert(line);
                }
            }
        }
        others
    }

    /// Of each line of a text its bytes and key, if it is new, tells, and is nobody's.
    fn open_lines(&self, file: &FileId, text: &Text, owners: &OwnerTree<OwnerRef>, new: New<'_>) -> Vec<Option<Open>> {
        let hunks = match new {
            New::All => None,
            New::Brought(hunks) | New::Unannounced(hunks) => Some(hunks),
        };
        let nothing_new = hunks.is_some_and(|hunks| hunks.iter().all(|hunk| hunk.inserted == 0));
        if nothing_new || text.len_bytes() > TEXT_BYTES || owners.len() != text.len_bytes() {
            return Vec::new();
        }
        // What git brought from a text whose lines are known to be older has its owners.
        let is_open = |runs: &[(usize, OwnerRef)]| {
            runs.iter().all(|(_, it)| !self.is_somebody(*it)) && (hunks.is_none() || !self.is_older(runs))
        };
        let mut at = 0;
        let open = lines_of(text, &self.secret).into_iter().map(|line| {
            let bytes = at..at + line.len as usize;
            at = bytes.end;
            // What is new of it: the rest of a line may be that of another which it replaced.
            let put: Vec<Bytes<usize>> = match hunks {
                Some(hunks) => {
                    hunks.iter().filter(|hunk| is_in(hunk, &bytes)).map(|hunk| new_in(hunk, &bytes)).collect()
                }
                None => vec![bytes.clone()],
            };
            let nobodys = |new: &Bytes<usize>| is_open(&owners.spans(new.clone()));
            let is_open = !put.is_empty() && put.iter().all(nobodys) && is_telling(&text.slice(bytes.clone()));
            is_open.then(|| (bytes, key(file, line.hash)))
        });
        open.collect()
    }

    /// Those of these lines that are remembered as one author's, with their owners.
    fn recalled(&self, text: &Text, open: &[Option<Open>], new: New<'_>) -> Vec<Recalled> {
        let lines = lines_of(text, &self.secret);
        let mut copies: HashMap<u64, usize> = HashMap::new();
        lines.iter().for_each(|line| *copies.entry(line.hash).or_default() += 1);
        let is_strange = |number: usize| {
            let line = open.get(number).and_then(Option::as_ref);
            line.is_some_and(|(_, key)| self.lines.known.get(key).is_none() && self.lines.older.get(key).is_none())
        };
        let is_beside = |number: usize| is_strange(number + 1) || number.checked_sub(1).is_some_and(is_strange);
        let found = lines.iter().zip(open).enumerate().filter_map(|(number, (line, open))| {
            let (bytes, key) = open.as_ref()?;
            let runs = self.lines.known.get(key).filter(|runs| !runs.is_empty())?;
            // Of two copies nobody knows which one came back.
            let is_one = copies.get(&line.hash) == Some(&1);
            let is_anew = matches!(new, New::Unannounced(_)) && is_beside(number);
            (is_one && !is_anew).then(|| (bytes.clone(), runs.clone()))
        });
        found.collect()
    }
}
