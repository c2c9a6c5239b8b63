//! Lines of two commits beside each other: whether one is a copy of the other, and whose its lines are then.
//!
//! Whole lines are compared. Absent on purpose: which commits, and reading them.

use std::collections::{BTreeMap, HashMap, HashSet};

use codi2_protocol::Owner;

use crate::ledger::is_telling;

/// Who wrote a line, and the second owner where it has one.
pub(super) type Whose = (Owner, Option<Owner>);

/// Lines of commits, by file and number.
pub(super) type Found = BTreeMap<u32, Whose>;

/// How much of what two commits brought is the same, counted in lines that tell.
#[derive(Debug, Default)]
pub(super) struct Likeness {
    here: usize,
    there: usize,
    common: usize,
}

impl Likeness {
    /// What both brought to one path.
    pub fn add(&mut self, lines: &[(u32, String)], source: &[(String, Option<Whose>)]) {
        let mut left: HashMap<&str, usize> = HashMap::new();
        for (line, _) in source.iter().filter(|(line, _)| is_telling(line)) {
            *left.entry(line).or_default() += 1;
            self.there += 1;
        }
        for (_, line) in lines.iter().filter(|(_, line)| is_telling(line)) {
            self.here += 1;
            if let Some(count) = left.get_mut(line.as_str()).filter(|count| **count > 0) {
                *count -= 1;
                self.common += 1;
            }
        }
    }

    /// Whether more than half of what either brought is the other's, too: the same author and second make no copy.
    pub fn is_copy(&self) -> bool {
        self.common * 2 > self.here.max(self.there)
    }
}

/// Whose lines are that stand in a source, too. Of equal lines there each is the one in the same place among them here;
/// where here are others than there, all must be one author's, and there at least as many.
pub(super) fn matched(lines: &[(u32, String)], source: &[(String, Option<Whose>)]) -> Found {
    let mut here: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    lines.iter().for_each(|(number, line)| here.entry(line).or_default().push(*number));
    let mut there: HashMap<&str, Vec<Option<&Whose>>> = HashMap::new();
    source.iter().for_each(|(line, whose)| there.entry(line).or_default().push(whose.as_ref()));
    let mut found = Found::new();
    for (line, numbers) in here {
        let Some(owners) = there.get(line) else { continue };
        let author = |whose: &Option<&Whose>| whose.map(|(owner, _)| owner.verdict.origin.clone());
        let is_one = owners.iter().all(|whose| author(whose) == author(&owners[0]));
        if numbers.len() == owners.len() || is_one && numbers.len() < owners.len() {
            found.extend(numbers.iter().zip(owners).filter_map(|(number, whose)| Some((*number, (*whose)?.clone()))));
        }
    }
    found
}

/// What several sources say, where none of them names another author.
pub(super) fn agreed(all: Vec<Found>) -> Found {
    let (mut found, mut disputed) = (Found::new(), HashSet::new());
    for (line, whose) in all.into_iter().flatten() {
        let known = found.entry(line).or_insert_with(|| whose.clone());
        if known.0.verdict.origin != whose.0.verdict.origin {
            disputed.insert(line);
        }
    }
    found.retain(|line, _| !disputed.contains(line));
    found
}

#[cfg(test)]
mod tests {
    use codi2_protocol::{Actor, ActorKind, Class, EvidenceKind, Verdict};

    use super::*;

    /// `a` and `b`: two authors; `-`: nobody known.
    fn source(lines: &str) -> Vec<(String, Option<Whose>)> {
        let whose = |name: &str| {
            let actor = Actor::named(ActorKind::Agent, name);
            let verdict = Verdict::new(actor, Class::Exact, EvidenceKind::IntentExact, "");
            (name != "-").then_some((Owner { verdict, at_ms: None, event: None }, None))
        };
        let line = |word: &str| word.split_once(':').map(|(name, text)| (text.to_owned(), whose(name)));
        lines.split(' ').filter_map(line).collect()
    }

    fn shown(found: &Found) -> String {
        let line = |(number, (owner, _)): (&u32, &Whose)| format!("{number}{}", owner.verdict.origin.name);
        found.iter().map(line).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_line_is_whose_its_like_is() {
        for (lines, there, expected) in [
            ("x y", "a:x b:y", "1a 2b"),
            ("y x z", "a:x b:y", "1b 2a"),
            ("x", "-:x", ""),
            // In their order.
            ("} x }", "a:} b:x b:}", "1a 2b 3b"),
            ("} }", "a:} -:}", "1a"),
            // Which of them is not known, or does not matter.
            ("}", "a:} b:}", ""),
            ("}", "a:} -:}", ""),
            ("}", "a:} a:}", "1a"),
            ("} }", "a:}", ""),
        ] {
            let lines: Vec<(u32, String)> = (1..).zip(lines.split(' ').map(str::to_owned)).collect();
            assert_eq!(shown(&matched(&lines, &source(there))), expected, "{lines:?} {there}");
        }
    }

    #[test]
    fn sources_that_differ_tell_nothing() {
        let lines: Vec<(u32, String)> = vec![(1, "x".into()), (2, "y".into())];
        let all = ["a:x a:y", "b:x", "-:y"].map(|there| matched(&lines, &source(there)));
        assert_eq!(shown(&agreed(all.into())), "2a");
    }

    #[test]
    fn a_copy_has_more_than_half_of_the_lines_that_tell() {
        let [one, two, three] = ["first-line-that-tells", "second-line-that-tells", "third-line-that-tells"];
        for (here, there, expected) in [
            (vec![one], vec![one], true),
            (vec![one, "}"], vec![one, "{", "}"], true),
            (vec!["}"], vec!["}"], false),
            (vec![one, two], vec![one, three], false),
            (vec![one, two, three], vec![one, two], true),
            (vec![one, two, three], vec![one], false),
            (vec![one], vec![one, two, three], false),
            (vec![one, one, one], vec![one], false),
            (vec![one], vec![], false),
        ] {
            let lines: Vec<(u32, String)> = (1..).zip(here.iter().map(|line| (*line).to_owned())).collect();
            let there: Vec<_> = there.iter().map(|line| ((*line).to_owned(), None)).collect();
            let mut alike = Likeness::default();
            alike.add(&lines, &there);
            assert_eq!(alike.is_copy(), expected, "{here:?} {there:?}");
        }
    }
}
