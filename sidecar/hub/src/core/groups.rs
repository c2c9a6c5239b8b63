//! Groups of edits: judged as a whole, applied to the owners, written.

use codi2_attribution::{
    BufferFacts, Carried, GroupRuling, RestoreKind, Ruling, Run, StateSeen, judge_group, may_follow, may_restore,
};
use codi2_protocol::{
    Actor, Class, Edit, EditGroup, Editor, Event, EventBody, EventId, Evidence, EvidenceKind, Notice, Owner, Range,
    SessionId, Shape, SourceKind, Verdict,
};
use codi2_text::{OwnerTree, line_ends};

use super::{Core, Entry, Origin};
use crate::book::OwnerRef;
use crate::changes::ChangeBuilder;
use crate::ledger::{Branch, Drift};
use crate::ports::Ports;
use crate::rows::Row;

/// A group with the numbers of its parts and, where they came, the inserted texts of its edits.
pub(super) struct Whole {
    pub group: EditGroup,
    /// The parts that are there, in order.
    pub parts: Vec<Part>,
    pub texts: Option<Vec<String>>,
    /// Whether every part is there.
    pub complete: bool,
}

/// A part of a group.
pub(super) struct Part {
    /// The number of its fact.
    pub seq: u64,
    /// Which part, from 0.
    pub number: u32,
    /// How many edits it has.
    pub edits: usize,
    /// The event that tells of it.
    pub event: EventId,
}

impl Whole {
    /// The text that an edit inserted, where it came.
    fn text_of(&self, edit: usize) -> Option<&str> {
        self.texts.as_ref()?.get(edit).map(String::as_str)
    }
}

/// That a text is there again which was known before: who brought it back, and how that is known.
struct Again<'a> {
    by: &'a Actor,
    class: Class,
    evidence: Evidence,
}

/// What each edit of a group brought, and whose it is.
type Judged = Vec<Vec<(Range, Verdict)>>;

impl Core {
    pub(super) fn judge(&mut self, origin: Origin, whole: Whole, ports: &mut dyn Ports) {
        let group = &whole.group;
        let file = group.file.clone();
        self.know_session(origin, ports);
        let follows_disk = may_follow(group);
        let calls = self.calls.open_on(&file);
        if group.edits.iter().any(may_come_from_disk) || follows_disk && !calls.is_empty() {
            self.look(&file, origin.received_ms, ports);
        }
        let session = origin.session.unwrap_or_else(|| SessionId::from_uuid(origin.producer.uuid()));
        let mut branch = match self.ledger.take_branch(&file, session) {
            Some(branch) if branch.known.digest == group.before => branch,
            missed => self.branch_at(origin, &file, group.before, None, missed, ports),
        };
        let follows = whole.complete && fits(group, branch.known.owners.len());
        if !branch.is_lost() && !follows {
            let base = branch.known.clone();
            branch.base = if branch.drift == Drift::Sure { Some(base) } else { branch.base };
            branch.drift = Drift::Lost;
        }
        if !follows {
            branch.known.owners = self.unknown_text(branch.gap);
        }
        let declares = group.edits.iter().any(|edit| edit.source.is_some());
        // Typing, which is nearly all, does not wait for a store elsewhere to be asked.
        let restores = may_restore(group, declares);
        let (state_seen, seen) = if restores {
            self.state_seen(&file, group, &branch, ports)
        } else if follows_disk {
            let step = self.step_seen(&file, group, &branch);
            step.or_else(|| self.came_back(&file, group, &branch, session, ports)).unzip()
        } else {
            (None, None)
        };
        let info = self.sessions.get(&session).map(|session| &session.info);
        let person = info.map_or_else(Actor::unknown, |info| info.actor.clone());
        let editor =
            info.map_or_else(|| Editor { name: "an editor".into(), version: None }, |info| info.editor.clone());
        let facts = BufferFacts { person: &person, editor: &editor, declares, state_seen, calls: &calls };
        let ruling = judge_group(group, &facts);

        let judged = match (ruling, seen) {
            (GroupRuling::Restore { kind, class, evidence }, Some(tree)) => {
                if state_seen == Some(StateSeen::Disk) || kind == RestoreKind::Reload {
                    branch.loaded = Some((group.after, self.kept_number));
                }
                let judged = self.restore(&whole, &mut branch, tree, &Again { by: &person, class, evidence });
                branch.drift = Drift::Sure;
                judged
            }
            (GroupRuling::Restore { evidence, .. }, None) => {
                // Cannot happen: a restoring ruling needs a state that was seen. Unknown is the honest answer.
                let verdict = Verdict::new(Actor::unknown(), Class::Unknown, evidence.kind, evidence.detail);
                let run = |edit: &Edit| vec![Run { len: edit.inserted, ruling: Ruling::New(verdict.clone()) }];
                let rulings = group.edits.iter().map(run).collect();
                self.apply(&whole, &mut branch, rulings, ports)
            }
            (GroupRuling::Edits(rulings), _) => self.apply(&whole, &mut branch, rulings, ports),
        };
        if branch.is_lost() && !follows {
            branch.known.owners = self.unknown_text(branch.gap);
        }
        branch.moves_on(group.after);
        Self::follow_text(&mut branch, group, whole.texts.as_deref());
        if branch.drift == Drift::Sure {
            branch.base = None;
            self.ledger.remember(&file, group.after, &branch.known.owners);
        }
        self.commit_group(origin, &whole, judged, session, &branch);
        self.put_branch(session, &file, branch, ports);
    }

