//! Appending: events, their index rows, the producers' numbers and the hub's rows, in one transaction.
//!
//! Nothing is written twice. A fact counts once by its producer's number, a hook once by its id, and a commit whose result
//! is unknown is settled (`lane`). Absent on purpose: any order of its own; stamps come from the engine.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use codi2_protocol::{Actor, Event, EventId, ProducerId, Stamp};

use crate::engine::{Abort, Transaction};
use crate::error::StoreError;
use crate::layout;
use crate::minutes::{self, Clock};
use crate::rows::Row;
use crate::store::{Place, Store, events_key};
use crate::value;

const HOUR_MS: u64 = 3_600_000;
/// Hours a hook's id is remembered, at least.
const HOOK_HOURS: u64 = 24;
/// A hook that comes so long after it ran, in ms, lay in a spool.
const LATE_MS: u64 = HOUR_MS;
/// Characters of an index term; a query for a longer one filters what the index gives.
pub(crate) const TERM_CHARS: usize = 200;

/// What counts only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dedupe {
    /// The fact it comes from: its producer and number. All that comes from one fact belongs into one batch.
    pub fact: Option<(ProducerId, u64)>,
    /// The hook record it comes from: its id and its own time (ms since the Unix epoch, the same at each replay).
    pub hook: Option<(EventId, u64)>,
}

impl Dedupe {
    /// From the hub itself: counts every time.
    pub const NONE: Self = Self { fact: None, hook: None };

    /// From a producer's fact.
    pub const fn fact(producer: ProducerId, seq: u64) -> Self {
        Self { fact: Some((producer, seq)), hook: None }
    }
}

/// One thing to append: an event, rows of the hub, or both. A fact without event or rows still moves its producer's
/// number.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pending {
    /// The event.
    pub event: Option<Event>,
    /// What it comes from.
    pub dedupe: Dedupe,
    /// Rows written together with it, and dropped with it.
    pub rows: Vec<Row>,
}

impl Pending {
    /// Whether a hook's record lay in a spool: until the spool is removed it may come again.
    fn has_lain(&self) -> bool {
        let received_ms = self.event.as_ref().map(|event| event.received_ms);
        let hook = self.dedupe.hook.zip(received_ms);
        hook.is_some_and(|((_, at_ms), received_ms)| received_ms.saturating_sub(at_ms) > LATE_MS)
    }
}

pub(crate) struct Encoded<'a> {
    pending: &'a Pending,
    value: Option<Vec<u8>>,
}

impl<'a> Encoded<'a> {
    pub(crate) fn of(pending: &'a Pending) -> Result<Self, StoreError> {
        Ok(Self { pending, value: pending.event.as_ref().map(value::encode).transpose()? })
    }
}

/// What one run of the body decided: the order of each pending's event, where it has one and is no duplicate.
pub(crate) type Plan = Vec<Option<u16>>;

impl Store {
    /// Appends a batch in one durable transaction and tells each event's place: `None` for a duplicate, which is
    /// dropped with its rows, and for a pending without an event. Numbers of one producer ascend inside a batch.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for an event over 90 kB or a batch over 10 MB (keep it under 1 MB); whatever ends the
    /// process. After an error nothing of the batch may be acknowledged; the same batch may be appended again.
    pub fn append(&self, batch: &[Pending]) -> Result<Vec<Option<Stamp>>, StoreError> {
        self.append_patiently(batch, &mut |_| false)
    }

