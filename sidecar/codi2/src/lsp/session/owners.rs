//! The working copy of owners that hover reads: starts as "loading", takes the ledger's answer mapped through the
//! edits made since it was asked for, and shows own edits as provisional until the hub has judged them.
//!
//! Absent on purpose: any say in attribution. The ledger in the hub is the truth.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use codi2_protocol::{Digest, Owner, OwnersReply};
use codi2_text::OwnerTree;

/// Owners in the table before it is cleared of those no longer used.
const TABLE: usize = if cfg!(test) { 64 } else { 4_096 };
/// Edits remembered while an answer is awaited; above it the answer is asked for again.
const EDITS: usize = 10_000;
/// Milliseconds an answer may take.
const ANSWER_MS: u64 = 10_000;
/// Questions without an answer before the text counts as not known.
const TRIES: u32 = 6;

/// What is known of an owner here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Known {
    /// The ledger has not answered yet.
    Loading,
    /// The ledger has no answer.
    NoAnswer,
    /// An edit of this window, not yet judged; when it was made (ms since the Unix epoch).
    Provisional {
        /// When.
        at_ms: u64,
        /// What the client declared, in words.
        declared: Option<String>,
    },
    /// What the hub says.
    Judged(Owner),
}

/// Number of [`Known::Loading`] in every table.
pub(super) const LOADING: u32 = 0;
/// Number of [`Known::NoAnswer`] in every table.
pub(super) const NO_ANSWER: u32 = 1;

/// The owners that trees point to.
#[derive(Debug)]
pub(super) struct Table {
    /// Shared with the snapshots that views are made from.
    entries: Vec<Arc<Known>>,
}

impl Default for Table {
    fn default() -> Self {
        Self { entries: [Known::Loading, Known::NoAnswer].map(Arc::new).to_vec() }
    }
}

impl Table {
    pub fn add(&mut self, known: Known) -> u32 {
        self.entries.push(Arc::new(known));
        u32::try_from(self.entries.len() - 1).unwrap_or(NO_ANSWER)
    }

    pub fn get(&self, number: u32) -> &Known {
        self.entries.get(number as usize).map_or(&Known::NoAnswer, |known| known)
    }

    pub fn set(&mut self, number: u32, known: Known) {
        if let Some(entry) = self.entries.get_mut(number as usize) {
            *entry = Arc::new(known);
        }
    }

    /// All of them, by number.
    pub fn entries(&self) -> Vec<Arc<Known>> {
        self.entries.clone()
    }

    /// Whether it is time to clear it.
    pub fn is_full(&self) -> bool {
        self.entries.len() > TABLE
    }

    /// Keeps the numbers in `used`, joins equal owners, and returns each old number's new one. Open provisional
    /// owners stay apart: they will be judged apart.
    pub fn clear(&mut self, used: &[u32]) -> BTreeMap<u32, u32> {
        let mut fresh = Self::default();
        let mut seen: HashMap<Known, u32> = HashMap::new();
        let mut moved = BTreeMap::from([(LOADING, LOADING), (NO_ANSWER, NO_ANSWER)]);
        for number in used {
            if moved.contains_key(number) {
                continue;
            }
            let known = self.get(*number).clone();
            let new = match &known {
                Known::Judged(_) => *seen.entry(known.clone()).or_insert_with(|| fresh.add(known)),
                _ => fresh.add(known),
            };
            moved.insert(*number, new);
        }
        *self = fresh;
        moved
    }
}

/// The owners of one document.
#[derive(Debug)]
pub(super) struct Owners {
    tree: OwnerTree<u32>,
    asked: Option<Asked>,
    /// When to ask next, if at all.
    pub ask_at: Option<u64>,
    tries: u32,
}

#[derive(Debug)]
struct Asked {
    number: u64,
    digest: Digest,
    len: usize,
    at_ms: u64,
    since: Vec<(usize, usize, usize, u32)>,
}

impl Owners {
    /// All loading, to be asked for at once.
    pub fn loading(len: usize, now_ms: u64) -> Self {
        Self { tree: OwnerTree::new(len, LOADING), asked: None, ask_at: Some(now_ms), tries: 0 }
    }

