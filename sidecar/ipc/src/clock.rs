//! The clock of file times, and the system's.
//!
//! Absent on purpose: any other use of time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// More than the time between two ticks of any kernel.
const LONGEST_TICK: Duration = Duration::from_millis(12);

/// What a file would have as its time that is written now or later, at least (ms since the Unix epoch).
///
/// Linux gives a file the time of its last tick, up to 10 ms ago: a file that is written after a look at the system's own
/// clock may be older by its time. Other systems are asked for the time as it is.
fn file_time_ms() -> u64 {
    #[cfg(target_os = "linux")]
    let now_ms = {
        let tick = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
        u64::try_from(tick.tv_sec).unwrap_or_default() * 1_000
            + u64::try_from(tick.tv_nsec).unwrap_or_default() / 1_000_000
    };
    #[cfg(not(target_os = "linux"))]
    let now_ms = system_ms();
    now_ms.min(system_ms())
}

/// Returns once a file that is written from then on has a later time than this one, in ms since the Unix epoch: within a tick
/// where that is the system's own time of a moment ago, at once where it lies further back. A clock that is set back meanwhile
/// holds nobody up.
pub fn pass(time_ms: u64) {
    let begun = Instant::now();
    while file_time_ms() <= time_ms && begun.elapsed() < LONGEST_TICK {
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// The system's own clock, in ms since the Unix epoch.
pub fn system_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_older_than_the_look_at_the_clock_before_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for number in 0..2_000 {
            let before = file_time_ms();
            std::fs::write(file.path(), number.to_string()).unwrap();
            let written = std::fs::metadata(file.path()).unwrap().modified().unwrap();
            let written = written.duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
            assert!(before <= written && written <= system_ms(), "{before} {written}");
        }
    }

    #[test]
    fn what_is_written_after_a_time_has_passed_is_younger() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for number in 0..200 {
            let time = system_ms();
            pass(time);
            std::fs::write(file.path(), number.to_string()).unwrap();
            let written = std::fs::metadata(file.path()).unwrap().modified().unwrap();
            let written = written.duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
            assert!(time < written, "{time} {written}");
        }
    }
}
