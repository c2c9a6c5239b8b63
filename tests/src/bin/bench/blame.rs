//! Who wrote this: the owners of a file asked over an open connection, a hover in an editor that has it open, and the
//! whole program `codi2 blame` with a warm hub and with none, each beside `git blame` of the same file.
//!
//! The file's history lies in git (a hundred commits that each change every tenth line) and, for the last change, in
//! the ledger: an editor typed it. A cold blame starts the hub, opens the store, looks at the worktree and answers.

use std::time::Instant;

use codi2_protocol::{Call, FileId, Reply};
use codi2_tests::program;

use crate::editor::{Editor, code, uri};
use crate::ground::{Counts, Ground};
use crate::interrupt;
use crate::report::Row;
use crate::samples::Samples;

const FILE: &str = "src/history.rs";
const BYTES: usize = 100 << 10;
const COMMITS: usize = 100;
const OTHERS: usize = 200;
const WARM: usize = 1_000;
const PROCESSES: usize = 200;
const COLD: usize = 30;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let text = code(BYTES);
    let names: Vec<String> = (0..OTHERS).map(|number| format!("src/other{number}.rs")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "fn other() {}\n")).collect();
    files.push((FILE, &text));
    let ground = Ground::new(&files);
    let text = history(&ground, &text);
    let lines = text.lines().count();

    ground.start_hub();
    let mut link = ground.link();
    let watch = ground.watch(&mut link);
    let file = FileId { worktree: watch.worktree, path: FILE.to_owned() };
    let mut editor = Editor::start(&ground.world);
    editor.initialize(&ground.world, false);
    editor.open(&ground.world, FILE, &text);
    let uri = uri(&ground.world, FILE);

    let [mut owners, mut hover, mut warm, mut cold] = std::array::from_fn(|_| Samples::default());
    let [mut git_beside_warm, mut git_beside_cold] = std::array::from_fn(|_| Samples::default());
    for number in 0..counts.of(WARM) {
        interrupt::check();
        let call = Call::Owners { file: file.clone(), digest: None, buffer: false };
        let start = Instant::now();
        let reply = link.call(call);
        owners.add(start.elapsed());
        assert!(matches!(reply, Ok(Reply::Owners(_))), "{reply:?}");
        let request = editor.hover(&uri, number % lines);
        let start = Instant::now();
        editor.send(&request);
        hover.add(editor.answered() - start);
    }
    let git = |into: &mut Samples| into.add(ground.whole_process("git", &["blame", FILE], ""));
    let ours = |into: &mut Samples| into.add(ground.whole_process(program(), &["blame", FILE], ""));
    for _ in 0..counts.of(PROCESSES) {
        interrupt::check();
        git(&mut git_beside_warm);
        ours(&mut warm);
    }
    editor.close();
    drop(link);
    for _ in 0..counts.of(COLD) {
        interrupt::check();
        ground.stop_hub();
        git(&mut git_beside_cold);
        ours(&mut cold);
    }
    ground.stop_hub();
    let about = format!("{} kB, {lines} lines, {COMMITS} commits", text.len() >> 10);
    vec![
        Row::beyond("owners of an open file asked of the warm hub", owners, "< 2 ms", about),
        Row::beyond("hover in the editor that has it open", hover, "< 2 ms", "answered by the sidecar alone"),
        Row::time("`codi2 blame`, whole process, warm hub", warm, ("`git blame`", git_beside_warm), "", ""),
        Row::time(
            "`codi2 blame`, whole process, no hub runs (starts it)",
            cold,
            ("`git blame`", git_beside_cold),
            "≤ 1.1 × git blame",
            "",
        ),
    ]
}

/// Commits changes of every tenth line, one tenth after the other; the text of the last.
fn history(ground: &Ground, text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    for commit in 0..COMMITS {
        for line in lines.iter_mut().skip(commit % 10).step_by(10) {
            let end = line.find(" //").unwrap_or(line.len());
            line.truncate(end);
            line.push_str(&format!(" // {commit}"));
        }
        ground.world.write(FILE, &(lines.join("\n") + "\n"));
        ground.world.git(&["commit", "--quiet", "--all", "--message", "more"]);
    }
    lines.join("\n") + "\n"
}
