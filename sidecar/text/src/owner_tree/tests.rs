//! The tree against one owner per byte, and its shape after random edits.

use proptest::prelude::*;

use super::node::{MAX, MIN, children_of};
use super::*;

/// One owner per byte.
fn flat(tree: &OwnerTree<u8>) -> Vec<u8> {
    tree.iter().flat_map(|(len, owner)| std::iter::repeat_n(owner, len)).collect()
}

fn runs(bytes: &[u8]) -> Vec<(usize, u8)> {
    let mut runs = Vec::new();
    bytes.iter().for_each(|owner| push_run(&mut runs, (1, *owner)));
    runs
}

/// Asserts what every tree promises: sizes add up, leaves lie equally deep, no node is too small or too large, no run
/// is empty or equal to its neighbour.
fn check_shape(tree: &OwnerTree<u8>) {
    fn check(node: &Node<u8>, root: bool) {
        assert!(node.entries() <= MAX && (root || node.entries() >= MIN), "{} entries", node.entries());
        match node {
            Node::Leaf { len, runs } => assert_eq!(*len, runs.iter().map(|(len, _)| len).sum::<usize>()),
            Node::Inner { len, height, children } => {
                assert!(children.len() >= 2, "a root over one child is too high");
                assert_eq!(*len, children.iter().map(|child| child.len()).sum::<usize>());
                assert!(children.iter().all(|child| child.height() + 1 == *height));
                children.iter().for_each(|child| check(child, false));
            }
        }
    }
    check(&tree.root, true);
    let all: Vec<(usize, u8)> = tree.iter().collect();
    assert!(all.iter().all(|(len, _)| *len > 0), "an empty run");
    assert!(all.windows(2).all(|pair| pair[0].1 != pair[1].1), "equal neighbours");
}

#[test]
fn neighbours_with_equal_owners_are_one_run() {
    let mut tree = OwnerTree::from_spans([(3, 'a'), (0, 'x'), (2, 'a'), (4, 'b')]);
    assert_eq!(tree.iter().collect::<Vec<_>>(), [(5, 'a'), (4, 'b')]);
    // Typing inside, after and before a run of one's own.
    assert_eq!(tree.splice(2, 0, &[(1, 'a')]), []);
    assert_eq!(tree.splice(6, 0, &[(1, 'a')]), []);
    assert_eq!(tree.splice(7, 0, &[(1, 'b')]), []);
    assert_eq!(tree.iter().collect::<Vec<_>>(), [(7, 'a'), (5, 'b')]);
    // Somebody else between, and gone again: the halves meet.
    assert_eq!(tree.splice(3, 0, &[(2, 'c')]), []);
    assert_eq!(tree.iter().collect::<Vec<_>>(), [(3, 'a'), (2, 'c'), (4, 'a'), (5, 'b')]);
    assert_eq!(tree.splice(3, 2, &[]), [(2, 'c')]);
    assert_eq!(tree.iter().collect::<Vec<_>>(), [(7, 'a'), (5, 'b')]);
    // Deleted runs are cut to what was deleted.
    assert_eq!(tree.splice(6, 3, &[(1, 'b'), (1, 'c')]), [(1, 'a'), (2, 'b')]);
    assert_eq!(tree.iter().collect::<Vec<_>>(), [(6, 'a'), (1, 'b'), (1, 'c'), (3, 'b')]);
}

#[test]
fn ranges_past_the_end_are_clamped() {
    let mut tree = OwnerTree::new(3, 'a');
    assert_eq!(tree.owner_at(2), Some('a'));
    assert_eq!(tree.owner_at(3), None);
    assert_eq!(tree.spans(2..99), [(1, 'a')]);
    assert_eq!(tree.spans(Range { start: 2, end: 1 }), []);
    assert_eq!(tree.splice(99, 5, &[(1, 'b')]), []);
    assert_eq!(tree.splice(2, usize::MAX, &[]), [(1, 'a'), (1, 'b')]);
    assert_eq!(tree.iter().collect::<Vec<_>>(), [(2, 'a')]);
    let empty = OwnerTree::new(0, 'a');
    assert!(empty.is_empty() && empty.iter().next().is_none() && empty.owner_at(0).is_none());
    assert_eq!(empty, tree.part(5..9));
}

