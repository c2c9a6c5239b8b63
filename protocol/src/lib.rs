//! What crosses a process: ids, actors, facts, events, hub methods, LSP extensions.
//!
//! Absent on purpose: any behaviour beyond conversion and validation, any I/O, any clock. Every type here is a
//! contract: it has a golden sample in `golden/`, a place in the JSON Schema in `schema/`, and a page in
//! `docs/hub-protocol.md` or `docs/lsp-extensions.md`; tests fail when they drift.
//!
//! Rules of the wire. Ids and digests are strings in every encoding, so JSON and MessagePack carry the same maps.
//! Times are `u64` milliseconds since the Unix epoch (`*_ms`), labels only: order comes from [`Stamp`] alone.
//! Offsets and lengths are UTF-8 bytes of the text (never UTF-16) unless a name says otherwise.
//! Unknown fields are ignored, unknown event kinds are kept ([`Body::Other`]).

mod actor;
mod edit;
mod event;
mod fact;
mod hook;
mod hub;
mod ids;
pub mod limits;
pub mod lsp;
mod note;
pub mod schema;
mod session;
mod stats;
mod texts;
mod verdict;

pub use actor::{Actor, ActorKind, CHAIN, KnownBy};
pub use edit::{Copied, Edit, EditGroup, Restored, Shape, Source, SourceKind, Text, Touched};
pub use event::{Body, Change, DiskOperation, Event, EventBody, Gap, GapReason, Range, StampedEvent, WatchState};
pub use fact::{Fact, Numbered};
pub use hook::{HookFound, HookPhase, HookRecord};
pub use hub::{
    Call, Capability, ClientFrame, ErrorCode, Filter, Hello, HubError, HubFrame, HubPresence, HubStatus, Notice,
    OwnersReply, PROTOCOL_MAX, PROTOCOL_MIN, Reach, Reply, Span, WatchStatus,
};
pub use ids::{
    Digest, EventId, FileId, GroupId, HostId, ParseIdError, ProducerId, RepositoryId, SessionId, Stamp, WorktreeId,
};
pub use note::{MESSAGE_BYTES, NoteRecord, Said, WORD_BYTES};
pub use session::{Editor, Heartbeat, Presence, Process, SessionInfo};
pub use stats::{Count, Measured, ProcessStats};
pub use texts::{Kind, Texts};
pub use verdict::{Class, Evidence, EvidenceKind, Owner, Verdict};
