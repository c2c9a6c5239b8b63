//! A tiny sidecar: turns what a person does in an editor into numbered facts with right digests, and texts.

use std::collections::BTreeMap;

use codi2_protocol::{
    Actor, ActorKind, Call, Copied, Edit, EditGroup, Editor, Fact, GroupId, Heartbeat, Numbered, Process, ProducerId,
    Restored, SessionId, SessionInfo, Shape, Source, SourceKind, Text,
};
use codi2_text::line_ends;

use super::super::Input;
use super::world::{ROOT, World, file, of, worktree};

/// An editor with its buffers.
pub struct Sidecar {
    pub name: &'static str,
    pub session: SessionId,
    pub producer: ProducerId,
    pub connection: u64,
    pub seq: u64,
    /// Texts as they were last sealed.
    pub buffers: BTreeMap<String, String>,
    /// Every fact ever reported.
    pub facts: Vec<Numbered>,
    /// Whether the client declares sources.
    pub declares: bool,
    /// Whether texts reach the hub.
    pub sends_text: bool,
    /// Deleted texts: the group, the edit, the text.
    pub deleted: Vec<(GroupId, u32, String)>,
    /// Facts that are on their way but have not arrived.
    pub held: Option<Vec<Input>>,
}

/// One change of a buffer.
#[derive(Clone)]
pub struct Change {
    pub at: usize,
    pub deleted: usize,
    pub inserted: String,
    pub shape: Shape,
    pub source: Option<SourceKind>,
    pub name: Option<&'static str>,
    pub restored: Vec<Restored>,
    pub copied: Vec<Copied>,
}

impl Change {
    pub fn new(at: usize, deleted: usize, inserted: &str, shape: Shape, source: SourceKind) -> Self {
        Self {
            at,
            deleted,
            inserted: inserted.to_owned(),
            shape,
            source: Some(source),
            name: None,
            restored: Vec::new(),
            copied: Vec::new(),
        }
    }
}

impl World {
    /// A person opens an editor.
    pub fn editor(&mut self, name: &'static str) {
        self.new_editor(name);
        let (connection, producer) = (self.people[name].connection, self.people[name].producer);
        self.joins(connection, producer);
        self.introduces(name);
    }

    /// A person opens an editor while there is no hub: what the sidecar has to say is held.
    pub fn editor_away(&mut self, name: &'static str) {
        self.new_editor(name);
        self.holds(name);
        self.introduces(name);
    }

    fn introduces(&mut self, name: &'static str) {
        let info = info(&self.people[name]);
        self.report(name, Fact::SessionStarted { info });
    }

    fn new_editor(&mut self, name: &'static str) {
        let connection = 100 + self.people.len() as u64;
        let person = Sidecar {
            name,
            session: SessionId::new(),
            producer: ProducerId::new(),
            connection,
            seq: 0,
            buffers: BTreeMap::new(),
            facts: Vec::new(),
            declares: true,
            sends_text: true,
            deleted: Vec::new(),
            held: None,
        };
        self.people.insert(name, person);
    }

    /// A person opens an editor and in it a file as it is on disk.
    pub fn opens(&mut self, name: &'static str, path: &str) {
        if !self.people.contains_key(name) {
            self.editor(name);
        }
        let bytes = self.ports.files.get(path).cloned().unwrap_or_default();
        let text = codi2_workspace::decode(&bytes).text;
        self.opens_with(name, path, &text);
    }

    /// Opens a buffer with a text, whatever is on disk.
    pub fn opens_with(&mut self, name: &'static str, path: &str, text: &str) {
        let digest = self.know(text);
        self.person(name).buffers.insert(path.to_owned(), text.to_owned());
        self.report(name, Fact::Opened { file: file(path), digest, bytes: text.len() as u64 });
    }

    pub fn person(&mut self, name: &'static str) -> &mut Sidecar {
        self.people.get_mut(name).unwrap()
    }

