//! Texts between two calls that nobody else has read, made again of what the later call left without what its tool said that it
//! puts in (ADR 0176).
//!
//! The hook's digest says whether a text is right: what was made again is known, or nothing is.
//! Absent on purpose: what follows from a text.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use codi2_protocol::Digest;
use codi2_text::{Hunk, OwnerTree, Text, digest_of, line_diff_hashes, line_hash};

use super::facts::DiskFacts;
use super::said::{line_key, placed_lines, said_in, unsaid_of};
use super::steps::changed;
use crate::{Intent, Reading, Said};

/// Texts that are made again for one change, at most: so many edits in turn may be found in one look.
const TEXTS: usize = 16;
/// Longer texts are not (bytes).
const TEXT_BYTES: usize = 1 << 20;

/// What calls found when they began, of those that led to what is there now, where nobody else has it.
pub(super) fn rebuilt(facts: &DiskFacts<'_>) -> HashMap<Digest, Text> {
    let (mut found, mut tried) = (HashMap::new(), 0);
    let mut left: Vec<Digest> = facts.after.into_iter().collect();
    while let Some(state) = left.pop() {
        let ended = facts.intents.iter().filter(|call| changed(call) && call.after.is(Some(state)));
        for (call, said) in ended.filter_map(|call| Some((call, call.said.as_ref()?))) {
            let Reading::Content(begin) = call.before else { continue };
            let is_known = facts.before == Some(begin) || found.contains_key(&begin) || (facts.texts)(begin).is_some();
            if is_known || tried == TEXTS {
                continue;
            }
            tried += 1;
            let text = found.get(&state).cloned().or_else(|| (facts.texts)(state));
            if let Some(text) = text.and_then(|text| before(call, said, begin, &text, facts)) {
                found.insert(begin, text);
                left.push(begin);
            }
        }
    }
    found
}

/// What a call found that left this text.
fn before(call: &Intent, said: &Said, begin: Digest, left: &Text, facts: &DiskFacts<'_>) -> Option<Text> {
    let first = facts.before.map_or_else(|| Some(Text::new("")), facts.texts)?;
    if left.len_bytes().max(first.len_bytes()) > TEXT_BYTES {
        return None;
    }
    let (first, left) = (first.to_string(), left.to_string());
    let way = Way::of(&first, &left, facts.key);
    // What it puts in; or, where it repeats what stood there, all but what the others told that they had put in.
    let of_others = || {
        let others = facts.intents.iter().filter(|other| other.call != call.call && other.until <= call.until);
        let lines = others.filter_map(|other| other.said.as_ref()?.lines.as_deref()).flatten();
        let lines: HashSet<u64> = lines.copied().collect();
        let is_its = |line: &str| !lines.contains(&line_key(line, facts.key));
        OwnerTree::from_spans(way.new.iter().map(|(bytes, line)| (bytes.len(), is_its(line))))
    };
    let puts: [&dyn Fn() -> OwnerTree<bool>; 2] = [&|| said_in(left.len(), &said.put), &of_others];
    puts.into_iter().find_map(|put| {
        let put = put();
        let accounts = [(false, false), (false, true), (true, false), (true, true)];
        let mut made = accounts.into_iter().map(|(in_pairs, cuts)| way.without(&put, in_pairs, cuts));
        made.find(|made| Digest::new(digest_of(made.as_bytes())) == begin).map(|made| Text::new(&made))
    })
}

/// A line with its place.
type Line<'a> = (Range<usize>, &'a str);

/// What leads from one text to another, line by line.
struct Way<'a> {
    old: Vec<Line<'a>>,
    new: Vec<Line<'a>>,
    text: &'a str,
    hunks: Vec<Hunk>,
}

impl<'a> Way<'a> {
    fn of(old: &'a str, new: &'a str, key: &[u8; 32]) -> Self {
        let hashes = |lines: &[Line<'_>]| lines.iter().map(|(_, line)| line_hash(line, key)).collect::<Vec<_>>();
        let (old, text, new) = (placed_lines(old).collect::<Vec<_>>(), new, placed_lines(new).collect::<Vec<_>>());
        let hunks = line_diff_hashes(&hashes(&old), &hashes(&new));
        Self { old, new, text, hunks }
    }

    /// The new text without the lines that were `put` in. Where none is left of a hunk, what stood there stands again; `in_pairs`:
    /// of as many lines as stood there each for itself. `cuts`: what is only gone stands again, too.
    fn without(&self, put: &OwnerTree<bool>, in_pairs: bool, cuts: bool) -> String {
        let (mut made, mut at) = (String::new(), 0);
        let push = |made: &mut String, lines: &[Line<'_>]| lines.iter().for_each(|(_, line)| made.push_str(line));
        for (old, new) in &self.hunks {
            push(&mut made, &self.new[at..new.start]);
            at = new.end;
            let (old, new) = (&self.old[old.clone()], &self.new[new.clone()]);
            let kept = self.kept(put, new);
            let is_kept = |line: &Line<'_>| kept.binary_search_by_key(&line.0.start, |bytes| bytes.start).is_ok();
            if new.is_empty() && !cuts {
                continue;
            }
            if kept.is_empty() {
                push(&mut made, old);
            } else if in_pairs && old.len() == new.len() {
                let pairs = old.iter().zip(new);
                pairs.for_each(|(old, new)| made.push_str(if is_kept(new) { new.1 } else { old.1 }));
            } else {
                new.iter().filter(|line| is_kept(line)).for_each(|(_, line)| made.push_str(line));
            }
        }
        push(&mut made, &self.new[at..]);
        made
    }

    /// Those of new lines that follow each other that were not put in, ascending.
    fn kept(&self, put: &OwnerTree<bool>, new: &[Line<'_>]) -> Vec<Range<usize>> {
        let (Some((first, _)), Some((last, _))) = (new.first(), new.last()) else { return Vec::new() };
        unsaid_of(put, first.start, &self.text[first.start..last.end])
    }
}
