//! What is known of a commit as a record of Agent Trace.

use std::collections::BTreeMap;

use codi2_protocol::{ActorKind, Class, Owner};
use serde_json::{Map, json};
use sha2::{Digest, Sha256};
use uuid::Builder;

use super::{Contributor, Conversation, File, Kind, MODEL_CHARS, OURS, Ours, Range, Told, Tool, Trace, VERSION, Vcs};
use crate::record::CommitRecord;

/// How names of models begin → who makes them, as models.dev has it: the format wants `maker/model`, tools name the
/// model alone.
const MAKERS: &[(&str, &str)] = &[
    ("claude", "anthropic"),
    ("gpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("codex-", "openai"),
    ("gemini", "google"),
    ("grok", "xai"),
    ("deepseek", "deepseek"),
    ("mistral", "mistral"),
    ("devstral", "mistral"),
    ("codestral", "mistral"),
    ("qwen", "alibaba"),
    ("kimi", "moonshotai"),
];

impl Trace {
    /// What is known of a commit, as codi2 of this version tells it. `at` is the time of the commit (RFC 3339). The same
    /// commit has the same id, however often its record is made.
    pub fn of(record: &CommitRecord, at: &str, version: &str) -> Self {
        let (mut files, mut conversations) = (Vec::new(), Vec::new());
        for file in &record.files {
            // A record may name an owner that it does not have: then nobody is said to own the line.
            let mut by: BTreeMap<(u32, Option<u32>), Vec<Range>> = BTreeMap::new();
            for range in file.ranges.iter().filter(|range| 0 < range.first && range.first <= range.last) {
                let there = |owner: &u32| (*owner as usize) < record.owners.len();
                if there(&range.owner) {
                    let line = Range { start_line: range.first, end_line: range.last, contributor: None };
                    by.entry((range.owner, range.second.filter(there))).or_default().push(line);
                }
            }
            if by.is_empty() {
                continue;
            }
            conversations.push(by.keys().copied().collect());
            let conversation = |((owner, second), ranges): ((u32, Option<u32>), Vec<Range>)| Conversation {
                url: None,
                contributor: Some(contributor(record, owner, second)),
                ranges,
            };
            files.push(File { path: file.path.clone(), conversations: by.into_iter().map(conversation).collect() });
        }
        let ours = Ours { owners: record.owners.iter().map(Told::of).collect(), conversations };
        Self {
            version: VERSION.to_owned(),
            id: id(&record.commit),
            timestamp: at.to_owned(),
            vcs: Some(Vcs { kind: "git".to_owned(), revision: record.commit.clone() }),
            tool: Some(Tool { name: Some("codi2".to_owned()), version: Some(version.to_owned()) }),
            files,
            metadata: Map::from_iter([(OURS.to_owned(), json!(ours))]),
        }
    }

    /// Whether it says nothing of any line.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

fn contributor(record: &CommitRecord, owner: u32, second: Option<u32>) -> Contributor {
    let of = |owner: u32| &record.owners[owner as usize];
    let (first, second) = (sort(of(owner)), second.map(|second| sort(of(second))));
    let kind = match (first, second) {
        (Kind::Ai, Some(Kind::Human)) | (Kind::Human, Some(Kind::Ai)) => Kind::Mixed,
        (first, _) => first,
    };
    let model = || of(owner).verdict.origin.model.as_deref().filter(|model| !model.is_empty()).map(model_id);
    Contributor { kind, model_id: if first == Kind::Ai { model() } else { None } }
}

/// Formatters, git and programs that nobody announced are none of the format's sorts, and unknown to it.
fn sort(owner: &Owner) -> Kind {
    match owner.verdict.origin.kind {
        _ if owner.verdict.class == Class::Unknown => Kind::Unknown,
        ActorKind::Person => Kind::Human,
        ActorKind::Agent | ActorKind::Orchestrator | ActorKind::Completion => Kind::Ai,
        _ => Kind::Unknown,
    }
}

fn model_id(model: &str) -> String {
    let maker = MAKERS.iter().find(|(beginning, _)| !model.contains('/') && model.starts_with(beginning));
    let whole = maker.map_or_else(|| model.to_owned(), |(_, maker)| format!("{maker}/{model}"));
    whole.chars().take(MODEL_CHARS).collect()
}

/// A UUID of version 8, from the commit.
fn id(commit: &str) -> String {
    let digest = Sha256::digest(format!("codi2 agent-trace {commit}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_custom_bytes(bytes).into_uuid().to_string()
}
