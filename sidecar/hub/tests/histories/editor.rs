//! A person's editor: what its sidecar would report of typing, completions, cut and paste, formatting and saving.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::time::Duration;

use codi2_protocol::{
    Actor, ActorKind, Call, Digest, Edit, EditGroup, Editor as Program, Fact, FileId, GroupId, Heartbeat, Numbered,
    ProducerId, Restored, SessionId, SessionInfo, Shape, Source, SourceKind, Text,
};
use codi2_text::{digest_of, line_ends};

use super::hub::Hub;
use super::model::COMPLETION;

/// Texts that were deleted and may be put back.
const DELETED: usize = 64;

/// One change of a buffer: at a byte, so many bytes give way to a text.
pub struct Change {
    pub at: usize,
    pub deleted: usize,
    pub inserted: String,
    shape: Shape,
    source: SourceKind,
}

impl Change {
    /// A text typed key by key.
    pub fn typed(at: usize, text: &str) -> Vec<Self> {
        let key = |(from, key): (usize, char)| Self {
            at: at + from,
            deleted: 0,
            inserted: key.to_string(),
            shape: Shape::Keystroke,
            source: SourceKind::Typed,
        };
        text.char_indices().map(key).collect()
    }

    pub fn completed(at: usize, text: &str) -> Self {
        Self { at, deleted: 0, inserted: text.to_owned(), shape: Shape::Insert, source: SourceKind::Completion }
    }

    pub fn cut(at: usize, deleted: usize) -> Self {
        Self { at, deleted, inserted: String::new(), shape: Shape::Deletion, source: SourceKind::Cut }
    }

    pub fn pasted(at: usize, text: &str) -> Self {
        Self { at, deleted: 0, inserted: text.to_owned(), shape: Shape::Insert, source: SourceKind::Paste }
    }

    /// What an undo brings back.
    pub fn undone(at: usize, text: &str) -> Self {
        Self { at, deleted: 0, inserted: text.to_owned(), shape: Shape::Insert, source: SourceKind::Undo }
    }

    pub fn blanks(at: usize) -> Self {
        Self { at, deleted: 0, inserted: "  ".into(), shape: Shape::Layout, source: SourceKind::Format }
    }

    fn reload(old: &str, new: &str) -> Self {
        Self { at: 0, deleted: old.len(), inserted: new.to_owned(), shape: Shape::Replace, source: SourceKind::Reload }
    }
}

/// The editor, with one window.
pub struct Editor {
    person: &'static str,
    session: SessionId,
    producer: ProducerId,
    facts: Vec<Numbered>,
    pub buffers: BTreeMap<FileId, String>,
    deleted: VecDeque<(GroupId, u32, String)>,
}

pub fn of(text: &str) -> Digest {
    Digest::new(digest_of(text.as_bytes()))
}

impl Editor {
    pub fn new(person: &'static str) -> Self {
        let (session, producer) = (SessionId::new(), ProducerId::new());
        Self { person, session, producer, facts: Vec::new(), buffers: BTreeMap::new(), deleted: VecDeque::new() }
    }

    /// Introduces itself.
    pub fn begin(&mut self, hub: &mut dyn Hub) {
        hub.join(self.producer);
        let info = SessionInfo {
            session: self.session,
            actor: Actor::named(ActorKind::Person, self.person),
            editor: Program { name: "nvim".into(), version: None },
            pid: std::process::id(),
            process: None,
            host: None,
            worktree: None,
            root: None,
            branch: None,
            base: None,
        };
        self.report(hub, Fact::SessionStarted { info });
    }

    /// A hub is there again: it gets what it does not have.
    pub fn joins(&mut self, hub: &mut dyn Hub) {
        let durable = hub.join(self.producer);
        let facts: Vec<_> = self.facts.iter().filter(|fact| fact.seq > durable).cloned().collect();
        hub.tell(self.producer, Call::Report { facts });
    }

    /// A sign of life.
    pub fn beats(&self, hub: &mut dyn Hub) {
        let (session, at_ms, open) = (self.session, hub.now_ms(), self.buffers.len() as u32);
        let heartbeat = Heartbeat { session, at_ms, file: None, open, last_edit_ms: None };
        hub.tell(self.producer, Call::Heartbeat(heartbeat));
    }

