//! Commits: which ones are new, and which lines each of them brought to which files, as `git blame` leads to it.
//!
//! All of it is asked of the git program: the hunks must be those of the `git blame` that later leads a reader to a commit,
//! so they come from git's own comparison, with its indent heuristic, tail trimming and renames. What is compared for a
//! whole commit at once differs from blame in one thing, which of several new files took over which old one: those
//! files are blamed one by one. Absent on purpose: who wrote the lines, and notes.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead};
use std::ops::RangeInclusive;
use std::path::Path;

use super::past::patch::numbers;
use super::program::Program;
use super::{COMPARED, Oid, View, ViewError};
use crate::path::{from_git_bytes, git_bytes};
use crate::place::Place;

/// Files that are blamed one by one, of one commit, at most; of the others git's comparison counts.
const BLAMED: usize = 64;

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its name.
    pub id: Oid,
    /// Its parents, the first one first.
    pub parents: Vec<Oid>,
}

/// A commit of a range that somebody named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub commit: Commit,
    /// When it was committed, in milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// A text file that a commit brought lines to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Path below the root, as [`codi2_protocol::FileId`] writes it.
    pub path: String,
    /// Its content.
    pub blob: Oid,
    /// What it was before, in each parent that had it.
    pub before: Vec<Before>,
    /// The lines (from 1) that stand in no parent: ascending, disjoint, never touching, not empty.
    pub lines: Vec<RangeInclusive<u32>>,
}

/// A file in a parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// Its path there, as [`Change::path`].
    pub path: String,
    /// Its content.
    pub blob: Oid,
}

/// The commits of one repository, seen from one worktree.
pub struct Commits {
    view: View,
}

impl Commits {
    /// Opens the repository of a place.
    ///
    /// # Errors
    /// It cannot be read, or the place is a plain folder.
    pub fn open(place: &Place) -> Result<Self, ViewError> {
        Ok(Self::of(View::of(place)?, &place.root))
    }

    /// Of a repository that is open, seen from its worktree's root.
    pub(super) fn of(mut view: View, root: &Path) -> Self {
        view.set_filters(root.join(".gitattributes").exists());
        Self { view }
    }

    /// Where local history ends: every branch, and what each worktree has checked out. Sorted.
    ///
    /// # Errors
    /// Git cannot be asked.
    pub fn tips(&self) -> Result<Vec<Oid>, ViewError> {
        let program = &self.view.program;
        let branches = program.output(&["for-each-ref", "--format=HEAD %(objectname)", "refs/heads"])?;
        let worktrees = program.output(&["worktree", "list", "--porcelain"])?;
        let all = [branches, worktrees].concat();
        let names = String::from_utf8_lossy(&all);
        let names = names.lines().filter_map(|line| Oid::parse(line.strip_prefix("HEAD ")?));
        let mut tips: Vec<Oid> = names.filter(|tip| !tip.is_zero()).collect();
        tips.sort_unstable();
        tips.dedup();
        Ok(tips)
    }

    /// What is checked out.
    pub fn head(&self) -> Option<Oid> {
        self.view.head().ok()?.commit
    }

    /// The commits that are reachable from `tips`, but not from `done` nor from any remote's branch (made elsewhere, with
    /// notes of their own, unless [`Self::made_here`]: pushed at once): parents first, the newest `most`, and whether there
    /// are more.
    ///
    /// # Errors
    /// Git cannot be asked.
    pub fn new_since(&self, tips: &[Oid], done: &[Oid], most: usize) -> Result<(Vec<Commit>, bool), ViewError> {
        self.own(tips, done, most, &[])
    }

    /// The same of those that were committed since then (ms since the Unix epoch), whatever was looked at.
    ///
    /// # Errors
    /// Git cannot be asked.
    pub fn made_since(&self, tips: &[Oid], since_ms: u64, most: usize) -> Result<Vec<Commit>, ViewError> {
        let since = format!("--max-age={}", since_ms / 1_000);
        Ok(self.own(tips, &[], most, &[&since])?.0)
    }

