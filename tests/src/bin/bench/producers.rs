//! Durable ingest of the whole hub: 64 producers, each with one group under way at any time.
//!
//! As in `durable`, the producers are real clients in this process and the hub is the real one: what they cost is taken
//! from the same cores. The rate and the times are two sides of one number: 64 groups are always under way.

use std::time::{Duration, Instant};

use crate::ground::Counts;
use crate::interrupt;
use crate::memory::at_rest;
use crate::report::Row;
use crate::samples::Samples;
use crate::sidecar::Crowd;

const PRODUCERS: usize = 64;
const GROUPS_EACH: usize = 250;
/// Turns, so that one slow phase of the disk is not all there is.
const TURNS: usize = 4;
/// Bytes of a file: small, because the producers share the cores with the hub.
const BYTES: usize = 2 << 10;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let mut crowd = Crowd::new(PRODUCERS, BYTES, |_| {});
    let (mut times, mut busy) = (Samples::default(), Duration::ZERO);
    for _ in 0..TURNS {
        interrupt::check();
        let start = Instant::now();
        crowd.all_at_once(counts.of(GROUPS_EACH).div_ceil(TURNS), &mut times);
        busy += start.elapsed();
    }
    let rate = times.count() as f64 / busy.as_secs_f64();
    let pid = crowd.ground.world.hub_pid().expect("the hub runs");
    let memory = at_rest("hub, after 64 producers", pid, "", &format!("{} groups", times.count()));
    crowd.end();
    let target = "≥ 8,000 groups/s, p99 ≤ 30 ms";
    let what = "sealed group → durable, 64 producers at once";
    vec![Row::beyond(what, times, target, format!("{rate:.0} groups/s")), memory]
}
