//! One table row for each way an edit can get its owner.

use codi2_protocol::{Actor, ActorKind, Class, Edit, EvidenceKind, Shape, Source, SourceKind, Verdict};

use super::*;
use crate::fixtures::{call, copied, digest, edit, editor, group, group_id, kinds, named, person, restored, source};

fn judge(edit: Edit, declares: bool) -> Vec<Run> {
    judge_seen(edit, declares, None)
}

fn judge_seen(edit: Edit, declares: bool, state_seen: Option<StateSeen>) -> Vec<Run> {
    let (person, editor) = (person(), editor());
    let facts = BufferFacts { person: &person, editor: &editor, declares, state_seen, calls: &[] };
    match judge_group(&group(vec![edit]), &facts) {
        GroupRuling::Edits(mut edits) => edits.remove(0),
        restore => panic!("a whole tree came back: {restore:?}"),
    }
}

/// The only run's new verdict.
fn alone(edit: Edit, declares: bool) -> Verdict {
    let runs = judge(edit, declares);
    match runs.as_slice() {
        [Run { ruling: Ruling::New(verdict), .. }] => verdict.clone(),
        other => panic!("not one new owner: {other:?}"),
    }
}

/// `(length, carried from, modifier's kind, class, first reason)` of each run; a new owner has its own kind and no place.
type Told = (u64, Option<u64>, Option<ActorKind>, Class, EvidenceKind);

fn tell(runs: &[Run]) -> Vec<Told> {
    let told = |run: &Run| match &run.ruling {
        Ruling::New(verdict) => (run.len, None, Some(verdict.origin.kind), verdict.class, verdict.evidence[0].kind),
        Ruling::Carry { from, modifier, evidence, class, .. } => {
            let place = match from {
                Carried::Tombstone { from, .. } | Carried::Copy { from, .. } => *from,
                Carried::Beside => u64::MAX,
            };
            (run.len, Some(place), modifier.as_ref().map(|actor| actor.kind), *class, evidence.kind)
        }
    };
    runs.iter().map(told).collect()
}

