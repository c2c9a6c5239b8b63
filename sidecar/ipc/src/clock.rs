//! The clock of file times.
//!
//! Absent on purpose: any other use of time.

use std::time::{SystemTime, UNIX_EPOCH};

/// What a file would have as its time that is written now or later, at least (ms since the Unix epoch).
///
/// Linux gives a file the time of its last tick, up to 10 ms ago: a file that is written after a look at the system's own
/// clock may be older by its time. Other systems are asked for the time as it is.
pub fn file_time_ms() -> u64 {
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

fn system_ms() -> u64 {
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
}
