//! Open buffers: base states, groups of edits, texts. Each buffer is a branch of its file until it is saved.

use codi2_attribution::{BufferFacts, Carried, GroupRuling, Ruling, Run, StateSeen, judge_group};
use codi2_protocol::{
    Actor, ActorKind, Class, Digest, Edit, EditGroup, Editor, Event, EventBody, EventId, Evidence, EvidenceKind,
    FileId, Notice, Owner, Range, SessionId, Shape, SourceKind, Verdict,
};
use codi2_text::{Limits, OwnerTree, Text, diff, line_ends};

use super::{Core, Effect, Entry, Origin};
use crate::book::OwnerRef;
use crate::changes::ChangeBuilder;
use crate::known::{Content, Known};
use crate::ledger::Branch;
use crate::ports::Ports;
use crate::rows::{BranchRow, Row};

/// A group with the numbers of its parts and, where they came, the inserted texts of its edits.
struct Whole {
    group: EditGroup,
    /// The number of each part, and how many edits it has.
    parts: Vec<(u64, usize)>,
    texts: Option<Vec<String>>,
}

impl Core {
    pub(super) fn opened(&mut self, origin: Origin, file: FileId, digest: Digest, bytes: u64, ports: &mut dyn Ports) {
        self.know_session(origin, ports);
        if let Some(session) = origin.session {
            let known = self.ledger.branches.get(&(file.clone(), session)).map(|branch| branch.known.digest);
            if known != Some(digest) {
                let branch = self.branch_at(origin, &file, digest, Some(bytes), ports);
                self.put_branch(session, &file, branch);
            }
        }
        self.commit(origin, Vec::new(), Vec::new());
    }

    /// The editor says it saved. Where the watcher was faster, the change it saw is judged again.
    pub(super) fn saved(&mut self, origin: Origin, file: FileId, digest: Digest, ports: &mut dyn Ports) {
        self.know_session(origin, ports);
        let key = origin.session.map(|session| (file.clone(), session));
        if let Some(branch) = key.as_ref().and_then(|key| self.ledger.branches.get_mut(key))
            && branch.known.digest == digest
            && branch.loaded != Some(digest)
        {
            branch.saved = Some(digest);
            self.look(&file, origin.received_ms, ports);
            let on_disk = self.ledger.disk.get(&file).and_then(Option::as_ref).map(|on_disk| on_disk.known.digest);
            if on_disk == Some(digest) {
                self.judge_again(&file, origin.received_ms, ports);
                if let Some(branch) = key.and_then(|key| self.ledger.branches.get_mut(&key)) {
                    branch.saved = None;
                    branch.loaded = Some(digest);
                }
            }
        }
        self.commit(origin, Vec::new(), Vec::new());
    }

    pub(super) fn closed(&mut self, origin: Origin, file: FileId, _digest: Digest) {
        let mut rows = Vec::new();
        if let Some(session) = origin.session {
            self.ledger.branches.remove(&(file.clone(), session));
            rows.push(Row::Branch(session, file, None));
        }
        self.commit(origin, Vec::new(), rows);
    }

    /// A sealed group, or a part of one: the whole is judged when its last part is there.
    pub(super) fn edits(&mut self, origin: Origin, group: EditGroup, ports: &mut dyn Ports) {
        let waiting = &mut self.producers.entry(origin.producer).or_default().parts;
        if waiting.first().is_some_and(|(_, first)| first.group != group.group) {
            let parts = std::mem::take(waiting);
            self.judge_parts(origin, parts, ports);
        }
        let complete = group.part + 1 >= group.parts;
        let waiting = &mut self.producers.entry(origin.producer).or_default().parts;
        waiting.push((origin.seq, group));
        if complete {
            let parts = std::mem::take(waiting);
            self.judge_parts(origin, parts, ports);
        }
    }

    /// Judges what there is of a group whose remaining parts will not come.
    pub(super) fn flush_parts(&mut self, origin: Origin, ports: &mut dyn Ports) {
        let parts = self.producers.get_mut(&origin.producer).map(|p| std::mem::take(&mut p.parts)).unwrap_or_default();
        if !parts.is_empty() {
            self.judge_parts(origin, parts, ports);
        }
    }

