//! What the status bar is told: health, one line of words, and the counts behind it.

use codi2_protocol::lsp::{Health, StatusParams};

use super::{Apart, Effect, Session};

impl Session {
    /// Tells the status where it changed, or in any case with a heartbeat. A client that did not ask for it gets none.
    pub(super) fn show_status(&mut self, beat: bool) {
        if !self.window.client.status || self.ended {
            return;
        }
        let status = self.status();
        let same = self.shown.as_ref().is_some_and(|shown| *shown == status);
        if !same || beat {
            self.shown = Some(status.clone());
            self.out.push(Effect::Status(status));
        }
    }

    fn status(&self) -> StatusParams {
        let (health, message) = self.health();
        StatusParams {
            health,
            message,
            connected: self.link.connected,
            session: self.window.session.to_string(),
            sessions: self.sessions,
            pending: self.link.pending,
            spool_bytes: self.link.spool_bytes,
            heartbeat: self.heartbeat,
        }
    }

    fn health(&self) -> (Health, String) {
        let unsynced = self.documents.values().filter(|document| document.unsynced.is_some()).count();
        if self.info.is_none() {
            let why = match self.front_apart() {
                None => return (Health::Warning, "codi2: no file of a repository open yet".to_owned()),
                Some(Apart::Private) => "this file is private",
                Some(Apart::Ignored) => "git ignores this file",
                Some(Apart::TooLong) => "this file is too long",
                Some(Apart::Unreachable) => "this file's folder cannot be read",
                _ => "no git repository here",
            };
            return (Health::Warning, format!("codi2: not recording, {why}"));
        }
        if unsynced > 0 {
            return (Health::Warning, format!("codi2: {unsynced} buffers out of step, reopen them"));
        }
        match (&self.link.problem, self.link.connected) {
            (Some(problem), _) => return (Health::Warning, format!("codi2: {}", one_line(problem))),
            (None, false) => return (Health::Warning, "codi2: hub away, edits are kept".to_owned()),
            (None, true) => {}
        }
        let sessions = self.sessions.max(1);
        (Health::Ok, if sessions == 1 { "codi2".to_owned() } else { format!("codi2: {sessions} sessions") })
    }

    /// Why documents are not recorded, where only such are open.
    fn front_apart(&self) -> Option<Apart> {
        self.apart.values().next_back().copied()
    }
}

/// Words from elsewhere as one short line without control characters.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).take(160).collect()
}