#[test]
fn one_owner_for_the_whole_edit() {
    use ActorKind::{Completion, External, Person, Tool, Unknown};
    use Shape::{Deletion, Insert, Keystroke, Layout, Replace};
    use SourceKind as S;
    let command = |detail: &str| Some(Source { kind: S::Command, name: None, detail: Some(detail.to_owned()) });
    // shape, source, client declares every edit → origin, class, reason, modifier, acceptor
    type Row = (Shape, Option<Source>, bool, ActorKind, Class, EvidenceKind, bool, bool);
    let rows: Vec<Row> = vec![
        (Keystroke, None, false, Person, Class::Inferred, EvidenceKind::Keystrokes, false, false),
        (Keystroke, None, true, Unknown, Class::Unknown, EvidenceKind::NotObserved, false, false),
        (Keystroke, source(S::Typed), true, Person, Class::Declared, EvidenceKind::EditorDeclared, false, false),
        (Insert, source(S::Typed), true, Person, Class::Declared, EvidenceKind::EditorDeclared, false, false),
        (Insert, source(S::Paste), true, Unknown, Class::Unknown, EvidenceKind::EditorDeclared, true, false),
        (Keystroke, source(S::Paste), true, Unknown, Class::Unknown, EvidenceKind::EditorDeclared, true, false),
        (Replace, source(S::Command), true, Person, Class::Declared, EvidenceKind::EditorDeclared, false, false),
        (Replace, command("filter !sort"), true, Tool, Class::Declared, EvidenceKind::EditorDeclared, false, true),
        (Insert, named(S::Command, "read"), true, Unknown, Class::Unknown, EvidenceKind::EditorDeclared, true, false),
        (Insert, source(S::Completion), true, Completion, Class::Declared, EvidenceKind::EditorDeclared, false, true),
        (
            Keystroke,
            source(S::Completion),
            false,
            Completion,
            Class::Declared,
            EvidenceKind::EditorDeclared,
            false,
            true,
        ),
        (Insert, source(S::LspEdit), true, Tool, Class::Declared, EvidenceKind::EditorDeclared, false, false),
        (Insert, source(S::Snippet), true, Tool, Class::Declared, EvidenceKind::EditorDeclared, false, false),
        (Insert, source(S::Plugin), true, Tool, Class::Declared, EvidenceKind::EditorDeclared, false, false),
        (Keystroke, source(S::Plugin), false, Tool, Class::Declared, EvidenceKind::EditorDeclared, false, false),
        (Insert, source(S::Reload), true, External, Class::Unknown, EvidenceKind::Reload, false, false),
        (Insert, source(S::Undo), true, Unknown, Class::Unknown, EvidenceKind::Undo, false, false),
        (Insert, source(S::Other), true, Unknown, Class::Unknown, EvidenceKind::Other, false, false),
        (Keystroke, source(S::Other), false, Unknown, Class::Unknown, EvidenceKind::Other, false, false),
        (Insert, source(S::Format), true, Tool, Class::Declared, EvidenceKind::Format, false, false),
        (Layout, source(S::Format), true, Tool, Class::Declared, EvidenceKind::Format, false, false),
        (Insert, None, false, Unknown, Class::Unknown, EvidenceKind::LargeInsert, false, false),
        (Insert, None, true, Unknown, Class::Unknown, EvidenceKind::LargeInsert, false, false),
        (Replace, None, false, Unknown, Class::Unknown, EvidenceKind::LargeInsert, false, false),
        (Shape::Other, None, false, Unknown, Class::Unknown, EvidenceKind::LargeInsert, false, false),
        (Layout, None, false, Unknown, Class::Unknown, EvidenceKind::Format, false, false),
        (Deletion, source(S::Cut), true, Person, Class::Declared, EvidenceKind::EditorDeclared, false, false),
        (Deletion, source(S::Undo), true, Person, Class::Declared, EvidenceKind::EditorDeclared, false, false),
    ];
    for (shape, source, declares, kind, class, reason, modified, accepted) in rows {
        let inserted = if shape == Deletion { 0 } else { 12 };
        let row = format!("{shape:?} {source:?} declares={declares}");
        let verdict = alone(edit(shape, inserted, source), declares);
        assert_eq!((verdict.origin.kind, verdict.class, verdict.evidence[0].kind), (kind, class, reason), "{row}");
        assert_eq!(verdict.modifier, modified.then(person), "{row}");
        assert_eq!(verdict.acceptor, accepted.then(person), "{row}");
    }
}

#[test]
fn the_declared_name_is_the_owners_name() {
    for (kind, name) in
        [(SourceKind::Format, "rustfmt"), (SourceKind::Completion, "copilot"), (SourceKind::LspEdit, "clangd")]
    {
        assert_eq!(alone(edit(Shape::Insert, 5, named(kind, name)), true).origin.name, name);
    }
    assert_eq!(alone(edit(Shape::Insert, 5, source(SourceKind::Snippet)), true).origin.name, "snippet");
}

#[test]
fn a_filter_is_named_by_its_program() {
    let filter = |name: &str, detail: &str| {
        let source = Source { kind: SourceKind::Command, name: Some(name.into()), detail: Some(detail.into()) };
        alone(edit(Shape::Replace, 50, Some(source)), true)
    };
    for (name, detail, program) in
        [("!", "filter sort", "sort"), ("read", "filter date", "date"), ("filter", "", "filter")]
    {
        assert_eq!(filter(name, detail).origin, Actor::named(ActorKind::Tool, program));
    }
    assert_eq!(filter("substitute", "words").origin, person());
}

#[test]
fn one_silent_character_is_no_large_insert() {
    for (len, kind) in [(1, EvidenceKind::NotObserved), (9, EvidenceKind::LargeInsert)] {
        assert_eq!(alone(edit(Shape::Other, len, None), true).evidence[0].kind, kind);
    }
}