    fn judge_parts(&mut self, origin: Origin, parts: Vec<(u64, EditGroup)>, ports: &mut dyn Ports) {
        let mut group = parts[0].1.clone();
        group.edits.clear();
        let mut texts = Some(Vec::new());
        let mut numbers = Vec::new();
        for (seq, part) in parts {
            let at = self.texts.iter().position(|(key, _)| *key == (part.group, part.part));
            let inserted = at.and_then(|at| self.texts.remove(at)).map(|(_, inserted)| inserted);
            texts = match (texts, inserted) {
                (Some(mut all), Some(inserted)) if inserted.len() == part.edits.len() => {
                    all.extend(inserted);
                    Some(all)
                }
                _ => None,
            };
            numbers.push((seq, part.edits.len()));
            group.last_ms = part.last_ms;
            group.edits.extend(part.edits);
        }
        self.judge(origin, Whole { group, parts: numbers, texts }, ports);
    }

    fn judge(&mut self, origin: Origin, whole: Whole, ports: &mut dyn Ports) {
        let Whole { group, parts, texts } = whole;
        let file = group.file.clone();
        self.know_session(origin, ports);
        if group.edits.iter().any(may_come_from_disk) {
            self.look(&file, origin.received_ms, ports);
        }
        let session = origin.session.unwrap_or_else(|| SessionId::from_uuid(origin.producer.uuid()));
        let mut branch = match self.ledger.branches.remove(&(file.clone(), session)) {
            Some(branch) if branch.known.digest == group.before => branch,
            _ => self.branch_at(origin, &file, group.before, None, ports),
        };
        let on_disk = self.ledger.disk.get(&file).and_then(Option::as_ref);
        let disk_owners =
            on_disk.filter(|on_disk| on_disk.known.digest == group.after).map(|on_disk| on_disk.known.owners.clone());
        let (state_seen, seen) = match disk_owners {
            Some(owners) => (Some(StateSeen::Disk), Some(owners)),
            None => match self.ledger.owners_of(ports, &file, group.after) {
                Some(owners) => (Some(StateSeen::EarlierState), Some(owners)),
                None => (None, None),
            },
        };
        let calls = self.calls.open_on(&file);
        let info = self.sessions.get(&session).map(|session| &session.info);
        let person = info.map_or_else(Actor::unknown, |info| info.actor.clone());
        let editor =
            info.map_or_else(|| Editor { name: "an editor".into(), version: None }, |info| info.editor.clone());
        let declares = group.edits.iter().any(|edit| edit.source.is_some());
        let facts = BufferFacts { person: &person, editor: &editor, declares, state_seen, calls: &calls };
        let ruling = judge_group(&group, &facts);

        let loaded = state_seen == Some(StateSeen::Disk) && matches!(ruling, GroupRuling::Restore { .. });
        let ids: Vec<EventId> = parts.iter().map(|_| EventId::new()).collect();
        let judged = match (ruling, seen) {
            (GroupRuling::Restore { class, evidence, .. }, Some(tree)) => {
                self.restore(&group, &mut branch.known, tree, class, &evidence, &person)
            }
            (GroupRuling::Restore { evidence, .. }, None) => {
                // Cannot happen: a restoring ruling needs a state that was seen. Unknown is the honest answer.
                let verdict = Verdict::new(Actor::unknown(), Class::Unknown, evidence.kind, evidence.detail);
                let run = |edit: &Edit| vec![Run { len: edit.inserted, ruling: Ruling::New(verdict.clone()) }];
                let rulings = group.edits.iter().map(run).collect();
                self.apply(&group, &mut branch.known, rulings, texts.as_deref(), ids[0], ports)
            }
            (GroupRuling::Edits(rulings), _) => {
                self.apply(&group, &mut branch.known, rulings, texts.as_deref(), ids[0], ports)
            }
        };
        if loaded {
            branch.loaded = Some(group.after);
        }
        self.follow_text(&mut branch, &group, texts.as_deref());
        self.ledger.remember(&file, group.after, &branch.known.owners);
        self.commit_group(origin, &group, &parts, &ids, judged, session, &branch);
        self.put_branch(session, &file, branch);
    }

