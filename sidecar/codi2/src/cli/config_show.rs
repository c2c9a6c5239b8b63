//! `codi2 config show`: every setting in effect and where it comes from.

use anyhow::Result;
use serde_json::{Value, json};

use super::args::Format;
use super::config;
use super::failure::{Code, Failure};
use super::printer::Printer;

/// Prints the settings.
pub fn run(printer: &mut Printer) -> Result<()> {
    let config = config::load().code(Failure::Usage)?;
    let rows = config.rows();
    let json = |(key, value, origin): &(&str, Value, &config::Origin)| json!({"key": key, "value": value, "origin": origin.to_string()});
    match printer.format() {
        Format::Json => printer.json(&rows.iter().map(json).collect::<Vec<_>>())?,
        Format::Jsonl => rows.iter().try_for_each(|row| printer.json(&json(row)))?,
        Format::Compact => rows
            .iter()
            .try_for_each(|(key, value, origin)| printer.fields(&[key, &value.to_string(), &origin.to_string()]))?,
        Format::Human => {
            for (key, value, origin) in &rows {
                let value = if value.is_null() { "not set".to_owned() } else { value.to_string() };
                printer.line(&format!("{key:<18}  {value:<38}  {origin}"))?;
            }
        }
    }
    printer.flush()
}