    fn own(&self, tips: &[Oid], done: &[Oid], most: usize, only: &[&str]) -> Result<(Vec<Commit>, bool), ViewError> {
        let (mut new, cut) = self.walk(tips, done, most, &[only, &["--not", "--remotes"][..]].concat())?;
        let (all, _) = self.walk(tips, done, most, only)?;
        let order: HashMap<Oid, usize> = all.iter().enumerate().map(|(at, commit)| (commit.id, at)).collect();
        let known: HashSet<Oid> = new.iter().map(|commit| commit.id).collect();
        let mut pushed: Vec<Commit> = all.into_iter().filter(|commit| !known.contains(&commit.id)).collect();
        let here = self.made_here(&pushed)?;
        pushed.retain(|commit| here.contains(&commit.id));
        new.extend(pushed);
        // What the second walk did not come to is older.
        new.sort_by_key(|commit| order.get(&commit.id));
        Ok((new, cut))
    }

    /// Those of these commits whose committer has the e-mail address with which git would commit here now.
    ///
    /// # Errors
    /// Git cannot be asked.
    pub fn made_here(&self, commits: &[Commit]) -> Result<HashSet<Oid>, ViewError> {
        let program = &self.view.program;
        // `Name <e-mail> seconds zone`; without one nobody commits here.
        let identity = program.line(&["var", "GIT_COMMITTER_IDENT"]).unwrap_or_default();
        let Some((address, _)) = identity.split_once('<').and_then(|(_, rest)| rest.split_once('>')) else {
            return Ok(HashSet::new());
        };
        let input: String = commits.iter().map(|commit| format!("{}\n", commit.id)).collect();
        if input.is_empty() || address.is_empty() {
            return Ok(HashSet::new());
        }
        let log =
            ["log", "--no-walk=unsorted", "--no-show-signature", "--ignore-missing", "--format=%H %ce", "--stdin"];
        let command = [&NO_GRAPH[..], &log].concat();
        let is_here = |line: &[u8]| {
            let (name, committer) = std::str::from_utf8(line).ok()?.split_once(' ')?;
            Oid::parse(name).filter(|_| committer == address)
        };
        program.converse(&command, input.as_bytes(), |output| {
            let lines = output.split(b'\n').collect::<io::Result<Vec<_>>>()?;
            Ok(lines.iter().filter_map(|line| is_here(line)).collect())
        })
    }

    /// The commits that were reachable from `done` and are not from `tips`: what was rewritten or dropped, as in
    /// [`Self::new_since`].
    ///
    /// # Errors
    /// Git cannot be asked.
    pub fn dropped_since(&self, tips: &[Oid], done: &[Oid], most: usize) -> Result<(Vec<Commit>, bool), ViewError> {
        self.walk(done, tips, most, &[])
    }

    fn walk(&self, from: &[Oid], to: &[Oid], most: usize, but: &[&str]) -> Result<(Vec<Commit>, bool), ViewError> {
        let limit = (most + 1).to_string();
        let command =
            ["rev-list", "--parents", "--date-order", "--reverse", "--ignore-missing", "-n", &limit, "--stdin"];
        let command = [&command[..], but].concat();
        let wanted = from.iter().map(|tip| format!("{tip}\n"));
        let input: String = wanted.chain(to.iter().map(|tip| format!("^{tip}\n"))).collect();
        let mut commits = self.view.program.converse(&command, input.as_bytes(), |output| Ok(named(output)))?;
        let cut = commits.len() > most;
        commits.drain(..commits.len().saturating_sub(most));
        Ok((commits, cut))
    }

    /// The commits of a range as `git log` takes it (`main`, `v1..v2`), parents first.
    ///
    /// # Errors
    /// It names no commits, or git cannot be asked.
    pub fn listed(&self, range: &str) -> Result<Vec<Listed>, ViewError> {
        let command = ["rev-list", "--timestamp", "--parents", "--topo-order", "--reverse", "--end-of-options"];
        let output = self.view.program.output(&[&command[..], &[range, "--"]].concat()).map_err(|error| {
            let is_unknown = error.to_string().contains("bad revision");
            if is_unknown { ViewError::Read(format!("git knows no commits {range:?} here")) } else { error }
        })?;
        let listed = |line: &[u8]| {
            let (seconds, names) = std::str::from_utf8(line).ok()?.split_once(' ')?;
            Some(Listed { commit: commit(names)?, at_ms: seconds.parse::<u64>().ok()?.saturating_mul(1_000) })
        };
        Ok(output.split(|byte| *byte == b'\n').filter_map(listed).collect())
    }

    /// Those of these commits that are here, in their order.
    ///
    /// # Errors
    /// Git cannot be asked.
    pub fn these(&self, ids: &[Oid]) -> Result<Vec<Commit>, ViewError> {
        these(&self.view.program, ids)
    }

