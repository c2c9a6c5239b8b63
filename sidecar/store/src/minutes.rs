//! The time index: the first event of each minute, by a clock that never runs back.
//!
//! Events received under an earlier minute than one before them (a clock was set back, two hubs disagree) only raise
//! `back`, by which a query's upper bound is widened. So both bounds hold whatever the clocks do.

use codi2_protocol::Event;

use crate::engine::{Abort, PageLimit, Transaction};
use crate::finished::KeyRange;
use crate::layout;
use crate::store::Store;
use crate::value;

/// Milliseconds of a minute, the grain of the time index.
pub(crate) const MINUTE_MS: u64 = 60_000;

/// The index as one append finds it.
pub(crate) struct Clock {
    minute: Option<u64>,
    /// Read when the first event comes late.
    back_ms: Option<u64>,
}

impl Clock {
    /// The newest minute.
    pub(crate) fn read(store: &Store, transaction: &mut dyn Transaction) -> Result<Self, Abort> {
        let (begin, end) = all();
        let page = transaction.range(&begin, &end, true, PageLimit::rows(1))?;
        let minute = match page.rows.first() {
            Some((key, _)) => Some(
                minute_of(key)
                    .ok_or_else(|| store.damaged(value::Damage(format!("a strange key: {}", layout::describe(key)))))?,
            ),
            None => None,
        };
        Ok(Self { minute, back_ms: None })
    }

    /// An event comes, the `order`th of its append.
    pub(crate) fn tick(
        &mut self,
        store: &Store,
        transaction: &mut dyn Transaction,
        event: &Event,
        order: u16,
    ) -> Result<(), Abort> {
        let minute = event.received_ms / MINUTE_MS;
        match self.minute {
            Some(latest) if minute < latest => {
                let late_ms = latest.saturating_mul(MINUTE_MS) - event.received_ms;
                let back_ms = match self.back_ms {
                    Some(back_ms) => back_ms,
                    None => back_ms(store, transaction)?,
                };
                self.back_ms = Some(back_ms.max(late_ms));
                if late_ms > back_ms {
                    let key = back_key();
                    transaction.set(&key, &value::seal(&key, &value::encode(&late_ms)?))?;
                }
                Ok(())
            }
            Some(latest) if minute == latest => Ok(()),
            _ => {
                self.minute = Some(minute);
                store.set_place(transaction, &minute_key(minute), order, Some(event.id))
            }
        }
    }
}

/// Where the rows of the minutes are. Only appends write there, and all of them as into a guarded range.
pub(crate) fn all() -> KeyRange {
    layout::below(&layout::single("t"))
}

/// The row of a minute.
pub(crate) fn minute_key(minute: u64) -> Vec<u8> {
    layout::space("t", &minute)
}

fn minute_of(key: &[u8]) -> Option<u64> {
    foundationdb_tuple::unpack(key.strip_prefix(&layout::single("t")[..])?).ok()
}

fn back_key() -> Vec<u8> {
    layout::space("m", &"back")
}

/// By how much received times ran back at most, in ms.
pub(crate) fn back_ms(store: &Store, transaction: &mut dyn Transaction) -> Result<u64, Abort> {
    Ok(store.read_row(transaction, &back_key())?.unwrap_or(0))
}
