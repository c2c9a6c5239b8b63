//! The session machine: everything a window knows, as one pure function of what happens and when.
//!
//! [`Session::on`] takes an [`Input`] and the time and returns [`Effect`]s. Invariants: the machine does no I/O, has no
//! clock, spawns nothing and never waits; it is the only owner of documents; the edits of each group lead from its
//! `before` to its `after`, and one group's `after` is the next one's `before` unless the document was reopened.
//! Absent on purpose: verdicts (the hub decides), the LSP framework, and the road to the hub.

mod document;
mod editing;
mod group;
mod hover;
mod io;
mod joined;
mod ledger;
mod life;
mod moved;
mod owners;
mod seal;
mod shape;
mod since;
mod status;
mod sync;
#[cfg(test)]
mod tests;
mod views;

use std::collections::{BTreeMap, VecDeque};

use codi2_protocol::{Fact, GroupId, SessionId, SessionInfo, WorktreeId};
use codi2_text::Tombstones;

use document::Document;
pub use hover::HoverText;
pub use io::{Apart, DocumentEvent, Effect, Input, Link, Place, Refresh, Shows, Site, View, Views, Window};
pub use owners::Known;
use owners::Table;
use seal::Grave;

/// Longest document recorded, in bytes.
pub const DOCUMENT_BYTES: usize = 16 << 20;
/// Quiet after which a group is sealed, in ms.
const QUIET_MS: u64 = 250;
/// Age at which a group is sealed, in ms.
const AGE_MS: u64 = 1_000;
/// Bytes put in and removed at which a group is sealed.
const GROUP_BYTES: usize = 4 << 10;
/// The same while a hint may still come for the last edits.
const UNHINTED_BYTES: usize = 1 << 20;
/// Least time between two [`Touched`] of a buffer, in ms.
const TOUCHED_MS: u64 = 50;
/// Time between two heartbeats, in ms.
const HEARTBEAT_MS: u64 = 5_000;
/// Least time between two words to the editor that owners changed, in ms.
const REFRESH_MS: u64 = 1_000;
/// Deleted text remembered, in bytes and pieces.
const TOMBSTONES: (usize, usize) = (4 << 20, 4_096);
/// Groups whose verdict is awaited, at most.
const AWAITED: usize = 4_096;

/// The machine.
pub struct Session {
    window: Window,
    mint: Box<dyn FnMut() -> GroupId + Send>,
    documents: BTreeMap<String, Document>,
    apart: BTreeMap<String, Apart>,
    /// The worktrees that are watched for this window, with their roots.
    sites: BTreeMap<WorktreeId, String>,
    info: Option<SessionInfo>,
    tombstones: Tombstones<Grave>,
    table: Table,
    /// Groups sealed and not yet judged, with their owner here and their document.
    awaited: VecDeque<(GroupId, u32, String)>,
    /// The document last opened or edited.
    front: Option<String>,
    last_edit_ms: Option<u64>,
    heartbeat: u64,
    heartbeat_at: Option<u64>,
    link: Link,
    sessions: u32,
    asks: u64,
    shown: Option<codi2_protocol::lsp::StatusParams>,
    /// Views that show owners that are no longer so, and when the editor was last told of such.
    stale_views: Refresh,
    refreshed_ms: Option<u64>,
    hints_offered: bool,
    ended: bool,
    now_ms: u64,
    out: Vec<Effect>,
    /// A text whose arrival in a change breaks the machine.
    #[cfg(test)]
    pub breaks_on: Option<String>,
}

impl Session {
    /// A machine for a window; `mint` makes the ids of groups.
    pub fn new(window: Window, mint: impl FnMut() -> GroupId + Send + 'static) -> Self {
        Self {
            hints_offered: window.views.inlay_hints,
            stale_views: Refresh::default(),
            refreshed_ms: None,
            window,
            mint: Box::new(mint),
            documents: BTreeMap::new(),
            apart: BTreeMap::new(),
            sites: BTreeMap::new(),
            info: None,
            tombstones: Tombstones::new(TOMBSTONES.0, TOMBSTONES.1),
            table: Table::default(),
            awaited: VecDeque::new(),
            front: None,
            last_edit_ms: None,
            heartbeat: 0,
            heartbeat_at: None,
            link: Link::default(),
            sessions: 0,
            asks: 0,
            shown: None,
            ended: false,
            now_ms: 0,
            out: Vec::new(),
            #[cfg(test)]
            breaks_on: None,
        }
    }

