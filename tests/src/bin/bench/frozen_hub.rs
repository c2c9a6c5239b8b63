//! A key in an editor while the hub stands still (SIGSTOP), beside the same with a hub that runs.
//!
//! What is timed is a key with a hover behind it: answered in wire order, so after the key is applied. Both are typed in
//! the same window, in turns, so that a slow phase of the machine meets both. Absent on purpose: the hub's catching up.

use std::time::{Duration, Instant};

use crate::editor::{Editor, code, uri};
use crate::ground::{Counts, Ground};
use crate::interrupt;
use crate::keys::{ASKED, Keys};
use crate::report::Row;
use crate::samples::Samples;

const FILE: &str = "big.rs";
const BYTES: usize = 1 << 20;
/// Keys in a turn; a turn outlasts the sealing of groups.
const TURN: usize = 200;
const TURNS: usize = 10;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let text = code(BYTES);
    let ground = Ground::new(&[(FILE, &text)]);
    ground.start_hub();
    let mut editor = Editor::start(&ground.world);
    editor.initialize(&ground.world, true);
    editor.told("codi2/status", |status| status["connected"] == true);
    editor.open(&ground.world, FILE, &text);
    let mut keys = Keys::new(uri(&ground.world, FILE), text.lines().count());
    let (mut running, mut frozen) = (Samples::default(), Samples::default());
    for _ in 0..counts.of(TURNS) {
        turn(&mut editor, &mut keys, &mut running);
        let stands = ground.world.freeze_hub();
        turn(&mut editor, &mut keys, &mut frozen);
        assert!(stands.stands(), "nobody woke the hub");
    }
    keys.prove(&ground.world, &mut editor);
    editor.close();
    vec![Row::time(
        "didChange answered while the hub is stopped, 1 MB file",
        frozen,
        ("the same with a running hub", running),
        "",
        "",
    )]
}

fn turn(editor: &mut Editor, keys: &mut Keys, times: &mut Samples) {
    for _ in 0..TURN {
        interrupt::check();
        times.add(key(editor, keys));
    }
}

fn key(editor: &mut Editor, keys: &mut Keys) -> Duration {
    let (key, hover) = (keys.next_key(), editor.hover(keys.uri(), ASKED));
    let start = Instant::now();
    editor.send(&key);
    editor.send(&hover);
    editor.answered() - start
}
