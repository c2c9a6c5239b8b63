//! A change took lines out, and what was put in elsewhere before may be these (`across` says whether).

use codi2_protocol::{EventId, FileId};

use crate::core::Core;
use crate::core::kept::Kept;
use crate::ports::Ports;

impl Core {
    /// A change took lines out: what its agent put in before, elsewhere, may be these.
    pub(in crate::core) fn follow_moved(&mut self, event: EventId, now: u64, ports: &mut dyn Ports) {
        let Some(kept) = self.kept.get(&event) else { return };
        let Some(source) = kept.parted.as_ref() else { return };
        let calls = self.calls_at(kept, source);
        let puts = |(id, other): (&EventId, &Kept)| {
            let parted = other.parted.as_ref().filter(|_| *id != event)?;
            // One call that takes out and puts in moves; what its agent put in by another may be a copy.
            let is_apart = || self.calls_at(other, parted).is_disjoint(&calls);
            source.may_be_source_of(parted).then(|| (is_apart(), other.number, *id, parted.file.clone()))
        };
        let mut takers: Vec<(bool, u64, EventId, FileId)> = self.kept.iter().filter_map(puts).collect();
        takers.sort_unstable();
        for (_, _, id, file) in takers {
            let Some(change) = self.open.on(&file).find(|change| change.event == id).cloned() else { continue };
            let Some(mut kept) = self.kept.remove(&id) else { continue };
            let is_moved = self.take_moved(&mut kept, Some(event));
            if is_moved {
                self.upgrade(&file, &change, &mut kept, (&change.ruling).into(), now, ports);
            }
            self.kept.insert(id, kept);
            if is_moved {
                self.carry_on(&file, id, ports);
            }
        }
    }
}
