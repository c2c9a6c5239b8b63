//! What holds for all inputs: bytes are covered exactly, and nobody is named without evidence.

use codi2_protocol::{ActorKind, Class, Edit, EvidenceKind, Shape, SourceKind, Verdict};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::fixtures::{agent, call, copied, digest, disk, edit, editor, group, intent, person, restored, source, step};
use crate::{
    BufferFacts, DiskFacts, DiskRuling, GitFact, GroupRuling, Intent, Observed, OpenCall, Reading, Ruling, Seen,
    StateSeen, Transition, judge_disk, judge_group, may_follow, may_restore,
};

const SHAPES: [Shape; 6] =
    [Shape::Keystroke, Shape::Deletion, Shape::Layout, Shape::Replace, Shape::Insert, Shape::Other];
const SOURCES: [SourceKind; 13] = [
    SourceKind::Typed,
    SourceKind::Paste,
    SourceKind::Cut,
    SourceKind::Undo,
    SourceKind::Redo,
    SourceKind::Format,
    SourceKind::Completion,
    SourceKind::LspEdit,
    SourceKind::Snippet,
    SourceKind::Command,
    SourceKind::Reload,
    SourceKind::Plugin,
    SourceKind::Other,
];

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let run = || (0..90_u64, prop_oneof![0..90_u64, Just(u64::MAX)], prop_oneof![0..9_u64, Just(u64::MAX)]);
    let one = (
        select(&SHAPES[..]),
        0..80_u64,
        0..80_u64,
        option::of(select(&SOURCES[..])),
        vec(run(), 0..4),
        vec(run(), 0..4),
        0..2_u64,
    );
    let one = one.prop_map(|(shape, inserted, deleted, kind, moved, copies, lines_inserted)| Edit {
        deleted,
        lines_inserted,
        restored: moved.into_iter().map(|(at, len, from)| restored(at, len, from)).collect(),
        copied: copies.into_iter().map(|(at, len, from)| copied(at, len, from)).collect(),
        ..edit(shape, inserted, kind.and_then(source))
    });
    vec(one, 1..4)
}

fn states() -> impl Strategy<Value = Reading> {
    prop_oneof![Just(Reading::NotRead), Just(Reading::Absent), (1..5_u8).prop_map(|n| Reading::Content(digest(n)))]
}

fn intents() -> impl Strategy<Value = Vec<Intent>> {
    let one = (1..4_u64, select(vec!["a", "b"]), 700..1_100_u64, 0..300_u64, states(), states(), any::<bool>());
    let one = one.prop_map(|(number, name, since, len, before, after, unnamed)| {
        let mut intent = intent(number, name, (since, since + len), before, after);
        if unnamed {
            intent.actor = None;
        }
        intent
    });
    vec(one, 0..4)
}

fn calls() -> impl Strategy<Value = Vec<OpenCall>> {
    let one = (1..4_u64, option::of(select(vec!["a", "b"])), 700..1_100_u64);
    vec(one.prop_map(|(number, name, since)| call(number, name.map(agent), since)), 0..3)
}

fn steps() -> impl Strategy<Value = Vec<Transition>> {
    vec((1..5_u8, 1..5_u8).prop_map(|(before, after)| step(before, after, 900, 1_000)), 0..4)
}

/// A verdict that may be stored: reasons, and no name where nothing is known.
fn sound(verdict: &Verdict) {
    assert!(!verdict.evidence.is_empty(), "{verdict:?}");
    let nameless = matches!(verdict.origin.kind, ActorKind::Unknown | ActorKind::External);
    assert_eq!(nameless, verdict.class == Class::Unknown, "{verdict:?}");
}

fn verdicts(ruling: &DiskRuling) -> Vec<&Verdict> {
    match ruling {
        DiskRuling::Echo { unexplained } => unexplained.iter().collect(),
        DiskRuling::CarryAll { fresh, .. } => vec![fresh],
        DiskRuling::New(shares) => shares.each().collect(),
    }
}

