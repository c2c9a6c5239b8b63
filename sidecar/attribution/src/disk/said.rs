//! What agents' calls said that they put in, held against what is new: while a call is open, others may write, too.
//!
//! A call's digests tell that the file was one thing when it began and another when it ended, not who did what between. Where
//! its tool says what it puts in, what is new beside that is not known to be its agent's (ADR 0144). It is decided line by
//! line, since a line is whose most of it is. Absent on purpose: what was said, of which nobody keeps more than where it
//! stands in the file; and taking it for the agent's, which the ladder does.

use std::ops::Range;

use codi2_protocol::{Actor, Class, Digest};
use codi2_text::{Limits, OwnerTree, Text, diff};

use super::facts::DiskFacts;
use super::left::possible;
use super::ruling::DiskRuling;
use super::shares::Shares;
use super::times::timely;
use crate::Intent;

/// The ruling without the lines that whoever it names did not say to put in: one of those who were at work wrote them, or
/// somebody else.
pub(super) fn narrowed(facts: &DiskFacts<'_>, ruling: DiskRuling) -> DiskRuling {
    let Some(after) = facts.after.and_then(facts.texts) else { return ruling };
    let DiskRuling::New(shares) = &ruling else { return ruling };
    let pieces = shares.pieces(0..after.len_bytes() as u64);
    let (mut claimed, mut is_less) = (Vec::new(), false);
    let mut known: Vec<(&Actor, Vec<Range<u64>>)> = Vec::new();
    for (range, verdict) in pieces.into_iter().filter(|(_, verdict)| verdict.class != Class::Unknown) {
        let agent = &verdict.origin;
        if known.iter().all(|(other, _)| *other != agent) {
            known.push((agent, unsaid(facts, agent, &after).unwrap_or_default()));
        }
        let mut at = range.start;
        for unsaid in known.iter().filter(|(other, _)| *other == agent).flat_map(|(_, unsaid)| unsaid) {
            let (from, to) = (unsaid.start.max(at), unsaid.end.min(range.end));
            if from < to {
                claimed.push((at..from, verdict.clone()));
                (at, is_less) = (to, true);
            }
        }
        claimed.push((at..range.end, verdict.clone()));
    }
    if !is_less {
        return ruling;
    }
    let rest = possible(facts);
    claimed.retain(|(range, _)| !range.is_empty());
    let is_claimed = |new: Range<usize>| {
        claimed.iter().any(|(range, _)| range.start < new.end as u64 && (new.start as u64) < range.end)
    };
    if new_bytes(facts, &after).into_iter().any(is_claimed) {
        DiskRuling::New(Shares::parts(claimed, rest))
    } else {
        DiskRuling::all(rest)
    }
}

/// What is new in this change, or may be: all of it, where the text before is not known.
fn new_bytes(facts: &DiskFacts<'_>, after: &Text) -> Vec<Range<usize>> {
    let text = after.to_string();
    let Some(before) = text_of(facts, facts.before) else { return std::iter::once(0..text.len()).collect() };
    let edits = diff(&before, &text, &Limits::default());
    edits.iter().map(|edit| edit.at..edit.at + edit.inserted.len()).collect()
}

fn text_of(facts: &DiskFacts<'_>, state: Option<Digest>) -> Option<Text> {
    match state {
        Some(digest) => (facts.texts)(digest),
        None => Some(Text::new("")),
    }
}

/// The new lines, or what is new of them, that an agent's calls did not say to put in; absent where one of its calls does not
/// say, or where the text that it left is not known.
fn unsaid<'a>(facts: &DiskFacts<'a>, agent: &Actor, after: &Text) -> Option<Vec<Range<u64>>> {
    let is_its = |call: &&Intent| {
        call.actor.as_ref() == Some(agent)
            && !call.certifies_nothing()
            && (timely(call, facts) || call.after.is(facts.after))
    };
    let put = |call: &'a Intent| Some((call.after.state()?, call.put.as_deref()?));
    let calls: Vec<(Option<Digest>, &[Range<u32>])> =
        facts.intents.iter().filter(is_its).map(put).collect::<Option<_>>()?;
    if calls.is_empty() {
        return None;
    }
    let text = after.to_string();
    let mut said = OwnerTree::new(text.len(), false);
    for (left, put) in calls {
        let left_text = text_of(facts, left)?;
        let mut there = OwnerTree::new(left_text.len_bytes(), false);
        put.iter().for_each(|range| there.recolour(range.start as usize..range.end as usize, |_| true));
        if left != facts.after {
            // What of it stood here already.
            there.splice_all(&diff(&left_text, &text, &Limits::default()), false);
        }
        let mut at = 0;
        for (len, is_said) in there.iter() {
            said.recolour(at..at + len, |known| known || is_said);
            at += len;
        }
    }
    let new = new_bytes(facts, after);
    let unsaid = new.iter().flat_map(|new| unsaid_of(&said, new.start, &text[new.clone()]));
    Some(unsaid.map(|unsaid| unsaid.start as u64..unsaid.end as u64).collect())
}

