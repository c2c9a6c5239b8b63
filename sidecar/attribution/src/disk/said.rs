//! What agents' calls said that they put in, held against what is new: while a call is open, others may write, too.
//!
//! A call's digests tell that the file was one thing when it began and another when it ended, not who did what between. Where
//! its tool says what it puts in, what is new beside that is not known to be its agent's (ADR 0144). It is decided line by
//! line, since a line is whose most of it is. Of a text that nobody else has read, keyed hashes of the lines tell (ADR 0157).
//! Absent on purpose: what was said, of which nobody keeps more than that; and taking it for the agent's, which the ladder does.

use std::collections::HashSet;
use std::ops::Range;

use codi2_protocol::{Actor, Class, Digest};
use codi2_text::{Limits, OwnerTree, Text, diff, line_hash};

use super::facts::DiskFacts;
use super::left::possible;
use super::ruling::DiskRuling;
use super::shares::Shares;
use super::times::timely;
use crate::way::way;
use crate::{Intent, Said};

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
pub(super) fn new_bytes(facts: &DiskFacts<'_>, after: &Text) -> Vec<Range<usize>> {
    let text = after.to_string();
    let Some(before) = text_of(facts, facts.before) else { return std::iter::once(0..text.len()).collect() };
    let edits = diff(&before, &text, &Limits::default());
    edits.iter().map(|edit| edit.at..edit.at + edit.inserted.len()).collect()
}

pub(super) fn text_of(facts: &DiskFacts<'_>, state: Option<Digest>) -> Option<Text> {
    match state {
        Some(digest) => (facts.texts)(digest),
        None => Some(Text::new("")),
    }
}

/// The new lines, or what is new of them, that an agent's calls did not say to put in; absent where one of its calls does not
/// say, or where neither the text that it left is known nor the lines of that.
fn unsaid(facts: &DiskFacts<'_>, agent: &Actor, after: &Text) -> Option<Vec<Range<u64>>> {
    let is_its = |call: &&Intent| call.actor.as_ref() == Some(agent) && !call.certifies_nothing();
    let own: Vec<&Intent> = facts.intents.iter().filter(is_its).collect();
    // One that led here did so whenever it was.
    let ends = |at: usize| (own[at].before.state().flatten(), own[at].after.state().flatten());
    let led = way(facts.before, facts.after, own.len(), ends).unwrap_or_default();
    let counts = |(at, call): &(usize, &&Intent)| timely(call, facts) || call.after.is(facts.after) || led.contains(at);
    let mut calls = own.iter().enumerate().filter(counts).map(|(_, call)| call).peekable();
    calls.peek()?;
    let text = after.to_string();
    let mut said = OwnerTree::new(text.len(), false);
    for call in calls {
        join(&mut said, &said_by(facts, call, &text)?, |known, is_said| known || is_said);
    }
    let new = new_bytes(facts, after);
    let unsaid = new.iter().flat_map(|new| unsaid_of(&said, new.start, &text[new.clone()]));
    Some(unsaid.map(|unsaid| unsaid.start as u64..unsaid.end as u64).collect())
}

/// Which bytes of the text after a call said to put in; absent where it does not say, or where neither the text that it left is
/// known nor the lines of that.
pub(super) fn said_by(facts: &DiskFacts<'_>, call: &Intent, text: &str) -> Option<OwnerTree<bool>> {
    let (left, Said { put, lines }) = (call.after.state()?, call.said.as_ref()?);
    if let Some(left_text) = text_of(facts, left) {
        let mut said = said_in(left_text.len_bytes(), put);
        if left != facts.after {
            // What of it stood here already.
            said.splice_all(&diff(&left_text, text, &Limits::default()), false);
        }
        return Some(said);
    }
    let lines: HashSet<u64> = lines.as_ref()?.iter().copied().collect();
    let mut said = OwnerTree::new(text.len(), false);
    let there = hashed_lines(text, facts.key).filter(|(_, hash)| lines.contains(hash));
    there.for_each(|(line, _)| said.recolour(line, |_| true));
    Some(said)
}

