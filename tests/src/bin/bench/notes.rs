//! When the note on a commit is there, counted from the end of `git commit`; beside the commit itself.
//!
//! The reference's own file is read again and again, since asking git would be most of the time; git is asked once, after
//! it moved, whether the commit has its note.

use std::fs;
use std::time::{Duration, Instant};

use codi2_tests::Agent;

use crate::editor::code;
use crate::ground::{Counts, Ground};
use crate::interrupt;
use crate::report::Row;
use crate::samples::Samples;

const FILES: usize = 1_000;
const CHANGED: usize = 3;
const COMMITS: usize = 60;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let text = code(2 << 10);
    let names: Vec<String> = (0..FILES).map(|number| format!("src/file{number}.rs")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), text.as_str())).collect();
    let ground = Ground::new(&files);
    ground.start_hub();
    let mut link = ground.link();
    ground.watch(&mut link);
    ground.world.wait_until_watched();
    let (mut ready, mut committed) = (Samples::default(), Samples::default());
    let reference = ground.world.repository().join(".git/refs/notes/codi2");
    let mut text = text;
    for commit in 0..counts.of(COMMITS) {
        interrupt::check();
        text.push_str(&format!("let noted_{commit} = {commit};\n"));
        for at in 0..CHANGED {
            Agent::new(&ground.world).write(&names[(commit * CHANGED + at) % FILES], &text);
        }
        let before = fs::read(&reference).ok();
        committed.add(ground.whole_process("git", &["commit", "--quiet", "--all", "--message", "more"], ""));
        let end = Instant::now();
        while fs::read(&reference).ok() == before {
            assert!(end.elapsed() < Duration::from_secs(30), "no note came: {}", ground.world.explain());
            std::thread::sleep(Duration::from_millis(1));
        }
        ready.add(end.elapsed());
        let head = ground.world.git(&["rev-parse", "HEAD"]);
        assert!(ground.world.note(head.trim()).is_some(), "the commit has its note");
    }
    let about = format!("{FILES} files, {CHANGED} of them changed by an agent");
    vec![Row::time(
        "a commit's note is there, after the end of `git commit`",
        ready,
        ("`git commit` itself", committed),
        "p95 < 150 ms",
        about,
    )]
}
