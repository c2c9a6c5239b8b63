//! Neovim's MessagePack-RPC over a child's standard input and output, blocking.
//!
//! Absent on purpose: requests from Neovim to us (it makes none here) and streams; notifications are dropped.

use std::io::{BufReader, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rmpv::Value;

/// One RPC connection.
pub struct Rpc {
    input: ChildStdin,
    replies: Receiver<(u64, Result<Value, Value>)>,
    next: u64,
}

impl Rpc {
    /// Speaks over the pipes of a child.
    pub fn new(input: ChildStdin, output: ChildStdout) -> Self {
        let (sender, replies) = channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            // Redraw notifications never stop; whoever does not read them blocks Neovim.
            while let Ok(message) = rmpv::decode::read_value(&mut output) {
                let Value::Array(parts) = message else { continue };
                let [kind, id, error, result] = parts.as_slice() else { continue };
                if kind.as_u64() != Some(1) {
                    continue;
                }
                let answer = if error.is_nil() { Ok(result.clone()) } else { Err(error.clone()) };
                if sender.send((id.as_u64().unwrap_or_default(), answer)).is_err() {
                    break;
                }
            }
        });
        Self { input, replies, next: 1 }
    }

    /// Calls `method` and waits for its answer. The error is Neovim's own, or says that it does not answer.
    pub fn call(&mut self, method: &str, arguments: Vec<Value>, patience: Duration) -> Result<Value, String> {
        let id = self.next;
        self.next += 1;
        let message = Value::Array(vec![0.into(), id.into(), method.into(), Value::Array(arguments)]);
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &message).map_err(|error| error.to_string())?;
        self.input.write_all(&bytes).and_then(|()| self.input.flush()).map_err(|error| format!("{method}: {error}"))?;
        let end = Instant::now() + patience;
        loop {
            match self.replies.recv_timeout(end.saturating_duration_since(Instant::now())) {
                // Answers to calls that were given up are late: not ours.
                Ok((answered, answer)) if answered == id => {
                    return answer.map_err(|error| format!("{method}: {error}"));
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Err(format!("{method}: no answer within {patience:?}")),
                Err(RecvTimeoutError::Disconnected) => return Err(format!("{method}: Neovim is gone")),
            }
        }
    }
}
