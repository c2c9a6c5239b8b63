//! The program `codi2`: the language server that runs beside each editor, the hub they share, and the command line.
//!
//! Absent on purpose: everything but its start (`lib.rs`).

use std::process::ExitCode;

fn main() -> ExitCode {
    codi2::main()
}
