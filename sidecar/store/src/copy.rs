//! Copies a whole store into another one, of whatever engine, and proves it.
//!
//! Both are walked in the order of their keys; what differs is written, what is too much is removed. So a copy that was
//! broken off goes on where it stopped when it is begun again, and one that is whole changes nothing. Until it is proven
//! the target's root row says that it is no store yet. At the end the target is in a new incarnation: what is appended
//! there comes after everything copied, whatever its engine's stamps are. Absent on purpose: copying a store in use (the
//! proof fails then, and says so), and lanes of appends that are over.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::check::{Tally, is_empty};
use crate::engine::{Engine, PageLimit};
use crate::error::StoreError;
use crate::layout;
use crate::store::Store;
use crate::value::Damage;

/// Rows after which it is told how far it is.
const TOLD: u64 = 4_096;
/// Rows and bytes of one page read: each is a transaction, which asks for a version first.
const PAGE: PageLimit = PageLimit { rows: 262_144, bytes: 8_000_000 };
/// Writes in one transaction, at most, and their bytes: below the megabyte that FoundationDB likes.
const WRITES: usize = 2_048;
const WRITE_BYTES: usize = 800_000;

/// How far a copy is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copied {
    /// Rows written now.
    pub written: u64,
    /// Rows that were there already, from an earlier try.
    pub kept: u64,
    /// Rows of the target that the source does not have (any more), removed.
    pub removed: u64,
    /// The target's incarnation once it is a store.
    pub incarnation: u64,
    /// Each space by its name: what both hold, row by row the same.
    pub spaces: BTreeMap<String, Tally>,
}

/// Copies `from` into `to`, which is empty or holds what an earlier try left. `progress` is told every few
/// thousand rows, and at the end.
///
/// # Errors
/// [`StoreError::Taken`] where `to` is a store already; [`StoreError::Changed`] where `from` was written to meanwhile:
/// begin again once nobody uses it. [`StoreError::Newer`], [`StoreError::Damaged`] and [`StoreError::Unfinished`] about
/// `from`; whatever keeps either from being read or written.
pub fn copy(
    from: Arc<dyn Engine>,
    to: Arc<dyn Engine>,
    progress: &mut dyn FnMut(&Copied),
) -> Result<Copied, StoreError> {
    let (from, to) = (Store::unopened(from), Store::unopened(to));
    let root = from.read(&mut |transaction| from.root(transaction))?;
    let root = root.ok_or_else(|| from.damaged(Damage("no root row: it is no store".to_owned())))?;
    to.take_for_copy(from.place())?;
    let mut copied = Copied { incarnation: root.incarnation + 1, ..Copied::default() };
    let mut writes = Writes { store: &to, sets: Vec::new(), clears: Vec::new(), bytes: 0 };
    walk(&from, &to, &mut |difference| {
        match difference {
            Difference::Same(..) => copied.kept += 1,
            Difference::Missing(key, value) => {
                copied.written += 1;
                writes.set(key, value)?;
            }
            Difference::TooMuch(key) => {
                copied.removed += 1;
                writes.clear(key)?;
            }
        }
        if (copied.written + copied.kept + copied.removed).is_multiple_of(TOLD) {
            progress(&copied);
        }
        Ok(())
    })?;
    writes.flush()?;
    // The proof: both are read again, row by row.
    let mut spaces = BTreeMap::<String, Tally>::new();
    walk(&from, &to, &mut |difference| match difference {
        Difference::Same(key, value) => {
            spaces.entry(layout::space_of(&key).unwrap_or_default()).or_default().add(&key, &value);
            Ok(())
        }
        _ => Err(StoreError::Changed { place: from.place().to_owned() }),
    })?;
    let again = from.read(&mut |transaction| from.root(transaction))?;
    if again.as_ref() != Some(&root) {
        return Err(StoreError::Changed { place: from.place().to_owned() });
    }
    copied.spaces = spaces;
    to.repeat(&mut |transaction| to.set_root(transaction, copied.incarnation, None))?;
    progress(&copied);
    Ok(copied)
}

