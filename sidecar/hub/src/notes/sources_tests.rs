//! A clerk who looks whose lines are that git took from other commits, at a real repository.

use std::cell::{Cell, RefCell};
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use codi2_attribution::record::{CommitRecord, FileRecord, LineRange, codi2};
use codi2_protocol::{Actor, ActorKind, Class, EventId, EvidenceKind, Owner, RepositoryId, Verdict};
use codi2_workspace::{Note, Notes, Oid, Place, identify};

use super::sources::SEARCH;
use super::tests::{git, owner, stored};
use super::{Clerk, ENDING, Informant, OPEN_MS, Options};
use crate::core::{Asked, Input, Told, Why};

/// A core that knows of each line only that git brought it. `ends`: the hub begins to end when it is asked.
#[derive(Clone, Default)]
struct Blind {
    ends: Option<Arc<AtomicBool>>,
    trouble: Rc<RefCell<Option<String>>>,
    now: Rc<Cell<u64>>,
}

impl Informant for Blind {
    fn ask(&self, asked: Asked) -> Result<Option<Told>, String> {
        self.ends.iter().for_each(|ending| ending.store(true, Ordering::Relaxed));
        let relatives = asked.relatives.iter().map(|_| None).collect();
        let text = asked.text.to_string();
        let verdict = Verdict::new(Actor::named(ActorKind::Git, "pull"), Class::Carried, EvidenceKind::Git, "");
        let brought = Owner { verdict, at_ms: Some(0), event: Some(EventId::new()) };
        let owners = stored(&text, &vec![brought; text.lines().count()]);
        Ok(Some(Told { present: Vec::new(), owners: Some(owners), relatives }))
    }

    fn tell(&self, _: Input) {}

    fn trouble(&self, _: RepositoryId, trouble: Option<String>) {
        *self.trouble.borrow_mut() = trouble;
    }

    fn now_ms(&self) -> u64 {
        self.now.get()
    }
}

struct Repository(tempfile::TempDir);

impl Repository {
    fn new(files: &[(&str, &str)]) -> Self {
        let repository = Self(tempfile::tempdir().expect("a folder"));
        git(repository.root(), &["init", "-q", "-b", "main"]);
        git(repository.root(), &["config", "user.email", "ada@example.invalid"]);
        git(repository.root(), &["config", "user.name", "Ada"]);
        repository.commit(files, 1);
        repository
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    /// A commit that its author made in this second of some minute.
    fn commit(&self, files: &[(&str, &str)], second: u32) -> Oid {
        for (path, text) in files {
            std::fs::write(self.root().join(path), text).expect("written");
        }
        git(self.root(), &["add", "--all"]);
        git(self.root(), &["commit", "-q", "-m", "some", "--date", &format!("2026-01-01T00:00:{second:02}Z")]);
        self.named("HEAD")
    }

    fn named(&self, name: &str) -> Oid {
        let done = Command::new("git").current_dir(self.root()).args(["rev-parse", name]).output().expect("git runs");
        Oid::parse(String::from_utf8_lossy(&done.stdout).trim()).expect("a name")
    }

    /// Somebody's note says that the bot wrote these lines of a commit.
    fn note(&self, commit: Oid, path: &str, lines: RangeInclusive<u32>) {
        let ranges = vec![LineRange { first: *lines.start(), last: *lines.end(), owner: 0, second: None }];
        let files = vec![FileRecord { path: path.into(), ranges }];
        let owners = vec![owner("bot", EventId::new())];
        let text = codi2::write(&CommitRecord { commit: commit.to_string(), owners, files, left_out: 0 }).0;
        let mut notes = Notes::open(&self.place("HEAD"), codi2::REFERENCE).expect("notes");
        notes.write(&[commit], &mut |_, _| Note::Write(text.clone().into_bytes())).expect("written");
    }

    /// As it was first watched when history ended here.
    fn place(&self, head: &str) -> Place {
        Place { head: Some(self.named(head).to_string()), ..identify(self.root()).expect("a place") }
    }

    /// Whom the note on a commit names for each line of a file.
    fn names(&self, commit: Oid, path: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.root().join(path)).expect("there");
        let mut notes = Notes::open(&self.place("HEAD"), codi2::REFERENCE).expect("notes");
        let note = notes.read(&[commit]).expect("read").remove(&commit);
        let record = note.map(|note| codi2::read(&commit.to_string(), &note).expect("a note"));
        let named = |line| Some(record.as_ref()?.owner(path, line)?.verdict.origin.clone());
        let name = |line| named(line).filter(|it| it.kind == ActorKind::Agent).map(|it| it.name);
        (1..).zip(text.lines()).map(|(line, _)| name(line).unwrap_or_default()).collect()
    }
}

