//! The words of commands by which agents and people say what they do: log-ai, note.

use std::path::PathBuf;

use clap::Args;
use codi2_protocol::ActorKind;

/// `codi2 log-ai`
#[derive(Debug, Args)]
pub struct LogAi {
    /// What to say; -: standard input says it
    #[arg(value_name = "MESSAGE")]
    pub message: String,
    /// What is being done, in a word: plan, read, search, edit, run, test, review, decide, ask, done, fail, say, or another
    #[arg(long, value_name = "ACTION", default_value = "say")]
    pub action: String,
    /// The file it is about
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Which tool speaks, by its id or name; else what the surroundings prove
    #[arg(long, value_name = "TOOL")]
    pub tool: Option<String>,
    /// The model behind it
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// The tool's own id of the session
    #[arg(long, value_name = "ID")]
    pub session: Option<String>,
    /// On whose behalf, the nearest first: orchestrator:conductor, person:Ada (may be given several times)
    #[arg(long, value_name = "KIND:NAME", value_parser = Parent::named)]
    pub parent: Vec<Parent>,
    /// A transcript of the session: tool and session are taken from it where it is of one
    #[arg(long, value_name = "FILE")]
    pub transcript: Option<PathBuf>,
}

/// On whose behalf somebody acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// What it is.
    pub kind: ActorKind,
    /// Its name.
    pub name: String,
}

impl Parent {
    /// The actor of this text.
    ///
    /// # Errors
    /// How to write it.
    pub fn named(text: &str) -> Result<Self, String> {
        const KINDS: [ActorKind; 4] = [ActorKind::Person, ActorKind::Agent, ActorKind::Orchestrator, ActorKind::Tool];
        let wrong = || "write person:NAME, agent:NAME, orchestrator:NAME or tool:NAME".to_owned();
        let (kind, name) = text.split_once(':').ok_or_else(wrong)?;
        let kind = KINDS.into_iter().find(|known| known.as_str() == kind).ok_or_else(wrong)?;
        let name = name.trim();
        if name.is_empty() { Err(wrong()) } else { Ok(Self { kind, name: name.to_owned() }) }
    }
}

/// `codi2 note`
#[derive(Debug, Args)]
pub struct Note {
    /// What to note; -: standard input says it
    #[arg(value_name = "MESSAGE")]
    pub message: String,
    /// The file it is about
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}
