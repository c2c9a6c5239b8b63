//! What can be set: types, defaults, ranges. The schema, the checks and `docs/configuration.md` follow from this file.
//!
//! Absent on purpose: the folders of the hub (`CODI2_STATE_DIR`, `CODI2_RUNTIME_DIR`), which every process of a user
//! must agree on before any file is read.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::{AbsolutePath, ActorName, Glob, KnownClass, LogFilter, StoreKind, StorePrefix, Strength, ToolId};

/// What `store.kind` may be.
pub const STORE_KINDS: [&str; 2] = ["file", "foundationdb"];
/// Longest `store.prefix`, in bytes.
pub const PREFIX_BYTES: usize = 32;

/// Settings of codi2, for one person on one machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What the sidecar and the hub say on standard error: a level (`off`, `error`, `warn`, `info`, `debug`, `trace`),
    /// or levels by part, such as `warn,codi2_hub=debug`. Not set: `warn` for the sidecar, `info` for the hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LogFilter")]
    pub log: Option<String>,
    /// The process that all editors and agents of a person share.
    pub hub: HubSettings,
    /// Which files are watched and recorded, and how.
    pub watch: WatchSettings,
    /// What is written into repositories about their commits.
    pub notes: NotesSettings,
    /// Where the log is kept.
    pub store: StoreSettings,
    /// What waits on disk while no hub runs.
    pub spool: SpoolSettings,
    /// What an editor shows of who wrote what.
    pub editor: EditorSettings,
    /// More AI tools, or more marks of known ones, by which to tell who acts. Only in a file.
    #[schemars(length(max = 100))]
    pub tools: Vec<ToolSettings>,
    /// What `codi2 ci` demands of commits.
    pub ci: CiSettings,
}

/// What `codi2 ci` demands of commits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CiSettings {
    /// Rules that the lines of a range of commits must keep to. Only in a file.
    #[schemars(length(max = 100))]
    pub rules: Vec<CiRule>,
}

/// A rule of `codi2 ci`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CiRule {
    /// Globs of the files to which it applies; none: all files.
    #[schemars(with = "Vec<Glob>", length(max = 1_000))]
    pub paths: Vec<String>,
    /// Most of the lines that the range brought there that may be unknown, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64", range(max = 100))]
    pub max_unknown_percent: Option<u64>,
    /// How surely the owner of each of these lines must be known at least: `exact`, `declared`, `inferred` or `carried`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "KnownClass")]
    pub min_class: Option<String>,
    /// Kinds of actors that may have written none of these lines, such as `agent`.
    #[schemars(with = "Vec<ActorName>", length(max = 8))]
    pub forbid: Vec<String>,
    /// Whether each commit that brings lines there must have a note.
    pub require_notes: bool,
}

/// An AI tool of one's own, or more marks of a known one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["id"]))]
pub struct ToolSettings {
    /// Its id, such as `my-agent`; the id of a known tool adds marks to it.
    #[schemars(with = "ToolId")]
    pub id: String,
    /// Its name for people; not set: the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// Variables that it sets for the commands it runs.
    #[schemars(length(max = 100))]
    pub env: Vec<ToolVariable>,
    /// Names of its programs.
    #[schemars(length(max = 100))]
    pub processes: Vec<String>,
    /// Names by which it introduces itself over MCP; a `*` at the end stands for any end.
    #[schemars(length(max = 100))]
    pub mcp_clients: Vec<String>,
    /// Ids of its extensions in editors.
    #[schemars(length(max = 100))]
    pub extensions: Vec<String>,
    /// Addresses by which it signs commits, as author or in a trailer.
    #[schemars(length(max = 100))]
    pub commit_emails: Vec<String>,
}

/// A variable that a tool sets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["name"]))]
pub struct ToolVariable {
    /// The variable's name.
    pub name: String,
    /// Its value; not set: anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub value: Option<String>,
    /// How sure it makes the tool: `strong` (proves it), `medium` (needs a second fact), `weak`. Not set: `medium`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Strength")]
    pub strength: Option<String>,
    /// Whether its value is the session's id.
    pub session: bool,
}

/// The hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HubSettings {
    /// The hub ends after so many minutes without anybody; 0: never.
    #[schemars(range(max = 525_600))]
    pub idle_minutes: u64,
}

