//! What an editor writes: any bytes are survived, and what the session tells the hub always leads from text to text.
//!
//! The first byte chooses the client's abilities and its encoding, and whether the rest is a raw byte stream or bodies
//! parted by zero bytes, each with a time to wait before it. Promises: after any junk the next frames are read; no more
//! is kept than came; each sealed group begins at a text the hub knows and its edits end in the text it names; each
//! fact fits an event; a window always ends with its last word.

use std::collections::BTreeMap;

use codi2::doors::{Frames, Told, Window};
use codi2_ipc::frame;
use codi2_protocol::limits::VALUE_BYTES;
use codi2_protocol::{Digest, Edit, Fact, FileId, Numbered, Text as Beside};
use codi2_text::{Encoding, Text};
use serde_json::{Value, json};

use crate::Choices;
use crate::corpus::golden;

const GOOD: &str = r#"{"jsonrpc":"2.0","method":"exit"}"#;

pub(crate) fn run(input: &[u8]) {
    let mut choices = Choices(input);
    let flags = choices.byte();
    let encoding = [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32][usize::from(flags >> 1 & 3).min(2)];
    let mut peer = Peer::new(flags & 1 == 1, encoding);
    if flags & 8 == 0 {
        let piece = usize::from(choices.byte()).max(1);
        for body in sieved(choices.rest(), piece) {
            peer.hear(&body);
        }
    } else {
        for segment in choices.rest().split(|byte| *byte == 0) {
            let Some((wait, body)) = segment.split_first() else { continue };
            peer.wait(u64::from(*wait) * 8);
            for body in sieved(&framed(body), usize::MAX) {
                peer.hear(&body);
            }
        }
    }
    peer.end();
}

