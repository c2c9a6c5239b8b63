//! Notes on commits, end to end: the real hub, real git, and whatever git does to commits. Whose a line is, is asked as a
//! reader asks: `git blame` leads to a commit, the note on it names the owner.

mod commits;
mod late;
mod others;
mod unwritten;

use std::process::Child;

use codi2_tests::{Agent, World};

/// A world whose repository is watched, with two agents at work beside each other.
struct Work {
    world: World,
    monitor: Child,
}

const ADA: &str = "agent ada";
const BEA: &str = "agent bea";

impl Work {
    fn new(files: &[(&str, &str)]) -> Self {
        let world = World::new(files);
        let monitor = world.monitor();
        Self { world, monitor }
    }

    /// An agent announces a write and does it.
    fn write(&self, name: &'static str, file: &str, text: &str) {
        let agent = Agent::named(&self.world, name.strip_prefix("agent ").unwrap_or(name));
        agent.write(file, text);
    }

    fn commit(&self, message: &str) -> String {
        self.world.git(&["add", "--all"]);
        self.world.git(&["commit", "--quiet", "--message", message]);
        self.head()
    }

    fn head(&self) -> String {
        self.world.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Runs git where it may stop for a conflict.
    fn try_git(&self, arguments: &[&str]) -> bool {
        let done = self.world.command("git").args(arguments).env("GIT_EDITOR", "true").output();
        done.expect("git starts").status.success()
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let _ = self.monitor.kill();
        let _ = self.monitor.wait();
    }
}

const BEGIN: &str = "first\nlast\n";
