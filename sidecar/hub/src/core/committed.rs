//! What the ledger knows of a content that was committed, for the notes on commits.
//!
//! The content itself is asked for first; of one that never lay on disk the contents that are nearest to it tell. Absent
//! on purpose: git, and comparing texts, which is done by whoever asks (`notes`) on a thread of its own.

mod by_hook;

use std::collections::HashSet;

use codi2_protocol::{Digest, FileId};
use codi2_text::Text;

use super::{Core, Effect, Entry, not_observed};
use crate::book::StoredOwners;
use crate::known::{Content, Hunk, Known, lines_of};
use crate::ledger::New;
use crate::ports::Ports;
use crate::rows::Row;

/// A content that was committed.
#[derive(Debug)]
pub struct Asked {
    /// Its file.
    pub file: FileId,
    /// Its text, as it would lie on disk.
    pub text: Text,
    /// Other contents whose owners are asked for, too: path and digest of the text.
    pub relatives: Vec<(String, Digest)>,
}

/// What is known of it.
#[derive(Debug, Default)]
pub struct Told {
    /// Its owners, if it was seen itself.
    pub owners: Option<StoredOwners>,
    /// If not, what lies on disk or stands in buffers at its path, in its worktree first, and what is remembered of its lines.
    pub present: Vec<Related>,
    /// The owners of the relatives asked for, in their order.
    pub relatives: Vec<Option<StoredOwners>>,
}

/// A text beside the one asked for.
#[derive(Debug)]
pub struct Related {
    /// The text.
    pub text: Text,
    /// Its owners.
    pub owners: StoredOwners,
    /// Whether it lies in another worktree.
    pub is_beside: bool,
}

impl Core {
    /// Tells what is known of a committed content; nothing of a private file. Whoever is told does what comes out of it,
    /// too.
    ///
    /// # Errors
    /// The store cannot be read, in words: nothing may be concluded.
    pub fn committed(
        &mut self,
        asked: &Asked,
        now: u64,
        ports: &mut dyn Ports,
    ) -> (Result<Option<Told>, String>, Vec<Effect>) {
        if ports.is_private(&asked.file) {
            return (Ok(None), Vec::new());
        }
        let (failed, _) = ports.failed_reads();
        let told = self.known_of(asked, now, ports);
        let (fails, words) = ports.failed_reads();
        let answer = if fails > failed { Err(words) } else { Ok(Some(told)) };
        (answer, std::mem::take(&mut self.effects))
    }

    fn known_of(&mut self, asked: &Asked, now: u64, ports: &mut dyn Ports) -> Told {
        let Asked { file, text, relatives } = asked;
        let mine = &file.worktree;
        let others = self.worktrees.keys().filter(|it| it.repository == mine.repository && *it != mine);
        let others = others.map(|worktree| FileId { worktree: worktree.clone(), path: file.path.clone() });
        let others: Vec<FileId> = others.collect();
        let mut owners = self.seen_as(file, text, ports);
        // Committed before the watch came to look, here or in another worktree, whose commits are told of here, too.
        for place in std::iter::once(file).chain(&others) {
            if owners.is_none() {
                self.look(place, now, ports);
                owners = self.seen_as(place, text, ports);
            }
        }
        // Left before anybody could look, but a hook had.
        for place in std::iter::once(file).chain(&others) {
            owners = owners.or_else(|| self.seen_by_hooks(place, text, now, ports));
        }
        let mut present: Vec<(Known, bool)> = Vec::new();
        if owners.is_none() {
            present.extend(self.ledger.on_disk(ports, file).map(|known| (known, false)));
            let buffers = self.ledger.branches_of(file).filter(|(_, branch)| !branch.is_lost());
            present.extend(buffers.map(|(_, branch)| (branch.known.clone(), false)));
            for other in &others {
                present.extend(self.ledger.on_disk(ports, other).map(|known| (known, true)));
            }
        }
        if owners.is_none() {
            // What it was taken from may be gone: whose its lines were at this path is remembered. Of those that are still
            // there, what lies there tells.
            let gone = lines_in_none(text, present.iter().map(|(known, _)| known), self.ledger.secret());
            let mut recalled = self.ledger.uniform(text.len_bytes(), not_observed());
            if self.ledger.recall_lines(ports, file, text, &mut recalled, New::Brought(&gone)) {
                let (digest, content) = (Digest::new(text.digest()), Content::Text(text.clone()));
                present.push((Known { digest, owners: recalled, content }, true));
            }
        }
        let book = &self.ledger.book;
        let related = |(known, is_beside): &(Known, bool)| {
            let text = known.text().filter(|text| text.len_bytes() == known.owners.len())?.clone();
            Some(Related { text, owners: book.store(&known.owners), is_beside: *is_beside })
        };
        let present = present.iter().filter_map(related).collect();
        let relatives = relatives.iter().map(|(path, digest)| {
            let file = FileId { worktree: file.worktree.clone(), path: path.clone() };
            let owners = self.ledger.owners_of(ports, &file, *digest)?;
            Some(self.ledger.book.store(&owners))
        });
        Told { owners, present, relatives: relatives.collect() }
    }

    /// The owners that exactly this text has: at its path, with other line ends, or elsewhere in the repository.
    fn seen_as(&mut self, file: &FileId, text: &Text, ports: &mut dyn Ports) -> Option<StoredOwners> {
        let digest = Digest::new(text.digest());
        let here = self.ledger.owners_at(ports, file, digest).filter(|owners| owners.len() == text.len_bytes());
        let owners = here.or_else(|| Some(self.ledger.known_otherwise(ports, file, text)?.1))?;
        Some(self.ledger.book.store(&owners))
    }

    /// Remembers what was worked out for a content that nobody saw, so that a checkout of it finds its owners.
    pub(super) fn derived(&mut self, file: &FileId, digest: Digest, owners: StoredOwners, ports: &mut dyn Ports) {
        if ports.is_private(file) || self.ledger.owners_of(ports, file, digest).is_some() {
            return;
        }
        let tree = self.ledger.load(ports, owners);
        self.ledger.remember(file, digest, &tree);
        let owners = self.ledger.book.store(&tree);
        let repository = self.ledger.shared(file.worktree.repository);
        let rows = vec![Row::Owners { repository, path: file.path.clone(), digest, owners }];
        self.effects.push(Effect::Commit(Entry { rows, ..Entry::default() }));
    }
}

/// The lines of a text that none of these have, as if they were put in.
fn lines_in_none<'a>(text: &Text, known: impl Iterator<Item = &'a Known>, secret: &[u8; 32]) -> Vec<Hunk> {
    let lines = |known: &Known| match &known.content {
        Content::Text(text) => lines_of(text, secret),
        Content::Lines(lines) => lines.clone(),
        Content::Forgotten => Vec::new(),
    };
    let there: HashSet<u64> = known.flat_map(lines).map(|line| line.hash).collect();
    let mut at = 0;
    let new = lines_of(text, secret).into_iter().filter_map(|line| {
        let hunk = Hunk { at, deleted: 0, inserted: line.len as usize, lines_deleted: 0 };
        at += hunk.inserted;
        (!there.contains(&line.hash)).then_some(hunk)
    });
    new.collect()
}
