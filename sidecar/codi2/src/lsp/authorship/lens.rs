//! Lenses: one above the first line with everybody's share of the file, and one above each longer block of lines of one
//! agent, completion, tool or program. And what the command behind a lens says.
//!
//! Shares count bytes, so that they cost a walk over the runs of owners and not over the text. Blocks are looked for in
//! the first page of a text. Which lines get one is ADR 0060.

use std::cmp::Reverse;

use codi2_protocol::{ActorKind, Class, Owner};

use super::{Authorship, Names, line_number, words};
use crate::lsp::session::Known;

/// Lines from which a block gets a lens.
const BLOCK_LINES: usize = 8;
/// Blocks with a lens, at most.
const BLOCKS: usize = 100;
/// Owners named with their share; the rest are `others`.
const NAMED: usize = 4;
/// What parts the words of a title.
const DOT: &str = " · ";

/// A lens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lens {
    /// The line it stands above, from 0.
    pub line: u32,
    /// What it says.
    pub title: String,
    /// Whether it is about the block that begins here, and not about the whole file.
    pub block: bool,
}

impl Authorship {
    /// The lenses of the document, in order of their lines. An empty one has none.
    pub fn lenses(&self, when: &dyn Fn(u64) -> String) -> Vec<Lens> {
        if self.text.is_empty() {
            return Vec::new();
        }
        let mut lenses = vec![Lens { line: 0, title: self.shares(), block: false }];
        if !self.is_loading() {
            lenses.extend(self.blocks(when));
        }
        lenses
    }

    /// Everybody's share of the text, in words; that it is loading, as long as that is so for any of it.
    pub fn shares(&self) -> String {
        if self.is_loading() {
            let why =
                if self.connected { "loading who wrote this" } else { "the hub is away, who wrote this comes later" };
            return format!("codi2: {why}");
        }
        let (mut names, mut bytes) = (Names::default(), Vec::<usize>::new());
        for (len, owner) in &self.tree {
            let number = names.take(owner, self.known(owner));
            bytes.resize(names.words.len(), 0);
            bytes[number] += len;
        }
        let mut shares: Vec<(&str, usize)> = names.words.iter().map(String::as_str).zip(bytes).collect();
        // A stable sort: who comes first in the file stays first among equals.
        shares.sort_by_key(|(_, bytes)| Reverse(*bytes));
        let total = self.tree.len();
        let rest: usize = shares.iter().skip(NAMED).map(|(_, bytes)| bytes).sum();
        let named = shares.into_iter().take(NAMED).chain((rest > 0).then_some(("others", rest)));
        let mut words: Vec<String> = named.map(|(who, bytes)| format!("{who} {}", percent(bytes, total))).collect();
        if self.out_of_step {
            words.push("may be off: the text here differs from the editor's".to_owned());
        }
        words.join(DOT)
    }

    /// Who wrote a line, from 0, in a sentence.
    pub fn about_line(&self, line: usize, when: &dyn Fn(u64) -> String) -> String {
        let page = self.page(line, line + 1, &mut Names::default());
        match page.lines.first() {
            None => format!("there is no line {}", line + 1),
            Some(owner) => {
                let second = owner.second.map(|second| format!("; also {}", words::who(self.known(second))));
                let told = words::sentence(self.known(owner.owner), when);
                format!("line {}: {told}{}", line + 1, second.unwrap_or_default())
            }
        }
    }

    fn is_loading(&self) -> bool {
        self.tree.iter().any(|(_, owner)| *self.known(owner) == Known::Loading)
    }

    fn blocks(&self, when: &dyn Fn(u64) -> String) -> Vec<Lens> {
        let mut names = Names::default();
        let page = self.page(0, usize::MAX, &mut names);
        let runs = page.lines.chunk_by(|one, next| names.of(one.owner) == names.of(next.owner));
        let mut start = 0;
        let mut lenses = Vec::new();
        for run in runs {
            let owners = run.iter().filter_map(|line| self.foreign(line.owner));
            let blank = run.iter().take_while(|line| line.blank).count();
            let lines = run.len() - blank;
            // The lens of the whole file says the same of a block that is all of it.
            if lines >= BLOCK_LINES && run.len() < self.count() && owners.clone().next().is_some() {
                let mut title = vec![names.words[names.of(run[0].owner)].clone(), format!("{lines} lines")];
                title.extend(same(owners.clone().map(|owner| owner.verdict.class)).map(|class| class.to_string()));
                title.extend(owners.filter_map(|owner| owner.at_ms).max().map(when));
                lenses.push(Lens { line: line_number(start + blank), title: title.join(DOT), block: true });
                if lenses.len() == BLOCKS {
                    break;
                }
            }
            start += run.len();
        }
        lenses
    }

    /// An owner that is known and no person.
    fn foreign(&self, owner: u32) -> Option<&Owner> {
        match self.known(owner) {
            Known::Judged(owner) => {
                Some(owner).filter(|owner| !matches!(owner.verdict.origin.kind, ActorKind::Person | ActorKind::Unknown))
            }
            _ => None,
        }
    }
}

/// The class of all of them, if it is one.
fn same(mut classes: impl Iterator<Item = Class>) -> Option<Class> {
    let first = classes.next()?;
    classes.all(|class| class == first).then_some(first)
}

/// A share, rounded; never nothing for something, never all for less.
fn percent(part: usize, total: usize) -> String {
    match (part * 100 + total / 2) / total.max(1) {
        0 => "<1%".to_owned(),
        100 if part < total => ">99%".to_owned(),
        rounded => format!("{rounded}%"),
    }
}