proptest! {
    #[test]
    fn every_inserted_byte_has_one_ruling_and_no_author_without_evidence(
        edits in edits(),
        declares in any::<bool>(),
        state_seen in option::of(select(vec![StateSeen::Disk, StateSeen::EarlierState, StateSeen::Step, StateSeen::Back])),
        calls in calls(),
    ) {
        let (person, editor) = (person(), editor());
        let facts = BufferFacts { person: &person, editor: &editor, declares, state_seen, calls: &calls };
        let group = group(edits);
        let GroupRuling::Edits(judged) = judge_group(&group, &facts) else {
            // Nobody looks up whether the text was seen where it would not matter.
            let follows = matches!(state_seen, Some(StateSeen::Step | StateSeen::Back)) && may_follow(&group);
            prop_assert!(follows || state_seen.is_some() && may_restore(&group, declares));
            return Ok(());
        };
        prop_assert_eq!(judged.len(), group.edits.len());
        for (edit, runs) in group.edits.iter().zip(&judged) {
            prop_assert_eq!(runs.iter().map(|run| run.len).sum::<u64>(), edit.inserted);
            prop_assert!(runs.iter().all(|run| run.len > 0) || edit.inserted == 0 && runs.len() == 1);
            let kind = edit.source.as_ref().map(|source| source.kind);
            for run in runs {
                // What a run becomes when nothing is known of where it stood.
                let verdict = run.ruling.verdict(None);
                sound(&verdict);
                if let Ruling::Carry { .. } = run.ruling {
                    prop_assert_eq!(verdict.class, Class::Unknown);
                }
                match verdict.origin.kind {
                    ActorKind::Person => {
                        let declared = matches!(kind, Some(SourceKind::Typed | SourceKind::Command | SourceKind::Cut))
                            || edit.inserted == 0 && matches!(kind, Some(SourceKind::Undo | SourceKind::Redo));
                        let key = kind.is_none() && !declares && matches!(edit.shape, Shape::Keystroke | Shape::Deletion);
                        prop_assert!(declared || key, "{:?}", edit);
                        let large = edit.shape != Shape::Keystroke && edit.inserted > 0;
                        prop_assert!(declared || !large || edit.shape == Shape::Deletion, "{:?}", edit);
                    }
                    ActorKind::Completion => prop_assert_eq!(kind, Some(SourceKind::Completion)),
                    ActorKind::Tool => prop_assert!(kind.is_some()),
                    other => prop_assert!(matches!(other, ActorKind::Unknown | ActorKind::External), "{:?}", other),
                }
            }
        }
    }

    #[test]
    fn no_author_on_disk_without_evidence(
        before in 1..5_u8,
        after in 1..5_u8,
        intents in intents(),
        calls in calls(),
        transitions in steps(),
        observed in select(vec![Observed::Live, Observed::Rescan, Observed::WhileAway]),
        git in option::of(select(vec!["checkout", "commit"])),
        saved in any::<bool>(),
        seen in select(vec![None, Some(Seen::Here), Some(Seen::Elsewhere)]),
    ) {
        prop_assume!(before != after);
        let git = git.map(|operation| GitFact { operation: operation.to_owned(), what: "index".to_owned() });
        let facts = DiskFacts {
            before: Some(digest(before)),
            after: Some(digest(after)),
            observed,
            saved,
            git: git.as_ref(),
            seen,
            intents: &intents,
            calls: &calls,
            transitions: &transitions,
            ..disk()
        };
        let ruling = judge_disk(&facts);
        prop_assert!(!ruling.supersedes(&ruling));
        prop_assert_eq!(&judge_disk(&facts), &ruling, "the same facts, the same ruling");
        for verdict in verdicts(&ruling) {
            sound(verdict);
            match verdict.origin.kind {
                ActorKind::Agent => {
                    let announced = intents.iter().any(|intent| intent.actor.as_ref() == Some(&verdict.origin));
                    let open = calls.iter().any(|call| call.actor.as_ref() == Some(&verdict.origin));
                    prop_assert!(announced || open);
                    match verdict.evidence[0].kind {
                        EvidenceKind::IntentExact => prop_assert!(announced),
                        EvidenceKind::OnlyAgentCall => prop_assert_eq!((verdict.class, observed), (Class::Inferred, Observed::Live)),
                        other => prop_assert!(false, "an agent by {:?}", other),
                    }
                }
                ActorKind::Git => prop_assert!(git.is_some()),
                other => prop_assert!(matches!(other, ActorKind::Unknown | ActorKind::External), "{:?}", other),
            }
        }
        // Without a single announcement there is nobody to name.
        let nothing = judge_disk(&DiskFacts { intents: &[], calls: &[], git: None, ..facts });
        for verdict in verdicts(&nothing) {
            prop_assert_eq!(verdict.class, Class::Unknown);
        }
    }
}
