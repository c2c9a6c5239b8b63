//! The catalogue: a document whose rules hold, and what a person adds to it.
//!
//! Invariants: ids are unique; what is cited and referred to exists; a mark that compares has something to compare with;
//! nothing that a person may set is strong; a key is evidence of nobody.

use std::collections::BTreeSet;
use std::fmt;

use super::document::{Document, EnvMark, GenericEnv, Order, Tool};
use super::words::{Category, Match, Rung, Strength};

/// Where marks in the environment can be seen.
const SCOPES: [&str; 7] = ["shell", "hook", "mcp", "terminal", "vm", "any", "macos process tree"];
/// Where marks in a commit can be.
const KINDS: [&str; 12] = [
    "trailer",
    "footer",
    "author-name",
    "author-email",
    "author-login",
    "committer-name",
    "committer-email",
    "subject",
    "branch",
    "notes-ref",
    "pr-body",
    "pr-footer",
];
/// What a part of the name says, between underscores, of a variable that holds a key.
const KEYS: [&str; 17] = [
    "KEY",
    "KEYS",
    "APIKEY",
    "APIKEYS",
    "TOKEN",
    "TOKENS",
    "SECRET",
    "SECRETS",
    "PASSWORD",
    "PASSWORDS",
    "PASSWD",
    "PAT",
    "CREDENTIAL",
    "CREDENTIALS",
    "CREDS",
    "AUTH",
    "BEARER",
];
/// In an order: whatever else acts.
const ANY: &str = "any agent marker";

/// What is wrong with a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The number of the tool in its list, from 0; absent where it is about no tool.
    pub tool: Option<usize>,
    /// What is there.
    pub found: String,
    /// What to do.
    pub todo: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.found, self.todo)
    }
}

/// A checked catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    tools: Vec<Tool>,
    orders: Vec<Order>,
    generic: Vec<GenericEnv>,
    weights: [f64; 3],
    caps: [f64; 8],
}

impl Catalogue {
    /// The document's catalogue.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn of(document: Document) -> Result<Self, Vec<Mistake>> {
        let mut wrong = Vec::new();
        let mut say = |found: String, todo: &str| wrong.push(Mistake { tool: None, found, todo: todo.to_owned() });
        if document.meta.tools != document.tool.len() {
            say(format!("meta.tools says {}, there are {}", document.meta.tools, document.tool.len()), "correct it");
        }
        let sources: BTreeSet<&str> = document.source.iter().map(|source| source.id.as_str()).collect();
        if sources.len() != document.source.len() {
            say("two sources have one id".to_owned(), "rename one");
        }
        let (mut weights, mut caps) = ([f64::NAN; 3], [f64::NAN; 8]);
        for row in &document.strength {
            weights[row.id as usize] = row.weight;
        }
        for row in &document.rung {
            caps[row.id as usize] = row.cap;
        }
        if weights.iter().chain(&caps).any(|share| !(0.0..=1.0).contains(share)) {
            say("a weight or cap is missing or not between 0 and 1".to_owned(), "give each strength and rung one");
        }
        let ids: BTreeSet<&str> = document.tool.iter().map(|tool| tool.id.as_str()).collect();
        for Order { check_first, before, .. } in &document.order {
            for id in [check_first, before].into_iter().filter(|id| *id != ANY && !ids.contains(id.as_str())) {
                say(format!("an order names {id:?}, which is no tool"), "name a tool by its id");
            }
        }
        for shape in &document.payload_shape {
            let id = shape.tool.split(" (").next().unwrap_or_default();
            if !ids.contains(id) {
                say(format!("a payload's shape names {id:?}, which is no tool"), "name a tool by its id");
            }
        }
        let others = document.generic_env.iter().flat_map(|generic| &generic.source);
        let others = others.chain(document.order.iter().flat_map(|order| &order.source));
        let others = others.chain(document.not_evidence.iter().flat_map(|no| &no.source));
        let others = others.chain(document.payload_shape.iter().flat_map(|shape| &shape.source));
        for source in others.filter(|source| !sources.contains(source.as_str())) {
            say(format!("the source {source:?} is cited and not listed"), "list it");
        }
        let mut seen = BTreeSet::new();
        for (at, tool) in document.tool.iter().enumerate() {
            let mut say = |found: String, todo: &str| {
                wrong.push(Mistake { tool: Some(at), found: format!("{}: {found}", tool.id), todo: todo.to_owned() });
            };
            if !seen.insert(tool.id.as_str()) {
                say("the id is given twice".to_owned(), "keep one of them");
            }
            for cited in cited(tool) {
                if cited.is_empty() {
                    say("a fact cites no source".to_owned(), "say where it is from");
                }
                for source in cited.iter().filter(|source| !sources.contains(source.as_str())) {
                    say(format!("the source {source:?} is cited and not listed"), "list it");
                }
            }
            marks(tool, &mut say);
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(Self { tools: document.tool, orders: document.order, generic: document.generic_env, weights, caps })
    }

