//! `codi2 ci`: holds what a range of commits brought against a policy.
//!
//! What cannot be judged does not pass: a clone that ends within the range, or one without notes, is told what to fetch.
//! A file that is no text counts as one line that nobody is known for, or a change could hide its lines behind a NUL.
//! Absent on purpose: rules in a repository's own settings (ADR 0053), the hub.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use codi2_attribution::record::codi2::REFERENCE;
use codi2_attribution::report::Brought;
use codi2_attribution::report::policy::{Judge, Rule, Violation};
use codi2_config::{CiRule, Globs, Layers, Mistake, Owner, Syntax, check};
use codi2_protocol::{ActorKind, Class};
use codi2_workspace::past::{CommitPatch, Past, Status};
use codi2_workspace::{Private, shown};
use serde_json::json;

use super::args::{self, Format};
use super::failure::{Code, Failure};
use super::printer::{self, Printer};
use super::records::{self, Records, fate};
use super::stats;
use crate::settings::{self, Flags};

/// Judges a range; an error with exit code 1 where it does not keep to the policy.
pub fn run(ci: &args::Ci, flags: &Flags, printer: &mut Printer) -> Result<()> {
    let rules = rules(ci, flags)?;
    let past = records::past(&std::env::current_dir()?)?;
    let mut records = Records::new(&past);
    let (mut judge, mut commits, mut ends) = (Judge::new(&rules), 0u64, None);
    let mut unused: Vec<(usize, &Rule)> = rules.iter().enumerate().collect();
    let shallow = past.shallow_ends().code(Failure::NotFound)?;
    let private = records::private(&past, &settings::load(flags).settings).code(Failure::Usage)?;
    let brought = |commit: &CommitPatch| brought(commit, &private);
    let read = stats::each(&past, &ci.range, &mut records, &brought, &mut |brought, records| {
        commits += 1;
        if shallow.contains(&brought.commit) {
            ends = Some(brought.commit.clone());
        }
        unused.retain(|(_, rule)| !brought.files.iter().any(|(path, _)| (rule.applies)(path)));
        judge.commit(&brought, records.record(&brought.commit));
    });
    read.code(Failure::NotFound)?;
    used(&past, ci, &unused)?;
    if let Some(end) = ends {
        let words = "this clone is shallow and ends within the range";
        let todo = "`git fetch --unshallow`, or a larger fetch depth, gets the commits before it";
        return Err(anyhow!("{words}, at {end}; {todo}")).code(Failure::NotFound);
    }
    if records.unread() > 0 {
        let words = format!("{} of the range cannot be read, as said above", stats::counted(records.unread(), "note"));
        let todo = format!("update codi2, or fetch {REFERENCE} again");
        return Err(anyhow!("{words}, so nothing is judged; {todo}")).code(Failure::NotFound);
    }
    let lines = judge.lines();
    if lines > 0 && !past.has_ref(REFERENCE) {
        let words = format!("{REFERENCE} is not here, so nothing is known of {}", ci.range);
        let todo = format!("`git fetch origin {REFERENCE}:{REFERENCE}` gets it");
        return Err(anyhow!("{words}; {todo}")).code(Failure::NotFound);
    }
    let violations = judge.violations();
    print(ci, commits, lines, &violations, printer)?;
    match violations.len() {
        0 => Ok(()),
        1 => bail!("{} does not keep to the policy: 1 violation", ci.range),
        many => bail!("{} does not keep to the policy: {many} violations", ci.range),
    }
}

/// Checks that rules which met nothing of a range apply to some file at one of its ends: one with a mistyped path would let
/// everything pass.
fn used(past: &Past, ci: &args::Ci, unused: &[(usize, &Rule<'_>)]) -> Result<()> {
    if unused.is_empty() {
        return Ok(());
    }
    let files = past.files_at_ends(&ci.range).map_err(fate)?;
    match unused.iter().find(|(_, rule)| !files.is_empty() && !files.iter().any(|path| (rule.applies)(path))) {
        None => Ok(()),
        Some((at, _)) => {
            let todo = "correct its paths (one glob for each `--path` or entry of `paths`, parted by `/`, letter case \
                        counts), or leave the rule out";
            Err(anyhow!("rule {} applies to no file of {}, so nothing is judged; {todo}", at + 1, ci.range))
                .code(Failure::Usage)
        }
    }
}

/// What a commit brought, as it is judged.
fn brought(commit: &CommitPatch, private: &Private) -> Brought {
    let mut brought = stats::brought(commit);
    let no_text = commit.files.iter().filter(|file| file.binary && file.status != Status::Deleted);
    brought.files.extend(no_text.map(|file| (file.path.clone(), vec![(1, 1)])));
    // The hub passes the same over.
    let unnoted = commit.files.iter().filter(|file| file.binary || file.link || private.covers(&file.path));
    brought.unnoted = unnoted.map(|file| file.path.clone()).collect();
    brought
}

/// The rules of the policy, those of flags last.
fn rules(ci: &args::Ci, flags: &Flags) -> Result<Vec<Rule<'static>>> {
    let mut rules = match &ci.policy {
        Some(file) => of_file(file)?,
        None => {
            let loaded = settings::load(flags);
            sound(&loaded.mistakes)?;
            loaded.settings.ci.rules
        }
    };
    let of_flags = CiRule {
        paths: ci.path.clone(),
        max_unknown_percent: ci.max_unknown_percent,
        min_class: ci.min_class.clone(),
        forbid: ci.forbid.clone(),
        require_notes: ci.require_notes,
    };
    if of_flags != CiRule::default() {
        rules.push(of_flags);
    }
    if rules.is_empty() {
        let todo = "give --policy FILE, put [[ci.rules]] into your settings, or say it by flags (`codi2 ci --help`)";
        return Err(anyhow!("no rule to judge by; {todo}")).code(Failure::Usage);
    }
    rules.iter().enumerate().map(|(at, one)| rule(at + 1, one)).collect()
}

/// The rules of a policy's file, which may have any setting and is read for these alone.
fn of_file(file: &Path) -> Result<Vec<CiRule>> {
    let syntax = Syntax::of(file).with_context(|| format!("{} must end in .toml, .yaml or .yml", file.display()));
    let syntax = syntax.code(Failure::Usage)?;
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()));
    let (layer, mistakes) = check(Owner::User, syntax, file, &text.code(Failure::Usage)?);
    sound(&mistakes)?;
    let mut layers = Layers::default();
    layers.lay(layer);
    let rules = layers.settings().ci.rules;
    if rules.is_empty() {
        return Err(anyhow!("{} has no [[ci.rules]]", file.display())).code(Failure::Usage);
    }
    Ok(rules)
}

