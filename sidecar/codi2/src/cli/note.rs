//! `codi2 log-ai` and `codi2 note`: agents and people say in their own words what they do, and the log keeps it.
//!
//! Who speaks is what the flags say, else what the surroundings prove; the event says which. Without a hub it waits in the
//! hooks' spool, and the code is 0 all the same: an agent goes on. Absent on purpose: judgement (a note makes nobody the
//! author of anything), starting a hub, and any list of actions that must be: [`ACTIONS`] are words to agree on.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Subcommand as _;
use codi2_attribution::tools::{Acting, Catalogue, Findings};
use codi2_config::{Globs, Settings};
use codi2_hub::Tools as _;
use codi2_ipc::blocking::{HookOutcome, bring_or_spool};
use codi2_ipc::hooks::Brought;
use codi2_protocol::{Actor, ActorKind, CHAIN, EventId, KnownBy, MESSAGE_BYTES, NoteRecord, Said, WORD_BYTES, limits};
use serde_json::json;

use super::args::{Format, LogAi, Note, NotesCommand, Parent};
use super::failure::{Code, Failure};
use super::hook::bounds;
use super::printer::{Printer, complain};
use super::surroundings::BUILD;
use super::transcript;
use crate::settings::{self, Flags};
use crate::tools;

/// Words for what an agent does, so that logs of several agents can be searched; any other word is taken, too.
pub const ACTIONS: [&str; 12] =
    ["plan", "read", "search", "edit", "run", "test", "review", "decide", "ask", "done", "fail", "say"];
/// Marks of evidence that are told, at most.
const MARKS: usize = 16;

/// An agent says what it does.
pub fn log_ai(log: &LogAi, flags: &Flags, printer: &mut Printer) -> Result<()> {
    let message = message(&log.message)?;
    let action = action(&log.action)?;
    let flag = |name: &str, text: &Option<String>| text.as_deref().map(|text| word(name, text)).transpose();
    let (tool, model, session) =
        (flag("--tool", &log.tool)?, flag("--model", &log.model)?, flag("--session", &log.session)?);
    ensure_usage(log.parent.len() < CHAIN, || format!("at most {} times --parent", CHAIN - 1))?;
    let settings = settings::load(flags).settings;
    let catalogue = tools::catalogue(&settings);
    let findings = tools::here(&catalogue);
    let from = log.transcript.as_deref().map(|path| transcript::read(path, &catalogue)).transpose()?;
    let from = from.as_ref().and_then(|sessions| sessions.only());
    let (mut actor, by, marks) = match (tool, from) {
        (Some(tool), _) => told(&tool, &catalogue, &findings),
        (None, Some(mention)) => {
            let actor = Actor {
                session: Some(mention.session.clone()),
                model: mention.model.clone(),
                ..Actor::named(ActorKind::Agent, mention.tool.clone().unwrap_or_default())
            };
            (actor, KnownBy::Transcript, vec![mention.by.clone()])
        }
        (None, None) => detected(&catalogue, &findings),
    };
    if actor.session.is_none() {
        actor.session = from.filter(|mention| mention.tool.as_ref() == Some(&actor.name)).map(|it| it.session.clone());
    }
    if actor.name.is_empty() {
        complain("codi2: note: nothing here says which agent this is; name it with --tool");
    }
    actor.model = model.or(actor.model);
    actor.session = session.or(actor.session);
    if !log.parent.is_empty() {
        (actor.parent, actor.parent_by) = (None, None);
    }
    for Parent { kind, name } in &log.parent {
        actor = actor.on_behalf_of(Actor::named(*kind, word("--parent", name)?), KnownBy::Told);
    }
    let said = Said { action: Some(action), message, by, marks };
    keep(actor, said, log.file.as_ref(), &settings, printer)
}

