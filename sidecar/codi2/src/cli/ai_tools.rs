//! `codi2 list-ai-tools` and `codi2 whoami`: which AI tools are known, which acts here, and by what evidence.
//!
//! Absent on purpose: values of variables, keys above all; what could not be seen from here (web chats, completions
//! inside editors).

use anyhow::Result;
use codi2_attribution::sessions::{Mention, Sessions};
use codi2_attribution::tools::{Acting, Catalogue, Fact, Findings, Found, Signature, Surroundings, Tool, detect};
use codi2_protocol::Actor;
use serde_json::{Value, json};

use super::args::{Format, ListAiTools, Whoami};
use super::printer::{Printer, complain};
use super::records::{self, fate};
use super::transcript;
use crate::settings::{self, Flags};
use crate::tools;

/// Over this many percent a tool is likely, at or below only available.
const AVAILABLE: u8 = 30;

/// Prints the catalogue, or what of it is here.
pub fn list(list: &ListAiTools, flags: &Flags, printer: &mut Printer) -> Result<()> {
    let catalogue = tools::catalogue(&settings::load(flags).settings);
    if list.detect {
        return found(&catalogue, &tools::here(&catalogue), printer);
    }
    let all = catalogue.tools();
    match printer.format() {
        Format::Json => printer.json(&all.iter().map(known).collect::<Vec<_>>())?,
        Format::Jsonl => all.iter().try_for_each(|tool| printer.json(&known(tool)))?,
        Format::Compact => {
            for tool in all {
                printer.fields(&[&tool.id, &tool.name, &tool.vendor, tool.category.as_str(), &told_by(tool)])?;
            }
        }
        Format::Human => {
            for tool in all {
                printer.line(&format!("{:<28}  {:<14}  {}", tool.id, tool.category.as_str(), tool.name))?;
            }
        }
    }
    printer.flush()
}

fn known(tool: &Tool) -> Value {
    json!({
        "id": tool.id, "name": tool.name, "vendor": tool.vendor, "category": tool.category.as_str(),
        "told_by": kinds(tool),
    })
}

/// By what kinds of evidence a tool can be told.
pub fn kinds(tool: &Tool) -> Vec<&'static str> {
    let kinds = [
        ("environment", !tool.env.is_empty()),
        ("process", !tool.process.is_empty()),
        ("mcp", !tool.mcp_client_names.is_empty()),
        ("commit", !tool.git.is_empty()),
        ("extension", !(tool.extensions.is_empty() && tool.nvim.is_empty())),
    ];
    kinds.into_iter().filter(|(_, is)| *is).map(|(kind, _)| kind).collect()
}

fn told_by(tool: &Tool) -> String {
    kinds(tool).join(",")
}

fn state(findings: &Findings, found: &Found) -> &'static str {
    match &findings.acting {
        Acting::Tool { tool, .. } if *tool == found.tool => "acting",
        Acting::Tool { launched_by, .. } if launched_by.contains(&found.tool) => "launched-by",
        Acting::Ambiguous(tools) if tools.contains(&found.tool) => "ambiguous",
        _ if found.confidence > AVAILABLE => "likely",
        _ => "available",
    }
}

fn found(catalogue: &Catalogue, findings: &Findings, printer: &mut Printer) -> Result<()> {
    let name = |found: &Found| catalogue.named(&found.tool).map(|tool| tool.name.clone()).unwrap_or_default();
    let json = |found: &Found| {
        json!({
            "tool": found.tool, "name": name(found), "state": state(findings, found), "confidence": found.confidence,
            "session": found.session, "evidence": found.evidence.iter().map(fact).collect::<Vec<_>>(),
        })
    };
    match printer.format() {
        Format::Json => printer.json(&findings.tools.iter().map(json).collect::<Vec<_>>())?,
        Format::Jsonl => findings.tools.iter().try_for_each(|found| printer.json(&json(found)))?,
        Format::Compact => {
            for found in &findings.tools {
                let (state, confidence) = (state(findings, found), found.confidence.to_string());
                let session = found.session.as_deref().unwrap_or("");
                printer.fields(&[&found.tool, state, &confidence, session, &marks(&found.evidence)])?;
            }
        }
        Format::Human if findings.tools.is_empty() => printer.line("nothing here speaks of an AI tool")?,
        Format::Human => {
            for found in &findings.tools {
                let state = state(findings, found);
                printer.line(&format!(
                    "{state:<11}  {:>3} %  {:<28}  {}",
                    found.confidence,
                    found.tool,
                    name(found)
                ))?;
                found.evidence.iter().try_for_each(|fact| printer.line(&format!("{:<20}{}", "", words(fact))))?;
            }
        }
    }
    printer.flush()
}

