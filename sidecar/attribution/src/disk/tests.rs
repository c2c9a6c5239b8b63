//! One scenario for each rung of the ladder on disk, and for what beats what.

mod parts;

use codi2_protocol::{Actor, ActorKind, Class, Digest, EvidenceKind, Verdict};

use super::*;
use crate::fixtures::{agent, call, digest, disk, intent, kinds, library, of, step};
use crate::{Intent, Moment, OpenCall, Reading, Rung};

const UNREAD: Reading = Reading::NotRead;

fn at(number: u8) -> Reading {
    Reading::Content(digest(number))
}

fn git(operation: &str) -> GitFact {
    GitFact { operation: operation.to_owned(), what: "new-head".to_owned() }
}

/// The only verdict of a ruling.
fn all(facts: &DiskFacts<'_>) -> Verdict {
    let ruling = judge_disk(facts);
    ruling.whole().unwrap_or_else(|| panic!("not one verdict: {ruling:?}")).clone()
}

fn candidates(verdict: &Verdict) -> Vec<&str> {
    let named = verdict.evidence.iter().filter(|reason| reason.kind == EvidenceKind::Candidate);
    named.map(|reason| reason.detail.split(" was at work").next().unwrap_or_default()).collect()
}

#[test]
fn nobody_announced_it() {
    let verdict = all(&disk());
    assert_eq!((verdict.origin.clone(), verdict.class), (Actor::external(), Class::Unknown));
    assert_eq!(kinds(&verdict), [EvidenceKind::DiskChange]);
    for observed in [Observed::Rescan, Observed::WhileAway] {
        let verdict = all(&DiskFacts { observed, ..disk() });
        assert_eq!(verdict.origin, Actor::external());
        assert_eq!(kinds(&verdict), [EvidenceKind::DiskChange, EvidenceKind::NotObserved]);
    }
}

#[test]
fn each_rung_beats_those_below() {
    let exact = [intent(1, "a", (800, 990), at(1), at(2))];
    let calls = [call(2, Some(agent("b")), 850)];
    let ended = [intent(2, "b", (850, 990), UNREAD, UNREAD)];
    let checkout = git("checkout");
    let full = DiskFacts {
        saved: true,
        git: Some(&checkout),
        seen: Some(Seen::Here),
        intents: &exact,
        calls: &calls,
        ..disk()
    };
    let calls_only = DiskFacts { saved: false, git: None, intents: &[], seen: None, ..full };
    let steps = [
        (full, Rung::Echo),
        (DiskFacts { saved: false, ..full }, Rung::Git),
        (DiskFacts { saved: false, git: None, ..full }, Rung::IntentExact),
        (DiskFacts { saved: false, git: None, intents: &[], ..full }, Rung::SeenBefore),
        (DiskFacts { seen: Some(Seen::Elsewhere), ..calls_only }, Rung::Moved),
        (DiskFacts { calls: &[], intents: &ended, ..calls_only }, Rung::OnlyCall),
        (calls_only, Rung::Candidates),
        (disk(), Rung::Unexplained),
    ];
    for (n, (facts, rung)) in steps.iter().enumerate() {
        let ruling = judge_disk(facts);
        assert_eq!(ruling.rung(), *rung);
        for (lower, _) in &steps[n + 1..] {
            assert!(ruling.supersedes(&judge_disk(lower)) && !judge_disk(lower).supersedes(&ruling), "{rung:?}");
        }
        assert!(!ruling.supersedes(&ruling), "the same ruling again is no news");
    }
}

#[test]
fn git_carries_and_owns_what_it_brought() {
    let pull = git("pull");
    let DiskRuling::CarryAll { evidence, fresh } = judge_disk(&DiskFacts { git: Some(&pull), ..disk() }) else {
        panic!("not carried")
    };
    assert_eq!(evidence.kind, EvidenceKind::Git);
    assert_eq!((fresh.origin, fresh.class), (Actor::named(ActorKind::Git, "pull"), Class::Carried));
    let deleted = all(&DiskFacts { git: Some(&pull), after: None, ..disk() });
    assert_eq!(deleted.origin.kind, ActorKind::Git);
}

