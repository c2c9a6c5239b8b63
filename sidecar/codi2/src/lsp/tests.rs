//! The whole window over a wire: the real framework, ingress, actor and machine, an editor of a few lines, and a hub
//! that only listens.

mod delivery;
mod order;
mod wire;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use codi2_config::EditorSettings;
use codi2_protocol::{Digest, Fact, FileId, Heartbeat, ProcessStats, SessionId, Text, Touched};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::link::HubLink;
use super::place::Locator;
use super::server::{Ended, Trial, serve};
use super::session::{Input, Link};

/// Longest wait for anything in these tests; nothing is measured by it.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A hub that listens and never answers.
pub(super) struct Listening {
    heard: watch::Sender<Vec<Fact>>,
}

impl HubLink for Listening {
    fn report(&mut self, _: SessionId, _: u64, fact: Fact) {
        self.heard.send_modify(|heard| heard.push(fact));
    }
    fn text(&mut self, _: Text) {}
    fn touched(&mut self, _: Touched) {}
    fn heartbeat(&mut self, _: Heartbeat) {}
    fn measured(&mut self, _: ProcessStats) {}
    fn watch(&mut self, _: String) {}
    fn ask_owners(&mut self, _: u64, _: FileId, _: Digest, _: codi2_text::Text, _: String) {}
    async fn finish(&mut self) {}
}

/// An editor at one end of the wire, a window at the other.
pub(super) struct Editor {
    pub to: Option<WriteHalf<DuplexStream>>,
    pub from: BufReader<ReadHalf<DuplexStream>>,
    pub heard: watch::Receiver<Vec<Fact>>,
    pub ended: JoinHandle<Ended>,
    /// Where the hub's news go in, once the window runs.
    pub news: Arc<OnceLock<mpsc::Sender<Input>>>,
    next: i64,
}

impl Editor {
    /// Starts a window; `pipe` is how much each way holds.
    pub fn start(trial: Trial, pipe: usize) -> Self {
        let (ours, theirs) = tokio::io::duplex(pipe);
        let (heard, hearing) = watch::channel(Vec::new());
        let (input, output) = tokio::io::split(theirs);
        let told = Arc::new(OnceLock::new());
        let news = told.clone();
        let link = move |news: mpsc::Sender<Input>| {
            let _ = told.set(news.clone());
            let _ = news.try_send(Input::Link(Link { connected: true, ..Link::default() }));
            Listening { heard }
        };
        let locator = Locator::new(vec!["*.pem".to_owned()], Box::new(|| None));
        let shown = EditorSettings::default();
        let ended = tokio::spawn(serve(input, output, link, locator, shown, std::future::pending(), trial));
        let (from, to) = tokio::io::split(ours);
        Self { to: Some(to), from: BufReader::new(from), heard: hearing, ended, news, next: 0 }
    }

    pub async fn raw(&mut self, bytes: &[u8]) {
        let to = self.to.as_mut().expect("the input is open");
        tokio::time::timeout(PATIENCE, to.write_all(bytes)).await.expect("the window reads").expect("the window lives");
    }

    pub async fn send(&mut self, message: Value) {
        let body = message.to_string();
        self.raw(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
    }

    pub async fn notify(&mut self, method: &str, params: Value) {
        self.send(json!({"jsonrpc": "2.0", "method": method, "params": params})).await;
    }

    /// The next message from the window.
    pub async fn receive(&mut self) -> Value {
        let reading = async {
            let mut length = 0;
            loop {
                let mut line = String::new();
                self.from.read_line(&mut line).await.expect("the window lives");
                if let Some(value) = line.strip_prefix("Content-Length: ") {
                    length = value.trim().parse().expect("a number");
                }
                if line == "\r\n" {
                    break;
                }
            }
            let mut body = vec![0; length];
            self.from.read_exact(&mut body).await.expect("a whole body");
            serde_json::from_slice(&body).expect("JSON")
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("a message")
    }

    /// The next message that `wanted` wants; others are passed over.
    pub async fn receive_until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.receive().await;
            if wanted(&message) {
                return message;
            }
        }
    }

    pub async fn request(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        self.receive_until(|message| message.get("id") == Some(&json!(id)) && message.get("method").is_none()).await
    }

    pub async fn initialize(&mut self, ours: Value) -> Value {
        let answer =
            self.request("initialize", json!({"processId": null, "capabilities": {"experimental": {"codi2": ours}}}));
        let answer = answer.await;
        self.notify("initialized", json!({})).await;
        answer
    }

    pub async fn open(&mut self, uri: &str, text: &str) {
        let document = json!({"uri": uri, "languageId": "x", "version": 0, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document})).await;
    }

    /// Puts text in at a column of the first line.
    pub async fn insert(&mut self, uri: &str, version: i32, character: usize, text: &str) {
        let at = json!({"line": 0, "character": character});
        let changes = json!([{"range": {"start": at, "end": at}, "text": text}]);
        let document = json!({"uri": uri, "version": version});
        self.notify("textDocument/didChange", json!({"textDocument": document, "contentChanges": changes})).await;
    }

    pub async fn save(&mut self, uri: &str) {
        self.notify("textDocument/didSave", json!({"textDocument": {"uri": uri}})).await;
    }

    /// Waits until the hub has heard what is wanted.
    pub async fn hears(&mut self, wanted: impl Fn(&[Fact]) -> bool) -> Vec<Fact> {
        let waiting = self.heard.wait_for(|heard| wanted(heard));
        tokio::time::timeout(PATIENCE, waiting).await.expect("heard in time").expect("the window lives").clone()
    }

    /// Closes the input and waits for the window's end.
    pub async fn leave(mut self) -> Ended {
        if let Some(mut to) = self.to.take() {
            let _ = to.shutdown().await;
        }
        tokio::time::timeout(PATIENCE, self.ended).await.expect("it ends").expect("in order")
    }
}

/// A repository with nothing in it.
pub(super) fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let made = std::process::Command::new("git").args(["init", "-q"]).arg(folder.path()).status().expect("git runs");
    assert!(made.success());
    folder
}

pub(super) fn uri(folder: &Path, name: &str) -> String {
    let path = folder.canonicalize().expect("it exists").join(name);
    tower_lsp::gen_lsp_types::Uri::from_file_path(path).expect("absolute").to_string()
}

/// How many edits were told, and the digest of the text they lead to.
pub(super) fn edits(facts: &[Fact]) -> (usize, Option<Digest>) {
    let groups = facts.iter().filter_map(|fact| if let Fact::Edits(group) = fact { Some(group) } else { None });
    groups.fold((0, None), |(count, _), group| (count + group.edits.len(), Some(group.after)))
}

pub(super) fn digest(text: &str) -> Digest {
    Digest::new(codi2_text::digest_of(text.as_bytes()))
}
