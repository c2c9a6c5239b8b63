//! The engine on one redb file: the zero-set-up default.
//!
//! Rules (`docs/store-layout.md` says why): one byte table; a transaction is an overlay over a read snapshot; one writer
//! thread applies finished overlays, as many as wait, in one durable commit and only then answers; every call into
//! redb is under `catch_unwind`; after any failed write nothing more is acknowledged until the file was opened again
//! and every page of it verified. Opening verifies every page, too: redb trusts a file that was closed cleanly.
//! Absent on purpose: savepoints, lazy durability, a second process, a second table.

mod place;
mod table;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use redb::{Database, ReadableDatabase};

use crate::conflicts::Conflicts;
use crate::engine::{Body, Committed, Engine, PageLimit, TRANSACTION_WARN_BYTES};
use crate::error::{Fate, StoreError};
use crate::finished::{Finished, Target};
use crate::memory::stamp_of;
use crate::overlay::{self, Backend, Base};
use crate::value;
use crate::watch::{Watch, Watches, locked};
use table::{Rows, TABLE, VERSION, View, builder, failed, found, guarded, refused, verified, version};

/// Overlays in one commit, at most.
const GROUP: usize = 512;

/// Opens the database; after a failure (true) from what is really on the disk.
type Opener = Box<dyn Fn(bool) -> Result<Database, redb::DatabaseError> + Send + Sync>;

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
    /// Or why it is not open: for a moment, until there is room again, or for good.
    database: RwLock<Result<Database, StoreError>>,
    /// Failed writes since the start that opening again has mended, and the last of them in words.
    mended: Mutex<(u64, String)>,
    watches: Watches,
}

struct Submission {
    read_version: u64,
    finished: Finished,
    answer: SyncSender<Result<Committed, StoreError>>,
}

/// Backend and place, in words, as an engine on this file says it.
pub fn place(path: &Path) -> String {
    format!("file {}", path.display())
}

impl File {
    /// Opens the file, or makes it (and its folder) for this user alone.
    ///
    /// # Errors
    /// See [`crate::Store::open`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        place::prepare(path)?;
        let target = path.to_path_buf();
        let opener = Box::new(move |again| {
            if again {
                place::forget_cached(&target);
            }
            verified(|builder| builder.open(&target))
        });
        Self::with(place(path), Some(path.to_path_buf()), opener)
    }

    /// A store in redb's storage in memory: for tests that would spend their time in syncs.
    ///
    /// # Errors
    /// As [`File::open`].
    pub fn in_memory() -> Result<Self, StoreError> {
        let opener = Box::new(|_| {
            let database = builder().create_with_backend(redb::backends::InMemoryBackend::new())?;
            found(&database)
                .map_err(|error| redb::DatabaseError::Storage(redb::StorageError::Corrupted(error.to_string())))?;
            Ok(database)
        });
        Self::with("redb in memory".to_owned(), None, opener)
    }

    fn with(place: String, path: Option<PathBuf>, opener: Opener) -> Result<Self, StoreError> {
        let (shared, version) = Shared::open(place, path, opener)?;
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
        let mut slot = self.shared.database.write().unwrap_or_else(PoisonError::into_inner);
        self.shared.close(std::mem::replace(&mut *slot, Err(StoreError::TooOld)));
    }
}

impl Shared {
    /// Opens it and reads the commit counter; every page is verified.
    fn open(place: String, path: Option<PathBuf>, opener: Opener) -> Result<(Self, u64), StoreError> {
        let database = RwLock::new(Err(StoreError::TooOld));
        let shared = Self { place, path, opener, database, mended: Mutex::default(), watches: Watches::default() };
        let (database, version) = shared.opened(false)?;
        *shared.database.write().unwrap_or_else(PoisonError::into_inner) = Ok(database);
        Ok((shared, version))
    }

    /// The database, verified, and its commit counter; one that lost its table, its counter or everything else is
    /// damaged.
    fn opened(&self, again: bool) -> Result<(Database, u64), StoreError> {
        let database = guarded(&self.place, || (self.opener)(again).map_err(|error| refused(&self.place, error)))?;
        let view = self.view(&database)?;
        let version = view.version;
        let mut any = false;
        view.visit(&[0], &[0xff], false, PageLimit::rows(1), &mut |_, _| {
            any = true;
            false
        })?;
        drop(view);
        if any || version == 0 {
            Ok((database, version))
        } else {
            Err(self.damaged("it was written and holds nothing"))
        }
    }

    fn snapshot(&self) -> Result<View, StoreError> {
        // Waits while it is opened again.
        let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
        self.view(guard.as_ref().map_err(Clone::clone)?)
    }

