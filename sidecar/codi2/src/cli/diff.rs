//! `codi2 diff`: what differs between two commits or trees, or one and the worktree, with who wrote each added line and who
//! had written each deleted one.
//!
//! Each side is blamed: what is committed there is read from the notes, what stands in the worktree alone is asked of the
//! hub. Absent on purpose: patches that can be applied (`git diff`).

use std::collections::HashMap;

use anyhow::{Result, anyhow};
use codi2_attribution::report::Known;
use codi2_protocol::{Actor, Class, EvidenceKind, Owner, Verdict};
use codi2_workspace::past::{Blamed, FileChange, Keep, Past, PastError, PatchLine, Side, Status};
use serde::Serialize;

use super::args::{self, Format};
use super::at_once::at_once;
use super::blame::{self, Whole};
use super::failure::{Code, Failure};
use super::link::LinkError;
use super::owned::{self, Owned};
use super::printer::{self, Printer};
use super::records::{self, Records, fate};
use super::stats;
use super::surroundings::OnDemand;
use crate::settings::Flags;

/// Lines shown around each change, for people.
const AROUND: u32 = 3;
/// So many places of a file are named to git; with more it blames the whole file.
const PLACES: usize = 200;

/// The JSON document.
#[derive(Debug, Serialize)]
struct View {
    /// The commit or tree compared from, in hexadecimal.
    from: String,
    /// The one compared to; null: the worktree.
    to: Option<String>,
    files: Vec<File>,
}

#[derive(Debug, Serialize)]
struct File {
    file: String,
    old_file: String,
    status: &'static str,
    binary: bool,
    lines: Vec<Line>,
    /// The whole patch, for people: each line with its place in `lines` where it is one of them.
    #[serde(skip)]
    patch: Vec<(PatchLine, Option<usize>)>,
}

#[derive(Debug, Serialize)]
struct Line {
    change: &'static str,
    line: u32,
    #[serde(flatten)]
    owned: Owned,
    commit: Option<String>,
}

/// Whose a line is, and the commit that it came with.
type Told = (Owned, Option<String>);

/// Prints a diff.
pub fn run(diff: &args::Diff, flags: &Flags, printer: &mut Printer) -> Result<()> {
    let past = records::past(&std::env::current_dir()?)?;
    let (from, to) = sides(&past, &diff.revisions)?;
    if to.is_none() && past.is_bare() {
        return Err(anyhow!("a bare repository has no worktree; name two revisions")).code(Failure::Usage);
    }
    let around = if printer.format() == Format::Human { AROUND } else { 0 };
    let end = to.as_ref().map(|to| to.name.as_str());
    let changes = past.diff(&from.name, end, &diff.paths, Keep::Text(around)).map_err(fate)?;
    let mut records = Records::new(&past);
    let old = committed(&past, &from, &changes, Side::Deleted, &mut records)?;
    let new = match &to {
        Some(to) => committed(&past, to, &changes, Side::Added, &mut records)?,
        None => standing(&past, &changes, flags)?,
    };
    let files = changes.into_iter().zip(old.into_iter().zip(new)).map(|(change, (old, new))| file(change, &old, &new));
    print(&View { from: from.name, to: to.map(|to| to.name), files: files.collect() }, printer)
}

/// What is compared.
struct Compared {
    /// In hexadecimal.
    name: String,
    /// A tree by itself has no history: whose its lines are nobody can tell.
    is_tree: bool,
}

/// A commit, or else a tree.
fn compared(past: &Past, name: &str) -> Result<Compared> {
    match past.commit(name) {
        Ok(name) => Ok(Compared { name, is_tree: false }),
        Err(error @ PastError::NoRevision { .. }) => {
            past.tree(name).map(|name| Compared { name, is_tree: true }).map_err(|_| fate(error))
        }
        Err(error) => Err(fate(error)),
    }
}

