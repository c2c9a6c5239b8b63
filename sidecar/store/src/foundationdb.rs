//! The engine on a FoundationDB cluster: a team's hubs, on several machines, in one store.
//!
//! A transaction is an overlay over a FoundationDB transaction: reads go through as snapshot reads, and at the commit
//! what was read is declared as read and what was written is sent, so that limits, conflicts and what a transaction
//! sees of itself are those of every engine. Nothing hangs: every transaction has a timeout. Nothing lands late: each
//! commit marks itself, and one whose result is unknown is settled by its mark before anything else begins.
//! Absent on purpose: an async interface, the crate's own retry loop (it forgets an unknown result after the next
//! conflict), directories, tenants, a stop (`foundationdb-sys` stops the network thread when the process exits).

mod client;
mod fate;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::foundationdb::future::{FdbSlice, FdbValues};
use ::foundationdb::options::{ConflictRangeType, DatabaseOption, MutationType, StreamingMode, TransactionOption};
use ::foundationdb::{Database, FdbError, RangeOption, Transaction};
use futures_executor::block_on;
use uuid::Uuid;

use crate::engine::{ATTEMPTS, Body, Committed, Engine, PageLimit};
use crate::error::{Fate, StoreError};
use crate::finished::{Finished, KeyRange, Write};
use crate::follow::{self, OwnCommits, Versions};
use crate::overlay::{Backend, Base};
use crate::watch::{Watch, locked};

pub use client::{FoundationDbOptions, PREFIX_BYTES, place};

/// The longest pause between two attempts, in ms.
const PAUSE_MS: u64 = 1_000;

/// A store in a cluster.
pub struct FoundationDb {
    database: Database,
    /// What every key here begins with.
    prefix: Vec<u8>,
    place: String,
    /// Marks of commits whose result is unknown and that may still be under way.
    doubtful: Mutex<Vec<Vec<u8>>>,
    own: OwnCommits,
    /// Whether nobody answered when the cluster was asked last.
    is_away: AtomicBool,
}

/// Opens a store in a cluster. The cluster is asked by the first transaction, not here.
///
/// # Errors
/// [`StoreError::Unusable`]: the cluster file or the client library is missing or of no use, in words that say what to
/// do.
pub fn open(options: &FoundationDbOptions) -> Result<FoundationDb, StoreError> {
    let place = client::place(options);
    let database = client::connect(options, &place)?;
    let unusable = |error: FdbError| client::refused(&place, error);
    database.set_option(DatabaseOption::TransactionTimeout(options.timeout_ms.max(1))).map_err(unusable)?;
    // Attempts are counted here; no loop of the client's may go on by itself.
    database.set_option(DatabaseOption::TransactionRetryLimit(0)).map_err(unusable)?;
    let prefix = options.prefix.clone();
    let (doubtful, own, is_away) = (Mutex::default(), OwnCommits::default(), AtomicBool::new(false));
    Ok(FoundationDb { database, prefix, place, doubtful, own, is_away })
}

impl FoundationDb {
    fn key(&self, key: &[u8]) -> Vec<u8> {
        [&self.prefix, key].concat()
    }

    fn read_failed(&self, error: FdbError) -> StoreError {
        fate::of_read(&self.place, error)
    }

    fn transaction(&self) -> Result<Transaction, StoreError> {
        self.database.create_trx().map_err(|error| self.read_failed(error))
    }

    /// Makes sure that no commit whose result is unknown is still under way. Such a commit has declared its mark as
    /// read; once another one that writes the mark is through, it was stored before that or never will be.
    fn settle(&self) -> Result<(), StoreError> {
        let marks = locked(&self.doubtful).clone();
        if marks.is_empty() {
            return Ok(());
        }
        for lost in 1.. {
            let transaction = self.transaction()?;
            for mark in &marks {
                self.declare(&transaction, mark, ConflictRangeType::Write)?;
            }
            let Err(error) = block_on(transaction.commit()) else { break };
            let error = FdbError::from(error);
            match fate::of_commit(&self.place, error) {
                StoreError::Conflict | StoreError::TooOld | StoreError::Unknown
                    if lost < ATTEMPTS && !fate::silent(error) =>
                {
                    self.pause(lost);
                }
                StoreError::Away { .. } | StoreError::Unusable { .. } => return Err(self.read_failed(error)),
                _ => return Err(fate::away(&self.place, error)),
            }
        }
        locked(&self.doubtful).retain(|mark| !marks.contains(mark));
        Ok(())
    }

    /// Declares a mark as read or as written; nothing is stored under it.
    fn declare(&self, transaction: &Transaction, mark: &[u8], kind: ConflictRangeType) -> Result<(), StoreError> {
        let end = [mark, &[0]].concat();
        transaction.add_conflict_range(mark, &end, kind).map_err(|error| self.read_failed(error))
    }

