//! Notes on commits: reading many, and writing many in one commit on their reference.
//!
//! Reading takes trees fanned out in any way. Writing goes through `git fast-import`, which knows every format of
//! repository and fans out as git does. It takes no lock but the reference's own, for the moment in which that moves; no
//! index, no worktree and no hook is touched. The reference moves only from where it was read: whoever loses a race reads
//! again, and no note of the other is lost. Absent on purpose: what a note says.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Oid, View, ViewError};
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

/// The notes of one repository under one reference.
pub struct Notes {
    view: View,
    reference: String,
}

impl Notes {
    /// Opens the notes under a full reference, for example `refs/notes/codi2`, which need not exist.
    ///
    /// # Errors
    /// The repository cannot be read, or the place is a plain folder.
    pub fn open(place: &Place, reference: &str) -> Result<Self, ViewError> {
        Ok(Self { view: View::of(place)?, reference: reference.to_owned() })
    }

    /// The notes under a full reference, of a repository that is open.
    pub(super) fn of(view: View, reference: &str) -> Self {
        Self { view, reference: reference.to_owned() }
    }

    /// The newest commit of notes; none where no note was ever written.
    pub fn tip(&self) -> Option<Oid> {
        self.view.reference(&self.reference)
    }

    /// The notes on these commits; those without one are left out, and those longer than 16 MB.
    ///
    /// # Errors
    /// The notes cannot be read.
    pub fn read(&mut self, on: &[Oid]) -> Result<HashMap<Oid, Vec<u8>>, ViewError> {
        let Some(tip) = self.tip() else { return Ok(HashMap::new()) };
        self.read_at(tip, on)
    }

    /// Every commit that has a note.
    ///
    /// # Errors
    /// The notes cannot be read.
    pub fn noted(&self) -> Result<Vec<Oid>, ViewError> {
        let Some(tip) = self.tip() else { return Ok(Vec::new()) };
        Ok(self.blobs(tip)?.into_keys().collect())
    }

    fn read_at(&mut self, tip: Oid, on: &[Oid]) -> Result<HashMap<Oid, Vec<u8>>, ViewError> {
        let found = match &self.view.library {
            Some(library) => library.notes(tip, on).ok_or_else(|| self.damaged())?,
            None => {
                let all = self.blobs(tip)?;
                on.iter().filter_map(|commit| Some((*commit, *all.get(commit)?))).collect()
            }
        };
        let mut notes = HashMap::new();
        for (commit, blob) in found {
            if self.view.blob_size(blob).is_some_and(|size| size <= NOTE_BYTES) {
                notes.insert(commit, self.view.blob(blob).ok_or_else(|| self.damaged())?);
            } else {
                tracing::warn!(%commit, reference = self.reference, "a note is too long to be read, or gone");
            }
        }
        self.view.rest();
        Ok(notes)
    }

    fn damaged(&self) -> ViewError {
        ViewError::Read(format!("{} is damaged: `git fsck` tells more", self.reference))
    }

    /// The blob of every note.
    fn blobs(&self, tip: Oid) -> Result<BTreeMap<Oid, Oid>, ViewError> {
        let listing = self.view.program.output(&["ls-tree", "-r", "-z", &tip.to_string()])?;
        let entry = |line: &[u8]| {
            let (head, path) = std::str::from_utf8(line).ok()?.split_once('\t')?;
            let blob = Oid::parse(head.strip_prefix("100644 blob ")?)?;
            Some((Oid::parse(&path.replace('/', ""))?, blob))
        };
        Ok(listing.split(|byte| *byte == 0).filter_map(entry).collect())
    }

    /// Asks `note` what becomes of each of these commits' notes, given the one that is there, and writes all of it in one
    /// commit; says how many changed. Where somebody else moved the reference meanwhile it is asked again.
    ///
    /// # Errors
    /// The notes cannot be read or written; none of them is.
    pub fn write(&mut self, on: &[Oid], note: &mut dyn FnMut(Oid, Option<&[u8]>) -> Note) -> Result<usize, ViewError> {
        let (mut races, mut refusals) = (0, 0);
        loop {
            let tip = self.tip();
            let there = match tip {
                Some(tip) => self.read_at(tip, on)?,
                None => HashMap::new(),
            };
            let changes: Vec<(Oid, Note)> = on
                .iter()
                .map(|commit| (*commit, note(*commit, there.get(commit).map(Vec::as_slice))))
                .filter(|(commit, note)| match note {
                    Note::Keep => false,
                    Note::Write(text) => there.get(commit) != Some(text),
                    Note::Remove => there.contains_key(commit),
                })
                .collect();
            if changes.is_empty() {
                return Ok(0);
            }
            let stream = stream(&self.reference, tip, &changes);
            match self.view.program.converse(&["fast-import", "--quiet", "--date-format=raw"], &stream, |_| Ok(())) {
                Ok(()) => return Ok(changes.len()),
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

/// What `git fast-import` is told.
fn stream(reference: &str, tip: Option<Oid>, changes: &[(Oid, Note)]) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let message = "Notes by codi2\n";
    let mut out = Vec::new();
    let mut tell = |bytes: &[u8]| out.extend_from_slice(bytes);
    tell(format!("commit {reference}\ncommitter codi2 <codi2@localhost> {now} +0000\n").as_bytes());
    tell(format!("data {}\n{message}", message.len()).as_bytes());
    if let Some(tip) = tip {
        tell(format!("from {tip}\n").as_bytes());
    }
    for (commit, note) in changes {
        match note {
            Note::Write(text) => {
                tell(format!("N inline {commit}\ndata {}\n", text.len()).as_bytes());
                tell(text);
                tell(b"\n");
            }
            Note::Remove => tell(format!("N {} {commit}\n", "0".repeat(commit.to_string().len())).as_bytes()),
            Note::Keep => {}
        }
    }
    out
}
