//! What an engine elsewhere would be waited for: counted over an engine that is here, for tests that measure no time.
//!
//! A question waits for its answer unless it was asked ahead; all that is asked ahead at once waits once. An engine that is
//! far away makes a transaction late, and then too old, by what it asked. Absent on purpose: a clock, and faults (`fault`).

use std::collections::HashSet;
use std::sync::Mutex;

use crate::engine::{Abort, Body, Committed, Engine, Page, PageLimit, Transaction};
use crate::error::StoreError;
use crate::finished::KeyRange;
use crate::watch::locked;

/// What a wait costs a transaction of an engine that is far away, in rows that come with an answer.
const WAIT: usize = 20;
/// After so much it is late, and after so much too old.
const LATE: usize = 200;
const DEAD: usize = 400;

/// What was asked of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// Transactions that began: each asks what is newest.
    pub transactions: usize,
    /// Answers waited for inside of them, one after the other.
    pub waits: usize,
    /// Rows that were read, those among them that are absent.
    pub rows: usize,
    /// Those of the rows that were asked for one by one, and not ahead.
    pub alone: usize,
}

impl Asked {
    /// How often somebody waited for an answer.
    pub const fn trips(&self) -> usize {
        self.transactions + self.waits
    }

    /// What it costs a transaction of an engine that is far away.
    const fn cost(&self) -> usize {
        self.waits * WAIT + self.rows
    }
}

/// An engine as if it were elsewhere and others used it, too. Its follow-ups ask what is newest like all others.
#[derive(Debug)]
pub struct Trips<E> {
    engine: E,
    thread: Option<&'static str>,
    is_far: bool,
    asked: Mutex<Asked>,
}

impl<E: Engine> Trips<E> {
    /// Counts what is asked of this engine.
    pub fn to(engine: E) -> Self {
        Self { engine, thread: None, is_far: false, asked: Mutex::default() }
    }

    /// Counts only what a thread of this name asks.
    #[must_use]
    pub fn of_thread(self, name: &'static str) -> Self {
        Self { thread: Some(name), ..self }
    }

    /// Makes it so far away that a transaction which asks much is late, and one that asks more too old.
    #[must_use]
    pub fn far(self) -> Self {
        Self { is_far: true, ..self }
    }

    /// What was asked since this was called last.
    pub fn take(&self) -> Asked {
        std::mem::take(&mut locked(&self.asked))
    }
}

impl<E: Engine> Engine for Trips<E> {
    fn transact(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        if self.thread.is_some_and(|name| std::thread::current().name() != Some(name)) {
            return self.engine.transact(body);
        }
        locked(&self.asked).transactions += 1;
        self.engine.transact(&mut |transaction| {
            let asked = Asked::default();
            let (ahead, first) = (HashSet::new(), HashSet::new());
            let mut distant = Distant { transaction, ahead, first, is_far: self.is_far, asked };
            let result = body(&mut distant);
            let Asked { waits, rows, alone, .. } = distant.asked;
            let mut all = locked(&self.asked);
            (all.waits, all.rows, all.alone) = (all.waits + waits, all.rows + rows, all.alone + alone);
            result
        })
    }
    crate::passes_on!(engine);
    fn exclusive(&self) -> bool {
        false
    }
}

struct Distant<'a> {
    transaction: &'a mut dyn Transaction,
    /// Keys asked for ahead, and ranges whose first row was.
    ahead: HashSet<Vec<u8>>,
    first: HashSet<KeyRange>,
    is_far: bool,
    asked: Asked,
}

impl Distant<'_> {
    fn waits(&mut self, waits: bool) {
        self.asked.waits += usize::from(waits);
    }

    /// So many rows came.
    fn came(&mut self, rows: usize) -> Result<(), Abort> {
        self.asked.rows += rows;
        if self.is_far && self.asked.cost() > DEAD { Err(StoreError::TooOld.into()) } else { Ok(()) }
    }
}

impl Transaction for Distant<'_> {
    fn ahead(&mut self, keys: &[Vec<u8>]) {
        self.waits(!keys.is_empty());
        self.ahead.extend(keys.iter().cloned());
    }

    fn ahead_first(&mut self, ranges: &[KeyRange]) {
        self.waits(!ranges.is_empty());
        self.first.extend(ranges.iter().cloned());
    }

    fn ahead_guarded(&mut self, rows: &[Vec<u8>], range: &KeyRange) {
        self.waits(true);
        self.ahead.extend(rows.iter().cloned());
        self.first.insert(range.clone());
    }

    fn is_late(&self) -> bool {
        self.is_far && self.asked.cost() >= LATE
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Abort> {
        let is_alone = !self.ahead.contains(key);
        self.asked.alone += usize::from(is_alone);
        self.waits(is_alone);
        self.came(1)?;
        self.transaction.get(key)
    }

    fn range(&mut self, begin: &[u8], end: &[u8], reverse: bool, limit: PageLimit) -> Result<Page, Abort> {
        let is_first = limit.rows == 1 && self.first.contains(&(begin.to_vec(), end.to_vec()));
        self.waits(!is_first);
        self.came(0)?;
        // Its page ends where it gets late.
        let left = if self.is_far { LATE.saturating_sub(self.asked.cost()) } else { 0 };
        let rows = if left > 0 { limit.rows.min(left) } else { limit.rows };
        let page = self.transaction.range(begin, end, reverse, PageLimit { rows, ..limit })?;
        self.came(page.rows.len())?;
        Ok(page)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Abort> {
        self.transaction.set(key, value)
    }

    fn clear(&mut self, key: &[u8]) -> Result<(), Abort> {
        self.transaction.clear(key)
    }

    fn clear_range(&mut self, begin: &[u8], end: &[u8]) -> Result<(), Abort> {
        self.transaction.clear_range(begin, end)
    }

    fn add(&mut self, key: &[u8], amount: u128) -> Result<(), Abort> {
        self.transaction.add(key, amount)
    }

    fn append_stamped(&mut self, prefix: &[u8], suffix: &[u8], value: &[u8]) -> Result<(), Abort> {
        self.transaction.append_stamped(prefix, suffix, value)
    }

    fn set_stamped_value(&mut self, key: &[u8], rest: &[u8]) -> Result<(), Abort> {
        self.transaction.set_stamped_value(key, rest)
    }
}
