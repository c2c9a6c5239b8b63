//! Open buffers: base states, groups of edits, texts. Each buffer is a branch of its file until it is saved.

use std::collections::BTreeSet;

use codi2_protocol::{Digest, EditGroup, EventId, FileId, Notice, ProducerId, WorktreeId};

use super::groups::{Part, Whole};
use super::{Core, Effect, Origin};
use crate::ports::Ports;
use crate::rows::Row;

impl Core {
    pub(super) fn opened(&mut self, origin: Origin, file: FileId, digest: Digest, bytes: u64, ports: &mut dyn Ports) {
        self.know_session(origin, ports);
        if let Some(session) = origin.session {
            let known = self.ledger.branches.get(&(file.clone(), session)).map(|branch| branch.known.digest);
            if known != Some(digest) {
                // Edits were lost on the way where there is one, and the sidecar says again what there is.
                let missed = self.ledger.take_branch(&file, session);
                let branch = self.branch_at(origin, &file, digest, Some(bytes), missed, ports);
                let is_on_disk = branch.loaded_as(digest);
                self.put_branch(session, &file, branch, ports);
                if is_on_disk {
                    self.agree(&file, session, None, ports);
                }
            }
        }
        self.commit(origin, Vec::new(), Vec::new());
    }

    /// The editor says it saved. Where the watcher was faster, the change it saw is judged again.
    pub(super) fn saved(&mut self, origin: Origin, file: FileId, digest: Digest, ports: &mut dyn Ports) {
        self.know_session(origin, ports);
        if let Some(session) = origin.session {
            let key = (file.clone(), session);
            if !self.ledger.branches.contains_key(&key) {
                // The hub was away: the buffer's last state is in the store.
                let mut branch = self.branch_at(origin, &file, digest, None, None, ports);
                // It had this text before the hub came, so every change the hub saw may be this very save.
                branch.loaded = None;
                self.put_branch(session, &file, branch, ports);
            }
            let branch = self.ledger.branches.get_mut(&key);
            if let Some(branch) = branch.filter(|branch| branch.known.digest == digest) {
                branch.saved = Some((digest, origin.received_ms));
                self.look(&file, origin.received_ms, ports);
                self.late_save(&file, digest, origin.received_ms, ports);
                let on_disk = self.ledger.disk.get(&file).and_then(Option::as_ref);
                let is_there = on_disk.is_some_and(|on_disk| on_disk.known.digest == digest);
                if let Some(branch) = self.ledger.branches.get_mut(&key).filter(|_| is_there) {
                    (branch.saved, branch.loaded) = (None, Some((digest, self.kept_number)));
                    self.agree(&file, session, Some(origin.received_ms), ports);
                }
            }
        }
        self.commit(origin, Vec::new(), Vec::new());
    }

    pub(super) fn closed(&mut self, origin: Origin, file: FileId, _digest: Digest) {
        let mut rows = Vec::new();
        if let Some(session) = origin.session {
            self.ledger.take_branch(&file, session);
            rows.push(Row::Branch(session, file, None));
        }
        self.commit(origin, Vec::new(), rows);
    }

    /// Tells everybody who has a file of the worktree open.
    pub(super) fn tell_windows(&mut self, worktree: &WorktreeId, notice: &Notice) {
        let here = self.ledger.branches.iter().filter(|((file, _), _)| file.worktree == *worktree);
        let producers: BTreeSet<ProducerId> = here.map(|(_, branch)| branch.producer).collect();
        for producer in producers {
            self.effects.push(Effect::Notify(producer, notice.clone()));
        }
    }

    /// A sealed group, or a part of one: the whole is judged when its last part is there.
    pub(super) fn edits(&mut self, origin: Origin, group: EditGroup, ports: &mut dyn Ports) {
        let waiting = &mut self.producers.entry(origin.producer).or_default().parts;
        if waiting.first().is_some_and(|(_, first)| first.group != group.group) {
            let parts = std::mem::take(waiting);
            self.judge_parts(origin, parts, ports);
        }
        let complete = group.part + 1 >= group.parts;
        let known = self.producers.entry(origin.producer).or_default();
        known.parts.push((origin.seq, group));
        known.session = origin.session;
        let parts = known.parts.len();
        if complete || self.has_too_many_parts(parts) {
            let parts =
                self.producers.get_mut(&origin.producer).map(|p| std::mem::take(&mut p.parts)).unwrap_or_default();
            self.judge_parts(origin, parts, ports);
        }
    }

    /// Judges what there is of a group whose remaining parts will not come.
    pub(super) fn flush_parts(&mut self, origin: Origin, ports: &mut dyn Ports) {
        let parts = self.producers.get_mut(&origin.producer).map(|p| std::mem::take(&mut p.parts)).unwrap_or_default();
        if !parts.is_empty() {
            self.judge_parts(origin, parts, ports);
        }
    }

    /// Judges what there is of the last group of a producer that is gone.
    pub(super) fn flush_last(&mut self, producer: ProducerId, now: u64, ports: &mut dyn Ports) {
        let Some((seq, session)) =
            self.producers.get(&producer).and_then(|known| known.parts.last().map(|(seq, _)| (*seq, known.session)))
        else {
            return;
        };
        let origin = Origin { producer, seq, occurred_ms: now, received_ms: now, session };
        self.flush_parts(origin, ports);
    }

    fn judge_parts(&mut self, origin: Origin, parts: Vec<(u64, EditGroup)>, ports: &mut dyn Ports) {
        let mut group = parts[0].1.clone();
        group.edits.clear();
        let mut texts = Some(Vec::new());
        let mut present = Vec::new();
        let count = parts.len();
        let mut complete = true;
        for (number, (seq, part)) in (0..).zip(parts) {
            complete &= part.part == number && part.parts as usize == count;
            let at = self.texts.iter().position(|(key, _)| *key == (part.group, part.part));
            let inserted = at.and_then(|at| self.texts.remove(at)).map(|(_, inserted)| inserted);
            texts = match (texts, inserted) {
                (Some(mut all), Some(inserted)) if inserted.len() == part.edits.len() => {
                    all.extend(inserted);
                    Some(all)
                }
                _ => None,
            };
            present.push(Part { seq, number: part.part, edits: part.edits.len(), event: EventId::new() });
            group.last_ms = part.last_ms;
            group.edits.extend(part.edits);
        }
        self.judge(origin, Whole { group, parts: present, texts, complete }, ports);
    }
}
