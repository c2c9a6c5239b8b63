//! Lines that commits of others brought to a path, as far as the newest commits tell: whoever wrote the same words here did not
//! write those (ADR 0112).
//!
//! A commit is ours if a reflog says that its author committed it here, or a commit of which it is a copy (an author and a time
//! tell: a rebase, a pick and a patch keep both). Of the rest it is another's if it has another author than git would name here,
//! or was fetched. Absent on purpose: who wrote the lines.

use std::collections::HashSet;
use std::fs;

use super::by_folder::ByFolder;
use super::{Commit, Oid, View, ViewError, committer};
use crate::path::git_bytes;

/// Commits that are looked into, the newest.
const COMMITS: &str = "512";
/// Ends of branches that are looked at, the newest.
const ENDS: usize = 32;
/// Entries of reflogs that say what was committed here, the newest.
const ENTRIES: &str = "4096";

/// Of a file the blob that a commit has, and those of its parents.
pub(super) type Step = (Oid, Vec<Oid>);
/// An author's e-mail address, and when.
type Signature = (String, String);

/// What another's commit has at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// The whole content, as it would lie in the worktree.
    pub content: Vec<u8>,
    /// Its lines that no parent has, without line ends.
    pub lines: HashSet<String>,
}

/// What git knew when the commits were listed: how long HEAD's log was, and what was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Then {
    logged: u64,
    fetched: String,
}

/// Others' commits, seen from one worktree. What was read for one path serves the next one.
#[derive(Default)]
pub(super) struct Others {
    listed: Option<(Then, Vec<Commit>)>,
    /// What those commits made of each file.
    steps: ByFolder<Vec<Step>>,
}

impl Others {
    /// What others' commits brought to a path; contents longer than `most` bytes are left out.
    pub(super) fn brought(&mut self, view: &mut View, path: &str, most: u64) -> Result<Vec<Foreign>, ViewError> {
        let then = Then {
            logged: fs::metadata(view.git_dir.join("logs/HEAD")).map_or(0, |meta| meta.len()),
            fetched: fetched(view),
        };
        if self.listed.as_ref().is_none_or(|(listed, _)| *listed != then) {
            let commits = foreign(view)?;
            self.listed = Some((then, commits));
            self.steps.forget();
        }
        let mut found = Vec::new();
        for (blob, before) in self.steps(view, path) {
            let mut read = |blob: Oid| {
                view.blob_size(blob).filter(|size| *size <= most)?;
                view.worktree_form(path, blob)
            };
            let Some(content) = read(blob) else { continue };
            let mut lines = lines_of(&content);
            for before in before.into_iter().filter_map(read) {
                let before = lines_of(&before);
                lines.retain(|line| !before.contains(line));
            }
            if !lines.is_empty() {
                found.push(Foreign { content, lines });
            }
        }
        Ok(found)
    }

    fn steps(&mut self, view: &mut View, path: &str) -> Vec<Step> {
        let commits = self.listed.as_ref().map_or(&[][..], |(_, commits)| commits);
        let (Some(library), Some(path_bytes)) = (&view.library, git_bytes(path)) else {
            let mut steps = Vec::new();
            for Commit { id, parents } in commits {
                let Some(blob) = view.entry(*id, path) else { continue };
                let before: Vec<Oid> = parents.iter().filter_map(|parent| view.entry(*parent, path)).collect();
                steps.extend((!before.contains(&blob)).then_some((blob, before)));
            }
            return steps;
        };
        self.steps.of(&path_bytes, |folder| library.steps(commits, folder))
    }
}

/// What was fetched last, in git's words.
fn fetched(view: &View) -> String {
    fs::read_to_string(view.git_dir.join("FETCH_HEAD")).unwrap_or_default()
}

/// The commits that were fetched last.
pub(super) fn fetched_heads(view: &View) -> Vec<Oid> {
    fetched(view).lines().filter_map(|line| Oid::parse(line.split('\t').next()?)).collect()
}

/// Where branches and remotes' branches end, and what was fetched last: the newest of them.
pub(super) fn ends(view: &View) -> Vec<Oid> {
    let command = ["for-each-ref", "--sort=-committerdate", "--format=%(objectname)", "refs/heads", "refs/remotes"];
    let listed = view.program.settled_output(&command).unwrap_or_default();
    let (listed, mut seen) = (String::from_utf8_lossy(&listed), HashSet::new());
    let all = fetched_heads(view).into_iter().take(ENDS / 2).chain(listed.lines().filter_map(Oid::parse));
    all.filter(|end| seen.insert(*end)).take(ENDS).collect()
}

/// The newest commits of others, with those that were fetched.
pub(super) fn foreign(view: &View) -> Result<Vec<Commit>, ViewError> {
    let heads: Vec<String> = fetched_heads(view).iter().map(ToString::to_string).collect();
    let heads = || heads.iter().map(String::as_str);
    let command = ["log", "--ignore-missing", "-n", COMMITS, "--format=%H%x00%P%x00%ae%x00%at", "--branches"];
    let command: Vec<&str> =
        command.into_iter().chain(["--remotes", "--reflog"]).chain(heads()).chain(["--"]).collect();
    let listed = view.program.settled_output(&command)?;
    let listed = String::from_utf8_lossy(&listed);
    let command = ["rev-list", "--ignore-missing", "-n", COMMITS, "--remotes"];
    let command: Vec<&str> = command.into_iter().chain(heads()).chain(["--"]).collect();
    let fetched = view.program.settled_output(&command)?;
    let fetched = String::from_utf8_lossy(&fetched);
    let fetched: HashSet<&str> = fetched.lines().collect();
    let own = committer::address(view);
    let mut suspects = Vec::new();
    for line in listed.lines() {
        let fields: Vec<&str> = line.split('\0').collect();
        let [id, parents, address, time] = fields[..] else { continue };
        if fetched.contains(id) || own.as_deref() != Some(address) {
            let parents = parents.split(' ').filter_map(Oid::parse).collect();
            let Some(id) = Oid::parse(id) else { continue };
            suspects.push((Commit { id, parents }, (address.to_owned(), time.to_owned())));
        }
    }
    if suspects.is_empty() {
        return Ok(Vec::new());
    }
    let ours = authored_here(view)?;
    suspects.retain(|(_, signature)| !ours.contains(signature));
    Ok(suspects.into_iter().map(|(commit, _)| commit).collect())
}

/// Who committed here, and when, by the reflogs. Amending, picking and whatever else copies a commit keeps its author.
fn authored_here(view: &View) -> Result<HashSet<Signature>, ViewError> {
    let command = ["log", "-g", "--all", "-n", ENTRIES, "--format=%ae%x00%at%x00%gs", "--"];
    let said = view.program.settled_output(&command)?;
    let said = String::from_utf8_lossy(&said);
    let signature = |line: &str| {
        let mut fields = line.splitn(3, '\0');
        let (address, time, what) = (fields.next()?, fields.next()?, fields.next()?);
        let commits = ["commit: ", "commit (initial)", "commit (merge)", "revert: "];
        let is_new = commits.iter().any(|begin| what.starts_with(begin)) || what.contains(": Merge made by");
        is_new.then(|| (address.to_owned(), time.to_owned()))
    };
    Ok(said.lines().filter_map(signature).collect())
}

fn lines_of(content: &[u8]) -> HashSet<String> {
    String::from_utf8_lossy(content).lines().map(|line| line.trim_end_matches('\r').to_owned()).collect()
}
