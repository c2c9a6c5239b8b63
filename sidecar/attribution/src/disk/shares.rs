//! Whose what a change put in is, piece by piece: one form for what is all one's and for what is not.

use std::ops::Range;

use codi2_protocol::Verdict;

/// What each piece of a text gets, where it is new: a verdict, or what somebody made of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares<T = Verdict> {
    /// Byte ranges of the text, ascending, not overlapping.
    claimed: Vec<(Range<u64>, T)>,
    /// What is new beside them; all that is new, where nothing is claimed.
    rest: T,
}

/// A piece of a text, and the range by which its share was cut there.
#[derive(Debug)]
pub(super) struct Piece<'a, T, C> {
    pub(super) bytes: Range<u64>,
    pub(super) share: &'a T,
    /// What was said of that range; absent beside all of them.
    pub(super) by: Option<&'a C>,
}

impl<T> Shares<T> {
    /// The same for all that is new.
    pub const fn all(rest: T) -> Self {
        Self { claimed: Vec::new(), rest }
    }

    /// These byte ranges, ascending and not overlapping, and the rest.
    pub const fn parts(claimed: Vec<(Range<u64>, T)>, rest: T) -> Self {
        Self { claimed, rest }
    }

    /// What was claimed, range by range.
    #[cfg(test)]
    pub(crate) fn claimed(&self) -> &[(Range<u64>, T)] {
        &self.claimed
    }

    /// What is new and was not claimed, and what is gone.
    pub const fn rest(&self) -> &T {
        &self.rest
    }

    /// What all that is new gets, if it is the same.
    pub const fn whole(&self) -> Option<&T> {
        if self.claimed.is_empty() { Some(&self.rest) } else { None }
    }

    /// What these shares stand on: what was claimed, else what all gets.
    pub(crate) fn deciding(&self) -> impl Iterator<Item = &T> {
        self.claimed.iter().map(|(_, share)| share).chain(self.whole())
    }

    /// What these shares stand on, each with what other shares of the same text have there.
    pub(super) fn decided_beside<'a>(&'a self, other: &'a Self) -> Vec<(&'a T, &'a T)> {
        // Behind all that was claimed each has its rest.
        let end = self.claimed.iter().chain(&other.claimed).map(|(range, _)| range.end + 1).max().unwrap_or(1);
        let own = match self.whole() {
            Some(rest) => vec![(0..end, rest)],
            None => self.claimed.iter().map(|(range, share)| (range.clone(), share)).collect(),
        };
        let beside = |(range, share)| other.pieces(range).into_iter().map(move |(_, there)| (share, there));
        own.into_iter().flat_map(beside).collect()
    }

    /// What each piece gets.
    pub(crate) fn each(&self) -> impl Iterator<Item = &T> {
        self.claimed.iter().map(|(_, share)| share).chain([&self.rest])
    }

    /// The pieces of these bytes, in order, without empty ones.
    pub fn pieces(&self, bytes: Range<u64>) -> Vec<(Range<u64>, &T)> {
        let first = self.claimed.partition_point(|(range, _)| range.end <= bytes.start);
        let (mut pieces, mut at) = (Vec::new(), bytes.start);
        for (range, share) in self.claimed[first..].iter().take_while(|(range, _)| range.start < bytes.end) {
            let (from, to) = (range.start.max(at), range.end.min(bytes.end));
            pieces.extend([(at..from, &self.rest), (from..to, share)]);
            at = to;
        }
        pieces.push((at..bytes.end, &self.rest));
        pieces.retain(|(range, _)| !range.is_empty());
        pieces
    }

    /// The pieces of these bytes, in order, cut by the ranges (ascending) that `cuts` has for the share of each.
    pub(super) fn cut<'a, C>(
        &'a self,
        bytes: Range<u64>,
        cuts: impl Fn(&'a T) -> &'a [(Range<u64>, C)],
    ) -> Vec<Piece<'a, T, C>> {
        let mut pieces = Vec::new();
        for (range, share) in self.pieces(bytes) {
            let mut at = range.start;
            for (cut, by) in cuts(share) {
                let (from, to) = (cut.start.max(at), cut.end.min(range.end));
                if from < to {
                    pieces.extend([
                        Piece { bytes: at..from, share, by: None },
                        Piece { bytes: from..to, share, by: Some(by) },
                    ]);
                    at = to;
                }
            }
            pieces.push(Piece { bytes: at..range.end, share, by: None });
        }
        pieces.retain(|piece| !piece.bytes.is_empty());
        pieces
    }

    /// The same pieces with what `of` makes of each share.
    pub fn map<U>(&self, mut of: impl FnMut(&T) -> U) -> Shares<U> {
        let claimed = self.claimed.iter().map(|(range, share)| (range.clone(), of(share))).collect();
        Shares { claimed, rest: of(&self.rest) }
    }
}

