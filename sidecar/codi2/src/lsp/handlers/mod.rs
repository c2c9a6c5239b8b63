//! The framework's side of the window: one file per method. Handlers own no state; they ask the session actor.
//!
//! Absent on purpose: document notifications (the ingress takes them), documentHighlight and semantic tokens (editors
//! use one provider for these, and it must be the language's own server).

mod hover;
mod initialize;
mod shutdown;

use std::sync::Arc;

use tokio::sync::mpsc;
use tower_lsp::LanguageServer;
use tower_lsp::gen_lsp_types::{InitializeParams, InitializeResult};
use tower_lsp::jsonrpc::Result;

use super::actor::Command;
use super::ingress::Gate;

/// What handlers need.
#[derive(Debug)]
pub struct Handlers {
    pub(super) gate: Arc<Gate>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) editor: tokio::sync::watch::Sender<Option<u32>>,
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

pub use hover::hover;
