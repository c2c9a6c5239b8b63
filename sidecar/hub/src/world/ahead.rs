//! What was asked of the store ahead. A page of a watch asks for the same few rows of each of its files: a store elsewhere
//! would be asked for one after the other, and all wait for the core meanwhile (ADR 0108).
//!
//! Lives as long as the core takes one input, of which nothing is written before. Absent on purpose: failures. What could
//! not be read is not here, so it is asked for when it is needed, and waited for, or counted, then.

use std::collections::{BTreeSet, HashMap};

use codi2_protocol::{Digest, EventId, FileId, HostId, Owner, RepositoryId};
use codi2_store::{Part, Store, StoreError, Subspace};

use crate::book::{StoredOwners, open_to_change};
use crate::ports::Glance;
use crate::rows::{DiskRow, disk_key};

/// A content of a path.
type Content = (RepositoryId, String, Digest);

fn owners_key((repository, path, digest): &Content) -> Vec<Part<'_>> {
    vec![(*repository).into(), path.into(), digest.into()]
}

/// Answers of the store, absent rows among them.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    disk: HashMap<FileId, Option<DiskRow>>,
    owners: HashMap<Content, Option<StoredOwners>>,
    any: HashMap<(RepositoryId, String), bool>,
    upgrades: HashMap<EventId, Option<Owner>>,
}

impl Ahead {
    pub(super) fn disk_row(&self, file: &FileId) -> Option<&Option<DiskRow>> {
        self.disk.get(file)
    }

    /// The owners under the first of these repositories that has any; nothing where that is not known.
    pub(super) fn owners(&self, ids: &[RepositoryId], path: &str, digest: Digest) -> Option<Option<StoredOwners>> {
        for id in ids {
            if let Some(found) = self.owners.get(&(*id, path.to_owned(), digest))? {
                return Some(Some(found.clone()));
            }
        }
        Some(None)
    }

    pub(super) fn any(&self, repository: RepositoryId, path: &str) -> Option<bool> {
        self.any.get(&(repository, path.to_owned())).copied()
    }

    pub(super) fn upgrade(&self, event: EventId) -> Option<&Option<Owner>> {
        self.upgrades.get(&event)
    }

    /// Asks for all that is needed and not known yet, each kind of row at once: what the next kind is asked for may hang on the
    /// one before.
    pub(super) fn ask(&mut self, store: &Store, host: HostId, glances: &[Glance]) -> Result<(), StoreError> {
        let is_new = |glance: &&Glance| glance.is_new && !self.disk.contains_key(&glance.file);
        let new: Vec<_> = glances.iter().filter(is_new).map(|glance| &glance.file).collect();
        let keys: Vec<Vec<Part<'_>>> = new.iter().map(|file| disk_key(host, file).to_vec()).collect();
        let rows = store.many::<DiskRow>(Subspace::Disk, &keys)?;
        self.disk.extend(read(new.into_iter().cloned(), rows));

        let mut owned = BTreeSet::new();
        for glance in glances {
            let then = self.disk.get(&glance.file).and_then(Option::as_ref).map(|row| row.text);
            for text in glance.texts.iter().copied().chain(then) {
                owned.extend(glance.repositories.iter().map(|id| (*id, glance.file.path.clone(), text)));
            }
        }
        owned.retain(|content| !self.owners.contains_key(content));
        let keys: Vec<Vec<Part<'_>>> = owned.iter().map(owners_key).collect();
        let owners = store.many::<StoredOwners>(Subspace::Owners, &keys)?;
        let owners: Vec<_> = read(owned.into_iter(), owners).collect();

        let known = owners.iter().flat_map(|(_, owners)| owners).flat_map(|owners| &owners.owners);
        let mut open: BTreeSet<_> =
            known.filter(|owner| open_to_change(owner)).filter_map(|owner| owner.event).collect();
        open.retain(|event| !self.upgrades.contains_key(event));
        self.owners.extend(owners);
        let keys: Vec<Vec<Part<'_>>> = open.iter().map(|event| vec![(*event).into()]).collect();
        let upgrades = store.many::<Owner>(Subspace::Upgrade, &keys)?;
        self.upgrades.extend(read(open.into_iter(), upgrades));

        let asks = glances.iter().filter(|glance| glance.any);
        let pairs = asks.flat_map(|it| it.repositories.iter().map(|id| (*id, it.file.path.clone())));
        let pairs: Vec<_> = pairs.filter(|pair| !self.any.contains_key(pair)).collect();
        let keys: Vec<Vec<Part<'_>>> = pairs.iter().map(|(id, path)| vec![(*id).into(), path.into()]).collect();
        let any = store.any_below(Subspace::Owners, &keys)?;
        self.any.extend(pairs.into_iter().zip(any));
        Ok(())
    }
}

/// What could be read.
fn read<K, T>(
    keys: impl Iterator<Item = K>,
    rows: Vec<Result<Option<T>, StoreError>>,
) -> impl Iterator<Item = (K, Option<T>)> {
    keys.zip(rows).filter_map(|(key, row)| Some((key, row.ok()?)))
}
