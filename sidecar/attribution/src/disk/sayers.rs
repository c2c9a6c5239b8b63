//! Whose a line is that several may have written, where one of them alone said that it puts it in (ADR 0165).
//!
//! Two agents' edits of one file that are open at once may be seen in one look, and then no digest tells them apart. Their tools
//! say what they put in, and each hook found that in the text that it left: so the tools' words decide.
//! Absent on purpose: whoever says nothing. Nothing is a stranger's because no agent said it, and where somebody who does not
//! say was at work, too, nobody's word is enough.

use std::ops::Range;

use codi2_protocol::{Actor, Class, EvidenceKind, Verdict};
use codi2_text::OwnerTree;

use super::compared::Compared;
use super::facts::DiskFacts;
use super::ruling::DiskRuling;
use super::said::{join, said_by, words_said};
use super::shares::Shares;
use super::times::timely;
use crate::{Intent, Reading, Rung};

/// Bytes of words that a call said of a line, at least: of fewer it may be found in anybody's line.
const TELLING: usize = 8;
/// Calls at work at once of which it is asked, at most.
const CALLS: usize = 32;

/// A call that may have written what is new.
struct Sayer<'a> {
    call: &'a Intent,
    /// What of the text after its tool says that it puts in.
    said: OwnerTree<bool>,
    /// Its word is enough.
    may_tell: bool,
}

/// The ruling with the lines that several may have written and one agent's calls alone said to put in.
pub(super) fn told(compared: &Compared<'_>, ruling: DiskRuling) -> DiskRuling {
    let (Some(text), DiskRuling::New(shares)) = (compared.text(), &ruling) else { return ruling };
    let is_open = |verdict: &Verdict| Rung::of(verdict) == Rung::Candidates;
    let lines = if shares.each().any(is_open) { lines_told(compared, text) } else { Vec::new() };
    let pieces = shares.cut(0..text.len() as u64, |verdict| if is_open(verdict) { &lines[..] } else { &[] });
    if pieces.iter().all(|piece| piece.by.is_none()) {
        return ruling;
    }
    let rest = shares.rest().clone();
    let claimed = pieces.into_iter().map(|piece| (piece.bytes, piece.by.unwrap_or(piece.share).clone()));
    let claimed = claimed.filter(|(_, verdict)| *verdict != rest).collect();
    DiskRuling::New(Shares::parts(claimed, rest))
}

/// The new lines, or what is new of them, that one agent's calls alone said, ascending.
fn lines_told(compared: &Compared<'_>, text: &str) -> Vec<(Range<u64>, Verdict)> {
    let sayers = sayers(compared);
    let mut told: Vec<(Range<u64>, Verdict)> = Vec::new();
    if !sayers.iter().any(|sayer| sayer.may_tell) {
        return told;
    }
    for new in compared.new_bytes() {
        for (line, sayer) in whose(&sayers, text, new) {
            let Some(verdict) = sayer.and_then(|sayer| verdict(compared.facts, sayer.call)) else { continue };
            let line = line.start as u64..line.end as u64;
            match told.last_mut() {
                Some((last, known)) if last.end == line.start && *known == verdict => last.end = line.end,
                _ => told.push((line, verdict)),
            }
        }
    }
    told
}

/// The calls at work that say what they put in; none where nobody's word is enough.
fn sayers<'a>(compared: &Compared<'a>) -> Vec<Sayer<'a>> {
    let facts = compared.facts;
    let open = facts.calls.iter().filter(|call| call.since <= facts.to);
    let mut silent: Vec<Option<&Actor>> = open.map(|call| call.actor.as_ref()).collect();
    let at_work: Vec<&Intent> = facts.intents.iter().filter(|call| is_at_work(call, facts)).collect();
    silent.extend(at_work.iter().filter(|call| call.said.is_none()).map(|call| call.actor.as_ref()));
    if at_work.len() > CALLS || !at_work.iter().any(|call| may_tell(call, &silent, compared)) {
        return Vec::new();
    }
    let mut sayers = Vec::new();
    for call in at_work {
        match said_by(compared, call) {
            Some(said) => {
                sayers.push(Sayer { call, said: new_to(compared, call, said), may_tell: false });
            }
            None => silent.push(call.actor.as_ref()),
        }
    }
    sayers.iter_mut().for_each(|sayer| sayer.may_tell = may_tell(sayer.call, &silent, compared));
    sayers
}

/// Whether a call may have written what is new. One that left a file as it was has written nothing.
fn is_at_work(call: &Intent, facts: &DiskFacts<'_>) -> bool {
    let is_idle = call.before != Reading::NotRead && call.before == call.after;
    !is_idle && (timely(call, facts) || call.after.is(facts.after))
}

