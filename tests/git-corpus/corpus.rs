//! Loads the git corpus and runs its scripts. Included by the tests that use it (`#[path]`); knows nothing of codi2.
#![allow(dead_code, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

/// One case.
#[derive(Debug, Clone)]
pub struct Script {
    pub name: String,
    pub only_main: bool,
    pub only_event: bool,
    pub setup: String,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, Default)]
pub struct Step {
    pub script: String,
    pub expects: Vec<Expect>,
    pub operations: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Expect {
    pub path: String,
    pub git: bool,
    pub other: bool,
    pub gone: bool,
    pub clean: bool,
    pub maybe: bool,
    pub from: Option<String>,
    pub what: Option<String>,
    pub operation: Option<String>,
}

pub fn folder() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = here.ancestors().map(|folder| folder.join("tests/git-corpus")).find(|folder| folder.is_dir());
    found.expect("the corpus lies in tests/git-corpus of the workspace")
}

/// All cases by name.
pub fn load() -> Vec<Script> {
    let entries = std::fs::read_dir(folder()).expect("the corpus can be listed");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
        .iter()
        .filter(|file| {
            file.extension().is_some_and(|end| end == "sh") && file.file_stem().is_some_and(|s| s != "prelude")
        })
        .map(|file| {
            let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
            parse(&name, &std::fs::read_to_string(file).expect("a readable script"))
        })
        .collect()
}

fn parse(name: &str, text: &str) -> Script {
    let mut script =
        Script { name: name.into(), only_main: false, only_event: false, setup: String::new(), steps: Vec::new() };
    let mut section = "";
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("### ") {
            section = match head {
                "only main" => {
                    script.only_main = true;
                    ""
                }
                "only event" => {
                    script.only_event = true;
                    ""
                }
                "step" => {
                    script.steps.push(Step::default());
                    "step"
                }
                "setup" | "expect" => head,
                other => panic!("{name}: unknown section {other}"),
            };
            continue;
        }
        match section {
            "setup" => script.setup += &format!("{line}\n"),
            "step" => script.steps.last_mut().expect("a step").script += &format!("{line}\n"),
            "expect" => expect(name, line, script.steps.last_mut().expect("a step")),
            _ => panic!("{name}: {line:?} outside a section"),
        }
    }
    assert!(!script.steps.is_empty(), "{name}: no step");
    script
}

fn expect(name: &str, line: &str, step: &mut Step) {
    if let Some(operation) = line.strip_prefix("@git ") {
        step.operations.push(operation.into());
        return;
    }
    let mut words = line.split(' ');
    let mut expect = Expect { path: words.next().expect("a path").replace("%20", " "), ..Expect::default() };
    for word in words {
        match word.split_once('=') {
            Some(("from", path)) => expect.from = Some(path.replace("%20", " ")),
            Some(("what", what)) => expect.what = Some(what.into()),
            Some(("op", operation)) => expect.operation = Some(operation.into()),
            Some(_) => panic!("{name}: {word}"),
            None => match word {
                "git" => expect.git = true,
                "other" => expect.other = true,
                "gone" => expect.gone = true,
                "clean" => expect.clean = true,
                "maybe" => expect.maybe = true,
                "any" => {}
                _ => panic!("{name}: {word}"),
            },
        }
    }
    step.expects.push(expect);
}

/// A command in a world of its own: no user or system configuration, fixed identity and time.
pub fn sealed(program: &str, folder: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home).env("LC_ALL", "C");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_EDITOR", ":");
    for (name, value) in [("AUTHOR", "Ada"), ("COMMITTER", "Ada")] {
        command.env(format!("GIT_{name}_NAME"), value).env(format!("GIT_{name}_EMAIL"), "ada@example.org");
        command.env(format!("GIT_{name}_DATE"), "2026-01-02T03:04:05Z");
    }
    let settings = [("protocol.file.allow", "always"), ("advice.detachedHead", "false"), ("core.pager", "cat")];
    command.env("GIT_CONFIG_COUNT", settings.len().to_string());
    for (at, (key, value)) in settings.iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{at}"), key).env(format!("GIT_CONFIG_VALUE_{at}"), value);
    }
    command
}

/// Runs shell text with the prelude's functions; panics with its output if it fails.
pub fn shell(name: &str, folder: &Path, home: &Path, text: &str) {
    let prelude = self::folder().join("prelude.sh");
    let script = format!(". '{}'\n{text}", prelude.display());
    let output = sealed("sh", folder, home).args(["-c", &script]).output().expect("a shell");
    assert!(
        output.status.success(),
        "{name}: {text}\nended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Makes the case's repository in `base` and returns the worktree that its steps run in.
pub fn set_up(script: &Script, base: &Path, linked: bool) -> PathBuf {
    let main = base.join("repo");
    std::fs::create_dir_all(&main).expect("a folder");
    shell(&script.name, &main, base, "git init -q -b main .");
    shell(&script.name, &main, base, &script.setup);
    if linked {
        shell(&script.name, &main, base, "git checkout -q --detach && git worktree add -q ../linked main");
    }
    age(&main.join(".git/objects"));
    if linked { base.join("linked") } else { main }
}

/// A blob is told from one that somebody just made by its file's time, to within a tick of the clock; what the case
/// begins with is older than its first look.
fn age(objects: &Path) {
    let made = SystemTime::now() - Duration::from_secs(60);
    let mut folders = vec![objects.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of objects").map(|entry| entry.expect("an entry")) {
            if entry.file_type().expect("a type").is_dir() {
                folders.push(entry.path());
            } else {
                let object = std::fs::File::open(entry.path()).expect("an object");
                object.set_modified(made).expect("our own file");
            }
        }
    }
}