    fn report(&mut self, hub: &mut dyn Hub, fact: Fact) {
        let seq = self.facts.len() as u64 + 1;
        let numbered = Numbered { seq, occurred_ms: hub.now_ms(), session: Some(self.session), fact };
        self.facts.push(numbered.clone());
        hub.tell(self.producer, Call::Report { facts: vec![numbered] });
    }

    /// Sends the whole texts that the hub wants.
    pub fn answers(&self, hub: &mut dyn Hub, wanted: &[(SessionId, FileId)]) {
        for (session, file) in wanted.iter().cloned() {
            let Some(text) = self.buffers.get(&file).filter(|_| session == self.session) else { continue };
            let full = Text::Full { session, file, digest: of(text), part: 0, parts: 1, text: text.clone() };
            hub.tell(self.producer, Call::Text(full));
        }
    }

    /// Shows a file as it is on disk: opens it, or loads it again.
    pub fn shows(&mut self, hub: &mut dyn Hub, file: &FileId, path: &Path) {
        let text = std::fs::read_to_string(path).unwrap();
        match self.buffers.get(file).cloned() {
            Some(old) if old == text => {}
            Some(old) => {
                self.edits(hub, file, vec![Change::reload(&old, &text)]);
            }
            None => {
                self.buffers.insert(file.clone(), text.clone());
                let fact = Fact::Opened { file: file.clone(), digest: of(&text), bytes: text.len() as u64 };
                self.report(hub, fact);
            }
        }
    }

    /// Makes changes in a buffer, sealed as one group, and gives what each deleted.
    pub fn edits(&mut self, hub: &mut dyn Hub, file: &FileId, changes: Vec<Change>) {
        hub.passes(Duration::from_millis(300));
        let (session, group, now) = (self.session, GroupId::new(), hub.now_ms());
        let text = self.buffers.get_mut(file).unwrap();
        let before = of(text);
        let (mut edits, mut inserted) = (Vec::new(), Vec::new());
        for (number, change) in (0..).zip(changes) {
            let removed = text[change.at..change.at + change.deleted].to_owned();
            text.replace_range(change.at..change.at + change.deleted, &change.inserted);
            let back = matches!(change.source, SourceKind::Paste | SourceKind::Undo);
            let known = self.deleted.iter().rev().find(|(_, _, text)| back && *text == change.inserted);
            let restored = known.map(|(group, edit, text)| Restored {
                at: 0,
                len: text.len() as u64,
                group: *group,
                edit: *edit,
                from: 0,
            });
            let name = (change.source == SourceKind::Completion).then(|| COMPLETION.to_owned());
            edits.push(Edit {
                at: change.at as u64,
                deleted: change.deleted as u64,
                inserted: change.inserted.len() as u64,
                line: line_ends(&text[..change.at]) as u64 + 1,
                lines_deleted: line_ends(&removed) as u64,
                lines_inserted: line_ends(&change.inserted) as u64,
                shape: change.shape,
                source: Some(Source { kind: change.source, name, detail: None }),
                restored: restored.into_iter().collect(),
                copied: Vec::new(),
            });
            inserted.push(change.inserted);
            if !removed.is_empty() {
                self.deleted.push_back((group, number, removed));
                if self.deleted.len() > DELETED {
                    self.deleted.pop_front();
                }
            }
        }
        let after = of(text);
        let beside = Text::Group { session, group, part: 0, inserted };
        hub.tell(self.producer, Call::Text(beside));
        let (first_ms, last_ms, file) = (now - 200, now, file.clone());
        self.report(
            hub,
            Fact::Edits(EditGroup { group, file, part: 0, parts: 1, before, after, edits, first_ms, last_ms }),
        );
    }

    /// Writes a buffer to its file and says so.
    pub fn saves(&mut self, hub: &mut dyn Hub, file: &FileId, path: &Path) {
        let text = &self.buffers[file];
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        let digest = of(text);
        self.report(hub, Fact::Saved { file: file.clone(), digest });
    }

    pub fn closes(&mut self, hub: &mut dyn Hub, file: &FileId) {
        let Some(text) = self.buffers.remove(file) else { return };
        self.report(hub, Fact::Closed { file: file.clone(), digest: of(&text) });
    }
}
