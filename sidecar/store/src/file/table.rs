//! What is read from redb and written into it: the one table, its views, and redb's failures in our words.
//!
//! Absent on purpose: when anything is written, and what follows from a failure (`file`).

use std::panic::{AssertUnwindSafe, catch_unwind};

use redb::{Database, ReadOnlyTable, ReadableTable, Table, TableDefinition};

use crate::engine::PageLimit;
use crate::error::StoreError;
use crate::finished::Target;
use crate::overlay::Base;
use crate::value;

pub(super) const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("codi2");
/// The commit counter: the only row of the engine itself.
pub(super) const VERSION: &[u8] = b"\xffversion";

/// A snapshot: redb keeps its pages until it is dropped.
pub(crate) struct View {
    pub(super) place: String,
    pub(super) table: ReadOnlyTable<&'static [u8], &'static [u8]>,
    /// The commit counter it shows.
    pub(super) version: u64,
}

impl Base for View {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        guarded(&self.place, || {
            let value = self.table.get(key).map_err(|error| failed(&self.place, error.into()))?;
            Ok(value.map(|value| value.value().to_vec()))
        })
    }

    fn visit(
        &self,
        begin: &[u8],
        end: &[u8],
        reverse: bool,
        _enough: PageLimit,
        row: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        guarded(&self.place, || {
            let mut rows = self.table.range(begin..end).map_err(|error| failed(&self.place, error.into()))?;
            while let Some(next) = if reverse { rows.next_back() } else { rows.next() } {
                let (key, value) = next.map_err(|error| failed(&self.place, error.into()))?;
                if !row(key.value(), value.value()) {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// The table inside the writer's commit.
pub(super) struct Rows<'a, 'b> {
    pub(super) place: &'a str,
    pub(super) table: Table<'b, &'static [u8], &'static [u8]>,
}

impl Target for Rows<'_, '_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.table.get(key).map_err(|error| failed(self.place, error.into()))?;
        Ok(value.map(|value| value.value().to_vec()))
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.table.insert(key, value).map(drop).map_err(|error| failed(self.place, error.into()))
    }

    fn clear(&mut self, key: &[u8]) -> Result<(), StoreError> {
        self.table.remove(key).map(drop).map_err(|error| failed(self.place, error.into()))
    }

    fn clear_range(&mut self, begin: &[u8], end: &[u8]) -> Result<(), StoreError> {
        self.table.retain_in(begin..end, |_, _| false).map_err(|error| failed(self.place, error.into()))
    }
}

/// redb's cache of pages, in bytes: its own default is 1 GB.
const CACHE_BYTES: usize = 32 << 20;
/// The same while all pages are verified: a walk reads each of them once, so that a cache only costs its upkeep.
const VERIFYING_BYTES: usize = 0;

pub(super) fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// Opens a database after every page of it was verified, by an opening of its own (ADR 0031). `open` is called twice.
pub(super) fn verified(
    open: impl Fn(&redb::Builder) -> Result<Database, redb::DatabaseError>,
) -> Result<Database, redb::DatabaseError> {
    let mut verifying = Database::builder();
    verifying.set_cache_size(VERIFYING_BYTES).set_check_integrity_on_open(true);
    if let Err(error) = open(&verifying)?.close() {
        // Where nothing can be written the next opening finds no allocator state, and verifies everything once more.
        tracing::debug!(%error, "verified, but not closed cleanly");
    }
    open(&builder())
}

/// Makes the table in a new database, so that one without it is known to be damaged.
pub(super) fn found(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(TABLE)?.insert(VERSION, &value::seal(VERSION, &0_u64.to_be_bytes())[..])?;
    transaction.commit()?;
    Ok(())
}

pub(super) fn version(place: &str, stored: Option<Vec<u8>>) -> Result<u64, StoreError> {
    let damaged = || StoreError::damaged(place, "its commit counter is missing or wrong");
    let stored = stored.ok_or_else(damaged)?;
    let payload = value::unseal(VERSION, &stored).map_err(|_| damaged())?;
    Ok(u64::from_be_bytes(payload.try_into().map_err(|_| damaged())?))
}

/// Runs a call into redb; a panic there means that the file is not what redb wrote.
pub(super) fn guarded<R>(place: &str, call: impl FnOnce() -> Result<R, StoreError>) -> Result<R, StoreError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(StoreError::damaged(place, format!("redb gave up: {}", words.unwrap_or("no reason given"))))
    })
}

pub(super) fn failed(place: &str, error: redb::Error) -> StoreError {
    match error {
        redb::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            StoreError::damaged(place, error.to_string())
        }
        redb::Error::Io(error) => StoreError::io(place, format!("read or write the store {place}"), &error),
        // The writer opens it again, or says why it cannot.
        redb::Error::PreviousIo | redb::Error::DatabaseClosed => StoreError::TooOld,
        redb::Error::DatabaseAlreadyOpen => StoreError::InUse { place: place.to_owned() },
        error => StoreError::damaged(place, error.to_string()),
    }
}

pub(super) fn refused(place: &str, error: redb::DatabaseError) -> StoreError {
    failed(place, error.into())
}
