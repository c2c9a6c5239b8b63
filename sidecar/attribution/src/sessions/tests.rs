//! Log lines and records of tools, and the sessions they name: known ones, look-alikes, and nonsense.

use proptest::prelude::*;

use super::*;
use crate::tools::{Document, SHIPPED};

const UUID: &str = "0b5e2f4a-7c1d-4e8f-9a3b-2d6c8e0f1a2b";
const OTHER: &str = "11111111-2222-4333-8444-555555555555";

fn catalogue() -> Catalogue {
    let document: Document = codi2_config::data(std::path::Path::new("ai-tools.toml"), SHIPPED).unwrap();
    Catalogue::of(document).unwrap()
}

fn read(text: &str) -> Sessions {
    static EXTRACTOR: std::sync::LazyLock<Extractor> = std::sync::LazyLock::new(|| Extractor::of(&catalogue()));
    let mut found = Sessions::default();
    EXTRACTOR.read(text, &mut found);
    found
}

/// `tool session (of parent) (agent a) (model m)`, each of a text.
fn told(text: &str) -> String {
    let one = |mention: &Mention| {
        let mut words = vec![mention.tool.clone().unwrap_or_else(|| "?".to_owned()), mention.session.clone()];
        words.extend(mention.parent.iter().map(|parent| format!("of {parent}")));
        words.extend(mention.agent.iter().map(|agent| format!("agent {agent}")));
        words.extend(mention.model.iter().map(|model| format!("model {model}")));
        words.join(" ")
    };
    read(text).mentions.iter().map(one).collect::<Vec<_>>().join("; ")
}

#[test]
fn lines_name_sessions_where_the_words_before_say_so() {
    for (line, expected) in [
        (format!("To continue: claude --resume {UUID}"), format!("claude-code {UUID}")),
        (
            "Claude-Session: https://claude.ai/code/session_01AbCdEfGh".to_owned(),
            "claude-code session_01AbCdEfGh".into(),
        ),
        (format!("run codex resume {UUID}."), format!("codex-cli {UUID}")),
        (format!("wrote /h/rollout-2026-01-02T03-04-05-{UUID}.jsonl"), format!("codex-cli {UUID}")),
        ("see https://chatgpt.com/codex/tasks/task_e_abc123 there".to_owned(), "codex-cloud task_e_abc123".into()),
        ("$ copilot --resume=s-123456".to_owned(), "github-copilot-cli s-123456".into()),
        (
            "Agent-Logs-Url: https://github.com/ada/repo/sessions/abcdef12".to_owned(),
            "github-copilot-coding-agent abcdef12".into(),
        ),
        (format!("gemini --resume {UUID}"), format!("gemini-cli {UUID}")),
        ("opencode -s ses_2f3a4b5c6d".to_owned(), "opencode ses_2f3a4b5c6d".into()),
        (format!("Amp-Thread-ID: https://ampcode.com/threads/T-{UUID}"), format!("amp T-{UUID}")),
        (
            "https://app.devin.ai/sessions/0123456789abcdef0123456789abcdef".to_owned(),
            "devin 0123456789abcdef0123456789abcdef".into(),
        ),
        ("https://jules.google.com/task/1234567890123".to_owned(), "jules 1234567890123".into()),
        (format!("Replit-Commit-Session-Id: {UUID}"), format!("replit {UUID}")),
        (format!("12:01 INFO session_id={UUID} started"), format!("? {UUID}")),
        (format!("[12:01] thread_id: \"{UUID}\""), format!("? {UUID}")),
        ("sessionId: ses_2f3a4b5c6d".to_owned(), "? ses_2f3a4b5c6d".into()),
    ] {
        assert_eq!(told(&line), expected, "{line}");
    }
}

#[test]
fn what_only_looks_like_a_session_is_none() {
    for line in [
        UUID.to_owned(),
        format!("request {UUID} done"),
        format!("ungemini --resume {UUID}"),
        format!("claude --resume {UUID}0"),
        format!("claude --resume {}", &UUID[1..]),
        "claude --resume latest".to_owned(),
        "opencode -s ses_".to_owned(),
        format!("old_session_id={UUID}"),
        "session_id=42".to_owned(),
        "session_id=staging-eu-1".to_owned(),
        "https://app.devin.ai/sessions/0123456789abcdef".to_owned(),
        format!("{{\"type\": \"user\", \"text\": \"claude --resume {UUID}\"}}"),
        format!("{{\"id\": \"{UUID}\"}}"),
        format!("{{\"sessionId\": \"{UUID}x\"}}"),
        format!(
            "{{\"type\": \"session_meta\", \"payload\": {{\"cwd\": \"/r\", \"id\": \"not-an-id\", \"session_id\": \"{UUID}\"}}}}"
        ),
    ] {
        assert_eq!(told(&line), "", "{line}");
    }
}

