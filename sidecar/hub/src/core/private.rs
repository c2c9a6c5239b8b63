//! Private files: whoever tells of one, nothing of it is recorded but that it changed.
//!
//! Our sidecars do not tell; this is for clients that do not know what is private here.

use codi2_protocol::{Actor, EventBody, Fact};

use super::{Core, Origin};
use crate::ports::Ports;

impl Core {
    /// The fact without what it says of private files; none where nothing is left, and then it is acknowledged.
    pub(super) fn without_private(&mut self, origin: Origin, fact: Fact, ports: &mut dyn Ports) -> Option<Fact> {
        let (file, changed) = match &fact {
            Fact::Edits(group) => (&group.file, group.part == 0),
            Fact::Opened { file, .. } | Fact::Saved { file, .. } | Fact::Closed { file, .. } => (file, false),
            Fact::SessionStarted { .. } | Fact::SessionEnded { .. } | Fact::Hook(_) | Fact::Gap(_) => {
                return Some(fact);
            }
        };
        if ports.is_private(file) {
            // What waits for more of its group is told before: numbers are acknowledged in order.
            self.flush_parts(origin, ports);
            let worktree = file.worktree.clone();
            let event = || codi2_protocol::Event {
                worktree: Some(worktree),
                ..origin.event(Actor::unknown(), EventBody::Private)
            };
            self.commit(origin, changed.then(event).into_iter().collect(), Vec::new());
            return None;
        }
        let Fact::Edits(mut group) = fact else { return Some(fact) };
        for edit in &mut group.edits {
            edit.copied.retain(|copied| copied.file.as_ref().is_none_or(|file| !ports.is_private(file)));
        }
        Some(Fact::Edits(group))
    }
}
