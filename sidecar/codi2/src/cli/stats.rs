//! `codi2 stats`: how many of the lines that commits brought are whose, how sure that is, and how many still stand.
//!
//! `--internal` is how fast codi2 itself is. Absent on purpose: what is not committed (`codi2 diff`).

pub mod internal;

use anyhow::Result;
use codi2_attribution::report::{Brought, By, Row, Tally};
use codi2_protocol::Class;
use codi2_workspace::past::{Blamed, CommitPatch, Keep, Past, PastError};
use serde_json::{Value, json};

use super::args::{self, Format, StatsBy};
use super::at_once::at_once;
use super::owned;
use super::printer::{self, Printer};
use super::records::{self, Records, fate};

/// How many commits' notes are read at once.
pub const BATCH: usize = 512;
const CLASSES: [Class; 5] = [Class::Exact, Class::Declared, Class::Inferred, Class::Carried, Class::Unknown];

/// Prints counts of the lines that a range of commits brought.
pub fn run(stats: &args::Stats, printer: &mut Printer) -> Result<()> {
    let past = records::past(&std::env::current_dir()?)?;
    let range = stats.range.as_deref().unwrap_or("HEAD");
    let mut records = Records::new(&past);
    let mut tally = Tally::new(by(stats.by), stats.survival);
    let shallow = past.shallow_ends().map_err(fate)?;
    each(&past, range, &mut records, &brought, &mut |brought, records| {
        tell_end(&shallow, &brought.commit);
        let record = records.record(&brought.commit);
        tally.brought(brought, record);
    })?;
    if stats.survival {
        survival(&past, range, &mut records, &mut tally)?;
    }
    print(stats, range, &tally, printer)
}

/// Says that a commit is where the history of a shallow clone ends, if it is.
pub fn tell_end(shallow: &[String], commit: &str) {
    if shallow.iter().any(|end| end == commit) {
        printer::complain(&format!(
            "codi2: note: this clone is shallow and ends at {commit}: what stood there before counts as brought by it; \
             `git fetch --unshallow` gets the rest"
        ));
    }
}

fn by(by: StatsBy) -> By {
    match by {
        StatsBy::Actor => By::Actor,
        StatsBy::Tool => By::Tool,
        StatsBy::Model => By::Model,
        StatsBy::Directory => By::Directory,
        StatsBy::Day => By::Day,
        StatsBy::Class => By::Class,
    }
}

/// The lines that a commit brought, as reports count them.
pub fn brought(commit: &CommitPatch) -> Brought {
    let files = commit.files.iter().filter(|file| !file.added.is_empty());
    let files = files.map(|file| (file.path.clone(), file.added.clone())).collect();
    Brought { commit: commit.commit.clone(), day: commit.day.clone(), files, ..Brought::default() }
}

