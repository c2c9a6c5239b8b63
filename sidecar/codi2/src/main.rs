//! The program `codi2`: the language server that runs beside each editor, the hub they share, and the command line.
//!
//! Absent on purpose: anything but the choice between them.

mod cli;
mod lsp;
mod settings;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
