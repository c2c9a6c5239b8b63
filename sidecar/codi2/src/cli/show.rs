//! `codi2 show`: a commit, and whose the lines are that it brought.
//!
//! Absent on purpose: the text of the lines (`codi2 diff COMMIT~ COMMIT`), the hub.

use anyhow::{Result, anyhow};
use codi2_attribution::report::{Brought, By, Run, Tally, runs};
use codi2_workspace::past::{CommitPatch, Keep};
use jiff::Zoned;
use serde::Serialize;

use super::args::{self, Format};
use super::failure::{Code, Failure};
use super::owned::{self, Owned};
use super::printer::Printer;
use super::records::{self, Records, fate};
use super::stats;

/// The JSON document.
#[derive(Debug, Serialize)]
struct View {
    commit: String,
    parents: Vec<String>,
    author: String,
    day: String,
    subject: String,
    /// Whether there is a note.
    note: bool,
    lines: u64,
    actors: Vec<Share>,
    files: Vec<File>,
}

/// How many lines are an actor's.
#[derive(Debug, Serialize)]
struct Share {
    actor: String,
    lines: u64,
}

#[derive(Debug, Serialize)]
struct File {
    file: String,
    ranges: Vec<Range>,
}

/// Lines in a row with one owner.
#[derive(Debug, Serialize)]
struct Range {
    first: u32,
    last: u32,
    #[serde(flatten)]
    owned: Owned,
}

/// Prints a commit.
pub fn run(show: &args::Show, printer: &mut Printer) -> Result<()> {
    let past = records::past(&std::env::current_dir()?)?;
    let hex = past.commit(&show.commit).map_err(fate)?;
    let mut found: Option<CommitPatch> = None;
    // It, and none of its parents.
    past.commits(&[&format!("{hex}^!")], &[], Keep::Numbers, &mut |commit| {
        found = Some(commit);
        Ok::<_, codi2_workspace::past::PastError>(())
    })
    .map_err(fate)?;
    let commit = found.ok_or_else(|| anyhow!("git shows nothing of {hex}")).code(Failure::NotFound)?;
    stats::tell_end(&past.shallow_ends().map_err(fate)?, &hex);
    let mut records = Records::new(&past);
    records.fetch([hex.as_str()])?;
    print(&view(commit, &records), printer)
}

fn view(commit: CommitPatch, records: &Records<'_>) -> View {
    let record = records.record(&commit.commit);
    let brought = stats::brought(&commit);
    let range = |run: Run<'_>| Range { first: run.first, last: run.last, owned: Owned::of(run.known) };
    let file = |(path, lines): (&String, &Vec<(u32, u32)>)| {
        let ranges = runs(lines, record, path).into_iter().map(range).collect();
        File { file: codi2_workspace::shown(path).into_owned(), ranges }
    };
    let files = brought.files.iter().map(file).collect();
    let lines = brought.lines();
    let actors = shares(brought, record);
    let CommitPatch { commit, parents, author, day, subject, .. } = commit;
    View { commit, parents, author, day, subject, note: record.is_some(), lines, actors, files }
}

fn shares(brought: Brought, record: Option<&codi2_attribution::record::CommitRecord>) -> Vec<Share> {
    let mut tally = Tally::new(By::Actor, false);
    tally.brought(brought, record);
    tally.rows().into_iter().map(|(actor, row)| Share { actor: actor.to_owned(), lines: row.lines }).collect()
}

fn print(view: &View, printer: &mut Printer) -> Result<()> {
    match printer.format() {
        Format::Json | Format::Jsonl => printer.json(view)?,
        Format::Compact => {
            for (file, range) in view.files.iter().flat_map(|file| file.ranges.iter().map(move |range| (file, range))) {
                let (numbers, owned) = ([range.first.to_string(), range.last.to_string()], range.owned.fields());
                let mut fields = vec![file.file.as_str()];
                fields.extend(numbers.iter().chain(&owned).map(String::as_str));
                printer.fields(&fields)?;
            }
        }
        Format::Human => lines(view, &Zoned::now()).iter().try_for_each(|line| printer.line(line))?,
    }
    printer.flush()
}

fn lines(view: &View, now: &Zoned) -> Vec<String> {
    let mut out = vec![format!("commit {}", view.commit), format!("author {}, {}", view.author, view.day)];
    out.push(format!("       {}", view.subject));
    let note = if view.note { "" } else { ", without a note" };
    out.push(format!("{} brought{note}", stats::counted(view.lines, "line")));
    let width = owned::width(view.actors.iter().map(|share| &share.actor));
    let share = |share: &Share| {
        format!("  {:<width$}  {:>7}  {}", share.actor, share.lines, stats::percent(share.lines, view.lines))
    };
    out.extend(view.actors.iter().map(share));
    let ranges = || view.files.iter().flat_map(|file| &file.ranges);
    let names: Vec<String> = ranges().map(|range| range.owned.words()).collect();
    let width = owned::width(&names);
    for file in view.files.iter().filter(|file| !file.ranges.is_empty()) {
        out.push(String::new());
        out.push(file.file.clone());
        for Range { first, last, owned } in &file.ranges {
            let numbers = if first == last { first.to_string() } else { format!("{first}-{last}") };
            let (words, class, at) = (owned.words(), owned.class_words(), owned.minute(now));
            out.push(format!("  {words:<width$}  {class:<9}  {at:<16}  {numbers}"));
        }
    }
    out
}
