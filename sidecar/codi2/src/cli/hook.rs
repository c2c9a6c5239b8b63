//! `codi2 hook`: what agents call before and after they edit.
//!
//! The agent waits for this process, so it takes 5 ms and never breaks the agent: no runtime, no log, and settings only
//! where there is no hub: then private files are left out of what lies in the spool, and its cap counts. The record is
//! cut to tool, ids and paths while it is read; contents are never kept. Absent on purpose: output on
//! standard output (agents parse it), and any judgement, which is the hub's.
//!
//! Exit codes: 0 when the hub or the spool has the record; 1 when the input makes no sense or neither could take it.

mod agent_v1;

use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use codi2_config::{Globs, Settings};
use codi2_protocol::HookRecord;

use super::args::Hook;
use super::surroundings::BUILD;
use crate::settings::{self, Flags};

/// Input longer than this is refused: whole contents of many files may travel in it, but not without end.
const INPUT_BYTES: u64 = 16 << 20;

/// Reads the payload and hands the record over.
pub fn run(hook: &Hook, flags: &Flags) -> Result<()> {
    let Hook::AgentV1 { hook_input } = hook;
    let input = match hook_input {
        Some(payload) if payload != "stdin" => payload.clone().into_bytes(),
        _ => read(std::io::stdin().lock())?,
    };
    let record = record(&input)?;
    let places = codi2_ipc::Places::find().context("no place for the record")?;
    let may_keep = |record: &mut HookRecord| may_keep(record, &settings::load(flags).settings);
    let outcome = codi2_ipc::blocking::hook_or_spool(&places, record, BUILD, may_keep);
    outcome.context("neither the hub nor the spool took the record").map(|_| ())
}

/// Leaves private files out of a record, as the person's settings name them, and says how many bytes the spool may hold;
/// none where nothing is left. What a repository's settings add is left out by the hub, when it reads the spool.
fn may_keep(record: &mut HookRecord, settings: &Settings) -> Option<u64> {
    // One that cannot be read was left out before; where that failed, nothing lies anywhere.
    let private = Globs::any_case(&settings.watch.private).ok()?;
    let (folder, named) = (format!("{}/", record.folder.trim_end_matches('/')), record.files.len());
    record.files.retain(|file| !private.matches(file.strip_prefix(&folder).unwrap_or(file)));
    (named == 0 || !record.files.is_empty()).then(|| settings.spool_bytes())
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
    fn private_files_do_not_lie_in_the_spool() {
        let mut settings = Settings::default();
        settings.spool.cap_mib = 3;
        settings.watch.private.push("secret/*".to_owned());
        let kept = |files: &[&str]| {
            let payload = serde_json::json!({"type": "human", "repo_working_dir": "/r", "will_edit_filepaths": files});
            let mut record = record(payload.to_string().as_bytes()).unwrap();
            may_keep(&mut record, &settings).map(|cap| (record.files.join(" "), cap))
        };
        let all = ["/r/a.rs", "/r/.ENV.local", "/r/deep/id_rsa", "/r/secret/b", "/r/other/secret/b"];
        assert_eq!(kept(&all), Some(("/r/a.rs /r/other/secret/b".to_owned(), 3 << 20)));
        assert_eq!(kept(&["/r/.env", "/r/secret/b"]), None);
        assert_eq!(kept(&[]), Some((String::new(), 3 << 20)));
    }

    #[test]
    fn input_without_end_is_refused() {
        assert!(read(std::io::repeat(b' ')).unwrap_err().to_string().contains("16 MiB"));
        assert_eq!(read(&b"{}"[..]).unwrap(), b"{}");
    }
}
