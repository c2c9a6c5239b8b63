//! Text as codi2 sees it: ropes, positions, edits, bounded diffs, owner trees, deleted text, the line view.
//!
//! Everything here is pure and counts in **bytes of UTF-8** unless it says otherwise. Lines end as the language server
//! protocol says: at `\n`, `\r\n` or a lone `\r`, and at nothing else.
//!
//! Absent on purpose: async, clocks, files, sockets, and every type of the protocol crate; who an owner is (the trees
//! take any `Copy + Eq`); grammars of programming languages (tokens are words and single marks in every language).

mod align;
mod change;
mod diff;
mod lines;
mod owner_tree;
mod piece;
mod position;
#[cfg(test)]
mod samples;
mod standing;
mod text;
mod tokens;
mod tombstones;

pub use align::Hunk;
pub use change::Change;
pub use diff::{Limits, Replace, diff, diff_in_place, diff_str, line_diff_hashes};
pub use lines::{LineOwner, lines, lines_by};
pub use owner_tree::{OwnerTree, Runs};
pub use piece::Piece;
pub use position::{Encoding, Position};
pub use standing::standing;
pub use text::{Digester, Text, digest_of, digest_of_reader, line_ends, line_hash};
pub use tokens::{Kept, align_tokens, carry_aligned, tokens_equal};
pub use tombstones::{Least, Match, Tombstones};
