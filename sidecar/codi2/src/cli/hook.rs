//! `codi2 hook`: what agents call before and after they edit.
//!
//! The agent waits for this process, so it takes 5 ms and never breaks the agent: no runtime, no log, no catalogue, and
//! settings only where there is no hub: then private files are left out of what lies in the spool, and its cap counts.
//! The record is cut to tool, ids and paths while it is read; contents are never kept. Where there is no hub to read the
//! files, their digests are kept beside them. Absent on purpose: output on
//! standard output (agents parse it), and any judgement, which is the hub's.
//!
//! Exit codes: 0 when the hub or the spool has the record, or there is nothing to record. Where the input makes no sense
//! or neither could take it: 1 for `agent-v1`; 0 for a tool, because to some tools any other code says to stop (ADR 0040).

mod agent_v1;
pub(super) mod bounds;
mod call;
mod found;
mod payload;
#[cfg(test)]
mod tests;
pub(super) mod tool;

use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use codi2_config::{Globs, Settings};
use codi2_ipc::hooks::Brought;
use codi2_protocol::{HookPhase, HookRecord};

use serde::de::IgnoredAny;

use super::args::{Hook, HookFormat};
use super::printer::complain;
use super::surroundings::BUILD;
use crate::settings::{self, Flags};

/// Input longer than this is refused: whole contents of many files may travel in it, but not without end.
const INPUT_BYTES: u64 = 16 << 20;
/// After this long without a byte it is looked whether the document is whole.
const PAUSE: Duration = Duration::from_millis(20);
/// After this long without a byte nothing more is waited for.
const SILENCE: Duration = if cfg!(test) { Duration::from_millis(200) } else { Duration::from_secs(2) };

/// Reads the payload and hands the record over.
pub fn run(hook: &Hook, flags: &Flags) -> Result<()> {
    match (told(hook, flags), &hook.of) {
        (Err(error), HookFormat::Tool(_)) => {
            complain(&format!("codi2: {error:#}"));
            Ok(())
        }
        (told, _) => told,
    }
}

fn told(hook: &Hook, flags: &Flags) -> Result<()> {
    let input = match &hook.hook_input {
        Some(payload) if payload != "stdin" => payload.clone().into_bytes(),
        _ => read(std::io::stdin())?,
    };
    let Some(record) = record(&hook.of, &input)? else { return Ok(()) };
    let places = codi2_ipc::Places::find().context("no place for the record")?;
    let may_keep = |brought: &mut Brought| match brought {
        Brought::Hook(record) => may_keep(record, &settings::load_quickly(flags)),
        Brought::Note(_) => None,
    };
    let outcome = codi2_ipc::blocking::bring_or_spool(&places, Brought::Hook(record), BUILD, may_keep);
    outcome.context("neither the hub nor the spool took the record").map(|_| ())
}

/// Leaves private files out of a record, as the person's settings name them, and says how many bytes the spool may hold;
/// none where nothing is left. What a repository's settings add is left out by the hub, when it reads the spool.
fn may_keep(record: &mut HookRecord, settings: &Settings) -> Option<u64> {
    // One that cannot be read was left out before; where that failed, nothing lies anywhere.
    let private = Globs::any_case(&settings.watch.private).ok()?;
    let named = record.files.len();
    record.files.retain(|file| !bounds::is_private(&private, Path::new(&record.folder), file));
    record.found = found::found(&record.files);
    (named == 0 || !record.files.is_empty()).then(|| settings.spool_bytes())
}

/// The record of a payload that arrives now; none where it changes no file.
pub fn record(format: &HookFormat, input: &[u8]) -> Result<Option<HookRecord>> {
    let at_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let parent = codi2_ipc::process::parent();
    let mut record = match format {
        HookFormat::AgentV1 => Some(agent_v1::record(input, at_ms, parent)?),
        HookFormat::Tool(hint) => {
            let here = std::env::current_dir().context("there is no folder here")?;
            call::record(Some(hint), input, at_ms, parent, &here)?
        }
    };
    // What the agent writes from now on is not older by its files' times, which lag behind.
    if let Some(begins) = record.as_mut().filter(|record| record.phase == HookPhase::Before) {
        begins.at_ms = codi2_ipc::clock::file_time_ms();
    }
    Ok(record)
}

/// Reads to the end of the input, or as far as it comes: some tools never end it. Where nothing more comes, a whole
/// document is enough; what is none is waited for a while.
fn read(mut from: impl Read + Send + 'static) -> Result<Vec<u8>> {
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    // It stays behind where the input never ends; the process does not wait for it.
    std::thread::spawn(move || {
        let mut chunk = vec![0; 64 << 10];
        loop {
            let read = match from.read(&mut chunk) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read.map(|length| chunk[..length].to_vec()),
            };
            let is_last = read.as_ref().map_or(true, Vec::is_empty);
            if tell.send(read).is_err() || is_last {
                return;
            }
        }
    });
    let (mut input, mut heard, mut looked) = (Vec::new(), Instant::now(), 0);
    loop {
        match told.recv_timeout(PAUSE) {
            Ok(read) => {
                let chunk = read.context("standard input cannot be read")?;
                if chunk.is_empty() {
                    return Ok(input);
                }
                input.extend_from_slice(&chunk);
                heard = Instant::now();
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(input),
            Err(RecvTimeoutError::Timeout) if heard.elapsed() >= SILENCE => return Ok(input),
            Err(RecvTimeoutError::Timeout) if input.len() > looked => {
                if serde_json::from_slice::<IgnoredAny>(&input).is_ok() {
                    return Ok(input);
                }
                looked = input.len();
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if input.len() as u64 > INPUT_BYTES {
            bail!("the input is longer than {} MiB", INPUT_BYTES >> 20);
        }
    }
}