#[test]
fn git_takes_no_text_by_committing_it() {
    let exact = [intent(1, "a", (800, 990), at(1), at(2))];
    for operation in ["commit", "commit (amend)", "commit (initial)", "add", "index"] {
        let commit = git(operation);
        let facts = DiskFacts { git: Some(&commit), ..disk() };
        assert_eq!(all(&facts).origin, Actor::external(), "{operation}");
        assert_eq!(all(&DiskFacts { intents: &exact, ..facts }).origin, agent("a"), "{operation}");
    }
    for operation in [
        "checkout",
        "rebase (pick)",
        "merge topic",
        "stash pop",
        "restore",
        "reset",
        "cherry-pick",
        "am",
        "initial pull",
    ] {
        assert!(git(operation).writes_files(), "{operation}");
    }
}

#[test]
fn an_echo_keeps_the_buffers_owners() {
    let exact = [intent(1, "a", (800, 990), at(1), at(2))];
    assert_eq!(judge_disk(&DiskFacts { saved: true, ..disk() }), DiskRuling::Echo { unexplained: None });
    // What an agent wrote through the editor: only bytes that the buffer has nobody for.
    let DiskRuling::Echo { unexplained: Some(verdict) } =
        judge_disk(&DiskFacts { saved: true, intents: &exact, ..disk() })
    else {
        panic!("no echo")
    };
    assert_eq!((verdict.origin, verdict.class), (agent("a"), Class::Exact));
}

#[test]
fn an_exact_intent_by_digest_whatever_the_time() {
    let late = [intent(1, "a", (90_000, 99_000), at(1), at(2))];
    let verdict = all(&DiskFacts { intents: &late, observed: Observed::WhileAway, ..disk() });
    assert_eq!((verdict.origin.clone(), verdict.class), (agent("a"), Class::Exact));
    assert_eq!(kinds(&verdict), [EvidenceKind::IntentExact]);
    // Created and deleted files.
    let created = [intent(1, "a", (800, 990), Reading::Absent, at(2))];
    assert_eq!(all(&DiskFacts { before: None, intents: &created, ..disk() }).class, Class::Exact);
    let deleted = [intent(1, "a", (800, 990), at(1), Reading::Absent)];
    assert_eq!(all(&DiskFacts { after: None, intents: &deleted, ..disk() }).class, Class::Exact);
}

/// Who took which of the steps that were seen while one call was open, its digests do not say.
#[test]
fn a_call_over_several_steps_is_certain_of_none() {
    let whole = [intent(1, "a", (800, 1_100), at(1), at(3))];
    let transitions = [step(1, 2, 900, 1_000), step(2, 3, 1_000, 1_050)];
    let first = DiskFacts { intents: &whole, transitions: &transitions, ..disk() };
    let times = (Moment::earliest(1_000), Moment::earliest(1_050));
    let second = DiskFacts { before: Some(digest(2)), after: Some(digest(3)), from: times.0, to: times.1, ..first };
    for facts in [first, second] {
        let verdict = all(&facts);
        assert_eq!((verdict.origin.clone(), verdict.class), (agent("a"), Class::Inferred));
        assert_eq!(kinds(&verdict), [EvidenceKind::OnlyAgentCall]);
    }
    // What another call's digests explain leaves it the rest.
    let both = [whole[0].clone(), intent(2, "b", (850, 1_010), at(1), at(2))];
    for (facts, name) in [(first, "b"), (second, "a")] {
        let verdict = all(&DiskFacts { intents: &both, ..facts });
        assert_eq!((verdict.origin.clone(), verdict.class), (agent(name), Class::Exact));
    }
    // A step that leads elsewhere is not on the way.
    let astray = all(&DiskFacts { after: Some(digest(9)), ..first });
    assert_eq!(astray.class, Class::Unknown);
}

