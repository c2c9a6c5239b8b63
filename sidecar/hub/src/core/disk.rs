//! Files on disk: what a watch saw, what a look found, and late evidence for both.
//!
//! [`Core::observe`] is the only way a file's state changes, whoever looked and why, so save, watcher, hook and git meet
//! by digest in any order. A change is judged once when it is seen and again when more is known about its file.

use codi2_attribution::{Change as OpenChange, DiskRuling, Moment, Observed, Seen};
use codi2_protocol::{
    Actor, ActorKind, Digest, DiskOperation, Event, EventBody, EventId, FileId, Notice, Owner, WatchState, WorktreeId,
};
use codi2_text::{OwnerTree, Text};
use codi2_workspace::{Cause, Content as Found, GitExplanation, GitSource, Observation, WatchEvent};

use super::across::Parted;
use super::branches::not_observed;
use super::kept::Kept;
use super::ruled::Applied;
use super::{Core, Effect, Entry, Why};
use crate::book::OwnerRef;
use crate::known::{Content, Known};
use crate::ledger::{DiskFile, Ledger, New};
use crate::ports::Ports;
use crate::rows::Row;

/// Files that are gone about which the store is asked at once.
const AT_ONCE: usize = 256;
/// A text as long as this, in bytes, is not written twice by chance: whoever has it again has copied it.
const COPIED_BYTES: usize = 30;

impl Core {
    /// A watch saw something.
    pub(super) fn watched(&mut self, id: &WorktreeId, event: WatchEvent, now: u64, ports: &mut dyn Ports) {
        let file = |path: &str| FileId { worktree: id.clone(), path: path.to_owned() };
        if self.worktree(id).is_none() {
            // What a watch still had to say when it was let go: the next one finds it.
            return;
        }
        match event {
            WatchEvent::Scan(page) | WatchEvent::Observed(page) => {
                self.ask_ahead(id, &page, ports);
                let mut is_end = false;
                for observation in page {
                    let file = file(&observation.path);
                    let was_there = matches!(self.ledger.disk.get(&file), Some(Some(_)));
                    is_end |= !was_there || observation.content.digest().is_none();
                    self.observe(&file, observation, now, ports);
                }
                if is_end {
                    self.pair_changed(id, now, ports);
                }
            }
            WatchEvent::Explained { path, digest, written, git } => {
                self.late_git(&file(&path), Some(digest), Some(written), git, now, ports);
            }
            WatchEvent::ScanDone { files } => {
                let missed = ports.disk_texts(id).into_iter().map(|(path, _)| file(&path));
                let missed: Vec<_> = missed.filter(|file| !self.ledger.disk.contains_key(file)).collect();
                for files in missed.chunks(AT_ONCE) {
                    self.ask_ahead_of(files, ports);
                    for file in files {
                        // A look at another one may have led here.
                        if !self.ledger.disk.contains_key(file) {
                            self.look(file, now, ports);
                        }
                    }
                }
                self.ledger.disk.retain(|file, on_disk| on_disk.is_some() || file.worktree != *id);
                self.scanned(id, files, now);
                self.effects.push(Effect::Look(id.clone(), Why::Moved));
            }
            WatchEvent::Git(operation) => {
                if let Some(worktree) = self.worktree(id) {
                    worktree.status.branch.clone_from(&operation.new_branch);
                }
                let actor = Actor::named(ActorKind::Git, operation.operation.clone());
                let body = EventBody::Git {
                    operation: operation.operation,
                    old_head: operation.old_head,
                    new_head: operation.new_head,
                    old_branch: operation.old_branch,
                    new_branch: operation.new_branch,
                };
                let event = self.own_event(now, Some(id.clone()), actor, body);
                self.effects.push(Effect::Commit(Entry { events: vec![event], ..Entry::default() }));
                self.tell_windows(id, &Notice::Git { worktree: id.clone() });
            }
            WatchEvent::GitDone => self.effects.push(Effect::Look(id.clone(), Why::Moved)),
            WatchEvent::Noted => self.tell_windows(id, &Notice::Noted { worktree: id.clone() }),
            WatchEvent::State(state, detail) => {
                let Some(worktree) = self.worktree(id) else { return };
                worktree.status.state = state;
                worktree.status.detail.clone_from(&detail);
                if state == WatchState::Stopped {
                    self.let_go(id, ports);
                }
                let said = (state, detail.clone());
                if self.said.get(id) != Some(&said) {
                    self.said.put(id.clone(), said);
                    let event =
                        self.own_event(now, Some(id.clone()), Actor::unknown(), EventBody::Watch { state, detail });
                    self.effects.push(Effect::Commit(Entry { events: vec![event], ..Entry::default() }));
                }
            }
            WatchEvent::Private(_) => {
                let event = self.own_event(now, Some(id.clone()), Actor::unknown(), EventBody::Private);
                self.effects.push(Effect::Commit(Entry { events: vec![event], ..Entry::default() }));
            }
        }
    }