/// A person leaves a note. Where the surroundings or git's identity speak for an agent, it is the agent's.
pub fn note(note: &Note, flags: &Flags, printer: &mut Printer) -> Result<()> {
    let command = note.message.trim();
    ensure_usage(!NotesCommand::has_subcommand(command), || {
        format!(
            "`codi2 notes {command}` is about notes on commits, `codi2 note` leaves your words in the log; to leave this \
             one word, give it on standard input: `echo {command} | codi2 note -`"
        )
    })?;
    let message = message(&note.message)?;
    let settings = settings::load(flags).settings;
    let catalogue = tools::catalogue(&settings);
    let findings = tools::here(&catalogue);
    let (actor, by, marks) = match findings.acting {
        Acting::Unknown => {
            let here = std::env::current_dir().context("there is no folder here")?;
            let place = codi2_workspace::identify(&here).context("whose note it is cannot be told")?;
            let by = if place.is_git_identity { KnownBy::GitIdentity } else { KnownBy::Account };
            let is_tools = place.is_git_identity && tools::Known::new(settings.clone()).is_tools(&place.person);
            let person = || Actor::named(ActorKind::Person, place.person);
            (if is_tools { Actor::named(ActorKind::Agent, "") } else { person() }, by, Vec::new())
        }
        _ => detected(&catalogue, &findings),
    };
    keep(actor, Said { action: None, message, by, marks }, note.file.as_ref(), &settings, printer)
}

/// The agent that whoever called named; what the surroundings know of the same tool is added.
fn told(tool: &str, catalogue: &Catalogue, findings: &Findings) -> (Actor, KnownBy, Vec<String>) {
    let name = catalogue.named(tool).map_or_else(|| tool.to_owned(), |tool| tool.id.clone());
    let actor = match findings.actor(catalogue).filter(|actor| actor.name == name) {
        Some(actor) => actor,
        None => {
            let actor = Actor::named(ActorKind::Agent, name.clone());
            match findings.starter_of(&name, catalogue) {
                Some(starter) => actor.on_behalf_of(starter, KnownBy::Surroundings),
                None => actor,
            }
        }
    };
    (actor, KnownBy::Told, Vec::new())
}

/// The agent that the surroundings prove. Where they prove none, it is one without a name: that it is an agent is what
/// calling `log-ai` says.
fn detected(catalogue: &Catalogue, findings: &Findings) -> (Actor, KnownBy, Vec<String>) {
    let nameless = || Actor::named(ActorKind::Agent, "");
    if findings.acting == Acting::Unknown {
        return (nameless(), KnownBy::Told, Vec::new());
    }
    let actor = findings.actor(catalogue).unwrap_or_else(nameless);
    let ids: Vec<&String> = match &findings.acting {
        Acting::Tool { tool, .. } => vec![tool],
        Acting::Ambiguous(tools) => tools.iter().collect(),
        _ => Vec::new(),
    };
    let facts = findings.tools.iter().filter(|found| ids.contains(&&found.tool)).flat_map(|found| &found.evidence);
    let marks = facts.map(|fact| fact.mark.clone()).take(MARKS).collect();
    (actor, KnownBy::Surroundings, marks)
}

/// Brings it to the hub or the spool, and says where it is.
fn keep(actor: Actor, said: Said, file: Option<&PathBuf>, settings: &Settings, printer: &mut Printer) -> Result<()> {
    let folder = std::env::current_dir().context("there is no folder here")?;
    let file = file.map(|file| text(&std::path::absolute(file).context("no working folder")?)).transpose()?;
    let at_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let (who, by) = (super::feed::chain(&actor), said.by);
    let record = NoteRecord { id: EventId::new(), at_ms, actor, said, folder: text(&folder)?, file };
    let id = record.id.to_string();
    let places = codi2_ipc::Places::find().context("no place for the note")?;
    let outcome = bring_or_spool(&places, Brought::Note(record), BUILD, |brought| {
        // One that cannot be read was left out before; where that failed, nothing lies anywhere.
        let private = Globs::any_case(&settings.watch.private).ok()?;
        if let Brought::Note(record) = brought {
            record.file.take_if(|file| bounds::is_private(&private, Path::new(&record.folder), file));
        }
        Some(settings.spool_bytes())
    });
    let outcome = outcome.context("neither the hub nor the spool took the note")?;
    let state = if outcome == HookOutcome::Done { "noted" } else { "waits for a hub" };
    match printer.format() {
        Format::Json | Format::Jsonl => printer.json(&json!({"id": id, "state": state}))?,
        Format::Compact => printer.fields(&[&id, state])?,
        Format::Human => printer.line(&format!("{state}: {who} [{by}]"))?,
    }
    printer.flush()
}

