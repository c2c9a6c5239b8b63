//! What the notes on commits say of their lines, read as whoever has nothing but a clone would: git's blame leads to a line's
//! commit, the note on it says whose it is.
//!
//! Absent on purpose: the hub, which is not asked.

use std::collections::BTreeMap;
use std::path::Path;

use codi2_attribution::record::{CommitRecord, codi2};
use codi2_protocol::Actor;
use codi2_workspace::Oid;
use codi2_workspace::past::Past;

use super::history::{History, Tree};

/// The lines of a file of a revision, and whose they are by the notes; nothing where git knows no such file.
fn told(root: &Path, revision: &str, file: &str) -> Vec<(String, Actor)> {
    let past = Past::open(root).unwrap();
    let Ok(blamed) = past.blame(revision, file, None, &[]) else { return Vec::new() };
    let names: Vec<&str> = blamed.commits.iter().filter_map(|commit| commit.commit.as_deref()).collect();
    let ids: Vec<Oid> = names.iter().filter_map(|name| Oid::parse(name)).collect();
    let notes = past.notes(codi2::REFERENCE).unwrap().read(&ids).unwrap();
    let read = |id: &Oid| Some((id.to_string(), codi2::read(&id.to_string(), notes.get(id)?).unwrap()));
    let records: BTreeMap<String, CommitRecord> = ids.iter().filter_map(read).collect();
    let told = blamed.lines.iter().map(|line| {
        let owner = || {
            let record = records.get(blamed.commit(line)?)?;
            let file = record.files.iter().find(|file| file.path == blamed.path(line))?;
            let range = file.ranges.iter().find(|range| (range.first..=range.last).contains(&line.original))?;
            record.owners.get(range.owner as usize).map(|owner| owner.verdict.origin.clone())
        };
        (String::from_utf8_lossy(&line.text).into_owned(), owner().unwrap_or_else(Actor::unknown))
    });
    told.collect()
}

impl History {
    /// Compares what the notes say of the newest commit of each worktree, where it is another than before.
    pub fn compare_new_notes(&mut self, when: &str) {
        for tree in self.trees.clone() {
            let Some(head) = self.git.lines(&tree.root, &["rev-parse", "HEAD"]).pop() else { continue };
            if self.noted.insert(head.clone()) {
                let command = ["diff-tree", "--root", "--no-commit-id", "--name-only", "-r", "-m", &head];
                let files = self.git.lines(&tree.root, &command);
                self.compare_notes(when, &tree, &head, &files);
            }
        }
    }

    /// Compares what the notes say of all lines that are checked out or on a branch.
    pub fn compare_all_notes(&mut self, when: &str) {
        for tree in self.trees.clone() {
            let branches = self.git.lines(&tree.root, &["for-each-ref", "--format=%(objectname)", "refs/heads"]);
            let mut tips = self.git.lines(&tree.root, &["rev-parse", "HEAD"]);
            tips.extend(branches.into_iter().filter(|_| tree.root == self.trees[0].root));
            tips.sort_unstable();
            tips.dedup();
            for tip in tips {
                let files = self.git.lines(&tree.root, &["ls-tree", "-r", "--name-only", &tip]);
                self.compare_notes(when, &tree, &tip, &files);
            }
        }
    }

    fn compare_notes(&mut self, when: &str, tree: &Tree, revision: &str, files: &[String]) {
        for file in files {
            let told = told(&tree.root, revision, file);
            let text: String = told.iter().map(|(line, _)| format!("{line}\n")).collect();
            for (number, (line, owner)) in told.iter().enumerate() {
                self.outcome.noted += 1;
                let finding = self.finding(file, &text, number, owner);
                let at = format!("{when}, by the notes on {} {file}:{}", &revision[..7], number + 1);
                self.note(&at, line, owner, &finding, "");
            }
        }
    }
}
