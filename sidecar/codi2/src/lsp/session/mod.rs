//! The session machine: everything a window knows, as one pure function of what happens and when.
//!
//! [`Session::on`] takes an [`Input`] and the time and returns [`Effect`]s. Invariants: the machine does no I/O, has no
//! clock, spawns nothing and never waits; it is the only owner of documents; the edits of each group lead from its
//! `before` to its `after`, and one group's `after` is the next one's `before` unless the document was reopened.
//! Absent on purpose: verdicts (the hub decides), the LSP framework, and the road to the hub.

mod document;
mod group;
mod hover;
mod io;
mod ledger;
mod owners;
mod seal;
mod shape;
mod since;
mod status;
mod sync;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use codi2_protocol::{Fact, GroupId, Heartbeat, SessionId, SessionInfo, Touched, WorktreeId};
use codi2_text::{Change, Tombstones};

use document::Document;
pub use hover::HoverText;
pub use io::{Apart, Effect, Input, Link, Place, Site, Window};
use owners::{Known, Table};
use seal::{Grave, Sealing};

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
    sites: BTreeSet<WorktreeId>,
    roots: Vec<String>,
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
            window,
            mint: Box::new(mint),
            documents: BTreeMap::new(),
            apart: BTreeMap::new(),
            sites: BTreeSet::new(),
            roots: Vec::new(),
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
        }
        self.now_ms = now_ms;
        match input {
            Input::Rooted { site, own } => self.rooted(&site, own),
            Input::Open { uri, version, text, place } => self.open(uri, version, &text, place),
            Input::Change { uri, version, changes } => self.change(&uri, version, &changes),
            Input::WillSave { uri } => self.seal(&uri),
            Input::Save { uri, text } => self.save(&uri, text.as_deref()),
            Input::Close { uri } => self.close(&uri),
            Input::Hint { uri, version, source } => self.hint(&uri, version, &source),
            Input::Distrust { uri, broke } => self.distrust(&uri, broke),
            Input::DocumentText { uri, result } => self.document_text(&uri, result),
            Input::Owners { ask, reply } => self.owners(ask, reply),
            Input::Judged { group, verdict } => self.judged(group, verdict),
            Input::WantText { session, file } => self.want_text(session, &file),
            Input::Sessions { sessions, worktree } => {
                if self.info.as_ref().is_some_and(|info| info.worktree.as_ref() == Some(&worktree)) {
                    self.sessions = sessions;
                }
            }
            Input::Link(link) => self.link(link),
            Input::Lost => self.say_again(),
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
        let all = documents.flatten().chain(self.heartbeat_at).min();
        all.filter(|_| !self.ended)
    }

    /// Does what the time asks for.
    fn due(&mut self) {
        if self.ended {
            return;
        }
        let now = self.now_ms;
        let ripe = |document: &Document| {
            document.open.as_ref().is_some_and(|open| {
                let hint_may_come = self.window.client.edit_hint && !open.is_hinted();
                let cap = if hint_may_come { UNHINTED_BYTES } else { GROUP_BYTES };
                now >= open.last_ms + QUIET_MS || now >= open.first_ms + AGE_MS || open.bytes >= cap
            })
        };
        let ripe: Vec<String> =
            self.documents.iter().filter(|(_, document)| ripe(document)).map(|(uri, _)| uri.clone()).collect();
        for uri in ripe {
            self.seal(&uri);
        }
        self.tell_touched();
        self.ask_owners();
        self.ask_texts();
        if self.table.is_full() {
            self.clear_table();
        }
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

    // The session's own life.

    fn rooted(&mut self, site: &Site, own: bool) {
        self.watch(site);
        self.introduce(site, own);
    }

    fn watch(&mut self, site: &Site) {
        if self.sites.insert(site.worktree.clone()) {
            self.roots.push(site.root.clone());
            if self.link.connected {
                self.out.push(Effect::Watch { root: site.root.clone() });
            }
        }
    }

    /// Says who works here: as soon as a worktree is known, and again when the window's own one is.
    fn introduce(&mut self, site: &Site, own: bool) {
        let info = SessionInfo {
            session: self.window.session,
            actor: site.person.clone(),
            editor: self.window.editor.clone(),
            pid: self.window.pid,
            host: self.window.host,
            worktree: Some(site.worktree.clone()),
            root: Some(site.root.clone()),
            branch: site.branch.clone(),
            base: site.head.clone(),
        };
        if self.info.as_ref() == Some(&info) || (self.info.is_some() && !own) {
            return;
        }
        self.info = Some(info.clone());
        self.fact(Fact::SessionStarted { info });
        if self.heartbeat_at.is_none() {
            self.beat();
        }
    }

    fn beat(&mut self) {
        self.heartbeat += 1;
        self.heartbeat_at = Some(self.now_ms + HEARTBEAT_MS);
        let front = self.front.as_ref().and_then(|uri| self.documents.get(uri));
        self.out.push(Effect::Heartbeat(Heartbeat {
            session: self.window.session,
            at_ms: self.now_ms,
            file: front.map(|document| document.file.clone()),
            open: u32::try_from(self.documents.len()).unwrap_or(u32::MAX),
            last_edit_ms: self.last_edit_ms,
        }));
        self.show_status(true);
    }

    fn end(&mut self, reason: String) {
        self.seal_all();
        if self.info.is_some() {
            self.fact(Fact::SessionEnded { reason });
        }
        self.ended = true;
    }

    // Documents.

    fn open(&mut self, uri: String, version: i32, text: &str, place: Place) {
        if self.documents.contains_key(&uri) {
            self.note("a document was opened twice; it is taken as closed and opened".to_owned());
            self.close(&uri);
        }
        self.apart.remove(&uri);
        let (file, site) = match place {
            Place::Recorded { .. } if text.len() > DOCUMENT_BYTES => {
                self.note(format!("a document of {} bytes is too long and not recorded", text.len()));
                self.apart.insert(uri, Apart::TooLong);
                return;
            }
            Place::Recorded { file, .. } if self.documents.values().any(|open| open.file == file) => {
                self.note("a file was opened under a second name; what is edited there is not recorded".to_owned());
                self.apart.insert(uri, Apart::OpenAlready);
                return;
            }
            Place::Recorded { file, site } => (file, site),
            Place::Apart(why) => {
                self.apart.insert(uri, why);
                return;
            }
        };
        self.watch(&site);
        self.introduce(&site, false);
        let document = Document::new(file.clone(), version, text, self.now_ms);
        let (digest, bytes) = (document.sealed.1, text.len() as u64);
        self.documents.insert(uri.clone(), document);
        self.front = Some(uri);
        self.fact(Fact::Opened { file, digest, bytes });
    }

    fn change(&mut self, uri: &str, version: i32, changes: &[Change]) {
        #[cfg(test)]
        if let Some(text) = &self.breaks_on {
            assert!(!changes.iter().any(|change| change.text.contains(text.as_str())), "broken on request");
        }
        let Some(document) = self.documents.get_mut(uri) else {
            if !self.apart.contains_key(uri) {
                self.note("a change of a document that is not open was left out".to_owned());
            }
            return;
        };
        let full = changes.iter().position(|change| change.range.is_none());
        if let Some(unsynced) = &mut document.unsynced {
            unsynced.seen = unsynced.seen.max(version);
            match full {
                // Whatever was lost before, from this change on the text is known.
                Some(at) if version >= unsynced.seen => {
                    document.unsynced = None;
                    self.made(uri, version, &changes[at..]);
                }
                _ => {}
            }
            return;
        }
        if version <= document.version {
            let known = document.version;
            self.note(format!("a document's version went from {known} to {version}"));
            self.distrust(uri, false);
            return;
        }
        self.made(uri, version, changes);
    }

    /// Applies changes to a document in sync.
    fn made(&mut self, uri: &str, version: i32, changes: &[Change]) {
        let Some(document) = self.documents.get_mut(uri) else { return };
        let coming = document.hints.class(document.version, version);
        let parted = document.open.as_ref().is_some_and(|open| match (open.last_class(), &coming) {
            (Some(last), Some(coming)) => last != *coming,
            _ => false,
        });
        if parted {
            self.seal(uri);
        }
        let Some(document) = self.documents.get_mut(uri) else { return };
        let (table, now) = (&mut self.table, self.now_ms);
        let mint = || table.add(Known::Provisional { at_ms: now, declared: None });
        if document.apply(changes, version, self.window.encoding, now, mint) {
            self.last_edit_ms = Some(now);
            self.front = Some(uri.to_owned());
            self.show_declared(uri);
        }
    }

    /// Notes what the client declared of the open group, for this window's own display.
    fn show_declared(&mut self, uri: &str) {
        let Some(open) = self.documents.get(uri).and_then(|document| document.open.as_ref()) else { return };
        let Some((kind, name)) = open.last_class() else { return };
        let kind =
            serde_json::to_value(kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
        let declared = Some(name.map_or(kind.clone(), |name| format!("{kind} ({name})")));
        self.table.set(open.owner, Known::Provisional { at_ms: open.last_ms, declared });
    }

    fn hint(&mut self, uri: &str, version: i32, source: &codi2_protocol::Source) {
        let Some(document) = self.documents.get_mut(uri) else { return };
        let taken = document.open.as_mut().is_some_and(|open| open.take_hint(version, source));
        if !taken && version > document.version {
            document.hints.keep(version, source.clone());
        }
        if taken {
            self.show_declared(uri);
        }
    }

    fn save(&mut self, uri: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.resync(uri, text, None);
        }
        self.seal(uri);
        let Some(document) = self.documents.get_mut(uri) else { return };
        if document.unsynced.is_some() {
            return;
        }
        let digest = document.sealed.1;
        document.rebase(digest);
        let file = document.file.clone();
        self.fact(Fact::Saved { file, digest });
    }

    fn close(&mut self, uri: &str) {
        self.seal(uri);
        self.apart.remove(uri);
        if let Some(document) = self.documents.remove(uri) {
            self.fact(Fact::Closed { file: document.file, digest: document.sealed.1 });
        }
        if self.front.as_deref() == Some(uri) {
            self.front = None;
        }
    }

    // Sealing.

    fn seal_all(&mut self) {
        let uris: Vec<String> = self.documents.keys().cloned().collect();
        for uri in uris {
            self.seal(&uri);
        }
    }

    fn seal(&mut self, uri: &str) {
        let Some(document) = self.documents.get_mut(uri) else { return };
        let Some(open) = document.open.take() else { return };
        let (before, now, file) = (document.sealed.1, document.text.clone(), document.file.clone());
        let others = self.documents.iter().filter(|(other, _)| *other != uri);
        let mut sealing = Sealing {
            session: self.window.session,
            file: &file,
            tombstones: &mut self.tombstones,
            others: others.map(|(_, other)| (&other.file, &other.sealed.0, other.sealed.1)).collect(),
            mint: &mut self.mint,
            hinted: self.window.client.edit_hint,
        };
        let sealed = sealing.seal(&open, before, &now);
        self.out.extend(sealed.effects);
        for group in sealed.groups {
            if self.awaited.len() == AWAITED {
                self.awaited.pop_front();
            }
            self.awaited.push_back((group, open.owner, uri.to_owned()));
        }
        if let Some(document) = self.documents.get_mut(uri) {
            document.sealed = (now, sealed.digest);
            if sealed.reloaded {
                document.rebase(sealed.digest);
            }
        }
    }

    // Presence.

    fn tell_touched(&mut self) {
        let (session, now) = (self.window.session, self.now_ms);
        for document in self.documents.values_mut() {
            let touched = &mut document.touched;
            // A clock set back must not keep a touch for hours.
            let early = touched.sent_ms.is_some_and(|sent| sent <= now && now < sent + TOUCHED_MS);
            if early || touched.waiting.is_none() {
                continue;
            }
            if let Some((range, at_ms)) = touched.waiting.take() {
                touched.sent_ms = Some(now);
                let (file, base) = (document.file.clone(), document.base.0);
                let (start, end) = (range.start as u64, range.end as u64);
                self.out.push(Effect::Touched(Touched { session, file, base, start, end, at_ms }));
            }
        }
    }

    /// Digest of a document's text at its last sealed state; for tests and the status.
    #[cfg(test)]
    fn sealed_digest(&self, uri: &str) -> Option<codi2_protocol::Digest> {
        self.documents.get(uri).map(|document| document.sealed.1)
    }
}
