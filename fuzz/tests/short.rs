//! The short run: every target over its seeds, its kept crashes and seeded mutations of them.
//!
//! Two seeds: one that never changes, so that a run can be compared with the last, and a fresh one, printed, so that
//! every run looks elsewhere. `CODI2_FUZZ_SEED=N` repeats a run; `CODI2_FUZZ_INPUTS=N` makes it longer.

#![allow(clippy::print_stdout)] // The seed of a run, for whoever wants to repeat it.

use std::panic::catch_unwind;
use std::time::{SystemTime, UNIX_EPOCH};

use codi2_fuzz::{Mutator, Target, seeds, target};

/// Inputs made from each seed.
const INPUTS: u64 = 500;

fn check(name: &str) {
    let target = target(name).expect("a target of this name");
    let seeds = seeds(name);
    assert!(seeds.len() > 2, "only {} seeds", seeds.len());
    for input in &seeds {
        try_one(target, input, "a seed of the corpus");
    }
    let inputs = number("CODI2_FUZZ_INPUTS").unwrap_or(INPUTS);
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_nanos() as u64;
    let fresh = number("CODI2_FUZZ_SEED").unwrap_or(fresh);
    println!("{name}: {} seeds, {inputs} mutations each of seed 1 and of CODI2_FUZZ_SEED={fresh}", seeds.len());
    for seed in [1, fresh] {
        let mut mutator = Mutator::new(seed);
        for _ in 0..inputs {
            try_one(target, &mutator.input(&seeds), &format!("CODI2_FUZZ_SEED={seed}"));
        }
    }
}

/// Runs one input; a panic is told with the input, so that it can be kept in `crashes/`.
fn try_one(target: &Target, input: &[u8], origin: &str) {
    let owned = input.to_vec();
    let run = target.run;
    if catch_unwind(move || run(&owned)).is_err() {
        let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        panic!("{} broke on {origin}; the input in hexadecimal (xxd -r -p): {hex}", target.name);
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn frames() {
    check("frames");
}

#[test]
fn lsp() {
    check("lsp");
}

#[test]
fn hook() {
    check("hook");
}

#[test]
fn spool() {
    check("spool");
}

#[test]
fn values() {
    check("values");
}

#[test]
fn query() {
    check("query");
}

#[test]
fn settings() {
    check("settings");
}

#[test]
fn notes() {
    check("notes");
}