    /// Writes a judged group: an event for each part, all of them in one piece, so that no restart finds half a group.
    fn commit_group(&mut self, origin: Origin, whole: &Whole, judged: Judged, session: SessionId, branch: &Branch) {
        let Whole { group, parts, .. } = whole;
        let mut judged = judged.into_iter();
        let mut all = ChangeBuilder::default();
        let mut entry = Entry::default();
        let mut last = origin.seq;
        for part in parts {
            let mut change = ChangeBuilder::default();
            for (range, verdict) in judged.by_ref().take(part.edits).flatten() {
                all.push(range.clone(), &verdict);
                change.push(range, &verdict);
            }
            let actor = change.acted().unwrap_or_else(|| self.actor_of(Some(session)));
            let body = EventBody::Edit {
                group: group.group,
                part: part.number,
                parts: group.parts,
                change: change.build(Some(group.before), Some(group.after)),
            };
            let origin = Origin { seq: part.seq, occurred_ms: group.first_ms, ..origin };
            entry.events.push(Event { id: part.event, ..origin.file_event(&group.file, actor, body) });
            last = part.seq;
        }
        if branch.drift == Drift::Sure {
            // Else the last state that was sure stays: it is what the text is compared with when it comes.
            entry.rows.push(Row::Branch(session, group.file.clone(), Some(self.ledger.branch_row(&branch.known))));
        }
        entry.then.push((origin.producer, Notice::Judged { group: group.group, verdict: all.uniform() }));
        self.acknowledge(entry, origin.producer, last);
    }

