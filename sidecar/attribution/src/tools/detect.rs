//! Who acts here: surroundings read by the catalogue.
//!
//! Each fact has a rung, a strength and, where it can be told, a distance: how many processes up the tool is. Inside a
//! rung facts join as independent ones do (1 − ∏(1 − w)), to the rung's cap; rungs join the same way, to the best cap
//! among them; weak facts alone stay under [`WEAK_CAP`]. A tool acts by one strong fact, or by two medium ones of
//! different rungs. Of several, one whose marks another's explain gives way, then the nearest counts; two that nothing
//! parts are ambiguous, and nobody chooses.
//!
//! Absent on purpose: gathering, clocks, and values of variables in what is told (a session's id is told apart).

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::{Catalogue, folded, is_machine_mark};
use super::document::{EnvMark, ExtensionMark, ProcessMark, Tool};
use super::findings::{Acting, Fact, Findings, Found};
use super::signature::{address, signs};
use super::surroundings::{Ancestor, EditorSeen, Surroundings};
use super::words::{Category, Match, Rung, Strength};
use crate::sessions::ids::is_uuid;

/// Most that weak facts can say together.
pub const WEAK_CAP: f64 = 0.3;
/// Names of programs that run others' programs: the script counts.
const INTERPRETERS: [&str; 6] = ["node", "bun", "deno", "python", "python3", "uv"];
/// Up to this length a program's name is anybody's.
const SHORT_NAME: usize = 3;

/// Reads surroundings by a catalogue.
pub fn detect(catalogue: &Catalogue, surroundings: &Surroundings) -> Findings {
    let reading = Reading { catalogue, surroundings };
    let mut tallies: Vec<Tally> = catalogue.tools().iter().map(|tool| reading.tool(tool)).collect();
    let unnamed = reading.generic(&mut tallies);
    let mut candidates: Vec<&Tally> = tallies.iter().filter(|tally| tally.acts()).collect();
    let mut outer: Vec<&Tally> = Vec::new();
    let all = candidates.clone();
    candidates.retain(|one| !all.iter().any(|other| reading.explains(other, one)));
    // The nearest, where all can be told.
    let nearest = candidates.iter().map(|tally| tally.distance()).collect::<Option<Vec<_>>>();
    if let Some(nearest) = nearest.and_then(|distances| distances.into_iter().min()) {
        let (near, far) = candidates.into_iter().partition(|tally| tally.distance() == Some(nearest));
        (candidates, outer) = (near, far);
        outer.sort_by_key(|tally| tally.distance());
    }
    let acting = match &candidates[..] {
        [] => unnamed.map_or(Acting::Unknown, |confidence| Acting::Unnamed { confidence }),
        [tally] => Acting::Tool {
            tool: tally.tool.id.clone(),
            confidence: reading.confidence(tally),
            session: tally.session.clone().or_else(|| refined(&all, tally)),
            launched_by: outer.iter().map(|tally| tally.tool.id.clone()).collect(),
        },
        several => Acting::Ambiguous(several.iter().map(|tally| tally.tool.id.clone()).collect()),
    };
    let mut tools: Vec<Found> =
        tallies.iter().filter(|tally| !tally.facts.is_empty()).map(|t| reading.found(t)).collect();
    tools.sort_by_key(|found| std::cmp::Reverse(found.confidence));
    Findings { acting, tools }
}

/// The session of a relative whose marks the tool refines.
fn refined(all: &[&Tally<'_>], tally: &Tally<'_>) -> Option<String> {
    let family = tally.tool.family.as_ref()?;
    let relatives = all.iter().filter(|other| other.tool.family.as_ref() == Some(family));
    relatives.filter(|other| other.distance() == tally.distance()).find_map(|other| other.session.clone())
}

/// What speaks for one tool.
#[derive(Debug, Clone)]
struct Tally<'a> {
    tool: &'a Tool,
    facts: Vec<Fact>,
    session: Option<String>,
}

