//! Limits of frames and values; source: FoundationDB's limits and `research/platform.md` §1.4 and §6.

/// Longest frame on the local socket, in bytes, its 4-byte length not counted.
pub const FRAME_BYTES: usize = 1 << 20;
/// Longest encoded event, fact or stored value, in bytes: below FoundationDB's 100,000 with room for a checksum.
pub const VALUE_BYTES: usize = 90_000;
/// Longest stored key, in bytes: below FoundationDB's 10,000 with room for a prefix.
pub const KEY_BYTES: usize = 9_900;
/// Time in which a greeting, or a frame that has begun, must be there in whole, in ms.
pub const READ_MS: u64 = 10_000;
/// Facts in one batch, at most.
pub const BATCH_FACTS: usize = 1_000;
/// Text in one [`crate::Text`] message, in bytes.
pub const TEXT_BYTES: usize = 512 * 1024;
/// Connections a hub serves at once.
pub const CONNECTIONS: usize = 256;
/// Ranges that one event lists, at most; the ledger keeps every span.
pub const RANGES: usize = 500;
/// Pieces that one hook's record tells of as put in, of all its files together, at most.
pub const PUT_PIECES: usize = 64;
/// Lines that one hook's record tells of as put in, of all its files together, at most.
pub const SAID_LINES: usize = 512;
/// Longest path in a message, in bytes.
pub const PATH_BYTES: usize = 4_096;
/// Nesting of JSON input, at most.
pub const JSON_DEPTH: usize = 32;
/// Events in one page of a query.
pub const PAGE_EVENTS: usize = 500;
/// A spool's cap, in bytes.
pub const SPOOL_BYTES: u64 = 64 << 20;