/// Watching.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WatchSettings {
    /// Globs of files of which only "a private file changed" is recorded. A repository may add to them.
    #[schemars(with = "Vec<Glob>", length(max = 1_000))]
    pub private: Vec<String>,
    /// If given, only files that match one of these globs are watched.
    #[schemars(with = "Vec<Glob>", length(max = 1_000))]
    pub include: Vec<String>,
    /// Globs of files and folders that are not watched. A repository may add to them.
    #[schemars(with = "Vec<Glob>", length(max = 1_000))]
    pub exclude: Vec<String>,
    /// Look again and again instead of waiting for events of the file system.
    pub poll: bool,
    /// Time between two such looks, in ms.
    #[schemars(range(min = 50, max = 600_000))]
    pub poll_ms: u64,
    /// A changed file is looked at after so many ms of quiet.
    #[schemars(range(max = 10_000))]
    pub settle_ms: u64,
    /// Longer files are known by their digest only: a change of them is recorded as a whole. In MiB.
    #[schemars(range(min = 1, max = 64))]
    pub max_file_mib: u64,
    /// Folders of a worktree watched by events at most; the rest is looked at again and again. Not set: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64", range(min = 1, max = 10_000_000))]
    pub max_folders: Option<u64>,
}

/// Notes on commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NotesSettings {
    /// Write who wrote the lines of each new commit to `refs/notes/codi2` of its repository.
    pub write: bool,
}

/// The store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// Which store: `file`, of this machine alone, or `foundationdb`, a cluster that a team's machines share.
    #[schemars(with = "StoreKind")]
    pub kind: String,
    /// The store's file, from the root on. Not set: `store/codi2.redb` in the state folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AbsolutePath")]
    pub path: Option<PathBuf>,
    /// For `foundationdb`: the cluster file, from the root on; the client library must be able to write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AbsolutePath")]
    pub cluster_file: Option<PathBuf>,
    /// For `foundationdb`: the client library, from the root on. Not set: where it is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AbsolutePath")]
    pub library: Option<PathBuf>,
    /// For `foundationdb`: what every key begins with, so that several stores share a cluster. All machines of a team
    /// set the same.
    #[schemars(with = "StorePrefix")]
    pub prefix: String,
    /// For `foundationdb`: after so many ms without an answer the cluster counts as away.
    #[schemars(range(min = 100, max = 60_000))]
    pub timeout_ms: u64,
}

/// What an editor shows, beside the hover; its own settings (`codi2.codeLens`, `codi2.inlayHints`) cover these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EditorSettings {
    /// Say above the first line of a file who wrote it, and above each longer block of an agent or a tool whose it is.
    pub code_lens: bool,
    /// Say at the end of a line who wrote it and when, where that is another one than in the line above.
    pub inlay_hints: bool,
}

/// The spool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpoolSettings {
    /// Most that the spool of one editor, or of all hooks, holds, in MiB; what is beyond becomes a gap with exact counts.
    #[schemars(range(min = 1, max = 16_384))]
    pub cap_mib: u64,
}

impl Default for HubSettings {
    fn default() -> Self {
        Self { idle_minutes: 10 }
    }
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            private: [".env*", "*.pem", "*.key", "id_*"].map(str::to_owned).to_vec(),
            include: Vec::new(),
            exclude: Vec::new(),
            poll: false,
            poll_ms: 2_000,
            settle_ms: 30,
            max_file_mib: 2,
            max_folders: None,
        }
    }
}

impl Default for NotesSettings {
    fn default() -> Self {
        Self { write: true }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            kind: STORE_KINDS[0].to_owned(),
            path: None,
            cluster_file: None,
            library: None,
            prefix: "codi2/".to_owned(),
            timeout_ms: 5_000,
        }
    }
}

impl Default for EditorSettings {
    fn default() -> Self {
        Self { code_lens: true, inlay_hints: false }
    }
}

impl Default for SpoolSettings {
    fn default() -> Self {
        Self { cap_mib: 64 }
    }
}

impl Settings {
    /// How long the hub waits for somebody, in ms.
    pub fn idle_ms(&self) -> u64 {
        match self.hub.idle_minutes {
            0 => u64::MAX,
            minutes => minutes.saturating_mul(60_000),
        }
    }

    /// A spool's cap in bytes.
    pub fn spool_bytes(&self) -> u64 {
        self.spool.cap_mib.saturating_mul(1 << 20)
    }
}

/// What a repository may set for everybody who works in it: only more privacy and less watching.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RepositorySettings {
    /// Which files are watched and recorded.
    pub watch: RepositoryWatch,
}

/// Watching, as far as a repository may say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RepositoryWatch {
    /// Globs of more files of which only "a private file changed" is recorded.
    #[schemars(with = "Vec<Glob>", length(max = 1_000))]
    pub private: Vec<String>,
    /// Globs of more files and folders that are not watched.
    #[schemars(with = "Vec<Glob>", length(max = 1_000))]
    pub exclude: Vec<String>,
}