impl Tally<'_> {
    fn acts(&self) -> bool {
        if !self.tool.category.acts() {
            return false;
        }
        let able = |fact: &&Fact| !matches!(fact.rung, Rung::HostApp | Rung::Configured);
        let strong = self.facts.iter().filter(able).any(|fact| fact.strength == Strength::Strong);
        let medium = self.facts.iter().filter(able).filter(|fact| fact.strength == Strength::Medium);
        strong || medium.map(|fact| fact.rung).collect::<BTreeSet<_>>().len() > 1
    }

    /// How far up the tool is: by its nearest fact that is not weak.
    fn distance(&self) -> Option<usize> {
        let facts = self.facts.iter().filter(|fact| fact.strength > Strength::Weak);
        facts.filter_map(|fact| fact.distance).min()
    }

    fn marks(&self) -> BTreeSet<&str> {
        let facts = self.facts.iter().filter(|fact| fact.strength > Strength::Weak);
        facts.map(|fact| fact.mark.as_str()).collect()
    }
}

/// Where the process is that set a variable.
enum Setter {
    /// So many processes up.
    Above(usize),
    /// It has ended: everything above has the variable, too.
    Gone,
    /// The system does not tell.
    NotTold,
}

struct Reading<'a> {
    catalogue: &'a Catalogue,
    surroundings: &'a Surroundings,
}