    fn send(&self, transaction: &Transaction, finished: &Finished) -> Result<(), StoreError> {
        for (begin, end) in &finished.reads {
            transaction
                .add_conflict_range(&self.key(begin), &self.key(end), ConflictRangeType::Read)
                .map_err(|error| self.read_failed(error))?;
        }
        for mark in &finished.marks {
            self.declare(transaction, &self.key(mark), ConflictRangeType::Write)?;
        }
        for (begin, end) in &finished.cleared {
            transaction.clear_range(&self.key(begin), &self.key(end));
        }
        for (key, write) in &finished.writes {
            let key = self.key(key);
            match write {
                Write::Set(value) => transaction.set(&key, value),
                Write::Clear => transaction.clear(&key),
                Write::Add(amount) => transaction.atomic_op(&key, &amount.to_le_bytes(), MutationType::Add),
                Write::Stamped(rest) => {
                    let value = [&[0; 10], &rest[..], &0_u32.to_le_bytes()].concat();
                    transaction.atomic_op(&key, &value, MutationType::SetVersionstampedValue);
                }
            }
        }
        for stamped in &finished.stamped {
            let prefix = self.key(&stamped.prefix);
            // Keys are far below 4 GB.
            let at = u32::try_from(prefix.len()).unwrap_or(u32::MAX).to_le_bytes();
            let key = [&prefix, &[0; 10][..], &stamped.suffix, &at].concat();
            transaction.atomic_op(&key, &stamped.value, MutationType::SetVersionstampedKey);
        }
        Ok(())
    }

    /// Says once that nobody answers.
    fn missed(&self, error: StoreError) -> StoreError {
        if error.fate() == Fate::Later && !self.is_away.swap(true, Ordering::Relaxed) {
            tracing::warn!("{error}");
        }
        error
    }

    /// Says once that somebody answers again. Called for answers alone: a transaction that asked nothing proves nothing.
    fn answered(&self) {
        if self.is_away.load(Ordering::Relaxed) && self.is_away.swap(false, Ordering::Relaxed) {
            tracing::info!(place = self.place, "the cluster answers again");
        }
    }
}

/// A transaction of the cluster that has not committed: what is read through it is of one version.
pub(crate) struct Snapshot<'a> {
    engine: &'a FoundationDb,
    transaction: Transaction,
    /// What was asked for before it is read, by its key.
    asked: RefCell<HashMap<Vec<u8>, Asked<Option<FdbSlice>>>>,
    /// The same of the first rows of ranges.
    asked_first: RefCell<HashMap<KeyRange, Asked<FdbValues>>>,
    /// Whether the cluster has answered it anything.
    heard: Cell<bool>,
}

/// Something on its way.
type Asked<T> = Pin<Box<dyn Future<Output = Result<T, FdbError>>>>;

impl Snapshot<'_> {
    /// An answer, or what its absence means: a cluster that answered before is not away, this transaction only took long.
    fn told<T>(&self, answer: Result<T, FdbError>) -> Result<T, StoreError> {
        match answer {
            Ok(answer) => {
                self.heard.set(true);
                self.engine.answered();
                Ok(answer)
            }
            Err(error) if self.heard.get() && fate::silent(error) => Err(StoreError::TooOld),
            Err(error) => Err(self.engine.read_failed(error)),
        }
    }

    /// Asks for rows of a range, which begins and ends with keys of the cluster's.
    fn ask(&self, begin: &[u8], end: &[u8], rows: usize, reverse: bool) -> Asked<FdbValues> {
        let range = RangeOption {
            limit: Some(rows.max(1)),
            mode: StreamingMode::WantAll,
            reverse,
            ..RangeOption::from((begin, end))
        };
        Box::pin(self.transaction.get_range(&range, 1, true))
    }
}

impl Base for Snapshot<'_> {
    fn ahead(&self, keys: &[Vec<u8>]) {
        let ask = |key: &Vec<u8>| -> (Vec<u8>, Asked<Option<FdbSlice>>) {
            (key.clone(), Box::pin(self.transaction.get(&self.engine.key(key), true)))
        };
        self.asked.borrow_mut().extend(keys.iter().map(ask));
    }

    fn ahead_first(&self, ranges: &[KeyRange]) {
        let ask = |range: &KeyRange| {
            let (begin, end) = (self.engine.key(&range.0), self.engine.key(&range.1));
            (range.clone(), self.ask(&begin, &end, 1, false))
        };
        self.asked_first.borrow_mut().extend(ranges.iter().map(ask));
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let asked = self.asked.borrow_mut().remove(key);
        let value = match asked {
            Some(asked) => block_on(asked),
            None => block_on(self.transaction.get(&self.engine.key(key), true)),
        };
        Ok(self.told(value)?.map(|value| value.to_vec()))
    }

    fn visit(
        &self,
        begin: &[u8],
        end: &[u8],
        reverse: bool,
        enough: PageLimit,
        row: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let is_first = !reverse && enough.rows == 1;
        let first = is_first.then(|| self.asked_first.borrow_mut().remove(&(begin.to_vec(), end.to_vec()))).flatten();
        let (mut begin, mut end) = (self.engine.key(begin), self.engine.key(end));
        let skip = self.engine.prefix.len();
        let ask = |begin: &[u8], end: &[u8], rows: usize| self.ask(begin, end, rows, reverse);
        let mut left = enough;
        let mut asked = first.unwrap_or_else(|| ask(&begin, &end, left.rows));
        loop {
            let page = self.told(block_on(asked))?;
            match page.last() {
                Some(last) if page.more() && reverse => end = last.key().to_vec(),
                Some(last) if page.more() => begin = [last.key(), &[0]].concat(),
                _ => {}
            }
            let bytes: usize = page.iter().map(|pair| pair.key().len() - skip + pair.value().len()).sum();
            left.rows = left.rows.saturating_sub(page.len());
            left.bytes = left.bytes.saturating_sub(bytes);
            // What comes next is on its way while this is shown.
            let ahead = (page.more() && left.rows > 0 && left.bytes > 0).then(|| ask(&begin, &end, left.rows));
            for pair in &page {
                if !row(&pair.key()[skip..], pair.value()) {
                    return Ok(());
                }
            }
            asked = match ahead {
                Some(ahead) => ahead,
                // Its own writes may hide rows from the transaction, so that what seemed enough was not.
                None if page.more() => {
                    left = enough;
                    ask(&begin, &end, left.rows)
                }
                None => return Ok(()),
            };
        }
    }
}

