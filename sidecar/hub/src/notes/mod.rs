//! The notes on commits: a clerk looks which commits are new, works out whose their lines are ([`record`]), and writes it
//! down in `refs/notes/codi2`.
//!
//! The core says when to look, and everything before that is durable by then. What is new is told by where history ends,
//! not by what was run: rebased, amended, squashed and fetched commits are found the same way, and after a time without a
//! hub too. A commit about which something may still be found out is looked at again when more is known. Git and the core
//! never wait for it: it has a thread of its own ([`thread`]), and asks the core one content at a time. Absent on purpose:
//! who wrote a text that lay on disk (the core knows), and trailers in commits.

mod alike;
mod lines;
mod open;
mod record;
mod sources;
#[cfg(test)]
mod sources_tests;
#[cfg(test)]
mod tests;
mod thread;
mod wishes;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use codi2_attribution::record::{CommitRecord, LineRange, codi2};
use codi2_protocol::{Class, EventId, Owner, RepositoryId};
use codi2_workspace::{Change, Commit, Commits, Note, Noted, Notes, Oid, Place};

use crate::book::is_settled;
use crate::core::{Asked, Input, Told, Why};
use open::{OPEN, OPEN_MS, Open, OpenCommits, Relatives, Written};
use record::Relation;
use sources::{SEARCH, Sought};
pub use thread::{Door, Troubles, Wish, door, start};

/// New commits that are looked at, at most: the newest.
const COMMITS: usize = 2_000;
/// Commits whose notes are written in one commit, at most.
const TOGETHER: usize = 64;
/// Dropped commits, and ends of history, that are asked about a content nobody saw, at most.
const RELATIVES: usize = 32;
/// Why nothing more is written.
const ENDING: &str = "the hub is ending";

/// How notes are written.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether they are at all.
    pub write: bool,
    /// Longer files have no owners by line (bytes).
    pub max_file_bytes: u64,
}

/// Whom the clerk asks, and whom it tells what came out.
pub trait Informant {
    /// What is known of a committed content; nothing of a private one.
    ///
    /// # Errors
    /// Nothing may be concluded, in words.
    fn ask(&self, asked: Asked) -> Result<Option<Told>, String>;
    /// Gives the core an input.
    fn tell(&self, input: Input);
    /// Why the notes of a repository cannot be written; none: they are.
    fn trouble(&self, repository: RepositoryId, trouble: Option<String>);
    /// The moment it is (ms since the Unix epoch).
    fn now_ms(&self) -> u64;
}

/// Who writes the notes: the work of the thread, without it.
pub struct Clerk<I> {
    informant: I,
    options: Options,
    ending: Arc<AtomicBool>,
    /// How long it looks for the sources of commits that are noted together.
    patience: Duration,
    /// Up to where this hub has looked. Another hub on the same repository may have come further, and not know as much.
    ends: HashMap<RepositoryId, Vec<Oid>>,
    open: HashMap<RepositoryId, OpenCommits>,
}

/// What a look has at hand.
struct Desk<'a> {
    place: &'a Place,
    commits: Commits,
    notes: Notes,
    /// Of new commits.
    relatives: Arc<Relatives>,
    /// Events of which more is known than when notes were written by them.
    learned: HashSet<EventId>,
}

impl<I: Informant> Clerk<I> {
    /// One that has looked at nothing yet. It stops once `ending` is set.
    pub fn new(informant: I, options: Options, ending: Arc<AtomicBool>) -> Self {
        Self { informant, options, ending, patience: SEARCH, ends: HashMap::new(), open: HashMap::new() }
    }

    /// When a last look is due (ms since the Unix epoch).
    pub fn next_ms(&self) -> Option<u64> {
        self.open.values().filter_map(|open| Some(open.next()?.until_ms)).min()
    }

    /// Where one is due now. A worktree that is gone leaves its commits to another one in which some are open; where there is
    /// none they are looked at no more.
    pub fn due(&mut self) -> Vec<Place> {
        let now = self.informant.now_ms();
        let over = self.open.values_mut().filter(|open| open.next().is_some_and(|next| next.until_ms <= now));
        let place = |open: &mut OpenCommits| {
            open.place().or_else(|| {
                open.expire(now);
                None
            })
        };
        over.filter_map(place).collect()
    }

