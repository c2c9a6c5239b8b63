//! The hub: one per user and machine, the only writer of the log.
//!
//! Connections (`server`) pass what they are told to the core's thread (`engine`); the core (`core`) owns all state,
//! decides, and says what to write; the writer's thread (`writer`) appends in groups and says what is durable; only
//! then is anything acknowledged or published. Watches report to the core like everybody else. Where several machines share a store, one
//! more thread (`peering`) keeps the hub among the others. One (`notes`) writes what is known of commits into git's notes.
//!
//! Absent on purpose: waiting for a client or an editor; a second way to write (but for what hubs settle among themselves,
//! each in one transaction: who lives, whose sessions end, which repositories are one); the terminal.

mod book;
mod changes;
mod clients;
mod core;
mod dead;
mod door;
mod engine;
mod footing;
mod host;
mod joins;
mod known;
mod ledger;
mod live;
mod measures;
mod notes;
mod peering;
mod peers;
mod ports;
mod reads;
mod recent;
mod rows;
mod run;
mod secret;
mod server;
mod small_file;
mod turns;
mod twin;
mod world;
mod writer;

/// The hub's machines without threads, sockets and clocks, for tests that drive the whole road by hand.
#[doc(hidden)]
pub mod machines {
    pub use crate::book::StoredOwners;
    pub use crate::core::{Asked, Core, Effect, Entry, Input, Ticket, Told, Why};
    pub use crate::notes::{Clerk, Informant, Options as Notes};
    pub use crate::ports::{Ports, Watched};
    pub use crate::rows::{BranchRow, CallRow, DiskRow};
    pub use crate::world::World;
    pub use crate::writer::write;
}

pub use host::known as this_host;
pub use ports::{NoTools, Tools};
pub use run::{HubFailure, Options, Remarks, Shared, StoreSpec, run};
