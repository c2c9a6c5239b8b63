//! Reports over what commits brought and what is known of it: how much is whose and how sure, how much of it still
//! stands ([`Tally`]), and whether it keeps to a policy ([`policy`]).
//!
//! What a commit brought is git's to say; who wrote it is the record's. A line that the record does not have, or a commit
//! without one, is unknown and always counted. Absent on purpose: git, notes, globs, printing.

pub mod policy;
mod tally;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use codi2_protocol::{Actor, Class, EvidenceKind, Owner, Verdict};

use crate::record::{CommitRecord, class_of};
pub use tally::{By, Row, Tally};

/// What a commit brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Brought {
    /// The commit, in hexadecimal.
    pub commit: String,
    /// The day it was authored: `2026-11-28`.
    pub day: String,
    /// The lines that it brought, by path below the root: first and last, from 1, ascending and disjoint.
    pub files: BTreeMap<String, Vec<(u32, u32)>>,
    /// Those of the files that no note ever speaks of: private ones, links, and what is no text.
    pub unnoted: BTreeSet<String>,
}

impl Brought {
    /// How many lines it brought.
    pub fn lines(&self) -> u64 {
        self.files.values().flatten().map(|(first, last)| u64::from(last - first) + 1).sum()
    }
}

/// What is known of a line that a commit brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known<'a> {
    /// The record names an owner, and a second one of a mixed line.
    By(&'a Owner, Option<&'a Owner>),
    /// The commit has a record, and the line is not in it.
    NotInRecord,
    /// The commit's note was too long for all of its files, and this one is not in it.
    LeftOut,
    /// The commit has no record.
    NoRecord,
}

impl<'a> Known<'a> {
    /// Looks a line (from 1) of a commit's file up in the commit's record.
    pub fn of(record: Option<&'a CommitRecord>, path: &str, line: u32) -> Self {
        let Some(record) = record else { return Self::NoRecord };
        let found = record.range(path, line).and_then(|range| {
            let owner = |number: u32| record.owners.get(number as usize);
            Some(Self::By(owner(range.owner)?, range.second.and_then(owner)))
        });
        let is_left_out = record.left_out > 0 && record.files.iter().all(|file| file.path != path);
        found.unwrap_or(if is_left_out { Self::LeftOut } else { Self::NotInRecord })
    }

    /// The owner; where nobody is known, one that says why.
    pub fn owner(self) -> Cow<'a, Owner> {
        let unknown = |detail| {
            let verdict = Verdict::new(Actor::unknown(), Class::Unknown, EvidenceKind::NoNote, detail);
            Cow::Owned(Owner { verdict, at_ms: None, event: None })
        };
        match self {
            Self::By(owner, _) => Cow::Borrowed(owner),
            Self::NotInRecord => unknown("the commit's note does not have this line"),
            Self::LeftOut => unknown("the commit's note was too long for all of its files and left this one out"),
            Self::NoRecord => unknown("the commit has no note"),
        }
    }

    /// How sure it is who wrote it.
    pub fn class(self) -> Class {
        match self {
            Self::By(owner, _) => class_of(owner),
            _ => Class::Unknown,
        }
    }

    /// Whether a second owner has a part in the line.
    pub fn is_mixed(self) -> bool {
        matches!(self, Self::By(_, Some(_)))
    }
}

/// Lines in a row of which the same is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run<'a> {
    /// The first line, from 1.
    pub first: u32,
    /// The last line, at least `first`.
    pub last: u32,
    /// What is known of each.
    pub known: Known<'a>,
}

impl Run<'_> {
    /// How many lines.
    pub fn lines(&self) -> u64 {
        u64::from(self.last - self.first) + 1
    }
}

/// The lines that a commit brought to a file, in runs of which the same is known; `record` is the commit's.
pub fn runs<'a>(lines: &[(u32, u32)], record: Option<&'a CommitRecord>, path: &str) -> Vec<Run<'a>> {
    let file = record.and_then(|record| record.files.iter().find(|file| file.path == path));
    let mut out: Vec<Run<'a>> = Vec::new();
    for (mut at, last) in lines.iter().copied() {
        while at <= last {
            let known = Known::of(record, path, at);
            // As far as one answer holds: to the end of its range, or to the beginning of the next one.
            let ranges = file.map(|file| &file.ranges[..]).unwrap_or_default();
            let next = ranges.get(ranges.partition_point(|range| range.last < at));
            let end = match next {
                Some(range) if range.first <= at => range.last,
                Some(range) => range.first - 1,
                None => last,
            };
            let end = end.clamp(at, last);
            match out.last_mut() {
                Some(run) if run.last + 1 == at && run.known == known => run.last = end,
                _ => out.push(Run { first: at, last: end, known }),
            }
            at = end + 1;
        }
    }
    out
}