    /// Takes in a person's tools: one with an id that is known adds its marks to that tool. What is wrong is left out
    /// and told; the rest counts.
    pub fn extend(&mut self, tools: Vec<Tool>) -> Vec<Mistake> {
        let mut wrong = Vec::new();
        let mut seen = BTreeSet::new();
        for (at, tool) in tools.into_iter().enumerate() {
            let before = wrong.len();
            let mut say = |found: String, todo: &str| {
                wrong.push(Mistake { tool: Some(at), found: format!("{}: {found}", tool.id), todo: todo.to_owned() });
            };
            if !seen.insert(tool.id.clone()) {
                say("the id is given twice".to_owned(), "put all its marks into one entry");
            }
            marks(&tool, &mut say);
            if wrong.len() > before {
                continue;
            }
            match self.tools.iter_mut().find(|known| known.id == tool.id) {
                Some(known) => {
                    known.env.extend(tool.env);
                    known.process.extend(tool.process);
                    known.extensions.extend(tool.extensions);
                    known.git.extend(tool.git);
                    known.mcp_client_names.extend(tool.mcp_client_names);
                }
                None => self.tools.push(tool),
            }
        }
        wrong
    }

    /// Every tool, in the document's order.
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// The tool of this id or alias; letter case, blanks, dashes and underscores do not count.
    pub fn named(&self, name: &str) -> Option<&Tool> {
        self.find(name).map(|at| &self.tools[at])
    }

    /// The same by its number. An id counts before an alias.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let name = folded(name);
        let at = |fits: &dyn Fn(&Tool) -> bool| self.tools.iter().position(fits);
        at(&|tool| folded(&tool.id) == name)
            .or_else(|| at(&|tool| tool.aliases.iter().any(|alias| folded(alias) == name)))
    }

    pub(super) fn generic(&self) -> &[GenericEnv] {
        &self.generic
    }

    pub(super) fn weight(&self, strength: Strength) -> f64 {
        self.weights[strength as usize]
    }

    pub(super) fn cap(&self, rung: Rung) -> f64 {
        self.caps[rung as usize]
    }

    /// Whether the first tool's marks hide the second's.
    pub(super) fn comes_before(&self, first: &str, second: &str) -> bool {
        first != second
            && self
                .orders
                .iter()
                .any(|order| order.before == second && (order.check_first == first || order.check_first == ANY))
    }

    /// Paths from the root on that prove a machine to be a tool's.
    pub fn machine_marks(&self) -> impl Iterator<Item = &str> {
        let files = self.tools.iter().flat_map(|tool| &tool.files);
        files.filter(|file| is_machine_mark(&file.kind)).map(|file| file.path.as_str())
    }

    /// Whether a variable of this name can be evidence.
    pub fn reads(&self, variable: &str) -> bool {
        let marks = self.tools.iter().flat_map(|tool| &tool.env);
        let fits = |mark: &EnvMark| match mark.r#match {
            Match::NamePrefix => variable.starts_with(&mark.name),
            _ => mark.name == variable || mark.with.iter().any(|with| with == variable),
        };
        self.generic.iter().any(|generic| generic.name == variable) || marks.into_iter().any(fits)
    }
}

impl Tool {
    /// A tool without marks, as a person's entry begins: an agent that edits code.
    pub fn bare(id: String, name: String) -> Self {
        Self {
            id,
            name,
            vendor: String::new(),
            category: Category::CliAgent,
            family: None,
            aliases: Vec::new(),
            owner_list: false,
            runs_code_edits: true,
            session_id_format: None,
            session_id_patterns: Vec::new(),
            mcp_client_names: Vec::new(),
            api_hosts: Vec::new(),
            env_keys: Vec::new(),
            ports: Vec::new(),
            scalar_sources: Vec::new(),
            unconfirmed: Vec::new(),
            env: Vec::new(),
            process: Vec::new(),
            extensions: Vec::new(),
            nvim: Vec::new(),
            git: Vec::new(),
            files: Vec::new(),
            hooks: Vec::new(),
            sessions: Vec::new(),
            exports: Vec::new(),
        }
    }

