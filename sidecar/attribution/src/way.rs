//! The way of a file's bytes from state to state, over known steps.

use std::collections::VecDeque;

use codi2_protocol::Digest;

/// The shortest way from one state to another over `count` steps: the numbers of the steps in order, earlier steps
/// first where two are as short. Empty if the states are the same.
pub(crate) fn way(
    from: Option<Digest>,
    to: Option<Digest>,
    count: usize,
    ends: impl Fn(usize) -> (Option<Digest>, Option<Digest>),
) -> Option<Vec<usize>> {
    if from == to {
        return Some(Vec::new());
    }
    // Which step first reached the end of a step: each step is looked at once.
    let mut reached: Vec<Option<Option<usize>>> = vec![None; count];
    let mut queue: VecDeque<(Option<Digest>, Option<usize>)> = VecDeque::from([(from, None)]);
    while let Some((state, last)) = queue.pop_front() {
        for step in 0..count {
            let (before, after) = ends(step);
            if before != state || reached[step].is_some() {
                continue;
            }
            reached[step] = Some(last);
            if after == to {
                let mut steps = vec![step];
                while let Some(Some(Some(previous))) = steps.last().map(|last| reached[*last]) {
                    steps.push(previous);
                }
                steps.reverse();
                return Some(steps);
            }
            queue.push_back((after, Some(step)));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::way;
    use crate::fixtures::digest;

    #[test]
    fn ways_are_short_and_end() {
        // A circle, a detour and a gap.
        let steps = [(1, 2), (2, 1), (2, 3), (3, 4), (1, 3), (6, 7)];
        let ends = |at: usize| (Some(digest(steps[at].0)), Some(digest(steps[at].1)));
        let go = |from: u8, to: u8| way(Some(digest(from)), Some(digest(to)), steps.len(), ends);
        assert_eq!(go(1, 1), Some(vec![]));
        assert_eq!(go(1, 4), Some(vec![4, 3]));
        assert_eq!(go(2, 4), Some(vec![2, 3]));
        assert_eq!(go(1, 7), None);
        assert_eq!(go(8, 9), None);
    }
}
