//! Files on disk: what a watch saw, what a look found, and late evidence for both.
//!
//! [`Core::observe`] is the only way a file's state changes, whoever looked and why, so save, watcher, hook and git meet
//! by digest in any order. A change is judged once when it is seen and again when more is known about its file.

use std::collections::HashMap;

use codi2_attribution::{Change as OpenChange, DiskFacts, DiskRuling, GitFact, Observed, Rung, judge_disk};
use codi2_protocol::{
    Actor, ActorKind, Digest, DiskOperation, Event, EventBody, EventId, EvidenceKind, FileId, Owner, Range, SessionId,
    Verdict, WorktreeId,
};
use codi2_text::{OwnerTree, Text};
use codi2_workspace::{Cause, Content as Found, GitExplanation, Observation, WatchEvent};

use super::{Core, Effect, Entry};
use crate::book::OwnerRef;
use crate::changes::ChangeBuilder;
use crate::core::buffers::not_observed;
use crate::known::{Content, Hunk, Known};
use crate::ledger::{Branch, DiskFile};
use crate::ports::Ports;
use crate::rows::Row;

/// Changes whose texts are kept for late evidence, at most.
const KEPT_CHANGES: usize = 256;

/// A disk change with what is needed to judge it again.
#[derive(Debug)]
pub(super) struct Kept {
    before: Option<Known>,
    before_bytes: Option<Digest>,
    after: Option<Text>,
    after_bytes: Option<Digest>,
    from_ms: u64,
    to_ms: u64,
    observed: Observed,
    git: Option<GitExplanation>,
    seen_before: bool,
    number: u64,
}

/// A ruled change: the owners it leads to and the ranges to tell.
struct Applied {
    owners: OwnerTree<OwnerRef>,
    change: ChangeBuilder,
    actor: Actor,
    /// The buffer that the file echoes.
    saved_by: Option<SessionId>,
}