    /// Puts a known tree in the place of the old one, and tells who owns each run of what each edit brought.
    fn restore(&mut self, whole: &Whole, branch: &mut Branch, tree: OwnerTree<OwnerRef>, again: &Again<'_>) -> Judged {
        let (group, was_lost) = (&whole.group, branch.is_lost());
        let &Again { by: person, class, ref evidence } = again;
        let known = &mut branch.known;
        for (number, edit) in (0..).zip(&group.edits) {
            let deleted = known.owners.splice(edit.at as usize, edit.deleted as usize, &[(edit.inserted as usize, 0)]);
            if !was_lost {
                self.ledger.remember_deleted(group.group, number, deleted);
            }
        }
        // From the last edit back, each finds its bytes where it put them, but for those that a later one took again.
        let mut back = OwnerTree::from_spans(tree.iter().map(|(len, owner)| (len, Some(owner))));
        let edits = group.edits.iter().rev();
        let mut brought: Vec<Vec<(usize, Option<OwnerRef>)>> = edits
            .map(|edit| back.splice(edit.at as usize, edit.inserted as usize, &[(edit.deleted as usize, None)]))
            .collect();
        brought.reverse();
        known.owners = tree;
        let undo = evidence.kind == EvidenceKind::Undo;
        let verdict = |len: usize, owner: Option<OwnerRef>| match owner {
            Some(owner) => {
                let mut verdict = self.ledger.book.owner(owner).verdict.clone();
                verdict.class = verdict.class.max(class);
                verdict.evidence.insert(0, evidence.clone());
                verdict.modifier = undo.then(|| person.clone()).or(verdict.modifier);
                verdict
            }
            None if len > 0 => Verdict::new(Actor::unknown(), Class::Unknown, evidence.kind, evidence.detail.clone()),
            None => {
                Verdict { evidence: vec![evidence.clone()], ..Verdict::new(person.clone(), class, evidence.kind, "") }
            }
        };
        let mut judged = Vec::with_capacity(group.edits.len());
        for (number, (edit, mut runs)) in group.edits.iter().zip(brought).enumerate() {
            let found: usize = runs.iter().map(|(len, _)| len).sum();
            let lost = (edit.inserted as usize).saturating_sub(found);
            runs.extend((lost > 0 || runs.is_empty()).then_some((lost, None)));
            let pieces = runs.into_iter().map(|(len, owner)| (len, verdict(len, owner)));
            judged.push(ranges_of(edit, pieces.collect(), whole.text_of(number)));
        }
        judged
    }

    /// Applies ruled edits to the owners.
    fn apply(&mut self, whole: &Whole, branch: &mut Branch, rulings: Vec<Vec<Run>>, ports: &mut dyn Ports) -> Judged {
        let (group, was_lost) = (&whole.group, branch.is_lost());
        let event = whole.parts[0].event;
        let known = &mut branch.known;
        let before = known.owners.clone();
        let mut judged = Vec::with_capacity(group.edits.len());
        for (number, (edit, runs)) in group.edits.iter().zip(rulings).enumerate() {
            let pieces = self.pieces(group, &before, runs, event, ports);
            let deleted = known.owners.splice(edit.at as usize, edit.deleted as usize, &pieces);
            if !was_lost {
                self.ledger.remember_deleted(group.group, u32::try_from(number).unwrap_or(u32::MAX), deleted);
            }
            let pieces = pieces.into_iter().map(|(len, owner)| (len, self.ledger.book.owner(owner).verdict.clone()));
            judged.push(ranges_of(edit, pieces.collect(), whole.text_of(number)));
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
}

/// The ranges of one edit, one for each piece.
fn ranges_of(edit: &Edit, pieces: Vec<(usize, Verdict)>, text: Option<&str>) -> Vec<(Range, Verdict)> {
    let mut ranges = Vec::new();
    let (mut done, mut lines_done) = (0, 0);
    let count = pieces.len();
    for (number, (len, verdict)) in pieces.into_iter().enumerate() {
        let last = number + 1 == count;
        let piece = text.and_then(|text| text.get(done..done + len)).map(|piece| line_ends(piece) as u64);
        let lines = if last { edit.lines_inserted.saturating_sub(lines_done) } else { piece.unwrap_or(0) };
        let first = number == 0;
        let range = Range {
            at: edit.at + done as u64,
            deleted: if first { edit.deleted } else { 0 },
            inserted: len as u64,
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

/// Whether the edits, in order, lie inside a text of this length.
fn fits(group: &EditGroup, len: usize) -> bool {
    let mut len = len as u64;
    group.edits.iter().all(|edit| {
        let inside = edit.at.checked_add(edit.deleted).is_some_and(|end| end <= len);
        if inside {
            len = (len - edit.deleted).saturating_add(edit.inserted);
        }
        inside
    })
}

/// Whether the file must be looked at before this edit is judged: it may be what somebody wrote to disk.
fn may_come_from_disk(edit: &Edit) -> bool {
    match edit.source.as_ref().map(|source| source.kind) {
        Some(SourceKind::Reload) => true,
        Some(_) => false,
        None => !matches!(edit.shape, Shape::Keystroke | Shape::Deletion),
    }
}
