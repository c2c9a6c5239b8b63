//! The text after a change beside the file's other states: each pair of texts is compared once, however often it is asked for.
//!
//! Absent on purpose: what follows from a comparison.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use codi2_protocol::Digest;
use codi2_text::{Limits, OwnerTree, Replace, Text, diff};

use super::facts::DiskFacts;

/// A change with what was compared to judge it.
pub(super) struct Compared<'a> {
    pub(super) facts: &'a DiskFacts<'a>,
    text: OnceCell<Option<String>>,
    ways: RefCell<HashMap<Option<Digest>, Option<Rc<Way>>>>,
}

/// What leads from another state's text to the one after the change.
struct Way {
    /// Length of the other text.
    from: usize,
    edits: Vec<Replace>,
}

impl<'a> Compared<'a> {
    /// Nothing is compared yet.
    pub(super) fn of(facts: &'a DiskFacts<'a>) -> Self {
        Self { facts, text: OnceCell::new(), ways: RefCell::default() }
    }

    /// The text after the change, where it is at hand.
    pub(super) fn text(&self) -> Option<&str> {
        let text = || self.facts.after.and_then(self.facts.texts).map(|text| text.to_string());
        self.text.get_or_init(text).as_deref()
    }

    /// Whether the text of a state is at hand.
    pub(super) fn has(&self, state: Option<Digest>) -> bool {
        state.is_none_or(|digest| (self.facts.texts)(digest).is_some())
    }

    /// What is new in this change, or may be: all of it, where the text before is not known.
    pub(super) fn new_bytes(&self) -> Vec<Range<usize>> {
        let new = |edit: &Replace| edit.at..edit.at + edit.inserted.len();
        match self.way(self.facts.before) {
            Some(way) => way.edits.iter().map(new).collect(),
            None => std::iter::once(0..self.text().map_or(0, str::len)).collect(),
        }
    }

    /// The marks of another state's text, which `marks` makes for its length, as they stand in the text after: none on what came
    /// since. Absent where the two cannot be compared.
    pub(super) fn carried(
        &self,
        state: Option<Digest>,
        marks: impl FnOnce(usize) -> OwnerTree<bool>,
    ) -> Option<OwnerTree<bool>> {
        let way = self.way(state)?;
        let mut marks = marks(way.from);
        marks.splice_all(&way.edits, false);
        Some(marks)
    }

    fn way(&self, state: Option<Digest>) -> Option<Rc<Way>> {
        if let Some(known) = self.ways.borrow().get(&state) {
            return known.clone();
        }
        let way = self.compare(state).map(Rc::new);
        self.ways.borrow_mut().insert(state, way.clone());
        way
    }

    fn compare(&self, state: Option<Digest>) -> Option<Way> {
        let other = state.map_or_else(|| Some(Text::new("")), |digest| (self.facts.texts)(digest))?;
        Some(Way { from: other.len_bytes(), edits: diff(&other, self.text()?, &Limits::default()) })
    }
}
