//! The text of a note in `refs/notes/codi2`: a record as JSON, one owner and one file to a line.
//!
//! ```json
//! {"codi2":1,
//! "owners":[
//! {"origin":{"kind":"person","name":"Ada"},"class":"inferred","evidence":["keystrokes"],"at_ms":1700000000000}],
//! "files":{
//! "src/main.rs":[[1,3,0],[7,7,0,1]]}}
//! ```
//! A range is first line, last line, owner, and the second owner where there is one. Of evidence only the kinds are kept:
//! its words may name processes, hosts or paths, and a note is pushed to others. Absent on purpose: text of the files, and
//! the commit's name, which is git's to say.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use codi2_protocol::{Actor, Class, EventId, Evidence, EvidenceKind, Owner, Verdict};
use serde::{Deserialize, Serialize};

use super::{CommitRecord, FileRecord, LAST_LINE, LineRange, is_path};

/// The reference under which git keeps them.
pub const REFERENCE: &str = "refs/notes/codi2";
/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;
/// Longest note that is written, in bytes. Of a record that needs more, the files with the most ranges are left out, and
/// the note says how many: what is not in a note was never looked at, so nothing in it becomes wrong.
const WRITTEN_BYTES: usize = 1 << 20;
/// Longest note that is read, in bytes.
const READ_BYTES: usize = 4 << 20;
/// Most owners of one record.
const OWNERS: usize = 65_536;
/// Longest name of a session that is written, in bytes; it must be plain, too.
const SESSION_BYTES: usize = 64;

/// A note that is not one of ours, or not as we write them. Noted; the other notes go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// A later program wrote it.
    #[error("the note has version {0}, this program knows version {VERSION}: update codi2")]
    Version(u64),
    /// It is too long to be one.
    #[error("the note has {0} bytes, more than the {READ_BYTES} that one may have: it is left alone")]
    Length(usize),
    /// It cannot be what a codi2 wrote.
    #[error("the note is damaged: {0}; what it said is still in the notes' history (`git log refs/notes/codi2`)")]
    Damaged(String),
}

/// An owner as a note has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    origin: Actor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modifier: Option<Actor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acceptor: Option<Actor>,
    class: Class,
    evidence: Vec<EvidenceKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<EventId>,
}

impl From<&Owner> for Signed {
    fn from(owner: &Owner) -> Self {
        let Owner { verdict, at_ms, event } = owner;
        let Verdict { origin, modifier, acceptor, class, evidence } = verdict.clone();
        let mut evidence: Vec<EvidenceKind> = evidence.iter().map(|reason| reason.kind).collect();
        evidence.dedup();
        let (modifier, acceptor) = (modifier.map(public), acceptor.map(public));
        Self { origin: public(origin), modifier, acceptor, class, evidence, at_ms: *at_ms, event: *event }
    }
}

/// An actor as everybody may see it: a session comes out of a variable of the agent's surroundings, where anything may
/// stand, so only what looks like an identifier is kept, also of whoever it acted for.
fn public(actor: Actor) -> Actor {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    let session = actor.session.filter(|session| session.len() <= SESSION_BYTES && session.bytes().all(is_plain));
    let parent = actor.parent.map(|parent| Box::new(public(*parent)));
    Actor { session, parent, ..actor }
}

impl From<Signed> for Owner {
    fn from(signed: Signed) -> Self {
        let Signed { origin, modifier, acceptor, class, evidence, at_ms, event } = signed;
        let evidence = evidence.into_iter().map(|kind| Evidence::new(kind, "")).collect();
        Self { verdict: Verdict { origin, modifier, acceptor, class, evidence }, at_ms, event }
    }
}

/// A whole note.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "codi2")]
    _version: u64,
    #[serde(default)]
    left_out: u64,
    owners: Vec<Signed>,
    files: BTreeMap<String, Vec<Vec<u32>>>,
}

#[derive(Debug, Deserialize)]
struct Versioned {
    codi2: u64,
}

/// The note of a record, and how many files it leaves out to be short enough, beside those that the record lacks already.
pub fn write(record: &CommitRecord) -> (String, usize) {
    let mut record = signed(record);
    let mut left_out = 0;
    loop {
        let text = text(&record);
        if text.len() <= WRITTEN_BYTES || record.files.is_empty() {
            return (text, left_out);
        }
        // Half of them at a time: the longest go first, and few are as long as that.
        record.files.sort_by_key(|file| file.ranges.len());
        let kept = record.files.len() / 2;
        left_out += record.files.len() - kept;
        record.left_out += (record.files.len() - kept) as u64;
        record.files.truncate(kept);
        record = signed(&record);
    }
}