/// Somebody writes while a call is open, and what they wrote stands in what the call left behind.
#[test]
fn what_stood_there_before_a_call_left_it_is_no_part_of_it() {
    let (old, between, left) = ("one\n", "one\nsomebody\n", "one\nsomebody\nagent\n");
    let library = library(&[old, between, left]);
    let texts = |digest: Digest| library.get(&digest).cloned();
    let calls = [wrote(1, "a", (800, 1_100), old, left)];
    let facts = DiskFacts { before: Some(of(old)), after: Some(of(between)), texts: &texts, ..disk() };
    let verdict = all(&DiskFacts { intents: &calls, ..facts });
    assert_eq!(verdict.class, Class::Unknown);
    assert_eq!(candidates(&verdict), ["agent a"]);
}

#[test]
fn several_calls_of_one_agent_in_one_step() {
    let calls = [intent(1, "a", (800, 900), at(1), at(5)), intent(2, "a", (910, 990), at(5), at(2))];
    assert_eq!(all(&DiskFacts { intents: &calls, ..disk() }).origin, agent("a"));
}

#[test]
fn two_agents_one_after_the_other_in_overlapping_calls_stay_apart() {
    // Both begin; a writes 1 → 2 and ends; b writes 2 → 3 and ends.
    let calls = [intent(1, "a", (800, 1_010), at(1), at(2)), intent(2, "b", (810, 1_200), at(1), at(3))];
    let transitions = [step(1, 2, 900, 1_000), step(2, 3, 1_000, 1_100)];
    let first = DiskFacts { intents: &calls, transitions: &transitions, ..disk() };
    assert_eq!(all(&first).origin, agent("a"), "the call that did exactly this step");
    let second = DiskFacts {
        before: Some(digest(2)),
        after: Some(digest(3)),
        from: Moment::earliest(1_000),
        to: Moment::earliest(1_100),
        ..first
    };
    assert_eq!(all(&second).origin, agent("b"), "the only call that has it inside");
}

#[test]
fn what_two_could_have_written_is_unknown_with_both_named() {
    let calls = [intent(1, "a", (800, 1_010), at(1), at(2)), intent(2, "b", (810, 1_020), at(1), at(2))];
    let one = all(&DiskFacts { intents: &calls[..1], ..disk() });
    let both = all(&DiskFacts { intents: &calls, ..disk() });
    assert_eq!((both.origin.clone(), both.class), (Actor::unknown(), Class::Unknown));
    assert_eq!(candidates(&both), ["agent a", "agent b"]);
    // The one way down: the first verdict took one of them for certain.
    let (one, both) = (DiskRuling::all(one), DiskRuling::all(both));
    assert!(both.supersedes(&one) && !one.supersedes(&DiskRuling::Echo { unexplained: None }));
    let other = DiskRuling::all(Verdict::new(agent("aa"), Class::Exact, EvidenceKind::IntentExact, ""));
    assert!(!both.supersedes(&other), "another agent's verdict is not disputed by them");
}

#[test]
fn the_same_step_done_twice_is_told_apart_by_time() {
    let calls = [intent(1, "a", (800, 1_010), at(1), at(2)), intent(2, "b", (60_000, 60_020), at(1), at(2))];
    assert_eq!(all(&DiskFacts { intents: &calls, ..disk() }).origin, agent("a"));
    assert_eq!(
        all(&DiskFacts { intents: &calls, from: Moment::earliest(60_000), to: Moment::earliest(60_010), ..disk() })
            .origin,
        agent("b")
    );
}

/// Two saw the same step, an hour apart: the call was open at the second and did not do the first.
#[test]
fn a_call_did_the_step_that_was_taken_while_it_was_open() {
    let late = [intent(1, "a", (60_000, 60_020), at(1), at(2))];
    let steps = [step(1, 2, 900, 1_000), step(2, 1, 1_000, 50_000), step(1, 2, 50_000, 60_010)];
    let first = DiskFacts { intents: &late, transitions: &steps, ..disk() };
    assert_eq!(all(&first).origin.kind, ActorKind::External);
    let second = DiskFacts { from: Moment::earliest(50_000), to: Moment::earliest(60_010), ..first };
    assert_eq!(all(&second).origin, agent("a"));
    // Where no other step could have been its, digests decide: clocks differ.
    let alone = DiskFacts { transitions: &steps[..1], ..first };
    assert_eq!(all(&alone).origin, agent("a"));
}

