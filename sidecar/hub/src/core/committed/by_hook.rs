//! A content that was committed and left, for another branch, before any hub looked at its file: a call's hooks did, and what
//! they found explains it from what lies there now (ADR 0169).
//!
//! Absent on purpose: what nobody's hook has found. That a text was committed tells nothing of who wrote it.

use codi2_attribution::{Observed, Rung};
use codi2_protocol::{Digest, DiskOperation, Event, EventBody, EventId, FileId};
use codi2_text::{OwnerTree, Text};

use crate::book::StoredOwners;
use crate::core::kept::Kept;
use crate::core::left::leads;
use crate::core::ruled::Applied;
use crate::core::{Core, Effect, Entry};
use crate::known::{Content, Known};
use crate::ports::Ports;

impl Core {
    /// The owners of a content that only hooks have seen at a path, and it is told of as of any change; none where their digests
    /// do not lead there from what the file holds, or say of nobody that it is theirs.
    pub(super) fn seen_by_hooks(
        &mut self,
        file: &FileId,
        text: &Text,
        now: u64,
        ports: &mut dyn Ports,
    ) -> Option<StoredOwners> {
        let kept = self.found_by_hooks(file, text, ports)?;
        let ruling = self.rule(file, &kept, &self.beside(file), false);
        if ruling.rung() != Rung::IntentExact {
            return None;
        }
        let id = EventId::new();
        let Applied { owners, change, actor } = self.apply_ruling(file, &kept, (&ruling).into(), id, ports);
        let body = EventBody::Disk {
            operation: kept.before_bytes.map_or(DiskOperation::Create, |_| DiskOperation::Modify),
            from: None,
            size: text.len_bytes() as u64,
            change: change.build(kept.before_bytes, kept.after_bytes),
        };
        let event = Event {
            id,
            file: Some(file.path.clone()),
            occurred_ms: kept.to.ms,
            ..self.own_event(now, Some(file.worktree.clone()), actor, body)
        };
        let digest = Digest::new(text.digest());
        self.ledger.remember(file, digest, &owners);
        let known = Known { digest, owners, content: Content::Text(text.clone()) };
        let rows = vec![self.owners_row(file, &known)];
        self.effects.push(Effect::Commit(Entry { events: vec![event], rows, ..Entry::default() }));
        Some(self.ledger.book.store(&known.owners))
    }

    /// The change by which calls made this text of what the file holds, as their hooks found it.
    fn found_by_hooks(&mut self, file: &FileId, text: &Text, ports: &mut dyn Ports) -> Option<Kept> {
        let after = Digest::new(text.digest());
        let on_disk = self.ledger.disk.get(file).and_then(Option::as_ref);
        let before_bytes = on_disk.map(|on_disk| on_disk.bytes);
        let known = on_disk.map(|on_disk| on_disk.known.clone());
        let calls = self.calls.intents(file);
        let last = calls.iter().rev().find(|call| call.after.is(Some(after)))?;
        let (from, to) = (last.since?, last.until);
        leads(&calls, before_bytes, after).then(|| Kept {
            before: known.map(|known| self.ledger.with_text(ports, file, known)),
            before_bytes,
            alone: None,
            after: Some(text.clone()),
            after_text: Some(after),
            after_bytes: Some(after),
            held: from,
            from,
            to,
            observed: Observed::WhileAway,
            written: None,
            git: None,
            passed: None,
            seen: None,
            given: OwnerTree::from_spans([]).into(),
            parted: None,
            copied: Vec::new(),
            unsaved: Vec::new(),
            number: self.kept_number,
        })
    }
}