fn fact(fact: &Fact) -> Value {
    json!({"rung": fact.rung.as_str(), "strength": fact.strength.as_str(), "mark": fact.mark, "distance": fact.distance})
}

fn words(fact: &Fact) -> String {
    let up = fact.distance.map(|up| format!(", {} up", up + 1)).unwrap_or_default();
    format!("{} {} ({}{up})", fact.strength.as_str(), fact.mark, fact.rung.as_str())
}

fn marks(facts: &[Fact]) -> String {
    facts.iter().map(words).collect::<Vec<_>>().join("; ")
}

/// Prints whom this process, or a commit, would be taken for.
pub fn whoami(whoami: &Whoami, flags: &Flags, printer: &mut Printer) -> Result<()> {
    let catalogue = tools::catalogue(&settings::load(flags).settings);
    if let Some(path) = &whoami.transcript {
        return named(&transcript::read(path, &catalogue)?, printer);
    }
    let findings = match &whoami.commit {
        None => tools::here(&catalogue),
        Some(commit) => {
            let signature = Some(signature(commit)?);
            detect(&catalogue, &Surroundings { signature, ..Surroundings::default() })
        }
    };
    let actor = findings.actor(&catalogue);
    let (kind, confidence, candidates) = match &findings.acting {
        Acting::Tool { confidence, .. } => ("tool", *confidence, Vec::new()),
        Acting::Ambiguous(tools) => ("ambiguous", 0, tools.clone()),
        Acting::Unnamed { confidence } => ("unnamed", *confidence, Vec::new()),
        Acting::Unknown => ("unknown", 0, Vec::new()),
    };
    let evidence: Vec<&Fact> = match &findings.acting {
        Acting::Tool { tool, .. } => findings.tools.iter().filter(|found| found.tool == *tool).collect::<Vec<_>>(),
        Acting::Ambiguous(tools) => findings.tools.iter().filter(|found| tools.contains(&found.tool)).collect(),
        _ => Vec::new(),
    }
    .into_iter()
    .flat_map(|found| &found.evidence)
    .collect();
    let name = actor.as_ref().map(shown);
    match printer.format() {
        Format::Json | Format::Jsonl => printer.json(&json!({
            "acting": kind, "actor": actor, "confidence": confidence, "candidates": candidates,
            "evidence": evidence.iter().map(|f| fact(f)).collect::<Vec<_>>(),
        }))?,
        Format::Compact => {
            let evidence = evidence.iter().map(|fact| words(fact)).collect::<Vec<_>>().join("; ");
            printer.fields(&[kind, name.as_deref().unwrap_or(""), &confidence.to_string(), &evidence])?;
        }
        Format::Human => {
            match (&findings.acting, name) {
                (Acting::Tool { .. }, Some(name)) => printer.line(&format!("{name}  ({confidence} %)"))?,
                (Acting::Ambiguous(tools), _) => printer.line(&format!("one of {}", tools.join(", ")))?,
                (Acting::Unnamed { .. }, _) => {
                    printer.line(&format!("an agent that has no known name  ({confidence} %)"))?
                }
                _ => printer.line("nobody can be named: nothing here proves that an AI tool acts")?,
            }
            evidence.iter().try_for_each(|fact| printer.line(&format!("    {}", words(fact))))?;
        }
    }
    printer.flush()
}

