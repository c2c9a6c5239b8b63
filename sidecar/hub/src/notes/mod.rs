//! The notes on commits: a thread that looks which commits are new, works out whose their lines are, and writes it down in
//! `refs/notes/codi2`.
//!
//! The core says when to look, and everything before that is durable by then. What is new is told by where history ends,
//! not by what was run: rebased, amended, squashed and fetched commits are found the same way, and after a time without a
//! hub too. A commit about which something may still be found out is looked at again when more is known. Git and the core
//! never wait for this thread; it asks the core one content at a time. Absent on purpose: who wrote a text that lay on
//! disk (the core knows), and trailers in commits.

mod lines;
mod open;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use codi2_attribution::record::{CommitRecord, FileRecord, LineRange, codi2};
use codi2_protocol::{Class, Digest, ErrorCode, EventId, FileId, HubError, Owner, Reply, RepositoryId};
use codi2_text::{OwnerTree, Text};
use codi2_workspace::{Change, Commit, Commits, Note, Noted, Notes, Oid, Place};

use crate::book::is_settled;
use crate::core::{Asked, Input, Related, Ticket, Told, Why, decode_text, not_observed};
use crate::engine::{Engine, now_ms};
use lines::{Base, Owners};
use open::{OPEN, OPEN_MS, Open, OpenCommits, Relatives, Written};

/// New commits that are looked at, at most: the newest.
const COMMITS: usize = 2_000;
/// Commits whose notes are written in one commit, at most.
const TOGETHER: usize = 64;
/// Dropped commits, and ends of history, that are asked about a content nobody saw, at most.
const RELATIVES: usize = 32;

/// One wish to look.
pub struct Wish {
    /// The worktree whose git moved.
    pub place: Place,
    /// Why.
    pub why: Why,
}

/// Where wishes go.
pub type Door = Sender<Wish>;

/// Why notes of repositories cannot be written, in words, for the status.
#[derive(Debug, Clone, Default)]
pub struct Troubles(Arc<Mutex<BTreeMap<RepositoryId, String>>>);

impl Troubles {
    /// All of them.
    pub fn now(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn set(&self, repository: RepositoryId, trouble: Option<String>) {
        let mut troubles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(words) => {
                if troubles.get(&repository) != Some(&words) {
                    tracing::warn!(words, "notes");
                }
                troubles.insert(repository, words);
            }
            None => drop(troubles.remove(&repository)),
        }
    }
}

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

impl Informant for Engine {
    fn ask(&self, asked: Asked) -> Result<Option<Told>, String> {
        Self::ask(self, asked)
    }

    fn tell(&self, input: Input) {
        Self::tell(self, input, None);
    }

    fn trouble(&self, repository: RepositoryId, trouble: Option<String>) {
        self.troubles().set(repository, trouble);
    }

    fn now_ms(&self) -> u64 {
        now_ms()
    }
}

/// Starts the thread, which ends with the last door to it. `answer` is told when what was asked for is done.
///
/// # Errors
/// Where the system has no thread left.
pub fn start(
    inbox: Receiver<Wish>,
    engine: Engine,
    options: Options,
    ending: Arc<AtomicBool>,
    answer: impl Fn(Ticket, Result<Reply, HubError>) + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    let mut clerk = Clerk::new(engine, options, ending);
    std::thread::Builder::new().name("codi2-notes".into()).spawn(move || {
        loop {
            let first = match clerk.next_ms() {
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at_ms) => inbox.recv_timeout(Duration::from_millis(at_ms.saturating_sub(now_ms()))),
            };
            if matches!(first, Err(RecvTimeoutError::Disconnected)) {
                return;
            }
            let wishes: Vec<Wish> = first.into_iter().chain(inbox.try_iter()).collect();
            for (place, whys) in by_place(wishes, clerk.due()) {
                let done = clerk.look(&place, &whys);
                for why in whys {
                    if let Why::Asked(ticket) = why {
                        let refused = |message: &String| HubError { code: ErrorCode::Other, message: message.clone() };
                        answer(ticket, done.as_ref().map(|()| Reply::Done).map_err(refused));
                    }
                }
            }
        }
    })
}

/// A door and what it leads to.
pub fn door() -> (Door, Receiver<Wish>) {
    channel()
}

/// What came together, one look for each place; also for those where a last look is due.
fn by_place(wishes: Vec<Wish>, due: Vec<Place>) -> Vec<(Place, Vec<Why>)> {
    let mut places: Vec<(Place, Vec<Why>)> = Vec::new();
    let wishes = wishes.into_iter().map(|Wish { place, why }| (place, Some(why)));
    for (place, why) in wishes.chain(due.into_iter().map(|place| (place, None))) {
        match places.iter_mut().find(|(other, _)| other.worktree == place.worktree) {
            Some((_, whys)) => whys.extend(why),
            None => places.push((place, why.into_iter().collect())),
        }
    }
    places
}

