//! What is known of one commit: who wrote the lines that it brought. The form in which ownership leaves the ledger and
//! lives on in git's notes, in exports and in reports.
//!
//! A record holds the lines that the commit introduced, as `git blame` would lead to it, each with its owner, the
//! unknown ones too: a line that is not in it is not known to have been looked at. Line numbers are those of the
//! commit's own files. Whoever asks about a later text follows `git blame` to the commit and reads the record there.
//! Absent on purpose: git (the workspace reads and writes notes), and how owners are found (the hub).

pub mod agent_trace;
mod class;
pub mod codi2;
mod cover;
mod draft;
pub mod git_ai;
#[cfg(test)]
mod samples;
mod union;

use codi2_protocol::{Actor, ActorKind, Class, EvidenceKind, Owner, Verdict, limits};
use serde::{Deserialize, Serialize};

pub(crate) use self::class::class_of;
pub use self::class::class_of_line;

/// Who wrote the lines that a commit brought.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CommitRecord {
    /// The commit, in hexadecimal.
    pub commit: String,
    /// Every owner once; ranges point to them.
    pub owners: Vec<Owner>,
    /// Files with lines that the commit brought, by path, each once.
    pub files: Vec<FileRecord>,
    /// How many more files there were, which a note left out to be short enough.
    #[serde(default, skip_serializing_if = "is_none_left_out")]
    pub left_out: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
fn is_none_left_out(left_out: &u64) -> bool {
    *left_out == 0
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

    /// Whether anybody saw anything of it: an author is named, or an event tells of the text and of more than that git
    /// brought it.
    pub fn is_known(&self) -> bool {
        let seen = |owner: &Owner| owner.event.is_some() && owner.verdict.origin.kind != ActorKind::Git;
        self.names_somebody() || self.owners.iter().any(seen)
    }

    /// Whether the author of anything is known.
    pub fn names_somebody(&self) -> bool {
        self.owners.iter().any(|owner| class_of(owner) != Class::Unknown)
    }

    /// The owner of a line (from 1) of a file, if the commit brought that line.
    pub fn owner(&self, path: &str, line: u32) -> Option<&Owner> {
        self.owners.get(self.range(path, line)?.owner as usize)
    }
}

/// The last line that a range may end with, so that the one behind it has a number, too.
const LAST_LINE: u32 = u32::MAX - 1;

/// Whether this is a path below the root as the protocol writes paths.
fn is_path(path: &str) -> bool {
    path.len() <= limits::PATH_BYTES && path.split('/').all(|name| !matches!(name, "" | "." | ".."))
}

/// An owner that another program names: declared at most, and no surer than it says itself. Of a class that makes nobody
/// an owner only the words are kept.
fn as_told(origin: Actor, class: Class, words: &str) -> Owner {
    let verdict = match class.max(Class::Declared) {
        Class::Unknown => {
            let words = format!("{words}, not surely: {origin}");
            Verdict::new(Actor::unknown(), Class::Unknown, EvidenceKind::Imported, words)
        }
        class => Verdict::new(origin, class, EvidenceKind::Imported, words),
    };
    Owner { verdict, at_ms: None, event: None }
}

/// A class by its name; one that this program does not know says nothing.
fn class_named(name: &str) -> Class {
    let known = [Class::Exact, Class::Declared, Class::Inferred, Class::Carried];
    known.into_iter().find(|class| class.as_str() == name).unwrap_or(Class::Unknown)
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

    #[test]
    fn a_record_takes_from_another_what_it_does_not_know() {
        use codi2_protocol::{Actor, ActorKind, EvidenceKind, Verdict};
        let person = |name: &str| {
            let verdict =
                Verdict::new(Actor::named(ActorKind::Person, name), Class::Exact, EvidenceKind::Keystrokes, "");
            Owner { verdict, ..Owner::before_codi2() }
        };
        let range = |first, last, owner| LineRange { first, last, owner, second: None };
        let record = |owners: Vec<Owner>, files: &[(&str, &[LineRange])]| CommitRecord {
            commit: "c".into(),
            owners,
            files: files
                .iter()
                .map(|(path, ranges)| FileRecord { path: (*path).into(), ranges: ranges.to_vec() })
                .collect(),
            left_out: 0,
        };
        let one = record(vec![Owner::before_codi2(), person("ada")], &[("a", &[range(1, 4, 0), range(5, 6, 1)])]);
        let other = record(
            vec![person("bea"), Owner::before_codi2()],
            &[("a", &[range(2, 3, 0), range(4, 4, 1), range(6, 8, 0)]), ("b", &[range(1, 1, 0)])],
        );
        let both = one.completed_by(&other);
        let names = |path: &str| -> Vec<String> {
            (1..=9)
                .map(|line| both.owner(path, line).map_or("-".into(), |owner| owner.verdict.origin.name.clone()))
                .collect()
        };
        assert_eq!(names("a"), ["", "bea", "bea", "", "ada", "ada", "bea", "bea", "-"]);
        assert_eq!(names("b")[..2], ["bea", "-"]);
        assert!(both.is_known() && !record(vec![Owner::before_codi2()], &[]).is_known());
    }
}
