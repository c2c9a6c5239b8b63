//! Somebody else writes while a call is open that says what it puts in.

use codi2_protocol::{Class, Digest, EvidenceKind};

use super::*;
use crate::fixtures::{KEY, agent, call, disk, intent, library, of};
use crate::{DiskFacts, DiskRuling, Moment, Reading, Rung, Transition, judge_disk};

const OLD: &str = "base\n";

/// A call of agent a from one text to another, whose hook found this in what it left.
fn wrote(before: &str, after: &str, put: &[&str]) -> Intent {
    let place = |piece: &&str| {
        let at = after.find(piece).unwrap_or_else(|| panic!("{piece:?} in {after:?}"));
        at as u32..(at + piece.len()) as u32
    };
    let said = Some(Said { put: put.iter().map(place).collect(), lines: None });
    Intent { said, ..intent(1, "a", (800, 1_100), Reading::Content(of(before)), Reading::Content(of(after))) }
}

/// Who has each line that is new on one of the steps: an agent's name, or nothing.
fn lines(steps: &[&str], calls: &[Intent]) -> Vec<Vec<String>> {
    let library = library(steps);
    let texts = |digest: Digest| library.get(&digest).cloned();
    let times = |step: usize| (Moment::earliest(900 + step as u64 * 10), Moment::earliest(910 + step as u64 * 10));
    let step = |(number, pair): (usize, &[&str])| {
        let (from, to) = times(number);
        Transition { before: Some(of(pair[0])), after: Some(of(pair[1])), from, to }
    };
    let transitions: Vec<Transition> = steps.windows(2).enumerate().map(step).collect();
    let rule = |(number, step): (usize, &Transition)| {
        let Transition { before, after, from, to } = *step;
        let facts =
            DiskFacts { before, after, from, to, intents: calls, transitions: &transitions, texts: &texts, ..disk() };
        let (ruling, text) = (judge_disk(&facts), steps[number + 1]);
        let DiskRuling::New(shares) = &ruling else { panic!("{ruling:?}") };
        let owner = |at: usize| shares.pieces(at as u64..at as u64 + 1)[0].1.clone();
        let mut at = 0;
        let line = |line: &str| {
            let verdict = owner(at);
            at += line.len();
            if verdict.class == Class::Unknown {
                assert_eq!(Rung::of(&verdict), Rung::Candidates, "the agent is possible");
                return format!("? {}", line.trim_end());
            }
            format!("{} {} {}", verdict.origin.name, verdict.class, line.trim_end())
        };
        let known: Vec<&str> = steps[number].split_inclusive('\n').collect();
        text.split_inclusive('\n')
            .map(line)
            .filter(|shown| !known.iter().any(|old| shown.ends_with(old.trim_end())))
            .collect()
    };
    transitions.iter().enumerate().map(rule).collect()
}

#[test]
fn what_a_call_did_not_say_is_not_its_agents() {
    let both = "base\nstranger here\nby a\n";
    for (name, steps, call, expected) in [
        ("all was said", &[OLD, "base\nby a\n"][..], wrote(OLD, "base\nby a\n", &["by a"]), vec![vec!["a exact by a"]]),
        (
            "nothing stands there",
            &[OLD, "base\nstranger here\n"],
            wrote(OLD, "base\nstranger here\n", &[]),
            vec![vec!["? stranger here"]],
        ),
        ("both in one step", &[OLD, both], wrote(OLD, both, &["by a"]), vec![vec!["? stranger here", "a exact by a"]]),
        (
            "one after the other",
            &[OLD, "base\nstranger here\n", both],
            wrote(OLD, both, &["by a"]),
            vec![vec!["? stranger here"], vec!["a inferred by a"]],
        ),
        (
            "the agent first",
            &[OLD, "base\nby a\n", both],
            wrote(OLD, both, &["\nby a\n"]),
            vec![vec!["a inferred by a"], vec!["? stranger here"]],
        ),
        (
            "a formatter behind it",
            &[OLD, "base\nf('x',y)\n", "base\nf(\"x\", y);\n"],
            wrote(OLD, "base\nf(\"x\", y);\n", &["f(\"x\", y);\n"]),
            vec![vec!["a inferred f('x',y)"], vec!["a inferred f(\"x\", y);"]],
        ),
        (
            "marks go with the words beside them",
            &[OLD, "base\nby a\n}\nstranger here\n}\n"],
            wrote(OLD, "base\nby a\n}\nstranger here\n}\n", &["by a"]),
            vec![vec!["a exact by a", "a exact }", "? stranger here", "? }"]],
        ),
        ("marks alone", &[OLD, "base\n}\n"], wrote(OLD, "base\n}\n", &[]), vec![vec!["? }"]]),
        (
            "more than half of a line",
            &[OLD, "base\nlonger x\n"],
            wrote(OLD, "base\nlonger x\n", &["longer"]),
            vec![vec!["a exact longer x"]],
        ),
    ] {
        let expected: Vec<Vec<String>> =
            expected.into_iter().map(|step| step.into_iter().map(str::to_owned).collect()).collect();
        assert_eq!(lines(steps, &[call]), expected, "{name}");
    }
}

