//! The engine on one redb file: the zero-set-up default.
//!
//! Rules (`docs/store-layout.md` says why): one byte table; a transaction is an overlay over a read snapshot; one writer
//! thread applies finished overlays, as many as wait, in one durable commit and only then answers; every call into
//! redb is under `catch_unwind`; after any failed write nothing more is acknowledged until the file was opened again
//! and every page of it verified. Opening verifies every page, too: redb trusts a file that was closed cleanly.
//! Absent on purpose: savepoints, lazy durability, a second process, a second table.

mod place;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use redb::{Database, ReadOnlyTable, ReadableDatabase, ReadableTable, Table, TableDefinition};

use crate::conflicts::Conflicts;
use crate::engine::{Body, Committed, Engine, TRANSACTION_WARN_BYTES};
use crate::error::StoreError;
use crate::finished::{Finished, Target};
use crate::memory::stamp_of;
use crate::overlay::{self, Backend, Base};
use crate::value;
use crate::watch::{Watch, Watches, locked};

const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("codi2");
/// The commit counter: the only row of the engine itself.
const VERSION: &[u8] = b"\xffversion";
/// Overlays in one commit, at most.
const GROUP: usize = 512;

/// Opens (or, after a failure, opens again) the database.
type Opener = Box<dyn Fn() -> Result<Database, redb::DatabaseError> + Send + Sync>;

/// A store in a file.
pub struct File {
    shared: Arc<Shared>,
    // Taken when the engine is dropped: the writer ends when nobody can submit any more.
    submit: Mutex<Option<Sender<Submission>>>,
    writer: Option<JoinHandle<()>>,
}

struct Shared {
    place: String,
    path: Option<PathBuf>,
    opener: Opener,
    /// Absent while it is being opened again, after [`StoreError::Stopped`], and at the end.
    database: RwLock<Option<Database>>,
    stopped: Mutex<Option<StoreError>>,
    watches: Watches,
}

struct Submission {
    read_version: u64,
    finished: Finished,
    answer: SyncSender<Result<Committed, StoreError>>,
}

impl File {
    /// Opens the file, or makes it (and its folder) for this user alone.
    ///
    /// # Errors
    /// See [`crate::Store::open`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        place::prepare(path)?;
        let target = path.to_path_buf();
        let opener = Box::new(move || builder().open(&target));
        Self::with(format!("file {}", path.display()), Some(path.to_path_buf()), opener)
    }

    fn with(place: String, path: Option<PathBuf>, opener: Opener) -> Result<Self, StoreError> {
        let database = guarded(&place, || opener().map_err(|error| refused(&place, error)))?;
        let shared = Shared {
            place,
            path,
            opener,
            database: RwLock::new(Some(database)),
            stopped: Mutex::default(),
            watches: Watches::default(),
        };
        let version = shared.verify()?;
        let shared = Arc::new(shared);
        let (submit, submissions) = channel();
        let writer = Arc::clone(&shared);
        let writer = std::thread::Builder::new()
            .name("codi2-store".to_owned())
            .spawn(move || writer.serve(&submissions, version))
            .map_err(|error| StoreError::Io {
                doing: "start the store's writer".to_owned(),
                detail: error.to_string(),
            })?;
        Ok(Self { shared, submit: Mutex::new(Some(submit)), writer: Some(writer) })
    }
}

impl Drop for File {
    fn drop(&mut self) {
        locked(&self.submit).take();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the store's writer panicked");
        }
        self.shared.close();
    }
}

impl Shared {
    /// The commit counter; a file that lost its table, its counter or everything else is damaged.
    fn verify(&self) -> Result<u64, StoreError> {
        let (version, view) = self.snapshot()?;
        let mut any = false;
        view.visit(&[0], &[0xff], false, &mut |_, _| {
            any = true;
            false
        })?;
        if any || version == 0 { Ok(version) } else { Err(self.damaged("it was written and holds nothing")) }
    }

