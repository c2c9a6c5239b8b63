//! What a replay found: counts, the owners of what it left, and every way in which they are not the model's.

use std::collections::BTreeMap;

use anyhow::Result;
use codi2_protocol::{ActorKind, OwnersReply};
use serde::Serialize;

use super::model::{Expected, Model};
use crate::cli::args::Format;
use crate::cli::printer::Printer;

/// Differences told in words, at most; all are counted.
const TOLD: usize = 10;

/// The whole report. The JSON is a contract, described in `docs/cli.md`.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The history's file.
    pub trace: String,
    /// How positions were counted.
    pub encoding: String,
    /// Transactions sent, each as one notification.
    pub transactions: u64,
    /// Patches in them.
    pub edits: u64,
    /// Bytes put in.
    pub inserted: u64,
    /// Edit groups in the hub's log.
    pub groups: u64,
    /// Events in the hub's log about the file.
    pub events: u64,
    /// Times that text and owners were held against the model.
    pub checks: u64,
    /// Bytes of the text left.
    pub bytes: u64,
    /// Its spans, by their owner's kind and the verdict's class.
    pub owners: Vec<Owned>,
    /// Bytes of it by what the model says of their owner.
    pub model: Modelled,
    /// Milliseconds from the first edit to the last, and of everything.
    pub edit_ms: u64,
    /// Milliseconds of everything, the hub's start and end included.
    pub all_ms: u64,
    /// Ways in which text or owners were not the model's.
    pub differences: u64,
    /// The first of them, in words.
    pub told: Vec<String>,
}

/// Spans of one kind of owner and one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Owned {
    /// person, agent, unknown and so on.
    pub kind: &'static str,
    /// exact, declared, inferred, carried or unknown.
    pub class: &'static str,
    /// How many.
    pub spans: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Bytes by what the model says of their owner.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Modelled {
    /// Must be the person's.
    pub person: u64,
    /// Must be unknown.
    pub unknown: u64,
    /// May be either.
    pub either: u64,
}

impl Report {
    /// Notes a difference.
    pub fn differ(&mut self, words: String) {
        self.differences += 1;
        if self.told.len() < TOLD {
            self.told.push(words);
        }
    }

    /// Holds the hub's owners of the model's text against the model.
    pub fn check(&mut self, when: &str, model: &Model, person: &str, reply: &OwnersReply) {
        self.checks += 1;
        self.model = Modelled::default();
        let mut owned: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
        for span in &reply.spans {
            let Some(owner) = reply.owners.get(span.owner as usize) else {
                return self.differ(format!("{when}: a span names owner {}, which is not in the list", span.owner));
            };
            let sums = owned.entry((owner.verdict.origin.kind.as_str(), owner.verdict.class.as_str())).or_default();
            *sums = (sums.0 + 1, sums.1 + span.len);
        }
        let of = |((kind, class), (spans, bytes))| Owned { kind, class, spans, bytes };
        self.owners = owned.into_iter().map(of).collect();
        let mut spans = reply.spans.iter();
        let (mut left, mut owner, mut at, mut before) = (0, 0, 0_u64, None);
        for (length, expected) in model.expected() {
            let length = length as u64;
            if left == 0 {
                let Some(span) = spans.next() else {
                    return self.differ(format!("{when}: the owners end at byte {at}, the text does not"));
                };
                (left, owner) = (span.len, span.owner as usize);
            }
            if left < length {
                return self.differ(format!("{when}: a span ends inside the character at byte {at}"));
            }
            left -= length;
            let origin = &reply.owners[owner].verdict.origin;
            let (sum, fits) = match expected {
                Expected::Person => (&mut self.model.person, origin.kind == ActorKind::Person && origin.name == person),
                Expected::Unknown => (&mut self.model.unknown, origin.kind == ActorKind::Unknown),
                Expected::Either => {
                    (&mut self.model.either, matches!(origin.kind, ActorKind::Person | ActorKind::Unknown))
                }
            };
            *sum += length;
            // Side by side they are one difference.
            let wrong = (!fits).then_some((expected, owner));
            if wrong.is_some() && wrong != before {
                let (kind, name) = (origin.kind.as_str(), &origin.name);
                self.differ(format!("{when}: byte {at} is {kind} {name:?}, the model says {expected:?}"));
            }
            before = wrong;
            at += length;
        }
        if left > 0 || spans.next().is_some() {
            self.differ(format!("{when}: the owners go on behind the text's {at} bytes"));
        }
        self.bytes = at;
    }

