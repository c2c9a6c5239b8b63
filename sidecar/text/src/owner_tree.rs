//! Who owns each byte of a text: runs of (bytes, owner) in a persistent balanced tree.
//!
//! A B-tree whose leaves hold runs and whose inner nodes hold lengths. Clones share all nodes; an edit copies the path
//! it touches, so it costs O(log n) in the number of runs. Neighbours with equal owners are always one run.
//!
//! Absent on purpose: what an owner is, line ends (`lines` joins a tree with its text), and panics: every range is
//! clamped to the tree.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::Replace;

/// Entries of a node, at most.
const MAX: usize = 16;
/// Entries of every node but the root, at least.
const MIN: usize = MAX / 2;

/// Runs of bytes with one owner each. `O` is small: an index into a table of owners.
#[derive(Clone)]
pub struct OwnerTree<O> {
    root: Arc<Node<O>>,
}

/// All leaves lie equally deep; a leaf is a node of height 0.
#[derive(Clone)]
enum Node<O> {
    /// Runs, none empty, no two neighbours with equal owners.
    Leaf { len: usize, runs: Vec<(usize, O)> },
    /// Nodes one lower.
    Inner { len: usize, height: usize, children: Vec<Arc<Node<O>>> },
}

impl<O: Copy + Eq> OwnerTree<O> {
    /// `len` bytes of one owner.
    pub fn new(len: usize, owner: O) -> Self {
        Self::from_spans([(len, owner)])
    }

    /// A tree of these runs in order; empty ones are left out, equal neighbours joined.
    pub fn from_spans(spans: impl IntoIterator<Item = (usize, O)>) -> Self {
        let mut runs = Vec::new();
        for span in spans {
            push_run(&mut runs, span);
        }
        let mut level: Vec<Arc<Node<O>>> = shares(runs).map(|runs| Arc::new(Node::leaf(runs))).collect();
        while level.len() > 1 {
            level = shares(level).map(|children| Arc::new(Node::inner(children))).collect();
        }
        Self { root: level.pop().unwrap_or_else(|| Arc::new(Node::leaf(Vec::new()))) }
    }

    /// Bytes in all.
    pub fn len(&self) -> usize {
        self.root.len()
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The owner of byte `at`; none past the end.
    pub fn owner_at(&self, at: usize) -> Option<O> {
        self.runs_from(at).next().map(|(_, owner)| owner)
    }

    /// Puts `inserted` runs in the place of `deleted` bytes at `at`, and returns the runs deleted.
    pub fn splice(&mut self, at: usize, deleted: usize, inserted: &[(usize, O)]) -> Vec<(usize, O)> {
        let at = at.min(self.len());
        let end = at.saturating_add(deleted).min(self.len());
        if let (true, [(len, owner)]) = (at == end, inserted)
            && *len > 0
            && self.grow(at, *len, *owner)
        {
            return Vec::new();
        }
        let removed = self.spans(at..end);
        let left = self.part(0..at);
        let right = self.part(end..self.len());
        *self = left.joined(Self::from_spans(inserted.iter().copied())).joined(right);
        removed
    }

    /// Follows the edits of a text, in order; what they insert is `owner`'s. Returns the runs deleted by each.
    pub fn splice_all(&mut self, edits: &[Replace], owner: O) -> Vec<Vec<(usize, O)>> {
        let one = |edit: &Replace| self.splice(edit.at, edit.deleted, &[(edit.inserted.len(), owner)]);
        edits.iter().map(one).collect()
    }

    /// Gives the bytes of `range` other owners, run by run.
    pub fn recolour(&mut self, range: Range<usize>, mut owner: impl FnMut(O) -> O) {
        let runs: Vec<(usize, O)> = self.spans(range.clone()).into_iter().map(|(len, old)| (len, owner(old))).collect();
        let len = runs.iter().map(|(len, _)| len).sum();
        self.splice(range.start, len, &runs);
    }

    /// The runs of `range`, cut to it.
    pub fn spans(&self, range: Range<usize>) -> Vec<(usize, O)> {
        let mut left = range.end.min(self.len()).saturating_sub(range.start);
        let mut spans = Vec::new();
        for (len, owner) in self.runs_from(range.start) {
            if left == 0 {
                break;
            }
            spans.push((len.min(left), owner));
            left -= len.min(left);
        }
        spans
    }

    /// All runs in order: (bytes, owner).
    pub fn iter(&self) -> Runs<'_, O> {
        self.runs_from(0)
    }

    /// The runs from byte `at` on, the first one cut.
    pub fn runs_from(&self, at: usize) -> Runs<'_, O> {
        let mut runs = Runs { stack: Vec::new(), leaf: [].iter(), cut: 0 };
        runs.descend(&self.root, at.min(self.len()));
        runs
    }

    /// A tree of the bytes of `range` alone, sharing what it can.
    pub fn part(&self, range: Range<usize>) -> Self {
        let end = range.end.min(self.len());
        let start = range.start.min(end);
        let (left, _) = split(&self.root, end);
        let (_, part) = split(&left, start);
        Self { root: part }
    }

    /// This tree followed by another.
    #[must_use]
    pub fn joined(self, next: Self) -> Self {
        if self.is_empty() {
            return next;
        }
        let (Some((len, last)), Some((_, first))) = (last_run(&self.root), next.iter().next()) else { return self };
        if last != first {
            return Self { root: concat(self.root, next.root) };
        }
        // The border falls inside one run: its left half moves into the right tree, whose shape stays.
        let (left, _) = split(&self.root, self.len() - len);
        let mut right = next.root;
        Arc::make_mut(&mut right).grow(0, len, first);
        Self { root: concat(left, right) }
    }

    /// Whether two trees are the same nodes, so equal for sure; a quick test before a slow one.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.root, &other.root)
    }

    /// Makes room inside or at the border of a run of `owner`, if `at` touches one: what typing does all day.
    fn grow(&mut self, at: usize, len: usize, owner: O) -> bool {
        let place = if at > 0 && self.owner_at(at - 1) == Some(owner) {
            at - 1
        } else if self.owner_at(at) == Some(owner) {
            at
        } else {
            return false;
        };
        Arc::make_mut(&mut self.root).grow(place, len, owner)
    }
}