    /// Writes the parts of a judged group, each as an event of its own.
    #[allow(clippy::too_many_arguments)]
    fn commit_group(
        &mut self,
        origin: Origin,
        group: &EditGroup,
        parts: &[(u64, usize)],
        ids: &[EventId],
        judged: Vec<Vec<(Range, Verdict)>>,
        session: SessionId,
        branch: &Branch,
    ) {
        let mut judged = judged.into_iter();
        let mut all = ChangeBuilder::default();
        for (number, ((seq, edits), id)) in parts.iter().zip(ids).enumerate() {
            let mut change = ChangeBuilder::default();
            for (range, verdict) in judged.by_ref().take(*edits).flatten() {
                all.push(range.clone(), &verdict);
                change.push(range, &verdict);
            }
            let actor = change.actor().unwrap_or_else(|| self.actor_of(Some(session)));
            let body = EventBody::Edit {
                group: group.group,
                part: u32::try_from(number).unwrap_or(u32::MAX),
                parts: u32::try_from(parts.len()).unwrap_or(u32::MAX),
                change: change.build(Some(group.before), Some(group.after)),
            };
            let origin = Origin { seq: *seq, occurred_ms: group.first_ms, ..origin };
            let event = Event { id: *id, ..origin.file_event(&group.file, actor, body) };
            let mut entry = Entry { events: vec![event], ..Entry::default() };
            if number + 1 == parts.len() {
                let row = BranchRow { digest: group.after, owners: self.ledger.book.store(&branch.known.owners) };
                entry.rows.push(Row::Branch(session, group.file.clone(), Some(row)));
                entry.then.push((origin.producer, Notice::Judged { group: group.group, verdict: all.uniform() }));
            }
            self.acknowledge(entry, origin.producer, *seq);
        }
    }

    /// Puts a known tree in the place of the old one, and tells who owns what each edit brought.
    fn restore(
        &mut self,
        group: &EditGroup,
        known: &mut Known,
        tree: OwnerTree<OwnerRef>,
        class: Class,
        evidence: &Evidence,
        person: &Actor,
    ) -> Vec<Vec<(Range, Verdict)>> {
        // Where the bytes of each edit ended up: later edits may have moved or removed them.
        let mut marks = OwnerTree::new(known.owners.len(), 0_u32);
        for (number, edit) in group.edits.iter().enumerate() {
            let mark = u32::try_from(number + 1).unwrap_or(u32::MAX);
            let deleted = known.owners.splice(edit.at as usize, edit.deleted as usize, &[(edit.inserted as usize, 0)]);
            self.ledger.remember_deleted(group.group, mark - 1, deleted);
            marks.splice(edit.at as usize, edit.deleted as usize, &[(edit.inserted as usize, mark)]);
        }
        let mut owners: Vec<Option<(usize, OwnerRef)>> = vec![None; group.edits.len() + 1];
        let mut at = 0;
        for (len, mark) in marks.iter() {
            if mark > 0 {
                let largest = tree.spans(at..at + len).into_iter().max_by_key(|(len, _)| *len);
                owners[mark as usize] = owners[mark as usize].max(largest);
            }
            at += len;
        }
        known.owners = tree;
        let undo = evidence.kind == EvidenceKind::Undo;
        let verdict = |owner: Option<(usize, OwnerRef)>| match owner {
            Some((_, owner)) => {
                let mut verdict = self.ledger.book.owner(owner).verdict.clone();
                verdict.class = verdict.class.max(class);
                verdict.evidence.insert(0, evidence.clone());
                verdict.modifier = undo.then(|| person.clone()).or(verdict.modifier);
                verdict
            }
            None => {
                Verdict { evidence: vec![evidence.clone()], ..Verdict::new(person.clone(), class, evidence.kind, "") }
            }
        };
        let ranges = group.edits.iter().zip(&owners[1..]);
        ranges.map(|(edit, owner)| vec![(range_of(edit), verdict(*owner))]).collect()
    }

    /// Applies ruled edits to the owners.
    fn apply(
        &mut self,
        group: &EditGroup,
        known: &mut Known,
        rulings: Vec<Vec<Run>>,
        texts: Option<&[String]>,
        event: EventId,
        ports: &mut dyn Ports,
    ) -> Vec<Vec<(Range, Verdict)>> {
        let before = known.owners.clone();
        let mut judged = Vec::with_capacity(group.edits.len());
        for (number, (edit, runs)) in group.edits.iter().zip(rulings).enumerate() {
            let text = texts.and_then(|texts| texts.get(number)).map(String::as_str);
            let pieces = self.pieces(group, &before, runs, event, ports);
            let spans: Vec<(usize, OwnerRef)> = pieces.iter().map(|(len, owner)| (*len, *owner)).collect();
            let deleted = known.owners.splice(edit.at as usize, edit.deleted as usize, &spans);
            self.ledger.remember_deleted(group.group, u32::try_from(number).unwrap_or(u32::MAX), deleted);
            judged.push(self.split(edit, &pieces, text));
        }
        judged
    }

