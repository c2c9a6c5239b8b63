//! Which commits are new, dropped or here, and which of them were made here.
//!
//! A hub asks this whenever git moves, so what libgit2 can tell is told without a process. The program is asked for what
//! libgit2 does not see as git does (replaced and grafted commits, references that lie elsewhere), and where it fails; both
//! lead to the same commits. Absent on purpose: what they changed.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead};

use super::{Commit, Commits, Listed};
use crate::git::others::foreign;
use crate::git::program::Program;
use crate::git::{Oid, View, ViewError, committer};

/// Git's graph of commits names some that are gone: `git gc` writes it before it prunes.
const NO_GRAPH: [&str; 2] = ["-c", "core.commitGraph=false"];

/// Commits of others on remotes' branches that are looked at, at most: the newest.
const OTHERS: usize = 64;

/// What a walk leaves out, whatever it is told.
#[derive(Debug, Clone, Copy, Default)]
struct LeftOut {
    /// What remotes' branches have.
    remotes: bool,
    /// What was committed before (seconds since the Unix epoch).
    before_s: Option<u64>,
}

impl Commits {
    /// Where local history ends: every branch, and what each worktree has checked out. Sorted.
    ///
    /// # Errors
    /// Git cannot be asked.
    pub fn tips(&self) -> Result<Vec<Oid>, ViewError> {
        let read =
            self.view.library.as_ref().and_then(|library| Some([library.branches()?, library.heads()?].concat()));
        let mut tips = read.map_or_else(|| self.tips_by_program(), Ok)?;
        tips.retain(|tip| !tip.is_zero());
        tips.sort_unstable();
        tips.dedup();
        Ok(tips)
    }

    fn tips_by_program(&self) -> Result<Vec<Oid>, ViewError> {
        let program = &self.view.program;
        let branches = program.output(&["for-each-ref", "--format=HEAD %(objectname)", "refs/heads"])?;
        let worktrees = program.output(&["worktree", "list", "--porcelain"])?;
        let all = [branches, worktrees].concat();
        let names = String::from_utf8_lossy(&all);
        Ok(names.lines().filter_map(|line| Oid::parse(line.strip_prefix("HEAD ")?)).collect())
    }

    /// What is checked out.
    pub fn head(&self) -> Option<Oid> {
        self.view.head().ok()?.commit
    }

    /// The commits that are reachable from `tips`, but not from `done`: parents first, the newest `most`, and whether there
    /// are more. Of those on a remote's branch which were not [`Self::made_here`] only the newest 64.
    ///
    /// # Errors
    /// Git cannot be asked.
    pub fn new_since(&self, tips: &[Oid], done: &[Oid], most: usize) -> Result<(Vec<Commit>, bool), ViewError> {
        self.come_to(tips, done, most, LeftOut::default(), OTHERS)
    }

    /// Those that were committed since then (ms since the Unix epoch), whatever was looked at; on remotes' branches only what
    /// was made here.
    ///
    /// # Errors
    /// Git cannot be asked.
    pub fn made_since(&self, tips: &[Oid], since_ms: u64, most: usize) -> Result<Vec<Commit>, ViewError> {
        let left_out = LeftOut { before_s: Some(since_ms / 1_000), ..LeftOut::default() };
        Ok(self.come_to(tips, &[], most, left_out, 0)?.0)
    }

    fn come_to(
        &self,
        tips: &[Oid],
        done: &[Oid],
        most: usize,
        left_out: LeftOut,
        others: usize,
    ) -> Result<(Vec<Commit>, bool), ViewError> {
        let (mut new, cut) = self.walk(tips, done, most, LeftOut { remotes: true, ..left_out })?;
        let (all, _) = self.walk(tips, done, most, left_out)?;
        let order: HashMap<Oid, usize> = all.iter().enumerate().map(|(at, commit)| (commit.id, at)).collect();
        let known: HashSet<Oid> = new.iter().map(|commit| commit.id).collect();
        let pushed: Vec<Commit> = all.into_iter().filter(|commit| !known.contains(&commit.id)).collect();
        let here = self.made_here(&pushed)?;
        let (made, theirs): (Vec<_>, Vec<_>) = pushed.into_iter().partition(|commit| here.contains(&commit.id));
        new.extend(made);
        new.extend(theirs.into_iter().rev().take(others));
        // What the second walk did not come to is older.
        new.sort_by_key(|commit| order.get(&commit.id));
        Ok((new, cut))
    }

