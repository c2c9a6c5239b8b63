//! What is known of a commit as a note: AI entries, and people that codi2 saw writing.
//!
//! Everything unknown is left out, and so are formatters, git and programs that nobody announced: the format has no
//! word for them. Keys are made from what they stand for, so the same record gives the same note.

use std::collections::BTreeMap;

use codi2_protocol::{Actor, ActorKind, Class, Owner};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Attested, CLASS, Entry, KIND, MODIFIER, NAME, NO_MODEL, Note, OURS, PARENT, SCHEMA};
use crate::record::CommitRecord;
use crate::record::cover::Cover;

/// What a note says of an owner of a record.
struct Told {
    /// The key before the lines.
    key: String,
    /// The key of a session or a person alone.
    id: String,
}

impl Note {
    /// What is known of a commit, as codi2 of this version writes it.
    pub fn of(record: &CommitRecord, version: &str) -> Self {
        let told: Vec<Option<Told>> = record.owners.iter().map(|owner| told(&record.commit, owner)).collect();
        let mut said = Said::default();
        let mut files = Vec::new();
        for file in record.files.iter().filter(|file| !file.path.contains('\n')) {
            let mut lines: BTreeMap<&str, Cover<()>> = BTreeMap::new();
            for range in file.ranges.iter().filter(|range| 0 < range.first && range.first <= range.last) {
                let owner = range.owner as usize;
                let Some(Some(told)) = told.get(owner) else { continue };
                said.add(&told.id, &record.owners[owner], u64::from(range.last - range.first) + 1);
                lines.entry(&told.key).or_default().fill(range.first, range.last, &());
            }
            let entry = |(key, cover): (&str, Cover<()>)| Entry {
                key: key.to_owned(),
                ranges: cover.ranges().into_iter().map(|(first, last, ())| (first, last)).collect(),
            };
            let mut entries: Vec<Entry> = lines.into_iter().map(entry).collect();
            entries.sort_by_key(|entry| entry.ranges.first().copied());
            if !entries.is_empty() {
                files.push(Attested { path: file.path.clone(), entries });
            }
        }
        Self { files, metadata: said.metadata(&record.commit, version) }
    }
}

/// A note's JSON in the making.
#[derive(Default)]
struct Said<'a> {
    /// Key of a session → its owners and how many lines each has.
    sessions: BTreeMap<String, Vec<(&'a Owner, u64)>>,
    /// Key of a person → identity, and the weakest class of its lines.
    people: BTreeMap<String, (&'a str, Class)>,
}

impl<'a> Said<'a> {
    fn add(&mut self, id: &str, owner: &'a Owner, lines: u64) {
        let class = owner.verdict.class;
        if owner.verdict.origin.kind == ActorKind::Person {
            let person = self.people.entry(id.to_owned()).or_insert((&owner.verdict.origin.name, class));
            person.1 = person.1.max(class);
            return;
        }
        let owners = self.sessions.entry(id.to_owned()).or_default();
        match owners.iter_mut().find(|(known, _)| *known == owner) {
            Some((_, count)) => *count += lines,
            None => owners.push((owner, lines)),
        }
    }

    fn metadata(self, commit: &str, version: &str) -> Map<String, Value> {
        let sessions: Map<String, Value> = self.sessions.into_iter().map(|(id, of)| (id, session(&of))).collect();
        let humans = self.people.iter().map(|(id, (name, _))| (id.clone(), json!({"author": name})));
        let observed = self.people.iter().map(|(id, (_, class))| (id.clone(), json!(class)));
        let mut metadata = Map::new();
        metadata.insert("schema_version".to_owned(), json!(SCHEMA));
        metadata.insert("base_commit_sha".to_owned(), json!(commit));
        metadata.insert("prompts".to_owned(), json!({}));
        metadata.insert(OURS.to_owned(), json!({"version": version, "observed": Map::from_iter(observed)}));
        metadata.insert("humans".to_owned(), Value::Object(humans.collect()));
        metadata.insert("sessions".to_owned(), Value::Object(sessions));
        metadata
    }
}

/// A session's record: the actor with the most lines, the weakest class of all.
fn session(owners: &[(&Owner, u64)]) -> Value {
    let Some((most, _)) = owners.iter().rev().max_by_key(|(_, lines)| *lines) else { return Value::Null };
    let (verdict, actor) = (&most.verdict, &most.verdict.origin);
    let class = owners.iter().map(|(owner, _)| owner.verdict.class).max().unwrap_or(Class::Unknown);
    let mut custom = Map::new();
    custom.insert(KIND.to_owned(), json!(actor.kind));
    custom.insert(CLASS.to_owned(), json!(class));
    if actor.name != tool(actor) {
        custom.insert(NAME.to_owned(), json!(actor.name));
    }
    if let Some(parent) = &actor.parent {
        custom.insert(PARENT.to_owned(), json!(parent.to_string()));
    }
    if let Some(modifier) = &verdict.modifier {
        custom.insert(MODIFIER.to_owned(), json!(modifier.to_string()));
    }
    let model = actor.model.as_deref().unwrap_or(NO_MODEL);
    let id = actor.session.as_deref().unwrap_or_default();
    let mut session = json!({"agent_id": {"tool": tool(actor), "id": id, "model": model}});
    session["custom_attributes"] = Value::Object(custom);
    let directors = std::iter::successors(actor.parent.as_deref(), |actor| actor.parent.as_deref());
    let director = directors.chain(&verdict.acceptor).find(|actor| actor.kind == ActorKind::Person);
    if let Some(director) = director.filter(|director| !director.name.is_empty()) {
        session["human_author"] = json!(director.name);
    }
    session
}

/// The keys of an owner that a note may name.
fn told(commit: &str, owner: &Owner) -> Option<Told> {
    let (actor, class) = (&owner.verdict.origin, owner.verdict.class);
    match actor.kind {
        // Carried says that the text was there before, not that anybody saw it written.
        ActorKind::Person if class <= Class::Inferred && !actor.name.is_empty() => {
            let id = format!("h_{}", hash(&[&actor.name]));
            Some(Told { key: id.clone(), id })
        }
        ActorKind::Agent | ActorKind::Orchestrator | ActorKind::Completion if class != Class::Unknown => {
            let session = actor.session.as_deref().unwrap_or_default();
            // Without a session it is one of all that is told of it, or one would answer for what others did.
            let whole = || serde_json::to_string(&(actor, &owner.verdict.acceptor)).unwrap_or_default();
            let who = if session.is_empty() { whole() } else { String::new() };
            let id = format!("s_{}", hash(&[tool(actor), ":", session, &who]));
            // One for each owner: git-ai has one for each call of an agent, which is what tells owners apart here.
            let owner = serde_json::to_string(owner).unwrap_or_default();
            let trace = hash(&[commit, "\n", &owner]);
            Some(Told { key: format!("{id}::t_{trace}"), id })
        }
        _ => None,
    }
}

/// The program behind an actor.
fn tool(actor: &Actor) -> &str {
    actor.tool.as_deref().unwrap_or(&actor.name)
}

/// The first 14 hexadecimal digits of the SHA-256.
fn hash(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.concat());
    digest.iter().take(7).map(|byte| format!("{byte:02x}")).collect()
}
