//! The store as the hub sees it: opening, the root row, counters, the head of the log.
//!
//! Absent on purpose: keys and values of the log (`append`, `query`), of the hub (`rows`).

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use codi2_protocol::{EventId, HostId, ProducerId, Stamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use uuid::Uuid;

use crate::append::producer_row;
use crate::engine::{ATTEMPTS, Abort, Body, Engine, PageLimit, Transaction};
use crate::error::{Fate, StoreError};
use crate::file::File;
use crate::lane::{LANE_MS, Lane, made_ms};
use crate::layout::{self, LAYOUT};
use crate::memory::Memory;
use crate::value::{self, Damage};
use crate::watch::Watch;

/// After so long a lane's row is forgotten though its process may live, in ms: a week, over which no append lasts.
const FORGOTTEN_MS: u64 = 7 * LANE_MS;

/// What the root row says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Root {
    pub(crate) layout: u32,
    pub(crate) incarnation: u64,
    /// The program that made the store, for people.
    made_by: String,
    /// While it is the target of a copy: of what store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    copying: Option<String>,
}

/// A stamp's other half, stored beside it: incarnation, and order inside the transaction. Where the key does not
/// name the event, its id: the checksum cannot cover the stamp, the id tells whether it leads to the right event.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) incarnation: u64,
    pub(crate) order: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<EventId>,
}

impl Place {
    pub(crate) fn stamp(self, commit: &[u8; 10]) -> Stamp {
        let mut bytes = [0; 12];
        bytes[..10].copy_from_slice(commit);
        bytes[10..].copy_from_slice(&self.order.to_be_bytes());
        Stamp { incarnation: self.incarnation, bytes }
    }
}

/// The event log and the hub's rows on one engine. Cheap to share behind an `Arc`; every call blocks.
pub struct Store {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) incarnation: u64,
    pub(crate) lanes: Mutex<Vec<Lane>>,
    /// Whose rows it writes that are kept for a while only; nil: nobody's.
    pub(crate) machine: Uuid,
    place: String,
    ending: AtomicBool,
}

