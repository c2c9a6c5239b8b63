//! The hub's own rows: typed keys, values of any length up to 8 MB, split into chunks in one transaction; where hubs share
//! a row, what is stored and what is new are merged in it.
//!
//! Absent on purpose: their meaning. The hub knows it; here they are bytes that come back as they went in.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::{Abort, PageLimit, Transaction};
use crate::error::StoreError;
use crate::layout::{self, Part, Subspace};
use crate::store::Store;
use crate::value::{self, Damage};
use crate::watch::Watch;

/// Bytes of one chunk's data.
const CHUNK: usize = 80_000;
/// Longest value, in bytes: it must fit into one transaction with its event.
pub const ROW_BYTES: usize = 8_000_000;
/// Bytes before a chunk's data: number of chunks, checksum of the whole value.
const HEADER: usize = 8;

/// A write of the hub: a value to set, or rows to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    merge: Option<Merge>,
}

/// Gives, of a stored and a new value, what is to be stored; all encoded.
type MergeValues = dyn Fn(&[u8], &[u8]) -> Result<Vec<u8>, Damage> + Send + Sync;

#[derive(Clone)]
struct Merge(Arc<MergeValues>);

impl PartialEq for Merge {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Merge {}

impl fmt::Debug for Merge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Merge")
    }
}

