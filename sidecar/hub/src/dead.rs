//! What the dead left: spools of producers and of hooks. Taken in on the core's thread, in order and a batch at a time,
//! so that nothing new is judged before it and nothing piles up; each file goes once its facts are durable.
//!
//! A file that cannot be read stays where it is. What damage destroyed at a spool's start shows only as a jump in
//! numbers and becomes a gap here; elsewhere the spool tells it. Absent on purpose: what facts mean.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};

use codi2_ipc::Places;
use codi2_ipc::hooks::{self, Brought, DeadHooks};
use codi2_ipc::spool::{self, DeadSpool};
use codi2_protocol::{Actor, Body, Event, EventBody, EventId, Fact, Gap, GapReason, Numbered, ProducerId};
use codi2_store::{Fate, Store, StoreError};

use crate::core::{Entry, Input};
use crate::world::{is_away, patiently};

/// Spools open at once, at most: each is open until its facts are durable.
const AT_ONCE: usize = 32;

/// What is to be done, in order.
pub enum Piece {
    /// The core takes this.
    Input(Input),
    /// This is written.
    Write(Entry),
    /// This is called when everything before is durable; dropped where it never will be.
    Durable(Box<dyn FnOnce() + Send>),
    /// This is said in the status.
    Problem(String),
    /// The store was not waited for any more: what comes now would be judged without what the dead left.
    GivenUp(StoreError),
}

/// Looks for what the dead left.
pub struct Dead {
    places: Places,
    /// The hub, as producer of events of its own.
    hub: ProducerId,
    /// Producers whose spool cannot be read.
    unreadable: HashSet<ProducerId>,
    /// Held by hooks' files that are taken in and not durable yet.
    hooks: Arc<()>,
}

impl Dead {
    /// Of these places; `hub` is the producer of events of its own.
    pub fn new(places: Places, hub: ProducerId) -> Self {
        Self { places, hub, unreadable: HashSet::new(), hooks: Arc::default() }
    }

    /// Hands over what lies there now; `whole`: all of it, else a few spools, and the rest the next time.
    pub fn drain(&mut self, store: &Store, whole: bool, now_ms: u64, take: &mut dyn FnMut(Piece)) {
        loop {
            let unreadable = &self.unreadable;
            let round: Vec<DeadSpool> = match spool::drain(&self.places, |producer| unreadable.contains(&producer)) {
                Ok(found) => found.take(AT_ONCE).collect(),
                Err(error) => {
                    take(Piece::Problem(format!("the spools cannot be listed: {error}")));
                    break;
                }
            };
            let is_last = round.len() < AT_ONCE;
            for spool in round {
                if !self.spool(spool, store, take) {
                    return;
                }
            }
            if is_last || !whole || store.is_ending() || !settled(take) {
                break;
            }
        }
        // Taken and not removed yet, they would come again.
        if Arc::strong_count(&self.hooks) == 1 {
            match hooks::drain(&self.places) {
                Ok(found) => found.into_iter().for_each(|file| self.hooks(file, now_ms, take)),
                Err(error) => take(Piece::Problem(format!("the hooks' spool cannot be read: {error}"))),
            }
        }
    }

    /// Hands over one spool; false where the hub ends while the store is away.
    fn spool(&mut self, spool: DeadSpool, store: &Store, take: &mut dyn FnMut(Piece)) -> bool {
        // Left for later, it would come after what is judged by it.
        match patiently(store, &mut || store.producer(spool.producer())) {
            Ok(durable) => self.facts(spool, durable, take),
            Err(error) if is_away(&error) => {
                take(Piece::GivenUp(error));
                return false;
            }
            // No room for now: it is drained later.
            Err(error) if error.fate() == Fate::Later => {}
            Err(error) => take(Piece::Problem(error.to_string())),
        }
        true
    }

    fn facts(&mut self, mut spool: DeadSpool, durable: u64, take: &mut dyn FnMut(Piece)) {
        let producer = spool.producer();
        let mut is_first = true;
        loop {
            let mut batch = match spool.next_batch() {
                Ok(batch) => batch,
                Err(error) => {
                    self.unreadable.insert(producer);
                    let message = format!("the spool of {producer} cannot be read and is left where it is: {error}");
                    return take(Piece::Problem(message));
                }
            };
            let Some(first) = batch.first() else { break };
            if std::mem::take(&mut is_first) {
                let told: u64 = batch.iter().map(lost_bytes).sum();
                let destroyed = spool.damage().bytes.saturating_sub(told);
                let gap = missing(durable, first, destroyed, spool.damage().is_serious());
                batch.splice(0..0, gap);
            }
            take(Piece::Input(Input::Drained(producer, durable, batch)));
        }
        // Part of a group whose rest was never written: it counts before the file goes.
        take(Piece::Input(Input::Spent(producer)));
        if spool.damage().is_serious() {
            take(Piece::Problem(format!("the spool of {producer} was damaged; it is kept with the ending .damaged")));
        }
        take(Piece::Durable(Box::new(move || removed(spool.remove()))));
    }