fn clerk(blind: &Blind) -> Clerk<Blind> {
    let options = Options { write: true, max_file_bytes: 1 << 20 };
    Clerk::new(blind.clone(), options, blind.ends.clone().unwrap_or_default())
}

/// What the bot committed on another branch, and what is committed on this one in the same second.
fn of_one_second(here: &str) -> (Repository, Oid) {
    let repository = Repository::new(&[("a.txt", "base\n")]);
    git(repository.root(), &["switch", "-q", "-c", "beside"]);
    let beside = repository.commit(&[("a.txt", "base\na line that the bot wrote\nand the one below it\n}\n")], 2);
    repository.note(beside, "a.txt", 2..=4);
    git(repository.root(), &["switch", "-q", "main"]);
    let commit = repository.commit(&[("a.txt", here)], 2);
    (repository, commit)
}

const COPY: &str = "base\na line that the bot wrote\nand the one below it\n}\na line of whoever resolved it\n";

#[test]
fn what_one_author_commits_in_one_second_is_a_copy_where_it_is_alike() {
    for (here, expected) in [
        (COPY, vec!["", "bot", "bot", "bot", ""]),
        ("base\nsomething that is all her own\n}\n", vec!["", "", ""]),
        ("base\nand the one below it\nsomething that is all her own\n}\n", vec!["", "", "", ""]),
    ] {
        let (repository, commit) = of_one_second(here);
        clerk(&Blind::default()).look(&repository.place("HEAD~1"), &[Why::Moved]).expect("a look");
        assert_eq!(repository.names(commit, "a.txt"), expected, "{here}");
    }
}

/// Git has lost what one commit's file was once: it blames no line of that one.
#[test]
fn one_commit_that_git_cannot_follow_keeps_no_other_from_its_note() {
    let text = |name: &str| [1, 2, 3].map(|number| format!("line {number} of the file {name}\n"));
    let [one, two, three] = text("b.txt");
    let repository = Repository::new(&[("a.txt", "base\n"), ("b.txt", &format!("{one}{two}{three}"))]);
    repository.note(repository.named("HEAD"), "b.txt", 1..=3);
    repository.commit(&[("a.txt", "what git loses\n")], 2);
    let lost = repository.named("HEAD:a.txt").to_string();
    std::fs::remove_file(repository.root().join(".git/objects").join(&lost[..2]).join(&lost[2..]))
        .expect("a loose one");
    let [first, second, third] = text("a.txt");
    repository.commit(&[("a.txt", &format!("{first}{second}{third}"))], 3);
    let bad = repository.commit(&[("a.txt", &format!("{second}{third}{first}"))], 4);
    let good = repository.commit(&[("b.txt", &format!("{two}{three}{one}"))], 5);
    let blind = Blind::default();
    let error = clerk(&blind).look(&repository.place("HEAD~2"), &[Why::Moved]).expect_err("one is left");
    assert!(error.contains(&bad.to_string()) && error.contains("git blame"), "{error}");
    assert_eq!(repository.names(good, "b.txt"), ["", "", "bot"]);
    assert!(blind.trouble.borrow().as_ref().is_some_and(|said| said.contains(&bad.to_string())), "the status says so");
}

#[test]
fn a_search_that_takes_long_is_gone_on_with_at_the_next_look() {
    let (repository, commit) = of_one_second(COPY);
    let blind = Blind::default();
    let mut clerk = clerk(&blind);
    let place = repository.place("HEAD~1");
    clerk.patience = Duration::ZERO;
    let error = clerk.look(&place, &[Why::Moved]).expect_err("no time");
    assert!(error.contains(&commit.to_string()) && error.contains("the search took 0 s"), "{error}");
    assert_eq!(repository.names(commit, "a.txt"), [""; 5]);
    clerk.patience = SEARCH;
    blind.now.set(OPEN_MS);
    clerk.look(&place, &[]).expect("the last look");
    assert_eq!(repository.names(commit, "a.txt"), ["", "bot", "bot", "bot", ""]);
}

#[test]
fn a_hub_that_ends_looks_for_no_sources() {
    let (repository, commit) = of_one_second(COPY);
    let blind = Blind { ends: Some(Arc::default()), ..Blind::default() };
    let place = repository.place("HEAD~1");
    let error = clerk(&blind).look(&place, &[Why::Moved]).expect_err("it ends");
    assert!(error.contains(ENDING), "{error}");
    assert_eq!(repository.names(commit, "a.txt"), [""; 5]);
    clerk(&Blind::default()).look(&place, &[Why::Moved]).expect("the next hub");
    assert_eq!(repository.names(commit, "a.txt"), ["", "bot", "bot", "bot", ""]);
}
