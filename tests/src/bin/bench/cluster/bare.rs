//! The bare client, the floor of the store on FoundationDB: it writes and reads the keys and bytes that the store was seen to
//! write and read.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use codi2_protocol::{EventId, ProducerId};
use codi2_store::engine::{Body, Transaction};
use codi2_store::memory::Memory;
use codi2_store::{Abort, Committed, Engine, Page, PageLimit, Pending, Store, StoreError};
use codi2_tests::cluster::Cluster;
use foundationdb::options::{ConflictRangeType, MutationType, TransactionOption};
use foundationdb::{Database, RangeOption, Transaction as Sent};
use futures_executor::block_on;

use super::{batch_of, open};

/// The cluster as the bare client has it; the client's library must be loaded.
pub fn database(found: &Cluster) -> Database {
    Database::from_path(found.file.to_str().expect("a path in UTF-8")).expect("the client is loaded")
}

/// The bare client, writing what the store was seen to write for one batch, under a prefix of its own.
pub struct Bare {
    writes: Writes,
    database: Database,
    prefix: Vec<u8>,
    /// The highest version of its commits, at which the next one reads.
    newest: AtomicI64,
}

impl Bare {
    /// For batches of this size.
    pub fn new(found: &Cluster, size: usize) -> Self {
        let producer = ProducerId::new();
        Self::of(found, &|number| batch_of(producer, number * size as u64 + 1, size))
    }

    /// For batches like these: the first, which may begin something, and the second, which is what most are.
    pub fn of(found: &Cluster, batch: &dyn Fn(u64) -> Vec<Pending>) -> Self {
        // Loads the client.
        drop(open(found));
        let prefix = [b"floor/", &EventId::new().uuid().into_bytes()[..]].concat();
        Self { writes: seen(batch), database: database(found), prefix, newest: AtomicI64::new(0) }
    }

    /// How long a batch takes, whose keys are its producer's, turn's and number's own.
    pub fn write(&self, producer: ProducerId, turn: usize, number: usize) -> Duration {
        let start = Instant::now();
        let salt = [&producer.uuid().into_bytes()[..], &[turn as u8, number as u8]].concat();
        self.writes.replay(&self.database, &self.prefix, &salt);
        start.elapsed()
    }

    /// As `write`, by a client that reads what no append may leave out, its producer's row and the newest minute, both at
    /// once and as of its own last commit, as the store does.
    pub fn read_and_write(&self, producer: ProducerId, turn: usize, number: usize) -> Duration {
        let start = Instant::now();
        let salt = [&producer.uuid().into_bytes()[..], &[turn as u8, number as u8]].concat();
        let row = [&self.prefix[..], b"row", &producer.uuid().into_bytes()].concat();
        let minutes = [&self.prefix[..], b"minutes"].concat();
        let range = |from: &[u8]| (from.to_vec(), [from, &[0xff]].concat());
        let ((row_begin, row_end), (begin, end)) = (range(&row), range(&minutes));
        let last = RangeOption { limit: Some(1), reverse: true, ..RangeOption::from((begin.clone(), end.clone())) };
        loop {
            let transaction = begun(&self.database);
            let newest = self.newest.load(Ordering::Relaxed);
            if newest > 0 {
                transaction.set_read_version(newest);
            }
            let (known, minute) = (transaction.get(&row, true), transaction.get_range(&last, 1, true));
            let read = block_on(known).and_then(|_| block_on(minute));
            let committed = read.map_err(|_| ()).and_then(|_| {
                let declare = |begin: &[u8], end: &[u8]| {
                    transaction.add_conflict_range(begin, end, ConflictRangeType::Read).expect("a range")
                };
                declare(&row_begin, &row_end);
                declare(&begin, &end);
                self.writes.send(&transaction, &self.prefix, &salt);
                block_on(transaction.commit()).map_err(drop)
            });
            match committed {
                Ok(done) => {
                    let version = done.committed_version().expect("a version");
                    self.newest.fetch_max(version, Ordering::Relaxed);
                    return start.elapsed();
                }
                // Too old, or met: upon what is newest.
                Err(()) => self.newest.store(0, Ordering::Relaxed),
            }
        }
    }
}

/// What the store writes for one batch, as it was seen.
struct Writes(Vec<Op>);

enum Op {
    Set(Vec<u8>, Vec<u8>),
    Add(Vec<u8>, u128),
    Append(Vec<u8>, Vec<u8>, Vec<u8>),
    SetStamped(Vec<u8>, Vec<u8>),
}

