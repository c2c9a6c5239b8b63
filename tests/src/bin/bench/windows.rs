//! Twenty editors' windows, each typing 1,000 keys a second, against one hub.
//!
//! All processes are real and share the cores of this machine: twenty sidecars, the hub, and this process. No hand types
//! so fast; a held key comes to 30 a second. Counted: how long a hover takes meanwhile, and from the last key until every
//! key of every window is in the log.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use codi2_tests::wait_for;
use serde_json::json;

use crate::editor::{Editor, code, notification, uri};
use crate::ground::{Counts, Ground};
use crate::interrupt;
use crate::memory::at_rest;
use crate::report::Row;
use crate::samples::Samples;

const WINDOWS: usize = 20;
/// Keys in one go, and the time from one go to the next: 1,000 a second.
const KEYS: usize = 10;
const PAUSE: Duration = Duration::from_millis(10);
/// Goes of each window, and after how many a hover is asked for.
const GOES: usize = 500;
const HOVER_EVERY: usize = 20;
const BYTES: usize = 100 << 10;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let text = code(BYTES);
    let names: Vec<String> = (0..WINDOWS).map(|number| format!("file{number}.rs")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), text.as_str())).collect();
    let ground = Ground::new(&files);
    ground.start_hub();
    let goes = counts.of(GOES);
    let begin = Barrier::new(WINDOWS);
    let windows: Vec<Window> = thread::scope(|scope| {
        let (ground, text, begin) = (&ground, text.as_str(), &begin);
        let running: Vec<_> =
            names.iter().map(|name| scope.spawn(move || Window::type_into(ground, name, text, goes, begin))).collect();
        running.into_iter().map(|window| window.join().expect("a window does not break")).collect()
    });
    let (mut calm, mut busy, mut last) = (Samples::default(), Samples::default(), None);
    for window in windows {
        calm.append(window.calm);
        busy.append(window.busy);
        last = last.max(Some(window.last_key));
    }
    let typed = (WINDOWS * goes * KEYS) as u64;
    wait_for(
        "every key in the log",
        || format!("{typed} keys typed"),
        || {
            interrupt::check();
            let logged: u64 = ground.world.log().iter().filter(|it| it.kind() == "edit").map(|it| it.inserted()).sum();
            (logged == typed).then_some(())
        },
    );
    let mut durable = Samples::default();
    durable.add(last.map(|last| last.elapsed()).unwrap_or_default());
    let pid = ground.world.hub_pid().expect("the hub runs");
    vec![
        Row::time(
            "hover answered while 20 windows take 1,000 keys/s each",
            busy,
            ("the same hover, nobody types", calm),
            "",
            "",
        ),
        Row::beyond(
            "last key → all windows closed and every key read back from the log",
            durable,
            "",
            format!("{typed} keys"),
        ),
        at_rest("hub, after 20 windows at 1,000 keys/s", pid, "", &format!("{typed} keys in {} s", goes / 100)),
    ]
}

/// What one window measured.
struct Window {
    calm: Samples,
    busy: Samples,
    last_key: Instant,
}

impl Window {
    fn type_into(ground: &Ground, name: &str, text: &str, goes: usize, begin: &Barrier) -> Self {
        let mut editor = Editor::start(&ground.world);
        editor.initialize(&ground.world, true);
        editor.open(&ground.world, name, text);
        let uri = uri(&ground.world, name);
        let ask = |editor: &mut Editor| {
            let hover = editor.hover(&uri, 3);
            let start = Instant::now();
            editor.send(&hover);
            editor.answered() - start
        };
        editor.told("codi2/status", |status| status["connected"] == true);
        begin.wait();
        let mut calm = Samples::default();
        (0..HOVER_EVERY).for_each(|_| calm.add(ask(&mut editor)));
        begin.wait();
        let (mut busy, mut version, start) = (Samples::default(), 0, Instant::now());
        for go in 0..goes {
            let keys: Vec<u8> = (0..KEYS)
                .flat_map(|key| {
                    version += 1;
                    let at = json!({"line": 100 + go / 10, "character": go % 10 * KEYS + key});
                    let change = json!({"range": {"start": at, "end": at}, "text": "x"});
                    let document = json!({"uri": uri, "version": version});
                    notification(
                        "textDocument/didChange",
                        json!({"textDocument": document, "contentChanges": [change]}),
                    )
                })
                .collect();
            editor.send(&keys);
            if go % HOVER_EVERY == 0 {
                busy.add(ask(&mut editor));
            }
            let due = PAUSE * u32::try_from(go + 1).unwrap_or(u32::MAX);
            thread::sleep(due.saturating_sub(start.elapsed()));
        }
        let last_key = Instant::now();
        editor.close();
        Self { calm, busy, last_key }
    }
}