/// A record as its note will say it: without the words of evidence, owners that are then equal made one and those of no
/// line gone, ranges that touch joined, files by path.
pub fn signed(record: &CommitRecord) -> CommitRecord {
    let mut owners: Vec<Owner> = Vec::new();
    let mut numbers: HashMap<Signed, u32> = HashMap::new();
    let mut number = |at: u32| {
        let signed = Signed::from(record.owners.get(at as usize)?);
        let next = u32::try_from(owners.len()).unwrap_or(u32::MAX);
        Some(*numbers.entry(signed.clone()).or_insert_with(|| {
            owners.push(signed.into());
            next
        }))
    };
    let mut files: Vec<FileRecord> = Vec::new();
    for file in &record.files {
        let mut ranges: Vec<LineRange> = Vec::new();
        for range in &file.ranges {
            let Some(owner) = number(range.owner) else { continue };
            let second = range.second.and_then(&mut number).filter(|second| *second != owner);
            match ranges.last_mut() {
                Some(last) if (last.last + 1, last.owner, last.second) == (range.first, owner, second) => {
                    last.last = range.last;
                }
                _ => ranges.push(LineRange { owner, second, ..*range }),
            }
        }
        if !ranges.is_empty() {
            files.push(FileRecord { path: file.path.clone(), ranges });
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    CommitRecord { commit: record.commit.clone(), owners, files, left_out: record.left_out }
}

fn text(record: &CommitRecord) -> String {
    // Strings, numbers and lists of them cannot fail to be JSON.
    let json = |value: &dyn Fn() -> serde_json::Result<String>| value().unwrap_or_default();
    let mut out = format!("{{\"codi2\":{VERSION},\n");
    if record.left_out > 0 {
        let _ = writeln!(out, "\"left_out\":{},", record.left_out);
    }
    let owners: Vec<String> =
        record.owners.iter().map(|owner| json(&|| serde_json::to_string(&Signed::from(owner)))).collect();
    let _ = write!(out, "\"owners\":[\n{}],\n\"files\":{{\n", owners.join(",\n"));
    let file = |file: &FileRecord| {
        let ranges: Vec<String> = file
            .ranges
            .iter()
            .map(|range| {
                let second = range.second.map(|second| format!(",{second}")).unwrap_or_default();
                format!("[{},{},{}{second}]", range.first, range.last, range.owner)
            })
            .collect();
        format!("{}:[{}]", json(&|| serde_json::to_string(&file.path)), ranges.join(","))
    };
    let files: Vec<String> = record.files.iter().map(file).collect();
    let _ = writeln!(out, "{}}}}}", files.join(",\n"));
    out
}

/// Whether a text is a note of codi2's by its own word, of whatever version and however damaged behind that.
pub fn is_ours(note: &[u8]) -> bool {
    note.starts_with(b"{\"codi2\":") || serde_json::from_slice::<Versioned>(note).is_ok()
}

/// What a note on this commit says.
///
/// # Errors
/// See [`NoteError`]; nothing of such a note counts.
pub fn read(commit: &str, note: &[u8]) -> Result<CommitRecord, NoteError> {
    if note.len() > READ_BYTES {
        return Err(NoteError::Length(note.len()));
    }
    let damaged = |error: serde_json::Error| NoteError::Damaged(error.to_string());
    let Versioned { codi2 } = serde_json::from_slice(note).map_err(damaged)?;
    if codi2 != VERSION {
        return Err(NoteError::Version(codi2));
    }
    let document: Document = serde_json::from_slice(note).map_err(damaged)?;
    if document.owners.len() > OWNERS {
        return Err(NoteError::Damaged(format!("it names {} owners", document.owners.len())));
    }
    let owners: Vec<Owner> = document.owners.into_iter().map(Owner::from).collect();
    let mut files = Vec::new();
    for (path, arrays) in document.files {
        if !is_path(&path) {
            return Err(NoteError::Damaged(format!("{path:?} is not a path below the root")));
        }
        let mut ranges: Vec<LineRange> = Vec::new();
        for array in arrays {
            let range = match array[..] {
                [first, last, owner] => LineRange { first, last, owner, second: None },
                [first, last, owner, second] => LineRange { first, last, owner, second: Some(second) },
                _ => return Err(NoteError::Damaged(format!("{path}: {array:?} is not a range"))),
            };
            let after = ranges.last().map_or(0, |range| range.last);
            let is_owner = |number: u32| (number as usize) < owners.len();
            if range.first <= after || range.last < range.first || range.last > LAST_LINE {
                return Err(NoteError::Damaged(format!("{path}: {array:?} does not follow line {after}")));
            }
            if !is_owner(range.owner) || !range.second.is_none_or(is_owner) {
                return Err(NoteError::Damaged(format!("{path}: {array:?} names an owner that is not there")));
            }
            ranges.push(range);
        }
        files.push(FileRecord { path, ranges });
    }
    Ok(CommitRecord { commit: commit.to_owned(), owners, files, left_out: document.left_out })
}

#[cfg(test)]
#[path = "codi2_tests.rs"]
mod tests;