    /// Those of these commits that somebody else made, whoever committed them here (ADR 0112).
    ///
    /// # Errors
    /// Git cannot be asked.
    pub fn others(&self, commits: &[Commit]) -> Result<HashSet<Oid>, ViewError> {
        let address = self.address.get_or_init(|| committer::address(&self.view));
        let is_own = |id: Oid| {
            let author = self.view.same_history()?.author(id)?;
            Some(author == address.as_deref()?.as_bytes())
        };
        // Nearly always nothing has to be asked.
        if commits.iter().all(|commit| is_own(commit.id) == Some(true)) {
            return Ok(HashSet::new());
        }
        let others: HashSet<Oid> = foreign(&self.view)?.into_iter().map(|commit| commit.id).collect();
        Ok(commits.iter().map(|commit| commit.id).filter(|id| others.contains(id)).collect())
    }

    /// Those of these commits whose committer has the e-mail address with which git would commit here.
    ///
    /// # Errors
    /// Git cannot be asked.
    pub fn made_here(&self, commits: &[Commit]) -> Result<HashSet<Oid>, ViewError> {
        if commits.is_empty() {
            return Ok(HashSet::new());
        }
        // One look, one address.
        let address = self.address.get_or_init(|| committer::address(&self.view));
        // Without one nobody commits here.
        let Some(address) = address.as_deref() else { return Ok(HashSet::new()) };
        if let Some(library) = self.view.same_history() {
            let is_here = |id: &Oid| library.committer(*id).is_some_and(|committer| committer == address.as_bytes());
            return Ok(commits.iter().map(|commit| commit.id).filter(is_here).collect());
        }
        let input: String = commits.iter().map(|commit| format!("{}\n", commit.id)).collect();
        let log =
            ["log", "--no-walk=unsorted", "--no-show-signature", "--ignore-missing", "--format=%H %ce", "--stdin"];
        let command = [&NO_GRAPH[..], &log].concat();
        let is_here = |line: &[u8]| {
            let (name, committer) = std::str::from_utf8(line).ok()?.split_once(' ')?;
            Oid::parse(name).filter(|_| committer == address)
        };
        let ask = |program: &Program| {
            program.converse(&command, input.as_bytes(), |output| {
                let lines = output.split(b'\n').collect::<io::Result<Vec<_>>>()?;
                Ok(lines.iter().filter_map(|line| is_here(line)).collect())
            })
        };
        self.view.program.settled(|error| matches!(error, ViewError::Read(_)), ask)
    }

    /// The commits that were reachable from `done` and are not from `tips`: what was rewritten or dropped, as in
    /// [`Self::new_since`].
    ///
    /// # Errors
    /// Git cannot be asked.
    pub fn dropped_since(&self, tips: &[Oid], done: &[Oid], most: usize) -> Result<(Vec<Commit>, bool), ViewError> {
        self.walk(done, tips, most, LeftOut::default())
    }

    /// What is reachable from these and not from those: parents first, the newest `most`, and whether there are more.
    fn walk(&self, from: &[Oid], to: &[Oid], most: usize, left_out: LeftOut) -> Result<(Vec<Commit>, bool), ViewError> {
        // Which are older than a moment is asked once a hub, and of all history.
        let library = self.view.same_history().filter(|_| left_out.before_s.is_none());
        let walked = library.and_then(|library| library.walk(from, to, left_out.remotes, most + 1));
        let mut commits = walked.map_or_else(|| self.walk_by_program(from, to, most + 1, left_out), Ok)?;
        let cut = commits.len() > most;
        commits.drain(..commits.len().saturating_sub(most));
        Ok((commits, cut))
    }

    fn walk_by_program(
        &self,
        from: &[Oid],
        to: &[Oid],
        most: usize,
        left_out: LeftOut,
    ) -> Result<Vec<Commit>, ViewError> {
        let limit = most.to_string();
        let since = left_out.before_s.map(|before| format!("--max-age={before}"));
        let mut command =
            vec!["rev-list", "--parents", "--date-order", "--reverse", "--ignore-missing", "-n", &limit, "--stdin"];
        command.extend(since.as_deref());
        if left_out.remotes {
            command.extend(["--not", "--remotes"]);
        }
        let wanted = from.iter().map(|tip| format!("{tip}\n"));
        let input: String = wanted.chain(to.iter().map(|tip| format!("^{tip}\n"))).collect();
        self.view.program.converse(&command, input.as_bytes(), |output| Ok(named(output)))
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
        these(&self.view, ids)
    }
}

/// Those of these commits that are here, in their order.
pub(in crate::git) fn these(view: &View, ids: &[Oid]) -> Result<Vec<Commit>, ViewError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(library) = view.same_history() {
        return Ok(ids.iter().filter_map(|id| library.named(*id)).collect());
    }
    let list = ["rev-list", "--no-walk=unsorted", "--parents", "--ignore-missing", "--stdin"];
    let command = [&NO_GRAPH[..], &list].concat();
    let input: String = ids.iter().map(|id| format!("{id}\n")).collect();
    view.program.converse(&command, input.as_bytes(), |output| Ok(named(output)))
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
