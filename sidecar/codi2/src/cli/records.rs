//! What is known of commits, read from git's notes: many at once, each once.
//!
//! Absent on purpose: the hub. What is committed is known from its notes alone, in any clone that has them.

use std::collections::HashMap;

use anyhow::{Context, Result};
use codi2_attribution::record::CommitRecord;
use codi2_workspace::past::{Past, PastError};
use codi2_workspace::{Notes, Oid};

use super::failure::{Code, Failure};
use super::printer;

/// Where codi2 keeps what it knows of commits.
pub const REFERENCE: &str = "refs/notes/codi2";

/// Records of commits as they were asked for.
pub struct Records<'a> {
    past: &'a Past,
    notes: Option<Notes>,
    known: HashMap<String, Option<CommitRecord>>,
    unread: u64,
}

impl<'a> Records<'a> {
    /// Nothing read yet.
    pub fn new(past: &'a Past) -> Self {
        Self { past, notes: None, known: HashMap::new(), unread: 0 }
    }

    /// Reads the notes of these commits, as far as they were not read before. A note that makes no sense, or is not here,
    /// is told of and counts as none.
    ///
    /// # Errors
    /// The notes cannot be read.
    pub fn fetch<'b>(&mut self, commits: impl IntoIterator<Item = &'b str>) -> Result<()> {
        let mut wanted: Vec<Oid> = Vec::new();
        for commit in commits {
            if !self.known.contains_key(commit) {
                self.known.insert(commit.to_owned(), None);
                wanted.extend(Oid::parse(commit));
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let failed = || format!("the notes in {REFERENCE} cannot be read");
        let notes = match &mut self.notes {
            Some(notes) => notes,
            None => self.notes.insert(self.past.notes(REFERENCE).with_context(failed)?),
        };
        let mut found = notes.read(&wanted).with_context(failed)?;
        for (commit, why) in notes.unread() {
            self.unread += 1;
            printer::complain(&format!("codi2: the note of {commit} cannot be read: {why}"));
        }
        for commit in wanted {
            let Some(note) = found.remove(&commit) else { continue };
            let commit = commit.to_string();
            match codi2_attribution::record::codi2::read(&commit, &note) {
                Ok(record) => drop(self.known.insert(commit, Some(record))),
                Err(error) => {
                    self.unread += 1;
                    printer::complain(&format!("codi2: the note of {commit} makes no sense: {error}"));
                }
            }
        }
        Ok(())
    }

    /// How many notes there were that could not be read.
    pub fn unread(&self) -> u64 {
        self.unread
    }

    /// The record of a commit that was fetched, if it has a note.
    pub fn record(&self, commit: &str) -> Option<&CommitRecord> {
        self.known.get(commit)?.as_ref()
    }
}

/// The error, with the exit code of what git does not know.
pub fn fate(error: PastError) -> anyhow::Error {
    match error {
        PastError::NoProgram(_)
        | PastError::NoRevision { .. }
        | PastError::NoFile { .. }
        | PastError::NoRepository(_)
        | PastError::Place(_) => match Err::<(), _>(error).code(Failure::NotFound) {
            Err(coded) => coded,
            Ok(()) => unreachable!("an error stays one"),
        },
        other => other.into(),
    }
}
