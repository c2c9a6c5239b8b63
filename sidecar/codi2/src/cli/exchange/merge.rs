//! `codi2 notes merge`: what other clones know of commits joins what this one knows.
//!
//! Absent on purpose: pushing. It is one word of git's, and others see it: `git push origin refs/notes/codi2`.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use codi2_attribution::record::codi2::{self, REFERENCE};
use codi2_workspace::past::Past;
use codi2_workspace::{Joined, Note, Notes, Oid, Unread};
use serde_json::json;

use super::{complain_unread, completed, count, here, record, written};
use crate::cli::args::{Format, NotesCommand};
use crate::cli::failure::{Code, Failure};
use crate::cli::printer::Printer;

/// Notes that are looked at together for one of codi2's.
const TOGETHER: usize = 64;

/// Joins notes of other clones with ours.
pub fn run(command: &NotesCommand, printer: &mut Printer) -> Result<()> {
    let NotesCommand::Merge { refs, from } = command;
    let past = here()?;
    let references = match refs.as_slice() {
        [] => vec![fetched(&past, from)?],
        refs => refs.iter().map(|name| named(name)).collect::<Result<_>>()?,
    };
    let (mut all, mut failed) = (Vec::new(), None);
    for full in &references {
        match join(&past, full) {
            Ok(joined) => all.push((full, joined)),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    // What was joined before one that could not be is joined, and said.
    if failed.is_none() || !all.is_empty() {
        print(&all, printer)?;
    }
    failed.map_or(Ok(()), Err)
}

fn print(all: &[(&String, Joined)], printer: &mut Printer) -> Result<()> {
    let json = |(reference, joined): &(&String, Joined)| {
        let Joined { notes, written, elsewhere } = joined;
        json!({"reference": reference, "notes": notes, "written": written, "elsewhere": elsewhere})
    };
    match printer.format() {
        Format::Json => printer.json(&all.iter().map(json).collect::<Vec<_>>())?,
        Format::Jsonl => all.iter().try_for_each(|one| printer.json(&json(one)))?,
        Format::Compact => {
            for (reference, Joined { notes, written, elsewhere }) in all {
                printer.fields(&[reference, &notes.to_string(), &written.to_string(), &elsewhere.to_string()])?;
            }
        }
        Format::Human => {
            for (reference, Joined { notes, written, elsewhere }) in all {
                let notes = count(*notes, "note");
                let row =
                    format!("{reference}: {notes}, {written} changed here, {elsewhere} of commits that are not here");
                printer.line(&row)?;
            }
        }
    }
    printer.flush()
}

/// The full name of a reference that may hold notes of others.
fn named(name: &str) -> Result<String> {
    let full = if name.starts_with("refs/") { name.to_owned() } else { format!("refs/notes/{name}") };
    if full == REFERENCE {
        return Err(anyhow!("{REFERENCE} holds the notes of this clone; name those of another")).code(Failure::Usage);
    }
    if !full.starts_with("refs/notes/") {
        return Err(anyhow!("{full} holds no notes: they lie below refs/notes/")).code(Failure::Usage);
    }
    Ok(full)
}

/// Where the notes of a remote lie after they were fetched.
fn fetched(past: &Past, remote: &str) -> Result<String> {
    if !past.has_remote(remote) {
        let known = "`git remote -v` lists those there are, `git remote add NAME URL` makes one";
        return Err(anyhow!("{remote:?} is no remote of this repository; {known}")).code(Failure::NotFound);
    }
    let reference = format!("{REFERENCE}-{remote}");
    match past.notes(&reference)?.fetch(remote, REFERENCE)? {
        true => Ok(reference),
        false => Err(anyhow!("{remote} has no {REFERENCE} yet; `git push {remote} {REFERENCE}` brings yours there"))
            .code(Failure::NotFound),
    }
}

fn join(past: &Past, reference: &str) -> Result<Joined> {
    let mut theirs = past.notes(reference)?;
    if theirs.tip().is_none() {
        return Err(anyhow!("there are no notes in {reference}; `git fetch` gets them")).code(Failure::NotFound);
    }
    // What holds anything else would become a parent of ours.
    if !holds_ours(&mut theirs, reference)? {
        return Err(anyhow!("{reference} holds no note of codi2's; nothing was joined")).code(Failure::Usage);
    }
    let mut told: BTreeSet<Oid> = BTreeSet::new();
    let mut ours = past.notes(REFERENCE)?;
    let joined = ours.join(&mut theirs, &mut |commit, ours, theirs| {
        // Asked again where somebody else wrote meanwhile, it says so once.
        let mut read = |note: &[u8], reference| match told.contains(&commit) {
            true => codi2::read(&commit.to_string(), note).ok(),
            false => record(commit, note, reference).or_else(|| {
                told.insert(commit);
                None
            }),
        };
        match (read(theirs, reference), ours) {
            (Some(theirs), None) => written(commit, &theirs),
            (Some(theirs), Some(ours)) => {
                read(ours, REFERENCE).map_or(Note::Keep, |ours| completed(commit, &ours, &theirs))
            }
            // A later program's, or a damaged one: a push would take it from whoever can read or mend it.
            (None, None) if codi2::is_ours(theirs) => Note::Write(theirs.to_vec()),
            (None, _) => Note::Keep,
        }
    })?;
    for (notes, reference) in [(&theirs, reference), (&ours, REFERENCE)] {
        complain_unread(notes, reference);
    }
    Ok(joined)
}

/// Whether any note is one of codi2's, or there is nothing else either: all were taken back.
fn holds_ours(notes: &mut Notes, reference: &str) -> Result<bool> {
    let mut missing = 0;
    for some in notes.noted()?.chunks(TOGETHER) {
        if notes.read(some)?.values().any(|note| codi2::is_ours(note)) {
            return Ok(true);
        }
        missing += notes.unread().filter(|(_, why)| *why == Unread::Missing).count();
    }
    if missing > 0 {
        let remote = reference.strip_prefix(&format!("{REFERENCE}-")).unwrap_or("origin");
        let todo = format!("`git fetch --refetch --no-filter {remote} +{REFERENCE}:{REFERENCE}-{remote}` gets them");
        let texts = format!("the texts of {} in {reference}", count(missing, "note"));
        return Err(anyhow!("{texts} are not in this partial clone; {todo}")).code(Failure::NotFound);
    }
    Ok(notes.is_empty()?)
}
