//! Two records of one commit made one: what one of them knows and the other does not is kept.
//!
//! Absent on purpose: a conflict. Where both know a line's owner, ours stays; who asks from the other side gets theirs.

use std::ops::RangeInclusive;

use codi2_protocol::{Class, EvidenceKind, Owner};

use super::draft::Draft;
use super::{CommitRecord, LineRange, class_of};

/// How much an owner says; more comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Somebody, as codi2 saw.
    Seen,
    /// Somebody, as another program says.
    Told,
    /// Nobody can be named, as codi2 saw.
    Open,
    /// Nobody can be named, as another program says.
    Hearsay,
}

impl Weight {
    fn of(owner: &Owner) -> Self {
        let imported = owner.verdict.evidence.iter().any(|evidence| evidence.kind == EvidenceKind::Imported);
        match (class_of(owner) == Class::Unknown, imported) {
            (false, false) => Self::Seen,
            (false, true) => Self::Told,
            (true, false) => Self::Open,
            (true, true) => Self::Hearsay,
        }
    }
}

impl CommitRecord {
    /// This record, with what another one of the same commit says beside it. A known owner goes before an unknown one, what
    /// codi2 saw before what it was told, ours before theirs. What both say by the same event is as ours says: a dispute may
    /// have come since.
    #[must_use]
    pub fn completed_by(&self, theirs: &Self) -> Self {
        let mut draft = Draft::default();
        for file in &self.files {
            for range in &file.ranges {
                self.fill_shared(&mut draft, &file.path, range, theirs);
            }
        }
        let theirs = &Self { owners: theirs.owners.iter().map(|owner| self.ruled(owner)).collect(), ..theirs.clone() };
        for weight in [Weight::Seen, Weight::Told, Weight::Open, Weight::Hearsay] {
            for record in [self, theirs] {
                let weights: Vec<Weight> = record.owners.iter().map(Weight::of).collect();
                for file in &record.files {
                    for range in file.ranges.iter().filter(|range| range.first <= range.last) {
                        // An owner that the record does not have says nothing.
                        if weights.get(range.owner as usize) == Some(&weight) {
                            let second = range.second.and_then(|second| record.owners.get(second as usize));
                            let owner = &record.owners[range.owner as usize];
                            draft.fill(&file.path, range.first, range.last, owner, second);
                        }
                    }
                }
            }
        }
        // What either left out may be in neither.
        Self { left_out: self.left_out.max(theirs.left_out), ..draft.record(&self.commit) }
    }

    /// The lines of a range of ours that the other record has by the same event.
    fn fill_shared(&self, draft: &mut Draft, path: &str, ours: &LineRange, theirs: &Self) {
        let Some(owner) = self.owners.get(ours.owner as usize).filter(|owner| owner.event.is_some()) else { return };
        let second = ours.second.and_then(|second| self.owners.get(second as usize));
        let ranges = theirs.files.iter().find(|file| file.path == path).map_or(&[][..], |file| &file.ranges);
        let from = ranges.partition_point(|range| range.last < ours.first);
        for range in ranges[from..].iter().take_while(|range| range.first <= ours.last) {
            if theirs.owners.get(range.owner as usize).is_some_and(|it| it.event == owner.event) {
                draft.fill(path, ours.first.max(range.first), ours.last.min(range.last), owner, second);
            }
        }
    }

    /// An owner of another record; nobody where this one names nobody by the same event. One event may tell of several.
    fn ruled(&self, theirs: &Owner) -> Owner {
        let ours = self.owners.iter().filter(|owner| owner.event.is_some() && owner.event == theirs.event);
        let actor = |owner: &Owner| (owner.verdict.origin.kind, owner.verdict.origin.name.clone());
        let is_named = ours.clone().any(|owner| actor(owner) == actor(theirs));
        let nobody = ours.clone().find(|owner| class_of(owner) == Class::Unknown);
        nobody.filter(|_| !is_named).unwrap_or(theirs).clone()
    }