    fn snapshot(&self) -> Result<(u64, View), StoreError> {
        if let Some(stopped) = &*locked(&self.stopped) {
            return Err(stopped.clone());
        }
        let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
        // Only for a moment: while it is opened again.
        let Some(database) = &*guard else { return Err(StoreError::TooOld) };
        let table = guarded(&self.place, || {
            let transaction = database.begin_read().map_err(|error| self.failed(error.into()))?;
            match transaction.open_table(TABLE) {
                Ok(table) => Ok(table),
                Err(redb::TableError::Storage(error)) => Err(self.failed(error.into())),
                Err(error) => Err(self.damaged(&error.to_string())),
            }
        })?;
        let view = View { place: self.place.clone(), table };
        let version = version(&self.place, view.get(VERSION)?)?;
        Ok((version, view))
    }

    fn damaged(&self, detail: &str) -> StoreError {
        StoreError::damaged(self.place.clone(), detail)
    }

    fn failed(&self, error: redb::Error) -> StoreError {
        failed(&self.place, error)
    }

    /// The writer thread: everything that waits becomes one commit.
    fn serve(&self, submissions: &Receiver<Submission>, version: u64) {
        let mut conflicts = Conflicts::from(version);
        while let Ok(first) = submissions.recv() {
            let mut bytes = first.finished.bytes;
            let mut group = vec![first];
            while group.len() < GROUP && bytes < TRANSACTION_WARN_BYTES {
                let Ok(next) = submissions.try_recv() else { break };
                bytes += next.finished.bytes;
                group.push(next);
            }
            self.commit_group(&mut conflicts, group);
        }
    }

    fn commit_group(&self, conflicts: &mut Conflicts, group: Vec<Submission>) {
        if let Some(stopped) = locked(&self.stopped).clone() {
            group.into_iter().for_each(|submission| answer(&submission.answer, Err(stopped.clone())));
            return;
        }
        let (waiting, work): (Vec<_>, Vec<_>) = group
            .into_iter()
            .map(|submission| (submission.answer, (submission.read_version, submission.finished)))
            .unzip();
        let mut committing = false;
        let outcome = guarded(&self.place, || self.write(conflicts, work, &mut committing));
        match outcome {
            Ok((before, answers)) => {
                self.watches.ring(|key| conflicts.touched_since(before, key));
                waiting.iter().zip(answers).for_each(|(waiting, result)| answer(waiting, result));
            }
            Err(error) => {
                tracing::error!(%error, committing, "a write failed; opening the store again");
                match self.reopen(&error) {
                    Ok(version) => *conflicts = Conflicts::from(version),
                    Err(stopped) => *locked(&self.stopped) = Some(stopped),
                }
                let error = if committing { StoreError::Unknown } else { error };
                waiting.iter().for_each(|waiting| answer(waiting, Err(error.clone())));
            }
        }
    }

    /// Applies overlays in order in one durable commit: the version before it, and each overlay's result.
    #[allow(clippy::type_complexity)]
    fn write(
        &self,
        conflicts: &mut Conflicts,
        work: Vec<(u64, Finished)>,
        committing: &mut bool,
    ) -> Result<(u64, Vec<Result<Committed, StoreError>>), StoreError> {
        let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let Some(database) = &*guard else { return Err(self.damaged("it is closed")) };
        let mut transaction = database.begin_write().map_err(|error| self.failed(error.into()))?;
        transaction.set_durability(redb::Durability::Immediate).map_err(|error| self.damaged(&error.to_string()))?;
        let mut answers = Vec::with_capacity(work.len());
        let table = transaction.open_table(TABLE).map_err(|error| self.failed(error.into()))?;
        let mut rows = Rows { place: &self.place, table };
        let before = version(&self.place, rows.get(VERSION)?)?;
        let mut latest = before;
        for (read_version, finished) in work {
            answers.push(match conflicts.check(read_version, &finished.reads) {
                Err(error) => Err(error),
                Ok(()) => {
                    latest += 1;
                    let stamp = stamp_of(latest);
                    let footprint = finished.apply(&stamp, &mut rows)?;
                    conflicts.note(latest, footprint);
                    Ok(Committed { stamp: Some(stamp) })
                }
            });
        }
        if latest > before {
            rows.set(VERSION, &value::seal(VERSION, &latest.to_be_bytes()))?;
            drop(rows);
            *committing = true;
            transaction.commit().map_err(|error| self.failed(error.into()))?;
        }
        Ok((before, answers))
    }

