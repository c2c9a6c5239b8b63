//! The words of commands that agents call, and that set these up: hook, hooks.

use clap::{Args, Subcommand};

use crate::cli::hook::tool::{self, HookTool};

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
