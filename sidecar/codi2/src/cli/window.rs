//! Who started an editor's window: asked by its sidecar of a process of its own, since what reading the catalogue of tools
//! takes would stay in the sidecar for good (ADR 0079).
//!
//! Absent on purpose: judgement (`tools`). A process more between the two changes nothing: it has the sidecar's variables.

use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Result;
use codi2_config::Settings;
use codi2_protocol::Actor;

use super::args::Format;
use super::printer::Printer;
use crate::settings::{self, Flags};
use crate::tools;

/// How long the process may take: some 10 ms as a rule.
const PATIENCE: Duration = Duration::from_secs(1);
/// What it may say, in bytes.
const ANSWER_BYTES: u64 = 64 << 10;

/// What finds the agent that started this sidecar's window.
pub fn starter(flags: &Flags, settings: &Settings) -> Box<dyn FnOnce() -> Option<Actor> + Send> {
    let (passed, settings) = (flags.passed_on(), settings.clone());
    Box::new(move || {
        let told = std::env::current_exe().and_then(|program| {
            let mut ask = Command::new(program);
            answer(ask.args(["lsp", "--started-by"]).args(passed), PATIENCE)
        });
        let told = told.inspect_err(|error| tracing::warn!(%error, "who started this window is looked for in place"));
        // A program that was replaced meanwhile may not know the question.
        let told = told.ok().and_then(|told| serde_json::from_slice(&told?).ok());
        told.unwrap_or_else(|| tools::agent(&settings))
    })
}

/// What a program says, if it ends well; one that takes longer is ended.
fn answer(ask: &mut Command, patience: Duration) -> io::Result<Option<Vec<u8>>> {
    let mut child = ask.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let (say, said) = mpsc::channel();
    let out = child.stdout.take();
    std::thread::spawn(move || {
        let mut told = Vec::new();
        let read = out.map(|out| out.take(ANSWER_BYTES).read_to_end(&mut told)).transpose();
        let _ = say.send(read.map(|_| told));
    });
    let told = said.recv_timeout(patience);
    if told.is_err() {
        child.kill()?;
    }
    let ended = child.wait()?;
    let told = told.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time"))??;
    Ok(ended.success().then_some(told))
}

/// Tells whoever asks.
pub fn tell(flags: &Flags) -> Result<()> {
    let agent = tools::agent(&settings::load_quickly(flags));
    let printer = &mut Printer::stdout(Some(Format::Json));
    printer.json(&agent)?;
    printer.flush()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_program_that_does_not_answer_is_ended() {
        let sh = |script: &str, patience| answer(Command::new("sh").args(["-c", script]), patience);
        let stopped = sh("kill -STOP $$", Duration::from_millis(20)).unwrap_err();
        assert_eq!(stopped.kind(), io::ErrorKind::TimedOut);
        assert_eq!(sh("printf null", LONG).unwrap().unwrap(), b"null");
        assert_eq!(sh("printf null; exit 2", LONG).unwrap(), None);
        assert!(answer(&mut Command::new("./no-such-program"), LONG).is_err());
    }
}
