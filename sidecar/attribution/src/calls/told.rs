//! What the book of calls is told, and what it tells. Absent on purpose: the book.

use std::ops::Range;
use std::sync::Arc;

use codi2_protocol::{Actor, Digest, FileId, HookRecord, WorktreeId};

use crate::Moment;

/// What the hub found when it read a file for a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reading {
    /// It was not read in time: the hub was away, the file could not be read, or the hook never ran.
    NotRead,
    /// There was no such file.
    Absent,
    /// Bytes with this digest.
    Content(Digest),
}

impl Reading {
    /// The state of the file, where it was read: `Some(None)` if there was none.
    pub const fn state(self) -> Option<Option<Digest>> {
        match self {
            Self::NotRead => None,
            Self::Absent => Some(None),
            Self::Content(digest) => Some(Some(digest)),
        }
    }

    /// Whether the file was read and was in this state.
    pub fn is(self, state: Option<Digest>) -> bool {
        self.state() == Some(state)
    }
}

/// A hook with what the hub read because of it.
#[derive(Debug, Clone, Copy)]
pub struct Hook<'a> {
    /// The record.
    pub record: &'a HookRecord,
    /// Its files as the hub knows them, with what they held. A record that comes late out of a spool was
    /// [`Reading::NotRead`] in all of them: what they hold now says nothing.
    pub files: &'a [(FileId, Reading)],
    /// What the call said that it puts into files that were read; a file that is not among them: its tool does not say, or
    /// nobody looked.
    pub said: &'a [(FileId, Said)],
    /// The worktree of its folder, for a call that does not say which files.
    pub worktree: Option<&'a WorktreeId>,
    /// The call wrote nothing before this moment (a hook before), or after it.
    pub at: Moment,
}

/// An agent's call that has begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCall {
    /// Number of the call, the same in its [`Intent`]s.
    pub call: u64,
    /// The agent, where its hook before names it.
    pub actor: Option<Actor>,
    /// The hook's format.
    pub format: String,
    /// Process id of the hook's parent, for people.
    pub pid: u32,
    /// When it began: whatever stood in its files by then is not its doing.
    pub since: Moment,
    /// Whether it named the path; else it may write anywhere in its worktree.
    pub names_path: bool,
}

/// What a call said that it puts in, by where its hook found it in the text that the call left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Which bytes of that text.
    pub put: Vec<Range<u32>>,
    /// [`crate::said_lines`] of that text, for whoever does not have it; absent where the hook did not tell them.
    pub lines: Option<Arc<[u64]>>,
}

/// What a finished call did to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Number of the call.
    pub call: u64,
    /// The agent; absent if neither hook named it.
    pub actor: Option<Actor>,
    /// The hook's format.
    pub format: String,
    /// Process id of the hook's parent, for people.
    pub pid: u32,
    /// When it began; absent if there was no hook before.
    pub since: Option<Moment>,
    /// When it ended.
    pub until: Moment,
    /// The file at the hook before.
    pub before: Reading,
    /// The file at the hook after.
    pub after: Reading,
    /// Whether it named the path; else it may have written anywhere in its worktree.
    pub names_path: bool,
    /// The tool said that it failed.
    pub failed: bool,
    /// What it said that it puts in; absent where it does not say.
    pub said: Option<Said>,
}

impl Intent {
    /// Whether it was an edit that failed: it may have written in part, and says of nothing that it wrote it. A command
    /// that failed has done what it did before.
    pub const fn certifies_nothing(&self) -> bool {
        self.failed && self.names_path
    }
}

/// What a hook, or time, did to the book of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A call began on these files (none named: anywhere in its worktree).
    Opened {
        /// The call.
        call: OpenCall,
        /// The files it named.
        files: Vec<FileId>,
    },
    /// A call ended, or a late hook completed it: changes of this file may now be judged better.
    Finished {
        /// The file; absent for a call that did not say which.
        file: Option<FileId>,
        /// What it did there.
        intent: Intent,
    },
    /// No hook after came in time, the same process began again on all of its files, or the tool said that the call will
    /// not happen.
    Dropped {
        /// Number of the call.
        call: u64,
        /// The files it named.
        files: Vec<FileId>,
    },
}
