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
mod owners;
mod seal;
mod shape;
mod since;
mod status;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use codi2_protocol::{Fact, FileId, GroupId, Heartbeat, SessionId, SessionInfo, Text as Whole, Touched, WorktreeId};
use codi2_text::{Change, Encoding, Tombstones};

use document::{Document, Unsynced, boundary};
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
/// How often a document's text is asked for, and the time between, in ms.
const ASK_TEXT: (u32, u64) = (3, 1_000);

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
            Input::Rooted(site) => self.rooted(&site),
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

    fn rooted(&mut self, site: &Site) {
        self.watch(site);
        self.introduce(site, true);
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

    // Texts that are not the editor's any more.

    fn distrust(&mut self, uri: &str, broke: bool) {
        if !broke {
            self.seal(uri);
        }
        let now = self.now_ms;
        let Some(document) = self.documents.get_mut(uri) else { return };
        if broke {
            // What was sealed is what the hub knows; the text asked for is compared with that.
            document.open = None;
            document.text = document.sealed.0.clone();
            document.owners = owners::Owners::loading(document.text.len_bytes(), now);
        }
        let seen = document.unsynced.map_or(document.version, |unsynced| unsynced.seen);
        document.unsynced = Some(Unsynced { seen, tries: 0, ask_at: Some(now) });
    }

    /// Takes a text known to be the editor's; the difference becomes edits. Without a version, the known one stands.
    fn resync(&mut self, uri: &str, text: &str, version: Option<i32>) {
        let Some(document) = self.documents.get_mut(uri) else { return };
        let version = version.unwrap_or(document.unsynced.map_or(document.version, |unsynced| unsynced.seen));
        document.unsynced = None;
        let (table, now) = (&mut self.table, self.now_ms);
        let mint = || table.add(Known::Provisional { at_ms: now, declared: None });
        let change = Change { range: None, text: text.to_owned() };
        document.apply(&[change], version, Encoding::Utf8, now, mint);
    }

    fn ask_texts(&mut self) {
        let now = self.now_ms;
        let can = self.window.client.document_text;
        for (uri, document) in &mut self.documents {
            let Some(unsynced) = &mut document.unsynced else { continue };
            if unsynced.ask_at.is_none_or(|at| at > now) {
                continue;
            }
            unsynced.ask_at = None;
            if can && unsynced.tries < ASK_TEXT.0 {
                unsynced.tries += 1;
                self.out.push(Effect::AskText { uri: uri.clone() });
            } else {
                self.out
                    .push(Effect::Note("a document is out of step until it is opened again or sent whole".to_owned()));
            }
        }
    }

    fn document_text(&mut self, uri: &str, result: Option<codi2_protocol::lsp::DocumentTextResult>) {
        let now = self.now_ms;
        let Some(unsynced) = self.documents.get_mut(uri).and_then(|document| document.unsynced.as_mut()) else {
            return;
        };
        match result.filter(|result| result.version >= unsynced.seen) {
            Some(result) => {
                self.resync(uri, &result.text, Some(result.version));
                self.seal(uri);
            }
            None => unsynced.ask_at = Some(now + ASK_TEXT.1),
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

    // The hub's side.

    fn link(&mut self, link: Link) {
        let back = link.connected && !self.link.connected;
        self.link = link;
        if !back {
            return;
        }
        for root in &self.roots {
            self.out.push(Effect::Watch { root: root.clone() });
        }
        for document in self.documents.values_mut() {
            document.owners.refresh(self.now_ms);
        }
    }

    /// The hub has lost facts for good: it is told anew who works here and what stands in the buffers.
    fn say_again(&mut self) {
        self.seal_all();
        if let Some(info) = self.info.clone() {
            self.fact(Fact::SessionStarted { info });
        }
        let opened = self.documents.values().map(|document| {
            let (text, digest) = &document.sealed;
            Fact::Opened { file: document.file.clone(), digest: *digest, bytes: text.len_bytes() as u64 }
        });
        let opened: Vec<Fact> = opened.collect();
        opened.into_iter().for_each(|fact| self.fact(fact));
    }

    fn ask_owners(&mut self) {
        let now = self.now_ms;
        for document in self.documents.values_mut() {
            document.owners.tick(now);
            if !self.link.connected || document.owners.ask_at.is_none_or(|at| at > now) {
                continue;
            }
            self.asks += 1;
            let since = document.open_edits();
            let (text, digest) = &document.sealed;
            document.owners.ask(self.asks, *digest, text.len_bytes(), since, now);
            self.out.push(Effect::AskOwners { ask: self.asks, file: document.file.clone(), digest: *digest });
        }
    }

    fn owners(&mut self, ask: u64, reply: Option<codi2_protocol::OwnersReply>) {
        let now = self.now_ms;
        let mut reply = Some(reply);
        for document in self.documents.values_mut() {
            if document.owners.is_asked(ask) {
                document.owners.answer(ask, reply.take().flatten(), &mut self.table, now);
            }
        }
    }

    fn judged(&mut self, group: GroupId, verdict: Option<codi2_protocol::Verdict>) {
        let Some(at) = self.awaited.iter().position(|(awaited, ..)| *awaited == group) else { return };
        let Some((_, owner, uri)) = self.awaited.remove(at) else { return };
        let shared = self.awaited.iter().any(|(_, other, _)| *other == owner);
        match (verdict, self.table.get(owner)) {
            (Some(verdict), Known::Provisional { at_ms, .. }) if !shared => {
                let at_ms = Some(at_ms / 60_000 * 60_000);
                self.table.set(owner, Known::Judged(codi2_protocol::Owner { verdict, at_ms, event: None }));
            }
            _ => {
                if let Some(document) = self.documents.get_mut(&uri) {
                    document.owners.refresh(self.now_ms + 200);
                }
            }
        }
    }

    fn want_text(&mut self, session: SessionId, file: &FileId) {
        if session != self.window.session {
            return;
        }
        let uris = self.documents.iter().filter(|(_, document)| document.file == *file);
        let Some(uri) = uris.map(|(uri, _)| uri.clone()).next() else { return };
        self.seal(&uri);
        let Some(document) = self.documents.get(&uri) else { return };
        let (text, digest) = (document.sealed.0.to_string(), document.sealed.1);
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        loop {
            let (piece, tail) = rest.split_at(boundary(rest, codi2_protocol::limits::TEXT_BYTES));
            pieces.push(piece);
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
        let parts = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
        for (part, piece) in (0..).zip(pieces) {
            let (file, text) = (file.clone(), piece.to_owned());
            self.out.push(Effect::Text(Whole::Full { session, file, digest, part, parts, text }));
        }
    }

    fn clear_table(&mut self) {
        let mut used: Vec<u32> = self.documents.values().flat_map(|document| document.owners.used()).collect();
        used.extend(self.documents.values().filter_map(|document| document.open.as_ref().map(|open| open.owner)));
        used.extend(self.awaited.iter().map(|(_, owner, _)| *owner));
        let moved = self.table.clear(&used);
        let new = |owner: u32| moved.get(&owner).copied().unwrap_or(owners::NO_ANSWER);
        for document in self.documents.values_mut() {
            document.owners.renumber(&moved);
            if let Some(open) = &mut document.open {
                open.owner = new(open.owner);
            }
        }
        for (_, owner, _) in &mut self.awaited {
            *owner = new(*owner);
        }
    }

    /// Digest of a document's text at its last sealed state; for tests and the status.
    #[cfg(test)]
    fn sealed_digest(&self, uri: &str) -> Option<codi2_protocol::Digest> {
        self.documents.get(uri).map(|document| document.sealed.1)
    }
}