#[test]
fn records_name_sessions_by_their_shape() {
    for (record, expected) in [
        (
            format!(
                r#"{{"parentUuid": null, "isSidechain": false, "sessionId": "{UUID}", "type": "assistant", "uuid": "{OTHER}", "message": {{"model": "m1", "content": [{{"text": "claude --resume {OTHER}"}}]}}}}"#
            ),
            format!("claude-code {UUID} model m1"),
        ),
        (
            format!(
                r#"{{"parentUuid": "{OTHER}", "isSidechain": true, "agentId": "a7", "sessionId": "{UUID}", "message": {{"model": "<synthetic>"}}}}"#
            ),
            format!("claude-code {UUID} agent a7"),
        ),
        (
            format!(
                r#"{{"type": "system", "subtype": "init", "session_id": "{UUID}", "model": "m1", "tools": ["Bash"]}}"#
            ),
            format!("claude-code {UUID} model m1"),
        ),
        (
            format!(
                r#"{{"timestamp": "t", "type": "session_meta", "payload": {{"id": "{UUID}", "cwd": "/r", "parent_thread_id": "{OTHER}", "originator": "codex_cli_rs"}}}}"#
            ),
            format!("codex-cli {UUID} of {OTHER}"),
        ),
        (format!(r#"{{"type": "thread.started", "thread_id": "{UUID}"}}"#), format!("codex-cli {UUID}")),
        (
            format!(r#"{{"sessionId": "{UUID}", "projectHash": "h", "startTime": "t", "kind": "main"}}"#),
            format!("gemini-cli {UUID}"),
        ),
        (
            format!(
                r#"{{"uuid": "{OTHER}", "parentUuid": null, "sessionId": "{UUID}", "type": "user", "message": {{"role": "user", "parts": []}}}}"#
            ),
            format!("qwen-code {UUID}"),
        ),
        (
            format!(
                r#"{{"type": "session.start", "id": "{OTHER}", "data": {{"sessionId": "{UUID}", "context": {{"cwd": "/r"}}}}}}"#
            ),
            format!("github-copilot-cli {UUID}"),
        ),
        (
            format!(
                "{{\n  \"version\": 3,\n  \"requesterUsername\": \"ada\",\n  \"sessionId\": \"{UUID}\",\n  \"requests\": [{{\"x\": 1}}]\n}}"
            ),
            format!("github-copilot-editor {UUID}"),
        ),
        (
            r#"{"info": {"id": "ses_2f3a4b5c", "parentID": "ses_0a1b2c3d"}, "messages": []}"#.to_owned(),
            "opencode ses_2f3a4b5c of ses_0a1b2c3d".to_owned(),
        ),
        (format!(r#"{{"v": 5, "id": "T-{UUID}", "messages": []}}"#), format!("amp T-{UUID}")),
        (
            format!(r#"{{"sessionId": "{UUID}", "title": "x", "workspaceDirectory": "/r", "history": []}}"#),
            format!("continue {UUID}"),
        ),
        (format!(r#"{{"type": "session_start", "id": "{UUID}", "cwd": "/r"}}"#), format!("droid {UUID}")),
        (format!(r#"{{"type": "session", "version": 3, "id": "{UUID}", "cwd": "/r"}}"#), format!("pi {UUID}")),
        (
            format!(r#"[{{"uuid": "{UUID}", "chat_messages": []}}, {{"uuid": "{OTHER}"}}]"#),
            format!("claude-chat {UUID}"),
        ),
        (format!(r#"{{"level": "info", "session_id": "{UUID}"}}"#), format!("? {UUID}")),
    ] {
        assert_eq!(told(&record), expected, "{record}");
    }
}

#[test]
fn every_pattern_of_the_catalogue_finds_its_session() {
    let mut tried = 0;
    for tool in catalogue().tools() {
        for pattern in &tool.session_id_patterns {
            let line = pattern
                .replace("<uuid>", UUID)
                .replace("<32 hex>", "0123456789abcdef0123456789abcdef")
                .replace("<digits>", "1234567890")
                .replace("<base62>", "01AbCdEfGh")
                .replace("<id>", "abc123def456")
                .replace("<YYYY-MM-DDTHH-MM-SS>", "2026-01-02T03-04-05")
                .replace("<host>", "h.example")
                .replace("<owner>", "ada")
                .replace("<repo>", "code");
            assert!(!line.contains('<'), "{pattern}: a place that nobody reads");
            let found = read(&format!("x {line}")).mentions;
            assert!(found.len() == 1 && found[0].tool.as_ref().is_some(), "{pattern}: {found:?}");
            tried += 1;
        }
    }
    assert!(tried >= 13, "{tried} patterns");
}

#[test]
fn a_transcript_is_of_one_session_and_its_sub_agents() {
    let line = |agent: &str, id: &str| {
        format!(r#"{{"parentUuid": null, "isSidechain": {}, {agent}"sessionId": "{id}"}}"#, !agent.is_empty())
    };
    let text = [line("\"agentId\": \"a7\", ", UUID), line("", UUID), line("", UUID), "{broken".to_owned()].join("\n");
    let found = read(&text);
    assert_eq!((found.mentions.len(), found.skipped), (2, 1));
    let only = found.only().unwrap();
    assert_eq!((only.agent.as_deref(), only.times, only.line), (None, 2, 2));
    assert_eq!(read(&format!("{text}\n{}", line("", OTHER))).only(), None);
    assert_eq!(read("").only(), None);
}

#[test]
fn paths_of_transcripts_name_their_session() {
    for (path, expected) in [
        (format!("/h/.claude/projects/-r/{UUID}.jsonl"), format!("claude-code {UUID}")),
        (format!("/h/.claude/projects/-r/{UUID}/subagents/agent-a7.jsonl"), format!("claude-code {UUID} a7")),
        (
            format!("C:\\u\\.codex\\sessions\\2026\\01\\02\\rollout-2026-01-02T03-04-05-{UUID}.jsonl.zst"),
            format!("codex-cli {UUID}"),
        ),
        (format!("/h/.copilot/session-state/{UUID}/events.jsonl"), format!("github-copilot-cli {UUID}")),
        (format!("/h/.pi/agent/sessions/--r--/2026_{UUID}.jsonl"), format!("pi {UUID}")),
        (format!("/h/.local/share/amp/threads/T-{UUID}.json"), format!("amp T-{UUID}")),
        (
            "/h/x/saoudrizwan.claude-dev/tasks/1700000000000/ui_messages.json".to_owned(),
            "cline 1700000000000".to_owned(),
        ),
        (format!("/h/{UUID}.jsonl"), String::new()),
        (format!("/h/projects/.claude/{UUID}.jsonl"), String::new()),
        ("/h/.claude/projects/-r/notes.jsonl".to_owned(), String::new()),
        ("/".to_owned(), String::new()),
        (String::new(), String::new()),
    ] {
        let found = of_path(&path).map(|found| {
            let words = [found.tool, Some(found.session), found.agent];
            words.into_iter().flatten().collect::<Vec<_>>().join(" ")
        });
        assert_eq!(found.unwrap_or_default(), expected, "{path}");
    }
}

#[test]
fn hostile_texts_are_bounded() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let long = format!("{{\"sessionId\": \"{UUID}\", \"x\": \"{}\"}}", "y".repeat(LINE_BYTES));
    let found = read(&format!("{deep}\n{{\"x\": {deep}, \"session_id\": \"{UUID}\"}}\n{long}\n"));
    assert_eq!((found.mentions.len(), found.skipped), (1, 1), "{found:?}");
    let many: String = (0..SESSIONS + 5).map(|n| format!("opencode -s ses_{n:08}\n")).collect();
    let found = read(&many);
    assert_eq!((found.mentions.len(), found.more), (SESSIONS, 5));
}

proptest! {
    #[test]
    fn no_text_breaks_it(text in "(\\PC|[{}\\[\"\n:=_-]|session_id|claude --resume |ses_|<|é|0b5e2f4a-7c1d-4e8f-9a3b-2d6c8e0f1a2b){0,60}") {
        let found = read(&text);
        for mention in found.mentions {
            prop_assert!(text.contains(&mention.session), "{} in {text:?}", mention.session);
        }
        let _ = of_path(&text);
    }
}
