//! The writer: the only one who appends. Takes entries in order, many in one durable transaction, then says so.
//!
//! Group commit without waiting: whatever came while the last transaction was being synced goes into the next one.
//! A full disk is waited out: nothing is acknowledged meanwhile, and whoever orders waits once enough waits here.
//! Absent on purpose: decisions, and retries of a failed sync (the store opens itself again, or the hub ends; what was not
//! acknowledged comes again).

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use codi2_protocol::{Actor, Event, EventBody, Gap, GapReason, HostId, Notice, ProducerId};
use codi2_store::{Dedupe, Fate, Pending, Store, StoreError};

use crate::core::Entry;
use crate::footing::Footing;
use crate::measures::{All, Measures};
use crate::rows::Row;

/// Entries in one transaction, at most.
const BATCH_ENTRIES: usize = 512;
/// Estimated bytes in one transaction, at most: below the megabyte that FoundationDB likes.
const BATCH_BYTES: usize = 800_000;
/// Orders that wait, at most; then whoever orders waits.
const WAITING_ORDERS: usize = 2 * BATCH_ENTRIES;

/// Pauses between looks whether the disk has room again: each costs opening the store.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How soon an end is seen while waiting.
const LOOK: Duration = Duration::from_millis(20);

/// What the writer is told.
pub enum Order {
    /// Write this, which came on a road that is measured, or did not.
    Write(Box<Entry>, Option<(Road, Instant)>),
    /// Say when everything before this is durable.
    Barrier(Box<dyn FnOnce() + Send>),
}

/// How what is written came to the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Road {
    /// As a producer's fact.
    Fact,
    /// From a watch.
    Watch,
}

/// What the writer says.
#[derive(Debug)]
pub enum News {
    /// These notices are due: what they belong to is durable.
    Durable(Vec<(ProducerId, Notice)>),
    /// Nothing can be stored until somebody makes room, in words; or none: it goes on.
    Waiting(Option<String>),
    /// The store failed for good; nothing more is acknowledged.
    Failed(StoreError),
    /// The store's file is not where it was: what was written went nowhere, and nothing more is acknowledged.
    Gone,
    /// The writer ended in a panic; nothing more is acknowledged.
    Panicked,
    /// One entry could not be stored; what it was about is a gap in the log.
    Refused(String),
}

/// A running writer.
pub struct Writer {
    orders: SyncSender<Order>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Starts the writer's thread, on the machine `host`; `footing` says whether the store's file is still found. Once `ending`, it does not wait for room any more.
    ///
    /// # Errors
    /// Where the system has no thread left.
    pub fn start(
        store: Arc<Store>,
        host: HostId,
        footing: Footing,
        measures: Measures,
        ending: Arc<AtomicBool>,
        news: impl Fn(News) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (orders, inbox) = sync_channel(WAITING_ORDERS);
        let work = move || {
            let mut desk = Desk {
                store: &store,
                host: Some(host),
                footing: &footing,
                measures: &measures,
                ending: &ending,
                news: &news,
                pause: FIRST_PAUSE,
                waits: false,
            };
            // The inbox outlives this: whoever finds it closed has been told why.
            if catch_unwind(AssertUnwindSafe(|| desk.write_all(&inbox))).is_err() {
                news(News::Panicked);
            }
        };
        let thread = std::thread::Builder::new().name("codi2-writer".into()).spawn(work)?;
        Ok(Self { orders, thread })
    }

    /// Where orders go.
    pub fn orders(&self) -> SyncSender<Order> {
        self.orders.clone()
    }

    /// Writes what was ordered and ends.
    pub fn finish(self) {
        drop(self.orders);
        if self.thread.join().is_err() {
            tracing::error!("the writer ended in a panic");
        }
    }
}