    /// Only what is said of these lines of each file: ascending, disjoint.
    #[must_use]
    pub fn within<'a>(&self, lines: impl Fn(&str) -> &'a [RangeInclusive<u32>]) -> Self {
        let mut draft = Draft::default();
        for file in &self.files {
            let mut wanted = lines(&file.path).iter().peekable();
            for range in &file.ranges {
                let Some(owner) = self.owners.get(range.owner as usize) else { continue };
                let second = range.second.and_then(|second| self.owners.get(second as usize));
                while let Some(lines) = wanted.peek().filter(|lines| *lines.start() <= range.last) {
                    let (first, last) = (range.first.max(*lines.start()), range.last.min(*lines.end()));
                    if first <= last {
                        draft.fill(&file.path, first, last, owner, second);
                    }
                    if *lines.end() > range.last {
                        break;
                    }
                    wanted.next();
                }
            }
        }
        Self { left_out: self.left_out, ..draft.record(&self.commit) }
    }

    /// Of how many lines it says something.
    pub fn lines(&self) -> usize {
        let ranges = self.files.iter().flat_map(|file| &file.ranges);
        ranges.map(|range| range.last.saturating_sub(range.first) as usize + 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use codi2_protocol::{Actor, ActorKind};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::record::agent_trace::{self, Trace};
    use crate::record::git_ai::Note;
    use crate::record::samples::{lines, owner, record, records, told};

    #[test]
    fn who_is_known_goes_first() {
        let named = |name: &str, class| owner(Actor::named(ActorKind::Agent, name), class);
        let imported = |name: &str, class| {
            let mut owner = named(name, class);
            owner.verdict.evidence[0].kind = EvidenceKind::Imported;
            owner
        };
        let [a, b] = [named("a", Class::Exact), named("b", Class::Inferred)];
        let [told_a, nobody, hearsay] =
            [imported("i", Class::Declared), named("", Class::Unknown), imported("", Class::Unknown)];
        // That git brought it here says nothing of who wrote it there.
        let pulled = owner(Actor::named(ActorKind::Git, "pull"), Class::Carried);
        for (ours, theirs, expected) in [
            (&pulled, &b, "1-1 agent b - - inferred"),
            (&pulled, &told_a, "1-1 agent i - - declared"),
            (&b, &pulled, "1-1 agent b - - inferred"),
            (&a, &b, "1-1 agent a - - exact"),
            (&b, &a, "1-1 agent b - - inferred"),
            (&nobody, &b, "1-1 agent b - - inferred"),
            (&told_a, &b, "1-1 agent b - - inferred"),
            (&nobody, &told_a, "1-1 agent i - - declared"),
            (&hearsay, &nobody, "1-1 agent - - unknown"),
        ] {
            let joined = record(&[("f", 1, 1, ours, None)]).completed_by(&record(&[("f", 1, 1, theirs, None)]));
            assert_eq!(told(&joined, "f"), [expected]);
            let reasons = |owner: &Owner| owner.verdict.evidence[0].kind == EvidenceKind::Imported;
            assert!(!reasons(&joined.owners[0]) || std::ptr::eq(theirs, &told_a));
        }
    }

    /// A dispute came since the other one was written, or the other one comes from whoever does not know of it.
    #[test]
    fn by_the_same_event_ours_counts() {
        use codi2_protocol::EventId;
        let by = |name: &str, class, event| Owner {
            event: Some(event),
            ..owner(Actor::named(ActorKind::Agent, name), class)
        };
        let [disputed, other] = [EventId::new(), EventId::new()];
        let bot = |event| by("bot", Class::Exact, event);
        let nobody = owner(Actor::named(ActorKind::Agent, ""), Class::Unknown);
        let theirs = record(&[("f", 1, 3, &bot(disputed), None), ("f", 4, 4, &bot(other), None)]);
        let ours = [
            ("f", 1, 1, &by("", Class::Unknown, disputed), None),
            ("f", 2, 2, &nobody, None),
            ("f", 4, 4, &nobody, None),
        ];
        let names = |record: &CommitRecord| {
            [1, 2, 3, 4].map(|line| record.owner("f", line).map(|it| it.verdict.origin.name.clone()))
        };
        assert_eq!(names(&record(&ours).completed_by(&theirs)), ["", "", "", "bot"].map(|name| Some(name.to_owned())));
        // Of some of it it is still theirs.
        let ours = [("f", 1, 1, &by("", Class::Unknown, disputed), None), ("f", 2, 2, &bot(disputed), None)];
        assert_eq!(
            names(&record(&ours).completed_by(&theirs)),
            ["", "bot", "bot", "bot"].map(|name| Some(name.to_owned()))
        );
    }

    proptest! {
        /// What went out to others and came back changes nothing here.
        #[test]
        fn what_comes_back_is_known(record in records()) {
            let known = record.completed_by(&record);
            let note = Note::of(&record, "1").record(&record.commit);
            prop_assert_eq!(&record.completed_by(&note), &known);
            let trace = serde_json::json!(Trace::of(&record, "2026-01-01T00:00:00Z", "1")).to_string();
            for back in agent_trace::read(&trace).expect("it is ours").records {
                prop_assert_eq!(&record.completed_by(&back), &known);
            }
        }

        #[test]
        fn within_lines_nothing_else_is_said(record in records(), wanted in vec((0..4_u32, 0..9_u32), 0..9)) {
            let mut at = 0;
            let wanted: Vec<RangeInclusive<u32>> = wanted.iter().map(|(gap, more)| {
                let first = at + 1 + gap;
                at = first + more + 1;
                first..=first + more
            }).collect();
            let within = record.within(|path| if path == "---" { &[] } else { &wanted });
            let is_wanted = |path: &str, line| path != "---" && wanted.iter().any(|lines| lines.contains(&line));
            let expected = lines(&record).filter(|(path, line, _)| is_wanted(path, *line));
            prop_assert!(lines(&within).eq(expected));
            prop_assert_eq!(within.lines(), lines(&within).count());
        }

        #[test]
        fn each_line_is_one_of_the_two(ours in records(), theirs in records()) {
            let both = ours.completed_by(&theirs);
            for (path, line, owner) in lines(&both) {
                let (ours, theirs) = (ours.owner(path, line), theirs.owner(path, line));
                prop_assert!(Some(owner) == ours || Some(owner) == theirs);
                let best = ours.into_iter().chain(theirs).map(Weight::of).min();
                prop_assert_eq!(Some(Weight::of(owner)), best);
            }
            for (path, line, _) in lines(&ours).chain(lines(&theirs)) {
                prop_assert!(both.owner(path, line).is_some(), "{}:{} is lost", path, line);
            }
            prop_assert_eq!(both.completed_by(&ours), both.clone());
            prop_assert_eq!(both.completed_by(&theirs), both);
        }
    }
}