impl<O: Copy + Eq> Node<O> {
    fn leaf(runs: Vec<(usize, O)>) -> Self {
        Self::Leaf { len: runs.iter().map(|(len, _)| len).sum(), runs }
    }

    /// `children` is not empty and of one height.
    fn inner(children: Vec<Arc<Self>>) -> Self {
        let height = children.first().map_or(0, |child| child.height()) + 1;
        Self::Inner { len: children.iter().map(|child| child.len()).sum(), height, children }
    }

    fn len(&self) -> usize {
        match self {
            Self::Leaf { len, .. } | Self::Inner { len, .. } => *len,
        }
    }

    fn height(&self) -> usize {
        match self {
            Self::Leaf { .. } => 0,
            Self::Inner { height, .. } => *height,
        }
    }

    fn entries(&self) -> usize {
        match self {
            Self::Leaf { runs, .. } => runs.len(),
            Self::Inner { children, .. } => children.len(),
        }
    }

    /// Adds `by` bytes to the run that holds byte `at`, if `owner` owns it.
    fn grow(&mut self, at: usize, by: usize, owner: O) -> bool {
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
fn push_run<O: Copy + Eq>(runs: &mut Vec<(usize, O)>, (len, owner): (usize, O)) {
    match runs.last_mut() {
        _ if len == 0 => {}
        Some(last) if last.1 == owner => last.0 += len,
        _ => runs.push((len, owner)),
    }
}

/// Deals out entries to as few nodes as can hold them, evenly, so that none has under `MIN` if there are several.
fn shares<T>(entries: Vec<T>) -> impl Iterator<Item = Vec<T>> {
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
fn last_run<O: Copy + Eq>(node: &Node<O>) -> Option<(usize, O)> {
    match node {
        Node::Leaf { runs, .. } => runs.last().copied(),
        Node::Inner { children, .. } => children.last().and_then(|child| last_run(child)),
    }
}

/// The first `at` bytes of a tree, and the rest.
fn split<O: Copy + Eq>(node: &Arc<Node<O>>, at: usize) -> (Arc<Node<O>>, Arc<Node<O>>) {
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
fn concat<O: Copy + Eq>(left: Arc<Node<O>>, right: Arc<Node<O>>) -> Arc<Node<O>> {
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
fn children_of<O>(node: &Node<O>) -> Vec<Arc<Node<O>>> {
    match node {
        Node::Leaf { .. } => Vec::new(),
        Node::Inner { children, .. } => children.clone(),
    }
}

/// The runs of a tree in order, as (bytes, owner).
#[derive(Clone)]
pub struct Runs<'a, O> {
    /// Children still to visit, per level.
    stack: Vec<std::slice::Iter<'a, Arc<Node<O>>>>,
    leaf: std::slice::Iter<'a, (usize, O)>,
    /// Bytes to cut off the next run.
    cut: usize,
}

impl<'a, O: Copy + Eq> Runs<'a, O> {
    /// Goes down to the run that holds byte `at` of `node`, or past its end.
    fn descend(&mut self, node: &'a Node<O>, at: usize) {
        let (mut node, mut at) = (node, at);
        loop {
            match node {
                Node::Leaf { runs, .. } => {
                    let before = |at: &mut usize, len: usize| {
                        *at >= len && {
                            *at -= len;
                            true
                        }
                    };
                    let skipped = runs.iter().take_while(|(len, _)| before(&mut at, *len)).count();
                    self.leaf = runs[skipped..].iter();
                    self.cut = at;
                    return;
                }
                Node::Inner { children, .. } => {
                    let mut rest = children.iter();
                    let Some(mut child) = rest.next() else { return };
                    while at >= child.len() {
                        let Some(next) = rest.next() else { break };
                        at -= child.len();
                        child = next;
                    }
                    self.stack.push(rest);
                    node = child;
                }
            }
        }
    }
}

impl<O: Copy + Eq> Iterator for Runs<'_, O> {
    type Item = (usize, O);

    fn next(&mut self) -> Option<(usize, O)> {
        loop {
            if let Some((len, owner)) = self.leaf.next() {
                let cut = std::mem::take(&mut self.cut);
                return Some((len - cut, *owner));
            }
            match self.stack.last_mut()?.next() {
                Some(node) => self.descend(node, 0),
                None => drop(self.stack.pop()),
            }
        }
    }
}

impl<'a, O: Copy + Eq> IntoIterator for &'a OwnerTree<O> {
    type Item = (usize, O);
    type IntoIter = Runs<'a, O>;

    fn into_iter(self) -> Runs<'a, O> {
        self.iter()
    }
}

/// Equal when every byte has the same owner; how the nodes lie does not matter.
impl<O: Copy + Eq> PartialEq for OwnerTree<O> {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || (self.len() == other.len() && self.iter().eq(other.iter()))
    }
}

impl<O: Copy + Eq> Eq for OwnerTree<O> {}

impl<O: Copy + Eq + fmt::Debug> fmt::Debug for OwnerTree<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
