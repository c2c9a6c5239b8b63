//! Who owns each byte of a text: runs of (bytes, owner) in a persistent balanced tree.
//!
//! Clones share all nodes; an edit copies the path it touches, so it costs O(log n) in the number of runs. Neighbours
//! with equal owners are always one run.
//!
//! Absent on purpose: what an owner is, line ends (`lines` joins a tree with its text), the balance of the nodes
//! (`node`), and panics: every range is clamped to the tree.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::Replace;
use node::{Node, concat, last_run, push_run, shares, split};

mod node;

/// Runs of bytes with one owner each. `O` is small: an index into a table of owners.
#[derive(Clone)]
pub struct OwnerTree<O> {
    root: Arc<Node<O>>,
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