impl<T: PartialEq> Shares<T> {
    /// The one share of all that was claimed: one agent's, but for the pieces that it did not say that it puts in.
    pub fn sole(&self) -> Option<&T> {
        let mut deciding = self.deciding();
        let first = deciding.next()?;
        deciding.all(|other| other == first).then_some(first)
    }

    /// Whether all of these bytes are of what [`Self::sole`] tells.
    pub fn is_claimed(&self, bytes: &Range<u64>) -> bool {
        let is_in = |range: &Range<u64>| range.start <= bytes.start && bytes.end <= range.end;
        self.whole().is_some() || self.claimed.iter().any(|(range, _)| is_in(range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_what_they_are_asked_for_once_and_in_order() {
        let shares = Shares::parts(vec![(2..4, 'a'), (4..5, 'b'), (8..9, 'a')], '-');
        for (bytes, expected) in [(0..10, "--aab---a-"), (3..8, "ab---"), (4..4, ""), (8..9, "a"), (9..12, "---")] {
            let pieces = shares.pieces(bytes.clone());
            let told: String = pieces.iter().flat_map(|(range, share)| range.clone().map(move |_| **share)).collect();
            assert_eq!(told, expected, "{bytes:?}");
            assert!(pieces.iter().all(|(range, _)| !range.is_empty()), "{pieces:?}");
        }
        assert_eq!(Shares::all('-').pieces(0..3), [(0..3, &'-')]);
    }

    #[test]
    fn pieces_are_cut_where_their_share_is() {
        let shares = Shares::parts(vec![(2..6, 'a'), (6..8, 'b')], '-');
        let cuts = [(0..3, 1), (4..5, 2), (5..7, 3)];
        let pieces = shares.cut(0..10, |share| if *share == 'a' { &cuts[..] } else { &[] });
        let told: Vec<_> = pieces.iter().map(|piece| (piece.bytes.clone(), *piece.share, piece.by.copied())).collect();
        let cut = [(2..3, 'a', Some(1)), (3..4, 'a', None), (4..5, 'a', Some(2)), (5..6, 'a', Some(3))];
        assert_eq!(told[1..5], cut);
        assert_eq!([&told[0], &told[5], &told[6]], [&(0..2, '-', None), &(6..8, 'b', None), &(8..10, '-', None)]);
    }

    #[test]
    fn what_others_have_beside() {
        let (all, parts) = (Shares::all('x'), Shares::parts(vec![(2..4, 'a'), (4..5, 'b')], '-'));
        assert_eq!(all.decided_beside(&parts), [(&'x', &'-'), (&'x', &'a'), (&'x', &'b'), (&'x', &'-')]);
        assert_eq!(parts.decided_beside(&all), [(&'a', &'x'), (&'b', &'x')]);
        assert_eq!(
            parts.decided_beside(&Shares::parts(vec![(3..9, 'c')], '+')),
            [(&'a', &'+'), (&'a', &'c'), (&'b', &'c')]
        );
    }

    #[test]
    fn what_is_ones_but_for_some_pieces() {
        let all = Shares::all('a');
        assert_eq!((all.whole(), all.sole(), all.is_claimed(&(7..9))), (Some(&'a'), Some(&'a'), true));
        let but = Shares::parts(vec![(0..2, 'a'), (5..9, 'a')], '-');
        assert_eq!((but.whole(), but.sole()), (None, Some(&'a')));
        assert!(but.is_claimed(&(7..9)) && !but.is_claimed(&(1..6)) && !but.is_claimed(&(3..4)));
        let two = Shares::parts(vec![(0..2, 'a'), (5..9, 'b')], '-');
        assert_eq!((two.whole(), two.sole(), two.map(|share| *share == 'a').sole()), (None, None, None));
    }
}
