//! A file that holds something else than before: judged with what is known now, told, and kept to be judged again.

use codi2_attribution::{Change as OpenChange, DiskRuling, Moment, Observed};
use codi2_protocol::{Digest, DiskOperation, Event, EventBody, EventId, FileId};
use codi2_text::OwnerTree;
use codi2_workspace::{GitSource, Observation};

use crate::core::across::Parted;
use crate::core::decoded::{give_text, text_of};
use crate::core::kept::Kept;
use crate::core::ruled::Applied;
use crate::core::{Core, Effect, Entry};
use crate::known::{Content, Known};
use crate::ledger::DiskFile;
use crate::ports::Ports;
use crate::rows::Row;

impl Core {
    /// A file holds something else than before.
    pub(super) fn changed(
        &mut self,
        file: &FileId,
        mut found: Observation,
        observed: Observed,
        now: u64,
        ports: &mut dyn Ports,
    ) {
        let passed = found.git.take_if(|git| git.what == GitSource::Passed);
        let after = text_of(&found.content);
        let after_text = after.as_ref().map(|after| Digest::new(after.digest()));
        let (failed, _) = ports.failed_reads();
        let source = found.from.as_ref().map(|path| FileId { worktree: file.worktree.clone(), path: path.clone() });
        let seen = self.seen_before(file, source.as_ref(), after.as_ref(), found.git.is_some(), ports);
        if ports.failed_reads().0 > failed {
            // Who owned this content cannot be read: the change is judged when it is seen again.
            return;
        }
        let lineage = source.as_ref().filter(|source| matches!(self.ledger.disk.get(*source), Some(Some(_))));
        let before_file = lineage.unwrap_or(file).clone();
        let mut before_bytes = self.ledger.disk.get(&before_file).and_then(Option::as_ref).map(|on_disk| on_disk.bytes);
        let to = self.moment(found.at_ms);
        let on_disk = self.ledger.disk.get(&before_file).and_then(Option::as_ref);
        let is_gits = on_disk.is_some_and(|on_disk| on_disk.blob.is_some());
        let known = on_disk.map_or_else(|| self.known_absent(&before_file), |on_disk| on_disk.seen);
        // The kernel's time of a write is a tick early, and never late.
        let written = found.written.map(|written| Moment::earliest(written.at_ns / 1_000_000));
        let mut from = known.max(written.unwrap_or_default()).min(to);
        let mut before = on_disk.map(|on_disk| on_disk.known.clone());
        // Git's explanation may have the text that is gone from the index: nobody needs to ask git for it.
        if let (Some(before), Some(git)) = (&mut before, found.git.as_ref().or(passed.as_ref())) {
            give_text(before, git);
        }
        let mut before = before.map(|known| self.ledger.with_text(ports, &before_file, known));
        // What git could give back was not stored: the next hub would not know that all of it is older than codi2.
        let unstored = before.as_ref().filter(|known| is_gits && self.ledger.is_all_older(&known.owners));
        let unstored = unstored.map(|known| self.owners_row(&before_file, known));
        let renamed = before_file != *file;
        let scanned = self.worktree(&file.worktree).is_some_and(|worktree| worktree.scanned);
        if renamed {
            self.ledger.gone(&before_file, scanned);
            self.open.rename(&before_file, file);
            for parted in self.kept.values_mut().filter_map(|kept| kept.parted.as_mut()) {
                if parted.file == before_file {
                    parted.file.clone_from(file);
                }
            }
            if let Some(known) = &before {
                self.ledger.remember(file, known.digest, &known.owners);
            }
        }
        let was_there = before_bytes.is_some();
        if before.as_ref().is_none_or(|before| before.owners.is_empty())
            && after.as_ref().is_some_and(|after| !after.is_empty())
        {
            let left = self.emptied(file, before_bytes, &found);
            let left = left.or_else(|| self.moved_with_git(file, &found, now, ports));
            if let Some(kept) = left.and_then(|event| self.kept.get(&event)) {
                // One change with the one that took it away, and what stands there again is not new.
                (before, before_bytes, from) = (kept.before.clone(), kept.before_bytes, kept.from);
            }
        }
        let passed = passed.and_then(|git| self.passed(file, &git, before.as_ref(), after.as_ref(), ports));
        let after_bytes = found.content.digest();
        self.kept_number += 1;
        let mut kept = Kept {
            before,
            before_bytes,
            after,
            after_text,
            after_bytes,
            from,
            to,
            observed,
            written: found.written,
            git: found.git,
            passed,
            seen,
            given: OwnerTree::from_spans([]).into(),
            parted: None,
            unsaved: Vec::new(),
            number: self.kept_number,
        };
        kept.unsaved = self.unsaved(file, &kept);
        let saver = |text: Digest| self.saver(file, text, kept.number, now).or_else(|| self.about_to_save(file, text));
        let saved_by = after_text.and_then(saver);
        let mut beside = self.beside(file);
        beside.goes_on(kept.transition());
        let ruling = self.rule(file, &kept, &beside, saved_by.is_some());
        let saved_by = saved_by.filter(|_| matches!(ruling, DiskRuling::Echo { .. }));
        kept.parted = Parted::of(file, &kept, &ruling, self.ledger.secret());
        self.take_moved(&mut kept, None);
        let id = EventId::new();
        let Applied { owners, change, actor } = self.apply_ruling(file, &kept, &ruling, id, saved_by, ports);
        kept.given = owners.clone().into();

        let operation = match after_bytes {
            None => DiskOperation::Delete,
            _ if renamed => DiskOperation::Rename,
            _ if was_there => DiskOperation::Modify,
            _ => DiskOperation::Create,
        };
        let size = found.content.size();
        let body = match (saved_by, after_bytes) {
            (Some(_), Some(digest)) => EventBody::Saved { digest },
            _ => EventBody::Disk {
                operation,
                from: renamed.then(|| before_file.path.clone()),
                size,
                change: change.build(before_bytes, after_bytes),
            },
        };
        let event = Event {
            id,
            session: saved_by,
            file: Some(file.path.clone()),
            occurred_ms: found.at_ms,
            ..self.own_event(now, Some(file.worktree.clone()), actor, body)
        };
        let mut rows: Vec<Row> = unstored.into_iter().collect();
        if renamed {
            rows.push(Row::Disk(self.host, before_file, None));
        }
        match after_bytes {
            None => {
                self.ledger.gone(file, scanned);
                rows.push(Row::Disk(self.host, file.clone(), None));
            }
            Some(bytes) => {
                let text_digest = after_text.unwrap_or(bytes);
                let content = kept.after.clone().map_or(Content::Forgotten, Content::Text);
                let known = Known { digest: text_digest, owners, content };
                let on_disk = DiskFile { bytes, size, known, blob: found.blob, seen: to };
                rows.extend(self.rows(file, &on_disk));
                self.ledger.settle(file, on_disk);
            }
        }
        let change = OpenChange { event: id, before: before_bytes, after: after_bytes, from, to, observed, ruling };
        self.open.note(file, change, now);
        self.kept.insert(id, kept);
        self.forget_kept();
        self.effects.push(Effect::Commit(Entry { events: vec![event], rows, ..Entry::default() }));
        self.follow_moved(id, now, ports);
    }
}
