//! The words of the command line: commands, flags, their help.
//!
//! Absent on purpose: what the commands do, and defaults of settings (they live in `codi2_config`). A test holds
//! `docs/cli.md` against the commands named here.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use codi2_protocol::{ActorKind, SessionId, Stamp};

use super::hook::tool::{self, HookTool};
use super::replay::model::Units;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "codi2", version, about, disable_help_subcommand = true)]
pub struct Line {
    /// How to print; human on a terminal, compact elsewhere
    #[arg(long, global = true, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Read the settings of this file instead of the usual one
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set this, as in watch.poll=true, here and in the hub if this starts one (may be given several times)
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns for people; may change between versions
    Human,
    /// One line a record, fields parted by tabs
    Compact,
    /// One JSON document (streams print one a line)
    Json,
    /// One JSON document a line
    Jsonl,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch a worktree and print who changes what, live, until Ctrl-C
    Monitor(Monitor),
    /// Serve an editor: a language server on standard input and output
    Lsp(Lsp),
    /// The background process that all editors and agents share
    #[command(subcommand)]
    Hub(Hub),
    /// Print the audit log, oldest first
    Log(Log),
    /// Follow the audit log from now on, or from a stamp without loss or repeats
    Tail(Tail),
    /// Who wrote each line of a file, how sure, and why
    #[command(allow_missing_positional = true)]
    Blame(Blame),
    /// What differs, with who wrote each added line and who had written each deleted one
    Diff(Diff),
    /// A commit, and whose the lines are that it brought
    Show(Show),
    /// The AI tools that codi2 knows, or which of them are here
    ListAiTools(ListAiTools),
    /// Whom this process would be taken for, and by what evidence
    Whoami(Whoami),
    /// An agent says what it does; the log keeps it, with who said it and how that is known
    LogAi(LogAi),
    /// Leave a note of yours in the log
    Note(Note),
    /// How the hub is, who works where, what is watched
    Status,
    /// How many of the lines that commits brought are whose, and how sure that is
    Stats(Stats),
    /// Hold a range of commits against a policy; exit code 1 where it does not keep to it
    Ci(Ci),
    /// Look for what keeps codi2 from working, and say what to do
    Doctor(Doctor),
    /// The store itself: look at every row, or copy it, while no hub uses it
    #[command(subcommand)]
    Store(StoreCommand),
    /// Settings: what is set, by whom, and what is wrong
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print what a shell needs to complete commands and flags
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Write the manual pages
    Man {
        /// Folder to write them to; made where it is missing
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
    },
    /// What agents call before and after they edit
    Hook(Hook),
    /// Set up a tool's own hooks so that it tells codi2 what it edits
    #[command(subcommand)]
    Hooks(Hooks),
    /// Print or write what is known of commits, in a format that others read
    #[command(subcommand)]
    Export(Export),
    /// Bring what others know of commits to what codi2 knows
    #[command(subcommand)]
    Import(Import),
    /// Notes on commits, which hold what codi2 knows of them
    #[command(subcommand)]
    Notes(NotesCommand),
    /// Type a recorded editing history once more, and check its text and owners
    Replay(Replay),
}

/// `codi2 monitor`
#[derive(Debug, Default, Args)]
pub struct Monitor {
    /// Folder inside the worktree to watch
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub path: PathBuf,
    /// Look again and again instead of waiting for events of the file system
    #[arg(long)]
    pub poll: bool,
    /// Print only events of files that match (may be given several times)
    #[arg(long, value_name = "GLOB")]
    pub include: Vec<String>,
    /// Print no events of files that match (may be given several times)
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
}

/// `codi2 lsp`
#[derive(Debug, Args)]
pub struct Lsp {
    /// Standard input and output, the only transport (accepted because many clients pass it)
    #[arg(long, hide = true)]
    pub stdio: bool,
}

