//! Who wrote this, of a revision: the whole program `codi2 blame REVISION FILE` beside `git blame --porcelain` of the same
//! file, in a repository of 10,000 commits, each of which has a note. No hub runs.
//!
//! The file leads to hundreds of commits, so hundreds of notes are read for it. What is cold here is the hub; both sides
//! read a repository that the system has in memory.

use std::fmt::Write;

use crate::ground::Counts;
use crate::interrupt;
use crate::long_history::{self, BUSY, COMMITS};
use crate::report::Row;
use crate::samples::Samples;
use codi2_tests::program;

const PROCESSES: usize = 100;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let ground = long_history::ground();
    let world = &ground.world;
    let mut stream = "commit refs/notes/codi2\ncommitter codi2 <codi2@localhost> 1700000000 +0000\ndata 0\n".to_owned();
    for (number, commit) in world.git(&["rev-list", "HEAD"]).lines().enumerate() {
        let origin = format!(r#"{{"kind":"agent","name":"robo","model":"m1","session":"s{}"}}"#, number % 50);
        let owner = format!(r#"{{"origin":{origin},"class":"exact","evidence":["intent-exact"]}}"#);
        let note = format!("{{\"codi2\":1,\n\"owners\":[\n{owner}],\n\"files\":{{\n\"{BUSY}\":[[1,100000,0]]}}}}\n");
        let _ = write!(stream, "N inline {commit}\ndata {}\n{note}\n", note.len());
    }
    ground.whole_process("git", &["fast-import", "--quiet"], &stream);
    // As a repository is after git's own upkeep: imported trees of notes are large.
    world.git(&["gc", "--quiet"]);

    let blamed = world.git(&["blame", "--porcelain", "HEAD", "--", BUSY]);
    let led_to = blamed.lines().filter(|line| line.starts_with("author-mail ")).count();
    let told = world.codi2(&["blame", "HEAD", BUSY]);
    assert!(told.code == 0 && told.out.lines().all(|line| line.contains("\trobo\t")), "{}", told.err);
    let [mut git, mut ours, mut porcelain] = std::array::from_fn(|_| Samples::default());
    for _ in 0..counts.of(PROCESSES) {
        interrupt::check();
        git.add(ground.whole_process("git", &["blame", "--porcelain", "HEAD", "--", BUSY], ""));
        ours.add(ground.whole_process(program(), &["blame", "HEAD", BUSY, "--format", "json"], ""));
        porcelain.add(ground.whole_process(program(), &["blame", "HEAD", BUSY, "--line-porcelain"], ""));
    }
    assert_eq!(world.hub_pid(), None, "no hub was needed");
    let about = format!("{COMMITS} commits, {} lines that lead to {led_to} of them", told.out.lines().count());
    let floor = ("`git blame --porcelain`", git);
    vec![
        Row::time("`codi2 blame HEAD FILE`, whole process, no hub", ours, floor.clone(), "≤ 1.1 × git blame", about),
        Row::time("the same with `--line-porcelain`", porcelain, floor, "≤ 1.1 × git blame", ""),
    ]
}
