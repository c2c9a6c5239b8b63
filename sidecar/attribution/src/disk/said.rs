//! What agents' calls said that they put in, held against what is new: while a call is open, others may write, too.
//!
//! A call's digests tell that the file was one thing when it began and another when it ended, not who did what between. Where
//! its tool says what it puts in, what is new beside that is not known to be its agent's (ADR 0144). It is decided line by
//! line, since a line is whose most of it is. Of a text that nobody else has read, keyed hashes of the lines tell (ADR 0157).
//! Absent on purpose: what was said, of which nobody keeps more than that; and what follows for a ruling.

use std::collections::HashSet;
use std::ops::Range;

use codi2_protocol::Actor;
use codi2_text::{OwnerTree, line_hash};

use super::compared::Compared;
use super::facts::DiskFacts;
use super::times::timely;
use crate::way::way;
use crate::{Intent, Reading, Said};

/// The new lines, or what is new of them, that an agent's calls did not say to put in; absent where one of its calls does not
/// say, or where neither the text that it left is known nor the lines of that.
pub(super) fn unsaid(compared: &Compared<'_>, agent: &Actor) -> Option<Vec<Range<usize>>> {
    let facts = compared.facts;
    let is_its = |call: &&Intent| call.actor.as_ref() == Some(agent) && !call.certifies_nothing();
    let own: Vec<&Intent> = facts.intents.iter().filter(is_its).collect();
    // One that led here did so whenever it was, alone or with others; of those with others one that does not say makes no
    // secret of the rest.
    let (alone, together) = (led(facts, &own), led(facts, &facts.intents.iter().collect::<Vec<_>>()));
    let is_step = |steps: &[(Reading, Reading)], call: &Intent| steps.contains(&(call.before, call.after));
    let has_led = |call: &Intent| is_step(&alone, call) || call.said.is_some() && is_step(&together, call);
    let counts = |call: &&&Intent| timely(call, facts) || call.after.is(facts.after) || has_led(call);
    let mut calls = own.iter().filter(counts).peekable();
    calls.peek()?;
    let text = compared.text()?;
    let mut said = OwnerTree::new(text.len(), false);
    for call in calls {
        join(&mut said, &said_by(compared, call)?, |known, is_said| known || is_said);
    }
    Some(compared.new_bytes().into_iter().flat_map(|new| unsaid_of(&said, new.start, &text[new])).collect())
}

/// The steps by which calls led all the way from what stood there to what stands there now.
fn led(facts: &DiskFacts<'_>, calls: &[&Intent]) -> Vec<(Reading, Reading)> {
    let ends = |at: usize| (calls[at].before.state().flatten(), calls[at].after.state().flatten());
    let led = way(facts.before, facts.after, calls.len(), ends).unwrap_or_default();
    led.into_iter().map(|at| (calls[at].before, calls[at].after)).collect()
}

/// Which bytes of the text after a call said to put in; absent where it does not say, or where neither the text that it left is
/// known nor the lines of that.
pub(super) fn said_by(compared: &Compared<'_>, call: &Intent) -> Option<OwnerTree<bool>> {
    let (left, Said { put, lines }) = (call.after.state()?, call.said.as_ref()?);
    // What of it stood here already.
    if let Some(said) = compared.carried(left, |len| said_in(len, put)) {
        return Some(said);
    }
    let (text, lines) = (compared.text()?, lines.as_ref()?);
    let lines: HashSet<u64> = lines.iter().copied().collect();
    let mut said = OwnerTree::new(text.len(), false);
    let there = hashed_lines(text, compared.facts.key).filter(|(_, hash)| lines.contains(hash));
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
pub(super) fn is_told_by_lines(call: &Intent, compared: &Compared<'_>) -> bool {
    let has_lines = call.said.as_ref().is_some_and(|said| said.lines.is_some());
    let is_away = has_lines && call.after.state().is_some_and(|left| !compared.has(left));
    let (Some(agent), true) = (&call.actor, is_away) else { return false };
    let len = |ranges: Vec<Range<usize>>| ranges.iter().map(Range::len).sum::<usize>();
    unsaid(compared, agent).is_some_and(|unsaid| len(unsaid) < len(compared.new_bytes()))
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
            found.push(line_key(line, key));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The lines of a text with their hashes.
fn hashed_lines(text: &str, key: &[u8; 32]) -> impl Iterator<Item = (Range<usize>, u64)> {
    placed_lines(text).map(|(bytes, line)| (bytes, line_key(line, key)))
}

/// The lines of a text with their places.
pub(super) fn placed_lines(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        at += line.len();
        (at - line.len()..at, line)
    })
}

/// As much of a line's hash as every reader of JSON takes for a whole number.
pub(super) fn line_key(line: &str, key: &[u8; 32]) -> u64 {
    line_hash(line, key) >> 12
}

/// Which bytes of a text of this length were said.
pub(super) fn said_in(len: usize, put: &[Range<u32>]) -> OwnerTree<bool> {
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
pub(super) fn unsaid_of(said: &OwnerTree<bool>, at: usize, piece: &str) -> Vec<Range<usize>> {
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
