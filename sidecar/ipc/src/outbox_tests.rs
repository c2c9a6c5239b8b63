//! The outbox against a naive hub and spool: random reports, losses, acknowledgements, failures and deaths.

use std::collections::VecDeque;

use codi2_protocol::{Digest, EditGroup, FileId, GroupId, RepositoryId, WorktreeId};
use proptest::prelude::*;

use super::queue::encoded_bytes;
use super::*;

fn fact(reason: String) -> Fact {
    Fact::SessionEnded { reason }
}

fn limits() -> Limits {
    Limits { bytes: 4_000, in_flight: 600, batch_bytes: 300, batch_facts: 4, ..Limits::default() }
}

fn report(outbox: &mut Outbox, text: &str) -> Vec<Effect> {
    outbox.on(Input::Fact { session: None, occurred_ms: 1, fact: fact(text.into()) }, 1)
}

fn seqs(facts: &[Arc<Numbered>]) -> Vec<u64> {
    facts.iter().map(|fact| fact.seq).collect()
}

#[test]
fn connected_facts_go_out_in_batches_and_leave_when_durable() {
    let mut outbox = Outbox::new(Limits { batch_facts: 2, ..Limits::default() });
    assert_eq!(outbox.on(Input::Connected { durable: 0 }, 0), []);
    for text in ["a", "b", "c"] {
        assert_eq!(report(&mut outbox, text), [], "nothing is spooled while connected");
    }
    let [Effect::Send(batch)] = &outbox.on(Input::Writable, 1)[..] else { panic!() };
    assert_eq!(seqs(batch), [1, 2]);
    let [Effect::Send(batch)] = &outbox.on(Input::Writable, 1)[..] else { panic!() };
    assert_eq!(seqs(batch), [3]);
    assert_eq!(outbox.on(Input::Writable, 1), []);
    assert_eq!(outbox.on(Input::Durable { seq: 2 }, 2), []);
    assert_eq!((outbox.pending(), outbox.durable()), (1, 2));
    outbox.on(Input::Durable { seq: 3 }, 2);
    assert_eq!((outbox.pending(), outbox.pending_bytes(), outbox.durable()), (0, 0, 3));
}

/// The hub acknowledges a group when it has all of its parts, so the outbox must not wait for room between them.
#[test]
fn a_group_larger_than_what_may_be_in_flight_goes_out_whole() {
    let mut outbox = Outbox::new(Limits { bytes: 1 << 20, ..limits() });
    outbox.on(Input::Connected { durable: 0 }, 0);
    let worktree = WorktreeId { repository: RepositoryId::new(), name: String::new() };
    let group = EditGroup {
        group: GroupId::new(),
        file: FileId { worktree, path: "a".repeat(200) },
        part: 0,
        parts: 9,
        before: Digest::new([1; 32]),
        after: Digest::new([2; 32]),
        edits: Vec::new(),
        first_ms: 1,
        last_ms: 1,
    };
    for part in 0..9 {
        let fact = Fact::Edits(EditGroup { part, ..group.clone() });
        outbox.on(Input::Fact { session: None, occurred_ms: 1, fact }, 1);
    }
    report(&mut outbox, "after it");
    let mut sent = Vec::new();
    while outbox.has_unsent() {
        let effects = outbox.on(Input::Writable, 1);
        let [Effect::Send(batch)] = &effects[..] else { panic!("{effects:?}") };
        sent.extend(seqs(batch));
    }
    assert_eq!(sent, (1..=9).collect::<Vec<_>>(), "all of the group, and what comes after it waits for room");
    outbox.on(Input::Durable { seq: 9 }, 2);
    assert!(outbox.has_unsent());
}

#[test]
fn a_reconnect_replays_from_what_the_hub_has() {
    let mut outbox = Outbox::new(Limits::default());
    outbox.on(Input::Connected { durable: 0 }, 0);
    for text in ["a", "b", "c"] {
        report(&mut outbox, text);
    }
    outbox.on(Input::Writable, 1);
    let [Effect::Append(kept)] = &outbox.on(Input::Disconnected, 2)[..] else { panic!() };
    assert_eq!(seqs(kept), [1, 2, 3]);
    let [Effect::Append(kept)] = &report(&mut outbox, "d")[..] else { panic!() };
    assert_eq!(seqs(kept), [4]);
    assert!(outbox.is_spooled());
    assert_eq!(outbox.on(Input::Connected { durable: 2 }, 3), [], "the spool still holds what is not durable");
    let [Effect::Send(batch)] = &outbox.on(Input::Writable, 4)[..] else { panic!() };
    assert_eq!(seqs(batch), [3, 4]);
    assert_eq!(outbox.on(Input::Durable { seq: 4 }, 5), [Effect::Clear]);
}

