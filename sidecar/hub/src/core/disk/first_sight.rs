//! A file that this hub sees for the first time: as the store has it, as git has it, or as it lies there.

use codi2_attribution::{Moment, Observed};
use codi2_protocol::{Digest, FileId, Owner};
use codi2_text::Text;
use codi2_workspace::Observation;

use super::seen::COPIED_BYTES;
use crate::core::branches::not_observed;
use crate::core::decoded::{decode_text, text_of};
use crate::core::left::leads;
use crate::core::{Core, Effect, Entry};
use crate::known::{Content, Known};
use crate::ledger::{DiskFile, New};
use crate::ports::Ports;
use crate::rows::DiskRow;

impl Core {
    /// The first observation of a file by this hub. True if it must still be judged as a change.
    pub(super) fn first_sight(&mut self, file: &FileId, found: &Observation, now: u64, ports: &mut dyn Ports) -> bool {
        let is_scanned = self.worktree(&file.worktree).is_some_and(|worktree| worktree.scanned);
        if !self.unread.remove(file) && is_scanned {
            return true;
        }
        let (failed, _) = ports.failed_reads();
        let row = ports.disk_row(file);
        if ports.failed_reads().0 > failed {
            self.leave_unread(file);
        } else if let Some(row) = row {
            self.as_recorded(file, found, row, now, ports);
        } else if let Some(digest) = found.content.digest() {
            self.unrecorded(file, found, digest, now, ports);
        } else {
            self.ledger.disk.insert(file.clone(), None);
        }
        false
    }

    /// What was recorded of a file cannot be read: better unknown, and looked at again, than taken for new.
    fn leave_unread(&mut self, file: &FileId) {
        self.unread.insert(file.clone());
    }

    /// A file of which nothing is recorded: made or changed while there was no hub, or as it has been all the time.
    fn unrecorded(&mut self, file: &FileId, found: &Observation, digest: Digest, now: u64, ports: &mut dyn Ports) {
        let worktree = self.worktree(&file.worktree);
        let (is_scanned, watched_before) =
            worktree.map_or((false, false), |worktree| (worktree.scanned, worktree.watched_before));
        let (failed, _) = ports.failed_reads();
        if found.blob.is_none() {
            if !is_scanned && leads(&self.calls.intents(file), None, digest) {
                // An agent made it while there was no hub.
                return self.made_while_away(file, found, now, ports);
            }
            if let Some(was) = self.as_indexed(file, digest, watched_before, ports) {
                if ports.failed_reads().0 > failed {
                    return self.leave_unread(file);
                }
                self.ledger.settle(file, was);
                return self.changed(file, found.clone(), Observed::WhileAway, now, ports);
            }
            if watched_before && !is_scanned && self.calls.open_on(file).iter().any(|call| call.names_path) {
                // An agent is about to make it, or has, while there was no hub: its hook after will say.
                return self.made_while_away(file, found, now, ports);
            }
        }
        self.as_it_lies(file, found, digest, watched_before, failed, ports);
    }

    /// A file that was not there is made while there is no hub.
    fn made_while_away(&mut self, file: &FileId, found: &Observation, now: u64, ports: &mut dyn Ports) {
        self.ledger.disk.insert(file.clone(), None);
        self.changed(file, found.clone(), Observed::WhileAway, now, ports);
    }

    /// What a file without a row was, as git has it, that has been changed while the hub was away.
    fn as_indexed(
        &mut self,
        file: &FileId,
        digest: Digest,
        watched_before: bool,
        ports: &mut dyn Ports,
    ) -> Option<DiskFile> {
        let (blob, bytes) = ports.indexed(file)?;
        let (was, size) = (Digest::new(codi2_text::digest_of(&bytes)), bytes.len() as u64);
        if !watched_before && !leads(&self.calls.intents(file), Some(was), digest) {
            return None;
        }
        let text = decode_text(&bytes)?;
        let digest = Digest::new(text.digest());
        let owners = self.ledger.owners_of(ports, file, digest).filter(|owners| owners.len() == text.len_bytes());
        let owners = owners.or_else(|| Some(self.ledger.known_otherwise(ports, file, &text)?.1));
        let owners = owners.unwrap_or_else(|| self.ledger.uniform(text.len_bytes(), Owner::before_codi2()));
        let known = Known { digest, owners, content: Content::Text(text) };
        Some(DiskFile { bytes: was, size, known, blob: Some(blob), seen: Moment::default() })
    }

