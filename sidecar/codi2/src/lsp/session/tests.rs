//! The machine against data: what a window does, and what its hub hears of it.

mod commands;
mod evidence;
mod model;
mod moved;
mod road;
mod views;

use std::collections::BTreeMap;

use codi2_protocol::lsp::{ClientCapabilities, EditHintParams};
use codi2_protocol::{
    Actor, ActorKind, Digest, Edit, EditGroup, Editor, Fact, FileId, GroupId, RepositoryId, SessionId, Shape, Source,
    SourceKind, Text as Beside, WorktreeId,
};
use codi2_text::{Change, Encoding, Position, Text};
use uuid::Uuid;

use super::*;

pub(super) const URI: &str = "file:///w/a.rs";

pub(super) fn group(number: u128) -> GroupId {
    GroupId::from_uuid(Uuid::from_u128(number))
}

pub(super) fn window(client: ClientCapabilities) -> Window {
    Window {
        session: SessionId::from_uuid(Uuid::from_u128(7)),
        editor: Editor { name: "test".to_owned(), version: None },
        pid: 1,
        process: None,
        encoding: Encoding::Utf8,
        client,
        views: Views::default(),
    }
}

pub(super) fn worktree() -> WorktreeId {
    WorktreeId { repository: RepositoryId::from_uuid(Uuid::from_u128(9)), name: String::new() }
}

pub(super) fn file(path: &str) -> FileId {
    FileId { worktree: worktree(), path: path.to_owned() }
}

pub(super) fn site() -> Site {
    Site {
        worktree: worktree(),
        root: "/w".to_owned(),
        branch: Some("main".to_owned()),
        head: None,
        actor: Actor::named(ActorKind::Person, "Ada"),
    }
}

pub(super) fn place(path: &str) -> Place {
    Place::Recorded { file: file(path), site: Box::new(site()) }
}

pub(super) fn source(kind: SourceKind) -> Source {
    Source { kind, name: None, detail: None }
}

pub(super) fn digest(text: &str) -> Digest {
    Digest::new(codi2_text::digest_of(text.as_bytes()))
}

/// A window with one machine and a hub that checks what it hears: every group must lead from a text the hub knows to
/// the text whose digest it names.
pub(super) struct Bench {
    pub session: Session,
    pub now: u64,
    pub version: i32,
    pub effects: Vec<Effect>,
    hub: BTreeMap<FileId, Text>,
    parts: Vec<(Vec<Edit>, Vec<String>)>,
    pending: Vec<String>,
    opening: String,
}

impl Bench {
    pub fn new(client: ClientCapabilities) -> Self {
        let mut number = 0;
        let mint = move || {
            number += 1;
            group(number)
        };
        let session = Session::new(window(client), mint);
        let (effects, hub, parts, pending, opening) = Default::default();
        Self { session, now: 1_000_000, version: 0, effects, hub, parts, pending, opening }
    }

    /// A window with one document open.
    pub fn with(client: ClientCapabilities, text: &str) -> Self {
        let mut bench = Self::new(client);
        bench.open(URI, "a.rs", text);
        bench
    }

    pub fn open(&mut self, uri: &str, path: &str, text: &str) {
        self.opening = text.to_owned();
        self.on(Input::Open { uri: uri.to_owned(), version: 0, text: text.to_owned(), place: place(path) });
    }

    pub fn on(&mut self, input: Input) {
        let effects = self.session.on(input, self.now);
        for effect in &effects {
            self.hear(effect);
        }
        self.effects.extend(effects);
    }

