//! Where this program finds its hub, and how it reaches it.
//!
//! The only place of the command line that knows `codi2_ipc`'s connections (besides the hooks). Absent on purpose:
//! reconnecting, which only those who follow need.

use std::time::Duration;

use anyhow::{Context, Result};
use codi2_config::Settings;
use codi2_ipc::blocking::Link;
use codi2_ipc::{CallError, ConnectError, Places, SpawnSpec};
use codi2_protocol::{Call, HostId, Notice, Reply};

use super::blocks;
use super::engine::Chosen;
use super::link::{Hub, LinkError};
use crate::settings::Flags;

/// This program's name and version, as it greets the hub.
pub const BUILD: &str = concat!("codi2 ", env!("CARGO_PKG_VERSION"));

/// How long a call may take: a hub that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// The folders of this user's hub.
pub struct Surroundings {
    /// The folders.
    pub places: Places,
    /// What this process was told of settings, for a hub that it starts.
    pub flags: Flags,
}

impl Surroundings {
    /// As the environment says; touches nothing.
    pub fn find(flags: &Flags) -> Result<Self> {
        Ok(Self { places: Places::find()?, flags: flags.clone() })
    }

    /// A hub that runs, or why none can be reached.
    pub fn try_connect(&self) -> Result<impl Hub + use<>, ConnectError> {
        Link::connect(&self.places, BUILD).map(Linked)
    }

    /// A hub, if one runs.
    pub fn connect_if_running(&self) -> Result<Option<Box<dyn Hub>>> {
        match self.try_connect() {
            Ok(hub) => Ok(Some(Box::new(hub))),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error).context("the hub cannot be asked"),
        }
    }

    /// A hub, started where none runs.
    pub fn connect_or_start(&self) -> Result<Box<dyn Hub>> {
        let spec = spawn(&self.flags).context("this program's own path is not known")?;
        let link = Link::connect_or_start(&self.places, &spec, BUILD).context("the hub cannot be reached")?;
        Ok(Box::new(Linked(link)))
    }

    /// This machine, where a hub ran on it.
    pub fn here(&self) -> Option<HostId> {
        codi2_hub::this_host(self.places.state())
    }

    /// The store under these settings.
    pub fn store(&self, settings: &Settings) -> Result<Chosen> {
        Chosen::by(&settings.store, &self.places)
    }
}

/// A hub that is connected, or started, when it is first asked for.
pub struct OnDemand<'a> {
    flags: &'a Flags,
    hub: Option<Box<dyn Hub>>,
}

impl<'a> OnDemand<'a> {
    /// Nothing is connected yet.
    pub fn new(flags: &'a Flags) -> Self {
        Self { flags, hub: None }
    }

    /// The hub.
    pub fn hub(&mut self) -> Result<&mut dyn Hub> {
        let hub = match self.hub.take() {
            Some(hub) => hub,
            None => Surroundings::find(self.flags)?.connect_or_start()?,
        };
        Ok(&mut **self.hub.insert(hub))
    }
}

/// How a hub is started: this program, told to stay in the foreground.
pub fn spawn(flags: &Flags) -> std::io::Result<SpawnSpec> {
    let words = ["hub", "start", "--foreground"].map(std::ffi::OsString::from);
    let mut spec = SpawnSpec::this_program(words.into_iter().chain(flags.passed_on()))?;
    spec.variables.extend(blocks::variable());
    Ok(spec)
}

struct Linked(Link);

impl Hub for Linked {
    fn call(&mut self, call: Call) -> Result<Reply, LinkError> {
        self.0.call_within(call, PATIENCE).map_err(fate)
    }

    fn news(&mut self) -> Result<Notice, LinkError> {
        let ended = || LinkError::Lost("it closed the connection".to_owned());
        self.0.next_notice(None).map_err(fate)?.ok_or_else(ended)
    }
}

fn fate(error: CallError) -> LinkError {
    match error {
        CallError::Hub(error) if error.code == codi2_protocol::ErrorCode::Ending => LinkError::Lost(error.message),
        CallError::Hub(error) => LinkError::Refused(error),
        CallError::NotUnderstood => LinkError::Odd("a reply of a newer hub"),
        CallError::TimedOut => {
            LinkError::Lost(format!("it did not answer within {} s; `codi2 doctor` looks into it", PATIENCE.as_secs()))
        }
        other => LinkError::Lost(other.to_string()),
    }
}
