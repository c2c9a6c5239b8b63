//! What is known of a commit: the owners of the lines that it brought, as the core tells them, and where nobody saw a
//! content, as the texts and notes around it tell. Absent on purpose: writing it down.

use std::collections::HashMap;

use codi2_attribution::record::{CommitRecord, FileRecord, codi2};
use codi2_protocol::{Digest, FileId};
use codi2_text::{OwnerTree, Text};
use codi2_workspace::{Change, Commit, Oid};

use super::lines::{self, Base, Owners};
use super::open::Relatives;
use super::{Clerk, Desk, Informant, forget, is_unknown};
use crate::book::is_settled;
use crate::core::{Asked, Input, Related, Told, decode_text, not_observed};

/// Where the lines of a commit may come from that nobody saw.
#[derive(Debug, Clone, Copy)]
pub(super) struct Relation<'a> {
    pub relatives: &'a Relatives,
    /// Whether the commit, or the one that it is a copy of, was made here.
    pub is_ours: bool,
}

impl<I: Informant> Clerk<I> {
    /// What is known of a commit; of a content that nobody saw from these relatives, if any count, and from what was known of
    /// it `before`: what it was worked out from may be gone.
    pub(super) fn record(
        &self,
        desk: &mut Desk<'_>,
        commit: &Commit,
        changes: &[Change],
        derives: Option<Relation<'_>>,
        before: Option<&CommitRecord>,
    ) -> Result<CommitRecord, String> {
        let mut owners = Owners::default();
        let mut files = Vec::new();
        for change in changes {
            let Some(bytes) = desk.commits.worktree_form(&change.path, change.blob, self.options.max_file_bytes) else {
                continue;
            };
            let Some(text) = decode_text(&bytes) else { continue };
            let file = FileId { worktree: desk.place.worktree.clone(), path: change.path.clone() };
            let asked = Asked { file, text: text.clone(), relatives: Vec::new() };
            let Some(told) = self.informant.ask(asked)? else { continue };
            let exact = told.owners.map(|known| owners.tree(&known));
            let mut ranges =
                exact.as_ref().map(|tree| lines::ranges(&text.to_string(), tree, &change.lines, &mut owners));
            // Nobody saw it, or all that was seen is that it is there.
            if let Some(relation) = derives
                && ranges.as_ref().is_none_or(|ranges| ranges.iter().any(|range| owners.is_unseen(range.owner)))
            {
                let mut tree = self.related_owners(desk, relation, change, &text, exact, &mut owners)?;
                let file = |record: &CommitRecord| record.files.iter().find(|file| file.path == change.path).cloned();
                if let Some((record, file)) = before.and_then(|record| Some((record, file(record)?))) {
                    let before = owners.tree_of_lines(&text.to_string(), &file.ranges, &record.owners);
                    tree = lines::completed(&tree, &before, &owners);
                }
                ranges = Some(lines::ranges(&text.to_string(), &tree, &change.lines, &mut owners));
            }
            let ranges = ranges.unwrap_or_default();
            if !ranges.is_empty() {
                files.push(FileRecord { path: change.path.clone(), ranges });
            }
        }
        Ok(CommitRecord { commit: commit.id.to_string(), owners: owners.list, files, left_out: 0 })
    }

    /// The owners of a content that nobody saw, or of which nobody knows more than is in `exact`: from what lies there now,
    /// from the parents, from the commits that this one may replace, and from their notes.
    fn related_owners(
        &self,
        desk: &mut Desk<'_>,
        relation: Relation<'_>,
        change: &Change,
        text: &Text,
        exact: Option<OwnerTree<u32>>,
        owners: &mut Owners,
    ) -> Result<OwnerTree<u32>, String> {
        let file = FileId { worktree: desk.place.worktree.clone(), path: change.path.clone() };
        // In the worktree's form, with the commit whose note may tell of it, and whether it is near.
        let mut texts: Vec<(Text, Option<Oid>, bool)> = Vec::new();
        let mut seen: HashMap<Oid, Option<Text>> = HashMap::new();
        let befores = change.before.iter().map(|before| (before.path.clone(), before.blob, None, true));
        let mut all: Vec<(String, Oid, Option<Oid>, bool)> = befores.collect();
        let origins = relation.relatives;
        let dropped = origins.dropped.iter().map(|id| (*id, true));
        for (id, is_near) in dropped.chain(origins.beside.iter().map(|id| (*id, false))) {
            all.extend(desk.commits.entry(id, &change.path).map(|blob| (change.path.clone(), blob, Some(id), is_near)));
        }
        let mut relatives = Vec::new();
        for (path, blob, id, is_near) in all {
            let read = |desk: &mut Desk<'_>| {
                decode_text(&desk.commits.worktree_form(&path, blob, self.options.max_file_bytes)?)
            };
            if let Some(base) = seen.entry(blob).or_insert_with(|| read(desk)).clone() {
                relatives.push((path, Digest::new(base.digest())));
                texts.push((base, id, is_near));
            }
        }
        let asked = Asked { file: file.clone(), text: text.clone(), relatives };
        let Told { owners: known, present, relatives } = self.informant.ask(asked)?.unwrap_or_default();
        let exact = known.map(|known| owners.tree(&known)).or(exact);
        let mut bases: Vec<Base> = Vec::new();
        for Related { text, owners: known, is_beside } in present {
            bases.push(Base { text, owners: owners.tree(&known), is_near: !is_beside });
        }
        let ids: Vec<Oid> = texts.iter().filter_map(|(_, id, _)| *id).collect();
        let notes = desk.notes.read(&ids).map_err(|error| error.to_string())?;
        let record = |id: Oid| {
            let mut record = codi2::read(&id.to_string(), notes.get(&id)?).ok()?;
            forget(&mut record, &desk.learned);
            Some(record)
        };
        for ((text, id, is_near), known) in texts.into_iter().zip(relatives) {
            if let Some(record) = id.and_then(record)
                && let Some(noted) = record.files.iter().find(|noted| noted.path == change.path)
            {
                let tree = owners.tree_of_lines(&text.to_string(), &noted.ranges, &record.owners);
                bases.push(Base { text: text.clone(), owners: tree, is_near });
            }
            if let Some(known) = known {
                bases.push(Base { text, owners: owners.tree(&known), is_near });
            }
        }
        // Whoever wrote such lines on another branch did not write what somebody else committed.
        bases.retain(|base| base.is_near || relation.is_ours);
        let nobody = owners.enter(&not_observed());
        let is_new = exact.is_none();
        let exact = exact.unwrap_or_else(|| OwnerTree::new(text.len_bytes(), nobody));
        let tree = lines::derived(text, &exact, &bases, owners);
        let stored = owners.stored(&tree);
        // What late evidence may change would stay as it is.
        let now = self.informant.now_ms();
        let is_settled = stored.owners.iter().all(|owner| is_settled(owner, now));
        if is_new && is_settled && !stored.owners.iter().all(is_unknown) {
            self.informant.tell(Input::Derived(file, Digest::new(text.digest()), stored));
        }
        Ok(tree)
    }
}
