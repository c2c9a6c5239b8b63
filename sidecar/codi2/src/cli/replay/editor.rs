//! A plain editor on two pipes: a real `codi2 lsp` beside it, one document, and no more unheard edits than keys in a hand.
//!
//! What was sent and not yet applied is bounded by requests in between, whose answers come in wire order: so a slow
//! machine makes a slow replay, and never a burst of keys that no hand makes. Absent on purpose: everything of codi2's
//! own (hints, status), as in an editor that knows nothing of it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::model::{Change, Units};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Changes between two requests, and requests unanswered at once: together less than a burst of keys (16).
const BETWEEN: usize = 4;
const UNANSWERED: usize = 2;

/// A window with one document.
pub struct Editor {
    child: Child,
    input: Option<ChildStdin>,
    /// What the server sends; ends with it.
    messages: Receiver<Value>,
    last_id: u64,
    unanswered: VecDeque<u64>,
    since: usize,
    uri: String,
    version: i32,
}

impl Editor {
    /// Opens a window on `root` with a sidecar of its own, which `command` starts.
    pub fn start(mut command: Command, root: &Path, file: &Path, units: Units) -> Result<Self> {
        let (folder, uri) = (uri(root)?, uri(file)?);
        let mut child = command
            .current_dir(root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("`codi2 lsp` cannot be started")?;
        let output = child.stdout.take().context("`codi2 lsp` has no output")?;
        let (sender, messages) = channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(message) = receive(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        let unanswered = VecDeque::new();
        let mut editor = Self { child, input, messages, last_id: 0, unanswered, since: 0, uri, version: 0 };
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
        self.input = None;
        let ended = self.child.wait().context("`codi2 lsp` does not end")?;
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
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}))
    }

    fn request(&mut self, method: &str, params: Value) -> Result<Value> {
        let id = self.ask(method, params)?;
        self.answer(id)
    }

    fn ask(&mut self, method: &str, params: Value) -> Result<u64> {
        self.last_id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params}))?;
        Ok(self.last_id)
    }

    /// Waits for the answer to a request; answers come in any order, but only one is waited for.
    fn answer(&mut self, id: u64) -> Result<Value> {
        loop {
            let message = match self.messages.recv_timeout(PATIENCE) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => bail!("`codi2 lsp` did not answer within {} s", PATIENCE.as_secs()),
                Err(RecvTimeoutError::Disconnected) => bail!("`codi2 lsp` ended before it answered"),
            };
            match (message.get("id").and_then(Value::as_u64), message.get("method")) {
                (Some(of), None) if of == id => {
                    let error = message.get("error");
                    ensure!(error.is_none(), "`codi2 lsp` answered {}", error.unwrap_or(&Value::Null));
                    return Ok(message.get("result").cloned().unwrap_or_default());
                }
                (Some(of), None) => self.unanswered.retain(|waiting| *waiting != of),
                // Whatever a server asks of this editor, it has nothing.
                (Some(of), Some(_)) => self.send(&json!({"jsonrpc": "2.0", "id": of, "result": null}))?,
                (None, _) => {}
            }
        }
    }

    fn send(&mut self, message: &Value) -> Result<()> {
        let body = message.to_string();
        let input = self.input.as_mut().context("the window is closed")?;
        let sent = write!(input, "Content-Length: {}\r\n\r\n{body}", body.len()).and_then(|()| input.flush());
        sent.context("`codi2 lsp` does not read")
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads one message; `None` at the end.
fn receive(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// The file's URI, everything but the plainest characters escaped.
fn uri(path: &Path) -> Result<String> {
    let path = std::path::absolute(path).context("no working folder")?;
    let text = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
    let mut out = "file://".to_owned();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    Ok(out)
}
