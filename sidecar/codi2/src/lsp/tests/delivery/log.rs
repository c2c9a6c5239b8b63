//! What must hold of the log in the end: each fact once, in its producer's order, and nothing acknowledged is lost.

use std::collections::{BTreeMap, BTreeSet};

use codi2_protocol::{EventBody, Filter, ProducerId, Stamp};

use super::{Made, Seen, World};

impl World {
    pub(super) fn check(&self, seen: &mut Seen) {
        let mut last: BTreeMap<ProducerId, u64> = BTreeMap::new();
        let mut told: BTreeMap<ProducerId, BTreeSet<u64>> = BTreeMap::new();
        let mut from: Option<Stamp> = None;
        loop {
            let page = self.patient(|| self.store.query(&Filter::default(), from, false, 500));
            from = page.next;
            for event in page.events.into_iter().map(|stamped| stamped.event) {
                let Some(produced) = self.produced.get(&event.producer) else { continue };
                seen.events += 1;
                let previous = last.insert(event.producer, event.seq).unwrap_or(0);
                assert!(previous < event.seq, "{} after {previous} of one producer", event.seq);
                let made = produced.facts[event.seq as usize - 1];
                let numbers = match event.body.known().expect("our own events are known") {
                    EventBody::Edit { group, part, parts, .. } => {
                        assert_eq!(made, Made::Edits(*group, *part));
                        seen.parts += u64::from(*parts > 1);
                        event.seq..=event.seq
                    }
                    EventBody::Gap(gap) => {
                        assert_eq!(gap.facts, gap.last_seq - gap.first_seq + 1, "a gap has exact counts");
                        seen.folded += gap.facts;
                        gap.first_seq..=gap.last_seq
                    }
                    _ => event.seq..=event.seq,
                };
                let told = told.entry(event.producer).or_default();
                numbers.for_each(|number| assert!(told.insert(number), "{number} is told twice"));
            }
            if from.is_none() {
                break;
            }
        }
        for (producer, produced) in &self.produced {
            let durable = self.patient(|| self.store.producer(*producer));
            seen.facts += produced.facts.len() as u64;
            if produced.killed {
                assert!(
                    durable >= produced.acknowledged.max(produced.spooled),
                    "what was acknowledged or spooled is there"
                );
            } else {
                assert_eq!(durable, produced.facts.len() as u64, "everything is there");
            }
            let told = told.remove(producer).unwrap_or_default();
            assert!(told.last().is_none_or(|last| *last <= durable));
            let first_start = produced.facts.iter().position(|made| *made == Made::Started);
            for (at, made) in produced.facts.iter().take(durable as usize).enumerate() {
                let is_due = matches!(made, Made::Edits(..)) || Some(at) == first_start;
                assert!(
                    !is_due || told.contains(&(at as u64 + 1)),
                    "{made:?}, number {}, is not in the log; durable up to {durable}, acknowledged to {}, killed {} with {} \
                     spooled; told {told:?} of {:?}",
                    at + 1,
                    produced.acknowledged,
                    produced.killed,
                    produced.spooled,
                    produced.facts,
                );
            }
        }
        seen.seeds += 1;
        seen.hubs += self.seen.hubs;
        seen.deaths += self.seen.deaths;
        seen.breaks += self.seen.breaks;
    }

    /// Reads past the store's faults.
    pub(super) fn patient<T>(&self, mut read: impl FnMut() -> Result<T, codi2_store::StoreError>) -> T {
        for _ in 0..100 {
            if let Ok(value) = read() {
                return value;
            }
        }
        read().expect("the store can be read")
    }
}
