//! Linked worktrees, other programs than git's usual commands, and hubs that come and go.

use std::path::Path;

use super::dice::Dice;
use super::history::{History, Tree};
use super::reading::branches;

/// A second worktree, watched like the first.
pub fn worktree(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    if history.trees.len() > 1 || history.hub.is_away() {
        return false;
    }
    let root = history.base.join("linked");
    let path = root.to_str().unwrap().to_owned();
    let from = ["HEAD", "HEAD~1"][dice.below(2)];
    if !history.git(tree, &["worktree", "add", "-q", "-b", "linked", &path, from]).ok {
        return false;
    }
    let id = history.hub.watch(&root);
    history.trees.push(Tree { root, id });
    true
}

pub fn repack(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let forms: [&[&str]; 4] =
        [&["gc", "-q"], &["repack", "-a", "-d", "-q"], &["pack-refs", "--all"], &["gc", "-q", "--prune=now"]];
    let form = forms[dice.below(forms.len())];
    if dice.once_in(2) {
        history.git(tree, &["reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all"]);
    }
    history.git(tree, form).ok
}

/// A commit made of the index by git's plumbing, and HEAD moved to it.
pub fn commit_tree(history: &mut History, tree: &Tree, _: &mut Dice) -> bool {
    history.git(tree, &["add", "-A"]);
    let Some(made) = history.git.lines(&tree.root, &["write-tree"]).pop() else { return false };
    let commit = history.git.lines(&tree.root, &["commit-tree", "-p", "HEAD", "-m", "by plumbing", &made]).pop();
    let Some(commit) = commit else { return false };
    history.git(tree, &["update-ref", "HEAD", &commit]).ok
}

/// A program that uses libgit2 commits everything, or checks a branch out.
pub fn libgit2(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let branch = dice.pick(&branches(&tree.root)).cloned();
    let done = if dice.once_in(2) {
        history.said("libgit2 commits all");
        commit_all(&tree.root)
    } else {
        let Some(branch) = branch.filter(|branch| !branch.starts_with('(')) else { return false };
        history.said(&format!("libgit2 checks {branch} out"));
        check_out(&tree.root, &branch)
    };
    history.said(if done.is_ok() { "; " } else { " REFUSED; " });
    done.is_ok()
}

fn commit_all(root: &Path) -> Result<(), git2::Error> {
    let repository = git2::Repository::open(root)?;
    let mut index = repository.index()?;
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None)?;
    index.write()?;
    let tree = repository.find_tree(index.write_tree()?)?;
    let who = repository.signature()?;
    let parent = repository.head()?.peel_to_commit()?;
    repository.commit(Some("HEAD"), &who, &who, "by libgit2", &tree, &[&parent])?;
    Ok(())
}

fn check_out(root: &Path, branch: &str) -> Result<(), git2::Error> {
    let repository = git2::Repository::open(root)?;
    let name = format!("refs/heads/{branch}");
    let commit = repository.find_reference(&name)?.peel_to_commit()?;
    repository.checkout_tree(commit.as_object(), Some(git2::build::CheckoutBuilder::new().safe()))?;
    repository.set_head_detached(commit.id())
}

pub fn restart(history: &mut History, _: &Tree, _: &mut Dice) -> bool {
    if history.hub.is_away() {
        return false;
    }
    history.settle();
    history.said("the hub restarts; ");
    history.leaves();
    history.returns();
    true
}

pub fn away(history: &mut History, _: &Tree, _: &mut Dice) -> bool {
    if history.hub.is_away() || !history.hub.may_be_away() {
        return false;
    }
    history.settle();
    history.said("the hub is away; ");
    history.leaves();
    true
}
