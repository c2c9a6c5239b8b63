//! From the owners of bytes to the owners of lines, and from known texts to one that nobody saw. Pure.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::RangeInclusive;

use codi2_attribution::record::LineRange;
use codi2_protocol::{Actor, Class, Digest, EvidenceKind, Owner, Span};
use codi2_text::{OwnerTree, Text};

use crate::book::StoredOwners;
use crate::known::{Content, Known, lines_of};
use crate::ledger::is_telling;

/// The share of a line's bytes that makes a second owner worth naming, in percent.
const SECOND: usize = 20;
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
/// one of them: anybody writes a bracket.
pub fn derived(text: &Text, exact: &OwnerTree<u32>, known: &[Base], owners: &Owners) -> OwnerTree<u32> {
    let unseen = |owner| owners.is_unseen(owner);
    let unnamed = |owner| owners.is_unnamed(owner);
    let mut tree = without(exact, &unseen);
    let known: Vec<_> = known.iter().filter(|base| base.text.len_bytes() == base.owners.len()).collect();
    for left_out in [&unnamed as &dyn Fn(u32) -> bool, &unseen] {
        for Base { text: old, owners: known, is_near } in known.iter().copied() {
            // Hashes are only compared with each other, and only here.
            let secret = [0; 32];
            let content = Content::Lines(lines_of(old, &secret));
            let old = Known { digest: Digest::new(old.digest()), owners: without(known, left_out), content };
            let carried = old.carried_to(text, NOBODY, &secret);
            tree = filled(&tree, &if *is_near { carried } else { telling(text, &carried) });
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

/// The owners of these lines of a text: who has most of their non-blank bytes, and who has a good part of the rest.
pub fn ranges(text: &str, owners: &OwnerTree<u32>, lines: &[RangeInclusive<u32>]) -> Vec<LineRange> {
    let mut out: Vec<LineRange> = Vec::new();
    let (mut at, mut wanted) = (0, lines.iter().peekable());
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        let bytes = at..at + line.len();
        at = bytes.end;
        while wanted.next_if(|lines| *lines.end() < number).is_some() {}
        if !wanted.peek().is_some_and(|lines| lines.contains(&number)) || bytes.end > owners.len() {
            continue;
        }
        let Some((owner, second)) = heaviest(line, owners.spans(bytes)) else { continue };
        match out.last_mut() {
            Some(last) if (last.last + 1, last.owner, last.second) == (number, owner, second) => last.last = number,
            _ => out.push(LineRange { first: number, last: number, owner, second }),
        }
    }
    out
}

fn heaviest(line: &str, spans: Vec<(usize, u32)>) -> Option<(u32, Option<u32>)> {
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
    let all: usize = weights.iter().map(|(_, weight)| weight).sum();
    let second = weights.get(1).filter(|(_, weight)| weight * 100 >= all * SECOND).map(|(owner, _)| *owner);
    Some((weights.first()?.0, second))
}

#[cfg(test)]
mod tests {
    use codi2_protocol::{Actor, ActorKind, EventId, EvidenceKind, Verdict};

    use super::*;

    fn shown(ranges: &[LineRange]) -> String {
        let second = |range: &LineRange| range.second.map(|second| format!("+{second}")).unwrap_or_default();
        let one = |range: &LineRange| format!("{}-{}:{}{}", range.first, range.last, range.owner, second(range));
        ranges.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_line_is_whose_most_of_it_is() {
        for (text, spans, lines, expected) in [
            ("a\nb\nc\n", vec![(4, 0), (2, 1)], vec![1..=3], "1-2:0 3-3:1"),
            ("a\nb\nc\n", vec![(4, 0), (2, 1)], vec![1..=1, 3..=3], "1-1:0 3-3:1"),
            ("a\nb", vec![(2, 0), (1, 1)], vec![1..=2], "1-1:0 2-2:1"),
            // Blanks weigh nothing, unless there is nothing else.
            ("      x\n   \n", vec![(6, 0), (6, 1)], vec![1..=2], "1-2:1"),
            ("aaaabb\n", vec![(4, 0), (3, 1)], vec![1..=1], "1-1:0+1"),
            ("aaaaaab\n", vec![(6, 0), (2, 1)], vec![1..=1], "1-1:0"),
            ("ab\n", vec![(1, 1), (2, 0)], vec![1..=1], "1-1:1+0"),
            ("", vec![], vec![1..=1], ""),
        ] {
            assert_eq!(shown(&ranges(text, &OwnerTree::from_spans(spans), &lines)), expected, "{text:?}");
        }
    }

    #[test]
    fn a_text_that_nobody_saw_has_the_lines_of_its_relatives() {
        let mut owners = Owners::default();
        let mut person = |name: &str, event: bool| {
            let (kind, class) = match name {
                "" => (ActorKind::Unknown, Class::Unknown),
                _ => (ActorKind::Person, Class::Exact),
            };
            let verdict = Verdict::new(Actor::named(kind, name), class, EvidenceKind::Other, "");
            owners.enter(&Owner { verdict, at_ms: None, event: event.then(EventId::new) })
        };
        let [unseen, external] = [false, true].map(|event| person("", event));
        let [ada, bea] = ["ada", "bea"].map(|name| person(name, true));
        let tree = |spans: &[(usize, u32)]| OwnerTree::from_spans(spans.to_vec());
        let first = (Text::new("one\ntwo\nthree\nfour\n"), tree(&[(4, ada), (4, ada), (6, external), (5, external)]));
        let second = (Text::new("zero\ntwo\nthree\nfive\n"), tree(&[(5, bea), (4, bea), (6, bea), (5, unseen)]));
        let text = Text::new("zero\none\ntwo and more\nthree\nfour\nfive\n");
        let exact = OwnerTree::new(text.len_bytes(), unseen);
        let near = |(text, owners)| Base { text, owners, is_near: true };
        let tree = derived(&text, &exact, &[first, second].map(near), &owners);
        let found: Vec<u32> = ranges(&text.to_string(), &tree, &[1..=6])
            .iter()
            .flat_map(|range| (range.first..=range.last).map(|_| range.owner))
            .collect();
        assert_eq!(found, [bea, ada, unseen, bea, external, unseen]);
    }

    /// `git apply --unidiff-zero` sets a hunk where the new text had it, whatever else was left out.
    #[test]
    fn a_line_counts_also_where_another_order_stands() {
        let mut owners = Owners::default();
        let mut person = |name: &str| {
            let verdict = Verdict::new(Actor::named(ActorKind::Person, name), Class::Exact, EvidenceKind::Other, "");
            owners.enter(&Owner { verdict, at_ms: None, event: Some(EventId::new()) })
        };
        let [ada, bea] = ["ada", "bea"].map(&mut person);
        let nobody = owners.enter(&crate::core::not_observed());
        let old = Text::new("zero is here\none is here\ntwo is here\n{\nthe line of bea\n");
        let base = |spans: &[(usize, u32)], old: &Text| Base {
            text: old.clone(),
            owners: OwnerTree::from_spans(spans.to_vec()),
            is_near: true,
        };
        let text = Text::new("the line of bea\n{\nzero is here\none is here\ntwo is here\n");
        let exact = OwnerTree::new(text.len_bytes(), nobody);
        let bases = [base(&[(39, ada), (16, bea)], &old)];
        let tree = derived(&text, &exact, &bases, &owners);
        assert_eq!(shown(&ranges(&text.to_string(), &tree, &[1..=5])), "1-1:1 2-2:2 3-5:0");
        // Two who wrote the same line are none.
        let other = Text::new("the line of bea\n");
        let bases = [bases[0].clone(), base(&[(16, ada)], &other)];
        let text = Text::new("zero is here\nthe line of bea\none is here\ntwo is here\n");
        let tree = standing(&text, &bases.iter().collect::<Vec<_>>(), &owners);
        assert!(tree.spans(13..29).iter().all(|(_, owner)| *owner == NOBODY));
    }

    /// Somebody's line elsewhere says the same: the hub saw that nobody known, or somebody before codi2, wrote this one.
    #[test]
    fn a_line_that_was_seen_to_be_nobodys_is_not_anothers() {
        let mut owners = Owners::default();
        let mut by = |kind, name: &str, class, evidence| {
            let verdict = Verdict::new(Actor::named(kind, name), class, evidence, "");
            let event = (evidence != EvidenceKind::BeforeCodi2).then(EventId::new);
            owners.enter(&Owner { verdict, at_ms: None, event })
        };
        let bot = by(ActorKind::Agent, "bot", Class::Exact, EvidenceKind::IntentExact);
        let external = by(ActorKind::External, "", Class::Unknown, EvidenceKind::DiskChange);
        let older = by(ActorKind::Unknown, "", Class::Unknown, EvidenceKind::BeforeCodi2);
        let unseen = owners.enter(&crate::core::not_observed());
        let text = Text::new("the same line\n");
        for (first, second, expected) in [
            (bot, external, NOBODY),
            (external, bot, NOBODY),
            (bot, older, NOBODY),
            (older, bot, NOBODY),
            (bot, unseen, bot),
            (bot, bot, bot),
            (external, external, external),
        ] {
            let old = Text::new("the same line\nother\nthe same line\n");
            let spans = [(14, first), (6, unseen), (14, second)];
            let base = Base { text: old, owners: OwnerTree::from_spans(spans), is_near: true };
            let tree = standing(&text, &[&base], &owners);
            assert_eq!(tree.iter().collect::<Vec<_>>(), [(14, expected)], "{first} {second}");
        }
    }

    #[test]
    fn what_was_found_out_before_is_kept_for_what_nobody_sees_any_more() {
        let mut owners = Owners::default();
        let mut by = |name: &str, class, event: bool| {
            let kind = if name.is_empty() { ActorKind::Unknown } else { ActorKind::Agent };
            let verdict = Verdict::new(Actor::named(kind, name), class, EvidenceKind::Other, "");
            owners.enter(&Owner { verdict, at_ms: None, event: event.then(EventId::new) })
        };
        let (bot, unseen, disputed) =
            (by("bot", Class::Exact, true), by("", Class::Unknown, false), by("", Class::Unknown, true));
        let tree = |spans: &[(usize, u32)]| OwnerTree::from_spans(spans.to_vec());
        let now = tree(&[(2, unseen), (2, disputed), (2, unseen)]);
        let before = tree(&[(4, bot), (2, NOBODY)]);
        let both: Vec<_> = completed(&now, &before, &owners).iter().collect();
        assert_eq!(both, [(2, bot), (2, disputed), (2, unseen)], "late evidence is not undone");
        assert_eq!(completed(&now, &tree(&[(4, bot)]), &owners), now, "of another text");
    }

    #[test]
    fn of_a_far_relative_only_telling_lines_count() {
        let mut owners = Owners::default();
        let verdict = Verdict::new(Actor::named(ActorKind::Person, "ada"), Class::Exact, EvidenceKind::Other, "");
        let ada = owners.enter(&Owner { verdict, at_ms: None, event: Some(EventId::new()) });
        let nobody = owners.enter(&crate::core::not_observed());
        let old = "{\n}\n\nfn longer_name() {\n}\nelse\n}\n";
        let new = "{\nother\n}\n\nfn longer_name() {\n}\nelse\n}\n";
        for (is_near, old, expected) in [
            (true, old, "1-1:0 2-2:1 3-8:0"),
            (false, old, "1-3:1 4-6:0 7-8:1"),
            (false, "{\n}\n\n}\nelse\n}\n", "1-8:1"),
        ] {
            let (old, text) = (Text::new(old), Text::new(new));
            let base = Base { owners: OwnerTree::new(old.len_bytes(), ada), text: old, is_near };
            let tree = derived(&text, &OwnerTree::new(text.len_bytes(), nobody), &[base], &owners);
            assert_eq!(shown(&ranges(new, &tree, &[1..=8])), expected);
        }
    }
}
