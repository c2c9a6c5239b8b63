//! Reading the log for clients: pages and tails. On threads that may block, a page at a time, at the reader's pace.
//!
//! A tail is a cursor (ADR 0003): it loses nothing and holds one page; a slow reader is only late. Where the log cannot
//! be read any more the reader is told and cut off, never left waiting. Absent on purpose: what events mean.

use std::sync::Arc;

use codi2_ipc::{SendError, Writer};
use codi2_protocol::{ErrorCode, Filter, HubError, HubFrame, Notice, Reply, Stamp, StampedEvent, limits};
use codi2_store::{Store, StoreError};

use crate::clients::Heard;
use crate::core::ConnectionId;
use crate::server::Shared;

/// Bytes of events in one frame of a tail or a page, at most, as JSON: as MessagePack they are fewer.
const PAGE_BYTES: usize = limits::FRAME_BYTES / 2;

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
        let (last, frames) = read(shared, move |store| page(store, &filter, cursor)).await?;
        let Some(last) = last else {
            if durable.changed().await.is_err() {
                return Ok(());
            }
            continue;
        };
        cursor = Some(last);
        for frame in frames {
            match writer.send(&frame).await {
                Ok(()) => {}
                Err(SendError::Frame(error)) => {
                    return Err(HubError { code: ErrorCode::TooLarge, message: error.to_string() });
                }
                Err(SendError::Full | SendError::Closed) => return Ok(()),
            }
        }
    }
}

/// The events after a place, as frames, and the place of the last one that was looked at.
fn page(store: &Store, filter: &Filter, cursor: Option<Stamp>) -> Result<(Option<Stamp>, Vec<HubFrame>), StoreError> {
    let events = store.tail_after(cursor, limits::PAGE_EVENTS)?;
    let last = events.last().map(|event| event.stamp);
    let mut wanted: Vec<StampedEvent> = events.into_iter().filter(|event| filter.accepts(&event.event)).collect();
    let mut frames = Vec::new();
    while !wanted.is_empty() {
        let later = wanted.split_off(fitting(&wanted));
        frames.push(HubFrame::Notice(Notice::Events { events: std::mem::replace(&mut wanted, later) }));
    }
    Ok((last, frames))
}

/// How many of these events fit into a frame, at least one.
fn fitting(events: &[StampedEvent]) -> usize {
    let mut bytes = 0;
    let fits = |event: &&StampedEvent| {
        bytes += serde_json::to_vec(event).map_or(0, |json| json.len());
        bytes <= PAGE_BYTES
    };
    events.iter().take_while(fits).count().max(1).min(events.len())
}

/// Reads the store on a thread that may block.
pub async fn read<T: Send + 'static>(
    shared: &Shared,
    body: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, HubError> {
    let store = Arc::clone(&shared.store);
    let result = tokio::task::spawn_blocking(move || body(&store)).await;
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(HubError { code: ErrorCode::Store, message: error.to_string() }),
        Err(error) => Err(HubError { code: ErrorCode::Store, message: format!("reading the store failed: {error}") }),
    }
}
