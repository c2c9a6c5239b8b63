//! From the owners of bytes to the owners of lines, and from known texts to one that nobody saw. Pure.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::RangeInclusive;

use codi2_attribution::record::{LineRange, class_of_line};
use codi2_protocol::{Actor, Class, Digest, EvidenceKind, Owner, Span};
use codi2_text::{OwnerTree, Text};

use crate::book::StoredOwners;
use crate::known::{Content, Known, lines_of};
use crate::ledger::is_telling;

/// No owner of the list: nobody told.
const NOBODY: u32 = u32::MAX;

/// Every distinct owner once.
#[derive(Debug, Default)]
pub struct Owners {
    pub list: Vec<Owner>,
    numbers: HashMap<Owner, u32>,
}

impl Owners {
    /// The number of an owner.
    pub fn enter(&mut self, owner: &Owner) -> u32 {
        *self.numbers.entry(owner.clone()).or_insert_with(|| {
            self.list.push(owner.clone());
            u32::try_from(self.list.len() - 1).unwrap_or(NOBODY)
        })
    }

    /// Whether both are one author's.
    fn is_same(&self, one: u32, other: u32) -> bool {
        let author = |number: u32| self.list.get(number as usize).map(|owner| &owner.verdict.origin);
        one == other || author(one).is_some() && author(one) == author(other)
    }

    /// The owner of a line that has all these in it: as sure as the least sure of them.
    fn of_line(&mut self, owner: u32, parts: &[u32]) -> u32 {
        let Some(known) = self.list.get(owner as usize) else { return owner };
        let class = class_of_line(known, parts.iter().filter_map(|part| self.list.get(*part as usize)));
        if class == known.verdict.class {
            return owner;
        }
        let mut known = known.clone();
        known.verdict.class = class;
        self.enter(&known)
    }

    /// Whether all that this one says is that nobody saw it.
    pub fn is_unseen(&self, number: u32) -> bool {
        self.list
            .get(number as usize)
            .is_none_or(|owner| owner.verdict.class == Class::Unknown && owner.event.is_none())
    }

    /// Whether this one names nobody.
    pub fn is_unnamed(&self, number: u32) -> bool {
        self.list.get(number as usize).is_none_or(|owner| owner.verdict.class == Class::Unknown)
    }

    /// Whether this one names nobody though its text was seen: an event tells of it, or it is older than codi2.
    fn is_nobodys(&self, number: u32) -> bool {
        let is_older = |owner: &Owner| owner.verdict.evidence.iter().any(|it| it.kind == EvidenceKind::BeforeCodi2);
        let owner = self.list.get(number as usize).filter(|_| self.is_unnamed(number));
        owner.is_some_and(|owner| owner.event.is_some() || is_older(owner))
    }

    /// The tree of a text's owners.
    pub fn tree(&mut self, stored: &StoredOwners) -> OwnerTree<u32> {
        let numbers: Vec<u32> = stored.owners.iter().map(|owner| self.enter(owner)).collect();
        let number = |span: &Span| numbers.get(span.owner as usize).copied().unwrap_or(NOBODY);
        let spans = stored.spans.iter().map(|span| (usize::try_from(span.len).unwrap_or(usize::MAX), number(span)));
        OwnerTree::from_spans(spans.collect::<Vec<_>>())
    }

    /// The tree of a text of which only these lines have owners.
    pub fn tree_of_lines(&mut self, text: &str, ranges: &[LineRange], owners: &[Owner]) -> OwnerTree<u32> {
        let mut at = ranges.iter().peekable();
        let lines = text.split_inclusive('\n').zip(1..).map(|(line, number)| {
            while at.next_if(|range| range.last < number).is_some() {}
            let range = at.peek().filter(|range| range.first <= number);
            let owner = range.and_then(|range| owners.get(range.owner as usize));
            (line.len(), owner.map_or(NOBODY, |owner| self.enter(owner)))
        });
        OwnerTree::from_spans(lines.collect::<Vec<_>>())
    }

    /// The same for the store.
    pub fn stored(&self, tree: &OwnerTree<u32>) -> StoredOwners {
        let mut stored = StoredOwners { spans: Vec::new(), owners: Vec::new() };
        let mut numbers = HashMap::new();
        for (len, owner) in tree.iter() {
            let Some(known) = self.list.get(owner as usize) else { continue };
            let number = *numbers.entry(owner).or_insert_with(|| {
                stored.owners.push(known.clone());
                u32::try_from(stored.owners.len() - 1).unwrap_or(NOBODY)
            });
            stored.spans.push(Span { len: len as u64, owner: number });
        }
        stored
    }
}

