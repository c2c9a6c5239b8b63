//! `codi2 doctor`: names what keeps codi2 from working, each with what to do. Exit code 1 when something is wrong.
//!
//! It looks and changes nothing: no hub is started, no folder made, the store is read from a copy. Absent on purpose:
//! repairs.

mod checks;
mod store;

use anyhow::{Result, anyhow, bail};
use serde::Serialize;

use super::Surroundings;
use super::args::{Doctor, Format};
use super::failure::{Code, Failure};
use super::printer::Printer;
use crate::settings::{self, Flags};

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// Whether all is well.
    pub ok: bool,
    /// What there is, in words.
    pub found: String,
    /// What to do; null when all is well.
    pub todo: Option<String>,
}

impl Finding {
    fn well(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, ok: true, found: found.into(), todo: None }
    }

    fn wrong(check: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { check, ok: false, found: found.into(), todo: Some(todo.into()) }
    }

    /// A finding from a message that ends in what to do, as those of our crates do; else the advice is ours.
    fn told(check: &'static str, message: &str, otherwise: &str) -> Self {
        const VERBS: [&str; 12] = [
            "run ", "set ", "remove ", "move ", "stop ", "update ", "check ", "raise ", "free ", "see ", "copy ",
            "install ",
        ];
        let advice = |rest: &str| VERBS.iter().any(|verb| rest.starts_with(verb));
        let parted = [": ", "; "]
            .iter()
            .flat_map(|mark| message.match_indices(mark))
            .filter(|(at, _)| advice(&message[at + 2..]));
        match parted.map(|(at, _)| at).min() {
            Some(at) => Self::wrong(check, &message[..at], &message[at + 2..]),
            None => Self::wrong(check, message, otherwise),
        }
    }
}

/// Runs all checks and prints what they found.
pub fn run(doctor: &Doctor, flags: &Flags, printer: &mut Printer) -> Result<()> {
    if !doctor.path.exists() {
        return Err(anyhow!("{} is not there; name another folder with --path", doctor.path.display()))
            .code(Failure::NotFound);
    }
    let findings = findings(doctor, flags);
    match printer.format() {
        Format::Json => printer.json(&findings)?,
        Format::Jsonl => findings.iter().try_for_each(|finding| printer.json(finding))?,
        Format::Compact => {
            for finding in &findings {
                let state = if finding.ok { "ok" } else { "wrong" };
                printer.fields(&[finding.check, state, &finding.found, finding.todo.as_deref().unwrap_or("")])?;
            }
        }
        Format::Human => {
            for finding in &findings {
                let mark = if finding.ok { "ok   " } else { "WRONG" };
                printer.line(&format!("{mark}  {:<12}  {}", finding.check, finding.found))?;
                if let Some(todo) = &finding.todo {
                    printer.line(&format!("{:<21}→ {todo}", ""))?;
                }
            }
        }
    }
    printer.flush()?;
    match findings.iter().filter(|finding| !finding.ok).count() {
        0 => Ok(()),
        1 => bail!("1 thing is wrong"),
        many => bail!("{many} things are wrong"),
    }
}

fn findings(doctor: &Doctor, flags: &Flags) -> Vec<Finding> {
    let mut findings = Vec::new();
    let loaded = settings::load(flags);
    findings.extend(checks::of_settings(&loaded, &doctor.path));
    match Surroundings::find(flags) {
        Ok(surroundings) => checks::of_places(&surroundings, &loaded.settings, &mut findings),
        Err(error) => findings.push(Finding::wrong(
            "folders",
            format!("{error:#}"),
            "set HOME, or CODI2_STATE_DIR to an absolute path",
        )),
    }
    checks::of_worktree(&doctor.path, &mut findings);
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_say_what_to_do_are_parted() {
        for (message, found, todo) in [
            (
                "/s is open to others (mode 755): run chmod 700 /s",
                "/s is open to others (mode 755)",
                "run chmod 700 /s",
            ),
            ("a: b; check the disk: it is full", "a: b", "check the disk: it is full"),
            ("can't use /s: Permission denied", "can't use /s: Permission denied", "otherwise"),
        ] {
            assert_eq!(Finding::told("x", message, "otherwise"), Finding::wrong("x", found, todo));
        }
    }
}
