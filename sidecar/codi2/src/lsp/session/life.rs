//! The session as others see it: who works here and where, signs of life, what is touched, the end.

use codi2_protocol::{Fact, Heartbeat, SessionInfo, Touched};

use super::{Effect, HEARTBEAT_MS, Session, Site, TOUCHED_MS};

impl Session {
    pub(super) fn rooted(&mut self, site: &Site, own: bool) {
        self.watch(site);
        self.introduce(site, own);
    }

    pub(super) fn watch(&mut self, site: &Site) {
        let is_new = self.sites.insert(site.worktree.clone(), site.root.clone()).is_none();
        if is_new && self.link.connected {
            self.out.push(Effect::Watch { root: site.root.clone() });
        }
    }

    /// The root of the worktree of which it was said who works here.
    pub fn root(&self) -> Option<&str> {
        self.info.as_ref()?.root.as_deref()
    }

    /// Says who works here: as soon as a worktree is known, again when the window's own one is, and when somebody else works
    /// there from now on.
    pub(super) fn introduce(&mut self, site: &Site, own: bool) {
        let info = SessionInfo {
            session: self.window.session,
            actor: site.actor.clone(),
            editor: self.window.editor.clone(),
            pid: self.window.pid,
            process: self.window.process,
            host: None,
            worktree: Some(site.worktree.clone()),
            root: Some(site.root.clone()),
            branch: site.branch.clone(),
            base: site.head.clone(),
        };
        let is_another =
            |known: &SessionInfo| known.worktree.as_ref() == Some(&site.worktree) && known.actor != site.actor;
        let changed = self.info.as_ref().is_some_and(is_another);
        if self.info.as_ref() == Some(&info) || (self.info.is_some() && !own && !changed) {
            return;
        }
        if changed {
            // What was typed before is whose it was.
            self.seal_all();
        }
        self.info = Some(info.clone());
        self.fact(Fact::SessionStarted { info });
        if self.heartbeat_at.is_none() {
            self.beat();
        }
    }

    pub(super) fn beat(&mut self) {
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

    pub(super) fn end(&mut self, reason: String) {
        self.seal_all();
        if self.info.is_some() {
            self.fact(Fact::SessionEnded { reason });
        }
        self.ended = true;
    }

    pub(super) fn tell_touched(&mut self) {
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
}
