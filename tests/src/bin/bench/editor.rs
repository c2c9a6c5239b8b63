//! An editor without a screen: `codi2 lsp` over real pipes.
//!
//! It reads on the thread that measures, so that no hand-over between threads is counted. Absent on purpose: codi2's
//! extensions, unless asked for; the answers' meaning.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Instant;

use codi2_tests::{World, program};
use serde_json::{Value, json};

/// One window with its sidecar; dropping it ends the sidecar.
pub struct Editor {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    id: u64,
}

impl Editor {
    /// Starts the sidecar and says nothing to it yet.
    pub fn start(world: &World) -> Self {
        let mut command = world.command(program());
        command.arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("codi2 starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Self { input: child.stdin.take(), child, output, id: 0 }
    }

    /// The sidecar's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends `initialize`, gives the moment of its answer, sends `initialized`. `status`: asks for `codi2/status`.
    pub fn initialize(&mut self, world: &World, status: bool) -> Instant {
        let codi2 = if status { json!({"status": true}) } else { json!({}) };
        let root = uri(world, "");
        let request = self.request(
            "initialize",
            json!({
                "processId": std::process::id(),
                "clientInfo": {"name": "bench"},
                "rootUri": root,
                "workspaceFolders": [{"uri": root, "name": "repo"}],
                "capabilities": {"experimental": {"codi2": codi2}},
            }),
        );
        self.send(&request);
        let answered = self.answered();
        self.send(&frame(json!({"jsonrpc": "2.0", "method": "initialized", "params": {}})));
        answered
    }

    /// Opens a file of the repository with this text.
    pub fn open(&mut self, world: &World, file: &str, text: &str) {
        let document = json!({"uri": uri(world, file), "languageId": "rust", "version": 0, "text": text});
        self.send(&notification("textDocument/didOpen", json!({"textDocument": document})));
    }

    /// A frame that asks who wrote the start of a line.
    pub fn hover(&mut self, uri: &str, line: usize) -> Vec<u8> {
        let position = json!({"line": line, "character": 0});
        self.request("textDocument/hover", json!({"textDocument": {"uri": uri}, "position": position}))
    }

    /// The frame of the next request; its answer must be awaited before the one after is made.
    pub fn request(&mut self, method: &str, params: Value) -> Vec<u8> {
        self.id += 1;
        frame(json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}))
    }

    /// Writes bytes to the sidecar.
    pub fn send(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("not closed yet");
        input.write_all(bytes).and_then(|()| input.flush()).expect("the sidecar reads");
    }

    /// Waits for the answer to the last request and gives the moment at which it was read. It must not be an error.
    pub fn answered(&mut self) -> Instant {
        loop {
            let (moment, message) = self.next();
            if message["id"] == self.id && message.get("method").is_none() {
                assert!(message.get("error").is_none(), "{message}");
                return moment;
            }
        }
    }

    /// Waits for a notification and gives the moment at which it was read.
    pub fn told(&mut self, method: &str, wanted: impl Fn(&Value) -> bool) -> Instant {
        loop {
            let (moment, message) = self.next();
            if message["method"] == method && wanted(&message["params"]) {
                return moment;
            }
        }
    }

    /// Ends the sidecar as editors do, and waits for its end.
    pub fn close(mut self) {
        let request = self.request("shutdown", Value::Null);
        self.send(&request);
        self.answered();
        self.send(&frame(json!({"jsonrpc": "2.0", "method": "exit"})));
        drop(self.input.take());
        let status = self.child.wait().expect("our own child");
        assert!(status.success(), "the sidecar ended with {status}");
    }

    fn next(&mut self) -> (Instant, Value) {
        let mut length = None;
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).expect("the sidecar writes text");
            assert!(read > 0, "the sidecar has closed its output");
            match line.trim_end() {
                "" => break,
                header => {
                    length = header.strip_prefix("Content-Length: ").and_then(|text| text.parse().ok()).or(length);
                }
            }
        }
        let mut body = vec![0; length.expect("a frame has a length")];
        self.output.read_exact(&mut body).expect("a whole frame");
        let moment = Instant::now();
        (moment, serde_json::from_slice(&body).expect("a frame holds JSON"))
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The URI of a file of the repository. The harness's folders need no escapes.
pub fn uri(world: &World, file: &str) -> String {
    format!("file://{}", world.path(file).display()).trim_end_matches('/').to_owned()
}

/// The frame of a notification.
pub fn notification(method: &str, params: Value) -> Vec<u8> {
    frame(json!({"jsonrpc": "2.0", "method": method, "params": params}))
}

fn frame(message: Value) -> Vec<u8> {
    let body = message.to_string();
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Text of about `bytes` bytes that looks like code: lines of 40 to 60 characters, each another.
pub fn code(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 64);
    let mut number = 0_usize;
    while text.len() < bytes {
        let indent = "    ".repeat(number % 4);
        text.push_str(&format!("{indent}let value_{number} = compute({number}, &table[{}]);\n", number % 97));
        number += 1;
    }
    text
}
