//! Measured times: percentiles, and the table's numbers.
//!
//! Absent on purpose: means (one slow sync would hide in them or rule them) and any judgement of a time.

use std::time::Duration;

/// Times in nanoseconds, in the order they were taken. A difference of two may be negative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Samples(Vec<i64>);

impl Samples {
    /// Adds a time.
    pub fn add(&mut self, time: Duration) {
        self.0.push(nanoseconds(time));
    }

    /// Adds all of another.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// All of them together.
    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.0.iter().map(|time| u64::try_from(*time).unwrap_or(0)).sum())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Each minus the one of `floor` taken beside it.
    pub fn beyond(&self, floor: &Self) -> Self {
        Self(self.0.iter().zip(&floor.0).map(|(whole, floor)| whole - floor).collect())
    }

    /// The smallest time that at least `percent` percent of all do not exceed, in nanoseconds; none if there are no
    /// times.
    pub fn percentile(&self, percent: usize) -> Option<i64> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied()
    }

    /// `p50 | p95 | p99 | max`, as cells of a table.
    pub fn cells(&self) -> String {
        let cells = [50, 95, 99, 100].map(|percent| self.percentile(percent).map_or_else(|| "-".to_owned(), shown));
        cells.join(" | ")
    }
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// A time with its unit and three digits: `87.2 µs`, `4.15 ms`.
pub fn shown(nanoseconds: i64) -> String {
    let micro = nanoseconds as f64 / 1_000.0;
    let (value, unit) = match micro.abs() {
        size if size < 1_000.0 => (micro, "µs"),
        size if size < 1_000_000.0 => (micro / 1_000.0, "ms"),
        _ => (micro / 1_000_000.0, "s"),
    };
    format!("{} {unit}", digits(value))
}

/// A number with three digits: `0.42`, `1.24`, `12.4`, `124`.
pub fn digits(value: f64) -> String {
    match value.abs() {
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(times: impl IntoIterator<Item = i64>) -> Samples {
        Samples(times.into_iter().collect())
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let hundred = samples((1..=100).rev());
        for (percent, expected) in [(50, 50), (95, 95), (99, 99), (100, 100)] {
            assert_eq!(hundred.percentile(percent), Some(expected));
        }
        assert_eq!(samples([7]).percentile(50), Some(7));
        assert_eq!(samples([1, 2, 3]).percentile(50), Some(2));
        assert_eq!(samples([1, 2, 3]).percentile(99), Some(3));
        assert_eq!(samples([]).percentile(50), None);
    }

    #[test]
    fn differences_go_pair_by_pair() {
        assert_eq!(samples([10, 20, 5]).beyond(&samples([4, 5, 6])), samples([6, 15, -1]));
    }

    #[test]
    fn times_have_three_digits_and_a_unit() {
        for (time, expected) in [
            (420, "0.42 µs"),
            (-1_240, "-1.24 µs"),
            (87_240, "87.2 µs"),
            (999_400, "999 µs"),
            (4_150_000, "4.15 ms"),
            (123_456_789, "123 ms"),
            (2_500_000_000, "2.50 s"),
        ] {
            assert_eq!(shown(time), expected);
        }
        assert_eq!(samples([1_000, 2_000]).cells(), "1.00 µs | 2.00 µs | 2.00 µs | 2.00 µs");
        assert_eq!(samples([]).cells(), "- | - | - | -");
    }
}
