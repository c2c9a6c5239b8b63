//! Two and more agents whose edits of one file overlap, and who each line is given to.

use codi2_protocol::Digest;
use codi2_text::Text;

use super::*;
use crate::fixtures::{KEY, agent, call, disk, intent, library, of};
use crate::{Moment, OpenCall, Said, judge_disk, said_lines};

const OLD: &str = "base of the file\n";
const A: &str = "first agent's line\n";
const B: &str = "second agent's line\n";

/// A call of an agent from one text to another, whose hook found these texts in what it left, and told its lines.
fn edit(name: &str, before: &str, after: &str, texts: &[&str]) -> Intent {
    let found = texts.iter().flat_map(|piece| after.match_indices(piece));
    let mut put: Vec<Range<u32>> = found.map(|(at, piece)| at as u32..(at + piece.len()) as u32).collect();
    put.sort_unstable_by_key(|piece| piece.start);
    let lines = Some(said_lines(after, &put, &KEY).into());
    let number = u64::from(name.as_bytes()[0]);
    let said = Some(Said { put, lines });
    let call = intent(number, name, (800, 1_100), Reading::Content(of(before)), Reading::Content(of(after)));
    Intent { said, ..call }
}

/// A command, or a tool that does not say.
fn silent(name: &str, is_command: bool) -> Intent {
    let call = intent(9, name, (800, 1_100), Reading::NotRead, Reading::NotRead);
    Intent { names_path: !is_command, ..call }
}

/// The ruling on the step from the first text to the last one, of which nobody has seen one between.
fn ruled(texts: &[&str], calls: &[Intent], open: &[OpenCall]) -> DiskRuling {
    let library = library(texts);
    let texts_of = |digest: Digest| library.get(&digest).cloned();
    judge_disk(&DiskFacts {
        before: Some(of(texts[0])),
        after: Some(of(texts[texts.len() - 1])),
        intents: calls,
        calls: open,
        texts: &texts_of,
        ..disk()
    })
}

/// Who has each line of the last text that is not in the first, of which nobody has seen one between: an agent and its class,
/// or everybody who is possible.
fn lines(texts: &[&str], calls: &[Intent], open: &[OpenCall]) -> Vec<String> {
    let (first, last) = (texts[0], texts[texts.len() - 1]);
    let ruling = ruled(texts, calls, open);
    assert!(!ruling.supersedes(&ruling));
    let after = Text::new(last);
    let DiskRuling::New(shares) = &ruling else { panic!("{ruling:?}") };
    let pieces = shares.pieces(0..after.len_bytes() as u64);
    let mut at = 0;
    let line = |line: &str| {
        let verdict = pieces.iter().find(|(range, _)| range.contains(&at)).unwrap().1;
        at += line.len() as u64;
        let line = line.trim_end();
        if first.lines().any(|old| old == line) {
            return None;
        }
        if verdict.class == Class::Unknown {
            assert_eq!(Rung::of(verdict), Rung::Candidates);
            let named = |name: &&&str| {
                let label = format!("{} was at work", agent(name));
                verdict.evidence.iter().any(|reason| reason.detail.starts_with(&label))
            };
            let named: Vec<&str> = ["a", "b", "c"].iter().filter(named).copied().collect();
            return Some(format!("{}? {line}", named.concat()));
        }
        Some(format!("{} {} {line}", verdict.origin.name, verdict.class))
    };
    last.split_inclusive('\n').filter_map(line).collect()
}