    /// Reports a fact, or holds it back.
    pub fn report(&mut self, name: &'static str, fact: Fact) {
        let now = self.ports.now;
        let person = self.person(name);
        person.seq += 1;
        let numbered = Numbered { seq: person.seq, occurred_ms: now, session: Some(person.session), fact };
        person.facts.push(numbered.clone());
        let input = Input::Called(None, person.connection, Call::Report { facts: vec![numbered] });
        self.send(name, input);
    }

    fn send(&mut self, name: &'static str, input: Input) {
        match &mut self.person(name).held {
            Some(held) => held.push(input),
            None => self.feed(input),
        }
    }

    /// What a person does from now on reaches the hub later.
    pub fn holds(&mut self, name: &'static str) {
        self.person(name).held = Some(Vec::new());
    }

    /// What was held arrives.
    pub fn arrives(&mut self, name: &'static str) {
        let held = self.person(name).held.take().unwrap_or_default();
        held.into_iter().for_each(|input| self.feed(input));
    }

    /// Makes changes in a buffer and seals them as one group.
    pub fn edits(&mut self, name: &'static str, path: &str, changes: Vec<Change>) -> GroupId {
        self.edits_in_parts(name, path, changes, usize::MAX, |_| true)
    }

    /// The same, in parts of so many edits; `sent` says which parts arrive at all.
    pub fn edits_in_parts(
        &mut self,
        name: &'static str,
        path: &str,
        changes: Vec<Change>,
        of_edits: usize,
        sent: impl Fn(u32) -> bool,
    ) -> GroupId {
        self.ports.now += 300;
        let now = self.ports.now;
        let person = self.people.get_mut(name).unwrap();
        let group = GroupId::new();
        let text = person.buffers.get_mut(path).unwrap();
        let before = of(&*text);
        let mut edits = Vec::new();
        for (number, change) in changes.into_iter().enumerate() {
            let end = change.at + change.deleted;
            let removed = text[change.at..end].to_owned();
            text.replace_range(change.at..end, &change.inserted);
            let source = change.source.filter(|_| person.declares);
            let edit = Edit {
                at: change.at as u64,
                deleted: change.deleted as u64,
                inserted: change.inserted.len() as u64,
                line: line_ends(&text[..change.at]) as u64 + 1,
                lines_deleted: line_ends(&removed) as u64,
                lines_inserted: line_ends(&change.inserted) as u64,
                shape: change.shape,
                source: source.map(|kind| Source { kind, name: change.name.map(str::to_owned), detail: None }),
                restored: change.restored,
                copied: change.copied,
            };
            edits.push((edit, change.inserted));
            person.deleted.push((group, number as u32, removed));
        }
        let after = text.clone();
        let after = self.know(after);
        let (session, sends) = (self.people[name].session, self.people[name].sends_text);
        let chunks: Vec<_> = edits.chunks(of_edits.min(edits.len()).max(1)).map(<[_]>::to_vec).collect();
        for (part, chunk) in (0..).zip(&chunks) {
            let (edits, inserted) = chunk.iter().cloned().unzip();
            if sends {
                self.send(name, Input::Called(None, 0, Call::Text(Text::Group { session, group, part, inserted })));
            }
            if sent(part) {
                let parts = chunks.len() as u32;
                let (first_ms, last_ms) = (now - 200, now);
                let file = file(path);
                let group = EditGroup { group, file, part, parts, before, after, edits, first_ms, last_ms };
                self.report(name, Fact::Edits(group));
            }
        }
        group
    }

    /// Types characters one by one.
    pub fn types(&mut self, name: &'static str, path: &str, at: usize, text: &str) -> GroupId {
        let mut changes = Vec::new();
        let mut place = at;
        for character in text.chars() {
            let key = character.to_string();
            changes.push(Change::new(place, 0, &key, Shape::Keystroke, SourceKind::Typed));
            place += key.len();
        }
        self.edits(name, path, changes)
    }

    /// Types at the end of the buffer.
    pub fn appends(&mut self, name: &'static str, path: &str, text: &str) -> GroupId {
        let at = self.people[name].buffers[path].len();
        self.types(name, path, at, text)
    }

    /// Deletes by a command.
    pub fn cuts(&mut self, name: &'static str, path: &str, at: usize, len: usize) -> GroupId {
        self.edits(name, path, vec![Change::new(at, len, "", Shape::Deletion, SourceKind::Cut)])
    }

