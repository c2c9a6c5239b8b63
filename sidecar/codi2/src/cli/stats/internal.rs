//! `codi2 stats --internal`: how fast codi2 itself is, as its processes measure it all the time. Never starts a hub.

use anyhow::{Result, anyhow};
use codi2_protocol::{Call, Measured, ProcessStats, Reply};
use serde_json::json;

use crate::cli::Surroundings;
use crate::cli::args::Format;
use crate::cli::failure::{Code, Failure};
use crate::cli::link::LinkError;
use crate::cli::printer::Printer;

/// Prints what the hub and the connected sidecars measured; exit code 4 where no hub runs.
pub fn run(printer: &mut Printer, surroundings: &Surroundings) -> Result<()> {
    let Some(mut hub) = surroundings.connect_if_running()? else {
        if printer.format() == Format::Json {
            printer.json(&json!([]))?;
            printer.flush()?;
        }
        return Err(anyhow!("no hub runs")).code(Failure::NotRunning);
    };
    let processes = match hub.call(Call::Stats)? {
        Reply::Stats(processes) => processes,
        _ => return Err(LinkError::Odd("no stats").into()),
    };
    match printer.format() {
        Format::Json => printer.json(&processes)?,
        Format::Jsonl => processes.iter().try_for_each(|process| printer.json(process))?,
        Format::Compact => processes
            .iter()
            .flat_map(records)
            .try_for_each(|record| printer.fields(&record.iter().map(String::as_str).collect::<Vec<_>>()))?,
        Format::Human => processes.iter().flat_map(lines).try_for_each(|line| printer.line(&line))?,
    }
    printer.flush()
}

/// Part, pid, name, unit, count, and of what is measured p50, p99, max.
fn records(process: &ProcessStats) -> Vec<[String; 8]> {
    let (part, pid) = (&process.part, process.pid.to_string());
    let measured = process.measured.iter().map(|one| {
        let [count, p50, p99, max] = [one.count, one.p50, one.p99, one.max].map(|value| value.to_string());
        [part.clone(), pid.clone(), one.name.clone(), one.unit.clone(), count, p50, p99, max]
    });
    let empty = String::new;
    let counts = process.counts.iter().map(|one| {
        [part.clone(), pid.clone(), one.name.clone(), empty(), one.value.to_string(), empty(), empty(), empty()]
    });
    measured.chain(counts).collect()
}

fn lines(process: &ProcessStats) -> Vec<String> {
    let mut lines = vec![format!("{}, pid {}", process.part, process.pid)];
    for one in &process.measured {
        let Measured { name, unit, count, .. } = one;
        let [p50, p99, max] = [one.p50, one.p99, one.max].map(|value| shown(value, unit));
        lines.push(if *count == 0 {
            format!("  {name:<16} none yet")
        } else {
            format!("  {name:<16} {count:>9} ×   p50 {p50:>8}   p99 {p99:>8}   max {max:>8}")
        });
    }
    lines.extend(process.counts.iter().map(|one| format!("  {:<16} {:>9}", one.name, one.value)));
    lines
}

/// A value in the unit a person reads it in, to three digits.
fn shown(value: u64, unit: &str) -> String {
    if unit != "ns" {
        return value.to_string();
    }
    let (size, unit) = match value {
        0..1_000 => (1.0, "ns"),
        1_000..1_000_000 => (1e3, "µs"),
        1_000_000..1_000_000_000 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    let value = value as f64 / size;
    let digits = if unit == "ns" || value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use codi2_protocol::Count;

    use super::*;

    #[test]
    fn latencies_are_shown_to_three_digits() {
        let of = |value| shown(value, "ns");
        assert_eq!(
            [0, 999, 1_000, 45_678, 456_789, 4_567_890, 12_000_000_000].map(of),
            ["0 ns", "999 ns", "1.00 µs", "45.7 µs", "457 µs", "4.57 ms", "12.0 s"]
        );
        assert_eq!(shown(4_711, "entries"), "4711");
    }

    #[test]
    fn every_number_has_a_line_and_a_record() {
        let measured = |name: &str, count| Measured {
            name: name.into(),
            unit: "ns".into(),
            count,
            p50: 1_000,
            p99: 2_000,
            max: 2_500,
        };
        let process = ProcessStats {
            part: "hub".into(),
            pid: 7,
            measured: vec![measured("durable", 3), measured("hook", 0)],
            counts: vec![Count { name: "gaps".into(), value: 2 }],
        };
        assert_eq!(
            lines(&process),
            [
                "hub, pid 7",
                "  durable                  3 ×   p50  1.00 µs   p99  2.00 µs   max  2.50 µs",
                "  hook             none yet",
                "  gaps                     2",
            ]
        );
        let records: Vec<String> = records(&process).iter().map(|record| record.join(" ")).collect();
        assert_eq!(
            records,
            ["hub 7 durable ns 3 1000 2000 2500", "hub 7 hook ns 0 1000 2000 2500", "hub 7 gaps  2   "]
        );
    }
}
