//! What codi2 knows of commits, in a format that others read: printed, or written to `refs/notes/ai` when asked.
//!
//! Absent on purpose: commits without a note of codi2's. Nothing is known of them, and nothing is said.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Result, anyhow};
use codi2_attribution::record::agent_trace::Trace;
use codi2_attribution::record::{CommitRecord, git_ai};
use codi2_workspace::past::Past;
use codi2_workspace::{Note, Oid};
use serde::Serialize;
use serde_json::json;

use super::{GIT_AI, complain, count, here, known, listed, outward};
use crate::cli::args::{Export, Format};
use crate::cli::failure::{Code, Failure};
use crate::cli::printer::Printer;
use crate::cli::when;

/// This program's version, as what it writes names it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Prints or writes what is known of a range of commits.
pub fn export(command: &Export, printer: &mut Printer) -> Result<()> {
    let past = here()?;
    match command {
        Export::AgentTrace { range } => {
            let traces = each(&past, range, |record, at| Trace::of(record, &when::rfc3339(at), VERSION))?;
            let traces: Vec<Trace> = traces.into_iter().map(|(_, trace)| trace).filter(|it| !it.is_empty()).collect();
            tells(range, &traces)?;
            print(&traces, printer)
        }
        Export::GitAi { range, write_notes } => {
            let notes = each(&past, range, |record, _| git_ai::Note::of(record, VERSION))?;
            let notes: Vec<(Oid, git_ai::Note)> = notes.into_iter().filter(|(_, note)| !note.is_empty()).collect();
            tells(range, &notes)?;
            if *write_notes { write(&past, &notes, printer) } else { show(&notes, printer) }
        }
    }
}

/// Makes something of every commit of a range of which codi2 knows, oldest first.
fn each<T>(past: &Past, range: &str, make: impl Fn(&CommitRecord, u64) -> T) -> Result<Vec<(Oid, T)>> {
    let commits = listed(past, range)?;
    let mut known = known(past, &commits)?;
    if known.is_empty() {
        let none =
            anyhow!("no commit of {range} has a note of codi2's: `codi2 notes merge` gets those of other clones");
        return Err(none).code(Failure::NotFound);
    }
    let made = commits.iter().filter_map(|listed| {
        let record = outward(known.remove(&listed.commit.id)?);
        Some((listed.commit.id, make(&record, listed.at_ms)))
    });
    Ok(made.collect())
}

/// Checks that anything is left of what is known of a range.
///
/// # Errors
/// The format has words for none of it.
fn tells<T>(range: &str, all: &[T]) -> Result<()> {
    match all {
        [] => {
            Err(anyhow!("of no commit of {range} is anything known that this format can tell")).code(Failure::NotFound)
        }
        _ => Ok(()),
    }
}

/// One a line, but for one JSON document.
fn print(all: &[impl Serialize], printer: &mut Printer) -> Result<()> {
    match printer.format() {
        Format::Json => printer.json(&all)?,
        _ => all.iter().try_for_each(|one| printer.json(one))?,
    }
    printer.flush()
}

fn show(notes: &[(Oid, git_ai::Note)], printer: &mut Printer) -> Result<()> {
    if matches!(printer.format(), Format::Json | Format::Jsonl) {
        let shown =
            |(commit, note): &(Oid, git_ai::Note)| json!({"commit": commit.to_string(), "note": note.to_string()});
        return print(&notes.iter().map(shown).collect::<Vec<_>>(), printer);
    }
    for (commit, note) in notes {
        printer.line(&format!("commit {commit}"))?;
        note.to_string().lines().try_for_each(|line| printer.line(line))?;
    }
    printer.flush()
}

/// Puts the notes over what lies in `refs/notes/ai`.
fn write(past: &Past, notes: &[(Oid, git_ai::Note)], printer: &mut Printer) -> Result<()> {
    let commits: Vec<Oid> = notes.iter().map(|(commit, _)| *commit).collect();
    let ours: HashMap<Oid, &git_ai::Note> = notes.iter().map(|(commit, note)| (*commit, note)).collect();
    let mut unread = BTreeMap::new();
    let mut all = past.notes(GIT_AI)?;
    let written = all.write(&commits, &mut |commit, there| {
        let Some(ours) = ours.get(&commit) else { return Note::Keep };
        let Some(there) = there else { return Note::Write(ours.to_string().into_bytes()) };
        let theirs = std::str::from_utf8(there).map_err(|_| "it is not UTF-8".to_owned());
        match theirs.and_then(|text| git_ai::Note::parse(text).map_err(|error| error.to_string())) {
            Ok(theirs) => {
                let both = git_ai::Note::clone(ours).over(theirs.clone());
                if both == theirs { Note::Keep } else { Note::Write(both.to_string().into_bytes()) }
            }
            Err(why) => {
                unread.insert(commit, why);
                Note::Keep
            }
        }
    })?;
    unread.extend(all.unread().map(|(commit, why)| (commit, why.to_string())));
    unread.iter().for_each(|(commit, why)| complain(*commit, GIT_AI, why));
    let kept = notes.len().saturating_sub(written + unread.len());
    match printer.format() {
        Format::Json | Format::Jsonl => {
            printer.json(&json!({"reference": GIT_AI, "written": written, "kept": kept, "unread": unread.len()}))?;
        }
        Format::Compact => {
            printer.fields(&[GIT_AI, &written.to_string(), &kept.to_string(), &unread.len().to_string()])?;
        }
        Format::Human => {
            printer.line(&format!("{} written to {GIT_AI}, {kept} as they were", count(written, "note")))?;
        }
    }
    printer.flush()
}
