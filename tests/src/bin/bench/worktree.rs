//! A worktree of 100,000 files: the first look at it, the hub's memory, one change.
//!
//! The floor of the first look is reading every file once on one thread, in this process; caches are warm for both.

use std::path::Path;
use std::time::Instant;

use codi2_protocol::{Call, Reply};
use codi2_tests::wait_for;

use crate::disk::{Tail, closed_files};
use crate::ground::{Counts, Ground};
use crate::interrupt;
use crate::memory::at_rest;
use crate::report::Row;
use crate::samples::Samples;

const FILES: usize = 100_000;
const FOLDERS: usize = 1_000;
const WRITES: usize = 100;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let files = counts.of(FILES);
    let ground = Ground::new(&[]);
    for number in 0..files {
        let name = format!("d{}/f{number}.rs", number % FOLDERS);
        ground.world.write(&name, &format!("fn function_{number}() -> usize {{\n    {number}\n}}\n"));
    }
    ground.world.git(&["add", "--all"]);
    ground.world.git(&["commit", "--quiet", "--message", "all"]);
    let (mut read, start) = (Samples::default(), Instant::now());
    let bytes = read_all(ground.world.repository());
    read.add(start.elapsed());
    assert!(bytes > files as u64, "every file was read");

    ground.start_hub();
    let mut link = ground.link();
    let pid = link.hub().pid;
    let (mut looked, start) = (Samples::default(), Instant::now());
    ground.watch(&mut link);
    wait_for(
        "the hub knows the files",
        || ground.world.explain(),
        || match link.call(Call::Status) {
            Ok(Reply::Status(status)) => (status.watches.first()?.files >= files as u64).then_some(()),
            other => panic!("{other:?}"),
        },
    );
    looked.add(start.elapsed());
    let memory = at_rest("hub, one worktree watched", pid, "< 40 MB", &format!("{files} files, {FOLDERS} folders"));

    let tail = Tail::start(&ground.world);
    tail.wait_until_it_follows(&ground.world);
    let closed = closed_files(&ground.world.path("d7"));
    let (mut seen, mut notified) = (Samples::default(), Samples::default());
    for number in 0..counts.of(WRITES) {
        interrupt::check();
        let text = format!("// {number}\n").repeat(number + 1);
        let start = Instant::now();
        ground.world.write("d7/f7.rs", &text);
        notified.add(closed.wait(start, |found| found.to_bytes() == b"f7.rs") - start);
        seen.add(tail.seen("d7/f7.rs", text.len(), start) - start);
    }
    vec![
        Row::time(
            "watch asked for → all of 100,000 files known",
            looked,
            ("reading each of them once, one thread", read),
            "",
            format!("{files} files"),
        ),
        Row::time(
            "one of 100,000 files written → attributed event printed by `codi2 tail`",
            seen,
            ("the same write → an inotify event in this process", notified),
            "p95 < 120 ms",
            "30 ms of it settle",
        ),
        memory,
    ]
}

/// Reads every file below a folder but git's own; their bytes.
fn read_all(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("our own folder");
    let bytes = entries.map(|entry| {
        let entry = entry.expect("our own folder");
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && entry.file_name() == ".git" => 0,
            Ok(kind) if kind.is_dir() => read_all(&entry.path()),
            _ => std::fs::read(entry.path()).expect("our own file").len() as u64,
        }
    });
    bytes.sum()
}
