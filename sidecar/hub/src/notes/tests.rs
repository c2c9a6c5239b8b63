//! A clerk at a real repository, who is told by hand what the core knows.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use codi2_attribution::record::{CommitRecord, FileRecord, LineRange, codi2};
use codi2_protocol::{Actor, ActorKind, Class, EventId, EvidenceKind, Owner, RepositoryId, Span, Verdict};
use codi2_text::Text;
use codi2_workspace::{Note, Notes, Oid, Place, identify, is_amid_commits};

use super::wishes::Wishes;
use super::{Clerk, Informant, OPEN_MS, Options, Wish};
use crate::book::StoredOwners;
use crate::core::{Asked, Input, Related, Told, Why};

/// The owners of each content, line by line.
type Known = Rc<RefCell<HashMap<String, Vec<Owner>>>>;

/// What the core would know, what it was told, and when.
struct Script(Known, Rc<Cell<u64>>, Rc<Cell<usize>>);

/// A text's owners, one for each line.
pub(super) fn stored(text: &str, owners: &[Owner]) -> StoredOwners {
    let spans = text.split_inclusive('\n').zip(0..).map(|(line, owner)| Span { len: line.len() as u64, owner });
    StoredOwners { spans: spans.collect(), owners: owners.to_vec() }
}

impl Informant for Script {
    fn ask(&self, asked: Asked) -> Result<Option<Told>, String> {
        let text = asked.text.to_string();
        let owners = self.0.borrow().get(&text).map(|owners| stored(&text, owners));
        let relatives = asked.relatives.iter().map(|_| None).collect();
        // What is known of another text lies there instead.
        let known = self.0.borrow();
        let others = known.iter().filter(|(other, _)| owners.is_none() && **other != text);
        let beside = |(text, owners): (&String, &Vec<Owner>)| Related {
            text: Text::new(text),
            owners: stored(text, owners),
            is_beside: false,
        };
        Ok(Some(Told { present: others.map(beside).collect(), owners, relatives }))
    }

    fn tell(&self, input: Input) {
        assert!(matches!(input, Input::Derived(..)));
        self.2.set(self.2.get() + 1);
    }

    fn trouble(&self, _: RepositoryId, trouble: Option<String>) {
        assert_eq!(trouble, None);
    }

    fn now_ms(&self) -> u64 {
        self.1.get()
    }
}

/// A commit that brought the lines behind the first one of a.txt.
struct Desk {
    _folder: tempfile::TempDir,
    place: Place,
    commit: Oid,
    known: Known,
    now: Rc<Cell<u64>>,
    derived: Rc<Cell<usize>>,
    clerk: Clerk<Script>,
}

const COMMITTER: [&str; 6] =
    ["-c", "user.name=Ada", "-c", "user.email=ada@example.invalid", "-c", "commit.gpgsign=false"];
const GO_ON: [&str; 2] = ["rebase", "--continue"];

pub(super) fn git(root: &Path, arguments: &[&str]) {
    let done = Command::new("git").current_dir(root).args(COMMITTER).args(arguments).status().expect("git runs");
    assert!(done.success(), "{arguments:?}");
}

pub(super) fn owner(name: &str, event: EventId) -> Owner {
    let (kind, class) = match name {
        "" => (ActorKind::Unknown, Class::Unknown),
        _ => (ActorKind::Agent, Class::Exact),
    };
    let verdict = Verdict::new(Actor::named(kind, name), class, EvidenceKind::IntentExact, "");
    Owner { verdict, at_ms: Some(1_000), event: Some(event) }
}

impl Desk {
    fn new(lines: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        git(root, &["init", "-q", "-b", "main"]);
        git(root, &["config", "user.email", "ada@example.invalid"]);
        git(root, &["config", "user.name", "Ada"]);
        for text in ["one\n", &format!("one\n{lines}")] {
            std::fs::write(root.join("a.txt"), text).expect("written");
            git(root, &["add", "a.txt"]);
            git(root, &["commit", "-q", "-m", "some"]);
        }
        let mut place = identify(root).expect("a place");
        let commit = Oid::parse(place.head.as_deref().expect("a commit")).expect("its name");
        let commits = codi2_workspace::Commits::open(&place).expect("commits");
        place.head = commits.these(&[commit]).expect("it is there")[0].parents.first().map(ToString::to_string);
        let known = Known::default();
        let options = Options { write: true, max_file_bytes: 1 << 20 };
        let (now, derived) = (Rc::new(Cell::new(1_000)), Rc::default());
        let script = Script(Rc::clone(&known), Rc::clone(&now), Rc::clone(&derived));
        let clerk = Clerk::new(script, options, Arc::new(AtomicBool::new(false)));
        Self { _folder: folder, place, commit, known, now, derived, clerk }
    }

