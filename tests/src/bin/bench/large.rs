//! Large files: 1 MB and 20 MB changed on disk, and a buffer of 15 MB, the longest recorded being 16 MB.
//!
//! Each write puts one line at the end of the file and writes all of it again, as editors do.

use std::time::Instant;

use crate::disk::{Tail, closed_files};
use crate::editor::{Editor, code, uri};
use crate::ground::{Counts, Ground};
use crate::interrupt;
use crate::report::Row;
use crate::samples::Samples;

const MEGABYTE: usize = 1 << 20;
const OPENED: usize = 15 * MEGABYTE;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let mut rows = Vec::new();
    for (what, bytes, writes) in [
        ("1 MB file written → attributed event printed by `codi2 tail`", MEGABYTE, 100),
        ("20 MB file written → attributed event printed by `codi2 tail`", 20 * MEGABYTE, 20),
    ] {
        rows.push(written(what, bytes, counts.of(writes)));
    }
    rows.push(opened(counts.of(20)));
    rows
}

fn written(what: &'static str, bytes: usize, writes: usize) -> Row {
    let mut text = code(bytes);
    let ground = Ground::new(&[("large.rs", &text)]);
    ground.start_hub();
    let mut watching = ground.link();
    ground.watch(&mut watching);
    let tail = Tail::start(&ground.world);
    tail.wait_until_it_follows(&ground.world);
    let closed = closed_files(ground.world.repository());
    let (mut seen, mut notified) = (Samples::default(), Samples::default());
    for number in 0..writes {
        interrupt::check();
        text.push_str(&format!("let written_{number} = {number};\n"));
        let start = Instant::now();
        ground.world.write("large.rs", &text);
        notified.add(closed.wait(start, |found| found.to_bytes() == b"large.rs") - start);
        seen.add(tail.seen("large.rs", text.len(), start) - start);
    }
    let floor = ("the same write → an inotify event in this process", notified);
    Row::time(what, seen, floor, "p95 < 120 ms", "30 ms of it settle")
}

fn opened(times: usize) -> Row {
    let text = code(OPENED);
    let ground = Ground::new(&[("large.rs", &text), ("small.rs", "fn main() {}\n")]);
    ground.start_hub();
    let (mut large, mut small) = (Samples::default(), Samples::default());
    for _ in 0..times {
        interrupt::check();
        for (file, text, into) in [("small.rs", "fn main() {}\n", &mut small), ("large.rs", text.as_str(), &mut large)]
        {
            let mut editor = Editor::start(&ground.world);
            editor.initialize(&ground.world, false);
            let hover = editor.hover(&uri(&ground.world, file), 0);
            let start = Instant::now();
            editor.open(&ground.world, file, text);
            editor.send(&hover);
            into.add(editor.answered() - start);
            editor.close();
        }
    }
    let floor = ("the same with a file of one line", small);
    Row::time("15 MB opened → a hover in it answered", large, floor, "", "")
}
