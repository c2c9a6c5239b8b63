//! Records of Agent Trace as others write them: one, an array, or one a line.
//!
//! What cannot be of use is passed over with its reason, never an error: other systems than git, paths that name no file
//! of a repository, placeholders for "somewhere". Absent on purpose: what lies behind the addresses of conversations.

use std::collections::BTreeMap;

use codi2_protocol::{Actor, ActorKind, Class, EvidenceKind, Owner, Verdict};
use serde_json::Value;

use super::{Contributor, Conversation, File, Kind, OURS, Ours, Range, TRACE_BYTES, TRACE_RANGES, Trace};
use crate::record::draft::Draft;
use crate::record::{CommitRecord, as_told};

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Read {
    /// One a revision, in their order; of two records of one revision, the later one goes first.
    pub records: Vec<CommitRecord>,
    /// What was passed over, in words.
    pub passed: Vec<String>,
}

/// A text that holds no records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {found}")]
pub struct TraceError {
    /// Where, from 1.
    pub line: usize,
    /// What is wrong there.
    pub found: String,
}

/// Takes the records out of a text.
///
/// # Errors
/// The line that is no record, and why.
pub fn read(text: &str) -> Result<Read, TraceError> {
    if text.len() > TRACE_BYTES {
        let found = format!("the text is longer than {TRACE_BYTES} bytes, the most that is read at once");
        return Err(TraceError { line: 1, found });
    }
    let (mut traces, mut ranges) = (Vec::new(), 0);
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let (mut line, mut counted) = (1, 0);
    loop {
        // Where the next record begins: what parts them is not read yet.
        let end = documents.byte_offset();
        let begin = text.len() - text[end..].trim_start().len();
        line += text[counted..begin].matches('\n').count();
        counted = begin;
        let Some(document) = documents.next() else { break };
        let document = document.map_err(|error| TraceError { line: error.line(), found: error.to_string() })?;
        let records = match document {
            Value::Array(records) => records,
            record => vec![record],
        };
        for record in records {
            let trace: Trace = serde_json::from_value(record).map_err(|error| TraceError {
                line,
                found: format!("no record of Agent Trace begins here: {error}"),
            })?;
            let in_file = |file: &File| file.conversations.iter().map(|of| of.ranges.len()).sum::<usize>();
            ranges += trace.files.iter().map(in_file).sum::<usize>();
            if ranges > TRACE_RANGES {
                let found = format!("there are more than {TRACE_RANGES} ranges, the most that is read at once");
                return Err(TraceError { line, found });
            }
            traces.push(trace);
        }
    }
    Ok(gather(&traces))
}

fn gather(traces: &[Trace]) -> Read {
    let mut read = Read::default();
    let mut drafts: BTreeMap<String, (usize, Draft)> = BTreeMap::new();
    for (at, trace) in traces.iter().enumerate().rev() {
        match trace.revision() {
            Ok(revision) => {
                let (first, draft) = drafts.entry(revision).or_default();
                *first = at;
                trace.fill(draft, &mut read.passed);
            }
            Err(why) => read.passed.push(format!("record {}: {why}", trace.id)),
        }
    }
    let mut drafts: Vec<(usize, CommitRecord)> =
        drafts.into_iter().map(|(revision, (first, draft))| (first, draft.record(&revision))).collect();
    drafts.sort_by_key(|(first, _)| *first);
    read.records = drafts.into_iter().map(|(_, record)| record).filter(|record| !record.files.is_empty()).collect();
    read.passed.reverse();
    read
}

impl Trace {
    /// The commit whose lines it tells.
    fn revision(&self) -> Result<String, String> {
        let vcs = self.vcs.as_ref().ok_or("it names no revision, so its lines are of no known text")?;
        let hex = |text: &str| matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match vcs.kind.as_str() {
            "git" if hex(&vcs.revision) => Ok(vcs.revision.to_lowercase()),
            "git" => Err("its revision is no commit's whole name".to_owned()),
            _ => Err("it is not of git".to_owned()),
        }
    }

