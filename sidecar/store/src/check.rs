//! Looks at every row of a store: its checksum, its form, and whether what refers to another row finds it.
//!
//! Changes nothing, not even what opening a store does. Each page of rows is one transaction with what it refers to, so
//! a store in use can be checked, too. Absent on purpose: repairs, and what the hub's rows mean.

use std::collections::BTreeMap;
use std::sync::Arc;

use codi2_protocol::{Event, EventId, Stamp};
use serde::de::{DeserializeOwned, IgnoredAny};
use uuid::Uuid;

use crate::append;
use crate::engine::{Abort, Engine, PageLimit, Transaction};
use crate::error::StoreError;
use crate::layout::{self, SPACES, Subspace};
use crate::minutes::MINUTE_MS;
use crate::rows::Assembly;
use crate::store::{Root, Store};
use crate::value::{self, Damage};

/// Rows of one page: each may refer to several others.
const PAGE: usize = 256;
/// Faults told in words, at most; all are counted.
const TOLD: usize = 100;

/// What one space holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Rows.
    pub rows: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
    /// CRC-32C over all keys and values with their lengths, in order: equal in stores that hold the same.
    pub sum: u32,
}

impl Tally {
    pub(crate) fn add(&mut self, key: &[u8], stored: &[u8]) {
        self.rows += 1;
        self.bytes += (key.len() + stored.len()) as u64;
        for part in [key, stored] {
            self.sum = crc32c::crc32c_append(self.sum, &(part.len() as u64).to_le_bytes());
            self.sum = crc32c::crc32c_append(self.sum, part);
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// The layout and the incarnation, as the root row says.
    pub layout: u32,
    /// See there.
    pub incarnation: u64,
    /// Each space that has rows, by its name, in the order of the keys' names; the root row is not among them.
    pub spaces: BTreeMap<String, Tally>,
    /// What is wrong, in words: the first hundred.
    pub faults: Vec<String>,
    /// How many faults there are.
    pub faulty: u64,
}

impl Checked {
    fn fault(&mut self, fault: String) {
        self.faulty += 1;
        if self.faults.len() < TOLD {
            self.faults.push(fault);
        }
    }
}

/// How many events a store has that is only looked at; none where there is no store yet.
///
/// # Errors
/// As [`check`].
pub fn look(engine: Arc<dyn Engine>) -> Result<Option<u64>, StoreError> {
    if is_empty(&*engine)? {
        return Ok(None);
    }
    let store = Store::unopened(engine);
    match store.read(&mut |transaction| store.root(transaction))? {
        Some(_) => store.events().map(Some),
        None => Err(store.damaged(Damage("no root row".to_owned()))),
    }
}

/// Checks all rows.
///
/// # Errors
/// [`StoreError::Newer`], [`StoreError::Unfinished`], [`StoreError::Damaged`] where there is no root row to begin with;
/// whatever keeps the store from being read. Damaged rows are no error: they are what is told.
pub fn check(engine: Arc<dyn Engine>) -> Result<Checked, StoreError> {
    let store = &Store::unopened(engine);
    let mut checked = Checked::default();
    let root = store.read(&mut |transaction| store.root(transaction))?;
    let Root { layout, incarnation, .. } = root.ok_or_else(|| store.damaged(Damage("no root row".to_owned())))?;
    (checked.layout, checked.incarnation) = (layout, incarnation);
    let counted = |store: &Store| match store.events() {
        Err(StoreError::Damaged { detail, .. }) => Ok(Err(detail)),
        other => other.map(Ok),
    };
    let before = counted(store)?;
    let mut next = vec![0];
    let mut rows = PAGE;
    let mut open: Option<Assembly> = None;
    loop {
        let (page, found) = store.read(&mut |transaction| {
            let mut page = transaction.range(&next, &[0xff], false, PageLimit::rows(rows))?;
            if store.is_shared() {
                let others = page.rows.iter().flat_map(|(key, stored)| store.refers(key, stored));
                transaction.ahead(&others.collect::<Vec<_>>());
            }
            let (mut found, mut examined) = (Vec::new(), 0);
            for (key, stored) in &page.rows {
                // What they refer to is far away: the rest is for another transaction.
                if examined > 0 && transaction.is_late() {
                    break;
                }
                examined += 1;
                match store.examine(transaction, key, stored) {
                    Ok(()) => {}
                    Err(Abort::Store(StoreError::Damaged { detail, .. })) => found.push(detail),
                    Err(error) => return Err(error),
                }
            }
            page.more |= examined < page.rows.len();
            page.rows.truncate(examined);
            Ok((page, found))
        })?;
        // What one transaction could not look at the next need not read.
        rows = if page.rows.len() < rows { page.rows.len().max(1) } else { (rows * 2).min(PAGE) };

        found.into_iter().for_each(|fault| checked.fault(fault));
        for (key, stored) in &page.rows {
            if *key == layout::root() {
                continue;
            }
            let name = layout::space_of(key).unwrap_or_default();
            checked.spaces.entry(name.clone()).or_default().add(key, stored);
            // Values in several chunks are whole only together.
            if let Some(space) = Subspace::ALL.into_iter().find(|space| space.name() == name)
                && let Err(Damage(fault)) = together(space, key, stored, &mut open)
            {
                checked.fault(fault);
            }
        }
        match page.rows.last() {
            Some((last, _)) if page.more => next = [last, &[0][..]].concat(),
            _ => break,
        }
    }
    if let Some(unfinished) = open
        && let Err(Damage(fault)) = unfinished.finish::<IgnoredAny>()
    {
        checked.fault(fault);
    }
    let events = checked.spaces.get("e").map_or(0, |tally| tally.rows);
    match (before, counted(store)?) {
        // Already told, as the row that it is.
        (Err(_), _) | (_, Err(_)) => {}
        (Ok(before), Ok(after)) if (before..=after).contains(&events) => {}
        (Ok(before), Ok(_)) => checked.fault(format!("the log has {events} events, its counter says {before}")),
    }
    Ok(checked)
}

/// Puts a chunk to those before it; tells of a value that is not whole.
fn together(space: Subspace, key: &[u8], stored: &[u8], open: &mut Option<Assembly>) -> Result<(), Damage> {
    let begins = layout::split_chunk(space, key).is_some_and(|(_, _, number)| number == 0);
    let former = if begins { open.take() } else { None };
    let finished = former.map_or(Ok(()), |former| former.finish::<IgnoredAny>().map(drop));
    let assembly = match open {
        Some(assembly) => assembly,
        None => open.insert(Assembly::begin(space, key)?),
    };
    let pushed = assembly.push(key, stored);
    if pushed.is_err() || assembly.done() {
        let whole = open.take().map(|assembly| assembly.finish::<IgnoredAny>().map(drop));
        return finished.and(pushed).and(whole.unwrap_or(Ok(())));
    }
    finished
}

impl Store {
    /// The rows that [`Store::examine`] looks for, as far as this one can be read.
    fn refers(&self, key: &[u8], stored: &[u8]) -> Vec<Vec<u8>> {
        let log = layout::single("e");
        match layout::space_of(key).unwrap_or_default().as_str() {
            "e" => {
                let event: Option<Event> = decoded(value::unseal_stamped(key, stored), key).ok();
                let Some((event, stamp)) = event.zip(layout::stamp_in(&log, key)) else { return Vec::new() };
                let lists = append::lists(&event).into_iter().map(|list| layout::in_list(&list, &stamp));
                lists.chain([layout::space("i", &event.id.uuid())]).collect()
            }
            "i" | "t" | "head" => {
                let stamp = self.read_stamp(key, stored).ok();
                stamp.map(|(stamp, _)| layout::in_list(&log, &stamp)).into_iter().collect()
            }
            "s" | "f" | "a" | "k" => {
                layout::split_list(key).map(|(_, stamp)| layout::in_list(&log, &stamp)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// Verifies one row by itself and by what it refers to. Chunks of values are not put together here.
    fn examine(&self, transaction: &mut dyn Transaction, key: &[u8], stored: &[u8]) -> Result<(), Abort> {
        if key == layout::root() {
            return self.root(transaction).map(drop);
        }
        let name = layout::space_of(key).unwrap_or_default();
        let strange =
            || Abort::from(self.damaged(Damage(format!("a row in no known space: {}", layout::describe(key)))));
        let damaged = |damage| Abort::from(self.damaged(damage));
        if !SPACES.iter().any(|space| space.name == name) {
            return Err(strange());
        }
        match name.as_str() {
            "e" => {
                let stamp = layout::stamp_in(&layout::single("e"), key).ok_or_else(strange)?;
                let event: Event = decoded(value::unseal_stamped(key, stored), key).map_err(damaged)?;
                self.is_indexed(transaction, &event, stamp)
            }
            "i" => {
                let id: Uuid = layout::parts(key, "i").ok_or_else(strange)?;
                let (stamp, _) = self.read_stamp(key, stored)?;
                let event = self.event_at(transaction, stamp)?.event;
                if event.id == EventId::from_uuid(id) { Ok(()) } else { Err(self.astray(key)) }
            }
            "s" | "f" | "a" | "k" => {
                let (list, stamp) = layout::split_list(key).ok_or_else(strange)?;
                value::unseal_stamped(key, stored).map_err(damaged)?;
                let event = self.event_at(transaction, stamp)?.event;
                if append::lists(&event).contains(&list) { Ok(()) } else { Err(self.astray(key)) }
            }
            "t" => {
                let minute: u64 = layout::parts(key, "t").ok_or_else(strange)?;
                let (stamp, id) = self.read_stamp(key, stored)?;
                let event = self.event_at(transaction, stamp)?.event;
                let leads = id == Some(event.id) && event.received_ms / MINUTE_MS == minute;
                if leads { Ok(()) } else { Err(self.astray(key)) }
            }
            "head" => {
                let (stamp, _) = self.read_stamp(key, stored)?;
                self.event_at(transaction, stamp).map(drop)
            }
            "b" => value::unseal_stamp(key, stored).map(drop).map_err(damaged),
            "c" => value::count(key, stored).map(drop).map_err(damaged),
            "m" | "p" | "h" | "fence" => decoded::<u64>(value::unseal(key, stored), key).map(drop).map_err(damaged),
            "queue" => decoded::<IgnoredAny>(value::unseal_stamped(key, stored), key).map(drop).map_err(damaged),
            // The hub's: their chunks are put together by the caller.
            _ => Ok(()),
        }
    }

    /// An event's rows in the indexes: one by its id, one in each list it belongs to.
    fn is_indexed(&self, transaction: &mut dyn Transaction, event: &Event, stamp: Stamp) -> Result<(), Abort> {
        let key = layout::space("i", &event.id.uuid());
        let by_id = match transaction.get(&key)? {
            Some(stored) => Some(self.read_stamp(&key, &stored)?.0),
            None => None,
        };
        let mut missing = if by_id == Some(stamp) { Vec::new() } else { vec![key] };
        for list in append::lists(event) {
            let key = layout::in_list(&list, &stamp);
            if transaction.get(&key)?.is_none() {
                missing.push(key);
            }
        }
        match missing.first() {
            None => Ok(()),
            Some(key) => {
                let fault = format!("the event {} lacks the row {}", event.id, layout::describe(key));
                Err(self.damaged(Damage(fault)).into())
            }
        }
    }
}

fn decoded<T: DeserializeOwned>(payload: Result<&[u8], Damage>, key: &[u8]) -> Result<T, Damage> {
    payload.and_then(|payload| value::decode(key, payload))
}

/// Whether an engine holds any row of a store.
pub(crate) fn is_empty(engine: &dyn Engine) -> Result<bool, StoreError> {
    let mut empty = true;
    engine.transact(&mut |transaction| {
        empty = transaction.range(&[0], &[0xff], false, PageLimit::rows(1))?.rows.is_empty();
        Ok(())
    })?;
    Ok(empty)
}
