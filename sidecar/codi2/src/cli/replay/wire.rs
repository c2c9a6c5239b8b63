//! The Language Server Protocol as an editor speaks it, over the pipes of a child: frames out, messages in.
//!
//! The editors of the tests speak by this file, too (`tests/src/editor.rs`). Absent on purpose: documents, and anything
//! that a server may ask of an editor: it has nothing.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// A server that runs, and the way to it. Dropping it ends the server at once.
pub struct Wire {
    /// The server.
    pub child: Child,
    input: Option<ChildStdin>,
    /// What the server sends; ends with it.
    messages: Receiver<Value>,
    last_id: u64,
}

impl Wire {
    /// Starts the server.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (sender, messages) = channel();
        thread::spawn(move || {
            let Some(mut output) = output.map(BufReader::new) else { return };
            while let Some(message) = receive(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, input, messages, last_id: 0 })
    }

    /// Tells the server something.
    pub fn notify(&mut self, method: &str, params: &Value) -> io::Result<()> {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}))
    }

    /// Asks the server something; the question's id.
    pub fn ask(&mut self, method: &str, params: &Value) -> io::Result<u64> {
        self.last_id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params}))?;
        Ok(self.last_id)
    }

    /// Waits for the next answer: which question it is of, and the result or the error.
    pub fn answer(&mut self, patience: Duration) -> io::Result<(u64, Result<Value, Value>)> {
        loop {
            let mut message = self.messages.recv_timeout(patience).map_err(|error| match error {
                RecvTimeoutError::Timeout => {
                    io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", patience.as_secs()))
                }
                RecvTimeoutError::Disconnected => {
                    io::Error::new(io::ErrorKind::UnexpectedEof, "it ended before it answered")
                }
            })?;
            match (message["id"].as_u64(), message.get("method")) {
                (Some(id), None) => {
                    let answer = message.get_mut("error").map(Value::take);
                    return Ok((id, answer.map_or_else(|| Ok(message["result"].take()), Err)));
                }
                (Some(id), Some(_)) => self.send(&json!({"jsonrpc": "2.0", "id": id, "result": null}))?,
                (None, _) => {}
            }
        }
    }

    /// Says nothing more, and waits for the server's end.
    pub fn end(&mut self) -> io::Result<ExitStatus> {
        self.input = None;
        self.child.wait()
    }

    fn send(&mut self, message: &Value) -> io::Result<()> {
        let body = message.to_string();
        let input = self.input.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        write!(input, "Content-Length: {}\r\n\r\n{body}", body.len())?;
        input.flush()
    }
}

impl Drop for Wire {
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

/// The URI of an absolute path in UTF-8, everything but the plainest characters escaped; `None` for another.
pub fn uri(path: &Path) -> Option<String> {
    let escaped = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    let text = path.to_str().filter(|_| path.is_absolute())?;
    Some(format!("file://{}", text.bytes().map(escaped).collect::<String>()))
}
