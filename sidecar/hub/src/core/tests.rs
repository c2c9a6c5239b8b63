//! Tests of the core as scenarios: people in editors, agents with hooks, programs, git, and a hub that restarts, over a
//! world of maps. Absent on purpose: sockets, threads, the store, real files.

mod across;
mod away;
mod behalf;
mod bounds;
mod buffers;
mod committed;
mod copied;
mod edited;
mod equal;
mod facts;
mod fake;
mod files;
mod gaps;
mod git;
mod in_turn;
mod left;
mod moments;
mod moves;
mod orders;
mod properties;
mod restarts;
mod said;
mod sessions;
mod sidecar;
mod steps;
mod world;
mod writers;
