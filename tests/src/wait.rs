//! Waiting for a condition, never for a time.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a condition may take before the test fails: far longer than it ever should, so that a slow machine only
/// makes a slow test.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Asks again and again until `condition` gives a value. Panics after [`DEADLINE`] with `what` and what
/// `explain` says then.
pub fn wait_for<T>(what: &str, explain: impl Fn() -> String, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    let mut pause = Duration::from_millis(10);
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < end, "waited {DEADLINE:?} for: {what}\n{}", explain());
        sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}
