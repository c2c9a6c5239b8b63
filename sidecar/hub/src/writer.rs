//! The writer: the only one who appends. Takes entries in order, many in one durable transaction, then says so.
//!
//! Group commit without waiting: whatever came while the last transaction was being synced goes into the next one.
//! Absent on purpose: decisions, and retries of a failed sync (the hub ends; what was not acknowledged comes again).

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use codi2_protocol::{Actor, Event, EventBody, Gap, GapReason, Notice, ProducerId};
use codi2_store::{Dedupe, Fate, Pending, Store, StoreError};

use crate::core::Entry;
use crate::world;

/// Entries in one transaction, at most.
const BATCH_ENTRIES: usize = 512;
/// Estimated bytes in one transaction, at most: below the megabyte that FoundationDB likes.
const BATCH_BYTES: usize = 800_000;

/// What the writer is told.
pub enum Order {
    /// Write this.
    Write(Box<Entry>),
    /// Say when everything before this is durable.
    Barrier(Box<dyn FnOnce() + Send>),
}

/// What the writer says.
#[derive(Debug)]
pub enum News {
    /// These notices are due: what they belong to is durable.
    Durable(Vec<(ProducerId, Notice)>),
    /// The store failed for good; nothing more is acknowledged.
    Failed(StoreError),
    /// One entry could not be stored; what it was about is a gap in the log.
    Refused(String),
}

/// A running writer.
pub struct Writer {
    orders: Sender<Order>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Starts the writer's thread.
    ///
    /// # Errors
    /// Where the system has no thread left.
    pub fn start(store: Arc<Store>, news: impl Fn(News) + Send + 'static) -> std::io::Result<Self> {
        let (orders, inbox) = channel();
        let thread =
            std::thread::Builder::new().name("codi2-writer".into()).spawn(move || write_all(&store, &inbox, &news))?;
        Ok(Self { orders, thread })
    }

    /// Where orders go.
    pub fn orders(&self) -> Sender<Order> {
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

fn write_all(store: &Store, inbox: &Receiver<Order>, news: &dyn Fn(News)) {
    while let Ok(first) = inbox.recv() {
        let mut batch = Vec::new();
        let mut barriers = Vec::new();
        let mut bytes = 0;
        let mut order = Some(first);
        while let Some(next) = order {
            match next {
                Order::Write(entry) => {
                    bytes += size(&entry);
                    batch.push(*entry);
                }
                Order::Barrier(tell) => barriers.push(tell),
            }
            order = if batch.len() < BATCH_ENTRIES && bytes < BATCH_BYTES { inbox.try_recv().ok() } else { None };
        }
        if let Err(error) = commit(store, &batch, news) {
            tracing::error!(%error, "the store failed; nothing more is acknowledged");
            news(News::Failed(error));
            return;
        }
        // Also where no producer is to be told: tails wait for what the hub itself saw, too.
        if !batch.is_empty() {
            news(News::Durable(batch.into_iter().flat_map(|entry| entry.then).collect()));
        }
        for tell in barriers {
            tell();
        }
    }
}

/// Appends a batch; one bad entry does not take the others with it.
fn commit(store: &Store, batch: &[Entry], news: &dyn Fn(News)) -> Result<(), StoreError> {
    let all: Result<Vec<_>, _> = batch.iter().map(pendings).collect();
    match all.and_then(|all| store.append(&all.concat())) {
        Ok(_) => return Ok(()),
        Err(error) if error.fate() == Fate::Process || batch.is_empty() => return Err(error),
        Err(error) if batch.len() == 1 => {
            news(News::Refused(format!("an event could not be stored: {error}")));
            return store.append(&gap(&batch[0])).map(|_| ());
        }
        Err(error) => tracing::warn!(%error, "a batch could not be stored: trying its entries one by one"),
    }
    for entry in batch.chunks(1) {
        commit(store, entry, news)?;
    }
    Ok(())
}

fn pendings(entry: &Entry) -> Result<Vec<Pending>, StoreError> {
    let dedupe = Dedupe { fact: entry.fact, hook: entry.hook };
    let mut rows = entry.rows.iter().map(world::encode).collect::<Result<Vec<_>, _>>()?;
    let mut pendings: Vec<Pending> = entry
        .events
        .iter()
        .map(|event| Pending { event: Some(event.clone()), dedupe, rows: std::mem::take(&mut rows) })
        .collect();
    if pendings.is_empty() && (entry.fact.is_some() || !rows.is_empty()) {
        pendings.push(Pending { event: None, dedupe, rows });
    }
    Ok(pendings)
}

/// What is stored in the place of an entry that cannot be: the fact counts, and the log says that something is missing.
fn gap(entry: &Entry) -> Vec<Pending> {
    let dedupe = Dedupe { fact: entry.fact, hook: entry.hook };
    let lost = entry.events.first().map(|event| {
        let gap = Gap {
            first_seq: event.seq,
            last_seq: event.seq,
            facts: 1,
            bytes: size(entry) as u64,
            reason: GapReason::Other,
        };
        Event { actor: Actor::unknown(), body: EventBody::Gap(gap).into(), ..event.clone() }
    });
    vec![Pending { event: lost, dedupe, rows: Vec::new() }]
}

/// About how many bytes an entry takes: ranges and spans are most of it.
fn size(entry: &Entry) -> usize {
    use crate::rows::Row;
    let row = |row: &Row| match row {
        Row::Owners { owners, .. } => 256 + owners.spans.len() * 24 + owners.owners.len() * 400,
        Row::Branch(_, _, Some(row)) => 256 + row.owners.spans.len() * 24 + row.owners.owners.len() * 400,
        Row::Disk(_, Some(row)) => 256 + row.lines.len() * 24,
        _ => 512,
    };
    entry.events.len() * 1_500 + entry.rows.iter().map(row).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use codi2_protocol::EventId;

    #[test]
    fn what_no_producer_reported_is_announced_too() {
        let (news, heard) = channel();
        let store = Arc::new(Store::memory().unwrap());
        let writer = Writer::start(Arc::clone(&store), move |item| drop(news.send(item))).unwrap();
        let event = Event {
            id: EventId::new(),
            producer: ProducerId::new(),
            seq: 0,
            occurred_ms: 1,
            received_ms: 1,
            session: None,
            worktree: None,
            file: None,
            actor: Actor::external(),
            body: EventBody::Private.into(),
        };
        writer.orders().send(Order::Write(Box::new(Entry { events: vec![event], ..Entry::default() }))).unwrap();
        writer.finish();
        assert!(matches!(heard.try_recv(), Ok(News::Durable(due)) if due.is_empty()));
        assert_eq!(store.events().unwrap(), 1);
    }
}
