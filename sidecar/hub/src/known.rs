//! A known state of a text: its digest, who owns what, and its text or at least the hashes of its lines.
//!
//! Absent on purpose: files, buffers and verdicts; this is only the arithmetic of carrying owners through a change.

use std::ops::Range as Bytes;

use codi2_protocol::Digest;
use codi2_text::{Limits, OwnerTree, Replace, Text, diff, line_diff_hashes};
use serde::{Deserialize, Serialize};

use crate::book::OwnerRef;

/// A text as far as it is known.
#[derive(Debug, Clone)]
pub struct Known {
    /// Digest of the text as UTF-8.
    pub digest: Digest,
    /// Owners of its bytes.
    pub owners: OwnerTree<OwnerRef>,
    /// What is left of its content.
    pub content: Content,
}

/// How much of a text is still at hand.
#[derive(Debug, Clone)]
pub enum Content {
    /// All of it.
    Text(Text),
    /// Lengths and keyed hashes of its lines.
    Lines(Vec<Line>),
    /// Nothing.
    Forgotten,
}

/// A line as the store remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Length in bytes, line end included.
    pub len: u32,
    /// Hash keyed with the hub's local secret.
    pub hash: u64,
}

/// One change of a range of bytes, in the coordinates of the text before it, with its lines counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Offset in the text before this hunk's change (all hunks before it already applied).
    pub at: usize,
    /// Bytes removed.
    pub deleted: usize,
    /// Bytes put in.
    pub inserted: usize,
    /// Line ends removed.
    pub lines_deleted: usize,
}

impl Hunk {
    /// Where the hunk's new bytes stand in the text after all hunks: hunks come front to back, so nothing moves them.
    pub fn new_bytes(&self) -> Bytes<usize> {
        self.at..self.at + self.inserted
    }
}

/// Length and keyed hash of each line.
pub fn lines_of(text: &Text, secret: &[u8; 32]) -> Vec<Line> {
    let lengths = text.line_lengths();
    lengths
        .iter()
        .zip(text.line_hashes(secret))
        .map(|(len, hash)| Line { len: u32::try_from(*len).unwrap_or(u32::MAX), hash })
        .collect()
}

impl Known {
    /// The empty text of a file that is not there.
    pub fn nothing() -> Self {
        let text = Text::new("");
        Self { digest: Digest::new(text.digest()), owners: OwnerTree::from_spans([]), content: Content::Text(text) }
    }

    /// The text, if it is still at hand.
    pub fn text(&self) -> Option<&Text> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Lines(_) | Content::Forgotten => None,
        }
    }

    /// What must change to get from this state to `new`, front to back.
    pub fn hunks_to(&self, new: &Text, secret: &[u8; 32]) -> Vec<Hunk> {
        match &self.content {
            Content::Text(old) => text_hunks(old, new),
            Content::Lines(lines) => line_hunks(lines, &lines_of(new, secret)),
            Content::Forgotten if self.owners.is_empty() && new.is_empty() => Vec::new(),
            Content::Forgotten => {
                vec![Hunk { at: 0, deleted: self.owners.len(), inserted: new.len_bytes(), lines_deleted: 0 }]
            }
        }
    }

    /// The owners of `new`, of which `unseen` has what does not stand here.
    pub fn carried_to(&self, new: &Text, unseen: OwnerRef, secret: &[u8; 32]) -> OwnerTree<OwnerRef> {
        let mut owners = self.owners.clone();
        for hunk in self.hunks_to(new, secret) {
            owners.splice(hunk.at, hunk.deleted, &[(hunk.inserted, unseen)]);
        }
        if owners.len() == new.len_bytes() { owners } else { OwnerTree::new(new.len_bytes(), unseen) }
    }
}

fn text_hunks(old: &Text, new: &Text) -> Vec<Hunk> {
    let edits = diff(old, &new.to_string(), &Limits::default());
    let mut grown = 0_isize;
    edits
        .iter()
        .map(|Replace { at, deleted, inserted }| {
            let old_at = at.saturating_add_signed(-grown);
            grown += inserted.len() as isize - *deleted as isize;
            Hunk {
                at: *at,
                deleted: *deleted,
                inserted: inserted.len(),
                lines_deleted: old.lines_in(old_at..old_at + deleted),
            }
        })
        .collect()
}

fn line_hunks(old: &[Line], new: &[Line]) -> Vec<Hunk> {
    let hashes = |lines: &[Line]| lines.iter().map(|line| line.hash).collect::<Vec<_>>();
    let bytes = |lines: &[Line]| lines.iter().map(|line| line.len as usize).sum::<usize>();
    line_diff_hashes(&hashes(old), &hashes(new))
        .into_iter()
        .map(|(before, after)| Hunk {
            // Everything before the hunk is already as in the new text.
            at: bytes(&new[..after.start]),
            deleted: bytes(&old[before.clone()]),
            inserted: bytes(&new[after]),
            lines_deleted: before.len(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 32] = [7; 32];

    fn known(text: &str, content: Content) -> Known {
        Known { digest: Digest::new([0; 32]), owners: OwnerTree::new(text.len(), 0), content }
    }

    /// The hunks, applied to the owners, must give a tree as long as the new text, and leave untouched bytes alone.
    #[test]
    fn hunks_lead_from_the_old_text_to_the_new_one() {
        for (old, new) in [
            ("", "a\n"),
            ("a\nb\nc\n", "a\nB\nc\n"),
            ("a\nb\nc\n", "c\n"),
            ("a\nb", "a\nb\n"),
            ("x\ny\nz\n", "z\nx\ny\n"),
            ("one two\n", "one 2 two\nthree\n"),
        ] {
            let (old_text, new_text) = (Text::new(old), Text::new(new));
            for content in
                [Content::Text(old_text.clone()), Content::Lines(lines_of(&old_text, &SECRET)), Content::Forgotten]
            {
                let known = known(old, content);
                let mut owners = known.owners.clone();
                for hunk in known.hunks_to(&new_text, &SECRET) {
                    owners.splice(hunk.at, hunk.deleted, &[(hunk.inserted, 1)]);
                }
                assert_eq!(owners.len(), new.len(), "{old:?} → {new:?} through {:?}", known.content);
                // By hashes, a line that changed at all is another line.
                let shares_a_line = old.lines().any(|line| new.lines().any(|other| other == line));
                let by_line = matches!(known.content, Content::Lines(_));
                if !matches!(known.content, Content::Forgotten) && (shares_a_line || !by_line) {
                    let kept: usize = owners.iter().filter(|(_, owner)| *owner == 0).map(|(len, _)| len).sum();
                    assert!(kept > 0 || old.is_empty(), "{old:?} → {new:?} keeps something");
                }
            }
        }
    }
}