    /// Looks which commits of a place are new, or may be known better, and writes their notes.
    ///
    /// # Errors
    /// Why some cannot be written, in words.
    pub fn look(&mut self, place: &Place, whys: &[Why]) -> Result<(), String> {
        let Some(noted) = Noted::of(place) else { return Ok(()) };
        if !self.options.write {
            return Err("no notes are written: `notes.write` is off in the settings".into());
        }
        let repository = place.worktree.repository;
        let now = self.informant.now_ms();
        let again = self.open.entry(repository).or_default().wanted(whys, now);
        let moved = whys.iter().any(|why| !matches!(why, Why::Learned(_)));
        if !moved && again.is_empty() {
            return Ok(());
        }
        let learned = |why: &Why| if let Why::Learned(event) = why { Some(*event) } else { None };
        let learned = whys.iter().filter_map(learned).collect();
        let done = self.try_look(place, &noted, again, learned, moved);
        self.open.entry(repository).or_default().expire(now);
        let trouble =
            done.as_ref().err().map(|error| format!("{}: notes are not written: {error}", place.root.display()));
        self.informant.trouble(repository, trouble);
        done
    }

    /// Writes the notes of these commits and, if something `moved`, of all that are new.
    fn try_look(
        &mut self,
        place: &Place,
        noted: &Noted,
        again: Vec<Oid>,
        learned: HashSet<EventId>,
        moved: bool,
    ) -> Result<(), String> {
        let mut desk = Desk {
            place,
            commits: Commits::open(place).map_err(said)?,
            notes: Notes::open(place, codi2::REFERENCE).map_err(said)?,
            relatives: Arc::default(),
            learned,
        };
        let repository = place.worktree.repository;
        // One that was dropped may be gone by now.
        let (mut work, mut ends) = (desk.commits.these(&again).map_err(said)?, None);
        if moved {
            let tips = desk.commits.tips().map_err(said)?;
            let earlier = noted.read();
            let done = self.ends.get(&repository).cloned().or_else(|| earlier.clone());
            if earlier.is_some() && !self.ends.contains_key(&repository) {
                // What an earlier hub noted last may still be open to evidence, which came to this one.
                let since = self.informant.now_ms().saturating_sub(OPEN_MS);
                let made = desk.commits.made_since(&tips, since, OPEN).map_err(said)?;
                work.retain(|commit| made.iter().all(|other| other.id != commit.id));
                work.extend(made);
            }
            let mut done = done.unwrap_or_else(|| first_ends(&desk, &tips));
            if tips != done {
                if desk.commits.these(&done).map_err(said)?.len() < done.len() {
                    // Up to where it had come is gone: what was here from the beginning is not new for that.
                    done.extend(first_ends(&desk, &tips));
                    done.sort_unstable();
                    done.dedup();
                }
                let (new, cut) = desk.commits.new_since(&tips, &done, COMMITS).map_err(said)?;
                if cut {
                    tracing::info!(most = COMMITS, "more new commits than are looked at: the oldest have no notes");
                }
                desk.relatives = Arc::new(relatives(&desk, &tips, &done).map_err(said)?);
                let known: HashSet<Oid> = new.iter().map(|commit| commit.id).collect();
                work.retain(|commit| !known.contains(&commit.id));
                work.extend(new);
            }
            ends = Some(tips);
        }
        // What is wrong with one commit keeps no other from its note.
        let mut troubles = Vec::new();
        for some in work.chunks(TOGETHER) {
            troubles.extend(self.note(&mut desk, some)?);
        }
        if let Some(ends) = ends {
            if noted.read().as_ref() != Some(&ends) {
                noted.write(&ends).map_err(|error| {
                    format!("cannot remember which commits have theirs, in codi2/noted of the git folder: {error}")
                })?;
            }
            self.ends.insert(repository, ends);
        }
        troubles.into_iter().next().map_or(Ok(()), Err)
    }

