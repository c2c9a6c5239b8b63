//! Memory of sidecar and hub, as the kernel counts it in `/proc/PID/status`.
//!
//! Read when it has come to rest. `VmRSS` counts the program's own pages too, which all codi2 processes of a machine
//! share; `RssAnon` does not.

use std::thread::sleep;
use std::time::{Duration, Instant};

use codi2_protocol::{Call, Reply};
use codi2_tests::wait_for;

use crate::editor::{Editor, code, uri};
use crate::ground::{Counts, Ground};
use crate::interrupt;
use crate::machine::field;
use crate::report::{Memory, Row};

const MEGABYTE: usize = 1 << 20;
const FILES: usize = 10_000;
/// Bytes of each of the many files.
const FILE_BYTES: usize = 2 << 10;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let mut rows = sidecars();
    rows.extend(hubs(counts.of(FILES)));
    rows
}

fn sidecars() -> Vec<Row> {
    let (one, ten) = (code(MEGABYTE), code(10 * MEGABYTE));
    let ground = Ground::new(&[("one.rs", &one), ("ten1.rs", &ten), ("ten2.rs", &ten)]);
    ground.start_hub();
    let open = |files: &[(&str, &str)]| {
        let mut editor = Editor::start(&ground.world);
        editor.initialize(&ground.world, true);
        editor.told("codi2/status", |status| status["connected"] == true);
        for (file, text) in files {
            editor.open(&ground.world, file, text);
            let hover = editor.hover(&uri(&ground.world, file), 1);
            editor.send(&hover);
            editor.answered();
        }
        editor
    };
    let mut rows = Vec::new();
    for (what, target, files) in [
        ("sidecar, idle", "< 20 MB", &[][..]),
        ("sidecar, 1 MB open", "< 23 MB", &[("one.rs", one.as_str())][..]),
        ("sidecar, 20 MB open", "< 83 MB", &[("ten1.rs", ten.as_str()), ("ten2.rs", ten.as_str())][..]),
    ] {
        let editor = open(files);
        let note = if files.len() > 1 { "as two files: one over 16 MB is not recorded" } else { "" };
        rows.push(at_rest(what, editor.pid(), target, note));
        editor.close();
    }
    rows
}

fn hubs(files: usize) -> Vec<Row> {
    let text = code(FILE_BYTES);
    let names: Vec<String> = (0..files).map(|number| format!("d{}/f{number}.rs", number % 100)).collect();
    let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), text.as_str())).collect();
    let ground = Ground::new(&all);
    ground.start_hub();
    let mut link = ground.link();
    let pid = link.hub().pid;
    let idle = at_rest("hub, idle", pid, "< 40 MB", "a new store, nothing watched");
    ground.watch(&mut link);
    wait_for(
        "the hub knows the files",
        || ground.world.explain(),
        || match link.call(Call::Status) {
            Ok(Reply::Status(status)) => (status.watches.first()?.files >= files as u64).then_some(()),
            other => panic!("{other:?}"),
        },
    );
    let note = format!("{files} files of {FILE_BYTES} bytes, 100 folders");
    let watching = at_rest("hub, one worktree watched", pid, "< 40 MB", &note);
    vec![idle, watching]
}

/// What a process has once it does not change any more (1 % within a second; at the latest after 20 s).
pub fn at_rest(what: &'static str, pid: u32, target: &'static str, note: &str) -> Row {
    let end = Instant::now() + Duration::from_secs(20);
    let mut calm = 0;
    let mut last = resident(pid);
    while calm < 4 && Instant::now() < end {
        interrupt::check();
        sleep(Duration::from_millis(250));
        let now = resident(pid);
        calm = if now.abs_diff(last) * 100 <= last { calm + 1 } else { 0 };
        last = now;
    }
    let text = status(pid);
    let counted = |name| kilobytes(&text, name);
    Row::Memory(Memory {
        what,
        resident: counted("VmRSS"),
        anonymous: counted("RssAnon"),
        peak: counted("VmHWM"),
        target,
        note: note.to_owned(),
    })
}

fn resident(pid: u32) -> u64 {
    kilobytes(&status(pid), "VmRSS")
}

fn status(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives")
}

fn kilobytes(status: &str, name: &str) -> u64 {
    let value = field(status, name).unwrap_or_else(|| panic!("no {name} in {status}"));
    value.trim_end_matches(" kB").parse().expect("the kernel counts in kB")
}
