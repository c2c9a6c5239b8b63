//! From the wire: the document notifications, read leniently (only what is needed, URIs as plain strings), because a
//! client's oddity elsewhere in a message is no reason to lose an edit.
//!
//! Absent on purpose: the framework's own types for these messages, which are stricter and larger.

use codi2_protocol::lsp::EDIT_HINT;
use codi2_text::{Change, Position};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::session::{DocumentEvent, Shows};

/// What arrives in wire order.
#[derive(Debug, Clone, PartialEq)]
pub enum WindowEvent {
    /// `textDocument/didOpen`.
    Open {
        /// The document.
        uri: String,
        /// Its version.
        version: i32,
        /// Its text.
        text: String,
    },
    /// Any other notification about a document, `codi2/editHint` among them.
    Document(DocumentEvent),
    /// `workspace/didChangeWorkspaceFolders`.
    Folders {
        /// URIs of the folders added.
        added: Vec<String>,
    },
    /// `workspace/didChangeConfiguration`.
    Shows(Shows),
}

impl From<DocumentEvent> for WindowEvent {
    fn from(event: DocumentEvent) -> Self {
        Self::Document(event)
    }
}

/// Whether a method goes to the session in wire order.
pub fn is_window_event(method: &str) -> bool {
    matches!(
        method,
        "textDocument/didOpen"
            | "textDocument/didChange"
            | "textDocument/willSave"
            | "textDocument/didSave"
            | "textDocument/didClose"
            | "workspace/didChangeWorkspaceFolders"
            | "workspace/didChangeConfiguration"
    ) || method == EDIT_HINT
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TextDocument {
    uri: String,
    #[serde(default)]
    version: Option<i64>,
    #[serde(default)]
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DocumentParams {
    text_document: TextDocument,
    #[serde(default)]
    content_changes: Vec<WireChange>,
    #[serde(default)]
    text: Option<String>,
}

#[derive(Deserialize)]
struct WireChange {
    #[serde(default)]
    range: Option<WireRange>,
    text: String,
}

#[derive(Deserialize)]
struct WireRange {
    start: WirePosition,
    end: WirePosition,
}

#[derive(Deserialize)]
struct WirePosition {
    line: i64,
    character: i64,
}

impl From<WirePosition> for Position {
    /// Out of range clamps, below zero too.
    fn from(wire: WirePosition) -> Self {
        let clamp = |value: i64| u32::try_from(value.max(0)).unwrap_or(u32::MAX);
        Self { line: clamp(wire.line), character: clamp(wire.character) }
    }
}

impl From<WireChange> for Change {
    fn from(wire: WireChange) -> Self {
        Self { range: wire.range.map(|range| (range.start.into(), range.end.into())), text: wire.text }
    }
}

/// A version of the wire; clients that leave it out are taken to count from 0.
fn version(wire: Option<i64>) -> i32 {
    i32::try_from(wire.unwrap_or(0)).unwrap_or(i32::MAX)
}

/// Reads a document notification. `None`: nothing can be made of it and no document is named.
pub fn window_event(method: &str, params: Option<Value>) -> Option<WindowEvent> {
    let params = params?;
    if method == EDIT_HINT {
        return serde_json::from_value(params).ok().map(DocumentEvent::Hint).map(WindowEvent::from);
    }
    if method == "workspace/didChangeWorkspaceFolders" {
        let added = params.pointer("/event/added")?.as_array()?;
        let uris = added.iter().filter_map(|folder| folder.get("uri")?.as_str().map(str::to_owned)).collect();
        return Some(WindowEvent::Folders { added: uris });
    }
    if method == "workspace/didChangeConfiguration" {
        return Some(WindowEvent::Shows(params.pointer("/settings/codi2").map(shows).unwrap_or_default()));
    }
    let named = params.pointer("/textDocument/uri").and_then(Value::as_str).map(str::to_owned);
    let garbled = || named.map(|uri| DocumentEvent::Garbled { uri }.into());
    let Ok(params) = serde_json::from_value::<DocumentParams>(params) else { return garbled() };
    let TextDocument { uri, version: number, text } = params.text_document;
    let event = match method {
        "textDocument/didOpen" => {
            let Some(text) = text else { return garbled() };
            return Some(WindowEvent::Open { uri, version: version(number), text });
        }
        "textDocument/didChange" => DocumentEvent::Change {
            uri,
            version: version(number),
            changes: params.content_changes.into_iter().map(Change::from).collect(),
        },
        "textDocument/willSave" => DocumentEvent::WillSave { uri },
        "textDocument/didSave" => DocumentEvent::Save { uri, text: params.text },
        "textDocument/didClose" => DocumentEvent::Close { uri },
        _ => return None,
    };
    Some(event.into())
}

/// What an editor's own settings say of what is shown; anything but true and false says nothing.
pub fn shows(settings: &Value) -> Shows {
    let switch = |name: &str| settings.get(name).and_then(Value::as_bool);
    Shows { code_lens: switch("codeLens"), inlay_hints: switch("inlayHints") }
}

/// The parameters of `initialize` cut to what is used, so that no client fails over a capability that nobody reads.
pub fn initialize_params(params: Option<Value>) -> Value {
    let params = params.unwrap_or(Value::Null);
    let uri = |value: &Value| {
        value.as_str().filter(|uri| uri.parse::<tower_lsp::gen_lsp_types::Uri>().is_ok()).map(str::to_owned)
    };
    let mut kept = Map::new();
    kept.insert(
        "processId".to_owned(),
        match params.get("processId").and_then(Value::as_i64) {
            Some(pid) if i32::try_from(pid).is_ok() => json!(pid),
            _ => Value::Null,
        },
    );
    if let Some(name) = params.pointer("/clientInfo/name").and_then(Value::as_str) {
        let version = params.pointer("/clientInfo/version").and_then(Value::as_str);
        kept.insert(
            "clientInfo".to_owned(),
            match version {
                Some(version) => json!({"name": name, "version": version}),
                None => json!({"name": name}),
            },
        );
    }
    let root = params.get("rootUri").and_then(uri);
    kept.insert("rootUri".to_owned(), root.map_or(Value::Null, Value::String));
    if let Some(folders) = params.get("workspaceFolders").and_then(Value::as_array) {
        let folders: Vec<Value> = folders
            .iter()
            .filter_map(|folder| folder.get("uri").and_then(uri))
            .map(|uri| json!({"uri": uri, "name": ""}))
            .collect();
        kept.insert("workspaceFolders".to_owned(), Value::Array(folders));
    }
    let mut capabilities = Map::new();
    if let Some(encodings) = params.pointer("/capabilities/general/positionEncodings").and_then(Value::as_array) {
        let encodings: Vec<&Value> = encodings.iter().filter(|encoding| encoding.is_string()).collect();
        capabilities.insert("general".to_owned(), json!({"positionEncodings": encodings}));
    }
    let can = |pointer: &str| params.pointer(pointer) == Some(&Value::Bool(true));
    let refresh =
        |name: &str| json!({"refreshSupport": can(&format!("/capabilities/workspace/{name}/refreshSupport"))});
    let workspace = json!({"codeLens": refresh("codeLens"), "inlayHint": refresh("inlayHint")});
    capabilities.insert("workspace".to_owned(), workspace);
    let registers = can("/capabilities/textDocument/inlayHint/dynamicRegistration");
    capabilities.insert("textDocument".to_owned(), json!({"inlayHint": {"dynamicRegistration": registers}}));
    if let Some(options) = params.get("initializationOptions") {
        let Shows { code_lens, inlay_hints } = shows(options);
        kept.insert("initializationOptions".to_owned(), json!({"codeLens": code_lens, "inlayHints": inlay_hints}));
    }
    if let Some(ours) = params.pointer("/capabilities/experimental/codi2").filter(|ours| ours.is_object()) {
        capabilities.insert("experimental".to_owned(), json!({"codi2": ours}));
    }
    kept.insert("capabilities".to_owned(), Value::Object(capabilities));
    Value::Object(kept)
}
