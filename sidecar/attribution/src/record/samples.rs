//! Records for the tests of this folder: a few by hand, many by chance.

use codi2_protocol::{Actor, ActorKind, Class, EvidenceKind, Owner, Verdict};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::draft::Draft;
use super::{CommitRecord, LineRange};

/// A commit's name.
pub(super) const COMMIT: &str = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";

/// An owner with nothing but an actor and a class.
pub(super) fn owner(origin: Actor, class: Class) -> Owner {
    Owner { verdict: Verdict::new(origin, class, EvidenceKind::IntentExact, "x"), at_ms: Some(60_000), event: None }
}

/// An agent with a model and a session.
pub(super) fn agent(name: &str, session: &str) -> Actor {
    let text = |text: &str| Some(text.to_owned());
    Actor { model: text("claude-sonnet-5"), session: text(session), ..Actor::named(ActorKind::Agent, name) }
}

/// Lines of one owner, each range `(first, last)`.
pub(super) fn record(lines: &[(&str, u32, u32, &Owner, Option<&Owner>)]) -> CommitRecord {
    let mut draft = Draft::default();
    lines.iter().for_each(|(path, first, last, owner, second)| draft.fill(path, *first, *last, owner, *second));
    draft.record(COMMIT)
}

/// Each line's owner in words, of a file.
pub(super) fn told(record: &CommitRecord, path: &str) -> Vec<String> {
    let file = record.files.iter().find(|file| file.path == path);
    let line = |range: &LineRange| {
        let owner = &record.owners[range.owner as usize].verdict;
        let model = owner.origin.model.as_deref().unwrap_or("-");
        let session = owner.origin.session.as_deref().unwrap_or("-");
        format!("{}-{} {} {model} {session} {}", range.first, range.last, owner.origin, owner.class)
    };
    file.map(|file| file.ranges.iter().map(line).collect()).unwrap_or_default()
}

fn actors() -> impl Strategy<Value = Actor> {
    const KINDS: [ActorKind; 8] = [
        ActorKind::Person,
        ActorKind::Completion,
        ActorKind::Agent,
        ActorKind::Orchestrator,
        ActorKind::Tool,
        ActorKind::Git,
        ActorKind::External,
        ActorKind::Unknown,
    ];
    let text = |texts: &'static [&'static str]| option::of(select(texts).prop_map(str::to_owned));
    let names = select(&["robo", "Ada <ada@x>", "ü ::\n"][..]);
    (select(&KINDS[..]), names, text(&["t1", "t2"]), text(&["m", "o3"]), text(&["c1", "c2"]))
        .prop_map(|(kind, name, tool, model, session)| Actor { tool, model, session, ..Actor::named(kind, name) })
}

/// Owners as they come.
fn owners() -> impl Strategy<Value = Owner> {
    const CLASSES: [Class; 5] = [Class::Exact, Class::Declared, Class::Inferred, Class::Carried, Class::Unknown];
    const KINDS: [EvidenceKind; 3] = [EvidenceKind::IntentExact, EvidenceKind::Imported, EvidenceKind::DiskChange];
    let parts = (actors(), option::of(actors()), option::of(actors()), select(&CLASSES[..]), select(&KINDS[..]));
    parts.prop_map(|(mut origin, modifier, parent, class, kind)| {
        origin.parent = parent.map(Box::new);
        let verdict = Verdict { modifier, ..Verdict::new(origin, class, kind, "why") };
        Owner { verdict, at_ms: Some(120_000), event: None }
    })
}

/// Records as they come.
pub(super) fn records() -> impl Strategy<Value = CommitRecord> {
    let paths = select(&["a.rs", "b c.rs", "\"q\"", "---", " x", "ü\t.md"][..]);
    let line = (paths, 1..60_u32, 0..9_u32, 0..5_usize, option::of(0..5_usize));
    (vec(owners(), 5), vec(line, 0..25)).prop_map(|(owners, lines)| {
        let mut draft = Draft::default();
        for (path, first, more, owner, second) in lines {
            draft.fill(path, first, first + more, &owners[owner], second.map(|second| &owners[second]));
        }
        draft.record(COMMIT)
    })
}

/// Every line of a record with its owner.
pub(super) fn lines(record: &CommitRecord) -> impl Iterator<Item = (&str, u32, &Owner)> {
    record.files.iter().flat_map(move |file| {
        file.ranges.iter().flat_map(move |range| {
            let owner = &record.owners[range.owner as usize];
            (range.first..=range.last).map(move |line| (file.path.as_str(), line, owner))
        })
    })
}
