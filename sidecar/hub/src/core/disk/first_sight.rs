//! A file that this hub sees for the first time: as the store has it, as git has it, or as it lies there.

use codi2_attribution::{Moment, Observed};
use codi2_protocol::{Digest, FileId, Owner};
use codi2_text::Text;
use codi2_workspace::Observation;

use super::seen::COPIED_BYTES;
use crate::core::branches::not_observed;
use crate::core::decoded::{decode_text, text_of};
use crate::core::{Core, Effect, Entry};
use crate::known::{Content, Known};
use crate::ledger::{DiskFile, Ledger, New};
use crate::ports::Ports;

impl Core {
    /// The first observation of a file by this hub. True if it must still be judged as a change.
    pub(super) fn first_sight(&mut self, file: &FileId, found: &Observation, now: u64, ports: &mut dyn Ports) -> bool {
        let (scanned, watched_before) = self
            .worktree(&file.worktree)
            .map_or((false, false), |worktree| (worktree.scanned, worktree.watched_before));
        if !self.unread.remove(file) && scanned {
            return true;
        }
        let (failed, _) = ports.failed_reads();
        let row = ports.disk_row(file);
        if ports.failed_reads().0 > failed {
            return self.leave_unread(file);
        }
        let Some(row) = row else {
            let Some(digest) = found.content.digest() else {
                self.ledger.disk.insert(file.clone(), None);
                return false;
            };
            if !watched_before && !scanned && found.blob.is_none() && self.is_announced(file, None, digest) {
                // An agent made it while there was no hub.
                self.ledger.disk.insert(file.clone(), None);
                self.changed(file, found.clone(), Observed::WhileAway, now, ports);
                return false;
            }
            if found.blob.is_none()
                && let Some((blob, bytes)) = ports.indexed(file)
                && (watched_before || self.is_announced(file, Some(Digest::new(codi2_text::digest_of(&bytes))), digest))
                && let Some(text) = decode_text(&bytes)
            {
                // A file without a row was as git has it, and has been changed while the hub was away.
                let digest = Digest::new(text.digest());
                let owners =
                    self.ledger.owners_of(ports, file, digest).filter(|owners| owners.len() == text.len_bytes());
                let owners = owners.or_else(|| Some(self.ledger.known_otherwise(ports, file, &text)?.1));
                if ports.failed_reads().0 > failed {
                    return self.leave_unread(file);
                }
                let owners = owners.unwrap_or_else(|| self.ledger.uniform(text.len_bytes(), Owner::before_codi2()));
                let known = Known { digest, owners, content: Content::Text(text) };
                let size = bytes.len() as u64;
                let bytes = Digest::new(codi2_text::digest_of(&bytes));
                self.ledger.settle(file, DiskFile { bytes, size, known, blob: Some(blob), seen: Moment::default() });
                self.changed(file, found.clone(), Observed::WhileAway, now, ports);
                return false;
            }
            let text = text_of(&found.content);
            let (text_digest, len) =
                text.as_ref().map_or((digest, 0), |text| (Digest::new(text.digest()), text.len_bytes()));
            let baseline = if watched_before && found.blob.is_none() { not_observed() } else { Owner::before_codi2() };
            let here = self.ledger.owners_of(ports, file, text_digest).filter(|owners| owners.len() == len);
            let converted = |ledger: &mut Ledger| ledger.owners_of_converted(ports, file, text.as_ref()?);
            let owners = here.clone().or_else(|| converted(&mut self.ledger));
            // Git's own, or moved here while nobody looked.
            let copied = found.blob.is_some() || (watched_before && len >= COPIED_BYTES);
            let elsewhere = |ledger: &mut Ledger| ledger.owners_elsewhere(ports, file, copied.then_some(text_digest)?);
            let owners = owners.or_else(|| elsewhere(&mut self.ledger)).filter(|owners| owners.len() == len);
            if ports.failed_reads().0 > failed {
                return self.leave_unread(file);
            }
            let nobody = self.ledger.uniform(len, baseline);
            // Known by another text: the next hub would not find that again. That nobody is known it would say, too, as long
            // as nobody is known of any copy.
            let found_out = here.is_none() && owners.as_ref().is_some_and(|owners| *owners != nobody);
            let is_known = owners.is_some();
            let mut owners = owners.unwrap_or(nobody);
            // Of a content that had owners before all is known.
            let recall = |text: &Text| self.ledger.recall_lines(ports, file, text, &mut owners, New::All);
            let recalled = text.as_ref().filter(|_| !is_known).is_some_and(recall);
            let found_out = found_out || recalled;
            let content = text.map_or(Content::Forgotten, Content::Text);
            let mut known = Known { digest: text_digest, owners, content };
            if found.blob.is_some() {
                // Its text is git's to keep; whose its lines are is remembered.
                self.ledger.learn_lines(file, &known);
                known.content = Content::Forgotten;
            }
            let seen = self.moment(found.at_ms);
            let on_disk = DiskFile { bytes: digest, size: found.content.size(), known, blob: found.blob, seen };
            let mut rows = self.part(file, &on_disk.known);
            if found.blob.is_none() {
                rows.extend(self.rows(file, &on_disk));
            } else if found_out || self.ledger.has_parted(file, text_digest) {
                // Git can give it back, but not whose it is.
                rows.push(self.owners_row(file, &on_disk.known));
            }
            self.ledger.settle(file, on_disk);
            if !rows.is_empty() {
                self.effects.push(Effect::Commit(Entry { rows, ..Entry::default() }));
            }
            return false;
        };
        let len = row.lines.iter().map(|line| line.len as usize).sum();
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
        false
    }

    /// Whether calls that ended well led a file all the way from one state to the other, as their hooks found it.
    fn is_announced(&self, file: &FileId, from: Option<Digest>, to: Digest) -> bool {
        let intents = self.calls.intents(file);
        let (mut reached, mut next) = (vec![from], 0);
        while let Some(state) = reached.get(next).copied() {
            next += 1;
            for intent in intents.iter().filter(|intent| !intent.failed && intent.before.is(state)) {
                let after = intent.after.state().filter(|after| !reached.contains(after));
                reached.extend(after);
            }
        }
        from != Some(to) && reached.contains(&Some(to))
    }

    /// What was recorded of a file cannot be read: better unknown, and looked at again, than taken for new.
    fn leave_unread(&mut self, file: &FileId) -> bool {
        self.unread.insert(file.clone());
        false
    }
}
