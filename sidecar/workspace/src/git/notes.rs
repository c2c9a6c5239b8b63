//! Notes on commits: reading many, and writing many in one commit on their reference.
//!
//! Reading takes trees fanned out in any way. Writing goes through `git fast-import`, which knows every format of
//! repository and fans out as git does. It takes no lock but the reference's own, for the moment in which that moves; no
//! index, no worktree and no hook is touched. The reference moves only from where it was read: whoever loses a race reads
//! again, and no note of the other is lost. Absent on purpose: what a note says.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::commits::these;
use super::stream::stream;
use super::{Oid, View, ViewError, packing};
use crate::place::Place;

/// How often a write is tried where others move the reference, and where nobody seems to.
const RACES: u32 = 200;
const REFUSALS: u32 = 3;
/// Between two tries where something is in the way.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest note that is read, in bytes.
const NOTE_BYTES: u64 = 16 << 20;

/// What becomes of one commit's note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It stays as it is, also if there is none.
    Keep,
    /// This is the note from now on.
    Write(Vec<u8>),
    /// There is none from now on.
    Remove,
}

/// Says what becomes of a commit's note, given ours, if there is one that counts, and theirs.
pub type Join<'a> = dyn FnMut(Oid, Option<&[u8]>, &[u8]) -> Note + 'a;

/// What became of notes that were joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Joined {
    /// Notes there.
    pub notes: usize,
    /// Notes that changed here.
    pub written: usize,
    /// Notes there on commits that are not here.
    pub elsewhere: usize,
}

/// Why a note that is there was not read. It is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Its text is not in this clone.
    #[error(
        "its text is not in this partial clone; `git fetch --refetch --no-filter origin \
         +refs/notes/codi2:refs/notes/codi2-origin` gets it"
    )]
    Missing,
    /// It is too long to be one.
    #[error("it has {0} bytes, more than the {NOTE_BYTES} that are read")]
    TooLong(u64),
}

/// The notes of one repository under one reference.
pub struct Notes {
    view: View,
    reference: String,
    unread: BTreeMap<Oid, Unread>,
}

impl Notes {
    /// Opens the notes under a full reference, for example `refs/notes/codi2`, which need not exist.
    ///
    /// # Errors
    /// The repository cannot be read, or the place is a plain folder.
    pub fn open(place: &Place, reference: &str) -> Result<Self, ViewError> {
        Ok(Self::of(View::of(place)?, reference))
    }

    /// The notes under a full reference, of a repository that is open.
    pub(super) fn of(view: View, reference: &str) -> Self {
        Self { view, reference: reference.to_owned(), unread: BTreeMap::new() }
    }

    /// The newest commit of notes; none where no note was ever written.
    pub fn tip(&self) -> Option<Oid> {
        self.view.reference(&self.reference)
    }

    /// The notes on these commits; those without one are left out, and those of [`Self::unread`].
    ///
    /// # Errors
    /// The notes cannot be read.
    pub fn read(&mut self, on: &[Oid]) -> Result<HashMap<Oid, Vec<u8>>, ViewError> {
        self.unread.clear();
        let Some(tip) = self.tip() else { return Ok(HashMap::new()) };
        self.read_at(tip, on)
    }

