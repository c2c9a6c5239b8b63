//! From which commits git may have taken another one: those it is a copy of, those whose changes it has, and the branch that
//! it merged and squashed. And with which commits the lines of a file came.
//!
//! What was fetched counts as what was made here does. Absent on purpose: whose the lines are.

use std::collections::HashMap;
use std::io::{BufRead, Read};

use super::{Commits, Oid, ViewError};
use crate::git::COMPARED;
use crate::git::explain::merge_bytes;
use crate::git::others::fetched_heads;
use crate::git::past::blame;
use crate::path::git_bytes;

/// Commits that are looked at, the newest.
const COMMITS: &str = "4096";
/// Of those with the same author and second so many are taken, the newest.
const COPIES: usize = 8;
/// Longest patches that are compared, in bytes together.
const PATCH_BYTES: u64 = 16 << 20;

/// Commits that others may be taken from.
#[derive(Debug, Default)]
pub struct Kin {
    /// Of each commit that was asked about those with its author and the second in which that one wrote, newest first: a
    /// rebase, a pick, an amend and a patch keep both.
    pub copies: HashMap<Oid, Vec<Oid>>,
    /// All that were looked at, newest first, also those that were asked about.
    pub newest: Vec<Oid>,
}

/// With which commit a line came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Came {
    /// Its text, without the line feed, as git stores it.
    pub text: Vec<u8>,
    /// The commit.
    pub commit: Oid,
    /// The path that the file had there, as [`super::Change::path`].
    pub path: String,
    /// The line's number there, from 1.
    pub original: u32,
}

impl Commits {
    /// The commits from which these may have been taken: of branches, remotes' branches, tags, reflogs, and what was fetched
    /// last, as far as the newest tell.
    ///
    /// # Errors
    /// Git cannot be asked.
    pub fn kin(&self, of: &[Oid]) -> Result<Kin, ViewError> {
        let asked: Vec<String> = fetched_heads(&self.view).iter().chain(of).map(ToString::to_string).collect();
        let fixed = ["log", "--ignore-missing", "--no-show-signature", "-n", COMMITS, "--format=%H%x00%ae%x00%at"];
        let refs = ["--branches", "--remotes", "--tags", "--reflog"];
        let command: Vec<&str> =
            fixed.into_iter().chain(refs).chain(asked.iter().map(String::as_str)).chain(["--"]).collect();
        let listed = self.view.program.settled_output(&command)?;
        let listed = String::from_utf8_lossy(&listed);
        let (mut kin, mut signed) = (Kin::default(), HashMap::new());
        let mut all: HashMap<&str, Vec<Oid>> = HashMap::new();
        for line in listed.lines() {
            let Some((id, signature)) = line.split_once('\0').and_then(|(id, rest)| Some((Oid::parse(id)?, rest)))
            else {
                continue;
            };
            kin.newest.push(id);
            signed.insert(id, signature);
            all.entry(signature).or_default().push(id);
        }
        for id in of {
            let same = signed.get(id).and_then(|signature| all.get(signature)).into_iter().flatten();
            kin.copies.insert(*id, same.filter(|other| *other != id).copied().take(COPIES).collect());
        }
        Ok(kin)
    }

