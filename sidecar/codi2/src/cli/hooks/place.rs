//! Where each tool's hooks are set up, and how an entry is written there (ai-tools.toml, `hooks`).
//!
//! Absent on purpose: Amazon Q, whose hooks belong to an agent of a person's own (`docs/tools.md` says what to write), and a
//! tool's own switches: notes say what a person has to do there.

use std::path::{Path, PathBuf};

use codi2_protocol::Digest;
use codi2_text::digest_of;
use serde_json::{Value, json};

use super::MARK;
use super::json_text::Wanted;

/// How the line of the plugin begins that names the program.
const PLUGIN_PROGRAM: &str = "const PROGRAM = ";

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
    /// A plugin, all in one file of this name.
    Plugin {
        /// The file's name.
        file: &'static str,
        /// Its text, with `"CODI2"` for the program.
        text: &'static str,
    },
    /// A file of hooks that is all ours, of this name.
    Standalone {
        /// The file's name.
        file: &'static str,
        /// Each trigger, and which of the tool's own tools it is for.
        triggers: &'static [(&'static str, &'static str)],
    },
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
const KIRO: &str = "fs_write|fsWrite|str_replace|strReplace|execute_bash|executeBash";

/// Every tool that hooks can be installed for.
pub const PLACES: &[Place] = &[
    Place {
        tool: "claude-code",
        user: ".claude/settings.json",
        moved: Some("CLAUDE_CONFIG_DIR"),
        project: ".claude/settings.json",
        form: Form::Json {
            events: &[
                ("PreToolUse", CLAUDE),
                ("PostToolUse", CLAUDE),
                ("PostToolUseFailure", CLAUDE),
                ("Stop", ""),
                ("SubagentStop", ""),
                ("SessionEnd", ""),
            ],
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
        form: Form::Json {
            events: &[("PreToolUse", ""), ("PostToolUse", ""), ("Stop", "")],
            entry: Entry::Matched,
            version: false,
        },
        note: "Codex asks once whether to trust the hook; older versions want `hooks = true` under [features] in config.toml",
    },
    Place {
        tool: "cursor",
        user: ".cursor/hooks.json",
        moved: None,
        project: ".cursor/hooks.json",
        form: Form::Json {
            events: &[
                ("preToolUse", ""),
                ("postToolUse", ""),
                ("postToolUseFailure", ""),
                ("afterTabFileEdit", ""),
                ("stop", ""),
            ],
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
                ("AfterAgent", ""),
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
                ("post_cascade_response", ""),
            ],
            entry: Entry::Plain,
            version: false,
        },
        note: "",
    },
    Place {
        tool: "opencode",
        user: ".config/opencode/plugins",
        moved: Some("XDG_CONFIG_HOME"),
        project: ".opencode/plugins",
        form: Form::Plugin { file: "codi2.js", text: include_str!("opencode.js") },
        note: "",
    },
    Place {
        tool: "amp",
        user: ".config/amp/plugins",
        // Amp looks there whatever XDG_CONFIG_HOME says.
        moved: None,
        project: ".amp/plugins",
        form: Form::Plugin { file: "codi2.ts", text: include_str!("amp.ts") },
        note: "Amp says that its plugins are an experiment; `plugins: reload` in its palette reads them",
    },
    Place {
        tool: "pi",
        user: ".pi/agent/extensions",
        moved: None,
        project: ".pi/extensions",
        form: Form::Plugin { file: "codi2.ts", text: include_str!("pi.ts") },
        note: "in a repository, Pi asks whether to trust its extensions; `/reload` reads them",
    },
    Place {
        tool: "kiro",
        user: ".kiro/hooks",
        moved: None,
        project: ".kiro/hooks",
        form: Form::Standalone {
            file: "codi2.json",
            triggers: &[("PreToolUse", KIRO), ("PostToolUse", KIRO), ("Stop", "")],
        },
        note: "for the IDE from 1.0 and the command line from 3.0 on; older ones keep hooks in an agent's file",
    },
    Place {
        tool: "cline",
        user: "Documents/Cline/Hooks",
        moved: None,
        project: ".clinerules/hooks",
        form: Form::Scripts(&["PreToolUse", "PostToolUse", "TaskCancel", "TaskComplete"]),
        note: "Cline has a switch for hooks in its settings",
    },
    Place {
        tool: "qwen-code",
        user: ".qwen/settings.json",
        moved: None,
        project: ".qwen/settings.json",
        form: Form::Json {
            events: &[("PreToolUse", QWEN), ("PostToolUse", QWEN), ("PostToolUseFailure", QWEN), ("Stop", "")],
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
            events: &[("PreToolUse", DROID), ("PostToolUse", DROID), ("Stop", "")],
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
            events: &[("PreToolUse", AUGMENT), ("PostToolUse", AUGMENT), ("Stop", "")],
            entry: Entry::Matched,
            version: false,
        },
        note: "",
    },
    Place {
        tool: "crush",
        user: ".config/crush/crush.json",
        moved: Some("XDG_CONFIG_HOME"),
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
            events: &[("PreToolUse", CONTINUE), ("PostToolUse", CONTINUE), ("Stop", "")],
            entry: Entry::Matched,
            version: false,
        },
        note: "some versions of Continue have hooks that never run",
    },
];

