//! A record in the making, for whoever reads one from elsewhere or joins two.
//!
//! Absent on purpose: owners without a line. A record names those it needs, in the order of their lines.

use std::collections::{BTreeMap, HashMap};

use codi2_protocol::Owner;

use super::cover::Cover;
use super::{CommitRecord, FileRecord, LAST_LINE, LineRange, is_path};

/// Owners and the lines they were given, before they are numbered.
#[derive(Default)]
pub(super) struct Draft {
    owners: Vec<Owner>,
    numbers: HashMap<Owner, usize>,
    files: BTreeMap<String, Cover<(usize, Option<usize>)>>,
}

impl Draft {
    /// Gives the lines `first..=last` of a file that are still nobody's. What no note could say is left out: a path that is
    /// not below the root, a line that no file has.
    pub(super) fn fill(&mut self, path: &str, first: u32, last: u32, owner: &Owner, second: Option<&Owner>) {
        if !is_path(path) || last > LAST_LINE {
            return;
        }
        let of = (self.number(owner), second.map(|second| self.number(second)));
        match self.files.get_mut(path) {
            Some(cover) => cover.fill(first, last, &of),
            None => self.files.entry(path.to_owned()).or_default().fill(first, last, &of),
        };
    }

    fn number(&mut self, owner: &Owner) -> usize {
        if let Some(number) = self.numbers.get(owner) {
            return *number;
        }
        self.numbers.insert(owner.clone(), self.owners.len());
        self.owners.push(owner.clone());
        self.owners.len() - 1
    }

    /// The record: owners in the order of their first line, files by path.
    pub(super) fn record(self, commit: &str) -> CommitRecord {
        let mut record = CommitRecord { commit: commit.to_owned(), ..CommitRecord::default() };
        let mut numbers: HashMap<usize, u32> = HashMap::new();
        let mut number = |of: usize| {
            *numbers.entry(of).or_insert_with(|| {
                record.owners.push(self.owners[of].clone());
                (record.owners.len() - 1) as u32
            })
        };
        for (path, cover) in self.files {
            let range = |(first, last, &(owner, second)): (u32, u32, &(usize, Option<usize>))| LineRange {
                first,
                last,
                owner: number(owner),
                second: second.map(&mut number),
            };
            record.files.push(FileRecord { path, ranges: cover.ranges().into_iter().map(range).collect() });
        }
        record
    }
}
