//! What can go wrong, split by fate: what ends the process, what ends the request, what is tried again.
//!
//! Every message that reaches a person names what to do.

/// What follows from an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing can be stored until somebody makes room or the cluster is back; the same may be tried again then.
    Later,
    /// Nothing more can be stored or believed: say so and end (or open again).
    Process,
    /// This request fails, the store is well.
    Request,
    /// The engine or the facade tries again; seen by callers only after many attempts.
    Retry,
}

/// Why the store could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Bytes are not what was written. Never opened as empty, never served.
    #[error(
        "the store {place} is damaged ({detail}); stop codi2, keep a copy of it, restore it from a backup, or begin a new log: move the file away, or set another store.prefix"
    )]
    Damaged {
        /// Backend and place, in words.
        place: String,
        /// What was found.
        detail: String,
    },
    /// Written by a newer codi2.
    #[error(
        "the store {place} has layout {found}, this codi2 knows up to {known}; update codi2, or set another store.path or store.prefix"
    )]
    Newer {
        /// Backend and place, in words.
        place: String,
        /// Its layout.
        found: u32,
        /// The newest layout known here.
        known: u32,
    },
    /// Written by a codi2 of before the first release.
    #[error(
        "the store {place} has layout {found} of an unreleased codi2, this one writes {known}; move it away to begin a new log"
    )]
    Older {
        /// Backend and place, in words.
        place: String,
        /// Its layout.
        found: u32,
        /// The layout known here.
        known: u32,
    },
    /// The target of a copy that was broken off.
    #[error("the store {place} holds an unfinished copy of {from}; run the same `codi2 store copy` again, it goes on")]
    Unfinished {
        /// Backend and place, in words.
        place: String,
        /// What is copied, in words.
        from: String,
    },
    /// Something is to be copied over a store.
    #[error("the store {place} is in use for a log of its own; copy into an empty place")]
    Taken {
        /// Backend and place, in words.
        place: String,
    },
    /// A store was written to while it was copied.
    #[error("the store {place} was written to while it was copied; stop its hubs, then run the same copy again")]
    Changed {
        /// Backend and place, in words.
        place: String,
    },
    /// Another process has it open.
    #[error("the store {place} is open in another process; stop the other hub first (`codi2 hub stop`)")]
    InUse {
        /// Backend and place, in words.
        place: String,
    },
    /// Others may write in its folder.
    #[error("the folder {path} of the store can be written by others (mode {mode:o}); run `chmod 700` on it")]
    Modes {
        /// The folder.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// A write could not be confirmed and the store could not be opened again; nothing is acknowledged any more.
    #[error("the store {place} stopped acknowledging ({detail}); check the disk, then start the hub again")]
    Stopped {
        /// Backend and place, in words.
        place: String,
        /// The first failure.
        detail: String,
    },
    /// There is no room left; nothing of this write was stored.
    #[error("the disk of the store {place} is full: free some space; what waits is stored then")]
    Full {
        /// Backend and place, in words.
        place: String,
    },
    /// A cluster does not answer; what was under way was not stored.
    #[error("the store {place} does not answer ({detail}); {remedy}; what waits is stored once it answers")]
    Away {
        /// Backend and place, in words.
        place: String,
        /// What was seen.
        detail: String,
        /// What to do.
        remedy: String,
    },
    /// A cluster cannot be used from here as things are set up.
    #[error("the store {place} cannot be used: {detail}; {remedy}")]
    Unusable {
        /// Backend and place, in words.
        place: String,
        /// What is wrong.
        detail: String,
        /// What to do.
        remedy: String,
    },
    /// The operating system refused.
    #[error("cannot {doing}: {detail}; check the disk's free space and the folder's rights")]
    Io {
        /// What was tried.
        doing: String,
        /// What the system said.
        detail: String,
    },
    /// Over one of the limits that hold on every backend.
    #[error("{what} has {bytes} bytes, the limit is {limit}; write it in smaller parts")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A key or value does not have the shape its place asks for: a mistake in the program.
    #[error("{0}")]
    Shape(String),
    /// The transaction read what it wrote with a stamp; that is known only after commit.
    #[error("a transaction cannot read what it writes with a stamp")]
    Unreadable,
    /// The transaction's body wanted no commit.
    #[error("the transaction was given up by its body")]
    Cancelled,
    /// Another transaction wrote what this one had read.
    #[error("the store is contended: another transaction kept writing what this one reads; try again")]
    Conflict,
    /// The transaction lived longer than 5 s, or its snapshot is gone.
    #[error("the transaction took longer than 5 s; do less in one transaction")]
    TooOld,
    /// The commit may or may not have happened.
    #[error("the result of a commit is unknown; read before writing again")]
    Unknown,
}

impl StoreError {
    /// What follows from it.
    pub const fn fate(&self) -> Fate {
        match self {
            Self::Full { .. } | Self::Away { .. } => Fate::Later,
            Self::Damaged { .. }
            | Self::Newer { .. }
            | Self::Older { .. }
            | Self::Unfinished { .. }
            | Self::InUse { .. }
            | Self::Modes { .. }
            | Self::Stopped { .. }
            | Self::Unusable { .. }
            | Self::Io { .. } => Fate::Process,
            Self::Taken { .. }
            | Self::Changed { .. }
            | Self::TooLarge { .. }
            | Self::Shape(_)
            | Self::Unreadable
            | Self::Cancelled => Fate::Request,
            Self::Conflict | Self::TooOld | Self::Unknown => Fate::Retry,
        }
    }

    /// What the operating system said about `place` when `doing` something.
    pub(crate) fn io(place: impl Into<String>, doing: impl Into<String>, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded => Self::Full { place: place.into() },
            _ => Self::Io { doing: doing.into(), detail: error.to_string() },
        }
    }

    pub(crate) fn damaged(place: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Damaged { place: place.into(), detail: detail.into() }
    }
}
