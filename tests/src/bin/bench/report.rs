//! What was measured, as Markdown tables for `docs/benchmarks.md`.
//!
//! Absent on purpose: passed or failed. The target stands beside the number; people judge it with the machine in mind.

use std::fmt::Write;

use crate::samples::{Samples, digits};

/// One line of the result.
#[derive(Debug)]
pub enum Row {
    /// Times beside their floor.
    Time(Box<Time>),
    /// The memory of a process.
    Memory(Memory),
}

/// Times of one thing.
#[derive(Debug)]
pub struct Time {
    /// What was measured.
    pub what: &'static str,
    /// The times.
    pub times: Samples,
    /// What cannot be undercut, measured in the same run: its name and its times.
    pub floor: Option<(&'static str, Samples)>,
    /// Design §10's target; empty where it has none.
    pub target: &'static str,
    /// More in words: a rate, what stands out; empty where there is nothing.
    pub note: String,
}

/// The memory of one process, in kB as the kernel counts.
#[derive(Debug)]
pub struct Memory {
    /// Of what.
    pub what: &'static str,
    /// `VmRSS`: what lies in memory now.
    pub resident: u64,
    /// `RssAnon`: the part of it that no file backs.
    pub anonymous: u64,
    /// `VmHWM`: the most that ever lay in memory.
    pub peak: u64,
    /// Design §10's target.
    pub target: &'static str,
    /// More in words; empty where there is nothing.
    pub note: String,
}

impl Row {
    /// A row of times with a floor.
    pub fn time(
        what: &'static str,
        times: Samples,
        floor: (&'static str, Samples),
        target: &'static str,
        note: impl Into<String>,
    ) -> Self {
        Self::Time(Box::new(Time { what, times, floor: Some(floor), target, note: note.into() }))
    }

    /// A row of times that are already beyond their floor.
    pub fn beyond(what: &'static str, times: Samples, target: &'static str, note: impl Into<String>) -> Self {
        Self::Time(Box::new(Time { what, times, floor: None, target, note: note.into() }))
    }
}

/// The tables of all rows.
pub fn tables(rows: &[Row]) -> String {
    let mut text = String::new();
    let times: Vec<&Time> =
        rows.iter().filter_map(|row| if let Row::Time(time) = row { Some(&**time) } else { None }).collect();
    let memories: Vec<&Memory> =
        rows.iter().filter_map(|row| if let Row::Memory(m) = row { Some(m) } else { None }).collect();
    if !times.is_empty() {
        text.push_str("| measured | n | p50 | p95 | p99 | max | × floor (p50, p99) | target |\n");
        text.push_str("|---|--:|--:|--:|--:|--:|--:|---|\n");
        times.iter().for_each(|time| line(&mut text, time));
    }
    if !memories.is_empty() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str("| memory | VmRSS | of it anonymous | peak (VmHWM) | target |\n|---|--:|--:|--:|---|\n");
        for memory in memories {
            let [resident, anonymous, peak] = [memory.resident, memory.anonymous, memory.peak].map(megabytes);
            let what = with_note(memory.what, &memory.note);
            let _ = writeln!(text, "| {what} | {resident} | {anonymous} | {peak} | {} |", dash(memory.target));
        }
    }
    text
}

fn line(text: &mut String, time: &Time) {
    let ratios = time.floor.as_ref().map_or_else(|| "-".to_owned(), |(_, floor)| ratios(&time.times, floor));
    let (what, target) = (with_note(time.what, &time.note), dash(time.target));
    let _ = writeln!(text, "| {what} | {} | {} | {ratios} | {target} |", time.times.count(), time.times.cells());
    if let Some((name, floor)) = &time.floor {
        let _ = writeln!(text, "| · floor: {name} | {} | {} | 1 | - |", floor.count(), floor.cells());
    }
}

fn with_note(what: &str, note: &str) -> String {
    if note.is_empty() { what.to_owned() } else { format!("{what} ({note})") }
}

fn dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// How many times its floor it takes, at the middle and near the end.
fn ratios(times: &Samples, floor: &Samples) -> String {
    let ratio = |percent| match (times.percentile(percent), floor.percentile(percent)) {
        (Some(time), Some(floor)) if floor > 0 => digits(time as f64 / floor as f64),
        _ => "-".to_owned(),
    };
    format!("{}, {}", ratio(50), ratio(99))
}

/// kB as the kernel counts (1,024 bytes) in MB (1,000,000 bytes).
fn megabytes(kilobytes: u64) -> String {
    format!("{:.1} MB", kilobytes as f64 * 1_024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn samples(milliseconds: &[u64]) -> Samples {
        let mut samples = Samples::default();
        milliseconds.iter().for_each(|&time| samples.add(Duration::from_millis(time)));
        samples
    }

    #[test]
    fn a_floor_stands_below_what_it_carries() {
        let rows = [
            Row::time("hook", samples(&[4, 6]), ("/bin/true", samples(&[1, 2])), "5 ms", ""),
            Row::beyond("change", samples(&[1]), "", "2 a second"),
            Row::Memory(Memory {
                what: "hub",
                resident: 10_000,
                anonymous: 4_000,
                peak: 20_000,
                target: "< 40 MB",
                note: String::new(),
            }),
        ];
        let expected = "\
| measured | n | p50 | p95 | p99 | max | × floor (p50, p99) | target |
|---|--:|--:|--:|--:|--:|--:|---|
| hook | 2 | 4.00 ms | 6.00 ms | 6.00 ms | 6.00 ms | 4.00, 3.00 | 5 ms |
| · floor: /bin/true | 2 | 1.00 ms | 2.00 ms | 2.00 ms | 2.00 ms | 1 | - |
| change (2 a second) | 1 | 1.00 ms | 1.00 ms | 1.00 ms | 1.00 ms | - | - |

| memory | VmRSS | of it anonymous | peak (VmHWM) | target |
|---|--:|--:|--:|---|
| hub | 10.2 MB | 4.1 MB | 20.5 MB | < 40 MB |
";
        assert_eq!(tables(&rows), expected);
    }
}
