//! A plain editor on two pipes: a real `codi2 lsp` beside it, one document, and no more unheard edits than keys in a hand.
//!
//! What was sent and not yet applied is bounded by requests in between, whose answers come in wire order: so a slow
//! machine makes a slow replay, and never a burst of keys that no hand makes. Absent on purpose: everything of codi2's
//! own (hints, status), as in an editor that knows nothing of it.

use std::collections::VecDeque;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};

use super::model::{Change, Units};
use super::wire::{self, Wire};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Changes between two requests, and requests unanswered at once: together less than a burst of keys (16).
const BETWEEN: usize = 4;
const UNANSWERED: usize = 2;

/// A window with one document.
pub struct Editor {
    wire: Wire,
    unanswered: VecDeque<u64>,
    since: usize,
    uri: String,
    version: i32,
}

impl Editor {
    /// Opens a window on `root` with a sidecar of its own, which `command` starts.
    pub fn start(mut command: Command, root: &Path, file: &Path, units: Units) -> Result<Self> {
        let (folder, uri) = (uri(root)?, uri(file)?);
        let wire = Wire::start(command.current_dir(root)).context("`codi2 lsp` cannot be started")?;
        let unanswered = VecDeque::new();
        let mut editor = Self { wire, unanswered, since: 0, uri, version: 0 };
        let answer = editor.request(
            "initialize",
            json!({
                "processId": std::process::id(),
                "clientInfo": {"name": "codi2 replay", "version": env!("CARGO_PKG_VERSION")},
                "rootUri": folder,
                "workspaceFolders": [{"uri": folder, "name": "replay"}],
                "capabilities": {"general": {"positionEncodings": [units.as_str()]}},
            }),
        )?;
        let agreed = answer.pointer("/capabilities/positionEncoding").and_then(Value::as_str).unwrap_or("utf-16");
        ensure!(agreed == units.as_str(), "the server counts in {agreed}, not in {}", units.as_str());
        editor.notify("initialized", json!({}))?;
        Ok(editor)
    }

    /// Opens the document.
    pub fn open(&mut self, text: &str) -> Result<()> {
        let document = json!({"uri": self.uri, "languageId": "plaintext", "version": self.version, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document}))
    }

    /// Changes it: one notification. Waits while too much is unheard.
    pub fn change(&mut self, changes: &[Change]) -> Result<()> {
        self.version += 1;
        let document = json!({"uri": self.uri, "version": self.version});
        let position = |(line, character): (usize, usize)| json!({"line": line, "character": character});
        let changes: Vec<Value> = changes
            .iter()
            .map(|Change { range: (start, end), text }| {
                json!({"range": {"start": position(*start), "end": position(*end)}, "text": text})
            })
            .collect();
        self.since += changes.len();
        self.notify("textDocument/didChange", json!({"textDocument": document, "contentChanges": changes}))?;
        if self.since >= BETWEEN {
            self.since = 0;
            let id = self.ask("textDocument/hover", self.place())?;
            self.unanswered.push_back(id);
            while self.unanswered.len() > UNANSWERED {
                self.answered()?;
            }
        }
        Ok(())
    }

    /// Waits until everything sent is applied.
    pub fn settle(&mut self) -> Result<()> {
        while !self.unanswered.is_empty() {
            self.answered()?;
        }
        self.request("textDocument/hover", self.place()).map(drop)
    }

    /// Says that the document was written to its file.
    pub fn saved(&mut self) -> Result<()> {
        self.notify("textDocument/didSave", json!({"textDocument": {"uri": self.uri}}))?;
        self.settle()
    }

    /// Closes the window in an orderly way; everything is durable or spooled when this returns.
    pub fn quit(mut self) -> Result<()> {
        self.notify("textDocument/didClose", json!({"textDocument": {"uri": self.uri}}))?;
        self.request("shutdown", Value::Null)?;
        self.notify("exit", Value::Null)?;
        let ended = self.wire.end().context("`codi2 lsp` does not end")?;
        ensure!(ended.success(), "`codi2 lsp` ended with {ended}");
        Ok(())
    }

    fn place(&self) -> Value {
        json!({"textDocument": {"uri": self.uri}, "position": {"line": 0, "character": 0}})
    }

    fn answered(&mut self) -> Result<()> {
        match self.unanswered.pop_front() {
            Some(id) => self.answer(id).map(drop),
            None => Ok(()),
        }
    }

    fn notify(&mut self, method: &str, params: Value) -> Result<()> {
        self.wire.notify(method, &params).context("`codi2 lsp` does not read")
    }

    fn request(&mut self, method: &str, params: Value) -> Result<Value> {
        let id = self.ask(method, params)?;
        self.answer(id)
    }

    fn ask(&mut self, method: &str, params: Value) -> Result<u64> {
        self.wire.ask(method, &params).context("`codi2 lsp` does not read")
    }

    /// Waits for the answer to a request; answers come in any order, but only one is waited for.
    fn answer(&mut self, id: u64) -> Result<Value> {
        loop {
            let (of, answer) = self.wire.answer(PATIENCE).context("`codi2 lsp` does not answer")?;
            if of == id {
                return answer.map_err(|error| anyhow!("`codi2 lsp` answered {error}"));
            }
            self.unanswered.retain(|waiting| *waiting != of);
        }
    }
}

/// The file's URI.
fn uri(path: &Path) -> Result<String> {
    let path = std::path::absolute(path).context("no working folder")?;
    wire::uri(&path).with_context(|| format!("{} is not UTF-8", path.display()))
}
