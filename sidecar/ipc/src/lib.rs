//! Between processes: where the hub is, starting it, connections, and facts that survive its absence.
//!
//! A sidecar reports through [`Client`]: facts are numbered without gaps, kept until the hub has them durably,
//! spooled to disk while it is away. Hooks and the command line use [`blocking`], which needs no runtime. The hub
//! takes its [`HubLock`], binds a [`Listener`], and reads dead producers' spools ([`spool`], [`hooks`]).
//! Absent on purpose: what calls and facts mean.

pub mod blocking;
pub mod client;
pub mod clock;
mod connect;
pub mod door;
pub mod environment;
pub mod frame;
pub mod hooks;
mod listener;
mod lock;
mod outbox;
mod places;
pub mod process;
mod records;
mod shortage;
mod socket;
pub mod spool;
mod start;
mod stream;

pub use client::{CallError, Client, Flushed, News, Options, Status};
pub use connect::{ConnectError, GREETING, address, common_version, hello};
pub use listener::{GreetError, Greeted, Listener, Pending, QUEUE_BYTES, Reader, STALL, SendError, Writer};
pub use lock::{HubInfo, HubLock, LockError};
pub use outbox::{Effect, Input, Limits, Outbox};
pub use places::{PlaceError, Places, SOCKET_PATH_BYTES};
pub use shortage::Shortage;
pub use start::{Announcement, ReachError, SpawnSpec, StartError, announce, detach};
