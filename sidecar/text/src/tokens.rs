//! Words and single marks: whether a change is layout only, and which tokens a formatter kept.
//!
//! A token is a run of letters, digits and `_`, or one other character; white space separates. The same in every
//! language: absent on purpose are grammars, comments and strings with one exception, the blanks inside `"…"` on one
//! line, which are content and not layout. A trailing comma added or removed is not layout either.

use crate::diff::shared_ends;
use crate::text::is_blank;
use crate::{Limits, OwnerTree, align};

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

/// A piece of text as adjoining pieces: words, runs of white space on one line, and single other characters.
pub(crate) fn tokens(piece: &str) -> impl Iterator<Item = &str> {
    #[derive(PartialEq)]
    enum Kind {
        Word,
        Blank,
        Single,
    }
    let kind = |character: char| match character {
        '_' => Kind::Word,
        '\n' | '\r' => Kind::Single,
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
/// Above the limit for lines only the common start and end are kept.
pub fn align_tokens(old: &str, new: &str, limits: &Limits) -> Vec<Kept> {
    if old.len() + new.len() > limits.line_bytes {
        let (start, end) = shared_ends(old, new);
        let start = Kept { new_at: 0, len: start, old_at: 0 };
        let end = Kept { new_at: new.len() - end, len: end, old_at: old.len() - end };
        return [start, end].into_iter().filter(|kept| kept.len > 0).collect();
    }
    let (old_tokens, new_tokens) = (solid_tokens(old), solid_tokens(new));
    // A last, empty hunk closes the last run of equal tokens.
    let mut hunks = align::hunks(&alone(&old_tokens), &alone(&new_tokens), align::WIDE);
    hunks.push((old_tokens.len()..old_tokens.len(), new_tokens.len()..new_tokens.len()));
    let mut kept: Vec<Kept> = Vec::new();
    let (mut old_next, mut new_next) = (0, 0);
    for (before, after) in hunks {
        let first = kept.len();
        let pairs = old_tokens[old_next..before.start].iter().zip(&new_tokens[new_next..after.start]);
        for ((old_at, token), (new_at, _)) in pairs {
            match kept[first..].last_mut() {
                Some(last) if old[last.old_at + last.len..*old_at] == new[last.new_at + last.len..*new_at] => {
                    last.len = new_at + token.len() - last.new_at;
                }
                _ => kept.push(Kept { new_at: *new_at, len: token.len(), old_at: *old_at }),
            }
        }
        (old_next, new_next) = (before.end, after.end);
    }
    kept
}

/// The owners of `new` after a formatter: kept tokens keep theirs, white space takes that of the kept bytes before it
/// (else after it), and every other byte, such as an added comma, is `added`'s. `kept` comes from [`align_tokens`].
pub fn carry_aligned<O: Copy + Eq>(new: &str, kept: &[Kept], old: &OwnerTree<O>, added: O) -> OwnerTree<O> {
    let mut spans: Vec<(usize, O)> = Vec::new();
    let mut near = kept.first().and_then(|first| old.owner_at(first.old_at)).unwrap_or(added);
    let mut at = 0;
    let end = Kept { new_at: new.len(), len: 0, old_at: old.len() };
    for run in kept.iter().chain([&end]) {
        let between = new.get(at..run.new_at).unwrap_or_default();
        spans.extend(between.chars().map(|one| (one.len_utf8(), if is_blank(one) { near } else { added })));
        let owners = old.spans(run.old_at..run.old_at + run.len);
        near = owners.last().map_or(near, |(_, owner)| *owner);
        spans.extend(owners);
        at = run.new_at + run.len;
    }
    OwnerTree::from_spans(spans)
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

/// Tokens without their offsets.
fn alone<'a>(tokens: &[(usize, &'a str)]) -> Vec<&'a str> {
    tokens.iter().map(|(_, token)| *token).collect()
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

#[cfg(test)]
mod tests;
