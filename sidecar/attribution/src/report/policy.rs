//! A policy for what commits bring, and where they do not keep to it.

use codi2_protocol::{ActorKind, Class};

use super::{Brought, Known, runs};
use crate::record::CommitRecord;

/// One rule. Whatever it demands, it demands of the files to which it applies.
pub struct Rule<'a> {
    /// Whether it applies to a path below the root.
    pub applies: Box<dyn Fn(&str) -> bool + 'a>,
    /// Most of the lines of all commits together that may be unknown, in percent.
    pub max_unknown: Option<u64>,
    /// How sure each line's owner must be known at least.
    pub min_class: Option<Class>,
    /// Whose lines there must not be, second owners of mixed lines included.
    pub forbid: Vec<ActorKind>,
    /// Whether every commit that brings lines of which notes speak must have one.
    pub require_notes: bool,
}

/// What a rule demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Demand {
    /// That few lines are unknown.
    MaxUnknown,
    /// That each line's owner is known well enough.
    MinClass,
    /// That there are no lines of these.
    Forbid,
    /// That there is a note.
    RequireNotes,
}

impl Demand {
    /// The name used in settings and every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaxUnknown => "max_unknown_percent",
            Self::MinClass => "min_class",
            Self::Forbid => "forbid",
            Self::RequireNotes => "require_notes",
        }
    }
}

/// Lines of a commit that do not keep to a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which rule, from 0.
    pub rule: usize,
    /// Which of its demands.
    pub demand: Demand,
    /// The commit, in hexadecimal.
    pub commit: String,
    /// The file; `None`: the commit as a whole.
    pub file: Option<String>,
    /// The lines, as the commit has them: first and last, from 1.
    pub lines: Vec<(u32, u32)>,
    /// What was found.
    pub found: String,
    /// What to do.
    pub todo: String,
}

/// A policy being held against commits.
pub struct Judge<'a> {
    rules: &'a [Rule<'a>],
    /// Of each rule: lines, unknown lines, and where they are.
    unknown: Vec<(u64, u64, Vec<Violation>)>,
    found: Vec<Violation>,
    lines: u64,
}

const NO_NOTE: &str = "fetch the notes (`git fetch origin refs/notes/codi2:refs/notes/codi2`), push them from where the \
                       commit was made, or commit where codi2 runs";
const NOT_KNOWN: &str = "write the lines where codi2 runs, have the tool announce its edits (`codi2 hooks install`), or \
                         allow more in the rule";

impl<'a> Judge<'a> {
    /// Nothing judged yet.
    pub fn new(rules: &'a [Rule<'a>]) -> Self {
        let unknown = rules.iter().map(|_| (0, 0, Vec::new())).collect();
        Self { rules, unknown, found: Vec::new(), lines: 0 }
    }

    /// How many lines were judged.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Judges what a commit brought; `record` is what is known of it.
    pub fn commit(&mut self, brought: &Brought, record: Option<&CommitRecord>) {
        self.lines += brought.lines();
        for (number, rule) in self.rules.iter().enumerate() {
            let files: Vec<_> = brought.files.iter().filter(|(path, _)| (rule.applies)(path)).collect();
            let violation = |demand, file: Option<&String>, found: String, todo: &str| Violation {
                rule: number,
                demand,
                commit: brought.commit.clone(),
                file: file.cloned(),
                lines: Vec::new(),
                found,
                todo: todo.to_owned(),
            };
            let is_noted = |(path, lines): &(&String, &Vec<_>)| !lines.is_empty() && !brought.unnoted.contains(*path);
            if rule.require_notes && record.is_none() && files.iter().any(is_noted) {
                self.found.push(violation(Demand::RequireNotes, None, "the commit has no note".into(), NO_NOTE));
            }
            let todo = if record.is_none() { NO_NOTE } else { NOT_KNOWN };
            for (path, lines) in files {
                let mut unknown = violation(Demand::MaxUnknown, Some(path), String::new(), todo);
                // One violation for each thing found, with all of its lines.
                let mut others: Vec<Violation> = Vec::new();
                let mut add = |violation: Violation, run: (u32, u32)| match others
                    .iter_mut()
                    .find(|v| v.demand == violation.demand && v.found == violation.found)
                {
                    Some(there) => there.lines.push(run),
                    None => others.push(Violation { lines: vec![run], ..violation }),
                };
                for run in runs(lines, record, path) {
                    let (class, at) = (run.known.class(), (run.first, run.last));
                    let (all, missing, _) = &mut self.unknown[number];
                    *all += run.lines();
                    if class == Class::Unknown {
                        *missing += run.lines();
                        unknown.lines.push(at);
                    }
                    if rule.min_class.is_some_and(|least| class > least) {
                        let least = rule.min_class.map_or("", Class::as_str);
                        let found = format!("{}, class {class}; at least {least} is required", who(run.known));
                        add(violation(Demand::MinClass, Some(path), found, todo), at);
                    }
                    for kind in forbidden(rule, run.known) {
                        let found = format!("{}; no {kind} may write here", who(run.known));
                        let todo = format!("have it written otherwise, or take `{kind}` out of the rule");
                        add(violation(Demand::Forbid, Some(path), found, &todo), at);
                    }
                }
                self.found.extend(others);
                if !unknown.lines.is_empty() {
                    self.unknown[number].2.push(unknown);
                }
            }
        }
    }

    /// Everything that does not keep to the policy: by rule and demand, in the order of the commits.
    pub fn violations(self) -> Vec<Violation> {
        let mut found = self.found;
        for (rule, (all, unknown, places)) in self.rules.iter().zip(self.unknown) {
            let Some(most) = rule.max_unknown.filter(|most| unknown * 100 > most * all) else { continue };
            let share = unknown as f64 * 100.0 / all as f64;
            let words = format!("{unknown} of {all} lines ({share:.1} %) are unknown; {most} % may be");
            found.extend(places.into_iter().map(|place| Violation { found: words.clone(), ..place }));
        }
        found.sort_by_key(|violation| (violation.rule, violation.demand));
        found
    }
}

fn forbidden(rule: &Rule<'_>, known: Known<'_>) -> Vec<ActorKind> {
    let kinds: Vec<ActorKind> = match known {
        Known::By(owner, second) => {
            [Some(owner), second].into_iter().flatten().map(|owner| owner.verdict.origin.kind).collect()
        }
        _ => vec![ActorKind::Unknown],
    };
    rule.forbid.iter().copied().filter(|kind| kinds.contains(kind)).collect()
}

fn who(known: Known<'_>) -> String {
    match known {
        Known::By(owner, Some(second)) => format!("{} and {}", owner.verdict.origin, second.verdict.origin),
        Known::By(owner, None) => owner.verdict.origin.to_string(),
        Known::NotInRecord => "not in the commit's note".to_owned(),
        Known::LeftOut => "left out of the commit's note, which was too long".to_owned(),
        Known::NoRecord => "no note".to_owned(),
    }
}
