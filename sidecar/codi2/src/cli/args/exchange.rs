//! The words of commands that exchange what is known of commits: export, import, notes.

use std::path::PathBuf;

use clap::Subcommand;

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
