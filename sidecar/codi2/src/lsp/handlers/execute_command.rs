//! `workspace/executeCommand`: `codi2.showOwner`, the command behind the lenses. It says who wrote a line or a file in a
//! message, which every editor shows, and answers with the same words.

use codi2_protocol::lsp::SHOW_OWNER;
use tower_lsp::gen_lsp_types::ExecuteCommandParams;
use tower_lsp::jsonrpc::{Error, Result};

use super::Handlers;
use crate::lsp::actor::Command;
use crate::lsp::session::View;

/// Answers `workspace/executeCommand`.
pub async fn execute_command(handlers: &Handlers, params: ExecuteCommandParams) -> Result<Option<String>> {
    if params.command != SHOW_OWNER {
        return Err(Error::invalid_params(format!("there is no command {}", params.command)));
    }
    let about = serde_json::to_value(params.arguments.unwrap_or_default()).unwrap_or_default();
    let Some(uri) = about.pointer("/0/uri").and_then(serde_json::Value::as_str) else {
        return Err(Error::invalid_params(format!("{SHOW_OWNER} takes {{ uri, line? }}, line from 0")));
    };
    let line = about.pointer("/0/line").and_then(serde_json::Value::as_u64);
    let line = line.map(|line| usize::try_from(line).unwrap_or(usize::MAX));
    let told = handlers.made(uri.to_owned(), View::Asked, move |authorship, when| match line {
        Some(line) => authorship.about_line(line, when),
        None => authorship.shares(),
    });
    let told = told.await.unwrap_or_else(|| "codi2 does not record this file".to_owned());
    let _ = handlers.commands.send(Command::Say(told.clone())).await;
    Ok(Some(told))
}
