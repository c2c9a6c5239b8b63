//! What the notes on commits know of lines of which the hub knows nobody: they are older, git brought them, or nobody
//! announced them to it, since another hub has seen who writes (ADR 0162).
//!
//! `codi2 blame` and the views of an editor both ask here, so that both say the same (ADR 0092). Reads git, so it runs where
//! something may block. Absent on purpose: the hub, whose answer comes in and is completed.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Result;
use codi2_attribution::record::codi2::REFERENCE;
use codi2_attribution::report::Known;
use codi2_protocol::{ActorKind, Class, EvidenceKind, Owner, OwnersReply, Span};
use codi2_text::{OwnerTree, Text};
use codi2_workspace::past::{Blamed, BlamedLine, Past};

use crate::cli::records::Records;

/// Longest text whose commits are looked for to show them in an editor, in bytes.
const TEXT_BYTES: usize = 1 << 20;

/// Whether an owner of this kind, for this first reason, only says that the hub was not there when the text was written, or
/// that nobody told it who wrote.
pub fn is_unseen(kind: ActorKind, reason: Option<EvidenceKind>) -> bool {
    match kind {
        ActorKind::Git | ActorKind::External => true,
        ActorKind::Unknown => {
            reason.is_none_or(|reason| matches!(reason, EvidenceKind::BeforeCodi2 | EvidenceKind::NotObserved))
        }
        _ => false,
    }
}

/// What is known of a line, from the record of the commit that brought it; none where that names nobody.
pub fn better<'a>(blamed: &Blamed, line: &BlamedLine, records: &'a Records<'_>) -> Option<Known<'a>> {
    let record = records.record(blamed.commit(line)?);
    Some(Known::of(record, blamed.path(line), line.original)).filter(|known| known.class() != Class::Unknown)
}

/// Whether there is anything in the hub's answer of which notes may know more.
pub fn may_know_more(reply: &OwnersReply) -> bool {
    reply.owners.iter().any(is_unseen_owner)
}

/// The hub's answer about a text of this file, in which what nobody saw has the owners that notes name. As it was where
/// git or its notes cannot be read.
pub fn completed(root: &Path, path: &str, text: &Text, reply: OwnersReply) -> OwnersReply {
    try_completed(root, path, text, &reply)
        .unwrap_or_else(|error| {
            tracing::debug!(path, %error, "notes tell nothing");
            None
        })
        .unwrap_or(reply)
}

fn try_completed(root: &Path, path: &str, text: &Text, reply: &OwnersReply) -> Result<Option<OwnersReply>> {
    let len = |span: &Span| usize::try_from(span.len).unwrap_or(usize::MAX);
    let covered = reply.spans.iter().map(len).fold(0, usize::saturating_add);
    let names = |span: &Span| (span.owner as usize) < reply.owners.len();
    if covered != text.len_bytes() || covered > TEXT_BYTES || !reply.spans.iter().all(names) {
        return Ok(None);
    }
    let unseen: Vec<bool> = reply.owners.iter().map(is_unseen_owner).collect();
    let is_unseen = |owner: u32| unseen.get(owner as usize).copied().unwrap_or(false);
    let mut tree = OwnerTree::from_spans(reply.spans.iter().map(|span| (len(span), span.owner)));
    let content = text.to_string();
    // Git's lines: it knows no ends but line feeds.
    let mut at = 0;
    let lines = content.split_inclusive('\n').map(|line| {
        let bytes = at..at + line.len();
        at = bytes.end;
        bytes
    });
    let lines: Vec<_> = lines.collect();
    let wanted = |at: &usize| tree.spans(lines[*at].clone()).iter().any(|(_, owner)| is_unseen(*owner));
    let (Some(first), Some(last)) = ((0..lines.len()).find(wanted), (0..lines.len()).rev().find(wanted)) else {
        return Ok(None);
    };
    let past = Past::open(root)?;
    if past.notes(REFERENCE)?.tip().is_none() {
        return Ok(None);
    }
    // As it lies on disk, where that is this text: with the mark and the encoding that git compares.
    let on_disk = codi2_workspace::from_relative(path).and_then(|below| std::fs::read(root.join(below)).ok());
    let on_disk = on_disk.filter(|bytes| codi2_workspace::decode(bytes).text == content);
    let bytes = on_disk.unwrap_or_else(|| content.into_bytes());
    let number = |line: usize| u32::try_from(line + 1).unwrap_or(u32::MAX);
    let blamed = past.blame_standing(path, &bytes, &[(number(first), number(last))])?;
    let mut records = Records::quiet(&past);
    records.fetch(blamed.lines.iter().filter_map(|line| blamed.commit(line)))?;
    let mut owners = reply.owners.clone();
    let mut numbers: HashMap<Owner, u32> = HashMap::new();
    for line in &blamed.lines {
        let Some(known) = better(&blamed, line, &records) else { continue };
        let Some(bytes) = (line.line as usize).checked_sub(1).and_then(|at| lines.get(at)) else { continue };
        let number = *numbers.entry(known.owner().into_owned()).or_insert_with_key(|owner| {
            owners.push(owner.clone());
            u32::try_from(owners.len() - 1).unwrap_or(u32::MAX)
        });
        tree.recolour(bytes.clone(), |owner| if is_unseen(owner) { number } else { owner });
    }
    let spans = tree.iter().map(|(len, owner)| Span { len: len as u64, owner }).collect();
    Ok(Some(OwnersReply { spans, owners, ..reply.clone() }))
}

fn is_unseen_owner(owner: &Owner) -> bool {
    is_unseen(owner.verdict.origin.kind, owner.verdict.evidence.first().map(|reason| reason.kind))
}