impl Row {
    /// Sets a row.
    ///
    /// # Errors
    /// [`StoreError::Shape`] for a wrong number of parts or a value that cannot be encoded; [`StoreError::TooLarge`]
    /// over [`ROW_BYTES`].
    pub fn set<T: Serialize + ?Sized>(space: Subspace, parts: &[Part<'_>], value: &T) -> Result<Self, StoreError> {
        let key = layout::row(space, parts)?;
        let value = value::encode(value)?;
        if value.len() > ROW_BYTES {
            return Err(StoreError::TooLarge { what: "a row", bytes: value.len(), limit: ROW_BYTES });
        }
        Ok(Self { key, value: Some(value), merge: None })
    }

    /// Sets a row that hubs share; in a store that others write to, `merge` makes one value of the stored one (first) and
    /// the new one, in the transaction that writes it. Where the stored one is damaged it stays, and this is not written.
    ///
    /// # Errors
    /// As [`Row::set`].
    pub fn merged<T: Serialize + DeserializeOwned + 'static>(
        space: Subspace,
        parts: &[Part<'_>],
        value: &T,
        merge: fn(T, T) -> T,
    ) -> Result<Self, StoreError> {
        let row = Self::set(space, parts, value)?;
        let key = row.key.clone();
        let merge = move |stored: &[u8], new: &[u8]| {
            let merged = merge(value::decode(&key, stored)?, value::decode(&key, new)?);
            let merged = value::encode(&merged).map_err(|error| Damage(error.to_string()))?;
            // What would not fit together stays as it is told last.
            Ok(if merged.len() > ROW_BYTES { new.to_vec() } else { merged })
        };
        Ok(Self { merge: Some(Merge(Arc::new(merge))), ..row })
    }

    /// Deletes all rows whose keys begin with these parts.
    pub fn delete_below(space: Subspace, parts: &[Part<'_>]) -> Self {
        Self { key: layout::row_prefix(space, parts), value: None, merge: None }
    }

    /// Deletes a row; no error if there is none.
    ///
    /// # Errors
    /// [`StoreError::Shape`] for a wrong number of parts.
    pub fn delete(space: Subspace, parts: &[Part<'_>]) -> Result<Self, StoreError> {
        Ok(Self { key: layout::row(space, parts)?, value: None, merge: None })
    }

    /// The first key that a write reads where hubs share the store.
    pub(crate) fn reads(&self) -> Option<Vec<u8>> {
        self.merge.as_ref().map(|_| layout::chunk(&self.key, 0))
    }

    pub(crate) fn write(&self, store: &Store, transaction: &mut dyn Transaction) -> Result<(), Abort> {
        let (first, end) = layout::below(&self.key);
        let Some(value) = &self.value else { return transaction.clear_range(&first, &end) };
        let mut value = Cow::Borrowed(value);
        if let Some(Merge(merge)) = &self.merge
            && store.is_shared()
        {
            let merged = match store.stored(transaction, &self.key) {
                Ok(stored) => stored.map(|stored| merge(&stored, &value)).transpose().map_err(|d| store.damaged(d)),
                Err(Abort::Store(error @ StoreError::Damaged { .. })) => Err(error),
                Err(abort) => return Err(abort),
            };
            match merged {
                Ok(merged) => value = merged.map_or(value, Cow::Owned),
                // One row is no reason to end every hub that comes to it, nor may it be written over: `store check`
                // finds it, and whoever reads it is told.
                Err(error) => {
                    tracing::warn!(%error, "a damaged row is left as it is");
                    return Ok(());
                }
            }
        }
        let count = u32::try_from(value.len().div_ceil(CHUNK).max(1)).unwrap_or(u32::MAX);
        let whole = crc32c::crc32c(&value);
        let mut chunks = value.chunks(CHUNK);
        for number in 0..count {
            let key = layout::chunk(&self.key, number);
            let payload = [&count.to_le_bytes()[..], &whole.to_le_bytes(), chunks.next().unwrap_or_default()].concat();
            transaction.set(&key, &value::seal(&key, &payload))?;
        }
        // Chunks of a longer former value.
        transaction.clear_range(&layout::chunk(&self.key, count), &end)
    }
}

/// A value being put together from its chunks.
pub(crate) struct Assembly {
    key: Vec<u8>,
    parts: Vec<Part<'static>>,
    count: u32,
    whole: u32,
    next: u32,
    value: Vec<u8>,
}

impl Assembly {
    pub(crate) fn begin(space: Subspace, key: &[u8]) -> Result<Self, Damage> {
        let (parts, length, _) = layout::split_chunk(space, key).ok_or_else(|| strange(key))?;
        Ok(Self { key: key[..length].to_vec(), parts, count: 1, whole: 0, next: 0, value: Vec::new() })
    }

    pub(crate) fn done(&self) -> bool {
        self.next >= self.count
    }

    pub(crate) fn push(&mut self, key: &[u8], stored: &[u8]) -> Result<(), Damage> {
        let payload = value::unseal(key, stored)?;
        let (header, data) = payload.split_first_chunk::<HEADER>().ok_or_else(|| strange(key))?;
        let [a, b, c, d, e, f, g, h] = *header;
        let (count, whole) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        if self.next == 0 {
            (self.count, self.whole) = (count, whole);
        }
        if key != layout::chunk(&self.key, self.next) || (count, whole) != (self.count, self.whole) {
            return Err(Damage(format!("a chunk is missing before the row {}", layout::describe(key))));
        }
        self.next += 1;
        self.value.extend_from_slice(data);
        Ok(())
    }

    pub(crate) fn finish<T: DeserializeOwned>(self) -> Result<(Vec<Part<'static>>, T), Damage> {
        if !self.done() || crc32c::crc32c(&self.value) != self.whole {
            return Err(Damage(format!("a chunk is missing of the row {}", layout::describe(&self.key))));
        }
        let value = value::decode(&self.key, &self.value)?;
        Ok((self.parts, value))
    }
}

fn strange(key: &[u8]) -> Damage {
    Damage(format!("a strange key or value: {}", layout::describe(key)))
}

impl Store {
    /// The value of a row.
    ///
    /// # Errors
    /// [`StoreError::Shape`] for a wrong number of parts; [`StoreError::Damaged`].
    pub fn get<T: DeserializeOwned>(&self, space: Subspace, parts: &[Part<'_>]) -> Result<Option<T>, StoreError> {
        self.read(&mut |transaction| self.row_in(transaction, space, parts))
    }

    /// The value of the first of these rows that is there. A store elsewhere is asked for all of them at once.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn first<T: DeserializeOwned>(&self, space: Subspace, rows: &[&[Part<'_>]]) -> Result<Option<T>, StoreError> {
        let keys = rows.iter().map(|parts| layout::row(space, parts)).collect::<Result<Vec<_>, _>>()?;
        let asked: Vec<_> = keys.iter().map(|key| layout::chunk(key, 0)).collect();
        self.read(&mut |transaction| {
            transaction.ahead(&asked);
            for key in &keys {
                if let Some(value) = self.stored(transaction, key)? {
                    return value::decode(key, &value).map(Some).map_err(|damage| self.damaged(damage).into());
                }
            }
            Ok(None)
        })
    }

    /// The encoded value of a row inside a transaction, by its key.
    pub(crate) fn stored(&self, transaction: &mut dyn Transaction, key: &[u8]) -> Result<Option<Vec<u8>>, Abort> {
        let damaged = |damage| Abort::Store(self.damaged(damage));
        let mut value = Vec::new();
        let (mut number, mut count, mut whole) = (0, 1, 0);
        while number < count {
            let key = layout::chunk(key, number);
            let stored = match transaction.get(&key)? {
                Some(stored) => stored,
                None if number == 0 => return Ok(None),
                None => return Err(damaged(strange(&key))),
            };
            let payload = value::unseal(&key, &stored).map_err(damaged)?;
            let (header, data) = payload.split_first_chunk::<HEADER>().ok_or_else(|| damaged(strange(&key)))?;
            let [a, b, c, d, e, f, g, h] = *header;
            (count, whole) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
            value.extend_from_slice(data);
            number += 1;
        }
        if crc32c::crc32c(&value) != whole {
            return Err(damaged(strange(key)));
        }
        Ok(Some(value))
    }

    /// A row's value inside a transaction.
    pub(crate) fn row_in<T: DeserializeOwned>(
        &self,
        transaction: &mut dyn Transaction,
        space: Subspace,
        parts: &[Part<'_>],
    ) -> Result<Option<T>, Abort> {
        let (first, end) = layout::below(&layout::row(space, parts)?);
        let (rows, _) = self.values(transaction, space, &first, &end, 1)?;
        let value = rows.into_iter().next().map(Assembly::finish).transpose();
        Ok(value.map_err(|damage| self.damaged(damage))?.map(|(_, value)| value))
    }

    /// The rows whose keys begin with these parts, inside a transaction.
    pub(crate) fn rows_in<T: DeserializeOwned>(
        &self,
        transaction: &mut dyn Transaction,
        space: Subspace,
        parts: &[Part<'_>],
    ) -> Result<Vec<(Vec<Part<'static>>, T)>, Abort> {
        let (begin, end) = layout::below(&layout::row_prefix(space, parts));
        let (mut all, mut next) = (Vec::new(), Some(begin));
        while let Some(from) = next {
            let (rows, more) = self.values(transaction, space, &from, &end, 200)?;
            let rows = rows.into_iter().map(|row| row.finish().map_err(|damage| self.damaged(damage)));
            all.extend(rows.collect::<Result<Vec<_>, _>>()?);
            next = more;
        }
        Ok(all)
    }

    /// The rows whose keys begin with these parts, in key order, read page by page: a row written meanwhile may or
    /// may not be seen, but every value is whole.
    pub fn scan<T: DeserializeOwned>(&self, space: Subspace, parts: &[Part<'_>]) -> Scan<'_, T> {
        let (next, end) = layout::below(&layout::row_prefix(space, parts));
        Scan { store: self, space, next: Some(next), end, rows: VecDeque::new(), value: PhantomData }
    }

    /// A watch that fires once a row (up to 80 kB) changes after this call.
    ///
    /// # Errors
    /// [`StoreError::Shape`] for a wrong number of parts; whatever ends the process.
    pub fn watch_row(&self, space: Subspace, parts: &[Part<'_>]) -> Result<Watch, StoreError> {
        self.engine.watch(&layout::chunk(&layout::row(space, parts)?, 0))
    }

    /// Writes rows without an event, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if they do not fit into one; whatever ends the process.
    pub fn write(&self, rows: &[Row]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        // Blind writes, and merges that change nothing when done again: doing them twice is doing them once, so an unknown result is simply tried again.
        self.repeat(&mut |transaction| rows.iter().try_for_each(|row| row.write(self, transaction)))
    }

    /// Whole values from `begin`, at most `limit` rows or a page's bytes, and where to go on.
    fn values(
        &self,
        transaction: &mut dyn Transaction,
        space: Subspace,
        begin: &[u8],
        end: &[u8],
        limit: usize,
    ) -> Result<(Vec<Assembly>, Option<Vec<u8>>), Abort> {
        let damaged = |damage| Abort::Store(self.damaged(damage));
        let mut rows: Vec<Assembly> = Vec::new();
        let mut next = begin.to_vec();
        loop {
            let page = transaction.range(&next, end, false, PageLimit::rows(limit))?;
            for (key, stored) in &page.rows {
                if rows.last().is_none_or(Assembly::done) {
                    rows.push(Assembly::begin(space, key).map_err(damaged)?);
                }
                if let Some(row) = rows.last_mut() {
                    row.push(key, stored).map_err(damaged)?;
                }
            }
            let whole = rows.last().is_none_or(Assembly::done);
            match page.rows.last() {
                Some((last, _)) if page.more => next = [last, &[0][..]].concat(),
                _ if whole => return Ok((rows, None)),
                _ => return Err(damaged(strange(begin))),
            }
            if whole {
                return Ok((rows, Some(next)));
            }
        }
    }
}

/// The rows of [`Store::scan`].
pub struct Scan<'a, T> {
    store: &'a Store,
    space: Subspace,
    next: Option<Vec<u8>>,
    end: Vec<u8>,
    rows: VecDeque<Assembly>,
    value: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Iterator for Scan<'_, T> {
    /// The key's parts and the value.
    type Item = Result<(Vec<Part<'static>>, T), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rows.is_empty() {
            let begin = self.next.take()?;
            let (store, space) = (self.store, self.space);
            match store.read(&mut |transaction| store.values(transaction, space, &begin, &self.end, 200)) {
                Ok((rows, next)) => (self.rows, self.next) = (rows.into(), next),
                Err(error) => return Some(Err(error)),
            }
        }
        Some(self.rows.pop_front()?.finish().map_err(|damage| self.store.damaged(damage)))
    }
}
