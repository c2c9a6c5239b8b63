//! Which process: its number and when it started, so that one that got a dead process's number is told from it; and
//! which processes are above it.
//!
//! Absent on purpose: signals, children, which of them is an agent, and other systems than Linux, where nothing here tells more than a number.

use std::ffi::OsString;

use codi2_protocol::Process;

/// Processes above one that are looked at, at most: what goes on longer is a circle of reused numbers.
const ABOVE: usize = 64;

/// This process.
pub fn own() -> Process {
    of(std::process::id())
}

/// The process that started this one.
pub fn parent() -> Process {
    #[cfg(unix)]
    let pid = std::os::unix::process::parent_id();
    // Elsewhere nothing in the standard library names the parent; 0 is nobody. Untested.
    #[cfg(not(unix))]
    let pid = 0;
    of(pid)
}

/// The process that has this number now.
pub fn of(pid: u32) -> Process {
    Process { pid, start: stat(pid).and_then(|stat| start(&stat)) }
}

/// Whether a process is known to have ended. Of one whose start was never known, nothing is.
pub fn is_gone(process: &Process) -> bool {
    let Some(began) = process.start else { return false };
    match std::fs::read_to_string(path(process.pid)) {
        // A process that has ended stays listed until its parent has asked how.
        Ok(stat) => start(&stat).is_some_and(|now| now != began) || state(&stat) == Some("Z"),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// A process that runs above this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Which.
    pub process: Process,
    /// Its program's path, else the name the system shows.
    pub program: String,
    /// Its command line.
    pub args: Vec<String>,
    /// The environment it was started with; absent where the system does not tell (another user's process).
    pub env: Option<Vec<(OsString, OsString)>>,
}

/// The processes above this one, the nearest first. A parent that started after its child is none: it has got a dead
/// process's number.
pub fn ancestors() -> Vec<Running> {
    above(own(), parent())
}

/// The process above one of this machine that still runs.
pub fn above_of(process: &Process) -> Option<Process> {
    let text = stat(process.pid).filter(|text| process.start.is_some() && start(text) == process.start)?;
    Some(of(fields(&text)?.nth(1)?.parse().ok()?))
}

/// A process of this machine that still runs, and those above it, the nearest first; none where its number is another's.
pub fn line_from(process: &Process) -> Vec<Running> {
    let found = of(process.pid);
    let is_same = process.start.is_some() && found.start == process.start;
    if is_same { above(found, found) } else { Vec::new() }
}

/// The processes from `next` on up; `child` is below it, or the same.
fn above(mut child: Process, mut next: Process) -> Vec<Running> {
    let mut found = Vec::new();
    while next.pid > 0 && found.len() < ABOVE {
        let Some(text) = stat(next.pid) else { break };
        if matches!((next.start, child.start), (Some(parent), Some(child)) if parent > child) {
            break;
        }
        let above = of(fields(&text).and_then(|mut fields| fields.nth(1)?.parse().ok()).unwrap_or(0));
        found.push(running(next, &text));
        (child, next) = (next, above);
    }
    found
}

/// Whether this process is in the foreground of a terminal, where a person may be typing.
pub fn in_foreground() -> bool {
    // Fields 5 (process group), 7 (terminal) and 8 (its foreground group).
    let number = |stat: &str, at: usize| fields(stat)?.nth(at)?.parse::<i64>().ok();
    let Some(stat) = stat(std::process::id()) else { return false };
    number(&stat, 4).is_some_and(|terminal| terminal != 0)
        && number(&stat, 2).is_some_and(|group| Some(group) == number(&stat, 5))
}

fn running(process: Process, stat: &str) -> Running {
    let read = |name: &str| std::fs::read(format!("/proc/{}/{name}", process.pid)).ok();
    let parts = |bytes: Vec<u8>| -> Vec<Vec<u8>> {
        let parts = bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty());
        parts.map(<[u8]>::to_vec).collect()
    };
    let lossy = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let shown = || stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).map(|(name, _)| name.to_owned());
    let program = std::fs::read_link(format!("/proc/{}/exe", process.pid)).ok();
    let program = program.map(|path| path.to_string_lossy().into_owned());
    Running {
        process,
        program: program.or_else(shown).unwrap_or_default(),
        args: read("cmdline").map(|bytes| parts(bytes).into_iter().map(lossy).collect()).unwrap_or_default(),
        env: read("environ").map(|bytes| parts(bytes).into_iter().filter_map(variable).collect()),
    }
}

#[cfg(unix)]
fn variable(bytes: Vec<u8>) -> Option<(OsString, OsString)> {
    use std::os::unix::ffi::OsStringExt;
    let at = bytes.iter().position(|byte| *byte == b'=')?;
    Some((OsString::from_vec(bytes[..at].to_vec()), OsString::from_vec(bytes[at + 1..].to_vec())))
}

// Elsewhere no system tells environments this way. Untested.
#[cfg(not(unix))]
fn variable(_: Vec<u8>) -> Option<(OsString, OsString)> {
    None
}

fn path(pid: u32) -> String {
    format!("/proc/{pid}/stat")
}

fn stat(pid: u32) -> Option<String> {
    std::fs::read_to_string(path(pid)).ok()
}

/// Field 22 of `/proc/PID/stat` (proc(5)), in clock ticks since boot.
fn start(stat: &str) -> Option<u64> {
    fields(stat)?.nth(19)?.parse().ok()
}

/// Field 3.
fn state(stat: &str) -> Option<&str> {
    fields(stat)?.next()
}

/// The fields from the third on. The second is the program's name in parentheses and may itself hold blanks and
/// parentheses, so fields are counted after the last one.
fn fields(stat: &str) -> Option<std::str::SplitAsciiWhitespace<'_>> {
    Some(stat.rsplit_once(')')?.1.split_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_found_behind_any_program_name() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        for name in ["bash", "a b", "x) S 1 (y", "", ")))"] {
            let stat = format!("42 ({name}) {rest}");
            assert_eq!((start(&stat), state(&stat)), (Some(4711), Some("S")), "{name}");
        }
        assert_eq!(start("42 (bash) S 1"), None);
        assert_eq!(start(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_processes_above_are_told_up_to_the_first() {
        let above = ancestors();
        assert_eq!(above.first().map(|first| first.process), Some(parent()));
        assert!(above.windows(2).all(|pair| pair[1].process.start <= pair[0].process.start), "{above:#?}");
        assert!(above.iter().all(|running| !running.program.is_empty()));
        assert_eq!(line_from(&own()).iter().map(|running| running.process).collect::<Vec<_>>()[1..], {
            above.iter().map(|running| running.process).collect::<Vec<_>>()
        });
        assert_eq!(above_of(&own()), Some(parent()));
        let dead = Process { start: own().start.map(|start| start + 1), ..own() };
        assert_eq!((line_from(&dead), above_of(&dead)), (Vec::new(), None));
        let first = &above[0];
        assert!(
            !first.args.is_empty() && first.env.as_ref().is_some_and(|env| env.iter().any(|(name, _)| name == "PATH"))
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_dead_are_told_from_whoever_has_their_number() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let process = of(child.id());
        assert!(process.start.is_some_and(|start| start > 0));
        assert!(!is_gone(&process) && !is_gone(&own()) && !is_gone(&parent()));
        assert!(
            is_gone(&Process { start: process.start.map(|start| start + 1), ..process }),
            "its number was given again"
        );
        child.kill().unwrap();
        // Not asked yet how it ended, then asked.
        while !is_gone(&process) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(is_gone(&process));
        assert!(!is_gone(&Process { start: None, ..process }), "nothing is known of it");
    }
}
