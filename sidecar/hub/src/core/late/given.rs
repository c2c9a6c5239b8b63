//! A text has other owners than it had: whoever took it from there follows, on disk, in buffers, in copies, and in later
//! changes of its file.

use codi2_attribution::{Change as OpenChange, DiskRuling};
use codi2_protocol::{Digest, EventId, FileId, Owner, SessionId};
use codi2_text::OwnerTree;

use crate::book::{OwnerRef, open_to_change};
use crate::core::branches::overlay;
use crate::core::kept::Kept;
use crate::core::{Core, Effect, Entry};
use crate::ports::Ports;
use crate::rows::Row;

impl Core {
    /// Gives the text after a change other owners than it had: on disk, in the buffers that took it from there, in the memory of
    /// contents. Only the newest change that ended in a text says whose it is.
    pub(super) fn give(
        &mut self,
        file: &FileId,
        event: EventId,
        kept: &mut Kept,
        owners: OwnerTree<OwnerRef>,
    ) -> Vec<Row> {
        let was = std::mem::replace(&mut kept.given, owners.clone().into()).owners;
        let Some(digest) = kept.after_text else { return Vec::new() };
        if self.open.ended_in(file, kept.after_bytes).is_none_or(|newest| newest.event != event) {
            return Vec::new();
        }
        let book = &self.ledger.book;
        let first = (file.clone(), SessionId::from_uuid(uuid::Uuid::nil()));
        let branches = self.ledger.branches.range_mut(first..).take_while(|((of, _), _)| of == file);
        for (_, branch) in branches.filter(|(_, branch)| branch.known.digest == digest && !branch.is_lost()) {
            // What the buffer has from its own edits stays; what it has from the file, or from nobody, is settled now.
            branch.known.owners = overlay(&branch.known.owners, &owners, |known| !open_to_change(book.owner(known)));
            branch.known.owners = follow(&branch.known.owners, &was, &owners);
        }
        let mut rows = self.give_copies(file, event, digest, &owners);
        let current = self.ledger.disk.get(file).and_then(Option::as_ref);
        if let Some(mut on_disk) = current.filter(|on_disk| Some(on_disk.bytes) == kept.after_bytes).cloned() {
            on_disk.known.owners = owners;
            rows.extend(self.rows(file, &on_disk));
            self.ledger.settle(file, on_disk);
            return rows;
        }
        self.ledger.remember(file, digest, &owners);
        let owners = self.ledger.book.store(&owners);
        let repository = self.ledger.shared(file.worktree.repository);
        rows.push(Row::Owners { repository, path: file.path.clone(), digest, owners });
        rows
    }

    /// What was copied from a text while nobody could be named for it, because of this event, follows.
    fn give_copies(&mut self, file: &FileId, event: EventId, digest: Digest, owners: &OwnerTree<OwnerRef>) -> Vec<Row> {
        let mut rows = Vec::new();
        for copy in self.ledger.copies(file, digest) {
            let Some(Some(mut there)) = self.ledger.disk.get(&copy).cloned() else { continue };
            let left_open = |owner: &Owner| owner.event == Some(event) && open_to_change(owner);
            let book = &self.ledger.book;
            let given = overlay(&there.known.owners, owners, |known| !left_open(book.owner(known)));
            if given != there.known.owners && given.len() == owners.len() {
                there.known.owners = given;
                rows.extend(self.rows(&copy, &there));
                self.ledger.settle(&copy, there);
            }
        }
        rows
    }

    /// The changes that came after one whose owners are others now: what they kept of its text follows.
    pub(in crate::core) fn carry_on(&mut self, file: &FileId, from: EventId, ports: &mut dyn Ports) {
        let all: Vec<OpenChange> = self.open.on(file).cloned().collect();
        let Some(at) = all.iter().position(|change| change.event == from) else { return };
        let Some(text) = self.kept.get(&from).and_then(|kept| kept.after_text) else { return };
        let Some(owners) = self.ledger.owners_of(ports, file, text) else { return };
        let mut states = vec![(all[at].after, owners)];
        for change in &all[at + 1..] {
            let known = matches!(&change.ruling, DiskRuling::Echo { .. });
            let Some(mut kept) = self.kept.remove(&change.event) else { return };
            let is_next = states.last().is_some_and(|(state, _)| *state == kept.transition().before);
            // What was emptied and written again follows what stood there before that.
            let owners = states.iter().rev().find(|(state, _)| *state == kept.before_bytes).map(|(_, owners)| owners);
            let follows = !known && !kept.is_seen_here() && is_next;
            let before = kept.before.as_mut().zip(owners.filter(|_| follows));
            let before = before.filter(|(before, owners)| before.owners.len() == owners.len());
            let follows = before.is_some();
            if let Some((before, owners)) = before {
                before.owners = owners.clone();
                let applied = self.apply_ruling(file, &kept, (&change.ruling).into(), change.event, ports);
                let rows = self.give(file, change.event, &mut kept, applied.owners.clone());
                if !rows.is_empty() {
                    self.effects.push(Effect::Commit(Entry { rows, ..Entry::default() }));
                }
                states.push((kept.after_bytes, applied.owners));
            }
            self.kept.insert(change.event, kept);
            if !follows {
                return;
            }
        }
    }
}

/// The owners of a text that had those of another account of it where both say the same: there it follows that account.
fn follow(own: &OwnerTree<OwnerRef>, was: &OwnerTree<OwnerRef>, is: &OwnerTree<OwnerRef>) -> OwnerTree<OwnerRef> {
    if own.len() != was.len() || own.len() != is.len() {
        return own.clone();
    }
    let (mut at, mut runs) = (0, Vec::new());
    for (len, owner) in own.iter() {
        for (len, before) in was.spans(at..at + len) {
            if before == owner {
                runs.extend(is.spans(at..at + len))
            } else {
                runs.push((len, owner))
            }
            at += len;
        }
    }
    OwnerTree::from_spans(runs)
}