    /// Those of these commits that change just what this one changes, by git's own measure of a patch. A merge changes nothing.
    ///
    /// # Errors
    /// Git cannot be asked.
    pub fn same_patch(&self, commit: Oid, others: &[Oid]) -> Result<Vec<Oid>, ViewError> {
        let input: String = [&[commit][..], others].concat().iter().map(|id| format!("{id}\n")).collect();
        let command = [&["diff-tree", "--stdin", "-r", "--root", "-p", "--full-index"][..], &COMPARED].concat();
        let patches = self.view.program.converse(&command, input.as_bytes(), |output| {
            let mut patches = Vec::new();
            output.take(PATCH_BYTES).read_to_end(&mut patches).map(|_| patches)
        })?;
        if patches.len() as u64 == PATCH_BYTES {
            return Ok(Vec::new());
        }
        // `<patch> <commit>`
        let named = |line: String| {
            let (patch, id) = line.split_once(' ')?;
            Some((patch.to_owned(), Oid::parse(id.trim_end())?))
        };
        let all: Vec<(String, Oid)> = self.view.program.converse(&["patch-id", "--stable"], &patches, |output| {
            Ok(output.lines().collect::<Result<Vec<_>, _>>()?.into_iter().filter_map(named).collect())
        })?;
        let Some(own) = all.iter().find(|(_, id)| *id == commit).map(|(patch, _)| patch.clone()) else {
            return Ok(Vec::new());
        };
        Ok(all.into_iter().filter(|(patch, id)| *patch == own && *id != commit).map(|(_, id)| id).collect())
    }

    /// Where branches and remotes' branches end, and what was fetched last, the newest of them.
    pub fn ends(&mut self) -> Vec<Oid> {
        self.view.ends().to_vec()
    }

    /// Whether what a commit has at a path is, byte for byte, what git makes of it when it merges `end` into the commit's
    /// `parent`: so that `git merge --squash` may have put it there. Files longer than `most` bytes are not looked at.
    pub fn is_squash(&mut self, path: &str, [commit, parent]: [Oid; 2], end: Oid, most: u64) -> bool {
        let Some(base) = self.view.merge_base(parent, end).filter(|base| *base != end) else { return false };
        if self.view.merge_base(commit, end) == Some(commit) {
            return false;
        }
        let Some(blob) = self.view.entry(commit, path) else { return false };
        let Some(theirs) = self.view.entry(end, path) else { return false };
        let base = self.view.entry(base, path);
        if base == Some(theirs) {
            return false;
        }
        if theirs == blob {
            return true;
        }
        let (Some(base), Some(ours)) = (base, self.view.entry(parent, path)) else { return false };
        let mut read = |blob: Oid| {
            self.view.blob_size(blob).filter(|size| *size <= most)?;
            self.view.blob(blob)
        };
        let (Some(base), Some(ours), Some(theirs), Some(bytes)) = (read(base), read(ours), read(theirs), read(blob))
        else {
            return false;
        };
        merge_bytes(&base, &ours, &theirs).is_some_and(|(merge, is_clean)| is_clean && merge == bytes)
    }

    /// With which commit each line of a commit's file came, as `git blame` leads to it, in order; none for the lines that
    /// `without` has, too.
    ///
    /// # Errors
    /// No such file there, or whatever git says.
    pub fn came(&self, commit: Oid, path: &str, without: Option<Oid>) -> Result<Vec<Option<Came>>, ViewError> {
        let no_blame = || ViewError::Read(format!("git does not blame {path}"));
        let Some(name) = git_bytes(path).and_then(|name| String::from_utf8(name).ok()) else { return Ok(Vec::new()) };
        let (id, without) = (commit.to_string(), without.map(|without| format!("^{without}")));
        let fixed = ["blame", "--porcelain", "--root", "--no-textconv", "--ignore-revs-file=", id.as_str()];
        let command: Vec<&str> = fixed.into_iter().chain(without.as_deref()).chain(["--", name.as_str()]).collect();
        let blamed = blame::parse(&self.view.program.settled_output(&command)?).ok_or_else(no_blame)?;
        let came = |line: &blame::BlamedLine| {
            // At a boundary are the lines of whatever is left out.
            let is_beyond = blamed.commits.get(line.commit).is_none_or(|commit| commit.boundary);
            let commit = Oid::parse(blamed.commit(line)?).filter(|_| !is_beyond)?;
            let path = blamed.path(line).to_owned();
            Some(Came { text: line.text.clone(), commit, path, original: line.original })
        };
        Ok(blamed.lines.iter().map(came).collect())
    }
}