#[test]
fn what_a_formatter_moved_untold_is_not_its_own() {
    for (shape, name) in [(Shape::Layout, "black"), (Shape::Replace, "black")] {
        let told = Edit { copied: vec![copied(0, 3, 0)], ..edit(shape, 3 + 257, named(SourceKind::Format, name)) };
        let runs = judge(told, true);
        let verdict = runs[1].ruling.verdict(None);
        assert_eq!((verdict.origin, verdict.modifier), (Actor::unknown(), Some(Actor::named(ActorKind::Tool, name))));
    }
}

#[test]
fn a_deletion_is_a_run_of_no_bytes() {
    let deletion = |deleted: u64, lines: u64| Edit { deleted, lines_deleted: lines, ..edit(Shape::Deletion, 0, None) };
    let runs = |edit: Edit, declares: bool| tell(&judge(edit, declares));
    let key = (0, None, Some(ActorKind::Person), Class::Inferred, EvidenceKind::Keystrokes);
    let silent = (0, None, Some(ActorKind::Unknown), Class::Unknown, EvidenceKind::NotObserved);
    assert_eq!(runs(deletion(1, 0), false), [key]);
    assert_eq!(runs(deletion(1, 1), false), [key]);
    assert_eq!(runs(deletion(900, 20), false), [silent]);
    assert_eq!(runs(deletion(1, 0), true), [silent]);
}