/// The writer's thread at work.
struct Desk<'a> {
    store: &'a Store,
    /// The machine that events are said to come from.
    host: Option<HostId>,
    footing: &'a Footing,
    measures: &'a All,
    ending: &'a AtomicBool,
    news: &'a dyn Fn(News),
    /// Before the next look whether there is room.
    pause: Duration,
    /// Whether it was told that the writer waits.
    waits: bool,
}

impl Desk<'_> {
    fn write_all(&mut self, inbox: &Receiver<Order>) {
        while let Ok(first) = inbox.recv() {
            let mut batch = Vec::new();
            let mut roads = Vec::new();
            let mut barriers = Vec::new();
            let mut bytes = 0;
            let mut order = Some(first);
            while let Some(next) = order {
                self.measures.writer_queue.leave();
                match next {
                    Order::Write(entry, road) => {
                        roads.extend(road);
                        bytes += size(&entry);
                        batch.push(*entry);
                    }
                    Order::Barrier(tell) => barriers.push(tell),
                }
                order = if batch.len() < BATCH_ENTRIES && bytes < BATCH_BYTES { inbox.try_recv().ok() } else { None };
            }
            let begun = Instant::now();
            if let Err(error) = self.commit(&batch) {
                tracing::error!(%error, "the store failed; nothing more is acknowledged");
                (self.news)(News::Failed(error));
                return;
            }
            if !batch.is_empty() && !self.footing.is_firm() {
                tracing::error!("the store's file was removed or replaced; nothing more is acknowledged");
                return (self.news)(News::Gone);
            }
            if !batch.is_empty() {
                self.measures.commit.took(begun.elapsed());
                self.measures.entries.record(batch.len() as u64);
            }
            for (road, came) in roads {
                match road {
                    Road::Fact => self.measures.durable.took(came.elapsed()),
                    Road::Watch => self.measures.watched.took(came.elapsed()),
                }
            }
            // Also where no producer is to be told: tails wait for what the hub itself saw, too.
            if !batch.is_empty() {
                (self.news)(News::Durable(due(batch)));
            }
            for tell in barriers {
                tell();
            }
        }
    }

    /// Appends a batch; one bad entry does not take the others with it.
    fn commit(&mut self, batch: &[Entry]) -> Result<(), StoreError> {
        let mut all = Vec::with_capacity(batch.len());
        let built = batch.iter().try_for_each(|entry| self.pendings(entry, &mut all));
        match built.and_then(|()| self.append(&all)) {
            Ok(_) => return Ok(()),
            // An unknown result is the store's trouble, not an entry's: written as a gap, the entry would be lost.
            Err(error) if matches!(error.fate(), Fate::Process | Fate::Later) || error == StoreError::Unknown => {
                return Err(error);
            }
            Err(error) if batch.len() <= 1 && error.fate() != Fate::Request => return Err(error),
            Err(error) if batch.len() == 1 => {
                (self.news)(News::Refused(format!("an event could not be stored: {error}")));
                return self.refuse(&batch[0]);
            }
            Err(error) => tracing::warn!(%error, "a batch could not be stored: trying its entries one by one"),
        }
        for entry in batch.chunks(1) {
            self.commit(entry)?;
        }
        Ok(())
    }

    /// Adds what is appended for an entry.
    fn pendings(&self, entry: &Entry, all: &mut Vec<Pending>) -> Result<(), StoreError> {
        let dedupe = Dedupe { fact: entry.fact, hook: entry.hook };
        let mut rows = entry.rows.iter().map(Row::stored).collect::<Result<Vec<_>, _>>()?;
        for event in &entry.events {
            let event = Event { host: self.host, ..event.clone() };
            all.push(Pending { event: Some(event), dedupe, rows: std::mem::take(&mut rows) });
        }
        if entry.events.is_empty() && (entry.fact.is_some() || !rows.is_empty()) {
            all.push(Pending { event: None, dedupe, rows });
        }
        Ok(())
    }

    /// What is stored in the place of an entry that cannot be: the fact counts, and the log says that something is missing.
    /// It must fit whatever made the entry not fit, for else the fact would come again and end every hub.
    fn refuse(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let dedupe = Dedupe { fact: entry.fact, hook: entry.hook };
        let lost = entry.events.first().map(|event| {
            let last_seq = entry.events.last().map_or(event.seq, |last| last.seq);
            let facts = (last_seq + 1).saturating_sub(event.seq).max(1);
            let bytes = size(entry) as u64;
            let gap = Gap { first_seq: event.seq, last_seq, facts, bytes, reason: GapReason::Other };
            Event { host: self.host, actor: Actor::unknown(), body: EventBody::Gap(gap).into(), ..event.clone() }
        });
        let nowhere = lost.clone().map(|event| Event { worktree: None, file: None, ..event });
        for event in [lost, nowhere] {
            match self.append(&[Pending { event, dedupe, rows: Vec::new() }]) {
                Err(error) if error.fate() == Fate::Request => {}
                result => return result.map(drop),
            }
        }
        self.append(&[Pending { event: None, dedupe, rows: Vec::new() }]).map(drop)
    }

    /// Appends; waits out a full disk, and a cluster that is away or busy.
    fn append(&mut self, batch: &[Pending]) -> Result<(), StoreError> {
        let store = self.store;
        let result = store.append_patiently(batch, &mut |error| self.wait(error));
        if result.is_ok() && std::mem::take(&mut self.waits) {
            self.pause = FIRST_PAUSE;
            (self.news)(News::Waiting(None));
        }
        result.map(drop)
    }

    /// Waits a while for room; false once the hub ends.
    fn wait(&mut self, error: &StoreError) -> bool {
        if !std::mem::replace(&mut self.waits, true) {
            tracing::warn!(%error, "waiting for the store");
            (self.news)(News::Waiting(Some(error.to_string())));
        }
        let until = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        while !self.ending.load(Ordering::Relaxed) {
            if Instant::now() >= until {
                return true;
            }
            std::thread::sleep(LOOK);
        }
        false
    }
}

