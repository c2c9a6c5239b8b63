//! Runs, counts and policies against a naive model that looks at each line by itself.

use std::collections::{BTreeMap, BTreeSet};

use codi2_protocol::ActorKind;
use proptest::prelude::*;

use super::policy::{Demand, Judge, Rule};
use super::*;
use crate::record::{FileRecord, LineRange};

fn owner(kind: ActorKind, name: &str, model: Option<&str>, class: Class) -> Owner {
    let origin = Actor { model: model.map(str::to_owned), ..Actor::named(kind, name) };
    Owner { verdict: Verdict::new(origin, class, EvidenceKind::Keystrokes, ""), at_ms: None, event: None }
}

fn owners() -> Vec<Owner> {
    vec![
        owner(ActorKind::Person, "Ada <ada@x>", None, Class::Inferred),
        owner(ActorKind::Agent, "robo", Some("m1"), Class::Exact),
        owner(ActorKind::Completion, "tab", Some("m2"), Class::Declared),
        owner(ActorKind::External, "", None, Class::Unknown),
        owner(ActorKind::Git, "pull", None, Class::Carried),
        owner(ActorKind::Unknown, "", None, Class::Unknown),
    ]
}

/// Ascending, disjoint ranges out of gaps and lengths.
fn ranges(steps: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut at = 0;
    let range = |(gap, length): &(u32, u32)| {
        let first = at + gap + 1;
        at = first + length;
        (first, at)
    };
    steps.iter().map(range).collect()
}

const PATHS: [&str; 3] = ["a.rs", "src/b.rs", "src/deep/c.rs"];

fn commits() -> impl Strategy<Value = Vec<(Brought, Option<CommitRecord>)>> {
    let steps = || prop::collection::vec((0u32..4, 0u32..4), 0..4);
    let known = prop::collection::vec((0u32..4, 0u32..4, 0u32..6, prop::option::of(0u32..5)), 0..5);
    let file = (0usize..3, steps(), known);
    let commit = (prop::collection::vec(file, 0..4), any::<bool>(), 0u32..3);
    prop::collection::vec(commit, 0..5).prop_map(|commits| {
        let commit = |(number, (files, noted, day)): (usize, (Vec<_>, bool, u32))| {
            let mut brought =
                Brought { commit: format!("c{number}"), day: format!("2026-11-0{}", day + 1), ..Brought::default() };
            let mut record =
                CommitRecord { commit: brought.commit.clone(), owners: owners(), files: Vec::new(), left_out: 0 };
            for (path, lines, known) in files {
                let (path, lines): (usize, Vec<(u32, u32)>) = (path, lines);
                if brought.files.contains_key(PATHS[path]) {
                    continue;
                }
                brought.files.insert(PATHS[path].into(), ranges(&lines));
                let known: Vec<(u32, u32, u32, Option<u32>)> = known;
                let steps: Vec<(u32, u32)> = known.iter().map(|(gap, length, ..)| (*gap, *length)).collect();
                let of = known.iter().map(|(.., owner, second)| (*owner, *second));
                let range = |((first, last), (owner, second))| LineRange { first, last, owner, second };
                let ranges = ranges(&steps).into_iter().zip(of).map(range).collect();
                record.files.push(FileRecord { path: PATHS[path].into(), ranges });
            }
            (brought, noted.then_some(record))
        };
        commits.into_iter().enumerate().map(commit).collect()
    })
}

/// Every line that was brought: commit, path, number.
fn each(commits: &[(Brought, Option<CommitRecord>)]) -> Vec<(&Brought, Option<&CommitRecord>, &str, u32)> {
    let mut all = Vec::new();
    for (brought, record) in commits {
        for (path, lines) in &brought.files {
            let lines = lines.iter().flat_map(|(first, last)| *first..=*last);
            all.extend(lines.map(|line| (brought, record.as_ref(), path.as_str(), line)));
        }
    }
    all
}

/// The naive look: every range is tried.
fn look<'a>(record: Option<&'a CommitRecord>, path: &str, line: u32) -> (Option<&'a Owner>, Option<&'a Owner>) {
    let files = record.into_iter().flat_map(|record| &record.files).filter(|file| file.path == path);
    let range = files.flat_map(|file| &file.ranges).find(|range| (range.first..=range.last).contains(&line));
    let owner = |number: Option<u32>| record?.owners.get(number? as usize);
    let first = owner(range.map(|range| range.owner));
    (first, first.and(owner(range.and_then(|range| range.second))))
}

/// What git brought has no known author.
fn class(owner: Option<&Owner>) -> Class {
    let known = owner.filter(|owner| owner.verdict.origin.kind != ActorKind::Git);
    known.map_or(Class::Unknown, |owner| owner.verdict.class)
}