    fn hooks(&self, mut file: DeadHooks, now_ms: u64, take: &mut dyn FnMut(Piece)) {
        let mut first: Option<(EventId, u64)> = None;
        loop {
            match file.next_batch() {
                Ok(batch) if batch.is_empty() => break,
                Ok(batch) => {
                    first = first.or_else(|| batch.first().map(Brought::id));
                    for record in batch {
                        take(Piece::Input(Input::Called(None, 0, record.into())));
                    }
                }
                Err(error) => {
                    let message = format!("a file of the hooks' spool cannot be read and is left: {error}");
                    return take(Piece::Problem(message));
                }
            }
        }
        let damage = file.damage();
        let damaged = damage.is_serious().then_some(Gap {
            first_seq: 0,
            last_seq: 0,
            facts: damage.records,
            bytes: damage.bytes,
            reason: GapReason::SpoolDamaged,
        });
        for (which, gap) in [file.lost().cloned(), damaged].into_iter().enumerate() {
            if let Some(gap) = gap {
                take(Piece::Write(self.gap(gap, which as u128 + 1, first, now_ms)));
            }
        }
        let held = Arc::clone(&self.hooks);
        take(Piece::Durable(Box::new(move || {
            removed(file.remove());
            drop(held);
        })));
    }

    /// Hooks' records that were lost, as an event. It counts once, as the records beside it do: a file that an earlier
    /// hub took and did not remove comes again.
    fn gap(&self, gap: Gap, which: u128, beside: Option<(EventId, u64)>, now_ms: u64) -> Entry {
        let hook = beside.map(|(id, at_ms)| {
            let id = uuid::Uuid::from_u128(id.uuid().as_u128() ^ which);
            (EventId::from_uuid(id), at_ms)
        });
        let event = Event {
            id: EventId::new(),
            producer: self.hub,
            seq: 0,
            occurred_ms: now_ms,
            received_ms: now_ms,
            host: None,
            session: None,
            worktree: None,
            file: None,
            actor: Actor::unknown(),
            body: Body::Known(EventBody::Gap(gap)),
        };
        Entry { hook, events: vec![event], ..Entry::default() }
    }
}

/// Waits until everything handed over is durable; false where it never will be.
fn settled(take: &mut dyn FnMut(Piece)) -> bool {
    let (tell, told) = mpsc::channel();
    take(Piece::Durable(Box::new(move || tell.send(()).unwrap_or_default())));
    told.recv().is_ok()
}

fn lost_bytes(fact: &Numbered) -> u64 {
    match &fact.fact {
        Fact::Gap(gap) if gap.reason == GapReason::SpoolDamaged => gap.bytes,
        _ => 0,
    }
}

/// What is missing between what is durable and the first fact of a spool.
fn missing(durable: u64, first: &Numbered, bytes: u64, damaged: bool) -> Option<Numbered> {
    let begins = match &first.fact {
        Fact::Gap(gap) => gap.first_seq,
        _ => first.seq,
    };
    let last_seq = begins.checked_sub(1).filter(|last| *last > durable)?;
    // Undamaged, it was known to a store that is not this one.
    let reason = if damaged { GapReason::SpoolDamaged } else { GapReason::Other };
    let gap = Gap { first_seq: durable + 1, last_seq, facts: last_seq - durable, bytes, reason };
    Some(Numbered { seq: last_seq, occurred_ms: first.occurred_ms, session: None, fact: Fact::Gap(gap) })
}

fn removed(result: std::io::Result<Option<PathBuf>>) {
    match result {
        Ok(None) => {}
        Ok(Some(kept)) => tracing::warn!(kept = %kept.display(), "a damaged spool is kept aside"),
        // It comes again and changes nothing.
        Err(error) => tracing::warn!(%error, "a spool that is in the log cannot be removed"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::world::tests::Cluster;

    /// More spools than are open at once, over a store that is away until `then` was done.
    fn drained(then: impl Fn(&Cluster, &Store) + Sync) -> (usize, usize) {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::at(folder.path().join("s"), folder.path().join("r"));
        for _ in 0..=AT_ONCE {
            let path = spool::path(&places, ProducerId::new());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let cluster = Arc::new(Cluster::default());
        let store = Store::on(Arc::<Cluster>::clone(&cluster)).unwrap();
        cluster.is_away.store(true, Ordering::SeqCst);
        let (mut spent, mut given_up) = (0, 0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while cluster.asked.load(Ordering::SeqCst) < 2 {
                    std::thread::yield_now();
                }
                then(&cluster, &store);
            });
            Dead::new(places, ProducerId::new()).drain(&store, true, 1, &mut |piece| match piece {
                Piece::Input(Input::Spent(_)) => spent += 1,
                Piece::GivenUp(_) => given_up += 1,
                Piece::Durable(tell) => tell(),
                _ => {}
            });
        });
        (spent, given_up)
    }

    #[test]
    fn a_store_that_is_away_is_waited_for_before_anything_is_judged() {
        assert_eq!(drained(|cluster, _| cluster.is_away.store(false, Ordering::SeqCst)), (AT_ONCE + 1, 0));
    }

    #[test]
    fn a_hub_that_ends_leaves_the_spools_of_a_store_that_is_away() {
        assert_eq!(drained(|_, store| store.end_waits()), (0, 1));
    }
}
