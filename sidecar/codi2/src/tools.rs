//! Which AI tool acts around this process: gathers what the catalogue (`codi2_attribution::tools`) reads, and nothing else.
//!
//! The shipped catalogue and a person's `[[tools]]` become one here. Absent on purpose: judgement, which is the pure
//! crate's; the hooks, whose payloads name their tool, and which have no time to read a catalogue.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use codi2_attribution::tools::{
    Ancestor, Catalogue, CommitMark, Document, EnvMark, ExtensionMark, Findings, Match, ProcessMark, SHIPPED, Strength,
    Surroundings, Tool, detect,
};
use codi2_config::{Layer, Mistake, Origin, Settings, ToolSettings, ToolVariable};
use codi2_protocol::Actor;

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
        })
        .collect()
}

fn shipped() -> Catalogue {
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
        scope: "shell".to_owned(),
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

/// What is around this process.
pub fn around(catalogue: &Catalogue) -> Surroundings {
    let read = |all: &mut dyn Iterator<Item = (OsString, OsString)>| -> BTreeMap<String, String> {
        let texts = all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        texts.filter(|(name, _)| catalogue.reads(name)).collect()
    };
    let ancestor = |above: codi2_ipc::process::Running| Ancestor {
        process: above.process,
        program: above.program,
        args: above.args,
        env: above.env.map(|env| read(&mut env.into_iter())),
    };
    let there = catalogue.machine_marks().filter(|path| Path::new(path).symlink_metadata().is_ok());
    Surroundings {
        env: read(&mut std::env::vars_os()),
        ancestors: codi2_ipc::process::ancestors().into_iter().map(ancestor).collect(),
        terminal: codi2_ipc::process::in_foreground(),
        machine_marks: there.map(str::to_owned).collect::<BTreeSet<_>>(),
        ..Surroundings::default()
    }
}

/// Who acts around this process.
pub fn here(catalogue: &Catalogue) -> Findings {
    detect(catalogue, &around(catalogue))
}

/// The agent that an editor's window works for, if one is proven to act.
pub fn agent(settings: &Settings) -> Option<Actor> {
    let catalogue = catalogue(settings);
    // A window outlives whoever opened it, a person goes on in it, and its sidecar has no terminal that would tell: a
    // mark counts while its setter lives.
    let around = Surroundings { terminal: true, ..around(&catalogue) };
    detect(&catalogue, &around).actor(&catalogue)
}
