//! Agents' hooks: each file that a hook names is read, by the hub before and by the hook itself after, and the two are paired.

use std::path::{Path, PathBuf};

use codi2_attribution::{Effect as CallEffect, Hook, Moment, Reading, Said};
use codi2_protocol::{
    Actor, ActorKind, EventBody, EventId, FileId, HookFound, HookPhase, HookRecord, KnownBy, Process, WorktreeId,
    limits,
};
use codi2_workspace::Observation;

use super::{Core, Effect, Entry, Origin};
use crate::ports::Ports;
use crate::rows::Row;

/// A record older than this when it comes is not waited for any more: what its files hold now says nothing about then (ms).
const FRESH_MS: u64 = 2_000;

impl Core {
    /// A hook ran. `origin` is set for a fact of a sidecar's; of what lay in a spool nobody waits for the answer, so that
    /// its agent has gone on.
    pub(super) fn hook(
        &mut self,
        origin: Option<Origin>,
        mut record: HookRecord,
        is_awaited: bool,
        now: u64,
        ports: &mut dyn Ports,
    ) {
        if self.is_known(record.id) {
            return self.nothing_of(origin);
        }
        let fresh = is_awaited && now.saturating_sub(record.at_ms) <= FRESH_MS;
        let folder = PathBuf::from(&record.folder);
        let worktree = self.ensure_watched(&folder, false, ports).ok();
        let process = Process { pid: record.parent_pid, start: record.parent_start };
        record.actor = record.actor.take().map(|actor| self.chained(actor, Some(&process), worktree.as_ref(), ports));
        let mut files: Vec<(FileId, Option<Observation>)> = Vec::new();
        let mut readings: Vec<(FileId, Reading)> = Vec::new();
        let mut said: Vec<(FileId, Said)> = Vec::new();
        let (mut is_private, mut bounds) = (false, Bounds::default());
        for (number, path) in record.files.iter().enumerate().take(limits::BATCH_FACTS) {
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
            let own = record.found.iter().find(|own| usize::try_from(own.file) == Ok(number));
            let read_by_hook = own.map(|own| own.digest.map_or(Reading::Absent, Reading::Content));
            let read_here = found.as_ref().map(reading);
            // The agent waits for this answer before it writes. What a call has left its hook read first: whatever came between
            // is not the call's. What is not awaited any more only the hook read in time.
            let read = match record.phase {
                HookPhase::Before => read_here.or(read_by_hook),
                _ => read_by_hook.or(read_here),
            };
            said.extend(own.and_then(|own| bounds.said(own)).map(|said| (file.clone(), said)));
            readings.push((file.clone(), read.unwrap_or(Reading::NotRead)));
            files.push((file, found));
        }
        if let Some(worktree) = &worktree {
            self.hooked(worktree, now);
        }
        // All that was announced is private: the watch will say that a private file changed, if one does.
        if is_private && files.is_empty() {
            return self.nothing_of(origin);
        }
        self.turn += 1;
        let read_ms = files.iter().flat_map(|(_, found)| found).map(|found| found.at_ms).max();
        let looked_at = worktree.as_ref().and_then(|id| self.worktree(id)).is_some_and(|worktree| worktree.scanned);
        let at = match record.phase {
            // The agent waits for this answer before it writes: what the hub has read and heard by now is older.
            HookPhase::Before if fresh => self.moment(record.at_ms.max(read_ms.unwrap_or_default())),
            HookPhase::Before => Moment::earliest(record.at_ms),
            _ if fresh => self.moment(record.at_ms),
            // What was over before this hub's first look ended no later than now.
            _ if !looked_at => Moment::latest(record.at_ms).min(self.moment(now)),
            _ => Moment::latest(record.at_ms),
        };
        let hook = Hook { record: &record, files: &readings, said: &said, worktree: worktree.as_ref(), at };
        self.expire_calls(now);
        let effects = self.calls.on(hook, now);
        let mut rows = self.ended_calls(&effects);
        rows.extend(self.begun_calls(&effects, &record, &readings, worktree.as_ref()));
        let told = match record.phase {
            HookPhase::Refused => {
                let dropped = effects.iter().filter_map(|effect| match effect {
                    CallEffect::Dropped { files, .. } => Some(files.clone()),
                    _ => None,
                });
                dropped.flatten().collect()
            }
            _ => readings.into_iter().map(|(file, _)| file).collect::<Vec<_>>(),
        };
        // What changes nothing was told of already, or ends what had not begun.
        if effects.is_empty() {
            self.nothing_of(origin);
        } else {
            self.log_hook(origin, &record, &told, worktree, rows, now);
        }
        for (file, found) in files {
            if let Some(found) = found.filter(|_| matches!(record.phase, HookPhase::After | HookPhase::Failed)) {
                self.observe(&file, found, now, ports);
            }
        }
        let or_all = |files: Vec<FileId>, core: &Self| {
            if files.is_empty() { core.open.files().cloned().collect() } else { files }
        };
        for effect in effects {
            match effect {
                CallEffect::Finished { file, intent } => {
                    for file in or_all(file.into_iter().collect(), self) {
                        match record.phase {
                            HookPhase::Before => self.late_begin(&file, &intent, now, ports),
                            _ => self.late_call(&file, &intent, now, ports),
                        }
                    }
                }
                CallEffect::Dropped { files, .. } if record.phase == HookPhase::Refused => {
                    for file in or_all(files, self) {
                        self.call_taken_back(&file, now, ports);
                    }
                }
                CallEffect::Dropped { .. } | CallEffect::Opened { .. } => {}
            }
        }
    }