/// Writes a batch without a thread and gives what is due then, for tests that drive the road by hand. Waits for no room.
///
/// # Errors
/// The store failed; nothing of the batch is acknowledged.
pub fn write(store: &Store, batch: Vec<Entry>) -> Result<Vec<(ProducerId, Notice)>, StoreError> {
    let ending = AtomicBool::new(true);
    let measures = Measures::default();
    let mut desk = Desk {
        store,
        host: None,
        footing: &Footing::default(),
        measures: &measures,
        ending: &ending,
        news: &|_| {},
        pause: FIRST_PAUSE,
        waits: false,
    };
    desk.commit(&batch)?;
    Ok(due(batch))
}

/// What is to be told after a batch: of each producer's acknowledgements the last one says it all.
fn due(batch: Vec<Entry>) -> Vec<(ProducerId, Notice)> {
    let mut due: Vec<_> = batch.into_iter().flat_map(|entry| entry.then).collect();
    let mut last: HashMap<ProducerId, usize> = HashMap::new();
    for (at, (producer, notice)) in due.iter().enumerate() {
        if matches!(notice, Notice::Durable { .. }) {
            last.insert(*producer, at);
        }
    }
    let mut at = 0;
    due.retain(|(producer, notice)| {
        at += 1;
        !matches!(notice, Notice::Durable { .. }) || last.get(producer) == Some(&(at - 1))
    });
    due
}

/// About how many bytes an entry takes: ranges and spans are most of it.
fn size(entry: &Entry) -> usize {
    let row = |row: &Row| match row {
        Row::Owners { owners, .. } => 256 + owners.spans.len() * 24 + owners.owners.len() * 400,
        Row::Branch(_, _, Some(row)) => 256 + row.owners.spans.len() * 24 + row.owners.owners.len() * 400,
        Row::Disk(_, _, Some(row)) => 256 + row.lines.len() * 24,
        _ => 512,
    };
    entry.events.len() * 1_500 + entry.rows.iter().map(row).sum::<usize>()
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
