//! What `codi2 log` and `codi2 blame` print, as the tests ask about it.
//!
//! Read from JSON by name, as any other program would, not through the protocol's types: what people script against
//! is what is tested.

use serde_json::Value;

/// One event of the log.
#[derive(Debug, Clone)]
pub struct Entry(pub Value);

impl Entry {
    /// Reads one line of `codi2 log --format jsonl`.
    pub fn parse(line: &str) -> Self {
        Self(serde_json::from_str(line).unwrap_or_else(|error| panic!("a log line is no JSON: {error}: {line}")))
    }

    fn event(&self) -> &Value {
        self.0.get("event").unwrap_or(&self.0)
    }

    fn text(&self, pointer: &str) -> &str {
        self.event().pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The place in the log, to tail from.
    pub fn stamp(&self) -> &str {
        self.0["stamp"].as_str().unwrap_or_default()
    }

    /// When it happened (ms since the Unix epoch).
    pub fn occurred_ms(&self) -> u64 {
        self.event()["occurred_ms"].as_u64().unwrap_or_default()
    }

    /// The event's kind: `edit`, `disk`, `git` and so on.
    pub fn kind(&self) -> &str {
        self.text("/body/kind")
    }

    /// The kind of its actor: `person`, `agent`, `external` and so on.
    pub fn actor(&self) -> &str {
        self.text("/actor/kind")
    }

    /// The name of its actor; empty for nobody we can name.
    pub fn actor_name(&self) -> &str {
        self.text("/actor/name")
    }

    /// The file, below the worktree's root.
    pub fn file(&self) -> &str {
        self.text("/file")
    }

    /// The event's id.
    pub fn id(&self) -> &str {
        self.text("/id")
    }

    /// The session it belongs to.
    pub fn session(&self) -> &str {
        self.text("/session")
    }

    /// The git operation of a git event.
    pub fn operation(&self) -> &str {
        self.text("/body/operation")
    }

    /// The event that an upgrade judges again; empty for every other kind.
    pub fn upgrades(&self) -> &str {
        self.text("/body/of")
    }

    /// Bytes put in by the change, over all its ranges.
    pub fn inserted(&self) -> u64 {
        self.ranges().filter_map(|range| range["inserted"].as_u64()).sum()
    }

    /// Bytes removed by the change, over all its ranges.
    pub fn deleted(&self) -> u64 {
        self.ranges().filter_map(|range| range["deleted"].as_u64()).sum()
    }

    /// The classes of the change's verdicts, in order.
    pub fn classes(&self) -> Vec<&str> {
        self.verdicts().filter_map(|verdict| verdict["class"].as_str()).collect()
    }

    /// The evidence kinds of the change's verdicts, in order.
    pub fn evidence(&self) -> Vec<&str> {
        self.verdicts()
            .flat_map(|verdict| verdict["evidence"].as_array().into_iter().flatten())
            .filter_map(|evidence| evidence["kind"].as_str())
            .collect()
    }

    fn ranges(&self) -> impl Iterator<Item = &Value> {
        self.event().pointer("/body/change/ranges").and_then(Value::as_array).into_iter().flatten()
    }

    fn verdicts(&self) -> impl Iterator<Item = &Value> {
        self.event().pointer("/body/change/verdicts").and_then(Value::as_array).into_iter().flatten()
    }
}

/// Events that stayed a stranger's: nobody announced them, and no later evidence judged them again.
pub fn strangers(log: &[Entry]) -> Vec<&Entry> {
    let explained =
        |entry: &Entry| log.iter().any(|later| later.upgrades() == entry.id() && later.actor() != "external");
    log.iter().filter(|entry| entry.actor() == "external" && !explained(entry)).collect()
}

/// Who owns each line of a file.
#[derive(Debug, Clone)]
pub struct Blame {
    /// The lines, from the first.
    pub lines: Vec<Line>,
}

/// Who owns one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `person`, `agent`, `external` and so on.
    pub kind: String,
    /// The owner's name; empty for nobody we can name.
    pub name: String,
    /// `exact`, `declared`, `inferred`, `carried` or `unknown`.
    pub class: String,
    /// Whether a second owner has a good part of the line.
    pub mixed: bool,
    /// The kinds of evidence, strongest first.
    pub evidence: Vec<String>,
}

impl Blame {
    /// Reads what `codi2 blame --format json` printed, and holds it to the promised shape.
    pub fn parse(text: &str) -> Self {
        let value: Value =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("blame printed no JSON: {error}: {text}"));
        let lines = value["lines"].as_array().unwrap_or_else(|| panic!("blame printed no lines: {text}"));
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let lines = lines.iter().enumerate().map(|(index, line)| {
            assert_eq!(line["line"], index as u64 + 1, "lines count from 1, each once: {text}");
            for key in ["kind", "name", "tool", "model", "session"] {
                assert!(line["owner"].get(key).is_some(), "owner has no {key:?}: {line}");
            }
            Line {
                kind: word(&line["owner"]["kind"]),
                name: word(&line["owner"]["name"]),
                class: word(&line["class"]),
                mixed: line["mixed"].as_bool().unwrap_or_else(|| panic!("mixed is no boolean: {line}")),
                evidence: line["evidence"].as_array().into_iter().flatten().map(|e| word(&e["kind"])).collect(),
            }
        });
        Self { lines: lines.collect() }
    }

    /// The owners' kinds, line by line.
    pub fn kinds(&self) -> Vec<&str> {
        self.lines.iter().map(|line| line.kind.as_str()).collect()
    }
}