/// The message, or what standard input says in its place.
fn message(given: &str) -> Result<String> {
    let too_long = |bytes: usize| {
        format!("the message has {bytes} bytes, and {MESSAGE_BYTES} fit; shorten it, or name a file with --file")
    };
    let message = if given == "-" {
        let mut bytes = Vec::new();
        let most = MESSAGE_BYTES as u64 * 4;
        std::io::stdin().lock().take(most).read_to_end(&mut bytes).context("standard input cannot be read")?;
        String::from_utf8(bytes).map_err(|_| anyhow!("the message is not UTF-8")).code(Failure::Usage)?
    } else {
        given.to_owned()
    };
    let message = message.trim_end();
    ensure_usage(!message.trim().is_empty(), || {
        "the message is empty; write one, or - and give it on standard input".to_owned()
    })?;
    ensure_usage(message.len() <= MESSAGE_BYTES, || too_long(message.len()))?;
    Ok(message.to_owned())
}

fn action(given: &str) -> Result<String> {
    let action = given.trim().to_lowercase();
    let is_word = action.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    ensure_usage(is_word && !action.is_empty() && action.len() <= 64, || {
        format!("{given:?} is no action; write one word, such as {}", ACTIONS.join(", "))
    })?;
    Ok(action)
}

/// A name as long as a name may be.
fn word(flag: &str, text: &str) -> Result<String> {
    let text = text.trim();
    ensure_usage(!text.is_empty(), || format!("{flag} is empty; leave it out, or name something"))?;
    ensure_usage(text.len() <= WORD_BYTES, || format!("{flag} has {} bytes, and {WORD_BYTES} fit", text.len()))?;
    Ok(text.to_owned())
}

fn text(path: &std::path::Path) -> Result<String> {
    let text = path.to_str().with_context(|| format!("{} is not UTF-8; rename it", path.display()));
    let text = text.code(Failure::Usage)?;
    ensure_usage(text.len() <= limits::PATH_BYTES, || format!("a path of {} bytes is too long", text.len()))?;
    Ok(text.to_owned())
}

fn ensure_usage(is_right: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    let checked = || {
        ensure!(is_right, otherwise());
        Ok(())
    };
    checked().code(Failure::Usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_words_have_bounds_and_say_so() {
        assert_eq!(message("split the parser\n").unwrap(), "split the parser");
        let most = "é".repeat(MESSAGE_BYTES / 2);
        assert_eq!(message(&most).unwrap(), most);
        for (given, expected) in
            [(String::new(), "empty"), (" \n".to_owned(), "empty"), (format!("{most}x"), "16385 bytes")]
        {
            let error = message(&given).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert_eq!(crate::cli::failure::exit_code(&error), 2);
        }
        assert_eq!(action(" Plan ").unwrap(), "plan");
        assert_eq!(action("re-review").unwrap(), "re-review");
        for wrong in ["", "two words", "a\nb", &"x".repeat(65)] {
            assert!(action(wrong).unwrap_err().to_string().contains("such as plan, read"), "{wrong:?}");
        }
        assert!(word("--tool", &"x".repeat(257)).unwrap_err().to_string().contains("257 bytes"));
        assert!(word("--tool", " ").unwrap_err().to_string().contains("--tool is empty"));
    }
}
