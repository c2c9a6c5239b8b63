//! What a started hub must not inherit from its starter: data, and the one question asked of it.
//!
//! A hub outlives whoever started it, so nothing about the starter may stick: not that an agent ran it (its own work
//! would be taken for that agent's), not where a git hook stood, not an editor's private folders. Ordinary variables
//! (`HOME`, `PATH`, locale, proxies) stay.

use std::ffi::OsStr;

/// Names dropped. One that ends in `*` stands for all that begin so. The catalogue of AI tools (a test in the
/// program holds every mark of its child processes against this list).
const DROPPED: &[&str] = &[
    // Agents and their harnesses.
    "AGENT",
    "AGENT_*",
    "AIDER_*",
    "AI_AGENT*",
    "AMP_*",
    "ANTHROPIC_*",
    "ANTIGRAVITY_*",
    "AUGMENT_*",
    "AWS_EXECUTION_ENV",
    "CLAUDECODE",
    "CLAUDE_*",
    "CLINE_*",
    "CODEBUDDY*",
    "CODEIUM_*",
    "CODEX_*",
    "CONTINUE_*",
    "CONVERSATION_HISTORY",
    "COPILOT_*",
    "CRUSH*",
    "CURSOR_*",
    "DROID_*",
    "DSH_*",
    "FACTORY_*",
    "FIREBENDER_*",
    "GEMINI_*",
    "GOOSE_*",
    "GROK_*",
    "HERMES_*",
    "IFLOW_*",
    "JUNIE_*",
    "KILO*",
    "KIMI_*",
    "KIRO_*",
    "MCP_*",
    "OPENAI_*",
    "OPENCLAW*",
    "OPENCODE*",
    "OPENHANDS_*",
    "OR_APP_NAME",
    "OR_SITE_URL",
    "OZ_*",
    "PI_*",
    "QODER*",
    "QTERM_*",
    "QWEN_*",
    "Q_TERM",
    "REPLIT_*",
    "ROO_*",
    "SWE_AGENT*",
    "TRACEPARENT",
    "TRAE_*",
    "USER_PROMPT",
    "V0_*",
    "VECLI_*",
    "VTCODE*",
    "WARP_*",
    "WINDSURF_*",
    "ZED_*",
    // Where a git hook or alias stood.
    "GIT_*",
    // Editors and terminals: private folders, sockets and sessions that end before the hub does.
    "ELECTRON_*",
    "MYVIMRC",
    "NVIM",
    "NVIM_*",
    "TERMINAL_EMULATOR",
    "TERM_PROGRAM*",
    "TEMP",
    "TMP",
    "TMPDIR",
    "TMUX*",
    "VIM",
    "VIMRUNTIME",
    "VSCODE_*",
    "__CFBundleIdentifier",
    // The shell's own notes.
    "OLDPWD",
    "PS1",
    "PWD",
    "SHLVL",
];

/// Whether a started hub must not see this variable.
pub fn is_dropped(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    DROPPED.iter().any(|dropped| match dropped.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix.as_bytes()),
        None => name == dropped.as_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_the_rest_stays() {
        for gone in ["CLAUDECODE", "CLAUDE_CODE_SESSION_ID", "AI_AGENT", "CURSOR_TRACE_ID", "GIT_DIR", "TMPDIR", "NVIM"]
        {
            assert!(is_dropped(OsStr::new(gone)), "{gone}");
        }
        for stays in ["HOME", "PATH", "LANG", "XDG_RUNTIME_DIR", "CODI2_STATE_DIR", "AGENTS", "NVIMX", "USER", "VIMX"] {
            assert!(!is_dropped(OsStr::new(stays)), "{stays}");
        }
    }
}
