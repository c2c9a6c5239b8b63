//! A repository with a hub of its own, and commands that go on.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::PATIENCE;

/// A repository and a hub of its own, which ends with it.
pub struct World(TempDir);

impl World {
    pub fn new() -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        fs::create_dir(world.path("repo")).unwrap();
        for arguments in [&["init", "-q"][..], &["config", "user.name", "Ada"], &["config", "user.email", "ada@x"]] {
            assert!(world.at_home(Command::new("git").args(arguments)).status().unwrap().success());
        }
        world
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    pub fn at_home<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.current_dir(self.path("repo")).env_clear().env("HOME", self.0.path()).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("CODI2_STATE_DIR", self.path("state")).env("CODI2_RUNTIME_DIR", self.path("run"))
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_codi2"));
        self.at_home(command.args(arguments));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.path("repo").join(file), text).unwrap();
    }

    pub fn uri(&self, file: &str) -> String {
        format!("file://{}/{file}", self.path("repo").canonicalize().unwrap().display())
    }

    pub fn follow(&self, arguments: &[&str]) -> Following {
        Following::new(self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.run(&["hub", "stop"]);
    }
}

/// A command that goes on, and the lines it has printed so far.
pub struct Following {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    notes: Arc<Mutex<Vec<String>>>,
}

impl Following {
    fn new(mut child: Child) -> Self {
        fn gather(from: impl std::io::Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
            let lines = Arc::new(Mutex::new(Vec::new()));
            let into = lines.clone();
            std::thread::spawn(move || {
                BufReader::new(from).lines().map_while(Result::ok).for_each(|line| into.lock().unwrap().push(line))
            });
            lines
        }
        let (lines, notes) = (gather(child.stdout.take().unwrap()), gather(child.stderr.take().unwrap()));
        Self { child, lines, notes }
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    pub fn until(&self, what: &str, holds: impl Fn(&[String], &[String]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(&self.lines.lock().unwrap(), &self.notes.lock().unwrap()) {
            assert!(
                Instant::now() < deadline,
                "{what} never came: {:?} {:?}",
                self.lines(),
                self.notes.lock().unwrap()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A hub that stands still, until this is dropped.
pub struct Still(String);

impl Still {
    pub fn new(world: &World) -> Self {
        let hub = world.json(&["status", "--format", "json"])["status"]["pid"].to_string();
        assert!(Command::new("kill").args(["-STOP", &hub]).status().unwrap().success());
        Self(hub)
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-CONT", &self.0]).status();
    }
}
