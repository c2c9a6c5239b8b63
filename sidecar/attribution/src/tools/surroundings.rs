//! What was found around a process, a connection or a commit: types alone. Absent on purpose: gathering, and what it means.

use std::collections::{BTreeMap, BTreeSet};

use codi2_protocol::Process;

use super::signature::Signature;

/// What somebody found around a process, a connection or a commit. What was not looked at stays empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Surroundings {
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// The processes above, the nearest first.
    pub ancestors: Vec<Ancestor>,
    /// Whether it is in the foreground of a terminal, where a person may be typing.
    pub terminal: bool,
    /// The editor around.
    pub editor: Option<EditorSeen>,
    /// The name by which an MCP client introduced itself.
    pub mcp_client: Option<String>,
    /// What a commit says.
    pub signature: Option<Signature>,
    /// Which of [`machine_marks`](super::Catalogue::machine_marks) are there.
    pub machine_marks: BTreeSet<String>,
}

/// A process above.
#[derive(Debug, Clone, PartialEq)]
pub struct Ancestor {
    /// Which.
    pub process: Process,
    /// Its program's path, else its name.
    pub program: String,
    /// Its command line.
    pub args: Vec<String>,
    /// The environment it was started with; absent where the system does not tell.
    pub env: Option<BTreeMap<String, String>>,
}

/// An editor.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EditorSeen {
    /// How it calls itself.
    pub name: String,
    /// Ids of the extensions and plugins in it.
    pub extensions: Vec<String>,
}