/// `codi2 hub`
#[derive(Debug, Subcommand)]
pub enum Hub {
    /// Start the hub, unless it runs
    Start {
        /// Stay in this process until the hub ends
        #[arg(long)]
        foreground: bool,
        /// The store: file or foundationdb; as --set store.kind=…
        #[arg(long, value_name = "KIND")]
        store: Option<String>,
        /// The cluster's file, for foundationdb; as --set store.cluster_file=…
        #[arg(long, value_name = "FILE")]
        cluster_file: Option<PathBuf>,
    },
    /// End the hub once everything is durable
    Stop,
    /// Whether the hub runs, and how it is
    Status,
}

/// What log, tail and monitor let through.
#[derive(Debug, Default, Clone, Args)]
pub struct Wanted {
    /// Received at or after: 10m, 2h, 3d, a date, or RFC 3339
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Received before: 10m, 2h, 3d, a date, or RFC 3339
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Of this session
    #[arg(long, value_name = "ID")]
    pub session: Option<SessionId>,
    /// Of an actor with this kind (person, agent, …) or name
    #[arg(long, value_name = "NAME")]
    pub actor: Option<String>,
    /// About this file
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Of this kind (edit, disk, git, …); may be given several times or parted by commas
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub kind: Vec<String>,
    /// Whose JSON holds this text, letter case ignored
    #[arg(long, value_name = "TEXT")]
    pub grep: Option<String>,
}

/// `codi2 log`
#[derive(Debug, Args)]
pub struct Log {
    /// The latest so many events; 0: all
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: u64,
    /// Which events.
    #[command(flatten)]
    pub wanted: Wanted,
    /// Then follow the log, as tail does
    #[arg(long)]
    pub tail: bool,
}

/// `codi2 tail`
#[derive(Debug, Args)]
pub struct Tail {
    /// Begin after this place, as the machine formats print it
    #[arg(long, value_name = "STAMP")]
    pub from: Option<Stamp>,
    /// Which events.
    #[command(flatten)]
    pub wanted: Wanted,
}

/// `codi2 blame`
#[derive(Debug, Args)]
pub struct Blame {
    /// As this revision has it; without it as it stands
    #[arg(value_name = "REVISION")]
    pub revision: Option<String>,
    /// The file
    #[arg(value_name = "FILE", required = true)]
    pub file: PathBuf,
    /// As git blame --line-porcelain, with headers of codi2's own
    #[arg(long)]
    pub line_porcelain: bool,
    /// The unsaved text of an editor that has it open, where there is one
    #[arg(long)]
    pub buffer: bool,
}

/// `codi2 diff`
#[derive(Debug, Args)]
pub struct Diff {
    /// From the first to the second; of one to the worktree; without any from HEAD to the worktree. A..B and A...B do, too
    #[arg(value_name = "REVISION", num_args = 0..=2)]
    pub revisions: Vec<String>,
    /// Only these files and folders
    #[arg(value_name = "PATH", last = true)]
    pub paths: Vec<OsString>,
}

/// `codi2 show`
#[derive(Debug, Args)]
pub struct Show {
    /// The commit
    #[arg(value_name = "COMMIT", default_value = "HEAD")]
    pub commit: String,
}

/// `codi2 stats`
#[derive(Debug, Args)]
pub struct Stats {
    /// The commits, as git log takes them: main.., v1..v2; without it all of HEAD
    #[arg(value_name = "RANGE")]
    pub range: Option<String>,
    /// What lines are counted by
    #[arg(long, value_name = "KEY", default_value = "actor")]
    pub by: StatsBy,
    /// Also how many of the lines still stand at HEAD; blames every file that was touched since
    #[arg(long)]
    pub survival: bool,
    /// Instead, how fast codi2 itself is: what its processes measure all the time
    #[arg(long, conflicts_with_all = ["range", "by", "survival"])]
    pub internal: bool,
}

/// What `stats` counts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatsBy {
    /// Who wrote them
    Actor,
    /// With which tool
    Tool,
    /// Which model
    Model,
    /// In which folder
    Directory,
    /// On which day they were committed
    Day,
    /// How sure their owner is known
    Class,
}