impl<'a> Reading<'a> {
    fn tool(&self, tool: &'a Tool) -> Tally<'a> {
        let mut tally = Tally { tool, facts: Vec::new(), session: None };
        for mark in &tool.env {
            self.env(mark, &mut tally);
        }
        for mark in &tool.process {
            self.process(mark, &mut tally);
        }
        if let Some(name) = &self.surroundings.mcp_client
            && tool.category != Category::Protocol
            && tool.mcp_client_names.iter().any(|known| is_client(known, name))
        {
            tally.fact(Rung::McpClientInfo, Strength::Strong, name.chars().take(64).collect(), None);
        }
        if let Some(editor) = &self.surroundings.editor {
            self.editor(editor, &mut tally);
        }
        if let Some(signature) = &self.surroundings.signature {
            for mark in tool.git.iter().filter(|mark| signs(mark, signature)) {
                let with = |kind: &String| tool.git.iter().any(|other| other.kind == *kind && signs(other, signature));
                if mark.with.iter().all(with) {
                    tally.fact(
                        Rung::GitSignature,
                        mark.strength,
                        format!("{} {}", mark.kind, address(&mark.value).unwrap_or(mark.value.trim())),
                        None,
                    );
                }
            }
        }
        for file in tool.files.iter().filter(|file| is_machine_mark(&file.kind)) {
            if self.surroundings.machine_marks.contains(&file.path) {
                tally.fact(Rung::ChildEnv, file.strength, file.path.clone(), None);
            }
        }
        tally.facts.sort_by(|a, b| b.strength.cmp(&a.strength).then(a.rung.cmp(&b.rung)));
        tally
    }

    fn env(&self, mark: &EnvMark, tally: &mut Tally<'a>) {
        let env = &self.surroundings.env;
        let found = match mark.r#match {
            Match::NamePrefix => env.iter().find(|(name, value)| name.starts_with(&mark.name) && !value.is_empty()),
            _ => {
                env.get_key_value(&mark.name).filter(|(_, value)| compares(mark.r#match, mark.value.as_deref(), value))
            }
        };
        let Some((name, value)) = found else { return };
        if !mark.with.iter().all(|with| env.get(with).is_some_and(|value| !value.is_empty())) {
            return;
        }
        let rung = match mark.scope.as_str() {
            "any" => Rung::Configured,
            "terminal" | "macos process tree" => Rung::HostApp,
            _ => Rung::ChildEnv,
        };
        let (mut strength, mut distance) = (mark.strength, None);
        if name.ends_with("_PID") {
            // A number that names no process above was somebody else's once, and one that names another program was made up.
            let pid: Option<u32> = value.trim().parse().ok();
            let is_it = |above: &Ancestor| {
                Some(above.process.pid) == pid && tally.tool.process.iter().any(|mark| runs(mark, above).is_some())
            };
            distance = self.surroundings.ancestors.iter().position(is_it);
            if distance.is_none() {
                return;
            }
        } else if mark.strength > Strength::Weak && rung == Rung::ChildEnv {
            match self.setter(name, value) {
                Setter::Above(up) => distance = Some(up),
                // Whoever set it has left, and a person may sit at the terminal it left behind.
                Setter::Gone if self.surroundings.terminal && mark.scope != "vm" => strength = Strength::Weak,
                Setter::Gone | Setter::NotTold => {}
            }
        }
        tally.fact(rung, strength, name.clone(), distance);
        if mark.session && strength > Strength::Weak && tally.session.is_none() {
            tally.session = Some(value.chars().take(256).collect());
        }
    }

    fn setter(&self, name: &str, value: &str) -> Setter {
        let ancestors = &self.surroundings.ancestors;
        if ancestors.is_empty() {
            return Setter::NotTold;
        }
        for (up, above) in ancestors.iter().enumerate() {
            // Whoever starts everything sets nothing for one terminal.
            if above.process.pid == 1 || matches!(file_name(&above.program), "systemd" | "init" | "launchd") {
                return Setter::Gone;
            }
            match &above.env {
                None => return Setter::NotTold,
                Some(env) if env.get(name).is_some_and(|its| its == value) => {}
                Some(_) => return Setter::Above(up),
            }
        }
        Setter::Gone
    }

    fn process(&self, mark: &ProcessMark, tally: &mut Tally<'a>) {
        let found =
            self.surroundings.ancestors.iter().enumerate().find_map(|(up, above)| Some((up, runs(mark, above)?)));
        if let Some((up, is_sure)) = found {
            let strength = if mark.name.len() <= SHORT_NAME && !is_sure { Strength::Weak } else { mark.strength };
            tally.fact(Rung::AncestorProcess, strength, format!("process {}", mark.name), Some(up));
        }
    }

    fn editor(&self, editor: &EditorSeen, tally: &mut Tally<'a>) {
        for ExtensionMark { id, strength, .. } in &tally.tool.extensions {
            if editor.extensions.iter().any(|seen| seen.eq_ignore_ascii_case(id)) {
                tally.fact(Rung::Configured, *strength, format!("extension {id}"), None);
            }
        }
        for mark in &tally.tool.nvim {
            let name = file_name(&mark.plugin);
            if editor.extensions.iter().any(|seen| seen == &mark.plugin || seen == name) {
                tally.fact(Rung::Configured, mark.strength, format!("plugin {}", mark.plugin), None);
            }
        }
        let name = folded(&editor.name);
        let tool = tally.tool;
        let is_editor = tool.category == Category::EditorAgent;
        if is_editor && !name.is_empty() && [&tool.id].into_iter().chain(&tool.aliases).any(|id| folded(id) == name) {
            tally.fact(Rung::HostApp, Strength::Weak, format!("editor {}", tool.id), None);
        }
    }

    /// Variables that many tools share: they add to the tool they name. What they say of an agent that they do not
    /// name, in percent.
    fn generic(&self, tallies: &mut [Tally<'a>]) -> Option<u8> {
        let mut unnamed = None;
        for generic in self.catalogue.generic().iter().filter(|generic| generic.role == "name") {
            let Some(value) = self.surroundings.env.get(&generic.name) else { continue };
            let said = name_in(value);
            let says_nothing = matches!(said.as_str(), "" | "0" | "false" | "no" | "off");
            let says_some = matches!(said.as_str(), "1" | "true");
            if says_nothing || says_some && generic.strength == Strength::Strong {
                continue;
            }
            let (mut strength, mut distance) = (generic.strength, None);
            match self.setter(&generic.name, value) {
                Setter::Above(up) => distance = Some(up),
                Setter::Gone if self.surroundings.terminal => strength = Strength::Weak,
                Setter::Gone | Setter::NotTold => {}
            }
            match self.catalogue.find(&said).filter(|_| !says_some) {
                Some(at) if !tallies[at].facts.iter().any(|fact| fact.mark == generic.name) => {
                    tallies[at].fact(Rung::ChildEnv, strength, generic.name.clone(), distance);
                }
                Some(_) => {}
                None if strength == Strength::Weak => {}
                // A tool's own mark on this variable knows the value in another spelling.
                None if tallies.iter().any(|tally| tally.marks().contains(generic.name.as_str())) => {}
                None => unnamed = unnamed.max(Some(percent(self.catalogue.weight(strength)))),
            }
        }
        unnamed
    }

    /// Whether everything that speaks for `one` is explained by the other.
    fn explains(&self, other: &Tally<'_>, one: &Tally<'_>) -> bool {
        let (theirs, its) = (other.marks(), one.marks());
        if other.tool.id == one.tool.id {
            return false;
        }
        if its == theirs {
            // The special one has to show more than the general one.
            return self.catalogue.comes_before(&one.tool.id, &other.tool.id);
        }
        if its.is_subset(&theirs) {
            return true;
        }
        let is_near = match (other.distance(), one.distance()) {
            (Some(theirs), Some(its)) => theirs <= its,
            _ => true,
        };
        self.catalogue.comes_before(&other.tool.id, &one.tool.id) && is_near && !theirs.is_subset(&its)
    }

    fn confidence(&self, tally: &Tally<'_>) -> u8 {
        // A mark that two entries name is one fact.
        let mut rungs: BTreeMap<Rung, BTreeMap<&str, f64>> = BTreeMap::new();
        for fact in &tally.facts {
            let weight = rungs.entry(fact.rung).or_default().entry(&fact.mark).or_default();
            *weight = weight.max(self.catalogue.weight(fact.strength));
        }
        let join = |shares: &mut dyn Iterator<Item = f64>| 1.0 - shares.fold(1.0, |left, share| left * (1.0 - share));
        let capped: Vec<(f64, f64)> = rungs
            .iter()
            .map(|(rung, weights)| {
                let cap = self.catalogue.cap(*rung);
                (join(&mut weights.values().copied()).min(cap), cap)
            })
            .collect();
        let best = capped.iter().map(|(_, cap)| *cap).fold(0.0, f64::max);
        let all = join(&mut capped.iter().map(|(share, _)| *share)).min(best);
        let is_weak = tally.facts.iter().all(|fact| fact.strength == Strength::Weak);
        percent(if is_weak { all.min(WEAK_CAP) } else { all })
    }

    fn found(&self, tally: &Tally<'_>) -> Found {
        Found {
            tool: tally.tool.id.clone(),
            confidence: self.confidence(tally),
            session: tally.session.clone(),
            evidence: tally.facts.clone(),
        }
    }
}

impl Tally<'_> {
    fn fact(&mut self, rung: Rung, strength: Strength, mark: String, distance: Option<usize>) {
        self.facts.push(Fact { rung, strength, mark, distance });
    }
}

fn percent(share: f64) -> u8 {
    // Between 0 and 100 by the caps.
    (share * 100.0).round() as u8
}

/// A tool's name out of a shared variable: lower case, without what looks like a version.
fn name_in(value: &str) -> String {
    let value = value.trim().to_ascii_lowercase();
    let mut end = value.find(['/', '@']).unwrap_or(value.len());
    let version = value.match_indices('_').find(|(at, _)| value[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    if let Some((at, _)) = version {
        end = end.min(at);
    }
    value[..end].to_owned()
}

fn compares(how: Match, wanted: Option<&str>, value: &str) -> bool {
    let wanted = wanted.unwrap_or_default();
    match how {
        Match::Exact => value == wanted,
        Match::Nonempty => !value.is_empty(),
        Match::Prefix => value.starts_with(wanted),
        Match::Suffix => value.ends_with(wanted),
        Match::Contains => value.contains(wanted),
        Match::Uuid => is_uuid(value),
        _ => false,
    }
}

fn is_client(known: &str, name: &str) -> bool {
    match known.strip_suffix('*') {
        Some(prefix) => folded(name).starts_with(&folded(prefix)),
        None => folded(name) == folded(known),
    }
}

/// Whether a process is a tool's; `Some(true)` where its package says so, too.
fn runs(mark: &ProcessMark, above: &Ancestor) -> Option<bool> {
    let script = above.args.iter().skip(1).find(|arg| !arg.starts_with('-'));
    let is_interpreter = INTERPRETERS.contains(&file_name(&above.program));
    let paths = [Some(&above.program), above.args.first(), script.filter(|_| is_interpreter)];
    let paths = || paths.iter().flatten().copied();
    let package = mark.package.as_deref();
    let in_package = package.is_some_and(|package| paths().any(|path| path.contains(&format!("/{package}/"))));
    let named = paths().any(|path| file_name(path) == mark.name || stem(path) == mark.name);
    (named || in_package).then_some(in_package)
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// A script's name without its ending.
fn stem(path: &str) -> &str {
    let name = file_name(path);
    let ending = [".js", ".mjs", ".cjs", ".py", ".ts", ".exe"].into_iter().find_map(|ending| name.strip_suffix(ending));
    ending.unwrap_or(name)
}
