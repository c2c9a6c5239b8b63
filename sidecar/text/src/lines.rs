//! The line view of owners: what `blame` shows.
//!
//! Absent on purpose: who owners are. Where several owners are one actor to the reader, [`lines_by`] counts them as one.

use crate::Text;
use crate::text::is_blank;

/// Who owns a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineOwner<O> {
    /// The owner of the most non-blank bytes; the first of them in the line when equal.
    pub owner: O,
    /// Whether a second owner has at least 20 % of the line's non-blank bytes.
    pub mixed: bool,
    /// That second owner, if `mixed`.
    pub second: Option<O>,
    /// Whether the line has nothing but white space.
    pub blank: bool,
}

/// The owner of each line of `text`, whose owners in order are `spans` (bytes, owner).
///
/// There is no line after a final line end, so an empty text has none. A blank line belongs to the run its bytes lie
/// in; where they lie in several, to the one that owns the line above, else the one that owns the next line with
/// content, else the largest. Bytes past the last span count as that span's; without any span there is no answer, and
/// the result is empty.
pub fn lines<O: Copy + Eq>(text: &Text, spans: impl IntoIterator<Item = (usize, O)>) -> Vec<LineOwner<O>> {
    lines_by(text, spans, |owner| *owner)
}

/// [`lines`], with owners of the same `key` counted as one; the owner named is the one of theirs with the most bytes.
pub fn lines_by<O: Copy + Eq, K: Eq>(
    text: &Text,
    spans: impl IntoIterator<Item = (usize, O)>,
    key: impl Fn(&O) -> K,
) -> Vec<LineOwner<O>> {
    let mut spans = spans.into_iter().filter(|(len, _)| *len > 0);
    let Some(mut span) = spans.next() else { return Vec::new() };
    // Per line: whether it is blank, and each owner with its bytes (the non-blank ones unless the line is blank).
    let mut tallies: Vec<(bool, Vec<(O, usize)>)> = Vec::new();
    for line in text.rope.lines().filter(|line| line.len_bytes() > 0) {
        let blank = line.chars().all(is_blank);
        let mut tally: Vec<(O, usize)> = Vec::new();
        for character in line.chars() {
            let len = character.len_utf8();
            if blank || !is_blank(character) {
                match tally.iter_mut().find(|(owner, _)| *owner == span.1) {
                    Some((_, bytes)) => *bytes += len,
                    None => tally.push((span.1, len)),
                }
            }
            // A character takes the owner of its first byte.
            let mut left = len;
            while left >= span.0 {
                left -= span.0;
                match spans.next() {
                    Some(next) => span = next,
                    None => {
                        span.0 = usize::MAX;
                        break;
                    }
                }
            }
            span.0 -= left;
        }
        tallies.push((blank, tally));
    }
    let mut view: Vec<LineOwner<O>> = Vec::with_capacity(tallies.len());
    let mut content = 0;
    for (at, (blank, tally)) in tallies.iter().enumerate() {
        let mut line = judge(tally, &key);
        if *blank {
            let has = |owner: &O| tally.iter().find(|(own, _)| key(own) == key(owner)).map(|(own, _)| *own);
            let above = view.last().and_then(|above| has(&above.owner));
            // The next line with content: found once for all the blank lines before it.
            content = content.max(at);
            content += tallies[content..].iter().take_while(|(blank, _)| *blank).count();
            let below = || has(&judge(&tallies.get(content)?.1, &key).owner);
            let owner = above.or_else(below).unwrap_or(line.owner);
            line = LineOwner { owner, mixed: false, second: None, blank: true };
        }
        view.push(line);
    }
    view
}

/// The owners of a line weighed against each other; `tally` is never empty.
fn judge<O: Copy + Eq, K: Eq>(tally: &[(O, usize)], key: &impl Fn(&O) -> K) -> LineOwner<O> {
    // (key, bytes of the key, its largest owner, bytes of that owner), in order of appearance.
    let mut groups: Vec<(K, usize, O, usize)> = Vec::new();
    for (owner, bytes) in tally {
        let key = key(owner);
        match groups.iter_mut().find(|group| group.0 == key) {
            Some(group) => {
                group.1 += bytes;
                if *bytes > group.3 {
                    (group.2, group.3) = (*owner, *bytes);
                }
            }
            None => groups.push((key, *bytes, *owner, *bytes)),
        }
    }
    let total: usize = groups.iter().map(|group| group.1).sum();
    // A stable sort: the first in the line stays first among equals.
    groups.sort_by_key(|group| std::cmp::Reverse(group.1));
    let second = groups.get(1).filter(|group| group.1 * 5 >= total).map(|group| group.2);
    LineOwner { owner: groups[0].2, mixed: second.is_some(), second, blank: false }
}

#[cfg(test)]
mod tests;
