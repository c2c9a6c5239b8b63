//! `codi2 notes merge`: what other clones know of commits joins what this one knows.
//!
//! Absent on purpose: pushing. It is one word of git's, and others see it: `git push origin refs/notes/codi2`.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use codi2_attribution::record::codi2::REFERENCE;
use codi2_workspace::past::Past;
use codi2_workspace::{Joined, Note, Oid};
use serde_json::json;

use super::{complain_unread, completed, count, here, record, written};
use crate::cli::args::{Format, NotesCommand};
use crate::cli::failure::{Code, Failure};
use crate::cli::printer::Printer;

/// Joins notes of other clones with ours.
pub fn run(command: &NotesCommand, printer: &mut Printer) -> Result<()> {
    let NotesCommand::Merge { refs, from } = command;
    let past = here()?;
    let references = match refs.as_slice() {
        [] => vec![fetched(&past, from)?],
        refs => refs.iter().map(|name| named(name)).collect::<Result<_>>()?,
    };
    for full in &references {
        let joined = join(&past, full)?;
        match printer.format() {
            Format::Json | Format::Jsonl => printer.json(&json!({
                "reference": full, "notes": joined.notes, "written": joined.written, "elsewhere": joined.elsewhere,
            }))?,
            Format::Compact => printer.fields(&[
                full,
                &joined.notes.to_string(),
                &joined.written.to_string(),
                &joined.elsewhere.to_string(),
            ])?,
            Format::Human => printer.line(&format!(
                "{full}: {}, {} changed here, {} of commits that are not here",
                count(joined.notes, "note"),
                joined.written,
                joined.elsewhere
            ))?,
        }
    }
    printer.flush()
}

/// The full name of a reference that holds notes of others. What holds anything else would become a parent of ours.
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
    let mut unread: BTreeSet<Oid> = BTreeSet::new();
    let mut ours = past.notes(REFERENCE)?;
    let joined = ours.join(&mut theirs, &mut |commit, ours, theirs| {
        if unread.contains(&commit) {
            return Note::Keep;
        }
        let Some(theirs) = record(commit, theirs, reference) else {
            unread.insert(commit);
            return Note::Keep;
        };
        let Some(ours) = ours else { return written(commit, &theirs) };
        let Some(ours) = record(commit, ours, REFERENCE) else {
            unread.insert(commit);
            return Note::Keep;
        };
        completed(commit, &ours, &theirs)
    })?;
    for (notes, reference) in [(&theirs, reference), (&ours, REFERENCE)] {
        complain_unread(notes, reference);
    }
    Ok(joined)
}
