//! The one trait over an ordered byte-key space, with FoundationDB's rules on every backend.
//!
//! Absent on purpose: typed keys and values (`layout`, `rows`), reads outside a transaction, snapshots that outlive
//! one. Keys beginning with `0xff` belong to the engine.

use std::sync::Arc;

use codi2_protocol::limits;

use crate::{StoreError, Watch};

/// Longest value that may be stored, in bytes: FoundationDB takes 100,000, ours leaves room.
pub const VALUE_BYTES: usize = limits::VALUE_BYTES;
/// Longest key, in bytes.
pub const KEY_BYTES: usize = limits::KEY_BYTES;
/// Bytes of one transaction as FoundationDB counts them: values, and every key three times with a part for itself.
pub const TRANSACTION_BYTES: usize = 10_000_000;
/// Bytes of keys and values in one transaction above which a warning is logged.
pub const TRANSACTION_WARN_BYTES: usize = 1_000_000;
/// How long a transaction may live, in milliseconds.
pub const TRANSACTION_MS: u64 = 5_000;
/// When a transaction is late, in milliseconds: what it has not done by then it leaves to another one, where it may.
pub const LATE_MS: u64 = TRANSACTION_MS / 2;
/// How far behind a follow-up may read, in milliseconds: well below what a transaction may live.
pub const FOLLOW_MS: u64 = 2_000;
/// How often a transaction is tried before [`StoreError::Conflict`] or [`StoreError::TooOld`] reaches the caller.
pub const ATTEMPTS: u32 = 64;

/// Why a transaction's body ended without wanting a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Abort {
    /// A call of the transaction failed. The engine tries again where that helps.
    Store(StoreError),
    /// The body wants no commit: [`StoreError::Cancelled`] is the transaction's result.
    Cancelled,
}

impl From<StoreError> for Abort {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a commit says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    /// The transaction's versionstamp, which fills every stamped key and value; absent where nothing was written.
    pub stamp: Option<[u8; 10]>,
}

/// How much one page may hold; at least one row is given where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit {
    /// Rows, at most.
    pub rows: usize,
    /// Bytes of keys and values after which the page ends.
    pub bytes: usize,
}

impl PageLimit {
    /// A page of this many rows, or 1 MB.
    pub const fn rows(rows: usize) -> Self {
        Self { rows, bytes: 1_000_000 }
    }
}

/// One page of a range.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Keys and values in the order asked for.
    pub rows: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the range may hold more beyond the last row.
    pub more: bool,
}

/// A transaction: reads see the snapshot it began with plus its own writes.
pub trait Transaction {
    /// Says which keys will be read: an engine that has to ask elsewhere asks for them all at once, now. What is never
    /// read does not count as read.
    fn ahead(&mut self, _keys: &[Vec<u8>]) {}
    /// As [`Transaction::ahead`], of the first row of each of these ranges: asked for by a page of one row from the same
    /// beginning to the same end.
    fn ahead_first(&mut self, _ranges: &[(Vec<u8>, Vec<u8>)]) {}
    /// As [`Transaction::ahead`], of rows that are guarded: nobody writes one of them, or into the range, by any kind of
    /// transaction, who has not said so by this call, once and before he reads, and read the row, or the range's last one by a
    /// page of one row from the far end. A follow-up that reads nothing else need not ask an engine elsewhere: its own last
    /// commits told what they left.
    fn ahead_guarded(&mut self, rows: &[Vec<u8>], _range: &(Vec<u8>, Vec<u8>)) {
        self.ahead(rows);
    }
    /// Whether it has lived for [`LATE_MS`]: whoever reads a page looks at no more of it, and goes on in another one.
    fn is_late(&self) -> bool {
        false
    }
    /// The value of a key.
    ///
    /// # Errors
    /// Every call may fail with an error that ends the attempt; pass it on with `?`.
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Abort>;
    /// The rows from `begin` up to but without `end`, from the far end where `reverse`. A page on whose way the transaction
    /// gets late ends there, after one row at least.
    ///
    /// # Errors
    /// See [`Transaction::get`].
    fn range(&mut self, begin: &[u8], end: &[u8], reverse: bool, limit: PageLimit) -> Result<Page, Abort>;
    /// Writes a value.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`]; see [`Transaction::get`].
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Abort>;
    /// Removes a key.
    ///
    /// # Errors
    /// See [`Transaction::get`].
    fn clear(&mut self, key: &[u8]) -> Result<(), Abort>;
    /// Removes the keys from `begin` up to but without `end`.
    ///
    /// # Errors
    /// See [`Transaction::get`].
    fn clear_range(&mut self, begin: &[u8], end: &[u8]) -> Result<(), Abort>;
    /// Adds to a 16-byte little-endian integer without reading it (an absent key counts as 0; wraps around).
    /// `value` makes a checked `u64` counter of it.
    ///
    /// # Errors
    /// See [`Transaction::get`].
    fn add(&mut self, key: &[u8], amount: u128) -> Result<(), Abort>;
    /// Writes a value under `prefix`, the 10-byte stamp of the commit, `suffix`.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`]; see [`Transaction::get`].
    fn append_stamped(&mut self, prefix: &[u8], suffix: &[u8], value: &[u8]) -> Result<(), Abort>;
    /// Writes the 10-byte stamp of the commit followed by `rest` as the value of a key.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`]; see [`Transaction::get`].
    fn set_stamped_value(&mut self, key: &[u8], rest: &[u8]) -> Result<(), Abort>;
}

