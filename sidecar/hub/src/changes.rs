//! Builds the [`Change`] of an event from judged pieces: one verdict once, neighbouring pieces joined, bounded.
//!
//! Absent on purpose: how the pieces were judged.

use codi2_protocol::{Actor, Change, Digest, EvidenceKind, Range, Verdict, limits};

/// A change under construction; pieces come in the order in which they apply.
#[derive(Debug, Default)]
pub struct ChangeBuilder {
    ranges: Vec<Range>,
    verdicts: Vec<Verdict>,
    /// Bytes put in, and bytes removed, of each verdict.
    weights: Vec<(u64, u64)>,
    bytes: usize,
    truncated: bool,
}

/// Room that ranges and verdicts may take of a value, in bytes, by the estimates below.
const ROOM: usize = limits::VALUE_BYTES * 2 / 3;
/// A range as MessagePack with its field names, at most.
const RANGE_BYTES: usize = 128;

impl ChangeBuilder {
    /// Adds a piece; its `verdict` field is set here.
    pub fn push(&mut self, mut range: Range, verdict: &Verdict) {
        let known = self.verdicts.iter().position(|other| other == verdict);
        let number = known.unwrap_or_else(|| {
            self.verdicts.push(verdict.clone());
            self.weights.push((0, 0));
            self.bytes += serde_json::to_vec(verdict).map_or(0, |json| json.len());
            self.verdicts.len() - 1
        });
        self.weights[number].0 += range.inserted;
        self.weights[number].1 += range.deleted;
        range.verdict = u32::try_from(number).unwrap_or(u32::MAX);
        if let Some(last) = self.ranges.last_mut()
            && last.verdict == range.verdict
            && range.deleted == 0
            && range.at == last.at + last.inserted
        {
            last.inserted += range.inserted;
            last.lines_inserted += range.lines_inserted;
            return;
        }
        if self.ranges.len() >= limits::RANGES || self.bytes + RANGE_BYTES > ROOM {
            self.truncated = true;
            if known.is_none() && self.ranges.iter().all(|other| other.verdict != range.verdict) && self.bytes > ROOM {
                self.verdicts.pop();
                self.weights.pop();
            }
            return;
        }
        self.bytes += RANGE_BYTES;
        self.ranges.push(range);
    }

    /// Adds a verdict without a range: a file that was renamed, emptied or is not text.
    pub fn verdict(&mut self, verdict: &Verdict) {
        if !self.verdicts.contains(verdict) {
            self.verdicts.push(verdict.clone());
            self.weights.push((0, 0));
        }
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.verdicts.is_empty()
    }

    /// The verdict that put in most bytes, or removed most where nothing was put in.
    pub fn main_verdict(&self) -> Option<&Verdict> {
        let heaviest = (0..self.verdicts.len()).max_by_key(|&n| (self.weights[n], usize::MAX - n))?;
        self.verdicts.get(heaviest)
    }

    /// Who the event names: the author in the main verdict.
    pub fn actor(&self) -> Option<Actor> {
        self.main_verdict().map(|verdict| verdict.origin.clone())
    }

    /// Who made a buffer's edit: whoever brought text back, moved or formatted it in this very edit, else its author.
    pub fn acted(&self) -> Option<Actor> {
        let verdict = self.main_verdict()?;
        // A text that nobody can be named for keeps the reason for that in front.
        let brought = verdict.evidence.iter().take(2).any(|reason| {
            use EvidenceKind::{Copied, EditorDeclared, Format, Moved, Undo};
            matches!(reason.kind, Undo | Format | Moved | Copied | EditorDeclared)
        });
        let modifier = verdict.modifier.clone().filter(|_| brought);
        modifier.or_else(|| Some(verdict.origin.clone()))
    }

    /// The only verdict, where there is just one.
    pub fn uniform(&self) -> Option<Verdict> {
        match self.verdicts.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        }
    }

    /// The finished change.
    pub fn build(self, before: Option<Digest>, after: Option<Digest>) -> Change {
        Change { before, after, ranges: self.ranges, verdicts: self.verdicts, truncated: self.truncated }
    }
}

#[cfg(test)]
mod tests {
    use codi2_protocol::{ActorKind, Class};

    use super::*;

    fn range(at: u64, deleted: u64, inserted: u64) -> Range {
        Range { at, deleted, inserted, line: 1, lines_deleted: 0, lines_inserted: 0, verdict: 9 }
    }

    fn verdict(name: &str) -> Verdict {
        Verdict::new(Actor::named(ActorKind::Person, name), Class::Inferred, EvidenceKind::Keystrokes, "typed")
    }

    #[test]
    fn neighbours_join_and_the_heaviest_names_the_event() {
        let mut change = ChangeBuilder::default();
        for (range, name) in [
            (range(5, 0, 1), "a"),
            (range(6, 0, 1), "a"),
            (range(7, 0, 5), "b"),
            (range(0, 3, 0), "a"),
            (range(0, 0, 1), "a"),
        ] {
            change.push(range, &verdict(name));
        }
        assert_eq!(change.actor().unwrap().name, "b");
        assert_eq!(change.uniform(), None);
        let change = change.build(None, None);
        let shape: Vec<_> = change.ranges.iter().map(|r| (r.at, r.deleted, r.inserted, r.verdict)).collect();
        assert_eq!(shape, [(5, 0, 2, 0), (7, 0, 5, 1), (0, 3, 1, 0)]);
        assert!(!change.truncated);
    }

    #[test]
    fn an_undo_is_the_act_of_whoever_undid() {
        let person = Actor::named(ActorKind::Person, "ada");
        for (kind, modifier, acted) in [
            (EvidenceKind::Undo, true, ActorKind::Person),
            (EvidenceKind::Undo, false, ActorKind::Agent),
            (EvidenceKind::Reload, true, ActorKind::Agent),
        ] {
            let mut verdict = Verdict::new(Actor::named(ActorKind::Agent, "robo"), Class::Carried, kind, "");
            verdict.modifier = modifier.then(|| person.clone());
            let mut change = ChangeBuilder::default();
            change.push(range(0, 0, 1), &verdict);
            assert_eq!(change.acted().unwrap().kind, acted, "{kind:?}");
        }
    }

    #[test]
    fn a_change_is_bounded_and_says_so() {
        let mut change = ChangeBuilder::default();
        for n in 0..10_000 {
            change.push(range(n * 10, 1, 1), &verdict(&format!("{:01000}", n % 700)));
        }
        let change = change.build(None, None);
        assert!(change.truncated && change.ranges.len() <= limits::RANGES);
        assert!(serde_json::to_vec(&change).unwrap().len() < limits::VALUE_BYTES);
        assert!(change.ranges.iter().all(|range| (range.verdict as usize) < change.verdicts.len()));
    }
}
