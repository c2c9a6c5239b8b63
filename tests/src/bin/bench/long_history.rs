//! A repository with a long history, made for the benchmarks: git is slow or fast with what it has to look through.
//!
//! Made by `git fast-import`, so that 10,000 commits take a second. Each commit changes a few lines of one file; one
//! file, [`BUSY`], is changed by every sixteenth, so that its lines lead to hundreds of commits.

use std::fmt::Write;

use crate::editor::code;
use crate::ground::Ground;

/// Commits in its history.
pub const COMMITS: usize = 10_000;
/// Files in its tree.
pub const FILES: usize = 400;
/// The file that many commits changed.
pub const BUSY: &str = "src/busy.rs";
/// How often [`BUSY`] is changed: by each so many commits.
const EVERY: usize = 16;
/// Lines of [`BUSY`] that a commit changes.
const LINES: usize = 4;

/// The name of a file.
pub fn name(number: usize) -> String {
    if number == 0 { BUSY.to_owned() } else { format!("src/part{}/file{number}.rs", number % 20) }
}

/// A world whose `main` has this history, checked out.
pub fn ground() -> Ground {
    let ground = Ground::new(&[]);
    let world = &ground.world;
    let mut texts: Vec<Vec<String>> = (0..FILES)
        .map(|number| code(if number == 0 { 100 << 10 } else { 4 << 10 }).lines().map(str::to_owned).collect())
        .collect();
    let mut stream = String::new();
    for commit in 0..COMMITS {
        let header = "commit refs/heads/main\ncommitter Ada Example <ada@example.invalid>";
        let message = format!("change {commit}\n");
        let _ = write!(stream, "{header} {} +0000\ndata {}\n{message}", 1_600_000_000 + commit * 600, message.len());
        if commit == 0 {
            texts.iter().enumerate().for_each(|(number, text)| file(&mut stream, number, text));
        } else {
            let number = if commit % EVERY == 0 { 0 } else { 1 + commit % (FILES - 1) };
            let text = &mut texts[number];
            let lines = text.len();
            for line in 0..LINES {
                let at = (commit / EVERY * LINES + line) % lines;
                let end = text[at].find(" //").unwrap_or(text[at].len());
                text[at].truncate(end);
                let _ = write!(text[at], " // {commit}");
            }
            file(&mut stream, number, &texts[number]);
        }
        stream.push('\n');
    }
    ground.whole_process("git", &["fast-import", "--quiet", "--force"], &stream);
    world.git(&["reset", "--quiet", "--hard", "main"]);
    assert_eq!(world.git(&["rev-list", "--count", "HEAD"]).trim(), COMMITS.to_string());
    ground
}

fn file(stream: &mut String, number: usize, lines: &[String]) {
    let text = lines.join("\n") + "\n";
    let _ = write!(stream, "M 100644 inline {}\ndata {}\n{text}\n", name(number), text.len());
}
