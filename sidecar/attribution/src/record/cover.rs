//! Lines given away: whoever asks first for a line keeps it.
//!
//! Absent on purpose: taking a line back. What is surer asks earlier.

use std::collections::BTreeMap;

/// Disjoint ranges of lines, each with what it was given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cover<T> {
    /// First line → last line, and to whom.
    ranges: BTreeMap<u32, (u32, T)>,
}

impl<T> Default for Cover<T> {
    fn default() -> Self {
        Self { ranges: BTreeMap::new() }
    }
}

impl<T: Clone + PartialEq> Cover<T> {
    /// Gives the lines `first..=last` that are still nobody's; whether there was one.
    pub(super) fn fill(&mut self, first: u32, last: u32, to: &T) -> bool {
        let mut from = Some(first);
        if let Some((_, (end, _))) = self.ranges.range(..=first).next_back().filter(|(_, (end, _))| *end >= first) {
            from = end.checked_add(1);
        }
        let mut gaps = Vec::new();
        if let Some(begin) = from.filter(|from| *from <= last) {
            for (start, (end, _)) in self.ranges.range(begin..=last) {
                if let Some(begin) = from.filter(|from| from < start) {
                    gaps.push((begin, start - 1));
                }
                from = end.checked_add(1);
            }
        }
        if let Some(begin) = from.filter(|from| *from <= last) {
            gaps.push((begin, last));
        }
        let given = !gaps.is_empty();
        self.ranges.extend(gaps.into_iter().map(|(first, last)| (first, (last, to.clone()))));
        given
    }

    /// `(first, last, to whom)`, ascending; what touches and is the same's is one range.
    pub(super) fn ranges(&self) -> Vec<(u32, u32, &T)> {
        let mut joined: Vec<(u32, u32, &T)> = Vec::new();
        for (&first, (last, to)) in &self.ranges {
            match joined.last_mut() {
                Some((_, end, of)) if *of == to && end.checked_add(1) == Some(first) => *end = *last,
                _ => joined.push((first, *last, to)),
            }
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_of_the_numbers_are_lines_too() {
        let mut cover = Cover::default();
        assert!(cover.fill(u32::MAX, u32::MAX, &'a'));
        assert!(cover.fill(1, u32::MAX, &'b'));
        assert!(!cover.fill(u32::MAX - 1, u32::MAX, &'c'));
        assert_eq!(cover.ranges(), [(1, u32::MAX - 1, &'b'), (u32::MAX, u32::MAX, &'a')]);
    }

    proptest! {
        #[test]
        fn who_asks_first_keeps_the_line(asked in vec((1..40_u32, 0..12_u32, 0..3_u8), 0..30)) {
            let (mut cover, mut naive) = (Cover::default(), [None; 60]);
            for &(first, more, to) in &asked {
                let lines = first..=first + more;
                let free = lines.clone().any(|line| naive[line as usize].is_none());
                lines.for_each(|line| { naive[line as usize].get_or_insert(to); });
                prop_assert_eq!(cover.fill(first, first + more, &to), free);
            }
            let ranges = cover.ranges();
            let mut told = [None; 60];
            for &(first, last, &to) in &ranges {
                (first..=last).for_each(|line| assert_eq!(told[line as usize].replace(to), None, "disjoint"));
            }
            prop_assert_eq!(told, naive);
            let apart = |pair: &[(u32, u32, &u8)]| pair[0].1 + 1 < pair[1].0 || pair[0].2 != pair[1].2;
            prop_assert!(ranges.windows(2).all(apart), "{:?}", ranges);
        }
    }
}
