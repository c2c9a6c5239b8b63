//! JSON Schema of everything that crosses a process, generated from the types. The checked-in copy is
//! `schema/protocol.json`; a test fails when they differ, and `CODI2_BLESS=1` rewrites it.

use schemars::{JsonSchema, Schema};

use crate::{ClientFrame, Event, Hello, HookRecord, HubFrame, lsp};

/// All messages, so that one schema names every type once.
#[derive(JsonSchema)]
#[allow(dead_code)]
struct Protocol {
    hello: Hello,
    client_frame: ClientFrame,
    hub_frame: HubFrame,
    event: Event,
    hook: HookRecord,
    lsp_capabilities: lsp::ClientCapabilities,
    lsp_status: lsp::StatusParams,
    lsp_edit_hint: lsp::EditHintParams,
    lsp_document_text: lsp::DocumentTextParams,
    lsp_document_text_result: lsp::DocumentTextResult,
    lsp_blame: lsp::BlameParams,
    lsp_blame_result: lsp::BlameResult,
    lsp_owners_changed: lsp::OwnersChangedParams,
}

/// The schema of the whole protocol.
pub fn protocol() -> Schema {
    schemars::schema_for!(Protocol)
}
