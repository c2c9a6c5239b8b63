//! codi2-histogram: counts latencies and sizes in buckets, always on. Pure: durations come in.
//!
//! Log-linear with fixed buckets: recording is one atomic addition without a lock, memory is bounded (5 kB), a quantile
//! is at most 1/16 above what was recorded. The `hdrhistogram` crate needs a lock or a channel between threads, and
//! grows. Absent on purpose: forgetting (a process counts from its start).

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use codi2_protocol::Measured;

/// Buckets for each power of two; each is 1/16 of it wide.
const PARTS: usize = 16;
/// Powers of two that are told apart beyond the first [`PARTS`] values: up to 2^40, 18 minutes in ns.
const POWERS: usize = 36;
const BUCKETS: usize = PARTS * (POWERS + 1);

/// Counts values in buckets; shared by threads without a lock.
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    max: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; BUCKETS], max: AtomicU64::new(0) }
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.measured("", "").fmt(f)
    }
}

impl Histogram {
    /// Counts a duration, in ns.
    pub fn took(&self, duration: Duration) {
        self.record(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Counts a value.
    pub fn record(&self, value: u64) {
        self.buckets[bucket(value)].fetch_add(1, Ordering::Relaxed);
        self.max.fetch_max(value, Ordering::Relaxed);
    }

    /// The distribution now. Values recorded meanwhile may be in it or not.
    pub fn measured(&self, name: &str, unit: &str) -> Measured {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let (count, max) = (counts.iter().sum(), self.max.load(Ordering::Relaxed));
        let quantile = |hundredths: u64| {
            // The value such that so many of a hundred are not above it; at least the first one.
            let wanted = (u128::from(count) * u128::from(hundredths)).div_ceil(100).max(1);
            let mut seen = 0;
            let found = counts.iter().position(|in_it| {
                seen += u128::from(*in_it);
                seen >= wanted
            });
            found.map_or(0, |at| upper(at).min(max))
        };
        Measured { name: name.to_owned(), unit: unit.to_owned(), count, p50: quantile(50), p99: quantile(99), max }
    }
}

fn bucket(value: u64) -> usize {
    if value < PARTS as u64 {
        return value as usize;
    }
    // The highest bit and the four below it.
    let power = value.ilog2() as usize;
    let part = (value >> (power - 4)) as usize - PARTS;
    (PARTS * (power - 3) + part).min(BUCKETS - 1)
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let (power, part) = (bucket / PARTS, (bucket % PARTS) as u64);
    match power {
        0 => part,
        _ if bucket == BUCKETS - 1 => u64::MAX,
        _ => ((PARTS as u64 + part + 1) << (power - 1)) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_one_another_without_a_gap() {
        let mut next = 0;
        for at in 0..BUCKETS {
            assert_eq!(bucket(next), at);
            assert_eq!(bucket(upper(at)), at);
            next = upper(at).wrapping_add(1);
        }
        assert_eq!(next, 0);
    }

    #[test]
    fn quantiles_are_at_most_a_sixteenth_above_the_sorted_values() {
        // A fixed pseudo-random walk over many magnitudes.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for rounds in [1, 2, 3, 99, 100, 101, 5_000] {
            let histogram = Histogram::default();
            let mut values: Vec<u64> = (0..rounds)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 24) >> (state % 40)
                })
                .collect();
            values.iter().for_each(|value| histogram.record(*value));
            values.sort_unstable();
            let measured = histogram.measured("x", "ns");
            let exact = |hundredths: usize| values[(values.len() * hundredths).div_ceil(100).max(1) - 1];
            for (found, exact) in [(measured.p50, exact(50)), (measured.p99, exact(99))] {
                assert!(found >= exact && found <= exact + exact / 16, "{found} for {exact} of {rounds}");
            }
            assert_eq!((measured.count, measured.max), (rounds, values[values.len() - 1]));
        }
    }

    #[test]
    fn nothing_recorded_is_nothing() {
        let measured = Histogram::default().measured("x", "ns");
        assert_eq!((measured.count, measured.p50, measured.p99, measured.max), (0, 0, 0, 0));
    }

    #[test]
    fn threads_lose_no_value() {
        let histogram = Histogram::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|value| histogram.record(value)));
            }
        });
        assert_eq!(histogram.measured("x", "ns").count, 40_000);
        histogram.took(Duration::MAX);
        assert_eq!(histogram.measured("x", "ns").max, u64::MAX);
    }
}
