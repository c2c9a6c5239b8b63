//! Where each tool's hooks are set up, and how an entry is written there (ai-tools.toml, `hooks`).
//!
//! Absent on purpose: tools whose form nobody has confirmed (Kiro, Amazon Q: their payloads are read, their settings are
//! a person's to write), and a tool's own switches: notes say what a person has to do there.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::MARK;
use super::json_text::Wanted;

/// How the line of the plugin begins that names the program.
pub const PLUGIN_PROGRAM: &str = "const PROGRAM = ";

/// How a tool is told to call a program.
pub enum Form {
    /// JSON with `hooks`: lists of entries by event.
    Json {
        /// Each event, and which of the tool's own tools it is for.
        events: &'static [(&'static str, &'static str)],
        /// What an entry is made of.
        entry: Entry,
        /// Whether `version` stands beside `hooks`.
        version: bool,
    },
    /// One program a file, named as the event.
    Scripts(&'static [&'static str]),
    /// A plugin in JavaScript, all in one file of this name.
    Plugin,
}

/// What an entry of JSON is made of.
pub enum Entry {
    /// `matcher`, and `hooks` with a command.
    Matched,
    /// A command of a type.
    Typed,
    /// A command.
    Plain,
    /// A command with a matcher beside it.
    Beside,
}

/// A tool's settings for hooks.
pub struct Place {
    /// The tool's id.
    pub tool: &'static str,
    /// File or folder of a person, below their home.
    user: &'static str,
    /// The variable that names another folder for the first part of `user`.
    moved: Option<&'static str>,
    /// File or folder of a repository, below its root.
    project: &'static str,
    /// How it is written.
    pub form: Form,
    /// What a person has to know or do.
    pub note: &'static str,
}

const CLAUDE: &str = "Write|Edit|MultiEdit|NotebookEdit|Bash";
const QWEN: &str = "write_file|edit|run_shell_command";
const DROID: &str = "ApplyPatch|Edit|Write|Create|MultiEdit|Execute|Bash";
const AUGMENT: &str = "str-replace-editor|save-file|remove-files|apply_patch|launch-process";
const CONTINUE: &str = "Edit|MultiEdit|Write|Bash";

/// Every tool that hooks can be installed for.
pub const PLACES: &[Place] = &[
    Place {
        tool: "claude-code",
        user: ".claude/settings.json",
        moved: Some("CLAUDE_CONFIG_DIR"),
        project: ".claude/settings.json",
        form: Form::Json {
            events: &[("PreToolUse", CLAUDE), ("PostToolUse", CLAUDE), ("PostToolUseFailure", CLAUDE)],
            entry: Entry::Matched,
            version: false,
        },
        note: "",
    },
    Place {
        tool: "codex-cli",
        user: ".codex/hooks.json",
        moved: Some("CODEX_HOME"),
        project: ".codex/hooks.json",
        form: Form::Json { events: &[("PreToolUse", ""), ("PostToolUse", "")], entry: Entry::Matched, version: false },
        note: "Codex asks once whether to trust the hook; older versions want `hooks = true` under [features] in config.toml",
    },
    Place {
        tool: "cursor",
        user: ".cursor/hooks.json",
        moved: None,
        project: ".cursor/hooks.json",
        form: Form::Json {
            events: &[("preToolUse", ""), ("postToolUse", ""), ("postToolUseFailure", ""), ("afterTabFileEdit", "")],
            entry: Entry::Plain,
            version: true,
        },
        note: "",
    },
    Place {
        tool: "github-copilot-cli",
        user: ".copilot/hooks/codi2.json",
        moved: Some("COPILOT_HOME"),
        project: ".github/hooks/codi2.json",
        form: Form::Json { events: &[("PreToolUse", ""), ("PostToolUse", "")], entry: Entry::Typed, version: true },
        note: "the agent in VS Code reads this file, too",
    },
    Place {
        tool: "gemini-cli",
        user: ".gemini/settings.json",
        moved: None,
        project: ".gemini/settings.json",
        form: Form::Json {
            events: &[
                ("BeforeTool", "write_file|replace|run_shell_command"),
                ("AfterTool", "write_file|replace|run_shell_command"),
            ],
            entry: Entry::Matched,
            version: false,
        },
        note: "older versions want `enableHooks` set to true under `tools` in the same file",
    },
    Place {
        tool: "windsurf",
        user: ".codeium/windsurf/hooks.json",
        moved: None,
        project: ".windsurf/hooks.json",
        form: Form::Json {
            events: &[
                ("pre_write_code", ""),
                ("post_write_code", ""),
                ("pre_run_command", ""),
                ("post_run_command", ""),
            ],
            entry: Entry::Plain,
            version: false,
        },
        note: "",
    },
    Place {
        tool: "opencode",
        user: ".config/opencode/plugins",
        moved: None,
        project: ".opencode/plugins",
        form: Form::Plugin,
        note: "",
    },
    Place {
        tool: "cline",
        user: "Documents/Cline/Hooks",
        moved: None,
        project: ".clinerules/hooks",
        form: Form::Scripts(&["PreToolUse", "PostToolUse"]),
        note: "Cline has a switch for hooks in its settings",
    },
    Place {
        tool: "qwen-code",
        user: ".qwen/settings.json",
        moved: None,
        project: ".qwen/settings.json",
        form: Form::Json {
            events: &[("PreToolUse", QWEN), ("PostToolUse", QWEN), ("PostToolUseFailure", QWEN)],
            entry: Entry::Matched,
            version: false,
        },
        note: "",
    },
    Place {
        tool: "droid",
        user: ".factory/settings.json",
        moved: None,
        project: ".factory/settings.json",
        form: Form::Json {
            events: &[("PreToolUse", DROID), ("PostToolUse", DROID)],
            entry: Entry::Matched,
            version: false,
        },
        note: "",
    },
    Place {
        tool: "augment",
        user: ".augment/settings.json",
        moved: None,
        project: ".augment/settings.json",
        form: Form::Json {
            events: &[("PreToolUse", AUGMENT), ("PostToolUse", AUGMENT)],
            entry: Entry::Matched,
            version: false,
        },
        note: "",
    },
    Place {
        tool: "crush",
        user: ".config/crush/crush.json",
        moved: None,
        project: "crush.json",
        form: Form::Json {
            events: &[("PreToolUse", "^(edit|write|multiedit)$")],
            entry: Entry::Beside,
            version: false,
        },
        note: "Crush tells nothing after an edit, and nothing of sub-agents: such edits are inferred at best",
    },
    Place {
        tool: "continue",
        user: ".continue/settings.json",
        moved: None,
        project: ".continue/settings.json",
        form: Form::Json {
            events: &[("PreToolUse", CONTINUE), ("PostToolUse", CONTINUE)],
            entry: Entry::Matched,
            version: false,
        },
        note: "some versions of Continue have hooks that never run",
    },
];

