//! The hub's side of a window: the state of the road, owners asked for, verdicts, texts it wants, and facts it lost.

use codi2_protocol::limits::TEXT_BYTES;
use codi2_protocol::{ActorKind, Fact, FileId, GroupId, Owner, OwnersReply, SessionId, Text, Verdict, WorktreeId};

use super::document::boundary;
use super::owners::{Known, NO_ANSWER};
use super::{Effect, Link, Session};

impl Session {
    pub(super) fn link(&mut self, link: Link) {
        let back = link.connected && !self.link.connected;
        if link.connected != self.link.connected {
            // What is loading says why.
            self.owners_changed();
        }
        self.link = link;
        if !back {
            return;
        }
        for root in self.sites.values() {
            self.out.push(Effect::Watch { root: root.clone() });
        }
        for document in self.documents.values_mut() {
            document.owners.refresh(self.now_ms);
        }
    }

    /// The hub has lost facts for good: it is told anew who works here and what stands in the buffers.
    pub(super) fn say_again(&mut self) {
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

    pub(super) fn ask_owners(&mut self) {
        let (now, mut changed) = (self.now_ms, false);
        for document in self.documents.values_mut() {
            changed |= document.owners.tick(now);
            if !self.link.connected || document.owners.ask_at.is_none_or(|at| at > now) {
                continue;
            }
            self.asks += 1;
            let since = document.open_edits();
            let (text, digest) = &document.sealed;
            document.owners.ask(self.asks, *digest, text.len_bytes(), since, now);
            let (file, digest, text) = (document.file.clone(), *digest, text.clone());
            let root = self.sites.get(&file.worktree).cloned().unwrap_or_default();
            self.out.push(Effect::AskOwners { ask: self.asks, file, digest, text, root });
        }
        if changed {
            self.owners_changed();
        }
    }

    pub(super) fn owners(&mut self, ask: u64, reply: Option<OwnersReply>) {
        let now = self.now_ms;
        let asked = self.documents.values_mut().find(|document| document.owners.is_asked(ask));
        if asked.is_some_and(|document| document.owners.answer(ask, reply, &mut self.table, now)) {
            self.owners_changed();
        }
    }

    /// Notes tell of commits: who wrote what git brought, or what nobody announced to this hub, may be known now.
    pub(super) fn noted(&mut self, worktree: &WorktreeId) {
        let may_be_known = |known: &Known| {
            let Known::Judged(owner) = known else { return false };
            matches!(owner.verdict.origin.kind, ActorKind::Git | ActorKind::External)
        };
        for document in self.documents.values_mut().filter(|document| document.file.worktree == *worktree) {
            if document.owners.tree().iter().any(|(_, owner)| may_be_known(self.table.get(owner))) {
                document.owners.refresh(self.now_ms);
            }
        }
    }

    pub(super) fn judged(&mut self, group: GroupId, verdict: Option<Verdict>) {
        let Some(at) = self.awaited.iter().position(|(awaited, ..)| *awaited == group) else { return };
        let Some((_, owner, uri)) = self.awaited.remove(at) else { return };
        let shared = self.awaited.iter().any(|(_, other, _)| *other == owner);
        match (verdict, self.table.get(owner)) {
            // Of what git brought notes may know more, which come with an answer.
            (Some(verdict), Known::Provisional { at_ms, .. }) if !shared && verdict.origin.kind != ActorKind::Git => {
                let at_ms = Some(at_ms / 60_000 * 60_000);
                self.table.set(owner, Known::Judged(Owner { verdict, at_ms, event: None }));
                self.owners_changed();
            }
            _ => {
                if let Some(document) = self.documents.get_mut(&uri) {
                    document.owners.refresh(self.now_ms + 200);
                }
            }
        }
    }

    pub(super) fn want_text(&mut self, session: SessionId, file: &FileId) {
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
            let (piece, tail) = rest.split_at(boundary(rest, TEXT_BYTES));
            pieces.push(piece);
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
        let parts = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
        for (part, piece) in (0..).zip(pieces) {
            let (file, text) = (file.clone(), piece.to_owned());
            self.out.push(Effect::Text(Text::Full { session, file, digest, part, parts, text }));
        }
    }

    pub(super) fn clear_table(&mut self) {
        let mut used: Vec<u32> = self.documents.values().flat_map(|document| document.owners.used()).collect();
        used.extend(self.documents.values().filter_map(|document| document.open.as_ref().map(|open| open.owner)));
        used.extend(self.awaited.iter().map(|(_, owner, _)| *owner));
        let moved = self.table.clear(&used);
        let new = |owner: u32| moved.get(&owner).copied().unwrap_or(NO_ANSWER);
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
}
