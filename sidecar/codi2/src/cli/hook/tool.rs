//! The tools whose hooks are read: how each is told by its payload's shape, and which of its own tools edit or run.
//!
//! One command may be called by several tools (Cursor, VS Code and Continue run Claude Code's hooks, too), so the
//! argument of `codi2 hook` is a hint and the shape decides (ai-tools.toml, `payload_shape`). This is a table in code
//! and not the catalogue because a hook has 5 ms; a test holds the two together.

use super::payload::Payload;

/// A tool with hooks.
#[derive(Debug, PartialEq, Eq)]
pub struct HookTool {
    /// Its id in the catalogue.
    pub id: &'static str,
    /// Other words for it on the command line.
    pub aliases: &'static [&'static str],
    /// Its tools that change files, as [`plain`] has them.
    pub edits: &'static [&'static str],
    /// Those of them that are given a patch, in which the files stand that it changes.
    pub patches: &'static [&'static str],
    /// Its tools that run commands, which may change any file.
    pub commands: &'static [&'static str],
    /// Whether it tells after a call, too. One that does not never ends a call.
    pub tells_after: bool,
}

/// Every tool whose hooks are read.
pub const TOOLS: &[HookTool] = &[
    tool("claude-code", &["claude"], &["write", "edit", "multiedit", "notebookedit"], &["bash"]),
    tool("codex-cli", &["codex"], &["applypatch"], &["bash", "execcommand", "shell", "shellcommand"])
        .patched_by(&["applypatch"]),
    tool("cursor", &[], &["write", "strreplace", "delete", "applypatch"], &["shell"]).patched_by(&["applypatch"]),
    tool(
        "github-copilot-cli",
        &["copilot", "copilot-cli"],
        &["create", "strreplace", "edit", "applypatch", "write"],
        &["bash", "powershell"],
    )
    .patched_by(&["applypatch"]),
    tool(
        "github-copilot-editor",
        &["vscode", "copilot-chat"],
        &["createfile", "replacestringinfile", "multireplacestringinfile", "inserteditintofile", "applypatch"],
        &["runinterminal"],
    )
    .patched_by(&["applypatch"]),
    tool("gemini-cli", &["gemini"], &["writefile", "replace"], &["runshellcommand"]),
    tool("windsurf", &["cascade"], &[], &[]),
    tool("opencode", &[], &["edit", "write", "patch", "applypatch", "multiedit"], &["bash"])
        .patched_by(&["patch", "applypatch"]),
    tool("amp", &[], &["createfile", "editfile", "applypatch", "undoedit"], &["bash", "shellcommand"])
        .patched_by(&["applypatch"]),
    tool("pi", &[], &["edit", "write"], &["bash"]),
    tool("cline", &[], &["writetofile", "replaceinfile", "applypatch", "editor"], &["executecommand", "runcommands"])
        .patched_by(&["applypatch"]),
    tool("qwen-code", &["qwen"], &["writefile", "edit"], &["runshellcommand"]),
    tool("droid", &["factory"], &["applypatch", "edit", "write", "create", "multiedit"], &["execute", "bash"])
        .patched_by(&["applypatch"]),
    tool("augment", &["auggie"], &["strreplaceeditor", "savefile", "removefiles", "applypatch"], &["launchprocess"])
        .patched_by(&["applypatch"]),
    HookTool { tells_after: false, ..tool("crush", &[], &["edit", "write", "multiedit"], &["bash"]) },
    tool("kiro", &[], &["fswrite", "strreplace"], &["executebash"]),
    tool("amazon-q", &["q"], &["fswrite"], &["executebash"]),
    tool("continue", &["cn"], &["edit", "multiedit", "write"], &["bash"]),
];

const fn tool(
    id: &'static str,
    aliases: &'static [&'static str],
    edits: &'static [&'static str],
    commands: &'static [&'static str],
) -> HookTool {
    HookTool { id, aliases, edits, patches: &[], commands, tells_after: true }
}

impl HookTool {
    /// The same, where these of its tools are given a patch.
    const fn patched_by(self, patches: &'static [&'static str]) -> Self {
        Self { patches, ..self }
    }
}

/// The tool of this id or alias.
pub fn named(name: &str) -> Option<&'static HookTool> {
    TOOLS.iter().find(|tool| tool.id == name || tool.aliases.contains(&name))
}

/// A name of a tool or event without letter case, dashes and underscores, and without a name space before it.
pub(super) fn plain(name: &str) -> String {
    let name = name.rsplit('.').next().unwrap_or(name);
    name.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect()
}

/// Whose payload this is. The hint decides only between tools that share a shape.
pub(super) fn caller(payload: &Payload, hint: Option<&'static HookTool>) -> Option<&'static HookTool> {
    let event = payload.hook_event_name.get();
    let transcript = payload.transcript_path.get().unwrap_or_default();
    let in_folder = |name: &str| transcript.split(['/', '\\']).any(|part| part == name);
    // The folder of its extension, `GitHub.copilot-chat`, and not one that another tool made of a repository's path.
    let in_copilot_chat =
        transcript.split(['/', '\\']).any(|part| part.to_ascii_lowercase().ends_with(".copilot-chat"));
    let has_session = payload.session_id.is_some();
    let id = if payload.cursor_version.is_some() {
        "cursor"
    } else if payload.agent_action_name.is_some() && payload.trajectory_id.is_some() {
        "windsurf"
    } else if payload.hook_name.is_some() && payload.task_id.is_some() {
        "cline"
    } else if payload.plugin.is_some() {
        return named(payload.plugin.get()?);
    } else if payload.event.is_some() && has_session && event.is_none() {
        "crush"
    } else if payload.camel_session_id.is_some()
        && payload.camel_tool_name.is_some()
        && event.is_none()
        && payload.camel_event_name.get().is_none()
    {
        "github-copilot-cli"
    } else if event.is_none() {
        return None;
    } else if in_copilot_chat {
        "github-copilot-editor"
    } else if in_folder(".qwen") {
        "qwen-code"
    } else if in_folder(".factory") {
        "droid"
    } else if in_folder(".continue") {
        "continue"
    } else if in_folder(".copilot") {
        "github-copilot-cli"
    } else if matches!(event, Some("BeforeTool" | "AfterTool" | "AfterAgent")) {
        "gemini-cli"
    } else if payload.session_id.get().is_some_and(|session| session.starts_with("sess_")) {
        "kiro"
    } else if payload.turn_id.is_some() {
        "codex-cli"
    } else if in_folder(".claude") {
        "claude-code"
    } else if payload.conversation_id.is_some() && !payload.workspace_roots.0.is_empty() {
        "augment"
    } else if !has_session && event.is_some_and(|event| event.starts_with(|c: char| c.is_ascii_lowercase())) {
        "amazon-q"
    } else {
        return hint;
    };
    named(id)
}