impl Store {
    /// Marks an engine as the target of a copy.
    fn take_for_copy(&self, from: &str) -> Result<(), StoreError> {
        if !is_empty(&*self.engine)? {
            match self.read(&mut |transaction| self.root(transaction)) {
                Err(StoreError::Unfinished { .. }) => {}
                Ok(Some(_)) => return Err(StoreError::Taken { place: self.place().to_owned() }),
                Ok(None) => return Err(self.damaged(Damage("rows and no root row".to_owned()))),
                Err(error) => return Err(error),
            }
        }
        let from = from.to_owned();
        self.repeat(&mut |transaction| self.set_root(transaction, 0, Some(&from)))
    }
}

enum Difference {
    Same(Vec<u8>, Vec<u8>),
    Missing(Vec<u8>, Vec<u8>),
    TooMuch(Vec<u8>),
}

/// Tells of each row of either side, in order; root rows and lanes are no part of it.
fn walk(
    from: &Store,
    to: &Store,
    tell: &mut dyn FnMut(Difference) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let (mut source, mut target) = (Rows::of(from), Rows::of(to));
    let (mut here, mut there) = (source.next_row()?, target.next_row()?);
    loop {
        let order = match (&here, &there) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((key, _)), Some((other, _))) => key.cmp(other),
        };
        let (row, other) = match order {
            Ordering::Less => (here.take(), None),
            Ordering::Greater => (None, there.take()),
            Ordering::Equal => (here.take(), there.take()),
        };
        match (row, other) {
            (Some((key, value)), Some((_, known))) if value == known => tell(Difference::Same(key, value))?,
            (Some((key, value)), _) => tell(Difference::Missing(key, value))?,
            (None, Some((key, _))) => tell(Difference::TooMuch(key))?,
            (None, None) => {}
        }
        if order != Ordering::Greater {
            here = source.next_row()?;
        }
        if order != Ordering::Less {
            there = target.next_row()?;
        }
    }
}

type KeyValue = (Vec<u8>, Vec<u8>);

/// The rows of a store, a page at a time.
struct Rows<'a> {
    store: &'a Store,
    page: VecDeque<KeyValue>,
    next: Option<Vec<u8>>,
}

impl<'a> Rows<'a> {
    fn of(store: &'a Store) -> Self {
        Self { store, page: VecDeque::new(), next: Some(vec![0]) }
    }

    fn next_row(&mut self) -> Result<Option<KeyValue>, StoreError> {
        loop {
            if let Some(row) = self.page.pop_front() {
                if row.0 == layout::root() || layout::space_of(&row.0).as_deref() == Some("b") {
                    continue;
                }
                return Ok(Some(row));
            }
            let Some(next) = self.next.take() else { return Ok(None) };
            let page = self.store.read(&mut |transaction| transaction.range(&next, &[0xff], false, PAGE))?;
            self.next = page.rows.last().filter(|_| page.more).map(|(last, _)| [last, &[0][..]].concat());
            self.page = page.rows.into();
        }
    }
}

/// Writes that wait for their transaction.
struct Writes<'a> {
    store: &'a Store,
    sets: Vec<KeyValue>,
    clears: Vec<Vec<u8>>,
    bytes: usize,
}

impl Writes<'_> {
    fn set(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<(), StoreError> {
        self.bytes += key.len() + value.len();
        self.sets.push((key, value));
        self.flush_if_due()
    }

    fn clear(&mut self, key: Vec<u8>) -> Result<(), StoreError> {
        self.bytes += key.len();
        self.clears.push(key);
        self.flush_if_due()
    }

    fn flush_if_due(&mut self) -> Result<(), StoreError> {
        let is_due = self.bytes >= WRITE_BYTES || self.sets.len() + self.clears.len() >= WRITES;
        if is_due { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let (sets, clears) = (std::mem::take(&mut self.sets), std::mem::take(&mut self.clears));
        self.bytes = 0;
        if sets.is_empty() && clears.is_empty() {
            return Ok(());
        }
        // Done twice it is done once: an unknown result is tried again.
        self.store.repeat(&mut |transaction| {
            clears.iter().try_for_each(|key| transaction.clear(key))?;
            sets.iter().try_for_each(|(key, value)| transaction.set(key, value))
        })
    }
}
