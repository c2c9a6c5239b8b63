//! The book of owners: every distinct owner once, so that trees of millions of bytes hold small numbers.
//!
//! Two spans whose verdict and minute are equal have one entry, so a text typed in one sitting is a few runs. An owner
//! that later evidence may still change has an entry of its own (its event is part of the key): [`Book::amend`] then
//! changes it in every tree at once. What no tree points to any more is swept out when the book has doubled, and its
//! number is given out again. Absent on purpose: who points where, which the core knows.

use std::collections::{HashMap, HashSet};

use codi2_attribution::{OPEN_MS, Rung};
use codi2_protocol::{Class, EventId, Evidence, EvidenceKind, Owner, Span};
use codi2_text::OwnerTree;
use serde::{Deserialize, Serialize};

/// A number in the book.
pub type OwnerRef = u32;

/// Length of the steps in which an owner's time is told, in ms.
const MINUTE: u64 = 60_000;
/// Most reasons of an owner to which a word is added, beside everybody who may have written its text.
const REASONS: usize = 6;
/// Owners from which on the book is swept at all. An entry is some 400 bytes.
const SWEPT_FROM: usize = if cfg!(test) { 24 } else { 32_768 };

/// Every distinct owner once.
#[derive(Debug)]
pub struct Book {
    owners: Vec<Owner>,
    index: HashMap<Owner, OwnerRef>,
    /// Numbers that nobody has.
    free: Vec<OwnerRef>,
    /// How many entries make the next sweep due.
    due: usize,
}

impl Default for Book {
    fn default() -> Self {
        Self { owners: Vec::new(), index: HashMap::new(), free: Vec::new(), due: SWEPT_FROM }
    }
}

/// The owners of one text as the store keeps them: complete in itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredOwners {
    /// The runs, in order, covering the whole text.
    pub spans: Vec<Span>,
    /// What the runs point to.
    pub owners: Vec<Owner>,
}

impl Book {
    /// The number of an owner, entered if it is new.
    ///
    /// `event` is where the owner's story begins; of owners that are otherwise equal the first event stays.
    pub fn enter(&mut self, mut owner: Owner) -> OwnerRef {
        owner.at_ms = owner.at_ms.map(|at| at - at % MINUTE);
        let mut key = owner.clone();
        if !open_to_change(&owner) {
            key.event = None;
        }
        if let Some(&known) = self.index.get(&key) {
            return known;
        }
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                self.owners.push(owner.clone());
                OwnerRef::try_from(self.owners.len() - 1)
                    .expect("four thousand million distinct owners do not fit in memory")
            }
        };
        self.index.insert(key, number);
        self.owners[number as usize] = owner;
        number
    }

    /// The owner with one more reason beside those that decided; of one kind the newest stays.
    pub fn with_word(&mut self, number: OwnerRef, word: &Evidence) -> OwnerRef {
        let mut owner = self.owner(number).clone();
        let mut rest = owner.verdict.evidence.split_off(owner.verdict.evidence.len().min(1));
        let mut others = 0;
        rest.retain(|reason| {
            let is_candidate = reason.kind == EvidenceKind::Candidate;
            others += usize::from(!is_candidate && reason.kind != word.kind);
            is_candidate || reason.kind != word.kind && others <= REASONS - 2
        });
        owner.verdict.evidence.extend(rest);
        owner.verdict.evidence.push(word.clone());
        self.enter(owner)
    }

    /// The owner of a copy, which is known no better than who made the copy: that is inferred.
    pub fn copied(&mut self, number: OwnerRef, word: &Evidence) -> OwnerRef {
        let mut owner = self.owner(number).clone();
        owner.verdict.class = owner.verdict.class.max(Class::Inferred);
        let weaker = self.enter(owner);
        self.with_word(weaker, word)
    }

    /// Whether it has grown enough to be swept.
    pub fn is_due(&self) -> bool {
        self.owners.len() - self.free.len() >= self.due
    }

    /// Forgets the owners that are not `used`; only when nobody holds a number beside those.
    pub fn sweep(&mut self, used: &HashSet<OwnerRef>) {
        self.index.retain(|_, number| used.contains(number));
        let nobody = Owner::before_codi2();
        self.free.clear();
        for (number, owner) in (0..).zip(&mut self.owners) {
            if !used.contains(&number) {
                owner.clone_from(&nobody);
                self.free.push(number);
            }
        }
        self.due = SWEPT_FROM.max(2 * used.len());
    }

    /// How many owners it holds.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.owners.len() - self.free.len()
    }

    /// The owner behind a number that this book gave out.
    pub fn owner(&self, number: OwnerRef) -> &Owner {
        &self.owners[number as usize]
    }

    /// How much is known of whose text this is: that nobody saw it, that it was lost on the way, that it is older than
    /// codi2, or all that could be found out.
    fn says(&self, number: OwnerRef) -> u8 {
        let verdict = &self.owner(number).verdict;
        match verdict.evidence.first().map(|reason| reason.kind).filter(|_| verdict.class == Class::Unknown) {
            Some(EvidenceKind::NotObserved | EvidenceKind::DiskChange | EvidenceKind::Reload) => 0,
            Some(EvidenceKind::Gap) => 1,
            Some(EvidenceKind::BeforeCodi2) => 2,
            _ => 3,
        }
    }

    /// The owners of `one`, and those of `other` where they say more; both are of one text.
    pub fn joined(&self, one: &OwnerTree<OwnerRef>, other: &OwnerTree<OwnerRef>) -> OwnerTree<OwnerRef> {
        self.with(one, other, u8::MAX)
    }

    /// The owners of `one`, and where nobody saw its text come to be those that were carried to it from another text: of
    /// what is older than codi2 a comparison may find the like of it there, which is not the same.
    pub fn filled(&self, one: &OwnerTree<OwnerRef>, carried: &OwnerTree<OwnerRef>) -> OwnerTree<OwnerRef> {
        self.with(one, carried, 2)
    }

    fn with(&self, one: &OwnerTree<OwnerRef>, other: &OwnerTree<OwnerRef>, known: u8) -> OwnerTree<OwnerRef> {
        let mut runs = Vec::new();
        let mut at = 0;
        for (len, owner) in one.iter() {
            let says = self.says(owner);
            let better = |beside: OwnerRef| if says < known && self.says(beside) > says { beside } else { owner };
            runs.extend(other.spans(at..at + len).into_iter().map(|(len, beside)| (len, better(beside))));
            at += len;
        }
        OwnerTree::from_spans(runs)
    }

    /// Replaces the verdict of the owners that this event left open; says whether there were any.
    pub fn amend(&mut self, event: EventId, better: &Owner) -> bool {
        let mut found = false;
        for owner in &mut self.owners {
            if owner.event == Some(event) && open_to_change(owner) {
                owner.verdict = better.verdict.clone();
                found = true;
            }
        }
        if found {
            self.index.retain(|owner, _| owner.event != Some(event));
        }
        found
    }

    /// The runs of a tree with the owners they point to, numbered from 0.
    pub fn store(&self, tree: &OwnerTree<OwnerRef>) -> StoredOwners {
        let mut stored = StoredOwners { spans: Vec::new(), owners: Vec::new() };
        let mut numbers = HashMap::new();
        for (len, owner) in tree.iter() {
            let number = *numbers.entry(owner).or_insert_with(|| {
                stored.owners.push(self.owner(owner).clone());
                stored.owners.len() as u32 - 1
            });
            stored.spans.push(Span { len: len as u64, owner: number });
        }
        stored
    }

    /// The tree of stored owners; spans that point nowhere are nobody's.
    pub fn load(&mut self, stored: &StoredOwners) -> OwnerTree<OwnerRef> {
        let numbers: Vec<OwnerRef> = stored.owners.iter().map(|owner| self.enter(owner.clone())).collect();
        let nobody = self.enter(Owner::before_codi2());
        let spans = stored.spans.iter().map(|span| {
            let owner = numbers.get(span.owner as usize).copied().unwrap_or(nobody);
            (usize::try_from(span.len).unwrap_or(usize::MAX), owner)
        });
        OwnerTree::from_spans(spans)
    }
}

