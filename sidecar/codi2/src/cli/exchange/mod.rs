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
use codi2_attribution::record::CommitRecord;
use codi2_attribution::record::codi2::{self, REFERENCE};
use codi2_workspace::past::Past;
use codi2_workspace::{Listed, Note, Oid, from_relative, to_relative};

use super::failure::{Code, Failure};
use super::printer;
use super::records::{self, complain, complain_unread, record};

/// Where the Git AI standard keeps it.
const GIT_AI: &str = "refs/notes/ai";

/// The repository that holds the working folder; it need not have a worktree.
fn here() -> Result<Past> {
    let folder = std::env::current_dir().context("no working folder")?;
    records::past(&folder)
}

/// The commits of a range, parents first.
fn listed(past: &Past, range: &str) -> Result<Vec<Listed>> {
    past.reader()?.listed(range).code(Failure::NotFound)
}

/// What codi2 knows of these commits; a note that cannot be read is named, and left out.
fn known(past: &Past, commits: &[Listed]) -> Result<HashMap<Oid, CommitRecord>> {
    let ids: Vec<Oid> = commits.iter().map(|listed| listed.commit.id).collect();
    Ok(records::read(&mut past.notes(REFERENCE)?, &ids, true)?.0)
}

/// What becomes of a note of ours when `theirs` is told beside it.
fn completed(commit: Oid, ours: &CommitRecord, theirs: &CommitRecord) -> Note {
    let both = ours.completed_by(theirs);
    // Put together in the same way, whoever wrote the note.
    if both == ours.completed_by(ours) { Note::Keep } else { written(commit, &both) }
}

/// A note of ours. One that had to leave files out stays as it was: what it says would be lost.
fn written(commit: Oid, record: &CommitRecord) -> Note {
    match codi2::write(record) {
        (text, 0) => Note::Write(text.into()),
        (_, left_out) => {
            let files = count(left_out, "file");
            printer::complain(&format!(
                "codi2: the note of {commit} in {REFERENCE} stays as it was: with all that is known it would be too long, and \
                 leave out {files}"
            ));
            Note::Keep
        }
    }
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
