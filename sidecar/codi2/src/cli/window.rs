//! Who started an editor's window: asked by its sidecar of a process of its own, since what reading the catalogue of tools
//! takes would stay in the sidecar for good (ADR 0079).
//!
//! Absent on purpose: judgement (`tools`). A process more between the two changes nothing: it has the sidecar's variables.

use std::process::{Command, Stdio};

use anyhow::Result;
use codi2_config::Settings;
use codi2_protocol::Actor;

use super::args::Format;
use super::printer::Printer;
use crate::settings::{self, Flags};
use crate::tools;

/// What finds the agent that started this sidecar's window.
pub fn starter(flags: &Flags, settings: &Settings) -> Box<dyn FnOnce() -> Option<Actor> + Send> {
    let (passed, settings) = (flags.passed_on(), settings.clone());
    Box::new(move || {
        let told = std::env::current_exe().and_then(|program| {
            let mut ask = Command::new(program);
            ask.args(["lsp", "--started-by"]).args(passed).stdin(Stdio::null()).stderr(Stdio::null()).output()
        });
        let told = told.ok().filter(|told| told.status.success());
        // A program that was replaced meanwhile may not know the question.
        let told = told.and_then(|told| serde_json::from_slice(&told.stdout).ok());
        told.unwrap_or_else(|| tools::agent(&settings))
    })
}

/// Tells whoever asks.
pub fn tell(flags: &Flags) -> Result<()> {
    let agent = tools::agent(&settings::load_quickly(flags));
    let printer = &mut Printer::stdout(Some(Format::Json));
    printer.json(&agent)?;
    printer.flush()
}
