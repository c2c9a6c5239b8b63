//! The nodes of an owner tree: a B-tree whose leaves hold runs and whose inner nodes hold lengths; cut and joined here.
//!
//! Absent on purpose: offsets past the end, which the tree has clamped.

use std::sync::Arc;

/// Entries of a node, at most.
pub(super) const MAX: usize = 16;
/// Entries of every node but the root, at least.
pub(super) const MIN: usize = MAX / 2;

/// All leaves lie equally deep; a leaf is a node of height 0.
#[derive(Clone)]
pub(super) enum Node<O> {
    /// Runs, none empty, no two neighbours with equal owners.
    Leaf { len: usize, runs: Vec<(usize, O)> },
    /// Nodes one lower.
    Inner { len: usize, height: usize, children: Vec<Arc<Node<O>>> },
}

impl<O: Copy + Eq> Node<O> {
    pub(super) fn leaf(runs: Vec<(usize, O)>) -> Self {
        Self::Leaf { len: runs.iter().map(|(len, _)| len).sum(), runs }
    }

    /// `children` is not empty and of one height.
    pub(super) fn inner(children: Vec<Arc<Self>>) -> Self {
        let height = children.first().map_or(0, |child| child.height()) + 1;
        Self::Inner { len: children.iter().map(|child| child.len()).sum(), height, children }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Leaf { len, .. } | Self::Inner { len, .. } => *len,
        }
    }

    pub(super) fn height(&self) -> usize {
        match self {
            Self::Leaf { .. } => 0,
            Self::Inner { height, .. } => *height,
        }
    }

    pub(super) fn entries(&self) -> usize {
        match self {
            Self::Leaf { runs, .. } => runs.len(),
            Self::Inner { children, .. } => children.len(),
        }
    }

    /// Adds `by` bytes to the run that holds byte `at`, if `owner` owns it.
    pub(super) fn grow(&mut self, at: usize, by: usize, owner: O) -> bool {
        let mut at = at;
        match self {
            Self::Leaf { len, runs } => {
                for (run, own) in runs {
                    if at < *run {
                        if *own == owner {
                            *run += by;
                            *len += by;
                        }
                        return *own == owner;
                    }
                    at -= *run;
                }
                false
            }
            Self::Inner { len, children, .. } => {
                for child in children {
                    if at < child.len() {
                        let grown = Arc::make_mut(child).grow(at, by, owner);
                        *len += if grown { by } else { 0 };
                        return grown;
                    }
                    at -= child.len();
                }
                false
            }
        }
    }
}

/// Adds a run to a list; joins equal neighbours and drops empty runs.
pub(super) fn push_run<O: Copy + Eq>(runs: &mut Vec<(usize, O)>, (len, owner): (usize, O)) {
    match runs.last_mut() {
        _ if len == 0 => {}
        Some(last) if last.1 == owner => last.0 += len,
        _ => runs.push((len, owner)),
    }
}

/// Deals out entries to as few nodes as can hold them, evenly, so that none has under `MIN` if there are several.
pub(super) fn shares<T>(entries: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let nodes = entries.len().div_ceil(MAX);
    let mut left = entries.len();
    let mut entries = entries.into_iter();
    (0..nodes).map(move |node| {
        let share = left.div_ceil(nodes - node);
        left -= share;
        entries.by_ref().take(share).collect()
    })
}

/// The last run of a tree.
pub(super) fn last_run<O: Copy + Eq>(node: &Node<O>) -> Option<(usize, O)> {
    match node {
        Node::Leaf { runs, .. } => runs.last().copied(),
        Node::Inner { children, .. } => children.last().and_then(|child| last_run(child)),
    }
}

