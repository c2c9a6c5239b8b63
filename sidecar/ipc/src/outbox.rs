//! The outbox: numbers facts, keeps them until the hub has them durably, and says what to send and what to spool.
//!
//! A pure state machine: [`Outbox::on`] takes an input and the time and returns effects; the driver in `client/`
//! carries them out. What always holds:
//! - Numbers begin at 1 and have no gaps; a fact keeps its number for good. A lost run of facts is told by one
//!   [`Fact::Gap`] that has the number of the last of them and counts from the first, so the hub sees that the run is
//!   whole. Only facts that were never sent are ever folded into a gap, so its counts are exact; the newest fact is
//!   never lost.
//! - Everything not acknowledged is in memory. While there is no connection it is on disk too (for the case that this
//!   process dies); with one, only what the hub has not acknowledged for [`Limits::spool_after_ms`].
//! - Memory and spool are bounded by [`Limits::bytes`] (and the newest fact).
//! - The hub takes a group of several parts as a whole, so no bound on what is on its way stops in the middle of one.
//! - A clock that is set back delays nothing: times only say how long something has waited.

mod queue;

use std::sync::Arc;

use codi2_protocol::limits::{BATCH_FACTS, SPOOL_BYTES, VALUE_BYTES};
use codi2_protocol::{Fact, Gap, GapReason, Numbered, SessionId};

use self::queue::{Entry, Queue};

/// Bounds of an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of facts kept in memory, and in the spool; more are folded into a gap, down to three quarters of this.
    pub bytes: u64,
    /// Bytes sent and not acknowledged, at most (by at most one batch, or the rest of a group in parts, more).
    pub in_flight: u64,
    /// Bytes of one batch (at least one fact goes).
    pub batch_bytes: u64,
    /// Facts of one batch.
    pub batch_facts: usize,
    /// Spool what a connected hub has not acknowledged for this long (ms).
    pub spool_after_ms: u64,
    /// After a failure of the spool, write it anew no sooner than this (ms).
    pub spool_retry_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: SPOOL_BYTES,
            in_flight: 2 << 20,
            batch_bytes: 256 << 10,
            batch_facts: BATCH_FACTS,
            spool_after_ms: 2_000,
            spool_retry_ms: 5_000,
        }
    }
}

/// What happens to an outbox.
#[derive(Debug, Clone)]
pub enum Input {
    /// Something to report.
    Fact {
        /// The session it belongs to.
        session: Option<SessionId>,
        /// When it happened (ms since the Unix epoch).
        occurred_ms: u64,
        /// What happened.
        fact: Fact,
    },
    /// A connection stands; the hub has everything up to `durable`.
    Connected {
        /// From its greeting.
        durable: u64,
    },
    /// The connection is gone.
    Disconnected,
    /// Everything up to `seq` is durable.
    Durable {
        /// From the hub.
        seq: u64,
    },
    /// The connection can take another batch.
    Writable,
    /// Time passed; about once a second while anything is pending.
    Tick,
    /// The spool could not be written.
    SpoolFailed,
    /// The process is about to end.
    Ending,
}

/// What an outbox wants done, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send this batch.
    Send(Vec<Arc<Numbered>>),
    /// Append to the spool.
    Append(Vec<Arc<Numbered>>),
    /// Make this the spool's whole content.
    Rewrite(Vec<Arc<Numbered>>),
    /// Empty the spool: the hub has all of it.
    Clear,
    /// Facts were lost. Tell whoever keeps state in the hub, so that it can be told anew.
    Lost(Gap),
}

/// See the module's description.
#[derive(Debug)]
pub struct Outbox {
    limits: Limits,
    /// The number of the next fact.
    next: u64,
    /// Everything up to here is durable in the hub.
    durable: u64,
    /// Not durable: from `durable + 1` to `next - 1`.
    queue: Queue,
    /// With a connection: sent on it up to here.
    link: Option<u64>,
    /// Bytes sent on this connection and not durable.
    flight: u64,
    /// Sent up to here on any connection, so the hub may have it.
    ever_sent: u64,
    /// The last number in the spool; `None` while it is empty.
    spooled: Option<u64>,
    /// Bytes of the facts in the spool, those that are durable by now included.
    spool_bytes: u64,
    /// When the spool failed, until it is written anew.
    spool_failed_ms: Option<u64>,
}