    /// What each of these commits brought, in their order. Submodules, links and files that are no text are left out.
    ///
    /// # Errors
    /// Git cannot be asked, or has not all of their objects.
    pub fn changes(&mut self, commits: &[Commit]) -> Result<Vec<Vec<Change>>, ViewError> {
        let mut input = String::new();
        for Commit { id, parents } in commits {
            // Each parent by itself; blame has no other comparison.
            parents.iter().for_each(|parent| input += &format!("{id} {parent}\n"));
            if parents.is_empty() {
                input += &format!("{id}\n");
            }
        }
        let command =
            ["diff-tree", "--stdin", "-r", "--root", "--always", "--raw", "-p", "-z", "--no-abbrev", "--unified=0"];
        let command = [&command[..], &COMPARED].concat();
        let compared = self.view.program.converse(&command, input.as_bytes(), compared)?;
        let mut compared = compared.into_iter();
        let mut all = Vec::with_capacity(commits.len());
        for commit in commits {
            let mut parents = Vec::new();
            for _ in 0..commit.parents.len().max(1) {
                // Git says nothing at all of a commit that is gone.
                let entries = compared.next().filter(|(id, _)| *id == commit.id).map(|(_, entries)| entries);
                parents.push(entries.ok_or_else(|| ViewError::Read(format!("git does not compare {}", commit.id)))?);
            }
            all.push(self.brought(commit, &parents)?);
        }
        self.view.rest();
        Ok(all)
    }

    /// The lines that are in no parent.
    fn brought(&mut self, commit: &Commit, parents: &[Vec<Entry>]) -> Result<Vec<Change>, ViewError> {
        let Some((first, others)) = parents.split_first() else { return Ok(Vec::new()) };
        let others: Vec<HashMap<&str, &Entry>> = others.iter().map(|entries| by_path(entries)).collect();
        let unsure: Vec<bool> = parents.iter().map(|entries| are_unsure(entries)).collect();
        let (mut changes, mut blames) = (Vec::new(), 0);
        for entry in first.iter().filter(|entry| entry.blob.is_some()) {
            // What a parent has just so was not brought.
            let Some(others) = others.iter().map(|other| other.get(entry.path.as_str()).copied()).collect() else {
                continue;
            };
            let all: Vec<&Entry> = [vec![entry], others].concat();
            let Some(blob) = entry.blob else { continue };
            let is_unsure = all.iter().zip(&unsure).any(|(entry, unsure)| *unsure && entry.is_new());
            let is_binary = all.iter().any(|entry| entry.is_binary);
            if is_binary && self.view.blob(blob).is_none_or(|bytes| bytes.contains(&0)) {
                continue;
            }
            // Attributes may keep a text from being compared, not from being blamed.
            let lines = if (is_unsure || is_binary) && blames < BLAMED {
                blames += 1;
                self.blamed(commit, &entry.path)?
            } else {
                all.iter().skip(1).fold(entry.lines.clone(), |lines, other| common(&lines, &other.lines))
            };
            if !lines.is_empty() {
                let before = all.iter().filter_map(|entry| entry.before.clone()).collect();
                changes.push(Change { path: entry.path.clone(), blob, before, lines });
            }
        }
        Ok(changes)
    }

    /// The lines of a file that blame, asked for it alone, leads to this commit.
    fn blamed(&self, commit: &Commit, path: &str) -> Result<Vec<RangeInclusive<u32>>, ViewError> {
        let Some(name) = git_bytes(path).and_then(|name| String::from_utf8(name).ok()) else { return Ok(Vec::new()) };
        let id = commit.id.to_string();
        let parents: Vec<String> = commit.parents.iter().map(|parent| format!("^{parent}")).collect();
        let mut command = vec!["blame", "--incremental", "--no-textconv", "--ignore-revs-file=", id.as_str()];
        command.extend(parents.iter().map(String::as_str));
        command.extend(["--", name.as_str()]);
        let output = self.view.program.output(&command)?;
        let range = |line: &[u8]| {
            let mut fields = std::str::from_utf8(line).ok()?.strip_prefix(&id)?.strip_prefix(' ')?.split(' ').skip(1);
            let (first, count): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            (count > 0).then(|| first..=first + count - 1)
        };
        let mut lines: Vec<_> = output.split(|byte| *byte == b'\n').filter_map(range).collect();
        lines.sort_unstable_by_key(|lines| *lines.start());
        Ok(joined(lines))
    }

