//! Reading the log: by place, by id, and by filter from the one index that fits best.
//!
//! Each page of keys is one transaction; between pages the log may grow at its end, never in its middle. Absent on
//! purpose: what an event means; an index only proposes, [`Filter::accepts`] decides.

use codi2_protocol::{Actor, Event, EventId, Filter, Stamp, StampedEvent};

use crate::append::{actor_list, term};
use crate::engine::{Abort, PageLimit, Transaction};
use crate::error::StoreError;
use crate::layout;
use crate::minutes::{MINUTE_MS, back_ms, minute_key};
use crate::store::Store;
use crate::value::{self, Damage};

/// Rows of one page, at most: the first holds what is asked for, and each further one twice as many.
const PAGE: usize = 256;
/// Rows of a list that is read late.
const FEW: usize = 8;
/// Events looked at in one call of [`Store::query`], at most: it then hands back what it has and where to go on.
const EXAMINED: usize = 8_192;

/// A page of a query.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Events {
    /// In the order asked for. May be shorter than the limit, even empty, although `next` is given: much was looked at
    /// and did not fit the filter.
    pub events: Vec<StampedEvent>,
    /// The cursor of the next page; absent at the end.
    pub next: Option<Stamp>,
}

/// A stretch of the log: from `from` up to but without `to`, in bytes of keys below a list.
struct Stretch {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Stretch {
    fn all() -> Self {
        Self { from: vec![0], to: vec![0xff] }
    }

    fn since(&mut self, stamp: &Stamp) {
        let from = layout::in_list(&[], stamp);
        self.from = from.max(std::mem::take(&mut self.from));
    }

    fn after(&mut self, stamp: &Stamp) {
        let mut from = layout::in_list(&[], stamp);
        from.push(0);
        self.from = from.max(std::mem::take(&mut self.from));
    }

    fn before(&mut self, stamp: &Stamp) {
        let to = layout::in_list(&[], stamp);
        self.to = to.min(std::mem::take(&mut self.to));
    }

    fn is_empty(&self) -> bool {
        self.from >= self.to
    }
}

impl Store {
    /// Events that the filter accepts, after the cursor (before it, where `newest_first`).
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; whatever ends the process.
    pub fn query(
        &self,
        filter: &Filter,
        cursor: Option<Stamp>,
        newest_first: bool,
        limit: usize,
    ) -> Result<Events, StoreError> {
        let mut page = Events::default();
        let Some(mut stretch) = self.stretch(filter)? else { return Ok(page) };
        let lists = best_lists(filter);
        let mut position = cursor;
        let mut examined = 0;
        let mut rows = limit.clamp(8, PAGE);
        while page.events.len() < limit && examined < EXAMINED {
            match position {
                Some(stamp) if newest_first => stretch.before(&stamp),
                Some(stamp) => stretch.after(&stamp),
                None => {}
            }
            let (found, more) = self.page(&lists, &stretch, newest_first, rows)?;
            // Fewer than asked for though there are more: there was no time for them.
            rows = if more && found.len() < rows { found.len().max(1) } else { (rows * 2).min(PAGE) };
            for found in found {
                if page.events.len() == limit {
                    page.next = position;
                    return Ok(page);
                }
                examined += 1;
                position = Some(found.stamp);
                if filter.accepts(&found.event) {
                    page.events.push(found);
                }
            }
            if !more {
                return Ok(page);
            }
        }
        page.next = position;
        Ok(page)
    }

    /// The event with this id.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; whatever ends the process.
    pub fn event(&self, id: EventId) -> Result<Option<StampedEvent>, StoreError> {
        let key = layout::space("i", &id.uuid());
        self.read(&mut |transaction| {
            let Some(stored) = transaction.get(&key)? else { return Ok(None) };
            let (stamp, _) = self.read_stamp(&key, &stored)?;
            let event = self.event_at(transaction, stamp)?;
            if event.event.id == id { Ok(Some(event)) } else { Err(self.astray(&key)) }
        })
    }

    /// Events after a place (all, if there is none), oldest first.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; whatever ends the process.
    pub fn tail_after(&self, stamp: Option<Stamp>, limit: usize) -> Result<Vec<StampedEvent>, StoreError> {
        Ok(self.query(&Filter::default(), stamp, false, limit)?.events)
    }

    /// Where events of the filter's time can stand; `None` if nowhere. `Clock` in `append` says why this is enough.
    fn stretch(&self, filter: &Filter) -> Result<Option<Stretch>, StoreError> {
        let (_, end) = layout::below(&layout::single("t"));
        self.read(&mut |transaction| {
            let first_from = |minute: u64, transaction: &mut dyn Transaction| {
                let page = transaction.range(&minute_key(minute), &end, false, PageLimit::rows(1))?;
                let Some((key, stored)) = page.rows.first() else { return Ok(None) };
                let (stamp, id) = self.read_stamp(key, stored)?;
                let event = self.event_at(transaction, stamp)?.event;
                if id == Some(event.id) { Ok(Some(stamp)) } else { Err(self.astray(key)) }
            };
            let mut stretch = Stretch::all();
            if let Some(since) = filter.since_ms {
                match first_from(since / MINUTE_MS, transaction)? {
                    Some(stamp) => stretch.since(&stamp),
                    None => return Ok(None),
                }
            }
            if let Some(until) = filter.until_ms {
                let last = until.saturating_sub(1);
                let latest = last.saturating_add(back_ms(self, transaction)?) / MINUTE_MS;
                if let Some(stamp) = first_from(latest.saturating_add(1), transaction)? {
                    stretch.before(&stamp);
                }
            }
            Ok(Some(stretch))
        })
    }