/// The body of a transaction. It may run several times: everything it hands out must be reset when it begins.
pub type Body<'a> = dyn FnMut(&mut dyn Transaction) -> Result<(), Abort> + 'a;

/// An ordered byte-key store.
pub trait Engine: Send + Sync {
    /// Runs a serialisable transaction and returns once it is durable. Tries again after a conflict, never after an
    /// unknown result.
    ///
    /// # Errors
    /// [`StoreError::Unknown`]: the commit may or may not have happened; whatever begins later through this engine finds
    /// it done or never will. Whatever the body returned. Whatever ends the process.
    fn transact(&self, body: &mut Body<'_>) -> Result<Committed, StoreError>;
    /// As [`Engine::transact`], for a transaction that follows others of this engine and writes: its first run may see what
    /// an earlier one's commit left, up to [`FOLLOW_MS`] ago, instead of what is newest, which an engine elsewhere has to
    /// be asked for. Its commit proves that nobody wrote since what it read; where it does not, and where the run ends
    /// without a commit, the body runs again upon what is newest.
    ///
    /// # Errors
    /// As [`Engine::transact`].
    fn follow_up(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        self.transact(body)
    }
    /// A watch that fires once the key changes after this call. It may fire without a change, and may be lost: wait
    /// with a timeout, and read after making it.
    ///
    /// # Errors
    /// Whatever ends the process.
    fn watch(&self, key: &[u8]) -> Result<Watch, StoreError>;
    /// Backend and place, in words.
    fn place(&self) -> String;
    /// Bytes the store takes (on disk, where it has one).
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn bytes(&self) -> Result<u64, StoreError>;
    /// Whether nobody else can write to it while it is open here.
    fn exclusive(&self) -> bool;
    /// What went wrong since it was opened and was mended, in words for people.
    fn mended(&self) -> Option<String> {
        None
    }
}

/// An engine that others hold, too.
impl<E: Engine + ?Sized> Engine for Arc<E> {
    fn transact(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        (**self).transact(body)
    }
    fn follow_up(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        (**self).follow_up(body)
    }
    fn watch(&self, key: &[u8]) -> Result<Watch, StoreError> {
        (**self).watch(key)
    }
    fn place(&self) -> String {
        (**self).place()
    }
    fn bytes(&self) -> Result<u64, StoreError> {
        (**self).bytes()
    }
    fn exclusive(&self) -> bool {
        (**self).exclusive()
    }
    fn mended(&self) -> Option<String> {
        (**self).mended()
    }
}