/// What to compare; without the second the worktree.
fn sides(past: &Past, revisions: &[String]) -> Result<(Compared, Option<Compared>)> {
    // A side left out of a range is what is checked out.
    let side = |name: &str| compared(past, if name.is_empty() { "HEAD" } else { name });
    match revisions {
        [] => Ok((compared(past, "HEAD")?, None)),
        [one] => match (one.split_once("..."), one.split_once("..")) {
            (Some((from, to)), _) => {
                let (from, to) = (side(from)?, side(to)?);
                Ok((Compared { name: past.merge_base(&from.name, &to.name).map_err(fate)?, ..from }, Some(to)))
            }
            (_, Some((from, to))) => Ok((side(from)?, Some(side(to)?))),
            _ => Ok((compared(past, one)?, None)),
        },
        [from, to, ..] => Ok((compared(past, from)?, Some(compared(past, to)?))),
    }
}

/// Of each file, whose the added (or deleted) lines are on a committed side.
fn committed(
    past: &Past,
    revision: &Compared,
    changes: &[FileChange],
    side: Side,
    records: &mut Records<'_>,
) -> Result<Vec<HashMap<u32, Told>>> {
    if revision.is_tree {
        return Ok(changes.iter().map(|_| HashMap::new()).collect());
    }
    let blamed = at_once(changes, |change| {
        let (path, lines) = match side {
            Side::Deleted => (&change.from, &change.deleted),
            _ => (&change.path, &change.added),
        };
        let places: &[(u32, u32)] = if lines.len() > PLACES { &[] } else { lines };
        if lines.is_empty() { Ok(Blamed::default()) } else { past.blame(&revision.name, path, places) }
    });
    let blamed = blamed.into_iter().collect::<Result<Vec<_>, _>>().map_err(fate)?;
    records.fetch(blamed.iter().flat_map(|blamed| blamed.lines.iter().filter_map(|line| blamed.commit(line))))?;
    let told = |blamed: &Blamed| {
        let line = |line: &codi2_workspace::past::BlamedLine| {
            let commit = blamed.commit(line);
            let record = commit.and_then(|commit| records.record(commit));
            let known = Known::of(record, blamed.path(line), line.original);
            (line.line, (Owned::of(known), commit.map(str::to_owned)))
        };
        blamed.lines.iter().map(line).collect()
    };
    Ok(blamed.iter().map(told).collect())
}

/// Of each file, whose the added lines are as they stand in the worktree.
fn standing(past: &Past, changes: &[FileChange], flags: &Flags) -> Result<Vec<HashMap<u32, Told>>> {
    let mut hub = OnDemand::new(flags);
    let mut all = Vec::new();
    for change in changes {
        let path = codi2_workspace::from_relative(&change.path).map(|below| past.root().join(below));
        let Some(path) = path.filter(|_| !change.added.is_empty()) else {
            all.push(HashMap::new());
            continue;
        };
        hub.hub()?;
        all.push(match blame::of_worktree(&mut hub, &path, false) {
            Ok(whole) => told_of(&whole, change),
            // Who cannot ask has not seen that nothing is known.
            Err(error) if is_unasked(&error) => {
                return Err(error.context(codi2_workspace::shown(&change.path).into_owned()));
            }
            Err(error) => {
                printer::complain(&format!("codi2: {}: {error:#}", codi2_workspace::shown(&change.path)));
                HashMap::new()
            }
        });
    }
    Ok(all)
}

/// Whether git or the hub could not be asked; what they say of one file concerns that one alone.
fn is_unasked(error: &anyhow::Error) -> bool {
    error.is::<PastError>() || matches!(error.downcast_ref(), Some(LinkError::Lost(_) | LinkError::Odd(_)))
}

/// Whose the added lines are, as far as the file still is what git compared.
fn told_of(whole: &Whole, change: &FileChange) -> HashMap<u32, Told> {
    let mut told = HashMap::new();
    for patch in change.lines.iter().filter(|line| line.side == Side::Added) {
        let Ok(at) = whole.on.binary_search(&(patch.line as usize - 1)).map(|at| first(&whole.on, at)) else {
            continue;
        };
        let (Some(line), Some(text)) = (whole.view.lines.get(at), whole.texts.get(at)) else { continue };
        let same = std::str::from_utf8(&patch.text).map_or(true, |_| blame::text_of(&patch.text).starts_with(text));
        if same {
            told.insert(patch.line, (line.owned.clone(), line.commit.clone()));
        }
    }
    told
}

/// The first of the lines that begin on the same line of git's.
fn first(on: &[usize], at: usize) -> usize {
    on[..at].iter().rposition(|other| *other != on[at]).map_or(0, |before| before + 1)
}