    /// The owners that ruled runs lead to. An edit that inserts nothing has one piece of length 0: who deleted.
    fn pieces(
        &mut self,
        group: &EditGroup,
        before: &OwnerTree<OwnerRef>,
        runs: Vec<Run>,
        event: EventId,
        ports: &mut dyn Ports,
    ) -> Vec<(usize, OwnerRef)> {
        let fresh = |verdict| Owner { verdict, at_ms: Some(group.last_ms), event: Some(event) };
        let mut pieces: Vec<(usize, Option<OwnerRef>)> = Vec::new();
        for Run { len, ruling } in runs {
            let len = len as usize;
            let carried = match &ruling {
                Ruling::New(_) => None,
                Ruling::Carry { from: Carried::Beside, .. } => {
                    pieces.push((len, None));
                    continue;
                }
                Ruling::Carry { from: Carried::Tombstone { group, edit, from }, .. } => {
                    self.ledger.deleted(*group, *edit, *from as usize, len)
                }
                Ruling::Carry { from: Carried::Copy { file, digest, from }, .. } => {
                    let from = *from as usize;
                    let tree = match file {
                        None if *digest == group.before => Some(before.clone()),
                        _ => self.ledger.owners_of(ports, file.as_ref().unwrap_or(&group.file), *digest),
                    };
                    tree.map(|tree| tree.spans(from..from + len))
                        .filter(|runs| runs.iter().map(|run| run.0).sum::<usize>() == len)
                }
            };
            match carried {
                None => {
                    let owner = self.ledger.book.enter(fresh(ruling.verdict(None)));
                    pieces.push((len, Some(owner)));
                }
                Some(runs) => {
                    for (len, owner) in runs {
                        let known = self.ledger.book.owner(owner).clone();
                        let verdict = ruling.verdict(Some(&known.verdict));
                        let owner = self.ledger.book.enter(Owner { verdict, ..known });
                        pieces.push((len, Some(owner)));
                    }
                }
            }
        }
        // White space takes the owner beside it.
        for at in 0..pieces.len() {
            if pieces[at].1.is_none() {
                let beside = pieces[..at].iter().rev().chain(&pieces[at..]).find_map(|(_, owner)| *owner);
                pieces[at].1 = beside;
            }
        }
        let nobody = Verdict::new(Actor::unknown(), Class::Unknown, EvidenceKind::Format, "white space");
        let pieces: Vec<_> = pieces
            .into_iter()
            .map(|(len, owner)| (len, owner.unwrap_or_else(|| self.ledger.book.enter(fresh(nobody.clone())))))
            .collect();
        pieces
    }

    /// The ranges of one edit, one for each piece.
    fn split(&self, edit: &Edit, pieces: &[(usize, OwnerRef)], text: Option<&str>) -> Vec<(Range, Verdict)> {
        let mut ranges = Vec::new();
        let (mut done, mut lines_done) = (0, 0);
        for (number, (len, owner)) in pieces.iter().enumerate() {
            let verdict = self.ledger.book.owner(*owner).verdict.clone();
            let last = number + 1 == pieces.len();
            let piece = text.and_then(|text| text.get(done..done + len)).map(|piece| line_ends(piece) as u64);
            let lines = if last { edit.lines_inserted.saturating_sub(lines_done) } else { piece.unwrap_or(0) };
            let first = number == 0;
            let range = Range {
                at: edit.at + done as u64,
                deleted: if first { edit.deleted } else { 0 },
                inserted: *len as u64,
                line: edit.line + lines_done,
                lines_deleted: if first { edit.lines_deleted } else { 0 },
                lines_inserted: lines,
                verdict: 0,
            };
            done += len;
            lines_done += lines;
            ranges.push((range, verdict));
        }
        ranges
    }

    /// Keeps the buffer's text in step, or asks for it once.
    fn follow_text(&mut self, branch: &mut Branch, group: &EditGroup, texts: Option<&[String]>) {
        branch.known.digest = group.after;
        let content = std::mem::replace(&mut branch.known.content, Content::Forgotten);
        if let (Content::Text(mut text), Some(texts)) = (content, texts) {
            for (edit, inserted) in group.edits.iter().zip(texts) {
                let at = edit.at as usize;
                text.replace(at..at + edit.deleted as usize, inserted);
            }
            if Digest::new(text.digest()) == group.after && text.len_bytes() == branch.known.owners.len() {
                branch.known.content = Content::Text(text);
                branch.adrift = false;
            }
        }
    }

    fn put_branch(&mut self, session: SessionId, file: &FileId, mut branch: Branch) {
        if branch.known.text().is_none() && !branch.asked {
            branch.asked = true;
            let notice = Notice::WantText { session, file: file.clone() };
            self.effects.push(Effect::Notify(branch.producer, notice));
        }
        self.ledger.branches.insert((file.clone(), session), branch);
    }

