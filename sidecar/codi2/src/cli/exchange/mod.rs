//! `codi2 export`, `codi2 import` and `codi2 notes merge`: what is known of commits, for others and from others.
//!
//! Works on git alone, from `refs/notes/codi2`: no hub is asked, none is started. Paths of records are the protocol's;
//! other formats have them as git does, so they are turned at this border. Absent on purpose: what the formats say of a
//! line (`codi2_attribution::record`), and any write that nobody asked for.

mod export;
mod import;
mod merge;

pub use export::export;
pub use import::import;
pub use merge::run as notes;

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};
use codi2_attribution::record::{CommitRecord, codi2};
use codi2_workspace::{Commits, Listed, Note, Notes, Oid, Place, from_relative, to_relative};

use super::failure::{Code, Failure};
use super::printer;

/// Where codi2 keeps what it knows of commits.
const OURS: &str = "refs/notes/codi2";
/// Where the Git AI standard keeps it.
const GIT_AI: &str = "refs/notes/ai";

/// The repository that holds the working folder.
fn here() -> Result<Place> {
    let folder = std::env::current_dir().context("no working folder")?;
    codi2_workspace::identify(&folder).code(Failure::NotFound)
}

/// The commits of a range, parents first.
fn listed(place: &Place, range: &str) -> Result<Vec<Listed>> {
    Commits::open(place)?.listed(range).code(Failure::NotFound)
}

/// What codi2 knows of these commits; a note that cannot be read is named, and left out.
fn known(place: &Place, commits: &[Listed]) -> Result<HashMap<Oid, CommitRecord>> {
    let ids: Vec<Oid> = commits.iter().map(|listed| listed.commit.id).collect();
    let notes = Notes::open(place, OURS)?.read(&ids)?;
    Ok(notes.into_iter().filter_map(|(id, note)| Some((id, record(id, &note, OURS)?))).collect())
}

/// A note of codi2's, or a complaint.
fn record(commit: Oid, note: &[u8], reference: &str) -> Option<CommitRecord> {
    match codi2::read(&commit.to_string(), note) {
        Ok(record) => Some(record),
        Err(error) => {
            complain(commit, reference, &error.to_string());
            None
        }
    }
}

/// What becomes of a note of ours when `theirs` is told beside it.
fn completed(ours: &CommitRecord, theirs: &CommitRecord) -> Note {
    let both = ours.completed_by(theirs);
    // Put together in the same way, whoever wrote the note.
    if both == ours.completed_by(ours) { Note::Keep } else { Note::Write(codi2::write(&both).0.into()) }
}

/// Says which note makes no sense; it is left as it is.
fn complain(commit: Oid, reference: &str, why: &str) {
    printer::complain(&format!("codi2: the note of {commit} in {reference} is passed over: {why}"));
}

/// The record with paths as git has them; files whose names are no UTF-8 are left out, no other format has them.
fn outward(mut record: CommitRecord) -> CommitRecord {
    record.files.retain_mut(|file| match from_relative(&file.path).as_deref().and_then(Path::to_str) {
        Some(path) => {
            file.path = path.to_owned();
            true
        }
        None => false,
    });
    record
}

/// The record with paths as the protocol has them; what is no path below the root is left out.
fn inward(mut record: CommitRecord) -> CommitRecord {
    record.files.retain_mut(|file| match to_relative(Path::new(&file.path)) {
        Some(path) => {
            file.path = path;
            true
        }
        None => false,
    });
    record
}

/// `1 note`, `2 notes`.
fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
