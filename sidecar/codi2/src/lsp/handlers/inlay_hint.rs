//! `textDocument/inlayHint`: who wrote a line and when, where that changes.

use codi2_text::Position;
use serde_json::json;
use tower_lsp::gen_lsp_types::{self as types, InlayHintParams};
use tower_lsp::jsonrpc::Result;

use super::Handlers;
use crate::lsp::authorship::Hint;
use crate::lsp::session::View;

/// Answers `textDocument/inlayHint`; nothing where nothing is recorded or hints are off.
pub async fn inlay_hint(handlers: &Handlers, params: InlayHintParams) -> Result<Option<Vec<types::InlayHint>>> {
    let uri = params.text_document.uri.to_string();
    let position = |at: types::Position| Position::new(at.line, at.character);
    let (start, end) = (position(params.range.start), position(params.range.end));
    let make = move |authorship: &crate::lsp::authorship::Authorship, when: &dyn Fn(u64) -> String| {
        authorship.hints(start, end, when).into_iter().filter_map(told).collect()
    };
    Ok(handlers.made(uri, View::InlayHints, make).await)
}

/// Through JSON: only the fields that are used are named.
fn told(hint: Hint) -> Option<types::InlayHint> {
    let position = json!({"line": hint.position.line, "character": hint.position.character});
    let hint = json!({"position": position, "label": hint.label, "tooltip": hint.tooltip, "paddingLeft": true});
    serde_json::from_value(hint).ok()
}