    /// A blob's bytes as git would write them to the worktree at a path: what the worktree held if it was committed from
    /// there. Of one longer than `most` bytes nothing.
    pub fn worktree_form(&mut self, path: &str, blob: Oid, most: u64) -> Option<Vec<u8>> {
        self.view.blob_size(blob).filter(|size| *size <= most)?;
        self.view.worktree_form(path, blob)
    }

    /// The blob at a path of a commit.
    pub fn entry(&mut self, commit: Oid, path: &str) -> Option<Oid> {
        self.view.entry(commit, path)
    }

    /// Ends the helper processes that reading left running.
    pub fn rest(&mut self) {
        self.view.rest();
    }
}

/// Git's graph of commits names some that are gone: `git gc` writes it before it prunes.
const NO_GRAPH: [&str; 2] = ["-c", "core.commitGraph=false"];

/// Those of these commits that are here, in their order.
pub(super) fn these(program: &Program, ids: &[Oid]) -> Result<Vec<Commit>, ViewError> {
    let list = ["rev-list", "--no-walk=unsorted", "--parents", "--ignore-missing", "--stdin"];
    let command = [&NO_GRAPH[..], &list].concat();
    let input: String = ids.iter().map(|id| format!("{id}\n")).collect();
    if input.is_empty() {
        return Ok(Vec::new());
    }
    program.converse(&command, input.as_bytes(), |output| Ok(named(output)))
}

/// Commits with their parents, one a line.
fn named(output: &mut dyn BufRead) -> Vec<Commit> {
    output.lines().map_while(Result::ok).filter_map(|line| commit(&line)).collect()
}

/// A commit with its parents.
fn commit(line: &str) -> Option<Commit> {
    let mut names = line.split(' ').map(Oid::parse).collect::<Option<Vec<_>>>()?.into_iter();
    Some(Commit { id: names.next()?, parents: names.collect() })
}

/// How one file differs between a commit and one of its parents.
#[derive(Debug, Default)]
struct Entry {
    status: u8,
    path: String,
    before: Option<Before>,
    /// `None` where nothing is there any more, or no regular file.
    blob: Option<Oid>,
    lines: Vec<RangeInclusive<u32>>,
    is_binary: bool,
    /// Moved as it was.
    is_same: bool,
}

impl Entry {
    /// Whether the parent did not have this path.
    fn is_new(&self) -> bool {
        matches!(self.status, b'A' | b'R' | b'T') && !self.is_same
    }

    fn is_source(&self) -> bool {
        matches!(self.status, b'D' | b'R')
    }
}

fn by_path(entries: &[Entry]) -> HashMap<&str, &Entry> {
    entries.iter().map(|entry| (entry.path.as_str(), entry)).collect()
}

/// Whether several new files may have taken over the same old one: blame follows each by itself.
fn are_unsure(entries: &[Entry]) -> bool {
    let mut new = entries.iter().filter(|entry| entry.is_new());
    entries.iter().any(Entry::is_source) && new.next().is_some_and(|one| one.status == b'T' || new.next().is_some())
}

/// What lies in both.
fn common(one: &[RangeInclusive<u32>], other: &[RangeInclusive<u32>]) -> Vec<RangeInclusive<u32>> {
    let (mut out, mut a, mut b) = (Vec::new(), 0, 0);
    while let (Some(left), Some(right)) = (one.get(a), other.get(b)) {
        let (first, last) = (*left.start().max(right.start()), *left.end().min(right.end()));
        if first <= last {
            out.push(first..=last);
        }
        if left.end() <= right.end() { a += 1 } else { b += 1 }
    }
    joined(out)
}

/// Ascending ranges, with those that touch made one.
fn joined(lines: Vec<RangeInclusive<u32>>) -> Vec<RangeInclusive<u32>> {
    let mut out: Vec<RangeInclusive<u32>> = Vec::new();
    for range in lines {
        match out.last_mut() {
            Some(last) if *range.start() <= last.end() + 1 => *last = *last.start()..=*last.end().max(range.end()),
            _ => out.push(range),
        }
    }
    out
}

