//! An earlier change has a better ruling: an event of its own says so, and its text gets the new owners.

use std::collections::BTreeSet;

use codi2_attribution::{Change as OpenChange, DiskRuling};
use codi2_protocol::{Event, EventBody, EventId, FileId, Owner};
use codi2_text::OwnerTree;

use crate::book::OwnerRef;
use crate::core::across::Parted;
use crate::core::judged::Ruled;
use crate::core::kept::Kept;
use crate::core::ruled::Applied;
use crate::core::{Core, Effect, Entry, Why};
use crate::known::Hunk;
use crate::ports::Ports;
use crate::rows::Row;

impl Core {
    /// Writes the better ruling of an earlier change as an event of its own, and gives its text the new owners.
    pub(in crate::core) fn upgrade(
        &mut self,
        file: &FileId,
        change: &OpenChange,
        kept: &mut Kept,
        Ruled { ruling, saved_by }: Ruled<'_>,
        now: u64,
        ports: &mut dyn Ports,
    ) {
        let earlier = kept.parted.take();
        kept.parted = Parted::of(file, kept, ruling, self.ledger.secret());
        match earlier {
            Some(earlier) if kept.parted.as_ref().is_some_and(|parted| parted.is_by(&earlier)) => {
                kept.parted = Some(earlier);
            }
            _ => {
                self.take_moved(kept, None);
            }
        }
        let copied = self.copied(file, kept, ruling, now, ports);
        let actor = |ruling: &DiskRuling| ruling.whole().map(|verdict| verdict.origin.clone());
        // What was a copy is one still, also where its source is gone or not looked for again.
        if !copied.is_empty() || !kept.was_nothing() || actor(ruling) != actor(&change.ruling) {
            kept.copied = copied;
        }
        if let Some(after) = &kept.after {
            let all = || vec![Hunk { at: 0, deleted: 0, inserted: after.len_bytes(), lines_deleted: 0 }];
            let secret = self.ledger.secret();
            let hunks = kept.before.as_ref().map_or_else(all, |before| before.hunks_to(after, secret));
            self.ledger.unlearn_lines(file, after, &hunks, &change.ruling.named());
        }
        let Applied { owners, change: better, actor } =
            self.apply_ruling(file, kept, Ruled { ruling, saved_by }, change.event, ports);
        let mut rows = Vec::new();
        if let Some(verdict) = ruling.whole() {
            let owner = Owner { verdict: verdict.clone(), at_ms: Some(kept.to.ms), event: Some(change.event) };
            self.ledger.book.amend(change.event, &owner);
            rows.push(Row::Upgrade(change.event, owner));
        }
        let mut told = self.told_by(&kept.given.owners, &change.ruling);
        told.insert(change.event);
        rows.extend(self.give(file, change.event, kept, owners));
        self.open.rule(file, change.event, ruling.clone());
        let body = EventBody::Upgrade { of: change.event, change: better.build(kept.before_bytes, kept.after_bytes) };
        let event = Event {
            session: saved_by,
            file: Some(file.path.clone()),
            ..self.own_event(now, Some(file.worktree.clone()), actor, body)
        };
        self.effects.push(Effect::Commit(Entry { events: vec![event], rows, ..Entry::default() }));
        let look = |event| Effect::Look(file.worktree.clone(), Why::Learned(event));
        self.effects.extend(told.into_iter().map(look));
    }

    /// The events by which a text's owners are told of, where an earlier ruling named them: owners that are equal share the
    /// first of their events.
    fn told_by(&self, owners: &OwnerTree<OwnerRef>, ruling: &DiskRuling) -> BTreeSet<EventId> {
        let (named, book) = (ruling.named(), &self.ledger.book);
        let owners = owners.iter().map(|(_, owner)| book.owner(owner));
        owners.filter(|owner| named.contains(&owner.verdict.origin)).filter_map(|owner| owner.event).collect()
    }
}