    /// After a failed write: never try the sync again; open the file anew and verify what is in it.
    fn reopen(&self, cause: &StoreError) -> Result<u64, StoreError> {
        self.close();
        let open = || {
            let database = guarded(&self.place, || (self.opener)().map_err(|error| refused(&self.place, error)))?;
            *self.database.write().unwrap_or_else(PoisonError::into_inner) = Some(database);
            self.verify()
        };
        open().map_err(|error| StoreError::Stopped {
            place: self.place.clone(),
            detail: format!("{cause}; then {error}"),
        })
    }

    fn close(&self) {
        let database = self.database.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(database) = database {
            let closed = guarded(&self.place, || database.close().map_err(|error| refused(&self.place, error)));
            if let Err(error) = closed {
                tracing::warn!(%error, "the store was not closed cleanly");
            }
        }
    }
}

impl Backend for File {
    type Base = View;

    fn begin(&self) -> Result<(u64, View), StoreError> {
        self.shared.snapshot()
    }

    fn commit(&self, read_version: u64, finished: Finished) -> Result<Committed, StoreError> {
        let (answer, result) = sync_channel(1);
        let gone = || StoreError::Stopped { place: self.shared.place.clone(), detail: "its writer ended".to_owned() };
        let submit = locked(&self.submit).clone().ok_or_else(gone)?;
        submit.send(Submission { read_version, finished, answer }).map_err(|_| gone())?;
        result.recv().map_err(|_| gone())?
    }
}

impl Engine for File {
    fn transact(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        overlay::run(self, body)
    }

    fn watch(&self, key: &[u8]) -> Result<Watch, StoreError> {
        Ok(self.shared.watches.add(key))
    }

    fn place(&self) -> String {
        self.shared.place.clone()
    }

    fn bytes(&self) -> Result<u64, StoreError> {
        self.shared.path.as_deref().map_or(Ok(0), place::bytes)
    }

    fn exclusive(&self) -> bool {
        true
    }
}

/// A snapshot: redb keeps its pages until it is dropped.
pub(crate) struct View {
    place: String,
    table: ReadOnlyTable<&'static [u8], &'static [u8]>,
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
struct Rows<'a, 'b> {
    place: &'a str,
    table: Table<'b, &'static [u8], &'static [u8]>,
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

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder
}

/// Makes the table in a new database, so that one without it is known to be damaged.
fn found(database: Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(TABLE)?.insert(VERSION, &value::seal(VERSION, &0_u64.to_be_bytes())[..])?;
    transaction.commit()?;
    database.close()?;
    Ok(())
}

fn version(place: &str, stored: Option<Vec<u8>>) -> Result<u64, StoreError> {
    let damaged = || StoreError::damaged(place, "its commit counter is missing or wrong");
    let stored = stored.ok_or_else(damaged)?;
    let payload = value::unseal(VERSION, &stored).map_err(|_| damaged())?;
    Ok(u64::from_be_bytes(payload.try_into().map_err(|_| damaged())?))
}

fn answer(waiting: &SyncSender<Result<Committed, StoreError>>, result: Result<Committed, StoreError>) {
    // A caller that panicked meanwhile wants no answer.
    let _ = waiting.send(result);
}

/// Runs a call into redb; a panic there means that the file is not what redb wrote.
fn guarded<R>(place: &str, call: impl FnOnce() -> Result<R, StoreError>) -> Result<R, StoreError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(StoreError::damaged(place, format!("redb gave up: {}", words.unwrap_or("no reason given"))))
    })
}

fn failed(place: &str, error: redb::Error) -> StoreError {
    match error {
        redb::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            StoreError::damaged(place, error.to_string())
        }
        redb::Error::Io(error) => {
            StoreError::Io { doing: format!("read or write the store {place}"), detail: error.to_string() }
        }
        // The writer opens it again, or says why it cannot.
        redb::Error::PreviousIo | redb::Error::DatabaseClosed => StoreError::TooOld,
        redb::Error::DatabaseAlreadyOpen => StoreError::InUse { place: place.to_owned() },
        error => StoreError::damaged(place, error.to_string()),
    }
}

fn refused(place: &str, error: redb::DatabaseError) -> StoreError {
    failed(place, error.into())
}
