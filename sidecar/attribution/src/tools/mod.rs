//! Which AI tool acts here, by what evidence: a catalogue that is data, and a pure reading of surroundings by it.
//!
//! [`SHIPPED`] is the catalogue's text; it is parsed where TOML lives (`codi2_config::data`), and [`Catalogue::of`] checks
//! what came out. [`detect`] takes what somebody gathered (an environment, the processes above, an MCP client's name, a
//! commit's signature) and says who acts, or that nobody can be named.
//!
//! Invariants: weak facts alone never name an actor; a key in the environment is never a fact about who acts; no
//! evidence is `Unknown`, never a person. Absent on purpose: gathering (the program does), hooks' payloads, which name
//! their tool by their shape, and values of variables in what is told.

mod catalogue;
mod detect;
mod document;
mod findings;
mod signature;
mod surroundings;
#[cfg(test)]
mod tests;
mod words;

pub use catalogue::{Catalogue, Mistake};
pub use detect::detect;
pub use document::{CommitMark, Document, EnvMark, ExtensionMark, Order, PayloadShape, ProcessMark, Tool};
pub use findings::{Acting, Fact, Findings, Found};
pub use signature::Signature;
pub use surroundings::{Ancestor, EditorSeen, Surroundings};
pub use words::{Category, Match, Rung, Strength};

/// The catalogue that codi2 ships, as TOML.
pub const SHIPPED: &str = include_str!("../../ai-tools.toml");
