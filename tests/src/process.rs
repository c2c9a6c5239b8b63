//! Processes of a world: run to their end, stopped where they stand, killed, found.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use crate::{DEADLINE, wait_for};

/// What a program printed, and how it ended.
#[derive(Debug)]
pub struct Output {
    /// Exit code; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// A process that stands still; dropping this lets it go on.
pub struct Frozen {
    pid: u32,
}

impl Frozen {
    /// Stops a process and waits until it stands.
    pub fn stop(pid: u32) -> Self {
        assert!(signal("STOP", pid), "the process {pid} could not be stopped");
        wait_for("the process stands", || format!("pid {pid}"), || (state_of(pid) == Some('T')).then_some(()));
        Self { pid }
    }

    /// Whether it still stands: nobody else woke or ended it.
    pub fn stands(&self) -> bool {
        state_of(self.pid) == Some('T')
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        signal("CONT", self.pid);
    }
}

/// The ids of running processes whose first argument is `command` and whose environment holds `variable`, ascending.
pub(crate) fn running(command: &str, variable: &str) -> Vec<u32> {
    let is_wanted = |pid: &u32| {
        let parts = |what: &str| {
            let bytes = fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
            bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        parts("cmdline").get(1).is_some_and(|argument| argument == command.as_bytes())
            && parts("environ").iter().any(|entry| entry == variable.as_bytes())
    };
    let processes = fs::read_dir("/proc").expect("Linux").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut pids: Vec<u32> = pids.filter(is_wanted).collect();
    pids.sort_unstable();
    pids
}

/// The state of a process as the kernel names it: `T` stopped, `Z` ended and not collected; none if there is none.
fn state_of(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Whether a process is gone; one that only waits to be collected counts as gone.
pub(crate) fn is_gone(pid: u32) -> bool {
    matches!(state_of(pid), None | Some('Z'))
}

/// Runs a command to its end with `input`. One that hangs is ended after [`DEADLINE`], and has code -1 then.
pub fn run(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
    // A program that does not read its input closes the pipe: no failure of the test.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let pid = child.id();
    let (ended, watched) = channel::<()>();
    let watchdog = thread::spawn(move || {
        let hangs = watched.recv_timeout(DEADLINE) == Err(RecvTimeoutError::Timeout);
        if hangs {
            kill(pid);
        }
        hangs
    });
    let output = child.wait_with_output().expect("the child was ours");
    drop(ended);
    let hangs = watchdog.join().expect("it does not panic");
    let mut err = String::from_utf8_lossy(&output.stderr).into_owned();
    if hangs {
        err.push_str(&format!("{:?} hung for {DEADLINE:?}", command.get_args().collect::<Vec<_>>()));
    }
    Output { code: output.status.code().unwrap_or(-1), out: String::from_utf8_lossy(&output.stdout).into_owned(), err }
}

/// Ends a process at once; whether it was there.
pub(crate) fn kill(pid: u32) -> bool {
    signal("KILL", pid)
}

/// Sends a signal; whether the process was there.
fn signal(name: &str, pid: u32) -> bool {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).stderr(Stdio::null()).status();
    sent.is_ok_and(|status| status.success())
}
