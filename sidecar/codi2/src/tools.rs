//! Which AI tool acts around this process: gathers what the catalogue (`codi2_attribution::tools`) reads, and nothing else.
//!
//! The shipped catalogue and a person's `[[tools]]` become one here. Absent on purpose: judgement, which is the pure
//! crate's; the hooks, whose payloads name their tool, and which have no time to read a catalogue.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;

use codi2_attribution::tools::{
    Acting, Ancestor, Catalogue, CommitMark, Document, EnvMark, ExtensionMark, Findings, Match, ProcessMark, SHIPPED,
    Signature, Strength, Surroundings, Tool, detect,
};
use codi2_config::{Layer, Mistake, Origin, Settings, ToolSettings, ToolVariable};
use codi2_protocol::{Actor, Process};

/// The catalogue in effect.
pub fn catalogue(settings: &Settings) -> Catalogue {
    let mut catalogue = shipped();
    // What is wrong was told when the settings were read.
    let _ = catalogue.extend(settings.tools.iter().map(tool).collect());
    catalogue
}

/// What is wrong with the tools of a file's layer, beyond their form.
pub fn mistakes(path: &Path, layer: &Layer) -> Vec<Mistake> {
    let tools = layer.tools();
    if tools.is_empty() {
        return Vec::new();
    }
    let wrong = shipped().extend(tools.iter().map(tool).collect()).into_iter();
    let place = |at: Option<usize>| layer.places("tools").get(at.unwrap_or_default()).copied().unwrap_or_default();
    wrong
        .map(|wrong| Mistake {
            origin: Origin::File(path.to_owned(), place(wrong.tool)),
            found: format!("`tools`: {}", wrong.found),
            todo: wrong.todo,
            setting: "tools".to_owned(),
        })
        .collect()
}

fn shipped() -> Catalogue {
    #[cfg(test)]
    reads::add();
    let document: Document = codi2_config::data(Path::new("ai-tools.toml"), SHIPPED)
        .unwrap_or_else(|mistake| panic!("the shipped catalogue, which tests read: {mistake}"));
    Catalogue::of(document).unwrap_or_else(|wrong| panic!("the shipped catalogue, which tests check: {wrong:?}"))
}

/// A person's entry as the catalogue has tools.
fn tool(settings: &ToolSettings) -> Tool {
    let ToolSettings { id, name, env, processes, mcp_clients, extensions, commit_emails } = settings.clone();
    let variable = |ToolVariable { name, value, strength, session }| EnvMark {
        name,
        r#match: if value.is_some() { Match::Exact } else { Match::Nonempty },
        value,
        // What is weak may come from anywhere, a person's profile as well.
        scope: if strength.as_deref() == Some("weak") { "any" } else { "shell" }.to_owned(),
        with: Vec::new(),
        strength: match strength.as_deref() {
            Some("strong") => Strength::Strong,
            Some("weak") => Strength::Weak,
            _ => Strength::Medium,
        },
        session,
        source: Vec::new(),
        note: None,
    };
    let process =
        |name| ProcessMark { name, package: None, strength: Strength::Medium, source: Vec::new(), note: None };
    let extension =
        |id| ExtensionMark { host: "any".to_owned(), id, strength: Strength::Weak, source: Vec::new(), note: None };
    let signs = |email: String| {
        [("trailer", Match::TrailerEmail), ("author-email", Match::Exact)].map(|(kind, how)| CommitMark {
            kind: kind.to_owned(),
            value: email.clone(),
            r#match: how,
            with: Vec::new(),
            strength: Strength::Strong,
            source: Vec::new(),
            note: None,
        })
    };
    Tool {
        env: env.into_iter().map(variable).collect(),
        process: processes.into_iter().map(process).collect(),
        extensions: extensions.into_iter().map(extension).collect(),
        git: commit_emails.into_iter().flat_map(signs).collect(),
        mcp_client_names: mcp_clients,
        ..Tool::bare(id.clone(), name.unwrap_or(id))
    }
}

/// The variables that can be evidence.
fn marks(catalogue: &Catalogue, all: impl IntoIterator<Item = (OsString, OsString)>) -> BTreeMap<String, String> {
    let texts = all.into_iter().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    texts.filter(|(name, _)| catalogue.reads(name)).collect()
}

fn ancestor(catalogue: &Catalogue, above: codi2_ipc::process::Running) -> Ancestor {
    Ancestor {
        process: above.process,
        program: above.program,
        args: above.args,
        env: above.env.map(|env| marks(catalogue, env)),
    }
}

