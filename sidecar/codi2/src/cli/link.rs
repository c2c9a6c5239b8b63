//! The command line's connection to the hub: one call at a time, and news while following.
//!
//! [`Hub`] is what commands need of a connection, so that tests can play the hub. Absent on purpose: facts (the
//! sidecar's and the hooks'), a runtime.

use codi2_protocol::{Call, HubError, Notice, Reply};

/// Why a call brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The hub answered that it cannot, and why.
    #[error("{0}")]
    Refused(#[from] HubError),
    /// The connection broke: another attempt may help.
    #[error("the hub went away: {0}")]
    Lost(String),
    /// An answer of another kind than asked for: the programs do not fit.
    #[error("the hub's answer makes no sense here ({0}); run `codi2 doctor`")]
    Odd(&'static str),
}

/// A connected hub.
pub trait Hub {
    /// Asks and waits for the answer. News that comes between is kept for [`Hub::news`].
    fn call(&mut self, call: Call) -> Result<Reply, LinkError>;
    /// Waits for news, for ever.
    fn news(&mut self) -> Result<Notice, LinkError>;
}
