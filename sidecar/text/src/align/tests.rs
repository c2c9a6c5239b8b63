//! Alignments are true, short where they can be, and found in bounded work.

use proptest::prelude::*;

use super::*;

/// The hunks, after a check that everything outside of them is equal; and how many elements lie in them.
fn checked(old: &[u64], new: &[u64]) -> (Vec<Hunk>, usize) {
    let hunks = hunks(old, new, WIDE);
    let (mut old_at, mut new_at, mut differing) = (0, 0, 0);
    for (before, after) in &hunks {
        assert_eq!(old[old_at..before.start], new[new_at..after.start]);
        assert!(!before.is_empty() || !after.is_empty());
        differing += before.len() + after.len();
        (old_at, new_at) = (before.end, after.end);
    }
    assert_eq!(old[old_at..], new[new_at..]);
    (hunks, differing)
}

/// The fewest elements that must lie in hunks.
fn fewest(old: &[u64], new: &[u64]) -> usize {
    let mut common = vec![vec![0; new.len() + 1]; old.len() + 1];
    for (at, one) in old.iter().enumerate() {
        for (other, two) in new.iter().enumerate() {
            common[at + 1][other + 1] =
                if one == two { common[at][other] + 1 } else { common[at][other + 1].max(common[at + 1][other]) };
        }
    }
    old.len() + new.len() - 2 * common[old.len()][new.len()]
}

#[test]
fn hunks_are_the_places_that_differ() {
    for (old, new, expected) in [
        (&[][..], &[][..], vec![]),
        (&[1, 1], &[1, 1], vec![]),
        (&[], &[1], vec![(0..0, 0..1)]),
        (&[1], &[], vec![(0..1, 0..0)]),
        (&[1, 2, 3], &[1, 3], vec![(1..2, 1..1)]),
        (&[7, 1, 2, 7], &[7, 3, 7], vec![(1..3, 1..2)]),
        // What occurs once holds the rest together.
        (&[5, 5, 1, 5, 5], &[5, 1, 5], vec![(1..2, 1..1), (3..4, 2..2)]),
        // Moved: one of the two stays.
        (&[1, 2, 3, 4], &[4, 1, 2, 3], vec![(0..0, 0..1), (3..4, 4..4)]),
    ] {
        assert_eq!(checked(old, new).0, expected, "{old:?} {new:?}");
    }
}

#[test]
fn long_and_repetitive_sequences_are_aligned() {
    let same = vec![1; 100_000];
    let mut other = same.clone();
    other.insert(30_000, 2);
    other.insert(60_000, 1);
    other.push(3);
    assert!(checked(&same, &other).1 <= 3);
    // Two kinds in a random order, more differences than a window.
    let bit = |seed: u64| (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 2;
    let old: Vec<u64> = (0..6_000).map(bit).collect();
    let new: Vec<u64> = (0..6_000).map(|at| bit(at + 1_000_000)).collect();
    let found = checked(&old, &new).1;
    assert!(found < 6_000, "{found} of 12000 differ");
    // A large block gone from between unique elements.
    let old: Vec<u64> = (0..50_000).collect();
    let new: Vec<u64> = (0..50_000).filter(|at| !(20_000..30_000).contains(at) && at % 1_000 != 0).collect();
    assert_eq!(checked(&old, &new).1, old.len() - new.len());
}

proptest! {
    #[test]
    fn without_anchors_the_way_is_the_shortest(
        old in prop::collection::vec(0..3_u64, 0..40),
        new in prop::collection::vec(0..3_u64, 0..40),
    ) {
        // Twice the same kinds at the end: no element occurs once.
        let twice = [0, 1, 2, 0, 1, 2];
        let (old, new) = ([&old[..], &twice].concat(), [&new[..], &twice].concat());
        let found = checked(&old, &new).1;
        prop_assert!(found <= fewest(&old, &new) + 12, "{found} {}", fewest(&old, &new));
    }

    #[test]
    fn the_greedy_way_alone_is_the_shortest(
        old in prop::collection::vec(0..4_u32, 0..40),
        new in prop::collection::vec(0..4_u32, 0..40),
    ) {
        let mut runs = Vec::new();
        between(&old, &new, 0, 0, WIDE, &mut runs);
        let kept: usize = runs.iter().map(|run| run.len).sum();
        for run in &runs {
            prop_assert_eq!(&old[run.old..run.old + run.len], &new[run.new..run.new + run.len]);
        }
        let wide = |sequence: &[u32]| sequence.iter().map(|one| u64::from(*one)).collect::<Vec<_>>();
        prop_assert_eq!(old.len() + new.len() - 2 * kept, fewest(&wide(&old), &wide(&new)));
    }

    #[test]
    fn everything_outside_of_the_hunks_is_equal(
        old in prop::collection::vec(0..30_u64, 0..60),
        new in prop::collection::vec(0..30_u64, 0..60),
    ) {
        checked(&old, &new);
    }

    #[test]
    fn many_small_windows_still_give_a_true_alignment(
        old in prop::collection::vec(0..5_u64, 0..60),
        new in prop::collection::vec(0..5_u64, 0..60),
        window in 1..6_usize,
    ) {
        let (mut old_at, mut new_at) = (0, 0);
        for (before, after) in hunks(&old, &new, window) {
            prop_assert_eq!(&old[old_at..before.start], &new[new_at..after.start]);
            (old_at, new_at) = (before.end, after.end);
        }
        prop_assert_eq!(&old[old_at..], &new[new_at..]);
    }
}
