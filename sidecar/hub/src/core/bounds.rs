//! What keeps the core small: who goes when there are too many, and what a clock that was set back does.
//!
//! Sorts of things that have a bound of their own, where they are kept: texts and states in the `ledger`, changes and
//! calls that late evidence may still touch in `attribution`. `docs/reliability.md` lists all of them.

use codi2_protocol::ProducerId;

use super::Core;
use crate::ports::Ports;

/// Sessions at work, at most; then the one that was silent longest ends.
pub(super) const SESSIONS: usize = if cfg!(test) { 40 } else { 1_024 };
/// Producers that are followed without being connected, at most: whoever comes back is known by the store.
const PRODUCERS: usize = if cfg!(test) { 40 } else { 4_096 };
/// Worktrees watched, at most: each has a thread and the system's watches.
pub(super) const WORKTREES: usize = 256;
/// Calls that wait for one worktree's first look, at most.
pub(super) const WAITING_TICKETS: usize = 1_024;
/// Parts of groups that are not complete, of one producer and of all together, at most; then what there is is judged
/// as what it is, incomplete. So many events still fit into one transaction.
pub(super) const PARTS: (usize, usize) = (64, 256);
/// Bytes of whole texts arriving in parts, of all buffers together, at most: more than the longest document recorded.
pub(super) const FULL_BYTES: usize = 24 << 20;

impl Core {
    /// After each input: nobody holds a number of the book but what is kept.
    pub(super) fn sweep(&mut self) {
        if self.ledger.book.is_due() {
            let mut used = self.ledger.owners_in_use();
            used.extend(self.kept.values().flat_map(super::kept::Kept::owners_in_use));
            self.ledger.book.sweep(&used);
        }
    }

    /// A clock that was set back: what seems to come from later was just now.
    pub(super) fn anchor(&mut self, now: u64) {
        for session in self.sessions.values_mut() {
            session.seen_ms = session.seen_ms.min(now);
        }
        self.producers.values_mut().for_each(|producer| producer.heard_ms = producer.heard_ms.min(now));
        for worktree in self.worktrees.values_mut() {
            worktree.hooked_ms = worktree.hooked_ms.min(now);
        }
        self.heartbeats_ms = self.heartbeats_ms.min(now);
    }

    /// Makes room for another session.
    pub(super) fn room_for_session(&mut self, now: u64) {
        let quietest = |core: &Self| {
            let sessions = core.sessions.iter();
            sessions.min_by_key(|(_, session)| (session.connected, session.seen_ms)).map(|(id, _)| *id)
        };
        while self.sessions.len() >= SESSIONS
            && let Some(id) = quietest(self)
        {
            self.end_unheard(id, "too many sessions are at work: the one that was silent longest ends", now);
        }
    }

    /// Forgets those of `gone`, which are not connected, that are too many.
    pub(super) fn forget_too_many(&mut self, mut gone: Vec<ProducerId>, now: u64, ports: &mut dyn Ports) {
        let over = gone.len().saturating_sub(PRODUCERS);
        gone.sort_by_key(|producer| self.producers.get(producer).map_or(0, |known| known.heard_ms));
        for producer in gone.into_iter().take(over) {
            self.flush_last(producer, now, ports);
            self.producers.remove(&producer);
        }
    }

    /// Whether a producer's parts, or all parts, are too many to wait for the rest.
    pub(super) fn has_too_many_parts(&self, of_producer: usize) -> bool {
        let all = || self.producers.values().map(|producer| producer.parts.len()).sum::<usize>();
        of_producer >= PARTS.0 || (of_producer > 0 && all() >= PARTS.1)
    }

    /// Bytes of whole texts that are arriving.
    pub(super) fn full_bytes(&self) -> usize {
        self.full.values().flat_map(|(_, texts)| texts).map(String::len).sum()
    }
}
