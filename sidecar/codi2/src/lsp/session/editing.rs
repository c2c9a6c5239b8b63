//! What the editor does to documents: opens, changes, saves and closes them; and the sealing of what it changed.

use codi2_protocol::Fact;
use codi2_protocol::lsp::EditHintParams;
use codi2_text::Change;

use super::document::Document;
use super::joined::join_lines;
use super::owners::Known;
use super::seal::Sealing;
use super::{AWAITED, Apart, DOCUMENT_BYTES, DocumentEvent, Place, Session};

impl Session {
    pub(super) fn open(&mut self, uri: String, version: i32, text: &str, place: Place) {
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

    pub(super) fn told(&mut self, event: DocumentEvent) {
        match event {
            DocumentEvent::Change { uri, version, changes } => self.change(&uri, version, &changes),
            DocumentEvent::WillSave { uri } => self.seal(&uri),
            DocumentEvent::Save { uri, text } => self.save(&uri, text.as_deref()),
            DocumentEvent::Close { uri } => self.close(&uri),
            DocumentEvent::Hint(EditHintParams { uri, version, source }) => self.hint(&uri, version, &source),
            DocumentEvent::Garbled { uri } => self.distrust(&uri, false),
        }
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

    pub(super) fn seal_all(&mut self) {
        self.seal_where(|_| true);
    }

    pub(super) fn seal_where(&mut self, wanted: impl Fn(&Document) -> bool) {
        let wanted = self.documents.iter().filter(|(_, document)| wanted(document));
        let uris: Vec<String> = wanted.map(|(uri, _)| uri.clone()).collect();
        for uri in uris {
            self.seal(&uri);
        }
    }

    pub(super) fn seal(&mut self, uri: &str) {
        let Some(document) = self.documents.get_mut(uri) else { return };
        let Some(mut open) = document.open.take() else { return };
        join_lines(&mut open);
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
}