    /// Puts text in at once, as `source` declares.
    pub fn inserts(&mut self, name: &'static str, path: &str, at: usize, text: &str, source: SourceKind) -> GroupId {
        self.edits(name, path, vec![Change::new(at, 0, text, Shape::Insert, source)])
    }

    /// Brings the buffer from its text to another by one change, as `source` declares.
    pub fn becomes(&mut self, name: &'static str, path: &str, text: &str, source: SourceKind, shape: Shape) -> GroupId {
        let old = self.people[name].buffers[path].clone();
        self.edits(name, path, vec![Change::new(0, old.len(), text, shape, source)])
    }

    /// The editor notices that the file changed and loads it again.
    pub fn reloads(&mut self, name: &'static str, path: &str) {
        let bytes = self.ports.files.get(path).cloned().unwrap_or_default();
        let text = codi2_workspace::decode(&bytes).text;
        self.becomes(name, path, &text, SourceKind::Reload, Shape::Replace);
    }

    /// The editor writes the buffer to the file.
    pub fn writes_file(&mut self, name: &'static str, path: &str) {
        let text = self.people[name].buffers[path].clone();
        self.put(path, text);
    }

    /// The sidecar hears that the buffer was saved.
    pub fn says_saved(&mut self, name: &'static str, path: &str) {
        let digest = of(&self.people[name].buffers[path]);
        self.report(name, Fact::Saved { file: file(path), digest });
    }

    /// A save in the usual order: file, fact, watch.
    pub fn saves(&mut self, name: &'static str, path: &str) {
        self.writes_file(name, path);
        self.says_saved(name, path);
        self.watch_sees(path);
    }

    /// A buffer is closed; what was not saved is gone.
    pub fn closes(&mut self, name: &'static str, path: &str) {
        let text = self.person(name).buffers.remove(path).unwrap();
        self.report(name, Fact::Closed { file: file(path), digest: of(text) });
    }

    /// The sidecar answers the hub's wish for a whole text, in parts of so many bytes.
    pub fn sends_whole(&mut self, name: &'static str, path: &str, part_bytes: usize) {
        let text = self.people[name].buffers[path].clone();
        let session = self.people[name].session;
        let pieces: Vec<String> =
            text.as_bytes().chunks(part_bytes).map(|p| String::from_utf8(p.to_vec()).unwrap()).collect();
        let pieces = if pieces.is_empty() { vec![String::new()] } else { pieces };
        let parts = pieces.len() as u32;
        for (part, piece) in (0..).zip(pieces) {
            let (file, digest) = (file(path), of(&text));
            let full = Text::Full { session, file, digest, part, parts, text: piece };
            self.send(name, Input::Called(None, 0, Call::Text(full)));
        }
    }

    /// A sign of life.
    pub fn beats(&mut self, name: &'static str) {
        let person = &self.people[name];
        let heartbeat =
            Heartbeat { session: person.session, at_ms: self.ports.now, file: None, open: 1, last_edit_ms: None };
        self.feed(Input::Called(None, person.connection, Call::Heartbeat(heartbeat)));
    }

    /// Runs of the last deletion of this group as they come back at the start of an insert.
    pub fn grave(&self, name: &'static str, group: GroupId, edit: u32) -> Vec<Restored> {
        let found = self.people[name].deleted.iter().find(|(of, number, _)| *of == group && *number == edit);
        let len = found.map_or(0, |(_, _, text)| text.len() as u64);
        vec![Restored { at: 0, len, group, edit, from: 0 }]
    }
}

pub fn info(person: &Sidecar) -> SessionInfo {
    SessionInfo {
        session: person.session,
        actor: Actor::named(ActorKind::Person, person.name),
        editor: Editor { name: "nvim".into(), version: None },
        pid: 42,
        process: Some(Process { pid: person.connection as u32, start: Some(1) }),
        host: None,
        worktree: Some(worktree()),
        root: Some(ROOT.into()),
        branch: Some("main".into()),
        base: None,
    }
}
