//! `codi2 hub start|stop|status`.
//!
//! Absent on purpose: being the hub (`codi2_hub`), and finding out whether one runs by anything but its answer.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use codi2_config::{Origin, Row, STORE_KINDS};
use codi2_protocol::{Call, Reply};
use codi2_workspace::WatchOptions;
use serde_json::json;

use super::args::{Command, Format, Hub};
use super::failure::{Code, Failure};
use super::link::{Hub as Linked, LinkError};
use super::printer::{Printer, complain};
use super::status;
use super::surroundings::{BUILD, Surroundings};
use crate::settings::{self, Loaded};

/// The kind of store that has a cluster's file.
const CLUSTER: &str = "foundationdb";
/// How long `stop` waits for the hub's end after it said that everything is durable.
const END: Duration = Duration::from_secs(10);

/// Does what is asked of the hub.
pub fn run(hub: &Hub, printer: &mut Printer, surroundings: &Surroundings) -> Result<()> {
    match hub {
        Hub::Start { foreground: true, .. } => foreground(surroundings),
        Hub::Start { store, cluster_file, .. } => {
            start(store.is_some() || cluster_file.is_some(), printer, surroundings)
        }
        Hub::Stop => stop(printer, surroundings),
        Hub::Status => status::run(printer, surroundings),
    }
}

/// The hub itself: what [`super::surroundings`] spawns, and what a service manager may run.
fn foreground(surroundings: &Surroundings) -> Result<()> {
    let loaded = settings::load(&surroundings.flags);
    let settings = &loaded.settings;
    super::logging::to_stderr(settings, "info");
    loaded.mistakes.iter().for_each(|mistake| tracing::warn!("settings: {mistake}"));
    // Only now: the settings' file may be named relative to the starter's folder.
    codi2_ipc::detach();
    let kept = surroundings.places.prepare().map_err(std::io::Error::other);
    if let Err(error) = kept.and_then(|()| loaded.keep(surroundings.places.state())) {
        tracing::warn!(%error, "no copy of the settings is kept");
    }
    let store = decided(&loaded).and_then(|()| surroundings.store(settings)?.spec()).inspect_err(|error| {
        // Whoever starts the hub waits for its first line.
        let _ = codi2_ipc::announce(&codi2_ipc::Announcement::Failed(format!("{error:#}")));
    })?;
    let options = codi2_hub::Options {
        places: surroundings.places.clone(),
        store,
        idle_ms: settings.idle_ms(),
        watch: WatchOptions::from(&settings.watch),
        notes: settings.notes.write,
        build: BUILD.to_owned(),
        tools: std::sync::Arc::new(crate::tools::Known::new(settings.clone())),
        remarks: codi2_hub::Remarks::from_fn(move || loaded.remarks()),
    };
    codi2_hub::run(options).context("the hub ended")
}

/// Refuses a cluster's file while nobody has said validly that the store is a cluster: what is acknowledged into a file
/// of this machine then is missing where the team looks for it (ADR 0107).
fn decided(loaded: &Loaded) -> Result<()> {
    let is_open = |row: &Row| row.key == "store.kind" && row.origin == Origin::Default;
    if loaded.settings.store.cluster_file.is_none() || !loaded.rows().iter().any(is_open) {
        return Ok(());
    }
    let wrong = loaded.problem().map(|problem| format!(" ({problem})")).unwrap_or_default();
    let what = "store.cluster_file is set, and store.kind is not";
    Err(anyhow!("{what}{wrong}; write kind = {CLUSTER:?}, or {:?} for a file of this machine", STORE_KINDS[0]))
        .code(Failure::Usage)
}

/// What the flags of `hub start` set.
pub fn set(command: &Command) -> Result<Vec<String>> {
    let Command::Hub(Hub::Start { store, cluster_file, .. }) = command else { return Ok(Vec::new()) };
    // A hub with another store than was asked for would be worse than none.
    if let Some(kind) = store.as_deref().filter(|kind| !STORE_KINDS.contains(kind)) {
        return Err(anyhow!("{kind:?} is no store; write one of {}", STORE_KINDS.join(", "))).code(Failure::Usage);
    }
    // A cluster's file says which store is meant.
    let kind = store.as_deref().or(cluster_file.as_ref().map(|_| CLUSTER));
    let mut set: Vec<String> = kind.iter().map(|kind| format!("store.kind={kind}")).collect();
    if let Some(file) = cluster_file {
        if kind != Some(CLUSTER) {
            return Err(anyhow!("--cluster-file is for --store {CLUSTER}; leave one of them out")).code(Failure::Usage);
        }
        let file = std::path::absolute(file).context("this folder is gone")?;
        let file = file.to_str().with_context(|| format!("{} is not UTF-8; rename it", file.display()))?;
        set.push(format!("store.cluster_file={file}"));
    }
    Ok(set)
}

fn start(chosen: bool, printer: &mut Printer, surroundings: &Surroundings) -> Result<()> {
    // Said here, too: nobody reads the log of a hub that just starts.
    settings::load(&surroundings.flags).mistakes.iter().for_each(|mistake| complain(&mistake.to_string()));
    let running = surroundings.connect_if_running()?;
    let (state, mut hub) = match running {
        Some(hub) => ("already running", hub),
        None => ("started", surroundings.connect_or_start()?),
    };
    let status = status::ask(&mut *hub)?;
    if chosen && state == "already running" {
        complain(&format!("it uses the store {}; `codi2 hub stop` first, to start it with another", status.store));
    }
    said(printer, state, Some(status.pid))
}

fn stop(printer: &mut Printer, surroundings: &Surroundings) -> Result<()> {
    let Some(hub) = surroundings.connect_if_running()? else { return said(printer, "not running", None) };
    let pid = end(hub, surroundings)?;
    said(printer, "stopped", pid)
}

/// Ends a hub and waits for its end; its process id, where it said.
pub fn end(mut hub: Box<dyn Linked>, surroundings: &Surroundings) -> Result<Option<u32>> {
    let pid = status::ask(&mut *hub).map(|status| status.pid).ok();
    match hub.call(Call::Stop) {
        // A hub that closes before it answers is ending, too.
        Ok(Reply::Done) | Err(LinkError::Lost(_)) => {}
        Ok(_) => return Err(LinkError::Odd("no end").into()),
        Err(error) => return Err(error.into()),
    }
    drop(hub);
    let deadline = Instant::now() + END;
    // The lock goes last; until then a new hub could not start.
    while pid.is_some() && codi2_ipc::HubInfo::read(&surroundings.places).map(|info| info.pid) == pid {
        if Instant::now() > deadline {
            bail!("the hub said that it ends but is still there; see {}", surroundings.places.hub_err().display());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(pid)
}

fn said(printer: &mut Printer, state: &str, pid: Option<u32>) -> Result<()> {
    let shown = pid.map(|pid| pid.to_string()).unwrap_or_default();
    match printer.format() {
        Format::Json | Format::Jsonl => printer.json(&json!({"hub": state, "pid": pid, "build": BUILD}))?,
        Format::Compact => printer.fields(&["hub", state, &shown])?,
        Format::Human if shown.is_empty() => printer.line(&format!("hub {state}"))?,
        Format::Human => printer.line(&format!("hub {state}, pid {shown}"))?,
    }
    printer.flush()
}
