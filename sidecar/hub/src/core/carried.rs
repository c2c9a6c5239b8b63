//! Whose the lines are that git put together from texts it has (ADR 0083).
//!
//! Each of these texts is laid beside the new one: a line that both have, in order, is whose it was there. Absent on
//! purpose: lines that none of them has, or has elsewhere; the ledger may remember those (`recall_lines`).

use std::collections::HashMap;
use std::ops::Range as Bytes;

use codi2_protocol::{Digest, FileId};
use codi2_text::{OwnerTree, Text, line_diff_hashes};
use codi2_workspace::{GitExplanation, GitSource};

use super::Core;
use super::disk::decode_text;
use crate::book::OwnerRef;
use crate::ledger::is_telling;
use crate::ports::Ports;

/// Who owns a line in one of git's texts; absent where nothing is known of that text.
type Claim = Option<Vec<(usize, OwnerRef)>>;

/// The lines of a text: their bytes, and the same number for the same words.
#[derive(Debug)]
struct Lines {
    bytes: Vec<Bytes<usize>>,
    numbers: Vec<u64>,
    words: HashMap<u64, Words>,
}

#[derive(Debug, Default)]
struct Words {
    /// How often they stand there.
    times: usize,
    /// Whether they have a letter or digit.
    say: bool,
    /// Whether they tell one line from others (`is_telling`).
    tell: bool,
}

impl Lines {
    /// Line ends are not words: git may have made them others.
    fn of(text: &Text, numbers: &mut HashMap<String, u64>) -> Self {
        let mut lines = Self { bytes: Vec::new(), numbers: Vec::new(), words: HashMap::new() };
        let mut at = 0;
        for len in text.line_lengths() {
            let words = text.slice(at..at + len).trim_end_matches(['\n', '\r']).to_owned();
            let (say, tell) = (words.chars().any(char::is_alphanumeric), is_telling(&words));
            let next = numbers.len() as u64;
            let number = *numbers.entry(words).or_insert(next);
            lines.words.entry(number).or_insert(Words { times: 0, say, tell }).times += 1;
            lines.bytes.push(at..at + len);
            lines.numbers.push(number);
            at += len;
        }
        lines
    }

    /// Whether a line with words stands here once.
    fn is_one(&self, number: u64) -> bool {
        self.words.get(&number).is_some_and(|words| words.times == 1 && words.say)
    }

    /// Whether a line that stands here tells itself from others.
    fn tells(&self, number: u64) -> bool {
        self.words[&number].tell
    }
}

impl Core {
    /// The owners that a text's lines have in the texts git may have taken them from. `unseen` has what none of them has,
    /// and what two of them have of different authors: one of which nothing is known is one more. Of a conflict both sides
    /// stand there, each with its copy, so that no order tells: words that tell are whose they are in all texts known.
    pub(super) fn carried_from(
        &mut self,
        file: &FileId,
        git: Option<&GitExplanation>,
        after: &Text,
        unseen: OwnerRef,
        ports: &mut dyn Ports,
    ) -> OwnerTree<OwnerRef> {
        let mut numbers = HashMap::new();
        let new = Lines::of(after, &mut numbers);
        let mut claims: Vec<Vec<Claim>> = vec![Vec::new(); new.bytes.len()];
        let is_conflict = git.is_some_and(|git| git.what == GitSource::Conflict);
        let mut told: HashMap<u64, Vec<Claim>> = HashMap::new();
        for source in git.iter().flat_map(|git| &git.sources) {
            let Some(text) = decode_text(source).filter(|text| text.digest() != after.digest()) else { continue };
            let digest = Digest::new(text.digest());
            // Git follows renames: it may have lain elsewhere.
            let owners = self.ledger.owners_of(ports, file, digest);
            let owners = owners.or_else(|| self.ledger.owners_elsewhere(ports, file, digest));
            let owners = owners.filter(|owners| owners.len() == text.len_bytes());
            let old = Lines::of(&text, &mut numbers);
            for (was, is) in kept(&old, &new) {
                let claim = owners.as_ref().map(|owners| owners.spans(old.bytes[was].clone()));
                let number = new.numbers[is];
                // A text of which nothing is known speaks against the others only where there may be two such lines.
                if claim.is_some() || !(new.is_one(number) && new.tells(number)) {
                    claims[is].push(claim);
                }
            }
            if let Some(owners) = owners.filter(|_| is_conflict) {
                for (number, bytes) in old.numbers.iter().zip(&old.bytes).filter(|(number, _)| old.tells(**number)) {
                    told.entry(*number).or_default().push(Some(owners.spans(bytes.clone())));
                }
            }
        }
        let mut runs = Vec::new();
        for ((bytes, claims), number) in new.bytes.into_iter().zip(&claims).zip(&new.numbers) {
            let agreed = self.agreed(claims).or_else(|| self.agreed(told.get(number)?));
            let owners = agreed.map_or_else(|| vec![(bytes.len(), unseen)], <[_]>::to_vec);
            let part = OwnerTree::from_spans(owners).spans(0..bytes.len());
            let found: usize = part.iter().map(|(len, _)| len).sum();
            let last = part.last().map_or(unseen, |(_, owner)| *owner);
            runs.extend(part);
            runs.push((bytes.len() - found, last));
        }
        OwnerTree::from_spans(runs)
    }

    /// What all claims say of a line, if they name the same authors.
    fn agreed<'a>(&self, claims: &'a [Claim]) -> Option<&'a [(usize, OwnerRef)]> {
        let authors = |runs: &[(usize, OwnerRef)]| {
            let mut authors: Vec<_> =
                runs.iter().map(|(_, owner)| &self.ledger.book.owner(*owner).verdict.origin).collect();
            authors.dedup();
            authors
        };
        let first = claims.first()?.as_deref()?;
        let same = |claim: &Claim| claim.as_deref().is_some_and(|runs| authors(runs) == authors(first));
        claims.iter().all(same).then_some(first)
    }
}

/// The lines that stand in both texts in the same order: number there, number here. Blocks in which no line is the only
/// one of its words say nothing of where they come from: a brace is everybody's.
fn kept(old: &Lines, new: &Lines) -> Vec<(usize, usize)> {
    let mut kept = Vec::new();
    let (mut was, mut is) = (0, 0);
    let ends = (old.numbers.len()..old.numbers.len(), new.numbers.len()..new.numbers.len());
    for (gone, put) in line_diff_hashes(&old.numbers, &new.numbers).into_iter().chain([ends]) {
        let mut block = old.numbers[was..gone.start].iter();
        if block.any(|number| old.is_one(*number) && new.is_one(*number)) {
            kept.extend((was..gone.start).zip(is..put.start));
        }
        (was, is) = (gone.end, put.end);
    }
    kept
}
