//! `codi2 log`: the latest events, oldest first.
//!
//! Absent on purpose: a pager, and sorting by time (stamps order).

use anyhow::Result;
use codi2_protocol::{Call, Filter, Reply, Stamp, StampedEvent, limits};
use jiff::Zoned;

use super::args::{Format, Log};
use super::follow::Follow;
use super::link::{Hub, LinkError};
use super::printer::Printer;
use super::{Surroundings, feed, tail, wanted};

/// Prints the log, and follows it if asked.
pub fn run(log: &Log, printer: &mut Printer, surroundings: &Surroundings) -> Result<()> {
    let now = Zoned::now();
    let mut filter = wanted::filter(&log.wanted, &now)?;
    let mut hub = surroundings.connect_or_start()?;
    wanted::settle(&mut filter, &mut *hub)?;
    let mut last = None;
    let mut first = true;
    let here = surroundings.here();
    // With --tail there is no end at which to close an array: one document a line, as in tail.
    let array = printer.format() == Format::Json && !log.tail;
    let read = read(&mut *hub, &filter, log.limit, &mut |event| {
        last = Some(event.stamp);
        if array {
            printer.json_item(std::mem::replace(&mut first, false), Some(event))
        } else {
            feed::print(printer, event, &now, here)
        }
    });
    if array {
        printer.json_item::<StampedEvent>(first, None)?;
    }
    printer.flush()?;
    read?;
    if !log.tail {
        return Ok(());
    }
    let mut follow = Follow { filter, after: last };
    if last.is_none() && log.limit > 0 {
        // Nothing was there: whatever comes is new, even what came since we looked.
        follow.after = Some(Stamp { incarnation: 0, bytes: [0; 12] });
    }
    tail::follow(follow, hub, printer, surroundings)
}

/// Hands over the latest `limit` events (0: all) that are wanted, oldest first.
pub fn read(
    hub: &mut dyn Hub,
    filter: &Filter,
    limit: u64,
    take: &mut dyn FnMut(&StampedEvent) -> Result<()>,
) -> Result<()> {
    if limit == 0 {
        return pages(hub, filter, false, u64::MAX, &mut |page| page.iter().try_for_each(&mut *take));
    }
    // The newest are at hand first; they are turned around, so as many as asked for are held.
    let mut newest = Vec::new();
    pages(hub, filter, true, limit, &mut |page| {
        newest.extend_from_slice(page);
        Ok(())
    })?;
    newest.iter().rev().try_for_each(take)
}

fn pages(
    hub: &mut dyn Hub,
    filter: &Filter,
    newest_first: bool,
    mut left: u64,
    take: &mut dyn FnMut(&[StampedEvent]) -> Result<()>,
) -> Result<()> {
    let mut cursor = None;
    while left > 0 {
        // Not more than a page, so it fits.
        let limit = left.min(limits::PAGE_EVENTS as u64) as u32;
        let Reply::Events { events, next } =
            hub.call(Call::Log { filter: filter.clone(), cursor, newest_first, limit })?
        else {
            return Err(LinkError::Odd("no events").into());
        };
        let events = &events[..events.len().min(limit as usize)];
        take(events)?;
        left -= events.len() as u64;
        // A page may be empty and yet not the last: the hub stops looking after a while.
        match next {
            Some(next) if cursor != Some(next) => cursor = Some(next),
            _ => break,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use codi2_protocol::{Actor, Event, EventBody, EventId, Notice, ProducerId};

    struct Played {
        log: Vec<StampedEvent>,
        page: usize,
    }

    impl Hub for Played {
        fn call(&mut self, call: Call) -> Result<Reply, LinkError> {
            let Call::Log { cursor, newest_first, limit, .. } = call else { panic!("{call:?}") };
            let mut found: Vec<_> = self
                .log
                .iter()
                .filter(|event| match cursor {
                    None => true,
                    Some(cursor) if newest_first => event.stamp < cursor,
                    Some(cursor) => event.stamp > cursor,
                })
                .cloned()
                .collect();
            if newest_first {
                found.reverse();
            }
            let page = self.page.min(limit as usize);
            let next = (found.len() > page).then(|| found[page - 1].stamp);
            found.truncate(page);
            Ok(Reply::Events { events: found, next })
        }
        fn news(&mut self) -> Result<Notice, LinkError> {
            panic!("nobody follows")
        }
    }

    #[test]
    fn the_latest_come_oldest_first_over_any_pages() {
        let event = |number: u8| StampedEvent {
            stamp: Stamp { incarnation: 1, bytes: [number; 12] },
            event: Event {
                id: EventId::new(),
                producer: ProducerId::new(),
                seq: 0,
                occurred_ms: 0,
                received_ms: 0,
                host: None,
                session: None,
                worktree: None,
                file: None,
                actor: Actor::unknown(),
                body: EventBody::Private.into(),
            },
        };
        for (page, limit, expected) in
            [(3, 0, 1..=10), (3, 4, 7..=10), (100, 4, 7..=10), (1, 100, 1..=10), (10, 10, 1..=10), (5, 1, 10..=10)]
        {
            let mut hub = Played { log: (1..=10).map(event).collect(), page };
            let mut seen = Vec::new();
            read(&mut hub, &Filter::default(), limit, &mut |event| {
                seen.push(event.stamp.bytes[0]);
                Ok(())
            })
            .unwrap();
            assert_eq!(seen, expected.collect::<Vec<u8>>(), "page {page}, limit {limit}");
        }
    }
}
