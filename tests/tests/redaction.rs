//! Secrets everywhere a person, an agent or git can put one: none of them is in anything codi2 writes.
//!
//! After each session the state folder (store, spools, the hub's messages), the runtime folder, git's notes and codi2's
//! own file in git's folder, the sidecar's messages and the home are searched byte by byte. Each secret is put together
//! here, so that none stands in this file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use codi2_tests::editor::Editor;
use codi2_tests::{World, program, wait_for};
use serde_json::json;

/// Secrets by the place they are planted at.
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn new() -> Self {
        Self(Vec::new())
    }

    /// A fresh token for a place: of a form of its own.
    fn token(&mut self, place: &'static str) -> String {
        self.made(place, "ghp_", 36)
    }

    /// A fresh value that only its name makes a secret.
    fn password(&mut self, place: &'static str) -> String {
        self.made(place, "", 18)
    }

    fn made(&mut self, place: &'static str, prefix: &str, length: usize) -> String {
        let mut state = place
            .bytes()
            .fold(0x9e37_79b9_7f4a_7c15_u64, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        let body: String = (0..length)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                char::from(b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"[(state >> 33) as usize % 57])
            })
            .collect();
        let body = format!("{}7{}", &body[..length / 2], &body[length / 2 + 1..]);
        self.0.push((place, body.clone()));
        format!("{prefix}{body}")
    }

    /// Where which of them is found, whole or in good part.
    fn found_in(&self, world: &World, more: &[&Path]) -> Vec<String> {
        let mut files = Vec::new();
        for folder in [world.state(), world.runtime(), world.home(), world.path(".git/codi2")] {
            below(&folder, &mut files);
        }
        more.iter().for_each(|path| below(path, &mut files));
        let mut found = Vec::new();
        let mut look = |what: String, bytes: &[u8]| {
            for (place, secret) in &self.0 {
                let secret = secret.as_bytes();
                if [&secret[..10], &secret[secret.len() - 10..]]
                    .iter()
                    .any(|part| bytes.windows(10).any(|at| at == *part))
                {
                    found.push(format!("the secret of {place} is in {what}"));
                }
            }
        };
        for file in &files {
            look(file.display().to_string(), file.to_string_lossy().as_bytes());
            look(file.display().to_string(), &fs::read(file).unwrap_or_default());
        }
        for note in world.git(&["for-each-ref", "--format=%(refname)", "refs/notes"]).lines() {
            look(note.to_owned(), world.git(&["log", "--all", "--format=%N", &format!("--notes={note}")]).as_bytes());
        }
        assert!(!files.is_empty(), "nothing was searched");
        found
    }
}

/// Every plain file in a folder and below it, or the file itself.
fn below(path: &Path, files: &mut Vec<PathBuf>) {
    if let Ok(entries) = fs::read_dir(path) {
        entries.flatten().for_each(|entry| below(&entry.path(), files));
    } else if path.is_file() {
        files.push(path.to_owned());
    }
}

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill -{name} {pid}");
}

/// One hook of an agent whose every word holds a secret.
fn hook(world: &World, secrets: &mut Secrets, files: &[&str]) {
    let content = secrets.token("a hook's transcript");
    let payloads = [
        json!({
            "type": "human",
            "repo_working_dir": world.repository(),
            "will_edit_filepaths": files,
            "dirty_files": {"src/a.txt": content},
        }),
        json!({
            "type": "ai_agent",
            "repo_working_dir": world.repository(),
            "edited_filepaths": files,
            "agent_name": format!("agent {}", secrets.token("an agent's name")),
            "model": secrets.token("a model's name"),
            "conversation_id": format!("use password={} here", secrets.password("a conversation's name")),
            "transcript": {"messages": [content]},
        }),
    ];
    for payload in payloads {
        let done = world.codi2_with(&["hook", "agent-v1", "--hook-input", "stdin"], &payload.to_string());
        assert_eq!(done.code, 0, "{}", done.err);
    }
}

/// A person at an editor whose name, sources and texts hold secrets; ordinary, private and secretly named files.
fn edit(world: &World, secrets: &mut Secrets, editor: &mut Editor, named: &str) {
    for (file, text) in [
        ("src/a.txt", format!("token = \"{}\"\n", secrets.token("a buffer"))),
        (".env", format!("KEY={}\n", secrets.token("a private buffer"))),
        (named, format!("{}\n", secrets.token("a buffer of a secretly named file"))),
    ] {
        let path = world.path(file);
        if !editor.files().contains(&path) {
            assert!(editor.open(&path));
        }
        let label = secrets.token("an edit's label");
        editor.hint(&path, &json!({"kind": "plugin", "name": format!("plugin {label}"), "detail": label}));
        editor.type_at(&path, 0, &text);
        editor.save(&path);
    }
}

/// Git with secrets in branches, messages and stashes.
fn git(world: &World, secrets: &mut Secrets) {
    let branch = format!("topic/{}", secrets.token("a branch"));
    world.git(&["switch", "--quiet", "--create", &branch]);
    world.write("src/b.txt", "on the branch\n");
    world.git(&["add", "src/b.txt"]);
    let message = format!("log in with password={}", secrets.password("a commit's message"));
    world.git(&["commit", "--quiet", "--message", &message]);
    world.git(&["switch", "--quiet", "main"]);
    world.git(&["merge", "--quiet", "--no-ff", "--message", &secrets.token("a merge's message"), &branch]);
    world.write("src/b.txt", "stashed\n");
    world.git(&["stash", "push", "--quiet", "--message", &secrets.token("a stash's message"), "--", "src/b.txt"]);
    world.git(&["stash", "pop", "--quiet"]);
}

