//! `--line-porcelain`: each line as `git blame --line-porcelain` prints it, with what codi2 knows in headers of its own.
//!
//! Tools that parse git's output pass over headers they do not know; ours stand before `filename`, which some take for the
//! last one. Absent on purpose: bytes that a terminal would act on. The printer escapes them here, too, so a line's text
//! may differ from git's, and what is not UTF-8 is U+FFFD; of a line that ends in `\r\n` both are left out.

use anyhow::Result;
use codi2_workspace::past::{Blamed, BlamedLine};

use super::{Whole, text_of};
use crate::cli::owned::Owned;
use crate::cli::printer::Printer;

/// Prints every one of git's lines, whose commits have names of so many `digits`; where codi2 sees several in one (a lone `\r` ends a line, too), its first.
pub fn print(whole: &Whole, digits: usize, printer: &mut Printer) -> Result<()> {
    let mut from = None;
    for (at, line) in whole.view.lines.iter().enumerate() {
        let on = whole.on.get(at).copied().unwrap_or(at);
        if at > 0 && whole.on.get(at - 1) == Some(&on) {
            continue;
        }
        let last = whole.on.iter().rposition(|other| *other == on).unwrap_or(at);
        let found = whole.blamed.as_ref().and_then(|blamed| Some((blamed, blamed.lines.get(on)?)));
        let text = match found {
            // As git has it: not decoded, and with its mark of byte order.
            Some((_, line)) => text_of(&line.text),
            None => whole.texts.get(at..=last).unwrap_or_default().join("\r"),
        };
        let origin = found.map(|(_, line)| (line.commit, line.path, line.original.wrapping_sub(line.line)));
        let group = if at > 0 && origin == from { None } else { Some(group(whole, on)) };
        from = origin;
        let commit = found.and_then(|(blamed, line)| Some((blamed.commit(line)?, line.original as usize)));
        let nobodys = "0".repeat(digits);
        let (hex, original) = commit.unwrap_or((&nobodys, on + 1));
        let group = group.map(|lines| format!(" {lines}")).unwrap_or_default();
        printer.line(&format!("{hex} {original} {}{group}", on + 1))?;
        about(found, &whole.view.file, &line.owned, printer)?;
        printer.line(&format!("\t{text}"))?;
    }
    Ok(())
}

/// How many of git's lines in a row, from this one on, come from the same place.
fn group(whole: &Whole, on: usize) -> usize {
    let Some(blamed) = &whole.blamed else {
        return whole.on.last().map_or(1, |last| last + 1 - on);
    };
    let place = |line: &BlamedLine| (line.commit, line.path, line.original.wrapping_sub(line.line));
    let rest = blamed.lines.get(on..).unwrap_or_default();
    rest.iter().take_while(|line| place(line) == place(&rest[0])).count()
}

/// The headers of a line.
fn about(found: Option<(&Blamed, &BlamedLine)>, file: &str, owned: &Owned, printer: &mut Printer) -> Result<()> {
    match found {
        Some((blamed, line)) => {
            let about = &blamed.commits[line.commit];
            about.headers.iter().try_for_each(|header| printer.line(&String::from_utf8_lossy(header)))?;
            if let Some(previous) = &line.previous {
                printer.line(&format!("previous {}", String::from_utf8_lossy(previous)))?;
            }
            if about.boundary {
                printer.line("boundary")?;
            }
        }
        None => {
            let now = jiff::Timestamp::now().as_second();
            for who in ["author", "committer"] {
                printer.line(&format!("{who} Not Committed Yet"))?;
                printer.line(&format!("{who}-mail <not.committed.yet>"))?;
                printer.line(&format!("{who}-time {now}"))?;
                printer.line(&format!("{who}-tz +0000"))?;
            }
            printer.line(&format!("summary {file} as it stands"))?;
        }
    }
    let names = ["kind", "name", "tool", "model", "session", "class", "mixed", "time", "evidence"];
    for (name, value) in names.iter().zip(owned.fields()).filter(|(_, value)| !value.is_empty()) {
        let value = if *name == "mixed" { String::new() } else { format!(" {value}") };
        printer.line(&format!("codi2-{name}{value}"))?;
    }
    match found {
        Some((blamed, line)) => {
            printer.line(&format!("filename {}", String::from_utf8_lossy(&blamed.names[line.path])))
        }
        None => printer.line(&format!("filename {file}")),
    }
}