    /// The session's id.
    pub fn id(&self) -> SessionId {
        self.window.session
    }

    /// Takes one thing that happened at `now_ms` and returns what is to be done about it.
    pub fn on(&mut self, input: Input, now_ms: u64) -> Vec<Effect> {
        if self.ended {
            return Vec::new();
        }
        // A clock set back must not keep groups open for hours: seal what counts by the old time.
        if now_ms + AGE_MS < self.now_ms {
            self.seal_all();
            self.clock_set_back(now_ms);
        }
        self.now_ms = now_ms;
        match input {
            Input::Rooted { site, own } => self.rooted(&site, own),
            Input::Open { uri, version, text, place } => self.open(uri, version, &text, place),
            Input::Document(event) => self.told(event),
            Input::Broke { uri } => self.distrust(&uri, true),
            Input::DocumentText { uri, result } => self.document_text(&uri, result),
            Input::Owners { ask, reply } => self.owners(ask, reply),
            Input::Judged { group, verdict } => self.judged(group, verdict),
            Input::WantText { session, file } => self.want_text(session, &file),
            Input::Sessions { sessions, worktree } => {
                if self.info.as_ref().is_some_and(|info| info.worktree.as_ref() == Some(&worktree)) {
                    self.sessions = sessions;
                }
            }
            Input::Git { worktree } => self.seal_where(|document| document.file.worktree == worktree),
            Input::Noted { worktree } => self.noted(&worktree),
            Input::Link(link) => self.link(link),
            Input::Lost => self.say_again(),
            Input::Shows(shows) => self.shows(shows),
            Input::Flush => self.seal_all(),
            Input::Tick => {}
            Input::End { reason } => self.end(reason),
        }
        self.due();
        self.show_status(false);
        std::mem::take(&mut self.out)
    }

    /// When [`Input::Tick`] is wanted at the latest, if nothing else happens (ms since the Unix epoch).
    pub fn deadline(&self) -> Option<u64> {
        let documents = self.documents.values().flat_map(|document| {
            let group = document.open.as_ref().map(|open| (open.last_ms + QUIET_MS).min(open.first_ms + AGE_MS));
            let touched =
                document.touched.waiting.as_ref().map(|_| document.touched.sent_ms.map_or(0, |sent| sent + TOUCHED_MS));
            let text = document.unsynced.and_then(|unsynced| unsynced.ask_at);
            [group, touched, text, document.owners.deadline(self.link.connected)]
        });
        let all = documents.flatten().chain(self.heartbeat_at).chain(self.refresh_at()).min();
        all.filter(|_| !self.ended)
    }

    /// Does what the time asks for.
    fn due(&mut self) {
        if self.ended {
            return;
        }
        let (now, hints) = (self.now_ms, self.window.client.edit_hint);
        let ripe = |document: &Document| {
            document.open.as_ref().is_some_and(|open| {
                // Asked only of a group that is large already: it looks at every edit.
                let hint_may_come = || hints && !open.is_hinted();
                let full = open.bytes >= UNHINTED_BYTES || (open.bytes >= GROUP_BYTES && !hint_may_come());
                full || now >= open.last_ms + QUIET_MS || now >= open.first_ms + AGE_MS
            })
        };
        self.seal_where(ripe);
        self.tell_touched();
        self.ask_owners();
        self.ask_texts();
        if self.table.is_full() {
            self.clear_table();
        }
        self.refresh_views();
        if self.heartbeat_at.is_some_and(|at| at <= now || at > now + HEARTBEAT_MS) {
            self.beat();
        }
    }

    fn fact(&mut self, fact: Fact) {
        self.out.push(Effect::Fact { at_ms: self.now_ms, fact });
    }

    fn note(&mut self, note: String) {
        self.out.push(Effect::Note(note));
    }

    /// Digest of a document's text at its last sealed state; for tests and the status.
    #[cfg(test)]
    fn sealed_digest(&self, uri: &str) -> Option<codi2_protocol::Digest> {
        self.documents.get(uri).map(|document| document.sealed.1)
    }
}
