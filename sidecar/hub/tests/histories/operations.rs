//! What can happen in a history, and how often.
//!
//! Git may refuse any of it (nothing to commit, a branch in the way): then nothing happened, which is a history too.

use super::dice::Dice;
use super::history::{History, Tree};
use super::{others, rewriting, storing, writing};

/// An operation: false where it does not apply now.
type Operation = fn(&mut History, &Tree, &mut Dice) -> bool;

/// Name, weight, what it does.
const OPERATIONS: &[(&str, usize, Operation)] = &[
    ("person", 12, writing::person),
    ("agent", 10, writing::agent),
    ("two agents", 3, writing::two_agents),
    ("program", 5, writing::program),
    ("formatter", 2, writing::formatter),
    ("rename file", 2, writing::rename),
    ("copy file", 1, writing::copy),
    ("delete file", 1, writing::delete),
    ("move lines", 3, writing::move_lines),
    ("commit", 12, storing::commit),
    ("commit paths", 2, storing::commit_paths),
    ("stage in part", 3, storing::stage_in_part),
    ("amend", 3, storing::amend),
    ("stash", 3, storing::stash),
    ("unstash", 5, storing::unstash),
    ("reset", 3, storing::reset),
    ("restore", 3, storing::restore),
    ("git mv", 2, storing::git_mv),
    ("clean", 1, storing::clean),
    ("branch", 4, rewriting::branch),
    ("switch", 7, rewriting::switch),
    ("merge", 5, rewriting::merge),
    ("squash merge", 2, rewriting::squash_merge),
    ("cherry-pick", 4, rewriting::cherry_pick),
    ("revert", 3, rewriting::revert),
    ("rebase", 5, rewriting::rebase),
    ("rebase -i", 4, rewriting::interactive),
    ("autosquash", 2, rewriting::autosquash),
    ("filter-branch", 1, rewriting::filter_branch),
    ("patch", 2, rewriting::patch),
    ("worktree", 2, others::worktree),
    ("repack", 1, others::repack),
    ("commit-tree", 2, others::commit_tree),
    ("libgit2", 3, others::libgit2),
    ("hub restarts", 2, others::restart),
    ("hub away", 2, others::away),
];

/// Gives a new repository lines of everybody, in a few commits.
pub fn begin(history: &mut History, dice: &mut Dice) {
    let tree = history.trees[0].clone();
    for _ in 0..3 {
        writing::person(history, &tree, dice);
        writing::agent(history, &tree, dice);
        history.settle();
        storing::commit(history, &tree, dice);
        history.settle();
    }
}

/// Does one operation, and gives its name.
pub fn one(history: &mut History, dice: &mut Dice) -> &'static str {
    if history.hub.is_away() && dice.once_in(3) {
        history.returns();
        return "hub returns";
    }
    let tree = dice.pick(&history.trees).cloned().unwrap();
    if !tree.root.exists() {
        return "nothing";
    }
    if tree.root != history.trees[0].root {
        history.said("[linked] ");
    }
    if history.git.under_way(&tree.root).is_some() && !dice.once_in(4) {
        rewriting::go_on(history, &tree, dice);
        return "go on";
    }
    let all: usize = OPERATIONS.iter().map(|(_, weight, _)| weight).sum();
    for _ in 0..8 {
        let mut at = dice.below(all);
        let chosen = OPERATIONS.iter().find(|(_, weight, _)| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        });
        let (name, _, operation) = chosen.unwrap();
        if operation(history, &tree, dice) {
            return name;
        }
    }
    "nothing"
}
