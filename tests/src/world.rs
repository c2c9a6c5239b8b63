//! A world of its own for one test: home, repository, state and runtime folders, and the programs in it.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{self, Frozen, Output, is_gone, kill, run};
use crate::{Blame, Entry, program, strangers, wait_for};

/// The person of every world, as git knows her.
const PERSON: &str = "Ada Example <ada@example.invalid>";

/// A home with one repository, and the hub that serves it. Dropping it ends the hub.
pub struct World {
    /// Goes with the world.
    _folder: TempDir,
    repository: PathBuf,
}

/// A running `codi2 tail`.
pub struct Tail {
    child: Child,
    lines: Arc<Mutex<Vec<Entry>>>,
}

impl Tail {
    /// What it printed until now.
    pub fn lines(&mut self) -> Vec<Entry> {
        self.lines.lock().expect("nobody panics with the lock").clone()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl World {
    /// A fresh world: a repository on branch `main` whose one commit holds `files` (path, content).
    pub fn new(files: &[(&str, &str)]) -> Self {
        // Short, because socket addresses are: the runtime folder lies in it.
        let folder = tempfile::Builder::new().prefix("c2-").tempdir_in("/tmp").expect("a temporary folder");
        let base = folder.path().canonicalize().expect("the folder exists");
        for (name, mode) in [("home", 0o755), ("state", 0o700), ("run", 0o700), ("repo", 0o755)] {
            fs::create_dir(base.join(name)).expect("a new folder");
            fs::set_permissions(base.join(name), fs::Permissions::from_mode(mode)).expect("our own folder");
        }
        let world = Self { _folder: folder, repository: base.join("repo") };
        world.git(&["init", "--quiet", "--initial-branch=main"]);
        world.git(&["config", "user.name", "Ada Example"]);
        world.git(&["config", "user.email", "ada@example.invalid"]);
        world.git(&["config", "commit.gpgsign", "false"]);
        for (path, content) in files {
            world.write(path, content);
        }
        world.git(&["add", "--all"]);
        world.git(&["commit", "--quiet", "--allow-empty", "--message", "first"]);
        world
    }

    /// The person who works in this world.
    pub fn person(&self) -> &'static str {
        PERSON
    }

    /// The repository's top folder.
    pub fn repository(&self) -> &Path {
        &self.repository
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        self.repository.with_file_name("home")
    }

    /// The state folder: store, lock, spools.
    pub fn state(&self) -> PathBuf {
        self.repository.with_file_name("state")
    }

    /// The runtime folder: the socket.
    pub fn runtime(&self) -> PathBuf {
        self.repository.with_file_name("run")
    }

    /// A file of the repository.
    pub fn path(&self, file: &str) -> PathBuf {
        self.repository.join(file)
    }

    /// A command with this world's environment and nothing of the person's who runs the tests.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.repository).env_clear();
        for name in ["PATH", "LANG", "TERM"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("HOME", self.home())
            .env("XDG_CONFIG_HOME", self.home().join("config"))
            .env("XDG_DATA_HOME", self.home().join("data"))
            .env("XDG_STATE_HOME", self.home().join("xdg-state"))
            .env("XDG_CACHE_HOME", self.home().join("cache"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("CODI2_STATE_DIR", self.state())
            .env("CODI2_RUNTIME_DIR", self.runtime());
        command
    }

    /// Runs git in the repository; it must succeed.
    pub fn git(&self, arguments: &[&str]) -> String {
        let output = run(self.command("git").args(arguments), "");
        assert_eq!(output.code, 0, "git {arguments:?}: {}{}", output.out, output.err);
        output.out
    }

    /// Writes a file of the repository as any program would: in place.
    pub fn write(&self, file: &str, content: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().expect("below the repository")).expect("folders of the file");
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Reads a file of the repository.
    pub fn read(&self, file: &str) -> String {
        let path = self.path(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Runs `codi2` in the repository.
    pub fn codi2(&self, arguments: &[&str]) -> Output {
        self.codi2_with(arguments, "")
    }

    /// Runs `codi2` in the repository with `input` on standard input.
    pub fn codi2_with(&self, arguments: &[&str], input: &str) -> Output {
        run(self.command(program()).args(arguments), input)
    }

    /// Starts `codi2` in the background with its output thrown away; the caller ends it.
    pub fn spawn_codi2(&self, arguments: &[&str]) -> Child {
        self.command(program())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("codi2 starts")
    }

    /// Starts `codi2 tail` with more arguments; dropping it ends it.
    pub fn tail(&self, arguments: &[&str]) -> Tail {
        let mut child = self
            .command(program())
            .args(["tail", "--format", "jsonl"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("codi2 starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&lines);
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                shared.lock().expect("nobody panics with the lock").push(Entry::parse(&line));
            }
        });
        Tail { child, lines }
    }

    /// Starts `codi2 monitor` and waits until the repository is watched; the caller ends it.
    pub fn monitor(&self) -> Child {
        let child = self.spawn_codi2(&["monitor"]);
        self.wait_until_watched();
        child
    }

    /// Waits until the hub watches the repository, so that what is written now is seen.
    pub fn wait_until_watched(&self) {
        let root = self.repository.to_string_lossy().into_owned();
        // A watch is listed when it begins; it knows its files when its first look is over.
        let entries = std::fs::read_dir(&self.repository).expect("the repository is there");
        let least = u64::from(entries.flatten().any(|entry| entry.file_name() != ".git"));
        let status = || self.codi2(&["status", "--format", "json"]);
        wait_for(
            "the hub watches the repository",
            || format!("{:#?}", status()),
            || {
                let value: Value = serde_json::from_str(&status().out).ok()?;
                let watches = value["status"]["watches"].as_array()?;
                let ready = |watch: &Value| {
                    watch["root"] == root.as_str()
                        && watch["state"] != "stopped"
                        && watch["files"].as_u64() >= Some(least)
                };
                watches.iter().any(ready).then_some(())
            },
        );
    }

    /// Every event of the log, oldest first. Empty while the hub cannot be asked.
    pub fn log(&self) -> Vec<Entry> {
        let output = self.codi2(&["log", "--limit", "0", "--format", "jsonl"]);
        if output.code != 0 {
            return Vec::new();
        }
        output.out.lines().map(Entry::parse).collect()
    }

    /// Waits until the log satisfies `condition`, and gives what it found there.
    pub fn wait_log<T>(&self, what: &str, condition: impl Fn(&[Entry]) -> Option<T>) -> T {
        wait_for(what, || self.explain(), || condition(&self.log()))
    }

    /// Waits until nothing in the log is a stranger's: evidence may come late, and upgrades.
    pub fn wait_no_strangers(&self) {
        self.wait_log("an explanation for every change", |log| strangers(log).is_empty().then_some(()));
    }

    /// Who owns the lines of a file on disk.
    pub fn blame(&self, file: &str) -> Blame {
        self.blame_with(&["blame", "--format", "json", file])
    }

    /// Who owns the lines of a file as an editor has it open, unsaved text included.
    pub fn blame_buffer(&self, file: &str) -> Blame {
        self.blame_with(&["blame", "--format", "json", "--buffer", file])
    }

    fn blame_with(&self, arguments: &[&str]) -> Blame {
        let output = self.codi2(arguments);
        assert_eq!(output.code, 0, "codi2 {arguments:?}: {}\n{}", output.err, self.explain());
        Blame::parse(&output.out)
    }

    /// Waits until the owners of a file's lines satisfy `condition`. `buffer`: ask for unsaved text.
    pub fn wait_blame(&self, what: &str, file: &str, buffer: bool, condition: impl Fn(&Blame) -> bool) -> Blame {
        let arguments: &[&str] = if buffer {
            &["blame", "--format", "json", "--buffer", file]
        } else {
            &["blame", "--format", "json", file]
        };
        let ask = || self.codi2(arguments);
        wait_for(
            what,
            || format!("{}\n{}", ask().out, self.explain()),
            || {
                let output = ask();
                let blame = (output.code == 0).then(|| Blame::parse(&output.out))?;
                condition(&blame).then_some(blame)
            },
        )
    }

    /// The process id of the hub that serves this world, if one does.
    pub fn hub_pid(&self) -> Option<u32> {
        let note = fs::read_to_string(self.state().join("hub.json")).ok()?;
        let pid = serde_json::from_str::<Value>(&note).ok()?["pid"].as_u64()? as u32;
        // One that was killed keeps its note, and its number until it is collected.
        (!is_gone(pid)).then_some(pid)
    }

    /// Ends the hub at once, as a crash would; waits until it is gone.
    pub fn kill_hub(&self) -> u32 {
        let pid = wait_for("a hub to kill", || self.explain(), || self.hub_pid());
        assert!(kill(pid), "the hub {pid} could not be killed");
        wait_for("the hub's end", || format!("pid {pid}"), || is_gone(pid).then_some(()));
        pid
    }

    /// Stops the hub where it stands, as a debugger or a machine out of memory would, until the result is dropped.
    pub fn freeze_hub(&self) -> Frozen {
        Frozen::stop(wait_for("a hub to stop", || self.explain(), || self.hub_pid()))
    }

    /// The process ids of this world's sidecars, youngest last.
    pub fn sidecars(&self) -> Vec<u32> {
        process::running("lsp", &format!("CODI2_STATE_DIR={}", self.state().display()))
    }

    /// Ends one of this world's sidecars at once, as a crash would; waits until it is gone.
    pub fn kill_sidecar(&self, pid: u32) {
        assert!(self.sidecars().contains(&pid) && kill(pid), "no sidecar {pid} to kill");
        wait_for("the sidecar's end", || format!("pid {pid}"), || is_gone(pid).then_some(()));
    }

    /// What helps to understand a failure: log and status as they are.
    pub fn explain(&self) -> String {
        let log = self.codi2(&["log", "--limit", "0", "--format", "jsonl"]);
        let status = self.codi2(&["status"]);
        format!("log:\n{}{}\nstatus:\n{}{}", log.out, log.err, status.out, status.err)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let Some(pid) = self.hub_pid() else { return };
        let stopped = self.codi2(&["hub", "stop"]);
        if stopped.code == 0 && is_gone(pid) {
            return;
        }
        // Only this world's hub has this pid: its own state folder named it.
        kill(pid);
    }
}
