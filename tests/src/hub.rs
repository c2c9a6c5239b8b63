//! The hub of a world, asked directly and treated roughly.

use std::collections::BTreeMap;
use std::time::Duration;

use codi2_ipc::blocking::Link;
use codi2_ipc::{HubLock, Places};
use codi2_protocol::{Body, Call, EventBody, Filter, Gap, GapReason, ProducerId, Reply, StampedEvent};

use crate::{World, wait_for};

/// Longest wait for an answer; only ever reached by a failure.
const PATIENCE: Duration = Duration::from_secs(60);

impl World {
    /// Where its hub lies.
    pub fn places(&self) -> Places {
        Places::at(self.state(), self.runtime())
    }

    /// A connection to the hub that runs.
    pub fn link(&self) -> Link {
        wait_for("a connection to the hub", || self.explain(), || Link::connect(&self.places(), "test").ok())
    }

    /// Every event of the log, oldest first.
    pub fn events(&self) -> Vec<StampedEvent> {
        let mut link = self.link();
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let call = Call::Log { filter: Filter::default(), cursor, newest_first: false, limit: 500 };
            match link.call_within(call, PATIENCE) {
                Ok(Reply::Events { events, next }) => {
                    all.extend(events);
                    match next {
                        Some(next) => cursor = Some(next),
                        None => return all,
                    }
                }
                other => panic!("no page of the log: {other:?}"),
            }
        }
    }

    /// Ends the hub at once and keeps others from starting until the lock is dropped.
    pub fn without_hub(&self) -> HubLock {
        wait_for(
            "the hub's lock",
            || format!("{:?}", self.hub_pid()),
            || {
                if self.hub_pid().is_some() {
                    self.kill_hub();
                }
                // A sidecar may have started another one meanwhile.
                HubLock::take(&self.places()).ok()
            },
        )
    }
}

/// What the log has of one producer, events about none of its facts left out. Facts that make no event (an opened file)
/// leave holes, which are no loss.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The numbers, in the order of the log.
    pub numbers: Vec<u64>,
    /// What was lost, as the log says.
    pub gaps: Vec<Gap>,
}

/// What the log has of each producer.
pub fn told(events: &[StampedEvent]) -> BTreeMap<ProducerId, Told> {
    let mut all: BTreeMap<ProducerId, Told> = BTreeMap::new();
    for event in events.iter().map(|event| &event.event).filter(|event| event.seq > 0) {
        let told = all.entry(event.producer).or_default();
        match &event.body {
            Body::Known(EventBody::Gap(gap)) if gap.reason == GapReason::SpoolFull => told.gaps.push(gap.clone()),
            _ => told.numbers.push(event.seq),
        }
    }
    all
}
