//! `git commit` in a worktree that codi2 watches, beside the same commit in one that it does not.
//!
//! Counted: the whole process `git commit`, begun when the hub is done with everything before it, so that nothing but
//! what the commit itself sets off runs beside it, in either world. Both take the same steps in turn.

use crate::editor::code;
use crate::ground::{Counts, Ground};
use crate::interrupt;
use crate::report::Row;
use crate::samples::Samples;

const FILES: usize = 1_000;
const CHANGED: usize = 10;
const COMMITS: usize = 100;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let text = code(2 << 10);
    let names: Vec<String> = (0..FILES).map(|number| format!("src/file{number}.rs")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), text.as_str())).collect();
    let (watched, plain) = (Ground::new(&files), Ground::new(&files));
    watched.start_hub();
    let mut link = watched.link();
    let watch = watched.watch(&mut link);
    let [mut with, mut without] = std::array::from_fn(|_| Samples::default());
    let mut text = text;
    for commit in 0..counts.of(COMMITS) {
        interrupt::check();
        text.push_str(&format!("let committed_{commit} = {commit};\n"));
        let changed = (0..CHANGED).map(|at| &names[(commit * CHANGED + at) % FILES]);
        for ground in [&watched, &plain] {
            changed.clone().for_each(|name| ground.world.write(name, &text));
        }
        let arguments = ["commit", "--quiet", "--all", "--message", "more"];
        // In turn first and second: what the first one warms is the second one's gain.
        let order = if commit % 2 == 0 { [&watched, &plain] } else { [&plain, &watched] };
        for ground in order {
            watched.rest(&mut link, &watch);
            let time = ground.whole_process("git", &arguments, "");
            if std::ptr::eq(ground, &watched) { with.add(time) } else { without.add(time) }
        }
    }
    let about = format!("{FILES} files, {CHANGED} of them changed");
    vec![Row::time(
        "`git commit` in a worktree that the hub watches",
        with,
        ("the same in one that nobody watches", without),
        "≤ 1.05 × plain git",
        about,
    )]
}
