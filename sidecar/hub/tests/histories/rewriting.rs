//! Branches, and what brings one's changes to another: merge, rebase, cherry-pick, revert, and their conflicts.

use super::dice::Dice;
use super::history::{History, Tree};
use super::reading::{branch_here, branches};
use super::writing::resolve;

const EDITORS: &str = "GIT_SEQUENCE_EDITOR";

/// A branch that is not checked out here.
fn another(tree: &Tree, dice: &mut Dice) -> Option<String> {
    let here = branch_here(&tree.root);
    let mut all = branches(&tree.root);
    all.retain(|branch| Some(branch) != here.as_ref() && !branch.starts_with('('));
    dice.pick(&all).cloned()
}

pub fn branch(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let name = format!("b{}", branches(&tree.root).len() + dice.below(90));
    let from = ["HEAD", "HEAD~1", "HEAD~2"][dice.below(3)];
    history.git(tree, &["switch", "-q", "-c", &name, from]).ok
}

pub fn switch(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let Some(to) = another(tree, dice) else { return false };
    let forms: [&[&str]; 5] = [
        &["switch", "-q", &to],
        &["checkout", "-q", &to],
        &["switch", "-q", "--merge", &to],
        &["checkout", "-q", "--detach", &to],
        &["switch", "-q", "--discard-changes", &to],
    ];
    let form = forms[dice.below(forms.len())];
    history.git(tree, form).ok
}

pub fn merge(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let (Some(one), Some(two)) = (another(tree, dice), another(tree, dice)) else { return false };
    let forms: [&[&str]; 6] = [
        &["merge", "-q", "--no-edit", &one],
        &["merge", "-q", "--no-ff", "--no-edit", &one],
        &["merge", "-q", "--no-commit", "--no-ff", &one],
        &["merge", "-q", "--no-edit", "-s", "ours", &one],
        &["merge", "-q", "--no-edit", "-X", "theirs", &one],
        &["merge", "-q", "--no-edit", &one, &two],
    ];
    let form = forms[dice.below(forms.len())];
    history.git(tree, form);
    true
}

pub fn squash_merge(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let Some(from) = another(tree, dice) else { return false };
    if history.git(tree, &["merge", "-q", "--squash", &from]).ok {
        history.git(tree, &["commit", "-q", "-m", "squashed"]);
    }
    true
}

pub fn cherry_pick(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let Some(from) = another(tree, dice) else { return false };
    let last = [from.clone(), format!("{from}~1"), format!("{from}~2..{from}")];
    let which = last[dice.below(last.len())].clone();
    let forms: [&[&str]; 3] =
        [&["cherry-pick", &which], &["cherry-pick", "-n", &which], &["cherry-pick", "-X", "theirs", &which]];
    let form = forms[dice.below(forms.len())];
    history.git(tree, form);
    true
}

pub fn revert(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let which = ["HEAD", "HEAD~1", "HEAD~2"][dice.below(3)];
    let forms: [&[&str]; 2] = [&["revert", "--no-edit", which], &["revert", "-n", which]];
    let form = forms[dice.below(forms.len())];
    history.git(tree, form);
    true
}

pub fn rebase(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let Some(onto) = another(tree, dice) else { return false };
    let forms: [&[&str]; 5] = [
        &["rebase", "-q", &onto],
        &["rebase", "-q", "--onto", &onto, "HEAD~1"],
        &["rebase", "-q", "--autostash", &onto],
        &["rebase", "-q", "--apply", &onto],
        &["rebase", "-q", "-X", "theirs", &onto],
    ];
    let form = forms[dice.below(forms.len())];
    history.git(tree, form);
    true
}

pub fn interactive(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let scripts = [
        "sed -i -e '1s/^pick/edit/'",
        "sed -i -e '1s/^pick/drop/'",
        "sed -i -e '1{h;d};2{G}'",
        "sed -i -e '2s/^pick/squash/'",
        "sed -i -e '2s/^pick/fixup/'",
        "sed -i -e '1s/^pick/reword/'",
    ];
    let script = scripts[dice.below(scripts.len())];
    let base = ["HEAD~2", "HEAD~3"][dice.below(2)];
    history.git_with(tree, &["rebase", "-q", "-i", "--autostash", base], &[(EDITORS, script)]);
    true
}

pub fn autosquash(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let of = ["HEAD", "HEAD~1"][dice.below(2)];
    if !history.git(tree, &["commit", "-q", "-a", "--fixup", of]).ok {
        return false;
    }
    history.git(tree, &["rebase", "-q", "-i", "--autosquash", "HEAD~3"]);
    true
}

pub fn filter_branch(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let tracked = history.git.lines(&tree.root, &["ls-files"]);
    let Some(file) = dice.pick(&tracked) else { return false };
    let without = format!("git rm -q --cached --ignore-unmatch {file}");
    let forms =
        [["--msg-filter", "sed s/^/x/"], ["--index-filter", &without], ["--tree-filter", "cp a.txt copied.txt"]];
    let [what, how] = forms[dice.below(forms.len())];
    history.git(tree, &["filter-branch", "-f", what, how, "HEAD~2..HEAD"]).ok
}

/// A commit of another branch as a patch, applied to the files, or as a commit.
pub fn patch(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let Some(from) = another(tree, dice) else { return false };
    let forms: [&[&str]; 4] = [&["am", "-q", "-3"], &["am", "-q"], &["apply"], &["apply", "--index", "-3"]];
    apply(history, tree, forms[dice.below(forms.len())], &from);
    true
}

/// Applies a commit as a patch, in this form.
pub fn apply(history: &mut History, tree: &Tree, form: &[&str], from: &str) {
    let patch = history.git.run(&tree.root, &["format-patch", "-q", "-1", "--stdout", from]).text;
    let said = history.git.run_reading(&tree.root, form, &patch);
    history.said(&format!("git {} < {from}{}; ", form.join(" "), if said.ok { "" } else { " REFUSED" }));
}

/// Goes on with what git has begun: resolves what is in conflict and continues, or gives it up.
pub fn go_on(history: &mut History, tree: &Tree, dice: &mut Dice) {
    let Some(word) = history.git.under_way(&tree.root) else { return };
    if dice.once_in(5) {
        let give_up = if word != "merge" && dice.once_in(3) { "--skip" } else { "--abort" };
        history.git(tree, &[word, give_up]);
        return;
    }
    for file in history.git.lines(&tree.root, &["diff", "--name-only", "--diff-filter=U"]) {
        if !tree.root.join(&file).is_file() {
            continue;
        }
        match dice.below(6) {
            0 => drop(history.git(tree, &["checkout", "--ours", "--", &file])),
            1 => drop(history.git(tree, &["checkout", "--theirs", "--", &file])),
            _ => resolve(history, tree, &file, dice),
        }
        if dice.once_in(2) {
            history.hub.settle();
        }
    }
    history.git(tree, &["add", "-A"]);
    if !history.git(tree, &[word, "--continue"]).ok && word != "merge" {
        history.git(tree, &[word, "--skip"]);
    }
}