    /// A buffer's state with this digest, from wherever it is known.
    fn branch_at(
        &mut self,
        origin: Origin,
        file: &FileId,
        digest: Digest,
        bytes: Option<u64>,
        ports: &mut dyn Ports,
    ) -> Branch {
        let branch = |known, adrift| Branch {
            producer: origin.producer,
            known,
            adrift,
            asked: false,
            saved: None,
            loaded: None,
        };
        if let Some(row) = origin.session.and_then(|session| ports.branch_row(session, file))
            && row.digest == digest
        {
            let owners = self.ledger.load(ports, row.owners);
            return branch(Known { digest, owners, content: Content::Forgotten }, false);
        }
        self.look(file, origin.received_ms, ports);
        if let Some(known) = self.ledger.on_disk(ports, file)
            && known.digest == digest
        {
            return Branch { loaded: Some(digest), ..branch(known, false) };
        }
        let other = self.ledger.branches_of(file).map(|(_, branch)| &branch.known);
        if let Some(known) = other.filter(|known| known.digest == digest).next().cloned() {
            return branch(known, false);
        }
        if let Some(owners) = self.ledger.owners_of(ports, file, digest) {
            return branch(Known { digest, owners, content: Content::Forgotten }, false);
        }
        // Never seen: an unsaved text from another day, or a gap. Its owners are found when the whole text is here.
        let len = usize::try_from(bytes.unwrap_or(0)).unwrap_or(0);
        let owners = self.ledger.uniform(len, not_observed());
        branch(Known { digest, owners, content: Content::Forgotten }, true)
    }

    /// The whole text of a buffer came because it was asked for.
    pub(super) fn whole_text(
        &mut self,
        session: SessionId,
        file: &FileId,
        digest: Digest,
        text: String,
        ports: &mut dyn Ports,
    ) {
        let text = Text::new(&text);
        if Digest::new(text.digest()) != digest {
            tracing::warn!(path = %file.path, "a buffer's text does not have its digest: not used");
            return;
        }
        let base = self.ledger.on_disk(ports, file);
        let unseen = self.ledger.book.enter(not_observed());
        let Some(branch) = self.ledger.branches.get_mut(&(file.clone(), session)) else { return };
        branch.asked = false;
        if branch.known.digest != digest {
            // A group was sealed meanwhile; it says again what is missing.
            return;
        }
        if branch.adrift || branch.known.owners.len() != text.len_bytes() {
            let (mut owners, edits) = match &base {
                Some(base) if base.text().is_some() => {
                    let old = base.text().cloned().unwrap_or_else(|| Text::new(""));
                    (base.owners.clone(), diff(&old, &text.to_string(), &Limits::default()))
                }
                _ => (OwnerTree::new(text.len_bytes(), unseen), Vec::new()),
            };
            owners.splice_all(&edits, unseen);
            branch.known.owners = owners;
            branch.adrift = false;
        }
        branch.known.content = Content::Text(text);
    }

    /// After a restart the sessions of living sidecars are known from the store.
    fn know_session(&mut self, origin: Origin, ports: &mut dyn Ports) {
        if let Some(session) = origin.session
            && !self.sessions.contains_key(&session)
            && let Some(info) = ports.session(session)
        {
            if let Some(root) = &info.root {
                // A root that is gone is said by the watch; the edits are kept either way.
                let _ = self.ensure_watched(std::path::Path::new(root), false, ports);
            }
            self.adopt(info, origin.producer, origin.received_ms);
        }
    }
}

/// Whether the file must be looked at before this edit is judged: it may be what somebody wrote to disk.
fn may_come_from_disk(edit: &Edit) -> bool {
    match edit.source.as_ref().map(|source| source.kind) {
        Some(SourceKind::Reload) => true,
        Some(_) => false,
        None => !matches!(edit.shape, Shape::Keystroke | Shape::Deletion),
    }
}

fn range_of(edit: &Edit) -> Range {
    Range {
        at: edit.at,
        deleted: edit.deleted,
        inserted: edit.inserted,
        line: edit.line,
        lines_deleted: edit.lines_deleted,
        lines_inserted: edit.lines_inserted,
        verdict: 0,
    }
}

/// The owner of text that came to be while nobody looked.
pub(super) fn not_observed() -> Owner {
    let actor = Actor::named(ActorKind::Unknown, "");
    let detail = "it was written while codi2 was not watching";
    Owner { verdict: Verdict::new(actor, Class::Unknown, EvidenceKind::NotObserved, detail), at_ms: None, event: None }
}
