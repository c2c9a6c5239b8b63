//! What goes into the session machine and what comes out of it. Closed lists: nothing else reaches or leaves it.

use codi2_protocol::lsp::{DocumentTextResult, EditHintParams, StatusParams};
use codi2_protocol::{
    Actor, Digest, Editor, Fact, FileId, GroupId, Heartbeat, OwnersReply, Process, SessionId, Text, Touched, Verdict,
    WorktreeId,
};
use codi2_text::{Change, Encoding};

/// What is known of a window when it starts.
#[derive(Debug, Clone)]
pub struct Window {
    /// The session of the window.
    pub session: SessionId,
    /// The editor, as it introduced itself.
    pub editor: Editor,
    /// The editor's process id; 0 where it did not say.
    pub pid: u32,
    /// The sidecar's own process.
    pub process: Option<Process>,
    /// How positions count.
    pub encoding: Encoding,
    /// What the client can do beyond the protocol.
    pub client: codi2_protocol::lsp::ClientCapabilities,
    /// What it shows of owners.
    pub views: Views,
}

/// What a window shows of owners, and what its client can be told about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Views {
    /// Whether code lenses are on.
    pub code_lens: bool,
    /// Whether inlay hints are on.
    pub inlay_hints: bool,
    /// Whether the client can be asked to ask for lenses again.
    pub refreshes_code_lens: bool,
    /// The same for hints.
    pub refreshes_inlay_hints: bool,
    /// Whether hints may be offered after the start.
    pub registers_inlay_hints: bool,
}

/// A change of what is shown, by the editor's own settings; what is not named stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shows {
    /// Code lenses.
    pub code_lens: Option<bool>,
    /// Inlay hints.
    pub inlay_hints: Option<bool>,
}

/// A view of owners that an editor asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Code lenses.
    CodeLens,
    /// Inlay hints.
    InlayHints,
    /// What is asked for by name, and so always shown.
    Asked,
}

/// Which views are to be asked for again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refresh {
    /// `workspace/codeLens/refresh`.
    pub code_lens: bool,
    /// `workspace/inlayHint/refresh`.
    pub inlay_hints: bool,
    /// `codi2/ownersChanged`.
    pub blame: bool,
}

impl Refresh {
    /// Whether there is any.
    pub fn is_wanted(self) -> bool {
        self != Self::default()
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            code_lens: self.code_lens || other.code_lens,
            inlay_hints: self.inlay_hints || other.inlay_hints,
            blame: self.blame || other.blame,
        }
    }
}

/// A worktree as the window sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The worktree.
    pub worktree: WorktreeId,
    /// Absolute path of its root.
    pub root: String,
    /// Branch checked out, if one is.
    pub branch: Option<String>,
    /// Commit checked out, in hexadecimal, if there is one.
    pub head: Option<String>,
    /// Who works here: the agent that started the window, else the repository's git identity, else the account.
    pub actor: Actor,
}

/// Where a document lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a worktree; its edits are recorded.
    Recorded {
        /// The file.
        file: FileId,
        /// Its worktree.
        site: Box<Site>,
    },
    /// Not recorded, and why.
    Apart(Apart),
}

/// Why a document is not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apart {
    /// Its URI is no file's.
    NoFile,
    /// It lies in no worktree.
    NoWorktree,
    /// It lies inside a git folder.
    GitFolder,
    /// Its name is one of the private ones.
    Private,
    /// Git ignores it.
    Ignored,
    /// It is longer than [`super::DOCUMENT_BYTES`].
    TooLong,
    /// Its place could not be found out, or not in time.
    Unreachable,
    /// The same file is open under another name (a link); one buffer of a file is one branch of its text.
    OpenAlready,
}

/// What an editor tells of one document, in wire order. The wire reads it, the machine takes it as it is.
#[derive(Debug, Clone, PartialEq)]
pub enum DocumentEvent {
    /// It was changed.
    Change {
        /// The document.
        uri: String,
        /// Its version afterwards.
        version: i32,
        /// The changes, each in the result of the one before.
        changes: Vec<Change>,
    },
    /// It is about to be saved.
    WillSave {
        /// The document.
        uri: String,
    },
    /// It was saved.
    Save {
        /// The document.
        uri: String,
        /// Its text, where the client sends it.
        text: Option<String>,
    },
    /// It was closed.
    Close {
        /// The document.
        uri: String,
    },
    /// What made the edit that led to a version.
    Hint(EditHintParams),
    /// A message about it could not be read: what is known of it is no longer to be trusted.
    Garbled {
        /// The document.
        uri: String,
    },
}