#[test]
fn matched_runs_keep_their_owners_and_the_rest_goes_on_down() {
    use ActorKind::{Completion, Person, Tool, Unknown};
    use Class::{Carried, Declared};
    use EvidenceKind::{Copied, EditorDeclared, Format, LargeInsert, Moved, Undo};
    let paste = || source(SourceKind::Paste);
    let rows: Vec<(&str, Edit, Vec<Told>)> = vec![
        (
            "an undeclared move of 40 bytes has no mover",
            Edit { restored: vec![restored(5, 40, 2)], ..edit(Shape::Insert, 50, None) },
            vec![
                (5, None, Some(Unknown), Class::Unknown, LargeInsert),
                (40, Some(2), None, Carried, Moved),
                (5, None, Some(Unknown), Class::Unknown, LargeInsert),
            ],
        ),
        (
            "a short run is chance",
            Edit { restored: vec![restored(0, 29, 0)], ..edit(Shape::Insert, 29, None) },
            vec![(29, None, Some(Unknown), Class::Unknown, LargeInsert)],
        ),
        (
            "a full line is not",
            Edit { restored: vec![restored(0, 9, 0)], lines_inserted: 1, ..edit(Shape::Insert, 9, paste()) },
            vec![(9, Some(0), Some(Person), Declared, Moved)],
        ),
        (
            "a paste of standing text",
            Edit { copied: vec![copied(0, 30, 7)], ..edit(Shape::Insert, 40, paste()) },
            vec![
                (30, Some(7), Some(Person), Declared, Copied),
                (10, None, Some(Unknown), Class::Unknown, EditorDeclared),
            ],
        ),
        (
            "undo at any length",
            Edit { restored: vec![restored(0, 1, 4)], ..edit(Shape::Keystroke, 1, source(SourceKind::Undo)) },
            vec![(1, Some(4), None, Carried, Undo)],
        ),
        (
            "redo finds a part",
            Edit { restored: vec![restored(1, 2, 4)], ..edit(Shape::Insert, 4, source(SourceKind::Redo)) },
            vec![
                (1, None, Some(Unknown), Class::Unknown, Undo),
                (2, Some(4), None, Carried, Undo),
                (1, None, Some(Unknown), Class::Unknown, Undo),
            ],
        ),
        (
            "deleted beats standing, and an overlap is cut",
            Edit {
                restored: vec![restored(0, 40, 100)],
                copied: vec![copied(0, 40, 200), copied(20, 60, 300)],
                ..edit(Shape::Insert, 80, paste())
            },
            vec![(40, Some(100), Some(Person), Declared, Moved), (40, Some(320), Some(Person), Declared, Copied)],
        ),
        (
            "a formatter keeps tokens and owns what it adds",
            Edit {
                copied: vec![copied(0, 3, 0), copied(4, 2, 3)],
                ..edit(Shape::Insert, 8, named(SourceKind::Format, "black"))
            },
            vec![
                (3, Some(0), Some(Tool), Carried, Format),
                (1, None, Some(Tool), Declared, Format),
                (2, Some(3), Some(Tool), Carried, Format),
                (2, None, Some(Tool), Declared, Format),
            ],
        ),
        (
            "white space belongs to its neighbour where only layout changed",
            Edit {
                copied: vec![copied(1, 3, 0), copied(5, 2, 3)],
                ..edit(Shape::Layout, 7, named(SourceKind::Format, "black"))
            },
            vec![
                (1, Some(u64::MAX), Some(Tool), Carried, Format),
                (3, Some(0), Some(Tool), Carried, Format),
                (1, Some(u64::MAX), Some(Tool), Carried, Format),
                (2, Some(3), Some(Tool), Carried, Format),
            ],
        ),
        (
            "layout that nobody declared",
            Edit { copied: vec![copied(0, 3, 0)], ..edit(Shape::Layout, 4, None) },
            vec![(3, Some(0), None, Carried, Format), (1, Some(u64::MAX), None, Carried, Format)],
        ),
        (
            "indenting by a command",
            Edit { copied: vec![copied(2, 3, 0)], ..edit(Shape::Layout, 5, source(SourceKind::Command)) },
            vec![(2, Some(u64::MAX), Some(Person), Carried, Format), (3, Some(0), Some(Person), Carried, Format)],
        ),
        (
            "a command moves lines",
            Edit {
                restored: vec![restored(0, 12, 0)],
                lines_inserted: 1,
                ..edit(Shape::Insert, 12, source(SourceKind::Command))
            },
            vec![(12, Some(0), Some(Person), Declared, Moved)],
        ),
        (
            "a plugin moves text, but a copy is its own work",
            Edit {
                restored: vec![restored(0, 30, 0)],
                copied: vec![copied(30, 30, 9)],
                ..edit(Shape::Insert, 60, named(SourceKind::Plugin, "mini.move"))
            },
            vec![(30, Some(0), Some(Tool), Declared, Moved), (30, None, Some(Tool), Declared, EditorDeclared)],
        ),
        (
            "a completion stays a completion",
            Edit { copied: vec![copied(0, 60, 9)], ..edit(Shape::Insert, 60, source(SourceKind::Completion)) },
            vec![(60, None, Some(Completion), Declared, EditorDeclared)],
        ),
        (
            "a typed key is typed, whatever it equals",
            Edit {
                restored: vec![restored(0, 1, 0)],
                lines_inserted: 1,
                ..edit(Shape::Keystroke, 1, source(SourceKind::Typed))
            },
            vec![(1, None, Some(Person), Declared, EditorDeclared)],
        ),
        (
            "runs that cannot be are nothing",
            Edit {
                restored: vec![restored(40, 40, 0), restored(u64::MAX, 40, 0), restored(0, 40, u64::MAX)],
                copied: vec![copied(0, 0, 0), copied(0, u64::MAX, 0)],
                ..edit(Shape::Insert, 60, None)
            },
            vec![(60, None, Some(Unknown), Class::Unknown, LargeInsert)],
        ),
    ];
    for (row, edit, expected) in rows {
        let declares = edit.source.is_some();
        assert_eq!(tell(&judge(edit, declares)), expected, "{row}");
    }
}

