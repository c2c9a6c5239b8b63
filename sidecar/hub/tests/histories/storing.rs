//! What git stores and gives back: commits, stashes, resets.

use super::dice::Dice;
use super::history::{History, Tree};
use super::writing::some_file;

pub fn commit(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    if dice.once_in(4) {
        return history.git(tree, &["commit", "-q", "-a", "-m", "all tracked"]).ok;
    }
    history.git(tree, &["add", "-A"]);
    history.git(tree, &["commit", "-q", "-m", "all"]).ok
}

pub fn commit_paths(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let Some(file) = some_file(history, tree, dice) else { return false };
    history.git(tree, &["commit", "-q", "-m", "one file", "--", &file]).ok
}

/// One hunk of the changes goes into the index, and perhaps into a commit.
pub fn stage_in_part(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let diff = history.git.run(&tree.root, &["diff", "-U0", "--no-color"]).text;
    let files: Vec<String> = split_before(&diff, "diff --git ");
    let Some(file) = dice.pick(&files) else { return false };
    let pieces = split_before(file, "@@ ");
    let Some((head, hunks)) = pieces.split_first() else { return false };
    let Some(hunk) = dice.pick(hunks) else { return false };
    let patch = format!("{head}{hunk}");
    let said = history.git.run_reading(&tree.root, &["apply", "--cached", "--unidiff-zero"], &patch);
    history.said(&format!("one hunk staged{}; ", if said.ok { "" } else { " REFUSED" }));
    if dice.once_in(2) {
        history.git(tree, &["commit", "-q", "-m", "in part"]);
    }
    said.ok
}

/// Puts a text of a file into the index: a content that never lay on disk.
pub fn stage(history: &mut History, tree: &Tree, file: &str, text: &str) {
    let made = history.git.run_reading(&tree.root, &["hash-object", "-w", "--stdin"], text);
    let entry = format!("100644,{},{file}", made.text.trim());
    assert!(history.git(tree, &["update-index", "--cacheinfo", &entry]).ok);
}

fn split_before(text: &str, mark: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.starts_with(mark) || parts.is_empty() {
            parts.push(String::new());
        }
        if let Some(last) = parts.last_mut() {
            last.push_str(line);
        }
    }
    parts
}

pub fn amend(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let all: &[&str] = &["commit", "-q", "--amend", "-a", "-m", "amended"];
    history.git(tree, if dice.once_in(2) { all } else { &["commit", "-q", "--amend", "--no-edit"] }).ok
}

pub fn stash(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let forms: [&[&str]; 4] = [
        &["stash", "push", "-q"],
        &["stash", "push", "-q", "-u"],
        &["stash", "push", "-q", "--keep-index"],
        &["stash", "push", "-q", "--staged"],
    ];
    let form = forms[dice.below(forms.len())];
    history.git(tree, form).ok
}

pub fn unstash(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let count = history.git.lines(&tree.root, &["stash", "list"]).len();
    if count == 0 {
        return false;
    }
    let which = format!("stash@{{{}}}", dice.below(count));
    let forms: [&[&str]; 5] = [
        &["stash", "pop", "-q"],
        &["stash", "pop", "-q", "--index"],
        &["stash", "apply", "-q"],
        &["stash", "apply", "-q", &which],
        &["stash", "drop", "-q", &which],
    ];
    let form = forms[dice.below(forms.len())];
    history.git(tree, form).ok
}

pub fn reset(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let how = ["--soft", "--mixed", "--hard", "--keep", "--merge"][dice.below(5)];
    let to = ["HEAD", "HEAD~1", "HEAD~2", "ORIG_HEAD", "HEAD@{1}"][dice.below(5)];
    history.git(tree, &["reset", "-q", how, to]).ok
}

pub fn restore(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let tracked = history.git.lines(&tree.root, &["ls-files"]);
    let Some(file) = dice.pick(&tracked) else { return false };
    let forms: [&[&str]; 5] = [
        &["restore", "--", file],
        &["checkout", "--", file],
        &["restore", "--source=HEAD~1", "--", file],
        &["restore", "--staged", "--", file],
        &["restore", "--source=HEAD~2", "--staged", "--worktree", "--", file],
    ];
    let form = forms[dice.below(forms.len())];
    history.git(tree, form).ok
}

pub fn git_mv(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let tracked = history.git.lines(&tree.root, &["ls-files"]);
    let Some(file) = dice.pick(&tracked) else { return false };
    let to = format!("moved{}.txt", dice.below(100));
    history.git(tree, &["mv", file, &to]).ok
}

pub fn clean(history: &mut History, tree: &Tree, _: &mut Dice) -> bool {
    history.git(tree, &["clean", "-fdq"]).ok
}