/// Whether a call's word is enough: it was open then, what stood there when it began is known, and nobody else who was at work
/// is silent.
fn may_tell(call: &Intent, silent: &[Option<&Actor>], compared: &Compared<'_>) -> bool {
    let begin = call.before.state().filter(|_| call.since.is_some());
    call.said.is_some()
        && call.actor.is_some()
        && !call.certifies_nothing()
        && timely(call, compared.facts)
        && begin.is_some_and(|begin| compared.has(begin))
        && silent.iter().all(|other| *other == call.actor.as_ref())
}

/// What a call said without what stood there when it began: an edit repeats what stands around.
fn new_to(compared: &Compared<'_>, call: &Intent, mut said: OwnerTree<bool>) -> OwnerTree<bool> {
    let begin = call.before.state().filter(|begin| *begin != compared.facts.before);
    if let Some(old) = begin.and_then(|begin| compared.carried(begin, |len| OwnerTree::new(len, true))) {
        join(&mut said, &old, |is_said, is_old| is_said && !is_old);
    }
    said
}

/// The lines of a new piece of text, each with a call whose agent alone said it. What does not tell by itself goes with the line
/// before it, else with the next, where that one's agent said it, too.
fn whose<'s, 'a>(sayers: &'s [Sayer<'a>], text: &str, new: Range<usize>) -> Vec<(Range<usize>, Option<&'s Sayer<'a>>)> {
    let mut at = new.start;
    let lines = text[new].split_inclusive('\n').map(|line| {
        at += line.len();
        at - line.len()..at
    });
    let lines: Vec<Range<usize>> = lines.collect();
    let alone: Vec<Option<&Sayer<'_>>> = lines.iter().map(|line| alone(sayers, text, line)).collect();
    let tells = |(line, one): (&Range<usize>, &Option<&'s Sayer<'a>>)| {
        one.filter(|one| {
            let whole = whole_line(text, line.start);
            words_said(&one.said, whole.start, &text[whole]).0 >= TELLING
        })
    };
    let mut whose: Vec<Option<&Sayer<'_>>> = lines.iter().zip(&alone).map(tells).collect();
    let goes_with = |at: usize, beside: &Sayer<'_>| match alone[at] {
        Some(one) => one.call.actor == beside.call.actor,
        None => {
            let (line, said) = (&lines[at], &beside.said);
            let has_words = words_said(said, line.start, &text[line.clone()]).1 > 0;
            !has_words && said.spans(line.clone()).iter().any(|(_, is_said)| *is_said)
        }
    };
    let count = lines.len();
    for (at, beside) in (1..count).map(|at| (at, at - 1)).chain((1..count).rev().map(|at| (at - 1, at))) {
        whose[at] = whose[at].or(whose[beside].filter(|beside| goes_with(at, beside)));
    }
    lines.into_iter().zip(whose).collect()
}

/// The line around a place, without its end.
fn whole_line(text: &str, at: usize) -> Range<usize> {
    let begin = text[..at].rfind('\n').map_or(0, |end| end + 1);
    begin..text[begin..].find('\n').map_or(text.len(), |len| begin + len)
}

/// A call that said all words of a line, where no other agent's said half of them.
fn alone<'s, 'a>(sayers: &'s [Sayer<'a>], text: &str, line: &Range<usize>) -> Option<&'s Sayer<'a>> {
    let share = |sayer: &Sayer<'_>| words_said(&sayer.said, line.start, &text[line.clone()]);
    let is_all = |sayer: &&Sayer<'_>| sayer.may_tell && matches!(share(sayer), (known, all) if known == all && all > 0);
    let one = sayers.iter().find(is_all)?;
    let mut others = sayers.iter().filter(|other| other.call.actor != one.call.actor);
    let is_half = |sayer: &Sayer<'_>| matches!(share(sayer), (known, all) if known * 2 >= all);
    (!others.any(is_half)).then_some(one)
}

/// The call's own step is exact, also where another call's digests fit it; of any other one there is the tool's word alone.
fn verdict(facts: &DiskFacts<'_>, call: &Intent) -> Option<Verdict> {
    let is_its_step = call.before.is(facts.before) && call.after.is(facts.after);
    let (class, kind, how) = if is_its_step {
        (
            Class::Exact,
            EvidenceKind::IntentExact,
            "; the file matches before and after, and it says that it puts this in",
        )
    } else {
        (Class::Declared, EvidenceKind::IntentPartial, ", which says that it puts this in")
    };
    let detail = format!("announced through {}{how}, as nobody else who was at work does", call.format);
    Some(Verdict::new(call.actor.clone()?, class, kind, detail))
}

#[cfg(test)]
mod tests;
