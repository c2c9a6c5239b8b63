//! `codi2 lsp`: the sidecar of one editor window, a language server over standard input and output.
//!
//! The road of a keystroke: [`frames`] (only readable frames) → the framework → [`ingress`] (wire order, back-pressure)
//! → [`actor`] → [`session`] (the pure machine) → effects → the hub, the editor. Invariants: no handler owns state or
//! waits for the editor; only [`outbound`] holds the framework's client; the editor never waits for the hub; a broken
//! message, a panic or a silent editor costs at most one document its sync until its text is known again.
//! Absent on purpose: verdicts, the store, any wait on the way from a key to the hub. Only home of tower-lsp.

mod actor;
mod authorship;
mod clock;
pub(crate) mod doors;
mod frames;
mod handlers;
mod hub;
mod ingress;
mod link;
mod outbound;
mod parent;
mod place;
mod server;
mod session;
#[cfg(test)]
mod tests;
mod wire;

use codi2_config::EditorSettings;
use codi2_ipc::{Places, SpawnSpec};
use codi2_protocol::Actor;

use place::Locator;

pub use server::Ended;

/// What a window's sidecar needs to know of its surroundings.
pub struct LspOptions {
    /// Where the hub is, and the spool.
    pub places: Places,
    /// How to run a hub where there is none.
    pub start: Option<SpawnSpec>,
    /// This program's version and build.
    pub build: String,
    /// What is wrong with the settings, for the status; the rest of them holds.
    pub about_settings: Option<String>,
    /// Globs of files that are not recorded.
    pub private: Vec<String>,
    /// Most that waits for a hub that is away, in bytes; more becomes a gap.
    pub spool_bytes: u64,
    /// What the editor shows of owners, as long as it does not say otherwise itself.
    pub shown: EditorSettings,
    /// Finds the agent that started this window, if one is proven to have: what is typed here is its. Takes some ms, so it
    /// is asked once, when the editor has its first answer.
    pub agent: Box<dyn FnOnce() -> Option<Actor> + Send>,
}

/// Serves one window over standard input and output until it ends; facts are then durable or spooled.
///
/// # Errors
/// The runtime could not be started.
pub fn run(options: LspOptions) -> std::io::Result<Ended> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(async {
        let LspOptions { places, start, build, about_settings, private, spool_bytes, shown, agent } = options;
        let link = move |news| hub::HubRoad::new(places, start, &build, spool_bytes, about_settings, news);
        let locator = Locator::new(private, agent);
        let (input, output) = (tokio::io::stdin(), tokio::io::stdout());
        server::serve(input, output, link, locator, shown, told_to_stop(), server::Trial::default()).await
    });
    // A thread may still be reading standard input, and cannot be stopped.
    runtime.shutdown_background();
    Ok(ended)
}

/// Returns when the system asks this process to end: editors do so when they think it takes too long.
async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()));
        if let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = signals {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hangup.recv() => {}
            }
            return;
        }
    }
    std::future::pending().await
}
