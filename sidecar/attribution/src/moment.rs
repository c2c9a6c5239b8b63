//! When something happened, so that two things on one file have an order however fast they follow each other.
//!
//! Absent on purpose: the clock, and the counting of turns, which are the hub's.

/// A point in the order of what a hub saw and was told. The clock orders what lies milliseconds apart, whoever looked at
/// it; within a millisecond the turn does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment {
    /// The time (ms since the Unix epoch).
    pub ms: u64,
    /// In which turn the hub took it in: the higher the later.
    pub turn: u64,
}

impl Moment {
    /// The earliest moment of a millisecond: what was told with a time alone began no earlier.
    pub const fn earliest(ms: u64) -> Self {
        Self { ms, turn: 0 }
    }

    /// The latest moment of a millisecond: what was told with a time alone ended no later.
    pub const fn latest(ms: u64) -> Self {
        Self { ms, turn: u64::MAX }
    }
}