    fn fill(&self, draft: &mut Draft, passed: &mut Vec<String>) {
        let ours = self.ours();
        for (at, file) in self.files.iter().enumerate() {
            if !names_a_file(&file.path) {
                passed.push(format!("record {}: {:?} is no file of a repository", self.id, file.path));
                continue;
            }
            for (of, conversation) in file.conversations.iter().enumerate() {
                let told = ours.as_ref().map(|ours| ours.conversations[at][of]);
                for range in &conversation.ranges {
                    if range.start_line == 0 || range.end_line < range.start_line {
                        passed.push(format!(
                            "record {}: lines {}-{} are none",
                            self.id, range.start_line, range.end_line
                        ));
                    } else if ours.is_none() && (range.start_line, range.end_line) == (1, 1) {
                        passed.push(format!(
                            "record {}: line 1 of {:?} alone stands for \"somewhere\"",
                            self.id, file.path
                        ));
                    } else if let (Some(ours), Some((owner, second))) = (&ours, told) {
                        let owner_of = |owner: u32| self.told(ours, owner);
                        let second = second.map(owner_of);
                        draft.fill(&file.path, range.start_line, range.end_line, &owner_of(owner), second.as_ref());
                    } else {
                        draft.fill(
                            &file.path,
                            range.start_line,
                            range.end_line,
                            &self.owner(conversation, range),
                            None,
                        );
                    }
                }
            }
        }
    }

    /// What codi2 added, where it is whole: an owner for each conversation.
    fn ours(&self) -> Option<Ours> {
        let ours: Ours = serde_json::from_value(self.metadata.get(OURS)?.clone()).ok()?;
        let there = |owner: u32| (owner as usize) < ours.owners.len();
        let fits = |(file, told): (&File, &Vec<(u32, Option<u32>)>)| {
            file.conversations.len() == told.len()
                && told.iter().all(|(owner, second)| there(*owner) && second.is_none_or(there))
        };
        (ours.conversations.len() == self.files.len() && self.files.iter().zip(&ours.conversations).all(fits))
            .then_some(ours)
    }

    fn told(&self, ours: &Ours, owner: u32) -> Owner {
        let told = &ours.owners[owner as usize];
        let mut owner = as_told(told.origin.clone(), told.class, &self.words());
        if told.class != Class::Unknown {
            (owner.verdict.modifier, owner.verdict.acceptor) = (told.modifier.clone(), told.acceptor.clone());
        }
        owner.at_ms = told.at_ms;
        owner
    }

    /// Whom a record of another program names. It knows no names of people, and does not say which of a line's two
    /// sorts of authors wrote more of it: both leave the line unknown.
    fn owner(&self, conversation: &Conversation, range: &Range) -> Owner {
        let contributor = range.contributor.as_ref().or(conversation.contributor.as_ref());
        let unknown = |words: String| {
            let verdict = Verdict::new(Actor::unknown(), Class::Unknown, EvidenceKind::Imported, words);
            Owner { verdict, at_ms: None, event: None }
        };
        let words = self.words();
        match contributor {
            Some(Contributor { kind: Kind::Ai, model_id }) => {
                let tool = self.tool.as_ref().and_then(|tool| tool.name.clone()).filter(|name| name != "unknown");
                let name = tool.or_else(|| model_id.clone()).unwrap_or_default();
                let (model, session) = (model_id.clone(), conversation.url.clone());
                let origin = Actor { model, session, ..Actor::named(ActorKind::Agent, name) };
                // Its lines are of a text before or after the revision: see ADR 0051.
                let class = if self.names_its_text() { Class::Declared } else { Class::Unknown };
                as_told(origin, class, &words)
            }
            Some(Contributor { kind: Kind::Human, .. }) => unknown(format!("{words}: a person, without a name")),
            Some(Contributor { kind: Kind::Mixed, .. }) => unknown(format!("{words}: a person and an AI")),
            _ => unknown(format!("{words}: unknown")),
        }
    }

    /// Whether the lines are of the revision. Where the version is not in three parts, the record is of the reference
    /// implementation, which names the commit before the edit.
    fn names_its_text(&self) -> bool {
        self.version.split('.').count() == 3
    }

    fn words(&self) -> String {
        match self.tool.as_ref().and_then(|tool| tool.name.as_deref()) {
            Some(tool) => format!("an Agent Trace of {tool} says so"),
            None => "an Agent Trace says so".to_owned(),
        }
    }
}

/// Below the repository's root, without the names that hooks invent for what is no file.
fn names_a_file(path: &str) -> bool {
    let invented = [".shell-history", ".sessions"];
    let outside =
        path.starts_with('/') || path.contains('\\') || path.split('/').any(|part| matches!(part, "" | "." | ".."));
    !outside && !invented.contains(&path)
}
