//! Which bytes of a text have changed since an earlier text of the same document, and where the others stood.
//!
//! Absent on purpose: the texts themselves. This is what maps a range touched now back to the text last opened, saved
//! or reloaded, and a formatter's tokens back to the text before its group.

use std::ops::Range;

/// Changed places kept apart, at most; above it neighbours are joined, which makes the answer coarser, never wrong.
const HUNKS: usize = 512;

/// The difference between a base text and the text now, as places only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Since {
    /// Ascending, apart from each other; between them the texts are equal.
    hunks: Vec<Hunk>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Hunk {
    base: Range<usize>,
    now: Range<usize>,
}

impl Since {
    /// Follows one edit of the text now.
    pub fn edit(&mut self, at: usize, deleted: usize, inserted: usize) {
        let end = at + deleted;
        let first = self.hunks.partition_point(|hunk| hunk.now.end < at);
        let last = self.hunks.partition_point(|hunk| hunk.now.start <= end);
        let base_start = self.unchanged(first, at);
        let base_end = self.unchanged(last, end);
        let mut merged = Hunk { base: base_start..base_end, now: at..end };
        if first < last {
            let (head, tail) = (&self.hunks[first], &self.hunks[last - 1]);
            if head.now.start <= at {
                merged.base.start = head.base.start;
                merged.now.start = head.now.start;
            }
            if tail.now.end >= end {
                merged.base.end = tail.base.end;
                merged.now.end = tail.now.end;
            }
        }
        merged.now.end = merged.now.end - deleted + inserted;
        for hunk in &mut self.hunks[last..] {
            hunk.now = hunk.now.start - deleted + inserted..hunk.now.end - deleted + inserted;
        }
        self.hunks.splice(first..last, [merged]);
        if self.hunks.len() > HUNKS {
            self.coarsen();
        }
    }

    /// Where a byte outside every hunk stood, the hunk before it being number `next - 1`.
    fn unchanged(&self, next: usize, at: usize) -> usize {
        match next.checked_sub(1).map(|before| &self.hunks[before]) {
            Some(before) => (before.base.end + at).saturating_sub(before.now.end),
            None => at,
        }
    }

    fn coarsen(&mut self) {
        let joined = self.hunks.chunks(2).map(|pair| match pair {
            [one, two] => Hunk { base: one.base.start..two.base.end, now: one.now.start..two.now.end },
            rest => rest[0].clone(),
        });
        self.hunks = joined.collect();
    }

    /// The bytes of the base text that a range of the text now stands for: exactly those where nothing changed, the
    /// whole of a changed place where it touches one.
    pub fn to_base(&self, range: Range<usize>) -> Range<usize> {
        let first = self.hunks.partition_point(|hunk| hunk.now.end < range.start);
        let last = self.hunks.partition_point(|hunk| hunk.now.start <= range.end);
        let mut start = self.unchanged(first, range.start);
        let mut end = self.unchanged(last, range.end);
        if first < last {
            let (head, tail) = (&self.hunks[first], &self.hunks[last - 1]);
            if head.now.start <= range.start {
                start = head.base.start;
            }
            if tail.now.end >= range.end {
                end = tail.base.end;
            }
        }
        start..end.max(start)
    }

    /// Where a range stood in the base text, if none of its bytes is new.
    pub fn exact(&self, range: Range<usize>) -> Option<usize> {
        let next = self.hunks.partition_point(|hunk| hunk.now.end <= range.start);
        if self.hunks.get(next).is_some_and(|hunk| hunk.now.start < range.end) {
            return None;
        }
        Some(self.unchanged(next, range.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The naive model: for each byte now, where it stood in the base text.
    fn model(len: usize, edits: &[(usize, usize, usize)]) -> (Vec<Option<usize>>, Since) {
        let mut origins: Vec<Option<usize>> = (0..len).map(Some).collect();
        let mut since = Since::default();
        for (at, deleted, inserted) in edits {
            let at = at % (origins.len() + 1);
            let deleted = deleted % (origins.len() - at + 1);
            origins.splice(at..at + deleted, std::iter::repeat_n(None, *inserted));
            since.edit(at, deleted, *inserted);
        }
        (origins, since)
    }

    proptest! {
        #[test]
        fn a_byte_that_stayed_is_found_and_a_new_one_is_not(
            len in 0usize..60,
            edits in prop::collection::vec((0usize..80, 0usize..8, 0usize..8), 0..20),
        ) {
            let (origins, since) = model(len, &edits);
            for (at, origin) in origins.iter().enumerate() {
                let exact = since.exact(at..at + 1);
                // A byte deleted and typed between two hunks may be joined to them, so the answer may be "changed".
                prop_assert!(exact.is_none() || exact == *origin, "byte {at}: {exact:?} against {origin:?}");
                if let Some(origin) = origin {
                    let base = since.to_base(at..at + 1);
                    prop_assert!(base.start <= *origin && *origin < base.end, "byte {at}: {base:?} lacks {origin}");
                }
                prop_assert!(since.to_base(at..at + 1).end <= len);
            }
        }

        #[test]
        fn only_bytes_beside_an_edit_are_given_up(
            len in 1usize..60,
            edits in prop::collection::vec((0usize..80, 0usize..8, 0usize..8), 0..20),
        ) {
            let (origins, since) = model(len, &edits);
            let kept = origins.iter().enumerate().filter(|(_, origin)| origin.is_some());
            for (at, origin) in kept {
                prop_assert_eq!(since.exact(at..at + 1), *origin, "byte {} is old and nothing was joined over it", at);
            }
        }
    }

    #[test]
    fn many_places_become_coarse_but_stay_right() {
        let mut since = Since::default();
        for place in 0..2 * HUNKS {
            since.edit(place * 10, 1, 1);
        }
        assert!(since.hunks.len() <= HUNKS);
        for place in 0..2 * HUNKS {
            let base = since.to_base(place * 10..place * 10 + 1);
            assert!(base.contains(&(place * 10)), "{base:?}");
        }
    }
}
