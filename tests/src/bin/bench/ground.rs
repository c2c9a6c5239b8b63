//! Where a benchmark stands: a world of its own, its hub, and processes timed in it.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use codi2_ipc::blocking::Link;
use codi2_ipc::{Places, SpawnSpec};
use codi2_protocol::{Call, Reply, WatchStatus};
use codi2_tests::{Entry, World, program, wait_for};

/// How the benchmarks introduce themselves to the hub.
pub const BUILD: &str = "codi2-bench";
/// A file by which the hub is known to have come so far.
const MARK: &str = "mark";

/// A world, and where its hub is. Dropping it ends the hub and removes the folders.
pub struct Ground {
    /// The world.
    pub world: World,
    /// Its folders, for clients in this process.
    pub places: Places,
}

impl Ground {
    /// A world with these files; no hub runs yet.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let world = World::new(files);
        let places = Places::at(world.state(), world.runtime());
        Self { world, places }
    }

    /// Starts the hub.
    pub fn start_hub(&self) {
        let output = self.world.codi2(&["hub", "start"]);
        assert_eq!(output.code, 0, "{}", output.err);
    }

    /// Ends the hub, if one runs, and waits for its end.
    pub fn stop_hub(&self) {
        let Some(pid) = self.world.hub_pid() else { return };
        let output = self.world.codi2(&["hub", "stop"]);
        assert_eq!(output.code, 0, "{}", output.err);
        wait_for("the hub's end", || format!("pid {pid}"), || self.world.hub_pid().is_none().then_some(()));
    }

    /// How clients in this process start the hub.
    pub fn spec(&self) -> SpawnSpec {
        let home = self.world.home();
        let variables = [("HOME", home.clone()), ("XDG_CONFIG_HOME", home.join("config"))];
        SpawnSpec {
            program: program().to_owned(),
            args: ["hub", "start", "--foreground"].map(Into::into).to_vec(),
            variables: variables.map(|(name, value)| (name.into(), value.into())).to_vec(),
        }
    }

    /// A connection to the running hub.
    pub fn link(&self) -> Link {
        Link::connect(&self.places, BUILD).expect("the hub was started")
    }

    /// Has the repository watched for as long as the connection stands.
    pub fn watch(&self, link: &mut Link) -> WatchStatus {
        let path = self.world.repository().to_string_lossy().into_owned();
        match link.call(Call::Watch { path, poll: false }) {
            Ok(Reply::Watch(watch)) => watch,
            other => panic!("the repository is not watched: {other:?}"),
        }
    }

    /// Waits until the hub is done with all that happened in its worktree until now, notes on commits included.
    /// Known by a file of no meaning, untracked, that each call makes longer.
    pub fn rest(&self, link: &mut Link, watch: &WatchStatus) {
        let length = std::fs::metadata(self.world.path(MARK)).map_or(0, |found| found.len()) + 1;
        self.world.write(MARK, &"m".repeat(usize::try_from(length).expect("short")));
        let told = |entry: &Entry| {
            entry.kind() == "disk" && entry.file() == MARK && entry.0["event"]["body"]["size"] == length
        };
        self.world.wait_log("the mark", |log| log.iter().any(told).then_some(()));
        let noted = link.call(Call::Notes { worktree: watch.worktree.clone() });
        assert!(noted.is_ok(), "{noted:?}");
    }

    /// How long a whole process takes, from before it is made to its end; it must succeed.
    pub fn whole_process(&self, program: impl AsRef<OsStr>, arguments: &[&str], input: &str) -> Duration {
        let mut command: Command = self.world.command(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        // A program that reads nothing may be gone already.
        let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
        let status = child.wait().expect("our own child");
        let time = start.elapsed();
        assert!(status.success(), "{command:?}: {status}");
        time
    }
}

/// How often things are measured.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    /// A tenth of everything: to try the benchmarks out, not to quote.
    pub quick: bool,
}

impl Counts {
    /// `usual`, or what is done of it when in a hurry.
    pub fn of(self, usual: usize) -> usize {
        if self.quick { usual.div_ceil(10) } else { usual }
    }
}
