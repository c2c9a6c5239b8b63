//! Contents that are known by themselves: the owners that a text has at other paths of its repository (ADR 0026).
//!
//! Absent on purpose: whether a change may take them (`core/disk`), and what it then takes (`core/ruled`).

use codi2_attribution::Seen;
use codi2_protocol::{Digest, FileId};
use codi2_text::{OwnerTree, Text};

use super::Ledger;
use crate::book::OwnerRef;
use crate::known::Known;
use crate::ports::Ports;

/// Paths remembered for one content, the newest.
const PLACES: usize = 4;

impl Ledger {
    /// The owners of a content at the path that it has now, or had before it went from there.
    pub fn owners_at(&mut self, ports: &dyn Ports, file: &FileId, digest: Digest) -> Option<OwnerTree<OwnerRef>> {
        let on_disk = self.disk.get(file).and_then(Option::as_ref).filter(|there| there.known.digest == digest);
        on_disk.map(|there| there.known.owners.clone()).or_else(|| self.owners_of(ports, file, digest))
    }

    /// The owners of a text that this path never had just so: it had it with other line ends, or another path had it.
    pub fn known_otherwise(
        &mut self,
        ports: &dyn Ports,
        file: &FileId,
        text: &Text,
    ) -> Option<(Seen, OwnerTree<OwnerRef>)> {
        if let Some(converted) = self.owners_of_converted(ports, file, text) {
            return Some((Seen::Here, converted));
        }
        let elsewhere = self.owners_elsewhere(ports, file, Digest::new(text.digest()))?;
        (elsewhere.len() == text.len_bytes()).then_some((Seen::Elsewhere, elsewhere))
    }

    /// The owners that a content had at other paths of the repository, if it had the same at each: two histories of one
    /// text say nothing about a third place.
    pub fn owners_elsewhere(
        &mut self,
        ports: &dyn Ports,
        file: &FileId,
        digest: Digest,
    ) -> Option<OwnerTree<OwnerRef>> {
        let places = self.places.get(&(file.worktree.repository, digest))?.clone();
        let mut found: Option<OwnerTree<OwnerRef>> = None;
        for place in places.iter().rev().filter(|place| place.path != file.path) {
            let Some(tree) = self.owners_at(ports, place, digest) else { continue };
            match &found {
                Some(found) if !self.same_origins(found, &tree) => return None,
                Some(_) => {}
                None => found = Some(tree),
            }
        }
        found.filter(|tree| !tree.is_empty())
    }

    /// Whether a text has had two histories in this repository since the hub began.
    pub fn has_parted(&self, file: &FileId, digest: Digest) -> bool {
        self.parted.get(&(file.worktree.repository, digest)).is_some()
    }

    /// The other files that hold this text as git has it, when this one's history is the first that is not theirs: from
    /// then on what is known of each path must be stored.
    pub fn part(&mut self, file: &FileId, known: &Known) -> Vec<FileId> {
        if self.has_parted(file, known.digest) {
            return Vec::new();
        }
        let key = (file.worktree.repository, known.digest);
        let is_full = self.places.get(&key).is_some_and(|places| places.len() >= PLACES);
        let mut copies = self.copies(file, known.digest);
        if copies.is_empty() && is_full {
            // The newest places have gone on to other texts.
            copies = self.lying(file, known.digest);
        }
        let differs = |copy: &FileId| {
            let there = self.disk.get(copy).and_then(Option::as_ref);
            there.is_some_and(|there| !self.same_origins(&there.known.owners, &known.owners))
        };
        if !copies.iter().any(differs) {
            return Vec::new();
        }
        self.parted.put(key, ());
        let mut others = self.lying(file, known.digest);
        others.retain(|other| self.disk.get(other).and_then(Option::as_ref).is_some_and(|there| there.blob.is_some()));
        others
    }

    /// All other files of the repository that hold this text on disk now: looks at every file.
    fn lying(&self, file: &FileId, digest: Digest) -> Vec<FileId> {
        let here = self.disk.iter().filter(|(other, _)| other.worktree.repository == file.worktree.repository);
        let lies = here.filter(|(_, there)| there.as_ref().is_some_and(|there| there.known.digest == digest));
        lies.map(|(other, _)| other).filter(|other| *other != file).cloned().collect()
    }

    /// Whether two owner trees of one text name the same authors.
    fn same_origins(&self, one: &OwnerTree<OwnerRef>, other: &OwnerTree<OwnerRef>) -> bool {
        let origin = |owner: OwnerRef| &self.book.owner(owner).verdict.origin;
        let mut at = 0;
        one.len() == other.len()
            && one.iter().all(|(len, owner)| {
                let there = other.spans(at..at + len);
                at += len;
                there.iter().all(|(_, known)| origin(*known) == origin(owner))
            })
    }

    /// The other paths of the repository where this text lies on disk now.
    pub fn copies(&self, file: &FileId, digest: Digest) -> Vec<FileId> {
        let places = self.places.get(&(file.worktree.repository, digest)).into_iter().flat_map(|places| places.iter());
        let lies = |place: &&FileId| {
            let on_disk = self.disk.get(*place).and_then(Option::as_ref);
            *place != file && on_disk.is_some_and(|on_disk| on_disk.known.digest == digest)
        };
        places.filter(lies).cloned().collect()
    }

    /// The other paths of the worktree where this text lies, or lay last; the newest few.
    pub fn places_of(&self, file: &FileId, digest: Digest) -> Vec<FileId> {
        let places = self.places.get(&(file.worktree.repository, digest)).into_iter().flat_map(|places| places.iter());
        places.filter(|place| place.worktree == file.worktree && *place != file).cloned().collect()
    }

    /// A text lies here now, or lay here last.
    pub fn place(&mut self, file: &FileId, digest: Digest) {
        let key = (file.worktree.repository, digest);
        let known = self.places.get(&key).map(|places| &places[..]).unwrap_or_default();
        let others: Vec<&FileId> = known.iter().filter(|place| *place != file).collect();
        let newest = &others[others.len().saturating_sub(PLACES - 1)..];
        // Exactly as long as it must be: most texts lie at one place, and there are as many as files.
        let places = newest.iter().copied().chain([file]).cloned().collect();
        self.places.put(key, places);
    }
}