impl Outbox {
    /// An empty outbox, not connected.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            next: 1,
            durable: 0,
            queue: Queue::default(),
            link: None,
            flight: 0,
            ever_sent: 0,
            spooled: None,
            spool_bytes: 0,
            spool_failed_ms: None,
        }
    }

    /// Takes an input at `now_ms` (ms since the Unix epoch) and says what to do.
    pub fn on(&mut self, input: Input, now_ms: u64) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Fact { session, occurred_ms, fact } => {
                self.push(session, occurred_ms, fact, now_ms, &mut effects);
                if self.queue.bytes() > self.limits.bytes {
                    self.fold(now_ms, &mut effects);
                }
                if self.link.is_none() {
                    self.spool_all(&mut effects);
                }
            }
            Input::Connected { durable } => {
                (self.link, self.flight) = (None, 0);
                self.connected(durable, now_ms, &mut effects);
                self.link = Some(self.durable);
            }
            Input::Disconnected => {
                (self.link, self.flight) = (None, 0);
                self.spool_all(&mut effects);
            }
            Input::Durable { seq } => self.acknowledged(seq, &mut effects),
            Input::Writable => {
                let (batch, bytes) = self.batch();
                if let (Some(link), Some(last)) = (self.link.as_mut(), batch.last()) {
                    *link = last.seq;
                    self.flight += bytes;
                    self.ever_sent = self.ever_sent.max(last.seq);
                    effects.push(Effect::Send(batch));
                }
            }
            Input::Tick => {
                let waited = |entry: &Entry| since(entry.since_ms, now_ms) >= self.limits.spool_after_ms;
                let spooled = self.spooled.unwrap_or(self.durable);
                let overdue = self.queue.get(self.queue.after(spooled)).is_some_and(waited);
                let may_retry = |failed| since(failed, now_ms) >= self.limits.spool_retry_ms;
                if self.spool_failed_ms.is_some_and(may_retry) {
                    self.spool_failed_ms = None;
                    self.rewrite(&mut effects);
                } else if overdue {
                    self.spool_all(&mut effects);
                }
            }
            Input::SpoolFailed => {
                (self.spooled, self.spool_bytes) = (None, 0);
                self.spool_failed_ms = Some(now_ms);
            }
            Input::Ending => {
                if self.spool_failed_ms.take().is_some() {
                    self.rewrite(&mut effects);
                } else {
                    self.spool_all(&mut effects);
                }
            }
        }
        effects
    }

    /// Facts (gaps count as one) that the hub does not have durably.
    pub fn pending(&self) -> u64 {
        self.queue.len() as u64
    }

    /// Bytes of them, as they are written.
    pub fn pending_bytes(&self) -> u64 {
        self.queue.bytes()
    }

    /// The highest number given to a fact; 0 before the first.
    pub fn newest(&self) -> u64 {
        self.next - 1
    }

    /// Everything up to this number is durable.
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// Everything up to this number was sent on the present connection or needs no sending; `None` without one.
    pub fn sent(&self) -> Option<u64> {
        self.link
    }

    /// Whether [`Input::Writable`] would send something.
    pub fn has_unsent(&self) -> bool {
        let has_room = |sent| self.flight < self.limits.in_flight || self.is_inside_group(sent);
        self.link.is_some_and(|sent| sent < self.newest() && has_room(sent))
    }

    /// Whether the fact with this number is a part of a group whose rest comes after it. The hub acknowledges no part
    /// before it has all, so whoever waited for room inside a group would wait for ever.
    fn is_inside_group(&self, seq: u64) -> bool {
        let entry = self.queue.after(seq).checked_sub(1).and_then(|at| self.queue.get(at));
        entry.is_some_and(|entry| matches!(&entry.fact.fact, Fact::Edits(group) if group.part + 1 < group.parts))
    }

    /// Whether everything pending is in the spool.
    pub fn is_spooled(&self) -> bool {
        self.queue.is_empty() || self.spooled == Some(self.newest())
    }

    fn push(
        &mut self,
        session: Option<SessionId>,
        occurred_ms: u64,
        fact: Fact,
        now_ms: u64,
        effects: &mut Vec<Effect>,
    ) {
        let seq = self.next;
        self.next += 1;
        let mut entry = Entry::of(seq, Numbered { seq, occurred_ms, session, fact }, now_ms);
        if entry.bytes > VALUE_BYTES as u64 {
            // No store takes it. Sidecars cut groups long before; what slips through is told as lost.
            let bytes = entry.bytes;
            let gap = Gap { first_seq: seq, last_seq: seq, facts: 1, bytes, reason: GapReason::Other };
            effects.push(Effect::Lost(gap.clone()));
            entry = Entry::of(seq, Numbered { seq, occurred_ms, session, fact: Fact::Gap(gap) }, now_ms);
        }
        self.queue.push(entry);
    }

    fn connected(&mut self, durable: u64, now_ms: u64, effects: &mut Vec<Effect>) {
        // A hub can't have what was never numbered; such a claim is as good as "everything".
        let durable = durable.min(self.newest());
        if durable >= self.durable {
            return self.acknowledged(durable, effects);
        }
        // The hub had more durably than it has now: its store was replaced. What is gone is told as a gap.
        let (first, last) = (durable + 1, self.durable);
        let gap = Gap { first_seq: first, last_seq: last, facts: last - durable, bytes: 0, reason: GapReason::Other };
        self.durable = durable;
        self.queue.push_first(Entry::gap(gap.clone(), now_ms));
        if self.spooled.is_some() {
            self.rewrite(effects);
        }
        effects.push(Effect::Lost(gap));
    }

    fn acknowledged(&mut self, seq: u64, effects: &mut Vec<Effect>) {
        while let Some(entry) = self.queue.pop_up_to(seq) {
            self.durable = entry.last();
            if self.link.is_some_and(|sent| entry.last() <= sent) {
                self.flight = self.flight.saturating_sub(entry.bytes);
            }
        }
        if self.spooled.is_some_and(|spooled| spooled <= self.durable) {
            (self.spooled, self.spool_bytes) = (None, 0);
            effects.push(Effect::Clear);
        }
    }

    /// The next batch and its bytes; none without a connection, or while too much is on its way.
    fn batch(&self) -> (Vec<Arc<Numbered>>, u64) {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let Some(sent) = self.link.filter(|_| self.has_unsent()) else { return (batch, bytes) };
        for entry in self.queue.starting_at(self.queue.after(sent)).take(self.limits.batch_facts) {
            if bytes + entry.bytes > self.limits.batch_bytes && !batch.is_empty() {
                break;
            }
            bytes += entry.bytes;
            batch.push(Arc::clone(&entry.fact));
        }
        (batch, bytes)
    }

    /// Folds the oldest facts that were never sent into one gap.
    fn fold(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        let begin = self.queue.after(self.ever_sent);
        let Some(gap) = self.queue.fold(begin, self.limits.bytes / 4 * 3, now_ms) else { return };
        effects.push(Effect::Lost(gap));
        self.rewrite(effects);
    }

    /// Appends to the spool what it lacks.
    fn spool_all(&mut self, effects: &mut Vec<Effect>) {
        if self.spool_failed_ms.is_some() {
            return;
        }
        let begin = self.queue.after(self.spooled.unwrap_or(self.durable));
        if begin == self.queue.len() {
            return;
        }
        let bytes: u64 = self.queue.starting_at(begin).map(|entry| entry.bytes).sum();
        if self.spool_bytes + bytes > self.limits.bytes && self.spooled.is_some() {
            // A hub that is always a little late never lets the file be emptied: what is durable goes here.
            return self.rewrite(effects);
        }
        effects.push(Effect::Append(self.queue.facts_at(begin)));
        (self.spooled, self.spool_bytes) = (Some(self.newest()), self.spool_bytes + bytes);
    }

    /// Writes the whole spool anew.
    fn rewrite(&mut self, effects: &mut Vec<Effect>) {
        if self.spool_failed_ms.is_some() {
            return;
        }
        (self.spooled, self.spool_bytes) = (self.queue.last(), self.queue.bytes());
        effects.push(match self.spooled {
            Some(_) => Effect::Rewrite(self.queue.facts_at(0)),
            None => Effect::Clear,
        });
    }
}

/// Time from `then` to `now`, in ms; a clock that was set back meanwhile counts as for ever.
fn since(then: u64, now: u64) -> u64 {
    now.checked_sub(then).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
