//! Many of the hub's rows in one question: a store elsewhere is asked for all of them at once.
//!
//! Absent on purpose: ranges whose length nobody knows ([`Store::scan`]).

use serde::de::DeserializeOwned;

use crate::engine::{Abort, PageLimit};
use crate::error::StoreError;
use crate::layout::{self, Part, Subspace};
use crate::store::Store;
use crate::value;

/// Rows asked for in one transaction, at most.
const AT_ONCE: usize = 1_024;

impl Store {
    /// The values of these rows, in their order; one that is damaged says so, and keeps no other from being read. Rows far
    /// apart in this list may be of different moments.
    ///
    /// # Errors
    /// [`StoreError::Shape`] for a wrong number of parts; whatever keeps the store from being read.
    pub fn many<T: DeserializeOwned>(
        &self,
        space: Subspace,
        rows: &[Vec<Part<'_>>],
    ) -> Result<Vec<Result<Option<T>, StoreError>>, StoreError> {
        let keys = rows.iter().map(|parts| layout::row(space, parts)).collect::<Result<Vec<_>, _>>()?;
        let mut all = Vec::with_capacity(keys.len());
        while all.len() < keys.len() {
            let rest = &keys[all.len()..];
            let keys = &rest[..rest.len().min(AT_ONCE)];
            let asked: Vec<_> = keys.iter().map(|key| layout::chunk(key, 0)).collect();
            all.extend(self.read(&mut |transaction| {
                transaction.ahead(&asked);
                let mut values = Vec::with_capacity(keys.len());
                for key in keys {
                    if !values.is_empty() && transaction.is_late() {
                        break;
                    }
                    let decoded = |stored: Vec<u8>| value::decode(key, &stored).map_err(|damage| self.damaged(damage));
                    values.push(match self.stored(transaction, key) {
                        Ok(stored) => stored.map(decoded).transpose(),
                        Err(Abort::Store(error @ StoreError::Damaged { .. })) => Err(error),
                        Err(abort) => return Err(abort),
                    });
                }
                Ok(values)
            })?);
        }
        Ok(all)
    }

    /// Of each of these beginnings of keys, whether any row has it.
    ///
    /// # Errors
    /// Whatever keeps the store from being read.
    pub fn any_below(&self, space: Subspace, beginnings: &[Vec<Part<'_>>]) -> Result<Vec<bool>, StoreError> {
        let ranges: Vec<_> = beginnings.iter().map(|it| layout::below(&layout::row_prefix(space, it))).collect();
        let mut all = Vec::with_capacity(ranges.len());
        while all.len() < ranges.len() {
            let rest = &ranges[all.len()..];
            let ranges = &rest[..rest.len().min(AT_ONCE)];
            all.extend(self.read(&mut |transaction| {
                transaction.ahead_first(ranges);
                let mut found = Vec::with_capacity(ranges.len());
                for (begin, end) in ranges {
                    if !found.is_empty() && transaction.is_late() {
                        break;
                    }
                    found.push(!transaction.range(begin, end, false, PageLimit::rows(1))?.rows.is_empty());
                }
                Ok(found)
            })?);
        }
        Ok(all)
    }
}