    /// One page of the events in any of the lists, merged by place; whether there may be more.
    fn page(
        &self,
        lists: &[Vec<u8>],
        stretch: &Stretch,
        newest_first: bool,
        rows: usize,
    ) -> Result<(Vec<StampedEvent>, bool), StoreError> {
        if stretch.is_empty() {
            return Ok((Vec::new(), false));
        }
        let log = layout::single("e");
        self.read(&mut |transaction| {
            let mut found: Vec<(Stamp, Option<StampedEvent>, usize)> = Vec::new();
            // Beyond the last row of a list that has more, another list's rows must wait.
            let mut frontier: Option<Stamp> = None;
            for (at, list) in lists.iter().enumerate() {
                let (from, to) = ([&list[..], &stretch.from].concat(), [&list[..], &stretch.to].concat());
                // Each list must have a say, however late it is.
                let rows = if transaction.is_late() { rows.min(FEW) } else { rows };
                let page = transaction.range(&from, &to, newest_first, PageLimit::rows(rows))?;
                let mut last = None;
                for (key, stored) in &page.rows {
                    let stamp = layout::stamp_in(list, key).ok_or_else(|| self.astray(key))?;
                    let payload = value::unseal_stamped(key, stored).map_err(|damage| self.damaged(damage))?;
                    let event = (*list == log).then(|| self.decode(key, stamp, payload)).transpose()?;
                    found.push((stamp, event, at));
                    last = Some(stamp);
                }
                if let (true, Some(last)) = (page.more, last) {
                    let earlier = |known: Stamp| if newest_first { known.max(last) } else { known.min(last) };
                    frontier = Some(frontier.map_or(last, earlier));
                }
            }
            found.sort_by_key(|(stamp, ..)| *stamp);
            found.dedup_by_key(|(stamp, ..)| *stamp);
            if newest_first {
                found.reverse();
            }
            if let Some(frontier) = frontier {
                found.retain(|(stamp, ..)| if newest_first { *stamp >= frontier } else { *stamp <= frontier });
            }
            let unread = found.iter().filter(|(_, event, _)| event.is_none());
            transaction.ahead(&unread.map(|(stamp, ..)| layout::in_list(&log, stamp)).collect::<Vec<_>>());
            let mut events = Vec::with_capacity(found.len());
            let mut more = frontier.is_some();
            for (stamp, event, at) in found {
                if !events.is_empty() && transaction.is_late() {
                    more = true;
                    break;
                }
                let event = match event {
                    Some(event) => event,
                    None => {
                        let event = self.event_at(transaction, stamp)?;
                        if !crate::append::lists(&event.event).contains(&lists[at]) {
                            return Err(self.astray(&layout::in_list(&lists[at], &stamp)));
                        }
                        event
                    }
                };
                events.push(event);
            }
            Ok((events, more))
        })
    }

    /// The event that a stored stamp points to: it must be there.
    pub(crate) fn event_at(&self, transaction: &mut dyn Transaction, stamp: Stamp) -> Result<StampedEvent, Abort> {
        let key = layout::in_list(&layout::single("e"), &stamp);
        let stored = transaction.get(&key)?.ok_or_else(|| self.astray(&key))?;
        let payload = value::unseal_stamped(&key, &stored).map_err(|damage| self.damaged(damage))?;
        self.decode(&key, stamp, payload)
    }

    fn decode(&self, key: &[u8], stamp: Stamp, payload: &[u8]) -> Result<StampedEvent, Abort> {
        let event: Event = value::decode(key, payload).map_err(|damage| self.damaged(damage))?;
        Ok(StampedEvent { stamp, event })
    }

    pub(crate) fn astray(&self, key: &[u8]) -> Abort {
        self.damaged(Damage(format!("a row points nowhere: {}", layout::describe(key)))).into()
    }
}

/// The lists that together hold everything the filter accepts, by the condition that leaves the least.
fn best_lists(filter: &Filter) -> Vec<Vec<u8>> {
    let (kind, name) = filter.actor.as_deref().map_or((None, None), Actor::question);
    // An empty name is in no list. All of the text may be a name, too.
    let name = name.filter(|name| !Actor::short_name(name).is_empty());
    let whole = filter.actor.as_deref().unwrap_or_default();
    if let Some(file) = &filter.file {
        vec![layout::space("f", &file.as_str())]
    } else if let Some(session) = filter.session {
        vec![layout::space("s", &session.uuid())]
    } else if let Some(name) = name {
        let mut lists = vec![actor_list(name), actor_list(whole)];
        lists.dedup();
        lists
    } else if !filter.kinds.is_empty() {
        let mut kinds = filter.kinds.clone();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.iter().map(|kind| layout::space("k", &term(kind))).collect()
    } else if let Some(kind) = kind {
        vec![actor_list(kind.as_str())]
    } else {
        vec![layout::single("e")]
    }
}
