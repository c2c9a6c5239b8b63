//! What is known of commits, read from git's notes: many at once, each once.
//!
//! Absent on purpose: the hub. What is committed is known from its notes alone, in any clone that has them.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};
use codi2_attribution::record::CommitRecord;
use codi2_attribution::record::codi2::{self, REFERENCE};
use codi2_config::Settings;
use codi2_workspace::past::{Past, PastError};
use codi2_workspace::{Notes, Oid, Private};

use super::failure::{Code, Failure};
use super::printer;

/// The repository that holds a folder, for a command that a person waits for: what a partial clone lacks is fetched.
///
/// # Errors
/// No repository.
pub fn past(folder: &Path) -> Result<Past> {
    Past::open(folder).map(Past::fetching).map_err(fate)
}

/// Which files no note tells of, as the hub has it: by these settings and the repository's own.
///
/// # Errors
/// A glob of theirs is none.
pub fn private(past: &Past, settings: &Settings) -> Result<Private> {
    let private = Private::new(&settings.watch.private, codi2_redaction::holds_token);
    private.and_then(|private| private.at(past.root())).context("the private globs make no sense")
}

/// Records of commits as they were asked for.
pub struct Records<'a> {
    past: &'a Past,
    notes: Option<Notes>,
    known: HashMap<String, Option<CommitRecord>>,
    unread: u64,
    complains: bool,
}

impl<'a> Records<'a> {
    /// Nothing read yet.
    pub fn new(past: &'a Past) -> Self {
        Self { past, notes: None, known: HashMap::new(), unread: 0, complains: true }
    }

    /// The same, where nobody reads complaints: what makes no sense counts as nothing.
    pub fn quiet(past: &'a Past) -> Self {
        Self { complains: false, ..Self::new(past) }
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
        let notes = match &mut self.notes {
            Some(notes) => notes,
            None => self.notes.insert(self.past.notes(REFERENCE).with_context(failed)?),
        };
        let (found, unread) = read(notes, &wanted, self.complains)?;
        self.unread += unread;
        self.known.extend(found.into_iter().map(|(commit, record)| (commit.to_string(), Some(record))));
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

fn failed() -> String {
    format!("the notes in {REFERENCE} cannot be read")
}

/// What notes of ours say of these commits. Those that cannot be read are left out, and told of if it `complains`; how many
/// they are.
///
/// # Errors
/// The notes cannot be read.
pub fn read(notes: &mut Notes, commits: &[Oid], complains: bool) -> Result<(HashMap<Oid, CommitRecord>, u64)> {
    let found = notes.read(commits).with_context(failed)?;
    let mut unread = if complains { complain_unread(notes, REFERENCE) } else { notes.unread().count() as u64 };
    let mut records = HashMap::new();
    for commit in commits {
        let Some(note) = found.get(commit) else { continue };
        let known = match complains {
            true => record(*commit, note, REFERENCE),
            false => codi2::read(&commit.to_string(), note).ok(),
        };
        match known {
            Some(record) => drop(records.insert(*commit, record)),
            None => unread += 1,
        }
    }
    Ok((records, unread))
}

/// A note of codi2's, or a complaint.
pub fn record(commit: Oid, note: &[u8], reference: &str) -> Option<CommitRecord> {
    match codi2::read(&commit.to_string(), note) {
        Ok(record) => Some(record),
        Err(error) => {
            complain(commit, reference, &error.to_string());
            None
        }
    }
}

/// Says which notes were asked for last and could not be read; how many they are.
pub fn complain_unread(notes: &Notes, reference: &str) -> u64 {
    notes.unread().inspect(|(commit, why)| complain(*commit, reference, &why.to_string())).count() as u64
}

/// Says which note makes no sense; it is left as it is.
pub fn complain(commit: Oid, reference: &str, why: &str) {
    printer::complain(&format!("codi2: the note of {commit} in {reference} is passed over: {why}"));
}

/// The error, with the exit code of what git does not know.
pub fn fate(error: PastError) -> anyhow::Error {
    match error {
        PastError::NoProgram(_)
        | PastError::NotTrusted(_)
        | PastError::NoRevision { .. }
        | PastError::NoCommit(_)
        | PastError::NoFile { .. }
        | PastError::NoRepository(_)
        | PastError::Missing(_)
        | PastError::Place(_) => match Err::<(), _>(error).code(Failure::NotFound) {
            Err(coded) => coded,
            Ok(()) => unreachable!("an error stays one"),
        },
        other => other.into(),
    }
}