    /// As [`Store::append`]; where there is no room ([`crate::Fate::Later`]) or the store stays busy ([`crate::Fate::Retry`]) `wait` is told so each time, and whether it
    /// is to be tried again is what it returns. An append that is tried again by its caller instead would not know
    /// whether an earlier try with an unknown result was stored.
    ///
    /// # Errors
    /// As [`Store::append`]; [`StoreError::Full`] where `wait` gave up.
    pub fn append_patiently(
        &self,
        batch: &[Pending],
        wait: &mut dyn FnMut(&StoreError) -> bool,
    ) -> Result<Vec<Option<Stamp>>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let batch = batch.iter().map(Encoded::of).collect::<Result<Vec<_>, StoreError>>()?;
        let (plan, commit) = self.settled(true, wait, &mut |transaction| self.plan(transaction, &batch))?;
        let stamp = |order| Place { incarnation: self.incarnation, order, event: None }.stamp(&commit);
        Ok(plan.into_iter().map(|order| order.map(stamp)).collect())
    }

    /// Reads what decides about duplicates, writes everything else; tells whether anything was written.
    pub(crate) fn plan(&self, transaction: &mut dyn Transaction, batch: &[Encoded<'_>]) -> Result<(Plan, bool), Abort> {
        if self.is_shared() {
            transaction.ahead(&self.reads(batch));
            transaction.ahead_guarded(&producers_of(batch), &minutes::all());
        }
        let mut clock = Clock::read(self, transaction)?;
        let mut producers = self.producers(transaction, batch)?;
        let mut hooks: BTreeMap<EventId, bool> = BTreeMap::new();
        let forgets = !batch.iter().any(|encoded| encoded.pending.has_lain());
        let mut plan = Vec::with_capacity(batch.len());
        let (mut events, mut wrote) = (0_u16, false);
        for Encoded { pending, value } in batch {
            let mut fresh = true;
            if let Some((producer, seq)) = pending.dedupe.fact
                && let Some((durable, highest)) = producers.get_mut(&producer)
            {
                fresh = seq > *durable;
                *highest = seq.max(*highest);
            }
            if let (true, Some((id, at_ms))) = (fresh, pending.dedupe.hook) {
                fresh = match hooks.get(&id) {
                    Some(fresh) => *fresh,
                    None => self.remember_hook(transaction, id, at_ms, pending, forgets)?,
                };
                hooks.insert(id, fresh);
            }
            let (true, Some(event), Some(value)) = (fresh, &pending.event, value) else {
                if fresh {
                    wrote |= !pending.rows.is_empty();
                    pending.rows.iter().try_for_each(|row| row.write(self, transaction))?;
                }
                plan.push(None);
                continue;
            };
            clock.tick(self, transaction, event, events)?;
            self.write_event(transaction, event, value, events)?;
            pending.rows.iter().try_for_each(|row| row.write(self, transaction))?;
            plan.push(Some(events));
            events =
                events.checked_add(1).ok_or_else(|| StoreError::Shape("over 65,535 events in a batch".to_owned()))?;
        }
        for (producer, (durable, highest)) in producers {
            if highest > durable {
                let key = producer_row(producer);
                transaction.set(&key, &value::seal(&key, &value::encode(&highest)?))?;
                wrote = true;
            }
        }
        wrote |= hooks.values().any(|fresh| *fresh);
        if let Some(last) = events.checked_sub(1) {
            transaction.add(&events_key(), value::counter(u64::from(events)))?;
            self.set_place(transaction, &layout::single("head"), last, None)?;
        }
        Ok((plan, wrote || events > 0))
    }

    /// The durable number of each producer in the batch, twice: as it is, and as it will be.
    fn producers(
        &self,
        transaction: &mut dyn Transaction,
        batch: &[Encoded<'_>],
    ) -> Result<BTreeMap<ProducerId, (u64, u64)>, Abort> {
        let mut producers = BTreeMap::new();
        for (producer, _) in batch.iter().filter_map(|encoded| encoded.pending.dedupe.fact) {
            if let Entry::Vacant(entry) = producers.entry(producer) {
                let durable = self.read_row(transaction, &producer_row(producer))?.unwrap_or(0);
                entry.insert((durable, durable));
            }
        }
        Ok(producers)
    }

    fn write_event(
        &self,
        transaction: &mut dyn Transaction,
        event: &Event,
        value: &[u8],
        order: u16,
    ) -> Result<(), Abort> {
        let suffix = order.to_be_bytes();
        let mut append = |list: &[u8], payload: &[u8]| {
            let prefix = layout::before_stamp(list, self.incarnation);
            transaction.append_stamped(&prefix, &suffix, &value::seal_stamped(&prefix, &suffix, payload))
        };
        append(&layout::single("e"), value)?;
        for list in lists(event) {
            append(&list, &[])?;
        }
        self.set_place(transaction, &layout::space("i", &event.id.uuid()), order, None)
    }

    pub(crate) fn set_place(
        &self,
        transaction: &mut dyn Transaction,
        key: &[u8],
        order: u16,
        event: Option<EventId>,
    ) -> Result<(), Abort> {
        let payload = value::encode(&Place { incarnation: self.incarnation, order, event })?;
        transaction.set_stamped_value(key, &value::seal(key, &payload))
    }

    /// The rows that decide about a batch besides its producers', in a store elsewhere.
    fn reads(&self, batch: &[Encoded<'_>]) -> Vec<Vec<u8>> {
        let mut keys = BTreeSet::new();
        for Encoded { pending, .. } in batch {
            keys.extend(pending.dedupe.hook.map(|(id, at_ms)| self.hook(id, at_ms)));
            keys.extend(pending.rows.iter().filter_map(Row::reads));
        }
        keys.into_iter().collect()
    }

    /// Whether a hook's id is new; it is then remembered, and what this machine remembered over a day ago is forgotten, unless
    /// something of a spool is being taken in: its records may be older than that. What others remember is theirs: their clocks
    /// may be behind.
    fn remember_hook(
        &self,
        transaction: &mut dyn Transaction,
        id: EventId,
        at_ms: u64,
        pending: &Pending,
        forgets: bool,
    ) -> Result<bool, Abort> {
        let key = self.hook(id, at_ms);
        if transaction.get(&key)?.is_some() {
            return Ok(false);
        }
        if forgets {
            let now_ms = pending.event.as_ref().map_or(at_ms, |event| event.received_ms);
            let (begin, _) = layout::below(&layout::space("h", &self.machine));
            let end = layout::space("h", &(self.machine, (now_ms / HOUR_MS).saturating_sub(HOOK_HOURS)));
            transaction.clear_range(&begin, &end)?;
        }
        transaction.set(&key, &value::seal(&key, &value::encode(&at_ms)?))?;
        Ok(true)
    }

    /// The row of a hook that this machine has seen.
    fn hook(&self, id: EventId, at_ms: u64) -> Vec<u8> {
        layout::space("h", &(self.machine, at_ms / HOUR_MS, id.uuid()))
    }
}

/// The row of a producer. Only appends write such rows, and all of them as guarded ones.
pub(crate) fn producer_row(producer: ProducerId) -> Vec<u8> {
    layout::space("p", &producer.uuid())
}

/// The rows of the batch's producers.
fn producers_of(batch: &[Encoded<'_>]) -> Vec<Vec<u8>> {
    let producers: BTreeSet<_> = batch.iter().filter_map(|encoded| Some(encoded.pending.dedupe.fact?.0)).collect();
    producers.into_iter().map(producer_row).collect()
}

/// The index lists that an event stands in.
pub(crate) fn lists(event: &Event) -> Vec<Vec<u8>> {
    let mut lists = vec![layout::space("k", &term(event.kind())), actor_list(event.actor.kind.as_str())];
    for name in event.actor.chain().map(|actor| Actor::short_name(&actor.name)).filter(|name| !name.is_empty()) {
        let list = actor_list(name);
        if !lists.contains(&list) {
            lists.push(list);
        }
    }
    if let Some(session) = event.session {
        lists.push(layout::space("s", &session.uuid()));
    }
    if let Some(file) = &event.file {
        lists.push(layout::space("f", &file.as_str()));
    }
    lists
}

/// The list of an actor's kind, or of a name of an actor or of somebody on whose behalf it acts.
pub(crate) fn actor_list(name: &str) -> Vec<u8> {
    layout::space("a", &term(Actor::short_name(name)))
}

/// A name cut to what an index key holds.
pub(crate) fn term(name: &str) -> &str {
    name.char_indices().nth(TERM_CHARS).map_or(name, |(end, _)| &name[..end])
}