#[test]
fn a_tree_follows_the_edits_of_its_text() {
    let mut tree = OwnerTree::new(6, 0);
    let edit = |at, deleted, inserted: &str| Replace { at, deleted, inserted: inserted.into() };
    let deleted = tree.splice_all(&[edit(2, 1, "xy"), edit(2, 3, "")], 1);
    assert_eq!(deleted, [vec![(1, 0)], vec![(2, 1), (1, 0)]]);
    assert_eq!(tree.iter().collect::<Vec<_>>(), [(4, 0)]);
}

#[test]
fn an_edit_leaves_the_clone_alone_and_shares_the_rest() {
    let mut tree = OwnerTree::from_spans((0..4096).map(|at| (1, at)));
    let before = tree.clone();
    assert!(tree.is_same(&before));
    tree.splice(2000, 1, &[(2, 9999)]);
    assert_eq!(before.iter().map(|(_, owner)| owner).collect::<Vec<_>>(), (0..4096).collect::<Vec<_>>());
    let leaves = |tree: &OwnerTree<i32>| {
        let (mut nodes, mut all) = (vec![Arc::clone(&tree.root)], Vec::new());
        while let Some(node) = nodes.pop() {
            all.push(Arc::as_ptr(&node));
            nodes.extend(children_of(&node));
        }
        all
    };
    let shared = leaves(&before);
    let new = leaves(&tree).into_iter().filter(|node| !shared.contains(node)).count();
    assert!(new < 20, "{new} of {} nodes are new", shared.len());
}

/// (where, deleted, inserted runs), each number taken modulo what fits.
type Step = (usize, usize, Vec<(usize, u8)>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let small = (any::<usize>(), 0..4_usize, prop::collection::vec((0..3_usize, 0..4_u8), 0..3));
    let large = (any::<usize>(), 0..400_usize, prop::collection::vec((0..3_usize, 0..9_u8), 0..120));
    prop::collection::vec(prop_oneof![3 => small, 1 => large], 0..40)
}

proptest! {
    #[test]
    fn random_edits_do_what_they_do_to_one_owner_per_byte(
        first in prop::collection::vec((0..4_usize, 0..9_u8), 0..600),
        steps in steps(),
    ) {
        let mut tree = OwnerTree::from_spans(first.iter().copied());
        let mut model: Vec<u8> = first.iter().flat_map(|(len, owner)| std::iter::repeat_n(*owner, *len)).collect();
        check_shape(&tree);
        for (at, deleted, inserted) in steps {
            let at = at % (model.len() + 1);
            let end = (at + deleted).min(model.len());
            let bytes: Vec<u8> = inserted.iter().flat_map(|(len, owner)| std::iter::repeat_n(*owner, *len)).collect();
            let snapshot = (tree.clone(), model.clone());
            prop_assert_eq!(tree.spans(at..end), runs(&model[at..end]));
            prop_assert_eq!(flat(&tree.part(at..end)), &model[at..end]);
            check_shape(&tree.part(at..end));
            let removed: Vec<u8> = model.splice(at..end, bytes).collect();
            prop_assert_eq!(tree.splice(at, deleted, &inserted), runs(&removed));
            prop_assert_eq!(flat(&tree), &model[..]);
            prop_assert_eq!(tree.len(), model.len());
            prop_assert_eq!(tree.owner_at(at), model.get(at).copied());
            prop_assert_eq!(&tree, &OwnerTree::from_spans(runs(&model)));
            prop_assert_eq!(flat(&snapshot.0), snapshot.1);
            check_shape(&tree);
        }
    }

    #[test]
    fn joined_parts_are_the_whole(
        spans in prop::collection::vec((1..4_usize, 0..3_u8), 0..900),
        at in any::<prop::sample::Index>(),
    ) {
        let tree = OwnerTree::from_spans(spans);
        let at = at.index(tree.len() + 1);
        let joined = tree.part(0..at).joined(tree.part(at..tree.len()));
        check_shape(&joined);
        prop_assert_eq!(joined, tree);
    }

    #[test]
    fn recolouring_changes_owners_and_nothing_else(
        spans in prop::collection::vec((1..4_usize, 0..5_u8), 0..300),
        start in any::<prop::sample::Index>(),
        len in 0..200_usize,
    ) {
        let mut tree = OwnerTree::from_spans(spans);
        let mut model = flat(&tree);
        let start = start.index(model.len() + 1);
        let end = (start + len).min(model.len());
        model[start..end].iter_mut().for_each(|owner| *owner = if *owner == 1 { 2 } else { *owner });
        tree.recolour(start..start + len, |owner| if owner == 1 { 2 } else { owner });
        prop_assert_eq!(flat(&tree), model);
        check_shape(&tree);
    }
}
