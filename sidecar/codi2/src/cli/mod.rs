//! The command line: short-lived clients of the hub, one file a command.
//!
//! Each command gets its flags, a [`printer::Printer`] and the [`Surroundings`]; nothing else writes to standard
//! output. Absent on purpose: a runtime (commands block; `lsp` and the hub bring their own), colours, a pager.

mod ai_tools;
mod args;
mod at_once;
mod blame;
mod blocks;
mod ci;
mod config;
mod diff;
mod doctor;
mod engine;
mod exchange;
mod failure;
pub(crate) mod feed;
mod follow;
pub(crate) mod hook;
mod hooks;
mod hub;
mod link;
mod log;
mod logging;
mod monitor;
mod note;
mod owned;
pub(crate) mod printer;
pub mod records;
mod replay;
mod show;
mod stats;
mod status;
mod store;
mod surroundings;
mod tail;
#[cfg(test)]
mod tests;
mod transcript;
mod wanted;
pub mod when;
mod window;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use args::{Command, Line};
use failure::{Code, Failure};
use printer::{OutputClosed, Printer};
use surroundings::Surroundings;

use crate::settings::{self, Flags};

/// What `codi2 hook agent-v1` makes of an input.
#[doc(hidden)]
pub fn agent_v1_record(input: &[u8]) -> Result<Option<codi2_protocol::HookRecord>> {
    hook::record(&args::HookFormat::AgentV1, input)
}

/// What `codi2 hook claude-code` makes of an input: the hint of the most shared shape.
#[doc(hidden)]
pub fn tool_record(input: &[u8]) -> Result<Option<codi2_protocol::HookRecord>> {
    hook::record(&args::HookFormat::Tool(&hook::tool::TOOLS[0]), input)
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let line = match Line::try_parse() {
        Ok(line) => line,
        Err(error) => return refused(&error, std::env::args_os().skip(1)),
    };
    match run(&line) {
        Ok(code) => code,
        // Whoever reads our output has seen enough.
        Err(error) if error.chain().any(|cause| cause.is::<OutputClosed>()) => ExitCode::SUCCESS,
        Err(error) => {
            printer::complain(&format!("codi2: {error:#}"));
            ExitCode::from(failure::exit_code(&error))
        }
    }
}

