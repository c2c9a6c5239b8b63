//! `codi2 hook`: what agents call before and after they edit.
//!
//! The agent waits for this process, so it takes 5 ms and never breaks the agent: no runtime, no settings, no log. The
//! record is cut to tool, ids and paths while it is read; contents are never kept. Absent on purpose: output on
//! standard output (agents parse it), and any judgement, which is the hub's.
//!
//! Exit codes: 0 when the hub or the spool has the record; 1 when the input makes no sense or neither could take it.

mod agent_v1;

use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use codi2_protocol::HookRecord;

use super::args::Hook;
use super::surroundings::BUILD;

/// Input longer than this is refused: whole contents of many files may travel in it, but not without end.
const INPUT_BYTES: u64 = 16 << 20;

/// Reads the payload and hands the record over.
pub fn run(hook: &Hook) -> Result<()> {
    let Hook::AgentV1 { hook_input } = hook;
    let input = match hook_input {
        Some(payload) if payload != "stdin" => payload.clone().into_bytes(),
        _ => read(std::io::stdin().lock())?,
    };
    let record = record(&input)?;
    let places = codi2_ipc::Places::find().context("no place for the record")?;
    let outcome = codi2_ipc::blocking::hook_or_spool(&places, record, BUILD);
    outcome.context("neither the hub nor the spool took the record").map(|_| ())
}

/// The record of a payload that arrives now.
pub fn record(input: &[u8]) -> Result<HookRecord> {
    let at_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    agent_v1::record(input, at_ms, parent())
}

fn read(from: impl Read) -> Result<Vec<u8>> {
    let mut input = Vec::new();
    from.take(INPUT_BYTES + 1).read_to_end(&mut input).context("standard input cannot be read")?;
    if input.len() as u64 > INPUT_BYTES {
        bail!("the input is longer than {} MiB", INPUT_BYTES >> 20);
    }
    Ok(input)
}

/// The process that called the hook: it pairs the calls before and after an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parent {
    pid: u32,
    /// Clock ticks since boot.
    start: Option<u64>,
}

fn parent() -> Parent {
    #[cfg(unix)]
    let pid = std::os::unix::process::parent_id();
    // Elsewhere nothing in the standard library names the parent; 0 pairs by path alone. Untested.
    #[cfg(not(unix))]
    let pid = 0;
    let start = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|stat| start_time(&stat));
    Parent { pid, start }
}

/// Field 22 of `/proc/PID/stat`. The second field is the program's name in parentheses and may itself hold blanks and
/// parentheses, so fields are counted after the last one.
fn start_time(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_found_behind_any_program_name() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        for name in ["bash", "a b", "x) S 1 (y", "", ")))"] {
            assert_eq!(start_time(&format!("42 ({name}) {rest}")), Some(4711), "{name}");
        }
        assert_eq!(start_time("42 (bash) S 1"), None);
        assert_eq!(start_time(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_parent_is_a_process_that_started() {
        assert!(parent().pid > 0);
        assert!(parent().start.is_some_and(|start| start > 0));
    }

    #[test]
    fn input_without_end_is_refused() {
        assert!(read(std::io::repeat(b' ')).unwrap_err().to_string().contains("16 MiB"));
        assert_eq!(read(&b"{}"[..]).unwrap(), b"{}");
    }
}