    /// Whether a record came before; it is known from now on.
    pub(super) fn is_known(&mut self, id: EventId) -> bool {
        let known = self.known_hooks.get(&id).is_some();
        self.known_hooks.put(id, ());
        known
    }

    /// There is nothing to record: what came out of a spool is acknowledged.
    pub(super) fn nothing_of(&mut self, origin: Option<Origin>) {
        if let Some(origin) = origin {
            self.commit(origin, Vec::new(), Vec::new());
        }
    }

    /// An agent with those on whose behalf it acts: who its tool says, then whoever started the tool's process, then the
    /// person whose worktree it is. Nobody is added that nothing tells of.
    pub(super) fn chained(
        &self,
        actor: Actor,
        process: Option<&Process>,
        worktree: Option<&WorktreeId>,
        ports: &mut dyn Ports,
    ) -> Actor {
        if !matches!(actor.kind, ActorKind::Agent | ActorKind::Orchestrator) {
            return actor;
        }
        let mut actor = actor;
        // What runs is the last of the chain: the agent behind its sub-agents.
        let tool = actor.chain().last().map(|last| last.tool.clone().unwrap_or_else(|| last.name.clone()));
        let starter = process.zip(tool).and_then(|(process, tool)| ports.started_by(&tool, process));
        if let Some(starter) = starter {
            actor = actor.on_behalf_of(starter, KnownBy::Surroundings);
        }
        let has_person = actor.chain().any(|actor| actor.kind == ActorKind::Person);
        match worktree.and_then(|worktree| ports.person(worktree)) {
            Some((person, by)) if !has_person => {
                actor = actor.on_behalf_of(Actor::named(ActorKind::Person, person), by);
            }
            _ => {}
        }
        self.door.actor(&mut actor);
        actor
    }

    fn log_hook(
        &mut self,
        origin: Option<Origin>,
        record: &HookRecord,
        files: &[FileId],
        worktree: Option<WorktreeId>,
        rows: Vec<Row>,
        now: u64,
    ) {
        let actor = record.actor.clone().unwrap_or_else(|| Actor::named(ActorKind::Unknown, ""));
        let body = EventBody::Intent {
            phase: record.phase,
            format: record.format.clone(),
            files: files.iter().map(|file| file.path.clone()).collect(),
        };
        let worktree = files.first().map(|file| file.worktree.clone()).or(worktree);
        let mut event = self.own_event(now, worktree, actor, body);
        event.occurred_ms = record.at_ms;
        if let [file] = files {
            event.file = Some(file.path.clone());
        }
        let entry = Entry { hook: Some((record.id, record.at_ms)), events: vec![event], rows, ..Entry::default() };
        match origin {
            Some(origin) => self.acknowledge(entry, origin.producer, origin.seq),
            None => self.effects.push(Effect::Commit(entry)),
        }
    }
}

fn reading(found: &Observation) -> Reading {
    found.content.digest().map_or(Reading::Absent, Reading::Content)
}

/// What of a record may still be taken for said, of all its files together: the hook counts in the same way.
struct Bounds {
    pieces: usize,
    lines: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { pieces: limits::PUT_PIECES, lines: limits::SAID_LINES }
    }
}

impl Bounds {
    /// What a call said that it puts into a file; none where it does not say, or says too much.
    fn said(&mut self, found: &HookFound) -> Option<Said> {
        let pieces = found.put.as_ref()?;
        self.pieces = self.pieces.checked_sub(pieces.len())?;
        let lines = found.lines.as_ref().and_then(|lines| {
            self.lines = self.lines.checked_sub(lines.len())?;
            Some(lines.as_slice().into())
        });
        Some(Said { put: pieces.iter().map(|(begin, end)| *begin..*end).collect(), lines })
    }
}
