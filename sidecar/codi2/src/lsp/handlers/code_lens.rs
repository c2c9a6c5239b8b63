//! `textDocument/codeLens`: who wrote this file, and whose its longer blocks are. A lens needs no `resolve`: its words are
//! what costs.

use codi2_protocol::lsp::SHOW_OWNER;
use serde_json::{Value, json};
use tower_lsp::gen_lsp_types::{CodeLensParams, Command, Position, Range};
use tower_lsp::jsonrpc::Result;

use super::Handlers;
use crate::lsp::authorship::Lens;
use crate::lsp::session::View;

/// Answers `textDocument/codeLens`; nothing where nothing is recorded or lenses are off.
pub async fn code_lens(
    handlers: &Handlers,
    params: CodeLensParams,
) -> Result<Option<Vec<tower_lsp::gen_lsp_types::CodeLens>>> {
    let uri = params.text_document.uri.to_string();
    let of = uri.clone();
    let lenses = handlers.made(uri, View::CodeLens, |authorship, when| authorship.lenses(when)).await;
    Ok(lenses.map(|lenses| lenses.into_iter().map(|lens| told(lens, &of)).collect()))
}

fn told(lens: Lens, uri: &str) -> tower_lsp::gen_lsp_types::CodeLens {
    let at = Position { line: lens.line, character: 0 };
    let about: Value = if lens.block { json!({"uri": uri, "line": lens.line}) } else { json!({"uri": uri}) };
    let arguments = serde_json::from_value(json!([about])).ok();
    let command = Command { title: lens.title, tooltip: None, command: SHOW_OWNER.to_owned(), arguments };
    tower_lsp::gen_lsp_types::CodeLens { range: Range { start: at, end: at }, command: Some(command), data: None }
}
