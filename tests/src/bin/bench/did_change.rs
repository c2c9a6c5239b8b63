//! A key in an editor: from the frame of its `didChange` to a document that holds it.
//!
//! The sidecar tells nobody when it has applied a change, but it answers requests in wire order. So each key is
//! followed by a hover elsewhere, and the same hover without a key, just before it, is the floor. Typing here never
//! pauses: groups are sealed by age and size, as under a held key, and what sealing costs is in the tail of the times.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use codi2_tests::World;

use crate::editor::{Editor, code, uri};
use crate::ground::{Counts, Ground};
use crate::interrupt;
use crate::keys::{ASKED, Keys};
use crate::report::Row;
use crate::samples::{Samples, shown};

const FILE: &str = "big.rs";
const BYTES: usize = 1 << 20;
const KEYS: usize = 2_000;
const BURSTS: usize = 10;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let text = code(BYTES);
    let lines = text.lines().count();
    let ground = Ground::new(&[(FILE, &text)]);
    ground.start_hub();
    let mut editor = Editor::start(&ground.world);
    editor.initialize(&ground.world, false);
    editor.open(&ground.world, FILE, &text);
    let mut keys = Keys::new(uri(&ground.world, FILE), lines);
    for _ in 0..counts.of(200) {
        ask(&mut editor, keys.uri());
    }

    let (mut changed, mut asked) = (Samples::default(), Samples::default());
    for _ in 0..counts.of(KEYS) {
        interrupt::check();
        asked.add(ask(&mut editor, keys.uri()));
        let (key, hover) = (keys.next_key(), editor.hover(keys.uri(), ASKED));
        let start = Instant::now();
        editor.send(&key);
        editor.send(&hover);
        changed.add(editor.answered() - start);
    }

    let (mut bursts, mut piped) = (Samples::default(), Samples::default());
    let length = counts.of(KEYS);
    for _ in 0..counts.of(BURSTS) {
        interrupt::check();
        let burst: Vec<Vec<u8>> = (0..length).map(|_| keys.next_key()).collect();
        let each = |whole: Duration| whole / u32::try_from(length).unwrap_or(u32::MAX);
        piped.add(each(through_a_pipe(&ground.world, &burst)));
        let hover = editor.hover(keys.uri(), ASKED);
        let start = Instant::now();
        burst.iter().for_each(|key| editor.send(key));
        editor.send(&hover);
        bursts.add(each(editor.answered() - start));
    }
    keys.prove(&ground.world, &mut editor);
    editor.close();

    let applied = changed.beyond(&asked);
    let target = "p50 < 50 µs, p99 < 1 ms";
    let rate = bursts.percentile(50).map(|each| 1e9 / each.max(1) as f64).unwrap_or_default();
    let worst = changed.percentile(100).map(shown).unwrap_or_default();
    vec![
        Row::time("didChange + hover answered, 1 MB file", changed, ("the same hover alone", asked), "", ""),
        Row::beyond(
            "didChange applied: the above minus its floor, pair by pair",
            applied,
            target,
            format!("worst key with its hover {worst}"),
        ),
        Row::time(
            "didChange, each of 2,000 sent without a pause",
            bursts,
            ("the same frames written to a process that drops them", piped),
            target,
            format!("{rate:.0} changes/s"),
        ),
    ]
}

fn ask(editor: &mut Editor, uri: &str) -> Duration {
    let hover = editor.hover(uri, ASKED);
    let start = Instant::now();
    editor.send(&hover);
    editor.answered() - start
}

/// How long a process that drops what it reads takes to read all these frames and to end.
fn through_a_pipe(world: &World, frames: &[Vec<u8>]) -> Duration {
    let bytes: usize = frames.iter().map(Vec::len).sum();
    let mut head = world
        .command("head")
        .args(["-c", &bytes.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("head starts");
    let mut input = head.stdin.take().expect("piped");
    let start = Instant::now();
    frames.iter().for_each(|frame| input.write_all(frame).expect("head reads all of it"));
    head.wait().expect("our own child");
    start.elapsed()
}
