//! What a repository holds, read with libgit2: what a history asks at every step costs no process.
//!
//! Absent on purpose: anything of codi2, and whatever changes a repository (`git`).

use std::collections::BTreeSet;
use std::path::Path;

use git2::{Delta, Error, ObjectType, Repository, Tree, TreeWalkMode, TreeWalkResult};

/// The commit that is checked out in a worktree; nothing before the first one.
pub fn head(root: &Path) -> Option<String> {
    Some(open(root).head().ok()?.peel_to_commit().ok()?.id().to_string())
}

/// What a reference leads to.
pub fn target(root: &Path, reference: &str) -> Option<String> {
    Some(open(root).find_reference(reference).ok()?.target()?.to_string())
}

/// The branch that is checked out.
pub fn branch_here(root: &Path) -> Option<String> {
    let repository = open(root);
    let head = repository.find_reference("HEAD").ok()?;
    Some(head.symbolic_target().ok()??.strip_prefix("refs/heads/")?.to_owned())
}

/// All branches in the order of their names; before them, in parentheses, what is checked out and is no branch.
pub fn branches(root: &Path) -> Vec<String> {
    let detached = open(root).head_detached().unwrap_or(false).then(|| "(no branch)".to_owned());
    detached.into_iter().chain(tips(root).into_iter().map(|(name, _)| name)).collect()
}

/// All branches and the commits at their ends.
pub fn tips(root: &Path) -> Vec<(String, String)> {
    let repository = open(root);
    let references = repository.references_glob("refs/heads/*").unwrap().flatten();
    let mut tips: Vec<_> = references
        .filter_map(|branch| {
            let name = branch.name().ok()?.strip_prefix("refs/heads/")?.to_owned();
            Some((name, branch.target()?.to_string()))
        })
        .collect();
    tips.sort();
    tips
}

/// The files of a commit.
pub fn files(root: &Path, commit: &str) -> Vec<String> {
    let (repository, mut files) = (open(root), Vec::new());
    let tree = tree(&repository, commit).unwrap();
    tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
        if entry.kind() == Some(ObjectType::Blob) {
            files.push(format!("{folder}{}", entry.name().unwrap()));
        }
        TreeWalkResult::Ok
    })
    .unwrap();
    files
}

/// The files of a commit that differ from one of its parents'.
pub fn changed_files(root: &Path, commit: &str) -> BTreeSet<String> {
    let repository = open(root);
    let new = tree(&repository, commit).unwrap();
    let commit = repository.find_commit(git2::Oid::from_str(commit).unwrap()).unwrap();
    let parents: Vec<_> = commit.parents().map(|parent| Some(parent.tree().unwrap())).collect();
    let mut files = BTreeSet::new();
    for old in if parents.is_empty() { vec![None] } else { parents } {
        let diff = repository.diff_tree_to_tree(old.as_ref(), Some(&new), None).unwrap();
        let left = diff.deltas().filter(|delta| delta.status() != Delta::Deleted);
        files.extend(left.map(|delta| delta.new_file().path().unwrap().to_str().unwrap().to_owned()));
    }
    files
}

fn open(root: &Path) -> Repository {
    Repository::open(root).unwrap()
}

fn tree<'a>(repository: &'a Repository, commit: &str) -> Result<Tree<'a>, Error> {
    repository.find_commit(git2::Oid::from_str(commit)?)?.tree()
}