#[test]
fn what_a_stuck_hub_does_not_acknowledge_is_spooled() {
    let mut outbox = Outbox::new(Limits::default());
    outbox.on(Input::Connected { durable: 0 }, 0);
    report(&mut outbox, "a");
    outbox.on(Input::Writable, 1);
    assert_eq!(outbox.on(Input::Tick, 2_000), []);
    let [Effect::Append(kept)] = &outbox.on(Input::Tick, 2_001)[..] else { panic!() };
    assert_eq!(seqs(kept), [1]);
    assert_eq!(outbox.on(Input::Tick, 9_000), [], "once");
}

#[test]
fn a_fact_no_store_takes_becomes_a_gap_of_one() {
    let mut outbox = Outbox::new(Limits::default());
    let effects = report(&mut outbox, &"x".repeat(VALUE_BYTES));
    let [Effect::Lost(gap), Effect::Append(kept)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((gap.first_seq, gap.last_seq, gap.facts, gap.reason), (1, 1, 1, GapReason::Other));
    assert!(gap.bytes > VALUE_BYTES as u64);
    assert_eq!(kept[0].fact, Fact::Gap(gap.clone()));
    assert_eq!(outbox.newest(), 1, "the numbers go on");
}

#[test]
fn a_hub_that_lost_its_store_is_told_how_much() {
    let mut outbox = Outbox::new(Limits::default());
    outbox.on(Input::Connected { durable: 0 }, 0);
    for text in ["a", "b", "c"] {
        report(&mut outbox, text);
    }
    outbox.on(Input::Writable, 1);
    outbox.on(Input::Durable { seq: 2 }, 1);
    outbox.on(Input::Disconnected, 2);
    let effects = outbox.on(Input::Connected { durable: 0 }, 3);
    assert!(matches!(
        &effects[..],
        [Effect::Rewrite(_), Effect::Lost(Gap { first_seq: 1, last_seq: 2, facts: 2, .. })]
    ));
    let [Effect::Send(batch)] = &outbox.on(Input::Writable, 4)[..] else { panic!() };
    assert_eq!(seqs(batch), [2, 3]);
    assert!(matches!(batch[0].fact, Fact::Gap(_)));
}

#[test]
fn a_failed_spool_is_written_anew_later_and_not_before() {
    let mut outbox = Outbox::new(Limits::default());
    report(&mut outbox, "a");
    outbox.on(Input::SpoolFailed, 100);
    assert!(!outbox.is_spooled());
    assert_eq!(report(&mut outbox, "b"), []);
    assert_eq!(outbox.on(Input::Tick, 5_099), []);
    let [Effect::Rewrite(kept)] = &outbox.on(Input::Tick, 5_100)[..] else { panic!() };
    assert_eq!(seqs(kept), [1, 2]);
    assert!(outbox.is_spooled());
}

/// A hub that is always three seconds late, for longer than the spool is large: without a rewrite the file would only
/// ever grow.
#[test]
fn a_hub_that_is_always_late_leaves_the_spool_bounded() {
    let mut world = World::new(1_000);
    world.connect();
    for second in 0..600 {
        world.step(&Step::Report(100));
        world.step(&Step::Writable);
        world.step(&Step::Tick(1_000));
        if second >= 3 {
            world.step(&Step::HubReads);
            world.step(&Step::AckArrives);
        }
    }
    assert!(world.outbox.pending() > 0 && !world.spool.is_empty(), "late to the end");
    world.settle();
    assert_eq!(world.told_lost, 0);
}

/// The hub takes a group as a whole and acknowledges it then: to stop in its middle would be to wait for ever.
#[test]
fn a_group_goes_out_whole_whatever_is_on_its_way() {
    let mut outbox = Outbox::new(limits());
    outbox.on(Input::Connected { durable: 0 }, 0);
    let parts = 40;
    for part in 0..parts {
        outbox.on(Input::Fact { session: None, occurred_ms: 1, fact: part_of_group(part, parts) }, 1);
    }
    report(&mut outbox, "after it");
    let mut sent = 0;
    while outbox.has_unsent() {
        let [Effect::Send(batch)] = &outbox.on(Input::Writable, 1)[..] else { panic!() };
        sent = batch.last().unwrap().seq;
    }
    assert!((u64::from(parts)..=u64::from(parts) + 1).contains(&sent), "{sent}");
    outbox.on(Input::Durable { seq: parts.into() }, 2);
    outbox.on(Input::Writable, 2);
    assert_eq!(outbox.sent(), Some(u64::from(parts) + 1));
}

fn part_of_group(part: u32, parts: u32) -> Fact {
    let worktree = codi2_protocol::WorktreeId {
        repository: codi2_protocol::RepositoryId::from_uuid(uuid::Uuid::nil()),
        name: String::new(),
    };
    let digest = codi2_protocol::Digest::new([0; 32]);
    Fact::Edits(codi2_protocol::EditGroup {
        group: codi2_protocol::GroupId::from_uuid(uuid::Uuid::nil()),
        file: codi2_protocol::FileId { worktree, path: "f".into() },
        part,
        parts,
        before: digest,
        after: digest,
        edits: Vec::new(),
        first_ms: 0,
        last_ms: 0,
    })
}

#[test]
fn a_clock_set_back_delays_neither_spool_nor_retry() {
    let mut outbox = Outbox::new(Limits::default());
    let day = 86_400_000;
    outbox.on(Input::Connected { durable: 0 }, day);
    report(&mut outbox, "a");
    outbox.on(Input::Fact { session: None, occurred_ms: day, fact: fact("b".into()) }, day);
    let [Effect::Append(kept)] = &outbox.on(Input::Tick, 5_000)[..] else { panic!("spooled") };
    assert_eq!(seqs(kept), [1, 2]);
    outbox.on(Input::SpoolFailed, day);
    let [Effect::Rewrite(kept)] = &outbox.on(Input::Tick, 6_000)[..] else { panic!("written anew") };
    assert_eq!(seqs(kept), [1, 2]);
}

/// What a random run does.
#[derive(Debug, Clone)]
enum Step {
    Report(usize),
    Connect,
    /// The connection goes; so many batches and acknowledgements on their way still arrive.
    Disconnect(usize),
    Writable,
    HubReads,
    AckArrives,
    Tick(u64),
    /// The next write of the spool fails.
    SpoolFails,
    /// The process ends, orderly or not; a hub then drains the spool.
    Die(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0usize..120).prop_map(Step::Report),
        2 => Just(Step::Report(900)),
        2 => Just(Step::Connect),
        2 => (0usize..4).prop_map(Step::Disconnect),
        4 => Just(Step::Writable),
        4 => Just(Step::HubReads),
        4 => Just(Step::AckArrives),
        2 => (1u64..4_000).prop_map(Step::Tick),
        1 => Just(Step::SpoolFails),
        1 => any::<bool>().prop_map(Step::Die),
    ];
    proptest::collection::vec(step, 1..150)
}