    /// Prints it.
    pub fn print(&self, printer: &mut Printer) -> Result<()> {
        match printer.format() {
            Format::Json | Format::Jsonl => printer.json(self)?,
            Format::Compact => {
                for (name, value) in self.rows() {
                    printer.fields(&[name, &value])?;
                }
            }
            Format::Human => {
                for (name, value) in self.rows() {
                    printer.line(&format!("{name:<12}  {value}"))?;
                }
            }
        }
        printer.flush()
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![
            ("trace", self.trace.clone()),
            ("edits", format!("{} in {} notifications, +{} bytes", self.edits, self.transactions, self.inserted)),
            ("recorded", format!("{} groups, {} events", self.groups, self.events)),
            ("text", format!("{} bytes, positions in {}", self.bytes, self.encoding)),
        ];
        for Owned { kind, class, spans, bytes } in &self.owners {
            rows.push(("owners", format!("{kind}, {class}: {spans} spans, {bytes} bytes")));
        }
        let Modelled { person, unknown, either } = self.model;
        rows.push(("model", format!("{person} bytes the person's, {unknown} unknown, {either} either")));
        rows.push(("time", format!("{} ms, {} ms with start and end", self.edit_ms, self.all_ms)));
        rows.push(("checks", format!("{}, {} differences", self.checks, self.differences)));
        rows.extend(self.told.iter().map(|words| ("difference", words.clone())));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::Units;
    use super::super::trace::Patch;
    use super::*;
    use codi2_protocol::{Actor, Class, Digest, EvidenceKind, Owner, Span, Verdict};

    /// What is told when a text of two keys and a longer insert has these spans.
    fn told(spans: &[(u64, u32)]) -> (u64, Vec<String>) {
        let mut model = Model::new("", Units::Utf8, true);
        for (at, inserted) in [(0, "é"), (1, "k"), (2, "longer than any key")] {
            model.apply(&Patch { at, deleted: 0, inserted: inserted.to_owned() }).unwrap();
        }
        let owner = |actor, class| Owner {
            verdict: Verdict::new(actor, class, EvidenceKind::Other, ""),
            at_ms: None,
            event: None,
        };
        let reply = OwnersReply {
            digest: Digest::new([0; 32]),
            spans: spans.iter().map(|(len, owner)| Span { len: *len, owner: *owner }).collect(),
            owners: vec![
                owner(Actor::named(ActorKind::Person, "Ada"), Class::Inferred),
                owner(Actor::unknown(), Class::Unknown),
                owner(Actor::named(ActorKind::Agent, "x"), Class::Exact),
                owner(Actor::named(ActorKind::Person, "Bob"), Class::Inferred),
            ],
            text: None,
        };
        let mut report = Report::default();
        report.check("end", &model, "Ada", &reply);
        (report.differences, report.told)
    }

    #[test]
    fn every_kind_of_difference_is_told() {
        for (spans, differences, words) in [
            (&[(3, 0), (19, 1)][..], 0, ""),
            (&[(2, 0), (1, 0), (19, 1)], 0, ""),
            (&[(3, 2), (19, 1)], 1, "byte 0 is agent \"x\", the model says Person"),
            (&[(3, 3), (19, 1)], 1, "byte 0 is person \"Bob\""),
            (&[(22, 0)], 1, "byte 3 is person \"Ada\", the model says Unknown"),
            (&[(3, 1), (19, 0)], 2, "byte 0 is unknown"),
            (&[(1, 0), (21, 1)], 1, "a span ends inside the character at byte 0"),
            (&[(3, 0)], 1, "the owners end at byte 3"),
            (&[(3, 0), (20, 1)], 1, "go on behind"),
            (&[(3, 9), (19, 1)], 1, "owner 9"),
        ] {
            let (found, told) = told(spans);
            assert_eq!(found, differences, "{spans:?}: {told:?}");
            assert!(told.first().is_none_or(|first| first.contains(words)), "{spans:?}: {told:?}");
        }
    }
}
