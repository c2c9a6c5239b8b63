//! `codi2/blame`: an owner for each line, for views of an editor's own.

use codi2_protocol::lsp::{BlameParams, BlameResult};
use tower_lsp::jsonrpc::Result;

use super::Handlers;
use crate::lsp::session::View;

/// Answers `codi2/blame`; nothing where nothing is recorded.
pub async fn blame(handlers: &Handlers, params: BlameParams) -> Result<Option<BlameResult>> {
    let BlameParams { uri, start, end } = params;
    Ok(handlers.made(uri, View::Asked, move |authorship, _| authorship.blame(start, end)).await)
}