fn framed(body: &[u8]) -> Vec<u8> {
    [format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// The bodies that pass the sieve, read in pieces; whatever came, two good frames behind it pass too.
fn sieved(bytes: &[u8], piece: usize) -> Vec<String> {
    const NAME: &[u8] = b"content-length";
    let mut frames = Frames::default();
    let mut bodies = Vec::new();
    let mut fed = 0;
    let tail = [b"\n".to_vec(), framed(GOOD.as_bytes()), framed(GOOD.as_bytes())].concat();
    for chunk in bytes.chunks(piece).chain([&tail[..]]) {
        fed += chunk.len();
        bodies.extend(frames.feed(chunk));
        assert!(frames.kept() <= fed, "{} bytes kept of {fed}", frames.kept());
    }
    // Only a header in the junk can claim what follows as its body.
    let claims = bytes.windows(NAME.len()).any(|window| window.eq_ignore_ascii_case(NAME));
    let complete = bodies.iter().rev().take_while(|body| *body == GOOD).count();
    assert!(claims || complete >= 2, "good frames behind junk are lost: {bodies:?}");
    bodies
}

/// A window and a hub that checks what it hears.
struct Peer {
    window: Window,
    now: u64,
    hub: BTreeMap<FileId, Text>,
    parts: Vec<(Vec<Edit>, Vec<String>)>,
    beside: Vec<String>,
    opening: String,
    started: bool,
    last: Option<Fact>,
}

impl Peer {
    fn new(ours: bool, encoding: Encoding) -> Self {
        let (hub, parts, beside, opening) = Default::default();
        let window = Window::new(ours, encoding);
        Self { window, now: 1_000_000, hub, parts, beside, opening, started: false, last: None }
    }

    fn hear(&mut self, body: &str) {
        if let Ok(Value::Object(message)) = serde_json::from_str::<Value>(body) {
            let text = message.get("params").and_then(|params| params.pointer("/textDocument/text"));
            if let Some(text) = text.and_then(Value::as_str) {
                text.clone_into(&mut self.opening);
            }
        }
        self.now += 1;
        let told = self.window.message(body, self.now);
        self.told(told);
    }

    fn wait(&mut self, ms: u64) {
        let end = self.now + ms;
        let mut ticks = 0;
        while let Some(at) = self.window.deadline().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            let told = self.window.tick(self.now);
            self.told(told);
            ticks += 1;
            assert!(ticks < 10 * (ms + 10), "the window asks for ticks without end");
        }
        self.now = end;
    }

    fn end(mut self) {
        self.wait(5_000);
        let told = self.window.end(self.now);
        self.told(told);
        assert!(!self.started || matches!(self.last, Some(Fact::SessionEnded { .. })), "the last fact is the end");
    }

    fn told(&mut self, told: Vec<Told>) {
        for told in told {
            match told {
                Told::Text(Beside::Group { inserted, .. }) => self.beside = inserted,
                Told::Text(Beside::Full { .. }) => {}
                Told::Fact(fact) => self.fact(fact),
            }
        }
    }

    fn fact(&mut self, fact: Fact) {
        let numbered = Numbered { seq: 1, occurred_ms: self.now, session: None, fact };
        let bytes = frame::encode(&numbered).expect("a fact fits a frame").len();
        assert!(bytes <= VALUE_BYTES, "a fact of {bytes} bytes fits no event");
        match &numbered.fact {
            Fact::SessionStarted { .. } => self.started = true,
            Fact::Opened { file, digest, .. } if *digest == digest_of(&self.opening) => {
                self.hub.insert(file.clone(), Text::new(&self.opening));
            }
            Fact::Edits(group) => {
                self.parts.push((group.edits.clone(), std::mem::take(&mut self.beside)));
                if group.part + 1 == group.parts {
                    let text = self.hub.get_mut(&group.file).expect("opened before it was edited");
                    assert_eq!(Digest::new(text.digest()), group.before, "a group begins at a text the hub knows");
                    for (edits, inserted) in self.parts.drain(..) {
                        assert_eq!(edits.len(), inserted.len());
                        for (edit, inserted) in edits.iter().zip(inserted) {
                            assert_eq!(edit.inserted, inserted.len() as u64);
                            let range = edit.at as usize..(edit.at + edit.deleted) as usize;
                            assert_eq!(text.replace(range.clone(), &inserted), range, "no offset is out of range");
                        }
                    }
                    assert_eq!(Digest::new(text.digest()), group.after, "the edits end in the text that is named");
                }
            }
            _ => {}
        }
        self.last = Some(numbered.fact);
    }
}

fn digest_of(text: &str) -> Digest {
    Digest::new(codi2_text::digest_of(text.as_bytes()))
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let message = |method: &str, params: Value| json!({"jsonrpc": "2.0", "method": method, "params": params});
    let document = json!({"uri": "file:///w/a.rs"});
    let versioned = |version: u32| json!({"uri": "file:///w/a.rs", "version": version});
    let at = |line: u32, character: u32| json!({"line": line, "character": character});
    let change = |version: u32, from: Value, to: Value, text: &str| {
        let changes = json!([{"range": {"start": from, "end": to}, "text": text}]);
        message("textDocument/didChange", json!({"textDocument": versioned(version), "contentChanges": changes}))
    };
    let opened = json!({"uri": "file:///w/a.rs", "languageId": "rust", "version": 0, "text": "one\r\ntwo 😀 ö\n"});
    let folders = json!({"event": {"added": [{"uri": "file:///w", "name": "w"}], "removed": []}});
    let hints = golden("lsp-edit-hint").into_iter().map(|hint| message("codi2/editHint", hint));
    let mut talk = vec![
        message(
            "initialize",
            json!({"processId": 1, "rootUri": "file:///w", "capabilities": {"general": {"positionEncodings": ["utf-8"]}}}),
        ),
        message("textDocument/didOpen", json!({"textDocument": opened})),
        change(1, at(0, 1), at(0, 1), "x"),
        change(2, at(1, 0), at(1, 6), "a longer text\nof two lines\n"),
        change(3, at(9, 9), at(0, 0), ""),
        message("textDocument/didChange", json!({"textDocument": versioned(4), "contentChanges": [{"text": "whole"}]})),
        message("textDocument/willSave", json!({"textDocument": document, "reason": 1})),
        message("textDocument/didSave", json!({"textDocument": document, "text": "saved"})),
        message("textDocument/didClose", json!({"textDocument": document})),
        message("workspace/didChangeWorkspaceFolders", folders),
    ];
    talk.extend(hints);
    let bodies: Vec<Vec<u8>> = talk.iter().map(|message| message.to_string().into_bytes()).collect();
    let raw: Vec<u8> = bodies.iter().flat_map(|body| framed(body)).collect();
    let mut seeds: Vec<Vec<u8>> = bodies.iter().map(|body| [&[0, 7][..], &framed(body)].concat()).collect();
    seeds.push([&[2, 200][..], &raw].concat());
    for flags in [8, 9, 10, 13] {
        let segments = bodies.iter().flat_map(|body| [&[40][..], body, &[0]].concat());
        seeds.push([flags].into_iter().chain(segments).collect());
        // Short ones mutate best.
        let few = [1, 2, 3].iter().flat_map(|body: &usize| [&[0][..], &bodies[*body], &[0]].concat());
        seeds.push([flags].into_iter().chain(few).collect());
    }
    seeds
}