    /// The notes that were asked for last, are there, and could not be read. No write touches them.
    pub fn unread(&self) -> impl Iterator<Item = (Oid, Unread)> + '_ {
        self.unread.iter().map(|(commit, why)| (*commit, *why))
    }

    /// Every commit that has a note.
    ///
    /// # Errors
    /// The notes cannot be read.
    pub fn noted(&self) -> Result<Vec<Oid>, ViewError> {
        let Some(tip) = self.tip() else { return Ok(Vec::new()) };
        Ok(self.blobs(tip)?.into_keys().collect())
    }

    /// Whether the newest commit of notes holds no file at all: every note was taken back.
    ///
    /// # Errors
    /// The notes cannot be read.
    pub fn is_empty(&self) -> Result<bool, ViewError> {
        let Some(tip) = self.tip() else { return Ok(true) };
        Ok(self.view.program.output(&["ls-tree", &tip.to_string()])?.is_empty())
    }

    fn read_at(&mut self, tip: Oid, on: &[Oid]) -> Result<HashMap<Oid, Vec<u8>>, ViewError> {
        let read = self.view.library.as_ref().and_then(|library| library.notes(tip, on));
        let found = match read {
            Some(found) => found,
            // Git itself finds what `git gc` packs just now, or else does when that is done.
            None => {
                let all = self.blobs(tip).or_else(|_| {
                    packing::wait(&self.view.common_dir);
                    self.blobs(tip).map_err(|_| self.damaged())
                })?;
                on.iter().filter_map(|commit| Some((*commit, *all.get(commit)?))).collect()
            }
        };
        self.unread.clear();
        self.texts(found)
    }

    /// What these blobs say of their commits; what cannot be read is among the unread from now on.
    fn texts(&mut self, found: Vec<(Oid, Oid)>) -> Result<HashMap<Oid, Vec<u8>>, ViewError> {
        let mut notes = HashMap::new();
        self.view.fetch(&found.iter().map(|(_, blob)| *blob).collect::<Vec<_>>());
        for (commit, blob) in found {
            let why = match self.view.blob_size(blob) {
                Some(size) if size > NOTE_BYTES => Unread::TooLong(size),
                Some(_) => {
                    notes.insert(commit, self.text(blob).ok_or_else(|| self.damaged())?);
                    continue;
                }
                None => Unread::Missing,
            };
            tracing::warn!(%commit, reference = self.reference, %why, "a note cannot be read");
            self.unread.insert(commit, why);
        }
        self.view.rest();
        Ok(notes)
    }

    /// What a blob says. Git itself finds what `git gc` packs just now.
    fn text(&mut self, blob: Oid) -> Option<Vec<u8>> {
        let asked = |view: &View| view.program.output(&["cat-file", "blob", &blob.to_string()]).ok();
        self.view.blob(blob).or_else(|| asked(&self.view))
    }

    /// Of each note its blob at the newest commit that both have behind them; none where they have none.
    fn before(&self, tip: Oid, other: Oid) -> Result<BTreeMap<Oid, Oid>, ViewError> {
        let base = self.view.program.line(&["merge-base", &tip.to_string(), &other.to_string()]);
        base.and_then(|base| Oid::parse(&base)).map_or(Ok(BTreeMap::new()), |base| self.blobs(base))
    }

    /// Whether a commit has another one behind it.
    fn has(&self, tip: Oid, other: Oid) -> bool {
        let [tip, other] = [tip, other].map(|commit| commit.to_string());
        self.view.program.output(&["merge-base", "--is-ancestor", &other, &tip]).is_ok()
    }

    fn damaged(&self) -> ViewError {
        ViewError::Read(format!("{} is damaged: `git fsck` tells more", self.reference))
    }

    /// The blob of every note.
    fn blobs(&self, tip: Oid) -> Result<BTreeMap<Oid, Oid>, ViewError> {
        Ok(self.entries(tip)?.into_iter().map(|(commit, (blob, _))| (commit, blob)).collect())
    }

    /// The blob of every note, and where in the tree it lies.
    fn entries(&self, tip: Oid) -> Result<BTreeMap<Oid, (Oid, String)>, ViewError> {
        let listing = self.view.program.output(&["ls-tree", "-r", "-z", &tip.to_string()])?;
        let entry = |line: &[u8]| {
            let (head, path) = std::str::from_utf8(line).ok()?.split_once('\t')?;
            let blob = Oid::parse(head.strip_prefix("100644 blob ")?)?;
            Some((Oid::parse(&path.replace('/', ""))?, (blob, path.to_owned())))
        };
        Ok(listing.split(|byte| *byte == 0).filter_map(entry).collect())
    }

    /// Asks `note` what becomes of each of these commits' notes, given the one that is there, and writes all of it in one
    /// commit; says how many changed. Where somebody else moved the reference meanwhile it is asked again. A note that cannot
    /// be read ([`Self::unread`]) stays, and is not asked about.
    ///
    /// # Errors
    /// The notes cannot be read or written; none of them is.
    pub fn write(&mut self, on: &[Oid], note: &mut dyn FnMut(Oid, Option<&[u8]>) -> Note) -> Result<usize, ViewError> {
        self.change(on, None, note)
    }

    /// Joins other notes of the same commits with these: asks for each commit that has a note there what becomes of ours,
    /// given ours and theirs. On a commit that is not here ours does not count if it is the one from which theirs was made.
    /// All of it is one commit with both histories behind it, so that it can be pushed without force. What nobody asked to
    /// write is not in it, whatever else their tree holds.
    ///
    /// # Errors
    /// The notes cannot be read or written; none of them is.
    pub fn join(&mut self, theirs: &mut Self, note: &mut Join<'_>) -> Result<Joined, ViewError> {
        let Some(tip) = theirs.tip() else { return Ok(Joined::default()) };
        let mut elsewhere = theirs.blobs(tip)?;
        let notes = elsewhere.len();
        let all: Vec<Oid> = elsewhere.keys().copied().collect();
        let mut here: Vec<Oid> = these(&self.view, &all)?.into_iter().map(|commit| commit.id).collect();
        here.sort_unstable();
        elsewhere.retain(|commit, _| here.binary_search(commit).is_err());
        let ours = self.tip().map_or(Ok(BTreeMap::new()), |tip| self.blobs(tip))?;
        let differ = |(commit, blob): (&Oid, &Oid)| (ours.get(commit) != Some(blob)).then_some(*commit);
        let asked: Vec<Oid> = here.iter().copied().chain(elsewhere.iter().filter_map(differ)).collect();
        let there = theirs.read_at(tip, &asked)?;
        let mut ask =
            |commit: Oid, ours: Option<&[u8]>| there.get(&commit).map_or(Note::Keep, |it| note(commit, ours, it));
        let elsewhere = Elsewhere { tip, blobs: elsewhere };
        let written = self.change(&here, Some(&elsewhere), &mut ask)?;
        Ok(Joined { notes, written, elsewhere: elsewhere.blobs.len() })
    }

    /// Fetches a remote's notes, under their full reference there, to this reference, whatever it held; whether the
    /// remote has them.
    ///
    /// # Errors
    /// Git says so: no such remote, nobody there, not allowed.
    pub fn fetch(&self, remote: &str, reference: &str) -> Result<bool, ViewError> {
        let program = &self.view.program;
        if program.output(&["ls-remote", "--", remote, reference])?.is_empty() {
            return Ok(false);
        }
        let refspec = format!("+{reference}:{}", self.reference);
        program.output(&[
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-gc",
            "--",
            remote,
            &refspec,
        ])?;
        Ok(true)
    }

    /// What becomes of notes on commits that are not here, by their paths in the tree. Whoever has the commit may have
    /// mended its note since it was taken over: ours counts only for what was made of it besides.
    fn take(
        &mut self,
        tip: Option<Oid>,
        theirs: &Elsewhere,
        note: &mut dyn FnMut(Oid, Option<&[u8]>) -> Note,
    ) -> Result<Vec<(String, Vec<u8>)>, ViewError> {
        let (ours, before) = match tip {
            Some(tip) => (self.entries(tip)?, self.before(tip, theirs.tip)?),
            None => Default::default(),
        };
        // The note's path, and ours where that counts.
        let mut wanted: Vec<(Oid, String, Option<Oid>)> = Vec::new();
        for (commit, blob) in &theirs.blobs {
            match ours.get(commit) {
                // Removed since both had it.
                None if before.get(commit) == Some(blob) => {}
                None => wanted.push((*commit, commit.to_string(), None)),
                Some((it, _)) if it == blob => {}
                Some((it, path)) => {
                    let counts = before.get(commit) != Some(it);
                    wanted.push((*commit, path.clone(), counts.then_some(*it)));
                }
            }
        }
        let texts = self.texts(wanted.iter().filter_map(|(commit, _, ours)| Some((*commit, (*ours)?))).collect())?;
        let mut taken = Vec::new();
        for (commit, path, ours) in wanted {
            let text = texts.get(&commit);
            if ours.is_some() && text.is_none() {
                continue;
            }
            match note(commit, text.map(Vec::as_slice)) {
                Note::Write(new) if Some(&new) != text => taken.push((path, new)),
                _ => {}
            }
        }
        Ok(taken)
    }

    /// Whether every note that was just written can be read, once nobody packs.
    fn has_all(&mut self, changes: &[(Oid, Note)]) -> bool {
        packing::wait(&self.view.common_dir);
        let written = changes.iter().filter(|(_, note)| matches!(note, Note::Write(_)));
        let written: Vec<Oid> = written.map(|(commit, _)| *commit).collect();
        // What was asked for before stays what was asked for last.
        let unread = std::mem::take(&mut self.unread);
        let is_there = self.tip().is_none_or(|tip| self.read_at(tip, &written).is_ok());
        let is_missed = std::mem::replace(&mut self.unread, unread).into_values().any(|why| why == Unread::Missing);
        is_there && !is_missed
    }

    /// Makes the reference what it was before this wrote it, unless somebody else has moved it since.
    fn take_back(&self, before: Option<Oid>) {
        let Some(tip) = self.tip().map(|tip| tip.to_string()) else { return };
        // Nothing of that length is a name, so that there was no reference.
        let before = before.map_or_else(|| "0".repeat(tip.len()), |before| before.to_string());
        if let Err(error) = self.view.program.output(&["update-ref", &self.reference, &before, &tip]) {
            tracing::warn!(%error, reference = self.reference, "notes that git took away while they were written");
        }
    }

    fn change(
        &mut self,
        on: &[Oid],
        theirs: Option<&Elsewhere>,
        note: &mut dyn FnMut(Oid, Option<&[u8]>) -> Note,
    ) -> Result<usize, ViewError> {
        let (mut races, mut refusals) = (0, 0);
        loop {
            let tip = self.tip();
            let there = match tip {
                Some(tip) => self.read_at(tip, on)?,
                None => {
                    self.unread.clear();
                    HashMap::new()
                }
            };
            let changes: Vec<(Oid, Note)> = on
                .iter()
                .filter(|commit| !self.unread.contains_key(commit))
                .map(|commit| (*commit, note(*commit, there.get(commit).map(Vec::as_slice))))
                .filter(|(commit, note)| match note {
                    Note::Keep => false,
                    Note::Write(text) => there.get(commit) != Some(text),
                    Note::Remove => there.contains_key(commit),
                })
                .collect();
            let taken = theirs.map_or(Ok(Vec::new()), |theirs| self.take(tip, theirs, note))?;
            let joined =
                theirs.map(|theirs| theirs.tip).filter(|theirs| !tip.is_some_and(|tip| self.has(tip, *theirs)));
            if changes.is_empty() && taken.is_empty() && joined.is_none() {
                return Ok(0);
            }
            let stream = stream(&self.reference, tip, joined, &taken, &changes);
            packing::wait(&self.view.common_dir);
            match self.view.program.converse(&["fast-import", "--quiet", "--date-format=raw"], &stream, |_| Ok(())) {
                Ok(()) if self.has_all(&changes) => return Ok(changes.len()),
                // A `git gc` that began meanwhile took away what no reference led to yet.
                Ok(()) => {
                    self.take_back(tip);
                    races += 1;
                    if races >= RACES {
                        return Err(self.damaged());
                    }
                }
                Err(error) if self.tip() == tip => {
                    refusals += 1;
                    if refusals >= REFUSALS {
                        return Err(error);
                    }
                    std::thread::sleep(PAUSE);
                }
                Err(error) => {
                    races += 1;
                    if races >= RACES {
                        return Err(error);
                    }
                }
            }
        }
    }
}

/// Notes of others that a commit joins.
struct Elsewhere {
    tip: Oid,
    /// Notes on commits that are not here.
    blobs: BTreeMap<Oid, Oid>,
}
