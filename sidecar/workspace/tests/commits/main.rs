//! Commits and notes against real git, in repositories of a few commits, or of random ones.
#![allow(clippy::unwrap_used, missing_docs)] // a test may panic; its helpers are tests too

mod brought;
mod notes;
mod which;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use codi2_workspace::{Change, Commits, Oid, Place, identify};

struct Repository {
    _folder: tempfile::TempDir,
    place: Place,
}

impl Repository {
    fn new(init: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), &[&["init", "-q", "-b", "main"], init].concat());
        let place = identify(folder.path()).unwrap();
        Self { _folder: folder, place }
    }

    fn git(&self, arguments: &[&str]) -> String {
        run(&self.place.root, arguments)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let file = self.place.root.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn commit(&self) -> Oid {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "x"]);
        self.head()
    }

    fn head(&self) -> Oid {
        Oid::parse(&self.git(&["rev-parse", "HEAD"])).unwrap()
    }

    /// Everything that all commits brought, by commit.
    fn brought(&self) -> BTreeMap<Oid, Vec<Change>> {
        let mut commits = Commits::open(&self.place).unwrap();
        let (new, cut) = commits.new_since(&commits.tips().unwrap(), &[], 2_000).unwrap();
        assert!(!cut);
        let changes = commits.changes(&new).unwrap();
        new.iter().map(|commit| commit.id).zip(changes).collect()
    }

    /// Every line of every file that is checked out, as `git blame` leads to it: (commit, path there, line there).
    fn blamed(&self) -> Vec<(Oid, String, u32)> {
        let mut all = Vec::new();
        for path in self.git(&["ls-files"]).lines() {
            let (mut line, mut at) = (None, None);
            for text in self.git(&["blame", "--line-porcelain", "HEAD", "--", path]).lines() {
                if let Some(name) = text.strip_prefix("filename ") {
                    let (commit, number) = line.unwrap();
                    at = Some((commit, name.to_owned(), number));
                } else if text.starts_with('\t') {
                    all.push(at.take().unwrap());
                } else if let Some((name, rest)) = text.split_once(' ')
                    && let Some(commit) = Oid::parse(name)
                {
                    line = Some((commit, rest.split(' ').next().unwrap().parse().unwrap()));
                }
            }
        }
        all
    }
}

fn run(at: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(at).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.args(["-c", "user.name=A", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn lines(changes: &[Change], path: &str) -> String {
    let change = changes.iter().find(|change| change.path == path);
    let ranges = change.into_iter().flat_map(|change| &change.lines);
    ranges.map(|lines| format!("{}-{}", lines.start(), lines.end())).collect::<Vec<_>>().join(" ")
}

/// A small generator of numbers: the same ones for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// Edits, moves, copies, splits and merges of few files with few distinct lines, so that comparisons are ambiguous.
fn history(seed: u64) -> Repository {
    let repository = Repository::new(&[]);
    let mut dice = Dice(seed);
    let mut side = false;
    for step in 0..24 {
        let mut files: Vec<String> = repository.git(&["ls-files"]).lines().map(str::to_owned).collect();
        for _ in 0..=dice.roll(3) {
            let name = format!("{}/f{}", ["a", "b"][dice.roll(2)], dice.roll(4));
            if files.is_empty() || (dice.roll(6) == 0 && !files.contains(&name)) {
                let text: String = (0..=dice.roll(40)).map(|_| line(&mut dice)).collect();
                repository.write(&name, text);
                files.push(name);
                continue;
            }
            let from = files.swap_remove(dice.roll(files.len()));
            let path = repository.place.root.join(&from);
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let mut text: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
            for _ in 0..=dice.roll(4) {
                let at = dice.roll(text.len() + 1);
                match dice.roll(4) {
                    0 if at < text.len() => drop(text.remove(at)),
                    1 if at < text.len() => text[at] = line(&mut dice),
                    2 => text.extend(text.clone().into_iter().take(at)),
                    _ => text.insert(at, line(&mut dice)),
                }
            }
            match dice.roll(5) {
                // Moved, and maybe in two pieces that both look like what was there.
                0 => {
                    fs::remove_file(&path).unwrap();
                    repository.write(&name, text.concat());
                    if dice.roll(2) == 0 {
                        repository.write(&format!("{name}-too"), text.concat() + "too\n");
                    }
                }
                1 if text.len() > 30 => fs::remove_file(&path).unwrap(),
                _ => fs::write(&path, text.concat()).unwrap(),
            }
        }
        repository.commit();
        if step % 5 == 2 {
            repository.git(if side {
                &["checkout", "-q", "main"]
            } else {
                &["checkout", "-q", "-B", "side", "HEAD~1"]
            });
            side = !side;
        } else if !side && step % 5 == 4 {
            let favour = ["-Xours", "-Xtheirs"][dice.roll(2)];
            let mut command = Command::new("git");
            command.current_dir(&repository.place.root).args(["-c", "user.name=A", "-c", "user.email=a@b"]);
            let merged = command.args(["merge", "-q", "-m", "m", favour, "side"]).output().unwrap();
            if !merged.status.success() {
                // Moved here, deleted there: whatever lies there is the resolution.
                repository.commit();
            }
        }
    }
    if side {
        repository.git(&["checkout", "-q", "main"]);
    }
    repository
}

fn line(dice: &mut Dice) -> String {
    ["\n", "}\n", "    }\n", "one\n", "two\n", "    three();\n", "\tfour {\n"][dice.roll(7)].to_owned()
}
