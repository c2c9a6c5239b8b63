//! What the tests are written with: actors, digests, edits, facts.

use std::collections::BTreeMap;

use codi2_protocol::{
    Actor, ActorKind, Copied, Digest, Edit, EditGroup, Editor, EvidenceKind, FileId, GroupId, HookPhase, HookRecord,
    RepositoryId, Restored, Shape, Source, SourceKind, Verdict, WorktreeId,
};
use codi2_text::{Text, digest_of};

use crate::{DiskFacts, Intent, Moment, Observed, OpenCall, Reading};

/// What keys the hashes of lines.
pub(crate) const KEY: [u8; 32] = [7; 32];

/// A made-up digest.
pub(crate) fn digest(number: u8) -> Digest {
    Digest::new([number; 32])
}

/// The digest of a text.
pub(crate) fn of(text: &str) -> Digest {
    Digest::new(digest_of(text.as_bytes()))
}

pub(crate) fn person() -> Actor {
    Actor::named(ActorKind::Person, "Ada")
}

pub(crate) fn agent(name: &str) -> Actor {
    Actor::named(ActorKind::Agent, name)
}

pub(crate) fn editor() -> Editor {
    Editor { name: "Neovim".to_owned(), version: None }
}

pub(crate) fn worktree() -> WorktreeId {
    let repository: RepositoryId = "00000000-0000-7000-8000-000000000001".parse().expect("a UUID");
    WorktreeId { repository, name: String::new() }
}

pub(crate) fn file(path: &str) -> FileId {
    FileId { worktree: worktree(), path: path.to_owned() }
}

pub(crate) fn group_id() -> GroupId {
    "00000000-0000-7000-8000-000000000002".parse().expect("a UUID")
}

pub(crate) fn source(kind: SourceKind) -> Option<Source> {
    Some(Source { kind, name: None, detail: None })
}

pub(crate) fn named(kind: SourceKind, name: &str) -> Option<Source> {
    Some(Source { kind, name: Some(name.to_owned()), detail: None })
}

/// An edit that inserts bytes.
pub(crate) fn edit(shape: Shape, inserted: u64, source: Option<Source>) -> Edit {
    Edit {
        at: 0,
        deleted: 0,
        inserted,
        line: 1,
        lines_deleted: 0,
        lines_inserted: 0,
        shape,
        source,
        restored: Vec::new(),
        copied: Vec::new(),
    }
}

pub(crate) fn restored(at: u64, len: u64, from: u64) -> Restored {
    Restored { at, len, group: group_id(), edit: 3, from }
}

pub(crate) fn copied(at: u64, len: u64, from: u64) -> Copied {
    Copied { at, len, file: None, digest: digest(1), from }
}

pub(crate) fn group(edits: Vec<Edit>) -> EditGroup {
    EditGroup {
        group: group_id(),
        file: file("a.rs"),
        part: 0,
        parts: 1,
        before: digest(1),
        after: digest(2),
        edits,
        first_ms: 1,
        last_ms: 2,
    }
}

/// An agent's open call that named the file.
pub(crate) fn call(number: u64, actor: Option<Actor>, since_ms: u64) -> OpenCall {
    let since = Moment::earliest(since_ms);
    OpenCall { call: number, actor, format: "agent-v1".to_owned(), pid: 7, since, names_path: true }
}

/// A finished call that named the file.
pub(crate) fn intent(call: u64, name: &str, times: (u64, u64), before: Reading, after: Reading) -> Intent {
    Intent {
        call,
        actor: Some(agent(name)),
        format: "agent-v1".to_owned(),
        pid: 7,
        since: Some(Moment::earliest(times.0)),
        until: Moment::earliest(times.1),
        before,
        after,
        names_path: true,
        failed: false,
        said: None,
    }
}

/// A step that the file's bytes took.
pub(crate) fn step(before: u8, after: u8, from_ms: u64, to_ms: u64) -> crate::Transition {
    let (from, to) = (Moment::earliest(from_ms), Moment::earliest(to_ms));
    crate::Transition { before: Some(digest(before)), after: Some(digest(after)), from, to }
}

pub(crate) fn no_texts(_: Digest) -> Option<Text> {
    None
}

/// A change from digest 1 to digest 2, seen live at 1,000 ms, about which nothing is known.
pub(crate) fn disk<'a>() -> DiskFacts<'a> {
    DiskFacts {
        before: Some(digest(1)),
        after: Some(digest(2)),
        from: Moment::earliest(900),
        to: Moment::earliest(1_000),
        written: None,
        observed: Observed::Live,
        saved: false,
        git: None,
        seen: None,
        intents: &[],
        calls: &[],
        transitions: &[],
        texts: &no_texts,
        key: &KEY,
    }
}

/// The texts behind their digests.
pub(crate) fn library(texts: &[&str]) -> BTreeMap<Digest, Text> {
    texts.iter().map(|text| (of(text), Text::new(text))).collect()
}

/// A hook's record.
pub(crate) fn record(phase: HookPhase, name: Option<&str>, pid: u32, at_ms: u64, files: &[&str]) -> HookRecord {
    HookRecord {
        id: "00000000-0000-7000-8000-000000000003".parse().expect("a UUID"),
        at_ms,
        phase,
        format: "agent-v1".to_owned(),
        actor: name.map(agent),
        parent_pid: pid,
        parent_start: Some(u64::from(pid) * 100),
        call: None,
        pair: None,
        folder: "/w".to_owned(),
        files: files.iter().map(|file| format!("/w/{file}")).collect(),
        found: Vec::new(),
    }
}

/// The kinds of a verdict's reasons, in order.
pub(crate) fn kinds(verdict: &Verdict) -> Vec<EvidenceKind> {
    verdict.evidence.iter().map(|reason| reason.kind).collect()
}
