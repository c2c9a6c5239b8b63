//! One transaction of a caller's own, done once: rows, counters, fences, queues and events, all of it or nothing.
//!
//! [`Store::once`] runs a body that may read and decide. It may run several times, but only one run counts: a commit
//! whose result is unknown is looked up by the lane row that each such transaction writes. What is built of it needs no
//! clock: compare-and-set on any row, a counter, a fence that only rises, and taking the next of a queue.
//! Absent on purpose: what the rows mean, leases and their time (whoever takes something writes that beside it).

use codi2_protocol::RepositoryId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::append::{Encoded, Pending};
use crate::engine::{Abort, PageLimit, Transaction};
use crate::error::StoreError;
use crate::layout::{self, Part, Subspace};
use crate::rows::Row;
use crate::store::Store;
use crate::value;

/// One run of a body of [`Store::once`].
pub struct Atomic<'a> {
    store: &'a Store,
    transaction: &'a mut dyn Transaction,
    wrote: bool,
    appended: bool,
    offered: u16,
}

impl Store {
    /// Does a body in one durable transaction, exactly once, and gives what its run that counts returned. What other
    /// transactions wrote meanwhile makes it run again, so it must not keep anything from one run to the next.
    ///
    /// # Errors
    /// What the body returned; [`StoreError::Cancelled`] where it wanted no commit; [`StoreError::Unknown`] where many
    /// attempts did not tell what became of it; whatever ends the process.
    pub fn once<R>(&self, body: &mut dyn FnMut(&mut Atomic<'_>) -> Result<R, Abort>) -> Result<R, StoreError> {
        let (result, _) = self.settled(false, &mut |_| false, &mut |transaction| {
            let mut atomic = Atomic { store: self, transaction, wrote: false, appended: false, offered: 0 };
            let result = body(&mut atomic)?;
            Ok((result, atomic.wrote))
        })?;
        Ok(result)
    }

    /// What a counter has counted; 0 if nothing yet.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; whatever ends the process.
    pub fn counter(&self, name: &str) -> Result<u64, StoreError> {
        let key = layout::space("c", &name);
        self.read(&mut |transaction| match transaction.get(&key)? {
            Some(counter) => value::count(&key, &counter).map_err(|damage| self.damaged(damage).into()),
            None => Ok(0),
        })
    }
}

impl Atomic<'_> {
    /// The value of a row, as before this transaction and with what it wrote itself.
    ///
    /// # Errors
    /// Pass each error on with `?`.
    pub fn get<T: DeserializeOwned>(&mut self, space: Subspace, parts: &[Part<'_>]) -> Result<Option<T>, Abort> {
        self.store.row_in(self.transaction, space, parts)
    }

    /// All rows whose keys begin with these parts.
    ///
    /// # Errors
    /// See [`Atomic::get`].
    pub fn all<T: DeserializeOwned>(
        &mut self,
        space: Subspace,
        parts: &[Part<'_>],
    ) -> Result<Vec<(Vec<Part<'static>>, T)>, Abort> {
        self.store.rows_in(self.transaction, space, parts)
    }

    /// Writes a row.
    ///
    /// # Errors
    /// See [`Atomic::get`].
    pub fn write(&mut self, row: &Row) -> Result<(), Abort> {
        self.wrote = true;
        row.write(self.store, self.transaction)
    }

    /// Sets a row to `new` (none: deletes it) if it is `expected` (none: absent); whether it was.
    ///
    /// # Errors
    /// See [`Atomic::get`].
    pub fn compare_and_set<T: Serialize + DeserializeOwned + PartialEq>(
        &mut self,
        space: Subspace,
        parts: &[Part<'_>],
        expected: Option<&T>,
        new: Option<&T>,
    ) -> Result<bool, Abort> {
        if self.get::<T>(space, parts)?.as_ref() != expected {
            return Ok(false);
        }
        let row = match new {
            Some(new) => Row::set(space, parts, new)?,
            None => Row::delete(space, parts)?,
        };
        self.write(&row)?;
        Ok(true)
    }

    /// Adds to a counter without reading it: never in conflict with others who count.
    ///
    /// # Errors
    /// See [`Atomic::get`].
    pub fn count(&mut self, name: &str, by: u64) -> Result<(), Abort> {
        self.wrote = true;
        self.transaction.add(&layout::space("c", &name), value::counter(by))
    }

    /// The next fence of a repository: 1, 2, 3 and so on, each given once, higher than every one given before. Whoever
    /// acts under a grant shows its fence, and a lower one than the last seen is refused.
    ///
    /// # Errors
    /// See [`Atomic::get`].
    pub fn fence(&mut self, repository: RepositoryId) -> Result<u64, Abort> {
        let key = layout::space("fence", &repository.uuid());
        let last: u64 = self.store.read_row(self.transaction, &key)?.unwrap_or(0);
        let next = last.checked_add(1).ok_or_else(|| StoreError::Shape("no fence is left".to_owned()))?;
        self.wrote = true;
        self.transaction.set(&key, &value::seal(&key, &value::encode(&next)?))?;
        Ok(next)
    }

    /// Puts an item (up to 80 kB) at the end of a queue. A transaction that offers does not take from the same queue.
    ///
    /// # Errors
    /// See [`Atomic::get`].
    pub fn offer<T: Serialize + ?Sized>(&mut self, queue: &str, item: &T) -> Result<(), Abort> {
        let prefix = layout::before_stamp(&layout::space("queue", &queue), self.store.incarnation);
        let suffix = self.offered.to_be_bytes();
        self.offered = self.offered.checked_add(1).ok_or_else(|| StoreError::Shape("too many offers".to_owned()))?;
        self.wrote = true;
        let value = value::seal_stamped(&prefix, &suffix, &value::encode(item)?);
        self.transaction.append_stamped(&prefix, &suffix, &value)
    }

    /// Takes the item that was offered first, so that nobody else gets it; none if there is none.
    ///
    /// # Errors
    /// See [`Atomic::get`].
    pub fn claim_next<T: DeserializeOwned>(&mut self, queue: &str) -> Result<Option<T>, Abort> {
        let (begin, end) = layout::below(&layout::space("queue", &queue));
        let page = self.transaction.range(&begin, &end, false, PageLimit::rows(1))?;
        let Some((key, stored)) = page.rows.first() else { return Ok(None) };
        let item = value::unseal_stamped(key, stored).and_then(|payload| value::decode(key, payload));
        let item = item.map_err(|damage| self.store.damaged(damage))?;
        self.wrote = true;
        self.transaction.clear(key)?;
        Ok(Some(item))
    }

    /// Appends events with their rows and producers' numbers, as [`Store::append`] does; once in a transaction.
    ///
    /// # Errors
    /// See [`Atomic::get`].
    pub fn append(&mut self, batch: &[Pending]) -> Result<(), Abort> {
        if std::mem::replace(&mut self.appended, true) {
            return Err(StoreError::Shape("a transaction appends once".to_owned()).into());
        }
        let batch = batch.iter().map(Encoded::of).collect::<Result<Vec<_>, StoreError>>()?;
        let (_, wrote) = self.store.plan(self.transaction, &batch)?;
        self.wrote |= wrote;
        Ok(())
    }
}