/// One of two accounts of the owners of one text, of hubs that share it: the newer one, but where it knows nobody and the
/// stored one does. What one event said of its own text stays its own to correct.
pub fn better(stored: StoredOwners, new: StoredOwners) -> StoredOwners {
    let length = |owners: &StoredOwners| owners.spans.iter().map(|span| span.len).sum::<u64>();
    let points = |owners: &StoredOwners| owners.spans.iter().all(|span| (span.owner as usize) < owners.owners.len());
    if length(&stored) != length(&new) || !points(&stored) || !points(&new) {
        return new;
    }
    let mut merged = StoredOwners { spans: Vec::new(), owners: Vec::new() };
    let mut numbers: HashMap<&Owner, u32> = HashMap::new();
    let (mut old, mut at) = (stored.spans.iter().copied().peekable(), 0);
    for span in &new.spans {
        let mut left = span.len;
        while left > 0
            && let Some(other) = old.peek().copied()
        {
            let (here, there) = (&new.owners[span.owner as usize], &stored.owners[other.owner as usize]);
            let gives_way = here.verdict.class == Class::Unknown
                && there.verdict.class != Class::Unknown
                && (here.event.is_none() || here.event != there.event);
            let owner = if gives_way { there } else { here };
            let len = left.min(other.len - at);
            let number = *numbers.entry(owner).or_insert_with(|| {
                merged.owners.push(owner.clone());
                merged.owners.len() as u32 - 1
            });
            match merged.spans.last_mut() {
                Some(last) if last.owner == number => last.len += len,
                _ => merged.spans.push(Span { len, owner: number }),
            }
            left -= len;
            at += len;
            if at == other.len {
                old.next();
                at = 0;
            }
        }
    }
    merged
}

/// Whether later evidence may give this owner's text to somebody, or to somebody else.
pub fn open_to_change(owner: &Owner) -> bool {
    owner.event.is_some() && Rung::of(&owner.verdict) >= Rung::OnlyCall
}

