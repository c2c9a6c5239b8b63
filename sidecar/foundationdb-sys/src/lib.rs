//! FoundationDB's C client, found at run time instead of linked: one program that runs with and without it.
//!
//! [`load`] opens the library and looks every function up, [`start`] runs its network thread until the process exits.
//! The functions have the names and types of the C client, so that the `foundationdb` crate builds on this one as on
//! its own. Absent on purpose: linking, headers, bindgen and API versions other than 730; `generate` writes the
//! declarations from the headers.

#[allow(missing_docs, non_snake_case, clippy::missing_safety_doc, clippy::too_many_arguments)]
#[rustfmt::skip]
mod functions;
mod network;
mod table;
#[allow(missing_docs, non_camel_case_types, non_snake_case, non_upper_case_globals)]
mod types;
mod versions;

pub use functions::*;
pub use network::{StartError, start};
pub use table::{LoadError, load};
pub use types::*;