// A reference, so that snapshots may borrow the engine.
impl<'a> Backend for &'a FoundationDb {
    type Base = Snapshot<'a>;

    fn begin(&self) -> Result<Snapshot<'a>, StoreError> {
        self.settle()?;
        let transaction = self.transaction()?;
        // The overlay shows a transaction its own writes.
        let option = TransactionOption::ReadYourWritesDisable;
        transaction.set_option(option).map_err(|error| self.read_failed(error))?;
        Ok(Snapshot {
            engine: self,
            transaction,
            asked: RefCell::default(),
            asked_first: RefCell::default(),
            heard: Cell::new(false),
        })
    }

    fn commit(&self, base: Snapshot<'a>, finished: Finished) -> Result<Committed, StoreError> {
        let transaction = base.transaction;
        let mark = self.key(&[&[0xff], &Uuid::new_v4().into_bytes()[..]].concat());
        self.declare(&transaction, &mark, ConflictRangeType::Read)?;
        self.declare(&transaction, &mark, ConflictRangeType::Write)?;
        self.send(&transaction, &finished)?;
        let stamp = transaction.get_versionstamp();
        match block_on(transaction.commit()) {
            // Should the stamp not come, whoever asks will find the commit done.
            Ok(_done) => {
                self.answered();
                let stamp = block_on(stamp).ok().and_then(|stamp| stamp.first_chunk().copied());
                stamp.map(|stamp| Committed { stamp: Some(stamp) }).ok_or(StoreError::Unknown)
            }
            Err(error) => {
                let error = fate::of_commit(&self.place, FdbError::from(error));
                if error == StoreError::Unknown {
                    locked(&self.doubtful).push(mark);
                }
                Err(error)
            }
        }
    }

    /// A random part of a time that doubles: those who lost against each other do not meet again at once.
    fn pause(&self, lost: u32) {
        use std::hash::BuildHasher;
        let ceiling = PAUSE_MS.min(1 << lost.min(16));
        let random = std::hash::RandomState::new().hash_one(lost);
        std::thread::sleep(Duration::from_micros(random % (ceiling * 1_000)));
    }
}

impl Versions for &FoundationDb {
    fn begin_at(&self, version: u64) -> Result<Self::Base, StoreError> {
        let snapshot = self.begin()?;
        // A version that the cluster told fits.
        snapshot.transaction.set_read_version(version.cast_signed());
        Ok(snapshot)
    }
}

impl Engine for FoundationDb {
    fn transact(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        follow::transact(&self, &self.own, body).map_err(|error| self.missed(error))
    }

    fn follow_up(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        follow::follow_up(&self, &self.own, body).map_err(|error| self.missed(error))
    }

    fn watch(&self, key: &[u8]) -> Result<Watch, StoreError> {
        let mut lost = 0;
        loop {
            let transaction = self.transaction()?;
            let change = transaction.watch(&self.key(key));
            // Nothing is written, so nothing is unknown; the watch is set once this has read.
            match block_on(transaction.commit()) {
                Ok(_) => return Ok(Watch::upon(change)),
                Err(error) => {
                    let error = FdbError::from(error);
                    lost += 1;
                    match fate::of_read(&self.place, error) {
                        // Over the client's count of watches: one that never fires, as any watch may be.
                        _ if fate::too_many_watches(error) => return Ok(Watch::silent()),
                        StoreError::Conflict | StoreError::TooOld if lost < ATTEMPTS => (&self).pause(lost),
                        error => return Err(self.missed(error)),
                    }
                }
            }
        }
    }

    fn place(&self) -> String {
        self.place.clone()
    }

    fn bytes(&self) -> Result<u64, StoreError> {
        let transaction = self.transaction()?;
        let size = block_on(transaction.get_estimated_range_size_bytes(&self.key(&[]), &self.key(&[0xff])));
        let size = size.map_err(|error| self.missed(self.read_failed(error)))?;
        self.answered();
        Ok(u64::try_from(size).unwrap_or(0))
    }

    fn exclusive(&self) -> bool {
        false
    }
}