    fn view(&self, database: &Database) -> Result<View, StoreError> {
        let table = guarded(&self.place, || {
            let transaction = database.begin_read().map_err(|error| self.failed(error.into()))?;
            match transaction.open_table(TABLE) {
                Ok(table) => Ok(table),
                Err(redb::TableError::Storage(error)) => Err(self.failed(error.into())),
                Err(error) => Err(self.damaged(&error.to_string())),
            }
        })?;
        let mut view = View { place: self.place.clone(), table, version: 0 };
        view.version = version(&self.place, view.get(VERSION)?)?;
        Ok(view)
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
        let (waiting, work): (Vec<_>, Vec<_>) = group
            .into_iter()
            .map(|submission| (submission.answer, (submission.read_version, submission.finished)))
            .unzip();
        if let Err(error) = self.ready(conflicts) {
            return waiting.iter().for_each(|waiting| answer(waiting, Err(error.clone())));
        }
        let mut committing = None;
        let outcome = guarded(&self.place, || self.write(conflicts, work, &mut committing));
        match outcome {
            Ok((before, answers)) => {
                self.watches.ring(|key| conflicts.touched_since(before, key));
                waiting.iter().zip(answers).for_each(|(waiting, result)| answer(waiting, result));
            }
            Err(error) => {
                tracing::error!(%error, ?committing, "a write failed; opening the store again");
                let reopened = self.reopen(&error);
                if let Ok(version) = reopened {
                    *conflicts = Conflicts::from(version);
                }
                let error = match (committing, reopened) {
                    // A full disk is told as such where it is certain that nothing was stored: it is no failure.
                    (Some(before), Ok(version)) if error.fate() == Fate::Later && version == before => error,
                    (Some(_), _) => StoreError::Unknown,
                    (None, _) => error,
                };
                waiting.iter().for_each(|waiting| answer(waiting, Err(error.clone())));
            }
        }
    }

    /// Whether anything can be written; opens it again where only room was missing.
    fn ready(&self, conflicts: &mut Conflicts) -> Result<(), StoreError> {
        let closed = self.database.read().unwrap_or_else(PoisonError::into_inner).as_ref().err().cloned();
        match closed {
            None => Ok(()),
            Some(error) if error.fate() == Fate::Later => {
                *conflicts = Conflicts::from(self.reopen(&error)?);
                Ok(())
            }
            Some(error) => Err(error),
        }
    }

    /// Applies overlays in order in one durable commit: the version before it, and each overlay's result.
    #[allow(clippy::type_complexity)]
    fn write(
        &self,
        conflicts: &mut Conflicts,
        work: Vec<(u64, Finished)>,
        committing: &mut Option<u64>,
    ) -> Result<(u64, Vec<Result<Committed, StoreError>>), StoreError> {
        let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = guard.as_ref().map_err(Clone::clone)?;
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
            *committing = Some(before);
            transaction.commit().map_err(|error| self.failed(error.into()))?;
        }
        Ok((before, answers))
    }

    /// After a failed write: never try the sync again; open the file anew and verify what is in it.
    fn reopen(&self, cause: &StoreError) -> Result<u64, StoreError> {
        let mut slot = self.database.write().unwrap_or_else(PoisonError::into_inner);
        self.close(std::mem::replace(&mut *slot, Err(StoreError::TooOld)));
        match self.opened(true) {
            Ok((database, version)) => {
                *slot = Ok(database);
                if cause.fate() != Fate::Later {
                    let mut mended = locked(&self.mended);
                    *mended = (mended.0 + 1, cause.to_string());
                }
                Ok(version)
            }
            Err(error) => {
                let why = match error.fate() {
                    Fate::Later => error,
                    _ => StoreError::Stopped { place: self.place.clone(), detail: format!("{cause}; then {error}") },
                };
                *slot = Err(why.clone());
                Err(why)
            }
        }
    }

    fn close(&self, database: Result<Database, StoreError>) {
        let Ok(database) = database else { return };
        let closed = guarded(&self.place, || database.close().map_err(|error| refused(&self.place, error)));
        if let Err(error) = closed {
            tracing::warn!(%error, "the store was not closed cleanly");
        }
    }
}

impl Backend for File {
    type Base = View;

    fn begin(&self) -> Result<View, StoreError> {
        self.shared.snapshot()
    }

    fn commit(&self, base: View, finished: Finished) -> Result<Committed, StoreError> {
        let read_version = base.version;
        drop(base);
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

    fn mended(&self) -> Option<String> {
        let (times, last) = locked(&self.shared.mended).clone();
        (times > 0).then(|| {
            let place = &self.shared.place;
            format!("writing the store {place} failed {times} times since the start, the last time with: {last}; each time it was opened again and verified, and nothing acknowledged was lost: check the disk")
        })
    }
}

fn answer(waiting: &SyncSender<Result<Committed, StoreError>>, result: Result<Committed, StoreError>) {
    // A caller that panicked meanwhile wants no answer.
    let _ = waiting.send(result);
}
