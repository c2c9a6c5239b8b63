//! `codi2 store check|copy`: the store itself, while no hub uses it.
//!
//! Absent on purpose: repairs, and starting or stopping hubs.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use codi2_store::{Checked, Copied, Engine, Tally, check, copy};
use serde_json::{Value, json};

use super::args::{Format, StoreCommand};
use super::engine::Chosen;
use super::failure::{Code, Failure};
use super::printer::{Printer, complain};
use super::status::{bytes, count};
use super::surroundings::Surroundings;
use crate::settings;

/// Rows after which a copy says how far it is.
const TOLD_EVERY: u64 = 1 << 18;

/// Does what is asked of a store.
pub fn run(command: &StoreCommand, printer: &mut Printer, surroundings: &Surroundings) -> Result<()> {
    match command {
        StoreCommand::Check { store } => {
            let settings = settings::load(&surroundings.flags).settings;
            let chosen = match store {
                Some(word) => Chosen::named(word, &settings.store)?,
                None => surroundings.store(&settings)?,
            };
            let engine = existing(&chosen)?;
            let place = engine.place();
            let checked = check(engine).context("the store cannot be checked")?;
            print_checked(&place, &checked, printer)?;
            match checked.faulty {
                0 => Ok(()),
                faulty => bail!("{} found; keep a copy of the store before anything else", count(faulty, "fault")),
            }
        }
        StoreCommand::Copy { from, to } => {
            let settings = settings::load(&surroundings.flags).settings;
            let (from, to) = (Chosen::named(from, &settings.store)?, Chosen::named(to, &settings.store)?);
            if from == to {
                return Err(anyhow!("both are the same store: name another one to copy into")).code(Failure::Usage);
            }
            let (source, target) = (existing(&from)?, to.open()?);
            let places = (source.place(), target.place());
            let mut told = 0;
            let copied = copy(source, target, &mut |copied| {
                let rows = copied.written + copied.kept;
                if rows / TOLD_EVERY > told {
                    told = rows / TOLD_EVERY;
                    complain(&format!("{} so far", count(rows, "row")));
                }
            });
            print_copied(&places, &copied.context("the store cannot be copied")?, printer)
        }
    }
}

/// A store that must be there.
fn existing(chosen: &Chosen) -> Result<Arc<dyn Engine>> {
    if let Chosen::File(path) = chosen
        && !path.try_exists().with_context(|| format!("{} cannot be looked at", path.display()))?
    {
        return Err(anyhow!("there is no store at {}", path.display())).code(Failure::NotFound);
    }
    chosen.open()
}

fn spaces<'a>(spaces: impl Iterator<Item = (&'a String, &'a Tally)>) -> Vec<Value> {
    spaces
        .map(|(name, tally)| json!({"name": name, "rows": tally.rows, "bytes": tally.bytes, "sum": sum(tally)}))
        .collect()
}

fn sum(tally: &Tally) -> String {
    format!("{:08x}", tally.sum)
}

fn print_spaces<'a>(all: impl Iterator<Item = (&'a String, &'a Tally)>, printer: &mut Printer) -> Result<()> {
    for (name, tally) in all {
        match printer.format() {
            Format::Human => printer.line(&format!(
                "{name:<10} {:>12} rows {:>12}  crc-32c {}",
                tally.rows,
                bytes(tally.bytes),
                sum(tally)
            ))?,
            _ => printer.fields(&["space", name, &tally.rows.to_string(), &tally.bytes.to_string(), &sum(tally)])?,
        }
    }
    Ok(())
}

fn print_checked(place: &str, checked: &Checked, printer: &mut Printer) -> Result<()> {
    let Checked { layout, incarnation, faults, faulty, .. } = checked;
    match printer.format() {
        Format::Json | Format::Jsonl => printer.json(&json!({
            "store": place, "layout": layout, "incarnation": incarnation, "spaces": spaces(checked.spaces.iter()),
            "faulty": faulty, "faults": faults,
        }))?,
        Format::Human => {
            printer.line(&format!("{place}, layout {layout}, incarnation {incarnation}"))?;
            print_spaces(checked.spaces.iter(), printer)?;
            faults.iter().try_for_each(|fault| printer.line(&format!("WRONG  {fault}")))?;
            if *faulty > faults.len() as u64 {
                printer.line(&format!("WRONG  and {} more", faulty - faults.len() as u64))?;
            }
        }
        Format::Compact => {
            printer.fields(&["store", place, &layout.to_string(), &incarnation.to_string(), &faulty.to_string()])?;
            print_spaces(checked.spaces.iter(), printer)?;
            faults.iter().try_for_each(|fault| printer.fields(&["fault", fault]))?;
        }
    }
    printer.flush()
}

fn print_copied((from, to): &(String, String), copied: &Copied, printer: &mut Printer) -> Result<()> {
    let Copied { written, kept, removed, incarnation, .. } = copied;
    match printer.format() {
        Format::Json | Format::Jsonl => printer.json(&json!({
            "from": from, "to": to, "written": written, "kept": kept, "removed": removed, "incarnation": incarnation,
            "spaces": spaces(copied.spaces.iter()),
        }))?,
        Format::Human => {
            printer.line(&format!("copied {from} to {to}"))?;
            let rest = format!("{kept} there already, {removed} removed");
            printer.line(&format!("{} written, {rest}; both read again and the same", count(*written, "row")))?;
            print_spaces(copied.spaces.iter(), printer)?;
            printer.line(&format!("what is appended there is of incarnation {incarnation}"))?;
        }
        Format::Compact => {
            let numbers = [*written, *kept, *removed, *incarnation].map(|number| number.to_string());
            printer.fields(&["copied", from, to, &numbers[0], &numbers[1], &numbers[2], &numbers[3]])?;
            print_spaces(copied.spaces.iter(), printer)?;
        }
    }
    printer.flush()
}
