//! Faults by seed over any engine: what FoundationDB may do at any time, every caller must survive.
//!
//! Five faults: the body runs twice, a conflict, a snapshot too old in the middle of the body, an unknown result with
//! and without the commit, a watch that never fires. Absent on purpose: damage and time.

use std::sync::Mutex;

use crate::engine::{ATTEMPTS, Abort, Body, Committed, Engine, Page, PageLimit, Transaction};
use crate::error::StoreError;
use crate::watch::{Watch, locked};

/// An engine that misbehaves as it may.
pub struct Faulty<E> {
    engine: E,
    percent: u64,
    state: Mutex<u64>,
}

impl<E: Engine> Faulty<E> {
    /// Wraps an engine; about `percent` of 100 transactions and watches meet a fault, chosen by `seed`.
    pub fn new(engine: E, seed: u64, percent: u8) -> Self {
        Self { engine, percent: u64::from(percent.min(100)), state: Mutex::new(seed) }
    }

    /// SplitMix64: small, and the same everywhere.
    fn draw(&self, below: u64) -> u64 {
        let mut state = locked(&self.state);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    fn discard(&self, way: Way<E>, body: &mut Body<'_>, calls: u64) -> Result<(), StoreError> {
        let outcome = way(&self.engine, &mut |transaction| {
            let mut failing = Failing { transaction, calls };
            match body(&mut failing) {
                Ok(()) | Err(Abort::Store(StoreError::TooOld | StoreError::Conflict)) => Err(Abort::Cancelled),
                Err(abort) => Err(abort),
            }
        });
        match outcome {
            Err(StoreError::Cancelled) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn misbehave(&self, way: Way<E>, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        for _ in 0..ATTEMPTS {
            if self.draw(100) >= self.percent {
                return way(&self.engine, body);
            }
            // A discarded run may be cancelled by the body itself; the real run then says so.
            match self.draw(4) {
                0 => self.discard(way, body, u64::MAX)?,
                1 => self.discard(way, body, self.draw(8))?,
                2 => {
                    self.discard(way, body, u64::MAX)?;
                    return Err(StoreError::Unknown);
                }
                _ => {
                    way(&self.engine, body)?;
                    return Err(StoreError::Unknown);
                }
            }
        }
        Err(StoreError::Conflict)
    }
}

/// [`Engine::transact`] or [`Engine::follow_up`].
type Way<E> = fn(&E, &mut Body<'_>) -> Result<Committed, StoreError>;

impl<E: Engine> Engine for Faulty<E> {
    fn transact(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        self.misbehave(E::transact, body)
    }

    fn follow_up(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        self.misbehave(E::follow_up, body)
    }

    fn watch(&self, key: &[u8]) -> Result<Watch, StoreError> {
        if self.draw(100) < self.percent { Ok(Watch::silent()) } else { self.engine.watch(key) }
    }

    fn place(&self) -> String {
        self.engine.place()
    }

    fn bytes(&self) -> Result<u64, StoreError> {
        self.engine.bytes()
    }

    fn exclusive(&self) -> bool {
        self.engine.exclusive()
    }
}

/// What an engine of a test passes on to the one it wraps: all but `transact` and `exclusive`.
#[macro_export]
macro_rules! passes_on {
    ($inner:tt) => {
        fn watch(&self, key: &[u8]) -> Result<$crate::Watch, $crate::StoreError> {
            self.$inner.watch(key)
        }
        fn place(&self) -> String {
            self.$inner.place()
        }
        fn bytes(&self) -> Result<u64, $crate::StoreError> {
            self.$inner.bytes()
        }
    };
}

/// Answers `calls` calls, then says that the snapshot is too old.
struct Failing<'a> {
    transaction: &'a mut dyn Transaction,
    calls: u64,
}

impl Failing<'_> {
    fn next(&mut self) -> Result<&mut dyn Transaction, Abort> {
        self.calls = self.calls.checked_sub(1).ok_or(Abort::Store(StoreError::TooOld))?;
        Ok(&mut *self.transaction)
    }
}

impl Transaction for Failing<'_> {
    fn ahead(&mut self, keys: &[Vec<u8>]) {
        self.transaction.ahead(keys);
    }

    fn ahead_first(&mut self, ranges: &[(Vec<u8>, Vec<u8>)]) {
        self.transaction.ahead_first(ranges);
    }

    fn ahead_guarded(&mut self, rows: &[Vec<u8>], range: &(Vec<u8>, Vec<u8>)) {
        self.transaction.ahead_guarded(rows, range);
    }

    fn is_late(&self) -> bool {
        self.transaction.is_late()
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Abort> {
        self.next()?.get(key)
    }

    fn range(&mut self, begin: &[u8], end: &[u8], reverse: bool, limit: PageLimit) -> Result<Page, Abort> {
        self.next()?.range(begin, end, reverse, limit)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Abort> {
        self.next()?.set(key, value)
    }

    fn clear(&mut self, key: &[u8]) -> Result<(), Abort> {
        self.next()?.clear(key)
    }

    fn clear_range(&mut self, begin: &[u8], end: &[u8]) -> Result<(), Abort> {
        self.next()?.clear_range(begin, end)
    }

    fn add(&mut self, key: &[u8], amount: u128) -> Result<(), Abort> {
        self.next()?.add(key, amount)
    }

    fn append_stamped(&mut self, prefix: &[u8], suffix: &[u8], value: &[u8]) -> Result<(), Abort> {
        self.next()?.append_stamped(prefix, suffix, value)
    }

    fn set_stamped_value(&mut self, key: &[u8], rest: &[u8]) -> Result<(), Abort> {
        self.next()?.set_stamped_value(key, rest)
    }
}