/// Where a tool's hooks are set up; the agent in VS Code shares the Copilot CLI's.
pub fn of(tool: &str) -> Option<&'static Place> {
    let tool = if tool == "github-copilot-editor" { "github-copilot-cli" } else { tool };
    PLACES.iter().find(|place| place.tool == tool)
}

impl Place {
    /// The person's file or folder.
    pub fn of_user(&self, home: &Path, variable: impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
        let folder = self.moved.and_then(variable).filter(|path| path.is_absolute());
        match (folder, self.user.split_once('/')) {
            (Some(folder), Some((_, rest))) => folder.join(rest),
            _ => home.join(self.user),
        }
    }

    /// The repository's file or folder.
    pub fn of_project(&self, root: &Path) -> PathBuf {
        root.join(self.project)
    }

    /// The entries that belong there.
    pub fn wanted(&self, command: &str) -> Vec<Wanted> {
        let Form::Json { events, entry, .. } = &self.form else { return Vec::new() };
        let one = |(event, matcher): &(&'static str, &str)| {
            let typed = json!({"type": "command", "command": command});
            let entry = match (entry, *matcher) {
                (Entry::Matched, "") => json!({"hooks": [typed]}),
                (Entry::Matched, matcher) => json!({"matcher": matcher, "hooks": [typed]}),
                (Entry::Typed, _) => typed,
                (Entry::Plain, _) => json!({"command": command}),
                (Entry::Beside, matcher) => json!({"matcher": matcher, "command": command}),
            };
            Wanted { event, entry: on_one_line(&entry) }
        };
        events.iter().map(one).collect()
    }

    /// The files that are all ours, with their text; only for scripts and plugins.
    pub fn files(&self, folder: &Path, command: &str, program: &str) -> Vec<(PathBuf, String)> {
        match &self.form {
            Form::Json { .. } => Vec::new(),
            // Cline wants an answer on standard output.
            Form::Scripts(events) => {
                let made = format!("# {MARK}; taken away by `codi2 hooks remove`.");
                let text = format!("#!/bin/sh\n{made}\n{command}\necho '{{\"cancel\": false}}'\n");
                events.iter().map(|event| (folder.join(event), text.clone())).collect()
            }
            Form::Plugin => {
                let program = Value::from(program).to_string();
                vec![(folder.join("codi2.js"), include_str!("opencode.js").replace("\"CODI2\"", &program))]
            }
        }
    }
}

/// JSON on one line, with blanks, as people write it.
fn on_one_line(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(on_one_line).collect::<Vec<_>>().join(", ")),
        Value::Object(table) => {
            let first = |name: &str| ["type", "matcher"].iter().position(|first| *first == name).unwrap_or(2);
            let mut members: Vec<(&String, &Value)> = table.iter().collect();
            members.sort_by_key(|(name, _)| first(name));
            let members = members.iter().map(|(name, value)| format!("\"{name}\": {}", on_one_line(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
