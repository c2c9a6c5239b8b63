//! What is known of one commit: who wrote the lines that it brought. The form in which ownership leaves the ledger and
//! lives on in git's notes, in exports and in reports.
//!
//! A record holds the lines that the commit introduced, as `git blame` would lead to it, each with its owner, the
//! unknown ones too: a line that is not in it is not known to have been looked at. Line numbers are those of the
//! commit's own files. Whoever asks about a later text follows `git blame` to the commit and reads the record there.
//! Absent on purpose: git (the workspace reads and writes notes), and how owners are found (the hub).

use codi2_protocol::Owner;
use serde::{Deserialize, Serialize};

/// Who wrote the lines that a commit brought.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CommitRecord {
    /// The commit, in hexadecimal.
    pub commit: String,
    /// Every owner once; ranges point to them.
    pub owners: Vec<Owner>,
    /// Files with lines that the commit brought, by path, each once.
    pub files: Vec<FileRecord>,
}

/// The lines that a commit brought to one file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileRecord {
    /// Path below the repository's root, with `/`.
    pub path: String,
    /// Ascending and disjoint.
    pub ranges: Vec<LineRange>,
}

/// Lines in a row that have the same owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRange {
    /// The first line, from 1.
    pub first: u32,
    /// The last line, at least `first`.
    pub last: u32,
    /// Which of the record's owners has most of their non-blank bytes, from 0.
    pub owner: u32,
    /// The second owner, where it has at least 20 % of a line's non-blank bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<u32>,
}

impl CommitRecord {
    /// The range that holds a line (from 1) of a file, if the commit brought that line.
    pub fn range(&self, path: &str, line: u32) -> Option<&LineRange> {
        let file = self.files.iter().find(|file| file.path == path)?;
        let at = file.ranges.partition_point(|range| range.last < line);
        file.ranges.get(at).filter(|range| range.first <= line)
    }

    /// The owner of a line (from 1) of a file, if the commit brought that line.
    pub fn owner(&self, path: &str, line: u32) -> Option<&Owner> {
        self.owners.get(self.range(path, line)?.owner as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_by_its_range() {
        let range = |first, last, owner| LineRange { first, last, owner, second: None };
        let files = vec![FileRecord { path: "a".into(), ranges: vec![range(2, 3, 0), range(7, 7, 1), range(8, 9, 0)] }];
        let record = CommitRecord { files, ..CommitRecord::default() };
        for (path, line, expected) in [
            ("a", 1, None),
            ("a", 2, Some(0)),
            ("a", 3, Some(0)),
            ("a", 4, None),
            ("a", 7, Some(1)),
            ("a", 9, Some(0)),
            ("a", 10, None),
            ("b", 2, None),
        ] {
            assert_eq!(record.range(path, line).map(|range| range.owner), expected, "{path}:{line}");
        }
        assert_eq!(record.owner("a", 2), None, "a record without that owner is damaged, not a panic");
    }
}