fn world(secrets: &mut Secrets) -> (World, String) {
    let named = format!("notes/{}.txt", secrets.token("a file's name"));
    let ignored = format!("KEY={}\n", secrets.token("a private file"));
    let world = World::new(&[("src/a.txt", "one\n"), ("src/b.txt", "one\n"), (".env", &ignored), (&named, "one\n")]);
    world.git(&["config", "user.name", &format!("Ada {}", secrets.token("a person's name"))]);
    (world, named)
}

#[test]
fn with_the_hub_there_and_stopped_no_planted_secret_is_kept() {
    let mut secrets = Secrets::new();
    let (world, named) = world(&mut secrets);
    // All that the hub can say of what it does.
    let started =
        world.command(program()).args(["hub", "start"]).env("CODI2_LOG", "trace").stdout(Stdio::null()).status();
    assert!(started.is_ok_and(|status| status.success()));
    let said = world.home().join("sidecar.err");
    let errors = Stdio::from(File::create(&said).expect("a new file"));
    let name = format!("editor {}", secrets.token("an editor's name"));
    let mut editor = Editor::start_as(&world, world.repository(), &name, errors);
    world.wait_until_watched();

    edit(&world, &mut secrets, &mut editor, &named);
    hook(&world, &mut secrets, &["src/a.txt", ".env", &named]);
    git(&world, &mut secrets);
    world.write("src/c.txt", &format!("password: {}\n", secrets.password("a file that a stranger wrote")));
    world.write("id_new", &secrets.token("a private file that a stranger wrote"));
    world.wait_log("everything in the log", |log| {
        let count = |kind: &str| log.iter().filter(|entry| entry.kind() == kind).count();
        let merged = log.iter().any(|entry| entry.operation().starts_with("merge "));
        let last = log.iter().any(|entry| entry.file() == "src/c.txt");
        (merged && last && count("edit") >= 1 && count("intent") >= 2 && count("private") >= 3).then_some(())
    });
    let log = world.codi2(&["log", "--limit", "0", "--format", "jsonl"]).out;
    for place in [
        "editor [redacted:github-token:40:",
        "agent [redacted:github-token:40:",
        "password=[redacted:generic-password:18:",
        "topic/[redacted:github-token:40:",
        "Ada [redacted:github-token:40:",
    ] {
        assert!(log.contains(place), "{place} is not in the log, so its secret was not even there:\n{log}");
    }
    for private in [".env", "id_new", "notes/"] {
        assert!(!log.contains(private), "{private} is in the log:\n{log}");
    }
    for private in [".env", &named] {
        let asked = world.codi2(&["blame", private]);
        assert!(asked.code != 0 && asked.err.contains("private"), "{asked:?}");
    }
    assert_eq!(secrets.found_in(&world, &[]), Vec::<String>::new());

    // The hub takes nothing any more: what is told now lies in spools.
    let hub = world.hub_pid().expect("a hub");
    signal(hub, "STOP");
    edit(&world, &mut secrets, &mut editor, &named);
    hook(&world, &mut secrets, &["src/a.txt", ".env"]);
    let spools = world.state().join("spool");
    wait_for(
        "what was told lies in the spools",
        || {
            format!(
                "{:?}",
                fs::read_dir(&spools).map(|entries| entries.flatten().map(|entry| entry.path()).collect::<Vec<_>>())
            )
        },
        || {
            let mut files = Vec::new();
            below(&spools, &mut files);
            let held = |part: &[u8]| {
                files
                    .iter()
                    .any(|file| fs::read(file).is_ok_and(|bytes| bytes.windows(part.len()).any(|at| at == part)))
            };
            (held(b"agent [redacted:github-token:40:") && held(b"plugin [redacted:github-token:40:")).then_some(())
        },
    );
    assert_eq!(secrets.found_in(&world, &[]), Vec::<String>::new());
    signal(hub, "CONT");
    world.wait_log("the spools in the log", |log| {
        let count = |kind: &str| log.iter().filter(|entry| entry.kind() == kind).count();
        (count("edit") >= 2 && count("intent") >= 4).then_some(())
    });
    editor.quit();
    assert_eq!(world.codi2(&["hub", "stop"]).code, 0);
    assert_eq!(secrets.found_in(&world, &[]), Vec::<String>::new());

    // The search does find what is there.
    let planted = secrets.token("the search itself");
    fs::write(world.state().join("spool").join("planted"), planted).expect("our own folder");
    assert_eq!(secrets.found_in(&world, &[]).len(), 1);
}

#[test]
fn before_any_hub_ran_the_hooks_spool_holds_no_secret() {
    let mut secrets = Secrets::new();
    let (world, named) = world(&mut secrets);
    hook(&world, &mut secrets, &["src/a.txt", ".env", &named]);
    let spool = fs::read(world.state().join("spool").join("hooks.spool")).expect("the hooks' spool");
    let holds = |part: &[u8]| spool.windows(part.len()).any(|at| at == part);
    // No secret of a hub's yet, so no hash.
    assert!(holds(b"agent [redacted:github-token:40]") && holds(b"password=[redacted:generic-password:18]"));
    assert_eq!(secrets.found_in(&world, &[]), Vec::<String>::new());
    // A hub takes it in as it is.
    assert_eq!(world.codi2(&["hub", "start"]).code, 0);
    world.wait_log("the hooks in the log", |log| {
        (log.iter().filter(|entry| entry.kind() == "intent").count() >= 2).then_some(())
    });
    assert_eq!(world.codi2(&["hub", "stop"]).code, 0);
    assert_eq!(secrets.found_in(&world, &[]), Vec::<String>::new());
}
