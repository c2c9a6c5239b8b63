//! The editor's process: when it is gone, so is the window, whatever the pipe says.
//!
//! Looks every two seconds. On Linux a process that has ended and not been waited for counts as gone, and a reused
//! number is told by its start time. Other systems: never gone (the end of the input tells); untested.

use std::time::Duration;

const EVERY: Duration = Duration::from_secs(2);

/// Returns when the process is gone; never, where that cannot be told.
pub async fn gone(pid: u32) {
    let Some(born) = start_time(pid) else {
        // It cannot be seen from here (another namespace, no `/proc`): its absence proves nothing.
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(EVERY).await;
        if start_time(pid) != Some(born) {
            return;
        }
    }
}

/// When a living process started, in the system's ticks.
#[cfg(target_os = "linux")]
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the state and numbers follow its last one.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(not(target_os = "linux"))]
fn start_time(_pid: u32) -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_has_a_start_and_a_dead_one_has_none() {
        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        let born = start_time(child.id());
        assert!(born.is_some());
        assert_eq!(start_time(child.id()), born);
        child.kill().unwrap();
        // Not waited for yet: a zombie counts as gone.
        while start_time(child.id()).is_some() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert_eq!(start_time(child.id()), None);
    }
}