impl DocumentEvent {
    /// The document.
    pub fn uri(&self) -> &str {
        match self {
            Self::Change { uri, .. }
            | Self::WillSave { uri }
            | Self::Save { uri, .. }
            | Self::Close { uri }
            | Self::Hint(EditHintParams { uri, .. })
            | Self::Garbled { uri } => uri,
        }
    }
}

/// What the machine is told. Every call of [`super::Session::on`] has one and the time.
#[derive(Debug, Clone)]
pub enum Input {
    /// The worktree of one of the window's folders is known.
    Rooted {
        /// The worktree.
        site: Box<Site>,
        /// Whether it is the window's own: that of its first folder in any.
        own: bool,
    },
    /// A document was opened.
    Open {
        /// The document.
        uri: String,
        /// Its version.
        version: i32,
        /// Its text.
        text: String,
        /// Where it lies.
        place: Place,
    },
    /// The editor tells of a document.
    Document(DocumentEvent),
    /// The machine itself broke on a document: what is not sealed of it is not to be trusted.
    Broke {
        /// The document.
        uri: String,
    },
    /// The client's answer to [`Effect::AskText`]; none if it failed or did not come in time.
    DocumentText {
        /// The document.
        uri: String,
        /// The text and its version.
        result: Option<DocumentTextResult>,
    },
    /// The hub's answer to [`Effect::AskOwners`]; none if it had none.
    Owners {
        /// Which question.
        ask: u64,
        /// The owners.
        reply: Option<OwnersReply>,
    },
    /// A group was judged.
    Judged {
        /// The group.
        group: GroupId,
        /// The one verdict for all of it; none where its runs differ.
        verdict: Option<Verdict>,
    },
    /// The hub wants a buffer's text whole.
    WantText {
        /// Whose buffer.
        session: SessionId,
        /// The buffer's file.
        file: FileId,
    },
    /// How many sessions are at work in a worktree.
    Sessions {
        /// How many, this one included.
        sessions: u32,
        /// The worktree.
        worktree: WorktreeId,
    },
    /// Notes on commits of a worktree were written or fetched.
    Noted {
        /// The worktree.
        worktree: WorktreeId,
    },
    /// Git did something in a worktree.
    Git {
        /// The worktree.
        worktree: WorktreeId,
    },
    /// The state of the road to the hub changed.
    Link(Link),
    /// Facts were lost on the road to the hub.
    Lost,
    /// The editor's settings changed.
    Shows(Shows),
    /// Seal what is open: the hub is about to end.
    Flush,
    /// Time has passed.
    Tick,
    /// The window closes.
    End {
        /// Why, in words.
        reason: String,
    },
}

/// The road to the hub.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// Whether the hub answers.
    pub connected: bool,
    /// Facts not yet durable.
    pub pending: u64,
    /// Bytes in the spool.
    pub spool_bytes: u64,
    /// What is wrong, in words: why there is no connection, why nothing can be spooled.
    pub problem: Option<String>,
}

/// What the machine wants done. None of it is waited for.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Report a fact.
    Fact {
        /// When it happened (ms since the Unix epoch).
        at_ms: u64,
        /// What happened.
        fact: Fact,
    },
    /// Send text for the hub's memory.
    Text(Text),
    /// Somebody is working here.
    Touched(Touched),
    /// A sign of life.
    Heartbeat(Heartbeat),
    /// Have the hub watch a worktree while this window lives.
    Watch {
        /// Its root.
        root: String,
    },
    /// Ask the hub who owns a text; answered with [`Input::Owners`].
    AskOwners {
        /// Which question.
        ask: u64,
        /// The file.
        file: FileId,
        /// The text, at a sealed state.
        digest: Digest,
        /// The text itself: notes may know more of its lines.
        text: codi2_text::Text,
        /// The root of its worktree.
        root: String,
    },
    /// Ask the client for a document's text; answered with [`Input::DocumentText`].
    AskText {
        /// The document.
        uri: String,
    },
    /// Show the status.
    Status(StatusParams),
    /// Have the editor ask for views again.
    Refresh(Refresh),
    /// Offer inlay hints from now on.
    OfferHints,
    /// For the sidecar's own log; holds no text of a document.
    Note(String),
}
