//! What the notes on commits say of their lines, read as whoever has nothing but a clone would: git's blame leads to a line's
//! commit, the note on it says whose it is.
//!
//! Absent on purpose: the hub, which is not asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use codi2_attribution::record::{CommitRecord, codi2};
use codi2_protocol::Actor;
use codi2_workspace::past::Past;
use codi2_workspace::{Notes, Oid};

use super::history::{History, Tree};
use super::reading;

/// The lines of a file of a revision, and whose they are by the notes; nothing where git knows no such file.
fn told(past: &Past, notes: &mut Notes, revision: &str, file: &str) -> Vec<(String, Actor)> {
    let Ok(blamed) = past.blame(revision, file, &[]) else { return Vec::new() };
    let names: Vec<&str> = blamed.commits.iter().filter_map(|commit| commit.commit.as_deref()).collect();
    let ids: Vec<Oid> = names.iter().filter_map(|name| Oid::parse(name)).collect();
    let notes = notes.read(&ids).unwrap();
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

/// Whose the lines of a file of a revision are by the notes.
pub fn whose(root: &Path, revision: &str, file: &str) -> Vec<(String, Actor)> {
    let past = Past::open(root).unwrap();
    told(&past, &mut past.notes(codi2::REFERENCE).unwrap(), revision, file)
}

impl History {
    /// Compares what the notes say of the newest commit of each worktree, where it is another than before.
    pub fn compare_new_notes(&mut self, when: &str) {
        for tree in self.trees.clone() {
            let Some(head) = reading::head(&tree.root) else { continue };
            if self.noted.insert(head.clone()) {
                self.compare_notes(when, &tree, &head, reading::changed_files(&tree.root, &head));
            }
        }
    }

    /// Compares what the notes say of all lines that are checked out or on a branch.
    pub fn compare_all_notes(&mut self, when: &str) {
        for tree in self.trees.clone() {
            let mut tips: BTreeSet<String> = reading::head(&tree.root).into_iter().collect();
            if tree.root == self.trees[0].root {
                tips.extend(reading::tips(&tree.root).into_iter().map(|(_, tip)| tip));
            }
            for tip in tips {
                self.compare_notes(when, &tree, &tip, reading::files(&tree.root, &tip));
            }
        }
    }

    /// The commit that holds the notes: while it is the same they say the same.
    pub fn notes_at(&self) -> Option<String> {
        reading::target(&self.trees[0].root, codi2::REFERENCE)
    }

    fn compare_notes(&mut self, when: &str, tree: &Tree, revision: &str, files: impl IntoIterator<Item = String>) {
        let past = Past::open(&tree.root).unwrap();
        let mut notes = past.notes(codi2::REFERENCE).unwrap();
        for file in files {
            let told = told(&past, &mut notes, revision, &file);
            let text: String = told.iter().map(|(line, _)| format!("{line}\n")).collect();
            for (number, (_, owner)) in told.iter().enumerate() {
                self.outcome.noted += 1;
                let finding = self.finding(&file, &text, number, owner);
                let at = format!("{when}, by the notes on {} {file}", &revision[..7]);
                self.note(&at, (&text, number), owner, &finding, "");
            }
        }
    }
}