/// Prints the sessions that a transcript or log names.
fn named(found: &Sessions, printer: &mut Printer) -> Result<()> {
    let json = |mention: &Mention| {
        json!({
            "tool": mention.tool, "session": mention.session, "parent": mention.parent, "agent": mention.agent,
            "model": mention.model, "by": mention.by, "line": mention.line, "times": mention.times,
        })
    };
    match printer.format() {
        Format::Json => printer.json(&found.mentions.iter().map(json).collect::<Vec<_>>())?,
        Format::Jsonl => found.mentions.iter().try_for_each(|mention| printer.json(&json(mention)))?,
        Format::Compact => {
            for mention in &found.mentions {
                let [tool, parent, agent, model] = [&mention.tool, &mention.parent, &mention.agent, &mention.model];
                let [tool, parent, agent, model] = [tool, parent, agent, model].map(|it| it.as_deref().unwrap_or(""));
                printer.fields(&[tool, &mention.session, agent, parent, model, &mention.by])?;
            }
        }
        Format::Human if found.mentions.is_empty() => printer.line("no session is named there")?,
        Format::Human => {
            for mention in &found.mentions {
                let tool = mention.tool.as_deref().unwrap_or("a tool that is not named");
                let part = |name: &str, it: &Option<String>| it.as_ref().map(|it| format!(", {name} {it}"));
                let more =
                    [part("sub-agent", &mention.agent), part("from", &mention.parent), part("model", &mention.model)];
                let more = more.into_iter().flatten().collect::<String>();
                printer.line(&format!(
                    "{tool}, session {}{more}  ({}, {} times)",
                    mention.session, mention.by, mention.times
                ))?;
            }
        }
    }
    for (count, what) in
        [(found.more, "more sessions than are told"), (found.skipped, "lines that are no JSON, or too long")]
    {
        if count > 0 {
            complain(&format!("codi2: note: {count} {what}"));
        }
    }
    printer.flush()
}

/// The actor with its session and on whose behalf.
fn shown(actor: &Actor) -> String {
    let session = actor.session.as_ref().map(|session| format!(", session {session}")).unwrap_or_default();
    let parents: String = actor.chain().skip(1).map(|parent| format!(", started by {parent}")).collect();
    format!("{actor}{session}{parents}")
}

/// What a commit says of who made it.
fn signature(commit: &str) -> Result<Signature> {
    let past = records::past(&std::env::current_dir()?)?;
    let [author, author_email, committer, committer_email, message] = past.signed(commit).map_err(fate)?;
    let message = message.trim_end().to_owned();
    Ok(Signature { author, author_email, committer, committer_email, message, branch: None })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::cli::hook::tool::TOOLS;
    use crate::cli::hooks::place;

    /// `CODI2_BLESS=1` rewrites the table.
    #[test]
    fn the_page_has_every_tool() {
        let catalogue = tools::catalogue(&codi2_config::Settings::default());
        let mut table = "| id | name | sort | told by |\n|---|---|---|---|\n".to_owned();
        for tool in catalogue.tools() {
            let told = kinds(tool).join(", ");
            let told = if told.is_empty() { "nothing that can be seen" } else { &told };
            writeln!(table, "| `{}` | {} | {} | {told} |", tool.id, tool.name, tool.category.as_str()).unwrap();
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tools.md");
        let page = fs::read_to_string(&path).unwrap();
        let (before, rest) = page.split_once("<!-- tools -->\n").unwrap();
        let (_, after) = rest.split_once("<!-- /tools -->").unwrap();
        let expected = format!("{before}<!-- tools -->\n{table}<!-- /tools -->{after}");
        if std::env::var_os("CODI2_BLESS").is_some() {
            fs::write(&path, &expected).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), expected, "run the test with CODI2_BLESS=1");
        for tool in TOOLS {
            let row = page.lines().find(|line| line.contains(&format!("(`{}`)", tool.id))).unwrap_or_default();
            assert_eq!(row.contains("| yes"), place::of(tool.id).is_some(), "{row:?} of {}", tool.id);
            assert_eq!(row.contains("after"), tool.tells_after, "{row:?}");
        }
    }
}