impl StatsBy {
    /// The name used on the command line and in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Actor => "actor",
            Self::Tool => "tool",
            Self::Model => "model",
            Self::Directory => "directory",
            Self::Day => "day",
            Self::Class => "class",
        }
    }
}

/// `codi2 ci`
#[derive(Debug, Args)]
pub struct Ci {
    /// The commits, as git log takes them: origin/main..HEAD
    #[arg(value_name = "RANGE")]
    pub range: String,
    /// The rules of this file, a TOML or YAML file with [[ci.rules]], instead of those of your settings
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// The flags below make one more rule, for files that match (may be given several times; without it all)
    #[arg(long, value_name = "GLOB")]
    pub path: Vec<String>,
    /// At most so many percent of the lines may be unknown
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u64).range(0..=100))]
    pub max_unknown_percent: Option<u64>,
    /// The owner of each line must be known at least so surely: exact, declared, inferred, carried
    #[arg(long, value_name = "CLASS", value_parser = ["exact", "declared", "inferred", "carried"])]
    pub min_class: Option<String>,
    /// No line may be of such an actor: person, completion, agent, … (may be given several times)
    #[arg(long, value_name = "KIND", value_parser = ["person", "completion", "agent", "orchestrator", "tool", "git", "external", "unknown"])]
    pub forbid: Vec<String>,
    /// Each commit that brings lines must have a note
    #[arg(long)]
    pub require_notes: bool,
}

/// `codi2 list-ai-tools`
#[derive(Debug, Args)]
pub struct ListAiTools {
    /// Only those for which something speaks here, how likely each acts, and why
    #[arg(long)]
    pub detect: bool,
}

/// `codi2 whoami`
#[derive(Debug, Args)]
pub struct Whoami {
    /// Whom this commit's author and trailers name, instead of this process
    #[arg(long, value_name = "COMMIT")]
    pub commit: Option<String>,
    /// Whose sessions this transcript or log names (-: standard input), instead of this process
    #[arg(long, value_name = "FILE", conflicts_with = "commit")]
    pub transcript: Option<PathBuf>,
}

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

/// `codi2 doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// Folder inside the worktree to look at
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub path: PathBuf,
}

/// `codi2 replay`
#[derive(Debug, Args)]
pub struct Replay {
    /// The history: a sequential one of josephg/editing-traces, plain or gzip
    #[arg(value_name = "TRACE")]
    pub trace: PathBuf,
    /// Only the first so many edits
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Milliseconds each key takes; below 15 no hand is so quick, and keys may be nobody's
    #[arg(long, value_name = "MS", default_value_t = 16)]
    pub pace: u64,
    /// Check text and owners after so many edits, and at the end; 0: only at the end
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub check_every: u64,
    /// How the editor counts positions in a line
    #[arg(long, value_name = "ENCODING", default_value = "utf-16")]
    pub encoding: Units,
    /// Use the hub that runs for you, and its log, instead of a temporary one
    #[arg(long)]
    pub live: bool,
}

/// `codi2 export`
#[derive(Debug, Subcommand)]
pub enum Export {
    /// As notes of the Git AI standard 3.0.0
    GitAi {
        /// The commits, as git log takes them: main, v1..v2
        #[arg(value_name = "RANGE", default_value = "HEAD")]
        range: String,
        /// Put them over the notes in refs/notes/ai, instead of printing them
        #[arg(long)]
        write_notes: bool,
    },
    /// As records of Agent Trace 0.1.0, one a commit
    AgentTrace {
        /// The commits, as git log takes them: main, v1..v2
        #[arg(value_name = "RANGE", default_value = "HEAD")]
        range: String,
    },
}

