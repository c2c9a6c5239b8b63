//! Reading the log for clients: pages and tails. On threads that may block, a page at a time, at the reader's pace.
//!
//! A tail is a cursor (ADR 0003): it loses nothing and holds one page, which is in the queue or being written before the
//! next is read; a slow reader is only late. Where the log cannot
//! be read any more the reader is told and cut off, never left waiting. Absent on purpose: what events mean.

use std::sync::Arc;

use codi2_ipc::{SendError, Writer};
use codi2_protocol::{ErrorCode, Filter, HubError, HubFrame, Notice, Reply, Stamp, StampedEvent, limits};
use codi2_store::{Fate, Store, StoreError};

use crate::clients::Heard;
use crate::core::ConnectionId;
use crate::server::Shared;

/// Bytes of events in one frame of a tail or a page, at most, as JSON: as MessagePack they are fewer.
const PAGE_BYTES: usize = limits::FRAME_BYTES / 2;

/// Events of a tail read from the store at once: each may be 90 kB.
const ROWS: usize = 64;

/// A page of the log.
pub async fn log(
    shared: &Shared,
    filter: Filter,
    cursor: Option<Stamp>,
    newest_first: bool,
    limit: u32,
) -> Result<Reply, HubError> {
    let limit = (limit as usize).clamp(1, limits::PAGE_EVENTS);
    read(shared, move |store| {
        let mut page = store.query(&filter, cursor, newest_first, limit)?;
        let fits = fitting(&page.events);
        if fits < page.events.len() {
            page.events.truncate(fits);
            page.next = page.events.last().map(|event| event.stamp);
        }
        Ok(Reply::Events { events: page.events, next: page.next })
    })
    .await
}

/// The place of the newest event.
pub async fn head(shared: &Shared) -> Result<Option<Stamp>, HubError> {
    read(shared, Store::head).await
}

/// Sends what fits the filter as it becomes durable, until the connection ends.
pub async fn tail(
    shared: Arc<Shared>,
    connection: ConnectionId,
    writer: Writer,
    filter: Filter,
    cursor: Option<Stamp>,
) {
    if let Err(error) = follow(&shared, &writer, Arc::new(filter), cursor).await {
        let _ = writer.send(&HubFrame::Error { id: None, error }).await;
        shared.tell(Heard::Left(connection));
    }
}

async fn follow(
    shared: &Shared,
    writer: &Writer,
    filter: Arc<Filter>,
    mut cursor: Option<Stamp>,
) -> Result<(), HubError> {
    let mut durable = shared.durable.subscribe();
    loop {
        // Before the read: what becomes durable from here on wakes.
        durable.mark_unchanged();
        let filter = Arc::clone(&filter);
        let (last, frame) = match attempt(shared, move |store| page(store, &filter, cursor)).await {
            Ok(page) => page,
            // A store that is away comes back: readers wait for it like everybody else.
            Err(StoreError::Away { .. }) => {
                if durable.changed().await.is_err() {
                    return Ok(());
                }
                continue;
            }
            // Busy, or so far away that a page took too long.
            Err(error) if error.fate() == Fate::Retry => continue,
            Err(error) => return Err(told(&error)),
        };
        let Some(last) = last else {
            if durable.changed().await.is_err() {
                return Ok(());
            }
            continue;
        };
        cursor = Some(last);
        if let Some(frame) = frame {
            match writer.send(&frame).await {
                Ok(()) => writer.drained().await,
                Err(SendError::Frame(error)) => {
                    return Err(HubError { code: ErrorCode::TooLarge, message: error.to_string() });
                }
                Err(SendError::Full | SendError::Closed) => return Ok(()),
            }
        }
    }
}

/// The events after a place, as many as fit into a frame, and the place of the last one that was looked at.
fn page(
    store: &Store,
    filter: &Filter,
    mut cursor: Option<Stamp>,
) -> Result<(Option<Stamp>, Option<HubFrame>), StoreError> {
    let (mut last, mut wanted, mut bytes, mut looked_at) = (None, Vec::new(), 0, 0);
    while looked_at < limits::PAGE_EVENTS {
        let events = store.tail_after(cursor, ROWS)?;
        let is_end = events.len() < ROWS;
        for event in events {
            if filter.accepts(&event.event) {
                bytes += json_bytes(&event);
                if bytes > PAGE_BYTES && !wanted.is_empty() {
                    return Ok((last, Some(HubFrame::Notice(Notice::Events { events: wanted }))));
                }
                (last, cursor) = (Some(event.stamp), Some(event.stamp));
                wanted.push(event);
            } else {
                (last, cursor) = (Some(event.stamp), Some(event.stamp));
            }
            looked_at += 1;
        }
        if is_end {
            break;
        }
    }
    Ok((last, (!wanted.is_empty()).then_some(HubFrame::Notice(Notice::Events { events: wanted }))))
}

fn json_bytes(event: &StampedEvent) -> usize {
    serde_json::to_vec(event).map_or(0, |json| json.len())
}

/// How many of these events fit into a frame, at least one.
fn fitting(events: &[StampedEvent]) -> usize {
    let mut bytes = 0;
    let fits = |event: &&StampedEvent| {
        bytes += json_bytes(event);
        bytes <= PAGE_BYTES
    };
    events.iter().take_while(fits).count().max(1).min(events.len())
}

/// Reads the store on a thread that may block.
pub async fn read<T: Send + 'static>(
    shared: &Shared,
    body: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, HubError> {
    attempt(shared, body).await.map_err(|error| told(&error))
}

async fn attempt<T: Send + 'static>(
    shared: &Shared,
    body: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let store = Arc::clone(&shared.store);
    let ended =
        |error: tokio::task::JoinError| StoreError::Io { doing: "read the store".into(), detail: error.to_string() };
    tokio::task::spawn_blocking(move || body(&store)).await.map_err(ended)?
}

fn told(error: &StoreError) -> HubError {
    HubError { code: ErrorCode::Store, message: error.to_string() }
}
