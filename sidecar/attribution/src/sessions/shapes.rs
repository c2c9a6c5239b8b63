//! Records of tools' transcripts, told by their shape, and which of their fields is the session (ai-tools.toml,
//! `sessions` and `exports`). The first shape that fits counts.

use super::Mention;
use super::ids::{Form, is_uuid};
use super::shallow::Shallow;

/// One tool's record.
struct Shape {
    /// The tool; empty: the field says that it is a session, and nothing says whose.
    tool: &'static str,
    /// Paths that must be there; `path=text` must hold that text.
    all: &'static [&'static str],
    /// Paths that must not be there.
    none: &'static [&'static str],
    /// Where the session's id is.
    id: &'static str,
    /// How the id begins; empty: it is a UUID.
    begins: &'static str,
    /// Where the session it comes from is.
    parent: &'static str,
    /// Where the sub-agent is.
    agent: &'static str,
    /// Where the model is.
    model: &'static str,
}

const fn shape(tool: &'static str, all: &'static [&'static str], id: &'static str) -> Shape {
    Shape { tool, all, none: &[], id, begins: "", parent: "", agent: "", model: "" }
}

const SHAPES: &[Shape] = &[
    // What Claude Code prints with `--output-format json` and `stream-json`.
    Shape { model: "model", ..shape("claude-code", &["type=system", "subtype=init"], "session_id") },
    shape("claude-code", &["type=result", "total_cost_usd"], "session_id"),
    Shape { model: "message.model", ..shape("qwen-code", &["parentUuid", "message.parts"], "sessionId") },
    Shape {
        none: &["message.parts"],
        agent: "agentId",
        model: "message.model",
        ..shape("claude-code", &["parentUuid", "isSidechain"], "sessionId")
    },
    Shape {
        parent: "payload.parent_thread_id",
        ..shape("codex-cli", &["type=session_meta", "payload.cwd"], "payload.id")
    },
    // What Codex prints with `exec --json`.
    shape("codex-cli", &["type=thread.started"], "thread_id"),
    shape("gemini-cli", &["projectHash", "startTime"], "sessionId"),
    shape("github-copilot-editor", &["type=session.start", "data.vscodeVersion"], "data.sessionId"),
    shape("github-copilot-cli", &["type=session.start"], "data.sessionId"),
    shape("github-copilot-cli", &["type=session.resume"], "data.sessionId"),
    shape("github-copilot-editor", &["requesterUsername", "requests"], "sessionId"),
    Shape { begins: "ses_", parent: "info.parentID", ..shape("opencode", &["info.id", "messages"], "info.id") },
    Shape { begins: "T-", ..shape("amp", &["v", "messages"], "id") },
    shape("continue", &["history", "workspaceDirectory"], "sessionId"),
    shape("droid", &["type=session_start", "cwd"], "id"),
    shape("pi", &["type=session", "version", "cwd"], "id"),
    shape("amazon-q", &["conversation_id", "history"], "conversation_id"),
    shape("theia-ai", &["pinnedAgentId", "model.sessionId"], "model.sessionId"),
    shape("claude-chat", &["chat_messages"], "uuid"),
    shape("openai-chatgpt", &["mapping", "current_node"], "conversation_id"),
];

/// Fields of a record without a known shape that say that they hold a session.
const FIELDS: [&str; 3] = ["session_id", "sessionId", "conversation_id"];

/// The sessions that a record names; a list of records at the top is an export.
pub(super) fn of(record: &Shallow) -> Vec<Mention> {
    match record {
        Shallow::Records(records) => records.iter().filter_map(one).collect(),
        record => one(record).into_iter().collect(),
    }
}

fn one(record: &Shallow) -> Option<Mention> {
    let there = |wanted: &&&str| match wanted.split_once('=') {
        Some((path, text)) => record.text(path) == Some(text),
        None => record.at(wanted).is_some(),
    };
    let fits = |shape: &&Shape| {
        shape.all.iter().filter(there).count() == shape.all.len()
            && !shape.none.iter().any(|path| record.at(path).is_some())
    };
    let Some(shape) = SHAPES.iter().find(fits) else { return unnamed(record) };
    let id = record.text(shape.id)?;
    let is_id = match shape.begins {
        "" => is_uuid(id),
        begins => id.starts_with(begins) && Form::Word.is(id),
    };
    let word = |path: &str| record.text(path).filter(|text| text.len() <= 256).map(str::to_owned);
    is_id.then(|| Mention {
        tool: Some(shape.tool.to_owned()),
        session: id.to_owned(),
        parent: word(shape.parent),
        agent: word(shape.agent),
        // What Claude Code writes in the place of a model for messages of its own.
        model: word(shape.model).filter(|model| !model.starts_with('<')),
        by: shape.id.to_owned(),
        line: 0,
        times: 1,
    })
}

/// A structured log's line: the field's name says that it is a session, and nothing says whose.
fn unnamed(record: &Shallow) -> Option<Mention> {
    let field = FIELDS.into_iter().find(|field| record.text(field).is_some_and(is_uuid))?;
    Some(Mention {
        tool: None,
        session: record.text(field)?.to_owned(),
        parent: None,
        agent: None,
        model: None,
        by: field.to_owned(),
        line: 0,
        times: 1,
    })
}