/// `codi2 import`
#[derive(Debug, Subcommand)]
pub enum Import {
    /// From the notes of the Git AI standard in refs/notes/ai
    GitAi {
        /// The commits, as git log takes them: main, v1..v2
        #[arg(value_name = "RANGE", default_value = "HEAD")]
        range: String,
    },
    /// From records of Agent Trace: one, an array, or one a line
    AgentTrace {
        /// The file; -: standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// `codi2 notes`
#[derive(Debug, Subcommand)]
pub enum NotesCommand {
    /// Join the notes of other clones with those here
    Merge {
        /// References that hold them, as codi2-origin or in full; without one they are fetched
        #[arg(value_name = "REF", conflicts_with = "from")]
        refs: Vec<String>,
        /// The remote to fetch them from
        #[arg(long, value_name = "REMOTE", default_value = "origin")]
        from: String,
    },
}

/// `codi2 config`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting in effect and where it comes from
    Show,
    /// Name every mistake in the settings, with its line and what to do
    Check {
        /// Only this file; else yours, the repository's, the environment and flags
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Print where settings are read from
    Path,
    /// Print the JSON Schema of the settings, for editors
    Schema {
        /// Of a repository's file, which may set less
        #[arg(long)]
        repository: bool,
    },
}

/// `codi2 store`
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Verify every row and what it refers to; exit code 1 when something is wrong
    Check {
        /// The store's file, or foundationdb:CLUSTER_FILE; else the store that the settings name
        #[arg(value_name = "STORE")]
        store: Option<OsString>,
    },
    /// Copy a store into an empty place and prove it; one that was broken off goes on
    Copy {
        /// The store's file, or foundationdb:CLUSTER_FILE
        #[arg(long, value_name = "STORE")]
        from: OsString,
        /// Where the copy is made, or goes on: a file, or foundationdb:CLUSTER_FILE
        #[arg(long, value_name = "STORE")]
        to: OsString,
    },
}

/// `codi2 hook`
#[derive(Debug, Args)]
pub struct Hook {
    /// Whose payload comes on standard input: `agent-v1`, or the tool, as a hint (its shape decides)
    #[arg(value_name = "TOOL", value_parser = HookFormat::named)]
    pub of: HookFormat,
    /// As git-ai has it: the payload itself, or `stdin` (which it is anyhow)
    #[arg(long, value_name = "JSON")]
    pub hook_input: Option<String>,
}

/// `codi2 hooks`
#[derive(Debug, Subcommand)]
pub enum Hooks {
    /// Put `codi2 hook` into the tool's settings; what is there stays
    Install {
        /// Which tool, and whose settings.
        #[command(flatten)]
        target: HooksTarget,
        /// Only print what would change
        #[arg(long)]
        dry_run: bool,
    },
    /// Whether the hooks are there: installed, partly, not
    Status {
        /// The tool; without it all
        #[arg(value_name = "TOOL")]
        tool: Option<String>,
        /// In the repository here instead of your own settings
        #[arg(long)]
        project: bool,
    },
    /// Take `codi2 hook` out again; everything else stays to the byte
    Remove {
        /// Which tool, and whose settings.
        #[command(flatten)]
        target: HooksTarget,
        /// Only print what would change
        #[arg(long)]
        dry_run: bool,
    },
}

/// Which tool's hooks, and where.
#[derive(Debug, Args)]
pub struct HooksTarget {
    /// The tool
    #[arg(value_name = "TOOL")]
    pub tool: String,
    /// In the repository here instead of your own settings
    #[arg(long)]
    pub project: bool,
}

/// Whose payload a hook gets.
#[derive(Debug, Clone, Copy)]
pub enum HookFormat {
    /// What agents send to `git-ai checkpoint agent-v1`.
    AgentV1,
    /// A tool's own.
    Tool(&'static HookTool),
}

impl HookFormat {
    /// The format of this name.
    ///
    /// # Errors
    /// Which names there are.
    pub fn named(name: &str) -> Result<Self, String> {
        if name == "agent-v1" {
            return Ok(Self::AgentV1);
        }
        let known = || {
            let ids = tool::TOOLS.iter().map(|tool| tool.id);
            format!("known are agent-v1, {}", ids.collect::<Vec<_>>().join(", "))
        };
        tool::named(name).map(Self::Tool).ok_or_else(known)
    }
}
