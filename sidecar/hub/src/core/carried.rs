//! Whose the lines are that git put together from texts it has (ADR 0083, 0087).
//!
//! Each of these texts is laid beside the new one: a line that both have, in order, is whose it was there. Absent on
//! purpose: lines that none of them has, or has elsewhere; the ledger may remember those (`recall_lines`).
//!
//! The same tells of a file that git wrote and somebody wrote again, where one look saw both (ADR 0104).

use std::collections::{HashMap, HashSet};
use std::ops::Range as Bytes;

use codi2_protocol::{Digest, FileId};
use codi2_text::{OwnerTree, Text, line_diff_hashes};
use codi2_workspace::{GitExplanation, GitSource};

use super::Core;
use super::decoded::decode_text;
use crate::book::OwnerRef;
use crate::known::{Content, Known, lines_of};
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

    /// Some of these lines.
    fn part(&self, lines: &[usize]) -> Self {
        let mut part = Self { bytes: Vec::new(), numbers: Vec::new(), words: HashMap::new() };
        for number in lines.iter().map(|line| self.numbers[*line]) {
            let Words { say, tell, .. } = self.words[&number];
            part.words.entry(number).or_insert(Words { times: 0, say, tell }).times += 1;
            part.numbers.push(number);
        }
        part.bytes.extend(lines.iter().map(|line| self.bytes[*line].clone()));
        part
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

/// A line of a text that git may have taken from others.
#[derive(Debug)]
pub(super) struct Brought {
    /// Its bytes.
    pub bytes: Bytes<usize>,
    /// Whether it stands in one of git's texts.
    pub stands: bool,
    /// Its owners there, if they are known and all those texts agree.
    pub owners: Option<Vec<(usize, OwnerRef)>>,
}

/// What git put at a path on the way to a content that is not its own.
#[derive(Debug)]
pub(super) struct Passed {
    /// What git did.
    pub operation: String,
    /// The lines of the content that stand in a text of git's.
    pub lines: Vec<Brought>,
}

impl Core {
    /// The owners that a text's lines have in the texts git may have taken them from. `unseen` has what none of them has,
    /// and what two of them have of different authors: one of which nothing is known is one more.
    pub(super) fn carried_from(
        &mut self,
        file: &FileId,
        git: Option<&GitExplanation>,
        after: &Text,
        unseen: OwnerRef,
        ports: &mut dyn Ports,
    ) -> OwnerTree<OwnerRef> {
        let lines = self.brought_by(file, git, after, None, ports);
        let owners = |line: Brought| line.owners.unwrap_or_else(|| vec![(line.bytes.len(), unseen)]);
        OwnerTree::from_spans(lines.into_iter().flat_map(owners))
    }

    /// The lines of a text, by the texts that git may have taken them from; `before` is none of them. Of a conflict both sides
    /// stand there, each with its copy, so that no order tells: words that tell are whose they are in all texts known.
    pub(super) fn brought_by(
        &mut self,
        file: &FileId,
        git: Option<&GitExplanation>,
        after: &Text,
        before: Option<Digest>,
        ports: &mut dyn Ports,
    ) -> Vec<Brought> {
        let mut numbers = HashMap::new();
        let new = Lines::of(after, &mut numbers);
        let mut claims: Vec<Vec<Claim>> = vec![Vec::new(); new.bytes.len()];
        let mut stands = vec![false; new.bytes.len()];
        let is_conflict = git.is_some_and(|git| git.what == GitSource::Conflict);
        let sides = if is_conflict { sides(after) } else { None };
        let mut told: HashMap<u64, Vec<Claim>> = HashMap::new();
        for source in git.iter().flat_map(|git| &git.sources) {
            let Some(text) = decode_text(source).filter(|text| text.digest() != after.digest()) else { continue };
            let digest = Digest::new(text.digest());
            if Some(digest) == before {
                continue;
            }
            // Git follows renames: it may have lain elsewhere.
            let owners = self.ledger.owners_of(ports, file, digest);
            let owners = owners.or_else(|| self.ledger.owners_elsewhere(ports, file, digest));
            let owners = owners.filter(|owners| owners.len() == text.len_bytes());
            let old = Lines::of(&text, &mut numbers);
            for Pair { was, is, is_one, of_side } in paired(&old, &new, sides.as_deref()) {
                stands[is] = true;
                let claim = owners.as_ref().map(|owners| owners.spans(old.bytes[was].clone()));
                let number = new.numbers[is];
                // A text of which nothing is known speaks against the others only where there may be two such lines.
                let is_copy = of_side && !new.is_one(number);
                if claim.is_some() || is_copy || !(is_one && new.tells(number)) {
                    claims[is].push(claim);
                }
            }
            if let Some(owners) = owners.filter(|_| is_conflict) {
                for (number, bytes) in old.numbers.iter().zip(&old.bytes).filter(|(number, _)| old.tells(**number)) {
                    told.entry(*number).or_default().push(Some(owners.spans(bytes.clone())));
                }
            }
        }
        let mut lines = Vec::new();
        for (((bytes, claims), number), stands) in new.bytes.into_iter().zip(&claims).zip(&new.numbers).zip(stands) {
            let by_words = || self.agreed(told.get(number).filter(|_| !claims.contains(&None))?);
            let agreed = self.agreed(claims).or_else(by_words);
            let owners = agreed.and_then(|runs| {
                let mut part = OwnerTree::from_spans(runs.to_vec()).spans(0..bytes.len());
                let found: usize = part.iter().map(|(len, _)| len).sum();
                // Its end may be longer here.
                let (_, last) = *part.last()?;
                part.push((bytes.len() - found, last));
                Some(part)
            });
            lines.push(Brought { bytes, stands, owners });
        }
        lines
    }

    /// The lines that a text after has from git, beside what stood there before.
    pub(super) fn passed(
        &mut self,
        file: &FileId,
        git: &GitExplanation,
        before: Option<&Known>,
        after: Option<&Text>,
        ports: &mut dyn Ports,
    ) -> Option<Passed> {
        let mut lines = self.brought_by(file, Some(git), after?, before.map(|before| before.digest), ports);
        lines.retain(|line| line.stands);
        (!lines.is_empty()).then(|| Passed { operation: git.operation.clone(), lines })
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

/// A line of one of git's texts that stands in the new one.
struct Pair {
    was: usize,
    is: usize,
    /// Whether its words stand once in both, beside what another side of a conflict has.
    is_one: bool,
    /// Whether the old text is a side of a conflict, and this is a line of that side.
    of_side: bool,
}

/// What one of git's texts and the new one have in common. In a conflict each text is laid beside the side that it is; one that
/// is none of them tells of the lines beside the marks alone.
fn paired(old: &Lines, new: &Lines, sides: Option<&[Side]>) -> Vec<Pair> {
    let Some(sides) = sides else {
        let pair = |(was, is): (usize, usize)| Pair { was, is, is_one: new.is_one(new.numbers[is]), of_side: false };
        return kept(old, new).into_iter().map(pair).collect();
    };
    let (mut pairs, mut found) = (Vec::new(), HashSet::new());
    for side in sides {
        let lines: Vec<usize> = side.iter().map(|(line, _)| *line).collect();
        let part = new.part(&lines);
        let kept = kept(old, &part);
        let own = |is: usize| side[is].1;
        let of_side = kept.iter().filter(|(_, is)| own(*is)).count() == side.iter().filter(|(_, own)| *own).count();
        for (was, is) in kept {
            if (of_side || !own(is)) && found.insert((was, lines[is])) {
                pairs.push(Pair { was, is: lines[is], is_one: part.is_one(part.numbers[is]), of_side: own(is) });
            }
        }
    }
    pairs
}

/// The lines of a text with one side of its conflicts, and whether each stands between the marks.
type Side = Vec<(usize, bool)>;

/// Whether git left whole conflicts in a text after this one: a mark stands there more often. Marks that stood there before
/// tell nothing of who wrote again.
pub(super) fn has_new_conflicts(before: &Known, after: &Text, secret: &[u8; 32]) -> bool {
    let stood = match &before.content {
        Content::Text(text) => lines_of(text, secret),
        Content::Lines(lines) => lines.clone(),
        Content::Forgotten => return false,
    };
    if sides(after).is_none() {
        return false;
    }
    let mut stood_times: HashMap<u64, usize> = HashMap::new();
    stood.iter().for_each(|line| *stood_times.entry(line.hash).or_default() += 1);
    let mut at = 0;
    lines_of(after, secret).iter().any(|line| {
        let bytes = at..at + line.len as usize;
        at = bytes.end;
        let left = stood_times.get_mut(&line.hash).filter(|left| **left > 0);
        let is_new = left.map(|left| *left -= 1).is_none();
        // Anybody underlines with the one between the sides.
        is_new && matches!(mark_of(&after.slice(bytes)), Some(0 | 3))
    })
}

/// Which of git's marks of a conflict a line is, if it is one.
fn mark_of(line: &str) -> Option<usize> {
    const MARKS: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];
    let line = line.trim_end_matches(['\n', '\r']);
    let is_mark = |mark: &&str| line.strip_prefix(*mark).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    MARKS.iter().position(is_mark)
}

/// The sides of a text with conflicts; absent where there are no whole ones.
fn sides(text: &Text) -> Option<Vec<Side>> {
    let mut sides = vec![Side::new(); 3];
    // The side that is open: ours, the one before both, theirs.
    let mut open: Option<usize> = None;
    let mut any = false;
    let mut at = 0;
    for (number, len) in text.line_lengths().into_iter().enumerate() {
        let mark = mark_of(&text.slice(at..at + len));
        at += len;
        open = match (mark, open) {
            (Some(0), None) => Some(0),
            (Some(1), Some(0)) => Some(1),
            (Some(2), Some(0 | 1)) => Some(2),
            (Some(3), Some(2)) => {
                any = true;
                None
            }
            (_, Some(side)) => {
                sides[side].push((number, true));
                Some(side)
            }
            (_, None) => {
                sides.iter_mut().for_each(|side| side.push((number, false)));
                None
            }
        };
    }
    (any && open.is_none()).then_some(sides)
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
