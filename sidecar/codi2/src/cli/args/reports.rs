//! The words of reports on lines: blame, diff, show, stats, ci.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

/// `codi2 blame`
#[derive(Debug, Args)]
#[command(override_usage = "codi2 blame [OPTIONS] [REVISION] <FILE>")]
pub struct Blame {
    /// The file; with a revision before it, as this revision has it, else as it stands
    // One list: of two arguments, options between them would leave the second without a place.
    #[arg(value_name = "FILE", required = true, num_args = 1..=2)]
    pub words: Vec<PathBuf>,
    /// As git blame --line-porcelain, with headers of codi2's own
    #[arg(long)]
    pub line_porcelain: bool,
    /// The unsaved text of an editor that has it open, where there is one
    #[arg(long)]
    pub buffer: bool,
}

impl Blame {
    /// The revision, where one is named.
    pub fn revision(&self) -> Option<Cow<'_, str>> {
        let [revision, _] = self.words.as_slice() else { return None };
        Some(revision.to_string_lossy())
    }

    /// The file.
    pub fn file(&self) -> &Path {
        self.words.last().map_or(Path::new(""), PathBuf::as_path)
    }
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
