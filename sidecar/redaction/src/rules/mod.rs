//! The rules, as data: one line each, by where the token is used. Written from what the services publish about their
//! tokens.
//!
//! The order matters where two rules find the same bytes: the earlier one names them. So tokens with a form of their
//! own come first, then values known by the name of a service, then what any name promises.

mod ai;
mod chat;
mod cloud;
mod forges;
mod general;
mod keyed;
mod money;
mod services;

use crate::rule::{Rule, structure};

/// Open upwards: a longer token than today's is one all the same.
const OPEN: usize = usize::MAX - 1;

/// What is left when a text yields secret after secret: see `scan`.
pub static REST: Rule = structure("unsettled", &[], |_, _| None);

/// All rules, in the order of what they know.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    let tables: [&[Rule]; 9] = [
        &ai::TOKENS,
        &cloud::TOKENS,
        &forges::TOKENS,
        &chat::TOKENS,
        &money::TOKENS,
        &services::TOKENS,
        &general::STRUCTURES,
        &keyed::KEYED,
        &general::NAMES,
    ];
    tables.into_iter().flatten().chain([&REST])
}
