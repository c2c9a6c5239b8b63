//! `codi2 hook`: what agents call before and after they edit.
//!
//! The agent waits for this process, so it takes 5 ms and never breaks the agent: no runtime, no log, no catalogue, and
//! settings only where it names files, of which private ones are not read, or where there is no hub: then those are left out of
//! what lies in the spool, too, and its cap counts.
//! The record is cut to tool, ids and paths while it is read; contents are never kept, nor told to the hub. Of the files
//! it tells their digests, and after an edit where in them stands what the call put in (ADR 0144, 0157). Absent on purpose: output
//! on standard output (agents parse it), and any judgement, which is the hub's.
//!
//! Exit codes: 0 when the hub or the spool has the record, or there is nothing to record. Where the input makes no sense
//! or neither could take it: 1 for `agent-v1`; 0 for a tool, because to some tools any other code says to stop (ADR 0040).

mod agent_v1;
pub(super) mod bounds;
mod call;
mod found;
mod payload;
mod private;
#[cfg(test)]
mod tests;
pub(super) mod tool;

use std::cell::LazyCell;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use codi2_ipc::clock;
use codi2_ipc::hooks::Brought;
use codi2_protocol::{HookPhase, HookRecord};

use serde::de::IgnoredAny;

use self::private::Private;
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
    // Whatever is written from now on is not by a call that has ended.
    let began_ms = clock::system_ms();
    let input = match &hook.hook_input {
        Some(payload) if payload != "stdin" => payload.clone().into_bytes(),
        _ => read(std::io::stdin())?,
    };
    let Some(call::Told { mut record, written }) = told_by(&hook.of, &input, began_ms)? else { return Ok(()) };
    let places = codi2_ipc::Places::find().context("no place for the record")?;
    let settings = LazyCell::new(|| settings::load_quickly(flags));
    let private = LazyCell::new(|| Private::new(&settings.watch.private));
    let key = written.as_ref().and_then(|_| codi2_ipc::door::secret(&places));
    let is_private = |file: &str| private.covers(Path::new(&record.folder), file);
    record.found = found::found(&record.files, is_private, written.as_deref(), key.as_ref());
    let may_keep = |brought: &mut Brought| match brought {
        Brought::Hook(record) => may_keep(record, &private).then(|| settings.spool_bytes()),
        Brought::Note(_) => None,
    };
    let at_ms = record.at_ms;
    let outcome = codi2_ipc::blocking::bring_or_spool(&places, Brought::Hook(record), BUILD, may_keep);
    // A kernel's file times lag: what is written once this has returned must not look as if it had been before (ADR 0173).
    clock::pass(at_ms);
    outcome.context("neither the hub nor the spool took the record").map(|_| ())
}

/// Leaves private files out of a record; whether anything is left. What the settings of the hub's own process add is left out by
/// the hub, when it reads the spool.
fn may_keep(record: &mut HookRecord, private: &Private) -> bool {
    let HookRecord { files, found, folder, .. } = record;
    let kept: Vec<bool> = files.iter().map(|file| !private.covers(Path::new(folder), file)).collect();
    let number = |file: u32| kept.iter().take(file as usize).filter(|is_kept| **is_kept).count() as u32;
    found.retain(|found| kept.get(found.file as usize) == Some(&true));
    found.iter_mut().for_each(|found| found.file = number(found.file));
    let mut is_kept = kept.iter().copied();
    files.retain(|_| is_kept.next() == Some(true));
    kept.is_empty() || !files.is_empty()
}

/// The record of a payload that arrives now; none where it changes no file.
pub fn record(format: &HookFormat, input: &[u8]) -> Result<Option<HookRecord>> {
    Ok(told_by(format, input, clock::system_ms())?.map(|told| told.record))
}

/// What a payload tells, of a hook that began then (ms since the Unix epoch).
fn told_by(format: &HookFormat, input: &[u8], began_ms: u64) -> Result<Option<call::Told>> {
    let parent = codi2_ipc::process::parent();
    let mut told = match format {
        HookFormat::AgentV1 => {
            let record = agent_v1::record(input, began_ms, parent)?;
            Some(call::Told { record, written: None })
        }
        HookFormat::Tool(hint) => {
            let here = std::env::current_dir().context("there is no folder here")?;
            call::record(Some(hint), input, began_ms, parent, &here)?
        }
    };
    // The agent waits for this process: what it writes is not before now.
    if let Some(call::Told { record, .. }) = &mut told
        && record.phase == HookPhase::Before
    {
        record.at_ms = clock::system_ms();
    }
    Ok(told)
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