/// Reads `diff-tree --stdin --raw -p -z`, one comparison after the other: the commit's name and a NUL; the entries; a NUL
/// and their patches, in the same order.
fn compared(output: &mut dyn BufRead) -> io::Result<Vec<(Oid, Vec<Entry>)>> {
    let mut source = Source { output, ahead: Vec::new() };
    let mut all = Vec::new();
    loop {
        let name = source.until(0)?;
        if name.is_empty() {
            return Ok(all);
        }
        let id = std::str::from_utf8(&name).ok().and_then(Oid::parse).ok_or_else(not_understood)?;
        let mut entries = Vec::new();
        while source.peek()? == Some(b':') {
            entries.push(entry(&mut source)?);
        }
        if !entries.is_empty() {
            source.until(0)?;
            patches(&mut source, &mut entries)?;
        }
        all.push((id, entries));
    }
}

fn not_understood() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "git diff-tree says what is not understood")
}

/// `:<mode> <mode> <blob> <blob> <status>\0<path>\0`, and the path it has now where it was renamed.
fn entry(source: &mut Source<'_>) -> io::Result<Entry> {
    let head = String::from_utf8(source.until(0)?).map_err(|_| not_understood())?;
    let fields: Vec<&str> = head.trim_start_matches(':').split(' ').collect();
    let [old_mode, new_mode, old, new, status] = fields[..] else { return Err(not_understood()) };
    let side = |mode: &str, name: &str| {
        let name = Oid::parse(name).ok_or_else(not_understood)?;
        Ok::<_, io::Error>((mode.starts_with("100") && !name.is_zero()).then_some(name))
    };
    let (old, blob) = (side(old_mode, old)?, side(new_mode, new)?);
    let was = from_git_bytes(&source.until(0)?);
    let kind = *status.as_bytes().first().ok_or_else(not_understood)?;
    let path = if kind == b'R' { from_git_bytes(&source.until(0)?) } else { was.clone() };
    let before = old.map(|blob| Before { path: was, blob });
    Ok(Entry { status: kind, path, before, blob, is_same: status == "R100", ..Entry::default() })
}

/// Takes each patch's new lines to its entry.
fn patches(source: &mut Source<'_>, entries: &mut [Entry]) -> io::Result<()> {
    // A file that became another type has two.
    let mut owners = (0..entries.len()).flat_map(|at| vec![at; if entries[at].status == b'T' { 2 } else { 1 }]);
    let owners: Vec<usize> = owners.by_ref().collect();
    let mut owners = owners.into_iter();
    let mut at = None;
    loop {
        let line = source.until(b'\n')?;
        if line.is_empty() {
            return Ok(());
        }
        if is_name(&line) {
            source.ahead = line;
            return Ok(());
        }
        if line.starts_with(b"diff --git ") {
            at = owners.next();
        } else if let Some(entry) = at.and_then(|at| entries.get_mut(at)) {
            entry.lines.extend(hunk(&line));
            entry.is_binary |= line.starts_with(b"Binary files ");
        }
    }
}

/// Whether a line begins the next comparison; a patch has no such line.
fn is_name(line: &[u8]) -> bool {
    let name = line.iter().position(|byte| *byte == 0).and_then(|end| std::str::from_utf8(&line[..end]).ok());
    name.is_some_and(|name| Oid::parse(name).is_some())
}

/// The new lines of `@@ -4,0 +5,2 @@`.
fn hunk(line: &[u8]) -> Option<RangeInclusive<u32>> {
    let (_, (first, count)) = line.starts_with(b"@@ -").then(|| numbers(line))??;
    (count > 0).then(|| first..=first + count - 1)
}

/// A program's output, of which a line can be given back.
struct Source<'a> {
    output: &'a mut dyn BufRead,
    ahead: Vec<u8>,
}

impl Source<'_> {
    /// Everything up to this byte, which is left out of what a NUL ends and kept in a line.
    fn until(&mut self, end: u8) -> io::Result<Vec<u8>> {
        let mut taken = match self.ahead.iter().position(|byte| *byte == end) {
            Some(at) => self.ahead.drain(..=at).collect(),
            None => {
                let mut taken = std::mem::take(&mut self.ahead);
                self.output.read_until(end, &mut taken)?;
                taken
            }
        };
        if end == 0 && taken.last() == Some(&0) {
            taken.pop();
        }
        Ok(taken)
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        match self.ahead.first() {
            Some(byte) => Ok(Some(*byte)),
            None => Ok(self.output.fill_buf()?.first().copied()),
        }
    }
}
