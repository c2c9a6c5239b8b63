//! What other programs know of commits, brought to `refs/notes/codi2` with evidence that says so.
//!
//! Only lines that a commit brought are taken: of others a reader would never be led there. What codi2 knows itself
//! stays; names pass the redaction that all free text passes, and private files are left out. Absent on purpose: belief
//! in people that others name (`docs/formats.md`).

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use codi2_attribution::record::codi2::REFERENCE;
use codi2_attribution::record::{CommitRecord, agent_trace, git_ai};
use codi2_redaction::Redactor;
use codi2_workspace::past::Past;
use codi2_workspace::{Change, Commit, Note, Oid, Private};
use serde_json::json;

use super::{GIT_AI, complain_unread, completed, count, here, inward, listed, record, written};
use crate::cli::args::{Format, Import};
use crate::cli::failure::{Code, Failure};
use crate::cli::printer::{self, Printer};
use crate::cli::records;
use crate::settings::{self, Flags};

/// Commits whose changes are asked of git at once.
const BATCH: usize = 500;
/// Of what was passed over so much is said in words.
const SAID: usize = 100;

/// Brings in what others know.
pub fn import(command: &Import, flags: &Flags, printer: &mut Printer) -> Result<()> {
    let past = here()?;
    let (told, mut passed) = match command {
        Import::GitAi { range } => notes(&past, range)?,
        Import::AgentTrace { file } => traces(&past, file)?,
    };
    let told = clean(told, &records::private(&past, &settings::load(flags).settings)?);
    let (told, without) = brought(&past, told)?;
    if without > 0 {
        passed.push(format!("{} that their commits did not bring", count(without, "line")));
    }
    let (commits, written) = write(&past, told)?;
    let all = passed.len();
    passed.truncate(SAID);
    if all > SAID {
        passed.push(format!("{} more", all - SAID));
    }
    passed.iter().for_each(|why| printer::complain(&format!("codi2: passed over: {why}")));
    match printer.format() {
        Format::Json | Format::Jsonl => {
            printer.json(&json!({"commits": commits, "written": written, "passed": passed}))?;
        }
        Format::Compact => {
            printer.fields(&[&commits.to_string(), &written.to_string(), &all.to_string()])?;
        }
        Format::Human => printer.line(&format!(
            "{} told of, {} written to {REFERENCE}, {} passed over",
            count(commits, "commit"),
            count(written, "note"),
            all
        ))?,
    }
    printer.flush()
}

/// A commit, and what is told of it, in the paths of the protocol.
type Told = Vec<(Commit, CommitRecord)>;

/// The notes of the Git AI standard on a range of commits.
fn notes(past: &Past, range: &str) -> Result<(Told, Vec<String>)> {
    let commits = listed(past, range)?;
    let ids: Vec<Oid> = commits.iter().map(|listed| listed.commit.id).collect();
    let mut source = past.notes(GIT_AI)?;
    let mut notes = source.read(&ids)?;
    let (mut told, mut passed) = (Vec::new(), Vec::new());
    passed.extend(source.unread().map(|(id, why)| format!("the note of {id} in {GIT_AI}: {why}")));
    if notes.is_empty() && passed.is_empty() {
        return Err(anyhow!("no commit of {range} has a note in {GIT_AI}")).code(Failure::NotFound);
    }
    for listed in commits {
        let id = listed.commit.id;
        let Some(note) = notes.remove(&id) else { continue };
        let text = String::from_utf8(note).map_err(|_| "it is not UTF-8".to_owned());
        match text.and_then(|text| git_ai::Note::parse(&text).map_err(|error| error.to_string())) {
            Ok(note) => told.push((listed.commit, inward(note.record(&id.to_string())))),
            Err(why) => passed.push(format!("the note of {id} in {GIT_AI}: {why}")),
        }
    }
    Ok((told, passed))
}

/// The records of Agent Trace in a file.
fn traces(past: &Past, file: &Path) -> Result<(Told, Vec<String>)> {
    let mut text = String::new();
    let most = agent_trace::TRACE_BYTES as u64 + 1;
    let read = match file.to_str() {
        Some("-") => std::io::stdin().lock().take(most).read_to_string(&mut text),
        _ => {
            let file = File::open(file).with_context(|| format!("{} cannot be read", file.display()));
            file.code(Failure::NotFound)?.take(most).read_to_string(&mut text)
        }
    };
    read.with_context(|| format!("{} cannot be read", file.display()))?;
    let mut read = agent_trace::read(&text).with_context(|| file.display().to_string())?;
    let ids: Vec<Oid> = read.records.iter().filter_map(|record| Oid::parse(&record.commit)).collect();
    let mut there: HashMap<Oid, Commit> =
        past.reader()?.these(&ids)?.into_iter().map(|commit| (commit.id, commit)).collect();
    let mut told = Vec::new();
    for record in read.records {
        match Oid::parse(&record.commit).and_then(|id| there.remove(&id)) {
            Some(commit) => told.push((commit, inward(record))),
            None => read.passed.push(format!("commit {} is not here", record.commit)),
        }
    }
    Ok((told, read.passed))
}

/// Without secrets in names, and without private files.
fn clean(mut told: Told, private: &Private) -> Told {
    let redactor = Redactor::new(None);
    for (_, record) in &mut told {
        record.files.retain(|file| !private.covers(&file.path));
        for owner in &mut record.owners {
            let verdict = &mut owner.verdict;
            let actors = [Some(&mut verdict.origin), verdict.modifier.as_mut(), verdict.acceptor.as_mut()];
            actors.into_iter().flatten().for_each(|actor| codi2_ipc::door::pass(&redactor, actor));
            for evidence in &mut verdict.evidence {
                evidence.detail = redactor.words(&evidence.detail).into_owned();
            }
        }
    }
    told
}

/// Only the lines that each commit brought, and how many others there were.
fn brought(past: &Past, told: Told) -> Result<(Vec<(Oid, CommitRecord)>, usize)> {
    let (mut git, mut kept, mut without) = (past.reader()?, Vec::new(), 0);
    for batch in told.chunks(BATCH) {
        let commits: Vec<Commit> = batch.iter().map(|(commit, _)| commit.clone()).collect();
        let changes = git.changes(&commits)?;
        for ((commit, record), changes) in batch.iter().zip(changes) {
            let lines: HashMap<&str, &Change> = changes.iter().map(|change| (change.path.as_str(), change)).collect();
            let within = record.within(|path| lines.get(path).map_or(&[][..], |change| change.lines.as_slice()));
            without += record.lines() - within.lines();
            kept.push((commit.id, within));
        }
    }
    Ok((kept, without))
}

/// Puts what is told under what is known; how many commits it tells of, and how many notes changed.
fn write(past: &Past, told: Vec<(Oid, CommitRecord)>) -> Result<(usize, usize)> {
    let told: HashMap<Oid, CommitRecord> = told.into_iter().filter(|(_, record)| !record.files.is_empty()).collect();
    let mut ids: Vec<Oid> = told.keys().copied().collect();
    ids.sort_unstable();
    let mut notes = past.notes(REFERENCE)?;
    let changed = notes.write(&ids, &mut |commit, there| {
        let Some(theirs) = told.get(&commit) else { return Note::Keep };
        let Some(there) = there else { return written(commit, theirs) };
        // What cannot be read is not written over.
        let Some(ours) = record(commit, there, REFERENCE) else { return Note::Keep };
        completed(commit, &ours, theirs)
    })?;
    complain_unread(&notes, REFERENCE);
    Ok((ids.len(), changed))
}
