//! The words of commands that print the log: monitor, log, tail.

use std::path::PathBuf;

use clap::Args;
use codi2_protocol::Stamp;

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

/// What log, tail and monitor let through.
#[derive(Debug, Default, Clone, Args)]
pub struct Wanted {
    /// Received at or after: 10m, 2h, 3d, a date, or RFC 3339
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Received before: 10m, 2h, 3d, a date, or RFC 3339
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Of this session: codi2's id of it, or the tool's own
    #[arg(long, value_name = "ID")]
    pub session: Option<String>,
    /// Of an actor with this kind (person, agent, …), of one with this name or on whose behalf it was done, or KIND:NAME
    #[arg(long, value_name = "ACTOR")]
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