fn key(by: By, path: &str, day: &str, owner: Option<&Owner>) -> String {
    let origin = owner.map(|owner| &owner.verdict.origin);
    let kind = origin.map_or(ActorKind::Unknown, |origin| origin.kind);
    match (by, kind) {
        (By::Actor, _) => origin.map_or("unknown".to_owned(), Actor::to_string),
        (By::Tool | By::Model, ActorKind::Unknown | ActorKind::External | ActorKind::Git) => "unknown".to_owned(),
        (By::Tool | By::Model, ActorKind::Person) => "none".to_owned(),
        (By::Tool, _) => origin.unwrap().name.clone(),
        (By::Model, _) => origin.unwrap().model.clone().unwrap(),
        (By::Directory, _) => match path {
            "a.rs" => ".".to_owned(),
            "src/b.rs" => "src".to_owned(),
            _ => "src/deep".to_owned(),
        },
        (By::Day, _) => day.to_owned(),
        (By::Class, _) => class(owner).as_str().to_owned(),
    }
}

proptest! {
    #[test]
    fn runs_say_of_each_line_what_a_look_at_it_says(commits in commits()) {
        for (brought, record) in &commits {
            for (path, lines) in &brought.files {
                let runs = runs(lines, record.as_ref(), path);
                let of: Vec<(u32, Known<'_>)> =
                    runs.iter().flat_map(|run| (run.first..=run.last).map(|line| (line, run.known))).collect();
                let expected: Vec<u32> = lines.iter().flat_map(|(first, last)| *first..=*last).collect();
                prop_assert_eq!(of.iter().map(|(line, _)| *line).collect::<Vec<_>>(), expected);
                for (line, known) in of {
                    let (owner, second) = look(record.as_ref(), path, line);
                    let found = match known {
                        Known::By(owner, second) => (Some(owner), second),
                        _ => (None, None),
                    };
                    prop_assert_eq!(found, (owner, second));
                    prop_assert_eq!(known == Known::NoRecord, record.is_none());
                }
                prop_assert!(runs.windows(2).all(|two| two[0].last + 1 < two[1].first || two[0].known != two[1].known));
            }
        }
    }

    #[test]
    fn counts_are_those_of_single_lines(commits in commits(), stand in prop::collection::vec((0usize..6, 0usize..3, 1u32..16), 0..40)) {
        for by in [By::Actor, By::Tool, By::Model, By::Directory, By::Day, By::Class] {
            let mut tally = Tally::new(by, true);
            let mut rows: BTreeMap<String, Row> = BTreeMap::new();
            for (brought, record) in &commits {
                tally.brought(brought.clone(), record.as_ref());
            }
            for (brought, record, path, line) in each(&commits) {
                let owner = look(record, path, line).0;
                let row = rows.entry(key(by, path, &brought.day, owner)).or_default();
                row.lines += 1;
                row.classes[class(owner) as usize] += 1;
            }
            let mut stood = BTreeSet::new();
            for (commit, path, line) in &stand {
                let (commit, path) = (format!("c{commit}"), PATHS[*path]);
                let record = commits.iter().find(|(brought, _)| brought.commit == commit).and_then(|(_, record)| record.as_ref());
                tally.stands(&commit, path, *line, record);
                let there = each(&commits).into_iter().find(|(brought, _, at, number)| brought.commit == commit && *at == path && number == line);
                if let Some((brought, record, ..)) = there && stood.insert((commit, path, *line)) {
                    rows.get_mut(&key(by, path, &brought.day, look(record, path, *line).0)).unwrap().standing += 1;
                }
            }
            let found: BTreeMap<String, Row> = tally.rows().into_iter().map(|(key, row)| (key.to_owned(), row)).collect();
            prop_assert_eq!(&found, &rows);
            let total = tally.total();
            prop_assert_eq!(total.lines, each(&commits).len() as u64);
            prop_assert_eq!(total.classes.iter().sum::<u64>(), total.lines);
            prop_assert_eq!(total.standing, stood.len() as u64);
            prop_assert_eq!(tally.commits(), commits.len() as u64);
            let bare = commits.iter().filter(|(brought, record)| record.is_none() && brought.lines() > 0);
            prop_assert_eq!(tally.without_note().0, bare.count() as u64);
        }
    }

    #[test]
    fn a_policy_finds_each_line_that_breaks_it(commits in commits(), most in 0u64..101, below in 0usize..2) {
        let prefix = ["", "src/"][below];
        let rules = [Rule {
            applies: Box::new(move |path| path.starts_with(prefix)),
            max_unknown: Some(most),
            min_class: Some(Class::Declared),
            forbid: vec![ActorKind::Agent],
            require_notes: true,
        }];
        let mut judge = Judge::new(&rules);
        commits.iter().for_each(|(brought, record)| judge.commit(brought, record.as_ref()));
        let mut found: BTreeMap<Demand, BTreeSet<(String, String, u32)>> = BTreeMap::new();
        for violation in judge.violations() {
            let lines = violation.lines.iter().flat_map(|(first, last)| *first..=*last);
            let file = violation.file.clone().unwrap_or_default();
            let set = found.entry(violation.demand).or_default();
            let all: Vec<u32> = if violation.file.is_none() { vec![0] } else { lines.collect() };
            for line in all {
                prop_assert!(set.insert((violation.commit.clone(), file.clone(), line)), "{:?} twice", violation);
            }
            prop_assert!(!violation.found.is_empty() && !violation.todo.is_empty());
        }
        let mut expected: BTreeMap<Demand, BTreeSet<(String, String, u32)>> = BTreeMap::new();
        let lines: Vec<_> = each(&commits).into_iter().filter(|(_, _, path, _)| path.starts_with(prefix)).collect();
        let unknown = lines.iter().filter(|(_, record, path, line)| class(look(*record, path, *line).0) == Class::Unknown);
        let too_many = unknown.count() as u64 * 100 > most * lines.len() as u64;
        for (brought, record, path, line) in &lines {
            let (owner, second) = look(*record, path, *line);
            let place = (brought.commit.clone(), (*path).to_owned(), *line);
            let mut add = |demand, place| expected.entry(demand).or_default().insert(place);
            if too_many && class(owner) == Class::Unknown {
                add(Demand::MaxUnknown, place.clone());
            }
            if class(owner) > Class::Declared {
                add(Demand::MinClass, place.clone());
            }
            if [owner, second].into_iter().flatten().any(|owner| owner.verdict.origin.kind == ActorKind::Agent) {
                add(Demand::Forbid, place);
            }
            if record.is_none() {
                add(Demand::RequireNotes, (brought.commit.clone(), String::new(), 0));
            }
        }
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn an_empty_range_keeps_to_every_policy() {
    let rules = [Rule {
        applies: Box::new(|_| true),
        max_unknown: Some(0),
        min_class: Some(Class::Exact),
        forbid: vec![ActorKind::Agent],
        require_notes: true,
    }];
    let mut judge = Judge::new(&rules);
    judge.commit(&Brought { commit: "no lines".into(), ..Brought::default() }, None);
    assert_eq!((judge.lines(), judge.violations()), (0, Vec::new()));
}

/// No note is ever written for what notes do not speak of, so none can be demanded; its lines are unknown all the same.
#[test]
fn a_note_is_demanded_of_what_notes_speak_of() {
    let rule = |max_unknown, require_notes| Rule {
        applies: Box::new(|_| true),
        max_unknown,
        min_class: None,
        forbid: Vec::new(),
        require_notes,
    };
    let rules = [rule(None, true), rule(Some(0), false)];
    let demands = |unnoted: &[&str]| {
        let files = ["a.png", "b.rs"].map(|path| (path.to_owned(), vec![(1, 1)])).into();
        let unnoted = unnoted.iter().map(|path| (*path).to_owned()).collect();
        let mut judge = Judge::new(&rules);
        judge.commit(&Brought { commit: "c".into(), files, unnoted, ..Brought::default() }, None);
        judge.violations().into_iter().map(|violation| violation.demand).collect::<Vec<_>>()
    };
    assert_eq!(demands(&["a.png"]), [Demand::RequireNotes, Demand::MaxUnknown, Demand::MaxUnknown]);
    assert_eq!(demands(&["a.png", "b.rs"]), [Demand::MaxUnknown, Demand::MaxUnknown]);
}

#[test]
fn a_file_that_a_note_left_out_says_so() {
    let files =
        vec![FileRecord { path: "kept".into(), ranges: vec![LineRange { first: 2, last: 2, owner: 0, second: None }] }];
    let record = CommitRecord { files, left_out: 1, owners: vec![Owner::before_codi2()], ..CommitRecord::default() };
    let whole = CommitRecord { left_out: 0, ..record.clone() };
    for (record, path, line, expected) in [
        (&record, "gone", 1, Known::LeftOut),
        (&record, "kept", 1, Known::NotInRecord),
        (&whole, "gone", 1, Known::NotInRecord),
    ] {
        let known = Known::of(Some(record), path, line);
        assert_eq!((known, known.class()), (expected, Class::Unknown), "{path}:{line}");
        assert_eq!(known.owner().verdict.evidence[0].detail.contains("too long"), expected == Known::LeftOut);
    }
}