    /// Looks at a file now.
    pub(super) fn look(&mut self, file: &FileId, now: u64, ports: &mut dyn Ports) {
        if let Some(observation) = ports.read(file) {
            self.observe(file, observation, now, ports);
        }
    }

    /// A file was found to hold this.
    pub(super) fn observe(&mut self, file: &FileId, found: Observation, now: u64, ports: &mut dyn Ports) {
        self.turn += 1;
        let seen = self.moment(found.at_ms);
        if !self.ledger.disk.contains_key(file) && !self.first_sight(file, &found, now, ports) {
            return;
        }
        let digest = found.content.digest();
        let known = self.ledger.disk.get(file).and_then(Option::as_ref).map(|on_disk| on_disk.bytes);
        if known == digest
            && let Some(from) = &found.from
        {
            // Moved onto its own copy, or seen here before it was known to be moved: the old path is gone.
            let from = FileId { worktree: file.worktree.clone(), path: from.clone() };
            self.moved_here(file, &from, now, ports);
            let gone = Observation::gone(from.path.clone(), found.cause, found.at_ms);
            let gone = Observation { git: found.git.clone(), ..gone };
            self.observe(&from, gone, now, ports);
        }
        if known == digest {
            if let Some(on_disk) = self.ledger.disk.get_mut(file).and_then(Option::as_mut) {
                on_disk.blob = found.blob.or(on_disk.blob);
                on_disk.seen = seen;
            }
            if let Some(git) = found.git {
                self.late_git(file, digest, found.written, git, now, ports);
            }
            return;
        }
        let observed = match found.cause {
            Cause::Rescan => Observed::Rescan,
            _ => Observed::Live,
        };
        self.changed(file, found, observed, now, ports);
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

    /// The first observation of a file by this hub. True if it must still be judged as a change.
    fn first_sight(&mut self, file: &FileId, found: &Observation, now: u64, ports: &mut dyn Ports) -> bool {
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

    /// What was recorded of a file cannot be read: better unknown, and looked at again, than taken for new.
    fn leave_unread(&mut self, file: &FileId) -> bool {
        self.unread.insert(file.clone());
        false
    }

    /// A file holds something else than before.
    fn changed(&mut self, file: &FileId, mut found: Observation, observed: Observed, now: u64, ports: &mut dyn Ports) {
        let passed = found.git.take_if(|git| git.what == GitSource::Passed);
        let after = text_of(&found.content);
        let after_text = after.as_ref().map(|after| Digest::new(after.digest()));
        let (failed, _) = ports.failed_reads();
        let source = found.from.as_ref().map(|path| FileId { worktree: file.worktree.clone(), path: path.clone() });
        let seen = self.seen_before(file, source.as_ref(), after.as_ref(), found.git.is_some(), ports);
        if ports.failed_reads().0 > failed {
            // Who owned this content cannot be read: the change is judged when it is seen again.
            return;
        }
        let lineage = source.as_ref().filter(|source| matches!(self.ledger.disk.get(*source), Some(Some(_))));
        let before_file = lineage.unwrap_or(file).clone();
        let mut before_bytes = self.ledger.disk.get(&before_file).and_then(Option::as_ref).map(|on_disk| on_disk.bytes);
        let to = self.moment(found.at_ms);
        let on_disk = self.ledger.disk.get(&before_file).and_then(Option::as_ref);
        let is_gits = on_disk.is_some_and(|on_disk| on_disk.blob.is_some());
        let known = on_disk.map_or_else(|| self.known_absent(&before_file), |on_disk| on_disk.seen);
        // The kernel's time of a write is a tick early, and never late.
        let written = found.written.map(|written| Moment::earliest(written.at_ns / 1_000_000));
        let mut from = known.max(written.unwrap_or_default()).min(to);
        let mut before = on_disk.map(|on_disk| on_disk.known.clone());
        // Git's explanation may have the text that is gone from the index: nobody needs to ask git for it.
        if let (Some(before), Some(git)) = (&mut before, found.git.as_ref().or(passed.as_ref())) {
            give_text(before, git);
        }
        let mut before = before.map(|known| self.ledger.with_text(ports, &before_file, known));
        // What git could give back was not stored: the next hub would not know that all of it is older than codi2.
        let unstored = before.as_ref().filter(|known| is_gits && self.ledger.is_all_older(&known.owners));
        let unstored = unstored.map(|known| self.owners_row(&before_file, known));
        let renamed = before_file != *file;
        let scanned = self.worktree(&file.worktree).is_some_and(|worktree| worktree.scanned);
        if renamed {
            self.ledger.gone(&before_file, scanned);
            self.open.rename(&before_file, file);
            for parted in self.kept.values_mut().filter_map(|kept| kept.parted.as_mut()) {
                if parted.file == before_file {
                    parted.file.clone_from(file);
                }
            }
            if let Some(known) = &before {
                self.ledger.remember(file, known.digest, &known.owners);
            }
        }
        let was_there = before_bytes.is_some();
        if before.as_ref().is_none_or(|before| before.owners.is_empty())
            && after.as_ref().is_some_and(|after| !after.is_empty())
        {
            let left = self.emptied(file, before_bytes, &found);
            let left = left.or_else(|| self.moved_with_git(file, &found, now, ports));
            if let Some(kept) = left.and_then(|event| self.kept.get(&event)) {
                // One change with the one that took it away, and what stands there again is not new.
                (before, before_bytes, from) = (kept.before.clone(), kept.before_bytes, kept.from);
            }
        }
        let passed = passed.and_then(|git| self.passed(file, &git, before.as_ref(), after.as_ref(), ports));
        let after_bytes = found.content.digest();
        self.kept_number += 1;
        let mut kept = Kept {
            before,
            before_bytes,
            after,
            after_text,
            after_bytes,
            from,
            to,
            observed,
            written: found.written,
            git: found.git,
            passed,
            seen,
            given: OwnerTree::from_spans([]).into(),
            parted: None,
            unsaved: Vec::new(),
            number: self.kept_number,
        };
        kept.unsaved = self.unsaved(file, &kept);
        let saver = |text: Digest| self.saver(file, text, kept.number, now).or_else(|| self.about_to_save(file, text));
        let saved_by = after_text.and_then(saver);
        let mut beside = self.beside(file);
        beside.goes_on(kept.transition());
        let ruling = self.rule(file, &kept, &beside, saved_by.is_some());
        let saved_by = saved_by.filter(|_| matches!(ruling, DiskRuling::Echo { .. }));
        kept.parted = Parted::of(file, &kept, &ruling, self.ledger.secret());
        self.take_moved(&mut kept, None);
        let id = EventId::new();
        let Applied { owners, change, actor } = self.apply_ruling(file, &kept, &ruling, id, saved_by, ports);
        kept.given = owners.clone().into();

        let operation = match after_bytes {
            None => DiskOperation::Delete,
            _ if renamed => DiskOperation::Rename,
            _ if was_there => DiskOperation::Modify,
            _ => DiskOperation::Create,
        };
        let size = found.content.size();
        let body = match (saved_by, after_bytes) {
            (Some(_), Some(digest)) => EventBody::Saved { digest },
            _ => EventBody::Disk {
                operation,
                from: renamed.then(|| before_file.path.clone()),
                size,
                change: change.build(before_bytes, after_bytes),
            },
        };
        let event = Event {
            id,
            session: saved_by,
            file: Some(file.path.clone()),
            occurred_ms: found.at_ms,
            ..self.own_event(now, Some(file.worktree.clone()), actor, body)
        };
        let mut rows: Vec<Row> = unstored.into_iter().collect();
        if renamed {
            rows.push(Row::Disk(self.host, before_file, None));
        }
        match after_bytes {
            None => {
                self.ledger.gone(file, scanned);
                rows.push(Row::Disk(self.host, file.clone(), None));
            }
            Some(bytes) => {
                let text_digest = after_text.unwrap_or(bytes);
                let content = kept.after.clone().map_or(Content::Forgotten, Content::Text);
                let known = Known { digest: text_digest, owners, content };
                let on_disk = DiskFile { bytes, size, known, blob: found.blob, seen: to };
                rows.extend(self.rows(file, &on_disk));
                self.ledger.settle(file, on_disk);
            }
        }
        let change = OpenChange { event: id, before: before_bytes, after: after_bytes, from, to, observed, ruling };
        self.open.note(file, change, now);
        self.kept.insert(id, kept);
        self.forget_kept();
        self.effects.push(Effect::Commit(Entry { events: vec![event], rows, ..Entry::default() }));
        self.follow_moved(id, now, ports);
    }

    /// The owners that a content had before this change, and where: at the path that the file had before, at its own, or
    /// anywhere else if git wrote it or it is too long to be written twice.
    fn seen_before(
        &mut self,
        file: &FileId,
        source: Option<&FileId>,
        text: Option<&Text>,
        by_git: bool,
        ports: &dyn Ports,
    ) -> Option<(Seen, OwnerTree<OwnerRef>)> {
        let text = text?;
        let digest = Digest::new(text.digest());
        let there = source.and_then(|source| self.ledger.owners_at(ports, source, digest));
        let here = there.or_else(|| self.ledger.owners_of(ports, file, digest));
        if let Some(owners) = here.filter(|owners| owners.len() == text.len_bytes()) {
            return Some((Seen::Here, owners));
        }
        if by_git || text.len_bytes() >= COPIED_BYTES {
            return self.ledger.known_otherwise(ports, file, text);
        }
        None
    }

    /// When the hub last knew that a file was not there: when it went, or when everything was looked at.
    fn known_absent(&self, file: &FileId) -> Moment {
        let went = self.open.on(file).rev().find(|change| change.after.is_none()).map(|change| change.to);
        let looked = self.worktrees.get(&file.worktree).map(|worktree| worktree.looked_at);
        went.max(looked).unwrap_or_default()
    }

    /// The rows that keep a file's state and its owners.
    pub(super) fn rows(&mut self, file: &FileId, on_disk: &DiskFile) -> Vec<Row> {
        let mut rows = self.part(file, &on_disk.known);
        rows.push(Row::Disk(self.host, file.clone(), Some(self.ledger.disk_row(on_disk))));
        rows.push(self.owners_row(file, &on_disk.known));
        rows
    }

    /// The row that keeps who owns a content of a file.
    fn owners_row(&self, file: &FileId, known: &Known) -> Row {
        Row::Owners {
            repository: self.ledger.shared(file.worktree.repository),
            path: file.path.clone(),
            digest: known.digest,
            owners: self.ledger.book.store(&known.owners),
        }
    }

    /// The rows that keep the other history of a text which gets a second one: the copies of which nothing was stored, since
    /// git has them and nobody is known, would have this one for the next hub.
    fn part(&mut self, file: &FileId, known: &Known) -> Vec<Row> {
        let others = self.ledger.part(file, known);
        let known = |other: &FileId| Some(&self.ledger.disk.get(other)?.as_ref()?.known);
        others.iter().filter_map(|other| Some(self.owners_row(other, known(other)?))).collect()
    }
}

/// The index has moved on with the file: git's explanation has the text that it gave before.
pub(super) fn give_text(before: &mut Known, git: &GitExplanation) {
    let texts = || git.sources.iter().filter_map(|source| decode_text(source));
    if before.text().is_none()
        && let Some(text) = texts().find(|text| Digest::new(text.digest()) == before.digest)
    {
        before.content = Content::Text(text);
    }
}

/// The text of what was found, if it is text.
pub(super) fn text_of(content: &Found) -> Option<Text> {
    match content {
        Found::Bytes { bytes, .. } => decode_text(bytes),
        Found::Gone | Found::Large { .. } | Found::Binary { .. } => None,
    }
}

/// Bytes as text; none if they are not text.
pub(crate) fn decode_text(bytes: &[u8]) -> Option<Text> {
    let decoded = codi2_workspace::decode(bytes);
    (decoded.encoding != codi2_workspace::Encoding::Binary).then(|| Text::new(&decoded.text))
}
