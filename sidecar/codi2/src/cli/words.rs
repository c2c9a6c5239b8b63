//! `codi2 completions` and `codi2 man`: what shells and manuals need to know, made from the command line itself.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Line;
use super::printer::Printer;

/// Prints a shell's completions.
pub fn completions(shell: Shell, printer: &mut Printer) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Line::command(), "codi2", &mut script);
    String::from_utf8(script)?.lines().try_for_each(|line| printer.line(line))?;
    printer.flush()
}

/// Writes a manual page for each command into a folder, which is made where it is missing.
pub fn manual(folder: &Path, printer: &mut Printer) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    clap_mangen::generate_to(Line::command(), folder)
        .with_context(|| format!("{} cannot be written", folder.display()))?;
    printer.line(&format!("manual pages written to {}", folder.display()))?;
    printer.flush()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{Command, ValueEnum};

    use super::*;

    /// Every command by its words, flags that go with all commands included.
    fn commands() -> Vec<(String, Command)> {
        let mut line = Line::command();
        line.build();
        let (mut all, mut open) = (Vec::new(), vec![("codi2".to_owned(), line)]);
        while let Some((name, command)) = open.pop() {
            let below = command.get_subcommands().filter(|below| below.get_name() != "help");
            open.extend(below.map(|below| (format!("{name}-{}", below.get_name()), below.clone())));
            all.push((name, command));
        }
        all
    }

    fn flags(command: &Command) -> impl Iterator<Item = &str> {
        command.get_arguments().filter(|argument| !argument.is_hide_set()).filter_map(|argument| argument.get_long())
    }

    #[test]
    fn there_is_a_page_for_every_command_with_every_flag() {
        let folder = tempfile::tempdir().unwrap();
        let pages = folder.path().join("man");
        clap_mangen::generate_to(Line::command(), {
            fs::create_dir(&pages).unwrap();
            &pages
        })
        .unwrap();
        let written: BTreeSet<String> =
            fs::read_dir(&pages).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let commands = commands();
        assert_eq!(written, commands.iter().map(|(name, _)| format!("{name}.1")).collect());
        for (name, command) in commands {
            let page = fs::read_to_string(pages.join(format!("{name}.1"))).unwrap();
            for section in [".TH ", ".SH NAME\n", ".SH SYNOPSIS\n", ".SH DESCRIPTION\n"] {
                assert!(page.contains(section), "{name}: no {section}");
            }
            for flag in flags(&command) {
                assert!(page.contains(&format!("\\-\\-{}", flag.replace('-', "\\-"))), "{name}: no --{flag}");
            }
        }
    }

    #[test]
    fn every_shell_gets_every_command_and_flag_whole() {
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Line::command(), "codi2", &mut script);
            let script = String::from_utf8(script).unwrap();
            for line in script.lines() {
                // Printed as it is: the printer shows control characters instead of passing them on.
                assert_eq!(crate::cli::printer::escape(line, crate::cli::printer::Tabs::Keep), line, "{shell}");
            }
            for (name, command) in commands() {
                let word = name.rsplit("codi2-").next().unwrap().rsplit('-').next().unwrap().to_owned();
                assert!(script.contains(&word), "{shell}: {word}");
                for flag in flags(&command) {
                    assert!(script.contains(flag), "{shell}: {name} --{flag}");
                }
            }
        }
    }
}
