//! Waiting for `git gc`: one with `--prune=now` takes away what no reference leads to yet, and with it what is being written.
//!
//! Absent on purpose: locks that keep git waiting.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// Between two looks, and how many there are at most: 5 s in all.
const PAUSE: Duration = Duration::from_millis(20);
const LOOKS: u32 = 250;

/// Waits a while, until none is at work in the repository with this common git folder.
pub(super) fn wait(common_dir: &Path) {
    for _ in 0..LOOKS {
        if !is_at_work(common_dir) {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Whether the process that `gc.pid` names, where git says who packs, is alive. Linux only; elsewhere nobody is waited for.
fn is_at_work(common_dir: &Path) -> bool {
    let lock = fs::read_to_string(common_dir.join("gc.pid")).unwrap_or_default();
    let pid = lock.split_whitespace().next().and_then(|pid| pid.parse::<u32>().ok());
    pid.is_some_and(|pid| Path::new("/proc").join(pid.to_string()).exists())
}
