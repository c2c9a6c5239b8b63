//! The program `codi2` as a library, so that the fuzz targets (`fuzz/`) reach its doors. No other crate uses it.
//!
//! Absent on purpose: anything but the choice between the language server and the command line.

mod cli;
mod lsp;
mod noted;
mod settings;
mod tools;

pub use cli::main;

/// The doors where bytes from outside come in: for the fuzz targets alone.
#[doc(hidden)]
pub mod doors {
    pub use crate::cli::{agent_v1_record, tool_record};
    pub use crate::lsp::doors::{Frames, Told, Window};
}