/// Makes of each byte what the two trees make of it.
pub(super) fn join(one: &mut OwnerTree<bool>, other: &OwnerTree<bool>, both: impl Fn(bool, bool) -> bool) {
    let mut at = 0;
    for (len, of_other) in other.iter() {
        one.recolour(at..at + len, |of_one| both(of_one, of_other));
        at += len;
    }
}

/// Whether a call left a text that is not at hand, and its hook told of lines of it that are new in this change: what others put
/// in beside them is held back.
pub(super) fn is_told_by_lines(call: &Intent, facts: &DiskFacts<'_>) -> bool {
    let has_lines = call.said.as_ref().is_some_and(|said| said.lines.is_some());
    let is_away = has_lines && call.after.state().is_some_and(|left| text_of(facts, left).is_none());
    let after = facts.after.filter(|_| is_away).and_then(facts.texts);
    let (Some(agent), Some(after)) = (&call.actor, after) else { return false };
    let all: usize = new_bytes(facts, &after).iter().map(Range::len).sum();
    let is_more =
        |unsaid: Vec<Range<u64>>| unsaid.iter().map(|range| range.end - range.start).sum::<u64>() < all as u64;
    unsaid(facts, agent, &after).is_some_and(is_more)
}

/// Keyed hashes of the lines of a text of whose words at least half stand in what a call puts in (`put`: bytes of it,
/// ascending), each once, ascending. A line without words is not told of: it goes with a line beside it.
pub fn said_lines(text: &str, put: &[Range<u32>], key: &[u8; 32]) -> Vec<u64> {
    let (mut left, mut at, mut found) = (put, 0, Vec::new());
    for line in text.split_inclusive('\n') {
        let (from, to) = (at, at + line.len());
        at = to;
        left = &left[left.iter().take_while(|piece| piece.end as usize <= from).count()..];
        let said = left.iter().take_while(|piece| (piece.start as usize) < to);
        let part = |piece: &Range<u32>| &text.as_bytes()[from.max(piece.start as usize)..to.min(piece.end as usize)];
        let known: usize = said.map(|piece| words(part(piece))).sum();
        if known > 0 && known * 2 >= words(line.as_bytes()) {
            found.push(hash(line, key));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The lines of a text with their hashes.
fn hashed_lines(text: &str, key: &[u8; 32]) -> impl Iterator<Item = (Range<usize>, u64)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        at += line.len();
        (at - line.len()..at, hash(line, key))
    })
}

/// As much of a line's hash as every reader of JSON takes for a whole number.
fn hash(line: &str, key: &[u8; 32]) -> u64 {
    line_hash(line, key) >> 12
}

/// Which bytes of a text of this length were said.
fn said_in(len: usize, put: &[Range<u32>]) -> OwnerTree<bool> {
    let mut said = OwnerTree::new(len, false);
    put.iter().for_each(|range| said.recolour(range.start as usize..range.end as usize, |_| true));
    said
}

/// How much of a line was said, by bytes of its words, and how much there is.
pub(super) fn words_said(said: &OwnerTree<bool>, at: usize, line: &str) -> (usize, usize) {
    let (mut known, mut read) = (0, 0);
    for (len, is_said) in said.spans(at..at + line.len()) {
        known += if is_said { words(&line.as_bytes()[read..read + len]) } else { 0 };
        read += len;
    }
    (known, words(line.as_bytes()))
}

/// Whether at least half of a line's words were said; absent of a line without any.
fn half_said(said: &OwnerTree<bool>, at: usize, line: &str) -> Option<bool> {
    let (known, all) = words_said(said, at, line);
    (all > 0).then_some(known * 2 >= all)
}

/// The lines of a new piece of text, at `at`, of whose words less than half were said. A line without words goes with the line
/// before it, else with the next.
fn unsaid_of(said: &OwnerTree<bool>, at: usize, piece: &str) -> Vec<Range<usize>> {
    let mut lines: Vec<(Range<usize>, Option<bool>)> = Vec::new();
    let mut from = at;
    for line in piece.split_inclusive('\n') {
        lines.push((from..from + line.len(), half_said(said, from, line)));
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
mod tests;
