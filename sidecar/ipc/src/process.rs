//! Which process: its number and when it started, so that one that got a dead process's number is told from it.
//!
//! Absent on purpose: signals, children, and other systems than Linux, where nothing here tells more than a number.

use codi2_protocol::Process;

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