    /// Follows an edit whose inserted bytes are `owner`'s.
    pub fn edit(&mut self, at: usize, deleted: usize, inserted: usize, owner: u32, now_ms: u64) {
        self.tree.splice(at, deleted, &[(inserted, owner)]);
        if let Some(asked) = &mut self.asked {
            if asked.since.len() < EDITS {
                asked.since.push((at, deleted, inserted, owner));
            } else {
                self.asked = None;
                self.ask_at = Some(now_ms + 1_000);
            }
        }
    }

    /// Notes that a question about the text of `len` bytes with this digest leaves now; `since` are edits already made
    /// on top of that text.
    pub fn ask(
        &mut self,
        number: u64,
        digest: Digest,
        len: usize,
        since: Vec<(usize, usize, usize, u32)>,
        now_ms: u64,
    ) {
        self.ask_at = None;
        self.asked = Some(Asked { number, digest, len, at_ms: now_ms, since });
    }

    /// Asks again soon, and anew.
    pub fn refresh(&mut self, at_ms: u64) {
        self.tries = 0;
        self.ask_at = Some(self.ask_at.map_or(at_ms, |known| known.min(at_ms)));
    }

    /// When something is to be done: ask (if the hub is there to be asked), or give a question up.
    pub fn deadline(&self, connected: bool) -> Option<u64> {
        let answer = self.asked.as_ref().map(|asked| asked.at_ms + ANSWER_MS);
        answer.into_iter().chain(self.ask_at.filter(|_| connected)).min()
    }

    /// Gives up a question whose answer is overdue; whether owners changed by that.
    pub fn tick(&mut self, now_ms: u64) -> bool {
        let overdue = self.asked.as_ref().filter(|asked| asked.at_ms + ANSWER_MS <= now_ms);
        let number = overdue.map(|asked| asked.number);
        number.is_some_and(|number| self.answer(number, None, &mut Table::default(), now_ms))
    }

    /// Whether this question is open here.
    pub fn is_asked(&self, number: u64) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.number == number)
    }

    /// Takes an answer: the tree becomes the ledger's, with the edits since on top. Whether owners changed.
    pub fn answer(&mut self, number: u64, reply: Option<OwnersReply>, table: &mut Table, now_ms: u64) -> bool {
        let Some(asked) = self.asked.take_if(|asked| asked.number == number) else { return false };
        let fits = |reply: &OwnersReply| {
            let total = reply.spans.iter().try_fold(0u64, |sum, span| sum.checked_add(span.len));
            let known = reply.spans.iter().all(|span| (span.owner as usize) < reply.owners.len());
            reply.digest == asked.digest && total == Some(asked.len as u64) && known
        };
        let Some(reply) = reply.filter(fits) else {
            self.tries += 1;
            if self.tries < TRIES {
                self.ask_at = Some(now_ms + (250 << self.tries));
                return false;
            }
            let len = self.tree.len();
            self.tree.recolour(0..len, |owner| if owner == LOADING { NO_ANSWER } else { owner });
            return true;
        };
        self.tries = 0;
        let numbers: Vec<u32> = reply.owners.into_iter().map(|owner| table.add(Known::Judged(owner))).collect();
        let spans = reply.spans.iter().map(|span| (span.len as usize, numbers[span.owner as usize]));
        self.tree = OwnerTree::from_spans(spans);
        for (at, deleted, inserted, owner) in asked.since {
            self.tree.splice(at, deleted, &[(inserted, owner)]);
        }
        true
    }

    /// The owner of a byte, and the runs of a range.
    pub fn at(&self, at: usize) -> Option<u32> {
        self.tree.owner_at(at)
    }

    /// The tree itself.
    pub fn tree(&self) -> &OwnerTree<u32> {
        &self.tree
    }

    /// All owners in use.
    pub fn used(&self) -> Vec<u32> {
        let since = self.asked.iter().flat_map(|asked| asked.since.iter().map(|(.., owner)| *owner));
        self.tree.iter().map(|(_, owner)| owner).chain(since).collect()
    }

    /// Gives all owners their new numbers.
    pub fn renumber(&mut self, moved: &BTreeMap<u32, u32>) {
        let new = |owner: u32| moved.get(&owner).copied().unwrap_or(NO_ANSWER);
        let len = self.tree.len();
        self.tree.recolour(0..len, new);
        if let Some(asked) = &mut self.asked {
            for (.., owner) in &mut asked.since {
                *owner = new(*owner);
            }
        }
    }
}
