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
    agent_v1::record(input, at_ms, codi2_ipc::process::parent())
}

fn read(from: impl Read) -> Result<Vec<u8>> {
    let mut input = Vec::new();
    from.take(INPUT_BYTES + 1).read_to_end(&mut input).context("standard input cannot be read")?;
    if input.len() as u64 > INPUT_BYTES {
        bail!("the input is longer than {} MiB", INPUT_BYTES >> 20);
    }
    Ok(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_without_end_is_refused() {
        assert!(read(std::io::repeat(b' ')).unwrap_err().to_string().contains("16 MiB"));
        assert_eq!(read(&b"{}"[..]).unwrap(), b"{}");
    }
}
