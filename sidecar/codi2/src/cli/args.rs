//! The words of the command line: commands, flags, their help; those of a room of commands in a file of their own.
//!
//! Absent on purpose: what the commands do, and defaults of settings (they live in `codi2_config`). A test holds
//! `docs/cli.md` against the commands named here.

mod exchange;
mod feed;
mod hooks;
mod reports;
mod said;

pub use exchange::{Export, Import, NotesCommand};
pub use feed::{Log, Monitor, Tail, Wanted};
pub use hooks::{Hook, HookFormat, Hooks, HooksTarget};
pub use reports::{Blame, Ci, Diff, Show, Stats, StatsBy};
pub use said::{LogAi, Note, Parent};

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

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
    /// Leave a note of yours in the log (notes on commits are another thing: codi2 notes)
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
    /// Git's notes on commits, which hold what codi2 knows of them (a note of yours is another thing: codi2 note)
    #[command(subcommand)]
    Notes(NotesCommand),
    /// Type a recorded editing history once more, and check its text and owners
    Replay(Replay),
}

/// `codi2 lsp`
#[derive(Debug, Args)]
pub struct Lsp {
    /// Standard input and output, the only transport (accepted because many clients pass it)
    #[arg(long, hide = true)]
    pub stdio: bool,
    /// Only tell the agent that started the window, or null, as JSON: how a sidecar asks
    #[arg(long, hide = true)]
    pub started_by: bool,
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
