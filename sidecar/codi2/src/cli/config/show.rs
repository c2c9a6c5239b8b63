//! `codi2 config show`: every setting in effect here and where it comes from. Exit code 2 when something is wrong.

use anyhow::Result;
use codi2_config::Row;
use serde_json::{Value, json};

use crate::cli::args::Format;
use crate::cli::printer::Printer;
use crate::settings::{self, Flags};

/// Prints the settings, those that the repository adds included.
pub fn run(flags: &Flags, printer: &mut Printer) -> Result<()> {
    let loaded = settings::load(flags);
    let mut rows: Vec<(String, Value, String)> =
        loaded.rows().into_iter().map(|Row { key, value, origin }| (key, value, origin.to_string())).collect();
    let mut mistakes = loaded.mistakes;
    if let Some(root) = super::root() {
        let (added, wrong) = codi2_workspace::repository_settings(&root);
        mistakes.extend(wrong);
        let file = super::shown(&codi2_workspace::repository_file(&root));
        for (key, globs) in [("watch.private", added.watch.private), ("watch.exclude", added.watch.exclude)] {
            let row = rows.iter_mut().find(|(name, ..)| name == key).filter(|_| !globs.is_empty());
            if let Some((_, Value::Array(list), origin)) = row {
                list.extend(globs.into_iter().map(Value::from));
                *origin = format!("{origin} + {file}");
            }
        }
    }
    let json = |(key, value, origin): &(String, Value, String)| json!({"key": key, "value": value, "origin": origin});
    match printer.format() {
        Format::Json => printer.json(&rows.iter().map(json).collect::<Vec<_>>())?,
        Format::Jsonl => rows.iter().try_for_each(|row| printer.json(&json(row)))?,
        Format::Compact => {
            rows.iter().try_for_each(|(key, value, origin)| printer.fields(&[key, &value.to_string(), origin]))?;
        }
        Format::Human => {
            for (key, value, origin) in &rows {
                let value = if value.is_null() { "not set".to_owned() } else { value.to_string() };
                printer.line(&format!("{key:<18}  {value:<38}  {origin}"))?;
            }
        }
    }
    printer.flush()?;
    super::check::ended(&mistakes)
}