/// A known text, from which a text that nobody saw may have lines.
#[derive(Debug, Clone)]
pub struct Base {
    pub text: Text,
    pub owners: OwnerTree<u32>,
    /// Whether the text that nobody saw comes from it: it lies there, stood there before, or was replaced.
    pub is_near: bool,
}

/// The owners of a text, of which those that nobody saw stay only where nothing tells more: each line that stands in one of
/// these texts has the owners it has there. The first that names somebody counts, else the first that saw anything. Lines
/// change as a whole: half of one is nobody's. From a text that is not near only telling lines are taken, and those beside
/// one of them: anybody writes a bracket. Nor is a line taken from there that a near one has as nobody's.
pub fn derived(text: &Text, exact: &OwnerTree<u32>, known: &[Base], owners: &Owners) -> OwnerTree<u32> {
    let unseen = |owner| owners.is_unseen(owner);
    let unnamed = |owner| owners.is_unnamed(owner);
    let mut tree = without(exact, &unseen);
    let known: Vec<_> = known.iter().filter(|base| base.text.len_bytes() == base.owners.len()).collect();
    let carried = |base: &Base, left_out: &dyn Fn(u32) -> bool| {
        // Hashes are only compared with each other, and only here.
        let secret = [0; 32];
        let (digest, content) = (Digest::new(base.text.digest()), Content::Lines(lines_of(&base.text, &secret)));
        let old = Known { digest, owners: without(&base.owners, left_out), content };
        old.carried_to(text, NOBODY, &secret)
    };
    let is_another = |owner| !owners.is_nobodys(owner);
    let near = known.iter().filter(|base| base.is_near);
    let nobodys: Vec<_> = near.map(|base| carried(base, &is_another)).collect();
    for left_out in [&unnamed as &dyn Fn(u32) -> bool, &unseen] {
        for base in known.iter().copied() {
            let carried = carried(base, left_out);
            let taken = if base.is_near { carried } else { telling(text, &beside(&carried, &nobodys)) };
            tree = filled(&tree, &taken);
        }
    }
    // Git may set a hunk without context where other lines stand: a comparison of the texts then passes its lines by.
    filled(&filled(&tree, &standing(text, &known, owners)), exact)
}

/// A text's owners, and for what nobody saw those that it had `before`, when more of it was at hand.
pub fn completed(tree: &OwnerTree<u32>, before: &OwnerTree<u32>, owners: &Owners) -> OwnerTree<u32> {
    if before.len() != tree.len() {
        return tree.clone();
    }
    filled(&filled(&without(tree, &|owner| owners.is_unseen(owner)), before), tree)
}

/// A line's author, and its owners; no owners where it has several authors.
type Whose<'a> = (&'a Actor, Vec<(usize, u32)>);

/// The owners of the telling lines that stand anywhere in these texts, each with one author. Who is not known is one, too:
/// a line that was seen to be nobody's is not another's that says the same.
fn standing(text: &Text, known: &[&Base], owners: &Owners) -> OwnerTree<u32> {
    let secret = [0; 32];
    let mut lines: HashMap<u64, Whose<'_>> = HashMap::new();
    for base in known {
        let mut at = 0;
        for line in lines_of(&base.text, &secret) {
            let runs = base.owners.spans(at..at + line.len as usize);
            at += line.len as usize;
            let nobodys = runs.iter().find(|(_, owner)| owners.is_nobodys(*owner));
            if nobodys.is_none() && runs.iter().any(|(_, owner)| owners.is_unnamed(*owner)) {
                continue;
            }
            let Some(owner) = nobodys.or(runs.first()).and_then(|(_, owner)| owners.list.get(*owner as usize)) else {
                continue;
            };
            let author = &owner.verdict.origin;
            match lines.entry(line.hash) {
                Entry::Vacant(entry) => drop(entry.insert((author, runs))),
                Entry::Occupied(mut entry) if entry.get().0 != author => entry.get_mut().1.clear(),
                Entry::Occupied(_) => {}
            }
        }
    }
    let mut at = 0;
    let spans = lines_of(text, &secret).into_iter().flat_map(|line| {
        let len = line.len as usize;
        let tells = is_telling(&text.slice(at..at + len));
        at += len;
        let known = lines.get(&line.hash).filter(|(_, runs)| tells && !runs.is_empty());
        known.map_or_else(|| vec![(len, NOBODY)], |(_, runs)| runs.clone())
    });
    let tree = OwnerTree::from_spans(spans.collect::<Vec<_>>());
    if tree.len() == text.len_bytes() { tree } else { OwnerTree::new(text.len_bytes(), NOBODY) }
}

