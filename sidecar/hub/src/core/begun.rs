//! Agents' calls that have begun and not ended are kept for the next hub: one that is killed between the two hooks of an edit
//! would leave it the second alone, which does not tell what the file held when the call began.
//!
//! Absent on purpose: pairing the hooks (`attribution::calls`), and calls that have ended: what they did is judged by then.

use codi2_attribution::{CALL_MS, Effect as CallEffect, Hook, Moment, Reading};
use codi2_protocol::{FileId, HookFound, HookRecord, WorktreeId};

use super::{Core, Effect, Entry};
use crate::ports::Ports;
use crate::rows::{CallRow, Row};

impl Core {
    /// The calls that were open when the last hub of this machine ended are open again.
    pub(super) fn calls_go_on(&mut self, now: u64, ports: &dyn Ports) {
        let mut rows = ports.open_calls();
        rows.sort_by_key(|row| (row.record.at_ms, row.record.id));
        let mut over = Vec::new();
        for CallRow { record, files, worktree } in rows {
            // One that a hook tells of again is the same.
            self.known_hooks.put(record.id, ());
            if now >= record.at_ms.saturating_add(CALL_MS) {
                over.push(Row::Call(self.host, record.id, None));
                continue;
            }
            let read = |number: usize| {
                let found = record.found.iter().find(|found| usize::try_from(found.file) == Ok(number));
                found.map_or(Reading::NotRead, |found| found.digest.map_or(Reading::Absent, Reading::Content))
            };
            let files: Vec<_> = files.into_iter().enumerate().map(|(number, file)| (file, read(number))).collect();
            let at = Moment::earliest(record.at_ms);
            let hook = Hook { record: &record, files: &files, said: &[], worktree: worktree.as_ref(), at };
            for effect in self.calls.on(hook, record.at_ms.min(now)) {
                if let CallEffect::Opened { call, .. } = effect {
                    self.begun.insert(call.call, record.id);
                }
            }
        }
        self.write_calls(over);
    }

    /// Forgets calls that are too old.
    pub(super) fn expire_calls(&mut self, now: u64) {
        let effects = self.calls.expire(now);
        let rows = self.ended_calls(&effects);
        self.write_calls(rows);
    }

    fn write_calls(&mut self, rows: Vec<Row>) {
        if !rows.is_empty() {
            self.effects.push(Effect::Commit(Entry { rows, ..Entry::default() }));
        }
    }

    /// The rows that keep a call which this hook began, with what its files held.
    pub(super) fn begun_calls(
        &mut self,
        effects: &[CallEffect],
        record: &HookRecord,
        readings: &[(FileId, Reading)],
        worktree: Option<&WorktreeId>,
    ) -> Vec<Row> {
        let mut rows = Vec::new();
        for effect in effects {
            let CallEffect::Opened { call, files } = effect else { continue };
            self.begun.insert(call.call, record.id);
            let state = |file: &FileId| readings.iter().find(|(of, _)| of == file)?.1.state();
            let found = |(number, file): (usize, &FileId)| {
                let (file, digest) = (u32::try_from(number).ok()?, state(file)?);
                Some(HookFound { file, digest, put: None, lines: None })
            };
            let record = HookRecord {
                found: files.iter().enumerate().filter_map(found).collect(),
                // Of a private file not even the name.
                files: files.iter().map(|file| file.path.clone()).collect(),
                folder: String::new(),
                ..record.clone()
            };
            let row = CallRow { record, files: files.clone(), worktree: worktree.cloned() };
            rows.push(Row::Call(self.host, row.record.id, Some(Box::new(row))));
        }
        rows
    }

    /// The rows of calls that are open no more.
    pub(super) fn ended_calls(&mut self, effects: &[CallEffect]) -> Vec<Row> {
        let mut rows = Vec::new();
        for effect in effects {
            let call = match effect {
                CallEffect::Finished { intent, .. } => intent.call,
                CallEffect::Dropped { call, .. } => *call,
                CallEffect::Opened { .. } => continue,
            };
            rows.extend(self.begun.remove(&call).map(|hook| Row::Call(self.host, hook, None)));
        }
        rows
    }
}
