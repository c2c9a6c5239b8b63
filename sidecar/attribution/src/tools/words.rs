//! The words that the catalogue's document chooses from: how strong, of which kind, how compared, what sort of tool.

use serde::Deserialize;

/// How much a piece of evidence is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// Only says that the tool is installed, configured, or that its terminal is open.
    Weak,
    /// Likely; needs a second fact of another kind.
    Medium,
    /// Proves that the tool acts, within the mark's scope.
    Strong,
}

impl Strength {
    /// The name used in the document and in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Medium => "medium",
            Self::Strong => "strong",
        }
    }
}

/// Kinds of evidence, best first. Each has a cap: no number of facts of one kind makes it surer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rung {
    /// An event that the tool gave to a hook.
    HookPayload,
    /// A variable that only the tool's child processes have.
    ChildEnv,
    /// A process above.
    AncestorProcess,
    /// The name by which an MCP client introduced itself.
    McpClientInfo,
    /// What a commit says of its author.
    GitSignature,
    /// A call in a session's log.
    SessionLog,
    /// The application around: a terminal, an editor.
    HostApp,
    /// Keys, rule files, extensions.
    Configured,
}

impl Rung {
    /// The name used in the document and in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HookPayload => "hook-payload",
            Self::ChildEnv => "child-env",
            Self::AncestorProcess => "ancestor-process",
            Self::McpClientInfo => "mcp-client-info",
            Self::GitSignature => "git-signature",
            Self::SessionLog => "session-log",
            Self::HostApp => "host-app",
            Self::Configured => "configured",
        }
    }
}

/// How a mark is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Match {
    /// The whole value.
    Exact,
    /// Anything that is not empty.
    Nonempty,
    /// How the value begins.
    Prefix,
    /// How the value ends.
    Suffix,
    /// Somewhere in the value.
    Contains,
    /// A UUID.
    Uuid,
    /// How the variable's name begins.
    NamePrefix,
    /// The address in angle brackets of a trailer.
    TrailerEmail,
    /// Somewhere in one line.
    LineContains,
    /// A forge's login.
    Login,
    /// Only JavaScript sees it: never evidence here.
    JsProperty,
    /// For people: never evidence.
    Informational,
}

impl Match {
    /// Whether it compares with something, which must then be given.
    pub(super) const fn needs_value(self) -> bool {
        !matches!(self, Self::Nonempty | Self::Uuid | Self::NamePrefix | Self::JsProperty | Self::Informational)
    }
}

/// What sort of tool it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// An agent in a terminal.
    CliAgent,
    /// An agent in an editor.
    EditorAgent,
    /// Completions in an editor.
    EditorInline,
    /// An agent on somebody else's machine.
    CloudAgent,
    /// A web page or desktop application.
    WebApp,
    /// A service that others call.
    Api,
    /// A server of models on this machine.
    LocalRuntime,
    /// A protocol that many speak.
    Protocol,
}

impl Category {
    /// The name used in the document and in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CliAgent => "cli-agent",
            Self::EditorAgent => "editor-agent",
            Self::EditorInline => "editor-inline",
            Self::CloudAgent => "cloud-agent",
            Self::WebApp => "web-app",
            Self::Api => "api",
            Self::LocalRuntime => "local-runtime",
            Self::Protocol => "protocol",
        }
    }

    /// Whether a tool of this sort can act at all: services, servers and protocols are used by others.
    pub const fn acts(self) -> bool {
        !matches!(self, Self::Api | Self::LocalRuntime | Self::Protocol)
    }
}