/// Whether it is as it will stay: nothing that may still come names, or disputes, who wrote this owner's text. Also what an
/// announced edit explains may be claimed by another one, as long as late evidence counts; then all stays as it is.
pub fn is_settled(owner: &Owner, now_ms: u64) -> bool {
    owner.event.is_none() || owner.at_ms.is_none_or(|at| now_ms >= at.saturating_add(OPEN_MS))
}

#[cfg(test)]
mod tests {
    use codi2_protocol::{Actor, ActorKind, EvidenceKind, Verdict};

    use super::*;

    fn owner(name: &str, class: Class, event: Option<EventId>) -> Owner {
        let kind = if class == Class::Unknown { ActorKind::Unknown } else { ActorKind::Person };
        Owner {
            verdict: Verdict::new(Actor::named(kind, name), class, EvidenceKind::Keystrokes, ""),
            at_ms: None,
            event,
        }
    }

    fn stored(runs: &[(u64, &Owner)]) -> StoredOwners {
        let spans = runs.iter().enumerate().map(|(at, (len, _))| Span { len: *len, owner: at as u32 });
        StoredOwners { spans: spans.collect(), owners: runs.iter().map(|(_, owner)| (*owner).clone()).collect() }
    }

    fn bytes(owners: &StoredOwners) -> Vec<&Owner> {
        let owner = |span: &Span| std::iter::repeat_n(&owners.owners[span.owner as usize], span.len as usize);
        owners.spans.iter().flat_map(owner).collect()
    }

    #[test]
    fn an_announced_edit_is_settled_once_nobody_else_may_claim_it() {
        let by = |class, kind, at_ms, event: bool| Owner {
            verdict: Verdict::new(Actor::named(ActorKind::Agent, "ada"), class, kind, ""),
            at_ms,
            event: event.then(EventId::new),
        };
        let now = 2 * OPEN_MS;
        for (owner, settled) in [
            (by(Class::Exact, EvidenceKind::IntentExact, Some(now - 1), true), false),
            (by(Class::Exact, EvidenceKind::IntentExact, Some(now - OPEN_MS), true), true),
            (by(Class::Exact, EvidenceKind::IntentExact, Some(now), false), true),
            (by(Class::Exact, EvidenceKind::IntentExact, None, true), true),
            (by(Class::Unknown, EvidenceKind::Candidate, Some(now - 1), true), false),
            (by(Class::Unknown, EvidenceKind::Candidate, Some(1), true), true),
            (by(Class::Inferred, EvidenceKind::OnlyAgentCall, Some(1), true), true),
        ] {
            assert_eq!(is_settled(&owner, now), settled, "{owner:?}");
        }
    }

    #[test]
    fn a_word_is_added_and_nobody_who_may_have_written_it_is_left_out() {
        let reasons = |number: usize, kind| (0..number).map(move |at| Evidence::new(kind, at.to_string()));
        let mut several = owner("", Class::Unknown, None);
        several.verdict.evidence = reasons(9, EvidenceKind::Candidate).collect();
        let mut many = owner("ada", Class::Exact, None);
        many.verdict.evidence = reasons(9, EvidenceKind::Other).chain(reasons(1, EvidenceKind::Moved)).collect();
        let mut book = Book::default();
        for (owner, word, kept) in [
            (&several, EvidenceKind::Moved, 9),
            (&many, EvidenceKind::Moved, REASONS - 1),
            (&several, EvidenceKind::Candidate, 9),
        ] {
            let number = book.enter(owner.clone());
            let word = Evidence::new(word, "once more");
            let told = book.with_word(number, &word);
            let told = book.owner(told).verdict.evidence.clone();
            assert_eq!(told, [&owner.verdict.evidence[..kept], std::slice::from_ref(&word)].concat());
        }
    }

    #[test]
    fn of_two_accounts_the_one_that_knows_somebody_counts() {
        let (one, other) = (EventId::new(), EventId::new());
        let ada = &owner("ada", Class::Exact, Some(one));
        let bea = &owner("bea", Class::Inferred, Some(other));
        let nobody = &owner("", Class::Unknown, Some(other));
        let corrected = &owner("ada or bea", Class::Unknown, Some(one));
        let before = stored(&[(3, ada), (3, nobody), (4, bea)]);
        let after = stored(&[(1, nobody), (1, corrected), (5, bea), (3, &owner("", Class::Unknown, None))]);
        let merged = better(before.clone(), after.clone());
        assert_eq!(bytes(&merged), [ada, corrected, bea, bea, bea, bea, bea, bea, bea, bea]);
        assert_eq!(better(merged.clone(), after.clone()), merged, "done again it changes nothing");
        assert_eq!(merged.spans.len(), 3, "runs of one owner are one");
        let short = stored(&[(1, ada)]);
        assert_eq!(better(short, after.clone()), after, "of another text");
        let broken = StoredOwners { spans: vec![Span { len: 10, owner: 7 }], owners: Vec::new() };
        assert_eq!(better(broken, after.clone()), after);
    }
}