/// The lines of a new piece of text, at `at`, of whose words less than half were said. A line without words goes with the line
/// before it, else with the next.
fn unsaid_of(said: &OwnerTree<bool>, at: usize, piece: &str) -> Vec<Range<usize>> {
    let mut lines: Vec<(Range<usize>, Option<bool>)> = Vec::new();
    let mut from = at;
    for line in piece.split_inclusive('\n') {
        let (mut known, mut read) = (0, 0);
        for (len, is_said) in said.spans(from..from + line.len()) {
            known += if is_said { words(&line.as_bytes()[read..read + len]) } else { 0 };
            read += len;
        }
        let all = words(line.as_bytes());
        lines.push((from..from + line.len(), (all > 0).then_some(known * 2 >= all)));
        from += line.len();
    }
    // Without any word: its place tells, unless it is blank.
    let is_there = || piece.trim().is_empty() || said.spans(at..at + piece.len()).iter().any(|(_, is_said)| *is_said);
    let mut decided = lines.iter().find_map(|(_, is_said)| *is_said).unwrap_or_else(is_there);
    let decide = |(range, is_said): (Range<usize>, Option<bool>)| {
        decided = is_said.unwrap_or(decided);
        (!decided).then_some(range)
    };
    lines.into_iter().filter_map(decide).collect()
}

/// Bytes of letters and digits.
fn words(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii()).count()
}

#[cfg(test)]
mod tests {
    use codi2_protocol::EvidenceKind;

    use super::*;
    use crate::fixtures::{agent, call, disk, intent, library, of};
    use crate::{Moment, Reading, Rung, Transition, judge_disk};

    const OLD: &str = "base\n";

    /// A call of agent a from one text to another, whose hook found this in what it left.
    fn wrote(before: &str, after: &str, put: &[&str]) -> Intent {
        let place = |piece: &&str| {
            let at = after.find(piece).unwrap_or_else(|| panic!("{piece:?} in {after:?}"));
            at as u32..(at + piece.len()) as u32
        };
        let put = Some(put.iter().map(place).collect());
        Intent { put, ..intent(1, "a", (800, 1_100), Reading::Content(of(before)), Reading::Content(of(after))) }
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
            let facts = DiskFacts {
                before,
                after,
                from,
                to,
                intents: calls,
                transitions: &transitions,
                texts: &texts,
                ..disk()
            };
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
            (
                "all was said",
                &[OLD, "base\nby a\n"][..],
                wrote(OLD, "base\nby a\n", &["by a"]),
                vec![vec!["a exact by a"]],
            ),
            (
                "nothing stands there",
                &[OLD, "base\nstranger here\n"],
                wrote(OLD, "base\nstranger here\n", &[]),
                vec![vec!["? stranger here"]],
            ),
            (
                "both in one step",
                &[OLD, both],
                wrote(OLD, both, &["by a"]),
                vec![vec!["? stranger here", "a exact by a"]],
            ),
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
        let silent = Intent { put: None, ..wrote(OLD, left, &[]) };
        let command =
            Intent { call: 2, names_path: false, before: Reading::NotRead, after: Reading::NotRead, ..silent.clone() };
        let all = vec![vec!["a exact stranger here".to_owned()]];
        assert_eq!(lines(&[OLD, left], &[silent]), all);
        assert_eq!(lines(&[OLD, left], &[wrote(OLD, left, &[]), command]), all, "its command may have written it");
        // What another agent said is nothing to this one.
        let other = Intent { call: 2, actor: Some(agent("b")), put: None, ..wrote(OLD, "base\nelse\n", &["else"]) };
        assert_eq!(lines(&[OLD, left], &[wrote(OLD, left, &[]), other]), [["? stranger here"]]);
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
}
