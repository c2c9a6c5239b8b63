//! What `git fast-import` is told to write notes.
//!
//! Absent on purpose: which notes, and whether they were written.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Oid;
use super::notes::Note;

/// One commit of notes upon `tip`, with the history of others behind it, too, where they are joined. `taken`: notes on
/// commits that are not here, by their paths.
pub(super) fn stream(
    reference: &str,
    tip: Option<Oid>,
    joined: Option<Oid>,
    taken: &[(String, Vec<u8>)],
    changes: &[(Oid, Note)],
) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let message = "Notes by codi2\n";
    let mut out = Vec::new();
    let mut tell = |bytes: &[u8]| out.extend_from_slice(bytes);
    tell(format!("commit {reference}\ncommitter codi2 <codi2@localhost> {now} +0000\n").as_bytes());
    tell(format!("data {}\n{message}", message.len()).as_bytes());
    if let Some(first) = tip.or(joined) {
        tell(format!("from {first}\n").as_bytes());
    }
    match (tip, joined) {
        (Some(_), Some(theirs)) => tell(format!("merge {theirs}\n").as_bytes()),
        // Theirs is behind it, and nothing of their tree in it that is not told below.
        (None, Some(_)) => tell(b"deleteall\n"),
        _ => {}
    }
    // Notes can only be given to commits that are here; these are files of the tree.
    for (path, text) in taken {
        tell(format!("M 100644 inline {path}\ndata {}\n", text.len()).as_bytes());
        tell(text);
        tell(b"\n");
    }
    for (commit, note) in changes {
        match note {
            Note::Write(text) => {
                tell(format!("N inline {commit}\ndata {}\n", text.len()).as_bytes());
                tell(text);
                tell(b"\n");
            }
            Note::Remove => tell(format!("N {} {commit}\n", "0".repeat(commit.to_string().len())).as_bytes()),
            Note::Keep => {}
        }
    }
    out
}
