//! A note's text taken apart, and what it says of a commit's lines.
//!
//! Later lines of a note go before earlier ones, as git-ai reads it. Keys that the JSON does not explain say nothing, as
//! there. Absent on purpose: the transcripts that a note may point to.

use codi2_protocol::{Actor, ActorKind, Class, EvidenceKind, Owner, Verdict};
use serde_json::{Map, Value};

use super::{Attested, CLASS, DIVIDER, Entry, KIND, NAME, NO_MODEL, NOTE_BYTES, NOTE_RANGES, Note, NoteError};
use crate::record::draft::Draft;
use crate::record::{CommitRecord, as_told, class_named};

impl Note {
    /// Takes a note's text apart.
    ///
    /// # Errors
    /// The line that makes no sense, and why.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let wrong = |line: usize, found: String| NoteError { line, found };
        if text.len() > NOTE_BYTES {
            return Err(wrong(1, format!("it is longer than {NOTE_BYTES} bytes, the most that is read")));
        }
        let (mut files, mut ranges, mut at): (Vec<Attested>, usize, usize) = (Vec::new(), 0, 0);
        for (line, this) in (1..).zip(text.split_inclusive('\n')) {
            at += this.len();
            let this = this.trim_end();
            if this == DIVIDER {
                let metadata = metadata(&text[at..]).map_err(|(behind, found)| wrong(line + behind, found))?;
                files.retain(|file| !file.entries.is_empty());
                return Ok(Self { files, metadata });
            }
            if this.is_empty() {
                continue;
            }
            if !this.starts_with([' ', '\t']) {
                let quoted = this.strip_prefix('"').and_then(|path| path.strip_suffix('"'));
                files.push(Attested { path: quoted.unwrap_or(this).to_owned(), entries: Vec::new() });
                continue;
            }
            let Some(file) = files.last_mut() else {
                return Err(wrong(line, "lines are given to a key before any file is named".to_owned()));
            };
            let entry = entry(this.trim_start()).map_err(|found| wrong(line, found))?;
            ranges += entry.ranges.len();
            if ranges > NOTE_RANGES {
                return Err(wrong(line, format!("it has more than {NOTE_RANGES} ranges, the most that is read")));
            }
            file.entries.push(entry);
        }
        let last = text.lines().count().max(1);
        Err(wrong(last, format!("it ends without the line {DIVIDER} that parts the files from the JSON")))
    }

    /// What it says of the lines of a commit. AI entries are declared, or as weak as codi2 said they were; a person is
    /// named only where codi2 wrote that it saw the lines written, else its line is unknown and the evidence names it.
    pub fn record(&self, commit: &str) -> CommitRecord {
        let mut draft = Draft::default();
        // Of two entries for one file, the later one goes first.
        for file in self.files.iter().rev() {
            for entry in file.entries.iter().rev() {
                let Some(owner) = self.owner(&entry.key) else { continue };
                for &(first, last) in &entry.ranges {
                    draft.fill(&file.path, first, last, &owner, None);
                }
            }
        }
        draft.record(commit)
    }

    /// Whether the JSON says whom a key stands for.
    pub(super) fn explains(&self, key: &str) -> bool {
        self.owner(key).is_some()
    }

    /// Whom a key stands for; nobody where the JSON does not say.
    fn owner(&self, key: &str) -> Option<Owner> {
        if let Some(author) = key.starts_with("h_").then(|| self.map("humans")?.get(key)?.get("author")?.as_str()) {
            return Some(self.person(key, author?));
        }
        let session = match key.split_once("::") {
            Some((session, _)) if session.starts_with("s_") => session,
            None if key.starts_with("s_") => key,
            _ => return Some(self.agent(self.map("prompts")?.get(key)?.as_object()?)),
        };
        Some(self.agent(self.map("sessions")?.get(session)?.as_object()?))
    }

    fn agent(&self, session: &Map<String, Value>) -> Owner {
        let text = |map: Option<&Map<String, Value>>, key: &str| {
            map.and_then(|map| map.get(key)).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let id = session.get("agent_id").and_then(Value::as_object);
        let custom = session.get("custom_attributes").and_then(Value::as_object);
        let kind = match text(custom, KIND).as_deref() {
            Some("completion") => ActorKind::Completion,
            Some("orchestrator") => ActorKind::Orchestrator,
            _ => ActorKind::Agent,
        };
        let tool = text(id, "tool");
        let name = text(custom, NAME);
        let director = text(Some(session), "human_author").map(|name| Actor::named(ActorKind::Person, name));
        let origin = Actor {
            tool: name.is_some().then(|| tool.clone()).flatten(),
            model: text(id, "model").filter(|model| model != NO_MODEL),
            session: text(id, "id"),
            parent: director.map(Box::new),
            ..Actor::named(kind, name.or(tool).unwrap_or_default())
        };
        let class = text(custom, CLASS).map_or(Class::Declared, |class| class_named(&class));
        as_told(origin, class, &format!("{} says so", self.writer()))
    }

    fn person(&self, key: &str, author: &str) -> Owner {
        if let Some(class) = self.observed(key) {
            let words = format!("{} says so", self.writer());
            return as_told(Actor::named(ActorKind::Person, author), class_named(class), &words);
        }
        let words = format!("{} names person {author}, as it does for lines that nobody saw written", self.writer());
        let verdict = Verdict::new(Actor::unknown(), Class::Unknown, EvidenceKind::Imported, words);
        Owner { verdict, at_ms: None, event: None }
    }

    /// Who wrote the note, in words.
    fn writer(&self) -> String {
        let version = |map: Option<&Map<String, Value>>, key: &str| map?.get(key)?.as_str().map(str::to_owned);
        if let Some(version) = version(Some(&self.metadata), "git_ai_version") {
            return format!("a note of git-ai {version}");
        }
        match version(self.map(super::OURS), "version") {
            Some(version) => format!("a note of codi2 {version}"),
            None => "a git-ai note".to_owned(),
        }
    }
}

/// `KEY 1-4,9,12-14`, without the spaces before it.
fn entry(text: &str) -> Result<Entry, String> {
    let (key, lines) = text.split_once(' ').ok_or_else(|| format!("{} has no lines behind it", short(text)))?;
    let mut ranges = Vec::new();
    for range in lines.trim_start().split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| text.parse::<u32>().ok().filter(|line| *line > 0);
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => ranges.push((first, last)),
            (Some(first), Some(last)) => return Err(format!("the lines {first}-{last} end before they begin")),
            _ => return Err(format!("{} are no lines; they look like 1-4,9", short(range))),
        }
    }
    if ranges.is_empty() {
        return Err(format!("{} has no lines behind it", short(key)));
    }
    Ok(Entry { key: key.to_owned(), ranges })
}

/// The JSON behind the divider, or how many lines behind it something is wrong.
fn metadata(text: &str) -> Result<Map<String, Value>, (usize, String)> {
    let metadata: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| (error.line().max(1), format!("its JSON is wrong: {error}")))?;
    match metadata.get("schema_version").and_then(Value::as_str) {
        Some(version) if version.starts_with("authorship/3.") => Ok(metadata),
        Some(version) => Err((1, format!("its format is {}; known is authorship/3.0.0", short(version)))),
        None => Err((1, "its JSON names no schema_version; known is authorship/3.0.0".to_owned())),
    }
}

/// A text from outside, short enough for a message.
fn short(text: &str) -> String {
    let mut shown: String = text.chars().take(40).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}
