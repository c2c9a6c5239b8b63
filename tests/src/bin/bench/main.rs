//! First benchmarks: the stages of design §10 on the real program, each beside its floor in the same run.
//!
//! `scripts/bench` builds the release program and runs this. It prints Markdown for `docs/benchmarks.md` on standard
//! output and its progress on standard error. Absent on purpose: judging a time (no number makes a run fail; a broken
//! benchmark does), and statistics beyond percentiles.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints its results")]

mod blame;
mod cluster;
mod cluster_hub;
mod commit;
mod did_change;
mod disk;
mod durable;
mod echo;
mod editor;
mod frozen_hub;
mod ground;
mod history;
mod hook;
mod interrupt;
mod keys;
mod large;
mod long_history;
mod machine;
mod memory;
mod notes;
mod producers;
mod recovery;
mod redaction;
mod report;
mod revision;
mod round_trip;
mod samples;
mod sidecar;
mod stalled_readers;
mod standing;
mod start;
mod windows;
mod worktree;

use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use ground::Counts;
use report::Row;

/// A benchmark.
struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn(Counts) -> Vec<Row>,
}

const BENCHES: &[Bench] = &[
    Bench { name: "did-change", about: "a key in a 1 MB file, applied by the sidecar", run: did_change::run },
    Bench { name: "frozen-hub", about: "a key while the hub stands still", run: frozen_hub::run },
    Bench { name: "durable", about: "a sealed group, durable in the hub", run: durable::run },
    Bench {
        name: "stalled-readers",
        about: "as durable, beside 20 readers that take nothing",
        run: stalled_readers::run,
    },
    Bench { name: "disk", about: "a write on disk, printed by a tail", run: disk::run },
    Bench { name: "hook", about: "an agent's hook, hub there and away", run: hook::run },
    Bench { name: "initialize", about: "a window's start, hub warm and cold", run: start::initialize },
    Bench { name: "hub", about: "connecting to a warm hub, starting a cold one", run: start::hub },
    Bench { name: "recovery", about: "a hub started after a crash, over large stores", run: recovery::run },
    Bench { name: "round-trip", about: "small calls to the hub beside a bare echo", run: round_trip::run },
    Bench { name: "blame", about: "owners of lines, beside git blame", run: blame::run },
    Bench { name: "blame-revision", about: "blame of a revision, beside git blame", run: revision::run },
    Bench { name: "commit", about: "git commit beside a hub that watches", run: commit::run },
    Bench { name: "notes", about: "a commit's note, after git commit", run: notes::run },
    Bench {
        name: "history",
        about: "commit, rebase and 8 agents in a repository of 10,000 commits",
        run: history::run,
    },
    Bench { name: "standing", about: "calls to the hub while git changes thousands of files", run: standing::run },
    Bench { name: "producers", about: "64 producers through the whole hub", run: producers::run },
    Bench { name: "windows", about: "20 windows, 1,000 keys a second each", run: windows::run },
    Bench { name: "worktree", about: "100,000 files: first look, memory, one change", run: worktree::run },
    Bench { name: "large", about: "files of 1 MB and 20 MB", run: large::run },
    Bench { name: "redaction", about: "events and source text through the door for secrets", run: redaction::run },
    Bench { name: "cluster", about: "the store on FoundationDB beside the bare client", run: cluster::run },
    Bench { name: "cluster-hub", about: "producers through a hub on FoundationDB", run: cluster_hub::run },
    Bench { name: "memory", about: "sidecar and hub, idle and loaded", run: memory::run },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [argument, socket] = arguments.as_slice()
        && argument == echo::ARGUMENT
    {
        echo::serve(Path::new(socket));
        return ExitCode::SUCCESS;
    }
    let mut counts = Counts { quick: false };
    let mut chosen = Vec::new();
    for argument in &arguments {
        match argument.as_str() {
            "--list" => {
                BENCHES.iter().for_each(|bench| println!("{:<12} {}", bench.name, bench.about));
                return ExitCode::SUCCESS;
            }
            "--quick" => counts.quick = true,
            name => match BENCHES.iter().find(|bench| bench.name == name) {
                Some(bench) => chosen.push(bench),
                None => {
                    eprintln!("bench: no benchmark {name}; --list names them");
                    return ExitCode::from(2);
                }
            },
        }
    }
    if chosen.is_empty() {
        chosen.extend(BENCHES);
    }
    // The harness would build and measure an unoptimised program.
    if std::env::var_os("CODI2_BIN").is_none() {
        eprintln!("bench: CODI2_BIN does not name the program to measure; run scripts/bench");
        return ExitCode::from(2);
    }
    interrupt::listen();
    run(&chosen, counts)
}

fn run(chosen: &[&Bench], counts: Counts) -> ExitCode {
    let machine = machine::described(Path::new("/tmp"));
    let mut rows = Vec::new();
    let mut broken = Vec::new();
    for bench in chosen {
        eprintln!("{}: {}", bench.name, bench.about);
        let start = Instant::now();
        // One that breaks takes nothing from the others; what it started is ended as its stack unwinds.
        match catch_unwind(|| (bench.run)(counts)) {
            Ok(more) => {
                eprintln!("{}", report::tables(&more));
                rows.extend(more);
            }
            Err(_) => broken.push(bench.name),
        }
        if interrupt::came() {
            return ExitCode::from(130);
        }
        eprintln!("{}: {:.0} s", bench.name, start.elapsed().as_secs_f64());
    }
    println!("{machine}");
    if counts.quick {
        println!("A quick run, a tenth of the usual counts: not to be quoted.\n");
    }
    print!("{}", report::tables(&rows));
    if broken.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\nBroken, no numbers: {}", broken.join(", "));
    ExitCode::FAILURE
}