/// Half a policy is none. Tools that are left out judge nobody.
fn sound(mistakes: &[Mistake]) -> Result<()> {
    mistakes.iter().for_each(|mistake| printer::complain(&format!("codi2: {mistake}")));
    match mistakes.iter().all(|mistake| mistake.setting == "tools") {
        true => Ok(()),
        false => Err(anyhow!("nothing is judged by a policy with mistakes")).code(Failure::Usage),
    }
}

fn rule(number: usize, rule: &CiRule) -> Result<Rule<'static>> {
    let demands = CiRule { paths: Vec::new(), ..rule.clone() };
    if demands == CiRule::default() {
        let todo = "set max_unknown_percent, min_class, forbid or require_notes";
        return Err(anyhow!("rule {number} demands nothing; {todo}")).code(Failure::Usage);
    }
    if rule.paths.iter().any(|path| path.trim().is_empty()) {
        let todo = "a rule without paths is for all files";
        return Err(anyhow!("rule {number} has an empty path, which is no file's; {todo}")).code(Failure::Usage);
    }
    let all = rule.paths.is_empty();
    let globs = Globs::new(&rule.paths).code(Failure::Usage)?;
    let kind = |name: &String| {
        let known = serde_json::from_value(json!(name)).unwrap_or(ActorKind::Unknown);
        // Names are checked where they come from.
        Some(known).filter(|kind: &ActorKind| kind.as_str() == name)
    };
    let classes = [Class::Exact, Class::Declared, Class::Inferred, Class::Carried];
    Ok(Rule {
        applies: Box::new(move |path| all || globs.matches(&shown(path))),
        max_unknown: rule.max_unknown_percent,
        min_class: classes.into_iter().find(|class| Some(class.as_str()) == rule.min_class.as_deref()),
        forbid: rule.forbid.iter().filter_map(kind).collect(),
        require_notes: rule.require_notes,
    })
}

fn print(ci: &args::Ci, commits: u64, lines: u64, violations: &[Violation], printer: &mut Printer) -> Result<()> {
    let json = |violation: &Violation| {
        let Violation { rule, demand, commit, file, lines, found, todo } = violation;
        json!({
            "rule": rule + 1, "demand": demand.as_str(), "commit": commit, "file": file.as_deref().map(shown), "lines": lines,
            "found": found, "todo": todo,
        })
    };
    match printer.format() {
        Format::Json => printer.json(&json!({
            "range": ci.range, "commits": commits, "lines": lines, "passed": violations.is_empty(),
            "violations": violations.iter().map(json).collect::<Vec<_>>(),
        }))?,
        Format::Jsonl => violations.iter().try_for_each(|violation| printer.json(&json(violation)))?,
        Format::Compact => {
            for violation in violations {
                let (rule, lines) = ((violation.rule + 1).to_string(), ranges(&violation.lines));
                let Violation { demand, commit, file, found, todo, .. } = violation;
                printer.fields(&[
                    &rule,
                    demand.as_str(),
                    commit,
                    &file.as_deref().map(shown).unwrap_or_default(),
                    &lines,
                    found,
                    todo,
                ])?;
            }
        }
        Format::Human => {
            let what = format!("{}, {}", stats::counted(commits, "commit"), stats::counted(lines, "line"));
            let end = match violations.len() {
                0 if lines == 0 => "nothing to judge, passes",
                0 => "passes",
                _ => "does not keep to the policy",
            };
            printer.line(&format!("{}: {what}: {end}", ci.range))?;
            for Violation { rule, demand, commit, file, lines, found, todo } in violations {
                let place =
                    file.as_deref().map(|file| format!(" {}:{}", shown(file), ranges(lines))).unwrap_or_default();
                let commit = commit.get(..8).unwrap_or(commit);
                printer.line(&format!("rule {}, {}: {commit}{place}: {found}", rule + 1, demand.as_str()))?;
                printer.line(&format!("    → {todo}"))?;
            }
        }
    }
    printer.flush()
}

/// `1-3,7`
fn ranges(lines: &[(u32, u32)]) -> String {
    let range = |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    lines.iter().map(range).collect::<Vec<_>>().join(",")
}