fn file(change: FileChange, old: &HashMap<u32, Told>, new: &HashMap<u32, Told>) -> File {
    let mut lines = Vec::new();
    let patch = change.lines.into_iter().map(|patch| {
        let (change, side) = match patch.side {
            Side::Both => return (patch, None),
            Side::Added => ("added", new),
            Side::Deleted => ("deleted", old),
        };
        let (owned, commit) = side.get(&patch.line).cloned().unwrap_or_else(|| (unseen(), None));
        lines.push(Line { change, line: patch.line, owned, commit });
        (patch, Some(lines.len() - 1))
    });
    let patch = patch.collect();
    let status = match change.status {
        Status::Modified => "modified",
        Status::Added => "added",
        Status::Deleted => "deleted",
        Status::Renamed => "renamed",
        Status::Copied => "copied",
    };
    let shown = |path: &str| codi2_workspace::shown(path).into_owned();
    File { file: shown(&change.path), old_file: shown(&change.from), status, binary: change.binary, lines, patch }
}

/// Of a line of which nothing could be asked.
fn unseen() -> Owned {
    let verdict = Verdict::new(Actor::unknown(), Class::Unknown, EvidenceKind::NotObserved, "it cannot be told");
    Owned::new(&Owner { verdict, at_ms: None, event: None }, false)
}

fn print(view: &View, printer: &mut Printer) -> Result<()> {
    match printer.format() {
        Format::Json => printer.json(view)?,
        Format::Jsonl => view.files.iter().try_for_each(|file| printer.json(file))?,
        Format::Compact => {
            for (file, line) in view.files.iter().flat_map(|file| file.lines.iter().map(move |line| (file, line))) {
                let (number, owned) = (line.line.to_string(), line.owned.fields());
                let mut fields = vec![file.file.as_str(), line.change, &number];
                fields.extend(owned.iter().map(String::as_str));
                fields.push(line.commit.as_deref().unwrap_or(""));
                printer.fields(&fields)?;
            }
        }
        Format::Human => rows(view).iter().try_for_each(|row| printer.line(row))?,
    }
    printer.flush()
}

fn rows(view: &View) -> Vec<String> {
    let all = || view.files.iter().flat_map(|file| &file.lines);
    let names: Vec<String> = all().map(|line| line.owned.words()).collect();
    let width = owned::width(&names);
    let digits = view.files.iter().flat_map(|file| &file.patch).map(|(line, _)| line.line).max().unwrap_or(0);
    let digits = digits.to_string().len();
    let mut out = Vec::new();
    for file in &view.files {
        if !out.is_empty() {
            out.push(String::new());
        }
        let from = if file.old_file == file.file { String::new() } else { format!(" from {}", file.old_file) };
        let count = |change| file.lines.iter().filter(|line| line.change == change).count() as u64;
        let what = match (file.binary, count("added"), count("deleted")) {
            (true, ..) => "binary".to_owned(),
            (_, 0, 0) => "no lines".to_owned(),
            (_, added, 0) => format!("{} added", stats::counted(added, "line")),
            (_, 0, deleted) => format!("{} deleted", stats::counted(deleted, "line")),
            (_, added, deleted) => format!("{} added, {deleted} deleted", stats::counted(added, "line")),
        };
        out.push(format!("{}  {}{from}, {what}", file.file, file.status));
        for (at, (patch, line)) in file.patch.iter().enumerate() {
            if patch.parted && at > 0 {
                out.push("  …".to_owned());
            }
            let text = blame::text_of(&patch.text);
            let (words, class, commit, mark) = match line.map(|at| &file.lines[at]) {
                None => (String::new(), String::new(), "", ' '),
                Some(line) => {
                    let commit = line.commit.as_deref().map_or("-", |commit| &commit[..8]);
                    let mark = if line.change == "added" { '+' } else { '-' };
                    (line.owned.words(), line.owned.class_words(), commit, mark)
                }
            };
            let row = format!("  {words:<width$}  {class:<9}  {commit:<8}  {:>digits$} {mark} {text}", patch.line);
            out.push(row.trim_end().to_owned());
        }
    }
    out
}