    /// Works out the records of these commits and writes their notes; says for which one that cannot be done.
    fn note(&mut self, desk: &mut Desk<'_>, commits: &[Commit]) -> Result<Option<String>, String> {
        let repository = desk.place.worktree.repository;
        let here = desk.commits.made_here(commits).map_err(said)?;
        let others = desk.commits.others(commits).map_err(said)?;
        let open = self.open.get(&repository);
        let kept = |commit: &Commit| Some((commit.id, Arc::clone(open?.get(commit.id)?.changes.as_ref()?)));
        let mut brought: HashMap<Oid, Arc<[Change]>> = commits.iter().filter_map(kept).collect();
        let asked: Vec<Commit> = commits.iter().filter(|it| !brought.contains_key(&it.id)).cloned().collect();
        let (compared, mut trouble) = changes(&mut desk.commits, &asked);
        brought.extend(compared.into_iter().map(|(commit, changes)| (commit.id, changes.into())));
        let mut records: HashMap<Oid, CommitRecord> = HashMap::new();
        let mut origins: HashMap<Oid, Arc<Relatives>> = HashMap::new();
        let mut sought = Vec::new();
        for commit in commits {
            let Some(changes) = brought.get(&commit.id) else { continue };
            if self.ending.load(Ordering::Relaxed) {
                return Err(ENDING.into());
            }
            let open = self.open.get(&repository).and_then(|open| open.get(commit.id));
            let relatives = Arc::clone(open.map_or(&desk.relatives, |open| &open.relatives));
            let mut before = open.and_then(|open| Some(open.written.as_ref()?.record.clone()));
            if let Some(before) = &mut before {
                forget(before, &desk.learned);
            }
            // Of what others made, only what was seen itself is known.
            let relation = Relation { relatives: &relatives, is_ours: !others.contains(&commit.id) };
            let derives = here.contains(&commit.id).then_some(relation);
            records.insert(commit.id, self.record(desk, commit, changes, derives, before.as_ref())?);
            if here.contains(&commit.id) {
                sought.push(Sought { commit, changes, relatives: Arc::clone(&relatives), before });
            }
            origins.insert(commit.id, relatives);
        }
        trouble = self.complete(desk, &sought, &mut records)?.or(trouble);
        desk.commits.rest();
        // Git may have taken the note of a commit to the one that replaces it, whose lines are others.
        let dropped: Vec<Oid> = origins.values().flat_map(|it| &it.dropped).copied().collect();
        let copied: HashSet<Vec<u8>> = desk.notes.read(&dropped).map_err(said)?.into_values().collect();
        // What was dropped has its own.
        let none = HashSet::new();
        let open = self.open.entry(repository).or_default();
        let ids: Vec<Oid> = commits.iter().map(|commit| commit.id).collect();
        // None: what was written is taken back.
        let mut written: HashMap<Oid, Option<Written>> = HashMap::new();
        let mut note = |id: Oid, there: Option<&[u8]>| {
            let Some(record) = records.get(&id) else { return Note::Keep };
            let own = open.get(id).and_then(|open| open.written.as_ref());
            let is_own = |there: &[u8]| own.is_some_and(|own| own.text.as_bytes() == there);
            let copied = if dropped.contains(&id) { &none } else { &copied };
            let whole = there;
            // Whoever made it knows more, and whoever lost a copy of theirs has it here.
            if !here.contains(&id) && whole.is_some_and(|there| !is_own(there)) {
                return Note::Keep;
            }
            let there = there.filter(|there| is_own(there) || !copied.contains(*there));
            let there = there.map(|there| without_copy(there, copied));
            // Whoever made a commit knows more than that git brought it here. A forge that squashes or rebases knows nothing
            // of who wrote, and leaves no note.
            let is_known = if here.contains(&id) { record.is_known() } else { record.names_somebody() };
            if !is_known {
                return match there {
                    // Nothing is known any more of what this thread wrote.
                    Some(there) if is_own(there) => {
                        written.insert(id, None);
                        let theirs = own.and_then(|own| own.theirs.as_ref());
                        theirs.map_or(Note::Remove, |theirs| Note::Write(codi2::write(theirs).0.into_bytes()))
                    }
                    None if whole.is_some() => Note::Remove,
                    Some(there) if whole != Some(there) => Note::Write(there.to_vec()),
                    _ => Note::Keep,
                };
            }
            // What this thread wrote it may correct, and what others know beside stays.
            let theirs = match there {
                Some(there) if !is_own(there) => match codi2::read(&id.to_string(), there) {
                    Ok(theirs) => Some(theirs),
                    Err(error) => {
                        trouble = Some(format!("the note on {id} is left as it is: {error}"));
                        return Note::Keep;
                    }
                },
                Some(_) => own.and_then(|own| own.theirs.clone()),
                None => None,
            };
            let joined = theirs.as_ref().map(|theirs| record.completed_by(theirs));
            let (text, left_out) = codi2::write(joined.as_ref().unwrap_or(record));
            if left_out > 0 {
                tracing::warn!(commit = %id, left_out, "a note would be too long, so it leaves out files");
            }
            let note = Note::Write(text.clone().into_bytes());
            written.insert(id, Some(Written { text, record: record.clone(), theirs }));
            note
        };
        desk.notes.write(&ids, &mut note).map_err(said)?;
        let now = self.informant.now_ms();
        for commit in commits {
            let before = open.take(commit.id);
            let written = written.remove(&commit.id);
            // What others made and nobody here knows takes nobody's place.
            let is_ours = here.contains(&commit.id) || before.is_some() || matches!(written, Some(Some(_)));
            if let Some(record) = records.get(&commit.id).filter(|record| is_ours && may_become_better(record, now)) {
                let until_ms = before.as_ref().map_or(now + OPEN_MS, |before| before.until_ms);
                let written = written.unwrap_or_else(|| before?.written);
                let events = record.owners.iter().filter_map(|owner| owner.event).collect();
                let is_unseen = record.owners.iter().any(|owner| is_unknown(owner) && owner.event.is_none());
                let relatives = origins.remove(&commit.id).unwrap_or_default();
                let changes = brought.remove(&commit.id);
                let (commit, place) = (commit.clone(), desk.place.clone());
                open.put(Open { commit, changes, place, until_ms, written, events, is_unseen, relatives }, now);
            }
        }
        Ok(trouble)
    }
}