    /// From now on this is known of the commit's text; nothing: it is gone.
    fn knows(&self, text: &str, owners: Option<Vec<Owner>>) {
        let mut known = self.known.borrow_mut();
        known.clear();
        known.extend(owners.map(|owners| (text.to_owned(), owners)));
    }

    /// What the note says after a look.
    fn looks(&mut self, why: Why) -> Option<CommitRecord> {
        self.clerk.look(&self.place, &[why]).expect("a look");
        let mut notes = Notes::open(&self.place, codi2::REFERENCE).expect("notes");
        let note = notes.read(&[self.commit]).expect("read").remove(&self.commit)?;
        Some(codi2::read(&self.commit.to_string(), &note).expect("a note"))
    }

    /// Whom it names for lines 2 and 3.
    fn names(&mut self, why: Why) -> [String; 2] {
        let record = self.looks(why);
        let name = |line| Some(record.as_ref()?.owner("a.txt", line)?.verdict.origin.name.clone());
        [2, 3].map(|line| name(line).unwrap_or_default())
    }
}

/// The file is gone when somebody disputes who wrote some of it: the note names nobody for that from then on.
#[test]
fn a_dispute_corrects_a_note() {
    let [bot, other] = [EventId::new(), EventId::new()];
    let mut desk = Desk::new("two\nthree\n");
    let text = "one\ntwo\nthree\n";
    desk.knows(text, Some(vec![owner("", EventId::new()), owner("bot", bot), owner("other", other)]));
    assert_eq!(desk.names(Why::Moved), ["bot", "other"]);
    desk.knows(text, None);
    assert_eq!(desk.names(Why::Learned(EventId::new())), ["bot", "other"], "of something else");
    assert_eq!(desk.names(Why::Learned(bot)), ["", "other"]);
    assert_eq!(desk.names(Why::Moved), ["", "other"], "and it stays so");
    // Nothing is left that anybody could say.
    assert_eq!(desk.names(Why::Learned(other)), ["", ""]);
    assert_eq!(desk.looks(Why::Moved), None);
}

/// What a commit brought stays as it is: git compares it once, however often it is looked at.
#[test]
fn a_commit_is_compared_once() {
    let [bot, other] = [EventId::new(), EventId::new()];
    let mut desk = Desk::new("two\nthree\n");
    let text = "one\ntwo\nthree\n";
    desk.knows(text, Some(vec![owner("", EventId::new()), owner("bot", bot), owner("", other)]));
    assert_eq!(desk.names(Why::Moved), ["bot", ""]);
    // From now on git compares nothing: it does not understand its settings.
    git(&desk.place.root, &["config", "diff.renameLimit", "many"]);
    let commits = codi2_workspace::Commits::open(&desk.place).expect("commits").these(&[desk.commit]).expect("here");
    let refused = codi2_workspace::Commits::open(&desk.place).expect("commits").changes(&commits);
    assert!(refused.is_err());
    desk.knows(text, Some(vec![owner("", EventId::new()), owner("bot", bot), owner("other", other)]));
    assert_eq!(desk.names(Why::Learned(other)), ["bot", "other"]);
}

/// What another hub said is its own to take back.
#[test]
fn a_note_keeps_no_claim_of_another_hub() {
    let mut desk = Desk::new("two\nthree\n");
    let commit = desk.commit.to_string();
    let others = |owners: Vec<Owner>| {
        let range = |owner: u32| LineRange { first: 3, last: 3, owner, second: None };
        let files = vec![FileRecord { path: "a.txt".into(), ranges: vec![range(0)] }];
        codi2::write(&CommitRecord { commit: commit.clone(), owners, files, left_out: 0 }).0
    };
    let lies = |place: &Place, on: Oid, text: String| {
        let mut notes = Notes::open(place, codi2::REFERENCE).expect("notes");
        notes.write(&[on], &mut |_, _| Note::Write(text.clone().into_bytes())).expect("written");
    };
    let (theirs, bot) = (EventId::new(), EventId::new());
    lies(&desk.place, desk.commit, others(vec![owner("theirs", theirs)]));
    let text = "one\ntwo\nthree\n";
    let unseen = crate::core::not_observed();
    desk.knows(text, Some(vec![unseen.clone(), owner("bot", bot), unseen]));
    assert_eq!(desk.names(Why::Moved), ["bot", "theirs"]);
    lies(&desk.place, desk.commit, others(vec![owner("", theirs)]));
    desk.knows(text, None);
    assert_eq!(desk.names(Why::Moved), ["bot", ""]);
}

