//! What a command did to the lines of a text: those that it put elsewhere are told as whole lines, each with its place
//! in the text before, however short it is.
//!
//! The editor sends `:sort`, `:m` or a filter as blocks that go and blocks that come, and a comparison word by word would
//! make one line of the halves of two. Absent on purpose: commands whose new lines did not stand in the text; there the
//! edits as they came say more.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use codi2_protocol::{Copied, Digest, Shape};
use codi2_text::{Limits, Text, align_tokens, line_diff_hashes, tokens_equal};

use super::group::MadeEdit;

/// Bytes of both texts, up to which their lines are compared.
const COMPARED_BYTES: usize = 8 << 20;
/// Bytes that one edit puts in, at most, so that it fits a message.
const INSERT_BYTES: usize = 256 << 10;
/// Places told for one edit, at most.
const PLACES: usize = 200;
/// Places told for all edits; whose the lines behind them are is left open.
const ALL_PLACES: usize = 20_000;

/// An edit of whole lines.
#[derive(Debug)]
pub(super) struct Moved {
    /// The edit and its texts.
    pub made: MadeEdit,
    /// Where its lines stood.
    pub stood: Stood,
}

/// Where the lines of an edit stood in the text before the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stood {
    /// In these places.
    Places(Vec<Place>),
    /// Nowhere.
    Nowhere,
    /// They are too many to say.
    TooMany,
}

/// A run of bytes that stood elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Byte offset in the inserted text.
    pub at: usize,
    /// Bytes.
    pub len: usize,
    /// Byte offset in the text before the group.
    pub from: usize,
}

impl Place {
    /// As a group tells it whose text before has this digest.
    pub fn told(&self, before: Digest) -> Copied {
        Copied { at: self.at as u64, len: self.len as u64, file: None, digest: before, from: self.from as u64 }
    }
}

/// A line of a text.
struct Line<'a> {
    at: usize,
    text: &'a str,
}

impl<'a> Line<'a> {
    /// The line without its end.
    fn content(&self) -> &'a str {
        self.text.trim_end_matches(['\n', '\r'])
    }
}

/// The way from one text to the other in edits of whole lines, if lines were moved. A filter (`filter`) may have changed
/// the white space of lines, and may have made lines; any other command only moved lines, or this is absent.
pub(super) fn moved(before: &Text, after: &Text, filter: bool) -> Option<Vec<Moved>> {
    if before.len_bytes() + after.len_bytes() > COMPARED_BYTES {
        return None;
    }
    let (old, new) = (before.to_string(), after.to_string());
    let (old_lines, new_lines) = (lines(before, &old), lines(after, &new));
    if new_lines.iter().any(|line| line.text.len() > INSERT_BYTES) {
        return None;
    }
    let mut pairs = Pairs::of(&old_lines, &new_lines, false);
    let only_moved = pairs.take_removed();
    if !only_moved && filter {
        // What is alike but for white space, and in order, is the same; of the rest equal lines come first.
        pairs = Pairs::of(&old_lines, &new_lines, true);
        let blind = (std::mem::take(&mut pairs.old), std::mem::take(&mut pairs.new));
        (pairs.old, pairs.new) = Pairs::numbers(&old_lines, &new_lines, false);
        pairs.take_removed();
        (pairs.old, pairs.new) = blind;
        pairs.take_removed();
    }
    let found = pairs.of_new.iter().zip(&pairs.is_kept).any(|(of, kept)| of.is_some() && !kept);
    let kept_by_filter = filter && pairs.is_kept.contains(&true);
    (only_moved && found || filter && (found || kept_by_filter)).then(|| Plan::of(&old_lines, &new_lines, &pairs).edits)
}

fn lines<'a>(text: &Text, content: &'a str) -> Vec<Line<'a>> {
    let mut at = 0;
    let line = |len: usize| {
        at += len;
        Line { at: at - len, text: &content[at - len..at] }
    };
    text.line_lengths().into_iter().filter(|len| *len > 0).map(line).collect()
}

/// Which line of the old text each line of the new one is.
struct Pairs<'a> {
    lines: (&'a [Line<'a>], &'a [Line<'a>]),
    /// A number for each line; equal lines have the same.
    old: Vec<u64>,
    new: Vec<u64>,
    of_new: Vec<Option<usize>>,
    /// Lines of the new text that stand in it where and as they stood.
    is_kept: Vec<bool>,
    is_taken: Vec<bool>,
}

