//! Where tools put their transcripts, and which part of the path is the session (ai-tools.toml, `sessions`).

use super::Mention;
use super::ids::{Form, is_uuid};

/// Which part of a path is the id.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// The file's name without its ending.
    Stem(Form),
    /// The last 36 characters of that: a UUID.
    StemEnd,
    /// The folder directly below the tool's.
    Below(Form),
}

/// Folders that follow each other in a path, and what is the id behind them.
const PLACES: &[(&str, &[&str], Part)] = &[
    ("claude-code", &[".claude", "projects"], Part::Stem(Form::Uuid)),
    ("codex-cli", &[".codex", "sessions"], Part::StemEnd),
    ("codex-cli", &[".codex", "archived_sessions"], Part::StemEnd),
    ("qwen-code", &[".qwen", "projects"], Part::Stem(Form::Uuid)),
    ("github-copilot-cli", &[".copilot", "session-state"], Part::Below(Form::Uuid)),
    ("github-copilot-editor", &["GitHub.copilot-chat", "transcripts"], Part::Stem(Form::Uuid)),
    ("github-copilot-editor", &["chatSessions"], Part::Stem(Form::Uuid)),
    ("cursor", &[".cursor", "projects"], Part::Stem(Form::Uuid)),
    ("windsurf", &[".windsurf", "transcripts"], Part::Stem(Form::Word)),
    ("amp", &["amp", "threads"], Part::Stem(Form::Word)),
    ("cline", &["saoudrizwan.claude-dev", "tasks"], Part::Below(Form::Word)),
    ("roo-code", &["rooveterinaryinc.roo-cline", "tasks"], Part::Below(Form::Word)),
    ("continue", &[".continue", "sessions"], Part::Stem(Form::Uuid)),
    ("droid", &[".factory", "sessions"], Part::Stem(Form::Uuid)),
    ("pi", &[".pi", "agent", "sessions"], Part::StemEnd),
    ("antigravity", &[".gemini", "antigravity-cli", "brain"], Part::Below(Form::Word)),
];

/// The session whose transcript lies at this path, by either kind of separator.
pub fn of_path(path: &str) -> Option<Mention> {
    let parts: Vec<&str> = path.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
    let (name, folders) = parts.split_last()?;
    let stem = name.split(".jsonl").next().unwrap_or(name);
    let stem = stem.strip_suffix(".json").unwrap_or(stem);
    let mention = |tool: &str, session: &str, agent: Option<&str>| Mention {
        tool: Some(tool.to_owned()),
        session: session.to_owned(),
        parent: None,
        agent: agent.map(str::to_owned),
        model: None,
        by: "path".to_owned(),
        line: 0,
        times: 1,
    };
    for (tool, wanted, part) in PLACES {
        let Some(at) = folders.windows(wanted.len()).rposition(|window| window == *wanted) else { continue };
        let below = &folders[at + wanted.len()..];
        // Claude Code keeps a sub-agent's transcript in a folder of its session's.
        if let [.., session, "subagents"] = below
            && is_uuid(session)
            && let Some(agent) = stem.strip_prefix("agent-")
        {
            return Some(mention(tool, session, Some(agent)));
        }
        let id = match part {
            Part::Stem(form) => Some(stem).filter(|stem| form.is(stem)),
            Part::StemEnd => stem.len().checked_sub(36).and_then(|at| stem.get(at..)).filter(|end| is_uuid(end)),
            Part::Below(form) => below.first().copied().filter(|id| form.is(id)),
        };
        if let Some(id) = id {
            return Some(mention(tool, id, None));
        }
    }
    None
}