fn said(error: codi2_workspace::ViewError) -> String {
    error.to_string()
}

/// Where history ended when the worktree was first watched: what is older was there before codi2.
fn first_ends(desk: &Desk<'_>, tips: &[Oid]) -> Vec<Oid> {
    let (then, now) = (desk.place.head.as_deref().and_then(Oid::parse), desk.commits.head());
    let others = tips.iter().copied().filter(|tip| Some(*tip) != now);
    let mut ends: Vec<Oid> = others.chain(then).collect();
    ends.sort_unstable();
    ends.dedup();
    ends
}

/// What each of these commits brought, and what is wrong with those that are left out.
fn changes<'a>(git: &mut Commits, commits: &'a [Commit]) -> (Vec<(&'a Commit, Vec<Change>)>, Option<String>) {
    if let Ok(changes) = git.changes(commits) {
        return (commits.iter().zip(changes).collect(), None);
    }
    let (mut all, mut trouble) = (Vec::new(), None);
    for commit in commits {
        match git.changes(std::slice::from_ref(commit)) {
            Ok(changes) => all.extend(changes.into_iter().map(|changes| (commit, changes))),
            Err(error) => trouble = Some(format!("{} has no note: {error}", commit.id)),
        }
    }
    (all, trouble)
}

/// Takes the lines out of a record whose owners these events told of.
fn forget(record: &mut CommitRecord, events: &HashSet<EventId>) {
    let CommitRecord { owners, files, .. } = record;
    let event = |range: &LineRange| owners.get(range.owner as usize)?.event;
    let stays = |range: &LineRange| event(range).is_none_or(|event| !events.contains(&event));
    files.iter_mut().for_each(|file| file.ranges.retain(stays));
}

/// A note without the copy that git appended to it: it joins notes with an empty line.
fn without_copy<'a>(note: &'a [u8], copied: &HashSet<Vec<u8>>) -> &'a [u8] {
    let appended =
        |copy: &Vec<u8>| note.strip_suffix(copy.as_slice())?.strip_suffix(b"\n").filter(|it| it.ends_with(b"\n"));
    copied.iter().filter(|copy| !copy.is_empty()).find_map(appended).unwrap_or(note)
}

/// The commits that new ones may have to do with.
fn relatives(desk: &Desk<'_>, tips: &[Oid], done: &[Oid]) -> Result<Relatives, codi2_workspace::ViewError> {
    let (new, old): (Vec<Oid>, Vec<Oid>) = tips.iter().partition(|tip| done.binary_search(tip).is_err());
    let (dropped, _) = desk.commits.dropped_since(tips, done, RELATIVES)?;
    let (beside, _) = desk.commits.dropped_since(&new, &old, RELATIVES)?;
    let newest_first = |commits: Vec<Commit>| commits.iter().rev().map(|commit| commit.id).collect();
    Ok(Relatives { dropped: newest_first(dropped), beside: newest_first(beside) })
}

/// Whether late evidence may tell more of it, or something else.
fn may_become_better(record: &CommitRecord, now_ms: u64) -> bool {
    record.owners.iter().any(|owner| is_unknown(owner) || !is_settled(owner, now_ms))
}

fn is_unknown(owner: &Owner) -> bool {
    owner.verdict.class == Class::Unknown
}