/// The first `at` bytes of a tree, and the rest.
pub(super) fn split<O: Copy + Eq>(node: &Arc<Node<O>>, at: usize) -> (Arc<Node<O>>, Arc<Node<O>>) {
    let nothing = || Arc::new(Node::leaf(Vec::new()));
    if at == 0 {
        return (nothing(), Arc::clone(node));
    }
    if at >= node.len() {
        return (Arc::clone(node), nothing());
    }
    let mut before = 0;
    match &**node {
        Node::Leaf { runs, .. } => {
            let (mut left, mut right) = (Vec::new(), Vec::new());
            for (len, owner) in runs {
                let cut = at.saturating_sub(before).min(*len);
                push_run(&mut left, (cut, *owner));
                push_run(&mut right, (len - cut, *owner));
                before += len;
            }
            (Arc::new(Node::leaf(left)), Arc::new(Node::leaf(right)))
        }
        Node::Inner { children, .. } => {
            let mut middle = 0;
            while before + children[middle].len() <= at {
                before += children[middle].len();
                middle += 1;
            }
            let (left, right) = split(&children[middle], at - before);
            (concat(above(&children[..middle]), left), concat(right, above(&children[middle + 1..])))
        }
    }
}

/// A tree over nodes of one height, as low as it can be.
fn above<O: Copy + Eq>(children: &[Arc<Node<O>>]) -> Arc<Node<O>> {
    match children {
        [] => Arc::new(Node::leaf(Vec::new())),
        [only] => Arc::clone(only),
        several => Arc::new(Node::inner(several.to_vec())),
    }
}

/// One tree after another; the runs at the border have different owners. Only a root may have under `MIN` entries, on
/// the way in as on the way out. Costs the difference of their heights.
pub(super) fn concat<O: Copy + Eq>(left: Arc<Node<O>>, right: Arc<Node<O>>) -> Arc<Node<O>> {
    if left.len() == 0 {
        return right;
    }
    if right.len() == 0 {
        return left;
    }
    match (&*left, &*right) {
        (Node::Leaf { runs: one, .. }, Node::Leaf { runs: two, .. }) => {
            if one.len() >= MIN && two.len() >= MIN {
                return Arc::new(Node::inner(vec![left, right]));
            }
            let runs = one.iter().chain(two).copied().collect();
            let leaves: Vec<Arc<Node<O>>> = shares(runs).map(|runs| Arc::new(Node::leaf(runs))).collect();
            above(&leaves)
        }
        (Node::Inner { children, .. }, low) if low.height() < left.height() => {
            let (last, others) = children.split_last().expect("an inner node has children");
            if low.height() + 1 == left.height() && low.entries() >= MIN {
                return gathered(children, &[right]);
            }
            let joined = concat(Arc::clone(last), right);
            let tops = if joined.height() + 1 == left.height() { vec![joined] } else { children_of(&joined) };
            gathered(others, &tops)
        }
        (low, Node::Inner { children, .. }) if low.height() < right.height() => {
            let (first, others) = children.split_first().expect("an inner node has children");
            if low.height() + 1 == right.height() && low.entries() >= MIN {
                return gathered(&[left], children);
            }
            let joined = concat(left, Arc::clone(first));
            let tops = if joined.height() + 1 == right.height() { vec![joined] } else { children_of(&joined) };
            gathered(&tops, others)
        }
        _ => {
            if left.entries() >= MIN && right.entries() >= MIN {
                return Arc::new(Node::inner(vec![left, right]));
            }
            gathered(&children_of(&left), &children_of(&right))
        }
    }
}

/// A tree over two lists of nodes, all of one height and none too small.
fn gathered<O: Copy + Eq>(left: &[Arc<Node<O>>], right: &[Arc<Node<O>>]) -> Arc<Node<O>> {
    let children: Vec<Arc<Node<O>>> = left.iter().chain(right).cloned().collect();
    let tops: Vec<Arc<Node<O>>> = shares(children).map(|children| Arc::new(Node::inner(children))).collect();
    above(&tops)
}

/// The children of an inner node; a leaf has none.
pub(super) fn children_of<O>(node: &Node<O>) -> Vec<Arc<Node<O>>> {
    match node {
        Node::Leaf { .. } => Vec::new(),
        Node::Inner { children, .. } => children.clone(),
    }
}
