//! Who owns a file: answers from the buffers, the disk and the contents seen before.

use codi2_protocol::{Digest, ErrorCode, FileId, HubError, HubStatus, OwnersReply, Reply, limits};

use super::Core;
use crate::book::StoredOwners;
use crate::known::Known;
use crate::ports::Ports;

impl Core {
    /// Owners of the content asked for: a buffer's (`buffer`), one with this digest, or the file's on disk.
    pub(super) fn owners(
        &mut self,
        file: &FileId,
        digest: Option<Digest>,
        buffer: bool,
        now: u64,
        ports: &mut dyn Ports,
    ) -> Result<Reply, HubError> {
        if ports.is_private(file) {
            let message = format!("{} is private: nothing is recorded about it but that it changed", file.path);
            return Err(HubError { code: ErrorCode::NotFound, message });
        }
        if buffer {
            let sure = self.ledger.branches_of(file).filter(|(_, branch)| !branch.is_lost());
            let unsaved = sure.map(|(_, branch)| &branch.known);
            let on_disk = self.ledger.disk.get(file).and_then(Option::as_ref).map(|on_disk| on_disk.known.digest);
            // A buffer that differs from the file is what was asked for; one that does not is as good.
            let chosen = unsaved.max_by_key(|known| (Some(known.digest) != on_disk, known.text().is_some())).cloned();
            if let Some(known) = chosen {
                self.want_again(file, ports);
                return self.reply(&known, true);
            }
        } else if let Some(digest) = digest {
            let sure = self.ledger.branches_of(file).filter(|(_, branch)| !branch.is_lost());
            if let Some(known) = sure.map(|(_, branch)| &branch.known).find(|known| known.digest == digest).cloned() {
                return self.reply(&known, false);
            }
        }
        self.look(file, now, ports);
        let on_disk = self.ledger.disk.get(file).and_then(Option::as_ref).map(|on_disk| on_disk.known.clone());
        if let Some(known) = on_disk.filter(|known| digest.is_none_or(|digest| known.digest == digest)) {
            return self.reply(&known, buffer);
        }
        if let Some(digest) = digest
            && let Some(owners) = self.ledger.owners_of(ports, file, digest)
        {
            return self.reply(&Known { digest, owners, content: crate::known::Content::Forgotten }, false);
        }
        Err(HubError {
            code: ErrorCode::NotFound,
            message: format!(
                "nothing is recorded about {}: is it inside the worktree, not ignored, and text?",
                file.path
            ),
        })
    }

    /// What the core knows of the hub's state; the server adds the store and itself.
    pub(super) fn status(&self) -> HubStatus {
        HubStatus {
            pid: 0,
            build: String::new(),
            started_ms: 0,
            store: String::new(),
            events: 0,
            store_bytes: 0,
            reach: None,
            hubs: Vec::new(),
            connections: 0,
            sessions: self.presence(),
            watches: self.watches(),
            problems: Vec::new(),
        }
    }

    fn reply(&self, known: &Known, with_text: bool) -> Result<Reply, HubError> {
        let StoredOwners { spans, owners } = self.ledger.book.store(&known.owners);
        let text = known.text().filter(|text| with_text && text.len_bytes() <= limits::TEXT_BYTES);
        let text = text.map(ToString::to_string);
        Ok(Reply::Owners(OwnersReply { digest: known.digest, spans, owners, text }))
    }
}