fn wrote(call: u64, name: &str, times: (u64, u64), before: &str, after: &str) -> Intent {
    intent(call, name, times, Reading::Content(of(before)), Reading::Content(of(after)))
}

#[test]
fn exactly_one_call() {
    let one = [intent(1, "a", (850, 990), UNREAD, UNREAD)];
    let verdict = all(&DiskFacts { intents: &one, ..disk() });
    assert_eq!((verdict.origin.clone(), verdict.class), (agent("a"), Class::Inferred));
    assert_eq!(kinds(&verdict), [EvidenceKind::OnlyAgentCall]);
    type Row = (&'static str, Vec<OpenCall>, Vec<Intent>, Observed, Vec<&'static str>);
    let rows: Vec<Row> = vec![
        (
            "only began, and may be refused",
            vec![call(1, Some(agent("a")), 850)],
            vec![],
            Observed::Live,
            vec!["agent a"],
        ),
        ("began later", vec![call(1, Some(agent("a")), 1_001)], vec![], Observed::Live, vec![]),
        (
            "two agents",
            vec![call(1, Some(agent("a")), 1), call(2, Some(agent("b")), 1)],
            vec![],
            Observed::Live,
            vec!["agent a", "agent b"],
        ),
        (
            "nobody's name",
            vec![call(1, None, 1)],
            vec![],
            Observed::Live,
            vec!["an agent that has not named itself, process 7"],
        ),
        (
            "one without a name beside one with",
            vec![call(1, Some(agent("a")), 1), call(2, None, 1)],
            vec![],
            Observed::Live,
            vec!["agent a", "an agent that has not named itself, process 7"],
        ),
        ("nobody watched", vec![], one.to_vec(), Observed::WhileAway, vec!["agent a"]),
        ("events were lost", vec![], one.to_vec(), Observed::Rescan, vec!["agent a"]),
        ("it failed", vec![], vec![Intent { failed: true, ..one[0].clone() }], Observed::Live, vec!["agent a"]),
        (
            "another has just ended",
            vec![call(1, Some(agent("a")), 1)],
            vec![intent(2, "b", (1, 950), UNREAD, UNREAD)],
            Observed::Live,
            vec!["agent a", "agent b"],
        ),
    ];
    for (row, calls, intents, observed, expected) in rows {
        let verdict = all(&DiskFacts { calls: &calls, intents: &intents, observed, ..disk() });
        assert_eq!(verdict.class, Class::Unknown, "{row}");
        assert_eq!(candidates(&verdict), expected, "{row}");
        let origin = if expected.is_empty() { Actor::external() } else { Actor::unknown() };
        assert_eq!(verdict.origin, origin, "{row}");
    }
    let another = [call(2, Some(agent("a")), 2)];
    let facts = DiskFacts { intents: &one, calls: &another, ..disk() };
    assert_eq!(all(&facts).origin, agent("a"), "two calls of one agent");
    let command = [Intent { failed: true, names_path: false, ..one[0].clone() }];
    assert_eq!(all(&DiskFacts { intents: &command, ..disk() }).origin, agent("a"), "a command that failed has run");
}

#[test]
fn a_hook_after_alone_is_never_exact() {
    let mut alone = intent(1, "a", (0, 990), UNREAD, at(2));
    alone.since = None;
    let verdict = all(&DiskFacts { intents: std::slice::from_ref(&alone), ..disk() });
    assert_eq!((verdict.origin, verdict.class), (agent("a"), Class::Inferred));
    // It ended long before the change was seen, or long after: nothing says that it was open by then.
    alone.until = Moment::earliest(3_100);
    assert_eq!(all(&DiskFacts { intents: std::slice::from_ref(&alone), ..disk() }).origin, Actor::external());
    (alone.until, alone.after) = (Moment::earliest(990), UNREAD);
    let facts = DiskFacts {
        from: Moment::earliest(0),
        to: Moment::earliest(100_000),
        intents: std::slice::from_ref(&alone),
        ..disk()
    };
    assert_eq!(all(&facts).origin, Actor::external());
}