/// Digests (BLAKE3) of every text that a codi2 wrote as a file of its own, the program's name left out (see [`plain`]): one
/// of an earlier version is known and goes as today's does. A new text is added here, and none is taken out.
const WRITTEN: &[&str] = &[
    "befbc17faa5a2ab7c06faa13ac9f345d62a5f46204402d142aabcb3cc8cffd0b", // opencode, to November 2026
    "2bfdc61392be13565619dd80165607e91e6d27da27314d6701a9c22697c9e462", // opencode
    "a72e817574653178e9dcd4e00310386a449954c7a5d96b1dac0ebd15d56707da", // amp
    "88cb6fc089023eb740778057430a6f42a5fa047158321333f9677e4c5cf95523", // pi
    "66daba4184dfb7ddb5e8f344a7c55adbc39b58a22d78415970cfebdc154ace5a", // kiro
    "1b6f9979609ceb72fa41d4b365b112b9eb061e8420f1987a12f8a439310a6722", // cline
];

/// Whether some codi2 wrote this text, and nobody changed it since. `is_ours` knows a command of ours.
pub fn is_written(text: &str, is_ours: &dyn Fn(&str) -> bool) -> bool {
    WRITTEN.contains(&digest(text, is_ours).as_str())
}

pub(super) fn digest(text: &str, is_ours: &dyn Fn(&str) -> bool) -> String {
    Digest::new(digest_of(plain(text, is_ours).as_bytes())).to_string()
}

/// A text without what differs from machine to machine: the program in its command, or its line in a plugin.
fn plain(text: &str, is_ours: &dyn Fn(&str) -> bool) -> String {
    let line = |line: &str| {
        if line.starts_with(PLUGIN_PROGRAM) {
            return format!("{PLUGIN_PROGRAM}…");
        }
        if is_ours(line) {
            return "…".to_owned();
        }
        // In JSON the command is a text.
        let texts = line.match_indices("\"command\": ").map(|(at, name)| at + name.len());
        for at in texts.collect::<Vec<_>>() {
            let mut rest = serde_json::Deserializer::from_str(&line[at..]).into_iter::<Value>();
            if let Some(Ok(Value::String(command))) = rest.next()
                && is_ours(&command)
            {
                return format!("{}…{}", &line[..at], &line[at + rest.byte_offset()..]);
            }
        }
        line.to_owned()
    };
    // Each line, its end included: a file without a last line end is another text.
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

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

    /// The files that are all ours, with their text; none where the hooks stand in a person's settings.
    pub fn files(&self, folder: &Path, command: &str, program: &str) -> Vec<(PathBuf, String)> {
        match &self.form {
            Form::Json { .. } => Vec::new(),
            // Cline wants an answer on standard output.
            Form::Scripts(events) => {
                let made = format!("# {MARK}; taken away by `codi2 hooks remove`.");
                let text = format!("#!/bin/sh\n{made}\n{command}\necho '{{\"cancel\": false}}'\n");
                events.iter().map(|event| (folder.join(event), text.clone())).collect()
            }
            Form::Plugin { file, text } => {
                let program = Value::from(program).to_string();
                vec![(folder.join(file), text.replace("\"CODI2\"", &program))]
            }
            Form::Standalone { file, triggers } => {
                let hook = |(trigger, matcher): &(&str, &str)| {
                    let mut hook = json!({
                        "name": format!("{MARK}: {trigger}"),
                        "trigger": trigger,
                        "action": {"type": "command", "command": command},
                    });
                    if !matcher.is_empty() {
                        hook["matcher"] = (*matcher).into();
                    }
                    format!("    {}", on_one_line(&hook))
                };
                let hooks = triggers.iter().map(hook).collect::<Vec<_>>().join(",\n");
                vec![(folder.join(file), format!("{{\n  \"version\": \"v1\",\n  \"hooks\": [\n{hooks}\n  ]\n}}\n"))]
            }
        }
    }
}

/// JSON on one line, with blanks, as people write it.
fn on_one_line(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(on_one_line).collect::<Vec<_>>().join(", ")),
        Value::Object(table) => {
            let first = |name: &str| {
                ["name", "type", "trigger", "matcher"].iter().position(|first| *first == name).unwrap_or(4)
            };
            let mut members: Vec<(&String, &Value)> = table.iter().collect();
            members.sort_by_key(|(name, _)| first(name));
            let members = members.iter().map(|(name, value)| format!("\"{name}\": {}", on_one_line(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