impl Store {
    /// Opens the store in this file, or makes it where there is none (its folder too, for this user alone).
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Newer`], [`StoreError::InUse`], [`StoreError::Modes`],
    /// [`StoreError::Io`]; never opens something damaged as empty.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::on(Arc::new(File::open(path)?))
    }

    /// A store in memory, for tests.
    ///
    /// # Errors
    /// As [`Store::on`].
    pub fn memory() -> Result<Self, StoreError> {
        Self::on(Arc::new(Memory::new()))
    }

    /// The store on any engine.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Newer`].
    pub fn on(engine: Arc<dyn Engine>) -> Result<Self, StoreError> {
        let mut store = Self::unopened(engine);
        store.incarnation = store.begin()?;
        Ok(store)
    }

    /// The store as this machine's: hooks seen and lanes of appends are kept for a while, and whoever wrote them forgets them
    /// by its own clock. Where others write, too, no clock is right for all.
    ///
    /// # Errors
    /// As [`Store::on`].
    pub fn of(self, machine: HostId) -> Result<Self, StoreError> {
        let store = Self { machine: machine.uuid(), ..self };
        store.forget_lanes()?;
        Ok(store)
    }

    /// A store as it lies, if it is one.
    pub(crate) fn unopened(engine: Arc<dyn Engine>) -> Self {
        let place = engine.place();
        Self {
            engine,
            incarnation: 0,
            lanes: Mutex::default(),
            machine: Uuid::nil(),
            place,
            ending: AtomicBool::new(false),
        }
    }

    /// Reads the root row, or writes it into an empty store.
    fn begin(&self) -> Result<u64, StoreError> {
        let mut incarnation = 0;
        self.repeat(&mut |transaction| {
            incarnation = 0;
            if let Some(root) = self.root(transaction)? {
                incarnation = root.incarnation;
            } else {
                let any = transaction.range(&[0], &[0xff], false, PageLimit::rows(1))?;
                if let Some((key, _)) = any.rows.first() {
                    let detail = format!("no root row, but the row {}", layout::describe(key));
                    return Err(self.damaged(Damage(detail)).into());
                }
                self.set_root(transaction, 0, None)?;
            }
            Ok(())
        })?;
        self.forget_lanes()?;
        Ok(incarnation)
    }

    /// Lanes of processes that are gone: nobody asks for the result of their commits any more. Where others write, too,
    /// those of this machine that are old: a lane in use is never older than [`LANE_MS`].
    fn forget_lanes(&self) -> Result<(), StoreError> {
        let (begin, end) = if self.engine.exclusive() {
            layout::below(&layout::single("b"))
        } else {
            let old_ms = made_ms(&Uuid::now_v7()).saturating_sub(FORGOTTEN_MS);
            let (begin, _) = layout::below(&layout::space("b", &self.machine));
            (begin, self.lane(Uuid::from_u128(u128::from(old_ms) << 80)))
        };
        let forgotten = self.repeat(&mut |transaction| {
            // A start after an orderly end, and any on a full disk, must not need to write.
            if transaction.range(&begin, &end, false, PageLimit::rows(1))?.rows.is_empty() {
                return Ok(());
            }
            transaction.clear_range(&begin, &end)
        });
        match forgotten {
            Err(error) if error.fate() == Fate::Later => {
                tracing::warn!(%error, "kept for the next start: rows of appends that are over");
                Ok(())
            }
            other => other,
        }
    }

    pub(crate) fn root(&self, transaction: &mut dyn Transaction) -> Result<Option<Root>, Abort> {
        let Some(root) = self.read_row::<Root>(transaction, &layout::root())? else { return Ok(None) };
        if root.layout > LAYOUT {
            let place = self.place.clone();
            return Err(StoreError::Newer { place, found: root.layout, known: LAYOUT }.into());
        }
        if root.layout < LAYOUT {
            let place = self.place.clone();
            return Err(StoreError::Older { place, found: root.layout, known: LAYOUT }.into());
        }
        if let Some(from) = root.copying {
            return Err(StoreError::Unfinished { place: self.place.clone(), from }.into());
        }
        Ok(Some(root))
    }

    /// Writes the root row; `copying`: it is the target of a copy of that store, and none itself yet.
    pub(crate) fn set_root(
        &self,
        transaction: &mut dyn Transaction,
        incarnation: u64,
        copying: Option<&str>,
    ) -> Result<(), Abort> {
        let made_by = format!("codi2 {}", env!("CARGO_PKG_VERSION"));
        let root = Root { layout: LAYOUT, incarnation, made_by, copying: copying.map(str::to_owned) };
        let key = layout::root();
        transaction.set(&key, &value::seal(&key, &value::encode(&root)?))
    }

    /// Whether others use it, too, from other processes or machines.
    pub fn is_shared(&self) -> bool {
        !self.engine.exclusive()
    }

    /// Whoever waits for it to answer is to give up: its user ends.
    pub fn end_waits(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// Whether it is no use any more to wait for it to answer.
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Backend and place, in words.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What went wrong since it was opened and was mended, in words for people.
    pub fn mended(&self) -> Option<String> {
        self.engine.mended()
    }

    /// Bytes the store takes, on disk where it has one.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn bytes(&self) -> Result<u64, StoreError> {
        self.engine.bytes()
    }

    /// Events in the log.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; whatever ends the process.
    pub fn events(&self) -> Result<u64, StoreError> {
        self.counter(EVENTS)
    }

    /// The highest durable fact number of a producer; 0 if it is not known.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; whatever ends the process.
    pub fn producer(&self, producer: ProducerId) -> Result<u64, StoreError> {
        let key = producer_row(producer);
        Ok(self.read(&mut |transaction| self.read_row(transaction, &key))?.unwrap_or(0))
    }

    /// The place of the newest event.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; whatever ends the process.
    pub fn head(&self) -> Result<Option<Stamp>, StoreError> {
        let list = layout::single("e");
        let (begin, end) = layout::below(&list);
        let page = self.read(&mut |transaction| transaction.range(&begin, &end, true, PageLimit::rows(1)))?;
        let Some((key, _)) = page.rows.first() else { return Ok(None) };
        layout::stamp_in(&list, key).map(Some).ok_or_else(|| self.damaged(Damage(layout::describe(key))))
    }

    /// A watch that fires when events are appended after this call.
    ///
    /// # Errors
    /// Whatever ends the process.
    pub fn watch(&self) -> Result<Watch, StoreError> {
        self.engine.watch(&layout::single("head"))
    }

    pub(crate) fn damaged(&self, damage: Damage) -> StoreError {
        StoreError::damaged(self.place.clone(), damage.0)
    }

    /// A row whose value is sealed and encoded.
    pub(crate) fn read_row<T: DeserializeOwned>(
        &self,
        transaction: &mut dyn Transaction,
        key: &[u8],
    ) -> Result<Option<T>, Abort> {
        let Some(stored) = transaction.get(key)? else { return Ok(None) };
        let value = value::unseal(key, &stored).and_then(|payload| value::decode(key, payload));
        value.map(Some).map_err(|damage| self.damaged(damage).into())
    }

    /// A stored stamp, and the event it must lead to where the value says so.
    pub(crate) fn read_stamp(&self, key: &[u8], stored: &[u8]) -> Result<(Stamp, Option<EventId>), Abort> {
        let read = || {
            let (commit, payload) = value::unseal_stamp(key, stored)?;
            let place: Place = value::decode(key, payload)?;
            Ok((place.stamp(&commit), place.event))
        };
        read().map_err(|damage| self.damaged(damage).into())
    }

    /// A transaction that only reads.
    pub(crate) fn read<R>(
        &self,
        body: &mut dyn FnMut(&mut dyn Transaction) -> Result<R, Abort>,
    ) -> Result<R, StoreError> {
        let mut result = None;
        self.repeat(&mut |transaction| {
            result = Some(body(transaction)?);
            Ok(())
        })?;
        // A body that ran to its end left its result.
        result.ok_or(StoreError::Cancelled)
    }

    /// A transaction that may be done twice; an unknown result is tried again.
    pub(crate) fn repeat(&self, body: &mut Body<'_>) -> Result<(), StoreError> {
        for _ in 0..ATTEMPTS {
            match self.engine.transact(body) {
                Err(StoreError::Unknown) => {}
                result => return result.map(drop),
            }
        }
        Err(StoreError::Unknown)
    }
}

/// The counter of the log's events.
const EVENTS: &str = "events";

pub(crate) fn events_key() -> Vec<u8> {
    layout::space("c", &EVENTS)
}