/// What is around this process.
pub fn around(catalogue: &Catalogue) -> Surroundings {
    let there = catalogue.machine_marks().filter(|path| Path::new(path).symlink_metadata().is_ok());
    Surroundings {
        env: marks(catalogue, std::env::vars_os()),
        ancestors: codi2_ipc::process::ancestors().into_iter().map(|above| ancestor(catalogue, above)).collect(),
        terminal: codi2_ipc::process::in_foreground(),
        machine_marks: there.map(str::to_owned).collect::<BTreeSet<_>>(),
        ..Surroundings::default()
    }
}

/// Who acts around this process.
pub fn here(catalogue: &Catalogue) -> Findings {
    detect(catalogue, &around(catalogue))
}

/// What a hub asks of tools: the catalogue, read when it is first asked.
#[derive(Debug)]
pub struct Known {
    settings: Settings,
    catalogue: OnceLock<Catalogue>,
}

impl Known {
    /// By these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings, catalogue: OnceLock::new() }
    }

    fn catalogue(&self) -> &Catalogue {
        self.catalogue.get_or_init(|| catalogue(&self.settings))
    }
}

impl codi2_hub::Tools for Known {
    fn started_by(&self, tool: &str, process: &Process) -> Option<Actor> {
        let catalogue = self.catalogue();
        let mut line = codi2_ipc::process::line_from(process).into_iter().map(|above| ancestor(catalogue, above));
        let first = line.next()?;
        // A mark counts while its setter lives, as in an editor's window.
        let around = Surroundings {
            env: first.env.clone().unwrap_or_default(),
            ancestors: std::iter::once(first).chain(line).collect(),
            terminal: true,
            ..Surroundings::default()
        };
        detect(catalogue, &around).starter_of(tool, catalogue)
    }

    fn is_tools(&self, identity: &str) -> bool {
        let (name, email) = identity.rsplit_once('<').unwrap_or((identity, ""));
        let signature = Signature {
            author: name.trim().to_owned(),
            author_email: email.trim_end_matches('>').to_owned(),
            ..Signature::default()
        };
        let around = Surroundings { signature: Some(signature), ..Surroundings::default() };
        detect(self.catalogue(), &around).acting != Acting::Unknown
    }
}

/// How often the catalogue was read on this thread, for the tests of who must not read it.
#[cfg(test)]
pub(crate) mod reads {
    use std::cell::Cell;
    thread_local!(static COUNT: Cell<usize> = const { Cell::new(0) });

    pub(super) fn add() {
        COUNT.set(COUNT.get() + 1);
    }

    pub(crate) fn count() -> usize {
        COUNT.get()
    }
}

/// The agent that an editor's window works for, if one is proven to act.
pub fn agent(settings: &Settings) -> Option<Actor> {
    let catalogue = catalogue(settings);
    // A window outlives whoever opened it, a person goes on in it, and its sidecar has no terminal that would tell: a
    // mark counts while its setter lives.
    let around = Surroundings { terminal: true, ..around(&catalogue) };
    detect(&catalogue, &around).actor(&catalogue)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Variables that a person's processes have, too, and that prove a tool only by what they hold.
    const ORDINARY: [&str; 1] = ["PAGER"];

    #[test]
    fn a_hub_inherits_no_mark_of_the_catalogue() {
        let catalogue = catalogue(&Settings::default());
        let dropped = |name: &str| codi2_ipc::environment::is_dropped(name.as_ref());
        let mut seen = 0;
        for tool in catalogue.tools() {
            // A virtual machine's and a person's own stay: what is everywhere is nobody's.
            for mark in tool.env.iter().filter(|mark| !matches!(mark.scope.as_str(), "any" | "vm")) {
                let name = &mark.name;
                assert!(dropped(name) || ORDINARY.contains(&name.as_str()), "{name} of {} stays in a hub", tool.id);
                seen += 1;
            }
        }
        assert!(seen > 100, "{seen} marks");
    }

    #[test]
    fn an_identity_that_a_tool_gives_itself_is_no_persons() {
        use codi2_hub::Tools as _;
        let known = Known::new(Settings::default());
        for (identity, expected) in [
            ("Ada <ada@example.org>", false),
            ("Ada", false),
            ("<ada@example.org>", false),
            ("Ada (aider) <ada@example.org>", true),
            ("v0[bot] <v0[bot]@users.noreply.github.com>", true),
        ] {
            assert_eq!(known.is_tools(identity), expected, "{identity}");
        }
    }
}
