//! How many lines are whose, how sure that is, and how many of them still stand.

use std::collections::{BTreeMap, HashMap, HashSet};

use codi2_protocol::{ActorKind, Class, Owner};

use super::{Brought, Known, runs};
use crate::record::{CommitRecord, class_of};

/// What lines are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Who wrote them: kind and name.
    Actor,
    /// The tool that wrote them; `none` for people, `unknown` where nobody is known.
    Tool,
    /// The model that wrote them; `none` where the author has none, `unknown` where nobody is known.
    Model,
    /// The folder of their file; `.` is the root.
    Directory,
    /// The day of their commit, in its author's zone.
    Day,
    /// How sure it is who wrote them.
    Class,
}

impl By {
    fn key(self, path: &str, day: &str, owner: &Owner) -> String {
        let origin = &owner.verdict.origin;
        let nobody = matches!(origin.kind, ActorKind::Unknown | ActorKind::External | ActorKind::Git);
        let or_none = |found: Option<&str>| found.unwrap_or(if nobody { "unknown" } else { "none" }).to_owned();
        match self {
            Self::Actor => origin.to_string(),
            Self::Tool if matches!(origin.kind, ActorKind::Person) || nobody => or_none(origin.tool.as_deref()),
            Self::Tool => or_none(origin.tool.as_deref().or(Some(&origin.name)).filter(|name| !name.is_empty())),
            Self::Model => or_none(origin.model.as_deref()),
            Self::Directory => path.rsplit_once('/').map_or(".", |(folder, _)| folder).to_owned(),
            Self::Day => day.to_owned(),
            Self::Class => class_of(owner).as_str().to_owned(),
        }
    }
}

/// Lines of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Row {
    /// How many were brought.
    pub lines: u64,
    /// Of them by class, in the order of [`Class`].
    pub classes: [u64; 5],
    /// Of them those that still stand, where that was asked.
    pub standing: u64,
}

impl Row {
    /// How many of its lines have a class.
    pub fn class(&self, class: Class) -> u64 {
        self.classes[class as usize]
    }

    fn add(&mut self, class: Class, lines: u64) {
        self.lines += lines;
        self.classes[class as usize] += lines;
    }
}

/// Counts of lines that commits brought.
#[derive(Debug, Clone)]
pub struct Tally {
    by: By,
    rows: BTreeMap<String, Row>,
    total: Row,
    commits: u64,
    no_note: (u64, u64),
    /// What was brought, where it is to be asked whether it stands.
    brought: Option<HashMap<String, Brought>>,
    stood: HashSet<(String, String, u32)>,
}

impl Tally {
    /// Nothing counted yet. With `survival` it remembers what was brought, so that [`Tally::stands`] can be told.
    pub fn new(by: By, survival: bool) -> Self {
        let brought = survival.then(HashMap::new);
        let (rows, total, stood) = (BTreeMap::new(), Row::default(), HashSet::new());
        Self { by, rows, total, commits: 0, no_note: (0, 0), brought, stood }
    }

    /// Counts a commit's lines; `record` is what is known of them. Each commit is counted once.
    pub fn brought(&mut self, brought: Brought, record: Option<&CommitRecord>) {
        self.commits += 1;
        let lines = brought.lines();
        if record.is_none() && lines > 0 {
            self.no_note = (self.no_note.0 + 1, self.no_note.1 + lines);
        }
        for (path, lines) in &brought.files {
            for run in runs(lines, record, path) {
                let owner = run.known.owner();
                let class = class_of(&owner);
                let key = self.by.key(path, &brought.day, &owner);
                self.rows.entry(key).or_default().add(class, run.lines());
                self.total.add(class, run.lines());
            }
        }
        if let Some(all) = &mut self.brought {
            all.insert(brought.commit.clone(), brought);
        }
    }

    /// Says that a line, as it was in its commit, still stands. What no counted commit brought is passed over; a line that
    /// stands in two places counts once.
    pub fn stands(&mut self, commit: &str, path: &str, line: u32, record: Option<&CommitRecord>) {
        let Some(brought) = self.brought.as_ref().and_then(|all| all.get(commit)) else { return };
        let Some(lines) = brought.files.get(path) else { return };
        let at = lines.partition_point(|(_, last)| *last < line);
        if lines.get(at).is_none_or(|(first, _)| *first > line) {
            return;
        }
        if !self.stood.insert((commit.to_owned(), path.to_owned(), line)) {
            return;
        }
        let key = self.by.key(path, &brought.day, &Known::of(record, path, line).owner());
        self.rows.entry(key).or_default().standing += 1;
        self.total.standing += 1;
    }

    /// Each key with its lines: most lines first; days in their order.
    pub fn rows(&self) -> Vec<(&str, Row)> {
        let mut rows: Vec<(&str, Row)> = self.rows.iter().map(|(key, row)| (key.as_str(), *row)).collect();
        if self.by != By::Day {
            rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.lines));
        }
        rows
    }

    /// All lines.
    pub fn total(&self) -> Row {
        self.total
    }

    /// How many commits were counted.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// The commits that brought lines and have no note, and how many lines they brought.
    pub fn without_note(&self) -> (u64, u64) {
        self.no_note
    }
}