/// Who writes the notes: the work of the thread, without it.
pub struct Clerk<I> {
    informant: I,
    options: Options,
    ending: Arc<AtomicBool>,
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
        Self { informant, options, ending, ends: HashMap::new(), open: HashMap::new() }
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
        let said = |error: codi2_workspace::ViewError| error.to_string();
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
        let said = |error: codi2_workspace::ViewError| error.to_string();
        let repository = desk.place.worktree.repository;
        let here = desk.commits.made_here(commits).map_err(said)?;
        let (changes, mut trouble) = changes(&mut desk.commits, commits);
        let mut records: HashMap<Oid, CommitRecord> = HashMap::new();
        let mut origins: HashMap<Oid, Arc<Relatives>> = HashMap::new();
        for (commit, changes) in changes {
            if self.ending.load(Ordering::Relaxed) {
                return Err("the hub is ending".into());
            }
            let open = self.open.get(&repository).and_then(|open| open.get(commit.id));
            let relatives = Arc::clone(open.map_or(&desk.relatives, |open| &open.relatives));
            let mut before = open.and_then(|open| Some(open.written.as_ref()?.record.clone()));
            if let Some(before) = &mut before {
                forget(before, &desk.learned);
            }
            // Of what others made, only what was seen itself is known.
            let derives = here.contains(&commit.id).then_some(&*relatives);
            records.insert(commit.id, self.record(desk, commit, changes, derives, before.as_ref())?);
            origins.insert(commit.id, relatives);
        }
        desk.commits.rest();
        // Git may have taken the note of a commit to the one that replaces it, whose lines are others.
        let dropped: Vec<Oid> = origins.values().flat_map(|it| &it.dropped).copied().collect();
        let copied: HashSet<Vec<u8>> = desk.notes.read(&dropped).map_err(said)?.into_values().collect();
        let open = self.open.entry(repository).or_default();
        let ids: Vec<Oid> = commits.iter().map(|commit| commit.id).collect();
        // None: what was written is taken back.
        let mut written: HashMap<Oid, Option<Written>> = HashMap::new();
        let mut note = |id: Oid, there: Option<&[u8]>| {
            let Some(record) = records.get(&id) else { return Note::Keep };
            let own = open.get(id).and_then(|open| open.written.as_ref());
            let is_own = |there: &[u8]| own.is_some_and(|own| own.text.as_bytes() == there);
            let whole = there;
            let there = there.filter(|there| is_own(there) || !copied.contains(*there));
            let there = there.map(|there| without_copy(there, &copied));
            // Whoever made a commit knows more than that git brought it here, and has a note on it of their own.
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
            if let Some(record) = records.get(&commit.id).filter(|record| may_become_better(record, now)) {
                let until_ms = before.as_ref().map_or(now + OPEN_MS, |before| before.until_ms);
                let written = written.unwrap_or_else(|| before?.written);
                let events = record.owners.iter().filter_map(|owner| owner.event).collect();
                let is_unseen = record.owners.iter().any(|owner| is_unknown(owner) && owner.event.is_none());
                let relatives = origins.remove(&commit.id).unwrap_or_default();
                let (commit, place) = (commit.clone(), desk.place.clone());
                open.put(Open { commit, place, until_ms, written, events, is_unseen, relatives }, now);
            }
        }
        Ok(trouble)
    }

    /// What is known of a commit; of a content that nobody saw from these relatives, if any count, and from what was known of
    /// it `before`: what it was worked out from may be gone.
    fn record(
        &self,
        desk: &mut Desk<'_>,
        commit: &Commit,
        changes: Vec<Change>,
        derives: Option<&Relatives>,
        before: Option<&CommitRecord>,
    ) -> Result<CommitRecord, String> {
        let mut owners = Owners::default();
        let mut files = Vec::new();
        for change in changes {
            let Some(bytes) = desk.commits.worktree_form(&change.path, change.blob, self.options.max_file_bytes) else {
                continue;
            };
            let Some(text) = decode_text(&bytes) else { continue };
            let file = FileId { worktree: desk.place.worktree.clone(), path: change.path.clone() };
            let asked = Asked { file, text: text.clone(), relatives: Vec::new() };
            let Some(told) = self.informant.ask(asked)? else { continue };
            let exact = told.owners.map(|known| owners.tree(&known));
            let mut ranges = exact.as_ref().map(|tree| lines::ranges(&text.to_string(), tree, &change.lines));
            // Nobody saw it, or all that was seen is that it is there.
            if let Some(relatives) = derives
                && ranges.as_ref().is_none_or(|ranges| ranges.iter().any(|range| owners.is_unseen(range.owner)))
            {
                let mut tree = self.related_owners(desk, relatives, &change, &text, exact, &mut owners)?;
                let file = |record: &CommitRecord| record.files.iter().find(|file| file.path == change.path).cloned();
                if let Some((record, file)) = before.and_then(|record| Some((record, file(record)?))) {
                    let before = owners.tree_of_lines(&text.to_string(), &file.ranges, &record.owners);
                    tree = lines::completed(&tree, &before, &owners);
                }
                ranges = Some(lines::ranges(&text.to_string(), &tree, &change.lines));
            }
            let ranges = ranges.unwrap_or_default();
            if !ranges.is_empty() {
                files.push(FileRecord { path: change.path, ranges });
            }
        }
        Ok(CommitRecord { commit: commit.id.to_string(), owners: owners.list, files, left_out: 0 })
    }

    /// The owners of a content that nobody saw, or of which nobody knows more than is in `exact`: from what lies there now,
    /// from the parents, from the commits that this one may replace, and from their notes.
    fn related_owners(
        &self,
        desk: &mut Desk<'_>,
        origins: &Relatives,
        change: &Change,
        text: &Text,
        exact: Option<OwnerTree<u32>>,
        owners: &mut Owners,
    ) -> Result<OwnerTree<u32>, String> {
        let file = FileId { worktree: desk.place.worktree.clone(), path: change.path.clone() };
        // In the worktree's form, with the commit whose note may tell of it, and whether it is near.
        let mut texts: Vec<(Text, Option<Oid>, bool)> = Vec::new();
        let mut seen: HashMap<Oid, Option<Text>> = HashMap::new();
        let befores = change.before.iter().map(|before| (before.path.clone(), before.blob, None, true));
        let mut all: Vec<(String, Oid, Option<Oid>, bool)> = befores.collect();
        let dropped = origins.dropped.iter().map(|id| (*id, true));
        for (id, is_near) in dropped.chain(origins.beside.iter().map(|id| (*id, false))) {
            all.extend(desk.commits.entry(id, &change.path).map(|blob| (change.path.clone(), blob, Some(id), is_near)));
        }
        let mut relatives = Vec::new();
        for (path, blob, id, is_near) in all {
            let read = |desk: &mut Desk<'_>| {
                decode_text(&desk.commits.worktree_form(&path, blob, self.options.max_file_bytes)?)
            };
            if let Some(base) = seen.entry(blob).or_insert_with(|| read(desk)).clone() {
                relatives.push((path, Digest::new(base.digest())));
                texts.push((base, id, is_near));
            }
        }
        let asked = Asked { file: file.clone(), text: text.clone(), relatives };
        let Told { owners: known, present, relatives } = self.informant.ask(asked)?.unwrap_or_default();
        let exact = known.map(|known| owners.tree(&known)).or(exact);
        let mut bases: Vec<Base> = Vec::new();
        for Related { text, owners: known, is_beside } in present {
            bases.push(Base { text, owners: owners.tree(&known), is_near: !is_beside });
        }
        let ids: Vec<Oid> = texts.iter().filter_map(|(_, id, _)| *id).collect();
        let notes = desk.notes.read(&ids).map_err(|error| error.to_string())?;
        let record = |id: Oid| {
            let mut record = codi2::read(&id.to_string(), notes.get(&id)?).ok()?;
            forget(&mut record, &desk.learned);
            Some(record)
        };
        for ((text, id, is_near), known) in texts.into_iter().zip(relatives) {
            if let Some(record) = id.and_then(record)
                && let Some(noted) = record.files.iter().find(|noted| noted.path == change.path)
            {
                let tree = owners.tree_of_lines(&text.to_string(), &noted.ranges, &record.owners);
                bases.push(Base { text: text.clone(), owners: tree, is_near });
            }
            if let Some(known) = known {
                bases.push(Base { text, owners: owners.tree(&known), is_near });
            }
        }
        let nobody = owners.enter(&not_observed());
        let is_new = exact.is_none();
        let exact = exact.unwrap_or_else(|| OwnerTree::new(text.len_bytes(), nobody));
        let tree = lines::derived(text, &exact, &bases, owners);
        let stored = owners.stored(&tree);
        // What late evidence may change would stay as it is.
        let now = self.informant.now_ms();
        let is_settled = stored.owners.iter().all(|owner| is_settled(owner, now));
        if is_new && is_settled && !stored.owners.iter().all(is_unknown) {
            self.informant.tell(Input::Derived(file, Digest::new(text.digest()), stored));
        }
        Ok(tree)
    }
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
