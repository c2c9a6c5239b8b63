//! Documents whose text here may not be the editor's: after a broken message, a version that did not grow, a panic.
//!
//! Such a document takes no changes until its text is known again: from the client (`codi2/documentText`), by a change
//! of the whole text, by a save with text, or because it is opened again.

use codi2_protocol::lsp::DocumentTextResult;
use codi2_text::{Change, Encoding};

use super::document::Unsynced;
use super::owners::{Known, Owners};
use super::{Effect, Session};

/// How often a document's text is asked for, and the time between, in ms.
const ASK_TEXT: (u32, u64) = (3, 1_000);

impl Session {
    pub(super) fn distrust(&mut self, uri: &str, broke: bool) {
        if !broke {
            self.seal(uri);
        }
        let now = self.now_ms;
        let Some(document) = self.documents.get_mut(uri) else { return };
        if broke {
            // What was sealed is what the hub knows; the text asked for is compared with that.
            document.open = None;
            document.text = document.sealed.0.clone();
            document.owners = Owners::loading(document.text.len_bytes(), now);
        }
        let seen = document.unsynced.map_or(document.version, |unsynced| unsynced.seen);
        document.unsynced = Some(Unsynced { seen, tries: 0, ask_at: Some(now) });
    }

    /// Takes a text known to be the editor's; the difference becomes edits. Without a version, the known one stands.
    pub(super) fn resync(&mut self, uri: &str, text: &str, version: Option<i32>) {
        let Some(document) = self.documents.get_mut(uri) else { return };
        let version = version.unwrap_or(document.unsynced.map_or(document.version, |unsynced| unsynced.seen));
        document.unsynced = None;
        let (table, now) = (&mut self.table, self.now_ms);
        let mint = || table.add(Known::Provisional { at_ms: now, declared: None });
        let change = Change { range: None, text: text.to_owned() };
        document.apply(&[change], version, Encoding::Utf8, now, mint);
    }

    /// What was to be asked by the old time is asked now.
    pub(super) fn clock_set_back(&mut self, now_ms: u64) {
        for document in self.documents.values_mut() {
            if let Some(at) = document.unsynced.as_mut().and_then(|unsynced| unsynced.ask_at.as_mut()) {
                *at = now_ms;
            }
            document.owners.refresh(now_ms);
        }
    }

    pub(super) fn ask_texts(&mut self) {
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

    pub(super) fn document_text(&mut self, uri: &str, result: Option<DocumentTextResult>) {
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
}
