//! What is known of a change of a file on disk.
//!
//! Absent on purpose: what follows from it.

use std::fmt;

use codi2_protocol::Digest;
use codi2_text::Text;

use crate::{Intent, Moment, OpenCall};

/// Everything known about a change of a file on disk.
///
/// Where the hub knows a state that the file passed on the way (a save that the watcher did not see by itself), it
/// judges the steps one by one.
#[derive(Clone, Copy)]
pub struct DiskFacts<'a> {
    /// The bytes before; absent for a created file.
    pub before: Option<Digest>,
    /// The bytes after; absent for a deleted file.
    pub after: Option<Digest>,
    /// When the file was last known to hold `before`.
    pub from: Moment,
    /// When it was seen to hold `after`.
    pub to: Moment,
    /// When `after` was last written, by the kernel's clock; absent where nothing is there, or nobody says.
    pub written: Option<Moment>,
    /// How it was found.
    pub observed: Observed,
    /// A buffer was saved with exactly this text, which it had by edits of its own and not by loading the file.
    pub saved: bool,
    /// The git operation that explains the bytes.
    pub git: Option<&'a GitFact>,
    /// Where the ledger had owners of `after` **before** this change was seen.
    pub seen: Option<Seen>,
    /// Finished calls on the file.
    pub intents: &'a [Intent],
    /// Calls open on the file.
    pub calls: &'a [OpenCall],
    /// The steps that the file's bytes are known to have taken; this change may be among them.
    pub transitions: &'a [Transition],
    /// The text behind a digest, where the hub has it. Only ever asked for states of this file.
    pub texts: &'a dyn Fn(Digest) -> Option<Text>,
    /// What keys the hashes of lines ([`crate::Said::lines`]).
    pub key: &'a [u8; 32],
}

impl fmt::Debug for DiskFacts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskFacts")
            .field("before", &self.before)
            .field("after", &self.after)
            .field("from", &self.from)
            .field("to", &self.to)
            .field("written", &self.written)
            .field("observed", &self.observed)
            .field("saved", &self.saved)
            .field("git", &self.git)
            .field("seen", &self.seen)
            .field("intents", &self.intents)
            .field("calls", &self.calls)
            .field("transitions", &self.transitions)
            .finish_non_exhaustive()
    }
}

/// How a change was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// By the watcher, as it happened.
    Live,
    /// By looking at everything again, after events were lost.
    Rescan,
    /// By looking after the hub had been away.
    WhileAway,
}

/// Where a content was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// In this file's lineage.
    Here,
    /// At another path of the repository, and with the same owners at each where it was.
    Elsewhere,
}

/// A git operation that explains what a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitFact {
    /// The operation, as the event of git names it (`checkout`, `rebase`, `stash`, `restore` …).
    pub operation: String,
    /// What holds the content: `index`, `HEAD`, `stash`, `merge` and so on, in words.
    pub what: String,
}

impl GitFact {
    /// Whether the operation can have written files. `git add` and `git commit` take over what others wrote; whoever
    /// explains a file by them has not seen who wrote it.
    pub fn writes_files(&self) -> bool {
        let word = self.operation.split([' ', ':', '(']).next().unwrap_or_default();
        !matches!(word, "commit" | "add" | "index")
    }
}

/// A step of a file's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The bytes before; absent for a created file.
    pub before: Option<Digest>,
    /// The bytes after; absent for a deleted file.
    pub after: Option<Digest>,
    /// When the file was last known to hold `before`.
    pub from: Moment,
    /// When it was seen to hold `after`.
    pub to: Moment,
}