/// A naive hub, spool and line around one outbox.
struct World {
    outbox: Outbox,
    now: u64,
    up: bool,
    /// By number - 1.
    reported: Vec<Numbered>,
    spool: Vec<Arc<Numbered>>,
    spool_whole: bool,
    fail_next: bool,
    to_hub: VecDeque<Vec<Arc<Numbered>>>,
    acks: VecDeque<u64>,
    hub: Vec<Numbered>,
    hub_durable: u64,
    told_lost: u64,
}

impl World {
    fn new(now: u64) -> Self {
        Self {
            outbox: Outbox::new(limits()),
            now,
            up: false,
            reported: Vec::new(),
            spool: Vec::new(),
            spool_whole: true,
            fail_next: false,
            to_hub: VecDeque::new(),
            acks: VecDeque::new(),
            hub: Vec::new(),
            hub_durable: 0,
            told_lost: 0,
        }
    }

    fn on(&mut self, input: Input) {
        let mut failed = false;
        for effect in self.outbox.on(input, self.now) {
            match effect {
                Effect::Send(batch) => {
                    assert!(self.up, "sent without a connection");
                    self.to_hub.push_back(batch);
                }
                Effect::Append(_) | Effect::Rewrite(_) if self.fail_next => {
                    (self.fail_next, self.spool_whole, failed) = (false, false, true);
                }
                Effect::Append(facts) if self.spool_whole => self.spool.extend(facts),
                Effect::Append(_) => {}
                Effect::Rewrite(facts) => (self.spool, self.spool_whole) = (facts, true),
                Effect::Clear => (self.spool, self.spool_whole) = (Vec::new(), true),
                Effect::Lost(gap) => self.told_lost += gap.facts,
            }
        }
        if failed {
            self.on(Input::SpoolFailed);
        }
    }

    /// The hub's rule: whole runs, in order, once.
    fn hub_takes(&mut self, fact: &Numbered) {
        if fact.seq <= self.hub_durable {
            return;
        }
        let first = match &fact.fact {
            Fact::Gap(gap) => {
                assert_eq!(gap.last_seq, fact.seq);
                assert_eq!(gap.facts, gap.last_seq - gap.first_seq + 1);
                gap.first_seq
            }
            _ => fact.seq,
        };
        assert_eq!(first, self.hub_durable + 1, "no hole, and no gap over what the hub has");
        self.hub_durable = fact.seq;
        self.hub.push(fact.clone());
    }

    fn hub_reads(&mut self) {
        if let Some(batch) = self.to_hub.pop_front() {
            assert!(batch.len() <= limits().batch_facts);
            batch.iter().for_each(|fact| self.hub_takes(fact));
            self.acks.push_back(self.hub_durable);
        }
    }

