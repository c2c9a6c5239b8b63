//! The notes on commits: a thread that looks which commits are new, works out whose their lines are, and writes it down in
//! `refs/notes/codi2`.
//!
//! The core says when to look, and everything before that is durable by then. What is new is told by where history ends,
//! not by what was run: rebased, amended, squashed and fetched commits are found the same way, and after a time without a
//! hub too. A commit about which something may still be found out is looked at again when more is known. Git and the core
//! never wait for this thread; it asks the core one content at a time. Absent on purpose: who wrote a text that lay on
//! disk (the core knows), and trailers in commits.

mod lines;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use codi2_attribution::record::{CommitRecord, FileRecord, codi2};
use codi2_protocol::{Class, Digest, ErrorCode, EventId, FileId, HubError, Reply, RepositoryId};
use codi2_text::{OwnerTree, Text};
use codi2_workspace::{Change, Commit, Commits, Note, Noted, Notes, Oid, Place};

use crate::book::open_to_change;
use crate::core::{Asked, Input, Related, Ticket, Told, Why, decode_text, not_observed};
use crate::engine::{Engine, now_ms};
use lines::Owners;

/// New commits that are looked at, at most: the newest.
const COMMITS: usize = 2_000;
/// Commits whose notes are written in one commit, at most.
const TOGETHER: usize = 64;
/// Dropped commits, and ends of history, that are asked about a content nobody saw, at most.
const RELATIVES: usize = 32;
/// Commits that are looked at again when more is known, of one repository, at most, and for how long after they were
/// noted (ms): as long as late evidence may come.
const OPEN: usize = 256;
const OPEN_MS: u64 = codi2_attribution::OPEN_MS;

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
    let mut clerk = Clerk { engine, options, ending, open: HashMap::new() };
    std::thread::Builder::new().name("codi2-notes".into()).spawn(move || {
        while let Ok(first) = inbox.recv() {
            let wishes: Vec<Wish> = std::iter::once(first).chain(inbox.try_iter()).collect();
            for (place, whys) in by_place(wishes) {
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

/// What came together, one look for each place.
fn by_place(wishes: Vec<Wish>) -> Vec<(Place, Vec<Why>)> {
    let mut places: Vec<(Place, Vec<Why>)> = Vec::new();
    for Wish { place, why } in wishes {
        match places.iter_mut().find(|(other, _)| other.worktree == place.worktree) {
            Some((_, whys)) => whys.push(why),
            None => places.push((place, vec![why])),
        }
    }
    places
}

/// A commit about which something may still be found out.
struct Open {
    commit: Commit,
    until_ms: u64,
    /// The note as it was written here.
    written: Option<String>,
    /// The events on which it depends.
    events: HashSet<EventId>,
}

/// The thread at work.
struct Clerk {
    engine: Engine,
    options: Options,
    ending: Arc<AtomicBool>,
    open: HashMap<RepositoryId, BTreeMap<Oid, Open>>,
}

/// What a look has at hand.
struct Desk<'a> {
    place: &'a Place,
    commits: Commits,
    notes: Notes,
    /// Commits in which a content that nobody saw may have relatives.
    relatives: Vec<Oid>,
}

impl Clerk {
    fn look(&mut self, place: &Place, whys: &[Why]) -> Result<(), String> {
        let Some(noted) = Noted::of(place) else { return Ok(()) };
        if !self.options.write {
            return Err("no notes are written: `notes.write` is off in the settings".into());
        }
        let repository = place.worktree.repository;
        let now = now_ms();
        let open = self.open.entry(repository).or_default();
        open.retain(|_, open| open.until_ms > now);
        // Of one that was asked for, all that is open is looked at.
        let concerned = |open: &&Open| {
            whys.iter().any(|why| match why {
                Why::Moved => false,
                Why::Learned(event) => open.events.contains(event),
                Why::Asked(_) => true,
            })
        };
        let again: Vec<Commit> = open.values().filter(concerned).map(|open| open.commit.clone()).collect();
        let moved = whys.iter().any(|why| !matches!(why, Why::Learned(_)));
        if !moved && again.is_empty() {
            return Ok(());
        }
        let done = self.try_look(place, &noted, again, moved);
        let trouble =
            done.as_ref().err().map(|error| format!("{}: notes are not written: {error}", place.root.display()));
        self.engine.troubles().set(repository, trouble);
        done
    }

    /// Writes the notes of these commits and, if something `moved`, of all that are new.
    fn try_look(&mut self, place: &Place, noted: &Noted, again: Vec<Commit>, moved: bool) -> Result<(), String> {
        let said = |error: codi2_workspace::ViewError| error.to_string();
        let mut desk = Desk {
            place,
            commits: Commits::open(place).map_err(said)?,
            notes: Notes::open(place, codi2::REFERENCE).map_err(said)?,
            relatives: Vec::new(),
        };
        let (mut work, mut ends) = (again, None);
        if moved {
            let tips = desk.commits.tips().map_err(said)?;
            let done = noted.read().unwrap_or_else(|| first_ends(&desk, &tips));
            if tips != done {
                let (new, cut) = desk.commits.new_since(&tips, &done, COMMITS).map_err(said)?;
                if cut {
                    tracing::info!(most = COMMITS, "more new commits than are looked at: the oldest have no notes");
                }
                desk.relatives = relatives(&desk, &tips, &done).map_err(said)?;
                let known: HashSet<Oid> = new.iter().map(|commit| commit.id).collect();
                work.retain(|commit| !known.contains(&commit.id));
                work.extend(new);
            }
            ends = Some(tips);
        }
        for some in work.chunks(TOGETHER) {
            self.note(&mut desk, some)?;
            if self.ending.load(Ordering::Relaxed) {
                return Err("the hub is ending".into());
            }
        }
        match ends {
            Some(ends) if noted.read().as_ref() != Some(&ends) => noted.write(&ends).map_err(|error| {
                format!("cannot remember which commits have theirs, in codi2/noted of the git folder: {error}")
            }),
            _ => Ok(()),
        }
    }

    /// Works out the records of these commits and writes their notes.
    fn note(&mut self, desk: &mut Desk<'_>, commits: &[Commit]) -> Result<(), String> {
        let changes = desk.commits.changes(commits).map_err(|error| error.to_string())?;
        let mut records: HashMap<Oid, CommitRecord> = HashMap::new();
        for (commit, changes) in commits.iter().zip(changes) {
            records.insert(commit.id, self.record(desk, commit, changes)?);
        }
        desk.commits.rest();
        let repository = desk.place.worktree.repository;
        let open = self.open.entry(repository).or_default();
        let ids: Vec<Oid> = commits.iter().map(|commit| commit.id).collect();
        let mut written: HashMap<Oid, String> = HashMap::new();
        let mut unreadable = None;
        let mut note = |id: Oid, there: Option<&[u8]>| {
            let Some(record) = records.get(&id).filter(|record| record.is_known()) else { return Note::Keep };
            let own = open.get(&id).and_then(|open| open.written.as_ref());
            let record = match there {
                // What this thread wrote it may correct, and what others know beside stays.
                Some(there) if own.is_none_or(|own| own.as_bytes() != there) => {
                    match codi2::read(&id.to_string(), there) {
                        Ok(there) => record.completed_by(&there),
                        Err(error) => {
                            unreadable = Some(format!("the note on {id} is left as it is: {error}"));
                            return Note::Keep;
                        }
                    }
                }
                _ => record.clone(),
            };
            let (text, left_out) = codi2::write(&record);
            if left_out > 0 {
                tracing::warn!(commit = %id, left_out, "a note would be too long, so it leaves out files");
            }
            written.insert(id, text.clone());
            Note::Write(text.into_bytes())
        };
        desk.notes.write(&ids, &mut note).map_err(|error| error.to_string())?;
        let until_ms = now_ms() + OPEN_MS;
        for commit in commits {
            let written = written.remove(&commit.id);
            let before = open.remove(&commit.id);
            if let Some(record) = records.get(&commit.id).filter(|record| may_become_better(record)) {
                let until_ms = before.as_ref().map_or(until_ms, |before| before.until_ms);
                let written = written.or(before.and_then(|before| before.written));
                let events = record.owners.iter().filter_map(|owner| owner.event).collect();
                open.insert(commit.id, Open { commit: commit.clone(), until_ms, written, events });
            }
        }
        while open.len() > OPEN
            && let Some(oldest) = open.iter().min_by_key(|(_, open)| open.until_ms).map(|(id, _)| *id)
        {
            open.remove(&oldest);
        }
        unreadable.map_or(Ok(()), Err)
    }

    fn record(&self, desk: &mut Desk<'_>, commit: &Commit, changes: Vec<Change>) -> Result<CommitRecord, String> {
        let mut owners = Owners::default();
        let mut files = Vec::new();
        for change in changes {
            let Some(bytes) = desk.commits.worktree_form(&change.path, change.blob, self.options.max_file_bytes) else {
                continue;
            };
            let Some(text) = decode_text(&bytes) else { continue };
            let file = FileId { worktree: desk.place.worktree.clone(), path: change.path.clone() };
            let asked = Asked { file, text: text.clone(), relatives: Vec::new() };
            let Some(told) = self.engine.ask(asked)? else { continue };
            let exact = told.owners.map(|known| owners.tree(&known));
            let mut ranges = exact.as_ref().map(|tree| lines::ranges(&text.to_string(), tree, &change.lines));
            // Nobody saw it, or all that was seen is that it is there.
            if ranges.as_ref().is_none_or(|ranges| ranges.iter().any(|range| owners.is_unseen(range.owner))) {
                let tree = self.related_owners(desk, &change, &text, exact, &mut owners)?;
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
        change: &Change,
        text: &Text,
        exact: Option<OwnerTree<u32>>,
        owners: &mut Owners,
    ) -> Result<OwnerTree<u32>, String> {
        let file = FileId { worktree: desk.place.worktree.clone(), path: change.path.clone() };
        // In the worktree's form, with the commit whose note may tell of it.
        let mut texts: Vec<(Text, Option<Oid>)> = Vec::new();
        let mut seen: HashMap<Oid, Option<Text>> = HashMap::new();
        let befores = change.before.iter().map(|before| (before.path.clone(), before.blob, None));
        let mut all: Vec<(String, Oid, Option<Oid>)> = befores.collect();
        for id in desk.relatives.clone() {
            all.extend(desk.commits.entry(id, &change.path).map(|blob| (change.path.clone(), blob, Some(id))));
        }
        let mut relatives = Vec::new();
        for (path, blob, id) in all {
            let read = |desk: &mut Desk<'_>| {
                decode_text(&desk.commits.worktree_form(&path, blob, self.options.max_file_bytes)?)
            };
            if let Some(base) = seen.entry(blob).or_insert_with(|| read(desk)).clone() {
                relatives.push((path, Digest::new(base.digest())));
                texts.push((base, id));
            }
        }
        let asked = Asked { file: file.clone(), text: text.clone(), relatives };
        let Told { owners: known, present, relatives } = self.engine.ask(asked)?.unwrap_or_default();
        let exact = known.map(|known| owners.tree(&known)).or(exact);
        let mut bases: Vec<(Text, OwnerTree<u32>)> = Vec::new();
        for Related { text, owners: known } in present {
            let tree = owners.tree(&known);
            bases.push((text, tree));
        }
        let ids: Vec<Oid> = texts.iter().filter_map(|(_, id)| *id).collect();
        let notes = desk.notes.read(&ids).map_err(|error| error.to_string())?;
        for ((base, id), known) in texts.into_iter().zip(relatives) {
            if let Some(id) = id
                && let Some(record) = notes.get(&id).and_then(|note| codi2::read(&id.to_string(), note).ok())
                && let Some(noted) = record.files.iter().find(|noted| noted.path == change.path)
            {
                let tree = owners.tree_of_lines(&base.to_string(), &noted.ranges, &record.owners);
                bases.push((base.clone(), tree));
            }
            if let Some(known) = known {
                let tree = owners.tree(&known);
                bases.push((base, tree));
            }
        }
        let nobody = owners.enter(&not_observed());
        let is_new = exact.is_none();
        let exact = exact.unwrap_or_else(|| OwnerTree::new(text.len_bytes(), nobody));
        let tree = lines::derived(text, &exact, &bases, owners);
        let stored = owners.stored(&tree);
        // What late evidence may change would stay as it is.
        let is_settled = !stored.owners.iter().any(open_to_change);
        if is_new && is_settled && stored.owners.iter().any(|owner| owner.verdict.class != Class::Unknown) {
            self.engine.tell(Input::Derived(file, Digest::new(text.digest()), stored), None);
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

/// Commits in which a content that nobody saw may have relatives: what was dropped just now, which others may replace, and
/// what is on other branches, from where others may be picked; of each the newest first.
fn relatives(desk: &Desk<'_>, tips: &[Oid], done: &[Oid]) -> Result<Vec<Oid>, codi2_workspace::ViewError> {
    let (new, old): (Vec<Oid>, Vec<Oid>) = tips.iter().partition(|tip| done.binary_search(tip).is_err());
    let (dropped, _) = desk.commits.dropped_since(tips, done, RELATIVES)?;
    let (beside, _) = desk.commits.dropped_since(&new, &old, RELATIVES)?;
    Ok(dropped.iter().rev().chain(beside.iter().rev()).map(|commit| commit.id).collect())
}

/// Whether late evidence may tell more of it.
fn may_become_better(record: &CommitRecord) -> bool {
    record.owners.iter().any(|owner| owner.verdict.class == Class::Unknown || open_to_change(owner))
}