#[test]
fn what_one_of_several_said_is_its_own() {
    let (left, both) = (format!("{OLD}{A}"), format!("{OLD}{A}{B}"));
    let (left, both) = (left.as_str(), both.as_str());
    let stranger = format!("{OLD}{A}a stranger's line\n{B}");
    let blocks = format!("{OLD}fn of_agent_a() {{\n    x\n}}\n\nfn of_agent_b() {{\n    y\n}}\n");
    let (block_a, block_b) = ("fn of_agent_a() {\n    x\n}\n\n", "fn of_agent_b() {\n    y\n}\n");
    let own = ["a exact first agent's line", "b exact second agent's line"];
    let unknown = ["ab? first agent's line", "ab? second agent's line"];
    let a = |texts: &[&str]| edit("a", OLD, both, texts);
    let b = |texts: &[&str]| edit("b", OLD, both, texts);
    let failed = |call: Intent| Intent { failed: true, ..call };
    let late = |call: Intent| Intent { since: None, ..call };
    let nowhere = |call: Intent| Intent { before: Reading::Content(of("nobody saw it\n")), ..call };
    type Case<'a> = (&'a str, &'a [&'a str], &'a [Intent], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        ("each its own", &[OLD, both], &[a(&[A]), b(&[B])], &own),
        (
            "one of them nothing",
            &[OLD, both],
            &[a(&[A, B]), b(&[])],
            &["a exact first agent's line", "a exact second agent's line"],
        ),
        ("both the same", &[OLD, both], &[a(&[A, B]), b(&[A, B])], &unknown),
        ("one of them both", &[OLD, both], &[a(&[A, B]), b(&[B])], &[own[0], unknown[1]]),
        ("neither", &[OLD, both], &[a(&[]), b(&[])], &unknown),
        (
            "a stranger, too",
            &[OLD, &stranger],
            &[edit("a", OLD, &stranger, &[A]), edit("b", OLD, &stranger, &[B])],
            &[own[0], "ab? a stranger's line", own[1]],
        ),
        (
            "one does not say",
            &[OLD, both],
            &[a(&[A]), b(&[B]), silent("c", false)],
            &["abc? first agent's line", "abc? second agent's line"],
        ),
        ("a command of another", &[OLD, both], &[a(&[A]), b(&[B]), silent("c", true)], &unknown),
        ("a command of one of them", &[OLD, both], &[a(&[A]), b(&[B]), silent("a", true)], &[own[0], unknown[1]]),
        ("one that failed", &[OLD, both], &[a(&[A]), failed(b(&[B])), silent("b", true)], &[own[0], unknown[1]]),
        (
            "what one that failed said",
            &[OLD, both],
            &[a(&[A, B]), b(&[]), failed(edit("c", OLD, both, &[B]))],
            &[own[0], unknown[1]],
        ),
        ("nobody told when it began", &[OLD, both], &[late(a(&[A])), b(&[B])], &[unknown[0], own[1]]),
        (
            "what stood there when it began is not known",
            &[OLD, both],
            &[nowhere(a(&[A])), a(&[]), b(&[B])],
            &[unknown[0], own[1]],
        ),
        ("a word", &[OLD, both], &[a(&["first"]), b(&["agent's"])], &unknown),
        ("half of the words of the other's", &[OLD, both], &[a(&[A]), b(&["first agent", B])], &[unknown[0], own[1]]),
        (
            "with marks and short lines",
            &[OLD, &blocks],
            &[edit("a", OLD, &blocks, &[block_a]), edit("b", OLD, &blocks, &[block_b])],
            &[
                "a exact fn of_agent_a() {",
                "a exact     x",
                "a exact }",
                "a exact ",
                "b exact fn of_agent_b() {",
                "b exact     y",
                "b exact }",
            ],
        ),
        (
            "the first one's text is not at hand",
            &[OLD, both],
            &[edit("a", OLD, left, &[A]), b(&[B])],
            &["a declared first agent's line", own[1]],
        ),
        (
            "nor the last one's",
            &[OLD, &stranger],
            &[edit("a", OLD, left, &[A]), edit("b", OLD, both, &[B])],
            &["a declared first agent's line", "ab? a stranger's line", "b declared second agent's line"],
        ),
    ];
    for (name, texts, calls, expected) in cases {
        assert_eq!(lines(texts, calls, &[]), *expected, "{name}");
        let turned: Vec<Intent> = calls.iter().rev().cloned().collect();
        assert_eq!(lines(texts, &turned, &[]), *expected, "{name}, turned");
    }
}

#[test]
fn whoever_has_not_ended_has_not_said_yet() {
    let both = format!("{OLD}{A}{B}");
    let calls = [edit("a", OLD, &both, &[A]), edit("b", OLD, &both, &[B])];
    for open in [call(7, Some(agent("c")), 850), call(7, None, 850)] {
        let expected = [A, B].map(|line| format!("ab? {}", line.trim_end()));
        assert_eq!(lines(&[OLD, &both], &calls, &[open]), expected);
    }
    // It began behind what is judged; and one of an agent that says all the same.
    let later = OpenCall { since: Moment::earliest(1_500), ..call(7, Some(agent("c")), 850) };
    assert_eq!(lines(&[OLD, &both], &calls, &[later]).concat().matches("exact").count(), 2);
    let own = call(7, Some(agent("a")), 850);
    assert_eq!(lines(&[OLD, &both], &calls, &[own])[0], "a exact first agent's line");
}

/// An edit repeats what stands around: what the file held when it began is not new to it.
#[test]
fn what_stood_there_when_it_began_is_not_what_it_says() {
    let (first, last) = (format!("{OLD}{A}"), format!("{OLD}{A}{B}"));
    let b = edit("b", &first, &last, &[A, B]);
    let a = Intent { until: Moment::earliest(990), ..edit("a", OLD, &first, &[A]) };
    let texts = [OLD, first.as_str(), last.as_str()];
    let own = ["a exact first agent's line", "b exact second agent's line"];
    assert_eq!(lines(&texts, &[a.clone(), b.clone()], &[]), own);
    // Its digests do not tell.
    let elsewhere = edit("a", OLD, "something else\n", &[]);
    let c = Intent { actor: Some(agent("c")), call: 3, before: Reading::Content(of(OLD)), ..b.clone() };
    let told = lines(&texts, &[elsewhere, b, Intent { said: edit("c", OLD, &last, &[]).said, ..c }], &[]);
    assert!(told[0].ends_with("? first agent's line"), "{told:?}");
}

/// Out of a spool, late: one more who says to have put in what another one was certain to have.
#[test]
fn a_late_call_takes_back_what_it_says_too() {
    let (left, both) = (format!("{OLD}{A}"), format!("{OLD}{A}{B}"));
    let texts = [OLD, both.as_str()];
    let calls = [edit("a", OLD, &left, &[A]), edit("b", OLD, &both, &[B])];
    let late = [calls[0].clone(), calls[1].clone(), edit("c", OLD, &both, &[B])];
    let (first, second) = (ruled(&texts, &calls, &[]), ruled(&texts, &late, &[]));
    assert_eq!(lines(&texts, &calls, &[])[1], "b exact second agent's line");
    assert_eq!(lines(&texts, &late, &[]), ["a declared first agent's line", "bc? second agent's line"]);
    assert!(second.supersedes(&first));
}