#[test]
fn whole_trees_come_back() {
    use Shape::{Deletion, Insert, Keystroke, Replace};
    use SourceKind as S;
    use StateSeen::{Disk, EarlierState, Step};
    let (undo, reload) = (Some(RestoreKind::Undo), Some(RestoreKind::Reload));
    type Row = (&'static str, Vec<Edit>, bool, StateSeen, Option<RestoreKind>);
    let rows: Vec<Row> = vec![
        ("undo", vec![edit(Insert, 9, source(S::Undo))], true, EarlierState, undo),
        ("redo of one key", vec![edit(Keystroke, 1, source(S::Redo))], true, EarlierState, undo),
        ("undo to the saved text", vec![edit(Insert, 9, source(S::Undo))], true, Disk, undo),
        ("undo without hints", vec![edit(Insert, 9, None)], false, EarlierState, undo),
        ("typing back what was there", vec![edit(Keystroke, 1, None)], false, EarlierState, None),
        ("declared typing", vec![edit(Insert, 9, source(S::Typed))], true, EarlierState, None),
        ("pasting back", vec![edit(Insert, 9, source(S::Paste))], true, EarlierState, None),
        ("deleting back", vec![edit(Deletion, 0, None)], false, EarlierState, None),
        (
            "undo, then a key",
            vec![edit(Insert, 9, source(S::Undo)), edit(Keystroke, 1, source(S::Typed))],
            true,
            Disk,
            None,
        ),
        ("reload", vec![edit(Replace, 9, source(S::Reload))], true, Disk, reload),
        ("reload without hints", vec![edit(Insert, 9, None)], false, Disk, reload),
        ("reload of one character, undeclared", vec![edit(Keystroke, 1, None)], true, Disk, reload),
        ("typed, and saved before the group arrived", vec![edit(Keystroke, 1, None)], false, Disk, None),
        ("reload of one character after the same step on disk", vec![edit(Keystroke, 1, None)], false, Step, reload),
        ("declared typing of what the file has by now", vec![edit(Keystroke, 1, source(S::Typed))], true, Step, None),
        ("pasted, and saved before the group arrived", vec![edit(Insert, 9, source(S::Paste))], true, Disk, None),
        ("formatted, and saved", vec![edit(Insert, 9, source(S::Format))], true, Disk, None),
        ("throwing changes away", vec![edit(Insert, 9, source(S::Reload))], true, EarlierState, reload),
    ];
    let (person, editor) = (person(), editor());
    for (row, edits, declares, seen, expected) in rows {
        let facts = BufferFacts { person: &person, editor: &editor, declares, state_seen: Some(seen), calls: &[] };
        let found = match judge_group(&group(edits.clone()), &facts) {
            GroupRuling::Restore { kind, class, evidence } => {
                assert_eq!(class, Class::Carried, "{row}");
                assert_eq!(kind == RestoreKind::Undo, evidence.kind == EvidenceKind::Undo, "{row}");
                Some(kind)
            }
            GroupRuling::Edits(runs) => {
                assert_eq!(runs.len(), edits.len(), "{row}");
                None
            }
        };
        assert_eq!(found, expected, "{row}");
    }
}

#[test]
fn a_reload_whose_bytes_become_known_later_is_better_known() {
    let reload = || edit(Shape::Replace, 9, source(SourceKind::Reload));
    let typed = || edit(Shape::Keystroke, 1, source(SourceKind::Typed));
    let (person, editor) = (person(), editor());
    let judge = |edit: Edit, state_seen| {
        let facts = BufferFacts { person: &person, editor: &editor, declares: true, state_seen, calls: &[] };
        judge_group(&group(vec![edit]), &facts)
    };
    let (early, late) = (judge(reload(), None), judge(reload(), Some(StateSeen::Disk)));
    assert!(late.supersedes(&early));
    assert!(!early.supersedes(&late));
    assert!(!late.supersedes(&late));
    assert!(!late.supersedes(&judge(typed(), None)));
}

#[test]
fn open_calls_are_context_and_never_take_keys() {
    let (person, editor) = (person(), editor());
    let calls = [call(1, Some(crate::fixtures::agent("claude")), 0), call(2, None, 0)];
    let judge = |edit: Edit| {
        let facts = BufferFacts { person: &person, editor: &editor, declares: false, state_seen: None, calls: &calls };
        let GroupRuling::Edits(mut edits) = judge_group(&group(vec![edit]), &facts) else { panic!("restored") };
        match edits.remove(0).remove(0).ruling {
            Ruling::New(verdict) => verdict,
            carried => panic!("{carried:?}"),
        }
    };
    assert_eq!(judge(edit(Shape::Keystroke, 1, None)).origin, person);
    let large = judge(edit(Shape::Insert, 500, None));
    assert_eq!(large.origin, Actor::unknown());
    assert_eq!(kinds(&large), [EvidenceKind::LargeInsert, EvidenceKind::Candidate, EvidenceKind::Candidate]);
    assert!(large.evidence[1].detail.starts_with("agent claude "), "{:?}", large.evidence[1]);
}

#[test]
fn the_verdict_on_carried_bytes() {
    let carry = |kind: EvidenceKind, class: Class, modifier: Option<Actor>| Ruling::Carry {
        from: Carried::Tombstone { group: group_id(), edit: 0, from: 0 },
        modifier,
        evidence: Evidence::new(kind, "why"),
        class,
        otherwise: Box::new(Verdict::new(Actor::unknown(), Class::Unknown, kind, "forgotten")),
    };
    let known = |class: Class| Verdict::new(person(), class, EvidenceKind::Keystrokes, "keys");
    let tool = || Actor::named(ActorKind::Tool, "black");

    let undone = carry(EvidenceKind::Undo, Class::Carried, None).verdict(Some(&known(Class::Inferred)));
    assert_eq!(undone, known(Class::Inferred), "undo gives the owner back as it was");

    let moved = carry(EvidenceKind::Moved, Class::Declared, Some(tool()));
    for (class, expected) in [
        (Class::Exact, Class::Declared),
        (Class::Declared, Class::Declared),
        (Class::Inferred, Class::Inferred),
        (Class::Carried, Class::Carried),
        (Class::Unknown, Class::Unknown),
    ] {
        let verdict = moved.verdict(Some(&known(class)));
        assert_eq!(verdict.class, expected, "never surer than it was");
        assert_eq!((verdict.origin, verdict.modifier), (person(), Some(tool())));
        let front = if class == Class::Unknown { EvidenceKind::Keystrokes } else { EvidenceKind::Moved };
        assert_eq!(verdict.evidence[0].kind, front);
    }
    assert_eq!(moved.verdict(None).origin, Actor::unknown());

    // A formatter on every save does not let the reasons grow.
    let format = carry(EvidenceKind::Format, Class::Carried, Some(tool()));
    let once = format.verdict(Some(&known(Class::Inferred)));
    assert_eq!(kinds(&once), [EvidenceKind::Format, EvidenceKind::Keystrokes]);
    assert_eq!(format.verdict(Some(&once)), once);
}

#[test]
fn whoever_brings_forgotten_text_is_not_its_author() {
    for kind in [SourceKind::Command, SourceKind::Typed, SourceKind::Paste, SourceKind::Plugin, SourceKind::Format] {
        let matched = Edit { restored: vec![restored(0, 40, 0)], ..edit(Shape::Insert, 40, source(kind)) };
        for run in judge(matched, true) {
            let verdict = run.ruling.verdict(None);
            assert_eq!((verdict.origin, verdict.class), (Actor::unknown(), Class::Unknown), "{kind:?}");
            assert!(verdict.modifier.is_some(), "{kind:?}");
        }
    }
}

#[test]
fn a_copy_counts_in_the_text_it_names() {
    let runs = judge(Edit { copied: vec![copied(0, 30, 7)], ..edit(Shape::Insert, 30, None) }, false);
    let expected = Carried::Copy { file: None, digest: digest(1), from: 7 };
    assert!(matches!(&runs[0].ruling, Ruling::Carry { from, .. } if *from == expected), "{runs:?}");
}
