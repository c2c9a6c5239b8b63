//! Agents' hooks: the hub reads each file a hook names, before and after, and pairs the two.

use std::path::{Path, PathBuf};

use codi2_attribution::{Effect as CallEffect, Hook, Reading};
use codi2_protocol::{Actor, ActorKind, EventBody, FileId, HookPhase, HookRecord, WorktreeId, limits};
use codi2_workspace::Observation;

use super::{Core, Effect, Entry, Origin};
use crate::ports::Ports;

/// A record older than this when it comes has lain in a spool: what its files hold now says nothing about then (ms).
const FRESH_MS: u64 = 2_000;

impl Core {
    /// A hook ran. `origin` is set for a record out of a spool.
    pub(super) fn hook(&mut self, origin: Option<Origin>, record: HookRecord, now: u64, ports: &mut dyn Ports) {
        let known = self.known_hooks.get(&record.id).is_some();
        self.known_hooks.put(record.id, ());
        if known {
            if let Some(origin) = origin {
                self.commit(origin, Vec::new(), Vec::new());
            }
            return;
        }
        let fresh = now.saturating_sub(record.at_ms) <= FRESH_MS;
        let folder = PathBuf::from(&record.folder);
        let worktree = self.ensure_watched(&folder, false, ports).ok();
        let mut files: Vec<(FileId, Option<Observation>)> = Vec::new();
        let mut is_private = false;
        for path in record.files.iter().take(limits::BATCH_FACTS) {
            let path = folder.join(path);
            let beside = path.parent().map_or_else(|| folder.clone(), Path::to_owned);
            // A file outside every repository, or ignored there, is nothing that codi2 records.
            let Ok(worktree) = self.ensure_watched(&beside, false, ports) else { continue };
            self.hooked(&worktree, now);
            let Some(file) = ports.locate(&path) else { continue };
            if ports.is_private(&file) {
                is_private = true;
                continue;
            }
            let found = if fresh { ports.read(&file) } else { None };
            if let Some(found) = found.clone().filter(|_| record.phase == HookPhase::Before) {
                // What it holds already is not this call's doing.
                self.observe(&file, found, now, ports);
            }
            files.push((file, found));
        }
        if let Some(worktree) = &worktree {
            self.hooked(worktree, now);
        }
        // All that was announced is private: the watch will say that a private file changed, if one does.
        if is_private && files.is_empty() {
            if let Some(origin) = origin {
                self.commit(origin, Vec::new(), Vec::new());
            }
            return;
        }
        let readings: Vec<(FileId, Reading)> =
            files.iter().map(|(file, found)| (file.clone(), reading(found.as_ref()))).collect();
        // The agent waits for this answer before it writes: what the hub has just read is older than the call.
        let mut call = record.clone();
        if record.phase == HookPhase::Before {
            let read_ms = files.iter().flat_map(|(_, found)| found).map(|found| found.at_ms + 1).max();
            call.at_ms = read_ms.map_or(record.at_ms, |read_ms| read_ms.max(record.at_ms));
        }
        let hook = Hook { record: &call, files: &readings, worktree: worktree.as_ref() };
        let effects = self.calls.on(hook, now);
        self.log_hook(origin, &record, &readings, worktree, now);
        for (file, found) in files {
            if let Some(found) = found.filter(|_| record.phase == HookPhase::After) {
                self.observe(&file, found, now, ports);
            }
        }
        for effect in effects {
            if let CallEffect::Finished { file, intent } = effect {
                let files = match file {
                    Some(file) => vec![file],
                    None => self.open.files().cloned().collect(),
                };
                for file in files {
                    self.late_call(&file, &intent, now, ports);
                }
            }
        }
    }

    fn log_hook(
        &mut self,
        origin: Option<Origin>,
        record: &HookRecord,
        files: &[(FileId, Reading)],
        worktree: Option<WorktreeId>,
        now: u64,
    ) {
        let actor = record.actor.clone().unwrap_or_else(|| Actor::named(ActorKind::Unknown, ""));
        let body = EventBody::Intent {
            phase: record.phase,
            format: record.format.clone(),
            files: files.iter().map(|(file, _)| file.path.clone()).collect(),
        };
        let worktree = files.first().map(|(file, _)| file.worktree.clone()).or(worktree);
        let mut event = self.own_event(now, worktree, actor, body);
        event.occurred_ms = record.at_ms;
        if let [(file, _)] = files {
            event.file = Some(file.path.clone());
        }
        let entry = Entry { hook: Some((record.id, record.at_ms)), events: vec![event], ..Entry::default() };
        match origin {
            Some(origin) => self.acknowledge(entry, origin.producer, origin.seq),
            None => self.effects.push(Effect::Commit(entry)),
        }
    }
}

fn reading(found: Option<&Observation>) -> Reading {
    match found {
        None => Reading::NotRead,
        Some(found) => found.content.digest().map_or(Reading::Absent, Reading::Content),
    }
}