    /// A file is taken in as it lies there, with the owners that its content is known to have; else it is older than codi2, or
    /// nobody saw who wrote it. `failed`: reads that had failed before it was looked up.
    fn as_it_lies(
        &mut self,
        file: &FileId,
        found: &Observation,
        digest: Digest,
        watched_before: bool,
        failed: u64,
        ports: &mut dyn Ports,
    ) {
        let (text, is_gits) = (text_of(&found.content), found.blob.is_some());
        let (text_digest, len) =
            text.as_ref().map_or((digest, 0), |text| (Digest::new(text.digest()), text.len_bytes()));
        let here = self.ledger.owners_of(ports, file, text_digest).filter(|owners| owners.len() == len);
        let is_here = here.is_some();
        let owners = here.or_else(|| self.ledger.owners_of_converted(ports, file, text.as_ref()?));
        // Git's own, or moved here while nobody looked.
        let copied = (is_gits || (watched_before && len >= COPIED_BYTES)).then_some(text_digest);
        let owners = owners.or_else(|| self.ledger.owners_elsewhere(ports, file, copied?));
        let owners = owners.filter(|owners| owners.len() == len);
        if ports.failed_reads().0 > failed {
            return self.leave_unread(file);
        }
        let baseline = if watched_before && !is_gits { not_observed() } else { Owner::before_codi2() };
        let nobody = self.ledger.uniform(len, baseline);
        // Known by another text: the next hub would not find that again. That nobody is known it would say, too, as long
        // as nobody is known of any copy.
        let found_out = !is_here && owners.as_ref().is_some_and(|owners| *owners != nobody);
        let is_known = owners.is_some();
        let mut owners = owners.unwrap_or(nobody);
        // Of a content that had owners before all is known.
        let recall = |text: &Text| self.ledger.recall_lines(ports, file, text, &mut owners, New::All);
        let recalled = text.as_ref().filter(|_| !is_known).is_some_and(recall);
        let content = text.map_or(Content::Forgotten, Content::Text);
        let known = Known { digest: text_digest, owners, content };
        self.keep_as_it_lies(file, found, digest, known, found_out || recalled);
    }

    /// Keeps a file that was taken in. `found_out`: whose it is would not be found again.
    fn keep_as_it_lies(
        &mut self,
        file: &FileId,
        found: &Observation,
        bytes: Digest,
        mut known: Known,
        found_out: bool,
    ) {
        if found.blob.is_some() {
            // Its text is git's to keep; whose its lines are is remembered.
            self.ledger.learn_lines(file, &known);
            known.content = Content::Forgotten;
        }
        let text = known.digest;
        let seen = self.moment(found.at_ms);
        let on_disk = DiskFile { bytes, size: found.content.size(), known, blob: found.blob, seen };
        let mut rows = self.part(file, &on_disk.known);
        if found.blob.is_none() {
            rows.extend(self.rows(file, &on_disk));
        } else if found_out || self.ledger.has_parted(file, text) {
            // Git can give it back, but not whose it is.
            rows.push(self.owners_row(file, &on_disk.known));
        }
        self.ledger.settle(file, on_disk);
        if !rows.is_empty() {
            self.effects.push(Effect::Commit(Entry { rows, ..Entry::default() }));
        }
    }

    /// A file of which a hub that has ended recorded this.
    fn as_recorded(&mut self, file: &FileId, found: &Observation, row: DiskRow, now: u64, ports: &mut dyn Ports) {
        let len = row.lines.iter().map(|line| line.len as usize).sum();
        let (failed, _) = ports.failed_reads();
        let owners = self.ledger.owners_of(ports, file, row.text);
        if ports.failed_reads().0 > failed {
            return self.leave_unread(file);
        }
        let owners = owners.unwrap_or_else(|| self.ledger.uniform(len, not_observed()));
        let same = found.content.digest() == Some(row.bytes);
        let content = match text_of(&found.content) {
            Some(text) if same => Content::Text(text),
            _ => Content::Lines(row.lines),
        };
        let known = Known { digest: row.text, owners, content };
        // What is as the row has it was seen so now: whoever ended before has not written what comes next.
        let seen = if same { self.moment(found.at_ms) } else { Moment::default() };
        let on_disk = DiskFile { bytes: row.bytes, size: row.size, known, blob: None, seen };
        self.ledger.settle(file, on_disk);
        if !same {
            self.changed(file, found.clone(), Observed::WhileAway, now, ports);
        }
    }
}