#[test]
fn calls_that_the_digests_rule_out() {
    let rows = [
        ("it ended where the change began", intent(1, "a", (800, 950), at(5), at(1))),
        ("it began where the change ended", intent(1, "a", (950, 990), at(2), at(5))),
        ("it changed nothing", intent(1, "a", (800, 990), at(1), at(1))),
    ];
    for (row, intent) in rows {
        assert_eq!(all(&DiskFacts { intents: &[intent], ..disk() }).origin, Actor::external(), "{row}");
    }
}

#[test]
fn an_unnamed_pair_of_hooks_is_a_candidate() {
    let mut unnamed = intent(1, "a", (800, 990), at(1), at(2));
    unnamed.actor = None;
    let verdict = all(&DiskFacts { intents: &[unnamed], ..disk() });
    assert_eq!((verdict.origin.clone(), verdict.class), (Actor::unknown(), Class::Unknown));
    assert_eq!(candidates(&verdict).len(), 1);
}

#[test]
fn content_seen_before_is_weaker_than_an_intent_and_stronger_than_a_call() {
    let calls = [call(1, Some(agent("a")), 850)];
    let ruling = judge_disk(&DiskFacts { seen: Some(Seen::Here), calls: &calls, ..disk() });
    assert!(matches!(ruling, DiskRuling::CarryAll { ref evidence, .. } if evidence.kind == EvidenceKind::SeenBefore));
    let exact = [intent(1, "a", (800, 990), at(1), at(2))];
    assert_eq!(all(&DiskFacts { seen: Some(Seen::Here), intents: &exact, ..disk() }).class, Class::Exact);
}

/// A call that was announced for the file and could not be read is no less at work than one that could.
#[test]
fn an_unread_call_takes_no_part_and_leaves_none_certain() {
    let exact = intent(1, "a", (800, 990), at(1), at(2));
    let rival = |times, before, after| intent(2, "b", times, before, after);
    let unread = Reading::NotRead;
    for (rival, named) in [
        (rival((850, 995), unread, at(2)), "unknown"),
        (rival((850, 995), at(1), unread), "unknown"),
        (rival((850, 995), unread, unread), "unknown"),
        (rival((850, 995), unread, at(7)), "agent a"),
        (rival((100, 200), unread, unread), "agent a"),
        (Intent { names_path: false, ..rival((850, 995), unread, unread) }, "agent a"),
        (Intent { since: None, ..rival((850, 995), unread, at(2)) }, "agent a"),
        (Intent { actor: Some(agent("a")), ..rival((850, 995), unread, at(2)) }, "agent a"),
    ] {
        let intents = [exact.clone(), rival];
        assert_eq!(all(&DiskFacts { intents: &intents, ..disk() }).origin.to_string(), named, "{:?}", intents[1]);
    }
}

/// An edit fails because somebody has just written: the digests are theirs.
#[test]
fn an_edit_that_failed_certifies_nothing() {
    let failed = Intent { failed: true, ..intent(1, "a", (800, 990), at(1), at(2)) };
    let verdict = all(&DiskFacts { intents: std::slice::from_ref(&failed), ..disk() });
    assert_eq!((verdict.origin.clone(), verdict.class), (Actor::unknown(), Class::Unknown));
    assert_eq!(candidates(&verdict), ["agent a"]);
    let both = [failed.clone(), intent(2, "b", (810, 985), at(1), at(2))];
    assert_eq!(all(&DiskFacts { intents: &both, ..disk() }).origin, agent("b"), "the one that did not fail");
    // Nor a part of it.
    let (old, claimed, new) = ("one\n", "one\ntwo\n", "one\ntwo\nthree\n");
    let library = library(&[old, claimed, new]);
    let texts = |digest: Digest| library.get(&digest).cloned();
    let part = [Intent { failed: true, ..wrote(1, "a", (800, 950), old, claimed) }];
    let facts = DiskFacts { before: Some(of(old)), after: Some(of(new)), texts: &texts, ..disk() };
    assert_eq!(all(&DiskFacts { intents: &part, ..facts }).class, Class::Unknown);
}