fn seen(batch: &dyn Fn(u64) -> Vec<Pending>) -> Writes {
    let recorder = Arc::new(Recorder(Memory::new(), Mutex::default()));
    let store = Store::on(Arc::clone(&recorder) as Arc<dyn Engine>).expect("an empty store");
    store.append(&batch(0)).expect("memory takes it");
    recorder.1.lock().expect("no panic under the lock").clear();
    store.append(&batch(1)).expect("memory takes it");
    Writes(std::mem::take(&mut *recorder.1.lock().expect("no panic under the lock")))
}

/// A transaction of the bare client. Like the store's it keeps no account of its own writes, which it never reads.
pub fn begun(database: &Database) -> Sent {
    let transaction = database.create_trx().expect("a transaction");
    transaction.set_option(TransactionOption::ReadYourWritesDisable).expect("an option of each client");
    transaction
}

impl Writes {
    /// Writes the same by the bare client; `salt` of 18 bytes makes plain keys new, in place of the last 18.
    fn replay(&self, database: &Database, prefix: &[u8], salt: &[u8]) {
        let mut transaction = begun(database);
        // On a machine under load its versions, too, grow too old.
        loop {
            self.send(&transaction, prefix, salt);
            match block_on(transaction.commit()) {
                Ok(_) => return,
                Err(error) => {
                    block_on(error.on_error()).expect("the cluster answers");
                    transaction = begun(database);
                }
            }
        }
    }

    fn send(&self, transaction: &Sent, prefix: &[u8], salt: &[u8]) {
        let plain = |key: &[u8]| [prefix, &key[..key.len().saturating_sub(salt.len())], salt].concat();
        for (number, op) in self.0.iter().enumerate() {
            match op {
                Op::Set(key, value) => {
                    transaction.set(&[&plain(key)[..], &(number as u16).to_be_bytes()].concat(), value)
                }
                Op::Add(key, amount) => {
                    transaction.atomic_op(&[prefix, key].concat(), &amount.to_le_bytes(), MutationType::Add);
                }
                Op::Append(before, after, value) => {
                    let at = (prefix.len() + before.len()) as u32;
                    let key = [prefix, before, &[0; 10], after, &at.to_le_bytes()].concat();
                    transaction.atomic_op(&key, value, MutationType::SetVersionstampedKey);
                }
                Op::SetStamped(key, rest) => {
                    let key = [&plain(key)[..], &(number as u16).to_be_bytes()].concat();
                    let value = [&[0; 10], &rest[..], &[0; 4]].concat();
                    transaction.atomic_op(&key, &value, MutationType::SetVersionstampedValue);
                }
            }
        }
    }
}

/// Memory that notes what is written to it.
struct Recorder(Memory, Mutex<Vec<Op>>);

impl Engine for Recorder {
    fn transact(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        self.0.transact(&mut |transaction| body(&mut Noting { transaction, ops: &self.1 }))
    }
    codi2_store::passes_on!(0);
    fn exclusive(&self) -> bool {
        true
    }
}

struct Noting<'a> {
    transaction: &'a mut dyn Transaction,
    ops: &'a Mutex<Vec<Op>>,
}

impl Noting<'_> {
    fn note(&self, op: Op) {
        self.ops.lock().expect("no panic under the lock").push(op);
    }
}

impl Transaction for Noting<'_> {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Abort> {
        self.transaction.get(key)
    }
    fn range(&mut self, begin: &[u8], end: &[u8], reverse: bool, limit: PageLimit) -> Result<Page, Abort> {
        self.transaction.range(begin, end, reverse, limit)
    }
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Abort> {
        self.note(Op::Set(key.to_vec(), value.to_vec()));
        self.transaction.set(key, value)
    }
    fn clear(&mut self, key: &[u8]) -> Result<(), Abort> {
        self.transaction.clear(key)
    }
    fn clear_range(&mut self, begin: &[u8], end: &[u8]) -> Result<(), Abort> {
        self.transaction.clear_range(begin, end)
    }
    fn add(&mut self, key: &[u8], amount: u128) -> Result<(), Abort> {
        self.note(Op::Add(key.to_vec(), amount));
        self.transaction.add(key, amount)
    }
    fn append_stamped(&mut self, prefix: &[u8], suffix: &[u8], value: &[u8]) -> Result<(), Abort> {
        self.note(Op::Append(prefix.to_vec(), suffix.to_vec(), value.to_vec()));
        self.transaction.append_stamped(prefix, suffix, value)
    }
    fn set_stamped_value(&mut self, key: &[u8], rest: &[u8]) -> Result<(), Abort> {
        self.note(Op::SetStamped(key.to_vec(), rest.to_vec()));
        self.transaction.set_stamped_value(key, rest)
    }
}
