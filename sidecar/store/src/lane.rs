//! What must be done once is done once, though a commit may not say whether it happened.
//!
//! Whoever writes does so in a lane, whose row each of its transactions writes: after an unknown result the row tells whether,
//! and as which run, it was committed, and only then it is tried again. Absent on purpose: what is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::engine::{ATTEMPTS, Abort, Transaction};
use crate::error::{Fate, StoreError};
use crate::layout;
use crate::store::Store;
use crate::value;
use crate::watch::locked;

/// How long a lane is used, in ms: a day, so that its row can be forgotten some days later.
pub(crate) const LANE_MS: u64 = 24 * 3_600_000;

/// One appender at work. Its row tells, after an unknown result, whether and as which run it was committed.
#[derive(Debug)]
pub(crate) struct Lane {
    id: Uuid,
    run: u64,
}

/// When a lane was made, in ms since the Unix epoch: the beginning of its UUIDv7.
pub(crate) fn made_ms(id: &Uuid) -> u64 {
    u64::try_from(id.as_u128() >> 80).unwrap_or(u64::MAX)
}

#[derive(Debug, Serialize, Deserialize)]
struct LaneRow {
    run: u64,
}

/// A transaction's body that says, beside its result, whether it wrote.
type Body<'a, R> = dyn FnMut(&mut dyn Transaction) -> Result<(R, bool), Abort> + 'a;

impl Store {
    /// Runs a body that says whether it wrote, so that it is done once whatever the engine tells of its commit; gives
    /// what the run that counts returned, and its stamp. `follows`: it reads little but what this hub's own appends write.
    pub(crate) fn settled<R>(
        &self,
        follows: bool,
        wait: &mut dyn FnMut(&StoreError) -> bool,
        body: &mut Body<'_, R>,
    ) -> Result<(R, [u8; 10]), StoreError> {
        let fresh = Lane { id: Uuid::now_v7(), run: 0 };
        let used = locked(&self.lanes).pop().filter(|used| made_ms(&used.id) + LANE_MS > made_ms(&fresh.id));
        let mut lane = used.unwrap_or(fresh);
        let result = self.settled_in(&mut lane, follows, wait, body);
        locked(&self.lanes).push(lane);
        result
    }

    fn settled_in<R>(
        &self,
        lane: &mut Lane,
        follows: bool,
        wait: &mut dyn FnMut(&StoreError) -> bool,
        body: &mut Body<'_, R>,
    ) -> Result<(R, [u8; 10]), StoreError> {
        let key = self.lane(lane.id);
        let first = lane.run + 1;
        let mut results: BTreeMap<u64, R> = BTreeMap::new();
        let mut unknown = false;
        let mut attempts = 0;
        while attempts < ATTEMPTS {
            attempts += 1;
            let mut found = None;
            let mut run = |transaction: &mut dyn Transaction| {
                found = None;
                if unknown && let Some(stored) = transaction.get(&key)? {
                    let (commit, payload) = value::unseal_stamp(&key, &stored).map_err(|d| self.damaged(d))?;
                    let row: LaneRow = value::decode(&key, payload).map_err(|d| self.damaged(d))?;
                    if row.run >= first {
                        found = Some((row.run, commit));
                        return Err(Abort::Cancelled);
                    }
                }
                lane.run += 1;
                let (result, wrote) = body(transaction)?;
                results.insert(lane.run, result);
                if wrote {
                    let payload = value::encode(&LaneRow { run: lane.run })?;
                    transaction.set_stamped_value(&key, &value::seal(&key, &payload))?;
                }
                Ok(())
            };
            let result =
                if follows && !unknown { self.engine.follow_up(&mut run) } else { self.engine.transact(&mut run) };
            let (run, commit) = match result {
                Ok(committed) => (lane.run, committed.stamp.unwrap_or_default()),
                Err(StoreError::Unknown) => {
                    unknown = true;
                    continue;
                }
                // Busy for so many attempts is no reason to end either.
                Err(error) if matches!(error.fate(), Fate::Later | Fate::Retry) && wait(&error) => {
                    attempts = 0;
                    continue;
                }
                Err(error) => match found {
                    Some(found) if error == StoreError::Cancelled => found,
                    _ => return Err(error),
                },
            };
            // A run that was committed left its result.
            return results.remove(&run).map(|result| (result, commit)).ok_or(StoreError::Unknown);
        }
        Err(StoreError::Unknown)
    }

    /// The row of a lane of this machine.
    pub(crate) fn lane(&self, id: Uuid) -> Vec<u8> {
        layout::space("b", &(self.machine, id))
    }
}
