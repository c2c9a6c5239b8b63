//! An editor of a few messages.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::PATIENCE;
use crate::world::World;

/// An editor of a few messages: a language server's client over its pipes.
pub struct Editor {
    child: Child,
    heard: std::sync::mpsc::Receiver<Value>,
}

impl Editor {
    /// A window that understands `codi2/status`, with a file open.
    pub fn with(world: &World, file: &str, text: &str) -> Self {
        world.write(file, text);
        let mut editor = Self::start(world, &["lsp"]);
        editor.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "processId": null, "rootUri": world.uri(""),
            "capabilities": {"experimental": {"codi2": {"status": true}}}}}));
        editor.until("the answer", |message| message["id"] == 1);
        editor.notify("initialized", &json!({}));
        editor.notify(
            "textDocument/didOpen",
            &json!({"textDocument": {
            "uri": world.uri(file), "languageId": "text", "version": 1, "text": text}}),
        );
        editor
    }

    pub fn notify(&mut self, method: &str, params: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    fn start(world: &World, arguments: &[&str]) -> Self {
        let mut command = world.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (tell, heard) = std::sync::mpsc::channel();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut length = 0;
            let mut line = String::new();
            while out.read_line(&mut line).is_ok_and(|read| read > 0) {
                if let Some(value) = line.trim().strip_prefix("Content-Length: ") {
                    length = value.parse().unwrap();
                } else if line.trim().is_empty() {
                    let mut body = vec![0; length];
                    std::io::Read::read_exact(&mut out, &mut body).unwrap();
                    if tell.send(serde_json::from_slice(&body).unwrap()).is_err() {
                        return;
                    }
                }
                line.clear();
            }
        });
        Self { child, heard }
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        let frame = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        std::io::Write::write_all(self.child.stdin.as_mut().unwrap(), frame.as_bytes()).unwrap();
    }

    pub fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.heard.recv_timeout(left) {
                Ok(message) if holds(&message) => return message,
                Ok(message) => seen.push(message),
                Err(_) => panic!("{what} never came: {seen:?}"),
            }
        }
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
