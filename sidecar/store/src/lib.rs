//! The durable side of the hub: an ordered byte-key store, the event log on it, and the hub's own rows.
//!
//! Three layers. [`Engine`] is the trait over an ordered key space with FoundationDB's rules ([`memory`], [`file`] on
//! redb, [`foundationdb`], and [`fault`] and [`trips`], which wrap any of them). The layout (`docs/store-layout.md`, [`layout`])
//! says which keys exist. [`Store`] is what the hub uses: append in one transaction with dedupe, query, tail, typed rows,
//! and [`Atomic`] for what must be read and written at once (compare-and-set, fences, queues).
//!
//! Absent on purpose: any judgement about events (the hub decides), source text (never stored), async (the hub
//! calls from a writer thread), savepoints and snapshots that outlive a page.

mod ahead;
mod append;
mod atomic;
mod check;
mod conflicts;
mod copy;
pub mod engine;
mod error;
pub mod fault;
pub mod file;
mod finished;
#[cfg(test)]
mod fixtures;
mod follow;
pub mod foundationdb;
mod guarded;
mod lane;
pub mod layout;
pub mod memory;
mod minutes;
mod overlay;
mod query;
mod rows;
mod store;
pub mod trips;
mod value;
mod watch;

pub use append::{Dedupe, Pending};
pub use atomic::Atomic;
pub use check::{Checked, Tally, check, look};
pub use copy::{Copied, copy};
pub use engine::{Abort, Committed, Engine, Page, PageLimit, Transaction};
pub use error::{Fate, StoreError};
pub use layout::{Part, Subspace};
pub use query::Events;
pub use rows::{ROW_BYTES, Row, Scan};
pub use store::Store;
pub use watch::Watch;
