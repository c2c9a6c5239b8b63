//! The hub of a seed: core and writer over a store that misbehaves, killed and started.

use codi2_hub::machines::{Core, Effect as Wish, Entry, Input as Happening, write};
use codi2_protocol::{HostId, Notice, Numbered, ProducerId};

use super::World;

impl World {
    pub(super) fn hub_starts(&mut self) {
        if self.core.is_some() {
            return;
        }
        self.seen.hubs += 1;
        self.core = Some(Core::new(ProducerId::new(), HostId::new(), [7; 32]));
        self.tell_core(Happening::Begin);
        self.drains();
        self.tell_core(Happening::CaughtUp);
    }

    /// Without a word: what was not written is gone.
    pub(super) fn hub_dies(&mut self) {
        self.core = None;
        self.orders.clear();
        for at in 0..self.sidecars.len() {
            self.breaks(at);
        }
    }

    /// What the dead left; a spool goes when the store has it.
    pub(super) fn drains(&mut self) {
        let durable = self.spools.iter().map(|(producer, _)| self.store.producer(*producer).ok());
        let Some(durable) = durable.collect::<Option<Vec<u64>>>() else { return };
        let mut durable = durable.into_iter();
        self.spools.retain(|(_, spool)| {
            let durable = durable.next().unwrap_or(0);
            spool.last().is_some_and(|last| last.seq > durable)
        });
        for (producer, spool) in self.spools.clone() {
            let Ok(durable) = self.store.producer(producer) else { continue };
            let facts = spool.iter().map(|fact| Numbered::clone(fact)).collect();
            self.tell_core(Happening::Drained(producer, durable, facts));
            self.tell_core(Happening::Spent(producer));
        }
    }

    pub(super) fn tell_core(&mut self, happening: Happening) {
        let Some(core) = &mut self.core else { return };
        for wish in core.on(happening, self.now, &mut self.ports) {
            match wish {
                Wish::Commit(entry) => self.orders.push_back(entry),
                Wish::Notify(producer, notice) => self.notify(producer, notice),
                Wish::Reply(..) | Wish::Look(..) | Wish::Problem(_) => {}
            }
        }
    }

    pub(super) fn notify(&mut self, producer: ProducerId, notice: Notice) {
        let sidecar = self.sidecars.iter_mut().find(|sidecar| sidecar.producer == producer);
        if let Some(wire) = sidecar.and_then(|sidecar| sidecar.wire.as_mut()) {
            wire.down.push_back(notice);
        }
    }

    pub(super) fn writer_writes(&mut self) {
        if self.orders.is_empty() {
            return;
        }
        let count = 1 + self.dice.below(self.orders.len() as u64) as usize;
        let mut batch: Vec<Entry> = self.orders.drain(..count).collect();
        if self.is_forgetful {
            batch.iter_mut().for_each(|entry| entry.fact = None);
        }
        match write(&self.store, batch) {
            Ok(due) => due.into_iter().for_each(|(producer, notice)| self.notify(producer, notice)),
            // A store that cannot say what became of a commit ends the hub.
            Err(_) => self.hub_dies(),
        }
    }
}