/// Only the telling lines, and those beside one.
fn telling(text: &Text, carried: &OwnerTree<u32>) -> OwnerTree<u32> {
    let mut at = 0;
    let lines = text.line_lengths().into_iter().map(|len| {
        let spans = carried.spans(at..at + len);
        let tells = is_telling(&text.slice(at..at + len)) && spans.iter().any(|(_, owner)| *owner != NOBODY);
        at += len;
        (len, spans, tells)
    });
    let lines: Vec<_> = lines.collect();
    let tells = |line: usize| lines.get(line).is_some_and(|(_, _, tells)| *tells);
    let kept = lines.iter().enumerate().flat_map(|(number, (len, spans, _))| {
        let is_kept = tells(number) || tells(number + 1) || number.checked_sub(1).is_some_and(&tells);
        if is_kept { spans.clone() } else { vec![(*len, NOBODY)] }
    });
    let tree = OwnerTree::from_spans(kept.collect::<Vec<_>>());
    if tree.len() == carried.len() { tree } else { OwnerTree::new(carried.len(), NOBODY) }
}

/// The tree without these owners.
fn without(tree: &OwnerTree<u32>, left_out: &dyn Fn(u32) -> bool) -> OwnerTree<u32> {
    let kept = |(len, owner): (usize, u32)| (len, if left_out(owner) { NOBODY } else { owner });
    OwnerTree::from_spans(tree.iter().map(kept).collect::<Vec<_>>())
}

/// The tree without what any of these has an owner of; all are as long.
fn beside(tree: &OwnerTree<u32>, others: &[OwnerTree<u32>]) -> OwnerTree<u32> {
    others.iter().fold(tree.clone(), |tree, other| {
        let mut at = 0;
        let spans = other.iter().flat_map(|(len, owner)| {
            at += len;
            if owner == NOBODY { tree.spans(at - len..at) } else { vec![(len, NOBODY)] }
        });
        OwnerTree::from_spans(spans.collect::<Vec<_>>())
    })
}

/// The first tree with what it lacks from the second, which is as long.
fn filled(one: &OwnerTree<u32>, other: &OwnerTree<u32>) -> OwnerTree<u32> {
    let (mut at, mut spans) = (0, Vec::new());
    for (len, owner) in one.iter() {
        if owner == NOBODY {
            spans.extend(other.spans(at..at + len))
        } else {
            spans.push((len, owner))
        }
        at += len;
    }
    OwnerTree::from_spans(spans)
}

/// The owners of these lines of a text: who has most of their non-blank bytes, and who else has most of the rest.
pub fn ranges(text: &str, tree: &OwnerTree<u32>, lines: &[RangeInclusive<u32>], owners: &mut Owners) -> Vec<LineRange> {
    let mut out: Vec<LineRange> = Vec::new();
    let (mut at, mut wanted) = (0, lines.iter().peekable());
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        let bytes = at..at + line.len();
        at = bytes.end;
        while wanted.next_if(|lines| *lines.end() < number).is_some() {}
        if !wanted.peek().is_some_and(|lines| lines.contains(&number)) || bytes.end > tree.len() {
            continue;
        }
        let Some((owner, second)) = heaviest(line, tree.spans(bytes), owners) else { continue };
        match out.last_mut() {
            Some(last) if (last.last + 1, last.owner, last.second) == (number, owner, second) => last.last = number,
            _ => out.push(LineRange { first: number, last: number, owner, second }),
        }
    }
    out
}

fn heaviest(line: &str, spans: Vec<(usize, u32)>, owners: &mut Owners) -> Option<(u32, Option<u32>)> {
    let bytes = line.as_bytes();
    let weigh = |counts: &dyn Fn(&u8) -> bool| {
        let (mut at, mut weights): (usize, Vec<(u32, usize)>) = (0, Vec::new());
        for (len, owner) in &spans {
            let weight = bytes[at..at + len].iter().filter(|byte| counts(byte)).count();
            at += len;
            match weights.iter_mut().find(|(known, _)| known == owner) {
                Some((_, known)) => *known += weight,
                None => weights.push((*owner, weight)),
            }
        }
        weights.retain(|(_, weight)| *weight > 0);
        // Of equals the one that comes first in the line.
        weights.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        weights
    };
    let mut weights = weigh(&|byte| !byte.is_ascii_whitespace());
    if weights.is_empty() {
        weights = weigh(&|_| true);
        weights.truncate(1);
    }
    let first = weights.first()?.0;
    let parts: Vec<u32> = weights.iter().map(|(owner, _)| *owner).collect();
    let second = parts.iter().copied().find(|part| !owners.is_same(first, *part));
    Some((owners.of_line(first, &parts), second))
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
