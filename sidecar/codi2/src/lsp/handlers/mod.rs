//! The framework's side of the window: one file per method. Handlers own no state; they ask the session actor.
//!
//! What costs time is computed on a thread that may block, since all handlers, reading and writing share one task.
//!
//! Absent on purpose: document notifications (the ingress takes them), documentHighlight and semantic tokens (editors
//! use one provider for these, and it must be the language's own server).

mod blame;
mod code_lens;
mod execute_command;
mod hover;
mod initialize;
mod inlay_hint;
mod shutdown;

use std::sync::Arc;

use codi2_config::EditorSettings;
use tokio::sync::{mpsc, oneshot};
use tower_lsp::LanguageServer;
use tower_lsp::gen_lsp_types::{InitializeParams, InitializeResult};
use tower_lsp::jsonrpc::Result;

use super::actor::Command;
use super::authorship::Authorship;
use super::ingress::Gate;
use super::session::View;

/// What handlers need.
#[derive(Debug)]
pub struct Handlers {
    pub(super) gate: Arc<Gate>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) editor: tokio::sync::watch::Sender<Option<u32>>,
    pub(super) shown: EditorSettings,
}

impl Handlers {
    /// What `make` makes of a document's owners and a clock that writes times; nothing where nothing is to be shown.
    async fn made<T: Send + 'static>(
        &self,
        uri: String,
        view: View,
        make: impl FnOnce(&Authorship, &dyn Fn(u64) -> String) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Authorship { uri, view, reply }).await.ok()?;
        let authorship = answer.await.ok()??;
        let made = tokio::task::spawn_blocking(move || {
            let now = jiff::Zoned::now();
            make(&authorship, &|at_ms| crate::cli::when::brief(at_ms, &now))
        });
        made.await.ok()
    }
}

impl LanguageServer for Handlers {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        initialize::initialize(self, params).await
    }

    async fn shutdown(&self) -> Result<()> {
        shutdown::shutdown(self);
        Ok(())
    }
}

pub use blame::blame;
pub use code_lens::code_lens;
pub use execute_command::execute_command;
pub use hover::hover;
pub use inlay_hint::inlay_hint;