/// Whoever made a commit says whose its lines are: this hub says something only where it knows something of its own.
#[test]
fn what_was_only_pulled_has_no_note_of_this_hub() {
    let git_brought = |kind, class| {
        let verdict = Verdict::new(Actor::named(kind, ""), class, EvidenceKind::Git, "");
        Owner { verdict, at_ms: Some(1_000), event: Some(EventId::new()) }
    };
    let pulled = || git_brought(ActorKind::Git, Class::Carried);
    let external = || git_brought(ActorKind::External, Class::Unknown);
    let bot = || owner("bot", EventId::new());
    for (is_here, lines, is_noted) in [
        (true, [pulled(), pulled()], false),
        (false, [pulled(), pulled()], false),
        (false, [external(), pulled()], false),
        (true, [external(), pulled()], true),
        (false, [pulled(), bot()], true),
        (true, [bot(), bot()], true),
    ] {
        let mut desk = Desk::new("two\nthree\n");
        if !is_here {
            git(&desk.place.root, &["config", "user.email", "bea@example.invalid"]);
        }
        let [two, three] = lines.clone();
        desk.knows("one\ntwo\nthree\n", Some(vec![crate::core::not_observed(), two, three]));
        assert_eq!(desk.looks(Why::Moved).is_some(), is_noted, "{is_here} {lines:?}");
    }
}

/// What was worked out reaches the ledger when its time is over, however little is known of some of it.
#[test]
fn what_was_worked_out_is_kept_at_the_last_look() {
    let mut desk = Desk::new("two\nthree\n");
    let mut only = owner("bot", EventId::new());
    only.verdict = Verdict::new(only.verdict.origin, Class::Inferred, EvidenceKind::OnlyAgentCall, "");
    let nobody = owner("", EventId::new());
    desk.knows("one\ntwo\nthree\nfour\n", Some(vec![nobody.clone(), only, nobody.clone(), nobody]));
    assert_eq!(desk.names(Why::Moved), ["bot", ""]);
    assert_eq!(desk.derived.get(), 0, "late evidence may come");
    assert!(desk.clerk.due().is_empty());
    desk.now.set(1_000 + OPEN_MS);
    let due = desk.clerk.due();
    assert_eq!(due, [desk.place.clone()]);
    desk.clerk.look(&due[0], &[]).expect("a last look");
    assert_eq!((desk.derived.get(), desk.clerk.next_ms()), (1, None));
}

/// The worktree in which a commit was made is gone before its last look.
#[test]
fn a_worktree_that_is_gone_is_no_trouble() {
    let mut desk = Desk::new("two\nthree\n");
    desk.knows(
        "one\ntwo\nthree\n",
        Some(vec![owner("bot", EventId::new()), owner("bot", EventId::new()), owner("", EventId::new())]),
    );
    assert_eq!(desk.names(Why::Moved), ["bot", ""]);
    desk.now.set(1_000 + OPEN_MS);
    std::fs::remove_dir_all(&desk.place.root).expect("it was there");
    assert!(desk.clerk.due().is_empty());
    assert_eq!(desk.clerk.next_ms(), None);
}

/// Each step of a rebase moves git, and takes commits away that the step before it made: one look follows the last step.
#[test]
fn a_rebase_is_one_look() {
    let mut desk = Desk::new("two\nthree\n");
    let (place, root) = (desk.place.clone(), desk.place.root.clone());
    let text = "one\ntwo\nthree\nfour\n";
    for step in ["four", "five", "six"] {
        std::fs::write(root.join(format!("{step}.txt")), text).expect("written");
        git(&root, &["add", "--all"]);
        git(&root, &["commit", "-q", "-m", step]);
    }
    desk.knows(text, Some([1; 4].map(|_| owner("bot", EventId::new())).to_vec()));
    let mut wishes = Wishes::default();
    let begun = Instant::now();
    let mut look = |desk: &mut Desk| {
        wishes.add(Wish { place: place.clone(), why: Why::Moved }, begun);
        let due = wishes.due(begun, is_amid_commits);
        due.iter().for_each(|(place, whys)| desk.clerk.look(place, whys).expect("a look"));
        due.len()
    };
    assert_eq!(look(&mut desk), 1);
    // It stops behind each commit.
    let first = ["rebase", "-q", "--no-ff", "--exec", "false", "HEAD~3"];
    let looks: Vec<usize> = [&first[..], &GO_ON, &GO_ON, &GO_ON]
        .iter()
        .map(|command| {
            let done = Command::new("git").current_dir(&root).args(COMMITTER).args(*command).output();
            assert!(is_amid_commits(&place) != done.expect("git runs").status.success());
            look(&mut desk)
        })
        .collect();
    assert_eq!(looks, [0, 0, 0, 1]);
    let commits = codi2_workspace::Commits::open(&place).expect("commits").listed("HEAD~3..").expect("three");
    let commits: Vec<Oid> = commits.iter().map(|listed| listed.commit.id).collect();
    let notes = Notes::open(&place, codi2::REFERENCE).expect("notes").read(&commits).expect("read");
    assert_eq!((commits.len(), notes.len()), (3, 3));
}
