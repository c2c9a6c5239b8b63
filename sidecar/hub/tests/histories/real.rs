//! A real hub, a process with its threads, sockets, store and real time: what proves the one driven by hand.
//!
//! That it has seen everything is seen of a cookie file that comes and goes in each worktree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use codi2_protocol::{
    Body, Call, EventBody, FileId, Filter, HookRecord, HubError, Notice, ProducerId, Reply, SessionId,
};

use super::hub::Hub;
use super::support::{Home, Running, Wire, until};

/// The hub's process and the connections to it.
pub struct Real {
    home: Home,
    running: Option<(Running, Wire)>,
    sidecars: BTreeMap<ProducerId, Wire>,
    roots: Vec<PathBuf>,
    cookies: usize,
}

impl Real {
    pub fn new() -> Self {
        Self { home: Home::new(), running: None, sidecars: BTreeMap::new(), roots: Vec::new(), cookies: 0 }
    }

    /// Whether a change of this file, or its end, is among the newest events.
    fn has_seen(&mut self, name: &str, gone: bool) -> bool {
        let call = Call::Log { filter: Filter::default(), cursor: None, newest_first: true, limit: 50 };
        let Ok(Reply::Events { events, .. }) = self.call(call) else { return false };
        events.iter().any(|stamped| {
            let Body::Known(EventBody::Disk { change, .. }) = &stamped.event.body else { return false };
            stamped.event.file.as_deref() == Some(name) && change.after.is_none() == gone
        })
    }
}

impl Hub for Real {
    fn now_ms(&self) -> u64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        since.as_millis() as u64
    }

    /// No hook's process is faster than two turns of the clock that hooks are told by.
    fn passes(&mut self, _: Duration) {
        let from = self.now_ms();
        until("the clock goes on", || self.now_ms() > from + 2);
    }

    fn has_own_time(&self) -> bool {
        false
    }

    fn start(&mut self) {
        let running = self.home.ready();
        self.running = Some((running, self.home.wire()));
    }

    fn stop(&mut self) {
        self.sidecars.clear();
        if let Some((running, wire)) = self.running.take() {
            drop(wire);
            self.home.stop(running);
        }
    }

    fn is_away(&self) -> bool {
        self.running.is_none()
    }

    fn has_notes(&self) -> bool {
        false
    }

    fn may_be_away(&self) -> bool {
        false
    }

    fn join(&mut self, producer: ProducerId) -> u64 {
        let wire = self.home.producer(producer);
        let durable = wire.hub.durable.unwrap_or(0);
        self.sidecars.insert(producer, wire);
        durable
    }

    fn tell(&mut self, producer: ProducerId, call: Call) {
        let Some(sidecar) = self.sidecars.get_mut(&producer) else { return };
        sidecar.send(None, call);
        // The answer comes when the hub has taken what was told before.
        sidecar.call(Call::Status).unwrap();
    }

    fn call(&mut self, call: Call) -> Result<Reply, HubError> {
        self.running.as_mut().expect("it runs").1.call(call)
    }

    fn hook(&mut self, record: HookRecord) {
        assert_eq!(self.call(Call::Hook(record)), Ok(Reply::Done));
    }

    fn wanted(&mut self) -> Vec<(SessionId, FileId)> {
        let notices = self.sidecars.values_mut().flat_map(|sidecar| std::mem::take(&mut sidecar.notices));
        let wanted = notices.filter_map(|notice| match notice {
            Notice::WantText { session, file } => Some((session, file)),
            _ => None,
        });
        wanted.collect()
    }

    fn glance(&mut self) {}

    fn settle(&mut self) {
        for root in self.roots.clone() {
            self.cookies += 1;
            let name = format!("codi2-cookie-{}", self.cookies);
            std::fs::write(root.join(&name), "cookie\n").unwrap();
            until("the hub sees a cookie", || self.has_seen(&name, false));
            std::fs::remove_file(root.join(&name)).unwrap();
            until("the hub sees that a cookie is gone", || self.has_seen(&name, true));
        }
    }

    fn watch(&mut self, root: &Path) -> codi2_protocol::WorktreeId {
        if !self.roots.iter().any(|known| known == root) {
            self.roots.push(root.to_owned());
        }
        let path = root.to_str().unwrap().to_owned();
        match self.call(Call::Watch { path, poll: false }) {
            Ok(Reply::Watch(status)) => status.worktree,
            other => panic!("not watched: {other:?}"),
        }
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        self.stop();
    }
}
