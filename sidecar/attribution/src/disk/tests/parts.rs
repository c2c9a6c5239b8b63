//! Announced edits that explain a part of a change, by the texts that they left behind.

use std::ops::Range;

use codi2_protocol::{ActorKind, Class, Digest};

use super::{UNREAD, all, at, candidates, wrote};
use crate::fixtures::{agent, disk, intent, library, of};
use crate::{DiskFacts, DiskRuling, Intent, Reading, Rung, Seen, judge_disk};

/// A change between two texts that an intent explains in part.
fn parts(texts: &[&str], calls: &[Intent], before: &str, after: &str) -> Vec<(String, String)> {
    let library = library(texts);
    let texts = |digest: Digest| library.get(&digest).cloned();
    let facts = DiskFacts { before: Some(of(before)), after: Some(of(after)), intents: calls, texts: &texts, ..disk() };
    match judge_disk(&facts) {
        DiskRuling::New(shares) if shares.whole().is_none() => {
            let claimed = shares.claimed();
            assert_eq!(shares.rest().origin.kind, ActorKind::External);
            assert!(
                claimed.iter().all(|(_, verdict)| verdict.class == Class::Exact || verdict.class == Class::Unknown)
            );
            let piece = |range: &Range<u64>| after[range.start as usize..range.end as usize].to_owned();
            claimed.iter().map(|(range, verdict)| (verdict.origin.to_string(), piece(range))).collect()
        }
        other => panic!("no parts: {other:?}"),
    }
}

fn owned(parts: &[(&str, &str)]) -> Vec<(String, String)> {
    parts.iter().map(|(who, what)| ((*who).to_owned(), (*what).to_owned())).collect()
}

#[test]
fn an_intent_explains_a_part() {
    let (old, claimed, new) = ("one\ntwo\n", "one\ntwo\nagent\n", "one\ntwo\nagent\nother\n");
    let call = [wrote(1, "a", (800, 950), old, claimed)];
    assert_eq!(parts(&[old, claimed, new], &call, old, new), owned(&[("agent a", "agent\n")]));
    // Somebody wrote before the call began.
    let (between, new) = ("zero\none\ntwo\n", "zero\none\ntwo\nagent\n");
    let call = [wrote(1, "a", (950, 990), between, new)];
    assert_eq!(parts(&[old, between, new], &call, old, new), owned(&[("agent a", "agent\n")]));
}

#[test]
fn two_intents_explain_their_parts() {
    let (old, mid, new) = ("one\ntwo\n", "first\none\ntwo\n", "first\none\ntwo\nlast\n");
    let calls = [wrote(1, "a", (800, 900), old, mid), wrote(2, "b", (910, 990), mid, new)];
    assert_eq!(parts(&[old, mid, new], &calls, old, new), owned(&[("agent a", "first\n"), ("agent b", "last\n")]));
    // What is gone again is nobody's part.
    let gone = "one\ntwo\nlast\n";
    let calls = [wrote(1, "a", (800, 900), old, mid), wrote(2, "b", (910, 990), mid, gone)];
    assert_eq!(parts(&[old, mid, gone], &calls, old, gone), owned(&[("agent b", "last\n")]));
}

#[test]
fn without_the_texts_a_part_cannot_be_told() {
    let call = [intent(1, "a", (800, 950), at(1), at(7))];
    let verdict = all(&DiskFacts { intents: &call, ..disk() });
    assert_eq!(verdict.class, Class::Unknown, "the agent left other bytes behind: it is not the whole story");
    assert_eq!(candidates(&verdict), ["agent a"]);
}

#[test]
fn the_rest_of_a_part_goes_on_down_the_ladder() {
    let (old, claimed, new) = ("one\n", "one\nagent\n", "one\nagent\nother\n");
    let library = library(&[old, claimed, new]);
    let texts = |digest: Digest| library.get(&digest).cloned();
    let command = Intent { names_path: false, ..intent(2, "b", (960, 1_010), UNREAD, UNREAD) };
    let intents = [wrote(1, "a", (800, 950), old, claimed), command];
    let facts = DiskFacts { before: Some(of(old)), after: Some(of(new)), intents: &intents, texts: &texts, ..disk() };
    let DiskRuling::New(shares) = judge_disk(&facts) else { panic!("no parts") };
    assert_eq!((shares.whole(), &shares.rest().origin, shares.rest().class), (None, &agent("b"), Class::Inferred));
}

/// A file is made anew as a copy of another one; the two texts share a line end and a word.
#[test]
fn what_made_a_file_before_explains_no_copy() {
    let (made, copy) = ("let us begin\n", "let the copied lines\nbe known\n");
    let library = library(&[made, copy]);
    let texts = |digest: Digest| library.get(&digest).cloned();
    let before = Reading::Absent;
    for (until, rung) in [(500, Rung::Moved), (950, Rung::IntentPartial)] {
        let announced = [intent(1, "a", (400, until), before, Reading::Content(of(made)))];
        let facts = DiskFacts { before: None, after: Some(of(copy)), intents: &announced, texts: &texts, ..disk() };
        assert_eq!(judge_disk(&DiskFacts { seen: Some(Seen::Elsewhere), ..facts }).rung(), rung, "{until}");
        assert_eq!(judge_disk(&facts).rung(), Rung::IntentPartial, "where nothing else explains it");
    }
}

/// Git wrote the file, unseen, before two agents with calls open at once did: what the first one's hook explains in part the
/// second one's hook puts in dispute.
#[test]
fn a_part_that_a_second_call_claims_is_nobodys() {
    let (seen, gits, after) =
        ("as it was seen\n", "as git wrote it\n", "of one agent\nof the other\nas git wrote it\n");
    let library = library(&[seen, gits, after]);
    let texts = |digest: Digest| library.get(&digest).cloned();
    let calls = [wrote(1, "a", (900, 960), gits, after), wrote(2, "b", (905, 980), gits, after)];
    let facts = DiskFacts { before: Some(of(seen)), after: Some(of(after)), texts: &texts, ..disk() };
    let first = judge_disk(&DiskFacts { intents: &calls[..1], ..facts });
    assert_eq!(first.rung(), Rung::IntentPartial);
    let both = judge_disk(&DiskFacts { intents: &calls, ..facts });
    assert_eq!(both.rung(), Rung::Candidates, "{both:?}");
    assert!(both.supersedes(&first), "{both:?}");
}
