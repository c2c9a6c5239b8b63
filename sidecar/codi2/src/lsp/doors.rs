//! The doors where an editor's bytes come in, as plain functions: for the fuzz targets alone (`fuzz/`).
//!
//! Absent on purpose: any way in that the program does not use itself.

use codi2_protocol::lsp::ClientCapabilities;
use codi2_protocol::{Actor, ActorKind, Editor, Fact, FileId, GroupId, RepositoryId, SessionId, Text, WorktreeId};
use codi2_text::{Encoding, Position};
use uuid::Uuid;

use super::frames::Sieve;
use super::session::{self, Apart, Effect, Input, Link, Place, Session, Site};
use super::wire::{self, WindowEvent};

/// The frames in what an editor writes.
#[derive(Default)]
pub struct Frames(Sieve);

impl Frames {
    /// The bodies complete after these bytes, each readable by the framework.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        self.0.feed(bytes);
        let mut bodies = Vec::new();
        while let Some(body) = self.0.next_body() {
            bodies.push(body.into_owned());
        }
        bodies
    }

    /// Bytes that wait for the rest of their frame.
    pub fn kept(&self) -> usize {
        self.0.rest().len()
    }
}

/// What a window tells its hub.
#[derive(Debug)]
pub enum Told {
    /// A fact.
    Fact(Fact),
    /// The text beside it.
    Text(Text),
}

/// The session machine of a window whose folder is `/w`, connected to a hub.
pub struct Window {
    session: Session,
}

impl Window {
    /// A window; `ours`: of a client that declares its edits and answers questions.
    pub fn new(ours: bool, encoding: Encoding) -> Self {
        let client = if ours {
            ClientCapabilities { status: true, edit_hint: true, document_text: true, blame: true }
        } else {
            ClientCapabilities::default()
        };
        let views = session::Views { code_lens: true, inlay_hints: true, ..session::Views::default() };
        let editor = Editor { name: "an editor".to_owned(), version: None };
        let session = SessionId::from_uuid(Uuid::from_u128(7));
        let mut number = 0;
        let mint = move || {
            number += 1;
            GroupId::from_uuid(Uuid::from_u128(number))
        };
        let window = session::Window { session, editor, pid: 1, process: None, encoding, client, views };
        let mut session = Session::new(window, mint);
        session.on(Input::Link(Link { connected: true, ..Link::default() }), 0);
        Self { session }
    }

    /// One message of the editor, as the ingress takes it. What it has no use for is left out, as there.
    pub fn message(&mut self, body: &str, now_ms: u64) -> Vec<Told> {
        let Ok(request) = serde_json::from_str::<tower_lsp::jsonrpc::Request>(body) else { return Vec::new() };
        let (method, _, params) = request.into_parts();
        if method == "initialize" {
            let kept = wire::initialize_params(params);
            let read = serde_json::from_value::<tower_lsp::gen_lsp_types::InitializeParams>(kept);
            assert!(read.is_ok(), "no client fails over its introduction: {read:?}");
            return Vec::new();
        }
        let event = wire::is_window_event(&method).then(|| wire::window_event(&method, params)).flatten();
        let input = match event {
            Some(WindowEvent::Open { uri, version, text }) => {
                let place = place(&uri);
                Input::Open { uri, version, text, place }
            }
            Some(WindowEvent::Document(event)) => Input::Document(event),
            Some(WindowEvent::Shows(shows)) => Input::Shows(shows),
            Some(WindowEvent::Folders { .. }) | None => return Vec::new(),
        };
        let told = self.on(input, now_ms);
        let (uri, start, end) = ("file:///w/a.rs", Position::new(0, 0), Position::new(u32::MAX, 0));
        let _ = self.session.hover(uri, start, &|_| String::new());
        if let Some(authorship) = self.session.authorship(uri, session::View::Asked) {
            authorship.lenses(&|_| String::new());
            authorship.hints(start, end, &|_| String::new());
            authorship.blame(0, None);
        }
        told
    }

    /// When a [`Window::tick`] is wanted.
    pub fn deadline(&self) -> Option<u64> {
        self.session.deadline()
    }

    /// Time has passed.
    pub fn tick(&mut self, now_ms: u64) -> Vec<Told> {
        self.on(Input::Tick, now_ms)
    }

    /// The window closes.
    pub fn end(&mut self, now_ms: u64) -> Vec<Told> {
        self.on(Input::End { reason: "closed".to_owned() }, now_ms)
    }

    fn on(&mut self, input: Input, now_ms: u64) -> Vec<Told> {
        let effects = self.session.on(input, now_ms).into_iter();
        let told = effects.filter_map(|effect| match effect {
            Effect::Fact { fact, .. } => Some(Told::Fact(fact)),
            Effect::Text(text) => Some(Told::Text(text)),
            _ => None,
        });
        told.collect()
    }
}

/// Every file below `/w` is recorded, and nothing else.
fn place(uri: &str) -> Place {
    let Some(path) = uri.strip_prefix("file:///w/") else { return Place::Apart(Apart::NoWorktree) };
    let worktree = WorktreeId { repository: RepositoryId::from_uuid(Uuid::from_u128(9)), name: String::new() };
    let site = Site {
        worktree: worktree.clone(),
        root: "/w".to_owned(),
        branch: None,
        head: None,
        actor: Actor::named(ActorKind::Person, "Ada"),
    };
    Place::Recorded { file: FileId { worktree, path: path.to_owned() }, site: Box::new(site) }
}
