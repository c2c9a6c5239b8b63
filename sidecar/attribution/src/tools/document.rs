//! The catalogue's document as it is written (`ai-tools.toml`): records only, no unknown field, no judgement.
//!
//! Absent on purpose: meaning for what is kept for people and later readers (rules, session logs, exports): it is
//! checked to be well formed and otherwise left alone.

use serde::Deserialize;

use super::words::{Category, Match, Rung, Strength};

macro_rules! records {
    ($($(#[$about:meta])* $name:ident { $($(#[$field_about:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {$(
            $(#[$field_about])*
            pub $field: $type,
        )*}
    )*};
}

records! {
    /// The whole document.
    Document {
        /// About the document.
        meta: Meta,
        /// Where facts come from.
        source: Vec<Source>,
        /// What strengths are worth.
        strength: Vec<StrengthRow>,
        /// Kinds of evidence and their caps.
        rung: Vec<RungRow>,
        /// Variables that many tools share.
        generic_env: Vec<GenericEnv>,
        /// What others take for evidence and is none.
        not_evidence: Vec<NotEvidence>,
        /// How hooks' payloads are told apart.
        payload_shape: Vec<PayloadShape>,
        /// Which tool is looked for first, where one carries another's marks.
        order: Vec<Order>,
        /// The tools.
        tool: Vec<Tool>,
    }

    /// About the document.
    Meta {
        /// Version of its form.
        schema: u32,
        /// When the facts were gathered.
        gathered: String,
        /// How many tools there are.
        tools: usize,
        /// What to keep in mind.
        note: String,
    }

    /// Where facts come from.
    Source {
        /// By what it is cited.
        id: String,
        /// What it is.
        name: String,
        /// Of what kind: vendor, peer, peer-observed, index.
        kind: String,
    }

    /// What a strength is worth.
    StrengthRow {
        /// Which.
        id: Strength,
        /// Likelihood that the tool acts, by this fact alone, from 0 to 1.
        weight: f64,
        /// In words.
        meaning: String,
    }

    /// A kind of evidence.
    RungRow {
        /// From 1, the best first.
        rank: u32,
        /// Which.
        id: Rung,
        /// In words.
        meaning: String,
        /// Most that facts of this kind can say, from 0 to 1.
        cap: f64,
    }

    /// A variable that many tools share.
    GenericEnv {
        /// Its name.
        name: String,
        /// What it holds: `name`, `session`, or something that names nobody.
        role: String,
        /// How strong it is.
        strength: Strength,
        /// In words.
        note: String,
        /// Who says so.
        source: Vec<String>,
    }

    /// What is no evidence.
    NotEvidence {
        /// What.
        what: String,
        /// Why not.
        why: String,
        /// Who says so.
        source: Vec<String>,
    }

    /// How a payload of a hook is told.
    PayloadShape {
        /// The tool, perhaps with a remark in parentheses.
        tool: String,
        /// What must be there.
        need: Vec<String>,
        /// What must not be there.
        #[serde(default)]
        absent: Vec<String>,
        /// Who says so.
        source: Vec<String>,
    }

    /// One tool carries another's marks.
    Order {
        /// Which counts; `any agent marker`: whatever else is there.
        check_first: String,
        /// Over which.
        before: String,
        /// Why.
        why: String,
        /// Who says so.
        source: Vec<String>,
    }

    /// A tool.
    Tool {
        /// Its id: lower case, by which everything names it.
        id: String,
        /// Its name for people.
        name: String,
        /// Who makes it.
        vendor: String,
        /// What sort it is.
        category: Category,
        /// Tools that share marks.
        #[serde(default)]
        family: Option<String>,
        /// Other names, in the form of ids.
        #[serde(default)]
        aliases: Vec<String>,
        /// Whether codi2's owner asked for it by name.
        owner_list: bool,
        /// Whether it edits code by itself.
        runs_code_edits: bool,
        /// What its session ids look like, in words.
        #[serde(default)]
        session_id_format: Option<String>,
        /// How its session ids stand in texts.
        #[serde(default)]
        session_id_patterns: Vec<String>,
        /// Names by which it introduces itself over MCP; a `*` at the end stands for any end.
        #[serde(default)]
        mcp_client_names: Vec<String>,
        /// Hosts it talks to.
        #[serde(default)]
        api_hosts: Vec<String>,
        /// Variables that configure it; no evidence.
        #[serde(default)]
        env_keys: Vec<String>,
        /// Ports it listens on.
        #[serde(default)]
        ports: Vec<u16>,
        /// Who says what the plain fields above say.
        #[serde(default)]
        scalar_sources: Vec<String>,
        /// What nobody could confirm.
        #[serde(default)]
        unconfirmed: Vec<String>,
        /// Marks in the environment.
        env: Vec<EnvMark>,
        /// Its processes.
        process: Vec<ProcessMark>,
        /// Its extensions of editors.
        extensions: Vec<ExtensionMark>,
        /// Its plugins for Neovim.
        #[serde(default)]
        nvim: Vec<PluginMark>,
        /// What it leaves in commits.
        git: Vec<CommitMark>,
        /// What it leaves in folders.
        #[serde(default)]
        files: Vec<FileMark>,
        /// How it tells others what it does.
        hooks: Vec<HookFacts>,
        /// Where it logs sessions.
        sessions: Vec<SessionLog>,
        /// What people can export.
        #[serde(default)]
        exports: Vec<Export>,
    }

    /// A mark in the environment.
    EnvMark {
        /// The variable's name, or how it begins.
        name: String,
        /// What its value is compared with.
        #[serde(default)]
        value: Option<String>,
        /// How.
        r#match: Match,
        /// Where it is seen: see the document's head.
        scope: String,
        /// Counts only if these are set, too.
        #[serde(default)]
        with: Vec<String>,
        /// How strong it is.
        strength: Strength,
        /// Whether its value is the session's id.
        #[serde(default)]
        session: bool,
        /// Who says so.
        source: Vec<String>,
        /// In words.
        #[serde(default)]
        note: Option<String>,
    }

    /// A process of a tool.
    ProcessMark {
        /// The program's name.
        name: String,
        /// A folder of packages on its path, which makes it sure.
        #[serde(default)]
        package: Option<String>,
        /// How strong it is.
        strength: Strength,
        /// Who says so.
        source: Vec<String>,
        /// In words.
        #[serde(default)]
        note: Option<String>,
    }

    /// An extension of an editor.
    ExtensionMark {
        /// Of which editors.
        host: String,
        /// Its id there.
        id: String,
        /// How strong it is.
        strength: Strength,
        /// Who says so.
        source: Vec<String>,
        /// In words.
        #[serde(default)]
        note: Option<String>,
    }

    /// A plugin for Neovim.
    PluginMark {
        /// Its repository.
        plugin: String,
        /// How strong it is.
        strength: Strength,
        /// Who says so.
        source: Vec<String>,
        /// In words.
        #[serde(default)]
        note: Option<String>,
    }

    /// A mark in a commit.
    CommitMark {
        /// Where: trailer, footer, author-name and so on.
        kind: String,
        /// What is compared with.
        value: String,
        /// How.
        r#match: Match,
        /// Counts only if marks of these kinds are there, too.
        #[serde(default)]
        with: Vec<String>,
        /// How strong it is.
        strength: Strength,
        /// Who says so.
        source: Vec<String>,
        /// In words.
        #[serde(default)]
        note: Option<String>,
    }

    /// A mark in a folder.
    FileMark {
        /// Its path, in the repository or from the root on.
        path: String,
        /// What it is: rules, config, marker-file and so on.
        kind: String,
        /// How strong it is.
        strength: Strength,
        /// Who says so.
        source: Vec<String>,
        /// In words.
        #[serde(default)]
        note: Option<String>,
    }

    /// How a tool tells others what it does.
    HookFacts {
        /// By what way.
        channel: String,
        /// Where it is set up.
        config: Vec<String>,
        /// What it tells of.
        events: Vec<String>,
        /// What it tells.
        #[serde(default)]
        input_fields: Vec<String>,
        /// Which field has the session's id.
        #[serde(default)]
        session_field: Option<String>,
        /// Tools of it that edit.
        #[serde(default)]
        edit_tools: Vec<String>,
        /// Those of them that are given a patch, in which the files stand that it changes.
        #[serde(default)]
        patch_tools: Vec<String>,
        /// Tools of it that run commands.
        #[serde(default)]
        shell_tools: Vec<String>,
        /// How strong it is.
        strength: Strength,
        /// Who says so.
        source: Vec<String>,
        /// In words.
        #[serde(default)]
        note: Option<String>,
    }

    /// A log of sessions.
    SessionLog {
        /// Where it lies.
        path: String,
        /// Its form.
        format: String,
        /// Where the session's id is.
        #[serde(default)]
        id: Option<String>,
        /// What it holds.
        #[serde(default)]
        records: Vec<String>,
        /// How strong it is.
        strength: Strength,
        /// Who says so.
        source: Vec<String>,
        /// In words.
        #[serde(default)]
        note: Option<String>,
    }

    /// What people can export.
    Export {
        /// How.
        how: String,
        /// Its form.
        format: String,
        /// How it is known.
        marker: String,
        /// How strong it is.
        strength: Strength,
        /// Who says so.
        source: Vec<String>,
        /// In words.
        #[serde(default)]
        note: Option<String>,
    }
}
