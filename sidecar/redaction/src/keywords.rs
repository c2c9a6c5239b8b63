//! Words looked for in a text, all in one pass and letter case ignored: by their first two bytes, then whole.
//!
//! A hook's process makes this anew and looks through some hundred bytes with it, so what counts is that it is made fast:
//! the automaton of a crate took 2 of the hook's 5 ms. Absent on purpose: what a word stands for (`scan`).

use std::ops::Range;

/// Places for the first two bytes, of which words have some 250.
const HEADS: usize = 1 << 10;
/// No word.
const NONE: u16 = u16::MAX;

/// A set of words, numbered in the order of their coming, from 0.
#[derive(Debug)]
pub struct Keywords {
    /// The newest word of those that begin so.
    heads: Box<[u16; HEADS]>,
    words: Vec<Word>,
}

#[derive(Debug)]
struct Word {
    /// In lower case.
    text: Box<[u8]>,
    /// The next one that begins so, or [`NONE`].
    next: u16,
}

impl Default for Keywords {
    fn default() -> Self {
        Self { heads: Box::new([NONE; HEADS]), words: Vec::new() }
    }
}

fn head(first: u8, second: u8) -> usize {
    (usize::from(first.to_ascii_lowercase()) << 5 ^ usize::from(second.to_ascii_lowercase())) % HEADS
}

impl Keywords {
    /// The number of a word of two bytes or more, put in if it is new.
    pub fn enter(&mut self, word: &str) -> usize {
        let text = word.as_bytes();
        let head = &mut self.heads[head(text[0], text[1])];
        let mut at = *head;
        while let Some(known) = self.words.get(usize::from(at)) {
            if known.text.eq_ignore_ascii_case(text) {
                return usize::from(at);
            }
            at = known.next;
        }
        let number = self.words.len();
        self.words.push(Word { text: text.to_ascii_lowercase().into(), next: *head });
        // The rules have some hundred.
        *head = u16::try_from(number).unwrap_or(NONE);
        number
    }

    /// Every place of every word, in the order in which they begin; of those that begin together, in no order.
    pub fn find(&self, text: &[u8], mut hit: impl FnMut(usize, Range<usize>)) {
        for (start, pair) in text.windows(2).enumerate() {
            let mut at = self.heads[head(pair[0], pair[1])];
            while let Some(word) = self.words.get(usize::from(at)) {
                let end = start + word.text.len();
                if text.get(start..end).is_some_and(|here| here.eq_ignore_ascii_case(&word.text)) {
                    hit(usize::from(at), start..end);
                }
                at = word.next;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_word_is_found_wherever_it_stands(
            words in prop::collection::vec("[abA]{2,4}", 1..12),
            text in "[abABéx]{0,24}",
        ) {
            let mut keywords = Keywords::default();
            let numbers: Vec<usize> = words.iter().map(|word| keywords.enter(word)).collect();
            let mut found = Vec::new();
            keywords.find(text.as_bytes(), |word, place| found.push((word, place)));
            prop_assert!(found.is_sorted_by_key(|(_, place)| place.start));
            let mut expected = Vec::new();
            let lower = text.to_ascii_lowercase();
            for (word, number) in words.iter().zip(numbers) {
                let word = word.to_ascii_lowercase();
                let places = (0..lower.len()).filter(|at| lower.as_bytes()[*at..].starts_with(word.as_bytes()));
                expected.extend(places.map(|at| (number, at..at + word.len())));
            }
            let order = |(word, place): &(usize, Range<usize>)| (place.start, *word);
            expected.sort_by_key(order);
            expected.dedup();
            found.sort_by_key(order);
            prop_assert_eq!(found, expected);
        }
    }
}
