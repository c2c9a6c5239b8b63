//! A file that holds something else than before: judged with what is known now, told, and kept to be judged again.

use codi2_attribution::{Change as OpenChange, Observed, Transition};
use codi2_protocol::{Digest, DiskOperation, Event, EventBody, EventId, FileId};
use codi2_text::OwnerTree;
use codi2_workspace::{GitSource, Observation};

use crate::book::OwnerRef;
use crate::core::across::Parted;
use crate::core::decoded::text_of;
use crate::core::judged::Ruled;
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
        let (to, after) = (self.moment(found.at_ms), text_of(&found.content));
        let source = found.from.as_ref().map(|path| FileId { worktree: file.worktree.clone(), path: path.clone() });
        let (failed, _) = ports.failed_reads();
        let seen = self.seen_before(file, source.as_ref(), after.as_ref(), found.git.is_some(), ports);
        if ports.failed_reads().0 > failed {
            // Who owned this content cannot be read: the change is judged when it is seen again.
            return;
        }
        let mut before = self.before(file, source, &found, to, found.git.as_ref().or(passed.as_ref()), ports);
        let is_moved = before.file != *file;
        if is_moved {
            self.moved_from(&before, file);
        }
        let was_there = before.bytes.is_some();
        self.back_again(file, &mut before, after.as_ref(), &found, now, ports);
        let passed = passed.and_then(|git| self.passed(file, &git, before.known.as_ref(), after.as_ref(), ports));
        self.kept_number += 1;
        let mut kept = Kept {
            before: before.known.take(),
            before_bytes: before.bytes,
            alone: before.alone.take(),
            after_text: after.as_ref().map(|after| Digest::new(after.digest())),
            after,
            after_bytes: found.content.digest(),
            held: before.held,
            from: before.from,
            to,
            observed,
            written: found.written,
            git: found.git.take(),
            passed,
            seen,
            given: OwnerTree::from_spans([]).into(),
            parted: None,
            unsaved: Vec::new(),
            copied: Vec::new(),
            number: self.kept_number,
        };
        kept.unsaved = self.unsaved(file, &kept);
        let (ruling, saved_by) = self.judge_seen(file, &kept, now);
        kept.parted = Parted::of(file, &kept, &ruling, self.ledger.secret());
        self.take_moved(&mut kept, None);
        kept.copied = self.copied(file, &kept, &ruling, now, ports);
        let id = EventId::new();
        let ruled = Ruled { ruling: &ruling, saved_by };
        let Applied { owners, change, actor } = self.apply_ruling(file, &kept, ruled, id, ports);
        kept.given = owners.clone().into();

        let body = match (saved_by, kept.after_bytes) {
            (Some(_), Some(digest)) => EventBody::Saved { digest },
            _ => EventBody::Disk {
                operation: operation(kept.after_bytes.is_some(), is_moved, was_there),
                from: is_moved.then(|| before.file.path.clone()),
                size: found.content.size(),
                change: change.build(kept.before_bytes, kept.after_bytes),
            },
        };
        let event = Event {
            id,
            session: saved_by,
            file: Some(file.path.clone()),
            occurred_ms: found.at_ms,
            ..self.own_event(now, Some(file.worktree.clone()), actor, body)
        };
        let mut rows: Vec<Row> = before.unstored.into_iter().collect();
        rows.extend(is_moved.then_some(Row::Disk(self.host, before.file, None)));
        rows.extend(self.now_held(file, &found, &kept, owners));
        let Transition { before, after, from, to } = kept.transition();
        let change = OpenChange { event: id, before, after, from, to, observed, ruling };
        self.open.note(file, change, now);
        self.kept.insert(id, kept);
        self.forget_kept();
        self.effects.push(Effect::Commit(Entry { events: vec![event], rows, ..Entry::default() }));
        self.follow_moved(id, now, ports);
    }

    /// Takes in what the file holds after the change. The rows keep it.
    fn now_held(&mut self, file: &FileId, found: &Observation, kept: &Kept, owners: OwnerTree<OwnerRef>) -> Vec<Row> {
        let Some(bytes) = kept.after_bytes else {
            let scanned = self.worktree(&file.worktree).is_some_and(|worktree| worktree.scanned);
            self.ledger.gone(file, scanned);
            return vec![Row::Disk(self.host, file.clone(), None)];
        };
        let content = kept.after.clone().map_or(Content::Forgotten, Content::Text);
        let known = Known { digest: kept.after_text.unwrap_or(bytes), owners, content };
        let on_disk = DiskFile { bytes, size: found.content.size(), known, blob: found.blob, seen: kept.to };
        let rows = self.rows(file, &on_disk);
        self.ledger.settle(file, on_disk);
        rows
    }
}

/// What was done to a file.
const fn operation(is_there: bool, is_moved: bool, was_there: bool) -> DiskOperation {
    match (is_there, is_moved, was_there) {
        (false, ..) => DiskOperation::Delete,
        (_, true, _) => DiskOperation::Rename,
        (_, _, true) => DiskOperation::Modify,
        _ => DiskOperation::Create,
    }
}
