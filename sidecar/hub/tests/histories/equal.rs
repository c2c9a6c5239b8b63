//! Lines that many write: each stands below a word of its author, by which the model knows this copy from the others.
//!
//! A copy whose author the model cannot tell from its place (a comparison of texts may take either of two) may be anybody's who
//! wrote such a line; where it can, whoever else is named did not write it. That nobody is named is never a failure.
//! Absent on purpose: who wrote the words (`model`).

use std::collections::{BTreeMap, BTreeSet};

use super::model::Author;

/// What is written again and again.
const EQUAL: [&str; 10] = [
    "}",
    "return 0;",
    "else:",
    "return None",
    "});",
    "end",
    "// ------------",
    "import os",
    "try {",
    "return compute_default()",
];
/// One word of so many has one below it.
const ONE_OF: usize = 3;

/// The copies.
#[derive(Debug, Default)]
pub struct Equal {
    /// What stands below a word, and who may be named for it beside the word's author.
    below: BTreeMap<String, (&'static str, BTreeSet<Author>)>,
    /// Words whose copy cannot be told from others any more.
    apart: BTreeSet<String>,
    /// Who wrote each line at all.
    writers: BTreeMap<&'static str, BTreeSet<Author>>,
}

/// Whether many write this line.
pub fn is_equal(line: &str) -> bool {
    EQUAL.contains(&line.trim())
}

impl Equal {
    /// The line that an author writes below a word that is the `number`th.
    pub fn write(&mut self, number: usize, word: &str, author: Author) -> Option<&'static str> {
        let line = number.is_multiple_of(ONE_OF).then(|| EQUAL[number / ONE_OF % EQUAL.len()])?;
        self.below.insert(word.to_owned(), (line, BTreeSet::from([author])));
        self.writers.entry(line).or_default().insert(author);
        Some(line)
    }

    /// Somebody moved lines of this text: copies among them may be called theirs.
    pub fn moved(&mut self, text: &str, mover: Author) {
        for line in text.lines().map(str::trim) {
            if let Some((_, named)) = self.below.get_mut(line) {
                named.insert(mover);
            }
            if let Some(line) = EQUAL.iter().find(|equal| **equal == line) {
                self.writers.entry(line).or_default().insert(mover);
            }
        }
    }

    /// What becomes of the copies in this text cannot be told: whoever sees only the end may take one for another.
    pub fn forgets<'a>(&mut self, words: impl IntoIterator<Item = &'a str>) {
        self.apart.extend(words.into_iter().map(|word| word.trim().to_owned()));
    }

    /// Looks which copies still stand below their words in this text.
    pub fn sees(&mut self, text: &str) {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (at, word) in lines.iter().enumerate() {
            if let Some((line, _)) = self.below.get(*word)
                && (lines.get(at + 1) != Some(line) || lines.get(at + 2) == Some(line))
            {
                self.apart.insert((*word).to_owned());
            }
        }
    }

    /// Who may be named for the copy in this line of a text, beside nobody. `author`: of a word.
    pub fn authors(&self, text: &str, at: usize, author: impl Fn(&str) -> Option<Author>) -> BTreeSet<Author> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let copy = lines[at];
        let pair = |at: usize| {
            let (line, named) = self.below.get(*lines.get(at)?)?;
            (*line == copy && lines.get(at + 1) == Some(line) && !self.apart.contains(lines[at])).then_some(named)
        };
        let any = || self.writers.get(copy).cloned().unwrap_or_default();
        let own = at.checked_sub(1).and_then(pair).filter(|_| lines.get(at + 1) != Some(&copy));
        let Some(own) = own else { return any() };
        // A comparison may set the seam of what one author put in between two copies on either side of it: the one it ends
        // with for the one it was put behind.
        let mut all = own.clone();
        let mut row = |side: &mut dyn Iterator<Item = usize>| {
            let mut whose = None;
            for at in side {
                if lines[at] == copy {
                    all.extend(at.checked_sub(1).and_then(pair).cloned().unwrap_or_else(any));
                    whose = None;
                } else if !is_equal(lines[at]) && *whose.get_or_insert(author(lines[at])) != author(lines[at]) {
                    break;
                }
            }
        };
        row(&mut (0..at).rev());
        row(&mut (at + 1..lines.len()));
        all
    }
}
