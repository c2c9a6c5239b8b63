//! What a window shows of owners: the snapshot a view is made from, what is switched on, and when the editor is to ask
//! again because owners changed without it.
//!
//! Absent on purpose: the views themselves (`authorship`). An edit needs no word from here: the editor made it, and asks.

use super::{Effect, REFRESH_MS, Refresh, Session, Shows, View};
use crate::lsp::authorship::Authorship;

impl Session {
    /// The owners of a document as they are; `None` for one that is not recorded, and for a view that is off.
    pub fn authorship(&self, uri: &str, view: View) -> Option<Authorship> {
        let shown = match view {
            View::CodeLens => self.window.views.code_lens,
            View::InlayHints => self.window.views.inlay_hints,
            View::Asked => true,
        };
        let document = self.documents.get(uri).filter(|_| shown)?;
        Some(Authorship {
            version: document.version,
            text: document.text.clone(),
            tree: document.owners.tree().clone(),
            owners: self.table.entries(),
            encoding: self.window.encoding,
            out_of_step: document.unsynced.is_some(),
            connected: self.link.connected,
        })
    }

    pub(super) fn shows(&mut self, shows: Shows) {
        let views = &mut self.window.views;
        let before = (views.code_lens, views.inlay_hints);
        views.code_lens = shows.code_lens.unwrap_or(views.code_lens);
        views.inlay_hints = shows.inlay_hints.unwrap_or(views.inlay_hints);
        if views.inlay_hints && !self.hints_offered && views.registers_inlay_hints {
            self.hints_offered = true;
            self.out.push(Effect::OfferHints);
        }
        // At once: somebody waits for it. What was on shows that it is off.
        let refresh = Refresh {
            code_lens: views.refreshes_code_lens && before.0 != views.code_lens,
            inlay_hints: views.refreshes_inlay_hints && before.1 != views.inlay_hints,
            blame: false,
        };
        if refresh.is_wanted() {
            self.out.push(Effect::Refresh(refresh));
        }
    }

    /// Notes that what is shown is no longer so; where nothing is open, nothing is shown.
    pub(super) fn owners_changed(&mut self) {
        if self.documents.is_empty() {
            return;
        }
        let views = &self.window.views;
        let refresh = Refresh {
            code_lens: views.code_lens && views.refreshes_code_lens,
            inlay_hints: views.inlay_hints && views.refreshes_inlay_hints,
            blame: self.window.client.blame,
        };
        self.stale_views = self.stale_views.and(refresh);
    }

    /// When the editor is to be told to ask again.
    pub(super) fn refresh_at(&self) -> Option<u64> {
        let last = self.refreshed_ms.map_or(0, |last| last + REFRESH_MS);
        self.stale_views.is_wanted().then_some(last)
    }

    /// Tells it, at most once each second.
    pub(super) fn refresh_views(&mut self) {
        if self.refresh_at().is_some_and(|at| at <= self.now_ms || at > self.now_ms + REFRESH_MS) {
            self.refreshed_ms = Some(self.now_ms);
            self.out.push(Effect::Refresh(std::mem::take(&mut self.stale_views)));
        }
    }
}
