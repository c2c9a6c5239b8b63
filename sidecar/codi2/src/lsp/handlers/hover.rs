//! `textDocument/hover`: who wrote this, how sure, why, when.

use codi2_text::Position;
use tokio::sync::oneshot;
use tower_lsp::gen_lsp_types::{self as types, Hover, HoverParams, MarkupContent, MarkupKind};
use tower_lsp::jsonrpc::Result;

use super::Handlers;
use crate::lsp::actor::Command;

/// Answers `textDocument/hover`; nothing where nothing is recorded.
pub async fn hover(handlers: &Handlers, params: HoverParams) -> Result<Option<Hover>> {
    let at = params.text_document_position_params;
    let position = Position::new(at.position.line, at.position.character);
    let (reply, answer) = oneshot::channel();
    let command = Command::Hover { uri: at.text_document.uri.to_string(), position, reply };
    if handlers.commands.send(command).await.is_err() {
        return Ok(None);
    }
    let Ok(Some(text)) = answer.await else { return Ok(None) };
    let position = |position: Position| types::Position { line: position.line, character: position.character };
    let range = types::Range { start: position(text.range.0), end: position(text.range.1) };
    let contents = MarkupContent { kind: MarkupKind::Markdown, value: text.markdown };
    Ok(Some(Hover { contents: contents.into(), range: Some(range) }))
}
