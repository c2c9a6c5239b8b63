//! `initialize`: who the editor is, how positions count, what this program offers.

use std::sync::atomic::Ordering;

use codi2_protocol::lsp::{ClientCapabilities, SHOW_OWNER};
use codi2_protocol::{Editor, SessionId};
use codi2_text::Encoding;
use serde_json::json;
use tower_lsp::gen_lsp_types::{
    InitializeParams, InitializeResult, PositionEncodingKind, SaveOptions, ServerCapabilities, ServerInfo,
    TextDocumentSyncKind, TextDocumentSyncOptions,
};
use tower_lsp::jsonrpc::{Error, Result};

use super::Handlers;
use crate::lsp::actor::Command;
use crate::lsp::session::{Views, Window};
use crate::lsp::wire;

/// Answers `initialize`. The window's folders are looked at afterwards: the answer waits for no file system.
pub(super) async fn initialize(handlers: &Handlers, params: InitializeParams) -> Result<InitializeResult> {
    if handlers.gate.initialized.load(Ordering::Acquire) {
        return Err(Error::invalid_request());
    }
    let (encoding, kind) = encoding(&params);
    let client = params.capabilities.experimental.as_ref().and_then(|ours| ours.get("codi2")).cloned();
    let client: ClientCapabilities = client.and_then(|ours| serde_json::from_value(ours).ok()).unwrap_or_default();
    let pid = params.process_id.and_then(|pid| u32::try_from(pid).ok());
    let info = params.client_info.as_ref();
    let editor = Editor {
        name: info.map_or_else(|| "unknown editor".to_owned(), |info| info.name.chars().take(100).collect()),
        version: info.and_then(|info| info.version.as_ref()).map(|version| version.chars().take(100).collect()),
    };
    let process = Some(codi2_ipc::process::own());
    let views = views(handlers, &params);
    let window = Window { session: SessionId::new(), editor, pid: pid.unwrap_or(0), process, encoding, client, views };
    let start = Command::Start { window: Box::new(window), folders: folders(&params) };
    if handlers.commands.send(start).await.is_err() {
        return Err(Error::internal_error());
    }
    handlers.editor.send_replace(pid);
    handlers.gate.initialized.store(true, Ordering::Release);
    Ok(InitializeResult {
        capabilities: capabilities(kind, views),
        server_info: Some(ServerInfo { name: "codi2".to_owned(), version: Some(env!("CARGO_PKG_VERSION").to_owned()) }),
    })
}

/// What is shown, by the editor's settings or else by the person's file, and what the client can do about it.
fn views(handlers: &Handlers, params: &InitializeParams) -> Views {
    let options = serde_json::to_value(&params.initialization_options).unwrap_or_default();
    let shows = wire::shows(&options);
    let capabilities = serde_json::to_value(&params.capabilities).unwrap_or_default();
    let can = |pointer: &str| capabilities.pointer(pointer) == Some(&json!(true));
    Views {
        code_lens: shows.code_lens.unwrap_or(handlers.shown.code_lens),
        inlay_hints: shows.inlay_hints.unwrap_or(handlers.shown.inlay_hints),
        refreshes_code_lens: can("/workspace/codeLens/refreshSupport"),
        refreshes_inlay_hints: can("/workspace/inlayHint/refreshSupport"),
        registers_inlay_hints: can("/textDocument/inlayHint/dynamicRegistration"),
    }
}

/// Hints are offered only where they are on: some editors take them from one server, which must be the language's own.
fn capabilities(encoding: PositionEncodingKind, views: Views) -> ServerCapabilities {
    ServerCapabilities {
        position_encoding: Some(encoding),
        text_document_sync: Some(
            TextDocumentSyncOptions {
                open_close: Some(true),
                change: Some(TextDocumentSyncKind::Incremental),
                will_save: Some(true),
                will_save_wait_until: None,
                save: Some(SaveOptions { include_text: Some(false) }.into()),
            }
            .into(),
        ),
        hover_provider: Some(true.into()),
        code_lens_provider: serde_json::from_value(json!({"resolveProvider": false})).ok(),
        inlay_hint_provider: views.inlay_hints.then_some(true.into()),
        execute_command_provider: serde_json::from_value(json!({"commands": [SHOW_OWNER]})).ok(),
        workspace: serde_json::from_value(json!({
            "workspaceFolders": {"supported": true, "changeNotifications": true},
        }))
        .ok(),
        experimental: Some(json!({"codi2": {"editHint": true}})),
        ..ServerCapabilities::default()
    }
}

/// The first encoding on offer that is not UTF-16, else UTF-16.
fn encoding(params: &InitializeParams) -> (Encoding, PositionEncodingKind) {
    let offered = params.capabilities.general.as_ref().and_then(|general| general.position_encodings.as_ref());
    let known = offered.into_iter().flatten().find_map(|kind| match kind {
        PositionEncodingKind::UTF8 => Some((Encoding::Utf8, PositionEncodingKind::UTF8)),
        PositionEncodingKind::UTF32 => Some((Encoding::Utf32, PositionEncodingKind::UTF32)),
        _ => None,
    });
    known.unwrap_or((Encoding::Utf16, PositionEncodingKind::UTF16))
}

/// The window's folders, the root first.
#[allow(deprecated)] // Editors that know no workspace folders still send their root this way.
fn folders(params: &InitializeParams) -> Vec<String> {
    let folders = serde_json::to_value(params).ok();
    let named = folders.as_ref().and_then(|params| params.get("workspaceFolders")).and_then(|list| list.as_array());
    let named = named.into_iter().flatten().filter_map(|folder| folder.get("uri")?.as_str().map(str::to_owned));
    let root = params.root_uri.as_ref().map(ToString::to_string);
    let mut all: Vec<String> = root.into_iter().chain(named).collect();
    all.dedup();
    all
}
