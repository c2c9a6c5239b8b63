//! `codi2 config`: what is set, by whom, where, and what is wrong with it. Changes nothing.

mod check;
mod show;

use std::path::{Path, PathBuf};

use anyhow::Result;
use codi2_config::schema;
use serde_json::json;

use super::args::{ConfigCommand, Format};
use super::printer::Printer;
use crate::settings::{self, Flags};

/// Does what is asked.
pub fn run(command: &ConfigCommand, flags: &Flags, printer: &mut Printer) -> Result<()> {
    match command {
        ConfigCommand::Show => show::run(flags, printer),
        ConfigCommand::Check { file } => check::run(file.as_deref(), flags, printer),
        ConfigCommand::Path => path(flags, printer),
        ConfigCommand::Schema { repository } => {
            let schema = if *repository { schema::repository() } else { schema::user() };
            match printer.format() {
                Format::Json | Format::Jsonl => printer.json(schema)?,
                Format::Human | Format::Compact => {
                    serde_json::to_string_pretty(schema)?.lines().try_for_each(|line| printer.line(line))?;
                }
            }
            printer.flush()
        }
    }
}

/// The root of the worktree that this process runs in.
fn root() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    codi2_workspace::identify(&here).ok().map(|place| place.root)
}

/// Where settings are read from, whether something is there or not.
fn path(flags: &Flags, printer: &mut Printer) -> Result<()> {
    let user = settings::load(flags).file.map(|path| ("user", path));
    let repository = root().map(|root| ("repository", codi2_workspace::repository_file(&root)));
    let rows: Vec<(&str, String, &str)> = user
        .into_iter()
        .chain(repository)
        .map(|(whose, path)| (whose, path.display().to_string(), if path.exists() { "exists" } else { "absent" }))
        .collect();
    let json = |(whose, path, state): &(&str, String, &str)| json!({"whose": whose, "path": path, "exists": *state == "exists"});
    match printer.format() {
        Format::Json => printer.json(&rows.iter().map(json).collect::<Vec<_>>())?,
        Format::Jsonl => rows.iter().try_for_each(|row| printer.json(&json(row)))?,
        Format::Compact => rows.iter().try_for_each(|(whose, path, state)| printer.fields(&[whose, path, state]))?,
        Format::Human => {
            rows.iter()
                .try_for_each(|(whose, path, state)| printer.line(&format!("{whose:<10}  {state:<6}  {path}")))?;
        }
    }
    printer.flush()
}

/// A path as a person finds it again.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