/// Hands over what each commit of a range brought, as `count` sees it, newest first, its record read.
///
/// # Errors
/// No such revisions, or notes that cannot be read.
pub fn each(
    past: &Past,
    range: &str,
    records: &mut Records<'_>,
    count: &dyn Fn(&CommitPatch) -> Brought,
    take: &mut dyn FnMut(Brought, &Records<'_>),
) -> Result<()> {
    let mut waiting: Vec<Brought> = Vec::new();
    let mut done = |waiting: &mut Vec<Brought>| {
        records.fetch(waiting.iter().map(|brought| brought.commit.as_str()))?;
        waiting.drain(..).for_each(|brought| take(brought, records));
        Ok::<_, anyhow::Error>(())
    };
    past.commits(&[range], &[], Keep::Numbers, &mut |commit| {
        waiting.push(count(&commit));
        if waiting.len() < BATCH { Ok(()) } else { done(&mut waiting).map_err(Stopped::Notes) }
    })
    .map_err(Stopped::into_error)?;
    done(&mut waiting)
}

/// Why the commits were not read to their end.
enum Stopped {
    Git(PastError),
    Notes(anyhow::Error),
}

impl From<PastError> for Stopped {
    fn from(error: PastError) -> Self {
        Self::Git(error)
    }
}

impl Stopped {
    fn into_error(self) -> anyhow::Error {
        match self {
            Self::Git(error) => fate(error),
            Self::Notes(error) => error,
        }
    }
}

/// Tells which lines still stand at HEAD: every file there that a commit of the range, or one since, touched is blamed.
fn survival(past: &Past, range: &str, records: &mut Records<'_>, tally: &mut Tally) -> Result<()> {
    let begin = since(range);
    let head = past.commit("HEAD").map_err(fate)?;
    let mut to_head: Vec<&str> = vec![&head];
    to_head.extend(begin.as_deref());
    let touched = past.touched(&to_head).map_err(fate)?;
    let files: Vec<String> =
        past.files(&head).map_err(fate)?.into_iter().filter(|file| touched.binary_search(file).is_ok()).collect();
    let blamed = at_once(&files, |file| match past.blame(&head, file, &[]) {
        // A link to another repository.
        Err(PastError::NoFile { .. }) => Ok(Blamed::default()),
        other => other,
    });
    let blamed: Result<Vec<Blamed>, PastError> = blamed.into_iter().collect();
    for blamed in &blamed.map_err(fate)? {
        for line in &blamed.lines {
            let Some(commit) = blamed.commit(line) else { continue };
            tally.stands(commit, blamed.path(line), line.original, records.record(commit));
        }
    }
    Ok(())
}

/// The part of a range that says where it begins: `A..B` and `A...B` leave out what A has.
fn since(range: &str) -> Option<String> {
    let (begin, _) = range.split_once("..")?;
    Some(format!("^{}", if begin.is_empty() { "HEAD" } else { begin }))
}

/// The rows, a folder's path as people write it.
fn rows(stats: &args::Stats, tally: &Tally) -> Vec<(String, Row)> {
    let key = |key: &str| match stats.by {
        StatsBy::Directory => codi2_workspace::shown(key).into_owned(),
        _ => key.to_owned(),
    };
    tally.rows().into_iter().map(|(name, row)| (key(name), row)).collect()
}

fn classes(row: &Row) -> Value {
    CLASSES.iter().map(|class| (class.as_str().to_owned(), Value::from(row.class(*class)))).collect()
}

fn print(stats: &args::Stats, range: &str, tally: &Tally, printer: &mut Printer) -> Result<()> {
    let (total, (bare, bare_lines)) = (tally.total(), tally.without_note());
    let standing = |row: &Row| stats.survival.then_some(row.standing);
    match printer.format() {
        Format::Json | Format::Jsonl => {
            let row = |(key, row): (String, Row)| json!({"key": key, "lines": row.lines, "classes": classes(&row), "standing": standing(&row)});
            printer.json(&json!({
                "range": range, "commits": tally.commits(), "lines": total.lines, "classes": classes(&total),
                "without_note": {"commits": bare, "lines": bare_lines}, "standing": standing(&total),
                "by": stats.by.as_str(), "rows": rows(stats, tally).into_iter().map(row).collect::<Vec<_>>(),
            }))?;
        }
        Format::Compact => {
            let rows = rows(stats, tally).into_iter().map(|(key, row)| (stats.by.as_str(), key, row));
            for (sort, key, row) in std::iter::once(("total", String::new(), total)).chain(rows) {
                let numbers: Vec<String> = std::iter::once(row.lines)
                    .chain(CLASSES.map(|class| row.class(class)))
                    .map(|n| n.to_string())
                    .collect();
                let standing = standing(&row).map(|lines| lines.to_string()).unwrap_or_default();
                let mut fields = vec![sort, key.as_str()];
                fields.extend(numbers.iter().map(String::as_str));
                fields.push(&standing);
                printer.fields(&fields)?;
            }
        }
        Format::Human => lines(stats, range, tally).iter().try_for_each(|line| printer.line(line))?,
    }
    printer.flush()
}

fn lines(stats: &args::Stats, range: &str, tally: &Tally) -> Vec<String> {
    let total = tally.total();
    let commits = counted(tally.commits(), "commit");
    let mut out = vec![format!("{range}: {commits} brought {}", counted(total.lines, "line"))];
    if total.lines == 0 {
        return out;
    }
    let known = |class: &Class| format!("{class} {}", percent(total.class(*class), total.lines).trim_start());
    out.push(format!("known      {}", CLASSES.iter().map(known).collect::<Vec<_>>().join("   ")));
    let (bare, bare_lines) = tally.without_note();
    if bare > 0 {
        out.push(format!("no note    {}, {} of the unknown", counted(bare, "commit"), counted(bare_lines, "line")));
    }
    if stats.survival {
        let share = percent(total.standing, total.lines);
        out.push(format!("standing   {} at HEAD, {}", counted(total.standing, "line"), share.trim_start()));
    }
    out.push(String::new());
    let rows = rows(stats, tally);
    let names: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
    let width = owned::width(&names).max(stats.by.as_str().len()).min(48);
    let standing = if stats.survival { "    standing         " } else { "" };
    out.push(format!("{:<width$}    lines   share{standing}    of them unknown", stats.by.as_str()));
    for (key, row) in rows {
        let standing = if stats.survival {
            format!("  {:>10}  {:>7}", row.standing, percent(row.standing, row.lines))
        } else {
            String::new()
        };
        let unknown = percent(row.class(Class::Unknown), row.lines);
        out.push(format!(
            "{key:<width$}  {:>7}  {:>6}{standing}  {unknown:>7}",
            row.lines,
            percent(row.lines, total.lines)
        ));
    }
    out
}

/// `1 line`, `2 lines`.
pub fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A share in percent, of the same width for each.
pub fn percent(part: u64, whole: u64) -> String {
    let share = if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
    format!("{share:>4.1} %")
}
