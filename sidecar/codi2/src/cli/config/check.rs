//! `codi2 config check`: every mistake in a file, or in all that counts here. Exit code 2 when there is one, 3 when
//! the file is not there.

use std::path::Path;

use anyhow::{Result, anyhow};
use codi2_config::{Mistake, Origin, Owner, Syntax};
use serde_json::json;

use crate::cli::args::Format;
use crate::cli::failure::{Code, Failure};
use crate::cli::printer::{Printer, complain};
use crate::settings::{self, Flags};

/// Prints the mistakes of `file`; without one those of the person's file, the repository's, the environment and flags.
pub fn run(file: Option<&Path>, flags: &Flags, printer: &mut Printer) -> Result<()> {
    let mistakes = match file {
        Some(file) => of_file(file)?,
        None => {
            let mut mistakes = settings::load(flags).mistakes;
            mistakes
                .extend(super::root().map(|root| codi2_workspace::repository_settings(&root).1).unwrap_or_default());
            mistakes
        }
    };
    match printer.format() {
        Format::Json => printer.json(&mistakes.iter().map(json).collect::<Vec<_>>())?,
        Format::Jsonl => mistakes.iter().try_for_each(|mistake| printer.json(&json(mistake)))?,
        Format::Compact => {
            for Mistake { origin, found, todo, .. } in &mistakes {
                let (from, line, column) = parts(origin);
                let number = |number: Option<usize>| number.map(|number| number.to_string()).unwrap_or_default();
                printer.fields(&[&from, &number(line), &number(column), found, todo])?;
            }
        }
        Format::Human if mistakes.is_empty() => printer.line("no mistakes")?,
        Format::Human => {
            for Mistake { origin, found, todo, .. } in &mistakes {
                printer.line(&format!("{origin}: {found}"))?;
                printer.line(&format!("    → {todo}"))?;
            }
        }
    }
    printer.flush()?;
    counted(&mistakes)
}

fn of_file(file: &Path) -> Result<Vec<Mistake>> {
    let Some(syntax) = Syntax::of(file) else {
        let error = anyhow!("{}: settings are in files that end in .toml, .yaml or .yml", file.display());
        return Err(error).code(Failure::Usage);
    };
    // A repository's file is known by its name.
    let hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".codi2."));
    let owner = if hidden { Owner::Repository } else { Owner::User };
    match settings::read(file) {
        Ok(text) => Ok(settings::checked(owner, syntax, file, &text).1),
        Err((found, todo)) => {
            let error = anyhow!("{} {found}; {todo}", file.display());
            if file.exists() { Err(error) } else { Err(error).code(Failure::NotFound) }
        }
    }
}

fn json(mistake: &Mistake) -> serde_json::Value {
    let (from, line, column) = parts(&mistake.origin);
    json!({"from": from, "line": line, "column": column, "found": mistake.found, "todo": mistake.todo})
}

fn parts(origin: &Origin) -> (String, Option<usize>, Option<usize>) {
    match origin {
        Origin::File(path, place) => (super::shown(path), Some(place.line), Some(place.column)),
        other => (other.to_string(), None, None),
    }
}

/// Tells mistakes on standard error, and ends with their code.
pub fn ended(mistakes: &[Mistake]) -> Result<()> {
    mistakes.iter().for_each(|mistake| complain(&mistake.to_string()));
    counted(mistakes)
}

fn counted(mistakes: &[Mistake]) -> Result<()> {
    match mistakes.len() {
        0 => Ok(()),
        1 => Err(anyhow!("1 mistake in the settings")).code(Failure::Usage),
        many => Err(anyhow!("{many} mistakes in the settings")).code(Failure::Usage),
    }
}