impl Core {
    /// A watch saw something.
    pub(super) fn watched(&mut self, id: &WorktreeId, event: WatchEvent, now: u64, ports: &mut dyn Ports) {
        let file = |path: &str| FileId { worktree: id.clone(), path: path.to_owned() };
        match event {
            WatchEvent::Scan(page) | WatchEvent::Observed(page) => {
                for observation in page {
                    self.observe(&file(&observation.path), observation, now, ports);
                }
            }
            WatchEvent::ScanDone { files } => {
                for path in ports.disk_paths(id) {
                    let file = file(&path);
                    if !self.ledger.disk.contains_key(&file) {
                        self.look(&file, now, ports);
                    }
                }
                self.scanned(id, files);
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
            }
            WatchEvent::State(state, detail) => {
                let Some(worktree) = self.worktree(id) else { return };
                let news = worktree.status.state != state || worktree.status.detail != detail;
                worktree.status.state = state;
                worktree.status.detail.clone_from(&detail);
                if news {
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
        if !self.ledger.disk.contains_key(file) && !self.first_sight(file, &found, now, ports) {
            return;
        }
        let digest = found.content.digest();
        if let Some(on_disk) = self.ledger.disk.get_mut(file) {
            if let Some(on_disk) = on_disk.as_mut().filter(|on_disk| Some(on_disk.bytes) == digest) {
                on_disk.clean = found.clean;
                on_disk.seen_ms = found.at_ms;
            }
            if on_disk.as_ref().map(|on_disk| on_disk.bytes) == digest {
                if let Some(git) = found.git {
                    self.late_git(file, digest, git, now, ports);
                }
                return;
            }
        }
        let observed = match found.cause {
            Cause::Rescan => Observed::Rescan,
            _ => Observed::Live,
        };
        self.changed(file, found, observed, now, ports);
    }

    /// The first observation of a file by this hub. True if it must still be judged as a change.
    fn first_sight(&mut self, file: &FileId, found: &Observation, now: u64, ports: &mut dyn Ports) -> bool {
        let (scanned, watched_before) = self
            .worktree(&file.worktree)
            .map_or((false, false), |worktree| (worktree.scanned, worktree.watched_before));
        if scanned {
            self.ledger.disk.insert(file.clone(), None);
            return true;
        }
        let Some(row) = ports.disk_row(file) else {
            let Some(digest) = found.content.digest() else {
                self.ledger.disk.insert(file.clone(), None);
                return false;
            };
            let text = text_of(&found.content);
            let (text_digest, len) =
                text.as_ref().map_or((digest, 0), |text| (Digest::new(text.digest()), text.len_bytes()));
            let baseline = if watched_before && !found.clean { not_observed() } else { Owner::before_codi2() };
            let owners = self.ledger.owners_of(ports, file, text_digest).filter(|owners| owners.len() == len);
            let owners = owners.unwrap_or_else(|| self.ledger.uniform(len, baseline));
            let content = match text {
                Some(text) if !found.clean => Content::Text(text),
                _ => Content::Forgotten,
            };
            let known = Known { digest: text_digest, owners, content };
            let on_disk =
                DiskFile { bytes: digest, size: found.content.size(), known, clean: found.clean, seen_ms: found.at_ms };
            let rows = if found.clean { Vec::new() } else { self.rows(file, &on_disk) };
            self.ledger.settle(file, on_disk);
            if !rows.is_empty() {
                self.effects.push(Effect::Commit(Entry { rows, ..Entry::default() }));
            }
            return false;
        };
        let len = row.lines.iter().map(|line| line.len as usize).sum();
        let owners = self.ledger.owners_of(ports, file, row.text);
        let owners = owners.unwrap_or_else(|| self.ledger.uniform(len, not_observed()));
        let same = found.content.digest() == Some(row.bytes);
        let content = match text_of(&found.content) {
            Some(text) if same => Content::Text(text),
            _ => Content::Lines(row.lines),
        };
        let known = Known { digest: row.text, owners, content };
        let on_disk = DiskFile { bytes: row.bytes, size: row.size, known, clean: false, seen_ms: 0 };
        self.ledger.settle(file, on_disk);
        if !same {
            self.changed(file, found.clone(), Observed::WhileAway, now, ports);
        }
        false
    }

    /// A file holds something else than before.
    fn changed(&mut self, file: &FileId, found: Observation, observed: Observed, now: u64, ports: &mut dyn Ports) {
        let source = found.from.as_ref().map(|path| FileId { worktree: file.worktree.clone(), path: path.clone() });
        let lineage = source.as_ref().filter(|source| matches!(self.ledger.disk.get(*source), Some(Some(_))));
        let before_file = lineage.unwrap_or(file).clone();
        let before_bytes = self.ledger.disk.get(&before_file).and_then(Option::as_ref).map(|on_disk| on_disk.bytes);
        let from_ms =
            self.ledger.disk.get(&before_file).and_then(Option::as_ref).map_or(found.at_ms, |on_disk| on_disk.seen_ms);
        let before = self.ledger.on_disk(ports, &before_file);
        let renamed = before_file != *file;
        if renamed {
            self.ledger.disk.insert(before_file.clone(), None);
            self.open.rename(&before_file, file);
            if let Some(known) = &before {
                self.ledger.remember(file, known.digest, &known.owners);
            }
        }
        let after = text_of(&found.content);
        let after_digest = after.as_ref().map(|after| Digest::new(after.digest()));
        let seen = after_digest.and_then(|digest| self.ledger.owners_of(ports, file, digest));
        let seen_before = seen.is_some_and(|tree| Some(tree.len()) == after.as_ref().map(Text::len_bytes));
        let after_bytes = found.content.digest();
        self.kept_number += 1;
        let kept = Kept {
            before,
            before_bytes,
            after,
            after_bytes,
            from_ms,
            to_ms: found.at_ms,
            observed,
            git: found.git,
            seen_before,
            number: self.kept_number,
        };
        let ruling = self.rule(file, &kept);
        let id = EventId::new();
        let applied = self.apply_ruling(file, &kept, &ruling, id, ports);
        let Applied { owners, change, actor, saved_by } = applied;

        let operation = match (before_bytes, after_bytes) {
            (_, None) => DiskOperation::Delete,
            _ if renamed => DiskOperation::Rename,
            (None, _) => DiskOperation::Create,
            _ => DiskOperation::Modify,
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
        let mut rows = Vec::new();
        if renamed {
            rows.push(Row::Disk(before_file, None));
        }
        match after_bytes {
            None => {
                self.ledger.disk.insert(file.clone(), None);
                rows.push(Row::Disk(file.clone(), None));
            }
            Some(bytes) => {
                let text_digest = after_digest.unwrap_or(bytes);
                let content = kept.after.clone().map_or(Content::Forgotten, Content::Text);
                let known = Known { digest: text_digest, owners, content };
                let on_disk = DiskFile { bytes, size, known, clean: found.clean, seen_ms: found.at_ms };
                rows.extend(self.rows(file, &on_disk));
                self.ledger.settle(file, on_disk);
            }
        }
        let change = OpenChange {
            event: id,
            before: before_bytes,
            after: after_bytes,
            from_ms,
            to_ms: found.at_ms,
            observed,
            ruling,
        };
        self.open.note(file, change, now);
        self.kept.insert(id, kept);
        self.forget_kept();
        self.effects.push(Effect::Commit(Entry { events: vec![event], rows, ..Entry::default() }));
    }

    /// Git needed longer than the watch could wait: its explanation comes for a change that was judged without it.
    fn late_git(&mut self, file: &FileId, after: Option<Digest>, git: GitExplanation, now: u64, ports: &mut dyn Ports) {
        let Some(event) = self.open.ended_in(file, after).map(|change| change.event) else { return };
        if let Some(kept) = self.kept.get_mut(&event) {
            kept.git = Some(git);
            self.judge_again(file, now, ports);
        }
    }

    /// Judges the recent changes of a file again, with all that is known now.
    pub(super) fn judge_again(&mut self, file: &FileId, now: u64, ports: &mut dyn Ports) {
        let open: Vec<OpenChange> = self.open.on(file).cloned().collect();
        for change in open {
            let Some(kept) = self.kept.remove(&change.event) else { continue };
            let ruling = self.rule(file, &kept);
            if ruling.supersedes(&change.ruling) {
                self.upgrade(file, &change, &kept, ruling, now, ports);
            }
            self.kept.insert(change.event, kept);
        }
    }

    /// Writes the better ruling of an earlier change as an event of its own, and gives its text the new owners.
    fn upgrade(
        &mut self,
        file: &FileId,
        change: &OpenChange,
        kept: &Kept,
        ruling: DiskRuling,
        now: u64,
        ports: &mut dyn Ports,
    ) {
        let Applied { owners, change: better, actor, saved_by } =
            self.apply_ruling(file, kept, &ruling, change.event, ports);
        let mut rows = Vec::new();
        if let DiskRuling::All(verdict) = &ruling {
            let owner = Owner { verdict: verdict.clone(), at_ms: Some(kept.to_ms), event: Some(change.event) };
            self.ledger.book.amend(change.event, &owner);
            rows.push(Row::Upgrade(change.event, owner));
        }
        let current = self.ledger.disk.get(file).and_then(Option::as_ref);
        if let Some(mut on_disk) = current.filter(|on_disk| Some(on_disk.bytes) == kept.after_bytes).cloned() {
            on_disk.known.owners = owners;
            rows.extend(self.rows(file, &on_disk));
            self.ledger.settle(file, on_disk);
        } else if let Some(text) = &kept.after {
            self.ledger.remember(file, Digest::new(text.digest()), &owners);
        }
        self.open.rule(file, change.event, ruling);
        let body = EventBody::Upgrade { of: change.event, change: better.build(kept.before_bytes, kept.after_bytes) };
        let event = Event {
            session: saved_by,
            file: Some(file.path.clone()),
            ..self.own_event(now, Some(file.worktree.clone()), actor, body)
        };
        self.effects.push(Effect::Commit(Entry { events: vec![event], rows, ..Entry::default() }));
    }

    fn rule(&self, file: &FileId, kept: &Kept) -> DiskRuling {
        let after_digest = kept.after.as_ref().map(|text| Digest::new(text.digest()));
        let saved = after_digest.is_some() && self.saver(file, after_digest).is_some();
        let git = kept
            .git
            .as_ref()
            .map(|git| GitFact { operation: git.operation.clone(), what: git.what.as_str().to_owned() });
        let texts = |digest: Digest| {
            if Some(digest) == kept.before_bytes {
                kept.before.as_ref().and_then(Known::text).cloned()
            } else if Some(digest) == kept.after_bytes {
                kept.after.clone()
            } else {
                let after = |other: &&Kept| other.after_bytes == Some(digest) && other.after.is_some();
                let changes = self.open.on(file).filter_map(|change| self.kept.get(&change.event));
                changes.filter(after).find_map(|other| other.after.clone())
            }
        };
        let mut transitions = self.open.transitions(file);
        transitions.push(codi2_attribution::Transition {
            before: kept.before_bytes,
            after: kept.after_bytes,
            from_ms: kept.from_ms,
            to_ms: kept.to_ms,
        });
        transitions.dedup();
        let (intents, calls) = (self.calls.intents(file), self.calls.open_on(file));
        judge_disk(&DiskFacts {
            before: kept.before_bytes,
            after: kept.after_bytes,
            from_ms: kept.from_ms,
            to_ms: kept.to_ms,
            observed: kept.observed,
            saved,
            git: git.as_ref(),
            seen_before: kept.seen_before,
            intents: &intents,
            calls: &calls,
            transitions: &transitions,
            texts: &texts,
        })
    }

    /// The buffer that was saved with this text.
    fn saver(&self, file: &FileId, text: Option<Digest>) -> Option<SessionId> {
        let saved = |(_, branch): &(SessionId, &Branch)| branch.saved.is_some() && branch.saved == text;
        self.ledger.branches_of(file).find(saved).map(|(session, _)| session)
    }

    /// Carries the owners of `before` through the change and gives what is new its owner.
    fn apply_ruling(
        &mut self,
        file: &FileId,
        kept: &Kept,
        ruling: &DiskRuling,
        event: EventId,
        ports: &mut dyn Ports,
    ) -> Applied {
        let empty = Text::new("");
        let after = kept.after.as_ref().unwrap_or(&empty);
        let nothing = || Known {
            digest: Digest::new(empty.digest()),
            owners: OwnerTree::from_spans([]),
            content: Content::Text(Text::new("")),
        };
        let before = kept.before.clone().unwrap_or_else(nothing);
        let hunks = before.hunks_to(after, self.ledger.secret());
        let digest = Digest::new(after.digest());
        let fresh = |verdict: &Verdict| Owner { verdict: verdict.clone(), at_ms: Some(kept.to_ms), event: Some(event) };
        let mut owners = before.owners.clone();
        let splice = |owners: &mut OwnerTree<OwnerRef>, hunk: &Hunk, runs: &[(usize, OwnerRef)]| {
            owners.splice(hunk.at, hunk.deleted, runs);
        };
        let mut change = ChangeBuilder::default();
        let mut actor = None;
        let mut saved_by = None;
        // What the event says of a piece of a hunk; by default what its owner says.
        let mut reason = None;
        let deleter: Verdict;
        match ruling {
            DiskRuling::Echo { unexplained } => {
                saved_by = self.saver(file, Some(digest));
                let session = saved_by.and_then(|session| self.ledger.branches.get_mut(&(file.clone(), session)));
                let tree = session.map(|branch| {
                    branch.saved = None;
                    branch.known.owners.clone()
                });
                owners = tree.filter(|tree| tree.len() == after.len_bytes()).unwrap_or(owners);
                if let Some(verdict) = unexplained {
                    let owner = self.ledger.book.enter(fresh(verdict));
                    let book = &self.ledger.book;
                    let open = |known: OwnerRef| Rung::of(&book.owner(known).verdict).is_open();
                    for hunk in &hunks {
                        owners.recolour(hunk.new_bytes(), |known| if open(known) { owner } else { known });
                    }
                }
                let saver = self.actor_of(saved_by);
                deleter =
                    Verdict::new(saver.clone(), codi2_protocol::Class::Declared, EvidenceKind::EditorDeclared, "saved");
                actor = Some(saver);
            }
            DiskRuling::CarryAll { evidence, fresh: unseen } => {
                let known = self.ledger.owners_of(ports, file, digest);
                match known.filter(|tree| kept.seen_before && tree.len() == after.len_bytes()) {
                    Some(tree) => owners = tree,
                    None => {
                        let lines = self.source_lines(file, kept.git.as_ref(), ports);
                        let unseen = self.ledger.book.enter(fresh(unseen));
                        for hunk in &hunks {
                            let runs = carried_lines(after, hunk, &lines, unseen);
                            splice(&mut owners, hunk, &runs);
                        }
                    }
                }
                if evidence.kind == EvidenceKind::Git {
                    actor = Some(unseen.origin.clone());
                }
                reason = Some(evidence.clone());
                deleter = unseen.clone();
            }
            DiskRuling::All(verdict) => {
                let owner = self.ledger.book.enter(fresh(verdict));
                for hunk in &hunks {
                    splice(&mut owners, hunk, &[(hunk.inserted, owner)]);
                }
                deleter = verdict.clone();
            }
            DiskRuling::Parts { claimed, rest } => {
                let rest_owner = self.ledger.book.enter(fresh(rest));
                let claims: Vec<_> = claimed
                    .iter()
                    .map(|(range, verdict)| (range.clone(), self.ledger.book.enter(fresh(verdict))))
                    .collect();
                for hunk in &hunks {
                    let mut runs = Vec::new();
                    let mut at = hunk.at;
                    let end = hunk.at + hunk.inserted;
                    for (range, owner) in &claims {
                        let (from, to) = ((range.start as usize).max(at), (range.end as usize).min(end));
                        if from < to {
                            runs.extend([(from - at, rest_owner), (to - from, *owner)]);
                            at = to;
                        }
                    }
                    runs.push((end - at, rest_owner));
                    splice(&mut owners, hunk, &runs);
                }
                deleter = rest.clone();
            }
        }
        if owners.len() != after.len_bytes() {
            // The owners of `before` were not those of its text: what is new is kept, the rest is nobody's.
            let nobody = self.ledger.book.enter(not_observed());
            owners = OwnerTree::new(after.len_bytes(), nobody);
        }
        for hunk in &hunks {
            self.tell(&mut change, hunk, after, &owners, reason.as_ref(), &deleter);
        }
        if change.is_empty() {
            change.verdict(&deleter);
        }
        let actor = actor.or_else(|| change.actor()).unwrap_or_else(|| deleter.origin.clone());
        Applied { owners, change, actor, saved_by }
    }

    /// Tells the pieces of a hunk.
    fn tell(
        &self,
        change: &mut ChangeBuilder,
        hunk: &Hunk,
        after: &Text,
        owners: &OwnerTree<OwnerRef>,
        reason: Option<&codi2_protocol::Evidence>,
        deleter: &Verdict,
    ) {
        let mut range = Range {
            at: hunk.at as u64,
            deleted: hunk.deleted as u64,
            inserted: 0,
            line: after.line_of(hunk.at) as u64 + 1,
            lines_deleted: hunk.lines_deleted as u64,
            lines_inserted: 0,
            verdict: 0,
        };
        if hunk.inserted == 0 {
            return change.push(range, deleter);
        }
        let mut at = hunk.at;
        for (len, owner) in owners.spans(hunk.new_bytes()) {
            let mut verdict = self.ledger.book.owner(owner).verdict.clone();
            if let Some(reason) = reason.filter(|reason| verdict.evidence.first() != Some(*reason)) {
                verdict.evidence.insert(0, reason.clone());
            }
            range.at = at as u64;
            range.inserted = len as u64;
            range.line = after.line_of(at) as u64 + 1;
            range.lines_inserted = after.lines_in(at..at + len) as u64;
            change.push(range.clone(), &verdict);
            at += len;
            (range.deleted, range.lines_deleted) = (0, 0);
        }
    }

    /// The lines of the texts that git may have taken a content from, with their owners.
    fn source_lines(
        &mut self,
        file: &FileId,
        git: Option<&GitExplanation>,
        ports: &mut dyn Ports,
    ) -> HashMap<String, Vec<(usize, OwnerRef)>> {
        let mut lines = HashMap::new();
        for source in git.iter().flat_map(|git| &git.sources) {
            let Some(text) = decode_text(source) else { continue };
            let Some(owners) = self.ledger.owners_of(ports, file, Digest::new(text.digest())) else { continue };
            let mut at = 0;
            for len in text.line_lengths() {
                let line = text.slice(at..at + len).trim_end_matches(['\n', '\r']).to_owned();
                if !line.trim().is_empty() {
                    lines.entry(line).or_insert_with(|| owners.spans(at..at + len));
                }
                at += len;
            }
        }
        lines
    }

    /// The rows that keep a file's state and its owners.
    fn rows(&self, file: &FileId, on_disk: &DiskFile) -> Vec<Row> {
        vec![
            Row::Disk(file.clone(), Some(self.ledger.disk_row(on_disk))),
            Row::Owners {
                repository: file.worktree.repository,
                path: file.path.clone(),
                digest: on_disk.known.digest,
                owners: self.ledger.book.store(&on_disk.known.owners),
            },
        ]
    }

    /// Forgets what no late fact can change any more.
    pub(super) fn expire(&mut self, now: u64) {
        self.calls.expire(now);
        self.open.expire(now);
        self.kept.retain(|_, kept| now < kept.to_ms.saturating_add(codi2_attribution::OPEN_MS));
    }

    fn forget_kept(&mut self) {
        while self.kept.len() > KEPT_CHANGES
            && let Some(oldest) = self.kept.iter().min_by_key(|(_, kept)| kept.number).map(|(id, _)| *id)
        {
            self.kept.remove(&oldest);
        }
    }
}

/// The owners of a hunk's lines, where git's other texts have them.
fn carried_lines(
    after: &Text,
    hunk: &Hunk,
    lines: &HashMap<String, Vec<(usize, OwnerRef)>>,
    unseen: OwnerRef,
) -> Vec<(usize, OwnerRef)> {
    let end = hunk.at + hunk.inserted;
    let mut at = hunk.at;
    let mut runs = Vec::new();
    while at < end {
        let number = after.line_of(at);
        let start = after.line_start(number);
        let next = after.line_start(number + 1).max(at + 1).min(end);
        let content = after.slice(after.line_content(number));
        let known = lines.get(content.as_ref()).filter(|_| !content.trim().is_empty());
        match known {
            Some(owners) => {
                // The hunk may begin or end inside the line.
                let part = OwnerTree::from_spans(owners.iter().copied()).spans(at - start..next - start);
                let found: usize = part.iter().map(|(len, _)| len).sum();
                let last = part.last().map_or(unseen, |(_, owner)| *owner);
                runs.extend(part);
                runs.push((next - at - found, last));
            }
            None => runs.push((next - at, unseen)),
        }
        at = next;
    }
    runs
}

/// The text of what was found, if it is text.
fn text_of(content: &Found) -> Option<Text> {
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
