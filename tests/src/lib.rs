//! The harness of the scenarios: a world of its own for each test, the real program, real git, a real Neovim.
//!
//! Tests wait for conditions with deadlines and judge no time. Absent on purpose: a fake hub or a fake store; what
//! can be tested without processes is tested in the crates themselves.

mod agent;
#[allow(clippy::print_stdout, reason = "what scripts/test collects")]
pub mod cluster;
pub mod corpus;
pub mod editor;
pub mod hub;
mod log;
mod neovim;
pub mod notes;
mod process;
mod program;
pub mod replay;
mod rpc;
pub mod sidecar;
mod wait;
mod world;

pub use agent::Agent;
pub use log::{Blame, Entry, Line, strangers};
pub use neovim::Neovim;
pub use process::{Frozen, Output, run};
pub use program::{neovim_program, program, root};
pub use wait::{DEADLINE, wait_for};
pub use world::{Tail, World};

/// Ends a test that cannot run here, by name: `scripts/test` collects these lines.
#[macro_export]
macro_rules! skip {
    ($name:expr, $($reason:tt)*) => {{
        println!("SKIP {}: {}", $name, format!($($reason)*));
        return;
    }};
}

/// How often something is tried: in `scripts/test`, and in `scripts/soak`.
pub fn count(test: usize, soak: usize) -> usize {
    if std::env::var_os("CODI2_SOAK").is_some() { soak } else { test }
}

/// Tells `scripts/soak` what was counted, for the table in docs/reliability.md.
#[allow(clippy::print_stdout, reason = "what scripts/soak collects")]
pub fn counted(promise: &str, what: &str, count: usize, result: &str) {
    println!("COUNT {promise} | {what} | {count} | {result}");
}