    fn ack_arrives(&mut self) {
        if let Some(seq) = self.acks.pop_front() {
            self.on(Input::Durable { seq });
        }
    }

    fn connect(&mut self) {
        if !self.up {
            self.up = true;
            self.on(Input::Connected { durable: self.hub_durable });
        }
    }

    fn disconnect(&mut self, still: usize) {
        if self.up {
            (0..still).for_each(|_| self.hub_reads());
            (0..still).for_each(|_| self.ack_arrives());
            self.up = false;
            self.to_hub.clear();
            self.acks.clear();
            self.on(Input::Disconnected);
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Report(length) => {
                let seq = self.outbox.newest() + 1;
                let fact = fact(format!("{seq}{}", "x".repeat(*length)));
                self.reported.push(Numbered { seq, occurred_ms: self.now, session: None, fact: fact.clone() });
                self.on(Input::Fact { session: None, occurred_ms: self.now, fact });
            }
            Step::Connect => self.connect(),
            Step::Disconnect(still) => self.disconnect(*still),
            Step::Writable => self.on(Input::Writable),
            Step::HubReads => self.hub_reads(),
            Step::AckArrives => self.ack_arrives(),
            Step::Tick(ms) => {
                self.now += ms;
                self.on(Input::Tick);
            }
            Step::SpoolFails => self.fail_next = true,
            Step::Die(orderly) => self.die(*orderly),
        }
        assert!(self.outbox.pending_bytes() <= limits().bytes + 1_100, "bounded: {}", self.outbox.pending_bytes());
        let spool: u64 = self.spool.iter().map(|fact| encoded_bytes(fact)).sum();
        assert!(spool <= limits().bytes + 1_100, "the spool is bounded: {spool}");
        assert!(self.outbox.durable() <= self.hub_durable);
        if !self.up && self.outbox.is_spooled() {
            assert_eq!(
                self.spool.last().map_or(self.hub_durable, |fact| fact.seq).max(self.hub_durable),
                self.outbox.newest()
            );
        }
    }

    fn die(&mut self, orderly: bool) {
        if orderly {
            self.on(Input::Ending);
        }
        // The hub reads what is in the socket or not; later it drains the spool.
        let all_kept = self.outbox.is_spooled();
        (0..self.to_hub.len() / 2).for_each(|_| self.hub_reads());
        for fact in std::mem::take(&mut self.spool) {
            self.hub_takes(&fact);
        }
        if all_kept {
            assert_eq!(self.hub_durable, self.outbox.newest());
        }
        self.check_hub();
        *self = Self::new(self.now);
    }

    /// Everything up to what is durable is in the hub, once, in order, as it was reported, or counted as lost.
    fn check_hub(&self) {
        let mut next = 1;
        for fact in &self.hub {
            match &fact.fact {
                Fact::Gap(gap) => {
                    assert_eq!(gap.first_seq, next);
                    let lost = &self.reported[gap.first_seq as usize - 1..gap.last_seq as usize];
                    assert_eq!(gap.bytes, lost.iter().map(encoded_bytes).sum::<u64>());
                    assert_ne!(fact.seq, self.reported.len() as u64, "the newest is never lost");
                }
                _ => assert_eq!(fact, &self.reported[next as usize - 1]),
            }
            next = fact.seq + 1;
        }
        assert_eq!(next, self.hub_durable + 1);
    }

    fn settle(&mut self) {
        self.connect();
        for _ in 0..10_000 {
            if self.outbox.pending() == 0 {
                break;
            }
            self.on(Input::Writable);
            self.hub_reads();
            self.ack_arrives();
        }
        assert_eq!((self.outbox.pending(), self.outbox.pending_bytes()), (0, 0));
        assert_eq!(self.hub_durable, self.reported.len() as u64);
        self.now += 10_000;
        self.on(Input::Tick);
        assert!(self.spool.is_empty(), "an acknowledged spool goes");
        self.check_hub();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]
    #[test]
    fn each_fact_reaches_the_hub_once_in_order_or_is_counted(steps in steps()) {
        let mut world = World::new(1_000);
        for step in &steps {
            world.step(step);
        }
        world.settle();
    }
}

#[test]
fn gaps_of_one_absence_join_and_the_newest_stays() {
    let mut world = World::new(0);
    for _ in 0..200 {
        world.step(&Step::Report(100));
    }
    assert!(world.told_lost > 0);
    world.settle();
    let gaps: Vec<_> = world.hub.iter().filter(|fact| matches!(fact.fact, Fact::Gap(_))).collect();
    assert_eq!(gaps.len(), 1, "one gap for one absence");
    assert!(world.hub.iter().any(|fact| fact.seq == 200 && !matches!(fact.fact, Fact::Gap(_))));
}