impl<'a> Pairs<'a> {
    /// The lines that are still there in their order, by all of them or, with `blind`, without their white space.
    fn of(old: &'a [Line<'a>], new: &'a [Line<'a>], blind: bool) -> Self {
        let (old_numbers, new_numbers) = Self::numbers(old, new, blind);
        let mut pairs = Pairs {
            lines: (old, new),
            of_new: vec![None; new.len()],
            is_kept: vec![false; new.len()],
            is_taken: vec![false; old.len()],
            old: old_numbers,
            new: new_numbers,
        };
        let mut hunks = line_diff_hashes(&pairs.old, &pairs.new);
        hunks.push((old.len()..old.len(), new.len()..new.len()));
        let (mut old_at, mut new_at) = (0, 0);
        for (gone, came) in hunks {
            for (old_line, new_line) in (old_at..gone.start).zip(new_at..came.start) {
                pairs.pair(old_line, new_line);
                pairs.is_kept[new_line] = old[old_line].text == new[new_line].text;
            }
            (old_at, new_at) = (gone.end, came.end);
        }
        pairs
    }

    fn numbers(old: &'a [Line<'a>], new: &'a [Line<'a>], blind: bool) -> (Vec<u64>, Vec<u64>) {
        let mut known: HashMap<Cow<'a, str>, u64> = HashMap::new();
        let mut number = |line: &Line<'a>| {
            let key = match blind {
                true => line.content().split_whitespace().collect(),
                false => Cow::Borrowed(line.content()),
            };
            let next = known.len() as u64;
            *known.entry(key).or_insert(next)
        };
        (old.iter().map(&mut number).collect(), new.iter().map(&mut number).collect())
    }

    fn pair(&mut self, old: usize, new: usize) {
        let (was, is) = (self.lines.0[old].content(), self.lines.1[new].content());
        if was == is || tokens_equal(was, is) {
            self.of_new[new] = Some(old);
            self.is_taken[old] = true;
        }
    }

    /// Gives each line that came one that went and is equal, in order; whether there was one for each.
    fn take_removed(&mut self) -> bool {
        let mut gone: HashMap<u64, VecDeque<usize>> = HashMap::new();
        for (line, number) in self.old.iter().enumerate().filter(|(line, _)| !self.is_taken[*line]) {
            gone.entry(*number).or_default().push_back(line);
        }
        for line in 0..self.new.len() {
            if self.of_new[line].is_none()
                && let Some(old) = gone.get_mut(&self.new[line]).and_then(VecDeque::pop_front)
            {
                self.pair(old, line);
            }
        }
        self.of_new.iter().all(Option::is_some)
    }
}

/// Edits in the making.
struct Plan {
    edits: Vec<Moved>,
    places: usize,
}

impl Plan {
    fn of(old: &[Line<'_>], new: &[Line<'_>], pairs: &Pairs<'_>) -> Self {
        let mut plan = Plan { edits: Vec::new(), places: 0 };
        let (mut old_next, mut begun) = (0, 0);
        for (at, _) in new.iter().enumerate().filter(|(at, _)| pairs.is_kept[*at]) {
            let Some(kept) = pairs.of_new[at] else { continue };
            plan.hunk(old, old_next..kept, new, begun..at, pairs);
            (old_next, begun) = (kept + 1, at + 1);
        }
        plan.hunk(old, old_next..old.len(), new, begun..new.len(), pairs);
        plan
    }

    /// Lines that gave way to others.
    fn hunk(&mut self, old: &[Line<'_>], gone: Range<usize>, new: &[Line<'_>], came: Range<usize>, pairs: &Pairs<'_>) {
        let mut deleted: String = old[gone].iter().map(|line| line.text).collect();
        let end = |line: usize| line.checked_sub(1).map_or(0, |last| new[last].at + new[last].text.len());
        if came.is_empty() && !deleted.is_empty() {
            self.push(end(came.start), came.start, deleted, String::new(), Stood::Nowhere);
            return;
        }
        let mut next = came.start;
        while next < came.end {
            let (first, start) = (next, end(next));
            let is_paired = pairs.of_new[first].is_some();
            let (mut places, mut inserted) = (Vec::new(), String::new());
            while next < came.end
                && pairs.of_new[next].is_some() == is_paired
                && places.len() < PLACES
                && inserted.len() + new[next].text.len() <= INSERT_BYTES
            {
                if let Some(was) = pairs.of_new[next] {
                    tell(&old[was], &new[next], inserted.len(), &mut places);
                }
                inserted.push_str(new[next].text);
                next += 1;
            }
            self.places += places.len();
            let stood = match is_paired {
                false => Stood::Nowhere,
                true if self.places > ALL_PLACES => Stood::TooMany,
                true => Stood::Places(places),
            };
            self.push(start, first, std::mem::take(&mut deleted), inserted, stood);
        }
    }

    fn push(&mut self, at: usize, line: usize, deleted: String, inserted: String, stood: Stood) {
        let shape = if inserted.is_empty() { Shape::Deletion } else { Shape::Insert };
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        let made = MadeEdit::new(at, line, deleted, inserted, shape);
        self.edits.push(Moved { made, stood });
    }
}

/// Where the parts of a line stood; what touches in both texts is one place.
fn tell(was: &Line<'_>, is: &Line<'_>, at: usize, places: &mut Vec<Place>) {
    let parts = match (was.text == is.text, was.content() == is.content()) {
        (true, _) => vec![(0, is.text.len(), 0)],
        (_, true) => vec![(0, is.content().len(), 0)],
        _ => {
            let kept = align_tokens(was.content(), is.content(), &Limits::default()).into_iter();
            kept.map(|kept| (kept.new_at, kept.len, kept.old_at)).collect()
        }
    };
    for (new_at, len, old_at) in parts.into_iter().filter(|(_, len, _)| *len > 0) {
        let place = Place { at: at + new_at, len, from: was.at + old_at };
        match places.last_mut() {
            Some(last) if (last.at + last.len, last.from + last.len) == (place.at, place.from) => last.len += len,
            _ => places.push(place),
        }
    }
}