    /// Lets time pass, with the ticks the machine asks for.
    pub fn wait(&mut self, ms: u64) {
        let end = self.now + ms;
        let mut ticks = 0;
        while let Some(at) = self.session.deadline().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.on(Input::Tick);
            ticks += 1;
            assert!(ticks < 10 * (ms + 10), "the machine asks for ticks without end");
        }
        self.now = end;
    }

    /// One content change, byte offsets in the text now.
    pub fn edit(&mut self, at: usize, deleted: usize, text: &str) {
        let document = self.session.documents.get(URI).expect("open");
        let position = |at| document.text.position(at, Encoding::Utf8);
        let range = Some((position(at), position(at + deleted)));
        self.change(vec![Change { range, text: text.to_owned() }]);
    }

    pub fn whole(&mut self, text: &str) {
        self.change(vec![Change { range: None, text: text.to_owned() }]);
    }

    pub fn change(&mut self, changes: Vec<Change>) {
        self.version += 1;
        self.on(Input::Document(DocumentEvent::Change { uri: URI.to_owned(), version: self.version, changes }));
    }

    pub fn hint(&mut self, version: i32, kind: SourceKind) {
        self.on(Input::Document(DocumentEvent::Hint(EditHintParams {
            uri: URI.to_owned(),
            version,
            source: source(kind),
        })));
    }

    pub fn text(&self) -> String {
        self.session.documents.get(URI).expect("open").text.to_string()
    }

    pub fn groups(&self) -> Vec<&EditGroup> {
        let facts = self.facts();
        facts.into_iter().filter_map(|fact| if let Fact::Edits(group) = fact { Some(group) } else { None }).collect()
    }

    pub fn edits(&self) -> Vec<&Edit> {
        self.groups().into_iter().flat_map(|group| &group.edits).collect()
    }

    pub fn facts(&self) -> Vec<&Fact> {
        self.effects
            .iter()
            .filter_map(|effect| if let Effect::Fact { fact, .. } = effect { Some(fact) } else { None })
            .collect()
    }

    fn hear(&mut self, effect: &Effect) {
        match effect {
            Effect::Fact { fact: Fact::Opened { file, digest, .. }, .. } if *digest == self::digest(&self.opening) => {
                self.hub.insert(file.clone(), Text::new(&self.opening));
            }
            Effect::Text(Beside::Group { inserted, .. }) => self.pending.clone_from(inserted),
            Effect::Fact { fact: Fact::Edits(group), .. } => {
                let inserted = std::mem::take(&mut self.pending);
                self.parts.push((group.edits.clone(), inserted));
                if group.part + 1 == group.parts {
                    let text = self.hub.get_mut(&group.file).expect("opened before it was edited");
                    assert_eq!(Digest::new(text.digest()), group.before, "the group begins at a text the hub knows");
                    for (edits, inserted) in self.parts.drain(..) {
                        assert_eq!(edits.len(), inserted.len());
                        for (edit, inserted) in edits.iter().zip(inserted) {
                            assert_eq!(edit.inserted, inserted.len() as u64);
                            let range = edit.at as usize..(edit.at + edit.deleted) as usize;
                            let gone = text.slice(range.clone()).into_owned();
                            assert_eq!(text.replace(range.clone(), &inserted), range, "no offset is out of range");
                            assert_eq!(edit.lines_deleted, codi2_text::line_ends(&gone) as u64);
                            assert_eq!(edit.lines_inserted, codi2_text::line_ends(&inserted) as u64);
                        }
                    }
                    assert_eq!(Digest::new(text.digest()), group.after, "the edits lead to the text after");
                }
            }
            _ => {}
        }
    }
}

/// A line for each fact, short enough to read in a test.
pub(super) fn lines(facts: &[&Fact]) -> Vec<String> {
    let line = |fact: &&Fact| match fact {
        Fact::SessionStarted { info } => format!("started {} {}", info.actor, info.root.as_deref().unwrap_or("-")),
        Fact::SessionEnded { reason } => format!("ended {reason}"),
        Fact::Opened { file, bytes, .. } => format!("opened {} {bytes}", file.path),
        Fact::Saved { file, .. } => format!("saved {}", file.path),
        Fact::Closed { file, .. } => format!("closed {}", file.path),
        Fact::Edits(group) => format!("edits {}", group.edits.iter().map(one).collect::<Vec<_>>().join(" ")),
        other => format!("{other:?}"),
    };
    facts.iter().map(line).collect()
}

/// An edit as `place-deleted+inserted:shape[/source]`.
pub(super) fn one(edit: &Edit) -> String {
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let shape = word(serde_json::to_value(edit.shape).unwrap());
    let source = edit.source.as_ref().map(|source| format!("/{}", word(serde_json::to_value(source.kind).unwrap())));
    format!("{}-{}+{}:{shape}{}", edit.at, edit.deleted, edit.inserted, source.unwrap_or_default())
}

/// What a client of ours can do.
pub(super) fn ours() -> ClientCapabilities {
    ClientCapabilities { status: true, edit_hint: true, document_text: true, blame: true }
}

pub(super) fn plain() -> ClientCapabilities {
    ClientCapabilities::default()
}

pub(super) fn at(line: u32, character: u32) -> Position {
    Position::new(line, character)
}
