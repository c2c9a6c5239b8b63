//! The rows that keep what a file holds and whose it is.

use codi2_protocol::FileId;

use super::Core;
use crate::known::Known;
use crate::ledger::DiskFile;
use crate::rows::Row;

impl Core {
    /// The rows that keep a file's state and its owners.
    pub(super) fn rows(&mut self, file: &FileId, on_disk: &DiskFile) -> Vec<Row> {
        let mut rows = self.part(file, &on_disk.known);
        rows.push(Row::Disk(self.host, file.clone(), Some(self.ledger.disk_row(on_disk))));
        rows.push(self.owners_row(file, &on_disk.known));
        rows
    }

    /// The row that keeps who owns a content of a file.
    pub(super) fn owners_row(&self, file: &FileId, known: &Known) -> Row {
        Row::Owners {
            repository: self.ledger.shared(file.worktree.repository),
            path: file.path.clone(),
            digest: known.digest,
            owners: self.ledger.book.store(&known.owners),
        }
    }

    /// The rows that keep the other history of a text which gets a second one: the copies of which nothing was stored, since
    /// git has them and nobody is known, would have this one for the next hub.
    pub(super) fn part(&mut self, file: &FileId, known: &Known) -> Vec<Row> {
        let others = self.ledger.part(file, known);
        let known = |other: &FileId| Some(&self.ledger.disk.get(other)?.as_ref()?.known);
        others.iter().filter_map(|other| Some(self.owners_row(other, known(other)?))).collect()
    }
}