fn run(line: &Line) -> Result<ExitCode> {
    // First what must be quick, or owns standard output.
    let flags = &Flags { config: line.config.clone(), set: line.set.clone() };
    match &line.command {
        Command::Hook(hook) => return hook::run(hook, flags).map(|()| ExitCode::SUCCESS),
        Command::Lsp(ask) if ask.started_by => return window::tell(flags).map(|()| ExitCode::SUCCESS),
        Command::Lsp(_) => return lsp(flags),
        // These tell of mistakes, and a hub goes on with what is right.
        Command::Config(_) | Command::Doctor(_) | Command::Hub(_) => {}
        _ => settings::wrong_flags(flags).into_iter().try_for_each(|wrong| Err(anyhow!(wrong)).code(Failure::Usage))?,
    }
    let flags = &Flags { config: line.config.clone(), set: [&line.set[..], &hub::set(&line.command)?[..]].concat() };
    let printer = &mut Printer::stdout(line.format);
    // Then what needs no place for a hub, or looks for it itself.
    let done = match &line.command {
        Command::Hooks(command) => Some(hooks::run(command, printer)),
        Command::ListAiTools(list) => Some(ai_tools::list(list, flags, printer)),
        Command::Whoami(whoami) => Some(ai_tools::whoami(whoami, flags, printer)),
        Command::Blame(blame) => Some(blame::run(blame, flags, printer)),
        Command::Diff(diff) => Some(diff::run(diff, flags, printer)),
        Command::Show(show) => Some(show::run(show, printer)),
        Command::Stats(stats) if !stats.internal => Some(stats::run(stats, printer)),
        Command::Ci(ci) => Some(ci::run(ci, flags, printer)),
        Command::Export(command) => Some(exchange::export(command, printer)),
        Command::Import(command) => Some(exchange::import(command, flags, printer)),
        Command::Notes(command) => Some(exchange::notes(command, printer)),
        Command::LogAi(log) => Some(note::log_ai(log, flags, printer)),
        Command::Note(left) => Some(note::note(left, flags, printer)),
        Command::Config(command) => Some(config::run(command, flags, printer)),
        Command::Doctor(doctor) => Some(doctor::run(doctor, flags, printer)),
        Command::Completions { shell } => Some(words::completions(*shell, printer)),
        Command::Man { out } => Some(words::manual(out, printer)),
        _ => None,
    };
    if let Some(done) = done {
        return done.map(|()| ExitCode::SUCCESS);
    }
    let surroundings = Surroundings::find(flags)?;
    if let Command::Replay(replay) = &line.command {
        replay::run(replay, printer, surroundings)?;
        return Ok(ExitCode::SUCCESS);
    }
    let surroundings = &surroundings;
    match &line.command {
        Command::Monitor(monitor) => monitor::run(monitor, printer, surroundings),
        Command::Hub(hub) => hub::run(hub, printer, surroundings),
        Command::Log(log) => log::run(log, printer, surroundings),
        Command::Tail(tail) => tail::run(tail, printer, surroundings),
        Command::Status => status::run(printer, surroundings),
        Command::Store(command) => store::run(command, printer, surroundings),
        Command::Stats(_) => stats::internal::run(printer, surroundings),
        Command::Hook(_) | Command::Lsp(_) | Command::Config(_) | Command::Doctor(_) => Ok(()),
        Command::Blame(_) | Command::Diff(_) | Command::Show(_) | Command::Ci(_) => Ok(()),
        Command::ListAiTools(_) | Command::Whoami(_) | Command::Hooks(_) => Ok(()),
        Command::Export(_) | Command::Import(_) | Command::Notes(_) => Ok(()),
        Command::LogAi(_) | Command::Note(_) => Ok(()),
        Command::Completions { .. } | Command::Man { .. } | Command::Replay(_) => Ok(()),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Help and version go to standard output, everything else to standard error; both through the escaping printer,
/// since clap repeats what was typed.
fn refused(error: &clap::Error, arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let text = error.to_string();
    if error.use_stderr() {
        printer::complain(text.trim_end());
        let (command, code) = wrong_use(arguments);
        if command.is_some_and(|word| word == "notes") && error.kind() == ErrorKind::InvalidSubcommand {
            printer::complain("To leave a note of yours in the log: codi2 note MESSAGE");
        }
        return ExitCode::from(code);
    }
    let printer = &mut Printer::stdout(Some(args::Format::Human));
    // A reader that left early is no failure.
    let _ = text.trim_end().lines().try_for_each(|line| printer.line(line)).and_then(|()| printer.flush());
    ExitCode::SUCCESS
}

/// The command that was meant, and the exit code of wrong use: 2, but never for a hook, because to many agents 2 says to
/// stop.
fn wrong_use(arguments: impl Iterator<Item = OsString>) -> (Option<OsString>, u8) {
    let line = Line::command();
    let mut arguments = arguments.skip_while(|word| line.find_subcommand(word).is_none());
    let command = arguments.next();
    let code = if command.as_ref().is_some_and(|word| word == "hook") {
        u8::from(arguments.any(|word| word == "agent-v1"))
    } else {
        2
    };
    (command, code)
}

/// Serves an editor. Its exit code is the language server protocol's.
fn lsp(flags: &Flags) -> Result<ExitCode> {
    // Before anything is read or started.
    blocks::begin_anew();
    let loaded = settings::load(flags);
    logging::to_stderr(&loaded.settings, "warn");
    // An editor's user sees the first in the status bar; an editor goes on with what is right.
    loaded.mistakes.iter().for_each(|mistake| printer::complain(&format!("codi2: settings: {mistake}")));
    let places = codi2_ipc::Places::find()?;
    let options = crate::lsp::LspOptions {
        places,
        start: Some(surroundings::spawn(flags)?),
        build: surroundings::BUILD.to_owned(),
        about_settings: loaded.problem(),
        spool_bytes: loaded.settings.spool_bytes(),
        agent: window::starter(flags, &loaded.settings),
        shown: loaded.settings.editor,
        private: loaded.settings.watch.private,
    };
    Ok(match crate::lsp::run(options)? {
        crate::lsp::Ended::Orderly => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}