#[test]
fn a_call_that_does_not_say_is_judged_as_ever() {
    let left = "base\nstranger here\n";
    let silent = Intent { said: None, ..wrote(OLD, left, &[]) };
    let command =
        Intent { call: 2, names_path: false, before: Reading::NotRead, after: Reading::NotRead, ..silent.clone() };
    let all = vec![vec!["a exact stranger here".to_owned()]];
    assert_eq!(lines(&[OLD, left], &[silent]), all);
    assert_eq!(lines(&[OLD, left], &[wrote(OLD, left, &[]), command]), all, "its command may have written it");
    // What another agent said is nothing to this one.
    let other = Intent { call: 2, actor: Some(agent("b")), said: None, ..wrote(OLD, "base\nelse\n", &["else"]) };
    assert_eq!(lines(&[OLD, left], &[wrote(OLD, left, &[]), other]), [["? stranger here"]]);
}

/// The same with the lines that its hook tells of.
fn told(number: u64, before: &str, after: &str, put: &[&str]) -> Intent {
    let call = wrote(before, after, put);
    let said = call.said.map(|Said { put, .. }| {
        let lines = Some(said_lines(after, &put, &KEY).into());
        Said { put, lines }
    });
    Intent { call: number, said, ..call }
}

/// Only the first and the last text are at hand.
#[test]
fn what_two_calls_said_with_no_hub_between_them() {
    let left = "base\nstranger here\n    by a;\n}";
    let last = "base\nstranger here\n    by a;\n}\nmore by a\nnobody's\n";
    let of_two = |first: Intent, second: Intent| lines(&[OLD, last], &[first, second]).remove(0);
    let second = || told(2, left, last, &["more by a"]);
    let held = ["? stranger here", "a exact by a;", "a exact }", "a exact more by a", "? nobody's"];
    assert_eq!(of_two(told(1, OLD, left, &["by a"]), second()), held.map(|line| line.replace("by a;", "    by a;")));
    // The lines of the first are not told of: nothing is held back, as ever.
    let silent = of_two(wrote(OLD, left, &["by a"]), second());
    assert!(silent.iter().all(|line| line.starts_with("a exact")), "{silent:?}");
}

/// Somebody writes between the hook's reading and the hub's.
#[test]
fn what_a_call_left_is_known_by_its_lines() {
    let (left, last) = ("base\nby a\n", "base\nby a\nstranger here\n");
    let by = |calls: &[Intent]| lines(&[OLD, last], calls).remove(0);
    assert_eq!(by(&[told(1, OLD, left, &["by a"])]), ["a inferred by a", "? stranger here"]);
    assert_eq!(by(&[wrote(OLD, left, &["by a"])]), ["? by a", "? stranger here"]);
    assert_eq!(
        by(&[told(1, OLD, "base\nelse\n", &["else"])]),
        ["? by a", "? stranger here"],
        "it wrote nothing of that"
    );
    // Its command may have written it; so may another agent.
    let silent = Intent { said: None, ..told(2, OLD, left, &[]) };
    assert_eq!(by(&[told(1, OLD, left, &["by a"]), silent]), ["? by a", "? stranger here"]);
    let other = Intent { actor: Some(agent("b")), ..told(2, OLD, "base\nelse\n", &["else"]) };
    assert_eq!(by(&[told(1, OLD, left, &["by a"]), other]), ["? by a", "? stranger here"]);
}

#[test]
fn said_lines_are_those_of_which_half_was_said() {
    let all = |text: &str, put: Range<u32>| said_lines(text, &[put], &KEY);
    let one = all("by a\n", 0..4);
    assert_eq!(one.len(), 1);
    assert_eq!(all("base\nby a", 5..9), one, "with or without an end");
    assert_eq!(all("by a\nby a\n}\n", 0..11), one, "each once, and none without a word");
    assert_eq!(all("by a\n", 0..1), [0; 0]);
    assert_ne!(said_lines("by a\n", std::slice::from_ref(&(0..4)), &[8; 32]), one);
    assert!(one[0] < 1 << 53);
}

#[test]
fn everybody_at_work_is_possible() {
    let left = "base\nstranger here\n";
    let library = library(&[OLD, left]);
    let texts = |digest: Digest| library.get(&digest).cloned();
    let (calls, intents) = ([call(2, Some(agent("b")), 850)], [wrote(OLD, left, &[])]);
    let facts = DiskFacts {
        before: Some(of(OLD)),
        after: Some(of(left)),
        intents: &intents,
        calls: &calls,
        texts: &texts,
        ..disk()
    };
    let ruling = judge_disk(&facts);
    let verdict = ruling.whole().expect("one verdict");
    let named = verdict.evidence.iter().filter(|reason| reason.kind == EvidenceKind::Candidate).count();
    assert_eq!((verdict.class, named), (Class::Unknown, 2));
}
