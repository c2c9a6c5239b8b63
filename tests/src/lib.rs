//! The harness of the scenarios: a world of its own for each test, the real program, real git, a real Neovim.
//!
//! Tests wait for conditions with deadlines and judge no time. Absent on purpose: a fake hub or a fake store; what
//! can be tested without processes is tested in the crates themselves.

mod agent;
pub mod corpus;
pub mod editor;
mod log;
mod neovim;
mod program;
pub mod replay;
mod rpc;
mod wait;
mod world;

pub use agent::Agent;
pub use log::{Blame, Entry, Line, strangers};
pub use neovim::Neovim;
pub use program::{neovim_program, program, root};
pub use wait::{DEADLINE, wait_for};
pub use world::{Frozen, Output, Tail, World};

/// Ends a test that cannot run here, by name: `scripts/test` collects these lines.
#[macro_export]
macro_rules! skip {
    ($name:expr, $($reason:tt)*) => {{
        println!("SKIP {}: {}", $name, format!($($reason)*));
        return;
    }};
}