    /// Whether it leaves anything that can be seen from outside.
    pub fn has_marks(&self) -> bool {
        !(self.env.is_empty()
            && self.process.is_empty()
            && self.git.is_empty()
            && self.extensions.is_empty()
            && self.nvim.is_empty()
            && self.mcp_client_names.is_empty())
    }
}

pub(super) fn is_machine_mark(kind: &str) -> bool {
    matches!(kind, "marker-dir" | "marker-file" | "sandbox-dir")
}

/// A name as it is compared.
pub(super) fn folded(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// The sources of each fact.
fn cited(tool: &Tool) -> impl Iterator<Item = &Vec<String>> {
    let marks = tool.env.iter().map(|mark| &mark.source);
    let marks = marks.chain(tool.process.iter().map(|mark| &mark.source));
    let marks = marks.chain(tool.extensions.iter().map(|mark| &mark.source));
    let marks = marks.chain(tool.nvim.iter().map(|mark| &mark.source));
    let marks = marks.chain(tool.git.iter().map(|mark| &mark.source));
    let marks = marks.chain(tool.files.iter().map(|mark| &mark.source));
    let marks = marks.chain(tool.hooks.iter().map(|facts| &facts.source));
    let marks = marks.chain(tool.sessions.iter().map(|log| &log.source));
    let marks = marks.chain(tool.exports.iter().map(|export| &export.source));
    marks.chain(Some(&tool.scalar_sources).filter(|sources| !sources.is_empty()))
}

/// What must hold for a tool's marks, whoever wrote them.
fn marks(tool: &Tool, say: &mut dyn FnMut(String, &str)) {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if tool.id.is_empty() || tool.id.len() > 64 || !tool.id.chars().all(letter) {
        say(format!("{:?} is no id", tool.id), "write lower-case letters, digits and dashes, such as my-agent");
    }
    for mark in &tool.env {
        let name = &mark.name;
        if name.is_empty() {
            say("a variable has no name".to_owned(), "name it, or remove the entry");
        }
        if name.contains(|c: char| c == '=' || c.is_whitespace() || c.is_control()) {
            say(format!("no variable can be called {name:?}"), "write its name alone; what it holds is `value`");
        }
        if mark.r#match.needs_value() && mark.value.as_deref().is_none_or(str::is_empty) {
            say(format!("{name}: the match compares and has no value"), "give the value");
        }
        let scopes: Vec<&str> = mark.scope.split(',').map(str::trim).collect();
        if scopes.iter().any(|scope| !SCOPES.contains(scope)) {
            say(format!("{name}: {:?} is no scope", mark.scope), "write shell, hook, mcp, terminal, vm or any");
        }
        if mark.strength == Strength::Strong && scopes.contains(&"any") {
            say(format!("{name} is strong, and a person may set it"), "make it weak");
        }
        if is_key(name) && (mark.strength > Strength::Weak || !scopes.contains(&"any")) {
            let todo = "name a variable that the tool sets for its own children, or make this one weak";
            say(format!("{name} looks like a key, and a key says nothing of who acts"), todo);
        }
    }
    for mark in &tool.process {
        if mark.name.is_empty() {
            say("a process has no name".to_owned(), "name it, or remove the entry");
        }
        if mark.strength == Strength::Strong {
            say(format!("the process {} is strong", mark.name), "a name can be anybody's: make it medium");
        }
    }
    for mark in &tool.git {
        if !KINDS.contains(&mark.kind.as_str()) {
            say(format!("{:?} is no place in a commit", mark.kind), "write one of trailer, author-email and so on");
        }
        if mark.value.is_empty() {
            say(format!("a mark in {} has no value", mark.kind), "give the value");
        }
    }
    if tool.mcp_client_names.iter().any(|name| folded(name.trim_end_matches('*')).is_empty()) {
        say("a client's name is empty".to_owned(), "name it, or remove the entry");
    }
}

fn is_key(name: &str) -> bool {
    name.split('_').any(|part| KEYS.iter().any(|key| part.eq_ignore_ascii_case(key)))
}
