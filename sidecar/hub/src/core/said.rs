//! Notes: what agents and people say of what they do becomes an event, once.
//!
//! Absent on purpose: judgement (a note changes no owner), and files that may not be recorded: their note is about the
//! worktree then.

use std::path::Path;

use codi2_protocol::{EventBody, FileId, NoteRecord};

use super::{Core, Effect, Entry};
use crate::ports::Ports;

impl Core {
    /// Somebody said what they do.
    pub(super) fn note(&mut self, record: NoteRecord, now: u64, ports: &mut dyn Ports) {
        let NoteRecord { id, at_ms, actor, said, folder, file } = record;
        if self.is_known(id) {
            return;
        }
        let folder = Path::new(&folder);
        let mut worktree = self.ensure_watched(folder, false, ports).ok();
        let file = file.and_then(|file| {
            let path = folder.join(file);
            let beside = self.ensure_watched(path.parent()?, false, ports).ok()?;
            self.hooked(&beside, now);
            ports.locate(&path).filter(|file| !ports.is_private(file))
        });
        if let Some(worktree) = &worktree {
            self.hooked(worktree, now);
        }
        let body = if said.action.is_some() { EventBody::LogAi(said) } else { EventBody::Note(said) };
        if let Some(FileId { worktree: of, .. }) = &file {
            worktree = Some(of.clone());
        }
        let actor = self.chained(actor, None, worktree.as_ref(), ports);
        let mut event = self.own_event(now, worktree, actor, body);
        event.occurred_ms = at_ms;
        event.file = file.map(|file| file.path);
        self.effects.push(Effect::Commit(Entry { hook: Some((id, at_ms)), events: vec![event], ..Entry::default() }));
    }
}
