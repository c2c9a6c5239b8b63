//! codi2-config: the one typed home of every setting. Pure: texts and variables come in as arguments.
//!
//! [`Settings`] says what there is; the JSON Schema generated from it ([`schema`]) is what files, variables and flags
//! are [`check`]ed against, so that a setting is described once. [`Layers`] puts them on one another and remembers
//! where each value comes from.
//!
//! Invariants: a wrong value is named with its place and never used; all mistakes of a text are found at once; a text
//! with mistakes never makes fewer files private. Absent on purpose: reading files and the environment (the program
//! does), and what settings do.

mod check;
mod glob;
mod layers;
mod mistake;
pub mod schema;
mod settings;
mod toml_text;
mod tree;
mod yaml_text;

pub use check::{Owner, Syntax, check, flag, variables};
pub use glob::{GlobError, Globs};
pub use layers::{Layer, Layers, Row};
pub use mistake::{Mistake, Origin};
pub use settings::{
    CiRule, CiSettings, EditorSettings, HubSettings, PREFIX_BYTES, RepositorySettings, RepositoryWatch, STORE_KINDS,
    Settings, SpoolSettings, StoreSettings, ToolSettings, ToolVariable, WatchSettings,
};
pub use toml_text::data;
pub use tree::Place;
